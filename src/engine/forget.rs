//! Forgets a person: draws the id that takes the place of the employee id, makes the key of the
//! tombstone, and writes it into the send journal, too, which no restore replaces.

use std::path::Path;

use crate::domain::change::ChangeAuthor;
use crate::domain::model::ids::PersonNumber;
use crate::engine::send::journal::{Journal, TombstoneLine};
use crate::engine::tokens::{self, Keys, NoRandomness};
use crate::store::{ForgetOutcome, Forgetting, Forgotten, Store, StoreError};

/// Deletes everything personal about a person, and keeps a tombstone so that no import brings them back.
/// Also returns whether what was deleted is gone from the log of the database.
pub(crate) fn forget(
    store: &mut Store,
    number: PersonNumber,
    employee_id: &str,
    author: &ChangeAuthor,
    forgetting: Forgetting,
) -> anyhow::Result<(ForgetOutcome, bool)> {
    let tombstone = Keys::new(&store.secrets()?).tombstone(employee_id);
    let new_id = new_id()?;
    let mut journal = match forgetting {
        Forgetting::Real => Some(Journal::open(store.path())?),
        Forgetting::DryRun => None,
    };
    let path = Journal::path(store.path());
    let mut is_in_journal = false;
    // After a crash between the two the person is still there; the next run of the command forgets them.
    let mut before_commit = || {
        let Some(journal) = &mut journal else { return Ok(()) };
        is_in_journal = true;
        let added = journal.add_tombstone(TombstoneLine::Forgotten, &tombstone, author.at);
        added.map_err(|why| StoreError::Io { what: "write", path: path.clone(), why })
    };
    let outcome = store.forget(number, &tombstone, &new_id, author, forgetting, &mut before_commit);
    if let (Err(_), Some(journal), true) = (&outcome, &mut journal, is_in_journal) {
        // Otherwise a restore would delete a person who is still there.
        journal.add_tombstone(TombstoneLine::Readmitted, &tombstone, author.at)?;
    }
    let outcome = outcome?;
    let is_erased = match (forgetting, outcome) {
        (Forgetting::Real, ForgetOutcome::Forgotten(_)) => store.truncate_log()?,
        (Forgetting::Real, ForgetOutcome::InFlight) | (Forgetting::DryRun, _) => true,
    };
    Ok((outcome, is_erased))
}

/// Takes a tombstone away, so that the next import brings the person back as a new one. Returns whether there was one.
pub(crate) fn readmit(store: &mut Store, employee_id: &str, author: &ChangeAuthor) -> anyhow::Result<bool> {
    let key = Keys::new(&store.secrets()?).tombstone(employee_id);
    if store.forgotten_at(&key)?.is_none() {
        return Ok(false);
    }
    // First, so that no restore after a crash deletes a person who is here again.
    Journal::open(store.path())?.add_tombstone(TombstoneLine::Readmitted, &key, author.at)?;
    Ok(store.readmit(&key, author)?)
}

/// Who the send journal of a database says is forgotten; `None` without a journal.
pub(crate) fn forgotten(database: &Path) -> anyhow::Result<Option<Vec<Forgotten>>> {
    if !Journal::path(database).exists() {
        return Ok(None);
    }
    let keys = Journal::open(database)?.tombstones()?;
    let forgotten = |key| Ok(Forgotten { key, new_id: new_id()? });
    Ok(Some(keys.into_iter().map(forgotten).collect::<Result<_, NoRandomness>>()?))
}

fn new_id() -> Result<String, NoRandomness> {
    let drawn = tokens::generate_secret()?;
    Ok(format!("{FORGOTTEN}{}", &tokens::sha256_base32(&drawn)[..20]))
}

/// What the id of a forgotten person begins with.
pub(crate) const FORGOTTEN: &str = "forgotten-";
