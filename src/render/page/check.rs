//! Renders every page with sample values, and checks that nothing which protects people is
//! missing from it.

use super::gallery::Sample;
use super::views::Page;
use super::{Pages, name};
use crate::domain::diagnostic::{Diagnostic, Location};

/// Errors of the pages of a programme.
pub(super) fn samples(pages: &Pages, samples: &[Sample<'_>], faults: &mut Vec<Diagnostic>) {
    for sample in samples {
        let file = |template: &str| Location::file(format!("templates/page/{template}.html.hbs"));
        let mut fault = |found: Diagnostic| {
            if !faults.contains(&found) {
                faults.push(found);
            }
        };
        match pages.render(&sample.frame, &sample.page) {
            Err(error) => {
                let found = format!("the page cannot be written: {error}");
                fault(Diagnostic::error("page", file(name(&sample.page)), found));
            }
            Ok(html) => {
                for (template, what, hint) in missing(pages, sample, &html) {
                    let found = format!("{what} is missing from the page");
                    fault(Diagnostic::error("page-incomplete", file(template), found).hint(hint));
                }
            }
        }
    }
}

/// What is missing: the template that should have it, what it is, and what to write.
fn missing(
    pages: &Pages,
    sample: &Sample<'_>,
    html: &str,
) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut missing = Vec::new();
    if !first_form(html).contains("name=\"lang\"") {
        missing.push(("layout", "the language switch", "write `{{> language}}` before the page"));
    }
    if !html.contains(&format!("href=\"{}\"", sample.frame.links.privacy)) {
        missing.push(("layout", "the link to the privacy text", "write a link to `{{link.privacy}}`"));
    }
    let template = name(&sample.page);
    if sample.page.has_form() && !html.contains("name=\"f\"") {
        missing.push((template, "the form token", "write `{{> form}}` inside the form"));
    }
    if let Page::Answer(page) = &sample.page {
        let templates = pages.templates.as_ref();
        let sentence = |key: &str| templates.and_then(|t| t.render(sample.frame.language, key, &()).ok());
        for question in &page.questions {
            let who = question.form.read_by().and_then(|read_by| sentence(read_by.sentence()));
            if who.is_some_and(|sentence| !html.contains(&sentence)) {
                missing.push((
                    "question",
                    "who can read the answer",
                    "write `{{> who_reads_me}}` as in the built-in template",
                ));
            }
        }
    }
    missing
}

/// The first form in source order.
fn first_form(html: &str) -> &str {
    let form = html.split("<form").nth(1).unwrap_or_default();
    form.split("</form>").next().unwrap_or_default()
}
