//! What a person has received and will receive, when, and why not earlier: the
//! documents of `why`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::person::display_id;
use super::reason::ReasonView;
use crate::domain::delivery::state::State;
use crate::domain::history::position::Stage;
use crate::domain::model::ids::{Slug, StepName, UnitId};
use crate::domain::time::timezone::TimeZone;
use crate::domain::verdict::{Ended, Verdict};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::explain::{EarlierReader, JourneyStatus, Leaver, MemberStatus, StepStatus, Why};
use crate::store::PastMail;

/// All journeys of one person.
#[derive(Debug, Serialize)]
pub(crate) struct ExplanationView<'a> {
    person: &'a str,
    left: Option<String>,
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
    removed: bool,
}

/// Who got an earlier text of a step.
#[derive(Debug, Serialize)]
pub(crate) struct EarlierTextView<'a> {
    step: String,
    text: &'static str,
    people: Vec<EarlierReaderView<'a>>,
}

#[derive(Debug, Serialize)]
struct EarlierReaderView<'a> {
    person: &'a str,
    unit: Option<&'a str>,
    sent: String,
    content: String,
}

impl<'a> EarlierTextView<'a> {
    pub(crate) fn of(
        snapshot: &'a Snapshot,
        step: &StepName,
        readers: &'a [EarlierReader<'_>],
    ) -> EarlierTextView<'a> {
        let zone = snapshot.content.library.programme.zone;
        let view = |reader: &'a EarlierReader<'_>| EarlierReaderView {
            person: display_id(reader.person),
            unit: (!reader.person.protected).then(|| snapshot.roster.unit_name(&reader.person.unit)),
            sent: zone.rfc3339(reader.text.sent),
            content: reader.text.content.to_string(),
        };
        EarlierTextView { step: step.to_string(), text: "older", people: readers.iter().map(view).collect() }
    }
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
    pub(crate) fn of(snapshot: &Snapshot, why: &'a Why<'_>) -> ExplanationView<'a> {
        let zone = snapshot.content.library.programme.zone;
        let journeys = why.journeys.iter().map(|journey| {
            let mut view = JourneyStatusView::of(zone, journey);
            let removed = why.removed.iter().filter(|mail| mail.step.journey == journey.journey.slug);
            view.steps.extend(removed.map(|mail| StepStatusView::of_past(zone, mail, true)));
            view
        });
        let is_gone = |mail: &&PastMail| snapshot.content.library.journey(&mail.step.journey).is_none();
        let gone: Vec<&PastMail> = why.removed.iter().filter(is_gone).collect();
        let gone = past_journeys(zone, &gone, "journey_gone", Ended::JourneyGone.text(), true);
        ExplanationView {
            person: display_id(why.person),
            left: None,
            journeys: journeys.chain(gone).collect(),
        }
    }

    /// What a person got who has left.
    pub(crate) fn of_leaver(zone: TimeZone, leaver: &'a Leaver) -> ExplanationView<'a> {
        let departed = &leaver.departed;
        let mails: Vec<&PastMail> = leaver.mails.iter().collect();
        ExplanationView {
            person: if departed.protected { "protected" } else { departed.person.as_str() },
            left: Some(zone.rfc3339(departed.at)),
            journeys: past_journeys(zone, &mails, "left", Ended::Left.text(), false),
        }
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
            removed: false,
        }
    }

    /// A mail of which only the past is known.
    fn of_past(zone: TimeZone, mail: &'a PastMail, removed: bool) -> StepStatusView<'a> {
        let sent = mail.settled.filter(|_| mail.state == State::Sent);
        StepStatusView {
            step: mail.step.step.as_str(),
            round: mail.round,
            state: mail.state.as_str(),
            planned: Some(zone.rfc3339(mail.slot)),
            sent: sent.map(|at| zone.rfc3339(at)),
            kept_back: None,
            answered: false,
            content: mail.content.to_string(),
            reply: mail.reply.as_deref(),
            removed,
        }
    }
}

/// Journeys of which only the past is known.
fn past_journeys<'a>(
    zone: TimeZone,
    mails: &[&'a PastMail],
    code: &'static str,
    text: &str,
    removed: bool,
) -> Vec<JourneyStatusView<'a>> {
    let mut journeys: BTreeMap<&Slug, Vec<StepStatusView<'a>>> = BTreeMap::new();
    for mail in mails {
        let view = StepStatusView::of_past(zone, mail, removed);
        journeys.entry(&mail.step.journey).or_default().push(view);
    }
    let view = |(journey, steps): (&'a Slug, Vec<StepStatusView<'a>>)| JourneyStatusView {
        journey: journey.as_str(),
        stage: Stage::Withdrawn.as_str(),
        steps,
        next: NextStepView { next: None, because: vec![ReasonView { code, text: text.to_owned() }] },
    };
    journeys.into_iter().map(view).collect()
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
                let step = wait.known_step().map(Slug::as_str);
                let at = step.map(|_| zone.rfc3339(wait.until));
                let next = VerdictView { verdict: "wait", step, round: wait.round, at };
                NextStepView { next: Some(next), because: ReasonView::of_all(&wait.reasons) }
            }
            Verdict::Held(held) => {
                let step = held.step.as_ref().map(Slug::as_str);
                let next = VerdictView { verdict: "held", step, round: 0, at: None };
                NextStepView { next: Some(next), because: ReasonView::of_all(&held.reasons) }
            }
            Verdict::Ended(over) => {
                let because = over.code().map(|code| ReasonView { code, text: over.text().to_owned() });
                NextStepView { next: None, because: because.into_iter().collect() }
            }
        }
    }
}
