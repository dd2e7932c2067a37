//! The resolved content of one revision: the input of planner and renderer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ids::{ContentHash, Language, PersonId, Slug, StepName};
use super::journey::Journey;
use super::step::Step;
use crate::domain::time::calendar::Calendar;
use crate::domain::time::timezone::TimeZone;

/// All content of one revision.
#[derive(Clone, Debug)]
pub struct Library {
    pub programme: Programme,
    /// Sorted by slug.
    pub journeys: Vec<Journey>,
    /// The template files.
    pub templates: Vec<TemplateSource>,
    /// Hash of all content files.
    pub hash: ContentHash,
}

impl Library {
    /// The journey with that slug.
    pub fn journey(&self, slug: &Slug) -> Option<&Journey> {
        self.journeys.iter().find(|journey| journey.slug == *slug)
    }

    /// The name that a step has today.
    pub(crate) fn todays_name(&self, name: &StepName) -> StepName {
        let step = self.journey(&name.journey).map_or(&name.step, |journey| journey.todays_name(&name.step));
        StepName { journey: name.journey.clone(), step: step.clone() }
    }

    /// All names of a step: today's, then the former ones.
    pub(crate) fn names_of(&self, name: &StepName) -> Vec<StepName> {
        let renamed = self.journey(&name.journey).into_iter().flat_map(|journey| &journey.renamed);
        let former = renamed.filter(|(_, today)| *today == name.step).map(|(former, _)| former.clone());
        let names = std::iter::once(name.step.clone()).chain(former);
        names.map(|step| StepName { journey: name.journey.clone(), step }).collect()
    }

    /// The step with that name.
    pub(crate) fn step(&self, name: &StepName) -> Option<&Step> {
        self.journey(&name.journey)?.step(&name.step)
    }

    /// The steps that are corrected by another step, without duplicates.
    pub(crate) fn corrected(&self) -> impl Iterator<Item = &StepName> {
        let corrected: BTreeSet<&StepName> = self
            .journeys
            .iter()
            .flat_map(|journey| &journey.steps)
            .filter_map(|s| s.corrects.as_ref())
            .collect();
        corrected.into_iter()
    }

    /// The reference groups of all journeys, with duplicates.
    pub(crate) fn members(&self) -> impl Iterator<Item = &PersonId> {
        self.journeys
            .iter()
            .filter_map(|journey| journey.reference_group.as_ref())
            .flat_map(|group| &group.people)
    }
}

/// The programme.
#[derive(Clone, Debug)]
pub struct Programme {
    /// Title in the default language.
    pub title: String,
    /// The employer.
    pub organisation: String,
    /// The first is the default language, in which everything is written; never empty.
    pub languages: Vec<Language>,
    /// The time zone of all civil times.
    pub zone: TimeZone,
    /// The privacy text of the first mail and every page.
    pub privacy: Privacy,
    pub calendar: Calendar,
    #[expect(dead_code, reason = "read by the reports to come")]
    pub(crate) focus: Vec<Focus>,
    /// Exactly one is the default.
    pub characters: Vec<Character>,
    /// The texts in the other languages.
    pub translations: BTreeMap<Language, ProgrammeWords>,
}

impl Programme {
    pub fn default_language(&self) -> &Language {
        &self.languages[0]
    }

    /// The character of people who have not chosen.
    pub fn default_character(&self) -> Option<&Character> {
        self.characters.iter().find(|character| character.default)
    }

    /// The language for a reader of `wanted`: itself, or its primary tag (`en` for `en-GB`), or the
    /// default.
    pub fn serve(&self, wanted: &Language) -> &Language {
        let primary = wanted.as_str().split('-').next().unwrap_or_default();
        self.languages
            .iter()
            .find(|language| *language == wanted)
            .or_else(|| self.languages.iter().find(|language| language.as_str() == primary))
            .unwrap_or(&self.languages[0])
    }
}

/// The privacy text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// The purpose of the processing.
    pub purpose: String,
    pub(crate) legal_basis: String,
    pub visible_to: String,
    /// Retention period, as written.
    pub(crate) retention: String,
    /// Where to write about personal data, for the privacy page.
    pub(crate) contact: Option<String>,
}

/// The programme's text in another language; `None` where untranslated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgrammeWords {
    pub title: Option<String>,
    pub purpose: Option<String>,
    pub(crate) legal_basis: Option<String>,
    pub visible_to: Option<String>,
    pub(crate) retention: Option<String>,
    pub(crate) focus: BTreeMap<Slug, String>,
    pub(crate) characters: BTreeMap<Slug, CharacterWords>,
}

/// A character's text in another language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CharacterWords {
    pub(crate) name: Option<String>,
    pub(crate) about: Option<String>,
}

/// A focus area of the strategy, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Focus {
    pub id: Slug,
    pub title: String,
}

/// A character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Character {
    pub id: Slug,
    pub(crate) name: String,
    /// The description.
    pub(crate) about: String,
    /// Whether people have it until they choose.
    pub(crate) default: bool,
}

/// A template file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSource {
    /// The path below `templates` without `.hbs`: `email/layout.html`, `page/answer.html`.
    pub(crate) name: String,
    /// The file as the user would type it.
    pub(crate) file: String,
    pub text: Arc<str>,
}
