//! A delivery: the decision that one person gets one round of one step, and
//! the states it goes through (delivery.md, 2.3).

use std::fmt;

use super::ids::{ContentHash, PersonId, StepName};
use super::zone::Timestamp;

/// One mail to one person, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number in the database; names nobody.
    pub number: i64,
    /// To whom.
    pub person: PersonId,
    /// Of which step.
    pub step: StepName,
    /// 0 is the mail, 1… the reminders.
    pub round: u16,
    /// The slot it was decided for.
    pub slot: Timestamp,
    /// The pass that booked it: the date of the mail.
    pub booked: Timestamp,
    /// The text it was booked with.
    pub content: ContentHash,
    /// `<…@…>`
    pub message_id: String,
    /// The first mail's, for a reminder.
    pub in_reply_to: Option<String>,
    /// What has become of it.
    pub state: State,
}

/// What has become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Decided for a time to come.
    Planned,
    /// Ready to leave.
    Due,
    /// A sender has it.
    Claimed,
    /// Its words are on the way, and nobody knows yet.
    InFlight,
    /// The relay asked to come back later.
    Deferred,
    /// Nobody knows whether it left.
    InDoubt,
    /// It is in the relay's hands.
    Sent,
    /// The relay refused it.
    Rejected,
    /// Somebody must act.
    Held,
    /// It could not leave in time.
    Expired,
    /// It is not wanted any more.
    Cancelled,
}

impl State {
    /// Every state, in the order of the table.
    pub const ALL: [State; 11] = [
        State::Planned,
        State::Due,
        State::Claimed,
        State::InFlight,
        State::Deferred,
        State::InDoubt,
        State::Sent,
        State::Rejected,
        State::Held,
        State::Expired,
        State::Cancelled,
    ];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Due => "due",
            State::Claimed => "claimed",
            State::InFlight => "in_flight",
            State::Deferred => "deferred",
            State::InDoubt => "in_doubt",
            State::Sent => "sent",
            State::Rejected => "rejected",
            State::Held => "held",
            State::Expired => "expired",
            State::Cancelled => "cancelled",
        }
    }

    /// The state of that word.
    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Is that the end of it?
    pub fn is_settled(self) -> bool {
        matches!(self, State::Sent | State::Rejected | State::Expired | State::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
