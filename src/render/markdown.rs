//! Compiles Markdown to HTML and plain text, once per step, character and language.
//! Placeholders are masked before parsing and become slots in the output. Not a general
//! Markdown renderer: what a mail cannot contain is an error with its location.

mod link;
mod marks;
mod plain_writer;
mod shape;

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::faults::Faults;
use super::placeholder::{MaskedText, mask};
use super::plain::{Block, Flow};
use crate::render::compiled_text::{CompiledText, Escape};
use crate::render::email::style_lint;
use link::OpenLink;
use plain_writer::{Container, PlainWriter, Spacing};
use shape::{heading, is_button, task};

/// Longer sources are refused before parsing.
const LONGEST_SOURCE: usize = 200_000;
/// Maximum length of the HTML.
const MAX_HTML: usize = 100_000;
/// Maximum nesting of quotations and lists.
const DEEPEST_BLOCKS: usize = 8;
/// Maximum nesting of emphasis.
const DEEPEST_SPANS: usize = 16;

/// Wraps a link to the answer page that is alone in its paragraph: a table cell, because
/// that works as a button in every mail client. The layout styles it.
pub(super) const BUTTON_BEFORE: &str = "<table role=\"presentation\" class=\"button\" border=\"0\" cellpadding=\"0\" \
                             cellspacing=\"0\"><tr><td>";
pub(super) const BUTTON_AFTER: &str = "</td></tr></table>\n";
/// Wraps a quotation: its bar is on a table cell, because padding works nowhere else in
/// every mail client.
pub(super) const QUOTE_BEFORE: &str = "<table role=\"presentation\" class=\"quotation\" border=\"0\" cellpadding=\"0\" \
                            cellspacing=\"0\"><tr><td><blockquote>\n";
pub(super) const QUOTE_AFTER: &str = "</blockquote></td></tr></table>\n";

/// The compiled text of a step: the part before the task, the task, and the part after it.
/// Without a task all of it is in the first part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body {
    pub(super) before: Section,
    pub(super) task: Section,
    pub(super) after: Section,
    /// Whether it has a button.
    pub(super) has_button: bool,
}

/// A part of the text, as HTML and as plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) html: CompiledText,
    pub(super) text: Vec<Block>,
}

impl Body {
    /// The parts, in order.
    pub(super) fn sections(&self) -> [&Section; 3] {
        [&self.before, &self.task, &self.after]
    }
}

/// Compiles Markdown. Problems are added to `faults`; if one of them is an error, the
/// result must not be used.
pub(super) fn compile(source: &str, kept_columns: &[String], faults: &mut Faults<'_>) -> Body {
    if source.len() > LONGEST_SOURCE {
        let found = format!("{} kB of text, and at most {} kB", source.len() / 1000, LONGEST_SOURCE / 1000);
        faults.error("too-long", 0, &found, "a mail is read in a few minutes: shorten it");
        return Body::default();
    }
    style_lint::check_relative_dates(source, faults);
    let masked = mask(source, kept_columns, faults);
    let events: Vec<LocatedEvent<'_>> =
        Parser::new_ext(&masked.text, Options::empty()).into_offset_iter().collect();
    marks::check(&masked.text, &events, |at| masked.original(at), faults);
    let body = MarkdownCompiler::new(&masked, faults).run(&events);
    style_lint::check_readability(body.sections().into_iter().flat_map(|section| &section.text), faults);
    body
}

/// A parser event and its range in the masked text.
type LocatedEvent<'e> = (Event<'e>, Range<usize>);

struct MarkdownCompiler<'m, 'f, 's> {
    masked: &'m MaskedText,
    faults: &'f mut Faults<'s>,
    body: Body,
    /// The part that is being written.
    section: Section,
    /// Length of the HTML so far.
    written: usize,
    plain: PlainWriter,
    link: Option<OpenLink>,
    spans: usize,
    heading: usize,
    in_button: bool,
    /// Nesting depth of images, whose content is not written.
    images: usize,
    /// Too many errors: nothing more is reported.
    stopped: bool,
}

impl<'m, 'f, 's> MarkdownCompiler<'m, 'f, 's> {
    fn new(masked: &'m MaskedText, faults: &'f mut Faults<'s>) -> MarkdownCompiler<'m, 'f, 's> {
        MarkdownCompiler {
            masked,
            faults,
            body: Body::default(),
            section: Section::default(),
            written: 0,
            plain: PlainWriter::default(),
            link: None,
            spans: 0,
            heading: 1,
            in_button: false,
            images: 0,
            stopped: false,
        }
    }

    fn run(mut self, events: &[LocatedEvent<'_>]) -> Body {
        let task = task(events);
        for (i, (event, range)) in events.iter().enumerate() {
            let at = self.masked.original(range.start);
            if task.as_ref().is_some_and(|task| task.start == i) {
                self.body.before = std::mem::take(&mut self.section);
            }
            self.event(event, &events[i + 1..], at);
            if task.as_ref().is_some_and(|task| task.end == i) {
                self.body.task = std::mem::take(&mut self.section);
            }
            if self.written > MAX_HTML {
                let found = format!("more than {} kB of HTML", MAX_HTML / 1000);
                self.stop("too-long", at, &found, "a mail is read in a few minutes: shorten it");
            }
            if self.stopped {
                return Body::default();
            }
        }
        match task {
            Some(_) => self.body.after = self.section,
            None => self.body.before = self.section,
        }
        self.body
    }

    fn event(&mut self, event: &Event<'_>, after: &[LocatedEvent<'_>], at: usize) {
        match event {
            Event::Start(tag) => self.start(tag, after, at),
            Event::End(tag) => self.end(*tag),
            Event::Text(text) => self.text(text),
            Event::Code(code) => {
                self.html("<code>");
                self.text(code);
                self.html("</code>");
            }
            Event::SoftBreak => self.line_break("\n", " "),
            Event::HardBreak => self.line_break("<br>\n", "\n"),
            Event::Rule => {
                self.html("<hr>\n");
                self.plain.line.push_str("* * *");
                self.flush(Flow::Verbatim, Spacing::Loose);
            }
            Event::InlineHtml(found) => self.raw_html(found, at),
            // The lines of a block that `Start(HtmlBlock)` has refused.
            Event::Html(_) => {}
            // Extensions of CommonMark, all disabled.
            Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, after: &[LocatedEvent<'_>], at: usize) {
        match tag {
            Tag::Paragraph => {
                self.in_button = is_button(after, self.masked);
                self.body.has_button |= self.in_button;
                self.html(if self.in_button { BUTTON_BEFORE } else { "<p>" });
            }
            Tag::Heading { level, .. } => self.start_heading(*level, at),
            Tag::BlockQuote(_) => {
                self.flush(Flow::Wrapped, Spacing::Tight);
                self.html(QUOTE_BEFORE);
                self.enter(Container::Quote { fresh: true }, at);
            }
            Tag::List(first) => self.start_list(*first, at),
            Tag::Item => self.start_item(),
            Tag::CodeBlock(_) => {
                self.flush(Flow::Wrapped, Spacing::Tight);
                self.plain.in_code = true;
                self.html("<pre><code>");
            }
            Tag::HtmlBlock => {
                let first = after.first().map(|(event, _)| event);
                let line = if let Some(Event::Html(html)) = first { html.lines().next() } else { None };
                self.raw_html(line.unwrap_or_default(), at);
            }
            Tag::Emphasis => self.start_span("<em>", at),
            Tag::Strong => self.start_span("<strong>", at),
            Tag::Link { link_type, dest_url, .. } => self.start_link(*link_type, dest_url, at),
            Tag::Image { dest_url, .. } => self.start_image(dest_url, after, at),
            // Extensions of CommonMark, all disabled.
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => {
                self.html(if self.in_button { BUTTON_AFTER } else { "</p>\n" });
                self.flush(Flow::Wrapped, Spacing::Loose);
            }
            TagEnd::Heading(level) => {
                self.html(&format!("</{}>\n", heading(level)));
                self.flush(Flow::Wrapped, Spacing::Loose);
            }
            TagEnd::BlockQuote(_) => {
                self.html(QUOTE_AFTER);
                self.plain.containers.pop();
            }
            TagEnd::List(ordered) => {
                self.html(if ordered { "</ol>\n" } else { "</ul>\n" });
                self.plain.containers.pop();
            }
            TagEnd::Item => {
                self.flush(Flow::Wrapped, Spacing::Tight);
                self.html("</li>\n");
                self.plain.containers.pop();
            }
            TagEnd::CodeBlock => {
                self.html("</code></pre>\n");
                self.flush(Flow::Verbatim, Spacing::Loose);
                self.plain.in_code = false;
            }
            TagEnd::Emphasis => self.end_span("</em>"),
            TagEnd::Strong => self.end_span("</strong>"),
            TagEnd::Link => self.end_link(),
            TagEnd::Image => self.images = self.images.saturating_sub(1),
            TagEnd::HtmlBlock => {}
            // Extensions of CommonMark, all disabled.
            TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Table
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::TableCell
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn start_heading(&mut self, level: HeadingLevel, at: usize) {
        self.flush(Flow::Wrapped, Spacing::Tight);
        let found = level as usize;
        if found == 1 {
            let hint = "the title of the step is the one heading of that rank: begin with `##`";
            self.faults.warning("heading-order", at, "a heading of the first rank in the text", hint);
        } else if found > self.heading + 1 {
            let message = format!("a heading of rank {found} after one of rank {}", self.heading);
            let hint = format!(
                "write `{}`: people who listen find their way by ranks",
                "#".repeat(self.heading + 1)
            );
            self.faults.warning("heading-order", at, &message, &hint);
        }
        self.heading = found.max(2);
        self.html(&format!("<{}>", heading(level)));
    }

    fn start_list(&mut self, first: Option<u64>, at: usize) {
        self.flush(Flow::Wrapped, Spacing::Tight);
        match first {
            None => self.html("<ul>\n"),
            Some(1) => self.html("<ol>\n"),
            Some(n) => self.html(&format!("<ol start=\"{n}\">\n")),
        }
        self.enter(Container::List { next: first, items: 0 }, at);
    }

    fn start_item(&mut self) {
        self.html("<li>");
        self.plain.start_item();
    }

    fn start_span(&mut self, tag: &str, at: usize) {
        self.spans += 1;
        if self.spans > DEEPEST_SPANS {
            let found = format!("emphasis more than {DEEPEST_SPANS} deep");
            self.stop("too-deep", at, &found, "one stress in a sentence is enough");
        }
        self.html(tag);
    }

    fn end_span(&mut self, tag: &str) {
        self.spans = self.spans.saturating_sub(1);
        self.html(tag);
    }

    fn raw_html(&mut self, found: &str, at: usize) {
        // `</b>` after `<b>` is the same error.
        if found.starts_with("</") && self.faults.any_error() {
            return;
        }
        let shown: String = found.trim().chars().take(40).collect();
        let message = format!("`{shown}` is HTML, and a step is Markdown only");
        self.faults.error("raw-html", at, &message, "a `<` that is only a sign is written `\\<`");
    }

    fn text(&mut self, text: &str) {
        if self.images > 0 {
            return;
        }
        // Entities such as `&#7;` bypass the check of the source.
        let is_direction_control = |c: char| c.is_control() && c != '\n' && c != '\t';
        let text = text.replace('\r', "");
        let text = text.replace(is_direction_control, " ");
        let mut html = CompiledText::default();
        self.masked.unmask(&text, Escape::Html, &mut html);
        self.written += html.literal_len();
        self.section.html.append(html);
        let mut plain = CompiledText::default();
        self.masked.unmask(&text, Escape::Plain, &mut plain);
        match &mut self.link {
            Some(link) if link.bare => {}
            Some(link) => {
                link.text.append(plain.clone());
                self.plain.line.append(plain);
            }
            None => self.plain.line.append(plain),
        }
    }

    fn line_break(&mut self, html: &str, plain: &str) {
        self.html(html);
        self.plain.line.push_str(plain);
        if let Some(link) = &mut self.link {
            link.text.push_str(" ");
        }
    }

    fn html(&mut self, html: &str) {
        if self.images == 0 {
            self.written += html.len();
            self.section.html.push_str(html);
        }
    }

    fn enter(&mut self, container: Container, at: usize) {
        if self.plain.enter(container) > DEEPEST_BLOCKS {
            let found = format!("quotations and lists more than {DEEPEST_BLOCKS} deep");
            self.stop("too-deep", at, &found, "it is hard to read on a phone: use one level");
        }
    }

    fn stop(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        self.faults.error(code, at, found, hint);
        self.stopped = true;
    }

    /// Ends the plain-text block that is being written.
    fn flush(&mut self, flow: Flow, spacing: Spacing) {
        self.section.text.extend(self.plain.end_block(flow, spacing));
    }
}

#[cfg(test)]
mod tests;
