//! A person's own answers: reading all of them, and removing what can be removed.

use std::collections::BTreeSet;

use super::link::Link;
use crate::domain::answer::Asked;
use crate::domain::model::ids::StepName;
use crate::domain::model::step::Step;
use crate::domain::time::timezone::Timestamp;
use crate::store::{OwnAnswer, Store, StoreError, WithdrawOutcome};

/// An answer with what it answers.
#[derive(Clone, Debug)]
pub(crate) struct MyAnswer<'c> {
    /// Its step has the name that it has today.
    pub(crate) answer: OwnAnswer,
    /// `None` if the content does not have it any more.
    pub(crate) step: Option<&'c Step>,
    pub(crate) asked: Option<Asked<'c>>,
}

/// All answers of the person, the first one first.
pub(crate) fn answers<'c>(store: &Store, link: &Link<'c>) -> Result<Vec<MyAnswer<'c>>, StoreError> {
    let of = |mut answer: OwnAnswer| {
        let name = link.library.todays_name(&answer.step);
        let step = link.library.step(&name);
        let asked = step.and_then(|step| Asked::of(step, &answer.saved.question));
        answer.step = name;
        MyAnswer { answer, step, asked }
    };
    Ok(store.own_answers(link.reader.number)?.into_iter().map(of).collect())
}

/// Removes all answers of the person that can still be removed.
pub(crate) fn remove(
    store: &mut Store,
    link: &Link<'_>,
    now: Timestamp,
) -> Result<WithdrawOutcome, StoreError> {
    // By the names under which they were saved.
    let saved = store.own_answers(link.reader.number)?;
    let steps: BTreeSet<StepName> = saved.into_iter().map(|answer| answer.step).collect();
    store.withdraw_all_answers(link.reader.number, &steps, now)
}
