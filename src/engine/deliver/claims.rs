//! Which mails are claimed next: the outbox from first to last, a batch at a
//! time. Of a domain that has a limit of its own only a few are claimed at
//! once, and none while that limit has no room; what is passed over for that
//! is come back to, so that mails to others need not wait behind it, and
//! memory stays small.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::counter::{Counter, LaneStands};
use super::wave::Waves;
use super::{Chosen, KeptBack, Permits, take};
use crate::domain::time::timezone::Timestamp;
use crate::engine::message::MessageBuilder;
use crate::store::{Outgoing, Store, StoreError, Transition};

/// So many mails are claimed at once, and lie ready for the lines.
pub(super) const READY: usize = 64;
/// So many of them to one domain that is limited.
const CROWD: usize = READY / 2;
/// With more than these the domain is not come back to.
const FEW: usize = CROWD / 2;

/// How far the outbox was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// Up to this number.
    pub(super) after: i64,
    /// There is nothing more to claim beyond it.
    pub(super) exhausted: bool,
    /// Of each lane from which mails were passed over: the first of them has a
    /// number above this.
    passed_over: BTreeMap<usize, i64>,
}

impl Reading {
    /// Is there a lane to come back to now?
    fn lane_with_room(&self, lanes: &[LaneStands]) -> Option<(usize, i64)> {
        let room = |lane: usize| lanes.get(lane).is_none_or(|lane| lane.ready <= FEW && lane.wait.is_none());
        self.passed_over.iter().map(|(lane, from)| (*lane, *from)).find(|(lane, _)| room(*lane))
    }

    /// Is there a lane from which mails were passed over?
    pub(super) fn has_passed_some_over(&self) -> bool {
        !self.passed_over.is_empty()
    }

    /// When the first lane has room again from which mails were passed over;
    /// `None`: there is none.
    pub(super) fn wait(&self, counter: &Counter) -> Option<Duration> {
        let lanes = counter.lanes();
        self.passed_over.keys().filter_map(|lane| lanes.get(*lane)?.wait).min()
    }

    /// Is everything claimed that there is room for?
    pub(super) fn has_all_there_is_room_for(&self, counter: &Counter) -> bool {
        self.exhausted && self.lane_with_room(&counter.lanes()).is_none()
    }
}

/// Mails that are claimed next.
pub(super) struct Claims {
    pub(super) claimed: Vec<Arc<Outgoing>>,
    /// The outbox will have been read so far.
    pub(super) reading: Reading,
    pub(super) kept_back: KeptBack,
}

/// What claims are made of.
pub(super) struct Claimant<'a, 'd> {
    pub(super) desk: &'a MessageBuilder<'d>,
    pub(super) store: &'a Store,
    pub(super) permits: &'a Permits,
    pub(super) waves: &'a mut Waves,
    pub(super) chosen: &'a mut Chosen,
    pub(super) counter: &'a Counter,
    pub(super) now: Timestamp,
}

impl Claimant<'_, '_> {
    /// The next that may leave, and the moves that claim or settle them.
    ///
    /// # Errors
    ///
    /// Where the outbox cannot be read.
    pub(super) fn claims(
        &mut self,
        reading: &Reading,
        moves: &mut Vec<Transition>,
    ) -> Result<Claims, StoreError> {
        let mut claims =
            Claims { claimed: Vec::new(), reading: reading.clone(), kept_back: KeptBack::default() };
        let mut lanes = self.counter.lanes();
        if let Some((lane, from)) = reading.lane_with_room(&lanes) {
            self.come_back(lane, from, &mut lanes, &mut claims, moves)?;
        }
        while claims.claimed.is_empty() && !claims.reading.exhausted {
            if self.chosen.ends_at(claims.reading.after) {
                claims.reading.exhausted = true;
                break;
            }
            let found = self.store.outgoing(claims.reading.after, READY, self.now)?;
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
        lanes: &mut [LaneStands],
        claims: &mut Claims,
        moves: &mut Vec<Transition>,
    ) -> Result<(), StoreError> {
        claims.reading.passed_over.remove(&lane);
        let until = claims.reading.after;
        loop {
            let mut found = self.store.outgoing(from, READY, self.now)?;
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
        mut found: Vec<Outgoing>,
        lanes: &mut [LaneStands],
        claims: &mut Claims,
        moves: &mut Vec<Transition>,
    ) -> Result<KeptBack, StoreError> {
        found.retain(|mail| self.chosen.names(mail));
        let (waves, chosen) = (&mut *self.waves, &mut *self.chosen);
        let passed_over = &mut claims.reading.passed_over;
        let may = |mail: &Outgoing| {
            let number = mail.delivery.number;
            if !chosen.has_room_for(number) {
                return Ok(false);
            }
            let lane = self.counter.lane(mail);
            let full = |lane: LaneStands| lane.ready >= CROWD || lane.wait.is_some();
            if let Some(lane) = lane.filter(|lane| full(lanes[*lane])) {
                passed_over.entry(lane).or_insert(number - 1);
                return Ok(false);
            }
            let may = waves.may_leave(self.store, &mail.delivery, self.now)?;
            if may {
                chosen.begin(number);
                lane.into_iter().for_each(|lane| lanes[lane].ready += 1);
            }
            Ok(may)
        };
        let (claimed, kept_back, more) = take(self.desk, self.permits, found, self.now, may)?;
        moves.extend(more);
        claims.claimed.extend(claimed.into_iter().map(Arc::new));
        Ok(kept_back)
    }
}
