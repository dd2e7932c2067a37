//! Recognises headings, the task and buttons in Markdown.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};

use super::LocatedEvent;
use crate::render::email::names::{Field, Placeholder};
use crate::render::placeholder::MaskedText;

/// The HTML element of a heading; the step's title is the only `h1`.
pub(super) fn heading(level: HeadingLevel) -> &'static str {
    match level {
        HeadingLevel::H1 | HeadingLevel::H2 => "h2",
        HeadingLevel::H3 => "h3",
        HeadingLevel::H4 => "h4",
        HeadingLevel::H5 => "h5",
        HeadingLevel::H6 => "h6",
    }
}

/// The task: the last top-level paragraph that starts with bold text and a colon
/// (`**Att göra:** …`). The range of its events.
pub(super) fn task(events: &[LocatedEvent<'_>]) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    let mut last = None;
    for (i, (event, _)) in events.iter().enumerate() {
        match event {
            Event::Start(tag) => {
                if depth == 0 && *tag == Tag::Paragraph && is_labelled(&events[i + 1..]) {
                    last = Some(i);
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let start = last?;
    let end = events[start..].iter().position(|(event, _)| *event == Event::End(TagEnd::Paragraph))?;
    Some(start..start + end)
}

/// Whether a paragraph starts with bold text and a colon.
fn is_labelled(inside: &[LocatedEvent<'_>]) -> bool {
    let Some((Event::Start(Tag::Strong), _)) = inside.first() else { return false };
    let Some(end) = inside.iter().position(|(event, _)| *event == Event::End(TagEnd::Strong)) else {
        return false;
    };
    let said = |event: Option<&LocatedEvent<'_>>| match event {
        Some((Event::Text(text), _)) => text.to_string(),
        _ => String::new(),
    };
    said(inside[..end].last()).ends_with(':') || said(inside.get(end + 1)).starts_with(':')
}

/// Whether the paragraph that starts here is only a link to the answer page.
pub(super) fn is_button(after: &[LocatedEvent<'_>], masked: &MaskedText) -> bool {
    let Some((Event::Start(Tag::Link { dest_url, .. }), _)) = after.first() else { return false };
    let mut dest = dest_url.chars();
    let answers = |c: char| masked.hole(c) == Some(&Placeholder::Field(Field::LinkAnswer));
    if !dest.next().is_some_and(answers) || dest.next().is_some() {
        return false;
    }
    let end = after.iter().position(|(event, _)| matches!(event, Event::End(TagEnd::Link)));
    end.and_then(|end| after.get(end + 1))
        .is_some_and(|(event, _)| matches!(event, Event::End(TagEnd::Paragraph)))
}
