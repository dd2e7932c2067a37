//! Checks the names in page templates, because strict mode does not look into `{{#if …}}`.

use std::collections::BTreeSet;

use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use serde_json::Value;

use crate::domain::diagnostic::{Diagnostic, Location, closest_match};
use crate::render::email::lint::LintResult;

/// Allowed block helpers.
const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];
/// Allowed helpers.
const FUNCTIONS: [&str; 9] = ["eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not"];

/// Checks one template; `first_line` is its line in the file, `html` the names that are HTML
/// already.
pub(super) fn template(
    file: &str,
    template: &Template,
    first_line: u32,
    html: &[&str],
    names: &BTreeSet<String>,
) -> LintResult {
    let mut linter = Linter { file, first_line, html, names, result: LintResult::default() };
    linter.template(template, (1, 1));
    linter.result
}

/// The names that are in these values: every path below every object, because blocks like
/// `{{#each}}` begin at an object.
pub(super) fn add_names(values: &Value, names: &mut BTreeSet<String>) {
    match values {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                let mut inner = BTreeSet::new();
                add_names(value, &mut inner);
                if value.is_object() {
                    names.extend(inner.iter().map(|path| format!("{name}.{path}")));
                }
                names.extend(inner);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| add_names(entry, names)),
        _ => {}
    }
}

struct Linter<'a> {
    file: &'a str,
    first_line: u32,
    html: &'a [&'a str],
    names: &'a BTreeSet<String>,
    result: LintResult,
}

impl Linter<'_> {
    fn template(&mut self, template: &Template, outer: (usize, usize)) {
        for (i, element) in template.elements.iter().enumerate() {
            let place = template.mapping.get(i).map_or(outer, |place| (place.0, place.1));
            self.element(element, place);
        }
    }

    fn element(&mut self, element: &TemplateElement, place: (usize, usize)) {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(call) => self.call(call, place),
            TemplateElement::HtmlExpression(call) => {
                let name = call.name.as_name().unwrap_or("…");
                if !self.html.contains(&name) {
                    let found = format!("`{{{{{{{name}}}}}}}` would be on the page unescaped");
                    self.error("raw-placeholder", place, &found, "write it with two braces");
                }
            }
            TemplateElement::HelperBlock(block) => {
                let name = block.name.as_name().unwrap_or_default();
                if !BLOCKS.contains(&name) {
                    let found = format!("`{{{{#{name}}}}}` is not a block of page templates");
                    let hint = "there are `{{#if}}`, `{{#unless}}`, `{{#each}}` and `{{#with}}`";
                    self.error("template-block", place, &found, hint);
                }
                block.params.iter().for_each(|parameter| self.parameter(parameter, place));
                for inner in [&block.template, &block.inverse].into_iter().flatten() {
                    self.template(inner, place);
                }
            }
            TemplateElement::PartialExpression(partial)
                if partial.params.is_empty() && partial.hash.is_empty() =>
            {
                let name = partial.name.as_name().unwrap_or_default().to_owned();
                let place = self.place(place);
                self.result.partials.push((name, place));
            }
            _ => {
                let found = "a block or decorator that page templates do not have";
                let hint = "there are `{{#if}}`, `{{#unless}}`, `{{#each}}`, `{{#with}}` and `{{> part}}`";
                self.error("template-block", place, found, hint);
            }
        }
    }

    fn call(&mut self, call: &HelperTemplate, place: (usize, usize)) {
        if call.params.is_empty() && call.hash.is_empty() {
            return self.parameter(&call.name, place);
        }
        let name = call.name.as_name().unwrap_or_default();
        if !FUNCTIONS.contains(&name) {
            let found = format!("`{name}` is not a function of page templates");
            self.error("unknown-function", place, &found, "there are `eq`, `ne`, `and`, `or` and `not`");
        }
        call.params.iter().for_each(|parameter| self.parameter(parameter, place));
    }

    fn parameter(&mut self, parameter: &Parameter, place: (usize, usize)) {
        match parameter {
            Parameter::Literal(_) => {}
            Parameter::Subexpression(inner) => self.element(inner.as_element(), place),
            _ => self.name(parameter.as_name().unwrap_or_default(), place),
        }
    }

    fn name(&mut self, name: &str, place: (usize, usize)) {
        if !self.names.contains(name) {
            let found = format!("no page has a value `{name}`");
            let hint = match closest_match(name, self.names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`docs/authoring.md` lists all names".to_owned(),
            };
            self.error("unknown-name", place, &found, &hint);
        }
    }

    fn error(&mut self, code: &'static str, place: (usize, usize), found: &str, hint: &str) {
        let place = self.place(place);
        self.result.faults.push(Diagnostic::error(code, place, found).hint(hint));
    }

    fn place(&self, (line, column): (usize, usize)) -> Location {
        Location::at(self.file, line as u32 + self.first_line - 1, column as u32)
    }
}
