//! The send journal and the fence, as far as the database knows them: how
//! much of the journal it has seen, what the journal says was sent and this
//! database has no row of, and on which machine and in which folder it sends.
//! The file itself is `engine/journal`'s.

use rusqlite::{Transaction, params};

use super::outbox::{self, Move};
use super::{Store, StoreError, points};
use crate::domain::delivery::state::{Happened, State};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// A line of the send journal: this was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentBefore {
    /// The number its delivery had.
    pub number: i64,
    /// `<…@…>`
    pub message_id: String,
    /// When.
    pub at: Timestamp,
    /// What the relay said.
    pub reply: String,
}

/// What the send journal knew and the database did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Was on its way when a run ended, and had arrived.
    pub arrived: usize,
    /// Was thought not to have left, or is not even booked here: the database
    /// is a copy made before. Counts as sent, or will as soon as it is booked.
    pub restored: usize,
}

impl Store {
    /// How many bytes of the send journal this database has seen.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn journal_read(&self) -> Result<u64, StoreError> {
        let sql = "SELECT journal_read FROM instance";
        Ok(self.connection.query_row(sql, [], |row| row.get::<_, i64>(0))?.cast_unsigned())
    }

    /// Takes over what the send journal says up to a length of it: what was
    /// sent is sent.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; then nothing is.
    pub fn reconcile(
        &mut self,
        lines: &[SentBefore],
        read: u64,
        now: Timestamp,
    ) -> Result<Reconciled, StoreError> {
        let whole = self.begin()?;
        let mut reconciled = Reconciled::default();
        for line in lines {
            match known(&whole, &line.message_id)? {
                Some((_, state)) if state.is_settled() => {}
                Some((_, state)) => {
                    count_as_sent(&whole, line, now)?;
                    match state {
                        State::InFlight => reconciled.arrived += 1,
                        _ => reconciled.restored += 1,
                    }
                }
                None => {
                    let sql = "INSERT INTO sent_before (message_id, number, at, reply)
                               VALUES (?1, ?2, ?3, ?4) ON CONFLICT (message_id) DO NOTHING";
                    let values =
                        params![line.message_id, line.number, codec::time(line.at), line.reply.as_str()];
                    whole.prepare_cached(sql)?.execute(values)?;
                    reconciled.restored += 1;
                }
            }
        }
        whole.execute("UPDATE instance SET journal_read = ?1", [read.cast_signed()])?;
        points::at("store.reconcile")?;
        whole.commit()?;
        Ok(reconciled)
    }

    /// On which machine and in which folder this database sends; `None`: it
    /// never did.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn fence(&self) -> Result<Option<String>, StoreError> {
        Ok(self.connection.query_row("SELECT fence FROM instance", [], |row| row.get(0))?)
    }

    /// Says where this database sends from now on.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub(crate) fn set_fence(&mut self, fence: &str) -> Result<(), StoreError> {
        self.connection.execute("UPDATE instance SET fence = ?1", [fence])?;
        Ok(())
    }
}

/// What the journal says of a mail that this database has not booked.
pub(super) fn sent_before(
    whole: &Transaction<'_>,
    message_id: &str,
) -> Result<Option<SentBefore>, StoreError> {
    let sql = "SELECT number, at, reply FROM sent_before WHERE message_id = ?1";
    let mut statement = whole.prepare_cached(sql)?;
    let mut found = statement.query([message_id])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let (number, at) = (row.get(0)?, codec::get_time(row, 1)?);
    let reply = codec::str(row, 2)?.to_owned();
    Ok(Some(SentBefore { number, message_id: message_id.to_owned(), at, reply }))
}

/// Counts a delivery that is booked here as sent, as the journal says.
pub(super) fn count_as_sent(
    whole: &Transaction<'_>,
    line: &SentBefore,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some((number, state)) = known(whole, &line.message_id)? {
        let made = Move::new(number, state, Happened::WasSentBefore);
        let made =
            Move { at: Some(line.at), ..made.saying(format!("{} (from the send journal)", line.reply)) };
        outbox::apply(whole, &made, now)?;
    }
    let sql = "DELETE FROM sent_before WHERE message_id = ?1";
    whole.prepare_cached(sql)?.execute([&line.message_id])?;
    Ok(())
}

fn known(whole: &Transaction<'_>, message_id: &str) -> Result<Option<(i64, State)>, StoreError> {
    let sql = "SELECT id, state FROM delivery WHERE message_id = ?1";
    let mut statement = whole.prepare_cached(sql)?;
    let mut found = statement.query([message_id])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let state = State::parse(codec::str(row, 1)?).ok_or_else(|| codec::wrong(1, "a state"))?;
    Ok(Some((row.get(0)?, state)))
}
