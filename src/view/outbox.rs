//! Mails in the outbox that are not handed over yet.

use serde::Serialize;

use super::reason::ReasonView;
use crate::domain::model::ids::{PersonId, StepName};
use crate::domain::time::timezone::TimeZone;
use crate::domain::verdict::ReasonSummary;
use crate::engine::deliver::{BlockedCounts, OutboxSummary};
use crate::store::ProblemDelivery;

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

/// A delivery that waits for a retry or for an operator, or was refused.
#[derive(Debug, Serialize)]
pub(super) struct ProblemDeliveryView {
    delivery: i64,
    person: String,
    journey: String,
    step: String,
    round: u16,
    state: &'static str,
    attempts: u32,
    next: Option<String>,
    reply: Option<String>,
}

impl ProblemDeliveryView {
    pub(super) fn of_all(zone: TimeZone, problems: &[ProblemDelivery]) -> Vec<ProblemDeliveryView> {
        let view = |problem: &ProblemDelivery| ProblemDeliveryView {
            delivery: problem.number,
            person: problem.person.as_ref().map_or("protected", PersonId::as_str).to_owned(),
            journey: problem.step.journey.to_string(),
            step: problem.step.step.to_string(),
            round: problem.round,
            state: problem.state.as_str(),
            attempts: problem.attempts,
            next: problem.next.map(|at| zone.rfc3339(at)),
            reply: problem.reply.clone(),
        };
        problems.iter().map(view).collect()
    }
}

impl OutboxView {
    pub(super) fn of(outbox: &OutboxSummary) -> OutboxView {
        OutboxView { ready: outbox.ready, kept_back: BlockedMailsView::of_all(&outbox.blocked) }
    }
}

impl BlockedMailsView {
    pub(super) fn of_all(blocked: &BlockedCounts) -> Vec<BlockedMailsView> {
        let view = |(step, reasons): (&StepName, &ReasonSummary)| BlockedMailsView {
            journey: step.journey.to_string(),
            step: step.step.to_string(),
            mails: reasons.count,
            because: ReasonView { code: reasons.example().code(), text: reasons.text() },
        };
        blocked.each().map(view).collect()
    }
}
