//! The plain-text part: blocks of compiled text, wrapped for each recipient after the slots
//! are filled, because names differ in length. Text from templates is only tidied.

use super::RenderError;
use crate::render::compiled_text::CompiledText;
use crate::render::email::values::RenderValues;

/// Maximum line length, except for a longer word.
const WIDTH: usize = 78;

/// A paragraph, heading, list item or code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Prefix of the first line: `- `, `> `, or nothing.
    pub(super) first: String,
    /// Prefix of the other lines.
    pub(super) rest: String,
    /// The separator from the previous block.
    pub(super) gap: Gap,
    /// Whether lines may be wrapped.
    pub(super) flow: Flow,
    /// The text; `\n` is a line break by the author.
    pub(super) words: CompiledText,
}

/// The separator from the previous block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// A line break.
    None,
    /// A line with only this on it: nothing, or the bar of a quotation.
    Line(String),
}

/// Whether the lines of a block may be wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Wrapped,
    /// Kept as it is: code and rules.
    Verbatim,
}

/// Appends the text for one recipient to `out`, with `\n` after every line.
pub(super) fn fill<'b>(
    blocks: impl IntoIterator<Item = &'b Block>,
    values: &RenderValues<'_>,
    out: &mut String,
) -> Result<(), RenderError> {
    let mut words = String::new();
    let mut first = true;
    for block in blocks {
        if let Gap::Line(bar) = &block.gap
            && !first
        {
            out.push_str(bar);
            out.push('\n');
        }
        words.clear();
        block.words.fill(values, &mut words)?;
        let mut prefix = block.first.as_str();
        for line in words.split('\n') {
            match block.flow {
                Flow::Wrapped => wrap(line, prefix, &block.rest, out),
                Flow::Verbatim => push_line(prefix, line, out),
            }
            prefix = &block.rest;
        }
        first = false;
    }
    Ok(())
}

/// Appends a template's text around the step's text to `out`: long lines wrapped, empty lines
/// collapsed.
pub(super) fn tidy(text: &str, out: &mut String) {
    for line in text.lines() {
        let line = line.trim_end();
        if !line.is_empty() {
            wrap(line, "", "", out);
        } else if !out.is_empty() && !out.ends_with("\n\n") {
            out.push('\n');
        }
    }
}

/// Wraps one line at [`WIDTH`] characters.
fn wrap(line: &str, first: &str, rest: &str, out: &mut String) {
    let mut prefix = first;
    let mut column = 0;
    let mut end = 0;
    // Bytes, because that is twice as fast as characters.
    for bytes in line.as_bytes().split(|b| *b == b' ') {
        let word = &line[end..end + bytes.len()];
        end += bytes.len() + 1;
        if word.is_empty() {
            continue;
        }
        let width = bytes.iter().filter(|b| !matches!(b, 0x80..=0xBF)).count();
        if column > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            prefix = rest;
            column = 0;
        }
        if column == 0 {
            out.push_str(prefix);
            column = prefix.chars().count();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    if column == 0 {
        out.push_str(prefix.trim_end());
    }
    out.push('\n');
}

fn push_line(prefix: &str, line: &str, out: &mut String) {
    out.push_str(if line.is_empty() { prefix.trim_end() } else { prefix });
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_at_most_78_characters_and_keep_their_indent() {
        let mut out = String::new();
        wrap(&"fjäder ".repeat(23), "- ", "  ", &mut out);
        assert!(out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert!(out.lines().skip(1).all(|line| line.starts_with("  fjäder")), "{out}");
    }

    #[test]
    fn a_url_is_never_broken() {
        let mut out = String::new();
        let address = format!("<https://example.se/{}>", "a".repeat(90));
        wrap(&format!("Läs mer {address} nu"), "", "", &mut out);
        assert_eq!(out, format!("Läs mer\n{address}\nnu\n"));
    }
}
