//! Finds marks that are meant as Markdown and are none, so that recipients would see them as
//! typed: a link with a blank in its address, a bracket that does not close, `**` beside a blank.

use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use super::LocatedEvent;
use crate::render::faults::Faults;

/// A mark that is not read.
struct Mark {
    /// Offset in the masked text.
    at: usize,
    found: &'static str,
    hint: &'static str,
}

/// Reports such marks. `original` maps an offset in `source`, the masked text, to the author's file.
pub(super) fn check(
    source: &str,
    events: &[LocatedEvent<'_>],
    original: impl Fn(usize) -> usize,
    faults: &mut Faults<'_>,
) {
    for paragraph in paragraphs(events) {
        for Mark { at, found, hint } in marks(source, &paragraph) {
            faults.error("unread-mark", original(at), found, hint);
        }
    }
}

/// The ranges of plain text, not of code, by paragraph.
fn paragraphs(events: &[LocatedEvent<'_>]) -> Vec<Vec<Range<usize>>> {
    let (mut paragraphs, mut ranges, mut in_code) = (Vec::new(), Vec::new(), false);
    for (event, range) in events {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(_) if !in_code => ranges.push(range.clone()),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::Heading(_)) => {
                paragraphs.push(std::mem::take(&mut ranges));
            }
            _ => {}
        }
    }
    paragraphs.push(ranges);
    paragraphs
}

fn marks(source: &str, paragraph: &[Range<usize>]) -> Vec<Mark> {
    // The parser cuts text at brackets and line ends: neighbours belong together.
    let mut runs: Vec<Range<usize>> = Vec::new();
    for range in paragraph {
        match runs.last_mut() {
            Some(last) if source[last.end..range.start].trim().is_empty() => last.end = range.end,
            _ => runs.push(range.clone()),
        }
    }
    let mut marks = Vec::new();
    for run in runs {
        let text = &source[run.clone()];
        let mut add = |at: usize, found, hint| marks.push(Mark { at: run.start + at, found, hint });
        let mut opened = None;
        for (i, c) in text.char_indices() {
            let rest = &text[i..];
            match c {
                '[' => opened = Some(i),
                ']' => {
                    // an escaped bracket opens nothing
                    let Some(opened) = opened.take() else { continue };
                    if rest.starts_with("](") {
                        let hint = "write `[text](address)`, with `%20` for each blank in the address";
                        add(opened, "a link that is not read, because of its address", hint);
                    } else if is_web_address(rest[1..].trim_start().strip_prefix('(')) {
                        let hint = "write `[text](address)` without a blank before `(`";
                        add(opened, "a link that is not read, because of a blank before `(`", hint);
                    }
                }
                '(' if is_web_address(rest.strip_prefix('(')) => {
                    if let Some(opened) = opened.take() {
                        let hint = "write `[text](address)`; for a bracket of your own, write `\\[`";
                        add(opened, "a bracket that does not close before the address", hint);
                    }
                }
                '*' | '_' if is_strong_mark(text, i) => {
                    let found = "`**` or `__` that is not read as bold";
                    add(
                        i,
                        found,
                        "write `**text**` without blanks inside; for a star of your own, write `\\*`",
                    );
                }
                _ => {}
            }
        }
    }
    marks
}

fn is_web_address(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.starts_with("http://") || text.starts_with("https://"))
}

/// Exactly two equal marks beside a letter, as in `** bold**`; a row of them is a line of its own.
fn is_strong_mark(text: &str, at: usize) -> bool {
    let mark = text[at..].chars().next();
    let run = text[at..].chars().take_while(|c| Some(*c) == mark).count();
    let before = text[..at].chars().next_back();
    run == 2 && before != mark && text.chars().any(char::is_alphanumeric)
}
