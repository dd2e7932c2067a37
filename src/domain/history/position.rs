//! Where an enrolment stands, in one line: the fold of its events, and what
//! the planner says comes next. Kept by the store so that what is due is
//! found without asking everybody, and so that people can look; never
//! believed: before anything is sent the planner is asked again.
//!
//! `next_at` is a promise: with nobody acting, nothing is due before it. So
//! it has an instant also where somebody must act and time alone may change
//! the answer, as when what is held expires; and where the mails of others
//! that leave this instant move a late joiner's beginning, it is the next one.

use std::fmt;

use chrono::{DurationRound, TimeDelta};

use crate::domain::history::{Enrolment, EventKind};
use crate::domain::model::ids::Slug;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Ended, Reason, Verdict};

/// Where one enrolment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// How far it is, in a word.
    pub stage: Stage,
    /// The last mail (round 0) the person got, and when it left.
    pub last: Option<(Slug, Timestamp)>,
    /// The step and round that come next.
    pub next: Option<(Slug, u16)>,
    /// Nothing is due before this instant, whole seconds; `None`: nothing
    /// comes, or somebody must act.
    pub next_at: Option<Timestamp>,
    /// The code of the first reason for waiting, or of being held or over.
    pub why: Option<&'static str>,
}

/// How far an enrolment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing has happened yet.
    Waiting,
    /// Under way.
    Active,
    /// Paused.
    Paused,
    /// Everything is sent or skipped.
    Completed,
    /// The person or the journey is gone.
    Withdrawn,
}

impl Stage {
    /// Every stage, in the order people go through them.
    pub(crate) const ALL: [Stage; 5] =
        [Stage::Waiting, Stage::Active, Stage::Paused, Stage::Completed, Stage::Withdrawn];

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Active => "active",
            Stage::Paused => "paused",
            Stage::Completed => "completed",
            Stage::Withdrawn => "withdrawn",
        }
    }

    /// The stage of an enrolment with that verdict.
    pub(crate) fn of(enrolment: &Enrolment, verdict: &Verdict) -> Stage {
        let paused = |reasons: &[Reason]| reasons.iter().any(|reason| matches!(reason, Reason::Paused(_)));
        match verdict {
            Verdict::Ended(Ended::Finished) => Stage::Completed,
            Verdict::Ended(Ended::Left | Ended::NotInAudience | Ended::JourneyGone) => Stage::Withdrawn,
            Verdict::Held(held) if paused(&held.reasons) => Stage::Paused,
            Verdict::Wait(wait) if paused(&wait.reasons) => Stage::Paused,
            Verdict::Send(_) => Stage::Active,
            Verdict::Wait(_) | Verdict::Held(_) if enrolment.events.is_empty() => Stage::Waiting,
            Verdict::Wait(_) | Verdict::Held(_) => Stage::Active,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Position {
    /// The position of an enrolment of which the planner has said that at
    /// `now`.
    pub(crate) fn of(enrolment: &Enrolment, verdict: &Verdict, now: Timestamp) -> Position {
        let (next, next_at, why) = match verdict {
            Verdict::Send(send) => (Some((send.step.clone(), send.round)), Some(now), None),
            Verdict::Wait(wait) => {
                let why = wait.reasons.first().map(Reason::code);
                (Some((wait.step.clone(), wait.round)), Some(whole_second(wait.until)), why)
            }
            Verdict::Held(held) => {
                let why = held.reasons.first().map(Reason::code);
                (held.step.clone().map(|step| (step, 0)), None, why)
            }
            Verdict::Ended(over) => (None, None, over.code()),
        };
        Position { stage: Stage::of(enrolment, verdict), last: Position::last(enrolment), next, next_at, why }
    }

    /// The same, looked at again no later than at an instant.
    #[must_use]
    pub(crate) fn recheck_no_later_than(mut self, at: Option<Timestamp>) -> Position {
        self.next_at = [self.next_at, at.map(whole_second)].into_iter().flatten().min();
        self
    }

    /// The position of an enrolment in a journey that is not for the person
    /// any more, or is gone.
    pub(crate) fn over(enrolment: &Enrolment, over: Ended) -> Position {
        Position::of(enrolment, &Verdict::Ended(over), Timestamp::UNIX_EPOCH)
    }

    /// The part that is true of the events alone: the last mail of round 0.
    pub fn last(enrolment: &Enrolment) -> Option<(Slug, Timestamp)> {
        enrolment.events.iter().rev().find_map(|event| match event.what {
            EventKind::Mailed { round: 0, .. } => Some((event.step.clone(), event.at)),
            EventKind::Mailed { .. } | EventKind::Skipped | EventKind::Answered => None,
        })
    }
}

/// The instant, or the next whole second.
fn whole_second(at: Timestamp) -> Timestamp {
    let second = TimeDelta::seconds(1);
    match at.duration_trunc(second) {
        Ok(whole) if whole == at => at,
        Ok(whole) => whole + second,
        Err(_) => at,
    }
}
