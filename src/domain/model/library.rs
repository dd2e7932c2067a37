//! All content at one revision, resolved: what the planner and the renderer
//! read, and nothing that is only true of files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::{ContentHash, Language, PersonId, Slug};
use super::journey::Journey;
use crate::domain::time::calendar::Calendar;
use crate::domain::time::timezone::TimeZone;

/// Everything authors said, at one revision.
#[derive(Clone, Debug)]
pub struct Library {
    /// The whole initiative.
    pub programme: Programme,
    /// The journeys, by slug.
    pub journeys: Vec<Journey>,
    /// The template files as they stand.
    pub templates: Vec<TemplateSource>,
    /// Hash of every file of the content.
    pub hash: ContentHash,
}

impl Library {
    /// The journey of that name.
    pub fn journey(&self, slug: &Slug) -> Option<&Journey> {
        self.journeys.iter().find(|journey| journey.slug == *slug)
    }

    /// The reference groups of all journeys; who is in two is named twice.
    pub(crate) fn members(&self) -> impl Iterator<Item = &PersonId> {
        self.journeys
            .iter()
            .filter_map(|journey| journey.reference_group.as_ref())
            .flat_map(|group| &group.people)
    }
}

/// The whole initiative: contract, 3.
#[derive(Clone, Debug)]
pub struct Programme {
    /// Its title in the first language.
    pub title: String,
    /// The employer.
    pub organisation: String,
    /// The first is the default and complete; never empty.
    pub languages: Vec<Language>,
    /// Where civil time is reckoned.
    pub zone: TimeZone,
    /// What is printed in the first mail and on every page.
    pub privacy: Privacy,
    /// When mail may leave.
    pub calendar: Calendar,
    /// The focus areas of the strategy.
    pub(crate) focus: Vec<Focus>,
    /// The ways into the subject; exactly one is the default.
    pub characters: Vec<Character>,
    /// Its words in the other languages.
    pub translations: BTreeMap<Language, ProgrammeWords>,
}

impl Programme {
    /// The language everything is written in first.
    pub fn default_language(&self) -> &Language {
        &self.languages[0]
    }

    /// The character people have until they choose.
    pub fn default_character(&self) -> Option<&Character> {
        self.characters.iter().find(|character| character.default)
    }

    /// The language of the programme that serves a reader of `wanted`:
    /// itself, else its primary tag (`en` for `en-GB`), else the default.
    pub fn serve(&self, wanted: &Language) -> &Language {
        let primary = wanted.as_str().split('-').next().unwrap_or_default();
        self.languages
            .iter()
            .find(|language| *language == wanted)
            .or_else(|| self.languages.iter().find(|language| language.as_str() == primary))
            .unwrap_or(&self.languages[0])
    }
}

/// What people are told about their data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// Why data is kept at all.
    pub purpose: String,
    /// On which legal basis.
    pub(crate) legal_basis: String,
    /// Who sees what.
    pub visible_to: String,
    /// For how long, as written.
    pub(crate) retention: String,
}

/// The words of the programme in another language; `None` where untranslated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgrammeWords {
    /// The programme's title.
    pub title: Option<String>,
    /// Why data is kept.
    pub purpose: Option<String>,
    /// On which legal basis.
    pub(crate) legal_basis: Option<String>,
    /// Who sees what.
    pub visible_to: Option<String>,
    /// For how long.
    pub(crate) retention: Option<String>,
    /// Titles of focus areas.
    pub(crate) focus: BTreeMap<Slug, String>,
    /// Names of characters and what they are about.
    pub(crate) characters: BTreeMap<Slug, CharacterWords>,
}

/// A character in another language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CharacterWords {
    /// Its name.
    pub(crate) name: Option<String>,
    /// What it is about.
    pub(crate) about: Option<String>,
}

/// A focus area of the strategy, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Focus {
    /// Its identity.
    pub id: Slug,
    /// What people read.
    pub title: String,
}

/// A way into the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Character {
    /// Its identity.
    pub id: Slug,
    /// What people read.
    pub(crate) name: String,
    /// Why one would choose it.
    pub(crate) about: String,
    /// What people have until they choose.
    pub(crate) default: bool,
}

/// A template file as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSource {
    /// `email/layout.html`, `page/answer.html`: the path below `templates`
    /// without `.hbs`.
    pub(crate) name: String,
    /// The file as the user would type it.
    pub(crate) file: String,
    /// Its text.
    pub text: Arc<str>,
}
