//! The page templates of a programme: its own files over the built-in ones, checked, and
//! compiled to a registry per language.

use std::collections::{BTreeMap, BTreeSet};

use handlebars::{Handlebars, RenderErrorReason};
use serde::Serialize;

use super::built_in;
use super::lint;
use super::words::{self, Word, Words};
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::Language;
use crate::domain::model::library::{Library, TemplateSource};
use crate::render::RenderError;
use crate::render::compiled_text::escape_html;
use crate::render::format::TemplateFormat;
use crate::render::partials::{self, ParsedTemplate};
use crate::render::templates::{parse, put_in_as_html, syntax_fault};

/// The folder of a programme's own files.
pub(super) const FOLDER: &str = "page/";

/// These are HTML already, made by this program.
const HTML: [&str; 7] =
    ["page.title", "page.body", "task", "statement", "text.before", "text.task", "text.after"];

/// The compiled templates, by language.
#[derive(Debug)]
pub(super) struct Templates {
    registries: BTreeMap<Language, Handlebars<'static>>,
}

/// All sources: a programme's own and the built-in ones.
pub(super) struct Sources<'a> {
    /// Name, file and text.
    templates: Vec<(&'a str, &'a str, &'a str)>,
    words: BTreeMap<&'a Language, Words<'a>>,
    pub(super) css: &'a str,
    /// The accessibility statements: language, file and Markdown.
    statements: Vec<(&'a str, &'a str, &'a str)>,
}

impl<'a> Sources<'a> {
    /// Reads the files of a programme. A file with another name is an error.
    pub(super) fn new(library: &'a Library, faults: &mut Vec<Diagnostic>) -> Sources<'a> {
        let built_in = built_in::TEMPLATES.iter().map(|(name, text)| (*name, "", *text));
        let mut templates: Vec<(&str, &str, &str)> = built_in.collect();
        let mut statements: Vec<(&str, &str, &str)> =
            built_in::STATEMENTS.iter().map(|(language, text)| (*language, "", *text)).collect();
        let mut own_words = BTreeMap::new();
        let mut css = built_in::CSS;
        for source in &library.templates {
            let Some(name) = source.name.strip_prefix(FOLDER) else { continue };
            let (file, text) = (source.file.as_str(), &*source.text);
            if name == "styles.css" {
                css = text;
            } else if let Some(language) = between(name, "words.", ".txt") {
                own_words.insert(language, words::read(file, text, faults));
            } else if let Some(language) = between(name, "accessibility.", ".md") {
                statements.push((language, file, text));
            } else if let Some(template) = name
                .strip_suffix(".html")
                .and_then(|base| templates.iter_mut().find(|(name, ..)| *name == base))
            {
                (template.1, template.2) = (file, text);
            } else {
                faults.push(unknown_file(source, name));
            }
        }
        let built_in = |language: &str| {
            let own = built_in::WORDS.iter().find(|(name, _)| *name == language);
            let (name, text) = own.unwrap_or(&built_in::WORDS[1]);
            words::read(name, text, &mut Vec::new())
        };
        let languages = &library.programme.languages;
        let words = languages.iter().map(|language| {
            let primary = language.as_str().split('-').next().unwrap_or_default();
            let own = own_words.remove(language.as_str()).or_else(|| own_words.get(primary).cloned());
            let built_in = built_in(primary);
            let is_named = own.as_ref().is_some_and(|own| own.contains_key("language_name"));
            let is_translation = built_in::WORDS.iter().all(|(name, _)| *name != primary);
            if is_translation {
                words::warn_missing(language.as_str(), &built_in, own.as_ref(), faults);
            }
            if let Some(own) = &own {
                words::warn_hard_to_read(language.as_str(), own, faults);
            }
            let mut words = own.map_or_else(
                || built_in.clone(),
                |own| words::replace(&built_in, own, is_translation, faults),
            );
            // Another language must not be called English.
            if !is_named && is_translation {
                words.insert("language_name", Word { text: language.as_str(), file: "", line: 0 });
            }
            (language, words)
        });
        let words = words.collect();
        for (language, words) in own_words {
            let place = words.values().next().map_or(language, |word| word.file);
            let found = format!("the programme has no language `{language}`");
            let fault = Diagnostic::error("words-language", Location::file(place), found);
            // A file for the primary language may have served another one.
            if !languages.iter().any(|own| own.as_str().split('-').next() == Some(language)) {
                faults.push(fault.hint("add it to `languages` in `programme.toml`, or delete the file"));
            }
        }
        Sources { templates, words, css, statements }
    }

    /// A text of a language; empty if there is none.
    pub(super) fn word(&self, language: &Language, key: &str) -> &'a str {
        self.words.get(language).and_then(|words| words.get(key)).map_or("", |word| word.text)
    }

    /// The accessibility statement for a language, or in English: file and Markdown.
    pub(super) fn statement(&self, language: &Language) -> (&'a str, &'a str) {
        let primary = language.as_str().split('-').next().unwrap_or_default();
        let find = |wanted: &str| self.statements.iter().rev().find(|(own, ..)| *own == wanted);
        let found = find(language.as_str()).or_else(|| find(primary)).or_else(|| find("en"));
        found.map_or(("", ""), |(_, file, text)| (*file, *text))
    }

    /// Compiles all of them. Templates with errors are not used.
    pub(super) fn compile(
        &self,
        names: &BTreeSet<String>,
        faults: &mut Vec<Diagnostic>,
    ) -> Result<Templates, InvalidTemplates> {
        let mut found = Vec::new();
        let templates: Vec<ParsedTemplate<'_>> = self
            .templates
            .iter()
            .filter_map(|(name, file, text)| {
                parsed((name, file), text, 1, Names { known: names }, &mut found)
            })
            .collect();
        let mut registries = BTreeMap::new();
        for (language, words) in &self.words {
            let words: Vec<ParsedTemplate<'_>> =
                words.iter().filter_map(|(key, word)| word_template(key, word, names, &mut found)).collect();
            let all: BTreeMap<&str, &ParsedTemplate<'_>> =
                templates.iter().chain(&words).map(|template| (template.base, template)).collect();
            if !found.iter().any(Diagnostic::is_error) {
                partials::check(&all, &mut found);
            }
            if !found.iter().any(Diagnostic::is_error) {
                registries.insert((*language).clone(), registry(&all));
            }
        }
        let invalid = found.iter().any(Diagnostic::is_error);
        for fault in found {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        if invalid { Err(InvalidTemplates) } else { Ok(Templates { registries }) }
    }
}

/// The templates have errors, which are reported.
#[derive(Debug)]
pub(super) struct InvalidTemplates;

impl Templates {
    /// Fills a template or a text.
    pub(super) fn render(
        &self,
        language: &Language,
        name: &str,
        values: &impl Serialize,
    ) -> Result<String, RenderError> {
        let fault = |why: String| RenderError::PageTemplate { template: name.to_owned(), why };
        let Some(registry) = self.registries.get(language) else {
            return Err(fault(format!("the programme has no language `{language}`")));
        };
        registry.render(name, values).map_err(|error| match error.reason() {
            RenderErrorReason::MissingVariable(Some(name)) => {
                fault(format!("there is no `{name}` on this page"))
            }
            reason => fault(reason.to_string().lines().next().unwrap_or_default().to_owned()),
        })
    }
}

/// The names that templates may use.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) known: &'a BTreeSet<String>,
}

fn parsed<'a>(
    (base, file): (&'a str, &'a str),
    text: &str,
    first_line: u32,
    names: Names<'_>,
    faults: &mut Vec<Diagnostic>,
) -> Option<ParsedTemplate<'a>> {
    let mut template = match parse(text) {
        Ok(template) => template,
        Err(error) => {
            let source = TemplateSource { name: base.to_owned(), file: file.to_owned(), text: text.into() };
            faults.push(at_line(syntax_fault(&source, &error), first_line));
            return None;
        }
    };
    put_in_as_html(&mut template, &HTML);
    let lint = lint::template(file, &template, first_line, &HTML, names.known);
    faults.extend(lint.faults.iter().cloned());
    Some(ParsedTemplate { base, language: None, format: TemplateFormat::Html, file, template, lint })
}

fn word_template<'a>(
    key: &'a str,
    word: &Word<'a>,
    names: &BTreeSet<String>,
    faults: &mut Vec<Diagnostic>,
) -> Option<ParsedTemplate<'a>> {
    parsed((key, word.file), &words::template(word.text), word.line, Names { known: names }, faults)
}

/// Moves an error in the first line of a text to the line of the text in its file.
fn at_line(mut fault: Diagnostic, first_line: u32) -> Diagnostic {
    if fault.place.line > 0 {
        fault.place.line += first_line - 1;
    }
    fault
}

fn registry(all: &BTreeMap<&str, &ParsedTemplate<'_>>) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(|text| escape_html(text).into_owned());
    for (name, source) in all {
        registry.register_template(name, partials::inline_partials(&source.template, all));
    }
    registry
}

fn between<'n>(name: &'n str, before: &str, after: &str) -> Option<&'n str> {
    name.strip_prefix(before)?.strip_suffix(after)
}

fn unknown_file(source: &TemplateSource, name: &str) -> Diagnostic {
    let found = format!("`{name}` is not the name of a page template");
    let names = built_in::TEMPLATES.map(|(name, _)| name);
    let base = name.split('.').next().unwrap_or_default();
    let hint = match crate::domain::diagnostic::closest_match(base, names) {
        Some(near) => format!("did you mean `{near}.html.hbs`?"),
        None => "`docs/authoring.md` lists them".to_owned(),
    };
    Diagnostic::error("template-name", Location::file(&source.file), found).hint(hint)
}
