//! What a person has received and will receive, when, and why not earlier: the
//! documents of `why`.

use serde::Serialize;

use super::person::display_id;
use super::reason::ReasonView;
use crate::domain::model::ids::{Slug, StepName, UnitId};
use crate::domain::time::timezone::TimeZone;
use crate::domain::verdict::{Ended, Verdict};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::explain::{JourneyStatus, MemberStatus, StepStatus, Why};

/// All journeys of one person.
#[derive(Debug, Serialize)]
pub(crate) struct ExplanationView<'a> {
    person: &'a str,
    journeys: Vec<JourneyStatusView<'a>>,
}

#[derive(Debug, Serialize)]
struct JourneyStatusView<'a> {
    journey: &'a str,
    stage: &'static str,
    steps: Vec<StepStatusView<'a>>,
    #[serde(flatten)]
    next: NextStepView<'a>,
}

#[derive(Debug, Serialize)]
struct StepStatusView<'a> {
    step: &'a str,
    round: u16,
    state: &'static str,
    planned: Option<String>,
    sent: Option<String>,
    kept_back: Option<ReasonView>,
    answered: bool,
    content: String,
    reply: Option<&'a str>,
}

/// One step for each person of a unit.
#[derive(Debug, Serialize)]
pub(crate) struct UnitExplanationView<'a> {
    step: String,
    unit: &'a str,
    people: Vec<MemberStatusView<'a>>,
}

#[derive(Debug, Serialize)]
struct MemberStatusView<'a> {
    person: &'a str,
    state: &'static str,
    kept_back: Option<ReasonView>,
    planned: Option<String>,
    sent: Option<String>,
    #[serde(flatten)]
    next: NextStepView<'a>,
}

/// The next step of a journey (null if nothing follows), and why not earlier.
#[derive(Debug, Serialize)]
struct NextStepView<'a> {
    next: Option<VerdictView<'a>>,
    because: Vec<ReasonView>,
}

#[derive(Debug, Serialize)]
struct VerdictView<'a> {
    verdict: &'static str,
    step: Option<&'a str>,
    round: u16,
    at: Option<String>,
}

impl<'a> ExplanationView<'a> {
    pub(crate) fn of(zone: TimeZone, why: &'a Why<'_>) -> ExplanationView<'a> {
        let journeys = why.journeys.iter().map(|journey| JourneyStatusView::of(zone, journey)).collect();
        ExplanationView { person: display_id(why.person), journeys }
    }
}

impl<'a> UnitExplanationView<'a> {
    pub(crate) fn of(
        snapshot: &'a Snapshot,
        step: &StepName,
        unit: &'a UnitId,
        people: &'a [MemberStatus<'_>],
    ) -> UnitExplanationView<'a> {
        let zone = snapshot.content.library.programme.zone;
        let people = people.iter().map(|member| MemberStatusView::of(zone, member)).collect();
        UnitExplanationView { step: step.to_string(), unit: snapshot.roster.unit_name(unit), people }
    }
}

impl<'a> JourneyStatusView<'a> {
    fn of(zone: TimeZone, status: &'a JourneyStatus<'_>) -> JourneyStatusView<'a> {
        JourneyStatusView {
            journey: status.journey.slug.as_str(),
            stage: status.stage.as_str(),
            steps: status.steps.iter().map(|step| StepStatusView::of(zone, step)).collect(),
            next: NextStepView::of(zone, &status.verdict),
        }
    }
}

impl<'a> StepStatusView<'a> {
    fn of(zone: TimeZone, status: &'a StepStatus<'_>) -> StepStatusView<'a> {
        StepStatusView {
            step: status.step.slug.as_str(),
            round: status.round,
            state: status.word(),
            planned: status.planned.map(|at| zone.rfc3339(at)),
            sent: status.sent.map(|at| zone.rfc3339(at)),
            kept_back: status.kept_back.as_ref().map(ReasonView::of),
            answered: status.answered,
            content: status.content.to_string(),
            reply: status.reply.as_deref(),
        }
    }
}

impl<'a> MemberStatusView<'a> {
    fn of(zone: TimeZone, member: &'a MemberStatus<'_>) -> MemberStatusView<'a> {
        MemberStatusView {
            person: display_id(member.person),
            state: member.step.word(),
            kept_back: member.step.kept_back.as_ref().map(ReasonView::of),
            planned: member.step.planned.map(|at| zone.rfc3339(at)),
            sent: member.step.sent.map(|at| zone.rfc3339(at)),
            next: NextStepView::of(zone, &member.verdict),
        }
    }
}

impl<'a> NextStepView<'a> {
    fn of(zone: TimeZone, verdict: &'a Verdict) -> NextStepView<'a> {
        match verdict {
            Verdict::Send(send) => {
                let (step, at) = (Some(send.step.as_str()), Some(zone.rfc3339(send.slot)));
                let next = VerdictView { verdict: "send", step, round: send.round, at };
                NextStepView { next: Some(next), because: Vec::new() }
            }
            Verdict::Wait(wait) => {
                let (step, at) = (Some(wait.step.as_str()), Some(zone.rfc3339(wait.until)));
                let next = VerdictView { verdict: "wait", step, round: wait.round, at };
                NextStepView { next: Some(next), because: ReasonView::of_all(&wait.reasons) }
            }
            Verdict::Held(held) => {
                let step = held.step.as_ref().map(Slug::as_str);
                let next = VerdictView { verdict: "held", step, round: 0, at: None };
                NextStepView { next: Some(next), because: ReasonView::of_all(&held.reasons) }
            }
            Verdict::Ended(over) => {
                let because = over.code().map(|code| ReasonView { code, text: over_text(*over).to_owned() });
                NextStepView { next: None, because: because.into_iter().collect() }
            }
        }
    }
}

/// Why nothing follows in a journey.
pub(crate) fn over_text(over: Ended) -> &'static str {
    match over {
        Ended::Finished => "everything has been sent or skipped",
        Ended::Left => "the last day with mail has passed",
        Ended::NotInAudience => "the journey is for others",
        Ended::JourneyGone => "the journey is not in the content any more",
    }
}
