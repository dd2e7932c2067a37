//! Parses the TOML of one file: each syntax error becomes a diagnostic with line and
//! column, and the rest is still read by `TableReader`.

use std::collections::BTreeSet;
use std::ops::Range;

use super::diagnostics::ContentDiagnostics;
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::text::text_file::TextFile;
use crate::text::toml_reader::{TomlDocument, TomlError};

/// Maximum number of syntax errors reported for one text.
const MAX_SYNTAX_ERRORS: usize = 20;
/// More dots than this in one line would nest tables deep enough to overflow
/// the stack.
const MAX_DOTS: usize = 100;

/// One parsed TOML text.
pub(super) struct Document<'a> {
    pub(super) toml: TomlDocument<'a>,
    pub(super) context: Context<'a>,
}

/// State shared by all tables of a document.
pub(super) struct Context<'a> {
    source: &'a TextFile,
    /// Byte offset in the file at which the TOML starts.
    pub(super) start: usize,
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
        let mut context = Context { source, start: base, faults, top_keys, garbled: BTreeSet::new() };
        let text = &source.text[range];
        if let Some(offset) = too_many_dots(text) {
            context.syntax(
                base + offset,
                format!("more than {MAX_DOTS} dots in one line"),
                "a key has at most a few parts",
            );
            return Document { toml: TomlDocument::empty(base), context };
        }
        let (toml, errors) = TomlDocument::parse(text, base);
        for error in errors {
            context.toml_error(&error);
        }
        Document { toml, context }
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
        if self.garbled.insert(self.source.line(offset)) && self.garbled.len() <= MAX_SYNTAX_ERRORS {
            self.faults
                .report(self.source, offset, |place| Diagnostic::error("toml", place, message).hint(hint));
        }
    }

    fn toml_error(&mut self, error: &TomlError) {
        let offset = error.range.start;
        if error.message == "duplicate key" {
            let key = self.source.text.get(error.range.clone()).unwrap_or_default();
            self.add(offset, |place| {
                Diagnostic::error("duplicate-key", place, format!("`{key}` is written twice"))
                    .hint("keep one of the two")
            });
            return;
        }
        let message = format!("cannot be read as TOML: {}", error.message);
        self.syntax(
            offset,
            message,
            "put the text in straight quotes, one key on each line: `title = \"Grunden\"`",
        );
    }
}
