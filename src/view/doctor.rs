//! Findings about everything that sending depends on: the document of `doctor`.

use serde::Serialize;

use crate::engine::doctor::{Finding, Level};

/// All findings, and how many of them are faults and warnings.
#[derive(Debug, Serialize)]
pub(crate) struct DoctorView<'a> {
    at: Option<&'a str>,
    findings: Vec<FindingView<'a>>,
    faults: usize,
    warnings: usize,
}

#[derive(Debug, Serialize)]
struct FindingView<'a> {
    level: &'static str,
    about: &'static str,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> DoctorView<'a> {
    /// `at` is `None` if the configuration is invalid, so that nothing else was
    /// checked.
    pub(crate) fn of(at: Option<&'a str>, findings: &'a [Finding]) -> DoctorView<'a> {
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        DoctorView {
            at,
            findings: findings.iter().map(FindingView::of).collect(),
            faults: count(Level::Fault),
            warnings: count(Level::Warning),
        }
    }
}

impl<'a> FindingView<'a> {
    fn of(finding: &'a Finding) -> FindingView<'a> {
        let level = match finding.level {
            Level::Good => "ok",
            Level::Warning => "warn",
            Level::Fault => "fail",
        };
        FindingView { level, about: finding.about, message: &finding.message, hint: finding.hint.as_deref() }
    }
}
