//! What comes next in an enrolment: a step, a reminder, or the end; now, later, or when someone acts.

use chrono::TimeDelta;

use super::gate::Gate;
use super::send_policy::{Blocked, StepApproval};
use super::slot::{SEARCH_HORIZON, SMALLEST_STEP, Slots};
use super::{ApprovalMode, Decision, PersonContext, PlannerAt, PreparedJourney, UnitView};
use crate::domain::history::PendingEmail;
use crate::domain::model::journey::LateJoiners;
use crate::domain::model::step::{Step, Wait as StepWait};
use crate::domain::planner::enrolment::{AnswerWait, EnrolmentState, Predecessor, PredecessorState};
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Ended, Held, LateStart, Reason, Send, Verdict, Wait};

impl PlannerAt<'_> {
    /// Decides for a person in the audience, given how the previous journey stands.
    pub(super) fn decide_place<'s>(
        &'s self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        predecessor: Option<PredecessorState>,
    ) -> (Decision, PredecessorState) {
        let journey = route.index;
        let blocked = self.person_block(who, route);
        let place = match self.place(who, route, predecessor) {
            Ok(place) => place,
            Err(predecessor) => {
                let until = predecessor.until;
                let verdict = self.after_leader(who, route, predecessor);
                let (verdict, recheck_at) = match blocked {
                    Some(reason) => (hold_verdict(verdict, reason), until),
                    None => (self.after_pending(who, verdict), None),
                };
                return (
                    Decision { journey, verdict, skipped: Vec::new(), recheck_at },
                    PredecessorState::Running(until),
                );
            }
        };
        let step = place.ahead.first().map(|index| self.decide_step(who, route, &place, *index));
        let (step, recheck_at) = step.unwrap_or_else(|| (at_the_end(&place), None));
        let mut verdict = first_of(step, self.decide_reminder(who, route, &place));
        verdict = match blocked {
            Some(reason) => hold_verdict(verdict, reason),
            None => self.after_pending(who, verdict),
        };
        let mut decision = Decision { journey, verdict, skipped: Vec::new(), recheck_at };
        let standing = self.standing(&place, &decision);
        decision.skipped = place.skipped;
        (decision, standing)
    }

    /// Moves a verdict behind a mail that is enqueued and has not left, so that mails keep their order and gap.
    fn after_pending(&self, who: &PersonContext<'_>, verdict: Verdict) -> Verdict {
        let Some(outstanding) = who.past.outbox else { return verdict };
        let (until, reason) = match outstanding {
            PendingEmail::Queued(until) => (until, Reason::Outbox),
            PendingEmail::InDoubt(until) => (Some(until), Reason::InDoubt),
            PendingEmail::NeedsResolution => return hold_verdict(verdict, Reason::InDoubt),
            PendingEmail::Refused => {
                return hold_verdict(verdict, Reason::BadContent("the mail before it is held".to_owned()));
            }
        };
        let until = until.unwrap_or(self.now).max(self.now + TimeDelta::minutes(1));
        let reasons = vec![reason];
        match verdict {
            Verdict::Send(Send { step, round, .. }) => Verdict::Wait(Wait { step, round, until, reasons }),
            Verdict::Wait(wait) => {
                let reasons = reasons.into_iter().chain(wait.reasons).collect();
                Verdict::Wait(Wait { until: until.max(wait.until), reasons, ..wait })
            }
            Verdict::Held(_) | Verdict::Ended(_) => verdict,
        }
    }

    /// How an enrolment stands for a journey that follows it.
    fn standing(&self, place: &EnrolmentState<'_>, decision: &Decision) -> PredecessorState {
        if !place.ahead.is_empty() {
            let at = decision.next_check(self.now);
            return PredecessorState::Running(at.map(|at| at.max(self.now + SMALLEST_STEP)));
        }
        let mails = place.last.map_or(place.began, |mail| mail.at);
        let last = mails.max(place.skipped_at.unwrap_or(place.began));
        match place.answer {
            AnswerWait::Satisfied(at) if at <= self.now => PredecessorState::CompletedAt(last.max(at)),
            AnswerWait::Satisfied(at) | AnswerWait::Until(at) => PredecessorState::Running(Some(at)),
            AnswerWait::Unbounded => PredecessorState::Running(None),
        }
    }

    /// Decides the next step. Also returns when the decision can change through time alone.
    fn decide_step<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
        index: usize,
    ) -> (Verdict, Option<Timestamp>) {
        let step = &route.journey.steps[index];
        let turn = self.turn(who, route, place, index);
        let gate = self.gate_for(place, route, index);
        let act = self.manual_blocks(route, place, index, gate);
        let held = |reasons| Verdict::Held(Held { step: Some(step.slug.clone()), reasons });
        let expires = self.expires(who, route, place, index);
        let skipped = expires.map(|at| at + TimeDelta::seconds(1));
        if !act.is_empty() && (turn.has_come || matches!(place.answer, AnswerWait::Unbounded)) {
            return (held(act), skipped);
        }
        let found = self.usable_slot(who, route, turn.slots, |at| order_block(place, gate, at));
        let mut reasons = turn.reasons;
        let verdict = match found {
            Ok(usable) if usable.at <= self.now => {
                Verdict::Send(self.send(who, route, place, index, usable.slot, gate))
            }
            Ok(usable) => {
                reasons.extend(usable.reasons);
                reasons.extend(act);
                match expires {
                    Some(expires) if expires < usable.at => wait_until_expired(step, expires, reasons),
                    _ => wait(step, 0, usable.at, reasons),
                }
            }
            Err(obstacles) if obstacles.contains(&Reason::Left) => {
                self.wait_until_departure(who, step, expires, reasons)
            }
            Err(obstacles) => {
                reasons.extend(obstacles);
                match expires {
                    Some(expires) => wait_until_expired(step, expires, reasons),
                    None => {
                        let verdict = held(act.into_iter().chain(reasons).collect());
                        return (verdict, Some(self.now + SEARCH_HORIZON));
                    }
                }
            }
        };
        (self.with_late_start(who, route, place, verdict), skipped)
    }

    /// Names no time and no step where the mails that others get until then decide which step comes first.
    fn with_late_start<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
        verdict: Verdict,
    ) -> Verdict {
        let Some(mode) = place.joins_late else { return verdict };
        let Verdict::Wait(mut wait) = verdict else { return verdict };
        if self.next_mail_of_others(who, route, mode).is_some_and(|next| wait.until <= next) {
            return Verdict::Wait(wait);
        }
        // What was found for the step they would get now holds for that step alone.
        wait.reasons.retain(|reason| {
            matches!(reason, Reason::Paused(_) | Reason::Leave(_) | Reason::Expired | Reason::Left)
        });
        let joins = (place.began > self.now).then(|| self.planner.zone().date(place.began));
        wait.reasons.insert(0, Reason::JoinsLate(LateStart { joins, at: mode }));
        Verdict::Wait(wait)
    }

    /// Until then the others whose place counts for a late joiner get no mail; `None`: they may get one now.
    fn next_mail_of_others<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        mode: LateJoiners,
    ) -> Option<Timestamp> {
        let has_own_cadence = |unit: &UnitView<'_>| unit.settings.is_some_and(|unit| unit.cadence.is_some());
        if mode == LateJoiners::SkipToCurrent && self.planner.units.iter().any(has_own_cadence) {
            return None;
        }
        // A slot may be used until its grace ends.
        let from = self.now - self.planner.settings.grace + SMALLEST_STEP;
        let own = [true, false].into_iter().flat_map(|member| {
            route.journey.steps.iter().filter_map(move |step| self.own_moment(who, route, member, step))
        });
        let cadence = self.slot_from(who, route, Slots { from, on: None }, from);
        own.filter(|on| *on >= from).chain(cadence).min().filter(|next| *next > self.now)
    }

    fn send<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
        index: usize,
        slot: Timestamp,
        gate: Option<Gate>,
    ) -> Send {
        Send {
            step: route.journey.steps[index].slug.clone(),
            round: 0,
            slot,
            due_since: self.due_since(who, route, place, index, None).unwrap_or(slot),
            assumes_approval: gate.is_some() && matches!(route.approved[index], StepApproval::Missing(_)),
            expires: self.expires(who, route, place, index),
        }
    }

    /// What blocks a step until someone acts.
    fn manual_blocks(
        &self,
        route: &PreparedJourney<'_>,
        place: &EnrolmentState<'_>,
        index: usize,
        gate: Option<Gate>,
    ) -> Vec<Reason> {
        let mut act = Vec::new();
        if let (AnswerWait::Unbounded, Some(mail)) = (place.answer, place.last) {
            act.push(Reason::AwaitingAnswer(mail.step.clone()));
        }
        act.extend(self.text_is_held(route, index, gate));
        if gate == Some(Gate::Closed) {
            act.push(Reason::ReferenceGroupFirst);
        }
        act
    }

    /// Why a step's text may not pass the gate, if so.
    pub(super) fn text_is_held(
        &self,
        route: &PreparedJourney<'_>,
        index: usize,
        gate: Option<Gate>,
    ) -> Option<Reason> {
        if route.held[index] {
            return Some(Reason::ManualHold);
        }
        let given = self.planner.approvals == ApprovalMode::Recorded;
        match (gate, route.approved[index]) {
            (Some(_), StepApproval::Missing(approved)) if given => Some(Reason::NotApproved(approved)),
            _ => None,
        }
    }

    /// Decides the next reminder of the last step, if there is one: an answer or the end of the wait drops it.
    fn decide_reminder<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        place: &EnrolmentState<'s>,
    ) -> Option<Verdict> {
        let (mail, step) = (place.last?, place.last_step?);
        let round = place.enrolment.last_round(&step.slug)? + 1;
        let delay = *step.remind.get(usize::from(round) - 1)?;
        if place.enrolment.answered(&step.slug).is_some_and(|at| at <= self.now) {
            return None;
        }
        let limit = match place.answer {
            AnswerWait::Satisfied(_) if step.wait != StepWait::No => return None,
            AnswerWait::Until(limit) => Some(limit),
            AnswerWait::Satisfied(_) | AnswerWait::Unbounded => None,
        };
        let index = route.journey.place(&step.slug)?;
        let gate = self.gate_for(place, route, index);
        if self.text_is_held(route, index, gate).is_some() {
            return None;
        }
        let from = who.after_mail(route, mail.slot, mail.at, delay).max(mail.at + SMALLEST_STEP);
        let slots = Slots { from, on: None };
        let usable = self.usable_slot(who, route, slots, |_| None).ok()?;
        if limit.is_some_and(|limit| usable.at >= limit) {
            return None;
        }
        if usable.at <= self.now {
            let due_since = self.slot_from(who, route, slots, from).unwrap_or(usable.slot);
            let assumes_approval = false;
            let step = step.slug.clone();
            let slot = usable.slot;
            // The end of the wait drops a reminder.
            return Some(Verdict::Send(Send {
                step,
                round,
                slot,
                due_since,
                assumes_approval,
                expires: limit,
            }));
        }
        let mut reasons = Vec::new();
        if from > self.now {
            reasons.push(Reason::Pace(self.planner.zone().date(from)));
        }
        reasons.extend(usable.reasons);
        if step.wait != StepWait::No {
            reasons.push(Reason::AwaitingAnswer(step.slug.clone()));
        }
        Some(wait(step, round, usable.at, reasons))
    }

    /// The previous journey has not ended for the person.
    fn after_leader<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &'s PreparedJourney<'s>,
        predecessor: Predecessor,
    ) -> Verdict {
        let step = route.journey.steps.first();
        let mut reasons = vec![Reason::PreviousJourney(predecessor.slug)];
        let from = predecessor.until.map(|until| until + SMALLEST_STEP);
        let slot = from.and_then(|from| {
            // The first step is not known yet; one with its own date does not wait for the cadence.
            let member = self.is_member(who, route);
            let own = route.journey.steps.iter().filter_map(|step| self.own_moment(who, route, member, step));
            let cadence = self.slot_from(who, route, Slots { from, on: None }, from);
            own.filter(|on| *on >= from).chain(cadence).min()
        });
        match (step, slot) {
            (Some(step), Some(slot)) => {
                let late = self.joins_late(who, route, who.past.enrolment(&route.journey.slug));
                reasons.extend(late.map(|at| Reason::JoinsLate(LateStart { joins: None, at })));
                wait(step, 0, slot, reasons)
            }
            (step, _) => Verdict::Held(Held { step: step.map(|step| step.slug.clone()), reasons }),
        }
    }

    /// The person's last day is before the next usable slot.
    fn wait_until_departure(
        &self,
        who: &PersonContext<'_>,
        step: &Step,
        expires: Option<Timestamp>,
        mut reasons: Vec<Reason>,
    ) -> Verdict {
        let day_after = who.person.end.and_then(|end| end.succ_opt());
        let gone = day_after.map_or(Timestamp::MAX_UTC, |day| self.planner.zone().midnight(day));
        match expires {
            Some(expires) if expires < gone => wait_until_expired(step, expires, reasons),
            _ => {
                reasons.push(Reason::Left);
                wait(step, 0, gone, reasons)
            }
        }
    }
}

/// Why a step may not leave at an instant, as far as the wait and the gate go.
fn order_block(place: &EnrolmentState<'_>, gate: Option<Gate>, at: Timestamp) -> Option<Blocked> {
    if let (AnswerWait::Until(limit), Some(mail)) = (place.answer, place.last)
        && at < limit
    {
        return Some(Blocked { until: Some(limit), reason: Reason::AwaitingAnswer(mail.step.clone()) });
    }
    match gate {
        Some(Gate::OpensAt(opens)) if at < opens => {
            Some(Blocked { until: Some(opens), reason: Reason::ReferenceGroupFirst })
        }
        Some(Gate::OpensAt(_) | Gate::Open | Gate::Closed) | None => None,
    }
}

/// Mail cannot be sent to the person: what would come next is held.
fn hold_verdict(verdict: Verdict, reason: Reason) -> Verdict {
    let step = match verdict {
        Verdict::Send(send) => Some(send.step),
        Verdict::Wait(wait) => Some(wait.step),
        Verdict::Held(held) => held.step,
        Verdict::Ended(_) => return verdict,
    };
    Verdict::Held(Held { step, reasons: vec![reason] })
}

/// Every step is sent or skipped.
fn at_the_end(place: &EnrolmentState<'_>) -> Verdict {
    let (Some(mail), Some(step)) = (place.last, place.last_step) else {
        return Verdict::Ended(Ended::Finished);
    };
    let reasons = vec![Reason::AwaitingAnswer(mail.step.clone())];
    match place.answer {
        AnswerWait::Satisfied(_) => Verdict::Ended(Ended::Finished),
        AnswerWait::Until(limit) => wait(step, 0, limit, reasons),
        AnswerWait::Unbounded => Verdict::Held(Held { step: Some(step.slug.clone()), reasons }),
    }
}

/// Of the next step and a reminder of the last one: the earlier, and at the same time the step.
fn first_of(step: Verdict, reminder: Option<Verdict>) -> Verdict {
    match (&step, reminder) {
        (Verdict::Send(_), _) | (_, None) => step,
        (_, Some(reminder @ Verdict::Send(_))) => reminder,
        (Verdict::Wait(a), Some(Verdict::Wait(b))) if a.until <= b.until => step,
        (_, Some(reminder)) => reminder,
    }
}

/// It cannot leave in time: when it is skipped, the next step is due.
fn wait_until_expired(step: &Step, expires: Timestamp, mut reasons: Vec<Reason>) -> Verdict {
    reasons.push(Reason::Expired);
    wait(step, 0, expires + TimeDelta::seconds(1), reasons)
}

fn wait(step: &Step, round: u16, until: Timestamp, mut reasons: Vec<Reason>) -> Verdict {
    if reasons.is_empty() {
        reasons.push(Reason::Cadence);
    }
    Verdict::Wait(Wait { step: step.slug.clone(), round, until, reasons })
}
