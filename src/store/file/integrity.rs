//! Integrity check for `journey doctor`, without changing a byte on disk: whether
//! the database is one of this program and intact, and its size. Also the
//! checkpoint of the write-ahead log.

use std::fs;
use std::path::Path;

use super::disk::with_suffix;
use super::open::{MIN_SQLITE_VERSION, check_no_orphaned_log};
use crate::store::{Store, StoreError, failpoints, migrate};

/// Size of the write-ahead log, in bytes, from which it is reported: a reader
/// that does not end keeps the log from being checkpointed.
pub(crate) const WAL_WARN_BYTES: u64 = 256 * 1_024 * 1_024;

/// The result of an integrity check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IntegrityReport {
    /// The schema version, which is the newest.
    pub(crate) schema: i64,
    /// The error that SQLite reports; `None` if the pages are intact.
    pub(crate) damage: Option<String>,
    /// The size of the database, in bytes.
    pub(crate) size: u64,
    /// The size of the write-ahead log, in bytes.
    pub(crate) log: u64,
}

/// The SQLite library in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SqliteLibrary {
    pub(crate) version: &'static str,
    /// Whether it is free of the WAL-reset bug, which corrupts databases.
    pub(crate) is_safe: bool,
}

impl Store {
    /// The SQLite library in use.
    pub(crate) fn sqlite() -> SqliteLibrary {
        SqliteLibrary {
            version: rusqlite::version(),
            is_safe: rusqlite::version_number() >= MIN_SQLITE_VERSION,
        }
    }

    /// Checks every page of a database; `None` if there is none. Changes nothing
    /// on disk.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, belongs to another program, or has another
    /// schema version.
    pub(crate) fn examine(path: &Path) -> Result<Option<IntegrityReport>, StoreError> {
        if !path.exists() {
            check_no_orphaned_log(path)?;
        }
        let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        Store::read_only(path, |store| {
            let said: String = store.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            Ok(IntegrityReport {
                schema: migrate::newest(),
                damage: (said != "ok").then_some(said),
                size: length(path),
                log: length(&with_suffix(path, "-wal")),
            })
        })
    }

    /// Checkpoints the write-ahead log, as far as readers allow it, and truncates
    /// it if it is longer than [`WAL_WARN_BYTES`]. Returns the size of the log in
    /// bytes.
    pub(crate) fn checkpoint(&self) -> Result<u64, StoreError> {
        let length = || Store::wal_length(&self.path);
        // Truncating waits for readers, so it is only done when it matters.
        let sql = match length() > WAL_WARN_BYTES {
            true => "PRAGMA wal_checkpoint(TRUNCATE)",
            false => "PRAGMA wal_checkpoint(PASSIVE)",
        };
        self.connection.query_row(sql, [], |_| Ok(()))?;
        Ok(length())
    }

    /// Copies the write-ahead log into the database and truncates it, so that what was deleted is not
    /// in it any more. Returns whether readers allowed it.
    pub(crate) fn truncate_log(&self) -> Result<bool, StoreError> {
        failpoints::at("store.log")?;
        // The first column says whether it was blocked.
        Ok(self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))?)
    }

    /// The size of a database's write-ahead log, in bytes; 0 if there is none.
    pub(crate) fn wal_length(path: &Path) -> u64 {
        fs::metadata(with_suffix(path, "-wal")).map_or(0, |metadata| metadata.len())
    }
}
