//! Reads the authors' content folder into a [`Library`]: TOML and Markdown
//! files are read as one consistent snapshot and all errors are collected in one
//! run. It does not render Markdown (`render` does) and sends nothing. Callers
//! are `check`, the engine and the preview.
//!
//! Reading order: `file_tree` takes the snapshot, `text_file` decodes bytes;
//! `document` and `table` read TOML key by key, `front_matter` finds it in
//! Markdown; `programme`, `journey` and `step_file` parse one file each without
//! looking anything up; `resolver` resolves references between files and
//! `variants` applies inheritance between variants; `picture` reads the size of
//! a poster; `hash` computes content hashes.

mod document;
mod file_tree;
mod front_matter;
mod hash;
mod hints;
mod journey;
mod picture;
mod programme;
mod resolver;
mod step_file;
mod table;
mod text_file;
mod variants;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use crate::content::text_file::TextFile;
use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::model::library::Library;

/// The result of loading a content folder.
#[derive(Debug)]
pub struct ContentResult {
    /// The complete library; `None` if any diagnostic is an error, so that
    /// partly parsed content is never activated.
    pub library: Option<Library>,
    /// What could be parsed of content with errors. Never activated; it is
    /// rendered only to report the errors in its texts in the same run.
    pub(crate) draft: Option<Library>,
    /// All diagnostics, sorted by file, line and column.
    pub faults: Vec<Diagnostic>,
    /// The files that were read, so that they can be stored and loaded again.
    pub(crate) files: Files,
}

/// Content as files: their bytes by path below the content folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Reads a content folder. `today` is needed only to check that each cadence
/// has a slot within the coming year.
pub fn load(dir: &Path, today: NaiveDate) -> ContentResult {
    let faults = Faults::default();
    result_of(file_tree::snapshot(dir, &faults), today, faults)
}

/// Loads content from stored files; `dir` is the folder name used in messages.
pub(crate) fn load_from_files(dir: &Path, files: &Files, today: NaiveDate) -> ContentResult {
    let faults = Faults::default();
    result_of(Some(file_tree::from_files(dir, files, &faults)), today, faults)
}

fn result_of(snapshot: Option<file_tree::FileTree>, today: NaiveDate, faults: Faults) -> ContentResult {
    let library = snapshot.as_ref().and_then(|snapshot| resolver::library(snapshot, today, &faults));
    let files = snapshot.map(file_tree::FileTree::into_files).unwrap_or_default();
    let faults = faults.in_order();
    let usable = !faults.iter().any(Diagnostic::is_error);
    let (library, draft) = if usable { (library, None) } else { (None, library) };
    ContentResult { library, draft, faults, files }
}

/// Collects diagnostics. It is shared by reference, so that parsing continues
/// after an error.
#[derive(Default)]
struct Faults {
    list: RefCell<Vec<Diagnostic>>,
    /// Number of diagnostics reported so far for each file.
    in_file: RefCell<BTreeMap<String, usize>>,
}

/// Limit per file: a file constructed to have 100,000 errors must not take
/// minutes to report.
const MAX_PER_FILE: usize = 200;

impl Faults {
    fn add(&self, fault: Diagnostic) {
        self.list.borrow_mut().push(fault);
    }

    fn extend(&self, faults: impl IntoIterator<Item = Diagnostic>) {
        self.list.borrow_mut().extend(faults);
    }

    /// Adds a diagnostic for an offset in a text; line and column are computed
    /// only while the limit is not reached.
    fn report(&self, source: &TextFile, offset: usize, fault: impl FnOnce(Place) -> Diagnostic) {
        let mut in_file = self.in_file.borrow_mut();
        let count = in_file.entry(source.file.clone()).or_default();
        *count += 1;
        if *count <= MAX_PER_FILE {
            self.add(fault(source.place(offset)));
        } else if *count == MAX_PER_FILE + 1 {
            let message = format!("more than {MAX_PER_FILE} faults; the rest is not told");
            let fault = Diagnostic::error("too-many-faults", Place::file(&source.file), message);
            self.add(fault.hint("mend these first"));
        }
    }

    /// Sorted by file, line and column; the sort is stable.
    fn in_order(self) -> Vec<Diagnostic> {
        let mut faults = self.list.into_inner();
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        faults.dedup();
        faults
    }
}
