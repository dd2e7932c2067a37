//! Errors and warnings in files: the document of `check`, and part of others.

use serde::Serialize;

use crate::domain::diagnostic::Diagnostic;

/// An error or a warning with its location.
#[derive(Debug, Serialize)]
pub(crate) struct DiagnosticView<'a> {
    severity: String,
    code: &'static str,
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> DiagnosticView<'a> {
    pub(crate) fn of(diagnostic: &'a Diagnostic) -> DiagnosticView<'a> {
        DiagnosticView {
            severity: diagnostic.severity.to_string(),
            code: diagnostic.code,
            file: &diagnostic.place.file,
            line: diagnostic.place.line,
            column: diagnostic.place.column,
            message: &diagnostic.message,
            hint: diagnostic.hint.as_deref(),
        }
    }

    pub(crate) fn of_all(diagnostics: &'a [Diagnostic]) -> Vec<DiagnosticView<'a>> {
        diagnostics.iter().map(DiagnosticView::of).collect()
    }
}
