//! What somebody decides about the running of it, as a value: shown before
//! and after, applied to what is known, and written down by the store. The
//! commands make it; nothing here asks whether it is wise.

pub mod import_diff;
pub mod settings;

use std::sync::Arc;

use chrono::NaiveDate;

use crate::domain::change::settings::{Approval, Pause, PauseTarget, Settings, Shift};
use crate::domain::history::response::AnswerValue;
use crate::domain::history::{Event, EventKind, History};
use crate::domain::model::ids::{ContentHash, PersonId, Slug, StepName, UnitId};
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::timezone::Timestamp;

/// One decision.
#[derive(Clone, Debug)]
pub enum Change {
    /// A step's text, as it is now, may go to everybody.
    Approve {
        /// Which step.
        step: StepName,
        /// Which text of it.
        content: ContentHash,
    },
    /// Nothing more is sent: of a step, or with `None` at all.
    Hold(Option<StepName>),
    /// What was held by hand may leave again.
    Release(Option<StepName>),
    /// Nothing is sent to these for a while.
    Pause {
        /// To whom.
        of: PauseTarget,
        /// Mail is allowed again on this day; `None`: until somebody resumes.
        until: Option<NaiveDate>,
        /// Why.
        reason: Arc<str>,
    },
    /// Every pause of these is over.
    Resume(PauseTarget),
    /// A unit is moved by some weeks.
    Shift {
        /// Which unit.
        unit: UnitId,
        /// Forward, or back when negative.
        weeks: i32,
    },
    /// A unit gets no mail for a while.
    CloseUnit {
        /// Which unit.
        unit: UnitId,
        /// When and why.
        period: ClosedPeriod,
    },
    /// A unit gets a rhythm of its own; with `None` the journeys' again.
    SetCadence {
        /// Which unit.
        unit: UnitId,
        /// The rhythm.
        cadence: Option<Cadence>,
    },
    /// A person chooses a way in.
    SetCharacter {
        /// Who.
        person: PersonId,
        /// Which.
        character: Slug,
    },
    /// A person answers a step.
    Answer {
        /// Who.
        person: PersonId,
        /// Which step.
        step: StepName,
        /// Which question; `None`: the step as a whole.
        question: Option<Slug>,
        /// What.
        given: AnswerValue,
    },
}

/// Who decides, when and why: a line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeAuthor {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub why: Option<String>,
}

impl Change {
    /// The word for it in the audit log: the command that makes it.
    pub fn action(&self) -> &'static str {
        match self {
            Change::Approve { .. } => "approve",
            Change::Hold(_) => "hold",
            Change::Release(_) => "hold release",
            Change::Pause { .. } => "pause",
            Change::Resume(_) => "resume",
            Change::Shift { .. } => "unit shift",
            Change::CloseUnit { .. } => "unit close",
            Change::SetCadence { .. } => "unit cadence",
            Change::SetCharacter { .. } => "choose",
            Change::Answer { .. } => "answer",
        }
    }

    /// Applies it to what is known. The store's copy, read anew afterwards,
    /// is the same.
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
            Change::Answer { person, step, .. } => {
                let event = Event { at, step: step.step.clone(), what: EventKind::Answered };
                memory.record(person, &step.journey, event);
            }
        }
    }
}
