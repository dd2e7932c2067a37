//! A delivery: the decision that one person gets one round of one step, and
//! the states it goes through (delivery.md, 2.3).

use std::fmt;

use chrono::TimeDelta;

use crate::domain::delivery::reply::RelayErrorKind;
use crate::domain::model::ids::{ContentHash, PersonId, StepName};
use crate::domain::time::timezone::Timestamp;

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

/// What happens to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// A sender took it.
    Claimed,
    /// The sender gave it back: nothing of it had left, or the relay as a
    /// whole refused.
    Released,
    /// The relay waits for its words, and they leave next.
    DataStarted,
    /// It is in the relay's hands.
    Accepted,
    /// The relay asked to come back later.
    Deferred,
    /// The relay does not know the person.
    Rejected,
    /// It cannot be made, or the relay takes no mail like it.
    Held,
    /// Its last byte may have left, and no answer came.
    ResultUnknown,
    /// The time to try again has come.
    RetryDue,
    /// The last instant at which it may leave is past.
    Expired,
    /// The person or the step is gone.
    Cancelled,
    /// Somebody looked, and knows whether it arrived.
    Resolved {
        /// It did.
        sent: bool,
    },
    /// The send journal says so.
    FoundInJournal,
}

/// After how long what was put off is tried again, when it was tried so many
/// times: 5, 15, 30, 60 minutes, then every hour (delivery.md, 2.5; a list of
/// senders that are still unknown is commonly satisfied after five minutes).
pub(crate) fn recipient_backoff(attempts: u32) -> TimeDelta {
    TimeDelta::minutes(match attempts {
        0 | 1 => 5,
        2 => 15,
        3 => 30,
        _ => 60,
    })
}

/// After how long a relay that was in trouble so many times in a row is tried
/// again: 1, 2, 5, 10, then every 15 minutes (delivery.md, 2.5); one that
/// refuses and will not change its mind by itself, every hour.
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

/// Longer than this after it was booked nothing is tried that was put off
/// [`MANY_ATTEMPTS`] (RFC 5321, 4.5.4.1: four or five days).
pub(crate) const MAX_RETRY_PERIOD: TimeDelta = TimeDelta::days(5);

/// Who was put off so often is not only unknown to the relay.
pub(crate) const MANY_ATTEMPTS: u32 = 4;

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

    /// Where a delivery goes from here when that happens to it; `None` where
    /// it cannot. The only place that knows (delivery.md, 2.3). `doubts` is
    /// how often it was in doubt before.
    pub(crate) fn after(self, happened: DeliveryEvent, doubts: u32) -> Option<State> {
        use State::{Cancelled, Claimed, Deferred, Due, Expired, Held, InDoubt, InFlight, Rejected, Sent};
        Some(match (self, happened) {
            (Due, DeliveryEvent::Claimed) => Claimed,
            (Claimed | InFlight, DeliveryEvent::Released) => Due,
            (Claimed, DeliveryEvent::DataStarted) => InFlight,
            // A file, or a program that says at once whether it has it.
            (Claimed | InFlight, DeliveryEvent::Accepted) => Sent,
            (Claimed | InFlight, DeliveryEvent::Deferred) => Deferred,
            (Claimed | InFlight, DeliveryEvent::Rejected) => Rejected,
            (Claimed | InFlight, DeliveryEvent::Held) => Held,
            (InFlight, DeliveryEvent::ResultUnknown) if doubts == 0 => InDoubt,
            (InFlight, DeliveryEvent::ResultUnknown) => Held,
            (Deferred | InDoubt, DeliveryEvent::RetryDue) => Due,
            (Due | Claimed | Deferred, DeliveryEvent::Expired) => Expired,
            (Due | Claimed | Deferred | InDoubt | Held, DeliveryEvent::Cancelled) => Cancelled,
            (InDoubt | Held, DeliveryEvent::Resolved { sent: true }) => Sent,
            (InDoubt | Held, DeliveryEvent::Resolved { sent: false }) => Due,
            // The send journal knows better than a database that was not
            // written to any more.
            (Due | Claimed | InFlight | Deferred | InDoubt | Held, DeliveryEvent::FoundInJournal) => Sent,
            _ => return None,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    const HAPPENED: [DeliveryEvent; 14] = [
        DeliveryEvent::Claimed,
        DeliveryEvent::Released,
        DeliveryEvent::DataStarted,
        DeliveryEvent::Accepted,
        DeliveryEvent::Deferred,
        DeliveryEvent::Rejected,
        DeliveryEvent::Held,
        DeliveryEvent::ResultUnknown,
        DeliveryEvent::RetryDue,
        DeliveryEvent::Expired,
        DeliveryEvent::Cancelled,
        DeliveryEvent::Resolved { sent: true },
        DeliveryEvent::Resolved { sent: false },
        DeliveryEvent::FoundInJournal,
    ];

    #[test]
    fn i13_nothing_moves_from_the_end_of_it() {
        for state in State::ALL.into_iter().filter(|state| state.is_settled()) {
            for happened in HAPPENED {
                assert_eq!(state.after(happened, 0), None, "{state} {happened:?}");
            }
        }
    }

    #[test]
    fn only_the_relay_the_journal_and_a_person_say_that_it_was_sent() {
        let sent: Vec<String> = State::ALL
            .into_iter()
            .flat_map(|state| HAPPENED.map(|happened| (state, happened)))
            .filter(|(state, happened)| state.after(*happened, 0) == Some(State::Sent))
            .map(|(state, happened)| format!("{state} {happened:?}"))
            .collect();
        expect_test::expect![[r#"
            [
                "due FoundInJournal",
                "claimed Accepted",
                "claimed FoundInJournal",
                "in_flight Accepted",
                "in_flight FoundInJournal",
                "deferred FoundInJournal",
                "in_doubt Resolved { sent: true }",
                "in_doubt FoundInJournal",
                "held Resolved { sent: true }",
                "held FoundInJournal",
            ]
        "#]]
        .assert_debug_eq(&sent);
    }

    #[test]
    fn f18_a_relay_in_trouble_is_asked_ever_more_rarely() {
        let minutes = |kind| [1, 2, 3, 4, 5, 50].map(|failures| relay_backoff(kind, failures).num_minutes());
        assert_eq!(minutes(RelayErrorKind::Transient), [1, 2, 5, 10, 15, 15]);
        assert_eq!(minutes(RelayErrorKind::Permanent), [60; 6]);
    }

    #[test]
    fn what_was_twice_in_doubt_waits_for_somebody() {
        assert_eq!(State::InFlight.after(DeliveryEvent::ResultUnknown, 0), Some(State::InDoubt));
        assert_eq!(State::InFlight.after(DeliveryEvent::ResultUnknown, 1), Some(State::Held));
    }

    #[test]
    fn what_is_in_flight_is_neither_cancelled_nor_too_late() {
        for happened in [
            DeliveryEvent::Cancelled,
            DeliveryEvent::Expired,
            DeliveryEvent::RetryDue,
            DeliveryEvent::Claimed,
        ] {
            assert_eq!(State::InFlight.after(happened, 0), None, "{happened:?}");
        }
    }
}
