//! Compiled emails: layout, text and styles of a step combined once per character and
//! language, so that a mail only needs its slots filled.

use super::context::{MailContext, StepText};
use super::values::RenderValues;
use crate::domain::model::ids::Language;
use crate::render::compiled_text::{CompiledText, Escape};
use crate::render::format::TemplateFormat;
use crate::render::markdown::{Body, Section};
use crate::render::plain::{self, Block};
use crate::render::sentinels::{Sentinels, UnbalancedSentinels};
use crate::render::templates::{self, Templates};
use crate::render::{RenderError, styles};

/// In the plain text of a layout these stand for the whole text of the step, the part
/// before its task, the task, and the part after it.
const BODY_MARKERS: [char; 4] = ['\u{10FF10}', '\u{10FF11}', '\u{10FF12}', '\u{10FF13}'];

/// Which mail of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmailVariant {
    /// The recipient's first mail of the journey, which explains itself.
    First,
    /// Any other first round.
    Mail,
    /// A later round of the same step.
    Reminder,
}

/// A compiled mail.
#[derive(Debug)]
pub(crate) struct CompiledEmail {
    subject: CompiledText,
    html: CompiledText,
    text: Vec<TextPart>,
}

/// A part of the plain text.
#[derive(Debug)]
enum TextPart {
    /// Text from the layout.
    Layout(CompiledText),
    /// The text of the step.
    StepText(Vec<Block>),
}

/// The inputs for compiling a mail.
pub(crate) struct CompileInput<'a> {
    pub(crate) language: &'a Language,
    pub(crate) words: StepText<'a>,
    pub(crate) subject: &'a CompiledText,
    pub(crate) preheader: &'a CompiledText,
    pub(crate) body: &'a Body,
    pub(crate) email_variant: EmailVariant,
}

impl CompiledEmail {
    /// Compiles a mail.
    pub(crate) fn new(templates: &Templates, input: &CompileInput<'_>) -> Result<CompiledEmail, RenderError> {
        let subject = subject(templates, input)?;
        let html = html(templates, input, &subject)?;
        let text = text(templates, input, &subject)?;
        Ok(CompiledEmail { subject, html, text })
    }

    /// The subject with its slots.
    pub(crate) fn subject(&self) -> &CompiledText {
        &self.subject
    }

    /// Fails if a value is missing.
    pub(crate) fn check(&self, values: &RenderValues<'_>) -> Result<(), RenderError> {
        self.html.check(values)?;
        self.text.iter().try_for_each(|part| match part {
            TextPart::Layout(pieces) => pieces.check(values),
            TextPart::StepText(blocks) => blocks.iter().try_for_each(|block| block.words.check(values)),
        })
    }

    /// The HTML for one recipient.
    pub(crate) fn html(&self, values: &RenderValues<'_>) -> Result<String, RenderError> {
        let mut html = String::with_capacity(self.html.literal_len() + 2_000);
        self.html.fill(values, &mut html)?;
        Ok(html)
    }

    /// The plain text for one recipient.
    pub(crate) fn text(&self, values: &RenderValues<'_>) -> Result<String, RenderError> {
        let mut text = String::with_capacity(4_000);
        let mut around = String::new();
        for part in &self.text {
            match part {
                TextPart::Layout(pieces) => {
                    around.clear();
                    pieces.fill(values, &mut around)?;
                    plain::tidy(&around, &mut text);
                }
                TextPart::StepText(blocks) => plain::fill(blocks, values, &mut text)?,
            }
        }
        while text.ends_with("\n\n") {
            text.pop();
        }
        Ok(text)
    }
}

/// Compiles the subject; a reminder's comes from a template.
fn subject(templates: &Templates, input: &CompileInput<'_>) -> Result<CompiledText, RenderError> {
    if input.email_variant != EmailVariant::Reminder
        || !templates.has(input.language, templates::SUBJECT_REMINDER)
    {
        return Ok(input.subject.clone());
    }
    let first = templates.sentinels.mark(input.subject, None);
    let mail = MailContext {
        subject: &first,
        language: input.language.as_str(),
        reminder: true,
        ..MailContext::default()
    };
    let context = input.words.context(mail);
    let line =
        templates.render(input.language, TemplateFormat::Text, templates::SUBJECT_REMINDER, &context)?;
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    templates.sentinels.parse(&line, TemplateFormat::Text).map_err(unbalanced(templates::SUBJECT_REMINDER))
}

fn html(
    templates: &Templates,
    input: &CompileInput<'_>,
    subject: &CompiledText,
) -> Result<CompiledText, RenderError> {
    let sentinels = &templates.sentinels;
    let sections = input.body.sections().map(|section| sentinels.mark(&section.html, None));
    let [before, task, after] = sections.each_ref().map(|html| html.trim_end());
    let body = sections.concat();
    let mail = MailContext {
        subject: &sentinels.mark(subject, Some(Escape::Html)),
        preheader: &sentinels.mark(input.preheader, Some(Escape::Html)),
        body: body.trim_end(),
        before,
        task,
        after,
        ..mail_context(input)
    };
    let context = input.words.context(mail);
    let page = templates.render(input.language, TemplateFormat::Html, templates::LAYOUT, &context)?;
    let styled = styles::inline_styles(&page)
        .map_err(|why| RenderError::Template { template: templates::LAYOUT.to_owned(), why })?;
    // Inlining must not drop a conditional part that stands in a style sheet.
    let kept = Sentinels::count_blocks(&page) == Sentinels::count_blocks(&styled);
    let pieces = if kept { sentinels.parse(&styled, TemplateFormat::Html) } else { Err(UnbalancedSentinels) };
    pieces.map_err(unbalanced(templates::LAYOUT))
}

fn text(
    templates: &Templates,
    input: &CompileInput<'_>,
    subject: &CompiledText,
) -> Result<Vec<TextPart>, RenderError> {
    let sentinels = &templates.sentinels;
    let [whole, before, task, after] = BODY_MARKERS.map(String::from);
    let there =
        |section: &Section, place: String| if section.text.is_empty() { String::new() } else { place };
    let mail = MailContext {
        subject: &sentinels.mark(subject, None),
        preheader: &sentinels.mark(input.preheader, None),
        text: &whole,
        before: &there(&input.body.before, before),
        task: &there(&input.body.task, task),
        after: &there(&input.body.after, after),
        ..mail_context(input)
    };
    let context = input.words.context(mail);
    let mut rest: &str =
        &templates.render(input.language, TemplateFormat::Text, templates::LAYOUT, &context)?;
    let mut parts = Vec::new();
    let layout = |text: &str| {
        sentinels
            .parse(text, TemplateFormat::Text)
            .map(TextPart::Layout)
            .map_err(unbalanced(templates::LAYOUT))
    };
    while let Some(at) = rest.find(BODY_MARKERS) {
        parts.push(layout(&rest[..at])?);
        let place = rest[at..].chars().next().unwrap_or_default();
        rest = &rest[at + place.len_utf8()..];
        rest = rest.strip_prefix('\n').unwrap_or(rest);
        let [before, task, after] = input.body.sections();
        let sections = match BODY_MARKERS.iter().position(|p| *p == place) {
            Some(1) => vec![before],
            Some(2) => vec![task],
            Some(3) => vec![after],
            _ => vec![before, task, after],
        };
        parts.push(TextPart::StepText(
            sections.into_iter().flat_map(|section| section.text.clone()).collect(),
        ));
    }
    parts.push(layout(rest)?);
    Ok(parts)
}

/// The values that HTML and plain text share.
fn mail_context<'a>(input: &CompileInput<'a>) -> MailContext<'a> {
    MailContext {
        language: input.language.as_str(),
        kind: input.words.kind_name,
        first: input.email_variant == EmailVariant::First,
        reminder: input.email_variant == EmailVariant::Reminder,
        asks: input.words.questions > 0 && !input.body.has_button,
        ..MailContext::default()
    }
}

fn unbalanced(template: &str) -> impl Fn(UnbalancedSentinels) -> RenderError {
    let template = template.to_owned();
    move |UnbalancedSentinels| RenderError::Template {
        template: template.clone(),
        why: "a block that asks about the reader must stand where text may stand, \
              not inside a tag, the title or a style sheet"
            .to_owned(),
    }
}
