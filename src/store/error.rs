//! The error type of the store, with SQLite's errors mapped to it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::failpoint;

/// How long a writer waits for another writer before it fails as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The busy timeout of a connection.
pub(super) fn busy_timeout() -> Duration {
    failpoint::at_most("store.busy", BUSY_TIMEOUT)
}

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
    #[error("another program changed the database meanwhile; nothing was written")]
    Changed,
    /// The process runs as root on another user's database: it would leave a
    /// log that the owner cannot write.
    #[error("the database belongs to another user, and root would leave files that user cannot write")]
    WrongUser,
    /// An answer is older than seven days.
    #[error("the answer can no longer be changed: nothing leads from the person to it")]
    Sealed,
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

/// The people file is read into the database: its reader has one kind of error.
impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> io::Error {
        io::Error::other(error)
    }
}
