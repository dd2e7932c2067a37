//! The state of journeys, deliveries, holds and the relay: the document of
//! `status`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::diagnostic::DiagnosticView;
use super::limit::{LimitReachedView, LimitView};
use super::object::OrderedObject;
use super::outbox::{OutboxView, ProblemDeliveryView};
use crate::domain::change::people_file::RowProblem;
use crate::domain::delivery::bounce::BounceCause;
use crate::domain::delivery::send_block::SendBlock;
use crate::domain::history::position::Stage;
use crate::domain::model::ids::Slug;
use crate::domain::time::timezone::TimeZone;
use crate::domain::verdict::Reason;
use crate::engine::deliver::PausedRollout;
use crate::engine::load::people_file::PeopleFileStatus;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::pass::HeldEmail;
use crate::engine::plan::upcoming::{Condition, Upcoming, UpcomingMails};
use crate::engine::status::Status;
use crate::engine::todo;
use crate::store::{GlobalHold, HeldStep};
use crate::view::health::ActView;

/// The document of `status`.
#[derive(Debug, Serialize)]
pub(crate) struct StatusView<'a> {
    at: String,
    content: String,
    content_faults: Vec<DiagnosticView<'a>>,
    all_held: bool,
    hold: Option<HoldView<'a>>,
    imported: Option<String>,
    people_file: PeopleFileStatusView<'a>,
    log_bytes: u64,
    backup: Option<String>,
    journeys: Vec<JourneyStagesView<'a>>,
    #[serde(flatten)]
    delivery: DeliveryStatusView<'a>,
    held: Vec<HeldEnrolmentsView<'a>>,
    to_do: Vec<ActView>,
    stopped: usize,
    next: Vec<UpcomingView>,
    next_wake: Option<String>,
}

/// The part about mails that were planned already.
#[derive(Debug, Serialize)]
struct DeliveryStatusView<'a> {
    deliveries: OrderedObject<&'static str, u64>,
    relay: RelayView<'a>,
    limits: Vec<LimitReachedView<'a>>,
    guards: Vec<SendBlockView<'a>>,
    held_steps: Vec<HeldStepView<'a>>,
    stuck: Vec<ProblemDeliveryView>,
    came_back: OrderedObject<&'static str, u64>,
    unparsed: u64,
    last_sent: Option<String>,
    last_hour: u64,
    rate: Vec<LimitView>,
    due: usize,
    outbox: OutboxView,
    pausing: Vec<PausedRolloutView<'a>>,
    daemon: bool,
}

/// What is to be done about the people file.
#[derive(Debug, Serialize)]
struct PeopleFileStatusView<'a> {
    changed_since_import: bool,
    not_imported: Vec<RowProblemView<'a>>,
}

/// A row, or a unit, that the last import left as it was.
#[derive(Debug, Serialize)]
struct RowProblemView<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> PeopleFileStatusView<'a> {
    fn of(status: &'a PeopleFileStatus) -> PeopleFileStatusView<'a> {
        let problem = |problem: &'a RowProblem| RowProblemView {
            file: &problem.file,
            line: problem.line,
            column: problem.column,
            message: &problem.message,
            hint: problem.hint.as_deref(),
        };
        PeopleFileStatusView {
            changed_since_import: status.has_changed,
            not_imported: status.problems.iter().map(problem).collect(),
        }
    }
}

/// A manual hold of all sending.
#[derive(Debug, Serialize)]
struct HoldView<'a> {
    since: String,
    why: Option<&'a str>,
}

/// Number of enrolments of a journey by stage.
#[derive(Debug, Serialize)]
struct JourneyStagesView<'a> {
    journey: &'a str,
    enrolments: OrderedObject<&'static str, usize>,
}

#[derive(Debug, Serialize)]
struct RelayView<'a> {
    last_success: Option<String>,
    trouble: Option<&'a str>,
    since: Option<String>,
    failures: u32,
    retry: Option<String>,
    connections: Option<u16>,
    fewer_until: Option<String>,
}

/// A condition that blocks sending until an operator confirms.
#[derive(Debug, Serialize)]
struct SendBlockView<'a> {
    kind: &'static str,
    since: String,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct HeldStepView<'a> {
    journey: &'a str,
    step: &'a str,
    since: String,
    why: Option<&'a str>,
}

/// A mailing whose first mails were sent; the daemon waits with the rest.
#[derive(Debug, Serialize)]
struct PausedRolloutView<'a> {
    journey: &'a str,
    step: &'a str,
    rest_follows: String,
}

/// Number of held enrolments, by step and reason.
#[derive(Debug, Serialize)]
struct HeldEnrolmentsView<'a> {
    journey: &'a str,
    step: Option<&'a str>,
    because: &'static str,
    enrolments: usize,
}

/// Mails of one step that come next, at one time.
#[derive(Debug, Serialize)]
struct UpcomingView {
    at: String,
    journey: String,
    step: String,
    round: u16,
    mails: usize,
    needs: Option<&'static str>,
}

impl UpcomingView {
    fn of_all(zone: TimeZone, upcoming: &Upcoming) -> Vec<UpcomingView> {
        let view = |mails: &UpcomingMails| UpcomingView {
            at: zone.rfc3339(mails.at),
            journey: mails.step.journey.to_string(),
            step: mails.step.step.to_string(),
            round: mails.round,
            mails: mails.mails,
            needs: mails.condition.map(Condition::as_str),
        };
        upcoming.iter().map(view).collect()
    }
}

impl<'a> StatusView<'a> {
    pub(crate) fn of(snapshot: &Snapshot, status: &'a Status<'_>) -> StatusView<'a> {
        let zone = snapshot.content.library.programme.zone;
        StatusView {
            at: zone.rfc3339(status.at),
            content: snapshot.content.library.hash.to_string(),
            content_faults: DiagnosticView::of_all(status.broken),
            all_held: status.all_held.is_some(),
            hold: status.all_held.as_ref().map(|hold| HoldView::of(zone, hold)),
            imported: status.imported.map(|at| zone.rfc3339(at)),
            people_file: PeopleFileStatusView::of(&status.people_file),
            log_bytes: status.log,
            backup: status.backup.map(|at| zone.rfc3339(at)),
            journeys: status
                .stages
                .iter()
                .map(|(journey, stages)| JourneyStagesView::of(journey, stages))
                .collect(),
            delivery: DeliveryStatusView::of(zone, status),
            held: HeldEnrolmentsView::of_all(&status.pass.held),
            to_do: ActView::of_all(&todo::acts(snapshot, status)),
            stopped: snapshot.settings.stopped.len(),
            next: UpcomingView::of_all(zone, &Upcoming::of(&status.pass)),
            next_wake: status.next_wake.map(|at| zone.rfc3339(at)),
        }
    }
}

impl<'a> DeliveryStatusView<'a> {
    fn of(zone: TimeZone, status: &'a Status<'_>) -> DeliveryStatusView<'a> {
        let bounces = BounceCause::ALL.map(|cause| (cause.as_str(), bounces(status, cause)));
        DeliveryStatusView {
            deliveries: OrderedObject(
                status.deliveries.iter().map(|(state, n)| (state.as_str(), *n)).collect(),
            ),
            relay: RelayView::of(zone, status),
            limits: status.limits.iter().map(|reached| LimitReachedView::of(zone, reached)).collect(),
            guards: status.guards.iter().map(|block| SendBlockView::of(zone, block)).collect(),
            held_steps: status.held_steps.iter().map(|held| HeldStepView::of(zone, held)).collect(),
            stuck: ProblemDeliveryView::of_all(zone, &status.stuck),
            came_back: OrderedObject(bounces.into()),
            unparsed: status.unparsed,
            last_sent: status.last_sent.map(|at| zone.rfc3339(at)),
            last_hour: status.last_hour,
            rate: status.rate.iter().map(LimitView::of).collect(),
            due: status.pass.send.len(),
            outbox: OutboxView::of(&status.outbox),
            pausing: status.rollouts().iter().map(|paused| PausedRolloutView::of(zone, paused)).collect(),
            daemon: status.daemon,
        }
    }
}

/// Number of bounces with that cause.
pub(crate) fn bounces(status: &Status<'_>, cause: BounceCause) -> u64 {
    status.bounces.iter().filter(|(of, _)| *of == cause).map(|(_, n)| n).sum()
}

impl<'a> HoldView<'a> {
    fn of(zone: TimeZone, hold: &'a GlobalHold) -> HoldView<'a> {
        HoldView { since: zone.rfc3339(hold.since), why: hold.why.as_deref() }
    }
}

impl<'a> JourneyStagesView<'a> {
    fn of(journey: &'a Slug, stages: &[usize; 5]) -> JourneyStagesView<'a> {
        let enrolments = Stage::ALL.iter().zip(stages).map(|(stage, n)| (stage.as_str(), *n)).collect();
        JourneyStagesView { journey: journey.as_str(), enrolments: OrderedObject(enrolments) }
    }
}

impl<'a> RelayView<'a> {
    fn of(zone: TimeZone, status: &'a Status<'_>) -> RelayView<'a> {
        let trouble = status.relay.failure.as_ref();
        let cap = status.relay.connection_cap.and_then(|cap| cap.if_active(status.at));
        RelayView {
            last_success: status.relay.success.map(|at| zone.rfc3339(at)),
            trouble: trouble.map(|trouble| trouble.why.as_str()),
            since: trouble.map(|trouble| zone.rfc3339(trouble.since)),
            failures: trouble.map_or(0, |trouble| trouble.failures),
            retry: trouble.map(|trouble| zone.rfc3339(trouble.retry)),
            connections: cap.map(|cap| cap.connections),
            fewer_until: cap.map(|cap| zone.rfc3339(cap.until)),
        }
    }
}

impl<'a> SendBlockView<'a> {
    fn of(zone: TimeZone, block: &'a SendBlock) -> SendBlockView<'a> {
        SendBlockView { kind: block.kind.as_str(), since: zone.rfc3339(block.at), message: &block.message }
    }
}

impl<'a> HeldStepView<'a> {
    fn of(zone: TimeZone, held: &'a HeldStep) -> HeldStepView<'a> {
        HeldStepView {
            journey: held.step.journey.as_str(),
            step: held.step.step.as_str(),
            since: zone.rfc3339(held.since),
            why: held.why.as_deref(),
        }
    }
}

impl<'a> PausedRolloutView<'a> {
    fn of(zone: TimeZone, paused: &'a PausedRollout) -> PausedRolloutView<'a> {
        PausedRolloutView {
            journey: paused.step.journey.as_str(),
            step: paused.step.step.as_str(),
            rest_follows: zone.rfc3339(paused.opens),
        }
    }
}

impl<'a> HeldEnrolmentsView<'a> {
    fn of_all(held: &'a [HeldEmail<'_>]) -> Vec<HeldEnrolmentsView<'a>> {
        let mut sums: BTreeMap<(&str, Option<&str>, &'static str), usize> = BTreeMap::new();
        for holding in held {
            let step = holding.held.step.as_ref().map(Slug::as_str);
            let code = holding.held.reasons.first().map_or("", Reason::code);
            *sums.entry((holding.journey.slug.as_str(), step, code)).or_default() += holding.enrolments;
        }
        let view = |((journey, step, because), enrolments)| HeldEnrolmentsView {
            journey,
            step,
            because,
            enrolments,
        };
        sums.into_iter().map(view).collect()
    }
}
