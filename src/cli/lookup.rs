//! Looks up steps, journeys, units and people by the names given as arguments,
//! with a "did you mean" hint if there is no match.

use std::collections::HashSet;

use super::error::CommandError;
use crate::domain::diagnostic::{closest_match, visible};
use crate::domain::model::ids::{PersonId, Slug, StepName, UnitId};
use crate::domain::model::person::Person;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::pass::Filter;
use crate::store::StoreError;

/// Finds a step by `journey/step`.
pub(super) fn step(snapshot: &Snapshot, text: &str) -> Result<StepName, CommandError> {
    let names = step_names(snapshot);
    let found = names.iter().find(|name| name.to_string() == text).cloned();
    found.ok_or_else(|| not_found("step", text, names.iter().map(ToString::to_string)))
}

/// Finds a journey by its slug.
pub(super) fn journey(snapshot: &Snapshot, text: &str) -> Result<Slug, CommandError> {
    let slugs = || snapshot.content.library.journeys.iter().map(|journey| journey.slug.clone());
    let found = slugs().find(|slug| slug.as_str() == text);
    found.ok_or_else(|| not_found("journey", text, slugs().map(|slug| slug.to_string())))
}

/// Finds a unit by id or name.
pub(super) fn unit(snapshot: &Snapshot, text: &str) -> Result<UnitId, CommandError> {
    match &snapshot.roster.units_called(text)[..] {
        [unit] => Ok(unit.id.clone()),
        [] => Err(not_found("unit", text, unit_names(snapshot))),
        several => {
            let ids: Vec<String> = several.iter().map(|unit| format!("`{}`", unit.id)).collect();
            Err(CommandError::usage(format!("{} units are called `{text}`", several.len()))
                .hint(format!("name one by its id: {}", ids.join(", "))))
        }
    }
}

/// Finds a person by employee id or address.
pub(super) fn person<'w>(snapshot: &'w Snapshot, text: &str) -> Result<&'w Person, CommandError> {
    snapshot.roster.find(text).ok_or_else(|| no_such_person(text))
}

/// The error for an unknown person.
pub(super) fn no_such_person(text: &str) -> CommandError {
    CommandError::usage(format!("no person with the id or address `{}`", visible(text)))
        .hint("PERSON is an employee id or a mail address")
}

/// Builds the filter from the values of `--only`: each is a step (with a `/`), a
/// person that `find` returns, or a unit.
pub(super) fn only(
    snapshot: &Snapshot,
    texts: &[String],
    find: impl Fn(&str) -> Result<Option<PersonId>, StoreError>,
) -> Result<Filter, CommandError> {
    let mut selection = Filter::default();
    for text in texts {
        let units = snapshot.roster.units_called(text);
        if let Some(person) = find(text)? {
            selection.people.insert(person);
        } else if !units.is_empty() {
            selection.units.extend(units.iter().map(|unit| unit.id.clone()));
        } else if StepName::parse(text).is_some() {
            selection.steps.push(step(snapshot, text)?);
        } else {
            let names =
                unit_names(snapshot).chain(step_names(snapshot).into_iter().map(|name| name.to_string()));
            let error = not_found("step, unit or person", text, names);
            let says_what_to_do = !error.hints.is_empty();
            return Err(if says_what_to_do { error } else { error.hint(ONLY_HINT) });
        }
    }
    Ok(selection)
}

const ONLY_HINT: &str = "write <journey>/<step>, a unit's id or name, or an employee id or mail address";

fn step_names(snapshot: &Snapshot) -> Vec<StepName> {
    let mut names = Vec::new();
    for journey in &snapshot.content.library.journeys {
        let of = |step: &Slug| StepName { journey: journey.slug.clone(), step: step.clone() };
        names.extend(journey.steps.iter().map(|step| of(&step.slug)));
    }
    names
}

fn unit_names(snapshot: &Snapshot) -> impl Iterator<Item = String> + use<'_> {
    snapshot.roster.units.iter().flat_map(|unit| [unit.id.to_string(), unit.name.to_string()])
}

/// Maximum number of names that a hint lists.
const MAX_LISTED: usize = 8;

fn not_found(what: &str, text: &str, known: impl Iterator<Item = String>) -> CommandError {
    // A unit without a code has its name as its id.
    let mut seen = HashSet::new();
    let known: Vec<String> = known.filter(|name| seen.insert(name.clone())).collect();
    let error = CommandError::usage(format!("there is no {what} `{}`", visible(text)));
    // The step without its journey: `resor` for `miljo/resor`.
    let whole = |name: &&String| name.split_once('/').is_some_and(|(_, step)| step == text);
    let whole: Vec<String> = known.iter().filter(whole).map(|name| format!("`{name}`")).collect();
    if !whole.is_empty() {
        return error.hint(format!("did you mean {}?", whole.join(" or ")));
    }
    // A common prefix of several: `Hemtjänsten` for `Hemtjänsten Norr`.
    let beginning = text.to_lowercase();
    let begun = |name: &&String| text.len() > 2 && name.to_lowercase().starts_with(&beginning);
    let begun: Vec<String> = known.iter().filter(begun).map(|name| format!("`{name}`")).collect();
    if (2..=MAX_LISTED).contains(&begun.len()) {
        return error.hint(format!("did you mean {}?", begun.join(" or ")));
    }
    match closest_match(text, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.len() <= MAX_LISTED => error.hint(format!("there are `{}`", known.join("`, `"))),
        None => error,
    }
}
