//! Selects the mails that are claimed next: the outbox from first to last, in
//! batches. Of a domain with a limit of its own only a few are queued, and none while
//! the limit has no room. What is skipped for that is revisited later, so that mails
//! to others do not wait behind it and memory stays small.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::rollout::StagedRollout;
use super::work_queue::{DomainStats, WorkQueue};
use super::{BlockedCounts, SendFilter, SendPolicy, select_sendable};
use crate::domain::time::timezone::Timestamp;
use crate::engine::message::MessageBuilder;
use crate::store::{OutboundDelivery, Store, StoreError};

/// This many mails are read at once, and lie ready for the workers.
pub(super) const PREFETCH: usize = 64;
/// At most this many of them to one limited domain.
const MAX_QUEUED_PER_DOMAIN: usize = PREFETCH / 2;
/// A domain is revisited when it has no more than this queued.
const REFILL_BELOW: usize = MAX_QUEUED_PER_DOMAIN / 2;

/// How far the outbox is read.
#[derive(Clone, Debug, Default)]
pub(super) struct OutboxCursor {
    /// Up to this number.
    pub(super) after: i64,
    /// There is nothing more to claim beyond it.
    pub(super) exhausted: bool,
    /// Limited domains of which mails were skipped, each with a number below the first
    /// of them.
    skipped: BTreeMap<usize, i64>,
}

impl OutboxCursor {
    /// A domain that can be revisited now.
    fn domain_with_room(&self, domains: &[DomainStats]) -> Option<(usize, i64)> {
        let has_room = |domain: usize| {
            domains.get(domain).is_none_or(|stats| stats.ready <= REFILL_BELOW && stats.wait.is_none())
        };
        self.skipped.iter().map(|(domain, from)| (*domain, *from)).find(|(domain, _)| has_room(*domain))
    }

    /// Whether mails were skipped.
    pub(super) fn has_skipped(&self) -> bool {
        !self.skipped.is_empty()
    }

    /// When the first domain has room of which mails were skipped.
    pub(super) fn wait(&self, queue: &WorkQueue) -> Option<Duration> {
        let domains = queue.domains();
        self.skipped.keys().filter_map(|domain| domains.get(*domain)?.wait).min()
    }

    /// Whether everything is claimed that there is room for.
    pub(super) fn has_claimed_all(&self, queue: &WorkQueue) -> bool {
        self.exhausted && self.domain_with_room(&queue.domains()).is_none()
    }
}

/// The result of a selection.
pub(super) struct SelectedMails {
    /// Mails to be queued.
    pub(super) mails: Vec<Arc<OutboundDelivery>>,
    /// Mails that are no longer wanted or too late.
    pub(super) to_close: Vec<OutboundDelivery>,
    pub(super) blocked: BlockedCounts,
    pub(super) cursor: OutboxCursor,
}

/// What a selection depends on.
pub(super) struct BatchSelector<'a, 'd> {
    pub(super) builder: &'a MessageBuilder<'d>,
    pub(super) store: &'a Store,
    pub(super) policy: &'a SendPolicy,
    pub(super) rollout: &'a mut StagedRollout,
    pub(super) filter: &'a mut SendFilter,
    pub(super) queue: &'a WorkQueue,
    /// Mails that are claimed already.
    pub(super) claimed: &'a HashSet<i64>,
    pub(super) now: Timestamp,
}

impl BatchSelector<'_, '_> {
    /// Selects the next mails that may be sent.
    pub(super) fn select(&mut self, cursor: &OutboxCursor) -> Result<SelectedMails, StoreError> {
        let mut selected = SelectedMails {
            mails: Vec::new(),
            to_close: Vec::new(),
            blocked: BlockedCounts::default(),
            cursor: cursor.clone(),
        };
        let mut domains = self.queue.domains();
        if let Some((domain, from)) = cursor.domain_with_room(&domains) {
            self.revisit_skipped(domain, from, &mut domains, &mut selected)?;
        }
        while selected.mails.is_empty() && !selected.cursor.exhausted {
            if self.filter.exhausted_after(selected.cursor.after) {
                selected.cursor.exhausted = true;
                break;
            }
            let found = self.store.sendable(selected.cursor.after, PREFETCH, self.now)?;
            let Some(last) = found.last().map(|mail| mail.delivery.number) else {
                selected.cursor.exhausted = true;
                break;
            };
            let blocked = self.select_from(found, &mut domains, &mut selected)?;
            selected.blocked.add_all(blocked);
            selected.cursor.after = last;
        }
        Ok(selected)
    }

    /// Selects from the skipped mails of a domain, as far as there is room.
    fn revisit_skipped(
        &mut self,
        domain: usize,
        mut from: i64,
        domains: &mut [DomainStats],
        selected: &mut SelectedMails,
    ) -> Result<(), StoreError> {
        selected.cursor.skipped.remove(&domain);
        let until = selected.cursor.after;
        loop {
            let mut found = self.store.sendable(from, PREFETCH, self.now)?;
            let last = found.last().map(|mail| mail.delivery.number).filter(|last| *last < until);
            found.retain(|mail| mail.delivery.number <= until && self.queue.domain(mail) == Some(domain));
            // Blocked mails were counted when they were skipped.
            self.select_from(found, domains, selected)?;
            let Some(last) = last else { return Ok(()) };
            if !selected.mails.is_empty() {
                selected.cursor.skipped.entry(domain).or_insert(last);
                return Ok(());
            }
            from = last;
        }
    }

    /// Selects from a batch what may be sent and has room. Returns what is blocked.
    fn select_from(
        &mut self,
        mut found: Vec<OutboundDelivery>,
        domains: &mut [DomainStats],
        selected: &mut SelectedMails,
    ) -> Result<BlockedCounts, StoreError> {
        found.retain(|mail| self.filter.names(mail) && !self.claimed.contains(&mail.delivery.number));
        let (rollout, filter) = (&mut *self.rollout, &mut *self.filter);
        let skipped = &mut selected.cursor.skipped;
        let admit = |mail: &OutboundDelivery| {
            let number = mail.delivery.number;
            if !filter.has_room_for(number) {
                return Ok(false);
            }
            let domain = self.queue.domain(mail);
            let is_full = |stats: DomainStats| stats.ready >= MAX_QUEUED_PER_DOMAIN || stats.wait.is_some();
            if let Some(domain) = domain.filter(|domain| is_full(domains[*domain])) {
                skipped.entry(domain).or_insert(number - 1);
                return Ok(false);
            }
            let is_admitted = rollout.admit(self.store, &mail.delivery, self.now)?;
            if is_admitted {
                filter.try_admit(number);
                domain.into_iter().for_each(|domain| domains[domain].ready += 1);
            }
            Ok(is_admitted)
        };
        let (mails, blocked, to_close) = select_sendable(self.builder, self.policy, found, self.now, admit)?;
        selected.mails.extend(mails.into_iter().map(Arc::new));
        selected.to_close.extend(to_close);
        Ok(blocked)
    }
}
