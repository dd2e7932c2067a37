//! Imports a people file: compares it with the database, checks the limit of
//! leavers, and writes the changes.

use std::path::Path;

use crate::config::Config;
use crate::domain::change::ChangeAuthor;
use crate::domain::change::import_diff::{Import, ImportComparer};
use crate::domain::model::library::Library;
use crate::domain::model::person::Roster;
use crate::engine::load::error::LoadError;
use crate::engine::load::people_file;
use crate::roster::RosterResult;
use crate::store::{Store, StoreError};

/// An import would remove more people than is allowed without confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brake {
    /// Number of people who would leave.
    pub(crate) leavers: usize,
    /// Number of people before the import.
    pub(crate) people: usize,
}

/// What a people file would change. Changes nothing on disk.
pub(crate) fn compared<'a>(
    config: &Config,
    roster: &'a Roster,
    library: &'a Library,
) -> Result<Import<'a>, StoreError> {
    let look = |store: &Store| compared_in(store, roster, library);
    let nobody = || ImportComparer::new(roster, library).finish();
    Ok(Store::read_only(&config.database, look)?.unwrap_or_else(nobody))
}

/// Like [`compared`], for an open database.
pub fn compared_in<'a>(
    store: &Store,
    roster: &'a Roster,
    library: &'a Library,
) -> Result<Import<'a>, StoreError> {
    let mut comparison = ImportComparer::new(roster, library);
    store.for_each_person(|known| comparison.compare(&known))?;
    Ok(comparison.finish())
}

/// Reads a people file with the options of this programme.
pub fn read(config: &Config, file: &Path, library: &Library) -> RosterResult {
    people_file::people(config, file, library.programme.default_language())
}

/// Checks the number of leavers against the configured limit, or against the
/// number given by the operator.
pub(crate) fn brake(config: &Config, import: &Import<'_>, allowed: Option<usize>) -> Option<Brake> {
    let brake = Brake { leavers: import.left.len(), people: import.before };
    let too_many = match allowed {
        Some(allowed) => brake.leavers > allowed,
        None => config.people.max_leavers.is_exceeded(brake.leavers, brake.people),
    };
    too_many.then_some(brake)
}

/// Imports the configured people file into a database that has none yet;
/// returns the number of people, or `None` if people were imported before.
pub fn first(
    config: &Config,
    library: &Library,
    store: &mut Store,
    act: &ChangeAuthor,
) -> Result<Option<usize>, LoadError> {
    // Read the version first, so that a concurrent import is detected.
    let seen = store.data_version()?;
    if store.imported_at()?.is_some() {
        return Ok(None);
    }
    let reading = read(config, &config.people.file, library);
    let Some(roster) = reading.roster else { return Err(LoadError::People(reading.faults)) };
    let import = compared_in(store, &roster, library)?;
    store.import(&import, &roster, seen, act)?;
    Ok(Some(roster.people.len()))
}
