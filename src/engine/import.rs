//! Imports a people file: compares it with the database, checks the limit of leavers, and writes the changes. The
//! commands and the daemon import with the same [`PeopleImport`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::config::Config;
use crate::domain::change::ChangeAuthor;
use crate::domain::change::decision::{Decision, DecisionKind, DecisionTarget};
use crate::domain::change::import_diff::{GuardedUnit, Import, ImportComparer, SettledUnit};
use crate::domain::change::people_file::{PeopleFileNotes, RowProblem};
use crate::domain::diagnostic::{Diagnostic, shell_word};
use crate::domain::model::ids::{PersonId, UnitId};
use crate::domain::model::library::Library;
use crate::domain::model::person::{Person, Roster};
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::error::LoadError;
use crate::engine::load::people_file;
use crate::roster::RosterResult;
use crate::store::{DataVersion, Store, StoreError};

/// A people file that was read, about to be imported.
pub(crate) struct PeopleImport<'a> {
    pub(crate) config: &'a Config,
    pub(crate) library: &'a Library,
    pub(crate) reading: &'a RosterResult,
    /// The people of `reading`.
    pub(crate) roster: &'a Roster,
    /// How many people may leave; `None` for the limit of the configuration.
    pub(crate) allowed_leavers: Option<usize>,
    /// What to do with the decisions about units that lose all their people.
    pub(crate) settlements: &'a [Settlement],
    /// Whether to record an import that changes nothing.
    pub(crate) record_unchanged: bool,
}

/// What to do with the decisions about a unit. Units are named by code or name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// They count for another unit from now on: the unit was renamed.
    Move { from: String, to: String },
    /// They end.
    Drop(String),
}

/// Why an import cannot be compared with the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A settlement names a unit that it cannot be about.
    #[error("{message}")]
    Settlement { message: String, hint: String },
}

/// What an import changes, or would change.
pub(crate) struct ImportOutcome<'a> {
    pub(crate) diff: Import<'a>,
    /// More people would leave than may; nothing is imported.
    pub(crate) too_many_leavers: Option<TooManyLeavers>,
    pub(crate) is_stored: bool,
}

/// An import would remove more people than is allowed without confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyLeavers {
    /// Number of people who would leave.
    pub(crate) leavers: usize,
    /// Number of people before the import.
    pub(crate) people: usize,
}

impl<'a> PeopleImport<'a> {
    /// What it would change. Changes nothing on disk.
    pub(crate) fn preview(&self, at: Timestamp) -> Result<ImportOutcome<'a>, ImportError> {
        let diff = Store::read_only(&self.config.database, |store| Ok(self.compare(store, at)))?;
        let without_database = || {
            let set_aside = &self.reading.set_aside;
            Ok(ImportComparer::new(self.roster, self.library).with_set_aside(set_aside).finish())
        };
        Ok(self.outcome(diff.unwrap_or_else(without_database)?))
    }

    /// Imports it, unless too many people would leave. Fails with [`StoreError::Changed`] if another process has
    /// written since `seen`.
    pub(crate) fn apply(
        &self,
        store: &mut Store,
        seen: DataVersion,
        author: &ChangeAuthor,
    ) -> Result<ImportOutcome<'a>, ImportError> {
        let mut outcome = self.outcome(self.compare(store, author.at)?);
        if outcome.too_many_leavers.is_some() {
            return Ok(outcome);
        }
        outcome.diff.notes = self.notes(&outcome.diff);
        if self.record_unchanged || !outcome.diff.is_empty() {
            store.import(&outcome.diff, self.roster, seen, author)?;
            outcome.is_stored = true;
        } else if outcome.diff.notes != store.people_file_notes()? {
            store.write_people_file_notes(&outcome.diff.notes)?;
        }
        Ok(outcome)
    }

    fn compare(&self, store: &Store, at: Timestamp) -> Result<Import<'a>, ImportError> {
        let decisions = unit_decisions(store, self.library, at)?;
        let settled = self.settle(store, &decisions)?;
        let is_settled = |unit: &UnitId| settled.iter().any(|settled| settled.unit == *unit);
        let guarded = decisions.keys().filter(|unit| !is_settled(unit)).cloned();
        let set_aside = &self.reading.set_aside;
        let mut comparer = ImportComparer::new(self.roster, self.library)
            .with_set_aside(set_aside)
            .with_other_employments(other_employments(store, self.roster)?)
            .guarding(guarded);
        store.for_each_person(|known| comparer.compare(&known))?;
        let mut diff = comparer.finish();
        for guarded in &mut diff.guarded {
            let decisions = decisions.get(&guarded.unit).into_iter().flatten();
            guarded.decisions = decisions.map(Decision::summary).collect();
        }
        diff.settled = settled;
        Ok(diff)
    }

    /// The decisions to move or to end.
    fn settle(
        &self,
        store: &Store,
        decisions: &BTreeMap<UnitId, Vec<Decision>>,
    ) -> Result<Vec<SettledUnit>, ImportError> {
        let mut settled = Vec::new();
        for settlement in self.settlements {
            let (Settlement::Move { from, .. } | Settlement::Drop(from)) = settlement;
            let codes = store.unit_codes(from)?;
            let Some((unit, of_unit)) = decisions.iter().find(|(unit, _)| codes.contains(unit)) else {
                let message = format!("no decision is in force for the unit `{from}`");
                let hint = "`journey decisions` lists the decisions in force".to_owned();
                return Err(ImportError::Settlement { message, hint });
            };
            let moved_to = match settlement {
                Settlement::Drop(_) => None,
                Settlement::Move { to, .. } => Some(self.new_unit(to, unit, decisions)?),
            };
            let decisions = of_unit.iter().map(Decision::summary).collect();
            settled.push(SettledUnit { unit: unit.clone(), moved_to, decisions });
        }
        Ok(settled)
    }

    /// The unit of the file that takes over the decisions about another one.
    fn new_unit(
        &self,
        name: &str,
        old: &UnitId,
        decisions: &BTreeMap<UnitId, Vec<Decision>>,
    ) -> Result<UnitId, ImportError> {
        let settlement =
            |message: String, hint: &str| ImportError::Settlement { message, hint: hint.to_owned() };
        let new = match self.roster.units_called(name)[..] {
            [unit] => &unit.id,
            [] => {
                let message = format!("no unit in the people file is called `{name}`");
                return Err(settlement(
                    message,
                    "write the unit as the file has it: --move-decisions OLD=NEW",
                ));
            }
            _ => {
                let message = format!("several units in the people file are called `{name}`");
                return Err(settlement(message, "write the code of the unit instead of its name"));
            }
        };
        if new == old {
            let message = format!("`{name}` is the same unit, so there is nothing to move");
            return Err(settlement(message, "leave this option out"));
        }
        if let Some(others) = decisions.get(new) {
            let others = others.iter().map(Decision::summary).collect::<Vec<_>>().join("; ");
            let message = format!("the unit `{name}` already has decisions in force: {others}");
            return Err(settlement(message, "end those first, or end the old ones with --drop-decisions"));
        }
        Ok(new.clone())
    }

    fn outcome(&self, diff: Import<'a>) -> ImportOutcome<'a> {
        let (leavers, people) = (diff.left.len(), diff.before);
        let is_too_many = match self.allowed_leavers {
            Some(allowed) => leavers > allowed,
            None => self.config.people.max_leavers.is_exceeded(leavers, people),
        };
        let too_many_leavers = is_too_many.then_some(TooManyLeavers { leavers, people });
        ImportOutcome { diff, too_many_leavers, is_stored: false }
    }

    /// What to note about the file.
    fn notes(&self, diff: &Import<'_>) -> PeopleFileNotes {
        let rows = self.reading.faults.iter().filter(|fault| fault.is_error()).map(row_problem);
        let units = diff.guarded.iter().map(|guarded| RowProblem {
            file: self.config.people.file.display().to_string(),
            line: 0,
            column: 0,
            message: guarded_message(guarded),
            hint: Some(guarded_hint(guarded)),
        });
        PeopleFileNotes {
            version: people_file::version(&self.config.people.file),
            problems: rows.chain(units).collect(),
        }
    }
}

fn row_problem(fault: &Diagnostic) -> RowProblem {
    let place = &fault.place;
    RowProblem {
        file: place.file.clone(),
        line: place.line,
        column: place.column,
        message: fault.message.clone(),
        hint: fault.hint.clone(),
    }
}

/// Why the people of a unit are not moved.
pub(crate) fn guarded_message(guarded: &GuardedUnit) -> String {
    let people = guarded.new_units.values().sum::<usize>();
    let people = if people == 1 { "1 person stays".to_owned() } else { format!("{people} people stay") };
    let units: Vec<String> = guarded.new_units.keys().map(|unit| format!("`{unit}`")).collect();
    format!(
        "{people} in the unit `{}`; the file has {} instead. Decisions are in force for the old unit: {}",
        guarded.name,
        units.join(", "),
        guarded.decisions.join("; ")
    )
}

/// The commands that settle the decisions about a unit.
pub(crate) fn guarded_hint(guarded: &GuardedUnit) -> String {
    let main = guarded.new_units.iter().max_by_key(|(_, people)| **people).map_or("NEW", |(unit, _)| unit);
    let renamed = shell_word(&format!("{}={main}", guarded.name));
    format!(
        "if the unit was renamed: journey people import --move-decisions {renamed}\n\
         if the decisions are no longer needed: journey people import --drop-decisions {}",
        shell_word(&guarded.name)
    )
}

/// The decisions in force about units.
fn unit_decisions(
    store: &Store,
    library: &Library,
    at: Timestamp,
) -> Result<BTreeMap<UnitId, Vec<Decision>>, StoreError> {
    let today = library.programme.zone.date(at);
    let mut units: BTreeMap<UnitId, Vec<Decision>> = BTreeMap::new();
    for decision in store.decisions()? {
        let is_for_unit = match decision.kind {
            DecisionKind::Pause | DecisionKind::Shift | DecisionKind::Closing | DecisionKind::Cadence => true,
            DecisionKind::Hold | DecisionKind::Approval | DecisionKind::Choice | DecisionKind::Stop => false,
        };
        if is_for_unit
            && decision.is_in_force(today)
            && let DecisionTarget::Unit(unit) = &decision.target
        {
            units.entry(unit.clone()).or_default().push(decision);
        }
    }
    Ok(units)
}

/// People whose other employment counts from now on: the employee id so far, and the new one. The
/// employment that counted is another row of the file now, or is gone.
fn other_employments(store: &Store, roster: &Roster) -> Result<Vec<(PersonId, PersonId)>, StoreError> {
    let address = |person: &Person| person.email.as_deref().map(str::to_lowercase);
    let mut changed = Vec::new();
    // The rows that count now, by address, where there are several.
    let second: Vec<&Person> = roster.people.iter().filter(|person| person.second_employment).collect();
    let addresses: HashSet<String> = second.iter().filter_map(|person| address(person)).collect();
    let main = |person: &&Person| !person.second_employment && !addresses.is_empty();
    let main: HashMap<String, &Person> = roster
        .people
        .iter()
        .filter(main)
        .filter_map(|person| Some((address(person).filter(|one| addresses.contains(one))?, person)))
        .collect();
    for person in second {
        let Some(main) = address(person).and_then(|address| main.get(&address)) else { continue };
        let counted = store.is_second_employment(&person.id)? == Some(false);
        if counted && store.is_second_employment(&main.id)? != Some(false) {
            changed.push((person.id.clone(), main.id.clone()));
        }
    }
    // The row that counted is gone, and the other one counts.
    let known = store.employments()?;
    for held in known.iter().filter(|known| known.is_held) {
        let counts = roster.person(&held.id).is_some_and(|person| {
            !person.second_employment && address(person).as_deref() == Some(held.address.as_str())
        });
        let so_far = known.iter().find(|other| !other.is_held && other.address == held.address);
        let Some(so_far) = so_far.filter(|_| counts) else { continue };
        if roster.person(&so_far.id).is_none() && !changed.iter().any(|(id, _)| *id == so_far.id) {
            changed.push((so_far.id.clone(), held.id.clone()));
        }
    }
    Ok(changed)
}

/// What a people file without errors changes in an open database.
pub fn diff_with<'a>(
    store: &Store,
    roster: &'a Roster,
    library: &'a Library,
) -> Result<Import<'a>, StoreError> {
    let mut comparer = ImportComparer::new(roster, library);
    store.for_each_person(|known| comparer.compare(&known))?;
    Ok(comparer.finish())
}

/// Reads a people file with the options of this programme.
pub fn read(config: &Config, file: &Path, library: &Library) -> RosterResult {
    people_file::people(config, file, library.programme.default_language(), false)
}

/// The first import into an empty database.
pub struct FirstImport {
    /// Number of people.
    pub people: usize,
    /// The rows that were set aside.
    pub problems: Vec<Diagnostic>,
}

/// Imports the configured people file into a database that has none yet; returns `None` if people were imported
/// before.
pub fn import_first(
    config: &Config,
    library: &Library,
    store: &mut Store,
    author: &ChangeAuthor,
) -> Result<Option<FirstImport>, LoadError> {
    // Read the version first, so that a concurrent import is detected.
    let seen = store.data_version()?;
    if store.imported_at()?.is_some() {
        return Ok(None);
    }
    let reading = read(config, &config.people.file, library);
    let Some(roster) = &reading.roster else { return Err(LoadError::People(reading.faults)) };
    let import = PeopleImport {
        config,
        library,
        reading: &reading,
        roster,
        allowed_leavers: None,
        settlements: &[],
        record_unchanged: true,
    };
    match import.apply(store, seen, author) {
        Ok(_) => {}
        Err(ImportError::Store(error)) => return Err(error.into()),
        Err(ImportError::Settlement { .. }) => unreachable!("there is no settlement"),
    }
    let people = roster.people.len();
    Ok(Some(FirstImport {
        people,
        problems: reading.faults.into_iter().filter(Diagnostic::is_error).collect(),
    }))
}
