//! Authors' files in, a [`Library`] out: TOML and Markdown read as one
//! snapshot, every fault collected, none thrown. It says nothing about how
//! the Markdown reads (that is `render`) and sends nothing; `check`, the
//! engine and the preview call [`load`].
//!
//! Read in this order: `tree` takes the snapshot and `text` makes bytes
//! text; `document` and `table` read TOML key by key, `front_matter` finds
//! it in Markdown; `programme`, `journey` and `words` say what one file
//! says, nothing looked up; `resolve` looks names up in each other and
//! `variants` fills in what a variant inherits; `picture` reads a film's still; `hash`
//! names the result.

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
mod hostile;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use crate::content::text_file::Source;
use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::model::library::Library;

/// What a content folder holds.
#[derive(Debug)]
pub struct Loaded {
    /// All content; `None` when one of the faults is an error, so that
    /// half-understood content is never put in force.
    pub library: Option<Library>,
    /// What could be read of content with errors: never to be put in force,
    /// but its words can be looked at, so that one run tells their faults too.
    pub(crate) draft: Option<Library>,
    /// Every fault of every file, by file, line and column.
    pub faults: Vec<Diagnostic>,
    /// The files it was read from, so that they can be kept and read again.
    pub(crate) files: Files,
}

/// Content as files: their bytes by path below the content folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Reads a content folder as it is now. `today` is only asked whether each
/// cadence still has a slot in the year to come.
pub fn load(dir: &Path, today: NaiveDate) -> Loaded {
    let faults = Faults::default();
    loaded(file_tree::snapshot(dir, &faults), today, faults)
}

/// Reads content from files that were kept; `dir` is what messages call them.
pub(crate) fn load_kept(dir: &Path, files: &Files, today: NaiveDate) -> Loaded {
    let faults = Faults::default();
    loaded(Some(file_tree::kept(dir, files, &faults)), today, faults)
}

fn loaded(snapshot: Option<file_tree::Snapshot>, today: NaiveDate, faults: Faults) -> Loaded {
    let library = snapshot.as_ref().and_then(|snapshot| resolver::library(snapshot, today, &faults));
    let files = snapshot.map(file_tree::Snapshot::into_files).unwrap_or_default();
    let faults = faults.in_order();
    let usable = !faults.iter().any(Diagnostic::is_error);
    let (library, draft) = if usable { (library, None) } else { (None, library) };
    Loaded { library, draft, faults, files }
}

/// Where faults gather. Shared by all who read, so that nobody has to stop at
/// the first or carry a list along.
#[derive(Default)]
struct Faults {
    list: RefCell<Vec<Diagnostic>>,
    /// How many have been told in the text of each file.
    in_file: RefCell<BTreeMap<String, usize>>,
}

/// More faults than this in one file help nobody, and a file made to have a
/// hundred thousand must not take a minute (F88).
const MOST_IN_A_FILE: usize = 200;

impl Faults {
    fn add(&self, fault: Diagnostic) {
        self.list.borrow_mut().push(fault);
    }

    fn extend(&self, faults: impl IntoIterator<Item = Diagnostic>) {
        self.list.borrow_mut().extend(faults);
    }

    /// Adds a fault in a text; its place is only worked out if it is told.
    fn tell(&self, source: &Source, offset: usize, fault: impl FnOnce(Place) -> Diagnostic) {
        let mut in_file = self.in_file.borrow_mut();
        let told = in_file.entry(source.file.clone()).or_default();
        *told += 1;
        if *told <= MOST_IN_A_FILE {
            self.add(fault(source.place(offset)));
        } else if *told == MOST_IN_A_FILE + 1 {
            let message = format!("more than {MOST_IN_A_FILE} faults; the rest is not told");
            let fault = Diagnostic::error("too-many-faults", Place::file(&source.file), message);
            self.add(fault.hint("mend these first"));
        }
    }

    /// By file, line and column; at one place in the order they were found.
    fn in_order(self) -> Vec<Diagnostic> {
        let mut faults = self.list.into_inner();
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        faults.dedup();
        faults
    }
}
