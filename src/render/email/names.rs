//! The names that authors may use in texts and templates. Names are added only here; the
//! lint, the suggestions and the documentation follow.

use std::fmt;
use std::sync::Arc;

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

    /// Whether it may be empty: some people have one name only.
    pub(crate) fn may_be_empty(&self) -> bool {
        matches!(self, Placeholder::Field(Field::LastName))
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

#[cfg(test)]
mod tests {
    use super::*;

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
