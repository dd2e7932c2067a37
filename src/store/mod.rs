//! The SQLite database: people, their history, operators' decisions, and the
//! outbox. This is the only module that contains SQL. It takes no decisions
//! about who gets which mail: the engine calls it and passes the time as an
//! argument.
//!
//! Read in this order: [`Store`] opens and closes the database; `migrate`
//! creates and upgrades the tables (see `schema.sql`); `people`, `history`,
//! `decisions`, `deliveries`, `outbox`, `bytes`, `journal`, `guards`,
//! `positions` and `content` hold the queries of one subject each; `file` is
//! what only a database in a file has; `codec` encodes and decodes values.

mod bounces;
mod bytes;
mod codec;
mod content;
mod decisions;
mod deliveries;
mod failpoints;
pub(crate) mod file;
mod guards;
mod history;
mod journal;
mod migrate;
mod outbox;
mod people;
mod positions;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::domain::time::timezone::Timestamp;

pub(crate) use crate::store::file::backup::{BackupError, BackupPlan};
pub(crate) use crate::store::file::integrity::{
    IntegrityReport, SqliteLibrary, StoredPositions, WAL_WARN_BYTES,
};
pub(crate) use crate::store::file::restore::{BackupFile, PlainCopy};
pub use bounces::BounceRecord;
pub(crate) use bounces::DeliveryRecipient;
pub use bytes::Before;
pub use bytes::Packed;
pub use bytes::Pattern;
pub(crate) use decisions::{GlobalHold, HeldStep};
pub use deliveries::Booked;
pub use deliveries::Booking;
pub use guards::RelayFailure;
pub use guards::RelayHealth;
pub use history::SkippedStep;
pub use journal::JournalEntry;
pub use journal::JournalReconciliation;
pub use outbox::Recovered;
pub use outbox::Transition;
pub use outbox::Written;
pub(crate) use outbox::{Outgoing, Stuck};
pub(crate) use people::PeopleBatch;
pub use positions::PositionUpdate;

/// `JRNY`: the SQLite application id that marks a database of this program.
const APPLICATION_ID: i32 = 0x4A52_4E59;
/// SQLite 3.51.3, the first version without the WAL-reset bug, which can
/// corrupt a database that two connections write and checkpoint.
const MIN_SQLITE_VERSION: i32 = 3_051_003;
/// How long a writer waits for another writer before it fails as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Size of the page cache; SQLite reads a negative number as KiB. A mailing
/// writes rows in sequence and does not revisit them, so a larger cache would
/// not make it faster.
const CACHE_KIB: i64 = -2_048;
/// Size of the page cache during an import. It holds the inner B-tree pages of
/// a million people; pages that do not fit are spilled to the write-ahead log.
const IMPORT_CACHE_KIB: i64 = -32_768;
/// How often a reader retries when the database changes while it reads.
const MAX_READ_ATTEMPTS: u32 = 5;

/// Why an operation on the database failed. Messages name files, never people.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database was written by a newer version of this program.
    #[error("database schema {found}, this program knows up to {known}; nothing was changed")]
    NewerSchema {
        /// Schema version of the database.
        found: i64,
        /// Newest schema version of this program.
        known: i64,
    },
    /// The database must be migrated first, and it was opened read-only.
    #[error("database schema {found} is older than this program's {known}")]
    OlderSchema {
        /// Schema version of the database.
        found: i64,
        /// Newest schema version of this program.
        known: i64,
    },
    /// An applied migration has another checksum than the one in this program.
    #[error("migration {number} of the database is not the one of this program")]
    MigrationMismatch {
        /// Number of the migration, from 1.
        number: i64,
    },
    /// The file is not a database, belongs to another program, or is corrupt.
    #[error("{why}")]
    Corrupt {
        /// The defect, for the error message.
        why: String,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot {what} {}: {why}", path.display())]
    Io {
        /// The failed operation, as the verb of the error message.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        why: io::Error,
    },
    /// The disk is full.
    #[error("no room on the disk; nothing was changed")]
    DiskFull,
    /// Another process held the write lock for too long.
    #[error("another journey has been writing for {} seconds", BUSY_TIMEOUT.as_secs())]
    Busy,
    /// Another connection wrote between our read and our write.
    #[error("somebody else changed the database meanwhile; nothing was written")]
    Changed,
    /// The process runs as root on another user's database: it would leave a
    /// log that the owner cannot write.
    #[error("the database belongs to another user, and root would leave files that user cannot write")]
    WrongUser,
    /// Any other SQLite error.
    #[error("the database refused: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        let exactly = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull,
            // There is no space for the shared-memory index of the log.
            Some(_) if exactly == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => StoreError::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { why: format!("integrity check failed: {error}") }
            }
            Some(_) => StoreError::Sqlite(error),
            None => match error {
                rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::Utf8Error(..)
                | rusqlite::Error::QueryReturnedNoRows => {
                    StoreError::Corrupt { why: format!("a row is not as this program writes it: {error}") }
                }
                error => StoreError::Sqlite(error),
            },
        }
    }
}

/// A version of the database as one connection sees it. It differs from an
/// earlier one if another connection has written since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataVersion(i64);

/// An open database.
///
/// Every method that writes does so in one transaction: if it returns an error,
/// nothing was written.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Calls `look` with a database that is opened read-only, without changing
    /// a byte on disk; returns `None` if there is no database. If the database
    /// changes meanwhile, `look` is called again, so that the result is a
    /// consistent snapshot.
    pub(crate) fn read_only<T>(
        path: &Path,
        mut look: impl FnMut(&Store) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        for _ in 1..MAX_READ_ATTEMPTS {
            let before = FileStamp::of(path);
            if before.is_none() {
                return Ok(None);
            }
            let found = Store::open_read_only(path, ReadMode::without_trace(path))
                .and_then(|store| store.in_read_transaction(&mut look));
            // Another process is creating the index of the log right now.
            let unready = matches!(&found, Err(StoreError::Sqlite(error))
                if error.sqlite_error_code() == Some(ErrorCode::ReadOnly));
            if FileStamp::of(path) == before && !unready {
                return found.map(Some);
            }
        }
        Store::open_read_only(path, ReadMode::Shared)
            .and_then(|store| store.in_read_transaction(&mut look))
            .map(Some)
    }

    /// Opens a database for reading and writing. Creates it if there is none,
    /// with a secret generated by `draw`; migrates it if its schema is older.
    ///
    /// # Errors
    ///
    /// If the file belongs to another program or another user, has a newer
    /// schema, is corrupt, or cannot be written.
    pub fn open(path: &Path, now: Timestamp, draw: impl FnOnce() -> [u8; 32]) -> Result<Store, StoreError> {
        if path.exists() {
            check_header(path)?;
            check_user(path)?;
        } else {
            check_no_orphaned_log(path)?;
            migrate::create(path, now, &draw())?;
        }
        migrate::remove_temp_files(path).map_err(|why| StoreError::Io {
            what: "sweep up beside",
            path: path.to_owned(),
            why,
        })?;
        restrict_permissions(path)?;
        // Only one thread uses the connection, so SQLite needs no mutex.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| open_error(path, error))?;
        if connection.is_readonly("main")? {
            let why = io::Error::new(io::ErrorKind::PermissionDenied, "it may only be read");
            return Err(StoreError::Io { what: "write", path: path.to_owned(), why });
        }
        // Do not checkpoint a log that an earlier run left, not even on close,
        // until the database has passed the checks below.
        let log_is_left = with_suffix(path, "-wal").exists();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log_is_left)?;
        let mut store = Store { connection, path: path.to_owned() };
        store.configure().map_err(|error| store.write_error(error))?;
        store.check()?;
        migrate::migrate_to_newest(&mut store.connection, path, now)?;
        store.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok(store)
    }

    fn open_read_only(path: &Path, mode: ReadMode) -> Result<Store, StoreError> {
        let store = Store::open_unchecked(path, mode)?;
        migrate::check_current(&store.connection)?;
        Ok(store)
    }

    /// Opens a database read-only, without checking its schema.
    fn open_unchecked(path: &Path, mode: ReadMode) -> Result<Store, StoreError> {
        check_header(path)?;
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let uri = format!("file:{}?mode=ro{}", percent_encoded(path), mode.uri_parameter());
        let connection = Connection::open_with_flags(uri, flags).map_err(|error| open_error(path, error))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        if mode == ReadMode::NoLocking {
            connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        }
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        Ok(Store { connection, path: path.to_owned() })
    }

    fn in_read_transaction<T>(
        &self,
        look: &mut impl FnMut(&Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let moment = self.connection.unchecked_transaction()?;
        let found = look(self)?;
        moment.finish()?;
        Ok(found)
    }

    /// Configures a connection that writes.
    fn configure(&self) -> Result<(), rusqlite::Error> {
        let connection = &self.connection;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        // Keep the query plan of a cached statement, whatever its parameters.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        if rusqlite::version_number() < MIN_SQLITE_VERSION {
            let why = format!("SQLite {} may damage it; 3.51.3 is needed", rusqlite::version());
            return Err(StoreError::Corrupt { why });
        }
        let said: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said == "ok" {
            return Ok(());
        }
        Err(StoreError::Corrupt { why: format!("integrity check failed: {said}") })
    }

    /// Explains why SQLite cannot write. SQLite does not name the cause; it is
    /// nearly always the folder, in which SQLite creates the log.
    fn write_error(&self, error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                StoreError::Io {
                    what: "write",
                    path: with_suffix(&self.path, "-wal"),
                    why: io::Error::new(
                        io::ErrorKind::PermissionDenied,
                        "the folder must be writable, not only the database",
                    ),
                }
            }
            _ => error.into(),
        }
    }

    /// Starts a transaction that takes the write lock at once, so that it cannot
    /// fail later because another process holds the lock.
    fn write_transaction(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// The version of the database that this connection sees. It changes when
    /// another connection writes.
    pub fn data_version(&self) -> Result<DataVersion, StoreError> {
        data_version(&self.connection)
    }

    /// Changes how long to wait for another writer.
    pub fn set_busy_timeout(&self, patience: Duration) -> Result<(), StoreError> {
        Ok(self.connection.busy_timeout(patience)?)
    }

    /// The secret from which message ids and the tokens in links are derived.
    pub fn secret(&self) -> Result<[u8; 32], StoreError> {
        Ok(self.connection.query_row("SELECT secret FROM instance", [], |row| row.get(0))?)
    }

    /// The path of the database file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// How to open a database read-only. The modes other than [`ReadMode::Shared`]
/// leave no trace: SQLite creates or changes no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadMode {
    /// There is no log: no process has the database open for writing, and the
    /// file is complete. It is opened as immutable.
    Immutable,
    /// There is a log with its index. The index is read and not updated; if its
    /// writer has died, SQLite rebuilds the index in memory.
    ReadonlyShm,
    /// There is a log without an index: the files were copied, and no process
    /// has them open. Without locking, SQLite needs no index.
    NoLocking,
    /// As a normal reader: SQLite may rewrite the index of the log.
    Shared,
}

impl ReadMode {
    fn without_trace(path: &Path) -> ReadMode {
        match (with_suffix(path, "-wal").exists(), with_suffix(path, "-shm").exists()) {
            (false, _) => ReadMode::Immutable,
            (true, true) => ReadMode::ReadonlyShm,
            (true, false) if cfg!(unix) => ReadMode::NoLocking,
            (true, false) => ReadMode::Shared,
        }
    }

    fn uri_parameter(self) -> &'static str {
        match self {
            ReadMode::Immutable => "&immutable=1",
            ReadMode::ReadonlyShm => "&readonly_shm=1",
            ReadMode::NoLocking => "&vfs=unix-none",
            ReadMode::Shared => "",
        }
    }
}

fn data_version(connection: &Connection) -> Result<DataVersion, StoreError> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    Ok(DataVersion(statement.query_row([], |row| row.get(0))?))
}

/// State of a database file, to detect whether it was written meanwhile.
#[derive(PartialEq, Eq)]
struct FileStamp {
    length: u64,
    modified: Option<SystemTime>,
    has_log: bool,
}

impl FileStamp {
    fn of(path: &Path) -> Option<FileStamp> {
        let metadata = fs::metadata(path).ok()?;
        let has_log = with_suffix(path, "-wal").exists();
        Some(FileStamp { length: metadata.len(), modified: metadata.modified().ok(), has_log })
    }
}

/// Checks the first hundred bytes of a file before SQLite opens it, so that a
/// file of another program or with a newer schema is never opened for writing.
fn check_header(path: &Path) -> Result<(), StoreError> {
    let io = |why| StoreError::Io { what: "read", path: path.to_owned(), why };
    let damaged = |why: String| Err(StoreError::Corrupt { why });
    let mut header = Vec::with_capacity(100);
    File::open(path).map_err(io)?.take(100).read_to_end(&mut header).map_err(io)?;
    if header.is_empty() {
        return damaged(format!("{} is empty; it is no database", path.display()));
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return damaged(format!("{} is not an SQLite database", path.display()));
    }
    let number = |at: usize| header[at..at + 4].iter().fold(0, |n: u32, byte| n << 8 | u32::from(*byte));
    if number(68) != APPLICATION_ID.cast_unsigned() {
        return damaged(format!("{} is a database of another program", path.display()));
    }
    let (found, known) = (i64::from(number(60)), migrate::newest());
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(()) }
}

/// Refuses to create a database beside a log whose database is missing: SQLite
/// would replay the log into the new database and corrupt it, and the log may
/// be all that is left of the old one.
fn check_no_orphaned_log(path: &Path) -> Result<(), StoreError> {
    let log = with_suffix(path, "-wal");
    match fs::metadata(&log) {
        Ok(metadata) if metadata.len() > 0 => Err(StoreError::Corrupt {
            why: format!(
                "{} is not there, but its log {} is: put the database back, or move the log away",
                path.display(),
                log.display()
            ),
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Refuses to run as root on another user's database, because that would leave
/// a log that the owner cannot write.
#[cfg(unix)]
fn check_user(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;
    let io = |why| StoreError::Io { what: "read", path: path.to_owned(), why };
    let owner = fs::metadata(path).map_err(io)?.uid();
    let root = rustix::process::geteuid().is_root();
    if root && owner != 0 { Err(StoreError::WrongUser) } else { Ok(()) }
}

#[cfg(not(unix))]
fn check_user(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Removes the access rights of group and others; without a message, because
/// nothing is lost by it.
#[cfg(unix)]
fn restrict_permissions(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let io = |what| move |why| StoreError::Io { what, path: path.to_owned(), why };
    let mode = fs::metadata(path).map_err(io("read"))?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io("make private"))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict_permissions(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

fn open_error(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            let why = io::Error::new(io::ErrorKind::PermissionDenied, error.to_string());
            StoreError::Io { what: "open", path: path.to_owned(), why }
        }
        _ => error.into(),
    }
}

/// The path of the database with a suffix, such as `journey.db-wal`.
fn with_suffix(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Percent-encodes a path for use in a URI.
fn percent_encoded(path: &Path) -> String {
    let mut encoded = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
