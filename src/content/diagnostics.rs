//! Collects the diagnostics of a content folder, up to a limit for each file.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::domain::diagnostic::{Diagnostic, Location};
use crate::text::text_file::TextFile;

/// Collects diagnostics. It is shared by reference, so that parsing continues
/// after an error.
#[derive(Default)]
pub(super) struct ContentDiagnostics {
    list: RefCell<Vec<Diagnostic>>,
    /// Number of diagnostics reported so far for each file.
    in_file: RefCell<BTreeMap<String, usize>>,
}

/// Limit per file: a file constructed to have 100,000 errors must not take
/// minutes to report.
const MAX_PER_FILE: usize = 200;

impl ContentDiagnostics {
    pub(super) fn add(&self, fault: Diagnostic) {
        self.list.borrow_mut().push(fault);
    }

    pub(super) fn extend(&self, faults: impl IntoIterator<Item = Diagnostic>) {
        self.list.borrow_mut().extend(faults);
    }

    /// Adds a diagnostic for an offset in a text; line and column are computed
    /// only while the limit is not reached.
    pub(super) fn report(
        &self,
        source: &TextFile,
        offset: usize,
        fault: impl FnOnce(Location) -> Diagnostic,
    ) {
        let mut in_file = self.in_file.borrow_mut();
        let count = in_file.entry(source.file.clone()).or_default();
        *count += 1;
        if *count <= MAX_PER_FILE {
            self.add(fault(source.place(offset)));
        } else if *count == MAX_PER_FILE + 1 {
            let message = format!("more than {MAX_PER_FILE} faults; the rest is not told");
            let fault = Diagnostic::error("too-many-faults", Location::file(&source.file), message);
            self.add(fault.hint("mend these first"));
        }
    }

    /// Sorted by file, line and column; the sort is stable.
    pub(super) fn in_order(self) -> Vec<Diagnostic> {
        let mut faults = self.list.into_inner();
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        faults.dedup();
        faults
    }
}
