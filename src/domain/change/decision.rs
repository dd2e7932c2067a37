//! A decision of an operator as a list shows it: what, since when, by whom, why, until when.

use chrono::NaiveDate;

use crate::domain::model::ids::{PersonId, Slug, StepName, UnitId};
use crate::domain::time::timezone::Timestamp;

/// A decision with its author and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub kind: DecisionKind,
    pub(crate) target: DecisionTarget,
    /// The weeks of a shift, the first day of a closing, the cadence, the approved content, or the character.
    pub(crate) value: Option<String>,
    /// `None` if the audit log does not have it.
    pub(crate) since: Option<Timestamp>,
    pub(crate) by: Option<String>,
    pub(crate) why: Option<String>,
    /// The first day with mail after a pause; the last day of a closing.
    pub(crate) until: Option<NaiveDate>,
    /// When it was resumed or released.
    pub(crate) ended: Option<Timestamp>,
}

/// The kind of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    Pause,
    Hold,
    Approval,
    Shift,
    Closing,
    Cadence,
    Choice,
}

/// What a decision is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DecisionTarget {
    All,
    Person { id: PersonId, protected: bool },
    Unit(UnitId),
    Journey(Slug),
    Step(StepName),
}

impl DecisionKind {
    pub(crate) const ALL: [DecisionKind; 7] = [
        DecisionKind::Pause,
        DecisionKind::Hold,
        DecisionKind::Approval,
        DecisionKind::Shift,
        DecisionKind::Closing,
        DecisionKind::Cadence,
        DecisionKind::Choice,
    ];

    /// The word in output.
    pub fn as_str(self) -> &'static str {
        match self {
            DecisionKind::Pause => "pause",
            DecisionKind::Hold => "hold",
            DecisionKind::Approval => "approval",
            DecisionKind::Shift => "shift",
            DecisionKind::Closing => "closing",
            DecisionKind::Cadence => "cadence",
            DecisionKind::Choice => "choice",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<DecisionKind> {
        DecisionKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Decision {
    /// Whether it is in force on a local date: not ended, and not past its last day.
    pub(crate) fn is_in_force(&self, today: NaiveDate) -> bool {
        let is_past = match self.kind {
            DecisionKind::Pause => self.until.is_some_and(|until| until <= today),
            _ => self.until.is_some_and(|last| last < today),
        };
        self.ended.is_none() && !is_past
    }
}
