//! Authors' files in, a [`Library`] out: TOML and Markdown read as one
//! snapshot, every fault collected, none thrown. It says nothing about how
//! the Markdown reads (that is `render`) and sends nothing; `check`, the
//! engine and the preview call [`load`].
//!
//! Read in this order: [`tree`] takes the snapshot and [`text`] makes bytes
//! text; [`document`] reads TOML tables key by key; [`programme`],
//! [`journey`] and [`words`] say what one file says, nothing looked up;
//! [`resolve`] looks names up in each other, [`variants`] fills in what a
//! variant inherits; [`hash`] names the result.

mod document;
mod front_matter;
mod hash;
mod journey;
mod programme;
mod resolve;
mod text;
mod tree;
mod variants;
mod words;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::path::Path;

use chrono::NaiveDate;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::library::Library;

/// What a content folder holds.
#[derive(Debug)]
pub struct Loaded {
    /// All content; `None` when one of the faults is an error, so that
    /// half-understood content is never put in force.
    pub library: Option<Library>,
    /// Every fault of every file, by file, line and column.
    pub faults: Vec<Diagnostic>,
}

/// Reads a content folder as it is now. `today` is only asked whether each
/// cadence still has a slot in the year to come.
pub fn load(dir: &Path, today: NaiveDate) -> Loaded {
    let faults = Faults::default();
    let library =
        tree::snapshot(dir, &faults).and_then(|snapshot| resolve::library(&snapshot, today, &faults));
    let faults = faults.in_order();
    let usable = !faults.iter().any(Diagnostic::is_error);
    Loaded { library: library.filter(|_| usable), faults }
}

/// Where faults gather. Shared by all who read, so that nobody has to stop at
/// the first or carry a list along.
#[derive(Default)]
struct Faults(RefCell<Vec<Diagnostic>>);

impl Faults {
    fn add(&self, fault: Diagnostic) {
        self.0.borrow_mut().push(fault);
    }

    fn extend(&self, faults: impl IntoIterator<Item = Diagnostic>) {
        self.0.borrow_mut().extend(faults);
    }

    /// By file, line and column; at one place in the order they were found.
    fn in_order(self) -> Vec<Diagnostic> {
        let mut faults = self.0.into_inner();
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        faults.dedup();
        faults
    }
}
