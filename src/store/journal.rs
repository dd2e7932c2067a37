//! The database's side of the send journal: how many bytes of it have been
//! reconciled, and its entries for deliveries that this database does not
//! contain. The journal file itself is read and written by the engine.

use rusqlite::{Transaction, params};

use super::transition::{self, Transition};
use super::{Store, StoreError, failpoints, messages};
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// An entry of the send journal: a mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The number of the delivery.
    pub number: i64,
    /// The message id, `<…@…>`.
    pub message_id: String,
    /// When the relay accepted the mail.
    pub at: Timestamp,
    /// The reply of the relay.
    pub reply: String,
}

/// The result of reconciling the database with the send journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalReconciliation {
    /// Deliveries that were in flight when a run ended, and were accepted.
    pub arrived: usize,
    /// Deliveries that this database knows as not sent, or not at all, because
    /// it was restored from an older copy. They count as sent, or will as soon
    /// as they are enqueued.
    pub restored: usize,
}

impl Store {
    /// How many bytes of the send journal have been reconciled.
    pub fn reconciled_journal_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT journal_read FROM instance";
        Ok(self.connection.query_row(sql, [], |row| row.get::<_, i64>(0))?.cast_unsigned())
    }

    /// Marks the deliveries of journal entries as sent. `read` is the length of
    /// the journal up to which it is reconciled then.
    pub fn reconcile(
        &mut self,
        lines: &[JournalEntry],
        read: u64,
        now: Timestamp,
    ) -> Result<JournalReconciliation, StoreError> {
        let tx = self.write_transaction()?;
        let mut reconciled = JournalReconciliation::default();
        for line in lines {
            match find_by_message_id(&tx, &line.message_id)? {
                Some((_, state)) if state.is_settled() => {}
                Some((number, _)) => {
                    match messages::is_in_flight(&tx, number)? {
                        true => reconciled.arrived += 1,
                        false => reconciled.restored += 1,
                    }
                    mark_as_sent(&tx, line, now)?;
                }
                None => {
                    let sql = "INSERT INTO sent_before (message_id, number, at, reply)
                               VALUES (?1, ?2, ?3, ?4) ON CONFLICT (message_id) DO NOTHING";
                    let values =
                        params![line.message_id, line.number, codec::time(line.at), line.reply.as_str()];
                    tx.prepare_cached(sql)?.execute(values)?;
                    reconciled.restored += 1;
                }
            }
        }
        tx.execute("UPDATE instance SET journal_read = ?1", [read.cast_signed()])?;
        failpoints::at("store.reconcile")?;
        tx.commit()?;
        Ok(reconciled)
    }
}

/// The journal entry for a message id that has no delivery here.
pub(super) fn journal_entry(
    tx: &Transaction<'_>,
    message_id: &str,
) -> Result<Option<JournalEntry>, StoreError> {
    let sql = "SELECT number, at, reply FROM sent_before WHERE message_id = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let mut found = statement.query([message_id])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let (number, at) = (row.get(0)?, codec::get_time(row, 1)?);
    let reply = codec::str(row, 2)?.to_owned();
    Ok(Some(JournalEntry { number, message_id: message_id.to_owned(), at, reply }))
}

/// Marks the delivery of a journal entry as sent.
pub(super) fn mark_as_sent(
    tx: &Transaction<'_>,
    line: &JournalEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some((number, state)) = find_by_message_id(tx, &line.message_id)? {
        let made = Transition::new(number, state, DeliveryEvent::FoundInJournal);
        let made = Transition {
            at: Some(line.at),
            ..made.with_reply(format!("{} (from the send journal)", line.reply))
        };
        transition::apply(tx, &made, now)?;
    }
    let sql = "DELETE FROM sent_before WHERE message_id = ?1";
    tx.prepare_cached(sql)?.execute([&line.message_id])?;
    Ok(())
}

fn find_by_message_id(tx: &Transaction<'_>, message_id: &str) -> Result<Option<(i64, State)>, StoreError> {
    let sql = "SELECT id, state FROM delivery WHERE message_id = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let mut found = statement.query([message_id])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let state = State::parse(codec::str(row, 1)?).ok_or_else(|| codec::bad_column(1, "a state"))?;
    Ok(Some((row.get(0)?, state)))
}
