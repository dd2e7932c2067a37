//! Sends what is enqueued: the outbox from first to last, as far as the time, later
//! decisions and the relay allow. A crash at any moment loses nothing
//! (docs/delivery.md).
//!
//! [`files`] writes mails into a folder. `coordinator` sends them to a relay with
//! several workers, each with a connection of its own; it alone uses the database.

mod blocked_counts;
mod claims;
mod coordinator;
mod files;
pub mod limits;
mod message_bases;
mod outbox;
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
use crate::domain::delivery::state::{DeliveryEvent, MailPurpose, State};
use crate::domain::planner::send_policy::{self, EnqueuedMail};
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Reason;
use crate::engine::message::MessageBuilder;
use crate::engine::panics::catch_panic;
use crate::engine::tokens::Keys;
use crate::mail::message::dkim::Signer;
use crate::store::{OutboundDelivery, SettingsRevision, Store, StoreError, StoredMessage};

pub(crate) use blocked_counts::BlockedCounts;
pub use coordinator::DeliveryHooks;
pub(crate) use coordinator::{RelayRoute, to_relay};
pub(crate) use files::to_files;
pub(crate) use outbox::OutboxSummary;
pub(crate) use rollout::{PausedRollout, paused_rollouts};
pub use send_filter::SendFilter;
pub(crate) use worker::Destination;

/// The result of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliverySummary {
    /// Accepted by the relay.
    pub sent: usize,
    /// To be tried again for this recipient.
    pub deferred: usize,
    /// Rejected for this recipient.
    pub rejected: usize,
    /// With an unknown outcome.
    pub in_doubt: usize,
    /// An operator must act.
    pub held: usize,
    /// No longer wanted.
    pub(crate) cancelled: usize,
    /// Too late.
    pub(crate) expired: usize,
    /// Not sent now, and why.
    pub blocked: BlockedCounts,
    /// The number of them that exceed the size the mail server accepts.
    pub too_large: usize,
    /// Why the relay accepts no mails now.
    pub relay_error: Option<RelayError>,
    /// The number of connections, if that is more than the relay accepts.
    pub connection_limit_hit: Option<u16>,
    /// The error is not the relay's: a worker crashed.
    pub(crate) worker_crashed: bool,
    /// How long the rate limits let the next mail wait.
    pub wait: Option<Duration>,
    /// When the rest of a staged rollout follows.
    pub rollout: Option<Timestamp>,
}

impl DeliverySummary {
    /// Adds a later delivery of the same run; its state of the relay replaces the
    /// earlier one.
    pub(super) fn add(&mut self, later: DeliverySummary) {
        self.sent += later.sent;
        self.deferred += later.deferred;
        self.rejected += later.rejected;
        self.in_doubt += later.in_doubt;
        self.held += later.held;
        self.cancelled += later.cancelled;
        self.expired += later.expired;
        self.blocked = later.blocked;
        self.too_large += later.too_large;
        self.connection_limit_hit = later.connection_limit_hit.or(self.connection_limit_hit);
        self.worker_crashed |= later.worker_crashed;
        (self.relay_error, self.wait, self.rollout) = (later.relay_error, later.wait, later.rollout);
    }

    /// Counts a delivery by its new state.
    fn count(&mut self, state: State) {
        match state {
            State::Sent => self.sent += 1,
            State::Deferred => self.deferred += 1,
            State::Rejected => self.rejected += 1,
            State::InDoubt => self.in_doubt += 1,
            State::Held => self.held += 1,
            State::Cancelled => self.cancelled += 1,
            State::Expired => self.expired += 1,
            State::Planned | State::Due => {}
        }
    }
}

/// What happens to a delivery that is next.
enum SendDecision {
    /// It is sent.
    Send,
    /// It is not sent now, for that reason.
    Wait(Reason),
    /// It is not sent at all.
    Close(DeliveryEvent, &'static str),
}

/// What decides whether an enqueued mail may be sent, as it was last read.
struct SendPolicy {
    settings: Settings,
    seen: SettingsRevision,
    /// Deliveries whose recipients have left, or lost their address, since.
    gone: HashSet<i64>,
}

impl SendPolicy {
    fn read(store: &Store, builder: &MessageBuilder<'_>) -> Result<SendPolicy, StoreError> {
        let seen = store.settings_revision()?;
        let mut settings = store.settings(builder.config.limits.grace)?;
        settings.use_todays_names(builder.library);
        Ok(SendPolicy { settings, seen, gone: HashSet::new() })
    }

    /// Decides about a delivery at an instant.
    fn decide(&self, builder: &MessageBuilder<'_>, mail: &OutboundDelivery, now: Timestamp) -> SendDecision {
        let delivery = &mail.delivery;
        let today = builder.library.programme.zone.date(now);
        if mail.has_left || mail.person.has_left(today) || self.gone.contains(&delivery.number) {
            return SendDecision::Close(DeliveryEvent::Cancelled, "the person is gone");
        }
        if mail.purpose == MailPurpose::Step && self.settings.stopped.contains(&mail.person.id) {
            return SendDecision::Close(DeliveryEvent::Cancelled, "the person has asked for no more mails");
        }
        let journey = builder.library.journey(&delivery.step.journey);
        let Some((journey, step)) = journey.and_then(|j| Some((j, j.step_once_called(&delivery.step.step)?)))
        else {
            return SendDecision::Close(DeliveryEvent::Cancelled, "the step is gone");
        };
        // A mail that may have arrived does not expire.
        if mail.expires.is_some_and(|expires| now > expires) && mail.doubts == 0 {
            return SendDecision::Close(DeliveryEvent::Expired, "it could not leave in time");
        }
        match mail.purpose {
            MailPurpose::Step => {}
            MailPurpose::Access | MailPurpose::OwnData => {
                return match self.settings.all_held {
                    true => SendDecision::Wait(Reason::ManualHold),
                    false => SendDecision::Send,
                };
            }
        }
        let enqueued = EnqueuedMail { journey, step, person: &mail.person, content: delivery.content };
        match send_policy::hand_over_block(&enqueued, now, &self.settings, &builder.library.programme) {
            Some(reason) => SendDecision::Wait(reason),
            None => SendDecision::Send,
        }
    }
}

/// The bytes of a message: those of an earlier attempt, if it may have arrived, or new
/// ones. `Err` says why there are none.
fn message_bytes(
    builder: &MessageBuilder<'_>,
    keys: &Keys,
    signer: Option<&Signer>,
    mail: &OutboundDelivery,
) -> Result<Arc<[u8]>, String> {
    match &mail.stored {
        StoredMessage::None => {}
        StoredMessage::Intact(bytes) => return Ok(bytes.clone()),
        // Another copy would be another message.
        StoredMessage::Corrupt => {
            return Err("the saved copy of this mail in the database is damaged".to_owned());
        }
    }
    catch_panic(|| {
        let bytes = builder.outgoing(keys, mail)?;
        let Some(signer) = signer else { return Ok(bytes.into()) };
        let mut signed = signer.sign(&bytes, mail.delivery.booked)?;
        signed.extend(bytes);
        Ok(signed.into())
    })
}

/// Divides a batch: the mails to send, counts of those that are blocked, and those
/// that are no longer wanted or too late. `admit` has the last word about a mail.
fn select_sendable(
    builder: &MessageBuilder<'_>,
    policy: &SendPolicy,
    found: Vec<OutboundDelivery>,
    now: Timestamp,
    mut admit: impl FnMut(&OutboundDelivery) -> Result<bool, StoreError>,
) -> Result<(Vec<OutboundDelivery>, BlockedCounts, Vec<OutboundDelivery>), StoreError> {
    let (mut mails, mut blocked, mut to_close) = (Vec::new(), BlockedCounts::default(), Vec::new());
    for mail in found {
        match policy.decide(builder, &mail, now) {
            SendDecision::Send if !admit(&mail)? => {}
            SendDecision::Send => mails.push(mail),
            SendDecision::Wait(reason) => blocked.add(&mail.delivery.step, reason),
            SendDecision::Close(..) => to_close.push(mail),
        }
    }
    Ok((mails, blocked, to_close))
}
