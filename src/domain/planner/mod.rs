//! Decides who gets what now, and if not now, when and why not.
//!
//! Nothing outside this folder decides whether a mail is due; nothing inside
//! it can send one. `send`, its dry run, `plan`, `why` and the daemon all ask
//! [`PlannerAt::decide`]. The chain, in the order of its questions:
//!
//! 1. Is there anybody to write to, and is it their journey? (here)
//! 2. Where does this enrolment stand, which step comes next? (`enrolment`)
//! 3. When is that step's turn? (`enrolment`)
//! 4. May this text go to this person at all yet? (`gate`, `next`)
//! 5. Which slot, and does everything permit at that moment? (`slot`)
//! 6. Two journeys at once: whose turn? (here)
//!
//! Each "no" is a [`Reason`], never a silent `None`.

mod cache;
mod enrolment;
mod gate;
mod next;
mod person;
mod slot;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod script;
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
use crate::domain::planner::person::{Blocked, PersonContext};
use crate::domain::time::timezone::{TimeZone, Timestamp};
use gate::{Gate, StepApproval};

/// Are the approvals that were given all there are?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalMode {
    /// Yes: this is about what leaves.
    Recorded,
    /// Every approval comes in time: this is a forecast.
    Assumed,
}

/// What does not change with time, made ready for asking.
pub struct Planner<'a> {
    library: &'a Library,
    roster: &'a Roster,
    settings: &'a Settings,
    approvals: ApprovalMode,
    /// One a journey, in the library's order.
    routes: Vec<PreparedJourney<'a>>,
    /// The routes such that each comes after the one it follows.
    order: Vec<usize>,
    /// One a unit of the roster, in its order, and one for people of none.
    units: Vec<UnitView<'a>>,
    person_pauses: HashMap<&'a PersonId, Vec<&'a Pause>>,
}

/// A journey, made ready for asking.
struct PreparedJourney<'a> {
    index: usize,
    journey: &'a Journey,
    /// The index of the journey this one follows.
    after: Option<usize>,
    /// One a step.
    approved: Vec<StepApproval>,
    /// One a step: held by hand.
    held: Vec<bool>,
    /// The reference group.
    members: HashSet<&'a PersonId>,
    pauses: Vec<&'a Pause>,
    /// By unit: the first instant of its start, for all and for the
    /// reference group.
    starts: Vec<Option<Starts>>,
}

/// When a journey starts for a unit.
#[derive(Clone, Copy)]
struct Starts {
    all: Timestamp,
    members: Timestamp,
}

/// A unit's own ways.
struct UnitView<'a> {
    settings: Option<&'a UnitOverrides>,
    pauses: Vec<&'a Pause>,
}

impl<'a> Planner<'a> {
    /// Makes ready content, units and settings. The roster has all units, and
    /// at least everybody of a reference group; whoever else is asked for need
    /// not be in it.
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

    /// The same at an instant, with what has happened so far: how far everybody
    /// is, and what happened to each of the reference groups at least.
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

    /// The content this planner plans.
    pub(crate) fn library(&self) -> &'a Library {
        self.library
    }

    /// The units, the reference groups, and who else was given.
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
        let held = |slug| settings.held_steps.iter().any(|n| n.journey == journey.slug && n.step == slug);
        PreparedJourney {
            index,
            journey,
            after: journey.after.as_ref().and_then(|s| library.journeys.iter().position(|j| j.slug == *s)),
            approved: journey.steps.iter().map(|step| StepApproval::of(journey, step, settings)).collect(),
            members: journey.reference_group.iter().flat_map(|group| &group.people).collect(),
            held: journey.steps.iter().map(|step| held(step.slug.clone())).collect(),
            pauses: settings.pauses.iter().filter(of_journey).collect(),
            starts: units.iter().map(|unit| Starts::of(journey, library, unit)).collect(),
        }
    }
}

/// The journeys ordered so that one that follows another comes after it.
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

/// One instant, ready to decide for anybody.
pub struct PlannerAt<'m> {
    planner: &'m Planner<'m>,
    /// Of the reference groups, at least.
    memory: &'m History,
    progress: &'m Progress,
    now: Timestamp,
    today: NaiveDate,
    /// By journey and step: what the reference group says.
    gates: Vec<Vec<Gate>>,
    slots: Cache<Option<Timestamp>>,
    closed: Cache<Option<Blocked>>,
}

/// The verdict for one person in one journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its index in [`Library::journeys`].
    pub(crate) journey: usize,
    /// What is true now.
    pub(crate) verdict: Verdict,
    /// Steps that could not leave in time and are skipped from now on, with
    /// the instant at which each was too late.
    pub(crate) skipped: Vec<(usize, Timestamp)>,
    /// The instant from which, with nobody acting, the answer may be another
    /// although the verdict names no date or a later one: what is held is too
    /// late then, or slots that were out of sight come into it.
    pub(crate) recheck_at: Option<Timestamp>,
}

impl Decision {
    /// When to ask again, if nothing happens before: until then the answer
    /// stays what it is. `None`: never.
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
    /// Decides for one person, to whom that has happened: a verdict a journey,
    /// in the library's order. At most one of them is [`Verdict::Send`].
    pub fn decide<'s>(&'s self, person: &'s Person, past: &'s PersonHistory) -> Vec<Decision> {
        self.decide_with_veto(person, past, |_, _| None)
    }

    /// The same, where a mail that would leave can be refused: it is held for
    /// that reason until its slot is past, and stands in no other's way.
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
        if let Some(first) = first {
            let who = who.after_sending_at(self.now);
            let others =
                |decision: &&mut Decision| decision.journey != first && !held.contains(&decision.journey);
            for decision in decisions.iter_mut().filter(others) {
                let index = decision.journey;
                let predecessor =
                    self.planner.routes[index].after.and_then(|predecessor| states[predecessor]);
                *decision = self.decide_in(&who, index, predecessor).0;
            }
        }
        decisions
    }

    /// Decides for each journey as if it were the only one; and how each
    /// stands to one that follows it.
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

    /// How the journey before one stands for a person.
    fn predecessor_state<'s>(&'s self, who: &PersonContext<'s>, index: usize) -> Option<PredecessorState> {
        let predecessor = self.planner.routes[index].after?;
        let before = self.predecessor_state(who, predecessor);
        Some(self.decide_in(who, predecessor, before).1)
    }

    /// Decides for one journey, as if it were the only one, told how the
    /// journey before stands.
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
        if !route.journey.audience.includes(who.person, who.unit_name) {
            return over(Ended::NotInAudience);
        }
        self.decide_place(who, route, predecessor)
    }

    /// What holds everything for this person in this journey, until somebody
    /// acts.
    fn person_block<'s>(&self, who: &PersonContext<'s>, route: &'s PreparedJourney<'s>) -> Option<Reason> {
        if self.planner.settings.all_held {
            return Some(Reason::ManualHold);
        }
        if let Some(reason) = Reason::of_address(who.person) {
            return Some(reason);
        }
        let zone = self.planner.zone();
        let endless =
            who.pauses(route).find(|pause| pause.holds(self.now, zone) && pause.ends(zone).is_none());
        endless.map(|pause| Reason::Paused(pause.reason.clone()))
    }

    /// The place in the queue of a journey that would send now.
    fn priority_of(&self, who: &PersonContext<'_>, decision: &Decision) -> Option<Priority> {
        let Verdict::Send(send) = &decision.verdict else { return None };
        let route = &self.planner.routes[decision.journey];
        let started = self.official_start(who, route);
        let reminder = send.round > 0;
        Some(Priority { reminder, due_since: send.due_since, started, journey: decision.journey })
    }
}

/// Whose turn it is when two journeys have a mail for one slot: mails before
/// reminders, the one due longest, the journey that started first, the slug
/// (the library is sorted by slug).
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Priority {
    reminder: bool,
    due_since: Timestamp,
    started: Option<Timestamp>,
    journey: usize,
}
