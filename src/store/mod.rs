//! What journey remembers, in SQLite: people, what happened to them, what
//! somebody decided, and the deliveries on their way. The only place with
//! SQL. It decides nothing; the engine asks and tells it, with the time as
//! an argument.
//!
//! Read in this order: [`Store`] here opens and closes; `migrate` makes the
//! tables (see `schema.sql`); `people`, `history`, `decisions`, `deliveries`,
//! `outbox`, `bytes`, `journal`, `guards`, `positions` and `content` are the
//! program's verbs; `backup` and `restore` copy it out and back in; `examine`
//! looks at it whole; `disk` says what it lies on; `rows` is how values are
//! written.

mod bounces;
mod bytes;
mod codec;
mod content;
mod decisions;
mod deliveries;
pub(crate) mod file;
mod guards;
mod history;
mod journal;
mod migrate;
mod outbox;
mod people;
mod points;
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

pub(crate) use crate::store::file::backup::{BackupError, Plan as BackupPlan};
pub(crate) use crate::store::file::integrity::{Examined, KeptPositions, LONG_LOG, Sqlite};
pub(crate) use crate::store::file::restore::{Copy, PlainCopy};
pub use bounces::Kept;
pub(crate) use bounces::SentTo;
pub use bytes::Before;
pub use bytes::Packed;
pub use bytes::Pattern;
pub(crate) use decisions::{AllHeld, HeldStep};
pub use deliveries::Booked;
pub use deliveries::Booking;
pub use guards::RelayState;
pub use guards::RelayTrouble;
pub use history::Skip;
pub use journal::Reconciled;
pub use journal::SentBefore;
pub use outbox::Move;
pub use outbox::Recovered;
pub use outbox::Written;
pub(crate) use outbox::{Outgoing, Stuck};
pub(crate) use people::Slice;
pub use positions::Stood;

/// `JRNY`: what tells a database of ours from any other.
const APPLICATION_ID: i32 = 0x4A52_4E59;
/// The first SQLite without the WAL-reset fault (delivery, D9).
const OLDEST_SQLITE: i32 = 3_051_003;
/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pages kept in memory; SQLite reads a negative number as KiB. A mailing
/// writes row after row and comes back to none: more would only be memory.
const CACHE_KIB: i64 = -2_048;
/// The same while people are imported: pages that do not fit go to the log
/// and back, and so much holds the inner pages of a million people.
const CACHE_OF_AN_IMPORT_KIB: i64 = -32_768;
/// How often a reader begins again when somebody writes meanwhile.
const ATTEMPTS: u32 = 5;

/// Why the database does not do what is asked. Messages name files, never
/// people.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was made by a newer program (F66).
    #[error("database schema {found}, this program knows up to {known}; nothing was changed")]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// It must be migrated first, and only somebody who may write can.
    #[error("database schema {found} is older than this program's {known}")]
    Older {
        /// The schema of the file.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// A migration that was applied is not the one this program has.
    #[error("migration {number} of the database is not the one of this program")]
    OtherMigration {
        /// Which.
        number: i64,
    },
    /// It is no database, or not ours, or its pages do not fit (F58).
    #[error("{why}")]
    Damaged {
        /// What was found.
        why: String,
    },
    /// A file or folder cannot be written or read.
    #[error("cannot {what} {}: {why}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// No room on the disk (F54).
    #[error("no room on the disk; nothing was changed")]
    Full,
    /// Somebody else writes (F57).
    #[error("another journey has been writing for {} seconds", PATIENCE.as_secs())]
    Busy,
    /// Somebody else wrote between reading and writing.
    #[error("somebody else changed the database meanwhile; nothing was written")]
    Changed,
    /// Root would leave files behind that the owner cannot write (F59).
    #[error("the database belongs to another user, and root would leave files that user cannot write")]
    WrongUser,
    /// Anything else SQLite says.
    #[error("the database refused: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        let exactly = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            // The index of the log does not fit.
            Some(_) if exactly == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged { why: format!("integrity check failed: {error}") }
            }
            Some(_) => StoreError::Sqlite(error),
            None => match error {
                rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::Utf8Error(..)
                | rusqlite::Error::QueryReturnedNoRows => {
                    StoreError::Damaged { why: format!("a row is not as this program writes it: {error}") }
                }
                error => StoreError::Sqlite(error),
            },
        }
    }
}

/// What one connection has seen of a database; another is something somebody
/// else wrote since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(i64);

/// The database, open.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Lets `look` read a database without changing a byte on disk; `None`
    /// where there is none. It begins again when somebody writes meanwhile,
    /// so what it returns is of one moment.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read, and what `look` says.
    pub(crate) fn look<T>(
        path: &Path,
        mut look: impl FnMut(&Store) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        for _ in 1..ATTEMPTS {
            let before = Stamp::of(path);
            if before.is_none() {
                return Ok(None);
            }
            let found = Store::for_reading(path, Manner::leaving_no_trace(path))
                .and_then(|store| store.at_one_moment(&mut look));
            // The index of the log is being made by somebody at this moment.
            let unready = matches!(&found, Err(StoreError::Sqlite(error))
                if error.sqlite_error_code() == Some(ErrorCode::ReadOnly));
            if Stamp::of(path) == before && !unready {
                return found.map(Some);
            }
        }
        Store::for_reading(path, Manner::Shared).and_then(|store| store.at_one_moment(&mut look)).map(Some)
    }

    /// Opens a database to read and write it; makes it if there is none, with
    /// the secret that `draw` draws, and migrates it if it is older.
    ///
    /// # Errors
    ///
    /// Where it is not ours, newer, damaged, or cannot be written.
    pub fn open(path: &Path, now: Timestamp, draw: impl FnOnce() -> [u8; 32]) -> Result<Store, StoreError> {
        if path.exists() {
            check_header(path)?;
            check_user(path)?;
        } else {
            check_no_log(path)?;
            migrate::make(path, now, &draw())?;
        }
        migrate::sweep(path).map_err(|why| StoreError::Io {
            what: "sweep up beside",
            path: path.to_owned(),
            why,
        })?;
        keep_private(path)?;
        // One thread has it; SQLite need not ask at every step whether that is so.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, error))?;
        if connection.is_readonly("main")? {
            let why = io::Error::new(io::ErrorKind::PermissionDenied, "it may only be read");
            return Err(StoreError::Io { what: "write", path: path.to_owned(), why });
        }
        // Until it is known to be whole and ours, nothing is taken over from
        // the log of an earlier run, not even when it is closed again.
        let log_is_left = beside(path, "-wal").exists();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log_is_left)?;
        let mut store = Store { connection, path: path.to_owned() };
        store.set_up().map_err(|error| store.cannot_write(error))?;
        store.check()?;
        migrate::up_to_date(&mut store.connection, path, now)?;
        store.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok(store)
    }

    fn for_reading(path: &Path, manner: Manner) -> Result<Store, StoreError> {
        let store = Store::unheard(path, manner)?;
        migrate::is_current(&store.connection)?;
        Ok(store)
    }

    /// To be read only, whatever its schema is.
    fn unheard(path: &Path, manner: Manner) -> Result<Store, StoreError> {
        check_header(path)?;
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let uri = format!("file:{}?mode=ro{}", percent_encoded(path), manner.of_uri());
        let connection = Connection::open_with_flags(uri, flags).map_err(|error| cannot_open(path, error))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        if manner == Manner::Alone {
            connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        }
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        Ok(Store { connection, path: path.to_owned() })
    }

    fn at_one_moment<T>(
        &self,
        look: &mut impl FnMut(&Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let moment = self.connection.unchecked_transaction()?;
        let found = look(self)?;
        moment.finish()?;
        Ok(found)
    }

    /// What every connection that writes is told (architecture, 9).
    fn set_up(&self) -> Result<(), rusqlite::Error> {
        let connection = &self.connection;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        // A statement that is kept keeps its plan, whatever is looked for.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            let why = format!("SQLite {} may damage it; 3.51.3 is needed", rusqlite::version());
            return Err(StoreError::Damaged { why });
        }
        let said: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said == "ok" {
            return Ok(());
        }
        Err(StoreError::Damaged { why: format!("integrity check failed: {said}") })
    }

    /// SQLite only says that it cannot; nearly always it is the folder, in
    /// which it makes files of its own (F56).
    fn cannot_write(&self, error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                StoreError::Io {
                    what: "write",
                    path: beside(&self.path, "-wal"),
                    why: io::Error::new(
                        io::ErrorKind::PermissionDenied,
                        "the folder must be writable, not only the database",
                    ),
                }
            }
            _ => error.into(),
        }
    }

    /// A transaction that takes the right to write at once, so that it never
    /// fails half-way for want of it.
    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// What this connection has seen: it is another when somebody else has
    /// changed the database.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn seen(&self) -> Result<Seen, StoreError> {
        seen(&self.connection)
    }

    /// How long to wait for another who writes, if not as long as usual.
    ///
    /// # Errors
    ///
    /// Where SQLite refuses.
    pub fn set_patience(&self, patience: Duration) -> Result<(), StoreError> {
        Ok(self.connection.busy_timeout(patience)?)
    }

    /// The key of Message-IDs and links.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn secret(&self) -> Result<[u8; 32], StoreError> {
        Ok(self.connection.query_row("SELECT secret FROM instance", [], |row| row.get(0))?)
    }

    /// What the database is called in messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// How a database is opened to be read only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// There is no log: the file is whole, and nobody has it open to write.
    /// Told so, SQLite makes no files of its own.
    Whole,
    /// There is a log with its index: it is read, and not brought up to date.
    /// Where its writer is dead, SQLite makes an index in memory.
    WithIndex,
    /// There is a log without an index: somebody copied it, and nobody has it
    /// open. Read as if there were no one else, SQLite makes no index.
    Alone,
    /// As any reader does: SQLite may write the index of the log anew.
    Shared,
}

impl Manner {
    fn leaving_no_trace(path: &Path) -> Manner {
        match (beside(path, "-wal").exists(), beside(path, "-shm").exists()) {
            (false, _) => Manner::Whole,
            (true, true) => Manner::WithIndex,
            (true, false) if cfg!(unix) => Manner::Alone,
            (true, false) => Manner::Shared,
        }
    }

    fn of_uri(self) -> &'static str {
        match self {
            Manner::Whole => "&immutable=1",
            Manner::WithIndex => "&readonly_shm=1",
            Manner::Alone => "&vfs=unix-none",
            Manner::Shared => "",
        }
    }
}

fn seen(connection: &Connection) -> Result<Seen, StoreError> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    Ok(Seen(statement.query_row([], |row| row.get(0))?))
}

/// What tells whether a database was written since.
#[derive(PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    has_log: bool,
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(path).ok()?;
        let has_log = beside(path, "-wal").exists();
        Some(Stamp { length: metadata.len(), modified: metadata.modified().ok(), has_log })
    }
}

/// Looks at the first hundred bytes, so that a file that is not ours, or
/// newer, is never opened to be written (F58, F66).
fn check_header(path: &Path) -> Result<(), StoreError> {
    let io = |why| StoreError::Io { what: "read", path: path.to_owned(), why };
    let damaged = |why: String| Err(StoreError::Damaged { why });
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
    if found > known { Err(StoreError::Newer { found, known }) } else { Ok(()) }
}

/// A log whose database is gone belongs to no other: SQLite would take it
/// over into the new one and damage it, and what is in it may be all that is
/// left.
fn check_no_log(path: &Path) -> Result<(), StoreError> {
    let log = beside(path, "-wal");
    match fs::metadata(&log) {
        Ok(metadata) if metadata.len() > 0 => Err(StoreError::Damaged {
            why: format!(
                "{} is not there, but its log {} is: put the database back, or move the log away",
                path.display(),
                log.display()
            ),
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Root on a database of somebody else would leave a log that its owner
/// cannot write (F59).
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

/// For its owner alone (F67); silently, because nothing is lost by it.
#[cfg(unix)]
fn keep_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let io = |what| move |why| StoreError::Io { what, path: path.to_owned(), why };
    let mode = fs::metadata(path).map_err(io("read"))?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io("make private"))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

fn cannot_open(path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            let why = io::Error::new(io::ErrorKind::PermissionDenied, error.to_string());
            StoreError::Io { what: "open", path: path.to_owned(), why }
        }
        _ => error.into(),
    }
}

/// The database's path with something after it: `journey.db-wal`.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A path as part of a URI: what has a meaning there is encoded.
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
