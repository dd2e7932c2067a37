//! What late joiners depend on: where their unit, or everyone, is. Read only if a batch has such people.

use std::collections::BTreeSet;

use super::pass::Pass;
use crate::domain::history::progress::Progress;
use crate::domain::model::ids::{Slug, StepName, UnitId};
use crate::domain::model::journey::LateJoiners;
use crate::domain::planner::{ApprovalMode, Planner};
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::store::{BatchToDecide, Store, StoreError};

/// A journey whose mails decide where others begin, and the unit of the recipients if only its people count.
pub(crate) type Begun = (Slug, Option<UnitId>);

/// The totals that decide where the late joiners of a batch begin.
pub(super) fn progress(
    snapshot: &Snapshot,
    store: &Store,
    at: Timestamp,
    batch: &BatchToDecide,
) -> Result<Progress, StoreError> {
    let library = &snapshot.content.library;
    let mut progress = Progress::until(at, library, &snapshot.roster, &snapshot.memory);
    progress.keep_gates_only();
    let mut units = BTreeSet::new();
    let mut is_all_needed = false;
    {
        let planner = Planner::new(library, &snapshot.roster, &snapshot.settings, ApprovalMode::Recorded);
        let planner_at = planner.at(at, &snapshot.memory, &progress);
        for person in batch.iter() {
            for mode in planner_at.late_joins(person.person, person.past) {
                match mode {
                    LateJoiners::JoinUnit => drop(units.insert(person.person.unit.clone())),
                    LateJoiners::SkipToCurrent => is_all_needed = true,
                    LateJoiners::FromStart => {}
                }
            }
        }
    }
    for unit in units {
        let mut people = store.people_of_unit(&unit)?;
        people.use_todays_names(library);
        people.iter().for_each(|one| progress.add(at, library, one.person, one.past));
    }
    if is_all_needed {
        for (index, journey) in library.journeys.iter().enumerate() {
            if journey.late_joiners == LateJoiners::SkipToCurrent {
                progress.set_furthest(index, furthest(snapshot, store, index, at)?);
            }
        }
    }
    Ok(progress)
}

/// The furthest step of a journey that anyone got before an instant.
fn furthest(
    snapshot: &Snapshot,
    store: &Store,
    journey: usize,
    at: Timestamp,
) -> Result<Option<usize>, StoreError> {
    let library = &snapshot.content.library;
    let journey = &library.journeys[journey];
    for (index, step) in journey.steps.iter().enumerate().rev() {
        for name in library.names_of(&StepName { journey: journey.slug.clone(), step: step.slug.clone() }) {
            if store.has_anyone_got(&name, at)? {
                return Ok(Some(index));
            }
        }
    }
    Ok(None)
}

/// Where the mails of a pass decide about late joiners.
pub(super) fn begun(pass: &Pass<'_>) -> Vec<Begun> {
    let mut begun = BTreeSet::new();
    for due in pass.send.iter().filter(|due| due.round == 0) {
        match due.journey.late_joiners {
            LateJoiners::FromStart => {}
            LateJoiners::JoinUnit => {
                begun.insert((due.journey.slug.clone(), Some(due.person.unit.clone())));
            }
            LateJoiners::SkipToCurrent => {
                begun.insert((due.journey.slug.clone(), None));
            }
        }
    }
    begun.into_iter().collect()
}
