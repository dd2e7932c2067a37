//! The text of a step as HTML of a page: the same text as in the mail, without the tables
//! that mail clients need.

use super::views::WebText;
use crate::render::RenderError;
use crate::render::compiled_text::CompiledText;
use crate::render::email::values::RenderValues;
use crate::render::markdown::{self, Body};

/// What a mail needs, and what a page has instead. Other sites get no address of the page.
const INSTEAD: [(&str, &str); 5] = [
    (markdown::BUTTON_BEFORE, "<p class=\"button\">"),
    (markdown::BUTTON_AFTER, "</p>\n"),
    (markdown::QUOTE_BEFORE, "<blockquote>\n"),
    (markdown::QUOTE_AFTER, "</blockquote>\n"),
    ("<a href=", "<a rel=\"noreferrer\" href="),
];

/// The three parts of a text for one person.
pub(in crate::render) fn html(body: &Body, values: &RenderValues<'_>) -> Result<WebText, RenderError> {
    let [before, task, after] = body.sections();
    Ok(WebText {
        before: part(&before.html, values)?,
        task: part(&task.html, values)?,
        after: part(&after.html, values)?,
    })
}

/// A text without placeholders, such as the accessibility statement; `None` if it has some.
pub(super) fn fixed(body: &Body) -> Option<String> {
    let parts = body.sections().map(|section| section.html.as_literal());
    parts.into_iter().map(|part| part.map(for_page)).collect()
}

fn part(text: &CompiledText, values: &RenderValues<'_>) -> Result<String, RenderError> {
    let mut html = String::new();
    text.fill(values, &mut html)?;
    Ok(for_page(&html))
}

fn for_page(html: &str) -> String {
    INSTEAD.iter().fold(html.to_owned(), |html, (in_mail, on_page)| html.replace(in_mail, on_page))
}
