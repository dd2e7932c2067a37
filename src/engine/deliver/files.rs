//! Mails into a folder, a batch at a time: a batch is claimed, written and
//! synced once, and settled in the transaction that claims the next. A process
//! that dies leaves at most one batch, which the next run writes again under
//! the same names.

use super::{DeliveryHooks, DeliverySummary, SendPolicy, bytes, take};
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::engine::message::MessageBuilder;
use crate::engine::tokens::Keys;
use crate::mail::files::MailDirectory;
use crate::store::{OutboundDelivery, Store, Transition, WriteResult};

/// So many mails are in memory at once, and between two commits.
const BATCH: usize = 256;

/// Writes what is chosen and may leave now into a folder, until it is
/// asked to stop; what is not written then is due.
///
/// # Errors
///
/// Where the database or a file cannot be written. What was claimed then is
/// written by the next run.
pub(crate) fn to_files(
    builder: &MessageBuilder<'_>,
    keys: &Keys,
    store: &mut Store,
    folder: &MailDirectory,
    hooks: DeliveryHooks<'_>,
) -> anyhow::Result<DeliverySummary> {
    let DeliveryHooks { chosen, now, one_more, stop, .. } = hooks;
    let now = now();
    let mut permits = SendPolicy::read(store, builder)?;
    let mut delivered = DeliverySummary::default();
    let mut settled: Vec<Transition> = Vec::new();
    let mut after = 0;
    loop {
        if chosen.exhausted_after(after) || stop() {
            break;
        }
        let mut found = store.sendable(after, BATCH, now)?;
        let Some(last) = found.last().map(|outgoing| outgoing.delivery.number) else { break };
        found.retain(|outgoing| chosen.names(outgoing));
        let may = |outgoing: &OutboundDelivery| Ok(chosen.try_admit(outgoing.delivery.number));
        let (claimed, kept_back, mut moves) = take(builder, &permits, found, now, may)?;
        settled.append(&mut moves);
        match store.write(&settled, Some(permits.seen), now)? {
            // Somebody decided something meanwhile: this batch is looked at
            // again. What was handed over is settled all the same.
            WriteResult::Changed => {
                settled.retain(|made| made.from == State::Claimed);
                permits = SendPolicy::read(store, builder)?;
                continue;
            }
            WriteResult::All(_) => count(&mut delivered, &settled),
        }
        delivered.kept_back.add_all(kept_back);
        settled.clear();
        after = last;
        for outgoing in claimed {
            let number = outgoing.delivery.number;
            let made = bytes(builder, keys, None, &outgoing).map(|bytes| {
                let links = keys.links(&builder.config.web.base_url, number, outgoing.delivery.booked);
                let letter = builder.letter(&outgoing, &links);
                (builder.file_name(&letter, outgoing.delivery.booked, &format!("protected-{number}")), bytes)
            });
            settled.push(match made {
                Ok((name, bytes)) => {
                    folder.write(&name, &bytes)?;
                    one_more();
                    // Its day, without the employee id.
                    let day = name.split('/').next().unwrap_or_default();
                    Transition::new(number, State::Claimed, DeliveryEvent::Accepted)
                        .with_reply(format!("file {day}"))
                }
                Err(why) => Transition::new(number, State::Claimed, DeliveryEvent::Held).with_reply(why),
            });
        }
        folder.sync()?;
    }
    store.write(&settled, None, now)?;
    count(&mut delivered, &settled);
    Ok(delivered)
}

fn count(delivered: &mut DeliverySummary, moves: &[Transition]) {
    let ends = moves.iter().filter_map(|made| made.from.after(made.happened, made.doubts));
    ends.for_each(|state| delivered.count(state));
}
