//! Text coverage: which steps have a text for which character and language.

use crate::domain::model::ids::{Language, Slug};
use crate::domain::model::journey::Journey;
use crate::domain::model::step::Step;
use crate::engine::load::snapshot::Snapshot;

/// Coverage of one step.
pub(crate) struct StepCoverage<'w> {
    pub(crate) journey: &'w Journey,
    pub(crate) step: &'w Step,
    /// One cell for each of [`columns`].
    pub(crate) cells: Vec<Cell>,
}

/// What a recipient with this language and character gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A text written for it.
    Own,
    /// The general text of the language.
    Inherited,
    /// The text of the first language, because the own one is missing.
    Missing,
}

impl Cell {
    /// The code used in output.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Cell::Own => "own",
            Cell::Inherited => "inherited",
            Cell::Missing => "missing",
        }
    }
}

/// Every language with every character; `None` is the general text, which is
/// also that of the default character unless it has its own.
pub(crate) fn columns(snapshot: &Snapshot) -> Vec<(Language, Option<Slug>)> {
    let programme = &snapshot.content.library.programme;
    let characters = programme.characters.iter().map(|character| Some(character.id.clone()));
    let characters: Vec<Option<Slug>> = std::iter::once(None).chain(characters).collect();
    let with = |language: &Language| {
        let language = language.clone();
        characters.iter().map(move |character| (language.clone(), character.clone())).collect::<Vec<_>>()
    };
    programme.languages.iter().flat_map(with).collect()
}

/// Coverage of every step, in the order of the library.
pub(crate) fn matrix(snapshot: &Snapshot) -> Vec<StepCoverage<'_>> {
    let columns = columns(snapshot);
    let steps =
        snapshot.content.library.journeys.iter().flat_map(|j| j.steps.iter().map(move |step| (j, step)));
    steps
        .map(|(journey, step)| StepCoverage {
            journey,
            step,
            cells: columns
                .iter()
                .map(|(language, character)| cell(step, language, character.as_ref()))
                .collect(),
        })
        .collect()
}

fn cell(step: &Step, language: &Language, character: Option<&Slug>) -> Cell {
    let text = step.variant(language, character);
    match (text.language == *language, text.character.as_ref() == character) {
        (true, true) => Cell::Own,
        (true, false) => Cell::Inherited,
        (false, _) => Cell::Missing,
    }
}
