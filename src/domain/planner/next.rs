//! What comes next in an enrolment: the next step, a reminder of the last
//! one, or the end; now, later, or when somebody acts.

use chrono::TimeDelta;

use super::gate::{Gate, StepApproval};
use super::slot::{INSTANT, PATIENCE, Slots};
use super::{Approvals, Decision, Moment, Route, Who};
use crate::domain::history::Outstanding;
use crate::domain::model::step::{Step, Wait as StepWait};
use crate::domain::planner::enrolment::{Answer, Leader, Place, Standing};
use crate::domain::planner::person::Blocked;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Held, Over, Reason, Send, Verdict, Wait};

impl Moment<'_> {
    /// Decides for a person in the audience, told how the journey before
    /// stands for them.
    pub(super) fn decide_place<'s>(
        &'s self,
        who: &Who<'s>,
        route: &'s Route<'s>,
        leader: Option<Standing>,
    ) -> (Decision, Standing) {
        let journey = route.index;
        let nobody = self.nobody_to_write_to(who, route);
        let place = match self.place(who, route, leader) {
            Ok(place) => place,
            Err(leader) => {
                let until = leader.until;
                let verdict = self.after_leader(who, route, leader);
                let (verdict, lapses) = match nobody {
                    Some(reason) => (held_back(verdict, reason), until),
                    None => (self.behind(who, verdict), None),
                };
                return (
                    Decision { journey, verdict, skipped: Vec::new(), lapses },
                    Standing::Running(until),
                );
            }
        };
        let step = place.ahead.first().map(|index| self.decide_step(who, route, &place, *index));
        let (step, lapses) = step.unwrap_or_else(|| (at_the_end(&place), None));
        let mut verdict = first_of(step, self.decide_reminder(who, route, &place));
        verdict = match nobody {
            Some(reason) => held_back(verdict, reason),
            None => self.behind(who, verdict),
        };
        let mut decision = Decision { journey, verdict, skipped: Vec::new(), lapses };
        let standing = self.standing(&place, &decision);
        decision.skipped = place.skipped;
        (decision, standing)
    }

    /// The same, behind a mail that is booked and has not left: one after the
    /// other, so that none overtakes and two do not come at once.
    fn behind(&self, who: &Who<'_>, verdict: Verdict) -> Verdict {
        let Some(outstanding) = who.past.outbox else { return verdict };
        let (until, reason) = match outstanding {
            Outstanding::OnItsWay(until) => (until, Reason::Outbox),
            Outstanding::InDoubt(until) => (Some(until), Reason::InDoubt),
            Outstanding::Stuck => return held_back(verdict, Reason::InDoubt),
            Outstanding::Refused => {
                return held_back(verdict, Reason::BadContent("the mail before it is held".to_owned()));
            }
        };
        let until = until.unwrap_or(self.now).max(self.now + TimeDelta::minutes(1));
        let because = vec![reason];
        match verdict {
            Verdict::Send(Send { step, round, .. }) => Verdict::Wait(Wait { step, round, until, because }),
            Verdict::Wait(wait) => {
                let because = because.into_iter().chain(wait.because).collect();
                Verdict::Wait(Wait { until: until.max(wait.until), because, ..wait })
            }
            Verdict::Held(_) | Verdict::Over(_) => verdict,
        }
    }

    /// How an enrolment stands to a journey that follows it.
    fn standing(&self, place: &Place<'_>, decision: &Decision) -> Standing {
        if !place.ahead.is_empty() {
            let at = decision.ask_again(self.now);
            return Standing::Running(at.map(|at| at.max(self.now + INSTANT)));
        }
        let mails = place.last.map_or(place.began, |mail| mail.at);
        let last = mails.max(place.skipped_at.unwrap_or(place.began));
        match place.answer {
            Answer::Over(at) if at <= self.now => Standing::OverSince(last.max(at)),
            Answer::Over(at) | Answer::Until(at) => Standing::Running(Some(at)),
            Answer::Open => Standing::Running(None),
        }
    }

    /// Decides about the next step; and when, with nobody acting, the answer
    /// may be another, whatever holds it.
    fn decide_step<'s>(
        &self,
        who: &Who<'s>,
        route: &'s Route<'s>,
        place: &Place<'s>,
        index: usize,
    ) -> (Verdict, Option<Timestamp>) {
        let step = &route.journey.steps[index];
        let turn = self.turn(who, route, place, index);
        let gate = self.gate_for(place, route, index);
        let act = self.somebody_must_act(route, place, index, gate);
        let held = |because| Verdict::Held(Held { step: Some(step.slug.clone()), because });
        let expires = self.expires(who, route, place, index);
        let skipped = expires.map(|at| at + TimeDelta::seconds(1));
        if !act.is_empty() && (turn.has_come || matches!(place.answer, Answer::Open)) {
            return (held(act), skipped);
        }
        let found = self.usable_slot(who, route, turn.slots, |at| not_yet(place, gate, at));
        let mut because = turn.because;
        let verdict = match found {
            Ok(usable) if usable.at <= self.now => {
                Verdict::Send(self.send(who, route, place, index, usable.slot, gate))
            }
            Ok(usable) => {
                because.extend(usable.because);
                because.extend(act);
                match expires {
                    Some(expires) if expires < usable.at => until_expired(step, expires, because),
                    _ => wait(step, 0, usable.at, because),
                }
            }
            Err(reasons) if reasons.contains(&Reason::Left) => {
                self.until_they_leave(who, step, expires, because)
            }
            Err(reasons) => {
                because.extend(reasons);
                match expires {
                    Some(expires) => until_expired(step, expires, because),
                    None => {
                        let verdict = held(act.into_iter().chain(because).collect());
                        return (verdict, Some(self.now + PATIENCE));
                    }
                }
            }
        };
        (verdict, skipped)
    }

    fn send<'s>(
        &self,
        who: &Who<'s>,
        route: &'s Route<'s>,
        place: &Place<'s>,
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

    /// What no passing of time will mend about a step.
    fn somebody_must_act(
        &self,
        route: &Route<'_>,
        place: &Place<'_>,
        index: usize,
        gate: Option<Gate>,
    ) -> Vec<Reason> {
        let mut act = Vec::new();
        if let (Answer::Open, Some(mail)) = (place.answer, place.last) {
            act.push(Reason::AwaitingAnswer(mail.step.clone()));
        }
        act.extend(self.text_is_held(route, index, gate));
        if gate == Some(Gate::Closed) {
            act.push(Reason::ReferenceGroupFirst);
        }
        act
    }

    /// Why a step's text may go to nobody behind the gate, if so.
    fn text_is_held(&self, route: &Route<'_>, index: usize, gate: Option<Gate>) -> Option<Reason> {
        if route.held[index] {
            return Some(Reason::HeldByHand);
        }
        let given = self.planner.approvals == Approvals::AsGiven;
        match (gate, route.approved[index]) {
            (Some(_), StepApproval::Missing(approved)) if given => Some(Reason::NotApproved(approved)),
            _ => None,
        }
    }

    /// Decides about the next reminder of the last step got, if one is to
    /// come: it falls away on an answer and at the end of the wait.
    fn decide_reminder<'s>(&self, who: &Who<'s>, route: &'s Route<'s>, place: &Place<'s>) -> Option<Verdict> {
        let (mail, step) = (place.last?, place.last_step?);
        let round = place.enrolment.last_round(&step.slug)? + 1;
        let delay = *step.remind.get(usize::from(round) - 1)?;
        if place.enrolment.answered(&step.slug).is_some_and(|at| at <= self.now) {
            return None;
        }
        let limit = match place.answer {
            Answer::Over(_) if step.wait != StepWait::No => return None,
            Answer::Until(limit) => Some(limit),
            Answer::Over(_) | Answer::Open => None,
        };
        let index = route.journey.place(&step.slug)?;
        let gate = self.gate_for(place, route, index);
        if self.text_is_held(route, index, gate).is_some() {
            return None;
        }
        let from = who.after_mail(route, mail.slot, mail.at, delay).max(mail.at + INSTANT);
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
            // A reminder falls away at the end of the wait.
            return Some(Verdict::Send(Send {
                step,
                round,
                slot,
                due_since,
                assumes_approval,
                expires: limit,
            }));
        }
        let mut because = Vec::new();
        if from > self.now {
            because.push(Reason::Pace(self.planner.zone().date(from)));
        }
        because.extend(usable.because);
        if step.wait != StepWait::No {
            because.push(Reason::AwaitingAnswer(step.slug.clone()));
        }
        Some(wait(step, round, usable.at, because))
    }

    /// The journey before this one is not over for the person.
    fn after_leader<'s>(&self, who: &Who<'s>, route: &'s Route<'s>, leader: Leader) -> Verdict {
        let step = route.journey.steps.first();
        let because = vec![Reason::PreviousJourney(leader.slug)];
        let from = leader.until.map(|until| until + INSTANT);
        let slot = from.and_then(|from| {
            // Which step will be the first is not known yet; one with a moment
            // of its own does not wait for the cadence.
            let member = self.is_member(who, route);
            let own = route.journey.steps.iter().filter_map(|step| self.own_moment(who, route, member, step));
            let cadence = self.slot_from(who, route, Slots { from, on: None }, from);
            own.filter(|on| *on >= from).chain(cadence).min()
        });
        match (step, slot) {
            (Some(step), Some(slot)) => wait(step, 0, slot, because),
            (step, _) => Verdict::Held(Held { step: step.map(|step| step.slug.clone()), because }),
        }
    }

    /// The last day with mail comes before the next usable slot.
    fn until_they_leave(
        &self,
        who: &Who<'_>,
        step: &Step,
        expires: Option<Timestamp>,
        mut because: Vec<Reason>,
    ) -> Verdict {
        let day_after = who.person.end.and_then(|end| end.succ_opt());
        let gone = day_after.map_or(Timestamp::MAX_UTC, |day| self.planner.zone().midnight(day));
        match expires {
            Some(expires) if expires < gone => until_expired(step, expires, because),
            _ => {
                because.push(Reason::Left);
                wait(step, 0, gone, because)
            }
        }
    }
}

/// Why a step may not leave at an instant, as far as the answer to the last
/// one and the reference group go.
fn not_yet(place: &Place<'_>, gate: Option<Gate>, at: Timestamp) -> Option<Blocked> {
    if let (Answer::Until(limit), Some(mail)) = (place.answer, place.last)
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

/// There is nobody to write to: what would come next is held.
fn held_back(verdict: Verdict, reason: Reason) -> Verdict {
    let step = match verdict {
        Verdict::Send(send) => Some(send.step),
        Verdict::Wait(wait) => Some(wait.step),
        Verdict::Held(held) => held.step,
        Verdict::Over(_) => return verdict,
    };
    Verdict::Held(Held { step, because: vec![reason] })
}

/// Every step has been sent or skipped.
fn at_the_end(place: &Place<'_>) -> Verdict {
    let (Some(mail), Some(step)) = (place.last, place.last_step) else {
        return Verdict::Over(Over::Finished);
    };
    let because = vec![Reason::AwaitingAnswer(mail.step.clone())];
    match place.answer {
        Answer::Over(_) => Verdict::Over(Over::Finished),
        Answer::Until(limit) => wait(step, 0, limit, because),
        Answer::Open => Verdict::Held(Held { step: Some(step.slug.clone()), because }),
    }
}

/// Of the next step and a reminder of the last: the one that comes first, and
/// of two at once the step.
fn first_of(step: Verdict, reminder: Option<Verdict>) -> Verdict {
    match (&step, reminder) {
        (Verdict::Send(_), _) | (_, None) => step,
        (_, Some(reminder @ Verdict::Send(_))) => reminder,
        (Verdict::Wait(a), Some(Verdict::Wait(b))) if a.until <= b.until => step,
        (_, Some(reminder)) => reminder,
    }
}

/// It cannot leave in time: when it is skipped, the next step's turn comes.
fn until_expired(step: &Step, expires: Timestamp, mut because: Vec<Reason>) -> Verdict {
    because.push(Reason::Expired);
    wait(step, 0, expires + TimeDelta::seconds(1), because)
}

fn wait(step: &Step, round: u16, until: Timestamp, mut because: Vec<Reason>) -> Verdict {
    if because.is_empty() {
        because.push(Reason::Cadence);
    }
    Verdict::Wait(Wait { step: step.slug.clone(), round, until, because })
}
