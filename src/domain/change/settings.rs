//! What people have decided about the running of it: approvals, pauses,
//! holds, and how each unit goes its own way. Data, so that the planner can
//! be asked about any of it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};

use crate::domain::model::ids::{ContentHash, PersonId, Slug, StepName, UnitId};
use crate::domain::model::journey::Journey;
use crate::domain::model::library::Programme;
use crate::domain::model::person::Person;
use crate::domain::model::step::Step;
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::{MissingApproval, Reason};

/// All of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A slot may be used until strictly less than this after it.
    pub grace: TimeDelta,
    /// A recorded yes to one step's content, in the order given.
    pub approvals: Vec<Approval>,
    /// Who gets nothing for a while.
    pub pauses: Vec<Pause>,
    /// Units that go their own way.
    pub units: HashMap<UnitId, UnitOverrides>,
    /// Steps held by hand.
    pub held_steps: Vec<StepName>,
    /// All sending held by hand.
    pub all_held: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            grace: TimeDelta::hours(4),
            approvals: Vec::new(),
            pauses: Vec::new(),
            units: HashMap::new(),
            held_steps: Vec::new(),
            all_held: false,
        }
    }
}

impl Settings {
    /// Has somebody said yes to that text of a step?
    pub(crate) fn approved(&self, journey: &Slug, step: &Step) -> Option<&Approval> {
        let yes =
            |approval: &&Approval| approval.step.is(journey, &step.slug) && approval.content == step.hash;
        self.approvals.iter().find(yes)
    }

    /// What keeps a mail that is booked from being handed over at an instant,
    /// if anything does: a hold, a pause, another text than the one booked
    /// that nobody has approved, an address that is gone or shared now, or a
    /// day or an hour without mail.
    pub(crate) fn keeps_back(
        &self,
        mail: &BookedMail<'_>,
        at: Timestamp,
        programme: &Programme,
    ) -> Option<Reason> {
        let BookedMail { journey, step, person, content } = *mail;
        let zone = programme.zone;
        let named = |name: &StepName| name.is(&journey.slug, &step.slug);
        if self.all_held || self.held_steps.iter().any(named) {
            return Some(Reason::ManualHold);
        }
        let theirs = |of: &PauseTarget| match of {
            PauseTarget::Person(id) => *id == person.id,
            PauseTarget::Unit(unit) => *unit == person.unit,
            PauseTarget::Journey(slug) => *slug == journey.slug,
        };
        if let Some(pause) = self.pauses.iter().find(|pause| theirs(&pause.of) && pause.holds(at, zone)) {
            return Some(Reason::Paused(pause.reason.clone()));
        }
        let tried_first =
            journey.reference_group.as_ref().is_some_and(|group| !group.people.contains(&person.id));
        if tried_first && content != step.hash && self.approved(&journey.slug, step).is_none() {
            let once = self.approvals.iter().any(|approval| named(&approval.step));
            return Some(Reason::NotApproved(if once {
                MissingApproval::ContentChanged
            } else {
                MissingApproval::Never
            }));
        }
        let unit_closed = self.units.get(&person.unit).map_or(&[][..], |unit| &unit.closed);
        let (calendar, civil) = (&programme.calendar, zone.civil(at));
        if let Some(quiet) = calendar.quiet(civil.date(), unit_closed) {
            return Some(quiet.into());
        }
        if !calendar.has_mail_at(civil.time()) {
            return Some(Reason::OutsideHours);
        }
        if let Some(leave) = person.leave.iter().find(|leave| leave.contains(civil.date())) {
            return Some(Reason::Leave(leave.to));
        }
        Reason::of_address(person)
    }
}

/// A mail that is booked and not handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BookedMail<'a> {
    /// Of which journey.
    pub(crate) journey: &'a Journey,
    /// Of which step, as it is now.
    pub(crate) step: &'a Step,
    /// To whom.
    pub(crate) person: &'a Person,
    /// The text it was booked with.
    pub(crate) content: ContentHash,
}

/// A recorded yes to one step's content hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Which step.
    pub(crate) step: StepName,
    /// Which text of it.
    pub(crate) content: ContentHash,
    /// When.
    pub(crate) at: Timestamp,
}

/// Nothing is sent to these while it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Who.
    pub(crate) of: PauseTarget,
    /// From this instant.
    pub(crate) from: Timestamp,
    /// Mail is allowed again on this day; `None`: until somebody resumes.
    pub(crate) until: Option<NaiveDate>,
    /// When somebody resumed.
    pub(crate) resumed: Option<Timestamp>,
    /// Why.
    pub(crate) reason: Arc<str>,
}

impl Pause {
    /// Is it in force at an instant?
    pub(crate) fn holds(&self, at: Timestamp, zone: TimeZone) -> bool {
        self.from <= at && self.ends(zone).is_none_or(|end| at < end)
    }

    /// The first instant with mail again; `None`: nobody knows.
    pub(crate) fn ends(&self, zone: TimeZone) -> Option<Timestamp> {
        let planned = self.until.map(|day| zone.midnight(day));
        match (planned, self.resumed) {
            (Some(planned), Some(resumed)) => Some(planned.min(resumed)),
            (end, None) | (None, end) => end,
        }
    }

    /// Is the local day one of its days? The day of resuming is not.
    pub(crate) fn covers(&self, day: NaiveDate, zone: TimeZone) -> bool {
        zone.date(self.from) <= day && self.ends(zone).is_none_or(|end| day < zone.date(end))
    }
}

/// Whom a pause is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseTarget {
    /// One person.
    Person(PersonId),
    /// Everybody of a unit.
    Unit(UnitId),
    /// Everybody in a journey.
    Journey(Slug),
}

/// How one unit goes its own way.
#[derive(Clone, Debug, Default)]
pub struct UnitOverrides {
    /// They add up.
    pub shifts: Vec<Shift>,
    /// No mail to the unit in these.
    pub closed: Vec<ClosedPeriod>,
    /// Instead of each journey's own.
    pub cadence: Option<Cadence>,
}

impl UnitOverrides {
    /// All shifts together, in weeks.
    pub(crate) fn shifted_weeks(&self) -> i32 {
        self.shifts.iter().map(|shift| shift.weeks).sum()
    }

    /// The shifts made after an instant, in weeks.
    pub(crate) fn shifted_weeks_since(&self, since: Timestamp) -> i32 {
        self.shifts.iter().filter(|shift| shift.at > since).map(|shift| shift.weeks).sum()
    }
}

/// A unit moved by some weeks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Forward, or back when negative.
    pub(crate) weeks: i32,
    /// When it was decided.
    pub(crate) at: Timestamp,
}
