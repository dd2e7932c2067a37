//! Imports a people file: compares it with the database, checks the limit of leavers, and writes the changes. The
//! commands and the daemon import with the same [`PeopleImport`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::config::Config;
use crate::domain::change::ChangeAuthor;
use crate::domain::change::decision::{Decision, DecisionKind, DecisionTarget};
use crate::domain::change::import_diff::{ChangeKind, GuardedUnit, ImportDiff, SettledUnit};
use crate::domain::change::people_file::{PeopleFileNotes, RowProblem};
use crate::domain::change::set_aside::SetAsideRows;
use crate::domain::diagnostic::{Diagnostic, shell_word};
use crate::domain::model::ids::UnitId;
use crate::domain::model::library::Library;
use crate::domain::model::person::{Roster, Unit};
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::error::LoadError;
use crate::engine::load::people_file;
use crate::engine::tokens::Keys;
use crate::roster::{FileReading, RosterResult};
use crate::store::{DataVersion, Store, StoreError};

/// A people file to import.
pub(crate) struct PeopleImport<'a> {
    pub(crate) config: &'a Config,
    pub(crate) library: &'a Library,
    pub(crate) file: &'a Path,
    /// Whether no row may have an error.
    pub(crate) is_strict: bool,
    /// How many people may leave; `None` for the limit of the configuration.
    pub(crate) allowed_leavers: Option<usize>,
    /// What to do with the decisions about units that lose all their people.
    pub(crate) settlements: &'a [Settlement],
    /// Whether to record an import that changes nothing.
    pub(crate) record_unchanged: bool,
    /// How many people to name for each kind of change.
    pub(crate) max_names: usize,
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
pub(crate) struct ImportOutcome {
    pub(crate) reading: FileReading,
    /// `None` if nothing of the file can be imported.
    pub(crate) diff: Option<ImportDiff>,
    /// More people would leave than may; nothing is imported.
    pub(crate) too_many_leavers: Option<TooManyLeavers>,
    pub(crate) is_stored: bool,
    /// Rows that are skipped because their people are forgotten.
    pub(crate) forgotten: u32,
}

impl ImportOutcome {
    /// Whether the file can be imported.
    pub(crate) fn is_allowed(&self) -> bool {
        self.diff.is_some() && self.too_many_leavers.is_none()
    }
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
    /// An import of the configured file, as it is without options.
    pub(crate) fn of(config: &'a Config, library: &'a Library) -> PeopleImport<'a> {
        PeopleImport {
            config,
            library,
            file: &config.people.file,
            is_strict: false,
            allowed_leavers: None,
            settlements: &[],
            record_unchanged: true,
            max_names: 0,
        }
    }

    /// What it would change. Changes nothing on disk.
    pub(crate) fn preview(&self, at: Timestamp) -> Result<ImportOutcome, ImportError> {
        let outcome = Store::read_only(&self.config.database, |store| Ok(self.compare(store, at)))?;
        outcome.unwrap_or_else(|| self.compare(&Store::temporary()?, at))
    }

    /// Imports it, unless too many people would leave. Fails with [`StoreError::Changed`] if another process has
    /// written since `seen`.
    pub(crate) fn apply(
        &self,
        store: &mut Store,
        seen: DataVersion,
        author: &ChangeAuthor,
    ) -> Result<ImportOutcome, ImportError> {
        let mut outcome = self.compare(store, author.at)?;
        if let Some(diff) = outcome.diff.as_mut().filter(|_| outcome.too_many_leavers.is_none()) {
            diff.notes = self.notes(&outcome.reading, diff);
            if self.record_unchanged || !diff.is_empty() {
                store.import(diff, self.library, seen, author)?;
                outcome.is_stored = true;
            } else if diff.notes != store.people_file_notes()? {
                store.write_people_file_notes(&diff.notes)?;
            }
        }
        store.drop_staged()?;
        Ok(outcome)
    }

    fn compare(&self, store: &Store, at: Timestamp) -> Result<ImportOutcome, ImportError> {
        let language = self.library.programme.default_language();
        let mut reading = people_file::stage(self.config, self.file, language, self.is_strict, store);
        let forgotten = if reading.is_usable { drop_forgotten(store)? } else { 0 };
        reading.notes.counts.people = reading.notes.counts.people.saturating_sub(forgotten);
        let diff = reading.is_usable.then(|| self.diff(&reading, store, at)).transpose()?;
        let too_many_leavers = diff.as_ref().and_then(|diff| self.too_many_leavers(diff));
        Ok(ImportOutcome { reading, diff, too_many_leavers, is_stored: false, forgotten })
    }

    fn diff(&self, reading: &FileReading, store: &Store, at: Timestamp) -> Result<ImportDiff, ImportError> {
        let decisions = unit_decisions(store, self.library, at)?;
        let settled = self.settle(store, &decisions)?;
        let is_settled = |unit: &UnitId| settled.iter().any(|settled| settled.unit == *unit);
        let guarded = decisions.keys().filter(|unit| !is_settled(unit)).cloned().collect();
        let mut diff = store.compare(&reading.set_aside, &guarded, self.max_names)?;
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
                Settlement::Move { to, .. } => Some(new_unit(store, to, unit, decisions)?),
            };
            let decisions = of_unit.iter().map(Decision::summary).collect();
            settled.push(SettledUnit { unit: unit.clone(), moved_to, decisions });
        }
        Ok(settled)
    }

    fn too_many_leavers(&self, diff: &ImportDiff) -> Option<TooManyLeavers> {
        let (leavers, people) = (diff.count(ChangeKind::Left), diff.before);
        let is_too_many = match self.allowed_leavers {
            Some(allowed) => leavers > allowed,
            None => self.config.people.max_leavers.is_exceeded(leavers, people),
        };
        is_too_many.then_some(TooManyLeavers { leavers, people })
    }

    /// What to note about the file.
    fn notes(&self, reading: &FileReading, diff: &ImportDiff) -> PeopleFileNotes {
        let rows = reading.faults.iter().filter(|fault| fault.is_error()).map(row_problem);
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

/// Drops the rows of people who are forgotten.
fn drop_forgotten(store: &Store) -> Result<u32, StoreError> {
    if !store.has_tombstones()? {
        return Ok(0);
    }
    let keys = Keys::new(&store.secrets()?);
    store.drop_forgotten_rows(|id| keys.tombstone(id))
}

/// The unit of the file that takes over the decisions about another one.
fn new_unit(
    store: &Store,
    name: &str,
    old: &UnitId,
    decisions: &BTreeMap<UnitId, Vec<Decision>>,
) -> Result<Unit, ImportError> {
    let settlement = |message: String, hint: &str| ImportError::Settlement { message, hint: hint.to_owned() };
    let found = store.staged_units_called(name)?;
    let new = match &found[..] {
        [unit] => unit,
        [] => {
            let message = format!("no unit in the people file is called `{name}`");
            return Err(settlement(message, "write the unit as the file has it: --move-decisions OLD=NEW"));
        }
        _ => {
            let message = format!("several units in the people file are called `{name}`");
            return Err(settlement(message, "write the code of the unit instead of its name"));
        }
    };
    if new.id == *old {
        let message = format!("`{name}` is the same unit, so there is nothing to move");
        return Err(settlement(message, "leave this option out"));
    }
    if let Some(others) = decisions.get(&new.id) {
        let others = others.iter().map(Decision::summary).collect::<Vec<_>>().join("; ");
        let message = format!("the unit `{name}` already has decisions in force: {others}");
        return Err(settlement(message, "end those first, or end the old ones with --drop-decisions"));
    }
    Ok(new.clone())
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

/// What people who were not read from a file change in an open database.
pub fn diff_with(store: &Store, roster: &Roster) -> Result<ImportDiff, StoreError> {
    store.stage_roster(roster)?;
    store.compare(&SetAsideRows::default(), &BTreeSet::new(), 0)
}

/// Reads a people file with the options of this programme.
pub fn read(config: &Config, file: &Path, library: &Library) -> RosterResult {
    people_file::read(config, file, library.programme.default_language())
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
    let outcome = match PeopleImport::of(config, library).apply(store, seen, author) {
        Ok(outcome) => outcome,
        Err(ImportError::Store(error)) => return Err(error.into()),
        Err(ImportError::Settlement { .. }) => unreachable!("there is no settlement"),
    };
    let FileReading { faults, notes, .. } = outcome.reading;
    if outcome.diff.is_none() {
        return Err(LoadError::People(faults));
    }
    let problems = faults.into_iter().filter(Diagnostic::is_error).collect();
    Ok(Some(FirstImport { people: notes.counts.people as usize, problems }))
}
