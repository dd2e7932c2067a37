//! Compiled text: literals and slots, prepared once per step, character and language and
//! filled for each recipient with the escaping of each slot's context. Parts that depend
//! on a value the recipient may lack (a department, a page) exist in two versions.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::RenderError;
use crate::render::email::names::Placeholder;
use crate::render::email::values::RenderValues;

/// A segment of compiled text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CompiledText(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Copied as it is.
    Literal(String),
    /// Filled with a value.
    Slot(Placeholder, Escape),
    /// The first text if the recipient has a value of that name, else the second.
    If(Placeholder, CompiledText, CompiledText),
}

/// How a value is escaped so that it stays a plain value in its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// HTML text or a quoted attribute.
    Html,
    /// A part of a URL: percent-encoded, in HTML and in plain text.
    Url,
    /// Plain text.
    Plain,
}

impl Escape {
    pub(super) const ALL: [Escape; 3] = [Escape::Html, Escape::Url, Escape::Plain];
}

impl CompiledText {
    /// Appends text that is already escaped.
    pub(super) fn push_str(&mut self, literal: &str) {
        match self.0.last_mut() {
            Some(Segment::Literal(last)) => last.push_str(literal),
            _ if literal.is_empty() => {}
            _ => self.0.push(Segment::Literal(literal.to_owned())),
        }
    }

    /// Appends the author's text, escaped.
    pub(super) fn push_escaped(&mut self, text: &str, escape: Escape) {
        match escape {
            Escape::Html => self.push_str(&escape_html(text)),
            Escape::Url => self.push_str(&percent_encode(text)),
            Escape::Plain => self.push_str(text),
        }
    }

    /// Appends a slot.
    pub(super) fn push_slot(&mut self, name: Placeholder, escape: Escape) {
        self.0.push(Segment::Slot(name, escape));
    }

    /// Appends two versions: with a value of that name, and without.
    pub(super) fn push_if_present(&mut self, name: Placeholder, present: CompiledText, absent: CompiledText) {
        self.0.push(Segment::If(name, present, absent));
    }

    /// Appends another text.
    pub(super) fn append(&mut self, other: CompiledText) {
        for piece in other.0 {
            match piece {
                Segment::Literal(literal) => self.push_str(&literal),
                Segment::Slot(..) | Segment::If(..) => self.0.push(piece),
            }
        }
    }

    /// The literals (`Ok`) and the slots (`Err`), in order.
    pub(super) fn segments(&self) -> impl Iterator<Item = Result<&str, (&Placeholder, Escape)>> {
        self.0.iter().filter_map(|piece| match piece {
            Segment::Literal(literal) => Some(Ok(literal.as_str())),
            Segment::Slot(name, escape) => Some(Err((name, *escape))),
            // Occurs only in whole pages, which are not split.
            Segment::If(..) => None,
        })
    }

    /// The text without a prefix.
    pub(super) fn without_prefix(&self, prefix: &str) -> CompiledText {
        let mut rest = self.clone();
        if let Some(Segment::Literal(first)) = rest.0.first_mut()
            && let Some(stripped) = first.strip_prefix(prefix)
        {
            *first = stripped.to_owned();
        }
        rest
    }

    /// Moves the text out and leaves it empty.
    pub(super) fn take(&mut self) -> CompiledText {
        std::mem::take(self)
    }

    /// Removes a line break at the end.
    pub(super) fn trim_last_newline(&mut self) {
        if let Some(Segment::Literal(last)) = self.0.last_mut()
            && last.ends_with('\n')
        {
            last.pop();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The length of the literals, without the slots.
    pub(super) fn literal_len(&self) -> usize {
        self.literals().map(str::len).sum()
    }

    /// The literals between the slots.
    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Segment::Literal(literal) => Some(literal.as_str()),
            Segment::Slot(..) | Segment::If(..) => None,
        })
    }

    /// The text, if it has no slot.
    pub(super) fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Segment::Literal(literal)] => Some(literal),
            _ => None,
        }
    }

    /// Fails if this recipient lacks a value.
    pub(super) fn check(&self, values: &RenderValues<'_>) -> Result<(), RenderError> {
        for piece in &self.0 {
            match piece {
                Segment::Literal(_) => {}
                Segment::Slot(name, escape) => drop(checked_value(name, *escape, values)?),
                Segment::If(name, present, absent) => branch(name, present, absent, values).check(values)?,
            }
        }
        Ok(())
    }

    /// Fills the text for one recipient and appends it to `out`. An empty value is an error,
    /// because a mail should not say "Hej !"; so is a mail address inside a foreign URL.
    pub(super) fn fill(&self, values: &RenderValues<'_>, out: &mut String) -> Result<(), RenderError> {
        self.fill_shortened(values, usize::MAX, out)
    }

    /// Like [`CompiledText::fill`], with values of more than `most` characters cut and marked by `…`.
    pub(super) fn fill_shortened(
        &self,
        values: &RenderValues<'_>,
        most: usize,
        out: &mut String,
    ) -> Result<(), RenderError> {
        for piece in &self.0 {
            match piece {
                Segment::Literal(literal) => out.push_str(literal),
                Segment::Slot(name, escape) => {
                    let value = shortened(checked_value(name, *escape, values)?, most);
                    if value.is_empty() && out.ends_with(' ') {
                        out.pop();
                    }
                    match escape {
                        Escape::Html => out.push_str(&escape_html(&value)),
                        Escape::Plain => out.push_str(&value),
                        Escape::Url => out.push_str(&percent_encode_value(&value)),
                    }
                }
                Segment::If(name, present, absent) => {
                    branch(name, present, absent, values).fill_shortened(values, most, out)?;
                }
            }
        }
        Ok(())
    }
}

/// A value of at most `most` characters.
fn shortened(value: Cow<'_, str>, most: usize) -> Cow<'_, str> {
    if value.len() <= most || value.chars().count() <= most {
        return value;
    }
    let cut: String = value.chars().take(most.saturating_sub(1)).collect();
    Cow::Owned(format!("{}…", cut.trim_end()))
}

/// The value of a name, if it is allowed in its context.
fn checked_value<'v>(
    name: &Placeholder,
    escape: Escape,
    values: &'v RenderValues<'_>,
) -> Result<Cow<'v, str>, RenderError> {
    let value = required_value(name, values)?;
    match escape {
        Escape::Url if looks_like_address(&value) => {
            Err(RenderError::AddressInLink { name: name.to_string() })
        }
        Escape::Url | Escape::Html | Escape::Plain => Ok(value),
    }
}

/// Whether a value has a mail address in it.
fn looks_like_address(value: &str) -> bool {
    value.split_whitespace().any(|word| {
        word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
    })
}

/// The version that applies to this recipient.
fn branch<'p>(
    name: &Placeholder,
    present: &'p CompiledText,
    absent: &'p CompiledText,
    values: &RenderValues<'_>,
) -> &'p CompiledText {
    if values.get(name).is_empty() { absent } else { present }
}

/// The value of a name, or an error if it is empty.
pub(super) fn required_value<'v>(
    name: &Placeholder,
    values: &'v RenderValues<'_>,
) -> Result<Cow<'v, str>, RenderError> {
    let value = values.get(name);
    if value.is_empty() && !name.may_be_empty() {
        return Err(RenderError::Empty { name: name.to_string() });
    }
    Ok(value)
}

/// Escapes text for HTML, also for quoted attributes.
pub(super) fn escape_html(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// Percent-encodes what may not be in a URL; existing percent-encoding is kept.
fn percent_encode(address: &str) -> String {
    encode(address, b"-._~:/?#@!$&()*+,;=%")
}

/// Percent-encodes a value so that it cannot leave its part of a URL.
fn percent_encode_value(value: &str) -> String {
    encode(value, b"-._~")
}

fn encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_context_has_its_own_escaping() {
        let name = "a&b=\"x\" <i> é'";
        assert_eq!(escape_html(name), "a&amp;b=&quot;x&quot; &lt;i&gt; é&#39;");
        assert_eq!(percent_encode_value(name), "a%26b%3D%22x%22%20%3Ci%3E%20%C3%A9%27");
        assert_eq!(percent_encode("https://x.se/a b/å?q=1&r=%20"), "https://x.se/a%20b/%C3%A5?q=1&r=%20");
    }
}
