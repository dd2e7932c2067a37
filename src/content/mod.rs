//! Reads the authors' content folder into a [`Library`]: TOML and Markdown
//! files are read as one consistent snapshot and all errors are collected in one
//! run. It does not render Markdown (`render` does) and sends nothing. Callers
//! are `check`, the engine and the preview.
//!
//! Reading order: `file_tree` takes the snapshot, `decode` decodes bytes;
//! `document` and `table_reader` read TOML key by key, `front_matter` finds it
//! in Markdown; `programme`, `journey` and `step_file` parse one file each without
//! looking anything up; `resolver` resolves references between files and
//! `variants` applies inheritance between variants; `picture` reads the size of
//! a poster; `hash` computes content hashes.

mod decode;
mod diagnostics;
mod document;
mod file_tree;
mod front_matter;
mod hash;
mod hints;
mod journey;
mod picture;
mod programme;
mod resolve_context;
mod resolver;
mod step_file;
mod table_reader;
mod variants;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod tests;

use std::path::Path;

use chrono::NaiveDate;

pub use self::file_tree::Files;

use self::diagnostics::ContentDiagnostics;
use crate::domain::diagnostic::Diagnostic;
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

/// Reads a content folder. `today` is needed only to check that each cadence
/// has a slot within the coming year.
pub fn load(dir: &Path, today: NaiveDate) -> ContentResult {
    let faults = ContentDiagnostics::default();
    result_of(file_tree::snapshot(dir, &faults), today, faults)
}

/// Loads content from stored files; `dir` is the folder name used in messages.
pub(crate) fn load_from_files(dir: &Path, files: &Files, today: NaiveDate) -> ContentResult {
    let faults = ContentDiagnostics::default();
    result_of(Some(file_tree::from_files(dir, files, &faults)), today, faults)
}

fn result_of(
    snapshot: Option<file_tree::FileTree>,
    today: NaiveDate,
    faults: ContentDiagnostics,
) -> ContentResult {
    let library = snapshot.as_ref().and_then(|snapshot| resolver::library(snapshot, today, &faults));
    let files = snapshot.map(file_tree::FileTree::into_files).unwrap_or_default();
    let faults = faults.in_order();
    let usable = !faults.iter().any(Diagnostic::is_error);
    let (library, draft) = if usable { (library, None) } else { (None, library) };
    ContentResult { library, draft, faults, files }
}
