//! Lists what operators decided: pauses, holds, approvals, settings of units, choices.

use crate::domain::change::decision::{Decision, DecisionKind, DecisionTarget};
use crate::domain::model::ids::UnitId;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::store::{Store, StoreError};

/// Which decisions are listed.
pub(crate) struct DecisionFilter {
    /// Only those about this unit or one of its people.
    pub(crate) unit: Option<UnitId>,
    /// Also those that have ended.
    pub(crate) with_ended: bool,
}

/// The decisions of the database, ordered by kind and time. Changes nothing on disk.
pub(crate) fn list(
    snapshot: &Snapshot,
    filter: &DecisionFilter,
    at: Timestamp,
) -> Result<Vec<Decision>, StoreError> {
    let mut all = Store::read_only(&snapshot.config.database, Store::decisions)?.unwrap_or_default();
    for decision in &mut all {
        if let DecisionTarget::Step(name) = &mut decision.target {
            *name = snapshot.content.library.todays_name(name);
        }
    }
    let is_listed = |decision: &Decision| {
        (filter.with_ended || is_in_force(snapshot, decision, at))
            && filter.unit.as_ref().is_none_or(|unit| is_about(snapshot, decision, unit))
    };
    Ok(all.into_iter().filter(is_listed).collect())
}

/// Whether a decision still has an effect. An approval is about one text of a step.
pub(crate) fn is_in_force(snapshot: &Snapshot, decision: &Decision, at: Timestamp) -> bool {
    let library = &snapshot.content.library;
    if decision.kind == DecisionKind::Approval
        && let DecisionTarget::Step(name) = &decision.target
    {
        let step = library.journey(&name.journey).and_then(|journey| journey.step(&name.step));
        return step.is_some_and(|step| Some(step.hash.to_string()) == decision.value);
    }
    decision.is_in_force(library.programme.zone.date(at))
}

fn is_about(snapshot: &Snapshot, decision: &Decision, unit: &UnitId) -> bool {
    match &decision.target {
        DecisionTarget::Unit(id) => id == unit,
        DecisionTarget::Person { id, .. } => {
            snapshot.roster.person(id).is_some_and(|person| person.unit == *unit)
        }
        DecisionTarget::All | DecisionTarget::Journey(_) | DecisionTarget::Step(_) => false,
    }
}
