//! The web pages, as HTML. Pure: a page is a function of the templates, a frame and a view.
//! The web server makes the view; texts are in templates, which authors may replace.

mod built_in;
mod check;
mod context;
mod dates;
pub(crate) mod gallery;
mod lint;
pub(super) mod step_text;
mod templates;
#[cfg(test)]
mod tests;
pub(crate) mod views;
mod words;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::Language;
use crate::domain::model::library::{Library, Privacy, Programme};
use crate::render::RenderError;
use crate::render::faults::Faults;
use crate::render::markdown;
use context::{LanguageValues, ProgrammeValues, Values};
use dates::DateNames;
use templates::{Sources, Templates};
use views::{Frame, Page};

/// The compiled page templates of a programme.
#[derive(Debug)]
pub(crate) struct Pages {
    programme: ProgrammeValues,
    languages: BTreeMap<Language, LanguageValues>,
    /// `None` if they have errors.
    templates: Option<Templates>,
    css_name: String,
    css: String,
}

impl Pages {
    /// Compiles the templates of a programme, or the built-in ones; errors are added to
    /// `faults`.
    pub(crate) fn new(library: &Library, faults: &mut Vec<Diagnostic>) -> Pages {
        let sources = Sources::new(library, faults);
        let programme = &library.programme;
        let languages = programme.languages.iter();
        let name_of = |language: &Language| match sources.word(language, "language_name") {
            "" => language.to_string(),
            name => name.to_owned(),
        };
        let mut pages = Pages {
            programme: ProgrammeValues {
                organisation: programme.organisation.clone(),
                languages: languages.clone().map(|language| (language.clone(), name_of(language))).collect(),
            },
            languages: languages
                .map(|language| (language.clone(), language_values(programme, language, &sources, faults)))
                .collect(),
            templates: None,
            css_name: css_name(sources.css),
            css: sources.css.to_owned(),
        };
        let samples = gallery::samples(programme.languages.iter());
        let mut names = std::collections::BTreeSet::new();
        for sample in &samples {
            if let Some(values) = pages.values(&sample.frame, &sample.page) {
                lint::add_names(&values, &mut names);
            }
        }
        let before = faults.len();
        if let Ok(templates) = sources.compile(&names, faults) {
            pages.templates = Some(templates);
            if before == faults.len() {
                check::samples(&pages, &samples, faults);
            }
        }
        pages
    }

    /// A page as HTML.
    pub(crate) fn render(&self, frame: &Frame<'_>, page: &Page<'_>) -> Result<String, RenderError> {
        let invalid =
            |why: &str| RenderError::PageTemplate { template: name(page).to_owned(), why: why.to_owned() };
        let templates = self
            .templates
            .as_ref()
            .ok_or_else(|| invalid("the templates have errors: run `journey check`"))?;
        let mut values = self
            .values(frame, page)
            .ok_or_else(|| invalid(&format!("the programme has no language `{}`", frame.language)))?;
        let title = templates.render(frame.language, &title(page), &values)?;
        set(&mut values, "title", &title);
        let body = templates.render(frame.language, name(page), &values)?;
        set(&mut values, "body", &body);
        let html = templates.render(frame.language, "layout", &values)?;
        Ok(tidy(&html))
    }

    /// The style sheet: a name that changes with the text, and the text.
    pub(crate) fn css(&self) -> (&str, &str) {
        (&self.css_name, &self.css)
    }

    fn values(&self, frame: &Frame<'_>, page: &Page<'_>) -> Option<Value> {
        let own = self.languages.get(frame.language)?;
        Some(Values { own, programme: &self.programme, frame }.of(page))
    }
}

/// The template of a page.
fn name(page: &Page<'_>) -> &'static str {
    match page {
        Page::Answer(_) => "answer",
        Page::Answered(_) => "answered",
        Page::ConfirmRemove(_) => "confirm-remove",
        Page::Saved(_) => "saved",
        Page::Removed { .. } => "removed",
        Page::ConfirmRead { .. } => "confirm-read",
        Page::ReadRequested(_) => "read-requested",
        Page::Mine(_) => "mine",
        Page::ConfirmRemoveAll(_) => "confirm-remove-all",
        Page::RemovedAll { .. } => "removed-all",
        Page::Pause(_) => "pause",
        Page::ConfirmPause { .. } => "confirm-pause",
        Page::Paused { .. } => "paused",
        Page::Resumed => "resumed",
        Page::Character(_) => "character",
        Page::ConfirmCharacter { .. } => "confirm-character",
        Page::CharacterChosen { .. } => "character-chosen",
        Page::Journey(_) => "journey",
        Page::Web(_) => "web",
        Page::Privacy(_) => "privacy",
        Page::Accessibility { .. } => "accessibility",
        Page::BadLink { .. } => "bad-link",
        Page::LinkRequested => "link-requested",
        Page::Error(_) => "error",
    }
}

/// The text with the title of a page.
fn title(page: &Page<'_>) -> String {
    match page {
        Page::Error(page) => match page.status {
            status @ (400 | 403 | 404 | 405 | 413 | 414 | 415 | 421 | 422 | 429 | 503) => {
                format!("title_error_{status}")
            }
            _ => "title_error_500".to_owned(),
        },
        page => format!("title_{}", name(page).replace('-', "_")),
    }
}

fn set(values: &mut Value, name: &str, html: &str) {
    if let Some(page) = values.get_mut("page").and_then(Value::as_object_mut) {
        page.insert(name.to_owned(), Value::String(html.trim_end().to_owned()));
    }
}

/// Without the empty lines that parts leave; the content of a text area stays as it is.
fn tidy(html: &str) -> String {
    let mut tidy = String::with_capacity(html.len());
    let mut in_text = false;
    for line in html.split_inclusive('\n') {
        if in_text || !line.trim().is_empty() {
            tidy.push_str(line);
        }
        in_text = match (line.rfind("<textarea"), line.rfind("</textarea>")) {
            (Some(begin), Some(end)) => begin > end,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => in_text,
        };
    }
    tidy
}

fn language_values(
    programme: &Programme,
    language: &Language,
    sources: &Sources<'_>,
    faults: &mut Vec<Diagnostic>,
) -> LanguageValues {
    let own = programme.translations.get(language);
    let or_first = |own: Option<&String>, first: &String| own.unwrap_or(first).clone();
    let word = |key: &str| sources.word(language, key);
    let dates = DateNames::new(word("months"), word("weekdays")).unwrap_or_else(|| {
        let found = "`months` has twelve names and `weekdays` seven";
        let place = Location::file(format!("templates/page/words.{language}.txt.hbs"));
        faults.push(Diagnostic::error("words-dates", place, found).hint("write them with spaces between"));
        DateNames::default()
    });
    LanguageValues {
        programme_title: or_first(own.and_then(|own| own.title.as_ref()), &programme.title),
        privacy: Privacy {
            contact: None,
            purpose: or_first(own.and_then(|own| own.purpose.as_ref()), &programme.privacy.purpose),
            legal_basis: or_first(
                own.and_then(|own| own.legal_basis.as_ref()),
                &programme.privacy.legal_basis,
            ),
            visible_to: or_first(own.and_then(|own| own.visible_to.as_ref()), &programme.privacy.visible_to),
            retention: or_first(own.and_then(|own| own.retention.as_ref()), &programme.privacy.retention),
        },
        dates,
        done: ["done_legend", "done_1", "done_2", "done_3"].map(|key| word(key).to_owned()),
        note: word("note_text").to_owned(),
        statement: statement(sources.statement(language), faults),
    }
}

/// The accessibility statement as HTML.
fn statement((file, text): (&str, &str), faults: &mut Vec<Diagnostic>) -> String {
    let mut found = Faults::in_text(file, text, 1);
    let body = markdown::compile(text, &[], &mut found);
    let html = step_text::fixed(&body);
    if html.is_none() && !found.any_error() {
        let hint = "write it the same for everyone";
        found.error("placeholder-in-statement", 0, "a placeholder in the accessibility statement", hint);
    }
    // The built-in ones have no file.
    if !file.is_empty() {
        faults.extend(found.into_found());
    }
    html.unwrap_or_default()
}

/// A short name that changes with the text: FNV-1a, because it only has to differ between
/// versions.
fn css_name(css: &str) -> String {
    let hash = css.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
