//! Subject and preheader: single lines, filled like the body, within the limits of mail
//! clients and relays.

use super::values::RenderValues;
use crate::render::RenderError;
use crate::render::compiled_text::{CompiledText, Escape};
use crate::render::email::style_lint;
use crate::render::faults::Faults;
use crate::render::placeholder::mask;

/// Maximum length of a subject, in characters.
pub(crate) const MAX_SUBJECT: usize = 150;
/// Values are not shortened below this length, in characters.
const SHORTEST_VALUE: usize = 10;
/// Maximum length of a word of the author, in characters: readers see the beginning only.
const MAX_WORD: usize = 60;

/// Compiles a line.
pub(crate) fn compile(source: &str, kept_columns: &[String], faults: &mut Faults<'_>) -> CompiledText {
    style_lint::check_relative_dates(source, faults);
    if source.chars().any(super::values::is_line_break) {
        let found = "a line break or another control character in a line of its own";
        faults.error("control-character", 0, found, "write it on one line");
    }
    let masked = mask(source, kept_columns, faults);
    let mut pieces = CompiledText::default();
    masked.unmask(&masked.text.replace("\\{", "{"), Escape::Plain, &mut pieces);
    for word in pieces.literals().flat_map(str::split_whitespace) {
        if word.chars().count() > MAX_WORD {
            let found = format!("a word of {} characters, and at most {MAX_WORD}", word.chars().count());
            faults.error("long-word", 0, &found, "some mail servers cannot send it: write shorter words");
        }
    }
    pieces
}

/// The line for one recipient, with single spaces. If it is longer than `most` characters, the
/// longest values are shortened: long names of people and units must not keep a mail back.
pub(crate) fn fill(
    line: &CompiledText,
    values: &RenderValues<'_>,
    most: usize,
) -> Result<String, RenderError> {
    let mut filled = String::with_capacity(line.literal_len() + 32);
    line.fill(values, &mut filled)?;
    let mut longest = 200;
    while filled.chars().count() > most && longest > SHORTEST_VALUE {
        longest -= 5;
        filled.clear();
        line.fill_shortened(values, longest, &mut filled)?;
    }
    if filled.contains("  ") || filled.starts_with(' ') || filled.ends_with(' ') {
        filled = filled.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    Ok(filled)
}

/// Whether the line is a valid subject.
pub(crate) fn check(subject: &str) -> Result<(), RenderError> {
    let length = subject.chars().count();
    if length == 0 {
        Err(RenderError::Subject { why: "is empty".into() })
    } else if length > MAX_SUBJECT {
        Err(RenderError::Subject {
            why: format!("has {length} characters, and at most {MAX_SUBJECT} are allowed"),
        })
    } else if subject.chars().any(super::values::is_line_break) {
        Err(RenderError::Subject { why: "has a control character in it".into() })
    } else {
        Ok(())
    }
}
