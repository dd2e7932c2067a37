//! Decisions of operators and answers of readers: approvals, holds, pauses,
//! settings of units, choices of a character, answers. Each is stored together
//! with its entry in the audit log.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use rusqlite::{Transaction, params};

use super::audit::{self, AuditRecord};
use super::undecided::{self, Concerned};
use super::{AnswersOfStep, NewAnswer, Store, StoreError, answers};
use crate::domain::change::decision::{Decision, DecisionKind, DecisionTarget};
use crate::domain::change::settings::{Approval, Pause, PauseTarget, Settings, Shift, UnitOverrides};
use crate::domain::change::{Change, ChangeAuthor};
use crate::domain::model::ids::{PersonId, PersonNumber, StepName, UnitId};
use crate::domain::model::person::Period;
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// A step that is held until it is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldStep {
    pub step: StepName,
    pub since: Timestamp,
    /// The reason given by the person who held it.
    pub why: Option<String>,
}

/// The hold on all sending, until it is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GlobalHold {
    pub since: Timestamp,
    /// The reason given by the person who held it, or that of a restore.
    pub why: Option<String>,
}

impl Store {
    /// All decisions in force, together with the grace period of the
    /// configuration.
    pub fn settings(&self, grace: TimeDelta) -> Result<Settings, StoreError> {
        Ok(Settings {
            grace,
            approvals: self.approvals()?,
            pauses: self.pauses()?,
            units: self.unit_overrides()?,
            held_steps: self.held_step_names()?,
            all_held: self.is_all_held()?,
            stopped: self.stopped()?,
            earlier_texts: HashMap::new(),
        })
    }

    fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        let sql = "SELECT journey, step, content, at FROM approval ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut approvals = Vec::new();
        while let Some(row) = found.next()? {
            let step = StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? };
            approvals.push(Approval { step, content: codec::hash(row, 2)?, at: codec::get_time(row, 3)? });
        }
        Ok(approvals)
    }

    fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/pauses.sql"))?;
        let mut found = statement.query([])?;
        let mut pauses = Vec::new();
        while let Some(row) = found.next()? {
            let of = match (codec::maybe_str(row, 0)?, codec::maybe_str(row, 1)?) {
                (Some(person), _) => PauseTarget::Person(PersonId::new(person)),
                (None, Some(unit)) => PauseTarget::Unit(UnitId::new(unit)),
                (None, None) => PauseTarget::Journey(codec::slug(row, 2)?),
            };
            pauses.push(Pause {
                of,
                from: codec::get_time(row, 3)?,
                until: codec::maybe_date(row, 4)?,
                resumed: codec::maybe_time(row, 5)?,
                reason: codec::str(row, 6)?.into(),
            });
        }
        Ok(pauses)
    }

    /// The people who have asked for no more mails, also those who are not there now.
    fn stopped(&self) -> Result<HashSet<PersonId>, StoreError> {
        let sql = "SELECT employee_id FROM stop JOIN person ON person.id = person_id WHERE undone_at IS NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut people = HashSet::new();
        while let Some(row) = found.next()? {
            people.insert(PersonId::new(codec::str(row, 0)?));
        }
        Ok(people)
    }

    fn unit_overrides(&self) -> Result<HashMap<UnitId, UnitOverrides>, StoreError> {
        let mut units: HashMap<UnitId, UnitOverrides> = HashMap::new();
        let mut shifts = self
            .connection
            .prepare_cached("SELECT unit, weeks, at FROM unit_shift WHERE ended_at IS NULL ORDER BY id")?;
        let mut found = shifts.query([])?;
        while let Some(row) = found.next()? {
            let shift = Shift { weeks: row.get(1)?, at: codec::get_time(row, 2)? };
            units.entry(UnitId::new(codec::str(row, 0)?)).or_default().shifts.push(shift);
        }
        let sql = "SELECT unit, from_date, to_date, why FROM unit_closed
                   WHERE ended_at IS NULL ORDER BY id";
        let mut closed = self.connection.prepare_cached(sql)?;
        let mut found = closed.query([])?;
        while let Some(row) = found.next()? {
            let days = Period { from: codec::get_date(row, 1)?, to: codec::get_date(row, 2)? };
            let period = ClosedPeriod { days, why: codec::str(row, 3)?.into() };
            units.entry(UnitId::new(codec::str(row, 0)?)).or_default().closed.push(period);
        }
        let mut cadences = self.connection.prepare_cached("SELECT unit, cadence FROM unit_cadence")?;
        let mut found = cadences.query([])?;
        while let Some(row) = found.next()? {
            let cadence =
                Cadence::parse(codec::str(row, 1)?).map_err(|_| codec::bad_column(1, "a cadence"))?;
            units.entry(UnitId::new(codec::str(row, 0)?)).or_default().cadence = Some(cadence);
        }
        Ok(units)
    }

    /// Ends the hold of a step that has another name now.
    pub(crate) fn release_step(&mut self, step: &StepName, at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE hold SET released_at = ?3 WHERE journey = ?1 AND step = ?2 AND released_at IS NULL";
        let tx = self.write_transaction()?;
        tx.execute(sql, params![step.journey.as_str(), step.step.as_str(), codec::time(at)])?;
        undecided::mark(&tx, Concerned::Step(step))?;
        undecided::settings_changed(&tx)?;
        Ok(tx.commit()?)
    }

    fn held_step_names(&self) -> Result<Vec<StepName>, StoreError> {
        let sql = "SELECT journey, step FROM hold
                   WHERE journey IS NOT NULL AND released_at IS NULL ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut steps = Vec::new();
        while let Some(row) = found.next()? {
            steps.push(StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? });
        }
        Ok(steps)
    }

    /// The steps that are held, with the reason from the audit log, in the order
    /// in which they were held.
    pub fn held_steps(&self) -> Result<Vec<HeldStep>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/held_steps_with_why.sql"))?;
        let mut found = statement.query([])?;
        let mut steps = Vec::new();
        while let Some(row) = found.next()? {
            steps.push(HeldStep {
                step: StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? },
                since: codec::get_time(row, 2)?,
                why: row.get(3)?,
            });
        }
        Ok(steps)
    }

    /// What operators decided, also what has ended; ordered by kind and time.
    pub fn decisions(&self) -> Result<Vec<Decision>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/decisions.sql"))?;
        let mut found = statement.query([])?;
        let mut decisions = Vec::new();
        while let Some(row) = found.next()? {
            let kind = DecisionKind::parse(codec::str(row, 0)?);
            let value: Option<rusqlite::types::Value> = row.get(6)?;
            decisions.push(Decision {
                kind: kind.ok_or_else(|| codec::bad_column(0, "a kind of decision"))?,
                target: decision_target(row)?,
                value: value.and_then(|value| match value {
                    rusqlite::types::Value::Integer(number) => Some(number.to_string()),
                    rusqlite::types::Value::Text(text) => Some(text),
                    _ => None,
                }),
                since: codec::maybe_time(row, 7)?,
                until: codec::maybe_date(row, 8)?,
                ended: codec::maybe_time(row, 9)?,
                by: row.get(10)?,
                why: row.get(11)?,
            });
        }
        Ok(decisions)
    }

    /// The hold on all sending, if there is one, with the reason from the audit
    /// log.
    pub(crate) fn global_hold(&self) -> Result<Option<GlobalHold>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/all_held_with_why.sql"))?;
        let mut found = statement.query([])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Ok(Some(GlobalHold { since: codec::get_time(row, 0)?, why: row.get(1)? }))
    }

    fn is_all_held(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM hold WHERE journey IS NULL AND released_at IS NULL)";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Stores a decision together with its entry in the audit log. `before` and
    /// `after` are text for the audit log and must not contain personal data.
    pub fn record_decision(
        &mut self,
        change: &Change,
        act: &ChangeAuthor,
        before: &str,
        after: &str,
    ) -> Result<(), StoreError> {
        let tx = self.write_transaction()?;
        let (subject, person) = subject(&tx, change)?;
        write_change(&tx, change, act, person)?;
        let record = AuditRecord { action: change.action(), subject: &subject, person, before, after };
        audit::write(&tx, act, &record)?;
        undecided::mark_decision(&tx, change, person)?;
        Ok(tx.commit()?)
    }
}

/// The subject of a change for the audit log, and the key of the person it
/// concerns. The audit log refers to people by key, not by employee id.
fn subject(tx: &Transaction<'_>, change: &Change) -> Result<(String, Option<PersonNumber>), StoreError> {
    let of_person = |person: &PersonId| number(tx, person).map(Some);
    Ok(match change {
        Change::Approve { step, .. } => (step.to_string(), None),
        Change::Hold(step) | Change::Release(step) => {
            (step.as_ref().map_or("all sending".to_owned(), ToString::to_string), None)
        }
        Change::Pause { of, .. } | Change::Resume(of) => match of {
            PauseTarget::Person(person) => ("a person".to_owned(), of_person(person)?),
            PauseTarget::Unit(unit) => (format!("unit {unit}"), None),
            PauseTarget::Journey(journey) => (format!("journey {journey}"), None),
        },
        Change::Shift { unit, .. } | Change::CloseUnit { unit, .. } | Change::SetCadence { unit, .. } => {
            (format!("unit {unit}"), None)
        }
        Change::SetCharacter { person, .. } | Change::Stop(person) | Change::UndoStop(person) => {
            ("a person".to_owned(), of_person(person)?)
        }
        Change::Answer { person, step, .. } => (step.to_string(), of_person(person)?),
    })
}

fn number(tx: &Transaction<'_>, person: &PersonId) -> Result<PersonNumber, StoreError> {
    let mut find = tx.prepare_cached("SELECT id FROM person WHERE employee_id = ?1")?;
    Ok(PersonNumber(find.query_row([person.as_str()], |row| row.get(0))?))
}

fn write_change(
    tx: &Transaction<'_>,
    change: &Change,
    act: &ChangeAuthor,
    person: Option<PersonNumber>,
) -> Result<(), StoreError> {
    let at = codec::time(act.at);
    let journey_of = |step: &Option<StepName>| step.as_ref().map(|step| step.journey.to_string());
    let step_of = |step: &Option<StepName>| step.as_ref().map(|step| step.step.to_string());
    match change {
        Change::Approve { step, content } => {
            let sql = "INSERT INTO approval (journey, step, content, at, by_name, note)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let (journey, step) = (step.journey.as_str(), step.step.as_str());
            tx.execute(sql, params![journey, step, content.to_string(), at, act.by, act.why])?;
        }
        Change::Hold(step) => {
            tx.execute(include_str!("sql/hold.sql"), params![journey_of(step), step_of(step), at])?;
        }
        Change::Release(step) => {
            let sql = "UPDATE hold SET released_at = ?3
                       WHERE journey IS ?1 AND step IS ?2 AND released_at IS NULL";
            tx.execute(sql, params![journey_of(step), step_of(step), at])?;
        }
        Change::Pause { of, until, reason } => {
            let (unit, journey) = unit_or_journey(of);
            let sql = "INSERT INTO pause (person_id, unit, journey, from_at, until_date, reason)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let person = person.map(|person| person.0);
            tx.execute(sql, params![person, unit, journey, at, until.map(codec::date), &**reason])?;
        }
        Change::Resume(of) => {
            let (unit, journey) = unit_or_journey(of);
            let sql = "UPDATE pause SET resumed_at = ?4
                       WHERE person_id IS ?1 AND unit IS ?2 AND journey IS ?3 AND resumed_at IS NULL";
            tx.execute(sql, params![person.map(|person| person.0), unit, journey, at])?;
        }
        Change::Stop(_) => {
            let sql = "INSERT INTO stop (person_id, at) VALUES (?1, ?2)";
            tx.execute(sql, params![person.map(|person| person.0), at])?;
        }
        Change::UndoStop(_) => {
            let sql = "UPDATE stop SET undone_at = ?2 WHERE person_id = ?1 AND undone_at IS NULL";
            tx.execute(sql, params![person.map(|person| person.0), at])?;
        }
        Change::Shift { unit, weeks } => {
            let sql = "INSERT INTO unit_shift (unit, weeks, at) VALUES (?1, ?2, ?3)";
            tx.execute(sql, params![unit.as_str(), weeks, at])?;
        }
        Change::CloseUnit { unit, period } => {
            let sql = "INSERT INTO unit_closed (unit, from_date, to_date, why) VALUES (?1, ?2, ?3, ?4)";
            let (from, to) = (codec::date(period.days.from), codec::date(period.days.to));
            tx.execute(sql, params![unit.as_str(), from, to, &*period.why])?;
        }
        Change::SetCadence { unit, cadence: Some(cadence) } => {
            let sql = "INSERT INTO unit_cadence (unit, cadence) VALUES (?1, ?2)
                       ON CONFLICT (unit) DO UPDATE SET cadence = excluded.cadence, decided_for = NULL";
            tx.execute(sql, params![unit.as_str(), cadence.as_str()])?;
        }
        Change::SetCadence { unit, cadence: None } => {
            tx.execute("DELETE FROM unit_cadence WHERE unit = ?1", [unit.as_str()])?;
        }
        Change::SetCharacter { character, .. } => {
            let sql = "UPDATE person SET character = ?2 WHERE id = ?1";
            tx.execute(sql, params![person.map(|person| person.0), character.as_str()])?;
        }
        Change::Answer { step, answer, id, week, .. } => {
            let Some(person) = person else { return Ok(()) };
            let answers = [NewAnswer { id: *id, answer }];
            let StepName { journey, step } = step;
            let form = AnswersOfStep { person, journey, step, at: act.at, week, answers: &answers };
            if !answers::save(tx, &form)?.sealed.is_empty() {
                return Err(StoreError::Sealed);
            }
        }
    }
    Ok(())
}

fn decision_target(row: &rusqlite::Row<'_>) -> Result<DecisionTarget, StoreError> {
    if let Some(id) = codec::maybe_str(row, 1)? {
        return Ok(DecisionTarget::Person { id: PersonId::new(id), protected: row.get(2)? });
    }
    if let Some(unit) = codec::maybe_str(row, 3)? {
        return Ok(DecisionTarget::Unit(UnitId::new(unit)));
    }
    Ok(match (codec::maybe_str(row, 4)?, codec::maybe_str(row, 5)?) {
        (None, _) => DecisionTarget::All,
        (Some(_), None) => DecisionTarget::Journey(codec::slug(row, 4)?),
        (Some(_), Some(_)) => {
            DecisionTarget::Step(StepName { journey: codec::slug(row, 4)?, step: codec::slug(row, 5)? })
        }
    })
}

fn unit_or_journey(of: &PauseTarget) -> (Option<&str>, Option<&str>) {
    match of {
        PauseTarget::Person(_) => (None, None),
        PauseTarget::Unit(unit) => (Some(unit.as_str()), None),
        PauseTarget::Journey(journey) => (None, Some(journey.as_str())),
    }
}
