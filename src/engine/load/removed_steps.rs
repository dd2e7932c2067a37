//! Steps and journeys that people have had and that are not in the content any more. A person must say what became of each: it has
//! another name (`renamed`), or its name may never be used again (`retired`).

use super::references::journey_file;
use crate::config::Config;
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::{Slug, StepName};
use crate::domain::model::journey::Journey;
use crate::domain::model::library::Library;
use crate::store::TextCount;

/// What the database knows about steps.
#[derive(Default)]
pub(super) struct KnownSteps {
    /// How many people got each step.
    pub(super) people: Vec<(StepName, usize)>,
    /// The content in force before, if it can be read.
    pub(super) before: Option<Library>,
    /// The texts there are, for `changed_readers`.
    pub(super) texts: Vec<TextCount>,
}

/// Warns about each step that people have had and that is neither there nor declared. It is an error if a journey has
/// none of the steps it had: everybody would get everything again.
pub(super) fn removed_steps(config: &Config, library: &Library, known: &KnownSteps) -> Vec<Diagnostic> {
    let mut faults = removed_journeys(config, library, known);
    for journey in &library.journeys {
        let of_journey = |(name, _): &&(StepName, usize)| name.journey == journey.slug;
        let undeclared: Vec<(&Slug, usize)> = known
            .people
            .iter()
            .filter(of_journey)
            .map(|(name, people)| (&name.step, *people))
            .filter(|(step, _)| !is_declared(journey, step))
            .collect();
        if undeclared.is_empty() {
            continue;
        }
        let before = known.before.as_ref().and_then(|before| before.journey(&journey.slug));
        let place = Location::file(journey_file(config, journey.slug.as_str()));
        if before.is_some_and(|before| has_other_steps(journey, before)) {
            let (step, people) = undeclared[0];
            let message = format!(
                "every step of the journey `{}` has another id; {people} people have had `{step}`, and would get everything again",
                journey.slug
            );
            let hint = format!(
                "write the former id of each step: `renamed = {{ {step} = \"{}\" }}`; or, if the steps are new, `retired = [\"{step}\"]` with all former ids",
                journey.steps.first().map_or("…", |step| step.slug.as_str())
            );
            faults.push(Diagnostic::error("steps-renamed", place, message).hint(hint));
            continue;
        }
        let is_new = |slug: &&Slug| before.is_some_and(|before| before.step(slug).is_none());
        let new: Vec<&Slug> = journey.steps.iter().map(|step| &step.slug).filter(is_new).collect();
        for (step, people) in undeclared {
            let had = people_have(people);
            let message = format!("{had} had the step `{step}`, and it is not in the journey any more");
            let today = if let [only] = new[..] { only.as_str() } else { "…" };
            let hint = format!(
                "if it has another id now: `renamed = {{ {step} = \"{today}\" }}`; if it is removed: `retired = [\"{step}\"]`"
            );
            faults.push(Diagnostic::warning("step-removed", place.clone(), message).hint(hint));
        }
    }
    faults
}

/// The same for journeys that are gone from the content since it was last in force. It is an error if a new journey
/// has steps of one: its folder was renamed, and everybody would get everything again.
fn removed_journeys(config: &Config, library: &Library, known: &KnownSteps) -> Vec<Diagnostic> {
    let Some(before) = &known.before else { return Vec::new() };
    let mut faults = Vec::new();
    for gone in before.journeys.iter().filter(|journey| library.journey(&journey.slug).is_none()) {
        let of_journey = known.people.iter().filter(|(name, _)| name.journey == gone.slug);
        let Some(people) = of_journey.map(|(_, people)| *people).max() else { continue };
        let is_new = |journey: &&Journey| before.journey(&journey.slug).is_none();
        let has_its_steps =
            |journey: &&Journey| journey.steps.iter().any(|step| gone.step(&step.slug).is_some());
        let had = people_have(people);
        let renamed = library.journeys.iter().filter(is_new).find(has_its_steps);
        faults.push(match renamed {
            Some(now) => {
                let place = Location::file(journey_file(config, now.slug.as_str()));
                let message = format!(
                    "the journey `{}` has steps of `{}`, which is gone; {had} had them, and would get them again",
                    now.slug, gone.slug
                );
                let hint = format!(
                    "name the folder `{}` again; its `title` may change. To give the journey once more, keep the old folder beside the new one",
                    gone.slug
                );
                Diagnostic::error("journey-renamed", place, message).hint(hint)
            }
            None => {
                let place = Location::file(journey_file(config, gone.slug.as_str()));
                let message = format!("{had} had steps of the journey `{}`, which is gone", gone.slug);
                Diagnostic::warning("journey-removed", place, message)
                    .hint("nothing more of it is sent; to end a journey and keep its pages, leave its folder")
            }
        });
    }
    faults
}

/// The beginning of a sentence.
pub(super) fn people_have(people: usize) -> String {
    if people == 1 { "1 person has".to_owned() } else { format!("{people} people have") }
}

/// Whether the step is there, was renamed, or is retired.
fn is_declared(journey: &Journey, step: &Slug) -> bool {
    journey.step_once_called(step).is_some() || journey.retired.contains(step)
}

/// Whether not one step of a journey is declared in it now.
fn has_other_steps(journey: &Journey, before: &Journey) -> bool {
    !before.steps.is_empty() && before.steps.iter().all(|step| !is_declared(journey, &step.slug))
}
