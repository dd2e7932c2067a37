//! What earlier passes left in the outbox: how much of it may be sent now, and what
//! blocks the rest. It is sent before what is enqueued now, and counts for `--limit`.

use super::blocked_counts::BlockedCounts;
use super::{SendDecision, SendPolicy};
use crate::domain::time::timezone::Timestamp;
use crate::engine::message::MessageBuilder;
use crate::engine::plan::pass::Filter;
use crate::store::{Store, StoreError};

/// This many mails are in memory at once.
const BATCH: usize = 256;

/// How many enqueued mails may be sent, or not yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxSummary {
    /// The number that may be sent now.
    pub ready: usize,
    /// The others, and why.
    pub blocked: BlockedCounts,
}

impl OutboxSummary {
    /// Reads the selected part of the outbox.
    pub(crate) fn read(
        store: &Store,
        builder: &MessageBuilder<'_>,
        selection: &Filter,
        now: Timestamp,
    ) -> Result<OutboxSummary, StoreError> {
        let policy = SendPolicy::read(store, builder)?;
        let (mut outbox, mut after) = (OutboxSummary::default(), 0);
        loop {
            let found = store.sendable(after, BATCH, now)?;
            let Some(last) = found.last() else { return Ok(outbox) };
            after = last.delivery.number;
            let named = found.iter().filter(|mail| selection.has_mail(&mail.person, &mail.delivery.step));
            for mail in named {
                match policy.decide(builder, mail, now) {
                    SendDecision::Send => outbox.ready += 1,
                    SendDecision::Wait(reason) => outbox.blocked.add(&mail.delivery.step, reason),
                    SendDecision::Close(..) => {}
                }
            }
        }
    }

    /// What remains of a selection when the outbox is sent first.
    #[must_use]
    pub(crate) fn remaining_filter(&self, selection: &Filter) -> Filter {
        let limit = selection.limit.map(|limit| limit.saturating_sub(self.ready));
        Filter { limit, ..selection.clone() }
    }
}
