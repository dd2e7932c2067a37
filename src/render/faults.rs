//! Collects the errors and warnings in one text, with line and column.

use crate::domain::diagnostic::{Diagnostic, DiagnosticCollector, Location, Severity};

/// More errors in one text do not help, and locating each costs time.
const MOST: usize = 50;

/// The errors and warnings in one text.
#[derive(Debug)]
pub(crate) struct Faults<'a> {
    file: &'a str,
    source: Source<'a>,
    found: DiagnosticCollector,
}

/// How an offset becomes a location.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    /// A text that is in the file verbatim, starting at a line.
    Text { text: &'a str, first_line: u32 },
    /// A value of the front matter, of which only the line is known.
    Line(u32),
}

impl<'a> Faults<'a> {
    /// For a text that starts at a line of a file.
    pub(super) fn in_text(file: &'a str, text: &'a str, first_line: u32) -> Faults<'a> {
        Faults::new(file, Source::Text { text, first_line })
    }

    /// For a value on a line of a file.
    pub(super) fn on_line(file: &'a str, line: u32) -> Faults<'a> {
        Faults::new(file, Source::Line(line))
    }

    fn new(file: &'a str, source: Source<'a>) -> Faults<'a> {
        Faults { file, source, found: DiagnosticCollector::new(MOST) }
    }

    /// Adds an error.
    pub(super) fn error(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        let (file, source) = (self.file, self.source);
        let make = || Diagnostic::error(code, source.place(file, at), found).hint(hint);
        self.found.add_limited(Severity::Error, make);
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        let (file, source) = (self.file, self.source);
        let make = || Diagnostic::warning(code, source.place(file, at), found).hint(hint);
        self.found.add_limited(Severity::Warning, make);
    }

    /// Whether there is an error.
    pub(super) fn any_error(&self) -> bool {
        self.found.any_error()
    }

    /// All of them, sorted by line.
    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        let (left_out, error_left_out) = (self.found.left_out(), self.found.is_error_left_out());
        let mut found = self.found.into_sorted();
        if left_out > 0 {
            let message = format!("and {left_out} more errors like these");
            let place = Location::file(self.file);
            found.push(if error_left_out {
                Diagnostic::error("more-faults", place, message)
            } else {
                Diagnostic::warning("more-faults", place, message)
            });
        }
        found
    }
}

impl Source<'_> {
    fn place(self, file: &str, offset: usize) -> Location {
        match self {
            Source::Text { text, first_line } => Location::of_offset(file, text, offset, first_line),
            Source::Line(0) => Location::file(file),
            Source::Line(line) => Location::at(file, line, 1),
        }
    }
}
