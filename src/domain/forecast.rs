//! The planner with time moved on: who gets what when, if nothing changes.
//!
//! Assumes that approvals come in time and that people answer on the day they get a mail, and
//! marks what depends on that.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use chrono::TimeDelta;

use super::planner::{ApprovalMode, Decision, Planner};
use super::verdict::{Send, Verdict};
use crate::domain::change::settings::Settings;
use crate::domain::history::progress::Progress;
use crate::domain::history::{Event, EventKind, History};
use crate::domain::model::library::Library;
use crate::domain::model::person::{Person, Roster};
use crate::domain::model::step::{Step, Wait};
use crate::domain::time::timezone::Timestamp;

/// A future mail. Indexes are into the roster, the library's journeys and the journey's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub at: Timestamp,
    pub person: usize,
    pub journey: usize,
    pub step: usize,
    /// 0 is the mail, 1 and up the reminders.
    pub round: u16,
    /// Working time it asks for; 0 for a reminder.
    pub(crate) minutes: u32,
    /// Depends on an approval that is missing.
    pub(crate) assumes_approval: bool,
    /// Depends on an answer that is missing.
    pub(crate) assumes_answer: bool,
}

/// Everything that leaves from one instant until before another, ordered by time, then by
/// roster. `memory` is the history so far.
///
/// `step_done` is called with each instant, for a progress bar.
pub fn forecast(
    library: &Library,
    roster: &Roster,
    settings: &Settings,
    memory: History,
    span: std::ops::Range<Timestamp>,
    mut step_done: impl FnMut(Timestamp),
) -> Vec<Row> {
    let planner = Planner::new(library, roster, settings, ApprovalMode::Assumed);
    let memory = memory.with_empty_outbox();
    let progress = Progress::after(span.start, library, roster, &memory);
    let mut future =
        Simulation { planner, memory, progress, assumed: Assumptions::default(), rows: Vec::new() };
    let mut wakes: BinaryHeap<Reverse<(Timestamp, usize)>> =
        (0..roster.people.len()).map(|person| Reverse((span.start, person))).collect();
    let mut awake = Vec::new();
    while let Some(&Reverse((now, _))) = wakes.peek() {
        if now >= span.end {
            break;
        }
        awake.clear();
        while let Some(&Reverse((at, person))) = wakes.peek().filter(|Reverse((at, _))| *at == now) {
            debug_assert_eq!(at, now);
            awake.push(person);
            wakes.pop();
        }
        step_done(now);
        for (person, next) in future.pass(now, &awake) {
            wakes.push(Reverse((next, person)));
        }
    }
    future.rows
}

struct Simulation<'a> {
    planner: Planner<'a>,
    memory: History,
    progress: Progress,
    assumed: Assumptions,
    rows: Vec<Row>,
}

/// The enrolments (person, journey) that depend on something that has not happened.
#[derive(Default)]
struct Assumptions {
    approval: HashSet<(usize, usize)>,
    answer: HashSet<(usize, usize)>,
}

impl Simulation<'_> {
    /// Decides for the people who are due and records what leaves. Returns when each is due again.
    fn pass(&mut self, now: Timestamp, awake: &[usize]) -> Vec<(usize, Timestamp)> {
        let roster = self.planner.roster();
        let moment = self.planner.at(now, &self.memory, &self.progress);
        let decide = |person: &Person| moment.decide(person, self.memory.of(&person.id));
        let decided: Vec<(usize, Vec<Decision>)> =
            awake.iter().map(|&index| (index, decide(&roster.people[index]))).collect();
        let mut next = Vec::with_capacity(decided.len());
        for (person, decisions) in decided {
            let mut wake: Option<Timestamp> = None;
            for decision in &decisions {
                self.skip(person, decision);
                if let Verdict::Send(send) = &decision.verdict {
                    self.mail(now, person, decision.journey, send);
                }
                wake = [wake, decision.next_check(now)].into_iter().flatten().min();
            }
            next.extend(wake.map(|at| (person, at.max(now + TimeDelta::seconds(1)))));
        }
        next
    }

    fn skip(&mut self, person: usize, decision: &Decision) {
        let library = self.planner.library();
        let journey = &library.journeys[decision.journey];
        let id = &self.planner.roster().people[person].id;
        for (step, at) in &decision.skipped {
            let step = journey.steps[*step].slug.clone();
            self.memory.record(id, &journey.slug, Event { at: *at, step, what: EventKind::Skipped });
        }
    }

    fn mail(&mut self, now: Timestamp, person: usize, index: usize, send: &Send) {
        let library = self.planner.library();
        let journey = &library.journeys[index];
        let someone = &self.planner.roster().people[person];
        let Some(place) = journey.place(&send.step) else { return };
        let step = &journey.steps[place];
        let what = EventKind::Mailed { round: send.round, slot: send.slot };
        let past = self.memory.of(&someone.id).enrolment(&journey.slug);
        let earlier = past.mails().rev().find_map(|mail| journey.place(mail.step));
        self.memory.record(&someone.id, &journey.slug, Event { at: now, step: step.slug.clone(), what });
        if send.round == 0 {
            self.progress.note(index, &someone.id, &someone.unit, earlier, place, now);
        }
        if send.assumes_approval {
            self.assumed.approval.insert((person, index));
        }
        self.rows.push(Row {
            at: now,
            person,
            journey: index,
            step: place,
            round: send.round,
            minutes: if send.round == 0 { step.minutes } else { 0 },
            assumes_approval: self.assumed.approval.contains(&(person, index)),
            assumes_answer: self.assumed.answer.contains(&(person, index)),
        });
        self.answer(now, person, index, step);
    }

    /// People answer on the day they get a mail.
    fn answer(&mut self, now: Timestamp, person: usize, index: usize, step: &Step) {
        if step.wait == Wait::No && step.remind.is_empty() {
            return;
        }
        let journey = &self.planner.library().journeys[index].slug;
        let id = &self.planner.roster().people[person].id;
        let event = Event { at: now, step: step.slug.clone(), what: EventKind::Answered };
        self.memory.record(id, journey, event);
        if step.wait != Wait::No {
            self.assumed.answer.insert((person, index));
        }
    }
}
