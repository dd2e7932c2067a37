//! Restore: replaces the database by a backup. The old database is kept beside
//! it. If the process is killed at any moment, either the old or the new
//! database is in place, or a placeholder that every command refuses until the
//! restore is repeated.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::backup::{BackupError, PartialBackup, check_intact, size};
use super::disk::{self, with_suffix};
use super::open::{ReadMode, check_user};
use crate::domain::change::ChangeAuthor;
use crate::domain::time::timezone::Timestamp;
use crate::store::audit::{self, AuditRecord};
use crate::store::error::busy_timeout;
use crate::store::forget::{self, ForgottenPeople};
use crate::store::migrate::{self, APPLICATION_ID};
use crate::store::{Store, StoreError, codec, failpoints};

/// Content of the placeholder that stands in place of the database while a
/// corrupt one is moved away. No command accepts it as a database.
const PLACEHOLDER: &str = "a restore was interrupted here; run it again: journey restore FILE\n";

/// What to do with a plain copy of a database file, which may be incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainCopy {
    /// Refuse it; the user is asked.
    Refused,
    /// Accept it; the user has confirmed it.
    Accepted,
}

/// A backup that has been verified.
pub(crate) struct BackupFile {
    store: Store,
    /// When it was made; `None` if `journey backup` did not make it, or its
    /// schema is older.
    pub(crate) made: Option<Timestamp>,
    /// The latest instant recorded in it.
    pub(crate) newest: Option<Timestamp>,
    /// The space that the restored database needs, in bytes.
    needed: u64,
}

/// The result of a restore.
#[derive(Debug)]
pub(crate) struct RestoreSummary {
    /// The new path of the old database; `None` if there was none.
    pub(crate) aside: Option<PathBuf>,
    /// How many people the backup had who were forgotten since.
    pub(crate) forgotten: usize,
}

impl BackupFile {
    /// Opens a backup and verifies every page. Changes nothing.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is corrupt, belongs to another program or a newer
    /// version, or is a plain copy that is not accepted.
    pub(crate) fn open(file: &Path, plain: PlainCopy) -> Result<BackupFile, BackupError> {
        let mode = ReadMode::without_trace(file);
        let store = Store::open_unchecked(file, mode)?;
        check_intact(&store)?;
        let newest = store.latest_instant()?;
        if plain == PlainCopy::Refused && mode == ReadMode::Immutable && is_wal_mode(file)? {
            return Err(BackupError::PlainCopy { path: file.to_owned(), newest });
        }
        let is_current = migrate::version(&store.connection)? == migrate::newest();
        let made = if is_current { store.last_backup_at()? } else { None };
        let needed = size(&store.connection)?;
        Ok(BackupFile { store, made, newest, needed })
    }

    /// Checks whether this backup can replace a database. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the database belongs to another user or another program, or its
    /// folder is not writable or has too little free space.
    pub(crate) fn check_replace(&self, database: &Path) -> Result<(), BackupError> {
        let cannot = |why| BackupError::CannotCreate { path: database.to_owned(), why };
        let folder = disk::parent_folder(database);
        check_user(if database.exists() { database } else { folder })?;
        disk::check_writable(folder).map_err(cannot)?;
        if fs::canonicalize(database)
            .is_ok_and(|it| fs::canonicalize(self.store.path()).is_ok_and(|us| us == it))
        {
            let why = "is the database itself".to_owned();
            return Err(BackupError::TargetOccupied { path: database.to_owned(), why });
        }
        if let TargetState::OtherApplication = TargetState::at(database)? {
            let why = "is a database of another program".to_owned();
            return Err(BackupError::TargetOccupied { path: database.to_owned(), why });
        }
        let free = disk::free_space(folder).map_err(cannot)?;
        if free < self.needed {
            return Err(BackupError::NoSpace { path: database.to_owned(), needed: self.needed, free });
        }
        Ok(())
    }

    /// Replaces the database by this backup. All sending is held until an
    /// operator releases it, because mails that were sent after the backup are
    /// not in it. The caller must hold the lock of the sender.
    pub(crate) fn restore_to(
        &self,
        database: &Path,
        forgotten: &ForgottenPeople<'_>,
        act: &ChangeAuthor,
    ) -> Result<RestoreSummary, BackupError> {
        self.check_replace(database)?;
        // If the path is a symbolic link, its target is replaced.
        let followed = if database.is_symlink() { fs::canonicalize(database).ok() } else { None };
        let database = followed.as_deref().unwrap_or(database);
        let partial = PartialBackup::create(&with_suffix(database, ".restored"))?;
        partial.copy_from(&self.store.connection, self.needed)?;
        let mut again = 0;
        partial.modify(|copy| {
            if !forgotten.people.is_empty() {
                migrate::migrate_copy(copy, act.at)?;
                again = forget::forget_again(copy, forgotten, act)?;
            }
            hold_all(copy, act)
        })?;
        partial.verify()?;
        let aside = put_in_place(&partial, database, act)?;
        Ok(RestoreSummary { aside, forgotten: again })
    }
}

/// Puts a copy in the place of the database; returns the new path of what was there.
fn put_in_place(
    partial: &PartialBackup,
    database: &Path,
    act: &ChangeAuthor,
) -> Result<Option<PathBuf>, BackupError> {
    let aside = aside_path(database, act.at);
    match TargetState::at(database)? {
        TargetState::Missing if !with_suffix(database, "-wal").exists() => {
            partial.rename_into_place(database)?;
            Ok(None)
        }
        TargetState::Database => match ClosedDatabase::lock(database)? {
            Some(shut) => {
                failpoints::at("restore.shut")?;
                hard_link(database, &aside)?;
                failpoints::at("restore.aside")?;
                partial.rename_into_place(database)?;
                drop(shut);
                Ok(Some(aside))
            }
            None => replace_corrupt(database, &aside, partial),
        },
        TargetState::Missing | TargetState::Placeholder | TargetState::NotADatabase => {
            replace_corrupt(database, &aside, partial)
        }
        TargetState::OtherApplication => Err(BackupError::TargetOccupied {
            path: database.to_owned(),
            why: "is a database of another program".to_owned(),
        }),
    }
}

/// Whether the header of a database file says that it is in WAL mode. This is
/// not the case for the output of `VACUUM INTO`, and so not for a backup.
fn is_wal_mode(file: &Path) -> Result<bool, StoreError> {
    let head = read_header(file)?;
    Ok(head.get(18) == Some(&2))
}

fn read_header(file: &Path) -> Result<Vec<u8>, StoreError> {
    let mut head = Vec::with_capacity(100);
    let read = File::open(file).and_then(|file| file.take(100).read_to_end(&mut head));
    read.map_err(|why| StoreError::Io { what: "read", path: file.to_owned(), why })?;
    Ok(head)
}

/// What exists at the path of the database.
enum TargetState {
    Missing,
    /// A database of this program, possibly corrupt.
    Database,
    /// The placeholder of an interrupted restore.
    Placeholder,
    /// A file that is not a database.
    NotADatabase,
    /// A database of another program.
    OtherApplication,
}

impl TargetState {
    fn at(database: &Path) -> Result<TargetState, StoreError> {
        if !database.exists() {
            return Ok(TargetState::Missing);
        }
        let head = read_header(database)?;
        Ok(if head.starts_with(PLACEHOLDER.as_bytes()) {
            TargetState::Placeholder
        } else if head.len() < 100 || !head.starts_with(b"SQLite format 3\0") {
            TargetState::NotADatabase
        } else if head[68..72] == APPLICATION_ID.to_be_bytes() {
            TargetState::Database
        } else {
            TargetState::OtherApplication
        })
    }
}

/// A database that is locked exclusively and has no log, so that its one file
/// is complete.
struct ClosedDatabase {
    _connection: Connection,
}

impl ClosedDatabase {
    /// Locks a database; `None` if it is corrupt.
    fn lock(database: &Path) -> Result<Option<ClosedDatabase>, BackupError> {
        match ClosedDatabase::try_lock(database) {
            Ok(shut) => Ok(shut),
            Err(StoreError::Corrupt { .. }) => Ok(None),
            Err(StoreError::Busy) => Err(BackupError::InUse { path: database.to_owned() }),
            Err(error) => Err(error.into()),
        }
    }

    fn try_lock(database: &Path) -> Result<Option<ClosedDatabase>, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database, flags)?;
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.busy_timeout(busy_timeout())?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
        let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Ok(None);
        }
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))?;
        match mode.as_str() {
            "delete" => Ok(Some(ClosedDatabase { _connection: connection })),
            _ => Err(StoreError::from(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error { code: ErrorCode::DatabaseBusy, extended_code: 5 },
                None,
            ))),
        }
    }
}

/// Moves a corrupt database and its log away, byte for byte. The files are
/// hard-linked to their new names first; then a placeholder takes the path of
/// the database until the backup is in place.
fn replace_corrupt(
    database: &Path,
    aside: &Path,
    partial: &PartialBackup,
) -> Result<Option<PathBuf>, BackupError> {
    let io = |what| move |why| StoreError::Io { what, path: database.to_owned(), why };
    let interrupted = matches!(TargetState::at(database)?, TargetState::Placeholder);
    let parts = ["", "-wal", "-shm"].map(|end| (with_suffix(database, end), with_suffix(aside, end)));
    let mut kept = false;
    for (part, aside) in parts.iter().filter(|(part, _)| part.exists() && !interrupted) {
        hard_link(part, aside)?;
        kept = true;
    }
    failpoints::at("restore.kept")?;
    let plug = with_suffix(database, ".plug");
    let put = File::create(&plug).and_then(|mut file| {
        file.write_all(PLACEHOLDER.as_bytes())?;
        file.sync_all()
    });
    put.and_then(|()| fs::rename(&plug, database)).map_err(io("replace"))?;
    disk::sync_folder(disk::parent_folder(database)).map_err(io("replace"))?;
    failpoints::at("restore.plugged")?;
    for (part, _) in parts.iter().skip(1).filter(|(part, _)| part.exists()) {
        fs::remove_file(part).map_err(io("move the other file away"))?;
    }
    failpoints::at("restore.cleared")?;
    partial.rename_into_place(database)?;
    Ok(kept.then(|| aside.to_owned()))
}

fn hard_link(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::hard_link(from, to).map_err(|why: io::Error| StoreError::Io {
        what: "keep",
        path: from.to_owned(),
        why,
    })
}

/// An unused path for the old database, such as
/// `journey.db.before-restore-2026-12-01T073000Z`.
fn aside_path(database: &Path, at: Timestamp) -> PathBuf {
    let name = with_suffix(database, &format!(".before-restore-{}", at.format("%Y-%m-%dT%H%M%SZ")));
    let more = (2..).map(|n| with_suffix(&name, &format!("-{n}")));
    std::iter::once(name.clone()).chain(more).find(|name| !name.exists()).unwrap_or(name)
}

/// Holds all sending, and records the reason in the audit log.
fn hold_all(copy: &mut Connection, act: &ChangeAuthor) -> Result<(), StoreError> {
    let tx = copy.transaction()?;
    let nothing = rusqlite::types::Null;
    tx.execute(include_str!("../sql/hold.sql"), rusqlite::params![nothing, nothing, codec::time(act.at)])?;
    let record = AuditRecord {
        action: "restore",
        subject: "the database",
        person: None,
        before: "",
        after: "put back from a backup; all sending is held",
    };
    audit::write(&tx, act, &record)?;
    Ok(tx.commit()?)
}
