//! The texts of the pages: a file per language with `key = text`, one a line. A programme's own
//! file replaces single texts; the others are the built-in ones.

use std::collections::BTreeMap;

use crate::domain::diagnostic::{Diagnostic, Location};
use crate::render::compiled_text::escape_html;
use crate::render::email::style_lint::readability;

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
///
/// `is_translation`: the program has no texts in this language, so the fixed ones are translated, too.
pub(super) fn replace<'a>(
    built_in: &Words<'a>,
    own: Words<'a>,
    is_translation: bool,
    faults: &mut Vec<Diagnostic>,
) -> Words<'a> {
    let mut words = built_in.clone();
    for (key, word) in own {
        let place = Location::at(word.file, word.line, 1);
        if key.starts_with(FIXED) && !is_translation {
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

/// Warns about texts that the program has in English only, and the programme's file does not translate.
pub(super) fn warn_missing(
    language: &str,
    built_in: &Words<'_>,
    own: Option<&Words<'_>>,
    faults: &mut Vec<Diagnostic>,
) {
    let is_missing = |key: &&&str| own.is_none_or(|own| !own.contains_key(**key));
    let missing: Vec<&&str> = built_in.keys().filter(is_missing).collect();
    let Some(first) = missing.first() else { return };
    let place = Location::file(format!("templates/page/words.{language}.txt.hbs"));
    let found = format!(
        "{} of {} texts of the web pages have no translation into `{language}`, and are shown in English: `{first}` …",
        missing.len(),
        built_in.len()
    );
    let hint = "translate `src/render/page/templates/words.en.txt` of the source into this file";
    faults.push(Diagnostic::warning("words-missing", place, found).hint(hint));
}

/// Newspaper text has a LIX of 40 to 50; a page is read in passing.
const MAX_LIX: usize = 40;

/// Warns if a programme's own sentences in a language are hard to read.
pub(super) fn warn_hard_to_read(language: &str, words: &Words<'_>, faults: &mut Vec<Diagnostic>) {
    let Some(lix) = lix(words).filter(|lix| *lix > MAX_LIX) else { return };
    let place = Location::file(format!("templates/page/words.{language}.txt.hbs"));
    let found = format!("the texts of the web pages are hard to read: LIX {lix}");
    let hint = format!("use shorter sentences and words: LIX at most {MAX_LIX}");
    faults.push(Diagnostic::warning("words-hard-to-read", place, found).hint(hint));
}

/// The readability of the sentences; `None` if they are few. A placeholder counts as a short word.
pub(super) fn lix(words: &Words<'_>) -> Option<usize> {
    let sentences = words.values().map(|word| without_tags(word.text)).filter(|text| text.ends_with('.'));
    readability(sentences)
}

/// The text with each tag of a template as one letter.
fn without_tags(text: &str) -> String {
    let mut parts = text.split("{{");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (tag, after) = part.split_once("}}").unwrap_or((part, ""));
        // A block is not text.
        if !tag.starts_with(['#', '/']) && tag != "else" {
            plain.push('x');
        }
        plain.push_str(after);
    }
    plain
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
