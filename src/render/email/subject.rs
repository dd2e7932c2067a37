//! Subject and preheader: single lines, filled like the body, within the limits of mail
//! clients and relays.

use super::context::Values;
use crate::render::RenderFault;
use crate::render::compiled_text::{Escape, Pieces};
use crate::render::email::style_lint;
use crate::render::faults::Faults;
use crate::render::placeholder::mask;

/// Maximum length of a subject, in characters.
const LONGEST: usize = 150;
/// Maximum length of a word, in characters: headers are folded at spaces.
const LONGEST_WORD: usize = 60;

/// Compiles a line.
pub(crate) fn prepare(source: &str, kept_columns: &[String], faults: &mut Faults<'_>) -> Pieces {
    style_lint::check_days(source, faults);
    if source.chars().any(super::context::breaks) {
        let found = "a line break or another control character in a line of its own";
        faults.error("control-character", 0, found, "write it on one line");
    }
    let masked = mask(source, kept_columns, faults);
    let mut pieces = Pieces::default();
    masked.unmask(&masked.text.replace("\\{", "{"), Escape::Plain, &mut pieces);
    for word in pieces.ready().flat_map(str::split_whitespace) {
        if word.chars().count() > LONGEST_WORD {
            let found = format!("a word of {} characters, and at most {LONGEST_WORD}", word.chars().count());
            faults.error("long-word", 0, &found, "some relays cannot carry it: write shorter words");
        }
    }
    pieces
}

/// The line for one recipient, with single spaces.
pub(crate) fn fill(line: &Pieces, values: &Values<'_>) -> Result<String, RenderFault> {
    let mut filled = String::with_capacity(line.ready_len() + 32);
    line.fill(values, &mut filled)?;
    for name in line.names() {
        let value = values.get(name);
        if value.split(' ').any(|word| word.chars().count() > LONGEST_WORD) {
            return Err(RenderFault::LongWord { name: name.to_string() });
        }
    }
    if filled.contains("  ") || filled.starts_with(' ') || filled.ends_with(' ') {
        filled = filled.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    Ok(filled)
}

/// Whether the line is a valid subject.
pub(crate) fn check(subject: &str) -> Result<(), RenderFault> {
    let length = subject.chars().count();
    if length == 0 {
        Err(RenderFault::Subject { why: "is empty".into() })
    } else if length > LONGEST {
        Err(RenderFault::Subject {
            why: format!("has {length} characters, and at most {LONGEST} are allowed"),
        })
    } else if subject.contains("=?") {
        Err(RenderFault::Subject { why: "has `=?` in it, which mail programs take for a code".into() })
    } else if subject.chars().any(super::context::breaks) {
        Err(RenderFault::Subject { why: "has a control character in it".into() })
    } else {
        Ok(())
    }
}
