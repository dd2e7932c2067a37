//! Gathers the faults of one text, each with its line and column.

use crate::domain::diagnostic::{Diagnostic, Place};

/// Faults found in one text.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    file: &'a str,
    source: Source<'a>,
    found: Vec<Diagnostic>,
}

/// How an offset becomes a place.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    /// A text that stands in the file as it is, from a line on.
    Text { text: &'a str, first_line: u32 },
    /// A value of the front matter, of which only the line is known.
    Line(u32),
}

impl<'a> Faults<'a> {
    /// Of a text that begins on a line of a file.
    pub(super) fn in_text(file: &'a str, text: &'a str, first_line: u32) -> Faults<'a> {
        Faults { file, source: Source::Text { text, first_line }, found: Vec::new() }
    }

    /// Of a value on a line of a file.
    pub(super) fn on_line(file: &'a str, line: u32) -> Faults<'a> {
        Faults { file, source: Source::Line(line), found: Vec::new() }
    }

    /// Adds a fault that stops the work.
    pub(super) fn error(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        self.found.push(Diagnostic::error(code, self.place(at), found).hint(hint));
    }

    /// Adds a fault worth knowing.
    pub(super) fn warning(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        self.found.push(Diagnostic::warning(code, self.place(at), found).hint(hint));
    }

    /// Is there one that stops the work?
    pub(super) fn any_error(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    /// All of them.
    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    fn place(&self, offset: usize) -> Place {
        match self.source {
            Source::Text { text, first_line } => Place::of_offset(self.file, text, offset, first_line),
            Source::Line(0) => Place::file(self.file),
            Source::Line(line) => Place::at(self.file, line, 1),
        }
    }
}
