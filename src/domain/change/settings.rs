//! The decisions in force: approvals, pauses, holds, and the overrides of each unit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};

use crate::domain::model::ids::{ContentHash, PersonId, Slug, StepName, UnitId};
use crate::domain::model::journey::Journey;
use crate::domain::model::library::Library;
use crate::domain::model::person::Person;
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::timezone::{TimeZone, Timestamp};

/// All decisions in force.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A slot may be used until strictly less than this long after it.
    pub grace: TimeDelta,
    /// Approvals of content hashes, in the order given.
    pub approvals: Vec<Approval>,
    pub pauses: Vec<Pause>,
    /// Overrides per unit.
    pub units: HashMap<UnitId, UnitOverrides>,
    /// Steps held manually.
    pub held_steps: Vec<StepName>,
    /// Whether all sending is held manually.
    pub all_held: bool,
    /// The people who have asked for no more mails.
    pub stopped: HashSet<PersonId>,
    /// Who got an earlier text of a step, for each step that another one corrects.
    pub earlier_texts: HashMap<StepName, HashSet<PersonId>>,
}

impl Settings {
    /// Gives steps that were renamed the names they have today.
    pub(crate) fn use_todays_names(&mut self, library: &Library) {
        for approval in &mut self.approvals {
            approval.step = library.todays_name(&approval.step);
        }
        for held in &mut self.held_steps {
            *held = library.todays_name(held);
        }
    }
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
            stopped: HashSet::new(),
            earlier_texts: HashMap::new(),
        }
    }
}

/// An approval of one step's content hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub(crate) step: StepName,
    pub(crate) content: ContentHash,
    pub(crate) at: Timestamp,
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub(crate) of: PauseTarget,
    pub(crate) from: Timestamp,
    /// First day with mail again; `None` until resumed.
    pub(crate) until: Option<NaiveDate>,
    /// When it was resumed.
    pub(crate) resumed: Option<Timestamp>,
    pub(crate) reason: Arc<str>,
}

impl Pause {
    /// Whether it is in force at an instant.
    pub(crate) fn holds(&self, at: Timestamp, zone: TimeZone) -> bool {
        self.from <= at && self.ends(zone).is_none_or(|end| at < end)
    }

    /// The first instant with mail again; `None` if unknown.
    pub(crate) fn ends(&self, zone: TimeZone) -> Option<Timestamp> {
        let planned = self.until.map(|day| zone.midnight(day));
        match (planned, self.resumed) {
            (Some(planned), Some(resumed)) => Some(planned.min(resumed)),
            (end, None) | (None, end) => end,
        }
    }

    /// Whether a local day belongs to it. The day of resuming does not.
    pub(crate) fn covers(&self, day: NaiveDate, zone: TimeZone) -> bool {
        zone.date(self.from) <= day && self.ends(zone).is_none_or(|end| day < zone.date(end))
    }
}

/// Target of a pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseTarget {
    Person(PersonId),
    /// All people of a unit.
    Unit(UnitId),
    /// All people in a journey.
    Journey(Slug),
}

impl PauseTarget {
    /// Whether it includes a person's mails of a journey.
    pub(crate) fn includes(&self, person: &Person, journey: &Journey) -> bool {
        match self {
            PauseTarget::Person(id) => *id == person.id,
            PauseTarget::Unit(unit) => *unit == person.unit,
            PauseTarget::Journey(slug) => *slug == journey.slug,
        }
    }
}

/// The overrides of one unit.
#[derive(Clone, Debug, Default)]
pub struct UnitOverrides {
    /// Shifts; they add up.
    pub shifts: Vec<Shift>,
    /// Closed periods.
    pub closed: Vec<ClosedPeriod>,
    /// Replaces the cadence of each journey.
    pub cadence: Option<Cadence>,
}

impl UnitOverrides {
    /// The sum of all shifts, in weeks.
    pub(crate) fn shifted_weeks(&self) -> i32 {
        self.shifts.iter().map(|shift| shift.weeks).sum()
    }

    /// The sum of the shifts made after an instant, in weeks.
    pub(crate) fn shifted_weeks_since(&self, since: Timestamp) -> i32 {
        self.shifts.iter().filter(|shift| shift.at > since).map(|shift| shift.weeks).sum()
    }
}

/// A shift of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Forward, or back if negative.
    pub(crate) weeks: i32,
    /// When it was decided.
    pub(crate) at: Timestamp,
}
