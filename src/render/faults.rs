//! Collects the errors and warnings in one text, with line and column.

use crate::domain::diagnostic::{Diagnostic, Location};

/// More errors in one text do not help, and locating each costs time.
const MOST: usize = 50;

/// The errors and warnings in one text.
#[derive(Debug)]
pub(crate) struct Faults<'a> {
    file: &'a str,
    source: Source<'a>,
    found: Vec<Diagnostic>,
    /// How many were left out, and whether one of them is an error.
    left_out: usize,
    error_left_out: bool,
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
        Faults {
            file,
            source: Source::Text { text, first_line },
            found: Vec::new(),
            left_out: 0,
            error_left_out: false,
        }
    }

    /// For a value on a line of a file.
    pub(super) fn on_line(file: &'a str, line: u32) -> Faults<'a> {
        Faults { file, source: Source::Line(line), found: Vec::new(), left_out: 0, error_left_out: false }
    }

    /// Adds an error.
    pub(super) fn error(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        if self.has_room() {
            self.found.push(Diagnostic::error(code, self.place(at), found).hint(hint));
        } else {
            self.error_left_out = true;
        }
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        if self.has_room() {
            self.found.push(Diagnostic::warning(code, self.place(at), found).hint(hint));
        }
    }

    /// Whether there is an error.
    pub(super) fn any_error(&self) -> bool {
        self.error_left_out || self.found.iter().any(Diagnostic::is_error)
    }

    /// All of them, sorted by line.
    pub(super) fn into_found(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| a.place.cmp(&b.place));
        if self.left_out > 0 {
            let found = format!("and {} faults more like these", self.left_out);
            let place = Location::file(self.file);
            self.found.push(if self.error_left_out {
                Diagnostic::error("more-faults", place, found)
            } else {
                Diagnostic::warning("more-faults", place, found)
            });
        }
        self.found
    }

    fn has_room(&mut self) -> bool {
        let room = self.found.len() < MOST;
        self.left_out += usize::from(!room);
        room
    }

    fn place(&self, offset: usize) -> Location {
        match self.source {
            Source::Text { text, first_line } => Location::of_offset(self.file, text, offset, first_line),
            Source::Line(0) => Location::file(self.file),
            Source::Line(line) => Location::at(self.file, line, 1),
        }
    }
}
