//! What forbids a mail to leave at an instant: the one rule behind the slot search and the hand-over.
//!
//! Each check stands here once. The slot search asks them for every slot and adds what only it knows: cadence, gap, lead
//! and the last day. The hand-over asks them again for a mail that is enqueued, because a decision may have come since.

use crate::domain::change::settings::{Pause, Settings};
use crate::domain::model::ids::ContentHash;
use crate::domain::model::journey::Journey;
use crate::domain::model::library::Programme;
use crate::domain::model::person::Person;
use crate::domain::model::step::Step;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::{MissingApproval, Reason};

/// Why a mail may not leave at an instant, and until when.
#[derive(Clone)]
pub(super) struct Blocked {
    /// `None`: without end.
    pub(super) until: Option<Timestamp>,
    pub(super) reason: Reason,
}

/// A mail that is enqueued and not handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EnqueuedMail<'a> {
    pub(crate) journey: &'a Journey,
    /// The step as it is now.
    pub(crate) step: &'a Step,
    pub(crate) person: &'a Person,
    /// The content hash it was enqueued with.
    pub(crate) content: ContentHash,
}

/// What forbids handing over an enqueued mail at an instant; `None` if it may leave. The content it was enqueued with
/// was approved then, so only a change since needs another approval.
pub(crate) fn hand_over_block(
    mail: &EnqueuedMail<'_>,
    at: Timestamp,
    settings: &Settings,
    programme: &Programme,
) -> Option<Reason> {
    let EnqueuedMail { journey, step, person, content } = *mail;
    if settings.stopped.contains(&person.id) {
        return Some(Reason::Stopped);
    }
    if settings.all_held || is_held(journey, step, settings) {
        return Some(Reason::ManualHold);
    }
    let pauses = settings.pauses.iter().filter(|pause| pause.of.includes(person, journey));
    if let Some(paused) = pause_block(pauses, at, programme.zone) {
        return Some(paused.reason);
    }
    let tried_first =
        journey.reference_group.as_ref().is_some_and(|group| !group.people.contains(&person.id));
    if tried_first
        && content != step.hash
        && let StepApproval::Missing(approval) = StepApproval::of(journey, step, settings)
    {
        return Some(Reason::NotApproved(approval));
    }
    let unit_closed = settings.units.get(&person.unit).map_or(&[][..], |unit| &unit.closed);
    calendar_block(programme, unit_closed, at)
        .or_else(|| leave_block(person, at, programme.zone))
        .map(|blocked| blocked.reason)
        .or_else(|| Reason::of_address(person))
}

/// Whether a step is held manually.
pub(super) fn is_held(journey: &Journey, step: &Step, settings: &Settings) -> bool {
    settings.held_steps.iter().any(|held| held.is(&journey.slug, &step.slug))
}

/// The first pause that is in force.
pub(super) fn pause_block<'p>(
    mut pauses: impl Iterator<Item = &'p Pause>,
    at: Timestamp,
    zone: TimeZone,
) -> Option<Blocked> {
    let pause = pauses.find(|pause| pause.holds(at, zone))?;
    Some(Blocked { until: pause.ends(zone), reason: Reason::Paused(pause.reason.clone()) })
}

/// A day or a time of day without mail, for all people of a unit.
pub(super) fn calendar_block(
    programme: &Programme,
    unit_closed: &[ClosedPeriod],
    at: Timestamp,
) -> Option<Blocked> {
    let (calendar, zone) = (&programme.calendar, programme.zone);
    let civil = zone.civil(at);
    let day = civil.date();
    let next_day = || day.succ_opt().map(|next| zone.midnight(next));
    if let Some(quiet) = calendar.quiet(day, unit_closed) {
        return Some(Blocked { until: next_day(), reason: quiet.into() });
    }
    if civil.time() < calendar.opens {
        let until = Some(zone.local_to_instant(day.and_time(calendar.opens)));
        return Some(Blocked { until, reason: Reason::OutsideHours });
    }
    let late = civil.time() >= calendar.closes;
    late.then(|| Blocked { until: next_day(), reason: Reason::OutsideHours })
}

/// A person's leave.
pub(super) fn leave_block(person: &Person, at: Timestamp, zone: TimeZone) -> Option<Blocked> {
    let day = zone.date(at);
    let leave = person.leave.iter().find(|leave| leave.contains(day))?;
    let until = leave.to.succ_opt().map(|back| zone.midnight(back));
    Some(Blocked { until, reason: Reason::Leave(leave.to) })
}

/// Whether a step's present text is approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepApproval {
    /// The journey has no reference group, so no approval is needed.
    NotNeeded,
    /// Approved since that instant.
    Since(Timestamp),
    /// Not approved.
    Missing(MissingApproval),
}

impl StepApproval {
    pub(super) fn of(journey: &Journey, step: &Step, settings: &Settings) -> StepApproval {
        if journey.reference_group.is_none() {
            return StepApproval::NotNeeded;
        }
        let mut of_step = settings.approvals.iter().filter(|given| given.step.is(&journey.slug, &step.slug));
        let Some(first) = of_step.next() else { return StepApproval::Missing(MissingApproval::Never) };
        match std::iter::once(first).chain(of_step).find(|given| given.content == step.hash) {
            Some(approval) => StepApproval::Since(approval.at),
            None => StepApproval::Missing(MissingApproval::ContentChanged),
        }
    }
}
