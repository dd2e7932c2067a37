//! One change of a delivery's state, and the only place where it is applied. A
//! transition names the state from which it starts and is ignored if the delivery
//! is in another state by now. `domain/delivery` defines which transitions exist.

use std::sync::Arc;

use rusqlite::{Transaction, params};

use super::bytes::{self, Packed};
use super::{StoreError, codec};
use crate::domain::delivery::bounce::StatusCode;
use crate::domain::delivery::state::{DeliveryEvent, State};
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
    /// The message that is about to be sent.
    pub bytes: Option<Arc<Packed>>,
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
            bytes: None,
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
    let hash = made.bytes.as_ref().map(|packed| packed.sha256());
    let moved = tx.prepare_cached(include_str!("sql/move.sql"))?.execute(params![
        made.number,
        made.from.as_str(),
        to.as_str(),
        settled,
        not_before,
        made.reply.as_deref(),
        u32::from(tried),
        u32::from(made.happened == DeliveryEvent::ResultUnknown),
        hash,
    ])?;
    if moved == 0 {
        return Ok(false);
    }
    if let Some(packed) = &made.bytes {
        bytes::keep(tx, made.number, packed)?;
    }
    if let Some(code) = made.no_mailbox {
        let sql = "UPDATE person SET undeliverable = ?2 WHERE undeliverable IS NULL AND id =
                   (SELECT person_id FROM enrolment JOIN delivery ON delivery.enrolment_id = enrolment.id
                    WHERE delivery.id = ?1)";
        tx.prepare_cached(sql)?.execute(params![made.number, code.to_string()])?;
        tx.prepare_cached("UPDATE instance SET decided_with = NULL")?.execute([])?;
    }
    // An operator confirmed that the mail was not sent, so a corrupt message
    // need not be sent again byte for byte.
    if made.happened == (DeliveryEvent::Resolved { sent: false }) {
        bytes::forget_damaged(tx, made.number)?;
    }
    // The relay rejected it explicitly, so the mail was not sent, and the next
    // attempt may build another message.
    if made.from == State::InFlight
        && matches!(to, State::Due | State::Deferred | State::Held)
        && made.happened != DeliveryEvent::ResultUnknown
    {
        tx.prepare_cached("DELETE FROM mail_bytes WHERE delivery_id = ?1")?.execute([made.number])?;
    }
    Ok(true)
}
