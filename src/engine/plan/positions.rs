//! Positions: the next mail and stage of each enrolment, computed with the
//! planner and stored as an index in the database.

use chrono::TimeDelta;

use super::pass::DueEmail;
use crate::config::Config;
use crate::domain::history::PersonWithHistory;
use crate::domain::history::position::Position;
use crate::domain::history::progress::Progress;
use crate::domain::model::ids::{PersonNumber, Slug, StepName};
use crate::domain::model::library::Library;
use crate::domain::planner::{ApprovalMode, Decision, Planner};
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::Send;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::people_batches::{self, PeopleBatches};
use crate::store::{PositionUpdate, SkippedStep, Store, StoreError, StoredPositions};

/// Recomputes all positions and stores the ones that changed. Also records
/// steps that expired. If another process has written since the snapshot was
/// read, it stops and all positions are marked for recomputation.
pub fn update_positions(snapshot: &Snapshot, store: &mut Store, now: Timestamp) -> Result<(), StoreError> {
    let Some(stored) = &snapshot.stored else { return Ok(()) };
    // Mails sent now affect late joiners and gates from the next moment on.
    let soon = now + TimeDelta::seconds(1);
    let [progress, moved] = people_batches::progress(snapshot, store, [now, soon])?;
    let planner =
        Planner::new(&snapshot.content.library, &snapshot.roster, &snapshot.settings, ApprovalMode::Recorded);
    let moment = planner.at(now, &snapshot.memory, &progress);
    let moves = moved.affects_late_joiners(&progress, &snapshot.content.library);
    let next_moment = moves.then(|| planner.at(soon, &snapshot.memory, &moved));
    let mut slices = PeopleBatches::of(snapshot);
    while let Some(slice) = slices.next(store)? {
        let position_update = slice.iter().flat_map(|somebody| {
            let PersonWithHistory { person, past, .. } = somebody;
            let refused = |journey, send: &Send| DueEmail::of(snapshot, somebody, journey, send).1;
            let later = next_moment.as_ref().map(|moment| moment.decide_with_veto(person, past, refused));
            let mut later = later.into_iter().flatten();
            moment.decide_with_veto(person, past, refused).into_iter().filter_map(move |decision| {
                let later = later.next().and_then(|decision| decision.next_check(soon));
                position_update(snapshot, somebody, &decision, later, now)
            })
        });
        // Another process has written since the snapshot was read.
        if !store.save_positions(stored.seen, position_update)? {
            return store.invalidate_positions();
        }
    }
    let journeys: Vec<&Slug> =
        snapshot.content.library.journeys.iter().map(|journey| &journey.slug).collect();
    store.end_positions(&journeys)?;
    match store.set_positions_fingerprint(
        stored.seen,
        &inputs_fingerprint(&snapshot.config, &snapshot.content.library),
    )? {
        true => Ok(()),
        false => store.invalidate_positions(),
    }
}

/// The position of a person in one journey; `None` if the person is not in the
/// database.
fn position_update(
    snapshot: &Snapshot,
    PersonWithHistory { past, number, .. }: PersonWithHistory<'_>,
    decision: &Decision,
    later: Option<Timestamp>,
    now: Timestamp,
) -> Option<PositionUpdate> {
    let person = number?;
    let journey = &snapshot.content.library.journeys[decision.journey];
    let skipped = decision.skipped.iter().map(|(step, at)| {
        let step = journey.steps[*step].slug.clone();
        SkippedStep { person, step: StepName { journey: journey.slug.clone(), step }, at: *at }
    });
    Some(PositionUpdate {
        person,
        journey: journey.slug.clone(),
        position: Position::of(past.enrolment(&journey.slug), &decision.verdict, now)
            .recheck_no_later_than(decision.next_check(now))
            .recheck_no_later_than(later),
        skips: skipped.collect(),
    })
}

/// Result of comparing the stored positions with the events and the planner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PositionAudit {
    /// Number of enrolments compared.
    pub(crate) enrolments: usize,
    /// Positions that are missing or later than what the planner computes: a mail
    /// due would not be found in time.
    pub(crate) stale: usize,
    /// Positions with another last mail than the events. Costs only an unneeded
    /// check.
    pub(crate) mismatched: usize,
    /// All positions will be recomputed by the next pass, because content or a
    /// decision is newer. Stale positions are then no error.
    pub(crate) recompute_pending: bool,
}

/// Compares the stored positions with those computed from the events now. The
/// passage of time alone makes none of them stale.
pub(crate) fn compare(
    snapshot: &Snapshot,
    kept: &StoredPositions,
    decided_with_now: Option<&str>,
    now: Timestamp,
) -> PositionAudit {
    let mut compared = PositionAudit {
        recompute_pending: decided_with_now
            != Some(&inputs_fingerprint(&snapshot.config, &snapshot.content.library)),
        ..PositionAudit::default()
    };
    let planner =
        Planner::new(&snapshot.content.library, &snapshot.roster, &snapshot.settings, ApprovalMode::Recorded);
    let progress = Progress::until(now, &snapshot.content.library, &snapshot.roster, &snapshot.memory);
    let moment = planner.at(now, &snapshot.memory, &progress);
    for somebody in snapshot.everybody() {
        let PersonWithHistory { person, past, number: Some(number) } = somebody else { continue };
        let refused = |journey, send: &Send| DueEmail::of(snapshot, somebody, journey, send).1;
        for decision in moment.decide_with_veto(person, past, refused) {
            let journey = &snapshot.content.library.journeys[decision.journey].slug;
            let enrolment = past.enrolment(journey);
            let should = Position::of(enrolment, &decision.verdict, now);
            let found = kept.get(&(number, journey.clone()));
            let is_late = |due: Timestamp| found.and_then(|row| row.next_at).is_none_or(|at| at > due);
            compared.enrolments += 1;
            compared.stale += usize::from(should.next_at.is_some_and(is_late));
            compared.mismatched += usize::from(found.is_some_and(|row| row.last != should.last));
        }
    }
    compared
}

/// The people a pass must decide for, from the index; `None` means all, because
/// the positions were computed with other content or before the last decision.
pub fn due_people(
    config: &Config,
    library: &Library,
    store: &Store,
    now: Timestamp,
) -> Result<Option<Vec<PersonNumber>>, StoreError> {
    if store.positions_fingerprint()?.as_deref() != Some(&inputs_fingerprint(config, library)) {
        return Ok(None);
    }
    store.due_people(now).map(Some)
}

/// A fingerprint of the inputs of positions that are not in the database
/// itself.
fn inputs_fingerprint(config: &Config, library: &Library) -> String {
    let grace = config.limits.grace.num_seconds();
    let zones = TimeZone::release();
    format!("{} {} grace {grace}{ZONES}{zones}", env!("CARGO_PKG_VERSION"), library.hash)
}

/// Separator before the time zone release.
const ZONES: &str = " zones ";

/// The time zone release the positions were computed with, if it is not the one
/// of this program. Planned mails keep their local time, so all positions are
/// recomputed.
pub(crate) fn changed_tzdata(store: &Store) -> Result<Option<String>, StoreError> {
    let with = store.positions_fingerprint()?;
    let zones = with.as_deref().and_then(|with| with.rsplit_once(ZONES)).map(|(_, zones)| zones.to_owned());
    Ok(zones.filter(|zones| zones != TimeZone::release()))
}
