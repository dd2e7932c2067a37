//! Mails into a folder, a batch at a time: a batch is claimed, written and
//! synced once, and settled in the transaction that claims the next. A process
//! that dies leaves at most one batch, which the next run writes again under
//! the same names.

use super::{Delivered, Hooks, Permits, bytes, take};
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::engine::message::MessageBuilder;
use crate::engine::tokens::Keys;
use crate::mail::files::MailDirectory;
use crate::store::{Outgoing, Store, Transition, Written};

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
    desk: &MessageBuilder<'_>,
    keys: &Keys,
    store: &mut Store,
    folder: &MailDirectory,
    hooks: Hooks<'_>,
) -> anyhow::Result<Delivered> {
    let Hooks { chosen, now, one_more, stop, .. } = hooks;
    let now = now();
    let mut permits = Permits::read(store, desk)?;
    let mut delivered = Delivered::default();
    let mut settled: Vec<Transition> = Vec::new();
    let mut after = 0;
    loop {
        if chosen.ends_at(after) || stop() {
            break;
        }
        let mut found = store.outgoing(after, BATCH, now)?;
        let Some(last) = found.last().map(|outgoing| outgoing.delivery.number) else { break };
        found.retain(|outgoing| chosen.names(outgoing));
        let may = |outgoing: &Outgoing| Ok(chosen.begin(outgoing.delivery.number));
        let (claimed, kept_back, mut moves) = take(desk, &permits, found, now, may)?;
        settled.append(&mut moves);
        match store.write(&settled, Some(permits.seen), now)? {
            // Somebody decided something meanwhile: this batch is looked at
            // again. What was handed over is settled all the same.
            Written::Changed => {
                settled.retain(|made| made.from == State::Claimed);
                permits = Permits::read(store, desk)?;
                continue;
            }
            Written::All(_) => count(&mut delivered, &settled),
        }
        delivered.kept_back.add_all(kept_back);
        settled.clear();
        after = last;
        for outgoing in claimed {
            let number = outgoing.delivery.number;
            let made = bytes(desk, keys, None, &outgoing).map(|bytes| {
                let links = keys.links(&desk.config.web.base_url, number, outgoing.delivery.booked);
                let letter = desk.letter(&outgoing, &links);
                (desk.file_name(&letter, outgoing.delivery.booked, &format!("protected-{number}")), bytes)
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

fn count(delivered: &mut Delivered, moves: &[Transition]) {
    let ends = moves.iter().filter_map(|made| made.from.after(made.happened, made.doubts));
    ends.for_each(|state| delivered.count(state));
}
