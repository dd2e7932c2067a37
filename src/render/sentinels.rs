//! Private-use characters in place of values that depend on the recipient. A template is
//! rendered and styled once with these, and the result is split into compiled text; per
//! recipient only slots are filled.

use handlebars::template::{Parameter, Template, TemplateElement};

use super::templates::Format;
use crate::render::compiled_text::{Escape, Pieces};
use crate::render::email::context::{NAMES, Name};

/// The first slot character: three for each name, one per escaping.
const HOLES: u32 = 0xF0000;
/// Start of a conditional part: one for each name.
const OPENS: u32 = 0x10_0000;
/// Between the two versions of a conditional part.
const ELSE: char = '\u{10FF00}';
/// End of a conditional part.
const CLOSES: char = '\u{10FF01}';

/// In HTML the conditional marks are inside comments, which are allowed wherever text is,
/// also between table rows.
const COMMENT: (&str, &str) = ("<!--", "-->");

/// The names that depend on the recipient, in a fixed order.
#[derive(Debug)]
pub(super) struct Marks {
    names: Vec<Name>,
}

/// Conditional marks that do not pair up: `{{#if}}` about a recipient in an invalid place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unpaired;

impl Marks {
    pub(super) fn new(kept_columns: &[String]) -> Marks {
        let fields = NAMES.iter().filter(|entry| entry.in_markdown()).map(|entry| entry.name.to_owned());
        let extras = kept_columns.iter().map(|column| format!("extra.{column}"));
        Marks { names: fields.chain(extras).filter_map(|name| Name::parse(&name, kept_columns)).collect() }
    }

    /// Compiled text with sentinels for slots, for HTML with its escaping or as it is.
    pub(super) fn mark(&self, pieces: &Pieces, escape: Option<Escape>) -> String {
        let mut marked = String::with_capacity(pieces.ready_len() + 64);
        for part in pieces.parts() {
            match part {
                Ok(ready) => marked.push_str(ready),
                Err((name, own)) => marked.extend(self.hole(name, escape.unwrap_or(own))),
            }
        }
        marked
    }

    /// A template with sentinels for all values that depend on the recipient.
    pub(super) fn masked(&self, template: &Template, format: Format) -> Template {
        let mut masked = Template::default();
        for element in &template.elements {
            self.mask(element, format, &mut masked.elements);
        }
        masked
    }

    fn mask(&self, element: &TemplateElement, format: Format, out: &mut Vec<TemplateElement>) {
        let escape = if format == Format::Html { Escape::Html } else { Escape::Plain };
        match element {
            TemplateElement::Expression(call) if call.params.is_empty() && call.hash.is_empty() => {
                let hole = self.differs(&call.name).and_then(|(_, name)| self.hole(name, escape));
                out.push(match hole {
                    Some(hole) => TemplateElement::RawString(hole.to_string()),
                    None => element.clone(),
                });
            }
            TemplateElement::HelperBlock(block) => {
                let asked = block.params.first().and_then(|parameter| self.differs(parameter));
                let inside = [&block.template, &block.inverse]
                    .map(|inner| inner.as_ref().map(|inner| self.masked(inner, format)).unwrap_or_default());
                if let Some((index, _)) = asked {
                    let [mut there, mut absent] = inside;
                    if block.name.as_name() == Some("unless") {
                        std::mem::swap(&mut there, &mut absent);
                    }
                    let open = char::from_u32(OPENS + index).unwrap_or(CLOSES);
                    out.push(mark(open, format));
                    out.append(&mut there.elements);
                    out.push(mark(ELSE, format));
                    out.append(&mut absent.elements);
                    out.push(mark(CLOSES, format));
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
    fn differs(&self, parameter: &Parameter) -> Option<(u32, &Name)> {
        let name = parameter.as_name()?.replace(['[', ']'], "");
        let index = self.names.iter().position(|known| known.differs() && known.to_string() == name)?;
        Some((index as u32, &self.names[index]))
    }

    fn hole(&self, name: &Name, escape: Escape) -> Option<char> {
        let index = self.names.iter().position(|known| known == name)? as u32;
        char::from_u32(HOLES + 3 * index + escape as u32)
    }

    /// The number of conditional marks.
    pub(super) fn conditions(marked: &str) -> usize {
        marked.chars().filter(|&c| is_mark(c) && u32::from(c) >= OPENS).count()
    }

    /// Compiled text, from text rendered with sentinels.
    pub(super) fn unmarked(&self, marked: &str, format: Format) -> Result<Pieces, Unpaired> {
        let mut rest = marked;
        let (pieces, end) = self.run(&mut rest, format)?;
        if end.is_none() { Ok(pieces) } else { Err(Unpaired) }
    }

    /// Reads up to a sentinel that ends the run, or to the end.
    fn run(&self, rest: &mut &str, format: Format) -> Result<(Pieces, Option<char>), Unpaired> {
        let mut pieces = Pieces::default();
        while let Some((at, mark)) = rest.char_indices().find(|(_, c)| is_mark(*c)) {
            let (mut before, mut after) = (&rest[..at], &rest[at + mark.len_utf8()..]);
            let is_hole = u32::from(mark) < OPENS;
            if !is_hole && format == Format::Html {
                // Inside a tag or a title it would not be a comment.
                before = before.strip_suffix(COMMENT.0).ok_or(Unpaired)?;
                after = after.strip_prefix(COMMENT.1).ok_or(Unpaired)?;
            }
            pieces.push_str(before);
            *rest = after;
            if is_hole {
                let index = u32::from(mark) - HOLES;
                let name = self.names.get((index / 3) as usize).ok_or(Unpaired)?;
                pieces.push_hole(name.clone(), Escape::ALL[(index % 3) as usize]);
            } else if mark == ELSE || mark == CLOSES {
                return Ok((pieces, Some(mark)));
            } else {
                let name = self.names.get((u32::from(mark) - OPENS) as usize).ok_or(Unpaired)?;
                let (there, end) = self.run(rest, format)?;
                let (absent, close) =
                    if end == Some(ELSE) { self.run(rest, format)? } else { return Err(Unpaired) };
                if close != Some(CLOSES) {
                    return Err(Unpaired);
                }
                pieces.push_if(name.clone(), there, absent);
            }
        }
        pieces.push_str(rest);
        *rest = "";
        Ok((pieces, None))
    }
}

fn is_mark(c: char) -> bool {
    (HOLES..=u32::from(CLOSES)).contains(&u32::from(c))
}

fn mark(c: char, format: Format) -> TemplateElement {
    TemplateElement::RawString(match format {
        Format::Html => format!("{}{c}{}", COMMENT.0, COMMENT.1),
        Format::Text => c.to_string(),
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
