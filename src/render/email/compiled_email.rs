//! Compiled emails: layout, text and styles of a step combined once per character and
//! language, so that a mail only needs its slots filled.

use super::context::{MailContext, Values, Words};
use crate::domain::model::ids::Language;
use crate::render::compiled_text::{Escape, Pieces};
use crate::render::markdown::{Body, Section};
use crate::render::plain::{self, Block};
use crate::render::sentinels::{Marks, Unpaired};
use crate::render::templates::{self, Format, Templates};
use crate::render::{RenderFault, styles};

/// In the plain text of a layout these stand for the whole text of the step, the part
/// before its task, the task, and the part after it.
const PLACES: [char; 4] = ['\u{10FF10}', '\u{10FF11}', '\u{10FF12}', '\u{10FF13}'];

/// Which mail of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The recipient's first mail of the journey, which explains itself.
    First,
    /// Any other first round.
    Mail,
    /// A later round of the same step.
    Reminder,
}

/// A compiled mail.
#[derive(Debug)]
pub(crate) struct Page {
    subject: Pieces,
    html: Pieces,
    text: Vec<TextPart>,
}

/// A part of the plain text.
#[derive(Debug)]
enum TextPart {
    /// Text from the layout.
    Layout(Pieces),
    /// The text of the step.
    Words(Vec<Block>),
}

/// The inputs for compiling a mail.
pub(crate) struct Material<'a> {
    pub(crate) language: &'a Language,
    pub(crate) words: Words<'a>,
    pub(crate) subject: &'a Pieces,
    pub(crate) preheader: &'a Pieces,
    pub(crate) body: &'a Body,
    pub(crate) occasion: Occasion,
}

impl Page {
    /// Compiles a mail.
    pub(crate) fn new(templates: &Templates, material: &Material<'_>) -> Result<Page, RenderFault> {
        let subject = subject(templates, material)?;
        let html = html(templates, material, &subject)?;
        let text = text(templates, material, &subject)?;
        Ok(Page { subject, html, text })
    }

    /// The subject with its slots.
    pub(crate) fn subject(&self) -> &Pieces {
        &self.subject
    }

    /// Fails if a value is missing.
    pub(crate) fn check(&self, values: &Values<'_>) -> Result<(), RenderFault> {
        self.html.check(values)?;
        self.text.iter().try_for_each(|part| match part {
            TextPart::Layout(pieces) => pieces.check(values),
            TextPart::Words(blocks) => blocks.iter().try_for_each(|block| block.words.check(values)),
        })
    }

    /// The HTML for one recipient.
    pub(crate) fn html(&self, values: &Values<'_>) -> Result<String, RenderFault> {
        let mut html = String::with_capacity(self.html.ready_len() + 2_000);
        self.html.fill(values, &mut html)?;
        Ok(html)
    }

    /// The plain text for one recipient.
    pub(crate) fn text(&self, values: &Values<'_>) -> Result<String, RenderFault> {
        let mut text = String::with_capacity(4_000);
        let mut around = String::new();
        for part in &self.text {
            match part {
                TextPart::Layout(pieces) => {
                    around.clear();
                    pieces.fill(values, &mut around)?;
                    plain::tidy(&around, &mut text);
                }
                TextPart::Words(blocks) => plain::fill(blocks, values, &mut text)?,
            }
        }
        while text.ends_with("\n\n") {
            text.pop();
        }
        Ok(text)
    }
}

/// Compiles the subject; a reminder's comes from a template.
fn subject(templates: &Templates, material: &Material<'_>) -> Result<Pieces, RenderFault> {
    if material.occasion != Occasion::Reminder
        || !templates.has(material.language, templates::SUBJECT_REMINDER)
    {
        return Ok(material.subject.clone());
    }
    let first = templates.marks.mark(material.subject, None);
    let mail = MailContext {
        subject: &first,
        language: material.language.as_str(),
        reminder: true,
        ..MailContext::default()
    };
    let context = material.words.context(mail);
    let line = templates.render(material.language, Format::Text, templates::SUBJECT_REMINDER, &context)?;
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    templates.marks.unmarked(&line, Format::Text).map_err(unpaired(templates::SUBJECT_REMINDER))
}

fn html(templates: &Templates, material: &Material<'_>, subject: &Pieces) -> Result<Pieces, RenderFault> {
    let marks = &templates.marks;
    let sections = material.body.sections().map(|section| marks.mark(&section.html, None));
    let [before, task, after] = sections.each_ref().map(|html| html.trim_end());
    let body = sections.concat();
    let mail = MailContext {
        subject: &marks.mark(subject, Some(Escape::Html)),
        preheader: &marks.mark(material.preheader, Some(Escape::Html)),
        body: body.trim_end(),
        before,
        task,
        after,
        ..mail_context(material)
    };
    let context = material.words.context(mail);
    let page = templates.render(material.language, Format::Html, templates::LAYOUT, &context)?;
    let styled = styles::inlined(&page)
        .map_err(|why| RenderFault::Template { template: templates::LAYOUT.to_owned(), why })?;
    // Inlining must not drop a conditional part that stands in a style sheet.
    let kept = Marks::conditions(&page) == Marks::conditions(&styled);
    let pieces = if kept { marks.unmarked(&styled, Format::Html) } else { Err(Unpaired) };
    pieces.map_err(unpaired(templates::LAYOUT))
}

fn text(
    templates: &Templates,
    material: &Material<'_>,
    subject: &Pieces,
) -> Result<Vec<TextPart>, RenderFault> {
    let marks = &templates.marks;
    let [whole, before, task, after] = PLACES.map(String::from);
    let there =
        |section: &Section, place: String| if section.text.is_empty() { String::new() } else { place };
    let mail = MailContext {
        subject: &marks.mark(subject, None),
        preheader: &marks.mark(material.preheader, None),
        text: &whole,
        before: &there(&material.body.before, before),
        task: &there(&material.body.task, task),
        after: &there(&material.body.after, after),
        ..mail_context(material)
    };
    let context = material.words.context(mail);
    let mut rest: &str = &templates.render(material.language, Format::Text, templates::LAYOUT, &context)?;
    let mut parts = Vec::new();
    let layout = |text: &str| {
        marks.unmarked(text, Format::Text).map(TextPart::Layout).map_err(unpaired(templates::LAYOUT))
    };
    while let Some(at) = rest.find(PLACES) {
        parts.push(layout(&rest[..at])?);
        let place = rest[at..].chars().next().unwrap_or_default();
        rest = &rest[at + place.len_utf8()..];
        rest = rest.strip_prefix('\n').unwrap_or(rest);
        let [before, task, after] = material.body.sections();
        let sections = match PLACES.iter().position(|p| *p == place) {
            Some(1) => vec![before],
            Some(2) => vec![task],
            Some(3) => vec![after],
            _ => vec![before, task, after],
        };
        parts.push(TextPart::Words(sections.into_iter().flat_map(|section| section.text.clone()).collect()));
    }
    parts.push(layout(rest)?);
    Ok(parts)
}

/// The values that HTML and plain text share.
fn mail_context<'a>(material: &Material<'a>) -> MailContext<'a> {
    MailContext {
        language: material.language.as_str(),
        kind: material.words.kind_in_words,
        first: material.occasion == Occasion::First,
        reminder: material.occasion == Occasion::Reminder,
        asks: material.words.questions > 0 && !material.body.has_button,
        ..MailContext::default()
    }
}

fn unpaired(template: &str) -> impl Fn(Unpaired) -> RenderFault {
    let template = template.to_owned();
    move |Unpaired| RenderFault::Template {
        template: template.clone(),
        why: "a block that asks about the reader must stand where text may stand, \
              not inside a tag, the title or a style sheet"
            .to_owned(),
    }
}
