//! Decides who gets what now, and if not now, when and why not.
//!
//! Nothing outside this folder decides whether a mail is due; nothing inside it can send one. `send`, its dry run,
//! `plan`, `why` and the daemon all call [`PlannerAt::decide`]. It asks in this order:
//!
//! 1. Can mail be sent to the person, and is the journey for them? (here)
//! 2. Where does this enrolment stand, which step is next? (`enrolment`)
//! 3. When is that step due? (`enrolment`)
//! 4. May this text go to this person yet? (`gate`, `next`)
//! 5. Which slot, and is everything allowed at that time? (`slot`, `send_policy`)
//! 6. If two journeys have a mail, which goes first? (here)
//!
//! Each "no" is a [`Reason`], never a silent `None`. What has come since a mail was enqueued is checked once more when
//! it is handed over, with the same checks ([`send_policy`]).

mod cache;
mod enrolment;
mod gate;
mod next;
mod person;
pub(crate) mod send_policy;
mod slot;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
#[cfg(test)]
mod shared_checks;
#[cfg(test)]
mod timelines;
#[cfg(test)]
mod wakes;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::verdict::{Ended, Held, Reason, Send, Verdict};
use crate::domain::change::settings::{Pause, PauseTarget, Settings, UnitOverrides};
use crate::domain::history::progress::Progress;
use crate::domain::history::{History, PersonHistory};
use crate::domain::model::ids::{PersonId, UnitId};
use crate::domain::model::journey::Journey;
use crate::domain::model::library::Library;
use crate::domain::model::person::{Person, Roster};
use crate::domain::planner::cache::Cache;
use crate::domain::planner::enrolment::PredecessorState;
use crate::domain::planner::person::PersonContext;
use crate::domain::planner::send_policy::{Blocked, StepApproval};
use crate::domain::time::timezone::{TimeZone, Timestamp};
use gate::Gate;
pub(crate) use slot::first_usable_slot;

/// Which approvals count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalMode {
    /// The recorded ones: for sending.
    Recorded,
    /// All of them, as if they came in time: for a forecast.
    Assumed,
}

/// The time-independent part of planning, prepared once.
pub struct Planner<'a> {
    library: &'a Library,
    roster: &'a Roster,
    settings: &'a Settings,
    approvals: ApprovalMode,
    /// One per journey, in the library's order.
    routes: Vec<PreparedJourney<'a>>,
    /// The journeys ordered so that each comes after the one it follows.
    order: Vec<usize>,
    /// One per unit of the roster, in its order, and one for people without a unit.
    units: Vec<UnitView<'a>>,
    person_pauses: HashMap<&'a PersonId, Vec<&'a Pause>>,
}

/// A journey, prepared for planning.
struct PreparedJourney<'a> {
    index: usize,
    journey: &'a Journey,
    /// Index of the journey this one follows.
    after: Option<usize>,
    /// One per step.
    approved: Vec<StepApproval>,
    /// Per step: held manually.
    held: Vec<bool>,
    members: HashSet<&'a PersonId>,
    pauses: Vec<&'a Pause>,
    /// Per unit: the first instant of its start, for all and for the reference group.
    starts: Vec<Option<Starts>>,
}

/// When a journey starts for a unit.
#[derive(Clone, Copy)]
struct Starts {
    all: Timestamp,
    members: Timestamp,
}

/// The overrides of a unit.
struct UnitView<'a> {
    settings: Option<&'a UnitOverrides>,
    pauses: Vec<&'a Pause>,
}

impl<'a> Planner<'a> {
    /// Prepares content, units and settings. The roster must have all units and the members of the reference
    /// groups; other people may be missing.
    pub fn new(
        library: &'a Library,
        roster: &'a Roster,
        settings: &'a Settings,
        approvals: ApprovalMode,
    ) -> Planner<'a> {
        let mut person_pauses: HashMap<&PersonId, Vec<&Pause>> = HashMap::new();
        let mut unit_pauses: HashMap<&UnitId, Vec<&Pause>> = HashMap::new();
        for pause in &settings.pauses {
            match &pause.of {
                PauseTarget::Person(id) => person_pauses.entry(id).or_default().push(pause),
                PauseTarget::Unit(id) => unit_pauses.entry(id).or_default().push(pause),
                PauseTarget::Journey(_) => {}
            }
        }
        let view = |id: &UnitId| UnitView {
            settings: settings.units.get(id),
            pauses: unit_pauses.get(id).cloned().unwrap_or_default(),
        };
        let nowhere = UnitView { settings: None, pauses: Vec::new() };
        let units: Vec<_> = roster.units.iter().map(|unit| view(&unit.id)).chain([nowhere]).collect();
        let routes: Vec<_> = (0..library.journeys.len())
            .map(|index| PreparedJourney::new(index, library, settings, &units))
            .collect();
        Planner {
            order: dependency_order(&routes),
            library,
            roster,
            settings,
            approvals,
            routes,
            units,
            person_pauses,
        }
    }

    /// The planner at one instant, given the progress of all people and the history of at least the reference
    /// groups.
    pub fn at<'m>(&'m self, now: Timestamp, memory: &'m History, progress: &'m Progress) -> PlannerAt<'m> {
        let zone = self.library.programme.zone;
        let none = self.routes.iter().map(|_| Vec::new()).collect();
        let mut moment = PlannerAt {
            planner: self,
            memory,
            progress,
            now,
            today: zone.date(now),
            gates: none,
            slots: Cache::new(),
            closed: Cache::new(),
        };
        for &index in &self.order {
            moment.gates[index] = moment.gates_of(index);
        }
        moment
    }

    pub(crate) fn library(&self) -> &'a Library {
        self.library
    }

    /// The units, the reference groups, and the other people given.
    pub(crate) fn roster(&self) -> &'a Roster {
        self.roster
    }

    fn zone(&self) -> TimeZone {
        self.library.programme.zone
    }
}

impl<'a> PreparedJourney<'a> {
    fn new(
        index: usize,
        library: &'a Library,
        settings: &'a Settings,
        units: &[UnitView<'_>],
    ) -> PreparedJourney<'a> {
        let journey = &library.journeys[index];
        let of_journey = |pause: &&Pause| pause.of == PauseTarget::Journey(journey.slug.clone());
        PreparedJourney {
            index,
            journey,
            after: journey.after.as_ref().and_then(|s| library.journeys.iter().position(|j| j.slug == *s)),
            approved: journey.steps.iter().map(|step| StepApproval::of(journey, step, settings)).collect(),
            members: journey.reference_group.iter().flat_map(|group| &group.people).collect(),
            held: journey.steps.iter().map(|step| send_policy::is_held(journey, step, settings)).collect(),
            pauses: settings.pauses.iter().filter(of_journey).collect(),
            starts: units.iter().map(|unit| Starts::of(journey, library, unit)).collect(),
        }
    }
}

/// Orders the journeys so that each comes after the one it follows.
fn dependency_order(routes: &[PreparedJourney<'_>]) -> Vec<usize> {
    let depth = |mut index: usize| {
        let followed = routes.iter().take_while(|_| match routes[index].after {
            Some(predecessor) => {
                index = predecessor;
                true
            }
            None => false,
        });
        followed.count()
    };
    let mut order: Vec<usize> = (0..routes.len()).collect();
    order.sort_by_key(|index| depth(*index));
    order
}

/// The planner at one instant.
pub struct PlannerAt<'m> {
    planner: &'m Planner<'m>,
    /// At least of the reference groups.
    memory: &'m History,
    progress: &'m Progress,
    now: Timestamp,
    today: NaiveDate,
    /// Per journey and step.
    gates: Vec<Vec<Gate>>,
    slots: Cache<Option<Timestamp>>,
    closed: Cache<Option<Blocked>>,
}

/// The verdict for one person in one journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Index in [`Library::journeys`].
    pub(crate) journey: usize,
    /// The verdict at this instant.
    pub(crate) verdict: Verdict,
    /// Steps that expired before they could leave, each with the instant at which it did.
    pub(crate) skipped: Vec<(usize, Timestamp)>,
    /// When the decision can change through time alone, although the verdict names no date or a later one: a held
    /// step expires, or new slots come into the search horizon.
    pub(crate) recheck_at: Option<Timestamp>,
}

impl Decision {
    /// When to decide again: until then the decision stays the same unless something happens. `None`: never.
    pub(crate) fn next_check(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.verdict {
            Verdict::Send(_) => Some(now),
            Verdict::Wait(wait) => Some(self.recheck_at.map_or(wait.until, |at| at.min(wait.until))),
            Verdict::Held(_) => self.recheck_at,
            Verdict::Ended(_) => None,
        }
    }
}

impl PlannerAt<'_> {
    /// Decides for one person with their history: one decision per journey, in the library's order. At most one is
    /// [`Verdict::Send`].
    pub fn decide<'s>(&'s self, person: &'s Person, past: &'s PersonHistory) -> Vec<Decision> {
        self.decide_with_veto(person, past, |_, _| None)
    }

    /// The same with a veto: a mail that is vetoed is held for that reason until its slot has passed, and does not
    /// delay others.
    pub(crate) fn decide_with_veto<'s>(
        &'s self,
        person: &'s Person,
        past: &'s PersonHistory,
        mut refused: impl FnMut(usize, &Send) -> Option<Reason>,
    ) -> Vec<Decision> {
        let who = PersonContext::new(self, person, past);
        let (mut decisions, states) = self.decide_all(&who);
        let mut held = Vec::new();
        let first = loop {
            let first =
                decisions.iter().filter_map(|d| self.priority_of(&who, d)).min().map(|rank| rank.journey);
            let Some(decision) = first.and_then(|first| decisions.get_mut(first)) else { break None };
            let Verdict::Send(send) = &decision.verdict else { break None };
            let Some(reason) = refused(decision.journey, send) else { break first };
            let too_late = send.slot + self.planner.settings.grace;
            decision.recheck_at = decision.recheck_at.into_iter().chain([too_late]).min();
            decision.verdict = Verdict::Held(Held { step: Some(send.step.clone()), reasons: vec![reason] });
            held.push(decision.journey);
        };
        let who = match first {
            Some(_) => who.after_sending_at(self.now),
            None => who,
        };
        if let Some(first) = first {
            let others =
                |decision: &&mut Decision| decision.journey != first && !held.contains(&decision.journey);
            for decision in decisions.iter_mut().filter(others) {
                let index = decision.journey;
                let predecessor =
                    self.planner.routes[index].after.and_then(|predecessor| states[predecessor]);
                *decision = self.decide_in(&who, index, predecessor).0;
            }
        }
        self.keep_distance(who, &mut decisions, &states);
        decisions
    }

    /// Of mails to come that are too close together the first one keeps its time, and the others wait as they will
    /// once it is sent. Only mails that need nothing but time keep others waiting.
    fn keep_distance<'s>(
        &'s self,
        mut who: PersonContext<'s>,
        decisions: &mut [Decision],
        states: &[Option<PredecessorState>],
    ) {
        let until = |decision: &Decision| match &decision.verdict {
            Verdict::Wait(wait) if wait.is_certain() => Some(wait.until),
            _ => None,
        };
        let mut left: Vec<usize> =
            (0..decisions.len()).filter(|at| until(&decisions[*at]).is_some()).collect();
        while left.len() > 1 {
            let first = left.iter().copied().min_by_key(|at| {
                let decision = &decisions[*at];
                let at = until(decision);
                let is_tie = decisions.iter().filter(|other| until(other) == at).count() > 1;
                (at, is_tie.then(|| self.priority_to_come(&who, decision, states)))
            });
            let Some((first, at)) = first.and_then(|first| Some((first, until(&decisions[first])?))) else {
                return;
            };
            who = who.after_sending_at(at);
            left.retain(|other| *other != first);
            for &other in &left {
                if until(&decisions[other]) < who.gap_ends {
                    let index = decisions[other].journey;
                    let predecessor =
                        self.planner.routes[index].after.and_then(|predecessor| states[predecessor]);
                    decisions[other] = self.decide_in(&who, index, predecessor).0;
                }
            }
            left.retain(|other| until(&decisions[*other]).is_some());
        }
    }

    /// The priority that a journey will have when its next mail is due.
    fn priority_to_come<'s>(
        &'s self,
        who: &PersonContext<'s>,
        decision: &Decision,
        states: &[Option<PredecessorState>],
    ) -> Option<Priority> {
        let Verdict::Wait(wait) = &decision.verdict else { return None };
        let route = &self.planner.routes[decision.journey];
        let predecessor = route.after.and_then(|predecessor| states[predecessor]);
        let due_since = self.place(who, route, predecessor).ok().and_then(|place| {
            let index = route.journey.place(&wait.step).filter(|_| wait.round == 0)?;
            self.due_in_future(who, route, &place, index)
        });
        Some(Priority {
            reminder: wait.round > 0,
            due_since: due_since.unwrap_or(wait.until),
            started: self.official_start(who, route),
            journey: decision.journey,
        })
    }

    /// Decides for each journey independently, and returns how each stands for a journey that follows it.
    fn decide_all<'s>(&'s self, who: &PersonContext<'s>) -> (Vec<Decision>, Vec<Option<PredecessorState>>) {
        let count = self.planner.routes.len();
        let mut states = vec![None; count];
        let mut decisions = Vec::with_capacity(count);
        for &index in &self.planner.order {
            let predecessor = self.planner.routes[index].after.and_then(|predecessor| states[predecessor]);
            let (decision, standing) = self.decide_in(who, index, predecessor);
            states[index] = Some(standing);
            decisions.push(decision);
        }
        decisions.sort_unstable_by_key(|decision| decision.journey);
        (decisions, states)
    }

    /// How the previous journey stands for a person.
    fn predecessor_state<'s>(&'s self, who: &PersonContext<'s>, index: usize) -> Option<PredecessorState> {
        let predecessor = self.planner.routes[index].after?;
        let before = self.predecessor_state(who, predecessor);
        Some(self.decide_in(who, predecessor, before).1)
    }

    /// Decides for one journey independently, given how the previous journey stands.
    fn decide_in<'s>(
        &'s self,
        who: &PersonContext<'s>,
        journey: usize,
        predecessor: Option<PredecessorState>,
    ) -> (Decision, PredecessorState) {
        let route = &self.planner.routes[journey];
        let over = |over| {
            let verdict = Verdict::Ended(over);
            (
                Decision { journey, verdict, skipped: Vec::new(), recheck_at: None },
                PredecessorState::NotApplicable,
            )
        };
        if who.person.has_left(self.today) {
            return over(Ended::Left);
        }
        if self.planner.settings.stopped.contains(&who.person.id) {
            return over(Ended::Stopped);
        }
        if !route.journey.audience.includes(who.person, who.unit_name) {
            return over(Ended::NotInAudience);
        }
        self.decide_place(who, route, predecessor)
    }

    /// What blocks all mail to this person in this journey until someone acts.
    fn person_block<'s>(&self, who: &PersonContext<'s>, route: &'s PreparedJourney<'s>) -> Option<Reason> {
        if self.planner.settings.all_held {
            return Some(Reason::ManualHold);
        }
        if let Some(reason) = Reason::of_address(who.person) {
            return Some(reason);
        }
        let zone = self.planner.zone();
        let endless = who.pauses(route).filter(|pause| pause.ends(zone).is_none());
        send_policy::pause_block(endless, self.now, zone).map(|paused| paused.reason)
    }

    /// The priority of a journey that would send now.
    fn priority_of(&self, who: &PersonContext<'_>, decision: &Decision) -> Option<Priority> {
        let Verdict::Send(send) = &decision.verdict else { return None };
        let route = &self.planner.routes[decision.journey];
        let started = self.official_start(who, route);
        let reminder = send.round > 0;
        Some(Priority { reminder, due_since: send.due_since, started, journey: decision.journey })
    }
}

/// Which of two journeys goes first: mails before reminders, then the one due longest, then the journey that
/// started first, then the slug (the library is sorted by slug).
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Priority {
    reminder: bool,
    due_since: Timestamp,
    started: Option<Timestamp>,
    journey: usize,
}
