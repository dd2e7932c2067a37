//! The outbox: deliveries that are not settled, what workers have in flight, and
//! the commits of the coordinator. `transition` applies a single change of state.

use std::sync::Arc;

use rusqlite::{Row, params};

use super::messages::{self, InFlight, StoredMessage};
use super::people::{self, StringInterner};
use super::transition::{self, Transition};
use super::{SettingsRevision, Store, StoreError, failpoints};
use crate::domain::delivery::state::{
    Delivery, DeliveryEvent, MANY_ATTEMPTS, MAX_RETRY_PERIOD, MailPurpose, State,
};
use crate::domain::model::ids::{PersonId, Slug, StepName};
use crate::domain::model::person::Person;
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// A delivery that may be sent, with everything needed to build its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundDelivery {
    /// The delivery, in its present state.
    pub delivery: Delivery,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// How often its outcome was unknown.
    pub doubts: u32,
    /// The last instant at which it may leave, if there is one.
    pub(crate) expires: Option<Timestamp>,
    /// The recipient.
    pub(crate) person: Person,
    /// The name of the recipient's unit.
    pub(crate) unit_name: Arc<str>,
    /// The character the recipient has chosen.
    pub(crate) character: Option<Slug>,
    /// Whether it is the first mail of its journey to the recipient.
    pub(crate) first: bool,
    /// Whether the recipient has left.
    pub(crate) has_left: bool,
    /// What the mail is for.
    pub(crate) purpose: MailPurpose,
    /// Which of the recipient's links are valid.
    pub(crate) link_epoch: u8,
    /// The message of an earlier attempt that may have arrived.
    pub stored: StoredMessage,
}

/// A delivery that is in doubt, deferred, held or rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProblemDelivery {
    pub number: i64,
    /// The recipient; `None` if the person is protected.
    pub(crate) person: Option<PersonId>,
    /// The recipient's name.
    pub(crate) name: Option<String>,
    pub(crate) step: StepName,
    /// 0 is the mail, 1 and up the reminders.
    pub(crate) round: u16,
    /// In doubt, deferred, held or rejected.
    pub(crate) state: State,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// When it is tried again; `None` if an operator must act.
    pub(crate) next: Option<Timestamp>,
    /// The reply of the relay, or another reason.
    pub reply: Option<String>,
}

/// What the coordinator commits in one transaction.
#[derive(Debug, Default)]
pub struct OutboxCommit {
    /// Outcomes of mails.
    pub transitions: Vec<Transition>,
    /// Workers whose mail has an outcome and that send nothing next.
    pub idle: Vec<i64>,
    /// The mail that each of the other workers sends next.
    pub in_flight: Vec<InFlight>,
    /// At the end of a run: the length up to which the send journal is reconciled. It
    /// may lag behind, because entries that are known already are skipped.
    pub journal_length: Option<u64>,
}

/// The result of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// It is on the disk; `false` for each delivery that was not in the expected
    /// state.
    Applied(Vec<bool>),
    /// Nothing was written, because another connection has changed the database.
    Conflict,
}

/// What a run found in flight of the run before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Mails whose outcome is unknown; they are sent once more.
    pub in_doubt: usize,
    /// Mails whose outcome is unknown for the second time.
    pub held: usize,
}

impl Store {
    /// Starts a run of the sender: what an earlier run had in flight is in doubt,
    /// and is tried once more not before `doubt_ends`.
    pub fn recover(&mut self, now: Timestamp, doubt_ends: Timestamp) -> Result<RecoveryReport, StoreError> {
        let tx = self.write_transaction()?;
        let mut report = RecoveryReport::default();
        for (number, from, doubts) in messages::unfinished(&tx)? {
            let lost = Transition::new(number, from, DeliveryEvent::ResultUnknown)
                .with_reply("the program ended before the mail server answered");
            transition::apply(&tx, &Transition { doubts, not_before: Some(doubt_ends), ..lost }, now)?;
            match from.after(DeliveryEvent::ResultUnknown, doubts) {
                Some(State::InDoubt) => report.in_doubt += 1,
                Some(_) => report.held += 1,
                None => {}
            }
        }
        messages::clear_all(&tx)?;
        failpoints::at("store.run.before")?;
        tx.commit()?;
        failpoints::at("store.run.after")?;
        Ok(report)
    }

    /// At most `most` deliveries that may be sent now, with numbers above `after`, in
    /// the order in which they were enqueued: those that are due, and those whose
    /// next attempt is.
    pub fn sendable(
        &self,
        after: i64,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<OutboundDelivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/sendable.sql"))?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut found = statement.query(params![after, codec::time(now), most])?;
        let mut interner = StringInterner::default();
        let mut all = Vec::new();
        while let Some(row) = found.next()? {
            all.push(self.read_outbound(row, &mut interner)?);
        }
        Ok(all)
    }

    fn read_outbound(
        &self,
        row: &Row<'_>,
        interner: &mut StringInterner,
    ) -> Result<OutboundDelivery, StoreError> {
        let has_extra = row.get(34)?;
        let extra = if has_extra { self.extra_of(row.get(0)?)? } else { people::ExtraColumns::new() };
        let known = people::known(row, interner, &extra)?;
        let booked = codec::get_time(row, 21)?;
        let delivery = Delivery {
            number: row.get(16)?,
            person: known.person.id.clone(),
            step: StepName { journey: codec::slug(row, 17)?, step: codec::slug(row, 18)? },
            round: codec::round(row, 19)?,
            slot: codec::get_time(row, 20)?,
            booked,
            content: codec::hash(row, 22)?,
            message_id: codec::str(row, 23)?.to_owned(),
            in_reply_to: codec::maybe_str(row, 24)?.map(str::to_owned),
            state: State::parse(codec::str(row, 25)?).ok_or_else(|| codec::bad_column(25, "a state"))?,
        };
        // Only rejections of this recipient end the attempts, not days in which the
        // relay accepted nothing.
        let attempts: u32 = row.get(26)?;
        let longest = (attempts >= MANY_ATTEMPTS).then_some(booked + MAX_RETRY_PERIOD);
        let expires = [codec::maybe_time(row, 28)?, longest].into_iter().flatten().min();
        Ok(OutboundDelivery {
            delivery,
            attempts,
            doubts: row.get(27)?,
            expires,
            unit_name: known.unit_name.into(),
            character: codec::maybe_str(row, 29)?.map(|_| codec::slug(row, 29)).transpose()?,
            first: row.get(30)?,
            has_left: known.has_left,
            link_epoch: row.get(35)?,
            purpose: MailPurpose::parse(codec::str(row, 36)?)
                .ok_or_else(|| codec::bad_column(36, "a purpose"))?,
            person: known.person,
            stored: messages::read(row, 31)?,
        })
    }

    /// Applies transitions in one transaction, each as if it were the only one.
    pub fn write(&mut self, transitions: &[Transition], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let tx = self.write_transaction()?;
        let applied: Result<_, _> =
            transitions.iter().map(|made| transition::apply(&tx, made, now)).collect();
        let applied = applied?;
        failpoints::before(transitions, &[])?;
        tx.commit()?;
        failpoints::after(transitions, &[])?;
        Ok(applied)
    }

    /// Commits outcomes, and the mails that are sent next, in one transaction. With
    /// `seen`, nothing is written if a setting, or the people, have changed since:
    /// that must be taken into account first. The result has an
    /// entry for each mail in flight.
    pub fn commit(
        &mut self,
        commit: &OutboxCommit,
        seen: Option<SettingsRevision>,
        now: Timestamp,
    ) -> Result<WriteResult, StoreError> {
        let tx = self.write_transaction()?;
        if let Some(seen) = seen
            && super::undecided::settings_revision(&tx)? != seen
        {
            return Ok(WriteResult::Conflict);
        }
        for made in &commit.transitions {
            transition::apply(&tx, made, now)?;
        }
        for worker in &commit.idle {
            messages::clear(&tx, *worker)?;
        }
        let applied: Result<_, _> =
            commit.in_flight.iter().map(|mail| messages::replace(&tx, mail)).collect();
        let applied = applied?;
        if let Some(length) = commit.journal_length {
            let sql = "UPDATE instance SET journal_read = ?1";
            tx.prepare_cached(sql)?.execute([length.cast_signed()])?;
            messages::drop_unused_bases(&tx)?;
        }
        failpoints::before(&commit.transitions, &commit.in_flight)?;
        tx.commit()?;
        messages::mark_bases_stored(&commit.in_flight);
        failpoints::after(&commit.transitions, &commit.in_flight)?;
        Ok(WriteResult::Applied(applied))
    }

    /// The next time after an instant at which a mail that is deferred or in doubt is
    /// tried again.
    pub(crate) fn next_attempt(&self, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(next_attempt_at) FROM delivery
                   WHERE settled_at IS NULL AND next_attempt_at > ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([codec::time(after)])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Mails that were not sent: held ones first, then those in doubt, deferred, and
    /// rejected since an instant; at most `most`.
    pub(crate) fn problem_deliveries(
        &self,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<ProblemDelivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/problem_deliveries.sql"))?;
        let mut found =
            statement.query(params![codec::time(since), i64::try_from(most).unwrap_or(i64::MAX)])?;
        let mut stuck = Vec::new();
        while let Some(row) = found.next()? {
            let protected: bool = row.get(2)?;
            let person = PersonId::new(codec::str(row, 1)?);
            let name = format!("{} {}", codec::str(row, 10)?, codec::str(row, 11)?);
            stuck.push(ProblemDelivery {
                number: row.get(0)?,
                person: (!protected).then_some(person),
                name: (!protected).then_some(name),
                step: StepName { journey: codec::slug(row, 3)?, step: codec::slug(row, 4)? },
                round: codec::round(row, 5)?,
                state: State::parse(codec::str(row, 6)?).ok_or_else(|| codec::bad_column(6, "a state"))?,
                attempts: row.get(7)?,
                next: codec::maybe_time(row, 8)?,
                reply: codec::maybe_str(row, 9)?.map(str::to_owned),
            });
        }
        Ok(stuck)
    }

    /// The states of the deliveries from one number to another, in order.
    pub(crate) fn states(&self, from: i64, until: i64) -> Result<Vec<(i64, State)>, StoreError> {
        let sql = "SELECT id, state FROM delivery WHERE id >= ?1 AND id < ?2 ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([from, until])?;
        let mut states = Vec::new();
        while let Some(row) = found.next()? {
            let state = State::parse(codec::str(row, 1)?).ok_or_else(|| codec::bad_column(1, "a state"))?;
            states.push((row.get(0)?, state));
        }
        Ok(states)
    }

    /// When the mails since an instant were sent, oldest first; with a domain, only
    /// those to it. Rate limits count them.
    pub(crate) fn sent_since(
        &self,
        since: Timestamp,
        domain: Option<&str>,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let sql = match domain {
            None => {
                "SELECT settled_at FROM delivery WHERE state = 'sent' AND settled_at > ?1
                 ORDER BY settled_at"
            }
            Some(_) => include_str!("sql/sent_to_domain.sql"),
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let since = codec::time(since);
        let mut found = match domain {
            None => statement.query([since])?,
            Some(domain) => statement.query(params![since, domain])?,
        };
        let mut sent = Vec::new();
        while let Some(row) = found.next()? {
            sent.push(codec::get_time(row, 0)?);
        }
        Ok(sent)
    }

    /// The number of mails that wait only for a rate limit; with a domain, only those to
    /// it.
    pub(crate) fn waiting_to(&self, domain: Option<&str>) -> Result<usize, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/waiting_to.sql"))?;
        let waiting: u32 = statement.query_row([domain], |row| row.get(0))?;
        Ok(usize::try_from(waiting).unwrap_or(usize::MAX))
    }

    /// When the first mails of a mailing were sent, a step enqueued by one pass; `None`
    /// if fewer were.
    pub(crate) fn rollout_completed_at(
        &self,
        step: &StepName,
        booked: Timestamp,
        first: u32,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT delivery.settled_at FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   WHERE delivery.step = ?1 AND delivery.booked_at = ?2 AND enrolment.journey = ?3
                     AND delivery.purpose = 'step' AND delivery.state = 'sent'
                   ORDER BY delivery.settled_at LIMIT 1 OFFSET ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (name, journey, last) = (step.step.as_str(), step.journey.as_str(), first.saturating_sub(1));
        let mut found = statement.query(params![name, codec::time(booked), journey, last])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// How many mails of a mailing were tried, a step enqueued by one pass.
    pub(crate) fn rollout_started_count(
        &self,
        step: &StepName,
        booked: Timestamp,
    ) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   WHERE delivery.step = ?1 AND delivery.booked_at = ?2 AND enrolment.journey = ?3
                     AND delivery.purpose = 'step' AND delivery.state NOT IN ('planned', 'due', 'expired', 'cancelled')";
        let values = params![step.step.as_str(), codec::time(booked), step.journey.as_str()];
        Ok(self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
    }

    /// A delivery by its number, and how often it was in doubt.
    pub(crate) fn delivery(&self, number: i64) -> Result<Option<(Delivery, u32)>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/delivery.sql"))?;
        let mut found = statement.query([number])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Ok(Some((super::deliveries::delivery(row)?, row.get(11)?)))
    }

    /// For each delivery, whether its recipient is there and can be written to.
    pub(crate) fn recipients_active(&self, numbers: &[i64]) -> Result<Vec<bool>, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   JOIN person ON person.id = enrolment.person_id
                   WHERE delivery.id = ?1 AND person.left_at IS NULL AND person.email IS NOT NULL
                     AND person.shared_address = 0 AND person.second_employment = 0
                     AND person.undeliverable IS NULL
                     AND NOT EXISTS (SELECT 1 FROM stop WHERE stop.person_id = person.id
                                     AND stop.undone_at IS NULL))";
        let mut statement = self.connection.prepare_cached(sql)?;
        let wanted = |number: &i64| Ok(statement.query_row([number], |row| row.get(0))?);
        numbers.iter().map(wanted).collect()
    }

    fn extra_of(&self, person: i64) -> Result<people::ExtraColumns, StoreError> {
        let sql = "SELECT name, value FROM person_extra WHERE person_id = ?1 ORDER BY rank";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([person])?;
        let mut extra = people::ExtraColumns::new();
        while let Some(row) = found.next()? {
            let column = (codec::str(row, 0)?.into(), codec::str(row, 1)?.into());
            extra.entry(person).or_default().push(column);
        }
        Ok(extra)
    }
}
