//! The single row of the table `instance`: the secret, the fence and the clock of
//! this database. Its other columns are read and written by the modules whose
//! subject they are.

use super::{Store, StoreError, codec};
use crate::domain::time::timezone::Timestamp;

/// The secrets of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// Generated once. Message-IDs and return paths never change.
    pub instance: [u8; 32],
    /// Of links and forms, after they were renewed.
    pub link: Option<[u8; 32]>,
    /// Of the links before that. They open nothing; they only say whose mailbox gets a new one.
    pub former_link: Option<[u8; 32]>,
}

impl Secrets {
    /// The secrets of a database whose links were never renewed.
    pub fn first(instance: [u8; 32]) -> Secrets {
        Secrets { instance, link: None, former_link: None }
    }
}

impl Store {
    /// The secret that was generated with the database.
    pub fn secret(&self) -> Result<[u8; 32], StoreError> {
        Ok(self.connection.query_row("SELECT secret FROM instance", [], |row| row.get(0))?)
    }

    /// All secrets of this database.
    pub fn secrets(&self) -> Result<Secrets, StoreError> {
        let sql = "SELECT secret, link_secret, former_link_secret FROM instance";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Secrets { instance: row.get(0)?, link: row.get(1)?, former_link: row.get(2)? })
        };
        Ok(self.connection.prepare_cached(sql)?.query_row([], read)?)
    }

    /// The machine and folder from which this database sends; `None` if it has
    /// never sent.
    pub(crate) fn fence(&self) -> Result<Option<String>, StoreError> {
        Ok(self.connection.query_row("SELECT fence FROM instance", [], |row| row.get(0))?)
    }

    /// Stores the machine and folder from which this database sends.
    pub(crate) fn set_fence(&mut self, fence: &str) -> Result<(), StoreError> {
        self.connection.execute("UPDATE instance SET fence = ?1", [fence])?;
        Ok(())
    }

    /// The latest time at which a sender ran.
    pub(crate) fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT clock_at FROM instance")?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Stores the time at which the sender runs.
    pub(crate) fn set_clock(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.connection.execute("UPDATE instance SET clock_at = ?1", [codec::time(now)])?;
        Ok(())
    }
}
