//! Positions: where everybody stands, worked out with the planner and kept in
//! the database beside the facts they follow from.

use chrono::TimeDelta;

use super::pass::Due;
use super::slices::{self, Slices};
use super::world::World;
use crate::config::Config;
use crate::domain::ids::{PersonNumber, Slug, StepName};
use crate::domain::library::Library;
use crate::domain::memory::Somebody;
use crate::domain::planner::{Approvals, Decision, Planner};
use crate::domain::position::Position;
use crate::domain::progress::Progress;
use crate::domain::verdict::Send;
use crate::domain::zone::{Timestamp, Zone};
use crate::store::{KeptPositions, Skip, Stood, Store, StoreError};

/// Decides for everybody anew, and keeps where each enrolment stands; rows
/// that say so already are left alone. Steps that were too late become facts.
/// Where somebody else has written since the world was read, no more is kept
/// and everybody wants a fresh look.
///
/// # Errors
///
/// Where they cannot be read or written; what is kept by then is true.
pub fn keep(world: &World, store: &mut Store, now: Timestamp) -> Result<(), StoreError> {
    let Some(remembered) = &world.remembered else { return Ok(()) };
    // Mails that leave now move late joiners, and whom these try steps for,
    // from the next moment on.
    let soon = now + TimeDelta::seconds(1);
    let [progress, moved] = slices::progress(world, store, [now, soon])?;
    let planner = Planner::new(&world.library, &world.roster, &world.settings, Approvals::AsGiven);
    let moment = planner.at(now, &world.memory, &progress);
    let moves = moved.moves_late_joiners(&progress, &world.library);
    let next_moment = moves.then(|| planner.at(soon, &world.memory, &moved));
    let mut slices = Slices::of(world);
    while let Some(slice) = slices.next(store)? {
        let stood = slice.everybody().flat_map(|somebody| {
            let Somebody { person, past, .. } = somebody;
            let refused = |journey, send: &Send| Due::of(world, somebody, journey, send).1;
            let later = next_moment.as_ref().map(|moment| moment.decide_unless(person, past, refused));
            let mut later = later.into_iter().flatten();
            moment.decide_unless(person, past, refused).into_iter().filter_map(move |decision| {
                let later = later.next().and_then(|decision| decision.ask_again(soon));
                stood(world, somebody, &decision, later, now)
            })
        });
        // Somebody else has written since the world was read, and knows more.
        if !store.keep_positions(remembered.seen, stood)? {
            return store.forget_decided_with();
        }
    }
    let journeys: Vec<&Slug> = world.library.journeys.iter().map(|journey| &journey.slug).collect();
    store.end_positions(&journeys)?;
    match store.set_decided_with(remembered.seen, &decided_with(&world.config, &world.library))? {
        true => Ok(()),
        false => store.forget_decided_with(),
    }
}

/// Where somebody stands in one journey now; nowhere, if the database does not
/// know them.
fn stood(
    world: &World,
    Somebody { past, number, .. }: Somebody<'_>,
    decision: &Decision,
    later: Option<Timestamp>,
    now: Timestamp,
) -> Option<Stood> {
    let person = number?;
    let journey = &world.library.journeys[decision.journey];
    let skipped = decision.skipped.iter().map(|(step, at)| {
        let step = journey.steps[*step].slug.clone();
        Skip { person, step: StepName { journey: journey.slug.clone(), step }, at: *at }
    });
    Some(Stood {
        person,
        journey: journey.slug.clone(),
        position: Position::of(past.enrolment(&journey.slug), &decision.verdict, now)
            .looked_at_by(decision.ask_again(now))
            .looked_at_by(later),
        skips: skipped.collect(),
    })
}

/// How the positions kept compare with what events and the planner say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// How many enrolments were looked at.
    pub enrolments: usize,
    /// Nobody would be found through these when their mail is due: the row is
    /// missing, or says a later time.
    pub late: usize,
    /// These tell of another last mail than the events do. It costs a look.
    pub untrue: usize,
    /// All want a fresh look, which the next pass takes: content or a decision
    /// is newer than they are. So it is no fault that they are late.
    pub to_renew: bool,
}

/// Compares all positions with what follows from the events now. Time that has
/// passed since they were kept makes none of them late: with nobody acting,
/// nothing is due before the instant a position names.
pub fn compare(
    world: &World,
    kept: &KeptPositions,
    decided_with_now: Option<&str>,
    now: Timestamp,
) -> Compared {
    let mut compared = Compared {
        to_renew: decided_with_now != Some(&decided_with(&world.config, &world.library)),
        ..Compared::default()
    };
    let planner = Planner::new(&world.library, &world.roster, &world.settings, Approvals::AsGiven);
    let progress = Progress::until(now, &world.library, &world.roster, &world.memory);
    let moment = planner.at(now, &world.memory, &progress);
    for somebody in world.everybody() {
        let Somebody { person, past, number: Some(number) } = somebody else { continue };
        let refused = |journey, send: &Send| Due::of(world, somebody, journey, send).1;
        for decision in moment.decide_unless(person, past, refused) {
            let journey = &world.library.journeys[decision.journey].slug;
            let enrolment = past.enrolment(journey);
            let should = Position::of(enrolment, &decision.verdict, now);
            let found = kept.get(&(number, journey.clone()));
            let is_late = |due: Timestamp| found.and_then(|row| row.next_at).is_none_or(|at| at > due);
            compared.enrolments += 1;
            compared.late += usize::from(should.next_at.is_some_and(is_late));
            compared.untrue += usize::from(found.is_some_and(|row| row.last != should.last));
        }
    }
    compared
}

/// Whom a pass at an instant must ask, found without asking everybody; `None`
/// is everybody, because the positions were decided with other content, or
/// something was decided since.
///
/// # Errors
///
/// Where they cannot be read.
pub fn to_ask(
    config: &Config,
    library: &Library,
    store: &Store,
    now: Timestamp,
) -> Result<Option<Vec<PersonNumber>>, StoreError> {
    if store.decided_with()?.as_deref() != Some(&decided_with(config, library)) {
        return Ok(None);
    }
    store.due_people(now).map(Some)
}

/// What positions follow from, beside what the database has itself.
fn decided_with(config: &Config, library: &Library) -> String {
    let grace = config.limits.grace.num_seconds();
    let zones = Zone::release();
    format!("{} {} grace {grace}{ZONES}{zones}", env!("CARGO_PKG_VERSION"), library.hash)
}

/// What stands before the release of the zone data.
const ZONES: &str = " zones ";

/// With which zone data the positions were decided, if with other ones than
/// this program has: what is planned keeps its local time, so all of it is
/// worked out anew (F46).
///
/// # Errors
///
/// Where it cannot be read.
pub fn older_zones(store: &Store) -> Result<Option<String>, StoreError> {
    let with = store.decided_with()?;
    let zones = with.as_deref().and_then(|with| with.rsplit_once(ZONES)).map(|(_, zones)| zones.to_owned());
    Ok(zones.filter(|zones| zones != Zone::release()))
}
