//! The position of an enrolment: a summary of its events and the planner's next step. The store
//! keeps positions to find what is due and for people to read. They are a cache: before anything
//! is sent the planner decides again.
//!
//! `next_at` is a lower bound: unless someone acts, nothing is due before it. So it is also set
//! when a hold can end by time alone, for example when the step expires, and when the mails of
//! others at this instant can move the start of a late joiner.

use std::fmt;

use chrono::{DurationRound, TimeDelta};

use crate::domain::history::{Enrolment, EventKind};
use crate::domain::model::ids::Slug;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Ended, Reason, Verdict};

/// The position of one enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub stage: Stage,
    /// The last mail (round 0) and when it left.
    pub last: Option<(Slug, Timestamp)>,
    /// The next step and round.
    pub next: Option<(Slug, u16)>,
    /// Nothing is due before this instant, in whole seconds; `None` if nothing follows or someone
    /// must act.
    pub next_at: Option<Timestamp>,
    /// The code of the first reason for waiting, being held or having ended.
    pub why: Option<&'static str>,
    /// The key of the verdict.
    pub verdict: i64,
}

/// How far an enrolment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has happened yet.
    Waiting,
    Active,
    Paused,
    /// Everything is sent or skipped.
    Completed,
    /// The person or the journey is gone.
    Withdrawn,
}

impl Stage {
    /// All stages, in order.
    pub(crate) const ALL: [Stage; 5] =
        [Stage::Waiting, Stage::Active, Stage::Paused, Stage::Completed, Stage::Withdrawn];

    /// The stored word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Active => "active",
            Stage::Paused => "paused",
            Stage::Completed => "completed",
            Stage::Withdrawn => "withdrawn",
        }
    }

    /// The stage of an enrolment with a verdict.
    pub(crate) fn of(enrolment: &Enrolment, verdict: &Verdict) -> Stage {
        let paused = |reasons: &[Reason]| reasons.iter().any(|reason| matches!(reason, Reason::Paused(_)));
        match verdict {
            Verdict::Ended(Ended::Finished) => Stage::Completed,
            Verdict::Ended(Ended::Left | Ended::Stopped | Ended::NotInAudience | Ended::JourneyGone) => {
                Stage::Withdrawn
            }
            Verdict::Held(held) if paused(&held.reasons) => Stage::Paused,
            Verdict::Wait(wait) if paused(&wait.reasons) => Stage::Paused,
            _ if enrolment.events.is_empty() => Stage::Waiting,
            Verdict::Send(_) | Verdict::Wait(_) | Verdict::Held(_) => Stage::Active,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Position {
    /// The position of an enrolment with the planner's verdict at `now`.
    pub(crate) fn of(enrolment: &Enrolment, verdict: &Verdict, now: Timestamp) -> Position {
        let (next, next_at, why) = match verdict {
            Verdict::Send(send) => (Some((send.step.clone(), send.round)), Some(now), None),
            Verdict::Wait(wait) => {
                let why = wait.reasons.first().map(Reason::code);
                (
                    wait.known_step().map(|step| (step.clone(), wait.round)),
                    Some(whole_second(wait.until)),
                    why,
                )
            }
            Verdict::Held(held) => {
                let why = held.reasons.first().map(Reason::code);
                (held.step.clone().map(|step| (step, 0)), None, why)
            }
            Verdict::Ended(over) => (None, None, over.code()),
        };
        Position {
            stage: Stage::of(enrolment, verdict),
            last: Position::last(enrolment),
            next,
            next_at,
            why,
            verdict: verdict.key(),
        }
    }

    /// The same, rechecked no later than an instant.
    #[must_use]
    pub(crate) fn recheck_no_later_than(mut self, at: Option<Timestamp>) -> Position {
        self.next_at = [self.next_at, at.map(whole_second)].into_iter().flatten().min();
        self
    }

    /// The part that follows from the events alone: the last mail of round 0.
    pub fn last(enrolment: &Enrolment) -> Option<(Slug, Timestamp)> {
        enrolment.events.iter().rev().find_map(|event| match event.what {
            EventKind::Mailed { round: 0, .. } => Some((event.step.clone(), event.at)),
            EventKind::Mailed { .. } | EventKind::Skipped | EventKind::Answered | EventKind::Withdrawn => {
                None
            }
        })
    }
}

/// Rounds up to a whole second.
fn whole_second(at: Timestamp) -> Timestamp {
    let second = TimeDelta::seconds(1);
    match at.duration_trunc(second) {
        Ok(whole) if whole == at => at,
        Ok(whole) => whole + second,
        Err(_) => at,
    }
}
