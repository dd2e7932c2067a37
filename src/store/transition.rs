//! One change of a delivery's state, and the only place where it is applied. A
//! transition names the state from which it starts and is ignored if the delivery
//! is in another state by now. `domain/delivery` defines which transitions exist.

use chrono::TimeDelta;
use rusqlite::{OptionalExtension, Transaction, params};

use super::undecided::{self, Concerned};
use super::{StoreError, codec, messages};
use crate::domain::delivery::bounce::StatusCode;
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::domain::history::SENT_AT_ONCE;
use crate::domain::time::timezone::Timestamp;

/// A change of the state of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The number of the delivery.
    pub number: i64,
    /// The state it is expected to be in.
    pub from: State,
    /// The event that changes the state.
    pub happened: DeliveryEvent,
    /// How often the delivery was in doubt before.
    pub doubts: u32,
    /// The reply of the relay, or another reason.
    pub reply: Option<String>,
    /// Earliest time of the next attempt, if it is deferred or in doubt.
    pub not_before: Option<Timestamp>,
    /// When the event happened, if not now.
    pub at: Option<Timestamp>,
    /// The status code with which the relay reported that the mailbox does not
    /// exist. The person gets no mail until the address changes.
    pub no_mailbox: Option<StatusCode>,
}

impl Transition {
    /// A transition without further details.
    pub fn new(number: i64, from: State, happened: DeliveryEvent) -> Transition {
        Transition {
            number,
            from,
            happened,
            doubts: 0,
            reply: None,
            not_before: None,
            at: None,
            no_mailbox: None,
        }
    }

    /// Adds the reply of the relay or another reason.
    #[must_use]
    pub fn with_reply(self, reply: impl Into<String>) -> Transition {
        Transition { reply: Some(reply.into()), ..self }
    }
}

/// Applies a transition. Returns `false` if the delivery is not in the expected
/// state, or the event is not possible in it.
pub(super) fn apply(tx: &Transaction<'_>, made: &Transition, now: Timestamp) -> Result<bool, StoreError> {
    let Some(to) = made.from.after(made.happened, made.doubts) else { return Ok(false) };
    let settled = to.is_settled().then(|| codec::time(made.at.unwrap_or(now)));
    let waits = matches!(to, State::Deferred | State::InDoubt);
    let not_before = made.not_before.filter(|_| waits).map(codec::time);
    // A failure of the whole relay, or the end of a run, is not an attempt.
    let tried = matches!(to, State::Sent | State::Deferred | State::Rejected | State::InDoubt)
        && made.happened != DeliveryEvent::FoundInJournal;
    // While a worker sends it, only the relay or the send journal has the outcome.
    let is_decision = matches!(
        made.happened,
        DeliveryEvent::Cancelled | DeliveryEvent::Expired | DeliveryEvent::Resolved { .. }
    );
    if is_decision && messages::is_in_flight(tx, made.number)? {
        return Ok(false);
    }
    let mut change = tx.prepare_cached(include_str!("sql/move.sql"))?;
    let values = params![
        made.number,
        made.from.as_str(),
        to.as_str(),
        settled,
        not_before,
        made.reply.as_deref(),
        u32::from(tried),
        u32::from(made.happened == DeliveryEvent::ResultUnknown),
    ];
    let enqueued = change.query_row(values, |row| Ok(codec::get_time(row, 0))).optional()?;
    let Some(enqueued) = enqueued.transpose()? else { return Ok(false) };
    if is_unexpected(to, made.at.unwrap_or(now) - enqueued) {
        undecided::mark(tx, Concerned::Delivery(made.number))?;
    }
    if made.happened == DeliveryEvent::ResultUnknown {
        messages::keep(tx, made.number)?;
    }
    if let Some(code) = made.no_mailbox {
        let sql = "UPDATE person SET undeliverable = ?2 WHERE undeliverable IS NULL AND id =
                   (SELECT person_id FROM enrolment JOIN delivery ON delivery.enrolment_id = enrolment.id
                    WHERE delivery.id = ?1)";
        tx.prepare_cached(sql)?.execute(params![made.number, code.to_string()])?;
    }
    // An operator confirmed that the mail was not sent, so a corrupt message
    // need not be sent again byte for byte.
    if made.happened == (DeliveryEvent::Resolved { sent: false }) {
        messages::drop_corrupt(tx, made.number)?;
    }
    Ok(true)
}

/// Whether the recipient must be decided again: their positions expect that the mail is sent at once.
fn is_unexpected(to: State, since_enqueued: TimeDelta) -> bool {
    match to {
        State::Planned | State::Due => false,
        State::Sent => since_enqueued > SENT_AT_ONCE,
        State::Deferred
        | State::InDoubt
        | State::Held
        | State::Rejected
        | State::Expired
        | State::Cancelled => true,
    }
}
