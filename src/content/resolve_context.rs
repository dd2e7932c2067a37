//! What resolving a file may look at, the snapshot and the declared names, and
//! how it reports errors.

use chrono::NaiveDate;

use super::diagnostics::ContentDiagnostics;
use super::hints::{did_you_mean, listed};
use super::programme::DeclaredNames;
use crate::content::file_tree::FileTree;
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::Slug;
use crate::text::text_file::TextFile;
use crate::text::toml_reader::Located;

/// Input shared while resolving.
pub(super) struct ResolveContext<'a> {
    pub(super) snapshot: &'a FileTree,
    pub(super) known: &'a DeclaredNames,
    pub(super) today: NaiveDate,
    pub(super) faults: &'a ContentDiagnostics,
}

impl ResolveContext<'_> {
    pub(super) fn error(
        &self,
        source: &TextFile,
        code: &'static str,
        offset: usize,
        message: String,
        hint: String,
    ) {
        self.faults.report(source, offset, |place| Diagnostic::error(code, place, message).hint(hint));
    }

    pub(super) fn warning(
        &self,
        source: &TextFile,
        code: &'static str,
        offset: usize,
        message: String,
        hint: String,
    ) {
        self.faults.report(source, offset, |place| Diagnostic::warning(code, place, message).hint(hint));
    }

    /// Reports an error of a file as a whole.
    pub(super) fn file_error(&self, path: &str, code: &'static str, message: String, hint: String) {
        self.faults
            .add(Diagnostic::error(code, Location::file(self.snapshot.file(path)), message).hint(hint));
    }

    pub(super) fn file_warning(&self, path: &str, code: &'static str, message: &str, hint: String) {
        self.faults
            .add(Diagnostic::warning(code, Location::file(self.snapshot.file(path)), message).hint(hint));
    }

    /// Reports a focus area that the programme does not declare.
    pub(super) fn check_focus(&self, source: &TextFile, focus: &Located<Slug>) {
        let Some(known) = &self.known.focus else { return };
        if known.contains(&focus.value) {
            return;
        }
        let ids: Vec<&str> = known.iter().map(Slug::as_str).collect();
        let message = format!("there is no focus area `{}`; known: {}", focus.value, listed(&ids));
        let hint = did_you_mean(focus.value.as_str(), &ids)
            .unwrap_or_else(|| "define it with `[[focus]]` in `programme.toml`".to_owned());
        self.error(source, "unknown-focus", focus.offset, message, hint);
    }
}
