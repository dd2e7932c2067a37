//! Forgets a person: draws the id that takes the place of the employee id, makes the key of the
//! tombstone, and writes it into the send journal first, which no restore replaces.

use std::path::Path;

use crate::domain::change::ChangeAuthor;
use crate::domain::model::ids::PersonNumber;
use crate::engine::send::journal::{Journal, TombstoneLine};
use crate::engine::tokens::{self, Keys, NoRandomness};
use crate::store::{ForgetOutcome, Forgetting, Forgotten, Store};

/// Deletes everything personal about a person, and keeps a tombstone so that no import brings them back.
/// A person who was forgotten has such an id.
pub(crate) fn forget(
    store: &mut Store,
    number: PersonNumber,
    employee_id: &str,
    author: &ChangeAuthor,
    forgetting: Forgetting,
) -> anyhow::Result<ForgetOutcome> {
    let tombstone = Keys::new(&store.secrets()?).tombstone(employee_id);
    let new_id = new_id()?;
    if forgetting == Forgetting::Real {
        // After a crash here the person is still there; the next run of the command forgets them.
        Journal::open(store.path())?.add_tombstone(TombstoneLine::Forgotten, &tombstone, author.at)?;
    }
    let outcome = store.forget(number, &tombstone, &new_id, author, forgetting)?;
    if forgetting == Forgetting::Real {
        store.truncate_log()?;
    }
    Ok(outcome)
}

/// Takes a tombstone away, so that the next import brings the person back as a new one. Returns whether there was one.
pub(crate) fn readmit(store: &mut Store, employee_id: &str, author: &ChangeAuthor) -> anyhow::Result<bool> {
    let key = Keys::new(&store.secrets()?).tombstone(employee_id);
    let is_there = store.readmit(&key, author)?;
    if is_there {
        Journal::open(store.path())?.add_tombstone(TombstoneLine::Readmitted, &key, author.at)?;
    }
    Ok(is_there)
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
