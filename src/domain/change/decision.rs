//! A decision of an operator as a list shows it: what, since when, by whom, why, until when.

use chrono::NaiveDate;

use crate::domain::model::ids::{PersonId, Slug, StepName, UnitId};
use crate::domain::time::format::{format_date, weeks_text};
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
    Stop,
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
    pub(crate) const ALL: [DecisionKind; 8] = [
        DecisionKind::Pause,
        DecisionKind::Hold,
        DecisionKind::Approval,
        DecisionKind::Shift,
        DecisionKind::Closing,
        DecisionKind::Cadence,
        DecisionKind::Choice,
        DecisionKind::Stop,
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
            DecisionKind::Stop => "stop",
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

    /// What it does, and until when: `until Mon 1 Mar 2027`, `2 weeks later`.
    pub(crate) fn effect(&self) -> String {
        let value = self.value.as_deref().unwrap_or_default();
        match (self.kind, self.until) {
            (DecisionKind::Pause, Some(until)) => format!("until {}", format_date(until)),
            (DecisionKind::Pause, None) => "with no end date".to_owned(),
            (DecisionKind::Closing, Some(last)) => match value.parse() {
                Ok(first) => format!("{} to {}", format_date(first), format_date(last)),
                Err(_) => format!("until {}", format_date(last)),
            },
            (DecisionKind::Shift, _) => value.parse().map_or_else(|_| value.to_owned(), weeks_text),
            (DecisionKind::Cadence, _) => format!("`{value}`"),
            _ => String::new(),
        }
    }

    /// One phrase with author and reason: `pause until Mon 1 Mar 2027 (by karin: ny ledning)`.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!("{} {}", self.kind.as_str(), self.effect());
        match (&self.by, self.why.as_deref().filter(|why| !why.is_empty())) {
            (Some(by), Some(why)) => text += &format!(" (by {by}: {why})"),
            (Some(by), None) => text += &format!(" (by {by})"),
            (None, Some(why)) => text += &format!(" ({why})"),
            (None, None) => {}
        }
        text
    }
}
