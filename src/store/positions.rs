//! Stored positions: the progress of each enrolment, computed from events and
//! verdicts. They make it cheap to find what is due, and can be deleted and
//! recomputed.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, params};

use super::history::{self, SkippedStep};
use super::{DataVersion, Store, StoreError, failpoints};
use crate::domain::history::position::{Position, Stage};
use crate::domain::model::ids::{PersonNumber, Slug};
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

/// The fields of a stored position that can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredPosition {
    /// The step of the last mail (round 0), and when it was sent.
    pub(crate) last: Option<(Slug, Timestamp)>,
    pub(crate) next_at: Option<Timestamp>,
}

/// Stored positions by enrolment.
pub(crate) type StoredPositions = HashMap<(PersonNumber, Slug), StoredPosition>;

impl Store {
    /// Stores positions in one transaction; unchanged rows are not written. The
    /// iterator may compute them one by one. Returns `false` and stores nothing
    /// if another connection has written since `seen`.
    pub fn save_positions(
        &mut self,
        seen: DataVersion,
        positions: impl Iterator<Item = PositionUpdate>,
    ) -> Result<bool, StoreError> {
        let tx = self.write_transaction()?;
        if super::data_version(&tx)? != seen {
            return Ok(false);
        }
        {
            let mut keep = tx.prepare_cached(include_str!("sql/keep_position.sql"))?;
            for PositionUpdate { person, journey, position, skips } in positions {
                history::write_skipped(&tx, &skips)?;
                let (last_step, last_at) = position.last.unzip();
                let (next_step, next_round) = position.next.unzip();
                keep.execute(params![
                    person.0,
                    journey.as_str(),
                    position.stage.as_str(),
                    last_step.as_ref().map(Slug::as_str),
                    last_at.map(codec::time),
                    next_step.as_ref().map(Slug::as_str),
                    next_round,
                    position.next_at.map(codec::time),
                    position.why,
                ])?;
            }
        }
        failpoints::at("store.positions")?;
        tx.commit()?;
        Ok(true)
    }

    /// Ends the positions of people who have left and of journeys that are not in
    /// `journeys`, so that nothing of them is due.
    pub fn end_positions(&mut self, journeys: &[&Slug]) -> Result<(), StoreError> {
        let tx = self.write_transaction()?;
        tx.execute(include_str!("sql/end_positions_of_left.sql"), [])?;
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
        Ok(tx.commit()?)
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

    /// The people who may have something due at an instant, in order of their
    /// keys. The cost depends on their number only.
    pub fn due_people(&self, now: Timestamp) -> Result<Vec<PersonNumber>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/due_people.sql"))?;
        let people = statement.query_map([codec::time(now)], |row| row.get(0).map(PersonNumber))?;
        Ok(people.collect::<Result<_, _>>()?)
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

    /// Fingerprint of the inputs from which the positions were computed; `None`
    /// if all must be recomputed.
    pub fn positions_fingerprint(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT decided_with FROM instance";
        Ok(self.connection.query_row(sql, [], |row| row.get(0)).optional()?.flatten())
    }

    /// Marks all positions to be recomputed.
    pub(crate) fn invalidate_positions(&mut self) -> Result<(), StoreError> {
        self.connection.execute("UPDATE instance SET decided_with = NULL", [])?;
        Ok(())
    }

    /// Stores the fingerprint of the inputs of all positions. Returns `false` and
    /// stores nothing if another connection has written since `seen`.
    pub fn set_positions_fingerprint(&mut self, seen: DataVersion, with: &str) -> Result<bool, StoreError> {
        let tx = self.write_transaction()?;
        if super::data_version(&tx)? != seen {
            return Ok(false);
        }
        tx.execute("UPDATE instance SET decided_with = ?1", [with])?;
        tx.commit()?;
        Ok(true)
    }
}
