//! A change of settings and what it does to the next mails: the document of
//! `approve`, `hold`, `pause`, `resume`, `unit`, `choose` and `answer`.

use serde::Serialize;

use crate::domain::model::ids::Slug;
use crate::domain::time::timezone::TimeZone;
use crate::engine::change::{Effect, NextAction};

/// A change of settings, made or only previewed.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeView<'a> {
    pub(crate) action: &'static str,
    pub(crate) about: &'a str,
    pub(crate) at: String,
    pub(crate) dry_run: bool,
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
    pub(crate) why: Option<&'a str>,
    /// `None` if the people are not known, so that it cannot be computed.
    pub(crate) effect: Option<Vec<EffectView<'a>>>,
}

/// Enrolments for which the next action changes in the same way.
#[derive(Debug, Serialize)]
pub(crate) struct EffectView<'a> {
    journey: &'a str,
    enrolments: usize,
    before: NextActionView<'a>,
    after: NextActionView<'a>,
}

/// What happens next in an enrolment.
#[derive(Debug, Serialize)]
struct NextActionView<'a> {
    verdict: &'static str,
    step: Option<&'a str>,
    at: Option<String>,
    because: Option<&'static str>,
}

impl<'a> EffectView<'a> {
    pub(crate) fn of(zone: TimeZone, effect: &'a Effect) -> EffectView<'a> {
        EffectView {
            journey: effect.journey.as_str(),
            enrolments: effect.enrolments,
            before: NextActionView::of(zone, &effect.before),
            after: NextActionView::of(zone, &effect.after),
        }
    }
}

impl<'a> NextActionView<'a> {
    fn of(zone: TimeZone, next: &'a NextAction) -> NextActionView<'a> {
        NextActionView {
            verdict: next.verdict,
            step: next.step.as_ref().map(Slug::as_str),
            at: next.at.map(|at| zone.rfc3339(at)),
            because: next.why,
        }
    }
}
