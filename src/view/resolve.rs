//! The outcome of a delivery as recorded by an operator: the document of
//! `resolve`.

use serde::Serialize;

use crate::domain::delivery::state::{Delivery, State};

/// A delivery before and after it was resolved.
#[derive(Debug, Serialize)]
pub(crate) struct ResolutionView<'a> {
    action: &'static str,
    delivery: i64,
    step: String,
    round: u16,
    dry_run: bool,
    before: &'static str,
    after: &'static str,
    why: Option<&'a str>,
}

impl<'a> ResolutionView<'a> {
    pub(crate) fn of(
        delivery: &Delivery,
        after: State,
        why: Option<&'a str>,
        dry_run: bool,
    ) -> ResolutionView<'a> {
        ResolutionView {
            action: "resolve",
            delivery: delivery.number,
            step: delivery.step.to_string(),
            round: delivery.round,
            dry_run,
            before: delivery.state.as_str(),
            after: after.as_str(),
            why,
        }
    }
}
