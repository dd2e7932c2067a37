//! Deliveries: booked in one transaction with the fact that they were, handed
//! over by somebody else, and settled. The row is the promise that nobody
//! gets a step twice and none is lost.

use rusqlite::{Row, Transaction, params};

use super::history;
use super::{Seen, Store, StoreError, rows};
use crate::domain::delivery::{Delivery, State};
use crate::domain::ids::{ContentHash, PersonId, PersonNumber, StepName};
use crate::domain::memory::What;
use crate::domain::zone::Timestamp;

/// A mail that is decided and not booked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The number it is to have; see [`Store::next_delivery`].
    pub number: i64,
    /// To whom.
    pub person: PersonNumber,
    /// Of which step.
    pub step: StepName,
    /// 0 is the mail, 1… the reminders.
    pub round: u16,
    /// The slot it uses.
    pub slot: Timestamp,
    /// The text it has.
    pub content: ContentHash,
    /// `<…@…>`
    pub message_id: String,
}

/// What became of handing one over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Which delivery.
    pub number: i64,
    /// How it ended.
    pub state: State,
    /// What the relay, or the file, said.
    pub reply: String,
}

/// What became of booking a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booked {
    /// All of it is booked.
    All,
    /// Nothing of it: somebody changed the database since it was decided, and
    /// it must be decided anew.
    Changed,
}

impl Store {
    /// Begins a run of the sender: what an earlier one had claimed and did not
    /// settle is due again. How many that were.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn begin_run(&mut self) -> Result<usize, StoreError> {
        let whole = self.begin()?;
        whole.execute("UPDATE instance SET epoch = epoch + 1", [])?;
        let sql = "UPDATE delivery SET state = 'due', epoch = NULL
                   WHERE settled_at IS NULL AND state = 'claimed'";
        let returned = whole.execute(sql, [])?;
        whole.commit()?;
        Ok(returned)
    }

    /// The number the next delivery gets.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn next_delivery(&self) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(max(id), 0) + 1 FROM delivery";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// In one transaction: settles what was handed over, and books what is to
    /// be handed over next, each with its event. A delivery is booked once,
    /// for ever; the database refuses the second. What was decided before
    /// somebody else changed the database (a pause, say) is not booked.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; then nothing is.
    pub fn settle_and_book(
        &mut self,
        handed: &[Handed],
        decided: Seen,
        bookings: &[Booking],
        now: Timestamp,
    ) -> Result<Booked, StoreError> {
        let whole = self.begin()?;
        write_settlements(&whole, handed, now)?;
        // Asked where nobody can change it any more.
        if super::seen(&whole)? != decided {
            whole.commit()?;
            return Ok(Booked::Changed);
        }
        {
            let mut book = whole.prepare_cached(include_str!("sql/book.sql"))?;
            for booking in bookings {
                let enrolment = history::enrolment(&whole, booking.person, &booking.step.journey)?;
                book.execute(params![
                    booking.number,
                    enrolment,
                    booking.step.step.as_str(),
                    booking.round,
                    rows::time(booking.slot),
                    rows::time(now),
                    booking.content.to_string(),
                    booking.message_id,
                ])?;
                let what = What::Mailed { round: booking.round, slot: booking.slot };
                history::write_event(&whole, enrolment, now, &booking.step.step, what)?;
            }
        }
        whole.commit()?;
        Ok(Booked::All)
    }

    /// Settles what was handed over.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; then nothing is.
    pub fn settle(&mut self, handed: &[Handed], now: Timestamp) -> Result<(), StoreError> {
        let whole = self.begin()?;
        write_settlements(&whole, handed, now)?;
        Ok(whole.commit()?)
    }

    /// The deliveries that are due and not settled, in the order in which
    /// they were booked.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn due(&self) -> Result<Vec<Delivery>, StoreError> {
        self.deliveries(include_str!("sql/due.sql"), [])
    }

    /// Claims deliveries that are due for this run.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn claim(&mut self, numbers: impl Iterator<Item = i64>) -> Result<(), StoreError> {
        let whole = self.begin()?;
        {
            let sql = "UPDATE delivery SET state = 'claimed', attempts = attempts + 1,
                       epoch = (SELECT epoch FROM instance) WHERE id = ?1 AND state = 'due'";
            let mut claim = whole.prepare_cached(sql)?;
            for number in numbers {
                claim.execute([number])?;
            }
        }
        Ok(whole.commit()?)
    }

    /// Every delivery to one person, in the order in which they were booked.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn deliveries_to(&self, person: &PersonId) -> Result<Vec<(Delivery, Option<String>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/deliveries_to.sql"))?;
        let mut found = statement.query([person.as_str()])?;
        let mut deliveries = Vec::new();
        while let Some(row) = found.next()? {
            deliveries.push((delivery(row)?, rows::maybe_str(row, 11)?.map(str::to_owned)));
        }
        Ok(deliveries)
    }

    /// How many deliveries there are in each state that has any.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn deliveries_by_state(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let sql = "SELECT state, count(*) FROM delivery GROUP BY state";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut states = Vec::new();
        while let Some(row) = found.next()? {
            let state = State::parse(rows::str(row, 0)?).ok_or_else(|| rows::wrong(0, "a state"))?;
            states.push((state, row.get::<_, i64>(1)?.cast_unsigned()));
        }
        states.sort_unstable();
        Ok(states)
    }

    /// When a mail was last handed over; `None`: never.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn last_sent(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT max(settled_at) FROM delivery WHERE state = 'sent'";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| rows::maybe_time(row, 0))
    }

    fn deliveries(&self, sql: &str, of: impl rusqlite::Params) -> Result<Vec<Delivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query(of)?;
        let mut deliveries = Vec::new();
        while let Some(row) = found.next()? {
            deliveries.push(delivery(row)?);
        }
        Ok(deliveries)
    }
}

fn write_settlements(whole: &Transaction<'_>, handed: &[Handed], now: Timestamp) -> Result<(), StoreError> {
    let mut settle = whole.prepare_cached(include_str!("sql/settle.sql"))?;
    for Handed { number, state, reply } in handed {
        let at = state.is_settled().then(|| rows::time(now));
        settle.execute(params![number, state.as_str(), reply, at])?;
    }
    Ok(())
}

fn delivery(row: &Row<'_>) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        number: row.get(0)?,
        person: PersonId::new(rows::str(row, 1)?),
        step: StepName { journey: rows::slug(row, 2)?, step: rows::slug(row, 3)? },
        round: rows::round(row, 4)?,
        slot: rows::get_time(row, 5)?,
        booked: rows::get_time(row, 6)?,
        content: rows::hash(row, 7)?,
        message_id: rows::str(row, 8)?.to_owned(),
        in_reply_to: rows::maybe_str(row, 9)?.map(str::to_owned),
        state: State::parse(rows::str(row, 10)?).ok_or_else(|| rows::wrong(10, "a state"))?,
    })
}
