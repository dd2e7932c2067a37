//! Mails in the outbox that are not handed over yet.

use serde::Serialize;

use super::reason::ReasonView;
use crate::domain::model::ids::StepName;
use crate::domain::verdict::ReasonSummary;
use crate::engine::deliver::{KeptBack, Outbox};

/// The mails that may be sent, and those that are blocked.
#[derive(Debug, Serialize)]
pub(crate) struct OutboxView {
    ready: usize,
    kept_back: Vec<BlockedMailsView>,
}

/// Blocked mails of one step, for one reason.
#[derive(Debug, Serialize)]
pub(crate) struct BlockedMailsView {
    journey: String,
    step: String,
    mails: usize,
    because: ReasonView,
}

impl OutboxView {
    pub(super) fn of(outbox: &Outbox) -> OutboxView {
        OutboxView { ready: outbox.ready, kept_back: BlockedMailsView::of_all(&outbox.kept_back) }
    }
}

impl BlockedMailsView {
    pub(super) fn of_all(blocked: &KeptBack) -> Vec<BlockedMailsView> {
        let view = |(step, reasons): (&StepName, &ReasonSummary)| BlockedMailsView {
            journey: step.journey.to_string(),
            step: step.step.to_string(),
            mails: reasons.count,
            because: ReasonView { code: reasons.example().code(), text: reasons.text() },
        };
        blocked.each().map(view).collect()
    }
}
