//! Collects what is wrong with a people file: every bad line in one run, and
//! never more of them than anybody reads.

use crate::domain::diagnostic::{Diagnostic, Place};

/// The most errors told one by one.
const MOST_ERRORS: usize = 1_000;

/// The most warnings of one kind told one by one.
const MOST_WARNINGS: usize = 20;

/// What is wrong with one file.
pub(super) struct Faults {
    name: String,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Bad lines beyond the most that are told, and the last of them.
    more: u32,
    last: u32,
}

impl Faults {
    pub(super) fn new(name: &str) -> Faults {
        Faults { name: name.to_owned(), errors: Vec::new(), warnings: Vec::new(), more: 0, last: 0 }
    }

    /// A place in the file; line 0 is the file as a whole.
    pub(super) fn at(&self, line: u32, column: u32) -> Place {
        Place { file: self.name.clone(), line, column }
    }

    /// Is a fault on this line still told? If not, it is only counted, and
    /// nobody need work out its column and words.
    pub(super) fn has_room(&mut self, line: u32) -> bool {
        let room = self.errors.len() < MOST_ERRORS;
        if !room && line != self.last {
            self.more += 1;
            self.last = line;
        }
        room
    }

    /// One more that stops the import.
    pub(super) fn error(&mut self, fault: Diagnostic) {
        if self.has_room(fault.place.line) {
            self.last = fault.place.line;
            self.errors.push(fault);
        }
    }

    /// One more worth knowing.
    pub(super) fn warning(&mut self, fault: Diagnostic) {
        self.warnings.push(fault);
    }

    /// Warnings of one kind: `tell` words those on the first lines, and
    /// `more` says what the rest are.
    pub(super) fn warnings<T>(
        &mut self,
        mut found: Vec<(u32, T)>,
        more: &str,
        tell: impl Fn(Place, T) -> Diagnostic,
    ) {
        found.sort_by_key(|&(line, _)| line);
        let rest = found.len().saturating_sub(MOST_WARNINGS);
        let mut code = "";
        for (line, what) in found.into_iter().take(MOST_WARNINGS) {
            let fault = tell(self.at(line, 1), what);
            code = fault.code;
            self.warnings.push(fault);
        }
        if rest > 0 {
            self.warnings.push(Diagnostic::warning(
                code,
                self.last_place(),
                format!("and {rest} more {more}"),
            ));
        }
    }

    /// Is there anything that stops the import?
    pub(super) fn any_error(&self) -> bool {
        !self.errors.is_empty()
    }

    /// All of them in the order of the lines.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        let mut list = std::mem::take(&mut self.errors);
        list.append(&mut self.warnings);
        // line 0 stands for the file: before the lines if it is said of the
        // whole, after them (see `last_place`) if it sums up
        list.sort_by_key(|fault| (fault.place.line, fault.place.column));
        for fault in list.iter_mut().filter(|fault| fault.place.line == u32::MAX) {
            (fault.place.line, fault.place.column) = (0, 0);
        }
        if self.more > 0 {
            let lines = if self.more == 1 { "line has faults" } else { "lines have faults" };
            let message = format!("{} more {lines}; these are the first {MOST_ERRORS}", self.more);
            list.push(Diagnostic::error("more-faults", Place::file(&self.name), message));
        }
        list
    }

    /// Sorts after every line; shown as the file.
    fn last_place(&self) -> Place {
        self.at(u32::MAX, 0)
    }
}
