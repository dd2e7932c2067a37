//! The arguments that name whom `pause` and `resume` are about: a person, a
//! unit or a journey.

use super::error::CommandError;
use super::{lookup, output};
use crate::domain::change::settings::PauseTarget;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::subset::Subset;

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct PauseTargetArgs {
    /// Employee id or mail address
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// A unit (name or id)
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// A journey
    #[arg(long, value_name = "JOURNEY")]
    journey: Option<String>,
}

impl PauseTargetArgs {
    /// Whom it concerns.
    pub(super) fn subset(&self) -> Subset<'_> {
        match (&self.person, &self.unit) {
            (Some(person), _) => Subset::ChangedPerson(person),
            (None, Some(unit)) => Subset::ChangedUnit(unit),
            (None, None) => Subset::Everyone,
        }
    }

    /// The target, and its name for output and the audit log.
    pub(super) fn find(&self, snapshot: &Snapshot) -> Result<(PauseTarget, String), CommandError> {
        if let Some(text) = &self.person {
            let person = lookup::person(snapshot, text)?;
            let about = format!("person {}", output::person_label(person));
            return Ok((PauseTarget::Person(person.id.clone()), about));
        }
        if let Some(text) = &self.unit {
            let unit = lookup::unit(snapshot, text)?;
            let about = format!("unit {}", output::unit_label(snapshot, &unit));
            return Ok((PauseTarget::Unit(unit), about));
        }
        let journey = lookup::journey(snapshot, self.journey.as_deref().unwrap_or_default())?;
        let about = format!("journey {journey}");
        Ok((PauseTarget::Journey(journey), about))
    }
}
