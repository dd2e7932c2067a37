//! What operators decided: the document of `decisions`.

use serde::Serialize;

use crate::domain::change::decision::{Decision, DecisionKind, DecisionTarget};
use crate::domain::diagnostic::shell_word;
use crate::domain::time::timezone::Timestamp;
use crate::engine::decisions::is_in_force;
use crate::engine::load::snapshot::Snapshot;

/// A list of decisions.
#[derive(Debug, Serialize)]
pub(crate) struct DecisionsView {
    decisions: Vec<DecisionView>,
}

/// One decision.
#[derive(Debug, Serialize)]
pub(crate) struct DecisionView {
    kind: &'static str,
    pub(crate) in_force: bool,
    person: Option<String>,
    unit: Option<String>,
    journey: Option<String>,
    step: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) why: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) ended: Option<String>,
    /// The command that ends it; `None` if it ends by itself or has ended.
    pub(crate) end_with: Option<String>,
}

impl DecisionsView {
    pub(crate) fn of(snapshot: &Snapshot, decisions: &[Decision], at: Timestamp) -> DecisionsView {
        let decisions = decisions.iter().map(|decision| DecisionView::of(snapshot, decision, at));
        DecisionsView { decisions: decisions.collect() }
    }
}

impl DecisionView {
    pub(crate) fn of(snapshot: &Snapshot, decision: &Decision, at: Timestamp) -> DecisionView {
        let zone = snapshot.content.library.programme.zone;
        let in_force = is_in_force(snapshot, decision, at);
        let (mut person, mut unit, mut journey, mut step) = (None, None, None, None);
        match &decision.target {
            DecisionTarget::All => {}
            DecisionTarget::Person { id, protected } => {
                person = Some(if *protected { "protected".to_owned() } else { id.to_string() });
            }
            DecisionTarget::Unit(id) => unit = Some(snapshot.roster.unit_name(id).to_owned()),
            DecisionTarget::Journey(slug) => journey = Some(slug.to_string()),
            DecisionTarget::Step(name) => {
                (journey, step) = (Some(name.journey.to_string()), Some(name.step.to_string()));
            }
        }
        DecisionView {
            kind: decision.kind.as_str(),
            in_force,
            person,
            unit,
            journey,
            step,
            value: decision.value.clone(),
            since: decision.since.map(|at| zone.rfc3339(at)),
            by: decision.by.clone(),
            why: decision.why.clone(),
            until: decision.until.map(|day| day.to_string()),
            ended: decision.ended.map(|at| zone.rfc3339(at)),
            end_with: in_force.then(|| end_command(snapshot, decision)).flatten(),
        }
    }
}

/// The command that ends a decision. A protected person is not named.
fn end_command(snapshot: &Snapshot, decision: &Decision) -> Option<String> {
    let unit = |id| shell_word(snapshot.roster.unit_name(id));
    Some(match (decision.kind, &decision.target) {
        (DecisionKind::Pause, DecisionTarget::Person { id, protected: false }) => {
            format!("journey resume --person {id}")
        }
        (DecisionKind::Pause, DecisionTarget::Unit(id)) => format!("journey resume --unit {}", unit(id)),
        (DecisionKind::Pause, DecisionTarget::Journey(slug)) => format!("journey resume --journey {slug}"),
        (DecisionKind::Hold, DecisionTarget::All) => "journey hold release".to_owned(),
        (DecisionKind::Hold, DecisionTarget::Step(name)) => format!("journey hold release {name}"),
        (DecisionKind::Approval, DecisionTarget::Step(name)) => format!("journey hold {name}"),
        (DecisionKind::Shift, DecisionTarget::Unit(id)) => {
            let weeks: i32 = decision.value.as_ref()?.parse().ok()?;
            format!("journey unit shift {} --weeks {} --reason TEXT", unit(id), -weeks)
        }
        (DecisionKind::Cadence, DecisionTarget::Unit(id)) => {
            format!("journey unit cadence {} journey", unit(id))
        }
        (DecisionKind::Choice, DecisionTarget::Person { id, protected: false }) => {
            format!("journey choose {id} CHARACTER")
        }
        (DecisionKind::Stop, DecisionTarget::Person { id, protected: false }) => {
            format!("journey people stop {id} --undo")
        }
        _ => return None,
    })
}
