//! Private-use characters in place of values that depend on the recipient. A template is
//! rendered and styled once with these, and the result is split into compiled text; per
//! recipient only slots are filled.

use handlebars::template::{Parameter, Template, TemplateElement};

use super::format::TemplateFormat;
use crate::render::compiled_text::{CompiledText, Escape};
use crate::render::email::names::{NAMES, Placeholder};

/// The first slot character: three for each name, one per escaping.
const SLOT_BASE: u32 = 0xF0000;
/// Start of a conditional part: one for each name.
const BLOCK_START: u32 = 0x10_0000;
/// Between the two versions of a conditional part.
const BLOCK_ELSE: char = '\u{10FF00}';
/// End of a conditional part.
const BLOCK_END: char = '\u{10FF01}';

/// In HTML the conditional marks are inside comments, which are allowed wherever text is,
/// also between table rows.
const COMMENT: (&str, &str) = ("<!--", "-->");

/// The names that depend on the recipient, in a fixed order.
#[derive(Debug)]
pub(super) struct Sentinels {
    names: Vec<Placeholder>,
}

/// Conditional marks that do not pair up: `{{#if}}` about a recipient in an invalid place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnbalancedSentinels;

impl Sentinels {
    pub(super) fn new(kept_columns: &[String]) -> Sentinels {
        let fields = NAMES.iter().filter(|entry| entry.in_markdown()).map(|entry| entry.name.to_owned());
        let extras = kept_columns.iter().map(|column| format!("extra.{column}"));
        Sentinels {
            names: fields.chain(extras).filter_map(|name| Placeholder::parse(&name, kept_columns)).collect(),
        }
    }

    /// Compiled text with sentinels for slots, for HTML with its escaping or as it is.
    pub(super) fn mark(&self, pieces: &CompiledText, escape: Option<Escape>) -> String {
        let mut marked = String::with_capacity(pieces.literal_len() + 64);
        for part in pieces.segments() {
            match part {
                Ok(ready) => marked.push_str(ready),
                Err((name, own)) => marked.extend(self.hole(name, escape.unwrap_or(own))),
            }
        }
        marked
    }

    /// A template with sentinels for all values that depend on the recipient.
    pub(super) fn with_sentinels(&self, template: &Template, format: TemplateFormat) -> Template {
        let mut with_sentinels = Template::default();
        for element in &template.elements {
            self.mask(element, format, &mut with_sentinels.elements);
        }
        with_sentinels
    }

    fn mask(&self, element: &TemplateElement, format: TemplateFormat, out: &mut Vec<TemplateElement>) {
        let escape = if format == TemplateFormat::Html { Escape::Html } else { Escape::Plain };
        match element {
            TemplateElement::Expression(call) if call.params.is_empty() && call.hash.is_empty() => {
                let hole = self.is_per_reader(&call.name).and_then(|(_, name)| self.hole(name, escape));
                out.push(match hole {
                    Some(hole) => TemplateElement::RawString(hole.to_string()),
                    None => element.clone(),
                });
            }
            TemplateElement::HelperBlock(block) => {
                let asked = block.params.first().and_then(|parameter| self.is_per_reader(parameter));
                let inside = [&block.template, &block.inverse].map(|inner| {
                    inner.as_ref().map(|inner| self.with_sentinels(inner, format)).unwrap_or_default()
                });
                if let Some((index, _)) = asked {
                    let [mut there, mut absent] = inside;
                    if block.name.as_name() == Some("unless") {
                        std::mem::swap(&mut there, &mut absent);
                    }
                    let open = char::from_u32(BLOCK_START + index).unwrap_or(BLOCK_END);
                    out.push(mark(open, format));
                    out.append(&mut there.elements);
                    out.push(mark(BLOCK_ELSE, format));
                    out.append(&mut absent.elements);
                    out.push(mark(BLOCK_END, format));
                } else {
                    let mut block = block.clone();
                    let [there, absent] = inside;
                    block.template = block.template.map(|_| there);
                    block.inverse = block.inverse.map(|_| absent);
                    out.push(TemplateElement::HelperBlock(block));
                }
            }
            other => out.push(other.clone()),
        }
    }

    /// A parameter whose value depends on the recipient.
    fn is_per_reader(&self, parameter: &Parameter) -> Option<(u32, &Placeholder)> {
        let name = parameter.as_name()?.replace(['[', ']'], "");
        let index = self.names.iter().position(|known| known.is_per_reader() && known.to_string() == name)?;
        Some((index as u32, &self.names[index]))
    }

    fn hole(&self, name: &Placeholder, escape: Escape) -> Option<char> {
        let index = self.names.iter().position(|known| known == name)? as u32;
        char::from_u32(SLOT_BASE + 3 * index + escape as u32)
    }

    /// The number of conditional marks.
    pub(super) fn count_blocks(marked: &str) -> usize {
        marked.chars().filter(|&c| is_sentinel(c) && u32::from(c) >= BLOCK_START).count()
    }

    /// Compiled text, from text rendered with sentinels.
    pub(super) fn parse(
        &self,
        marked: &str,
        format: TemplateFormat,
    ) -> Result<CompiledText, UnbalancedSentinels> {
        let mut rest = marked;
        let (pieces, end) = self.run(&mut rest, format)?;
        if end.is_none() { Ok(pieces) } else { Err(UnbalancedSentinels) }
    }

    /// Reads up to a sentinel that ends the run, or to the end.
    fn run(
        &self,
        rest: &mut &str,
        format: TemplateFormat,
    ) -> Result<(CompiledText, Option<char>), UnbalancedSentinels> {
        let mut pieces = CompiledText::default();
        while let Some((at, mark)) = rest.char_indices().find(|(_, c)| is_sentinel(*c)) {
            let (mut before, mut after) = (&rest[..at], &rest[at + mark.len_utf8()..]);
            let is_hole = u32::from(mark) < BLOCK_START;
            if !is_hole && format == TemplateFormat::Html {
                // Inside a tag or a title it would not be a comment.
                before = before.strip_suffix(COMMENT.0).ok_or(UnbalancedSentinels)?;
                after = after.strip_prefix(COMMENT.1).ok_or(UnbalancedSentinels)?;
            }
            pieces.push_str(before);
            *rest = after;
            if is_hole {
                let index = u32::from(mark) - SLOT_BASE;
                let name = self.names.get((index / 3) as usize).ok_or(UnbalancedSentinels)?;
                pieces.push_slot(name.clone(), Escape::ALL[(index % 3) as usize]);
            } else if mark == BLOCK_ELSE || mark == BLOCK_END {
                return Ok((pieces, Some(mark)));
            } else {
                let name =
                    self.names.get((u32::from(mark) - BLOCK_START) as usize).ok_or(UnbalancedSentinels)?;
                let (there, end) = self.run(rest, format)?;
                let (absent, close) = if end == Some(BLOCK_ELSE) {
                    self.run(rest, format)?
                } else {
                    return Err(UnbalancedSentinels);
                };
                if close != Some(BLOCK_END) {
                    return Err(UnbalancedSentinels);
                }
                pieces.push_if_present(name.clone(), there, absent);
            }
        }
        pieces.push_str(rest);
        *rest = "";
        Ok((pieces, None))
    }
}

fn is_sentinel(c: char) -> bool {
    (SLOT_BASE..=u32::from(BLOCK_END)).contains(&u32::from(c))
}

fn mark(c: char, format: TemplateFormat) -> TemplateElement {
    TemplateElement::RawString(match format {
        TemplateFormat::Html => format!("{}{c}{}", COMMENT.0, COMMENT.1),
        TemplateFormat::Text => c.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::rig::{mail, person, ready, variant};

    #[test]
    fn nested_conditions_on_recipient_values_are_decided_when_filling() {
        let html = "{{#if person.department}}<b>{{person.department}}{{#unless link.web}}-{{else}}+{{/unless}}</b>\
                    {{else if (eq step.kind \"mission\")}}uppdrag{{else}}annat{{/if}}{{mail.body}}";
        let html = format!("<html><head><style></style></head><body>{html}</body></html>");
        let layouts = [
            ("layout.html", html.as_str()),
            ("layout.txt", "{{#if link.web}}a{{else}}b{{/if}} {{mail.text}}\n"),
        ];
        let renderer = ready(vec![variant("Hej", "Hej!")], &layouts);
        let mut reader = person("Åsa");
        let without = mail(&renderer, &reader, 0).expect("a mail");
        assert!(without.html.contains("<body>uppdrag<p>"), "{}", without.html);
        assert_eq!(without.text, "b\nHej!\n");
        reader.department = Some("Vård & omsorg".into());
        let with = mail(&renderer, &reader, 0).expect("a mail");
        assert!(with.html.contains("<body><b>Vård &amp; omsorg-</b><p>"), "{}", with.html);
    }
}
