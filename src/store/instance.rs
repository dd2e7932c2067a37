//! The single row of the table `instance`: the secret, the fence and the clock of
//! this database. Its other columns are read and written by the modules whose
//! subject they are.

use super::{Store, StoreError, codec};
use crate::domain::time::timezone::Timestamp;

impl Store {
    /// The secret from which message ids and the tokens in links are derived.
    pub fn secret(&self) -> Result<[u8; 32], StoreError> {
        Ok(self.connection.query_row("SELECT secret FROM instance", [], |row| row.get(0))?)
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
