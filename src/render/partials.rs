//! Partials: checks that each exists and none includes itself, and inlines them once for
//! all mails.

use std::collections::BTreeMap;

use handlebars::template::{Template, TemplateElement};

use super::format::TemplateFormat;
use crate::domain::diagnostic::{Diagnostic, Location, closest_match};
use crate::domain::model::ids::Language;
use crate::render::email::lint::LintResult;

/// A template file that could be parsed.
pub(super) struct ParsedTemplate<'a> {
    pub(super) base: &'a str,
    pub(super) language: Option<Language>,
    pub(super) format: TemplateFormat,
    pub(super) file: &'a str,
    pub(super) template: Template,
    pub(super) lint: LintResult,
}

/// The file that serves each name.
pub(super) type SelectedTemplates<'s, 'a> = BTreeMap<&'a str, &'s ParsedTemplate<'a>>;

/// Maximum nesting of partials.
const MAX_DEPTH: usize = 8;
/// Maximum number of elements with all partials inlined: ten partials that each include ten
/// others, five levels deep, would be a hundred thousand.
const MAX_ELEMENTS: usize = 5_000;

/// Reports missing, recursive and oversized partials.
pub(super) fn check(chosen: &SelectedTemplates<'_, '_>, faults: &mut Vec<Diagnostic>) {
    for source in chosen.values() {
        for (name, place) in &source.lint.partials {
            if !chosen.contains_key(name.as_str()) {
                let found = format!("there is no part `{name}`");
                let hint = match closest_match(name, chosen.keys().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("write `{name}.html.hbs`"),
                };
                push_once(faults, Diagnostic::error("template-missing", place.clone(), found).hint(hint));
            }
        }
    }
    let mut sizes = BTreeMap::new();
    for name in chosen.keys() {
        if let Err(fault) = measure(name, chosen, &mut Vec::new(), &mut sizes) {
            // The other partials of a cycle would repeat the message.
            return push_once(faults, *fault);
        }
    }
}

fn push_once(faults: &mut Vec<Diagnostic>, fault: Diagnostic) {
    if !faults.contains(&fault) {
        faults.push(fault);
    }
}

/// The size of a template with its partials; each is measured once.
fn measure<'n>(
    name: &'n str,
    chosen: &SelectedTemplates<'n, 'n>,
    path: &mut Vec<&'n str>,
    sizes: &mut BTreeMap<&'n str, usize>,
) -> Result<usize, Box<Diagnostic>> {
    if let Some(size) = sizes.get(name) {
        return Ok(*size);
    }
    let Some(source) = chosen.get(name) else { return Ok(0) };
    path.push(name);
    let mut size = count(&source.template);
    for (part, place) in &source.lint.partials {
        if path.contains(&part.as_str()) || path.len() == MAX_DEPTH {
            let way = path.join("` > `");
            let found = format!("parts within parts without end: `{way}` > `{part}`");
            let hint = format!("a part must not include itself, and at most {MAX_DEPTH} parts can be nested");
            return Err(Box::new(Diagnostic::error("template-recursion", place.clone(), found).hint(hint)));
        }
        size += measure(part, chosen, path, sizes)?;
        if size > MAX_ELEMENTS {
            let found = format!("`{name}` is more than {MAX_ELEMENTS} pieces with its parts");
            let fault = Diagnostic::error("too-long", Location::clone(place), found);
            return Err(Box::new(fault.hint("include each part once")));
        }
    }
    path.pop();
    sizes.insert(name, size);
    Ok(size)
}

fn count(template: &Template) -> usize {
    let inside = |element: &TemplateElement| match element {
        TemplateElement::HelperBlock(block) => {
            [&block.template, &block.inverse].into_iter().flatten().map(count).sum()
        }
        _ => 0,
    };
    template.elements.iter().map(|element| 1 + inside(element)).sum()
}

/// The template with its partials inlined: the engine would copy all values for every
/// partial of every mail. Only for partials that passed the check.
pub(super) fn inline_partials(template: &Template, chosen: &SelectedTemplates<'_, '_>) -> Template {
    let mut whole = Template::default();
    let places = template.mapping.iter().map(Some).chain(std::iter::repeat(None));
    for (element, place) in template.elements.iter().zip(places) {
        let mut push = |element: TemplateElement| {
            whole.elements.push(element);
            whole.mapping.extend(place.cloned());
        };
        match element {
            TemplateElement::PartialExpression(partial) => {
                let name = partial.name.as_name().unwrap_or_default();
                if let Some(part) = chosen.get(name) {
                    inline_partials(&part.template, chosen).elements.into_iter().for_each(push);
                }
            }
            TemplateElement::HelperBlock(block) => {
                let mut block = block.clone();
                for inner in [&mut block.template, &mut block.inverse].into_iter().flatten() {
                    *inner = inline_partials(inner, chosen);
                }
                push(TemplateElement::HelperBlock(block));
            }
            other => push(other.clone()),
        }
    }
    whole
}
