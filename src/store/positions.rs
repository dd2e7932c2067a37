//! Stored positions: the progress of each enrolment, computed from events and
//! verdicts. They make it cheap to find what is due, and can be deleted and
//! recomputed.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, Transaction, params};

use super::deliveries::NewDelivery;
use super::history::{self, SkippedStep};
use super::undecided::{self, Concerned, PersonRevision};
use super::{Store, StoreError, deliveries, failpoints};
use crate::domain::history::position::{Position, Stage};
use crate::domain::model::ids::{PersonNumber, Slug, UnitId};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// The position of a person in a journey, to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionUpdate {
    /// With `journey`, the enrolment.
    pub person: PersonNumber,
    /// With `person`, the enrolment.
    pub journey: Slug,
    /// The computed position.
    pub position: Position,
    /// Steps that have become too late; stored as events with the position.
    pub skips: Vec<SkippedStep>,
}

/// How a person stands in a journey.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PersonVerdict<'r> {
    pub(crate) person: PersonNumber,
    pub(crate) journey: &'r str,
    pub(crate) stage: &'r str,
    /// The key of the verdict.
    pub(crate) verdict: i64,
}

/// The fields of a stored position that can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredPosition {
    /// The step of the last mail (round 0), and when it was sent.
    pub(crate) last: Option<(Slug, Timestamp)>,
    pub(crate) next_at: Option<Timestamp>,
}

/// Stored positions by enrolment.
pub(crate) type StoredPositions = HashMap<(PersonNumber, Slug), StoredPosition>;

/// A person for whom was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedPerson {
    pub person: PersonNumber,
    /// The mark that was read with the person.
    pub revision: PersonRevision,
    /// The mail that is due.
    pub mail: Option<NewDelivery>,
    /// Where the person stands in each journey, once the mail has left.
    pub positions: Vec<PositionUpdate>,
}

impl Store {
    /// Stores decisions in one transaction: enqueues the mails, stores the positions, and deletes the marks. A person
    /// who was marked again since they were read is left out: `false`, in the order of `decided`. `begun` names the
    /// journeys, and units, whose mails decide where late joiners begin.
    pub fn record_decisions(
        &mut self,
        decided: &[DecidedPerson],
        begun: &[(Slug, Option<UnitId>)],
        now: Timestamp,
    ) -> Result<Vec<bool>, StoreError> {
        let tx = self.write_transaction()?;
        let mut stored = Vec::with_capacity(decided.len());
        for one in decided {
            stored.push(undecided::revision_of(&tx, one.person)? == one.revision);
        }
        let current = decided.iter().zip(&stored).filter(|(_, is_current)| **is_current).map(|(one, _)| one);
        let mails = current.clone().filter_map(|one| one.mail.as_ref());
        let is_enqueued = mails.clone().next().is_some();
        if is_enqueued {
            deliveries::enqueue(&tx, mails, now)?;
        }
        for one in current {
            one.positions.iter().try_for_each(|position| write_position(&tx, position))?;
            if one.revision.is_some() {
                undecided::unmark(&tx, one.person)?;
            }
        }
        for (journey, unit) in begun {
            undecided::recheck_late_joiners(&tx, journey, unit.as_ref(), now)?;
        }
        if is_enqueued {
            failpoints::at("store.book.before")?;
        }
        failpoints::at("store.positions")?;
        tx.commit()?;
        if is_enqueued {
            failpoints::at("store.book.after")?;
        }
        Ok(stored)
    }

    /// If the positions were computed with other inputs, or everyone was last marked before an instant, ends those of
    /// journeys that are gone, and marks everyone.
    pub fn decide_again_if_changed(
        &mut self,
        inputs: &str,
        journeys: &[&Slug],
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM instance WHERE decided_with = ?1 AND decided_at > ?2)";
        let values = params![inputs, codec::time(not_before)];
        if self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))? {
            return Ok(());
        }
        let tx = self.write_transaction()?;
        let mut gone: Vec<String> = Vec::new();
        {
            let mut statement = tx.prepare("SELECT DISTINCT journey FROM position")?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let journey = codec::str(row, 0)?;
                if !journeys.iter().any(|known| known.as_str() == journey) {
                    gone.push(journey.to_owned());
                }
            }
        }
        for journey in gone {
            tx.execute(include_str!("sql/end_positions_of_journey.sql"), [journey])?;
        }
        undecided::mark(&tx, Concerned::Everyone)?;
        let sql = "UPDATE instance SET decided_with = ?1, decided_at = ?2";
        tx.execute(sql, params![inputs, codec::time(now)])?;
        Ok(tx.commit()?)
    }

    /// The people who may have something due at an instant, and those who must be decided again, in order of their
    /// numbers. The cost depends on their number only.
    pub fn people_to_decide(&self, now: Timestamp) -> Result<Vec<PersonNumber>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/people_to_decide.sql"))?;
        let people = statement.query_map([codec::time(now)], |row| row.get(0).map(PersonNumber))?;
        Ok(people.collect::<Result<_, _>>()?)
    }

    /// All stored positions.
    pub(crate) fn stored_positions(&self) -> Result<StoredPositions, StoreError> {
        let sql = "SELECT person_id, journey, last_step, last_at, next_at FROM position";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut kept = StoredPositions::new();
        while let Some(row) = found.next()? {
            let last = match (codec::maybe_str(row, 2)?, codec::maybe_time(row, 3)?) {
                (Some(_), Some(at)) => Some((codec::slug(row, 2)?, at)),
                _ => None,
            };
            let position = StoredPosition { last, next_at: codec::maybe_time(row, 4)? };
            kept.insert((PersonNumber(row.get(0)?), codec::slug(row, 1)?), position);
        }
        Ok(kept)
    }

    /// Calls `take` for each position that has a verdict, in the order of people.
    pub(crate) fn for_each_verdict(
        &self,
        mut take: impl FnMut(PersonVerdict<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT person_id, journey, stage, verdict FROM position
                   WHERE verdict IS NOT NULL ORDER BY person_id, journey";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            take(PersonVerdict {
                person: PersonNumber(row.get(0)?),
                journey: codec::str(row, 1)?,
                stage: codec::str(row, 2)?,
                verdict: row.get(3)?,
            })?;
        }
        Ok(())
    }

    /// The next instant after another at which something may become due.
    pub(crate) fn next_due_after(&self, at: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(next_at) FROM position WHERE next_at IS NOT NULL AND next_at > ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([codec::time(at)])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// The next instant at which something may become due.
    pub fn next_due_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(next_at) FROM position WHERE next_at IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// The number of enrolments at each stage of each journey.
    pub fn stage_counts(&self) -> Result<BTreeMap<Slug, [u64; 5]>, StoreError> {
        let sql = "SELECT journey, stage, count(*) FROM position GROUP BY journey, stage";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut stages: BTreeMap<Slug, [u64; 5]> = BTreeMap::new();
        while let Some(row) = found.next()? {
            let word = codec::str(row, 1)?;
            let place = Stage::ALL.iter().position(|stage| stage.as_str() == word);
            let place = place.ok_or_else(|| codec::bad_column(1, "a stage"))?;
            stages.entry(codec::slug(row, 0)?).or_default()[place] = row.get::<_, i64>(2)?.cast_unsigned();
        }
        Ok(stages)
    }

    /// Fingerprint of the inputs from which the positions were computed; `None`: none were.
    pub fn positions_fingerprint(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT decided_with FROM instance";
        Ok(self.connection.query_row(sql, [], |row| row.get(0)).optional()?.flatten())
    }
}

/// Stores a position, unless it is stored already, and the steps that have expired.
fn write_position(tx: &Transaction<'_>, update: &PositionUpdate) -> Result<(), StoreError> {
    let PositionUpdate { person, journey, position, skips } = update;
    history::write_skipped(tx, skips)?;
    let last = position.last.as_ref();
    let next = position.next.as_ref();
    tx.prepare_cached(include_str!("sql/keep_position.sql"))?.execute(params![
        person.0,
        journey.as_str(),
        position.stage.as_str(),
        last.map(|(step, _)| step.as_str()),
        last.map(|(_, at)| codec::time(*at)),
        next.map(|(step, _)| step.as_str()),
        next.map(|(_, round)| *round),
        position.next_at.map(codec::time),
        position.why,
        position.verdict,
    ])?;
    Ok(())
}
