//! What can be said of a database without changing a byte of it: is it ours,
//! is it whole, how large is it, and do the positions in it agree with what
//! else it says. For `journey doctor`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::domain::model::ids::{PersonNumber, Slug};
use crate::domain::time::timezone::Timestamp;
use crate::store::{OLDEST_SQLITE, Store, StoreError, beside, check_no_log, codec, migrate};

/// A log of so many bytes is worth a word: somebody reads without end, and
/// what they read cannot be taken over into the database (F61).
pub(crate) const LONG_LOG: u64 = 256 * 1_024 * 1_024;

/// What was seen of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Examined {
    /// The schema it has, which is the newest.
    pub(crate) schema: i64,
    /// What SQLite says of its pages; `None`: they fit.
    pub(crate) damage: Option<String>,
    /// How large it is, in bytes.
    pub(crate) size: u64,
    /// How large the log beside it is.
    pub(crate) log: u64,
}

/// The SQLite in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sqlite {
    /// Its version.
    pub(crate) version: &'static str,
    /// Is it free of the fault that damages databases (delivery, D9)?
    pub(crate) is_safe: bool,
}

/// What a row of the positions says, of what can be wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptPosition {
    /// The last mail (round 0), and when it left.
    pub(crate) last: Option<(Slug, Timestamp)>,
    /// Nothing is due before this instant.
    pub(crate) next_at: Option<Timestamp>,
}

/// Rows of positions, by enrolment.
pub(crate) type KeptPositions = HashMap<(PersonNumber, Slug), KeptPosition>;

impl Store {
    /// The SQLite in use.
    pub(crate) fn sqlite() -> Sqlite {
        Sqlite { version: rusqlite::version(), is_safe: rusqlite::version_number() >= OLDEST_SQLITE }
    }

    /// Looks at a database, every page of it; `None` where there is none.
    /// Changes nothing on disk.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, is not ours, or has another schema.
    pub(crate) fn examine(path: &Path) -> Result<Option<Examined>, StoreError> {
        if !path.exists() {
            check_no_log(path)?;
        }
        let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        Store::look(path, |store| {
            let said: String = store.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            Ok(Examined {
                schema: migrate::newest(),
                damage: (said != "ok").then_some(said),
                size: length(path),
                log: length(&beside(path, "-wal")),
            })
        })
    }

    /// Takes the log beside the database over into it, as far as nobody reads
    /// older pages; one that has grown too long is cut when that was all of
    /// it. How long the log is then, in bytes.
    ///
    /// # Errors
    ///
    /// Where SQLite cannot write.
    pub(crate) fn checkpoint(&self) -> Result<u64, StoreError> {
        let length = || Store::log_length(&self.path);
        // Cutting waits for readers, so it is only done where it matters.
        let sql = match length() > LONG_LOG {
            true => "PRAGMA wal_checkpoint(TRUNCATE)",
            false => "PRAGMA wal_checkpoint(PASSIVE)",
        };
        self.connection.query_row(sql, [], |_| Ok(()))?;
        Ok(length())
    }

    /// How long the log beside a database is, in bytes; 0 where there is none.
    pub(crate) fn log_length(path: &Path) -> u64 {
        fs::metadata(beside(path, "-wal")).map_or(0, |metadata| metadata.len())
    }

    /// Every row of the positions, of people who are there.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub(crate) fn positions(&self) -> Result<KeptPositions, StoreError> {
        let sql = "SELECT person_id, journey, last_step, last_at, next_at FROM position";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut kept = KeptPositions::new();
        while let Some(row) = found.next()? {
            let last = match (codec::maybe_str(row, 2)?, codec::maybe_time(row, 3)?) {
                (Some(_), Some(at)) => Some((codec::slug(row, 2)?, at)),
                _ => None,
            };
            let position = KeptPosition { last, next_at: codec::maybe_time(row, 4)? };
            kept.insert((PersonNumber(row.get(0)?), codec::slug(row, 1)?), position);
        }
        Ok(kept)
    }
}
