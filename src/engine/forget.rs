//! Forgets a person: draws the id that takes the place of the employee id, and makes the key of the
//! tombstone.

use crate::domain::change::ChangeAuthor;
use crate::domain::model::ids::PersonNumber;
use crate::engine::tokens::{self, Keys};
use crate::store::{ForgetOutcome, Forgetting, Store};

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
    let drawn = tokens::generate_secret()?;
    let new_id = format!("{FORGOTTEN}{}", &tokens::sha256_base32(&drawn)[..20]);
    let outcome = store.forget(number, &tombstone, &new_id, author, forgetting)?;
    if forgetting == Forgetting::Real {
        store.truncate_log()?;
    }
    Ok(outcome)
}

/// What the id of a forgotten person begins with.
pub(crate) const FORGOTTEN: &str = "forgotten-";
