//! A journey: its steps, cadence and audience.

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
    pub slug: Slug,
    /// Title in the default language.
    pub title: String,
    /// Titles in the other languages.
    pub titles: BTreeMap<Language, String>,
    pub cadence: Cadence,
    /// No slot before 00:00 on that day.
    pub start: Option<NaiveDate>,
    /// Starts for a person when that journey has ended for them.
    pub after: Option<Slug>,
    pub audience: Audience,
    /// Focus areas, for reports.
    pub focus: Vec<Slug>,
    /// Where people start who join late.
    pub late_joiners: LateJoiners,
    /// Slugs that must not be used again.
    pub retired: Vec<Slug>,
    /// Former slugs of steps, each with the slug it has today.
    pub renamed: Vec<(Slug, Slug)>,
    pub reference_group: Option<ReferenceGroup>,
    /// In order.
    pub steps: Vec<Step>,
}

impl Journey {
    /// The step with that slug.
    pub fn step(&self, slug: &Slug) -> Option<&Step> {
        self.steps.iter().find(|step| step.slug == *slug)
    }

    /// The slug that a step has today.
    pub(crate) fn todays_name<'n>(&'n self, slug: &'n Slug) -> &'n Slug {
        self.renamed.iter().find(|(former, _)| former == slug).map_or(slug, |(_, today)| today)
    }

    /// The step that has that slug or had it formerly.
    pub(crate) fn step_once_called(&self, slug: &Slug) -> Option<&Step> {
        self.step(self.todays_name(slug))
    }

    /// The index of the step with that slug.
    pub(crate) fn place(&self, slug: &Slug) -> Option<usize> {
        self.steps.iter().position(|step| step.slug == *slug)
    }

    /// The title in a language, or else in the default language.
    pub fn title_in(&self, language: &Language) -> &str {
        self.titles.get(language).unwrap_or(&self.title)
    }
}

/// Who takes part: all restrictions apply, an empty list is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Department names.
    pub(crate) departments: Vec<String>,
    /// Unit ids or names.
    pub(crate) units: Vec<String>,
    pub(crate) languages: Vec<Language>,
    pub(crate) people: Vec<PersonId>,
}

impl Audience {
    /// Whether there is no restriction.
    pub(crate) fn is_everybody(&self) -> bool {
        self.departments.is_empty()
            && self.units.is_empty()
            && self.languages.is_empty()
            && self.people.is_empty()
    }

    /// Whether a person takes part.
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

/// Where people start who are enrolled after the journey's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LateJoiners {
    /// At the first step.
    #[default]
    FromStart,
    /// After the step that most of the unit got last.
    JoinUnit,
    /// At the furthest step that anyone in the audience got.
    SkipToCurrent,
}

/// The reference group of a journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceGroup {
    pub(crate) people: Vec<PersonId>,
    /// How long before all others they get a step.
    pub(crate) lead: Duration,
}
