//! A journey: when its steps come, for whom (contract, 4).

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::ids::{Language, PersonId, Slug};
use super::person::Person;
use super::step::Step;
use crate::domain::time::cadence::Cadence;
use crate::domain::time::duration::Duration;

/// An ordered series of steps for an audience, with a cadence.
#[derive(Clone, Debug)]
pub struct Journey {
    /// Its identity.
    pub slug: Slug,
    /// What people read, in the first language.
    pub title: String,
    /// Its title in the other languages.
    pub titles: BTreeMap<Language, String>,
    /// The rhythm in which mails may leave.
    pub cadence: Cadence,
    /// No slot before 00:00 that day.
    pub start: Option<NaiveDate>,
    /// Begins for a person when that journey is over for them.
    pub after: Option<Slug>,
    /// Who takes part.
    pub audience: Audience,
    /// Focus areas, for reports.
    pub focus: Vec<Slug>,
    /// Where those begin who come after the start.
    pub late_joiners: LateJoiners,
    /// Slugs that may never come back.
    pub retired: Vec<Slug>,
    /// The few who try each step first.
    pub reference_group: Option<ReferenceGroup>,
    /// The order here is the order there is.
    pub steps: Vec<Step>,
}

impl Journey {
    /// The step of that name.
    pub fn step(&self, slug: &Slug) -> Option<&Step> {
        self.steps.iter().find(|step| step.slug == *slug)
    }

    /// Which of its steps has that name.
    pub(crate) fn place(&self, slug: &Slug) -> Option<usize> {
        self.steps.iter().position(|step| step.slug == *slug)
    }

    /// Its title in a language, else in the first.
    pub fn title_in(&self, language: &Language) -> &str {
        self.titles.get(language).unwrap_or(&self.title)
    }
}

/// Who takes part; an empty list is no restriction, and all that are given hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Departments by name.
    pub(crate) departments: Vec<String>,
    /// Units by id or name.
    pub(crate) units: Vec<String>,
    /// Languages as in the people file.
    pub(crate) languages: Vec<Language>,
    /// Single people.
    pub(crate) people: Vec<PersonId>,
}

impl Audience {
    /// Is it everybody?
    pub(crate) fn is_everybody(&self) -> bool {
        self.departments.is_empty()
            && self.units.is_empty()
            && self.languages.is_empty()
            && self.people.is_empty()
    }

    /// Does this person take part?
    pub(crate) fn includes(&self, person: &Person, unit_name: &str) -> bool {
        if self.is_everybody() {
            return true;
        }
        let department = person.department.as_deref();
        (self.departments.is_empty() || self.departments.iter().any(|d| Some(d.as_str()) == department))
            && (self.units.is_empty()
                || self.units.iter().any(|u| u == person.unit.as_str() || u == unit_name))
            && (self.languages.is_empty() || self.languages.contains(&person.language))
            && (self.people.is_empty() || self.people.contains(&person.id))
    }
}

/// Where those begin who are enrolled after the journey's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LateJoiners {
    /// At the first step.
    #[default]
    FromStart,
    /// At the step after the one most of the unit had last.
    JoinUnit,
    /// At the furthest step anybody in the audience got.
    SkipToCurrent,
}

/// The gate before everybody (contract, 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceGroup {
    /// Employee ids.
    pub(crate) people: Vec<PersonId>,
    /// How long before everybody else.
    pub(crate) lead: Duration,
}
