//! A step of a journey: one mail, and perhaps reminders.

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDateTime;

use super::ids::{ContentHash, Language, Slug, StepName};
use super::picture::Picture;
use crate::domain::time::duration::Duration;

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its identity within the journey.
    pub slug: Slug,
    pub kind: Kind,
    /// When it becomes due after the step before.
    pub pace: Pace,
    /// Delays after the mail; entry n is round n.
    pub remind: Vec<Duration>,
    /// Whether the next step waits for an answer.
    pub wait: Wait,
    /// Skipped if it has not left after this long.
    pub expires_after: Option<Duration>,
    /// Whether people past this step get it too.
    pub catch_up: bool,
    /// Goes only to those who got an earlier text of that step.
    pub corrects: Option<StepName>,
    /// Minutes of working time it asks for.
    pub minutes: u32,
    /// Focus area, for reports.
    pub focus: Option<Slug>,
    /// The questions on the answer page; empty means *done*.
    pub questions: Vec<Question>,
    /// The text; the plain one in the default language first; never empty.
    pub variants: Vec<Variant>,
    /// Hash of its Markdown in all characters and languages with LF line ends; an approval is for this
    /// hash.
    pub hash: ContentHash,
}

impl Step {
    /// The variant for a reader: own language and character, else own language, else own character in
    /// the default language, else the plain text. Language takes precedence, because a text that cannot
    /// be read is of no use.
    pub fn variant(&self, language: &Language, character: Option<&Slug>) -> &Variant {
        let first = &self.variants[0].language;
        let find = |l: &Language, c: Option<&Slug>| {
            self.variants.iter().find(|v| v.language == *l && v.character.as_ref() == c)
        };
        let own = character.and_then(|c| find(language, Some(c))).or_else(|| find(language, None));
        own.or_else(|| character.and_then(|c| find(first, Some(c)))).unwrap_or(&self.variants[0])
    }
}

impl Step {
    /// Whether it asks only whether it is done.
    pub(crate) fn asks_only_for_a_deed(&self) -> bool {
        self.questions.iter().all(|question| question.form == QuestionForm::Done)
    }

    /// Whether people who are past its place get it, too.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.catch_up || self.corrects.is_some()
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
    /// Answer questions.
    Survey,
    /// Meet in the unit on a date.
    Workshop,
    /// Start together on a date.
    Kickoff,
}

impl Kind {
    /// All kinds, in the documented order.
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

    /// The word in files and JSON.
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

/// When a step becomes due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At the next slot after the step before.
    #[default]
    NextSlot,
    /// Not before this long after the step before.
    After(Duration),
    /// At its own date and time, in civil time.
    On(NaiveDateTime),
}

/// Whether the next step waits for an answer to this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// No wait.
    #[default]
    No,
    /// Without a limit.
    ForAnswer,
    /// At most this long.
    AtMost(Duration),
}

/// A question on the answer page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its identity within the step.
    pub(crate) id: Slug,
    /// The question in the default language.
    pub(crate) text: String,
    pub(crate) form: QuestionForm,
    /// Who reads a text.
    pub(crate) read_by: ReadBy,
    /// Maximum length of a text in characters.
    pub(crate) max: u16,
}

/// Who reads a written answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadBy {
    /// Only the person who wrote it.
    #[default]
    Me,
    /// The programme's team, without the name, from ten texts on.
    Programme,
    /// The person's unit, without the name.
    Unit,
}

impl ReadBy {
    /// The word in files and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            ReadBy::Me => "me",
            ReadBy::Programme => "programme",
            ReadBy::Unit => "unit",
        }
    }

    /// The opposite of [`ReadBy::as_str`].
    pub(crate) fn parse(word: &str) -> Option<ReadBy> {
        [ReadBy::Me, ReadBy::Programme, ReadBy::Unit].into_iter().find(|read_by| read_by.as_str() == word)
    }
}

/// The form of the answer (`type` in files).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QuestionForm {
    /// Free text.
    Text,
    /// A number from `min` to `max`.
    Scale {
        min: i32,
        max: i32,
        /// Labels of the two ends; empty or two.
        labels: Vec<String>,
    },
    /// One of several options.
    Choice {
        /// At least two.
        options: Vec<String>,
    },
    /// Done, or not for me.
    Done,
    /// A promise as free text.
    Pledge,
}

/// The text of a step for one character and language, complete: what the file leaves out is inherited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// `None`: for everyone.
    pub character: Option<Slug>,
    pub language: Language,
    /// Short name of the step, without placeholders.
    pub title: String,
    /// May contain placeholders.
    pub subject: String,
    /// The line that mail clients show after the subject.
    pub preheader: Option<String>,
    /// For the unit's manager, never in the employee's mail.
    pub manager_note: Option<String>,
    pub film: Option<Film>,
    /// The questions in this language, in the step's order.
    pub questions: Vec<Question>,
    /// The Markdown after the front matter.
    pub body: Arc<str>,
    /// The file as the user would type it.
    pub file: String,
    /// First line of the body in the file, from 1.
    pub body_line: u32,
    /// Line of the subject in the file, from 1; 0 if it is inherited and so checked elsewhere.
    pub subject_line: u32,
}

/// A film; in the mail it is a still with a text link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Film {
    pub url: String,
    pub title: String,
    /// Minutes and seconds, `2:25`.
    pub(crate) length: String,
    /// The still; if there is none, one is drawn.
    pub(crate) poster: Option<Poster>,
    /// Transcript, for those who cannot watch or hear.
    pub transcript: Option<String>,
}

/// A still of a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Poster {
    /// Alternative text.
    pub(crate) alt: String,
    pub(crate) picture: Picture,
}
