//! What happened to people: enrolments and their events, read into a
//! [`Memory`].

use std::ops::RangeInclusive;

use rusqlite::{Row, Transaction, params};

use super::people::ALL;
use super::{Store, StoreError};
use crate::domain::delivery::state::State;
use crate::domain::history::{Event, Memory, Outstanding, What};
use crate::domain::model::ids::{PersonId, PersonNumber, Slug, StepName};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// A step that was too late for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// For whom.
    pub person: PersonNumber,
    /// Which step.
    pub step: StepName,
    /// When it was too late.
    pub at: Timestamp,
}

impl Store {
    /// What happened to everybody who is there.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn memory(&self) -> Result<Memory, StoreError> {
        self.memory_of(&ALL)
    }

    /// The same of those with some numbers.
    pub(super) fn memory_of(&self, numbers: &RangeInclusive<i64>) -> Result<Memory, StoreError> {
        let mut memory = Memory::default();
        let mut characters = self.connection.prepare_cached(
            "SELECT employee_id, character FROM person
             WHERE character IS NOT NULL AND left_at IS NULL AND id BETWEEN ?1 AND ?2",
        )?;
        let mut found = characters.query([numbers.start(), numbers.end()])?;
        while let Some(row) = found.next()? {
            memory.of_mut(&PersonId::new(codec::str(row, 0)?)).character = Some(codec::slug(row, 1)?);
        }
        let mut statement = self.connection.prepare_cached(include_str!("sql/history.sql"))?;
        let mut found = statement.query([numbers.start(), numbers.end()])?;
        let mut names = Names::default();
        while let Some(row) = found.next()? {
            let person = PersonId::new(codec::str(row, 0)?);
            let journey = names.slug(codec::str(row, 1)?)?;
            let past = memory.of_mut(&person);
            past.enrolment_mut(&journey).entered = codec::maybe_time(row, 2)?;
            let Some(at) = codec::maybe_time(row, 3)? else { continue };
            let step = names.slug(codec::str(row, 4)?)?;
            let what = match codec::str(row, 5)? {
                "mailed" => What::Mailed { round: codec::round(row, 6)?, slot: codec::get_time(row, 7)? },
                "skipped" => What::Skipped,
                "answered" => What::Answered,
                _ => return Err(codec::wrong(5, "something that happens")),
            };
            let Fate { at, what, outstanding, refused } = fate(row, at, what)?;
            past.outbox = past.outbox.or(outstanding);
            past.record(&journey, Event { at, step, what });
            past.last_mail = past.last_mail.max(refused);
        }
        Ok(memory)
    }
}

/// What a fact means, now that it is known what became of the mail.
struct Fate {
    at: Timestamp,
    what: What,
    outstanding: Option<Outstanding>,
    /// When the relay refused it for its reader.
    refused: Option<Timestamp>,
}

/// A mail counts from when it left, not from when it was booked; one that
/// never will was skipped (a reminder that was is no less the round it is).
/// One that was refused keeps the next at a distance all the same: else a
/// mailbox that is full for a morning would cost every step there is.
fn fate(row: &Row<'_>, at: Timestamp, what: What) -> Result<Fate, StoreError> {
    let (What::Mailed { round, .. }, Some(state)) = (what, codec::maybe_str(row, 8)?) else {
        return Ok(Fate { at, what, outstanding: None, refused: None });
    };
    let state = State::parse(state).ok_or_else(|| codec::wrong(8, "a state"))?;
    let next = codec::maybe_time(row, 10)?;
    let (what, outstanding) = match state {
        State::Sent => (what, None),
        State::Rejected | State::Expired | State::Cancelled if round == 0 => (What::Skipped, None),
        State::Rejected | State::Expired | State::Cancelled => (what, None),
        State::Planned | State::Due | State::Claimed | State::InFlight | State::Deferred => {
            (what, Some(Outstanding::OnItsWay(next)))
        }
        State::InDoubt => (what, Some(next.map_or(Outstanding::Stuck, Outstanding::InDoubt))),
        State::Held if row.get::<_, u32>(11)? > 0 => (what, Some(Outstanding::Stuck)),
        State::Held => (what, Some(Outstanding::Refused)),
    };
    let at = codec::maybe_time(row, 9)?.unwrap_or(at);
    Ok(Fate { at, what, outstanding, refused: (state == State::Rejected).then_some(at) })
}

/// Names of journeys and steps, each kept once.
#[derive(Default)]
struct Names(Vec<Slug>);

impl Names {
    fn slug(&mut self, text: &str) -> Result<Slug, StoreError> {
        if let Some(known) = self.0.iter().find(|known| known.as_str() == text) {
            return Ok(known.clone());
        }
        let slug = Slug::parse(text)
            .ok_or_else(|| StoreError::Damaged { why: "a row names no journey or step".to_owned() })?;
        self.0.push(slug.clone());
        Ok(slug)
    }
}

/// The row of an enrolment, made if it is not there.
pub(super) fn enrolment(
    whole: &Transaction<'_>,
    person: PersonNumber,
    journey: &Slug,
) -> Result<i64, StoreError> {
    let make = "INSERT INTO enrolment (person_id, journey) VALUES (?1, ?2)
                ON CONFLICT (person_id, journey) DO NOTHING";
    whole.prepare_cached(make)?.execute(params![person.0, journey.as_str()])?;
    let find = "SELECT id FROM enrolment WHERE person_id = ?1 AND journey = ?2";
    Ok(whole.prepare_cached(find)?.query_row(params![person.0, journey.as_str()], |row| row.get(0))?)
}

/// Writes down a fact; one that is known already is not written twice.
pub(super) fn write_event(
    whole: &Transaction<'_>,
    enrolment: i64,
    at: Timestamp,
    step: &Slug,
    what: What,
) -> Result<(), StoreError> {
    let (word, round, slot) = match what {
        What::Mailed { round, slot } => ("mailed", Some(round), Some(codec::time(slot))),
        What::Skipped => ("skipped", None, None),
        What::Answered => ("answered", None, None),
    };
    let mut write = whole.prepare_cached(include_str!("sql/write_event.sql"))?;
    write.execute(params![enrolment, codec::time(at), step.as_str(), word, round, slot])?;
    Ok(())
}

/// Writes down steps that were too late.
pub(super) fn write_skips(whole: &Transaction<'_>, skips: &[Skip]) -> Result<(), StoreError> {
    for skip in skips {
        let enrolment = enrolment(whole, skip.person, &skip.step.journey)?;
        write_event(whole, enrolment, skip.at, &skip.step.step, What::Skipped)?;
    }
    Ok(())
}
