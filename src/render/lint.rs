//! Reads the parsed templates and checks every name in them, because strict
//! mode does not look into `{{#if …}}`, and tells a typing error only when
//! the mail is due.

use std::collections::BTreeSet;

use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, Template, TemplateElement};

use super::context::NAMES;
use super::templates::Format;
use crate::domain::diagnostic::{Diagnostic, Place, nearest};

/// Blocks a template may use.
const BLOCKS: [&str; 2] = ["if", "unless"];
/// Functions a template may use.
const FUNCTIONS: [&str; 11] =
    ["eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len", super::templates::CAPITAL];

/// What a template refers to, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The partials it includes, with where.
    pub(super) partials: Vec<(String, Place)>,
    /// The names it prints or asks for.
    pub(super) names: BTreeSet<String>,
    /// Its faults.
    pub(super) faults: Vec<Diagnostic>,
}

/// Reads one template.
pub(super) fn read(file: &str, template: &Template, format: Format, kept_columns: &[String]) -> Reading {
    let mut reader = Reader { file, format, kept_columns, reading: Reading::default() };
    reader.template(template, 1, 1);
    reader.reading
}

/// The first block that is opened and never closed, by its place in the text:
/// the parser's own message names grammar rules at the end of the file.
pub(super) fn unclosed(text: &str) -> Option<(usize, &str)> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    for (at, _) in text.match_indices("{{") {
        let tag = text[at + 2..].trim_start_matches('~');
        let name = |rest: &'_ str| {
            rest.trim_start()
                .split(|c: char| c.is_whitespace() || c == '}' || c == '~')
                .next()
                .unwrap_or_default()
                .len()
        };
        if let Some(rest) = tag.strip_prefix('#') {
            let rest = rest.trim_start();
            open.push((at, &rest[..name(rest)]));
        } else if tag.starts_with('/') {
            open.pop();
        }
    }
    open.pop()
}

struct Reader<'a> {
    file: &'a str,
    format: Format,
    kept_columns: &'a [String],
    reading: Reading,
}

impl Reader<'_> {
    fn template(&mut self, template: &Template, line: usize, column: usize) {
        for (i, element) in template.elements.iter().enumerate() {
            // The branches of an `else if` have no place of their own.
            let (line, column) = template.mapping.get(i).map_or((line, column), |place| (place.0, place.1));
            self.element(element, line, column);
        }
    }

    fn element(&mut self, element: &TemplateElement, line: usize, column: usize) {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(expression) => self.expression(expression, line, column),
            TemplateElement::HtmlExpression(expression) => {
                let name = expression.name.as_name().unwrap_or("…");
                let found = format!("`{{{{{{{name}}}}}}}` would go into the mail unescaped");
                let hint = "write it with two braces: `mail.body` is put in as HTML all the same";
                self.error("raw-placeholder", line, column, &found, hint);
            }
            TemplateElement::HelperBlock(block) => self.block(block, line, column),
            TemplateElement::PartialExpression(partial) => self.partial(partial, line, column),
            TemplateElement::PartialBlock(_)
            | TemplateElement::DecoratorExpression(_)
            | TemplateElement::DecoratorBlock(_) => {
                let found = "a block or decorator that templates here do not have";
                self.error(
                    "template-block",
                    line,
                    column,
                    found,
                    "there are `{{#if}}`, `{{#unless}}` and `{{> part}}`",
                );
            }
            // The package may grow elements; what is not known is not allowed.
            _ => self.error("template-block", line, column, "an unknown element", "leave it out"),
        }
    }

    fn expression(&mut self, expression: &HelperTemplate, line: usize, column: usize) {
        if expression.params.is_empty() && expression.hash.is_empty() {
            self.parameter(&expression.name, line, column);
        } else {
            self.function(expression, line, column);
        }
    }

    fn function(&mut self, call: &HelperTemplate, line: usize, column: usize) {
        let name = call.name.as_name().unwrap_or_default();
        if !FUNCTIONS.contains(&name) {
            let found = format!("`{name}` is no function of templates");
            let hint = suggestion(name, FUNCTIONS, "there are `eq`, `ne`, `and`, `or`, `not` and `capital`");
            self.error("unknown-function", line, column, &found, &hint);
        }
        call.params.iter().chain(call.hash.values()).for_each(|p| self.parameter(p, line, column));
    }

    fn block(&mut self, block: &HelperTemplate, line: usize, column: usize) {
        let name = block.name.as_name().unwrap_or_default();
        if !BLOCKS.contains(&name) {
            let found = format!("`{{{{#{name}}}}}` is no block of templates");
            let hint = suggestion(name, BLOCKS, "there are `{{#if}}` and `{{#unless}}`");
            self.error("template-block", line, column, &found, &hint);
        }
        block.params.iter().chain(block.hash.values()).for_each(|p| self.parameter(p, line, column));
        for template in [&block.template, &block.inverse].into_iter().flatten() {
            self.template(template, line, column);
        }
    }

    fn partial(&mut self, partial: &DecoratorTemplate, line: usize, column: usize) {
        if !partial.params.is_empty() || !partial.hash.is_empty() {
            let found = "a part that is given values";
            self.error(
                "template-block",
                line,
                column,
                found,
                "every part sees all names: write `{{> part}}`",
            );
        }
        match &partial.name {
            Parameter::Name(name) => {
                self.reading.partials.push((name.clone(), self.place(line, column)));
            }
            Parameter::Path(_) if partial.name.as_name().is_some() => {
                let name = partial.name.as_name().unwrap_or_default().to_owned();
                self.reading.partials.push((name, self.place(line, column)));
            }
            _ => {
                let found = "a part whose name is worked out";
                self.error("template-block", line, column, found, "write its name: `{{> footer}}`");
            }
        }
    }

    fn parameter(&mut self, parameter: &Parameter, line: usize, column: usize) {
        match parameter {
            Parameter::Name(name) => self.name(name, line, column),
            Parameter::Path(_) => self.name(parameter.as_name().unwrap_or_default(), line, column),
            Parameter::Literal(_) => {}
            Parameter::Subexpression(inner) => self.element(inner.as_element(), line, column),
            _ => self.error("template-block", line, column, "an unknown element", "leave it out"),
        }
    }

    fn name(&mut self, name: &str, line: usize, column: usize) {
        self.reading.names.insert(name.to_owned());
        if name == "mail.body" && self.format == Format::Text {
            let found = "`mail.body` is HTML, and this is a text template";
            self.error("unknown-name", line, column, found, "write `mail.text`");
        }
        let known = match name.strip_prefix("extra.") {
            Some(extra) => {
                let extra = extra.trim_start_matches('[').trim_end_matches(']');
                self.kept_columns.iter().any(|kept| kept == extra)
            }
            None => NAMES.iter().any(|entry| entry.name == name),
        };
        if !known {
            let found = format!("`{name}` is no name that can be used here");
            let names = NAMES.iter().map(|entry| entry.name);
            let hint = match (nearest(name, names), name.strip_prefix("extra.")) {
                (_, Some(column)) => {
                    format!("only columns kept on purpose can be used: add `{column}` to `[people] keep`")
                }
                (Some(near), None) => format!("did you mean `{near}`?"),
                (None, None) => "`docs/authoring.md` lists all names".to_owned(),
            };
            self.error("unknown-name", line, column, &found, &hint);
        }
    }

    fn error(&mut self, code: &'static str, line: usize, column: usize, found: &str, hint: &str) {
        let place = self.place(line, column);
        self.reading.faults.push(Diagnostic::error(code, place, found).hint(hint));
    }

    fn place(&self, line: usize, column: usize) -> Place {
        Place::at(self.file, line as u32, column as u32)
    }
}

fn suggestion<const N: usize>(found: &str, allowed: [&'static str; N], otherwise: &str) -> String {
    match nearest(found, allowed) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}
