//! Deliveries: enqueued together with their events, and read. The row ensures that
//! a recipient gets each step once; `outbox` moves it to its outcome.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, Row, Transaction, params};

use super::{Store, StoreError, history, journal};
use crate::domain::delivery::state::{Delivery, State};
use crate::domain::history::EventKind;
use crate::domain::model::ids::{ContentHash, PersonId, PersonNumber, StepName};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// A mail that is decided and not enqueued yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// The number it will have; see [`Store::next_delivery`].
    pub number: i64,
    /// The recipient.
    pub person: PersonNumber,
    /// The step.
    pub step: StepName,
    /// 0 is the mail, 1 and up the reminders.
    pub round: u16,
    /// The slot it uses.
    pub slot: Timestamp,
    /// The hash of its content.
    pub content: ContentHash,
    /// `<…@…>`
    pub message_id: String,
    /// The last instant at which it may leave, if its step has one.
    pub expires: Option<Timestamp>,
}

/// The number the next delivery gets.
pub(super) fn next_delivery(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT 1 + max((SELECT coalesce(max(id), 0) FROM delivery),
                              (SELECT coalesce(max(number), 0) FROM sent_before))";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Enqueues deliveries, each with its event; the database refuses a second one of the same step and round. What the
/// send journal lists as sent counts as sent at once.
pub(super) fn enqueue<'n>(
    tx: &Transaction<'_>,
    deliveries: impl Iterator<Item = &'n NewDelivery> + Clone,
    now: Timestamp,
) -> Result<(), StoreError> {
    let is_restored = tx.query_row("SELECT EXISTS (SELECT 1 FROM sent_before)", [], |row| row.get(0))?;
    let enrolments: Vec<String> = deliveries
        .clone()
        .map(|new| format!(r#"[{}, "{}"]"#, new.person.0, new.step.journey.as_str()))
        .collect();
    let enrolments = format!("[{}]", enrolments.join(","));
    tx.prepare_cached(include_str!("sql/enrol_each.sql"))?.execute([enrolments])?;
    let mut insert = tx.prepare_cached(include_str!("sql/enqueue.sql"))?;
    for new in deliveries {
        let before = if is_restored { journal::journal_entry(tx, &new.message_id)? } else { None };
        // Links in the mail that was sent name the number it had then.
        let number = before.as_ref().map_or(new.number, |before| before.number);
        let values = params![
            number,
            new.person.0,
            new.step.journey.as_str(),
            new.step.step.as_str(),
            new.round,
            codec::time(new.slot),
            codec::time(now),
            new.content.to_string(),
            new.message_id,
            new.expires.map(codec::time),
        ];
        let enrolment = insert.query_row(values, |row| row.get(0))?;
        let what = EventKind::Mailed { round: new.round, slot: new.slot };
        history::write_event(tx, enrolment, now, &new.step.step, what)?;
        if let Some(before) = before {
            journal::mark_as_sent(tx, &before, now)?;
        }
    }
    Ok(())
}

impl Store {
    /// The number the next delivery gets.
    pub fn next_delivery(&self) -> Result<i64, StoreError> {
        next_delivery(&self.connection)
    }

    /// Every delivery to one person, in the order in which they were booked.
    pub fn deliveries_to(&self, person: &PersonId) -> Result<Vec<(Delivery, Option<String>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/deliveries_to.sql"))?;
        let mut found = statement.query([person.as_str()])?;
        let mut deliveries = Vec::new();
        while let Some(row) = found.next()? {
            deliveries.push((delivery(row)?, codec::maybe_str(row, 11)?.map(str::to_owned)));
        }
        Ok(deliveries)
    }

    /// How many deliveries there are in each state that has any.
    pub(crate) fn deliveries_by_state(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let sql = "SELECT state, count(*) FROM delivery GROUP BY state";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut states = Vec::new();
        while let Some(row) = found.next()? {
            let state = State::parse(codec::str(row, 0)?).ok_or_else(|| codec::bad_column(0, "a state"))?;
            states.push((state, row.get::<_, i64>(1)?.cast_unsigned()));
        }
        states.sort_unstable();
        Ok(states)
    }

    /// The mailings of which something has not been handed over yet: the step,
    /// and the pass that booked it.
    pub(crate) fn mailings_due(&self) -> Result<Vec<(StepName, Timestamp)>, StoreError> {
        let sql = "SELECT DISTINCT enrolment.journey, delivery.step, delivery.booked_at FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   WHERE delivery.settled_at IS NULL AND delivery.state = 'due' AND delivery.purpose = 'step'
                   ORDER BY delivery.booked_at, enrolment.journey, delivery.step";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut mailings = Vec::new();
        while let Some(row) = found.next()? {
            let step = StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? };
            mailings.push((step, codec::get_time(row, 2)?));
        }
        Ok(mailings)
    }

    /// How many mails were handed over after one instant and up to another.
    pub(crate) fn sent_between(&self, after: Timestamp, until: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM delivery
                   WHERE state = 'sent' AND settled_at > ?1 AND settled_at <= ?2";
        let between = [codec::time(after), codec::time(until)];
        let sent: i64 = self.connection.query_row(sql, between, |row| row.get(0))?;
        Ok(sent.cast_unsigned())
    }

    /// When a mail was last handed over; `None`: never.
    pub(crate) fn last_sent(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT max(settled_at) FROM delivery WHERE state = 'sent'";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }
}

/// A mail to a person, as the database remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PastMail {
    pub(crate) step: StepName,
    pub(crate) round: u16,
    pub(crate) state: State,
    pub(crate) slot: Timestamp,
    /// When its outcome was known.
    pub(crate) settled: Option<Timestamp>,
    pub(crate) content: ContentHash,
    pub(crate) reply: Option<String>,
}

/// A person whom an import removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Departed {
    pub(crate) person: PersonId,
    pub(crate) protected: bool,
    pub(crate) at: Timestamp,
}

/// The last mail of a step that a person got with an earlier text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EarlierText {
    pub(crate) person: PersonId,
    pub(crate) content: ContentHash,
    pub(crate) sent: Timestamp,
}

impl Store {
    /// Whether anyone who has not left got the mail of a step before an instant.
    pub(crate) fn has_anyone_got(&self, step: &StepName, before: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (
                   SELECT 1 FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   JOIN person ON person.id = enrolment.person_id
                   WHERE delivery.step = ?2 AND enrolment.journey = ?1 AND delivery.round = 0
                     AND delivery.purpose = 'step'
                     AND person.left_at IS NULL AND delivery.state NOT IN ('rejected', 'expired', 'cancelled')
                     AND coalesce(delivery.settled_at, delivery.booked_at) < ?3)";
        let values = params![step.journey.as_str(), step.step.as_str(), codec::time(before)];
        Ok(self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
    }

    /// All people's mails of all steps: how many people got each.
    pub(crate) fn people_per_step(&self) -> Result<Vec<(StepName, usize)>, StoreError> {
        let sql = "SELECT enrolment.journey, delivery.step, count(*) FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   WHERE delivery.round = 0 AND delivery.purpose = 'step' AND delivery.state = 'sent'
                   GROUP BY 1, 2 ORDER BY 1, 2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut steps = Vec::new();
        while let Some(row) = found.next()? {
            let people = usize::try_from(row.get::<_, i64>(2)?).unwrap_or(usize::MAX);
            steps.push((StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? }, people));
        }
        Ok(steps)
    }

    /// All mails to one person, also one who has left.
    pub(crate) fn past_mails(&self, person: &PersonId) -> Result<Vec<PastMail>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/past_mails.sql"))?;
        let mut found = statement.query([person.as_str()])?;
        let mut mails = Vec::new();
        while let Some(row) = found.next()? {
            mails.push(PastMail {
                step: StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? },
                round: codec::round(row, 2)?,
                state: State::parse(codec::str(row, 3)?).ok_or_else(|| codec::bad_column(3, "a state"))?,
                slot: codec::get_time(row, 4)?,
                settled: codec::maybe_time(row, 5)?,
                content: codec::hash(row, 6)?,
                reply: codec::maybe_str(row, 7)?.map(str::to_owned),
            });
        }
        Ok(mails)
    }

    /// A person who has left, by employee id or address.
    pub(crate) fn departed(&self, id_or_address: &str) -> Result<Option<Departed>, StoreError> {
        let sql = "SELECT employee_id, protected, left_at FROM person
                   WHERE left_at IS NOT NULL AND (employee_id = ?1 OR email = ?1 COLLATE NOCASE)
                   ORDER BY employee_id <> ?1, left_at DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([id_or_address])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Ok(Some(Departed {
            person: PersonId::new(codec::str(row, 0)?),
            protected: row.get(1)?,
            at: codec::get_time(row, 2)?,
        }))
    }

    /// Who got a step, under any of its names, and never with today's text.
    pub(crate) fn earlier_texts(
        &self,
        names: &[StepName],
        today: ContentHash,
    ) -> Result<Vec<EarlierText>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/texts_of_step.sql"))?;
        let mut got: BTreeMap<PersonId, EarlierText> = BTreeMap::new();
        let mut got_today: HashSet<PersonId> = HashSet::new();
        for name in names {
            let mut found = statement.query([name.journey.as_str(), name.step.as_str()])?;
            while let Some(row) = found.next()? {
                let (person, content) = (PersonId::new(codec::str(row, 0)?), codec::hash(row, 1)?);
                if content == today {
                    got_today.insert(person);
                    continue;
                }
                let sent = codec::get_time(row, 2)?;
                let text = EarlierText { person: person.clone(), content, sent };
                match got.get(&person) {
                    Some(other) if other.sent > sent => {}
                    _ => drop(got.insert(person, text)),
                }
            }
        }
        Ok(got.into_values().filter(|text| !got_today.contains(&text.person)).collect())
    }
}

/// A delivery, from the columns of `deliveries_to.sql`.
pub(super) fn delivery(row: &Row<'_>) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        number: row.get(0)?,
        person: PersonId::new(codec::str(row, 1)?),
        step: StepName { journey: codec::slug(row, 2)?, step: codec::slug(row, 3)? },
        round: codec::round(row, 4)?,
        slot: codec::get_time(row, 5)?,
        booked: codec::get_time(row, 6)?,
        content: codec::hash(row, 7)?,
        message_id: codec::str(row, 8)?.to_owned(),
        in_reply_to: codec::maybe_str(row, 9)?.map(str::to_owned),
        state: State::parse(codec::str(row, 10)?).ok_or_else(|| codec::bad_column(10, "a state"))?,
    })
}
