//! Which mails are claimed next: the outbox from first to last, a batch at a
//! time. Of a domain that has a limit of its own only a few are claimed at
//! once, and none while that limit has no room; what is passed over for that
//! is come back to, so that mails to others need not wait behind it, and
//! memory stays small.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::rollout::StagedRollout;
use super::work_queue::{DomainStats, WorkQueue};
use super::{BlockedCounts, SendFilter, SendPolicy, take};
use crate::domain::time::timezone::Timestamp;
use crate::engine::message::MessageBuilder;
use crate::store::{OutboundDelivery, Store, StoreError, Transition};

/// So many mails are claimed at once, and lie ready for the lines.
pub(super) const PREFETCH: usize = 64;
/// So many of them to one domain that is limited.
const MAX_QUEUED_PER_DOMAIN: usize = PREFETCH / 2;
/// With more than these the domain is not come back to.
const REFILL_BELOW: usize = MAX_QUEUED_PER_DOMAIN / 2;

/// How far the outbox was read.
#[derive(Clone, Debug, Default)]
pub(super) struct OutboxCursor {
    /// Up to this number.
    pub(super) after: i64,
    /// There is nothing more to claim beyond it.
    pub(super) exhausted: bool,
    /// Of each lane from which mails were passed over: the first of them has a
    /// number above this.
    passed_over: BTreeMap<usize, i64>,
}

impl OutboxCursor {
    /// Is there a lane to come back to now?
    fn lane_with_room(&self, lanes: &[DomainStats]) -> Option<(usize, i64)> {
        let room = |lane: usize| {
            lanes.get(lane).is_none_or(|lane| lane.ready <= REFILL_BELOW && lane.wait.is_none())
        };
        self.passed_over.iter().map(|(lane, from)| (*lane, *from)).find(|(lane, _)| room(*lane))
    }

    /// Is there a lane from which mails were passed over?
    pub(super) fn has_passed_some_over(&self) -> bool {
        !self.passed_over.is_empty()
    }

    /// When the first lane has room again from which mails were passed over;
    /// `None`: there is none.
    pub(super) fn wait(&self, counter: &WorkQueue) -> Option<Duration> {
        let lanes = counter.lanes();
        self.passed_over.keys().filter_map(|lane| lanes.get(*lane)?.wait).min()
    }

    /// Is everything claimed that there is room for?
    pub(super) fn has_all_there_is_room_for(&self, counter: &WorkQueue) -> bool {
        self.exhausted && self.lane_with_room(&counter.lanes()).is_none()
    }
}

/// Mails that are claimed next.
pub(super) struct ClaimedBatch {
    pub(super) claimed: Vec<Arc<OutboundDelivery>>,
    /// The outbox will have been read so far.
    pub(super) reading: OutboxCursor,
    pub(super) kept_back: BlockedCounts,
}

/// What claims are made of.
pub(super) struct BatchSelector<'a, 'd> {
    pub(super) builder: &'a MessageBuilder<'d>,
    pub(super) store: &'a Store,
    pub(super) permits: &'a SendPolicy,
    pub(super) waves: &'a mut StagedRollout,
    pub(super) chosen: &'a mut SendFilter,
    pub(super) counter: &'a WorkQueue,
    pub(super) now: Timestamp,
}

impl BatchSelector<'_, '_> {
    /// The next that may leave, and the moves that claim or settle them.
    ///
    /// # Errors
    ///
    /// Where the outbox cannot be read.
    pub(super) fn claims(
        &mut self,
        reading: &OutboxCursor,
        moves: &mut Vec<Transition>,
    ) -> Result<ClaimedBatch, StoreError> {
        let mut claims = ClaimedBatch {
            claimed: Vec::new(),
            reading: reading.clone(),
            kept_back: BlockedCounts::default(),
        };
        let mut lanes = self.counter.lanes();
        if let Some((lane, from)) = reading.lane_with_room(&lanes) {
            self.come_back(lane, from, &mut lanes, &mut claims, moves)?;
        }
        while claims.claimed.is_empty() && !claims.reading.exhausted {
            if self.chosen.exhausted_after(claims.reading.after) {
                claims.reading.exhausted = true;
                break;
            }
            let found = self.store.sendable(claims.reading.after, PREFETCH, self.now)?;
            let Some(last) = found.last().map(|outgoing| outgoing.delivery.number) else {
                claims.reading.exhausted = true;
                break;
            };
            let kept_back = self.take(found, &mut lanes, &mut claims, moves)?;
            claims.kept_back.add_all(kept_back);
            claims.reading.after = last;
        }
        Ok(claims)
    }

    /// Claims what was passed over of a lane, as far as there is room.
    fn come_back(
        &mut self,
        lane: usize,
        mut from: i64,
        lanes: &mut [DomainStats],
        claims: &mut ClaimedBatch,
        moves: &mut Vec<Transition>,
    ) -> Result<(), StoreError> {
        claims.reading.passed_over.remove(&lane);
        let until = claims.reading.after;
        loop {
            let mut found = self.store.sendable(from, PREFETCH, self.now)?;
            let last = found.last().map(|outgoing| outgoing.delivery.number).filter(|last| *last < until);
            found.retain(|mail| mail.delivery.number <= until && self.counter.lane(mail) == Some(lane));
            // They were counted when they were passed.
            self.take(found, lanes, claims, moves)?;
            let Some(last) = last else { return Ok(()) };
            if !claims.claimed.is_empty() {
                claims.reading.passed_over.entry(lane).or_insert(last);
                return Ok(());
            }
            from = last;
        }
    }

    /// Takes what of a batch may leave and has room; what is kept back.
    fn take(
        &mut self,
        mut found: Vec<OutboundDelivery>,
        lanes: &mut [DomainStats],
        claims: &mut ClaimedBatch,
        moves: &mut Vec<Transition>,
    ) -> Result<BlockedCounts, StoreError> {
        found.retain(|mail| self.chosen.names(mail));
        let (waves, chosen) = (&mut *self.waves, &mut *self.chosen);
        let passed_over = &mut claims.reading.passed_over;
        let may = |mail: &OutboundDelivery| {
            let number = mail.delivery.number;
            if !chosen.has_room_for(number) {
                return Ok(false);
            }
            let lane = self.counter.lane(mail);
            let full = |lane: DomainStats| lane.ready >= MAX_QUEUED_PER_DOMAIN || lane.wait.is_some();
            if let Some(lane) = lane.filter(|lane| full(lanes[*lane])) {
                passed_over.entry(lane).or_insert(number - 1);
                return Ok(false);
            }
            let may = waves.may_leave(self.store, &mail.delivery, self.now)?;
            if may {
                chosen.try_admit(number);
                lane.into_iter().for_each(|lane| lanes[lane].ready += 1);
            }
            Ok(may)
        };
        let (claimed, kept_back, more) = take(self.builder, self.permits, found, self.now, may)?;
        moves.extend(more);
        claims.claimed.extend(claimed.into_iter().map(Arc::new));
        Ok(kept_back)
    }
}
