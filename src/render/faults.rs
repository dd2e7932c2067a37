//! Gathers the faults of one text, each with its line and column.

use crate::domain::diagnostic::{Diagnostic, Place};

/// More faults in one text tell nobody anything, and each costs a look for
/// its line (F96).
const MOST: usize = 50;

/// Faults found in one text.
#[derive(Debug)]
pub(crate) struct Faults<'a> {
    file: &'a str,
    source: Source<'a>,
    found: Vec<Diagnostic>,
    /// How many were left out, and whether one of them stops the work.
    left_out: usize,
    error_left_out: bool,
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
        Faults {
            file,
            source: Source::Text { text, first_line },
            found: Vec::new(),
            left_out: 0,
            error_left_out: false,
        }
    }

    /// Of a value on a line of a file.
    pub(super) fn on_line(file: &'a str, line: u32) -> Faults<'a> {
        Faults { file, source: Source::Line(line), found: Vec::new(), left_out: 0, error_left_out: false }
    }

    /// Adds a fault that stops the work.
    pub(super) fn error(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        if self.has_room() {
            self.found.push(Diagnostic::error(code, self.place(at), found).hint(hint));
        } else {
            self.error_left_out = true;
        }
    }

    /// Adds a fault worth knowing.
    pub(super) fn warning(&mut self, code: &'static str, at: usize, found: &str, hint: &str) {
        if self.has_room() {
            self.found.push(Diagnostic::warning(code, self.place(at), found).hint(hint));
        }
    }

    /// Is there one that stops the work?
    pub(super) fn any_error(&self) -> bool {
        self.error_left_out || self.found.iter().any(Diagnostic::is_error)
    }

    /// All of them, from the first line to the last.
    pub(super) fn into_found(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| a.place.cmp(&b.place));
        if self.left_out > 0 {
            let found = format!("and {} faults more like these", self.left_out);
            let place = Place::file(self.file);
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

    fn place(&self, offset: usize) -> Place {
        match self.source {
            Source::Text { text, first_line } => Place::of_offset(self.file, text, offset, first_line),
            Source::Line(0) => Place::file(self.file),
            Source::Line(line) => Place::at(self.file, line, 1),
        }
    }
}
