//! Checks every name in the parsed templates, because strict mode does not look into
//! `{{#if …}}` and reports a typing error only when the mail is rendered.

use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, Template, TemplateElement};

use super::names::{NAMES, Placeholder};
use crate::domain::diagnostic::{Diagnostic, Location, closest_match};
use crate::render::format::{CAPITAL, TemplateFormat};

/// Allowed block helpers.
const BLOCKS: [&str; 2] = ["if", "unless"];
/// Allowed helpers.
const FUNCTIONS: [&str; 11] = ["eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len", CAPITAL];

/// What a template refers to, and its errors.
#[derive(Debug, Default)]
pub(crate) struct LintResult {
    /// The partials it includes, with their locations.
    pub(crate) partials: Vec<(String, Location)>,
    pub(crate) faults: Vec<Diagnostic>,
}

/// Checks one template.
pub(crate) fn lint_template(
    file: &str,
    template: &Template,
    format: TemplateFormat,
    kept_columns: &[String],
) -> LintResult {
    let mut reader = TemplateLinter { file, format, kept_columns, result: LintResult::default() };
    reader.template(template, 1, 1);
    reader.result
}

/// The first block that is never closed, with its offset: the parser's own message names
/// grammar rules at the end of the file.
pub(crate) fn unclosed_block(text: &str) -> Option<(usize, &str)> {
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

struct TemplateLinter<'a> {
    file: &'a str,
    format: TemplateFormat,
    kept_columns: &'a [String],
    result: LintResult,
}

impl TemplateLinter<'_> {
    fn template(&mut self, template: &Template, line: usize, column: usize) {
        for (i, element) in template.elements.iter().enumerate() {
            // The branches of an `else if` have no location of their own.
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
            // The package may add elements; unknown ones are not allowed.
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
            let found = format!("`{name}` is not a function of templates");
            let hint = suggestion(name, FUNCTIONS, "there are `eq`, `ne`, `and`, `or`, `not` and `capital`");
            self.error("unknown-function", line, column, &found, &hint);
        }
        for parameter in call.params.iter().chain(call.hash.values()) {
            self.parameter(parameter, line, column);
            self.reject_per_reader(parameter, line, column);
        }
    }

    /// Values that depend on the recipient are filled in last, so they cannot be compared.
    fn reject_per_reader(&mut self, parameter: &Parameter, line: usize, column: usize) {
        let name = parameter.as_name().unwrap_or_default();
        let spelled = name.replace(['[', ']'], "");
        if Placeholder::parse(&spelled, self.kept_columns).is_some_and(|name| name.is_per_reader()) {
            let found = format!(
                "`{name}` is different for each recipient: it can be printed or tested, but not compared"
            );
            let hint =
                format!("ask whether there is one with `{{{{#if {name}}}}}`, or write a variant of the step");
            self.error("compared-reader", line, column, &found, &hint);
        }
    }

    fn block(&mut self, block: &HelperTemplate, line: usize, column: usize) {
        let name = block.name.as_name().unwrap_or_default();
        if !BLOCKS.contains(&name) {
            let found = format!("`{{{{#{name}}}}}` is not a block of templates");
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
                self.result.partials.push((name.clone(), self.place(line, column)));
            }
            Parameter::Path(_) if partial.name.as_name().is_some() => {
                let name = partial.name.as_name().unwrap_or_default().to_owned();
                self.result.partials.push((name, self.place(line, column)));
            }
            _ => {
                let found = "a part with a computed name";
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
        if name == "mail.body" && self.format == TemplateFormat::Text {
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
            let found = format!("unknown placeholder `{name}`");
            let names = NAMES.iter().map(|entry| entry.name);
            let hint = match (closest_match(name, names), name.strip_prefix("extra.")) {
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
        self.result.faults.push(Diagnostic::error(code, place, found).hint(hint));
    }

    fn place(&self, line: usize, column: usize) -> Location {
        Location::at(self.file, line as u32, column as u32)
    }
}

fn suggestion<const N: usize>(found: &str, allowed: [&'static str; N], otherwise: &str) -> String {
    match closest_match(found, allowed) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::render::Renderer;
    use crate::render::rig::{library, shown, variant};

    fn check(templates: &[(&str, &str)], expected: &Expect) {
        let (_, found) =
            Renderer::new(&library(vec![variant("Hej", "Hej!")], templates), &["Titel".to_owned()]);
        expected.assert_eq(&shown(&found));
    }

    const TEXT: (&str, &str) = ("layout.txt", "{{mail.text}}\n");

    #[test]
    fn every_name_is_checked_also_where_strict_mode_does_not_look() {
        let html = "{{mail.body}}\n{{#if persn.unit}}\n  {{person.unt}}\n{{else if (eq step.knd \"x\")}}\n{{extra.Lön}}{{extra.Titel}}\n{{/if}}\n\
                    {{uppercase person.unit}} {{#each person}}{{/each}} {{capital (lookup person \"x\")}} {{this}} {{../x}}";
        check(
            &[("layout.html", html), TEXT],
            &expect![[r#"
                templates/email/layout.html.hbs:2:1: error: unknown placeholder `persn.unit`
                  hint: did you mean `person.unit`?
                templates/email/layout.html.hbs:3:3: error: unknown placeholder `person.unt`
                  hint: did you mean `person.unit`?
                templates/email/layout.html.hbs:2:1: error: unknown placeholder `step.knd`
                  hint: did you mean `step.kind`?
                templates/email/layout.html.hbs:5:1: error: unknown placeholder `extra.Lön`
                  hint: only columns kept on purpose can be used: add `Lön` to `[people] keep`
                templates/email/layout.html.hbs:7:1: error: `uppercase` is not a function of templates
                  hint: there are `eq`, `ne`, `and`, `or`, `not` and `capital`
                templates/email/layout.html.hbs:7:1: error: `person.unit` is different for each recipient: it can be printed or tested, but not compared
                  hint: ask whether there is one with `{{#if person.unit}}`, or write a variant of the step
                templates/email/layout.html.hbs:7:27: error: `{{#each}}` is not a block of templates
                  hint: there are `{{#if}}` and `{{#unless}}`
                templates/email/layout.html.hbs:7:27: error: unknown placeholder `person`
                  hint: `docs/authoring.md` lists all names
                templates/email/layout.html.hbs:7:53: error: `lookup` is not a function of templates
                  hint: there are `eq`, `ne`, `and`, `or`, `not` and `capital`
                templates/email/layout.html.hbs:7:53: error: unknown placeholder `person`
                  hint: `docs/authoring.md` lists all names
                templates/email/layout.html.hbs:7:85: error: unknown placeholder `this`
                  hint: `docs/authoring.md` lists all names
                templates/email/layout.html.hbs:7:94: error: unknown placeholder `../x`
                  hint: `docs/authoring.md` lists all names
            "#]],
        );
    }

    #[test]
    fn recipient_values_can_be_tested_and_not_compared() {
        let html = "{{mail.body}}{{#if link.web}}{{link.web}}{{/if}}{{#if (eq person.unit \"x\")}}{{/if}}{{capital extra.Titel}}";
        check(
            &[("layout.html", html), TEXT],
            &expect![[r#"
                templates/email/layout.html.hbs:1:49: error: `person.unit` is different for each recipient: it can be printed or tested, but not compared
                  hint: ask whether there is one with `{{#if person.unit}}`, or write a variant of the step
                templates/email/layout.html.hbs:1:84: error: `extra.Titel` is different for each recipient: it can be printed or tested, but not compared
                  hint: ask whether there is one with `{{#if extra.Titel}}`, or write a variant of the step
            "#]],
        );
        let nowhere = [
            "<html><head><style></style></head><body>{{mail.body}}<a {{#if link.web}}href=\"{{link.web}}\"{{/if}}>x</a></body></html>",
            "<html><head><style>{{#if link.web}}a { color: red }{{/if}}</style></head><body>{{mail.body}}</body></html>",
            "<html><head><style></style><title>{{#if link.web}}a{{/if}}</title></head><body>{{mail.body}}</body></html>",
        ];
        for html in nowhere {
            check(&[("layout.html", html), TEXT], &NOWHERE);
        }
    }

    const NOWHERE: Expect = expect![[r#"
                journeys/miljo/resor.md: error: the mail cannot be written: the mail template `layout` cannot be filled: a block that asks about the reader must stand where text may stand, not inside a tag, the title or a style sheet
                  hint: the templates are in `templates/email`
                journeys/miljo/resor.md: error: the reminder cannot be written: the mail template `layout` cannot be filled: a block that asks about the reader must stand where text may stand, not inside a tag, the title or a style sheet
                  hint: the templates are in `templates/email`
    "#]];

    #[test]
    fn triple_braces_are_refused() {
        check(
            &[("layout.html", "{{{mail.body}}} {{&mail.body}}{{#if film}}{{{person.unit}}}{{/if}}"), TEXT],
            &expect![[r#"
                templates/email/layout.html.hbs:1:1: error: `{{{mail.body}}}` would go into the mail unescaped
                  hint: write it with two braces: `mail.body` is put in as HTML all the same
                templates/email/layout.html.hbs:1:17: error: `{{{mail.body}}}` would go into the mail unescaped
                  hint: write it with two braces: `mail.body` is put in as HTML all the same
                templates/email/layout.html.hbs:1:43: error: `{{{person.unit}}}` would go into the mail unescaped
                  hint: write it with two braces: `mail.body` is put in as HTML all the same
            "#]],
        );
    }

    #[test]
    fn recursive_partials_are_refused() {
        let html = (
            "layout.html",
            "{{mail.body}}{{> a}}{{> gone}}{{> (x)}}{{#> b}}x{{/b}}{{> b x=1}}{{#*inline \"y\"}}{{/inline}}",
        );
        check(
            &[html, ("a.html", "{{> b}}"), ("b.html", "\n{{> a}}"), TEXT],
            &expect![[r#"
                templates/email/layout.html.hbs:1:21: error: there is no part `gone`
                  hint: write `gone.html.hbs`
                templates/email/b.html.hbs:2:1: error: parts within parts without end: `a` > `b` > `a`
                  hint: a part must not include itself, and at most 8 parts can be nested
                templates/email/layout.html.hbs:1:31: error: a part with a computed name
                  hint: write its name: `{{> footer}}`
                templates/email/layout.html.hbs:1:40: error: a block or decorator that templates here do not have
                  hint: there are `{{#if}}`, `{{#unless}}` and `{{> part}}`
                templates/email/layout.html.hbs:1:55: error: a part that is given values
                  hint: every part sees all names: write `{{> part}}`
                templates/email/layout.html.hbs:1:66: error: a block or decorator that templates here do not have
                  hint: there are `{{#if}}`, `{{#unless}}` and `{{> part}}`
            "#]],
        );
    }

    #[test]
    fn exponential_partials_are_refused() {
        let parts: Vec<(String, String)> =
            (0..6).map(|i| (format!("p{i}.html"), format!("{{{{> p{}}}}}", i + 1).repeat(50))).collect();
        let mut templates = vec![("layout.html", "{{mail.body}}{{> p0}}"), ("p6.html", "x"), TEXT];
        templates.extend(parts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        check(
            &templates,
            &expect![[r#"
                templates/email/p4.html.hbs:1:393: error: `p4` is more than 5000 pieces with its parts
                  hint: include each part once
            "#]],
        );
    }

    #[test]
    fn syntax_errors_are_explained() {
        check(
            &[("layout.html", "a\n {{#if film}}\n{{mail.body}}"), TEXT],
            &expect![[r#"
                templates/email/layout.html.hbs:2:2: error: `{{#if}}` is opened and never closed
                  hint: add `{{/if}}`
            "#]],
        );
        check(
            &[("layout.html", "{{#if film}}x{{/unless}}"), TEXT],
            &expect![[r#"
                templates/email/layout.html.hbs:1:14: error: `{{#if}}` is opened, but `{{/unless}}` closes
                  hint: look for a brace or a quote that is missing
            "#]],
        );
        check(
            &[("layout.html", "{{mail.body"), TEXT],
            &expect![[r#"
                templates/email/layout.html.hbs:1:1: error: `{{` without `}}`
                  hint: close it
            "#]],
        );
        check(
            &[("layout.html", "{{mail.body}}"), ("layout.txt", "{{mail.body}}"), ("bild.png", "")],
            &expect![[r#"
                templates/email/bild.png.hbs: error: `email/bild.png` is not the name of a mail template
                  hint: they are called `layout.html.hbs`, `footer.sv.html.hbs`, `kind.sv.txt.hbs`
                templates/email/layout.txt.hbs:1:1: error: `mail.body` is HTML, and this is a text template
                  hint: write `mail.text`
            "#]],
        );
        check(
            &[TEXT],
            &expect![[r#"
                templates/email/layout.html.hbs: error: there is no `templates/email/layout.html.hbs`, and no mail without it
                  hint: copy it from the starter programme, or remove all of `templates/email`
            "#]],
        );
    }

    #[test]
    fn a_fallback_language_is_a_warning() {
        let html = ("layout.html", "{{mail.body}}{{> fot}}");
        check(
            &[html, ("fot.sv.txt", "Hej då\n"), TEXT],
            &expect![[r#"
            templates/email/fot.sv.txt.hbs: warning: there is no `fot` for language `en`; this one is used
              hint: write `fot.en` beside it
        "#]],
        );
    }
}
