//! The outbox: deliveries that are not settled, and every move of one from
//! state to state. A move says where the delivery is thought to be; one that
//! is elsewhere by now stays there. `domain/delivery` knows which moves there
//! are, the engine when they happen, the database never to take one back.

use std::sync::Arc;

use rusqlite::{Row, Transaction, params};

use super::bytes::{self, StoredMessage};
use super::people::{self, StringInterner};
use super::transition::{self, Transition};
use super::{DataVersion, Store, StoreError, failpoints};
use crate::domain::delivery::state::{Delivery, DeliveryEvent, MANY_ATTEMPTS, MAX_RETRY_PERIOD, State};
use crate::domain::model::ids::{PersonId, Slug, StepName};
use crate::domain::model::person::Person;
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// A delivery that may leave, with everything its mail is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundDelivery {
    /// The decision; `state` is where it is now.
    pub delivery: Delivery,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// How often nobody knew whether it left.
    pub doubts: u32,
    /// The last instant at which it may leave, if there is one.
    pub(crate) expires: Option<Timestamp>,
    /// To whom.
    pub(crate) person: Person,
    /// Where they belong.
    pub(crate) unit_name: Arc<str>,
    /// Which way in they chose.
    pub(crate) character: Option<Slug>,
    /// Is it the first mail of its journey to them?
    pub(crate) first: bool,
    /// Are they gone?
    pub(crate) has_left: bool,
    /// The mail as it was handed over before, and must be again.
    pub before: StoredMessage,
}

/// A delivery that does not simply leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProblemDelivery {
    /// Which.
    pub number: i64,
    /// To whom; `None` where they are shown nowhere.
    pub(crate) person: Option<PersonId>,
    /// Their name.
    pub(crate) name: Option<String>,
    /// Of which step.
    pub(crate) step: StepName,
    /// 0 is the mail, 1… the reminders.
    pub(crate) round: u16,
    /// In doubt, put off or held.
    pub(crate) state: State,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// When it is tried again; `None`: when somebody acts.
    pub(crate) next: Option<Timestamp>,
    /// What was said of it.
    pub reply: Option<String>,
}

/// What became of writing moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// They are on the disk; `false` for each delivery that was elsewhere.
    All(Vec<bool>),
    /// Nothing is: somebody else has changed the database since.
    Changed,
}

/// What a run of the sender found of the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Taken, and nothing of it had left: due again.
    pub returned: usize,
    /// On the way when it ended, and nobody knows.
    pub in_doubt: usize,
    /// The second time; somebody must say.
    pub held: usize,
}

impl Store {
    /// Begins a run of the sender: what an earlier one had taken is due again,
    /// and what was on its way is in doubt; it is tried once more not before
    /// `doubt_ends`.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; then nothing is.
    pub fn recover(&mut self, now: Timestamp, doubt_ends: Timestamp) -> Result<RecoveryReport, StoreError> {
        let whole = self.write_transaction()?;
        whole.execute("UPDATE instance SET epoch = epoch + 1", [])?;
        let mut recovered = RecoveryReport::default();
        for (number, from, doubts) in left_open(&whole)? {
            let happened =
                if from == State::Claimed { DeliveryEvent::Released } else { DeliveryEvent::ResultUnknown };
            let to = from.after(happened, doubts);
            let mut made = Transition { doubts, ..Transition::new(number, from, happened) };
            if from == State::InFlight {
                made = made.with_reply("the program ended before the mail server answered");
                made.not_before = Some(doubt_ends);
            }
            transition::apply(&whole, &made, now)?;
            match to {
                Some(State::Due) => recovered.returned += 1,
                Some(State::InDoubt) => recovered.in_doubt += 1,
                _ => recovered.held += 1,
            }
        }
        failpoints::at("store.run.before")?;
        whole.commit()?;
        failpoints::at("store.run.after")?;
        Ok(recovered)
    }

    /// What may leave now, in the order in which it was booked: due, or put
    /// off or in doubt until now. At most so many, with numbers above `after`.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn sendable(
        &self,
        after: i64,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<OutboundDelivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/outgoing.sql"))?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut found = statement.query(params![after, codec::time(now), most])?;
        let mut interner = StringInterner::default();
        let mut all = Vec::new();
        while let Some(row) = found.next()? {
            all.push(self.read_outgoing(row, &mut interner)?);
        }
        Ok(all)
    }

    fn read_outgoing(
        &self,
        row: &Row<'_>,
        interner: &mut StringInterner,
    ) -> Result<OutboundDelivery, StoreError> {
        let known = people::known(row, interner, &self.extra_of(row.get(0)?)?)?;
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
        // A relay that took nothing from anybody for days is no reason to give
        // up a mail: what it says to this reader counts.
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
            person: known.person,
            before: bytes::read(row, 31)?,
        })
    }

    /// Writes moves, all in one transaction, each as if it were the only one.
    /// With `seen`, nothing is written where somebody else has changed the
    /// database since: a pause, say, that must be seen first.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; then nothing is.
    pub fn write(
        &mut self,
        moves: &[Transition],
        seen: Option<DataVersion>,
        now: Timestamp,
    ) -> Result<WriteResult, StoreError> {
        self.write_knowing(moves, seen, None, now)
    }

    /// The same, knowing a send journal of so many bytes.
    ///
    /// # Errors
    ///
    /// As [`Store::write`].
    pub(crate) fn write_knowing(
        &mut self,
        moves: &[Transition],
        seen: Option<DataVersion>,
        journal: Option<u64>,
        now: Timestamp,
    ) -> Result<WriteResult, StoreError> {
        let whole = self.write_transaction()?;
        if let Some(seen) = seen
            && super::data_version(&whole)? != seen
        {
            return Ok(WriteResult::Changed);
        }
        let mut written = Vec::with_capacity(moves.len());
        for made in moves {
            written.push(transition::apply(&whole, made, now)?);
        }
        if let Some(journal) = journal {
            let sql = "UPDATE instance SET journal_read = ?1";
            whole.prepare_cached(sql)?.execute([journal.cast_signed()])?;
        }
        failpoints::before(moves)?;
        whole.commit()?;
        failpoints::after(moves)?;
        Ok(WriteResult::All(written))
    }

    /// When something of the outbox may leave that may not yet: the earliest
    /// instant until which something is put off or in doubt.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn next_attempt(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(next_attempt_at) FROM delivery WHERE settled_at IS NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Mails that did not leave: held first, then in doubt, then deferred, then
    /// those refused since an instant; at most so many.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn problem_deliveries(
        &self,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<ProblemDelivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/stuck.sql"))?;
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

    /// Where the deliveries from one number to another are now, in order.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
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

    /// When the last mails were handed over that left after an instant, the
    /// oldest first; of a domain only those to it. What a limit of mails in a
    /// time counts.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
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

    /// How many mails of the outbox wait for nothing but room; of a domain only
    /// those to it.
    ///
    /// # Errors
    ///
    /// Where they cannot be counted.
    pub(crate) fn waiting_to(&self, domain: Option<&str>) -> Result<usize, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/waiting_to.sql"))?;
        let waiting: u32 = statement.query_row([domain], |row| row.get(0))?;
        Ok(usize::try_from(waiting).unwrap_or(usize::MAX))
    }

    /// Of a mailing, one step booked by one pass: when the first so many had
    /// left; `None` while fewer have.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn rollout_completed_at(
        &self,
        step: &StepName,
        booked: Timestamp,
        first: u32,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT delivery.settled_at FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   WHERE delivery.step = ?1 AND delivery.booked_at = ?2 AND enrolment.journey = ?3
                     AND delivery.state = 'sent'
                   ORDER BY delivery.settled_at LIMIT 1 OFFSET ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (name, journey, last) = (step.step.as_str(), step.journey.as_str(), first.saturating_sub(1));
        let mut found = statement.query(params![name, codec::time(booked), journey, last])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Of a mailing, one step booked by one pass: how many are sent or on
    /// their way.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn rollout_started_count(
        &self,
        step: &StepName,
        booked: Timestamp,
    ) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   WHERE delivery.step = ?1 AND delivery.booked_at = ?2 AND enrolment.journey = ?3
                     AND delivery.state NOT IN ('planned', 'due', 'expired', 'cancelled')";
        let values = params![step.step.as_str(), codec::time(booked), step.journey.as_str()];
        Ok(self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
    }

    /// One delivery of the outbox, by its number: to whom, and where it is.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn delivery(&self, number: i64) -> Result<Option<(Delivery, u32)>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/delivery.sql"))?;
        let mut found = statement.query([number])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Ok(Some((super::deliveries::delivery(row)?, row.get(11)?)))
    }

    /// Of some deliveries, by number: those whose person is there and can be
    /// written to.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
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

/// What a run that ended had in its hands.
fn left_open(whole: &Transaction<'_>) -> Result<Vec<(i64, State, u32)>, StoreError> {
    let sql = "SELECT id, state, doubts FROM delivery
               WHERE settled_at IS NULL AND state IN ('claimed', 'in_flight') ORDER BY id";
    let mut statement = whole.prepare_cached(sql)?;
    let mut found = statement.query([])?;
    let mut open = Vec::new();
    while let Some(row) = found.next()? {
        let state = State::parse(codec::str(row, 1)?).ok_or_else(|| codec::bad_column(1, "a state"))?;
        open.push((row.get(0)?, state, row.get(2)?));
    }
    Ok(open)
}
