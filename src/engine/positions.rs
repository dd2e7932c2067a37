//! Positions: where everybody stands, worked out with the planner and kept in
//! the database beside the facts they follow from.

use super::world::World;
use crate::domain::ids::{Slug, StepName};
use crate::domain::planner::{Approvals, Planner};
use crate::domain::position::Position;
use crate::domain::progress::Progress;
use crate::domain::zone::Timestamp;
use crate::store::{Skip, Stood, Store, StoreError};

/// Decides for everybody anew, and keeps where each enrolment stands; rows
/// that say so already are left alone. Steps that were too late become facts.
///
/// # Errors
///
/// Where they cannot be written; then none is.
pub fn keep(world: &World, store: &mut Store, now: Timestamp) -> Result<(), StoreError> {
    let Some(remembered) = &world.remembered else { return Ok(()) };
    let planner = Planner::new(&world.library, &world.roster, &world.settings, Approvals::AsGiven);
    let progress = Progress::until(now, &world.library, &world.roster, &world.memory);
    let moment = planner.at(now, &world.memory, &progress);
    let people = world.roster.people.iter().zip(&remembered.numbers);
    let stood = people.flat_map(|(person, &number)| {
        let past = world.memory.of(&person.id);
        moment.decide(person).into_iter().map(move |decision| {
            let journey = &world.library.journeys[decision.journey];
            let skipped = decision.skipped.iter().map(|(step, at)| {
                let step = journey.steps[*step].slug.clone();
                let step = StepName { journey: journey.slug.clone(), step };
                Skip { person: number, step, at: *at }
            });
            Stood {
                person: number,
                journey: journey.slug.clone(),
                position: Position::of(past.enrolment(&journey.slug), &decision.verdict, now),
                skips: skipped.collect(),
            }
        })
    });
    store.keep_positions(stood)?;
    let journeys: Vec<&Slug> = world.library.journeys.iter().map(|journey| &journey.slug).collect();
    store.end_positions(&journeys)
}
