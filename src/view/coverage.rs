//! Which texts exist for each step, character and language: the document of
//! `matrix`.

use serde::Serialize;

use crate::domain::model::ids::{Language, Slug};
use crate::engine::plan::coverage::{Cell, StepCoverage};

/// All steps with their texts.
#[derive(Debug, Serialize)]
pub(crate) struct CoverageView<'a> {
    steps: Vec<StepCoverageView<'a>>,
}

#[derive(Debug, Serialize)]
struct StepCoverageView<'a> {
    journey: &'a str,
    step: &'a str,
    kind: &'static str,
    content: String,
    texts: Vec<TextView<'a>>,
}

#[derive(Debug, Serialize)]
struct TextView<'a> {
    language: &'a str,
    character: Option<&'a str>,
    text: &'static str,
}

impl<'a> CoverageView<'a> {
    pub(crate) fn of(
        columns: &'a [(Language, Option<Slug>)],
        rows: &'a [StepCoverage<'_>],
    ) -> CoverageView<'a> {
        let text = |((language, character), cell): (&'a (Language, Option<Slug>), &Cell)| TextView {
            language: language.as_str(),
            character: character.as_ref().map(Slug::as_str),
            text: cell.as_str(),
        };
        let step = |row: &'a StepCoverage<'_>| StepCoverageView {
            journey: row.journey.slug.as_str(),
            step: row.step.slug.as_str(),
            kind: row.step.kind.as_str(),
            content: row.step.hash.to_string(),
            texts: columns.iter().zip(&row.cells).map(text).collect(),
        };
        CoverageView { steps: rows.iter().map(step).collect() }
    }
}
