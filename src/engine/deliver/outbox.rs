//! The outbox as earlier passes left it: how much of it may leave now, and what
//! keeps the rest back. It leaves before what is booked now, and counts for
//! `--limit`.

use super::blocked_counts::BlockedCounts;
use super::{SendDecision, SendPolicy};
use crate::domain::time::timezone::Timestamp;
use crate::engine::message::MessageBuilder;
use crate::engine::plan::pass::Filter;
use crate::store::{Store, StoreError};

/// So many mails are in memory at once.
const BATCH: usize = 256;

/// What is booked and may be handed over, or not yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxSummary {
    /// So many mails may leave now.
    pub ready: usize,
    /// The others, and why.
    pub kept_back: BlockedCounts,
}

impl OutboxSummary {
    /// Reads it, as far as the selection names it; changes nothing.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub(crate) fn read(
        store: &Store,
        builder: &MessageBuilder<'_>,
        selection: &Filter,
        now: Timestamp,
    ) -> Result<OutboxSummary, StoreError> {
        let permits = SendPolicy::read(store, builder)?;
        let (mut outbox, mut after) = (OutboxSummary::default(), 0);
        loop {
            let found = store.sendable(after, BATCH, now)?;
            let Some(last) = found.last() else { return Ok(outbox) };
            after = last.delivery.number;
            let named = found.iter().filter(|mail| selection.has_mail(&mail.person, &mail.delivery.step));
            for mail in named {
                match permits.triage(builder, mail, now) {
                    SendDecision::Go => outbox.ready += 1,
                    SendDecision::KeepBack(reason) => outbox.kept_back.add(&mail.delivery.step, reason),
                    SendDecision::Settle(..) => {}
                }
            }
        }
    }

    /// What a selection leaves to be booked, when this leaves first.
    #[must_use]
    pub(crate) fn remaining_filter(&self, selection: &Filter) -> Filter {
        let limit = selection.limit.map(|limit| limit.saturating_sub(self.ready));
        Filter { limit, ..selection.clone() }
    }
}
