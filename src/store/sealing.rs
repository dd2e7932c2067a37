//! Sealing: cuts the way from a person to the answers that others may read. What is sealed cannot
//! be found, changed or removed any more. The caller says until when, once a day.

use rusqlite::params;

use super::{Store, StoreError, codec};
use crate::domain::time::timezone::Timestamp;

impl Store {
    /// Whether there are answers to seal.
    pub fn has_answers_to_seal(&self, before: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM answer_slip WHERE answer_id IS NOT NULL AND seals_at < ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([codec::time(before)], |row| row.get(0))?)
    }

    /// Seals the answers whose time has come before an instant. The unit and department of an
    /// answer stay only if at least `min_group` of its people are in the journey now. Returns the number of
    /// sealed answers; the log must be truncated after it.
    pub fn seal_answers(&mut self, before: Timestamp, min_group: u32) -> Result<usize, StoreError> {
        let before = codec::time(before);
        let tx = self.write_transaction()?;
        tx.execute(include_str!("sql/seal_counted.sql"), params![before, min_group])?;
        tx.execute(include_str!("sql/seal_written.sql"), params![before, min_group])?;
        let cut = "UPDATE answer_slip SET answer_id = NULL WHERE answer_id IS NOT NULL AND seals_at < ?1";
        let sealed = tx.execute(cut, [before])?;
        tx.commit()?;
        Ok(sealed)
    }
}
