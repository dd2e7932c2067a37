//! Collects the diagnostics of a people file: all invalid lines of one run, up to a
//! limit.

use super::csv::{self, Separator};
use crate::domain::diagnostic::{Diagnostic, DiagnosticCollector, Location, Severity};

/// Maximum number of errors reported one by one.
const MAX_ERRORS: usize = 1_000;

/// Maximum number of warnings of one kind reported one by one.
const MAX_WARNINGS: usize = 20;

/// The diagnostics of one file.
pub(super) struct Faults {
    name: String,
    found: DiagnosticCollector,
    /// An error of the file as a whole, so that no row can be imported.
    has_file_error: bool,
    /// Number of errors of rows above the limit.
    more: u32,
}

impl Faults {
    pub(super) fn new(name: &str) -> Faults {
        let found = DiagnosticCollector::new(MAX_ERRORS);
        Faults { name: name.to_owned(), found, has_file_error: false, more: 0 }
    }

    /// A location in the file; line 0 means the file as a whole.
    pub(super) fn at(&self, line: u32, column: u32) -> Location {
        Location { file: self.name.clone(), line, column }
    }

    /// The location at which a field (from 0) of a record starts.
    pub(super) fn at_field(&self, line: u32, separator: Separator, record: &str, field: usize) -> Location {
        let (lines, column) = csv::place(separator, record, field);
        self.at(line + lines, column)
    }

    /// Adds an error of one row, which is set aside. `make` is called only if there is room.
    pub(super) fn row_error(&mut self, make: impl FnOnce(&Faults) -> Diagnostic) {
        if self.found.has_room() {
            let fault = make(self);
            self.found.add_limited(Severity::Error, || fault);
        } else {
            self.more += 1;
        }
    }

    /// Adds an error of the file as a whole: nothing is imported.
    pub(super) fn file_error(&mut self, fault: Diagnostic) {
        self.has_file_error = true;
        self.found.add(fault);
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
            self.found.add(Diagnostic::warning(code, self.at_end(), format!("and {rest} more {more}")));
        }
    }

    /// Returns true if nothing can be imported.
    pub(super) fn has_file_error(&self) -> bool {
        self.has_file_error
    }

    /// All diagnostics in the order of the lines.
    pub(super) fn into_list(self) -> Vec<Diagnostic> {
        let mut list = self.found.into_sorted();
        // line 0 means the whole file: general errors sort before the lines, summaries
        // (see `at_end`) after them
        list.sort_by_key(|fault| (fault.place.line, fault.place.column, fault.severity));
        for fault in list.iter_mut().filter(|fault| fault.place.line == u32::MAX) {
            (fault.place.line, fault.place.column) = (0, 0);
        }
        if self.more > 0 {
            let errors = if self.more == 1 { "error" } else { "errors" };
            let message = format!("{} more {errors}; these are the first {MAX_ERRORS}", self.more);
            list.push(Diagnostic::error("more-faults", Location::file(&self.name), message));
        }
        list
    }

    /// Sorts after every line; displayed as the file.
    pub(super) fn at_end(&self) -> Location {
        self.at(u32::MAX, 0)
    }
}
