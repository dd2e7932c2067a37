//! Blocks on all sending, which an operator must release.

use rusqlite::params;

use super::{Store, StoreError, codec};
use crate::domain::delivery::send_block::{BlockKind, SendBlock};
use crate::domain::time::timezone::Timestamp;

impl Store {
    /// The blocks on sending in force, oldest first.
    pub fn send_blocks(&self) -> Result<Vec<SendBlock>, StoreError> {
        let sql = "SELECT kind, at, message FROM guard WHERE released_at IS NULL ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut guards = Vec::new();
        while let Some(row) = found.next()? {
            let kind =
                BlockKind::parse(codec::str(row, 0)?).ok_or_else(|| codec::bad_column(0, "a guard"))?;
            let message = codec::str(row, 2)?.to_owned();
            guards.push(SendBlock { kind, at: codec::get_time(row, 1)?, message });
        }
        Ok(guards)
    }

    /// Blocks all sending. Does nothing if a block of that kind is in force.
    pub(crate) fn add_send_block(&mut self, guard: &SendBlock) -> Result<(), StoreError> {
        let sql = "INSERT INTO guard (kind, at, message) VALUES (?1, ?2, ?3)
                   ON CONFLICT (kind) WHERE released_at IS NULL DO NOTHING";
        let values = params![guard.kind.as_str(), codec::time(guard.at), guard.message];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Releases the block of that kind. Returns how many were released.
    pub(crate) fn release_send_block(
        &mut self,
        kind: BlockKind,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let sql = "UPDATE guard SET released_at = ?2 WHERE kind = ?1 AND released_at IS NULL";
        let values = params![kind.as_str(), codec::time(now)];
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
    }
}
