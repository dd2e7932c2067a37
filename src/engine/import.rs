//! Taking over a people file: what it would change, the brake, and doing it.

use std::path::Path;

use super::world::{self, Unusable};
use crate::config::Config;
use crate::domain::change::Act;
use crate::domain::import::{Comparison, Import};
use crate::domain::library::Library;
use crate::domain::person::Roster;
use crate::roster::Reading;
use crate::store::{Store, StoreError};

/// More would leave than an import may take away unasked (F73).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brake {
    /// How many would leave.
    pub leavers: usize,
    /// Of how many.
    pub people: usize,
}

/// What a people file would change. Changes nothing on disk.
///
/// # Errors
///
/// Where the database cannot be read.
pub fn compared<'a>(
    config: &Config,
    roster: &'a Roster,
    library: &'a Library,
) -> Result<Import<'a>, StoreError> {
    let look = |store: &Store| compared_in(store, roster, library);
    let nobody = || Comparison::new(roster, library).finish();
    Ok(Store::look(&config.database, look)?.unwrap_or_else(nobody))
}

/// The same in a database that is open.
///
/// # Errors
///
/// Where it cannot be read.
pub fn compared_in<'a>(
    store: &Store,
    roster: &'a Roster,
    library: &'a Library,
) -> Result<Import<'a>, StoreError> {
    let mut comparison = Comparison::new(roster, library);
    store.each_known(|known| comparison.meet(&known))?;
    Ok(comparison.finish())
}

/// Reads a people file as this programme wants it.
///
/// # Errors
///
/// Where the content does not say how.
pub fn read(config: &Config, file: &Path, library: &Library) -> Reading {
    world::people(config, file, library.programme.default_language())
}

/// Would an import take away more than is allowed, or than was said?
pub fn brake(config: &Config, import: &Import<'_>, allowed: Option<usize>) -> Option<Brake> {
    let brake = Brake { leavers: import.left.len(), people: import.before };
    let too_many = match allowed {
        Some(allowed) => brake.leavers > allowed,
        None => config.people.max_leavers.is_exceeded(brake.leavers, brake.people),
    };
    too_many.then_some(brake)
}

/// Imports the people file of the configuration into a database that has
/// never seen one; how many people that were, `None` if it had.
///
/// # Errors
///
/// Every fault of the file; where the database cannot be written.
pub fn first(
    config: &Config,
    library: &Library,
    store: &mut Store,
    act: &Act,
) -> Result<Option<usize>, Unusable> {
    // Before it is asked: who imports while the file is read is noticed.
    let seen = store.seen()?;
    if store.imported_at()?.is_some() {
        return Ok(None);
    }
    let reading = read(config, &config.people.file, library);
    let Some(roster) = reading.roster else { return Err(Unusable::People(reading.faults)) };
    let import = compared_in(store, &roster, library)?;
    store.import(&import, &roster, seen, act)?;
    Ok(Some(roster.people.len()))
}
