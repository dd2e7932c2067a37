//! Creates new databases and migrates older ones: numbered files, forward only,
//! each applied in one transaction together with its checksum.

use std::fs;
use std::path::Path;

use ring::digest::{SHA256, digest};
use rusqlite::{Connection, TransactionBehavior, params};

use super::file::disk::with_suffix;
use super::{StoreError, failpoints};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// `JRNY`: the SQLite application id that marks a database of this program.
pub(super) const APPLICATION_ID: i32 = 0x4A52_4E59;

/// One migration; never changed once it has been released.
pub(super) struct Migration {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// All migrations in order; the first is number 1.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { name: "first", sql: include_str!("migrations/0001_first.sql") },
    Migration { name: "ledger", sql: include_str!("migrations/0002_ledger.sql") },
    Migration { name: "bounces", sql: include_str!("migrations/0003_bounces.sql") },
    Migration { name: "backup", sql: include_str!("migrations/0004_backup.sql") },
    Migration { name: "patterns", sql: include_str!("migrations/0005_patterns.sql") },
    Migration { name: "fewer", sql: include_str!("migrations/0006_fewer.sql") },
    Migration { name: "unparsed", sql: include_str!("migrations/0007_unparsed.sql") },
    Migration { name: "people_file", sql: include_str!("migrations/0008_people_file.sql") },
    Migration { name: "stop", sql: include_str!("migrations/0009_stop.sql") },
    Migration { name: "ledger", sql: include_str!("migrations/0010_ledger.sql") },
    Migration { name: "answers", sql: include_str!("migrations/0011_answers.sql") },
];

/// The table of applied migrations.
pub(super) const MIGRATION_TABLE_SQL: &str = "CREATE TABLE migration (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    at     TEXT NOT NULL CHECK (length(at) = 20)
) STRICT";

/// The number of the newest migration.
pub(super) fn newest() -> i64 {
    MIGRATIONS.len() as i64
}

/// Creates a database under a temporary name and links it to its own name when
/// it is complete. The temporary name contains the process id: of two processes
/// that create it at the same moment, the first one wins, and the second uses
/// that database.
pub(super) fn create(path: &Path, now: Timestamp, secret: &[u8; 32]) -> Result<(), StoreError> {
    let partial = with_suffix(path, &format!(".half-{}", std::process::id()));
    let io = |what| {
        let partial = partial.clone();
        move |why| StoreError::Io { what, path: partial, why }
    };
    let made = remove(&partial)
        .map_err(io("remove"))
        .and_then(|()| private_file(&partial).map_err(io("make")))
        .and_then(|()| fill(&partial, now, secret))
        .and_then(|()| Ok(failpoints::at("store.make")?))
        .and_then(|()| fs::hard_link(&partial, path).map_err(io("name")));
    if path.exists() { Ok(()) } else { made }
}

/// Creates the tables of a new database and stores its secret.
fn fill(partial: &Path, now: Timestamp, secret: &[u8; 32]) -> Result<(), StoreError> {
    let mut connection = Connection::open(partial)?;
    // WAL mode is persistent: set it before the first reader can exist.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.execute_batch(MIGRATION_TABLE_SQL)?;
    apply(&mut connection, MIGRATIONS, now)?;
    let instance = "INSERT INTO instance (one, made_at, secret) VALUES (1, ?1, ?2)";
    connection.execute(instance, params![codec::time(now), secret])?;
    Ok(connection.close().map_err(|(_, error)| error)?)
}

/// Removes the temporary files of processes that were killed while they created
/// a database.
pub(super) fn remove_temp_files(path: &Path) -> std::io::Result<()> {
    let prefix = with_suffix(path, ".half-");
    let (Some(folder), Some(partial)) = (prefix.parent(), prefix.file_name()) else { return Ok(()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(partial.as_encoded_bytes()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file if it exists.
fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Err(_) | Ok(()) => Ok(()),
    }
}

#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).open(path).map(drop)
}

/// Migrates a database to the newest schema; copies it first.
pub(super) fn migrate_to_newest(
    connection: &mut Connection,
    path: &Path,
    now: Timestamp,
) -> Result<(), StoreError> {
    migrate(connection, path, MIGRATIONS, now)
}

/// Migrates a copy of a database, which needs no copy of its own.
pub(super) fn migrate_copy(connection: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    check_checksums(connection, MIGRATIONS)?;
    if version(connection)? < newest() {
        apply(connection, MIGRATIONS, now)?;
    }
    Ok(())
}

/// Migrates a database with the given migrations; copies it first.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<(), StoreError> {
    let found = version(connection)?;
    let known = migrations.len() as i64;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    check_checksums(connection, migrations)?;
    if found == known {
        return Ok(());
    }
    copy_database(connection, &with_suffix(path, &format!(".before-{}", found + 1)))?;
    apply(connection, migrations, now)
}

/// Copies a database, completely or not at all, with access for the owner only.
fn copy_database(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    let partial = with_suffix(to, ".half");
    let io = |what, path: &Path| {
        let path = path.to_owned();
        move |why| StoreError::Io { what, path, why }
    };
    remove(&partial).map_err(io("remove", &partial))?;
    private_file(&partial).map_err(io("make", &partial))?;
    connection.execute("VACUUM INTO ?1", [partial.to_string_lossy()])?;
    let synced = fs::File::open(&partial).and_then(|file| file.sync_all());
    synced.map_err(io("write", &partial))?;
    fs::rename(&partial, to).map_err(io("name", to))
}

/// Checks that the database has the schema of this program.
pub(super) fn check_current(connection: &Connection) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, newest());
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(StoreError::OlderSchema { found, known }),
        std::cmp::Ordering::Equal => check_checksums(connection, MIGRATIONS),
        std::cmp::Ordering::Greater => Err(StoreError::NewerSchema { found, known }),
    }
}

/// Applies the missing migrations, each in its own transaction.
fn apply(connection: &mut Connection, migrations: &[Migration], now: Timestamp) -> Result<(), StoreError> {
    let done = version(connection)?;
    // A migration may rebuild a table that others refer to.
    connection.pragma_update(None, "foreign_keys", false)?;
    for (migration, number) in migrations.iter().zip(1..).skip(usize::try_from(done).unwrap_or(0)) {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(migration.sql)?;
        let line = "INSERT INTO migration (number, name, sha256, at) VALUES (?1, ?2, ?3, ?4)";
        tx.execute(line, params![number, migration.name, sha256(migration.sql), codec::time(now)])?;
        tx.pragma_update(None, "user_version", number)?;
        failpoints::at("store.migrate")?;
        tx.commit()?;
    }
    Ok(connection.pragma_update(None, "foreign_keys", true)?)
}

/// Checks that each applied migration is one of this program's; the schema may
/// be older.
pub(super) fn check_known_migrations(connection: &Connection) -> Result<(), StoreError> {
    check_checksums(connection, MIGRATIONS)
}

/// Checks the checksums of the applied migrations.
fn check_checksums(connection: &Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    let mut applied = connection.prepare("SELECT number, sha256 FROM migration ORDER BY number")?;
    let mut applied = applied.query([])?;
    while let Some(row) = applied.next()? {
        let number: i64 = row.get(0)?;
        let ours = usize::try_from(number - 1).ok().and_then(|place| migrations.get(place));
        if ours.is_none_or(|ours| sha256(ours.sql) != codec::str(row, 1).unwrap_or_default()) {
            return Err(StoreError::MigrationMismatch { number });
        }
    }
    Ok(())
}

pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

pub(super) fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
