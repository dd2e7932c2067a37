//! Steps × characters × languages: which texts there are.

use super::world::World;
use crate::domain::ids::{Language, Slug};
use crate::domain::journey::Journey;
use crate::domain::step::Step;

/// The texts of one step.
pub struct Texts<'w> {
    /// Of which journey.
    pub journey: &'w Journey,
    /// Which step.
    pub step: &'w Step,
    /// One a language and character, in the order of [`columns`].
    pub cells: Vec<Cell>,
}

/// What a reader of a language with a character gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A text of its own.
    Own,
    /// In the own language, for everybody.
    Inherited,
    /// In the first language, for want of the own.
    Missing,
}

impl Cell {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cell::Own => "own",
            Cell::Inherited => "inherited",
            Cell::Missing => "missing",
        }
    }
}

/// Every language with every character; `None` is the text for everybody.
/// The default character reads that one, unless it has a text of its own.
pub fn columns(world: &World) -> Vec<(Language, Option<Slug>)> {
    let programme = &world.library.programme;
    let characters = programme.characters.iter().map(|character| Some(character.id.clone()));
    let characters: Vec<Option<Slug>> = std::iter::once(None).chain(characters).collect();
    let with = |language: &Language| {
        let language = language.clone();
        characters.iter().map(move |character| (language.clone(), character.clone())).collect::<Vec<_>>()
    };
    programme.languages.iter().flat_map(with).collect()
}

/// The texts of every step, in the library's order.
pub fn matrix(world: &World) -> Vec<Texts<'_>> {
    let columns = columns(world);
    let steps = world.library.journeys.iter().flat_map(|j| j.steps.iter().map(move |step| (j, step)));
    steps
        .map(|(journey, step)| Texts {
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
