//! Positions: where everybody stands, worked out with the planner and kept in
//! the database beside the facts they follow from.

use super::world::World;
use crate::domain::ids::{Slug, StepName};
use crate::domain::planner::{Approvals, Decision, Planner};
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
    let mut stood = Vec::with_capacity(world.roster.people.len() * world.library.journeys.len());
    let mut skips = Vec::new();
    for (place, person) in world.roster.people.iter().enumerate() {
        let Some(number) = remembered.number(place) else { break };
        for decision in moment.decide(person) {
            let journey = &world.library.journeys[decision.journey];
            let enrolment = world.memory.of(&person.id).enrolment(&journey.slug);
            let position = Position::of(enrolment, &decision.verdict, now);
            skips.extend(skipped(world, &decision).map(|(step, at)| Skip { person: number, step, at }));
            stood.push(Stood { person: number, journey: journey.slug.clone(), position });
        }
    }
    store.keep_positions(stood.into_iter(), &skips)?;
    let journeys: Vec<&Slug> = world.library.journeys.iter().map(|journey| &journey.slug).collect();
    store.end_positions(&journeys)
}

/// The steps a decision found too late, and when each was.
pub(super) fn skipped(world: &World, decision: &Decision) -> impl Iterator<Item = (StepName, Timestamp)> {
    let journey = &world.library.journeys[decision.journey];
    decision.skipped.iter().map(|(step, at)| {
        let step = journey.steps[*step].slug.clone();
        (StepName { journey: journey.slug.clone(), step }, *at)
    })
}
