//! Mails that are enqueued and may not leave now, added up by step and reason.

use std::collections::BTreeMap;

use crate::domain::model::ids::StepName;
use crate::domain::verdict::{Reason, ReasonSummary};

/// Number of mails by step and reason. Its size depends on steps and reasons, not on people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockedCounts(BTreeMap<(StepName, &'static str), ReasonSummary>);

impl BlockedCounts {
    /// Adds a mail.
    pub(super) fn add(&mut self, step: &StepName, reason: Reason) {
        self.add_summary(step.clone(), ReasonSummary::of(reason, 1));
    }

    /// Adds all of another.
    pub(super) fn add_all(&mut self, other: BlockedCounts) {
        other.0.into_iter().for_each(|((step, _), reasons)| self.add_summary(step, reasons));
    }

    fn add_summary(&mut self, step: StepName, reasons: ReasonSummary) {
        let sums = self.0.entry((step, reasons.example().code()));
        sums.and_modify(|sum| sum.add_all(&reasons)).or_insert(reasons);
    }

    /// Number of mails.
    pub fn mails(&self) -> usize {
        self.0.values().map(|reasons| reasons.count).sum()
    }

    /// Each step and reason.
    pub fn each(&self) -> impl Iterator<Item = (&StepName, &ReasonSummary)> {
        self.0.iter().map(|((step, _), reasons)| (step, reasons))
    }
}
