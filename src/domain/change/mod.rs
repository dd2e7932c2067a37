//! A decision by an admin or a person, as a value: previewed, applied to the settings and the
//! history, and stored. Commands create it; nothing here judges it.

pub mod decision;
pub mod import_diff;
pub(crate) mod people_file;
pub mod set_aside;
pub mod settings;

use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::answer::{AnswerId, ValidAnswer};
use crate::domain::change::settings::{Approval, Pause, PauseTarget, Settings, Shift};
use crate::domain::history::{Event, EventKind, History};
use crate::domain::model::ids::{ContentHash, PersonId, Slug, StepName, UnitId};
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::timezone::Timestamp;

/// One decision.
#[derive(Clone, Debug)]
pub enum Change {
    /// Approves a step's text for everyone.
    Approve {
        step: StepName,
        /// The content hash that is approved.
        content: ContentHash,
    },
    /// Holds a step, or with `None` all sending.
    Hold(Option<StepName>),
    /// Ends a hold.
    Release(Option<StepName>),
    /// Stops mail for a while.
    Pause {
        /// Whose mail.
        of: PauseTarget,
        /// First day with mail again; `None` until resumed.
        until: Option<NaiveDate>,
        reason: Arc<str>,
    },
    /// Ends every pause of the target.
    Resume(PauseTarget),
    /// A person asked for no more mails. The reason is private and is not stored.
    Stop(PersonId),
    /// The person gets mails again.
    UndoStop(PersonId),
    /// Moves a unit by weeks.
    Shift {
        unit: UnitId,
        /// Forward, or back if negative.
        weeks: i32,
    },
    /// Closes a unit for a period.
    CloseUnit {
        unit: UnitId,
        /// Dates and reason.
        period: ClosedPeriod,
    },
    /// Gives a unit its own cadence; `None` restores the journeys' cadences.
    SetCadence { unit: UnitId, cadence: Option<Cadence> },
    /// Sets a person's character.
    SetCharacter { person: PersonId, character: Slug },
    /// Records a person's answer to a step.
    Answer {
        person: PersonId,
        step: StepName,
        answer: ValidAnswer,
        /// The random key of the answer, if it is a new one.
        id: AnswerId,
        /// As [`crate::domain::answer::week_of`] gives it.
        week: String,
    },
}

/// Author, time and reason of a change, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeAuthor {
    pub at: Timestamp,
    pub by: String,
    /// The reason as given.
    pub why: Option<String>,
}

impl Change {
    /// The word in the audit log: the command that makes the change.
    pub fn action(&self) -> &'static str {
        match self {
            Change::Approve { .. } => "approve",
            Change::Hold(_) => "hold",
            Change::Release(_) => "hold release",
            Change::Pause { .. } => "pause",
            Change::Resume(_) => "resume",
            Change::Stop(_) => "people stop",
            Change::UndoStop(_) => "people stop --undo",
            Change::Shift { .. } => "unit shift",
            Change::CloseUnit { .. } => "unit close",
            Change::SetCadence { .. } => "unit cadence",
            Change::SetCharacter { .. } => "choose",
            Change::Answer { .. } => "answer",
        }
    }

    /// Applies the change. Reading the settings from the store afterwards gives the same.
    pub fn apply(&self, at: Timestamp, settings: &mut Settings, memory: &mut History) {
        match self {
            Change::Approve { step, content } => {
                settings.approvals.push(Approval { step: step.clone(), content: *content, at });
            }
            Change::Hold(None) => settings.all_held = true,
            Change::Hold(Some(step)) if settings.held_steps.contains(step) => {}
            Change::Hold(Some(step)) => settings.held_steps.push(step.clone()),
            Change::Release(None) => settings.all_held = false,
            Change::Release(Some(step)) => settings.held_steps.retain(|held| held != step),
            Change::Pause { of, until, reason } => settings.pauses.push(Pause {
                of: of.clone(),
                from: at,
                until: *until,
                resumed: None,
                reason: reason.clone(),
            }),
            Change::Resume(of) => {
                let open = |pause: &&mut Pause| pause.of == *of && pause.resumed.is_none();
                settings.pauses.iter_mut().filter(open).for_each(|pause| pause.resumed = Some(at));
            }
            Change::Stop(person) => {
                settings.stopped.insert(person.clone());
            }
            Change::UndoStop(person) => {
                settings.stopped.remove(person);
            }
            Change::Shift { unit, weeks } => {
                settings.units.entry(unit.clone()).or_default().shifts.push(Shift { weeks: *weeks, at });
            }
            Change::CloseUnit { unit, period } => {
                settings.units.entry(unit.clone()).or_default().closed.push(period.clone());
            }
            Change::SetCadence { unit, cadence } => {
                settings.units.entry(unit.clone()).or_default().cadence.clone_from(cadence);
            }
            Change::SetCharacter { person, character } => {
                memory.of_mut(person).character = Some(character.clone());
            }
            Change::Answer { person, step, answer, .. } => {
                let enrolment = memory.of(person).enrolment(&step.journey);
                if !answer.answers_step || enrolment.answered(&step.step).is_some() {
                    return;
                }
                let event = Event { at, step: step.step.clone(), what: EventKind::Answered };
                memory.record(person, &step.journey, event);
            }
        }
    }
}
