//! Parses one TOML text with error recovery: each syntax error becomes a
//! diagnostic with line and column, and the rest of the text is still read. The
//! callers read the resulting `TomlTable`s.
//!
//! serde is not used because it stops at the first error.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::DeTable;

use super::diagnostics::ContentDiagnostics;
use crate::content::text_file::TextFile;
use crate::domain::diagnostic::{Diagnostic, Location};

/// A value and its byte offset in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) offset: usize,
}

impl<T> Located<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), offset: self.offset }
    }
}

/// Maximum number of syntax errors reported for one text.
const MAX_SYNTAX_ERRORS: usize = 20;
/// More dots than this in one line would nest tables deep enough to overflow
/// the stack.
const MAX_DOTS: usize = 100;

/// One parsed TOML text.
pub(super) struct Document<'a> {
    pub(super) root: DeTable<'a>,
    pub(super) context: Context<'a>,
}

/// State shared by all tables of a document.
pub(super) struct Context<'a> {
    source: &'a TextFile,
    /// Byte offset in the file at which the TOML starts.
    pub(super) base: usize,
    faults: &'a ContentDiagnostics,
    /// The keys allowed above the first table.
    pub(super) top_keys: &'static [&'static str],
    /// Lines with syntax errors; other errors on these lines are consequences and
    /// are suppressed.
    garbled: BTreeSet<u32>,
}

impl<'a> Document<'a> {
    /// Parses a part of a file; syntax errors are reported and skipped.
    pub(super) fn parse(
        source: &'a TextFile,
        range: Range<usize>,
        top_keys: &'static [&'static str],
        faults: &'a ContentDiagnostics,
    ) -> Document<'a> {
        let base = range.start;
        let mut context = Context { source, base, faults, top_keys, garbled: BTreeSet::new() };
        let text = &source.text[range];
        if let Some(offset) = too_many_dots(text) {
            context.syntax(
                offset,
                format!("more than {MAX_DOTS} dots in one line"),
                "a key has at most a few parts",
            );
            return Document { root: DeTable::new(), context };
        }
        let (root, wrong) = DeTable::parse_recoverable(text);
        for fault in wrong {
            context.toml_fault(text, &fault);
        }
        Document { root: root.into_inner(), context }
    }

    /// Returns true if there was no syntax error. Otherwise a missing key may
    /// only be unreadable and is not reported.
    pub(super) fn is_whole(&self) -> bool {
        self.context.is_whole()
    }
}

/// Offset of the first line with too many dots.
fn too_many_dots(text: &str) -> Option<usize> {
    let mut start = 0;
    text.split_inclusive('\n').find_map(|line| {
        let offset = start;
        start += line.len();
        (line.bytes().filter(|byte| *byte == b'.').count() > MAX_DOTS).then_some(offset)
    })
}

impl Context<'_> {
    pub(super) fn is_whole(&self) -> bool {
        self.garbled.is_empty()
    }

    /// Reports a diagnostic unless its line has a syntax error.
    pub(super) fn add(&self, offset: usize, fault: impl FnOnce(Location) -> Diagnostic) {
        if !self.garbled.contains(&self.source.line(offset)) {
            self.faults.report(self.source, offset, fault);
        }
    }

    /// Reports only the first syntax error of each line.
    fn syntax(&mut self, offset: usize, message: String, hint: &str) {
        let offset = self.base + offset;
        if self.garbled.insert(self.source.line(offset)) && self.garbled.len() <= MAX_SYNTAX_ERRORS {
            self.faults
                .report(self.source, offset, |place| Diagnostic::error("toml", place, message).hint(hint));
        }
    }

    fn toml_fault(&mut self, text: &str, fault: &toml::de::Error) {
        let span = fault.span().unwrap_or_default();
        if fault.message() == "duplicate key" {
            let key = text.get(span.clone()).unwrap_or_default();
            let offset = self.base + span.start;
            self.add(offset, |place| {
                Diagnostic::error("duplicate-key", place, format!("`{key}` stands here a second time"))
                    .hint("keep one of the two")
            });
            return;
        }
        let message = format!("cannot be read as TOML: {}", fault.message());
        self.syntax(span.start, message, "text stands in quotes, one key to a line: `title = \"Grunden\"`");
    }
}
