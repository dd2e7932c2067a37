//! Delivers queued mails with a transport, and records the health of the relay.

use anyhow::Context;
use chrono::TimeDelta;

use super::journal::Journal;
use super::relay_health;
use crate::domain::delivery::reply::ConnectionCap;
use crate::engine::deliver::limits::Limits;
use crate::engine::deliver::{self, DeliveryHooks, DeliverySummary, Destination, RelayRoute};
use crate::engine::message::MessageBuilder;
use crate::engine::tokens::Keys;
use crate::mail::transport::Transport;
use crate::store::Store;

/// What a run delivers with.
pub struct MailSender<'a> {
    /// How messages leave.
    pub transport: &'a Transport,
    /// Builds the messages.
    pub builder: &'a MessageBuilder<'a>,
    /// Signs links and return paths.
    pub keys: &'a Keys,
    /// A staged rollout: the number of first mails, and how long the rest waits.
    pub rollout: Option<(u32, TimeDelta)>,
}

impl MailSender<'_> {
    /// Delivers the mails that are selected and may be sent now. With a staged rollout, the first few mails of each
    /// step are sent before the rest.
    pub fn deliver(
        &self,
        store: &mut Store,
        journal: Option<&mut Journal>,
        hooks: DeliveryHooks<'_>,
    ) -> anyhow::Result<DeliverySummary> {
        let MailSender { transport, builder, keys, rollout } = *self;
        let (to, signer) = match transport {
            Transport::Files(folder) => return deliver::to_files(builder, keys, store, folder, hooks),
            Transport::Smtp(relay, signer) => (Destination::Relay(relay), signer),
            Transport::Sendmail(program, signer) => (Destination::Sendmail(program), signer),
        };
        let journal = journal.context("the send journal is not open")?;
        let smtp = &builder.config.mail.smtp;
        let fewer = store.relay_health()?.connection_cap.and_then(|fewer| fewer.if_active((hooks.now)()));
        let of_relay = fewer.filter(|_| matches!(to, Destination::Relay(_)));
        let way = RelayRoute {
            to,
            signer: signer.as_ref(),
            connections: of_relay.map_or(smtp.connections, |fewer| fewer.connections.min(smtp.connections)),
            limits: Limits::of(smtp),
            in_doubt_wait: builder.config.mail.in_doubt_wait,
            rollout,
        };
        let now = hooks.now;
        let delivered = deliver::to_relay(builder, keys, store, journal, &way, hooks)?;
        let fewer =
            delivered.connection_limit_hit.map(|made| ConnectionCap::one_below(made, now())).or(fewer);
        relay_health::record(store, &delivered, fewer, now())?;
        Ok(delivered)
    }
}
