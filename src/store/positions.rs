//! Where each enrolment stands: kept so that what is due is found at the
//! price of what is due, and so that people can look. Computed from events
//! and verdicts; can be thrown away and made anew.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::history::{self, Skip};
use super::{Seen, Store, StoreError, points};
use crate::domain::history::position::{Position, Stage};
use crate::domain::model::ids::{PersonNumber, Slug};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// The position of one person in one journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// Who.
    pub person: PersonNumber,
    /// In which journey.
    pub journey: Slug,
    /// Where.
    pub position: Position,
    /// Steps that were too late from now on: facts, written with it.
    pub skips: Vec<Skip>,
}

impl Store {
    /// Writes positions, all in one transaction; a row that says the same
    /// already is not written. They may be worked out one by one as they are
    /// asked for. Where somebody else has changed the database since it was
    /// seen, none is written: `false`.
    ///
    /// # Errors
    ///
    /// Where they cannot be written; then none is.
    pub fn keep_positions(
        &mut self,
        seen: Seen,
        positions: impl Iterator<Item = Stood>,
    ) -> Result<bool, StoreError> {
        let whole = self.begin()?;
        if super::seen(&whole)? != seen {
            return Ok(false);
        }
        {
            let mut keep = whole.prepare_cached(include_str!("sql/keep_position.sql"))?;
            for Stood { person, journey, position, skips } in positions {
                history::write_skips(&whole, &skips)?;
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
        points::at("store.positions")?;
        whole.commit()?;
        Ok(true)
    }

    /// Ends the positions of those who have left, and of journeys that are
    /// not in `journeys` any more: nothing of them is due.
    ///
    /// # Errors
    ///
    /// Where they cannot be written.
    pub fn end_positions(&mut self, journeys: &[&Slug]) -> Result<(), StoreError> {
        let whole = self.begin()?;
        whole.execute(include_str!("sql/end_positions_of_left.sql"), [])?;
        let mut gone: Vec<String> = Vec::new();
        {
            let mut statement = whole.prepare("SELECT DISTINCT journey FROM position")?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let journey = codec::str(row, 0)?;
                if !journeys.iter().any(|known| known.as_str() == journey) {
                    gone.push(journey.to_owned());
                }
            }
        }
        for journey in gone {
            whole.execute(include_str!("sql/end_positions_of_journey.sql"), [journey])?;
        }
        Ok(whole.commit()?)
    }

    /// Who may have something due at an instant, in order; each once. The
    /// price follows how many these are.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn due_people(&self, now: Timestamp) -> Result<Vec<PersonNumber>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/due_people.sql"))?;
        let people = statement.query_map([codec::time(now)], |row| row.get(0).map(PersonNumber))?;
        Ok(people.collect::<Result<_, _>>()?)
    }

    /// The next instant at which something may be due.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(next_at) FROM position WHERE next_at IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// How many enrolments are at each stage of each journey.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn stages(&self) -> Result<BTreeMap<Slug, [u64; 5]>, StoreError> {
        let sql = "SELECT journey, stage, count(*) FROM position GROUP BY journey, stage";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut stages: BTreeMap<Slug, [u64; 5]> = BTreeMap::new();
        while let Some(row) = found.next()? {
            let word = codec::str(row, 1)?;
            let place = Stage::ALL.iter().position(|stage| stage.as_str() == word);
            let place = place.ok_or_else(|| codec::wrong(1, "a stage"))?;
            stages.entry(codec::slug(row, 0)?).or_default()[place] = row.get::<_, i64>(2)?.cast_unsigned();
        }
        Ok(stages)
    }

    /// What the positions were decided with; `None`: all want a fresh look.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn decided_with(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT decided_with FROM instance";
        Ok(self.connection.query_row(sql, [], |row| row.get(0)).optional()?.flatten())
    }

    /// Says that all positions want a fresh look.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub(crate) fn forget_decided_with(&mut self) -> Result<(), StoreError> {
        self.connection.execute("UPDATE instance SET decided_with = NULL", [])?;
        Ok(())
    }

    /// Says what all positions were decided with. Where somebody else has
    /// changed the database since it was seen, it is not said: `false`.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn set_decided_with(&mut self, seen: Seen, with: &str) -> Result<bool, StoreError> {
        let whole = self.begin()?;
        if super::seen(&whole)? != seen {
            return Ok(false);
        }
        whole.execute("UPDATE instance SET decided_with = ?1", [with])?;
        whole.commit()?;
        Ok(true)
    }
}
