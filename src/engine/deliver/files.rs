//! Writes mails into a folder, a batch at a time: a batch is written and synced, then
//! settled in one transaction. After a crash the next run writes at most one batch
//! again, under the same names.

use super::{DeliveryHooks, DeliverySummary, SendDecision, SendPolicy, message_bytes, select_sendable};
use crate::domain::delivery::state::DeliveryEvent;
use crate::engine::message::MessageBuilder;
use crate::engine::tokens::Keys;
use crate::mail::files::MailDirectory;
use crate::store::{OutboundDelivery, Store, Transition};

/// This many mails are in memory at once, and written between two commits.
const BATCH: usize = 256;

/// Writes what is selected and may be sent now into a folder, until it is asked to
/// stop.
///
/// # Errors
///
/// If the database or a file cannot be written. The next run writes the batch again.
pub(crate) fn to_files(
    builder: &MessageBuilder<'_>,
    keys: &Keys,
    store: &mut Store,
    folder: &MailDirectory,
    hooks: DeliveryHooks<'_>,
) -> anyhow::Result<DeliverySummary> {
    let DeliveryHooks { filter, now, on_sent, should_stop, .. } = hooks;
    let now = now();
    let mut policy = SendPolicy::read(store, builder)?;
    let mut summary = DeliverySummary::default();
    let mut after = 0;
    while !filter.exhausted_after(after) && !should_stop() {
        // What was decided meanwhile applies to everything that is not written yet.
        if store.settings_revision()? != policy.seen {
            policy = SendPolicy::read(store, builder)?;
        }
        let mut found = store.sendable(after, BATCH, now)?;
        let Some(last) = found.last().map(|mail| mail.delivery.number) else { break };
        found.retain(|mail| filter.names(mail));
        let admit = |mail: &OutboundDelivery| Ok(filter.try_admit(mail.delivery.number));
        let (mails, blocked, to_close) = select_sendable(builder, &policy, found, now, admit)?;
        let mut outcomes = Vec::with_capacity(mails.len() + to_close.len());
        for mail in to_close {
            if let SendDecision::Close(event, why) = policy.decide(builder, &mail, now) {
                outcomes.push(transition(&mail, event).with_reply(why));
            }
        }
        for mail in mails {
            let built = message_bytes(builder, keys, None, &mail)
                .map(|bytes| (builder.outgoing_file_name(keys, &mail), bytes));
            outcomes.push(match built {
                Ok((name, bytes)) => {
                    folder.write(&name, &bytes)?;
                    on_sent();
                    // The day alone: the name contains the employee id.
                    let day = name.split('/').next().unwrap_or_default();
                    transition(&mail, DeliveryEvent::Accepted).with_reply(format!("file {day}"))
                }
                Err(why) => transition(&mail, DeliveryEvent::Held).with_reply(why),
            });
        }
        folder.sync()?;
        store.write(&outcomes, now)?;
        let states = outcomes.iter().filter_map(|made| made.from.after(made.happened, made.doubts));
        states.for_each(|state| summary.count(state));
        summary.blocked.add_all(blocked);
        after = last;
    }
    Ok(summary)
}

fn transition(mail: &OutboundDelivery, happened: DeliveryEvent) -> Transition {
    Transition::new(mail.delivery.number, mail.delivery.state, happened)
}
