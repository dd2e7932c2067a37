//! Mails that are booked and may not leave now, added up by step and reason.

use std::collections::BTreeMap;

use crate::domain::model::ids::StepName;
use crate::domain::verdict::Reason;

/// So many of them, of which step and why. Its size follows steps and reasons,
/// not people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptBack(BTreeMap<(StepName, &'static str), (usize, Reason)>);

impl KeptBack {
    /// One more.
    pub(super) fn add(&mut self, step: &StepName, reason: Reason) {
        self.add_several(step.clone(), 1, reason);
    }

    /// All of another.
    pub(super) fn add_all(&mut self, other: KeptBack) {
        other.0.into_iter().for_each(|((step, _), (mails, reason))| self.add_several(step, mails, reason));
    }

    fn add_several(&mut self, step: StepName, mails: usize, reason: Reason) {
        self.0.entry((step, reason.code())).or_insert((0, reason)).0 += mails;
    }

    /// How many altogether.
    pub fn mails(&self) -> usize {
        self.0.values().map(|(mails, _)| mails).sum()
    }

    /// Each step and reason, and how many mails it keeps; of several reasons
    /// of one kind the first.
    pub fn each(&self) -> impl Iterator<Item = (&StepName, &Reason, usize)> {
        self.0.iter().map(|((step, _), (mails, reason))| (step, reason, *mails))
    }
}
