//! Collects the diagnostics of a people file: all invalid lines of one run, up to a
//! limit.

use crate::domain::diagnostic::{Diagnostic, DiagnosticCollector, Location, Severity};

/// Maximum number of errors reported one by one.
const MAX_ERRORS: usize = 1_000;

/// Maximum number of warnings of one kind reported one by one.
const MAX_WARNINGS: usize = 20;

/// The diagnostics of one file.
pub(super) struct Faults {
    name: String,
    found: DiagnosticCollector,
    /// Number of invalid lines above the limit, and the last of them.
    more: u32,
    last: u32,
}

impl Faults {
    pub(super) fn new(name: &str) -> Faults {
        Faults { name: name.to_owned(), found: DiagnosticCollector::new(MAX_ERRORS), more: 0, last: 0 }
    }

    /// A location in the file; line 0 means the file as a whole.
    pub(super) fn at(&self, line: u32, column: u32) -> Location {
        Location { file: self.name.clone(), line, column }
    }

    /// Returns true if an error on this line is still reported. Otherwise it is only
    /// counted, and the caller need not compute column and message.
    pub(super) fn has_room(&mut self, line: u32) -> bool {
        let room = self.found.has_room();
        if !room && line != self.last {
            self.more += 1;
            self.last = line;
        }
        room
    }

    /// Adds an error, which prevents the import.
    pub(super) fn error(&mut self, fault: Diagnostic) {
        if self.has_room(fault.place.line) {
            self.last = fault.place.line;
            self.found.add_limited(Severity::Error, || fault);
        }
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, fault: Diagnostic) {
        self.found.add(fault);
    }

    /// Adds warnings of one kind: `tell` builds the first ones, and `more` describes
    /// the rest in a summary.
    pub(super) fn warnings<T>(
        &mut self,
        mut found: Vec<(u32, T)>,
        more: &str,
        tell: impl Fn(Location, T) -> Diagnostic,
    ) {
        found.sort_by_key(|&(line, _)| line);
        let rest = found.len().saturating_sub(MAX_WARNINGS);
        let mut code = "";
        for (line, what) in found.into_iter().take(MAX_WARNINGS) {
            let fault = tell(self.at(line, 1), what);
            code = fault.code;
            self.found.add(fault);
        }
        if rest > 0 {
            self.found.add(Diagnostic::warning(code, self.last_place(), format!("and {rest} more {more}")));
        }
    }

    /// Returns true if there is an error, which prevents the import.
    pub(super) fn any_error(&self) -> bool {
        self.found.any_error()
    }

    /// All diagnostics in the order of the lines.
    pub(super) fn into_list(self) -> Vec<Diagnostic> {
        let mut list = self.found.into_sorted();
        // line 0 means the whole file: general errors sort before the lines, summaries
        // (see `last_place`) after them
        list.sort_by_key(|fault| (fault.place.line, fault.place.column, fault.severity));
        for fault in list.iter_mut().filter(|fault| fault.place.line == u32::MAX) {
            (fault.place.line, fault.place.column) = (0, 0);
        }
        if self.more > 0 {
            let lines = if self.more == 1 { "line has faults" } else { "lines have faults" };
            let message = format!("{} more {lines}; these are the first {MAX_ERRORS}", self.more);
            list.push(Diagnostic::error("more-faults", Location::file(&self.name), message));
        }
        list
    }

    /// Sorts after every line; displayed as the file.
    fn last_place(&self) -> Location {
        self.at(u32::MAX, 0)
    }
}
