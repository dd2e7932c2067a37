//! The values that templates and Markdown may use. Names are added only here; the lint, the
//! suggestions and the documentation follow. The only file of this folder that uses serde.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::domain::model::library::Privacy;
use crate::domain::model::person::Person;
use crate::domain::model::step::{Film, Kind, Poster};
use crate::render::ReaderLinks;

/// A name that authors may use, with its description.
#[derive(Clone, Copy, Debug)]
pub struct NameEntry {
    /// The name between `{{` and `}}`.
    pub name: &'static str,
    /// One line that describes it.
    pub about: &'static str,
    field: Option<Field>,
}

impl NameEntry {
    /// Whether it may be used in Markdown, or only in templates.
    pub fn in_markdown(&self) -> bool {
        self.field.is_some()
    }

    const fn anywhere(field: Field, name: &'static str, about: &'static str) -> NameEntry {
        NameEntry { name, about, field: Some(field) }
    }

    const fn template(name: &'static str, about: &'static str) -> NameEntry {
        NameEntry { name, about, field: None }
    }
}

/// All names, except `extra.<column>` for the columns of the people file that
/// `[people] keep` lists.
pub const NAMES: &[NameEntry] = &[
    NameEntry::anywhere(Field::FirstName, "person.first_name", "the reader's first name"),
    NameEntry::anywhere(Field::LastName, "person.last_name", "the reader's last name"),
    NameEntry::anywhere(Field::Unit, "person.unit", "the name of the reader's unit"),
    NameEntry::anywhere(Field::Department, "person.department", "the reader's department; may be empty"),
    NameEntry::anywhere(Field::StepTitle, "step.title", "the plain name of the step"),
    NameEntry::anywhere(
        Field::StepKind,
        "step.kind",
        "what the step asks for: in Markdown in words, in templates the contract's word to compare with",
    ),
    NameEntry::anywhere(Field::StepMinutes, "step.minutes", "how many minutes it takes; may be empty"),
    NameEntry::template("step.questions", "how many questions the answer page asks; may be empty"),
    NameEntry::template("step.question", "the first of them, in words; may be empty"),
    NameEntry::anywhere(Field::JourneyTitle, "journey.title", "the title of the journey"),
    NameEntry::anywhere(Field::CharacterName, "character.name", "the way in that the reader has chosen"),
    NameEntry::anywhere(Field::ProgrammeTitle, "programme.title", "the title of the whole programme"),
    NameEntry::anywhere(Field::Organisation, "organisation", "the employer"),
    NameEntry::anywhere(Field::LinkAnswer, "link.answer", "the reader's own page to answer the step on"),
    NameEntry::anywhere(Field::LinkPause, "link.pause", "the reader's own page to take a pause on"),
    NameEntry::anywhere(
        Field::LinkCharacter,
        "link.character",
        "the reader's own page to choose a way in on",
    ),
    NameEntry::anywhere(Field::LinkWeb, "link.web", "this mail as a page"),
    NameEntry::template("mail.subject", "the subject, filled in"),
    NameEntry::template("mail.preheader", "the line mail programs show after the subject; may be empty"),
    NameEntry::template("mail.language", "the language of the mail, for `lang`"),
    NameEntry::template("mail.kind", "what the step asks for, in words, from `kind.<language>.txt.hbs`"),
    NameEntry::template("mail.first", "true in the first mail of a journey that a person gets"),
    NameEntry::template("mail.reminder", "true in a reminder"),
    NameEntry::template(
        "mail.asks",
        "true where the step is answered and its words have no button of their own",
    ),
    NameEntry::template("mail.body", "the step's words as HTML; only in HTML templates"),
    NameEntry::template("mail.text", "the step's words as plain text"),
    NameEntry::template("mail.before", "the words before the task; all of them where there is none"),
    NameEntry::template(
        "mail.task",
        "the task: the last paragraph that begins in bold, with a colon; may be empty",
    ),
    NameEntry::template("mail.after", "the words after the task; may be empty"),
    NameEntry::template("film", "there is a film: for `{{#if film}}`"),
    NameEntry::template("film.url", "where the film is shown"),
    NameEntry::template("film.title", "what the film is called"),
    NameEntry::template("film.length", "its length, minutes and seconds"),
    NameEntry::template("film.transcript", "where its text stands; may be empty"),
    NameEntry::template("film.poster", "its picture, for `src`; may be empty"),
    NameEntry::template("film.alt", "what the picture shows; may be empty"),
    NameEntry::template("film.width", "how wide the picture is shown, in pixels; may be empty"),
    NameEntry::template("film.height", "how high it is shown then; may be empty"),
    NameEntry::template("privacy.purpose", "why data is kept at all"),
    NameEntry::template("privacy.legal_basis", "on which legal basis"),
    NameEntry::template("privacy.visible_to", "who sees what"),
    NameEntry::template("privacy.retention", "for how long, as the programme says it"),
    NameEntry::template("privacy.retention_number", "the number in `12 months`"),
    NameEntry::template("privacy.retention_unit", "the unit in `12 months`, to compare with"),
];

/// The names allowed in Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    FirstName,
    LastName,
    Unit,
    Department,
    StepTitle,
    StepKind,
    StepMinutes,
    JourneyTitle,
    CharacterName,
    ProgrammeTitle,
    Organisation,
    LinkAnswer,
    LinkPause,
    LinkCharacter,
    LinkWeb,
}

/// A valid name in Markdown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Placeholder {
    Field(Field),
    /// A column kept from the people file.
    Extra(Arc<str>),
}

impl Placeholder {
    /// Parses a name, if Markdown may use it.
    pub(crate) fn parse(text: &str, kept_columns: &[String]) -> Option<Placeholder> {
        if let Some(column) = text.strip_prefix("extra.") {
            return kept_columns.iter().any(|kept| kept == column).then(|| Placeholder::Extra(column.into()));
        }
        NAMES.iter().find(|entry| entry.name == text).and_then(|entry| entry.field).map(Placeholder::Field)
    }

    /// Whether its value is one of our URLs.
    pub(crate) fn is_link(&self) -> bool {
        match self {
            Placeholder::Extra(_) => false,
            Placeholder::Field(field) => match field {
                Field::LinkAnswer | Field::LinkPause | Field::LinkCharacter | Field::LinkWeb => true,
                Field::FirstName
                | Field::LastName
                | Field::Unit
                | Field::Department
                | Field::StepTitle
                | Field::StepKind
                | Field::StepMinutes
                | Field::JourneyTitle
                | Field::CharacterName
                | Field::ProgrammeTitle
                | Field::Organisation => false,
            },
        }
    }

    /// Whether it is a first or last name.
    pub(crate) fn is_person_name(&self) -> bool {
        matches!(self, Placeholder::Field(Field::FirstName | Field::LastName))
    }

    /// Whether its value depends on the recipient. The others are the same in all mails
    /// with the same text.
    pub(crate) fn is_per_reader(&self) -> bool {
        match self {
            Placeholder::Extra(_) => true,
            Placeholder::Field(field) => match field {
                Field::FirstName
                | Field::LastName
                | Field::Unit
                | Field::Department
                | Field::CharacterName
                | Field::LinkAnswer
                | Field::LinkPause
                | Field::LinkCharacter
                | Field::LinkWeb => true,
                Field::StepTitle
                | Field::StepKind
                | Field::StepMinutes
                | Field::JourneyTitle
                | Field::ProgrammeTitle
                | Field::Organisation => false,
            },
        }
    }

    /// Whether it identifies the recipient.
    pub(crate) fn is_personal(&self) -> bool {
        matches!(self, Placeholder::Extra(_)) || self.is_person_name()
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Placeholder::Extra(column) => write!(f, "extra.{column}"),
            Placeholder::Field(field) => {
                let entry = NAMES.iter().find(|entry| entry.field == Some(*field));
                f.write_str(entry.map_or("", |entry| entry.name))
            }
        }
    }
}

/// The values shared by all recipients of the same text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepText<'a> {
    pub(crate) title: &'a str,
    pub(crate) kind: Kind,
    pub(crate) kind_name: &'a str,
    pub(crate) minutes: u32,
    /// The same as text; empty if there is none.
    pub(crate) minutes_text: &'a str,
    /// Number of questions on the answer page.
    pub(crate) questions: usize,
    pub(crate) question: &'a str,
    pub(crate) journey_title: &'a str,
    pub(crate) character_name: &'a str,
    pub(crate) programme_title: &'a str,
    pub(crate) organisation: &'a str,
    pub(crate) privacy: &'a Privacy,
    pub(crate) film: Option<&'a Film>,
    /// The content id of the film's picture; empty if there is none.
    pub(crate) poster: &'a str,
}

/// Pictures are shown at most as wide as a mail, in pixels.
const MAX_PICTURE_WIDTH: u32 = 600;

/// All values for one recipient, cleaned: no value has control characters, line breaks,
/// direction marks or surrounding spaces.
#[derive(Debug)]
pub(crate) struct RenderValues<'a> {
    words: StepText<'a>,
    links: &'a ReaderLinks,
    person: &'a Person,
    first_name: Cow<'a, str>,
    last_name: Cow<'a, str>,
    unit: Cow<'a, str>,
    department: Cow<'a, str>,
}

impl<'a> RenderValues<'a> {
    pub(crate) fn new(
        words: StepText<'a>,
        person: &'a Person,
        unit: &'a str,
        links: &'a ReaderLinks,
    ) -> RenderValues<'a> {
        RenderValues {
            words,
            links,
            person,
            first_name: clean(&person.first_name),
            last_name: clean(&person.last_name),
            unit: clean(unit),
            department: clean(person.department.as_deref().unwrap_or_default()),
        }
    }

    /// The value of a name; empty if there is none.
    pub(crate) fn get(&self, name: &Placeholder) -> Cow<'_, str> {
        let field = match name {
            Placeholder::Extra(column) => return self.extra(column),
            Placeholder::Field(field) => field,
        };
        Cow::Borrowed(match field {
            Field::FirstName => &self.first_name,
            Field::LastName => &self.last_name,
            Field::Unit => &self.unit,
            Field::Department => &self.department,
            Field::StepTitle => self.words.title,
            Field::StepKind => self.words.kind_name,
            Field::StepMinutes => self.words.minutes_text,
            Field::JourneyTitle => self.words.journey_title,
            Field::CharacterName => self.words.character_name,
            Field::ProgrammeTitle => self.words.programme_title,
            Field::Organisation => self.words.organisation,
            Field::LinkAnswer => &self.links.answer,
            Field::LinkPause => &self.links.pause,
            Field::LinkCharacter => &self.links.character,
            Field::LinkWeb => &self.links.web,
        })
    }

    fn extra(&self, column: &str) -> Cow<'_, str> {
        let kept = self.person.extra.iter().find(|(name, _)| **name == *column);
        kept.map_or(Cow::Borrowed(""), |(_, value)| clean(value))
    }
}

impl<'a> StepText<'a> {
    /// The values for templates, except those that depend on the recipient. Empty values are
    /// left out, so that strict mode names them and `{{#if}}` can test for them.
    pub(crate) fn context<'b>(&'b self, mail: MailContext<'b>) -> Context<'b>
    where
        'a: 'b,
    {
        let privacy = self.privacy;
        let (number, unit) = privacy.retention.split_once(' ').unwrap_or_default();
        Context {
            step: StepContext {
                title: self.title,
                kind: self.kind.as_str(),
                minutes: self.minutes,
                questions: self.questions,
                question: self.question,
            },
            journey: TitleContext { title: self.journey_title },
            programme: TitleContext { title: self.programme_title },
            organisation: self.organisation,
            film: self.film.map(|film| FilmContext {
                url: &film.url,
                title: &film.title,
                length: &film.length,
                transcript: film.transcript.as_deref().unwrap_or_default(),
                poster: film.poster.as_ref().map(|poster| poster_context(poster, self.poster)),
            }),
            privacy: PrivacyContext {
                purpose: &privacy.purpose,
                legal_basis: &privacy.legal_basis,
                visible_to: &privacy.visible_to,
                retention: &privacy.retention,
                retention_number: number,
                retention_unit: unit,
            },
            mail,
        }
    }
}

/// The template context that is the same for all recipients.
#[derive(Serialize)]
pub(crate) struct Context<'a> {
    step: StepContext<'a>,
    journey: TitleContext<'a>,
    programme: TitleContext<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    organisation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    film: Option<FilmContext<'a>>,
    privacy: PrivacyContext<'a>,
    mail: MailContext<'a>,
}

/// The values about the mail itself.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct MailContext<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) subject: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) preheader: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) language: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) kind: &'a str,
    pub(crate) first: bool,
    pub(crate) reminder: bool,
    pub(crate) asks: bool,
    pub(crate) body: &'a str,
    pub(crate) text: &'a str,
    pub(crate) before: &'a str,
    pub(crate) task: &'a str,
    pub(crate) after: &'a str,
}

#[derive(Serialize)]
struct StepContext<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    minutes: u32,
    #[serde(skip_serializing_if = "is_default")]
    questions: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    question: &'a str,
}

#[derive(Serialize)]
struct TitleContext<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
}

#[derive(Serialize)]
struct FilmContext<'a> {
    url: &'a str,
    title: &'a str,
    length: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    transcript: &'a str,
    #[serde(flatten)]
    poster: Option<PosterContext<'a>>,
}

#[derive(Serialize)]
struct PosterContext<'a> {
    poster: &'a str,
    alt: &'a str,
    width: u32,
    height: u32,
}

fn poster_context<'a>(poster: &'a Poster, source: &'a str) -> PosterContext<'a> {
    let (width, height) = (poster.picture.width, poster.picture.height);
    let shown = width.min(MAX_PICTURE_WIDTH);
    let high = u64::from(height) * u64::from(shown) / u64::from(width.max(1));
    PosterContext {
        poster: source,
        alt: &poster.alt,
        width: shown,
        height: u32::try_from(high).unwrap_or(u32::MAX),
    }
}

#[derive(Serialize)]
struct PrivacyContext<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    purpose: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    legal_basis: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    visible_to: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    retention: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    retention_number: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    retention_unit: &'a str,
}

fn is_default<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// A value from the people file, made safe for any context: line breaks and control
/// characters become spaces, direction marks are removed, spaces are single and not at
/// the ends. The import refuses such names too.
pub(crate) fn clean(value: &str) -> Cow<'_, str> {
    let trimmed = value.trim();
    let tidy =
        !trimmed.contains("  ") && !trimmed.chars().any(|c| is_line_break(c) || is_direction_control(c));
    if tidy {
        return Cow::Borrowed(trimmed);
    }
    let mut cleaned = String::with_capacity(trimmed.len());
    for c in trimmed.chars().filter(|&c| !is_direction_control(c)) {
        let c = if is_line_break(c) { ' ' } else { c };
        if c != ' ' || !cleaned.ends_with(' ') {
            cleaned.push(c);
        }
    }
    Cow::Owned(cleaned.trim().to_owned())
}

/// Whether the character ends a line, or controls a terminal or a header.
pub(crate) fn is_line_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether the character changes the direction of the surrounding text.
fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::picture::{Media, Picture};

    #[test]
    fn values_never_have_line_breaks_or_direction_marks() {
        assert_eq!(clean("Eva\r\nBcc: a@b.se"), "Eva Bcc: a@b.se");
        assert_eq!(clean("  Eva \u{0} \u{202e} Ek\u{2028}"), "Eva Ek");
        assert_eq!(clean("\t\r\n"), "");
        assert!(matches!(clean("Åsa Ek"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_large_picture_is_shown_as_wide_as_a_mail() {
        let picture = |width, height| Poster {
            alt: String::new(),
            picture: Picture { media: Media::Png, width, height, bytes: Arc::from([0]) },
        };
        let shown = |poster: &Poster| {
            let context = poster_context(poster, "");
            (context.width, context.height)
        };
        assert_eq!(shown(&picture(1200, 675)), (600, 337));
        assert_eq!(shown(&picture(320, 180)), (320, 180));
        assert_eq!(shown(&picture(u32::MAX, u32::MAX)), (600, 600));
    }

    #[test]
    fn templates_see_every_name_and_nothing_else() {
        let filled = StepText {
            title: "a",
            kind: Kind::Film,
            kind_name: "film",
            minutes: 3,
            minutes_text: "3",
            questions: 1,
            question: "q",
            journey_title: "b",
            character_name: "c",
            programme_title: "d",
            organisation: "e",
            privacy: &Privacy {
                purpose: "f".into(),
                legal_basis: "g".into(),
                visible_to: "h".into(),
                retention: "12 months".into(),
            },
            film: Some(&Film {
                url: "i".into(),
                title: "j".into(),
                length: "k".into(),
                poster: Some(Poster {
                    alt: "t".into(),
                    picture: Picture { media: Media::Png, width: 1200, height: 675, bytes: Arc::from([0]) },
                }),
                transcript: Some("l".into()),
            }),
            poster: "cid:u",
        };
        let mail = MailContext {
            subject: "p",
            preheader: "q",
            language: "sv",
            kind: "film",
            task: "r",
            after: "s",
            ..MailContext::default()
        };
        let json = serde_json::to_value(filled.context(mail)).expect("JSON");
        let mut there = Vec::new();
        for (name, value) in json.as_object().expect("an object") {
            match value.as_object() {
                Some(inner) => there.extend(inner.keys().map(|key| format!("{name}.{key}"))),
                None => there.push(name.clone()),
            }
        }
        there.push("film".into());
        there.sort();
        // The others are filled for each recipient.
        let is_per_reader =
            |name: &str| Placeholder::parse(name, &[]).is_some_and(|name| name.is_per_reader());
        let mut promised: Vec<&str> =
            NAMES.iter().map(|entry| entry.name).filter(|name| !is_per_reader(name)).collect();
        promised.sort_unstable();
        assert_eq!(there, promised);
    }

    #[test]
    fn every_markdown_name_is_distinct() {
        for entry in NAMES.iter().filter(|entry| entry.in_markdown()) {
            let name = Placeholder::parse(entry.name, &[]).expect("a name");
            assert_eq!(name.to_string(), entry.name);
        }
        assert_eq!(Placeholder::parse("mail.body", &[]), None);
        assert_eq!(
            Placeholder::parse("extra.Titel", &["Titel".into()]),
            Some(Placeholder::Extra("Titel".into()))
        );
        assert_eq!(Placeholder::parse("extra.Lön", &["Titel".into()]), None);
    }
}
