//! Replaces `{{name}}` in the authors' text by one private-use character before Markdown is
//! parsed. Markdown treats it as a letter and cannot split the name, and no personal data is
//! ever parsed as Markdown.

use super::faults::Faults;
use crate::domain::diagnostic::closest_match;
use crate::render::compiled_text::{CompiledText, Escape};
use crate::render::email::names::{NAMES, Placeholder};

/// The first private-use character; the n-th stands for the n-th placeholder.
const FIRST: u32 = 0xF0000;
/// The last one.
const LAST: u32 = 0xFFFFD;

/// Maximum distance from `{{` to `}}`, in bytes.
const LONGEST_TAG: usize = 200;

/// A text in which every placeholder is one character.
#[derive(Debug)]
pub(crate) struct MaskedText {
    pub(super) text: String,
    holes: Vec<Placeholder>,
    /// Where each placeholder ends: in the masked text, and in the source.
    ends: Vec<(usize, usize)>,
}

impl MaskedText {
    /// The placeholder of a character.
    pub(super) fn hole(&self, c: char) -> Option<&Placeholder> {
        let index = u32::from(c).checked_sub(FIRST)?;
        self.holes.get(index as usize)
    }

    /// The source offset of an offset in the masked text.
    pub(super) fn original(&self, offset: usize) -> usize {
        let after = self.ends.partition_point(|&(masked, _)| masked <= offset);
        match after.checked_sub(1).map(|i| self.ends[i]) {
            Some((masked, original)) => original + (offset - masked),
            None => offset,
        }
    }

    /// Appends a part of the masked text to compiled text.
    pub(super) fn unmask(&self, masked: &str, escape: Escape, out: &mut CompiledText) {
        let mut rest = masked;
        while let Some(at) = rest.find(is_private) {
            out.push_escaped(&rest[..at], escape);
            let c = rest[at..].chars().next().unwrap_or_default();
            // A private-use character written as an entity may stand for no placeholder.
            if let Some(name) = self.hole(c) {
                out.push_slot(name.clone(), escape);
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.push_escaped(rest, escape);
    }
}

fn is_private(c: char) -> bool {
    (FIRST..=LAST).contains(&u32::from(c))
}

/// Masks every placeholder; anything malformed is an error.
pub(super) fn mask(source: &str, kept_columns: &[String], faults: &mut Faults<'_>) -> MaskedText {
    let mut masked =
        MaskedText { text: String::with_capacity(source.len()), holes: Vec::new(), ends: Vec::new() };
    if let Some(at) = source.find(is_private) {
        faults.error("private-character", at, "found a character of the private use area", "delete it");
    }
    let mut done = 0;
    while let Some(found) = source[done..].find("{{") {
        let start = done + found;
        masked.text.extend(source[done..start].chars().filter(|&c| !is_private(c)));
        let tag = PlaceholderTag::read(&source[start..]);
        done = start + tag.length;
        if is_escaped(source, start) {
            masked.text.push_str(&source[start..done]);
            continue;
        }
        let name = tag.name(start, kept_columns, faults);
        let index = FIRST + masked.holes.len() as u32;
        let Some(c) = char::from_u32(index).filter(|_| index <= LAST) else {
            faults.error("too-long", start, "more than 65,534 placeholders", "shorten the text");
            break;
        };
        masked.text.push(c);
        masked.holes.push(name);
        masked.ends.push((masked.text.len(), done));
    }
    masked.text.extend(source[done..].chars().filter(|&c| !is_private(c)));
    masked
}

/// Whether the brace follows an odd number of backslashes and so is a literal brace.
fn is_escaped(source: &str, at: usize) -> bool {
    source[..at].bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1
}

/// The content between the braces.
struct PlaceholderTag<'a> {
    inside: Option<&'a str>,
    length: usize,
}

impl<'a> PlaceholderTag<'a> {
    /// Reads from `{{` to `}}` on the same line, within the maximum length of a name.
    fn read(source: &'a str) -> PlaceholderTag<'a> {
        let mut end = source.len().min(LONGEST_TAG);
        while !source.is_char_boundary(end) {
            end -= 1;
        }
        let line = source[..end].split('\n').next().unwrap_or_default();
        match line.find("}}") {
            // `{{ {{x}}`: the first is never closed.
            Some(end) if line[2..end].contains("{{") => PlaceholderTag { inside: None, length: 2 },
            Some(end) => {
                // `{{{x}}}` ends one brace later.
                let end = if line[end + 2..].starts_with('}') { end + 1 } else { end };
                PlaceholderTag { inside: Some(&line[2..end]), length: end + 2 }
            }
            None => PlaceholderTag { inside: None, length: 2 },
        }
    }

    /// The name; an error and a harmless substitute if there is none.
    fn name(&self, at: usize, kept_columns: &[String], faults: &mut Faults<'_>) -> Placeholder {
        let harmless = Placeholder::Field(crate::render::email::names::Field::StepTitle);
        let Some(inside) = self.inside else {
            faults.error(
                "open-placeholder",
                at,
                "a placeholder that begins with `{{` but does not end with `}}` on the same line",
                "write `{{person.first_name}}`; a brace that is only a brace is written `\\{`",
            );
            return harmless;
        };
        let text = inside.trim();
        if text.starts_with(['{', '&']) {
            let found = format!("`{{{{{inside}}}}}` would go into the mail unescaped");
            faults.error("raw-placeholder", at, &found, "write it with two braces: `{{person.first_name}}`");
        } else if text.starts_with(['#', '/', '^', '>', '!', '*', '~']) || text == "else" {
            let found = format!("`{{{{{inside}}}}}` is a block, and blocks belong to templates");
            let hint = "write a variant of the step for that character or language instead";
            faults.error("block-in-markdown", at, &found, hint);
        } else if let Some(name) = Placeholder::parse(text, kept_columns) {
            return name;
        } else {
            let (found, hint) = unknown(text, kept_columns);
            faults.error("unknown-name", at, &found, &hint);
        }
        harmless
    }
}

/// The message and the hint for an unknown name.
fn unknown(text: &str, kept_columns: &[String]) -> (String, String) {
    if NAMES.iter().any(|entry| entry.name == text) {
        let hint = "placeholders of the mail template cannot be used in a step";
        return (format!("`{text}` is a name for templates only"), hint.to_owned());
    }
    let extras: Vec<String> = kept_columns.iter().map(|column| format!("extra.{column}")).collect();
    let names = NAMES.iter().filter(|entry| entry.in_markdown()).map(|entry| entry.name);
    let allowed = names.chain(extras.iter().map(String::as_str));
    let hint = match (closest_match(text, allowed), text.strip_prefix("extra.")) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(column)) => {
            format!("only columns kept on purpose can be used: add `{column}` to `[people] keep`")
        }
        (None, None) => "the names are `person.…`, `step.…`, `journey.title`, `character.name`, \
             `programme.title`, `organisation`, `link.…` and `extra.<column>`"
            .to_owned(),
    };
    (format!("unknown placeholder `{text}`"), hint)
}
