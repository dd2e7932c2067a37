//! The people who must be decided again because something that concerns them has
//! changed. Every change marks them in its own transaction.
//!
//! A mark has a revision. Storing a decision deletes the mark only if it
//! still has the revision that was read together with the person, so a change
//! between reading and storing is never lost.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Store, StoreError, codec};
use crate::domain::change::Change;
use crate::domain::change::import_diff::ImportDiff;
use crate::domain::change::settings::PauseTarget;
use crate::domain::model::ids::{PersonNumber, Slug, StepName, UnitId};
use crate::domain::time::timezone::Timestamp;

/// The state of the settings (holds, pauses, approvals, units, stops) in a database. It differs from an earlier one if
/// a setting or the people have changed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SettingsRevision(i64);

/// The last change that concerns a person; `None` if their stored positions are up to date.
pub type PersonRevision = Option<i64>;

/// Whom a change concerns.
#[derive(Clone, Copy, Debug)]
pub(super) enum Concerned<'a> {
    Everyone,
    Person(PersonNumber),
    Unit(&'a UnitId),
    /// Everyone who has something to come in the journey.
    Journey(&'a Slug),
    /// Those for whom the step comes next, or may.
    Step(&'a StepName),
    /// Those who wait for their first mail of a journey.
    LateJoiners,
    /// The recipient.
    Delivery(i64),
}

impl<'a> Concerned<'a> {
    fn of(change: &'a Change, person: Option<PersonNumber>) -> Concerned<'a> {
        match (change, person) {
            (_, Some(person)) => Concerned::Person(person),
            (Change::Approve { step, .. } | Change::Hold(Some(step)) | Change::Release(Some(step)), None) => {
                Concerned::Step(step)
            }
            (Change::Pause { of, .. } | Change::Resume(of), None) => match of {
                PauseTarget::Unit(unit) => Concerned::Unit(unit),
                PauseTarget::Journey(journey) => Concerned::Journey(journey),
                PauseTarget::Person(_) => Concerned::Everyone,
            },
            (Change::Shift { unit, .. } | Change::CloseUnit { unit, .. }, None)
            | (Change::SetCadence { unit, .. }, None) => Concerned::Unit(unit),
            _ => Concerned::Everyone,
        }
    }
}

/// People for whom a step comes next. While a reminder comes first, or others decide which step it is, it may come
/// behind that.
const AT_STEP: &str = "id IN (
    SELECT person_id FROM position WHERE journey = ?1 AND next_step = ?2
    UNION SELECT person_id FROM position
    WHERE journey = ?1 AND stage IN ('waiting', 'active', 'paused') AND (next_step IS NULL OR next_round > 0))";

/// Begins a change: its marks have a revision of their own.
pub(super) fn begin_marking(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE instance SET revision = revision + 1")?.execute([])?;
    Ok(())
}

/// Marks whom a change concerns, so that the next pass decides for them.
pub(super) fn mark(tx: &Transaction<'_>, concerned: Concerned<'_>) -> Result<(), StoreError> {
    begin_marking(tx)?;
    let insert = |people: &str| {
        format!(
            "INSERT INTO undecided (person_id, revision)
             SELECT id, (SELECT revision FROM instance) FROM person WHERE left_at IS NULL AND {people}
             ON CONFLICT (person_id) DO UPDATE SET revision = excluded.revision"
        )
    };
    let not_over = "stage IN ('waiting', 'active', 'paused')";
    match concerned {
        Concerned::Everyone => tx.prepare_cached(&insert("true"))?.execute([])?,
        Concerned::Person(person) => tx.prepare_cached(&insert("id = ?1"))?.execute([person.0])?,
        Concerned::Unit(unit) => {
            let people = "unit_id = (SELECT id FROM unit WHERE code = ?1)";
            tx.prepare_cached(&insert(people))?.execute([unit.as_str()])?
        }
        Concerned::Journey(journey) => {
            let people = format!("id IN (SELECT person_id FROM position WHERE journey = ?1 AND {not_over})");
            tx.prepare_cached(&insert(&people))?.execute([journey.as_str()])?
        }
        Concerned::Step(step) => {
            let (journey, step) = (step.journey.as_str(), step.step.as_str());
            tx.prepare_cached(&insert(AT_STEP))?.execute([journey, step])?
        }
        Concerned::LateJoiners => {
            let people = format!(
                "id IN (SELECT position.person_id FROM position LEFT JOIN enrolment USING (person_id, journey)
                        WHERE last_step IS NULL AND {not_over} AND (entered_at IS NOT NULL OR next_step IS NULL))"
            );
            tx.prepare_cached(&insert(&people))?.execute([])?
        }
        Concerned::Delivery(number) => {
            let people = "id = (SELECT person_id FROM enrolment JOIN delivery ON enrolment_id = enrolment.id
                                WHERE delivery.id = ?1)";
            tx.prepare_cached(&insert(people))?.execute([number])?
        }
    };
    Ok(())
}

/// Marks whom a decision concerns, and records that the settings have changed.
pub(super) fn mark_decision(
    tx: &Transaction<'_>,
    change: &Change,
    person: Option<PersonNumber>,
) -> Result<(), StoreError> {
    mark(tx, Concerned::of(change, person))?;
    if matches!(change, Change::SetCadence { .. }) {
        // Those who join late may begin where the unit is.
        mark(tx, Concerned::LateJoiners)?;
    }
    if !matches!(change, Change::Answer { .. }) {
        settings_changed(tx)?;
    }
    Ok(())
}

/// Marks whom an import concerns: everyone in `person_change`, and those who may begin where others are. Who has left
/// needs no decision any more.
pub(super) fn mark_imported(tx: &Transaction<'_>, diff: &ImportDiff) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM person_change WHERE kind <> 'not removed')";
    let is_changed: bool = tx.query_row(sql, [], |row| row.get(0))?;
    if !is_changed && diff.settled.is_empty() {
        return Ok(());
    }
    begin_marking(tx)?;
    tx.execute(include_str!("sql/mark_imported.sql"), [])?;
    let left = "(SELECT person_id FROM person_change WHERE kind = 'left')";
    tx.execute(&format!("DELETE FROM undecided WHERE person_id IN {left}"), [])?;
    tx.execute(include_str!("sql/end_positions_of_left.sql"), [])?;
    for settled in &diff.settled {
        mark(tx, Concerned::Unit(&settled.unit))?;
        if let Some(unit) = &settled.moved_to {
            mark(tx, Concerned::Unit(&unit.id))?;
        }
    }
    mark(tx, Concerned::LateJoiners)?;
    settings_changed(tx)
}

/// Records that the settings, or the people, have changed; after [`mark`].
pub(super) fn settings_changed(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE instance SET settings_revision = revision")?.execute([])?;
    Ok(())
}

/// Rechecks the people who wait for their first mail of a journey and may join it late, in one unit or
/// everywhere: others have got a mail, and which step they begin with depends on that from the next second on.
pub(super) fn recheck_late_joiners(
    tx: &Transaction<'_>,
    journey: &Slug,
    unit: Option<&UnitId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let soon = codec::time(now + chrono::TimeDelta::seconds(1));
    let recheck = "UPDATE position SET next_at = ?2
                   WHERE journey = ?1 AND last_step IS NULL AND stage IN ('waiting', 'active', 'paused')
                     AND (next_at IS NULL OR next_at > ?2)";
    match unit {
        None => tx.prepare_cached(recheck)?.execute(params![journey.as_str(), soon])?,
        Some(unit) => {
            let of_unit = format!(
                "{recheck} AND person_id IN
                 (SELECT id FROM person WHERE unit_id = (SELECT id FROM unit WHERE code = ?3))"
            );
            tx.prepare_cached(&of_unit)?.execute(params![journey.as_str(), soon, unit.as_str()])?
        }
    };
    Ok(())
}

/// The revision of the mark of a person.
pub(super) fn revision_of(
    connection: &Connection,
    person: PersonNumber,
) -> Result<PersonRevision, StoreError> {
    let mut find = connection.prepare_cached("SELECT revision FROM undecided WHERE person_id = ?1")?;
    Ok(find.query_row([person.0], |row| row.get(0)).optional()?)
}

/// Deletes the mark of a person who is decided.
pub(super) fn unmark(tx: &Transaction<'_>, person: PersonNumber) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM undecided WHERE person_id = ?1")?.execute([person.0])?;
    Ok(())
}

pub(super) fn settings_revision(connection: &Connection) -> Result<SettingsRevision, StoreError> {
    let mut statement = connection.prepare_cached("SELECT settings_revision FROM instance")?;
    Ok(SettingsRevision(statement.query_row([], |row| row.get(0))?))
}

impl Store {
    /// The revision of the settings.
    pub fn settings_revision(&self) -> Result<SettingsRevision, StoreError> {
        settings_revision(&self.connection)
    }

    /// The people who must be decided again, in order of their numbers.
    pub fn undecided_people(&self) -> Result<Vec<PersonNumber>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT person_id FROM undecided ORDER BY person_id")?;
        let people = statement.query_map([], |row| row.get(0).map(PersonNumber))?;
        Ok(people.collect::<Result<_, _>>()?)
    }

    /// The people for whom a step comes next, or may.
    pub(crate) fn people_at_step(&self, step: &StepName) -> Result<Vec<PersonNumber>, StoreError> {
        let people = format!("SELECT id FROM person WHERE left_at IS NULL AND {AT_STEP} ORDER BY id");
        let mut statement = self.connection.prepare_cached(&people)?;
        let names = [step.journey.as_str(), step.step.as_str()];
        let people = statement.query_map(names, |row| row.get(0).map(PersonNumber))?;
        Ok(people.collect::<Result<_, _>>()?)
    }

    /// The mark of a person.
    pub fn mark_of(&self, person: PersonNumber) -> Result<PersonRevision, StoreError> {
        revision_of(&self.connection, person)
    }

    /// Everyone who has not left, in order of their numbers.
    pub(crate) fn all_people(&self) -> Result<Vec<PersonNumber>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM person WHERE left_at IS NULL ORDER BY id")?;
        let people = statement.query_map([], |row| row.get(0).map(PersonNumber))?;
        Ok(people.collect::<Result<_, _>>()?)
    }

    /// Stores the state of each gate, and marks those whose next step has a gate that has changed.
    pub(crate) fn save_gates(&mut self, gates: &[(StepName, String)]) -> Result<(), StoreError> {
        let mut changed = Vec::new();
        {
            let mut find =
                self.connection.prepare_cached("SELECT state FROM gate WHERE journey = ?1 AND step = ?2")?;
            for (step, state) in gates {
                let names = [step.journey.as_str(), step.step.as_str()];
                let stored: Option<String> = find.query_row(names, |row| row.get(0)).optional()?;
                if stored.as_ref() != Some(state) {
                    changed.push((step, state));
                }
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let tx = self.write_transaction()?;
        for (step, state) in changed {
            mark(&tx, Concerned::Step(step))?;
            let sql = "INSERT INTO gate (journey, step, state) VALUES (?1, ?2, ?3)
                       ON CONFLICT (journey, step) DO UPDATE SET state = excluded.state";
            tx.prepare_cached(sql)?.execute([step.journey.as_str(), step.step.as_str(), state])?;
        }
        Ok(tx.commit()?)
    }
}
