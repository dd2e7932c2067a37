//! People's history: enrolments and their events, and how they are written.

use std::ops::RangeInclusive;

use rusqlite::{Row, Transaction, params};

use super::people::ALL_KEYS;
use super::{Store, StoreError};
use crate::domain::delivery::state::State;
use crate::domain::history::{Event, EventKind, History, PendingEmail};
use crate::domain::model::ids::{PersonId, PersonNumber, Slug, StepName};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// A step that is skipped because it is too late for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedStep {
    /// The person who does not get the step.
    pub person: PersonNumber,
    /// The skipped step.
    pub step: StepName,
    /// When it became too late.
    pub at: Timestamp,
}

impl Store {
    /// The history of all people who have not left.
    pub fn memory(&self) -> Result<History, StoreError> {
        self.history_of(&ALL_KEYS)
    }

    /// The history of the people with keys in a range.
    pub(super) fn history_of(&self, numbers: &RangeInclusive<i64>) -> Result<History, StoreError> {
        let mut memory = History::default();
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
        let mut names = NameInterner::default();
        while let Some(row) = found.next()? {
            let person = PersonId::new(codec::str(row, 0)?);
            let journey = names.slug(codec::str(row, 1)?)?;
            let past = memory.of_mut(&person);
            past.enrolment_mut(&journey).entered = codec::maybe_time(row, 2)?;
            let Some(at) = codec::maybe_time(row, 3)? else { continue };
            let step = names.slug(codec::str(row, 4)?)?;
            let what = match codec::str(row, 5)? {
                "mailed" => {
                    EventKind::Mailed { round: codec::round(row, 6)?, slot: codec::get_time(row, 7)? }
                }
                "skipped" => EventKind::Skipped,
                "answered" => EventKind::Answered,
                "withdrawn" => EventKind::Withdrawn,
                _ => return Err(codec::bad_column(5, "something that happens")),
            };
            let EmailOutcome { at, what, outstanding, refused } = email_outcome(row, at, what)?;
            past.outbox = past.outbox.or(outstanding);
            past.record(&journey, Event { at, step, what });
            past.last_mail = past.last_mail.max(refused);
        }
        Ok(memory)
    }
}

/// The meaning of an event in view of the present state of its delivery.
struct EmailOutcome {
    at: Timestamp,
    what: EventKind,
    outstanding: Option<PendingEmail>,
    /// When the relay rejected the mail for its recipient.
    refused: Option<Timestamp>,
}

/// Combines an event with the state of its delivery. A mail counts from when it
/// was sent, not from when it was enqueued. A mail that will never be sent
/// counts as skipped; a reminder that will never be sent still counts as its
/// round. A rejected mail still delays the next one: otherwise a mailbox that
/// is full for a morning would use up all steps.
fn email_outcome(row: &Row<'_>, at: Timestamp, what: EventKind) -> Result<EmailOutcome, StoreError> {
    let (EventKind::Mailed { round, .. }, Some(state)) = (what, codec::maybe_str(row, 8)?) else {
        return Ok(EmailOutcome { at, what, outstanding: None, refused: None });
    };
    let state = State::parse(state).ok_or_else(|| codec::bad_column(8, "a state"))?;
    let next = codec::maybe_time(row, 10)?;
    let (what, outstanding) = match state {
        State::Sent => (what, None),
        State::Rejected | State::Expired | State::Cancelled if round == 0 => (EventKind::Skipped, None),
        State::Rejected | State::Expired | State::Cancelled => (what, None),
        State::Planned | State::Due | State::Deferred => (what, Some(PendingEmail::Queued(next))),
        State::InDoubt => (what, Some(next.map_or(PendingEmail::NeedsResolution, PendingEmail::InDoubt))),
        State::Held if row.get::<_, u32>(11)? > 0 => (what, Some(PendingEmail::NeedsResolution)),
        State::Held => (what, Some(PendingEmail::Refused)),
    };
    let at = codec::maybe_time(row, 9)?.unwrap_or(at);
    Ok(EmailOutcome { at, what, outstanding, refused: (state == State::Rejected).then_some(at) })
}

/// Interns the names of journeys and steps.
#[derive(Default)]
struct NameInterner(Vec<Slug>);

impl NameInterner {
    fn slug(&mut self, text: &str) -> Result<Slug, StoreError> {
        if let Some(known) = self.0.iter().find(|known| known.as_str() == text) {
            return Ok(known.clone());
        }
        let slug = Slug::parse(text)
            .ok_or_else(|| StoreError::Corrupt { why: "a row names no journey or step".to_owned() })?;
        self.0.push(slug.clone());
        Ok(slug)
    }
}

/// The id of an enrolment, which is created if it does not exist.
pub(super) fn enrolment_id(
    tx: &Transaction<'_>,
    person: PersonNumber,
    journey: &Slug,
) -> Result<i64, StoreError> {
    let make = "INSERT INTO enrolment (person_id, journey) VALUES (?1, ?2)
                ON CONFLICT (person_id, journey) DO NOTHING";
    tx.prepare_cached(make)?.execute(params![person.0, journey.as_str()])?;
    let find = "SELECT id FROM enrolment WHERE person_id = ?1 AND journey = ?2";
    Ok(tx.prepare_cached(find)?.query_row(params![person.0, journey.as_str()], |row| row.get(0))?)
}

/// Stores an event. A second skip of a step is ignored; a second mail of the
/// same round is an error.
pub(super) fn write_event(
    tx: &Transaction<'_>,
    enrolment: i64,
    at: Timestamp,
    step: &Slug,
    what: EventKind,
) -> Result<(), StoreError> {
    let (word, round, slot) = match what {
        EventKind::Mailed { round, slot } => ("mailed", Some(round), Some(codec::time(slot))),
        EventKind::Skipped => ("skipped", None, None),
        EventKind::Answered => ("answered", None, None),
        EventKind::Withdrawn => ("withdrawn", None, None),
    };
    let mut write = tx.prepare_cached(include_str!("sql/write_event.sql"))?;
    write.execute(params![enrolment, codec::time(at), step.as_str(), word, round, slot])?;
    Ok(())
}

/// Stores skipped steps.
pub(super) fn write_skipped(tx: &Transaction<'_>, skips: &[SkippedStep]) -> Result<(), StoreError> {
    for skip in skips {
        let enrolment = enrolment_id(tx, skip.person, &skip.step.journey)?;
        write_event(tx, enrolment, skip.at, &skip.step.step, EventKind::Skipped)?;
    }
    Ok(())
}
