//! Collects the diagnostics of a content folder, up to a limit for each file.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::domain::diagnostic::{Diagnostic, DiagnosticCollector, Location, Severity};
use crate::text::text_file::TextFile;

/// Collects diagnostics. It is shared by reference, so that parsing continues
/// after an error.
#[derive(Default)]
pub(super) struct ContentDiagnostics {
    files: RefCell<BTreeMap<String, DiagnosticCollector>>,
}

/// Limit per file.
const MAX_PER_FILE: usize = 200;

impl ContentDiagnostics {
    pub(super) fn add(&self, fault: Diagnostic) {
        self.in_file(&fault.place.file.clone(), |collector| collector.add(fault));
    }

    pub(super) fn extend(&self, faults: impl IntoIterator<Item = Diagnostic>) {
        faults.into_iter().for_each(|fault| self.add(fault));
    }

    /// Adds a diagnostic for an offset in a text, up to the limit.
    pub(super) fn report(
        &self,
        source: &TextFile,
        offset: usize,
        fault: impl FnOnce(Location) -> Diagnostic,
    ) {
        self.in_file(&source.file, |collector| {
            if !collector.has_room() && collector.left_out() == 0 {
                let message =
                    format!("more than {MAX_PER_FILE} errors; only the first {MAX_PER_FILE} are shown");
                let fault = Diagnostic::error("too-many-faults", Location::file(&source.file), message);
                collector.add(fault.hint("correct these first"));
            }
            collector.add_limited(Severity::Error, || fault(source.place(offset)));
        });
    }

    fn in_file(&self, file: &str, add: impl FnOnce(&mut DiagnosticCollector)) {
        let mut files = self.files.borrow_mut();
        add(files.entry(file.to_owned()).or_insert_with(|| DiagnosticCollector::new(MAX_PER_FILE)));
    }

    /// Sorted by file, line and column; the sort is stable.
    pub(super) fn in_order(self) -> Vec<Diagnostic> {
        let files = self.files.into_inner().into_values();
        let mut faults: Vec<Diagnostic> = files.flat_map(DiagnosticCollector::into_sorted).collect();
        faults.dedup();
        faults
    }
}
