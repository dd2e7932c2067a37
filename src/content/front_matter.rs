//! Splits a Markdown file into front matter, TOML between two `+++` lines, and
//! body. Byte offsets refer to the whole file, so that line numbers stay right.

use std::ops::Range;

use crate::domain::diagnostic::Diagnostic;
use crate::text::text_file::TextFile;

/// The two parts of a file, as byte ranges of its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FrontMatterSplit {
    /// The TOML between the markers; `None` without front matter.
    pub(super) front: Option<Range<usize>>,
    /// The Markdown after it.
    pub(super) body: Range<usize>,
}

/// Splits a file into front matter and body.
///
/// # Errors
///
/// The closing marker is missing, or the front matter uses `---` (YAML).
pub(super) fn split(source: &TextFile) -> Result<FrontMatterSplit, Diagnostic> {
    let end = source.text.len();
    let is_marker = |line: &str| line.trim_end() == "+++";
    let mut lines = source.lines_from(0).skip_while(|(_, line)| line.trim().is_empty());
    let Some((opens, first)) = lines.next() else {
        return Ok(FrontMatterSplit { front: None, body: 0..end });
    };
    if first.trim_end() == "---" {
        let message = "the front matter is TOML between two `+++` lines, found `---`";
        return Err(Diagnostic::error("front-matter", source.place(opens), message)
            .hint("write `+++` above and below, and `key = \"value\"` between"));
    }
    if !is_marker(first) {
        return Ok(FrontMatterSplit { front: None, body: 0..end });
    }
    let begins = (opens + first.len() + 1).min(end);
    let Some((closes, last)) = lines.find(|(_, line)| is_marker(line)) else {
        let message = "the front matter that begins here has no end";
        return Err(Diagnostic::error("front-matter", source.place(opens), message)
            .hint("write a line `+++` between the keys and the text"));
    };
    Ok(FrontMatterSplit { front: Some(begins..closes), body: (closes + last.len() + 1).min(end)..end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_front_matter(text: &str) -> String {
        let source = TextFile::new("f.md", &text.replace("\r\n", "\n"));
        match split(&source) {
            Ok(FrontMatterSplit { front, body }) => {
                let front = front.map(|range| &source.text[range]);
                format!("{front:?} {:?} line {}", &source.text[body.clone()], source.line(body.start))
            }
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn both_halves_keep_their_lines() {
        assert_eq!(split_front_matter("+++\na = 1\n+++\nHej\n"), r#"Some("a = 1\n") "Hej\n" line 4"#);
        assert_eq!(
            split_front_matter("\r\n+++ \r\na = 1\r\n+++\r\n\r\nHej"),
            r#"Some("a = 1\n") "\nHej" line 5"#
        );
        assert_eq!(split_front_matter("+++\n+++"), r#"Some("") "" line 2"#);
    }

    #[test]
    fn without_markers_all_is_body() {
        assert_eq!(split_front_matter("Hej\n+++\n"), r#"None "Hej\n+++\n" line 1"#);
        assert_eq!(split_front_matter(""), r#"None "" line 1"#);
    }

    #[test]
    fn a_missing_end_is_a_fault() {
        assert!(
            split_front_matter("+++\na = 1\nHej\n")
                .starts_with("f.md:1:1: error: the front matter that begins")
        );
        assert!(split_front_matter("---\na: 1\n---\n").contains("found `---`"));
    }
}
