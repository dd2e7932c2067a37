//! The state of an enrolment: when it began, which steps remain, when the next is due, and what it
//! waits for.

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use super::gate::{Gate, lead_before};
use super::send_policy::StepApproval;
use super::slot::{SMALLEST_STEP, Slots};
use super::{ApprovalMode, PersonContext, PlannerAt, PreparedJourney};
use crate::domain::history::{Enrolment, Event, EventKind, Mail, PersonHistory};
use crate::domain::model::ids::Slug;
use crate::domain::model::journey::LateJoiners;
use crate::domain::model::person::Person;
use crate::domain::model::step::{Pace, Step, Wait as StepWait};
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Reason;

const TWO_DAYS: TimeDelta = TimeDelta::days(2);

/// Whether an enrolment has begun.
enum Begin {
    /// At that instant, past or future.
    At(Timestamp),
    /// The journey before it has not ended.
    After(Predecessor),
}

/// A journey that has not ended for a person, and that another follows.
pub(super) struct Predecessor {
    pub(super) slug: Slug,
    /// The earliest instant at which it can end; `None` if someone must act.
    pub(super) until: Option<Timestamp>,
}

/// The progress of a journey, as the journey that follows it sees it.
#[derive(Clone, Copy)]
pub(super) enum PredecessorState {
    /// Does not apply to the person.
    NotApplicable,
    /// Everything is sent or skipped and the last wait has ended, since that instant.
    CompletedAt(Timestamp),
    /// Not ended; the earliest instant at which it can, `None` if someone must act.
    Running(Option<Timestamp>),
}

/// Whether the wait after the last mail has ended.
#[derive(Clone, Copy)]
pub(super) enum AnswerWait {
    /// Since that instant.
    Satisfied(Timestamp),
    /// It ends then, also without an answer.
    Until(Timestamp),
    /// It has no time limit.
    Unbounded,
}

/// The state of an enrolment.
pub(super) struct EnrolmentState<'s> {
    /// Whether the person is in the reference group.
    pub(super) member: bool,
    pub(super) enrolment: &'s Enrolment,
    pub(super) began: Timestamp,
    /// The last mail (round 0) of this journey.
    pub(super) last: Option<Mail<'s>>,
    /// Its step, if the journey still has it.
    pub(super) last_step: Option<&'s Step>,
    pub(super) answer: AnswerWait,
    /// The remaining steps, in order, without skipped ones.
    pub(super) ahead: Vec<usize>,
    /// How the person joins, if the mails of others decide which step comes first.
    pub(super) joins_late: Option<LateJoiners>,
    /// Steps that are too late from now on.
    pub(super) skipped: Vec<(usize, Timestamp)>,
    /// The latest instant at which a step before the next was skipped.
    pub(super) skipped_at: Option<Timestamp>,
}

/// When a step becomes due, and why not earlier.
pub(super) struct StepTiming {
    pub(super) slots: Slots,
    /// Whether its first slot, before filters, has passed.
    pub(super) has_come: bool,
    pub(super) reasons: Vec<Reason>,
}

impl PlannerAt<'_> {
    /// The remaining steps of a person; all of them while the previous journey has not ended.
    pub(super) fn steps_ahead<'s>(
        &'s self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        predecessor: Option<PredecessorState>,
    ) -> Vec<usize> {
        match self.place(who, route, predecessor) {
            Ok(place) => place.ahead,
            Err(_) => (0..route.journey.steps.len()).collect(),
        }
    }

    /// The start of the journey for the person's unit, which defines who is late; without one, that of the
    /// journey it follows.
    pub(super) fn official_start(
        &self,
        who: &PersonContext<'_>,
        route: &PreparedJourney<'_>,
    ) -> Option<Timestamp> {
        let mut route = route;
        for _ in 0..self.planner.routes.len() {
            if let Some(starts) = route.starts[who.unit] {
                return Some(starts.all);
            }
            route = &self.planner.routes[route.after?];
        }
        None
    }

    /// The state of an enrolment; `Err` while the previous journey has not ended.
    pub(super) fn place<'s>(
        &'s self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        predecessor: Option<PredecessorState>,
    ) -> Result<EnrolmentState<'s>, Predecessor> {
        let enrolment = who.past.enrolment(&route.journey.slug);
        let last = enrolment.mails().next_back();
        let member = self.is_member(who, route);
        // Once a mail has left, the journey has begun, whatever happens to the previous one.
        let began = match self.begin(who, route, enrolment, member, predecessor) {
            Begin::At(at) => at,
            Begin::After(_) if last.is_some() => Timestamp::UNIX_EPOCH,
            Begin::After(predecessor) => return Err(predecessor),
        };
        let last_step = last.and_then(|mail| route.journey.step(mail.step));
        let answer = match (last, last_step) {
            (Some(mail), Some(step)) => self.answer(who, route, enrolment, mail, step),
            _ => AnswerWait::Satisfied(last.map_or(began, |mail| mail.at)),
        };
        let ahead = self.remaining_steps(who, route, enrolment);
        let mut place = EnrolmentState {
            member,
            enrolment,
            began,
            last,
            last_step,
            answer,
            ahead,
            joins_late: self.joins_late(who, route, enrolment),
            skipped: Vec::new(),
            skipped_at: enrolment.events.iter().filter(|e| is_skip(e)).map(|e| e.at).max(),
        };
        self.skip_expired(who, route, &mut place);
        Ok(place)
    }

    /// When the enrolment begins: the latest of the journey's start, the person's own start, the import that
    /// put them in the audience, and the end of the previous journey.
    fn begin<'s>(
        &'s self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        enrolment: &Enrolment,
        member: bool,
        predecessor: Option<PredecessorState>,
    ) -> Begin {
        let zone = self.planner.zone();
        let own = route.starts[who.unit].map(|starts| starts.of_person(member));
        let start = match (predecessor, &route.journey.after) {
            (Some(PredecessorState::Running(until)), Some(slug)) => {
                return Begin::After(Predecessor { slug: slug.clone(), until });
            }
            (Some(PredecessorState::CompletedAt(over)), _) => own.max(Some(over)),
            _ => own.or_else(|| self.official_start(who, route)),
        };
        // Fast path: most people joined long before the start, and a local midnight is within two days of the
        // same midnight in UTC.
        let later = |day: &NaiveDate| {
            start.is_none_or(|start| day.and_time(NaiveTime::MIN).and_utc() + TWO_DAYS > start)
        };
        let person = who.person.start.filter(later).map(|day| zone.midnight(day));
        let latest = [start, person, enrolment.entered].into_iter().flatten().max();
        Begin::At(latest.unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Whether the wait after a mail has ended.
    fn answer<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        enrolment: &Enrolment,
        mail: Mail<'_>,
        step: &Step,
    ) -> AnswerWait {
        let limit = match step.wait {
            StepWait::No => return AnswerWait::Satisfied(mail.at),
            StepWait::ForAnswer => None,
            StepWait::AtMost(duration) => Some(who.after_mail(route, mail.slot, mail.at, duration)),
        };
        let answered = enrolment.answered(&step.slug).filter(|at| *at <= self.now);
        match (answered, limit) {
            (Some(answered), Some(limit)) => AnswerWait::Satisfied(answered.min(limit)),
            (Some(answered), None) => AnswerWait::Satisfied(answered),
            (None, Some(limit)) if limit <= self.now => AnswerWait::Satisfied(limit),
            (None, Some(limit)) => AnswerWait::Until(limit),
            (None, None) => AnswerWait::Unbounded,
        }
    }

    /// The remaining steps in today's order: those to catch up on, then those after the last one received.
    fn remaining_steps<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        enrolment: &Enrolment,
    ) -> Vec<usize> {
        let steps = &route.journey.steps;
        let from = match last_place(steps, enrolment) {
            Some(last) => last + 1,
            None if enrolment.mails().next().is_some() => 0,
            None => self.first_step(who, route, enrolment),
        };
        let done =
            |step: &Step| enrolment.mail(&step.slug).is_some() || enrolment.skipped(&step.slug).is_some();
        let earlier_texts = &self.planner.settings.earlier_texts;
        let comes = |(index, step): &(usize, &Step)| {
            let is_for_them = match &step.corrects {
                Some(corrected) => {
                    earlier_texts.get(corrected).is_some_and(|got| got.contains(&who.person.id))
                }
                None => *index >= from || step.catch_up,
            };
            is_for_them && !done(step)
        };
        let mut ahead = Vec::with_capacity(steps.len());
        ahead.extend(steps.iter().enumerate().filter(comes).map(|(index, _)| index));
        ahead
    }

    /// The first step of a person without any mail.
    fn first_step(
        &self,
        who: &PersonContext<'_>,
        route: &PreparedJourney<'_>,
        enrolment: &Enrolment,
    ) -> usize {
        let first = match self.joins_late(who, route, enrolment) {
            Some(LateJoiners::JoinUnit) => {
                self.progress.unit_majority_received(route.index, &who.person.unit).map(|step| step + 1)
            }
            Some(LateJoiners::SkipToCurrent) => self.progress.furthest(route.index),
            Some(LateJoiners::FromStart) | None => None,
        };
        first.unwrap_or(0)
    }

    /// How a person without any mail joins, if they came after the start and do not begin with the first step.
    pub(super) fn joins_late(
        &self,
        who: &PersonContext<'_>,
        route: &PreparedJourney<'_>,
        enrolment: &Enrolment,
    ) -> Option<LateJoiners> {
        let mode = route.journey.late_joiners;
        if mode == LateJoiners::FromStart || enrolment.mails().next().is_some() {
            return None;
        }
        let zone = self.planner.zone();
        let came = who.person.start.map(|day| zone.midnight(day)).max(enrolment.entered);
        let late = came.is_some_and(|came| self.official_start(who, route).is_some_and(|start| came > start));
        late.then_some(mode)
    }

    /// How a person joins each journey in which the mails of others decide where they begin.
    pub(crate) fn late_joins(&self, person: &Person, past: &PersonHistory) -> Vec<LateJoiners> {
        let who = PersonContext::new(self, person, past);
        let routes = self.planner.routes.iter();
        let joins =
            routes.filter_map(|route| self.joins_late(&who, route, past.enrolment(&route.journey.slug)));
        joins.collect()
    }

    /// Removes the steps that expired before they could leave.
    fn skip_expired<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &mut EnrolmentState<'s>,
    ) {
        while let Some(&index) = place.ahead.first() {
            let Some(expires) = self.expires(who, route, place, index).filter(|at| *at < self.now) else {
                return;
            };
            place.ahead.remove(0);
            place.skipped.push((index, expires));
            place.skipped_at = place.skipped_at.max(Some(expires));
        }
    }

    /// The last instant at which a step may leave, if it can expire and the period has started: at the first
    /// slot, before filters, at which it was due and approved.
    pub(super) fn expires<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
        index: usize,
    ) -> Option<Timestamp> {
        let duration = route.journey.steps[index].expires_after?;
        let approved = match (self.gate_for(place, route, index), route.approved[index]) {
            (None, _) => None,
            (Some(Gate::OpensAt(at)), StepApproval::Since(since)) => Some(at.max(since)),
            (Some(Gate::Open), StepApproval::Since(since)) => Some(since),
            (Some(Gate::OpensAt(at)), _) if self.planner.approvals == ApprovalMode::Assumed => Some(at),
            (Some(Gate::Open), _) if self.planner.approvals == ApprovalMode::Assumed => None,
            (Some(Gate::OpensAt(_) | Gate::Open | Gate::Closed), _) => return None,
        };
        let due = self.due_since(who, route, place, index, approved)?;
        let zone = self.planner.zone();
        Some(match duration.as_length() {
            Some(length) => due + length,
            None => {
                let calendar = &self.planner.library.programme.calendar;
                let civil = zone.civil(due);
                let date = calendar.date_after(civil.date(), duration, who.unit_closed(), |_| false);
                zone.local_to_instant(date.and_time(civil.time()))
            }
        })
    }

    /// The first slot, before filters, at which a step was due.
    pub(super) fn due_since<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
        index: usize,
        approved: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let AnswerWait::Satisfied(answered) = place.answer else { return None };
        self.due_from(who, route, place, index, [Some(answered), approved])
    }

    /// Like [`PlannerAt::due_since`], for a step to come: a wait for an answer has ended by then.
    pub(super) fn due_in_future<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
        index: usize,
    ) -> Option<Timestamp> {
        let (AnswerWait::Satisfied(answered) | AnswerWait::Until(answered)) = place.answer else {
            return None;
        };
        self.due_from(who, route, place, index, [Some(answered), None])
    }

    fn due_from<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
        index: usize,
        conditions: [Option<Timestamp>; 2],
    ) -> Option<Timestamp> {
        let slots = self.turn(who, route, place, index).slots;
        let at = conditions.into_iter().chain([place.skipped_at]).flatten().max()?;
        self.slot_from(who, route, slots, at)
    }

    /// The gate of a step for a person; `None` for the reference group, and without one.
    pub(super) fn gate_for(
        &self,
        place: &EnrolmentState<'_>,
        route: &PreparedJourney<'_>,
        index: usize,
    ) -> Option<Gate> {
        if place.member || route.approved[index] == StepApproval::NotNeeded {
            return None;
        }
        Some(self.gates[route.index][index])
    }

    /// The step's own date and time for a person, if it has one.
    pub(super) fn own_moment(
        &self,
        who: &PersonContext<'_>,
        route: &PreparedJourney<'_>,
        member: bool,
        step: &Step,
    ) -> Option<Timestamp> {
        let Pace::On(civil) = &step.pace else { return None };
        let zone = self.planner.zone();
        let on = zone.local_to_instant(*civil + TimeDelta::weeks(i64::from(who.weeks_shifted())));
        Some(match route.journey.reference_group.as_ref().filter(|_| member) {
            Some(group) => lead_before(on, group.lead, &self.planner.library.programme.calendar, zone),
            None => on,
        })
    }

    /// When a step becomes due.
    pub(super) fn turn<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
        index: usize,
    ) -> StepTiming {
        let zone = self.planner.zone();
        let step = &route.journey.steps[index];
        let not_before = match place.last {
            Some(mail) => mail.at + SMALLEST_STEP,
            None => place.began,
        };
        let shifted = match place.last {
            Some(mail) => who.weeks_shifted_since(mail.at),
            // A shift moves the start; a person with an own start waits for the first step and is moved once.
            None if route.starts[who.unit]
                .is_some_and(|starts| starts.of_person(place.member) == place.began) =>
            {
                0
            }
            None => who.weeks_shifted_since(place.began),
        };
        let shift = |at: Timestamp, weeks: i32| match weeks {
            0 => at,
            weeks => zone.local_to_instant(zone.civil(at) + TimeDelta::weeks(i64::from(weeks))),
        };
        let slots = match &step.pace {
            Pace::NextSlot => Slots { from: shift(not_before, shifted).max(not_before), on: None },
            Pace::After(duration) => {
                let (slot, left) = place.last.map_or((place.began, place.began), |mail| (mail.slot, mail.at));
                let turn = who.after_mail(route, slot, left, *duration);
                Slots { from: shift(turn, shifted).max(not_before), on: None }
            }
            Pace::On(_) => {
                let on = self.own_moment(who, route, place.member, step);
                Slots { from: on.map_or(not_before, |on| not_before.max(on)), on }
            }
        };
        let mut reasons = Vec::new();
        // The slot after a mail of this instant is a matter of the cadence.
        if slots.from > self.now + SMALLEST_STEP {
            let day = zone.date(slots.from);
            let begins = match place.last {
                None if place.began > self.now => Some(zone.date(place.began)),
                None if step.pace == Pace::NextSlot => Some(day),
                _ => None,
            };
            reasons.extend(begins.map(Reason::NotStarted));
            reasons.extend(begins.is_none_or(|begins| begins < day).then_some(Reason::Pace(day)));
            let whole = place.last.is_none() || matches!(step.pace, Pace::On(_));
            let weeks = if whole { who.weeks_shifted() } else { shifted };
            reasons.extend((weeks > 0).then_some(Reason::UnitShift(weeks)));
        }
        let has_come = self.slot_from(who, route, slots, slots.from).is_some_and(|slot| slot <= self.now);
        StepTiming { slots, has_come, reasons }
    }
}

/// The index, in today's order, of the last step a person got. If that step was removed, the one before it
/// counts; a step caught up on does not move the person back.
fn last_place(steps: &[Step], enrolment: &Enrolment) -> Option<usize> {
    enrolment.mails().fold(None, |last, mail| {
        let place = steps.iter().position(|step| step.slug == *mail.step);
        match place {
            Some(place) if !steps[place].is_caught_up() || last.is_none_or(|last| place > last) => {
                Some(place)
            }
            _ => last,
        }
    })
}

fn is_skip(event: &Event) -> bool {
    event.what == EventKind::Skipped
}
