//! Imports a people file: compares it with the database, checks the limit of leavers, and writes the changes. The
//! commands and the daemon import with the same [`PeopleImport`].

use std::path::Path;

use crate::config::Config;
use crate::domain::change::ChangeAuthor;
use crate::domain::change::import_diff::{Import, ImportComparer};
use crate::domain::model::library::Library;
use crate::domain::model::person::Roster;
use crate::engine::load::error::LoadError;
use crate::engine::load::people_file;
use crate::roster::RosterResult;
use crate::store::{DataVersion, Store, StoreError};

/// A people file that was read, about to be imported.
pub(crate) struct PeopleImport<'a> {
    pub(crate) config: &'a Config,
    pub(crate) library: &'a Library,
    pub(crate) roster: &'a Roster,
    /// How many people may leave; `None` for the limit of the configuration.
    pub(crate) allowed_leavers: Option<usize>,
    /// Whether to record an import that changes nothing.
    pub(crate) record_unchanged: bool,
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
    pub(crate) fn preview(&self) -> Result<ImportOutcome<'a>, StoreError> {
        let diff =
            Store::read_only(&self.config.database, |store| diff_with(store, self.roster, self.library))?;
        Ok(self.outcome(diff.unwrap_or_else(|| ImportComparer::new(self.roster, self.library).finish())))
    }

    /// Imports it, unless too many people would leave. Fails with [`StoreError::Changed`] if another process has
    /// written since `seen`.
    pub(crate) fn apply(
        &self,
        store: &mut Store,
        seen: DataVersion,
        author: &ChangeAuthor,
    ) -> Result<ImportOutcome<'a>, StoreError> {
        let mut outcome = self.outcome(diff_with(store, self.roster, self.library)?);
        let has_changes = self.record_unchanged || !outcome.diff.is_empty();
        if outcome.too_many_leavers.is_none() && has_changes {
            store.import(&outcome.diff, self.roster, seen, author)?;
            outcome.is_stored = true;
        }
        Ok(outcome)
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
}

/// What a people file changes in an open database.
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
    people_file::people(config, file, library.programme.default_language())
}

/// Imports the configured people file into a database that has none yet; returns the number of people, or `None` if
/// people were imported before.
pub fn import_first(
    config: &Config,
    library: &Library,
    store: &mut Store,
    author: &ChangeAuthor,
) -> Result<Option<usize>, LoadError> {
    // Read the version first, so that a concurrent import is detected.
    let seen = store.data_version()?;
    if store.imported_at()?.is_some() {
        return Ok(None);
    }
    let reading = read(config, &config.people.file, library);
    let Some(roster) = &reading.roster else { return Err(LoadError::People(reading.faults)) };
    let import = PeopleImport { config, library, roster, allowed_leavers: None, record_unchanged: true };
    import.apply(store, seen, author)?;
    Ok(Some(roster.people.len()))
}
