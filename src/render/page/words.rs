//! The texts of the pages: a file per language with `key = text`, one a line. A programme's own
//! file replaces single texts; the others are the built-in ones.

use std::collections::BTreeMap;

use crate::domain::diagnostic::{Diagnostic, Location};
use crate::render::compiled_text::escape_html;

/// The sentences that say who can read a text; a programme cannot change them.
pub(super) const FIXED: &str = "who_reads_";

/// A text and its place.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a str,
    pub(super) line: u32,
}

/// The texts of a language, by key.
pub(super) type Words<'a> = BTreeMap<&'a str, Word<'a>>;

/// Reads a file. Lines that are not texts are errors.
pub(super) fn read<'a>(file: &'a str, text: &'a str, faults: &mut Vec<Diagnostic>) -> Words<'a> {
    let mut words = Words::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((key, text)) = line.split_once('=').map(|(key, text)| (key.trim(), text.trim())) else {
            let fault =
                Diagnostic::error("words-line", Location::at(file, number, 1), "a line without `key = text`");
            faults
                .push(fault.hint("write one text a line, like `button_save = Spara`; `#` begins a comment"));
            continue;
        };
        if words.insert(key, Word { text, file, line: number }).is_some() {
            let place = Location::at(file, number, 1);
            faults.push(Diagnostic::error("words-twice", place, format!("`{key}` is written twice")));
        }
    }
    words
}

/// A programme's texts over the built-in ones. Texts that no page uses, and those that are
/// fixed, are errors.
pub(super) fn replace<'a>(built_in: &Words<'a>, own: Words<'a>, faults: &mut Vec<Diagnostic>) -> Words<'a> {
    let mut words = built_in.clone();
    for (key, word) in own {
        let place = Location::at(word.file, word.line, 1);
        if key.starts_with(FIXED) {
            let found = format!("`{key}` cannot be replaced: it says who can read an answer");
            faults.push(Diagnostic::error("words-fixed", place, found).hint("delete the line"));
        } else if !built_in.contains_key(key) {
            let found = format!("no page uses the text `{key}`");
            let near = crate::domain::diagnostic::closest_match(key, built_in.keys().copied());
            let hint = near.map_or("`docs/authoring.md` lists the texts".to_owned(), |near| {
                format!("did you mean `{near}`?")
            });
            faults.push(Diagnostic::error("words-unknown", place, found).hint(hint));
        } else {
            words.insert(key, word);
        }
    }
    words
}

/// A text as a template: everything outside the braces is escaped.
pub(super) fn template(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once("{{") {
        let (tag, after) = tag.split_once("}}").unwrap_or((tag, ""));
        html.push_str(&escape_html(before));
        html.push_str("{{");
        html.push_str(tag);
        html.push_str("}}");
        rest = after;
    }
    html.push_str(&escape_html(rest));
    html
}
