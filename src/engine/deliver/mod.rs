//! Handing over what is booked: the outbox, from the first to the last, as
//! far as the time, what was decided since, and the relay allow. What leaves
//! is settled as the relay says and not otherwise; a process that dies at any
//! moment has lost nothing (delivery.md, 2).
//!
//! [`files`] writes mails into a folder. `relay` hands them to a relay over
//! several connections, each a `line` with a thread of its own; one writer
//! has the database.

mod blocked_counts;
mod claims;
mod coordinator;
mod files;
pub mod limits;
mod outbox;
mod patterns;
mod queue;
mod rejections;
mod rollout;
mod send_filter;
mod sliding_window;
mod work_queue;
mod worker;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::change::settings::Settings;
use crate::domain::delivery::reply::RelayError;
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::domain::planner::send_policy::{self, EnqueuedMail};
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Reason;
use crate::engine::message::MessageBuilder;
use crate::engine::panics::catch_panic;
use crate::engine::tokens::Keys;
use crate::mail::message::dkim::Signer;
use crate::store::{DataVersion, OutboundDelivery, Store, StoreError, StoredMessage, Transition};

pub(crate) use blocked_counts::BlockedCounts;
pub use coordinator::DeliveryHooks;
pub(crate) use coordinator::{RelayRoute, to_relay};
pub(crate) use files::to_files;
pub(crate) use outbox::OutboxSummary;
pub(crate) use rollout::{PausedRollout, paused_rollouts};
pub use send_filter::SendFilter;
pub(crate) use worker::Destination;

/// What handing over came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliverySummary {
    /// In somebody's hands.
    pub sent: usize,
    /// Put off by the relay.
    pub deferred: usize,
    /// The relay does not know the person.
    pub rejected: usize,
    /// Nobody knows.
    pub in_doubt: usize,
    /// Cannot be made, or the relay takes no mail like it.
    pub held: usize,
    /// Not wanted any more.
    pub(crate) cancelled: usize,
    /// Too late.
    pub(crate) expired: usize,
    /// Not now, and why.
    pub kept_back: BlockedCounts,
    /// The number of them that exceed the size the mail server accepts.
    pub too_large: usize,
    /// The relay takes nothing just now, and that is why.
    pub relay_error: Option<RelayError>,
    /// The relay had more connections than it takes: so many.
    pub crowded: Option<u16>,
    /// That trouble is none of the relay's: a line ended before its time.
    pub(crate) line_died: bool,
    /// The limits let the next mail leave after this.
    pub wait: Option<Duration>,
    /// The first few of a mailing have left; the rest follows then.
    pub wave: Option<Timestamp>,
}

impl DeliverySummary {
    /// Adds what another sitting came to; of the relay the last word counts.
    pub(super) fn add(&mut self, other: DeliverySummary) {
        self.sent += other.sent;
        self.deferred += other.deferred;
        self.rejected += other.rejected;
        self.in_doubt += other.in_doubt;
        self.held += other.held;
        self.cancelled += other.cancelled;
        self.expired += other.expired;
        self.kept_back = other.kept_back;
        self.too_large += other.too_large;
        self.crowded = other.crowded.or(self.crowded);
        self.line_died |= other.line_died;
        (self.relay_error, self.wait, self.wave) = (other.relay_error, other.wait, other.wave);
    }

    /// Counts where a delivery is now.
    fn count(&mut self, state: State) {
        match state {
            State::Sent => self.sent += 1,
            State::Deferred => self.deferred += 1,
            State::Rejected => self.rejected += 1,
            State::InDoubt => self.in_doubt += 1,
            State::Held => self.held += 1,
            State::Cancelled => self.cancelled += 1,
            State::Expired => self.expired += 1,
            State::Planned | State::Due | State::Claimed | State::InFlight => {}
        }
    }
}

/// What is to be done with a delivery that may leave.
enum SendDecision {
    /// Hand it over.
    Go,
    /// Not now, for that reason.
    KeepBack(Reason),
    /// That happened to it.
    Settle(DeliveryEvent, &'static str),
}

/// What decides whether a booked mail may leave, as it was last read.
struct SendPolicy {
    settings: Settings,
    seen: DataVersion,
    /// Claimed, and the person left, or lost the address, since.
    gone: HashSet<i64>,
}

impl SendPolicy {
    fn read(store: &Store, builder: &MessageBuilder<'_>) -> Result<SendPolicy, StoreError> {
        let seen = store.data_version()?;
        let mut settings = store.settings(builder.config.limits.grace)?;
        settings.use_todays_names(builder.library);
        Ok(SendPolicy { settings, seen, gone: HashSet::new() })
    }

    /// What is to be done with a delivery at an instant.
    fn triage(
        &self,
        builder: &MessageBuilder<'_>,
        outgoing: &OutboundDelivery,
        now: Timestamp,
    ) -> SendDecision {
        let delivery = &outgoing.delivery;
        let today = builder.library.programme.zone.date(now);
        if outgoing.has_left || outgoing.person.has_left(today) || self.gone.contains(&delivery.number) {
            return SendDecision::Settle(DeliveryEvent::Cancelled, "the person is gone");
        }
        if self.settings.stopped.contains(&outgoing.person.id) {
            return SendDecision::Settle(DeliveryEvent::Cancelled, "the person has asked for no more mails");
        }
        let journey = builder.library.journey(&delivery.step.journey);
        let Some((journey, step)) = journey.and_then(|j| Some((j, j.step_once_called(&delivery.step.step)?)))
        else {
            return SendDecision::Settle(DeliveryEvent::Cancelled, "the step is gone");
        };
        // What may have arrived is looked after to the end.
        if outgoing.expires.is_some_and(|expires| now > expires) && outgoing.doubts == 0 {
            return SendDecision::Settle(DeliveryEvent::Expired, "it could not leave in time");
        }
        let mail = EnqueuedMail { journey, step, person: &outgoing.person, content: delivery.content };
        match send_policy::hand_over_block(&mail, now, &self.settings, &builder.library.programme) {
            Some(reason) => SendDecision::KeepBack(reason),
            None => SendDecision::Go,
        }
    }
}

/// The bytes of a mail: those handed over before, if it was; else made now.
/// `Err` says in words why it cannot be made.
fn bytes(
    builder: &MessageBuilder<'_>,
    keys: &Keys,
    signer: Option<&Signer>,
    outgoing: &OutboundDelivery,
) -> Result<Arc<[u8]>, String> {
    match &outgoing.before {
        StoredMessage::Nothing => {}
        StoredMessage::Whole(bytes) => return Ok(bytes.clone()),
        // Another copy would be another mail.
        StoredMessage::Damaged => {
            return Err("the saved copy of this mail in the database is damaged".to_owned());
        }
    }
    catch_panic(|| {
        let bytes = builder.outgoing(keys, outgoing)?;
        let Some(signer) = signer else { return Ok(bytes.into()) };
        let mut signed = signer.sign(&bytes, outgoing.delivery.booked)?;
        signed.extend(bytes);
        Ok(signed.into())
    })
}

/// The moves that take a delivery to where triage says, from where it stands:
/// what was put off or in doubt comes due first.
fn moves_to(outgoing: &OutboundDelivery, happened: DeliveryEvent) -> Vec<Transition> {
    let delivery = &outgoing.delivery;
    let mut moves = Vec::with_capacity(2);
    if delivery.state != State::Due {
        moves.push(Transition::new(delivery.number, delivery.state, DeliveryEvent::RetryDue));
    }
    moves.push(Transition::new(delivery.number, State::Due, happened));
    moves
}

/// What of a batch is handed over, what is kept back, and the moves that say
/// so.
fn take(
    builder: &MessageBuilder<'_>,
    permits: &SendPolicy,
    found: Vec<OutboundDelivery>,
    now: Timestamp,
    mut may: impl FnMut(&OutboundDelivery) -> Result<bool, StoreError>,
) -> Result<(Vec<OutboundDelivery>, BlockedCounts, Vec<Transition>), StoreError> {
    let mut claimed = Vec::with_capacity(found.len());
    let mut kept_back = BlockedCounts::default();
    let mut moves = Vec::with_capacity(found.len());
    for outgoing in found {
        match permits.triage(builder, &outgoing, now) {
            SendDecision::Go if !may(&outgoing)? => {}
            SendDecision::Go => {
                moves.extend(moves_to(&outgoing, DeliveryEvent::Claimed));
                claimed.push(outgoing);
            }
            SendDecision::KeepBack(reason) => kept_back.add(&outgoing.delivery.step, reason),
            SendDecision::Settle(happened, why) => {
                let settle = moves_to(&outgoing, happened).into_iter();
                moves.extend(settle.map(|made| made.with_reply(why)));
            }
        }
    }
    Ok((claimed, kept_back, moves))
}
