//! The values of the names for one recipient, made safe for any context.

use std::borrow::Cow;

use super::context::StepText;
use super::names::{Field, Placeholder};
use crate::domain::model::person::Person;
use crate::render::ReaderLinks;

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
        // Who has one name only is called by it, whichever column it is in.
        let (first_name, last_name) = match person.first_name.trim() {
            "" => (&person.last_name, ""),
            _ => (&person.first_name, &*person.last_name),
        };
        RenderValues {
            words,
            links,
            person,
            first_name: clean(first_name),
            last_name: clean(last_name),
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

    #[test]
    fn values_never_have_line_breaks_or_direction_marks() {
        assert_eq!(clean("Eva\r\nBcc: a@b.se"), "Eva Bcc: a@b.se");
        assert_eq!(clean("  Eva \u{0} \u{202e} Ek\u{2028}"), "Eva Ek");
        assert_eq!(clean("\t\r\n"), "");
        assert!(matches!(clean("Åsa Ek"), Cow::Borrowed(_)));
    }
}
