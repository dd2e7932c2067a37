//! Collects diagnostics, up to a limit: a file made to have very many errors must not
//! take long to report.

use super::{Diagnostic, Severity};

/// The diagnostics found so far.
#[derive(Debug)]
pub(crate) struct DiagnosticCollector {
    found: Vec<Diagnostic>,
    limit: usize,
    /// How many of those found count for the limit.
    limited: usize,
    left_out: usize,
    error_left_out: bool,
}

impl Default for DiagnosticCollector {
    /// Without a limit.
    fn default() -> DiagnosticCollector {
        DiagnosticCollector::new(usize::MAX)
    }
}

impl DiagnosticCollector {
    pub(crate) fn new(limit: usize) -> DiagnosticCollector {
        DiagnosticCollector { found: Vec::new(), limit, limited: 0, left_out: 0, error_left_out: false }
    }

    /// Adds one that does not count for the limit.
    pub(crate) fn add(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    pub(crate) fn has_room(&self) -> bool {
        self.limited < self.limit
    }

    /// Adds one that counts for the limit. Above the limit it is only counted and not
    /// made, because that takes time: its line and column have to be found.
    pub(crate) fn add_limited(&mut self, severity: Severity, make: impl FnOnce() -> Diagnostic) {
        if self.has_room() {
            self.limited += 1;
            self.found.push(make());
        } else {
            self.left_out += 1;
            self.error_left_out |= severity == Severity::Error;
        }
    }

    /// How many were not kept.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    pub(crate) fn is_error_left_out(&self) -> bool {
        self.error_left_out
    }

    /// Whether there is an error, kept or not.
    pub(crate) fn any_error(&self) -> bool {
        self.error_left_out || self.found.iter().any(Diagnostic::is_error)
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// Those kept, sorted by file, line and column; in one place in the order in which
    /// they were found.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| a.place.cmp(&b.place));
        self.found
    }
}
