//! Reasons of the planner, with code and text.

use serde::Serialize;

use crate::domain::verdict::Reason;

/// A reason: a stable code, and a text for people.
#[derive(Debug, Serialize)]
pub(crate) struct ReasonView {
    pub(crate) code: &'static str,
    pub(crate) text: String,
}

impl ReasonView {
    pub(crate) fn of(reason: &Reason) -> ReasonView {
        ReasonView { code: reason.code(), text: reason.text() }
    }

    pub(super) fn of_all(reasons: &[Reason]) -> Vec<ReasonView> {
        reasons.iter().map(ReasonView::of).collect()
    }
}
