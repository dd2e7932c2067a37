//! A delivery (one round of one step to one person) and its states. `docs/delivery.md` has the
//! table.

use std::fmt;

use chrono::TimeDelta;

use crate::domain::delivery::reply::RelayErrorKind;
use crate::domain::model::ids::{ContentHash, PersonId, StepName};
use crate::domain::time::timezone::Timestamp;

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number in the database, without meaning.
    pub number: i64,
    pub person: PersonId,
    pub step: StepName,
    /// 0 is the mail, 1 and up the reminders.
    pub round: u16,
    /// The slot it uses.
    pub slot: Timestamp,
    /// The time of the pass that enqueued it: the date of the mail.
    pub booked: Timestamp,
    /// The content hash it was enqueued with.
    pub content: ContentHash,
    /// `<…@…>`
    pub message_id: String,
    /// The Message-ID of the first mail, for a reminder.
    pub in_reply_to: Option<String>,
    pub state: State,
}

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailPurpose {
    /// A step of a journey, or its reminder.
    Step,
    /// A new link that the person has asked for. It is no part of the journey: pauses, stops and the calendar do not hold it.
    Access,
    /// A link to everything that is stored about the person, who has asked for it. As `Access` otherwise.
    OwnData,
}

impl MailPurpose {
    /// The purpose as the database has it.
    pub(crate) fn parse(word: &str) -> Option<MailPurpose> {
        match word {
            "step" => Some(MailPurpose::Step),
            "access" => Some(MailPurpose::Access),
            "own_data" => Some(MailPurpose::OwnData),
            _ => None,
        }
    }

    /// The opposite of [`MailPurpose::parse`].
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            MailPurpose::Step => "step",
            MailPurpose::Access => "access",
            MailPurpose::OwnData => "own_data",
        }
    }
}

/// An event that changes the state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// The relay has accepted it.
    Accepted,
    /// A transient rejection.
    Deferred,
    /// A permanent rejection of the recipient.
    Rejected,
    /// It cannot be built, or the relay rejects its content.
    Held,
    /// The data may have been sent, and there was no reply.
    ResultUnknown,
    /// The last instant at which it may leave has passed.
    Expired,
    /// The person or the step is gone.
    Cancelled,
    /// An operator reports whether it arrived.
    Resolved { sent: bool },
    /// The send journal lists it as accepted.
    FoundInJournal,
}

/// Delay before the next attempt for a deferred delivery: 5, 15, 30, 60 minutes, then every
/// hour. Greylisting commonly accepts after five minutes.
pub(crate) fn recipient_backoff(attempts: u32) -> TimeDelta {
    TimeDelta::minutes(match attempts {
        0 | 1 => 5,
        2 => 15,
        3 => 30,
        _ => 60,
    })
}

/// Delay before the next attempt after the relay failed repeatedly: 1, 2, 5, 10, then every
/// 15 minutes; after a permanent refusal every hour.
pub(crate) fn relay_backoff(kind: RelayErrorKind, failures: u32) -> TimeDelta {
    TimeDelta::minutes(match (kind, failures) {
        (RelayErrorKind::Permanent, _) => 60,
        (_, 0 | 1) => 1,
        (_, 2) => 2,
        (_, 3) => 5,
        (_, 4) => 10,
        _ => 15,
    })
}

/// How long after enqueueing a delivery that was deferred [`MANY_ATTEMPTS`] times is retried
/// (RFC 5321, 4.5.4.1: four to five days).
pub(crate) const MAX_RETRY_PERIOD: TimeDelta = TimeDelta::days(5);

/// This number of deferrals is more than greylisting.
pub(crate) const MANY_ATTEMPTS: u32 = 4;

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Planned for later.
    Planned,
    /// Ready to leave.
    Due,
    /// The relay asked to retry later.
    Deferred,
    /// The outcome is unknown.
    InDoubt,
    /// The relay has accepted it.
    Sent,
    /// The relay rejected the recipient.
    Rejected,
    /// An operator must act.
    Held,
    /// It could not leave in time.
    Expired,
    /// It is no longer wanted.
    Cancelled,
}

impl State {
    /// All states, in the order of the table.
    pub const ALL: [State; 9] = [
        State::Planned,
        State::Due,
        State::Deferred,
        State::InDoubt,
        State::Sent,
        State::Rejected,
        State::Held,
        State::Expired,
        State::Cancelled,
    ];

    /// The word in JSON and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Due => "due",
            State::Deferred => "deferred",
            State::InDoubt => "in_doubt",
            State::Sent => "sent",
            State::Rejected => "rejected",
            State::Held => "held",
            State::Expired => "expired",
            State::Cancelled => "cancelled",
        }
    }

    /// The state in text.
    pub fn words(self) -> &'static str {
        match self {
            State::Planned | State::Due => "waiting",
            State::Deferred => "to be tried again",
            State::InDoubt => "in doubt",
            State::Sent => "sent",
            State::Rejected => "refused",
            State::Held => "held",
            State::Expired => "too late",
            State::Cancelled => "cancelled",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// The next state after an event; `None` if the event is impossible. The only place that
    /// defines transitions. `doubts` is how often the delivery was in doubt before.
    pub(crate) fn after(self, happened: DeliveryEvent, doubts: u32) -> Option<State> {
        use State::{Cancelled, Deferred, Due, Expired, Held, InDoubt, Rejected, Sent};
        Some(match (self, happened) {
            // A deferred mail and one in doubt are sent again without another state.
            (Due | Deferred | InDoubt, DeliveryEvent::Accepted) => Sent,
            (Due | Deferred | InDoubt, DeliveryEvent::Deferred) => Deferred,
            (Due | Deferred | InDoubt, DeliveryEvent::Rejected) => Rejected,
            (Due | Deferred | InDoubt, DeliveryEvent::Held) => Held,
            (Due | Deferred | InDoubt, DeliveryEvent::ResultUnknown) if doubts == 0 => InDoubt,
            (Due | Deferred | InDoubt, DeliveryEvent::ResultUnknown) => Held,
            (Due | Deferred, DeliveryEvent::Expired) => Expired,
            (Due | Deferred | InDoubt | Held, DeliveryEvent::Cancelled) => Cancelled,
            (InDoubt | Held, DeliveryEvent::Resolved { sent: true }) => Sent,
            (InDoubt | Held, DeliveryEvent::Resolved { sent: false }) => Due,
            // The journal is written before the database and so may know more.
            (Due | Deferred | InDoubt | Held, DeliveryEvent::FoundInJournal) => Sent,
            _ => return None,
        })
    }

    /// Whether the state is final.
    pub fn is_settled(self) -> bool {
        matches!(self, State::Sent | State::Rejected | State::Expired | State::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAPPENED: [DeliveryEvent; 10] = [
        DeliveryEvent::Accepted,
        DeliveryEvent::Deferred,
        DeliveryEvent::Rejected,
        DeliveryEvent::Held,
        DeliveryEvent::ResultUnknown,
        DeliveryEvent::Expired,
        DeliveryEvent::Cancelled,
        DeliveryEvent::Resolved { sent: true },
        DeliveryEvent::Resolved { sent: false },
        DeliveryEvent::FoundInJournal,
    ];

    #[test]
    fn a_final_state_never_changes() {
        for state in State::ALL.into_iter().filter(|state| state.is_settled()) {
            for happened in HAPPENED {
                assert_eq!(state.after(happened, 0), None, "{state} {happened:?}");
            }
        }
    }

    #[test]
    fn only_the_relay_the_journal_and_an_operator_make_it_sent() {
        let sent: Vec<String> = State::ALL
            .into_iter()
            .flat_map(|state| HAPPENED.map(|happened| (state, happened)))
            .filter(|(state, happened)| state.after(*happened, 0) == Some(State::Sent))
            .map(|(state, happened)| format!("{state} {happened:?}"))
            .collect();
        expect_test::expect![[r#"
            [
                "due Accepted",
                "due FoundInJournal",
                "deferred Accepted",
                "deferred FoundInJournal",
                "in_doubt Accepted",
                "in_doubt Resolved { sent: true }",
                "in_doubt FoundInJournal",
                "held Resolved { sent: true }",
                "held FoundInJournal",
            ]
        "#]]
        .assert_debug_eq(&sent);
    }

    #[test]
    fn a_failing_relay_is_asked_less_and_less_often() {
        let minutes = |kind| [1, 2, 3, 4, 5, 50].map(|failures| relay_backoff(kind, failures).num_minutes());
        assert_eq!(minutes(RelayErrorKind::Transient), [1, 2, 5, 10, 15, 15]);
        assert_eq!(minutes(RelayErrorKind::Permanent), [60; 6]);
    }

    #[test]
    fn a_second_doubt_holds_the_delivery() {
        for state in [State::Due, State::Deferred, State::InDoubt] {
            assert_eq!(state.after(DeliveryEvent::ResultUnknown, 0), Some(State::InDoubt), "{state}");
            assert_eq!(state.after(DeliveryEvent::ResultUnknown, 1), Some(State::Held), "{state}");
        }
    }
}
