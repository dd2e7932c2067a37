//! The templates of a programme, compiled once: a registry per language and format. The
//! structure is in one layout, text in small partials. The partial `footer` is
//! `footer.sv.html` for a Swedish mail, else `footer.html`.

use std::collections::BTreeMap;

use handlebars::template::{Template, TemplateElement};
use handlebars::{Handlebars, RenderErrorReason, TemplateError, TemplateErrorReason, handlebars_helper};

use super::RenderError;
use super::starter;
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::Language;
use crate::domain::model::library::{Library, TemplateSource};
use crate::render::email::context::Context;
use crate::render::email::lint;
use crate::render::format::{CAPITAL, TemplateFormat};
use crate::render::partials::{self, ParsedTemplate};
use crate::render::sentinels::Sentinels;

/// The template of a whole mail.
pub(super) const LAYOUT: &str = "layout";
/// The template of a reminder's subject.
pub(super) const SUBJECT_REMINDER: &str = "subject-reminder";
/// The name of each kind of step in a language.
pub(super) const KIND: &str = "kind";

/// In an HTML template these are HTML already.
const STEP_HTML: [&str; 4] = ["mail.body", "mail.before", "mail.task", "mail.after"];

/// Longer templates are refused.
const MAX_TEMPLATE: usize = 100_000;
/// The compiled templates of a programme.
#[derive(Debug)]
pub(crate) struct Templates {
    registries: BTreeMap<(Language, TemplateFormat), Handlebars<'static>>,
    /// The sentinels used when rendering them.
    pub(super) sentinels: Sentinels,
    /// They have errors and must not be rendered: recursive partials would never end.
    pub(super) invalid: bool,
}

impl Templates {
    /// Whether a language has a text template of that name.
    pub(super) fn has(&self, language: &Language, name: &str) -> bool {
        let registry = self.registries.get(&(language.clone(), TemplateFormat::Text));
        registry.is_some_and(|registry| registry.has_template(name))
    }

    /// Renders a template, with sentinels for values that depend on the recipient.
    pub(super) fn render(
        &self,
        language: &Language,
        format: TemplateFormat,
        name: &str,
        context: &Context<'_>,
    ) -> Result<String, RenderError> {
        let fault = |why: String| RenderError::Template { template: name.to_owned(), why };
        let context = handlebars::Context::wraps(context).map_err(|error| fault(error.to_string()))?;
        let Some(registry) = self.registries.get(&(language.clone(), format)) else {
            return Err(fault("the templates have errors: run `journey check`".to_owned()));
        };
        registry.render_with_context(name, &context).map_err(|error| match error.reason() {
            RenderErrorReason::MissingVariable(Some(name)) => RenderError::Empty { name: name.clone() },
            RenderErrorReason::TemplateNotFound(_) => fault("there is no such file".to_owned()),
            reason => fault(reason.to_string().lines().next().unwrap_or_default().to_owned()),
        })
    }
}

/// Compiles the templates of a programme; all errors are added to `faults`.
pub(super) fn compile(library: &Library, kept_columns: &[String], faults: &mut Vec<Diagnostic>) -> Templates {
    let own = library.templates.iter().filter(|source| source.name.starts_with("email/"));
    let starter = if own.clone().next().is_none() { starter::templates() } else { Vec::new() };
    let parse_file = own.chain(&starter).filter_map(|source| parse_file(source, kept_columns, faults));
    let sources: Vec<ParsedTemplate<'_>> = parse_file.collect();
    let default = library.programme.default_language();
    let mut served = Vec::new();
    // A file that could not be parsed is not missing.
    let readable = !faults.iter().any(Diagnostic::is_error);
    for language in library.programme.languages.iter().filter(|_| readable) {
        for format in [TemplateFormat::Html, TemplateFormat::Text] {
            let chosen = select_for_language(&sources, format, language, default, faults);
            partials::check(&chosen, faults);
            served.push((language, format, chosen));
        }
    }
    faults.extend(sources.iter().flat_map(|source| source.lint.faults.clone()));
    let invalid = faults.iter().any(Diagnostic::is_error);
    if invalid {
        served.clear();
    }
    let sentinels = Sentinels::new(kept_columns);
    let registries = served.into_iter().map(|(language, format, chosen)| {
        let served = (language.clone(), format);
        (served, registry(format, &chosen, &sentinels))
    });
    Templates { registries: registries.collect(), sentinels, invalid }
}

/// Parses and checks one file.
fn parse_file<'a>(
    source: &'a TemplateSource,
    kept_columns: &[String],
    faults: &mut Vec<Diagnostic>,
) -> Option<ParsedTemplate<'a>> {
    let Some((base, language, format)) = parse_name(&source.name) else {
        let found = format!("`{}` is not the name of a mail template", source.name);
        let hint = "they are called `layout.html.hbs`, `footer.sv.html.hbs`, `kind.sv.txt.hbs`";
        faults.push(Diagnostic::error("template-name", Location::file(&source.file), found).hint(hint));
        return None;
    };
    if source.text.len() > MAX_TEMPLATE {
        let found =
            format!("a template of {} kB, and at most {} kB", source.text.len() / 1000, MAX_TEMPLATE / 1000);
        faults.push(Diagnostic::error("too-long", Location::file(&source.file), found));
        return None;
    }
    match parse(&source.text) {
        Ok(mut template) => {
            let lint = lint::lint_template(&source.file, &template, format, kept_columns);
            if format == TemplateFormat::Html {
                put_in_as_html(&mut template, &STEP_HTML);
            }
            Some(ParsedTemplate { base, language, format, file: &source.file, template, lint })
        }
        Err(error) => {
            faults.push(syntax_fault(source, &error));
            None
        }
    }
}

/// `email/footer.sv.html` is the partial `footer` in Swedish for HTML.
fn parse_name(name: &str) -> Option<(&str, Option<Language>, TemplateFormat)> {
    let name = name.strip_prefix("email/")?;
    let (name, format) = match name.rsplit_once('.')? {
        (name, "html") => (name, TemplateFormat::Html),
        (name, "txt") => (name, TemplateFormat::Text),
        _ => return None,
    };
    match name.split_once('.') {
        None => Some((name, None, format)),
        Some((base, language)) => Some((base, Some(Language::parse(language)?), format)),
    }
}

/// Uses a registry, because only there automatic indentation can be switched off: a partial
/// must not indent the text it contains.
pub(super) fn parse(text: &str) -> Result<Template, Box<TemplateError>> {
    let mut scratch = Handlebars::new();
    scratch.set_prevent_indent(true);
    // A file of one line is used inline.
    let one_line = text.trim_end_matches(['\r', '\n']);
    let text = if one_line.contains('\n') { text } else { one_line };
    scratch.register_template_string("template", text).map_err(Box::new)?;
    Ok(scratch.get_template("template").cloned().unwrap_or_default())
}

/// Explains a syntax error.
pub(super) fn syntax_fault(source: &TemplateSource, error: &TemplateError) -> Diagnostic {
    if let (TemplateErrorReason::InvalidSyntax(_), Some((at, block))) =
        (error.reason(), lint::unclosed_block(&source.text))
    {
        let place = Location::of_offset(&source.file, &source.text, at, 1);
        let found = format!("`{{{{#{block}}}}}` is opened and never closed");
        return Diagnostic::error("template-syntax", place, found).hint(format!("add `{{{{/{block}}}}}`"));
    }
    if let Some(at) = source.text.rfind("{{").filter(|&at| !source.text[at..].contains("}}")) {
        let place = Location::of_offset(&source.file, &source.text, at, 1);
        return Diagnostic::error("template-syntax", place, "`{{` without `}}`").hint("close it");
    }
    let place = match error.pos() {
        Some((line, column)) => Location::at(&source.file, line as u32, column as u32),
        None => Location::file(&source.file),
    };
    let found = match error.reason() {
        TemplateErrorReason::MismatchingClosedHelper(open, close) => {
            format!("`{{{{#{open}}}}}` is opened, but `{{{{/{close}}}}}` closes")
        }
        _ => "this is not the way templates are written".to_owned(),
    };
    Diagnostic::error("template-syntax", place, found).hint("look for a brace or a quote that is missing")
}

/// Values that are HTML already are not escaped. Everything else is.
pub(super) fn put_in_as_html(template: &mut Template, names: &[&str]) {
    for element in &mut template.elements {
        match element {
            TemplateElement::Expression(expression)
                if expression.name.as_name().is_some_and(|name| names.contains(&name)) =>
            {
                *element = TemplateElement::HtmlExpression(expression.clone());
            }
            TemplateElement::HelperBlock(block) => {
                for inner in [&mut block.template, &mut block.inverse].into_iter().flatten() {
                    put_in_as_html(inner, names);
                }
            }
            _ => {}
        }
    }
}

/// For each name the file that serves a language: of the language itself, then of its primary
/// tag, then the one without a language, then that of the programme's first language or of
/// English; HTML may use a text file for plain wording.
fn select_for_language<'s, 'a>(
    sources: &'s [ParsedTemplate<'a>],
    format: TemplateFormat,
    language: &Language,
    default: &Language,
    faults: &mut Vec<Diagnostic>,
) -> BTreeMap<&'a str, &'s ParsedTemplate<'a>> {
    let primary = language.as_str().split('-').next().unwrap_or_default();
    let rank = |source: &ParsedTemplate<'_>| match &source.language {
        Some(own) if own == language => 0,
        Some(own) if own.as_str() == primary => 1,
        None => 2,
        Some(own) if own == default => 3,
        Some(own) if own.as_str() == "en" => 4,
        Some(_) => 5,
    };
    // Wording serves both formats; the layout does not.
    let serves = |source: &&ParsedTemplate<'_>| {
        source.format == format || (source.format == TemplateFormat::Text && source.base != LAYOUT)
    };
    let mut chosen: BTreeMap<&str, &ParsedTemplate<'_>> = BTreeMap::new();
    for source in sources.iter().filter(serves) {
        let key = |s: &ParsedTemplate<'_>| (rank(s), s.format != format);
        let best = chosen.entry(source.base).or_insert(source);
        if key(source) < key(best) {
            *best = source;
        }
    }
    for source in chosen.values().filter(|source| rank(source) > 2 && source.format == format) {
        let found = format!("there is no `{}` for language `{language}`; this one is used", source.base);
        let hint = format!("write `{}.{language}` beside it", source.base);
        let place = Location::file(source.file);
        faults.push(Diagnostic::warning("template-untranslated", place, found).hint(hint));
    }
    if !chosen.contains_key(LAYOUT) {
        let end = if format == TemplateFormat::Html { "html" } else { "txt" };
        let file = format!("templates/email/{LAYOUT}.{end}.hbs");
        let found = format!("there is no `{file}`, and no mail without it");
        let hint = "copy it from the starter programme, or remove all of `templates/email`";
        let fault = Diagnostic::error("template-missing", Location::file(file), found).hint(hint);
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    chosen
}

fn registry(
    format: TemplateFormat,
    chosen: &BTreeMap<&str, &ParsedTemplate<'_>>,
    sentinels: &Sentinels,
) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_helper(CAPITAL, Box::new(capital));
    if format == TemplateFormat::Text {
        registry.register_escape_fn(handlebars::no_escape);
    }
    for (name, source) in chosen {
        let whole = partials::inline_partials(&source.template, chosen);
        registry.register_template(name, sentinels.with_sentinels(&whole, format));
    }
    registry
}

handlebars_helper!(capital: |text: str| {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + letters.as_str()
});
