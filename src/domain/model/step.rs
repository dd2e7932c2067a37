//! A step: one station of a journey; it leads to one mail, and perhaps
//! reminders (contract, 4 and 5).

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDateTime;

use super::ids::{ContentHash, Language, Slug};
use super::picture::Picture;
use crate::domain::time::duration::Duration;

/// One station of a journey.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its identity within the journey.
    pub slug: Slug,
    /// What it asks for.
    pub kind: Kind,
    /// When its turn comes after the step before.
    pub pace: Pace,
    /// Delays after the mail; entry n is round n.
    pub remind: Vec<Duration>,
    /// Whether the next step waits for an answer.
    pub wait: Wait,
    /// Skipped if it could not leave by then.
    pub expires_after: Option<Duration>,
    /// People already past this place get it too.
    pub catch_up: bool,
    /// What it asks of a person's working time.
    pub minutes: u32,
    /// Focus area, for reports.
    pub focus: Option<Slug>,
    /// What the answer page asks; empty: *done*.
    pub questions: Vec<Question>,
    /// The words, the plain one in the first language first; never empty.
    pub variants: Vec<Variant>,
    /// Hash of its Markdown in all characters and languages, line ends LF:
    /// what an approval is bound to.
    pub hash: ContentHash,
}

impl Step {
    /// The variant for a reader: own language and character, then own
    /// language, then own character in the first language, then the plain
    /// text. Language goes before character: a text one cannot read has no
    /// way in.
    pub fn variant(&self, language: &Language, character: Option<&Slug>) -> &Variant {
        let first = &self.variants[0].language;
        let find = |l: &Language, c: Option<&Slug>| {
            self.variants.iter().find(|v| v.language == *l && v.character.as_ref() == c)
        };
        let own = character.and_then(|c| find(language, Some(c))).or_else(|| find(language, None));
        own.or_else(|| character.and_then(|c| find(first, Some(c)))).unwrap_or(&self.variants[0])
    }
}

/// What a step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Read and understand.
    Lesson,
    /// One small thing to use today.
    Tip,
    /// Watch.
    Film,
    /// Do something at work.
    Mission,
    /// Think, and answer.
    Reflection,
    /// Answer some questions.
    Survey,
    /// Come at a date, with the unit.
    Workshop,
    /// Come at a date, with everybody.
    Kickoff,
}

impl Kind {
    /// Every kind, in the contract's order.
    pub(crate) const ALL: [Kind; 8] = [
        Kind::Lesson,
        Kind::Tip,
        Kind::Film,
        Kind::Mission,
        Kind::Reflection,
        Kind::Survey,
        Kind::Workshop,
        Kind::Kickoff,
    ];

    /// The contract's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Lesson => "lesson",
            Kind::Tip => "tip",
            Kind::Film => "film",
            Kind::Mission => "mission",
            Kind::Reflection => "reflection",
            Kind::Survey => "survey",
            Kind::Workshop => "workshop",
            Kind::Kickoff => "kickoff",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When a step's turn comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At the next slot after the step before.
    #[default]
    NextSlot,
    /// Not before this long after the step before.
    After(Duration),
    /// A moment of its own, in the programme's civil time.
    On(NaiveDateTime),
}

/// Whether the next step waits for an answer to this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Go on.
    #[default]
    No,
    /// As long as it takes.
    ForAnswer,
    /// For an answer, at most this long.
    AtMost(Duration),
}

/// What the answer page asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its identity within the step.
    pub(crate) id: Slug,
    /// What is asked, in the first language.
    pub(crate) text: String,
    /// How it is answered.
    pub(crate) form: QuestionForm,
}

/// How a question is answered (the contract's `type`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QuestionForm {
    /// Free text.
    Text,
    /// A number from `min` to `max`, with words for the two ends.
    Scale {
        /// The lowest.
        min: i32,
        /// The highest.
        max: i32,
        /// Words for the ends; empty or two.
        labels: Vec<String>,
    },
    /// One of several.
    Choice {
        /// At least two.
        options: Vec<String>,
    },
    /// Done, or not for me.
    Done,
    /// A promise in one's own words.
    Pledge,
}

/// The words of a step for a character and a language, complete: what the
/// file left out has been filled from the file it inherits from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// `None`: for everybody.
    pub character: Option<Slug>,
    /// Which language it is written in.
    pub language: Language,
    /// Short plain name of the step, without placeholders.
    pub title: String,
    /// The subject; placeholders allowed.
    pub subject: String,
    /// The line that mail programs show after the subject.
    pub preheader: Option<String>,
    /// To the unit's manager, never in the employee's mail.
    pub manager_note: Option<String>,
    /// For a film.
    pub film: Option<Film>,
    /// The questions in this language, in the step's order.
    pub questions: Vec<Question>,
    /// The Markdown after the front matter.
    pub body: Arc<str>,
    /// The file as the user would type it.
    pub file: String,
    /// The line of the file on which the body begins, from 1.
    pub body_line: u32,
    /// The line of the file on which the subject stands, from 1; 0 where it
    /// is inherited, and looked at in the file it comes from.
    pub subject_line: u32,
}

/// A film: in the mail it is a still with a text link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Film {
    /// Where it is shown.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// Minutes and seconds, `2:25`.
    pub(crate) length: String,
    /// What it looks like; without one a still is drawn.
    pub(crate) poster: Option<Poster>,
    /// Where its text stands, for those who cannot watch or hear.
    pub transcript: Option<String>,
}

/// A picture of a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Poster {
    /// What it shows, for those who do not see it.
    pub(crate) alt: String,
    /// The picture.
    pub(crate) picture: Picture,
}
