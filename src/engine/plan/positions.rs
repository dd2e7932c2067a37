//! Positions: the next mail and stage of each enrolment, computed with the
//! planner and stored as an index in the database.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::pass::DueEmail;
use crate::config::Config;
use crate::domain::history::position::Position;
use crate::domain::history::progress::Progress;
use crate::domain::history::{PersonWithHistory, SENT_AT_ONCE};
use crate::domain::model::ids::{PersonNumber, Slug, StepName};
use crate::domain::model::library::Library;
use crate::domain::planner::{ApprovalMode, Decision, Planner};
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::Send;
use crate::engine::load::snapshot::Snapshot;
use crate::store::{PositionUpdate, SkippedStep, Store, StoreError, StoredPositions};

/// The positions of a person in all journeys, from decisions at an instant.
pub(super) fn updates(
    snapshot: &Snapshot,
    person: PersonWithHistory<'_>,
    decisions: &[Decision],
    now: Timestamp,
) -> Vec<PositionUpdate> {
    decisions.iter().filter_map(|decision| position_update(snapshot, person, decision, now)).collect()
}

/// Everyone is decided again once a day, so that an error in the marks cannot keep a mail back for longer.
const FULL_PASS: TimeDelta = TimeDelta::hours(24);

/// If the positions were computed with another configuration, content, program or time zone data, or a day ago, marks
/// everyone.
pub(super) fn mark_if_inputs_changed(
    snapshot: &Snapshot,
    store: &mut Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    let library = &snapshot.content.library;
    let journeys: Vec<&Slug> = library.journeys.iter().map(|journey| &journey.slug).collect();
    let inputs = inputs_fingerprint(&snapshot.config, library);
    store.decide_again_if_changed(&inputs, &journeys, now - FULL_PASS, now)
}

/// The position of a person in one journey; `None` if the person is not in the
/// database.
fn position_update(
    snapshot: &Snapshot,
    PersonWithHistory { past, number, .. }: PersonWithHistory<'_>,
    decision: &Decision,
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
            .recheck_no_later_than(decision.next_check(now)),
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

/// Compares the stored positions with those computed from the events now, but for people who are decided again by the
/// next pass. The passage of time alone makes none of them stale.
pub(crate) fn compare(
    snapshot: &Snapshot,
    kept: &StoredPositions,
    marked: &HashSet<PersonNumber>,
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
        if marked.contains(&number) {
            continue;
        }
        let refused = |journey, send: &Send| DueEmail::of(snapshot, somebody, journey, send).1;
        for decision in moment.decide_with_veto(person, past, refused) {
            let journey = &snapshot.content.library.journeys[decision.journey].slug;
            let enrolment = past.enrolment(journey);
            let should = Position::of(enrolment, &decision.verdict, now);
            let found = kept.get(&(number, journey.clone()));
            let is_late = |due: Timestamp| found.and_then(|row| row.next_at).is_none_or(|at| at > due);
            compared.enrolments += 1;
            compared.stale += usize::from(should.next_at.is_some_and(is_late));
            compared.mismatched +=
                usize::from(found.is_some_and(|row| !is_same_mail(row.last.as_ref(), should.last.as_ref())));
        }
    }
    compared
}

/// Whether both are the same mail. A mail that is sent at once counts from when it was enqueued.
fn is_same_mail(one: Option<&(Slug, Timestamp)>, other: Option<&(Slug, Timestamp)>) -> bool {
    match (one, other) {
        (Some((step, at)), Some((other_step, other_at))) => {
            step == other_step && (*at - *other_at).abs() <= SENT_AT_ONCE
        }
        (one, other) => one == other,
    }
}

/// The people a pass must decide for, from the index; `None` means all, because the positions were computed with other
/// inputs.
pub fn due_people(
    config: &Config,
    library: &Library,
    store: &Store,
    now: Timestamp,
) -> Result<Option<Vec<PersonNumber>>, StoreError> {
    if !are_current(config, library, store)? {
        return Ok(None);
    }
    store.people_to_decide(now).map(Some)
}

/// Whether the positions were computed with these inputs, but for the people who are marked.
pub(crate) fn are_current(config: &Config, library: &Library, store: &Store) -> Result<bool, StoreError> {
    Ok(store.positions_fingerprint()?.as_deref() == Some(&inputs_fingerprint(config, library)))
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
