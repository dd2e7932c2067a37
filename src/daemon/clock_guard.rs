//! Watches the system clock. While it is implausible a send block is stored, so that no mail is sent or expires by a
//! jump of the clock.

use crate::clock;
use crate::domain::delivery::send_block::{self, BlockKind, Clocks, SendBlock};
use crate::domain::time::timezone::Timestamp;
use crate::store::{Store, StoreError};

/// What is known about the clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClockGuard {
    /// The last reading at which both clocks were plausible.
    anchor: Option<Clocks>,
    /// The clock is implausible and the block for it was stored. If the block is gone, an operator released it.
    pub(super) is_wrong: bool,
}

impl ClockGuard {
    /// The time derived from the last plausible reading and the monotonic clock; the system clock if there was none. A
    /// clock that is set in between is checked before it counts.
    pub(super) fn now(&self) -> Timestamp {
        self.anchor.map_or_else(clock::now, clock::since)
    }

    /// Whether the system clock deviates from the monotonic clock since the last plausible reading.
    pub(super) fn has_jumped(&self) -> bool {
        self.anchor.is_some() && send_block::check_clock(clock::both(), None, self.anchor).is_err()
    }

    /// Checks the clock, and stores or releases the block.
    pub(super) fn check(&mut self, store: &mut Store, log: &dyn Fn(&str)) -> Result<(), StoreError> {
        let now = clock::both();
        let is_blocked = store.send_blocks()?.iter().any(|block| block.kind == BlockKind::Clock);
        match send_block::check_clock(now, store.clock()?, self.anchor) {
            Ok(()) => {
                *self = ClockGuard { anchor: Some(now), is_wrong: false };
                if is_blocked {
                    store.release_send_block(BlockKind::Clock, now.wall)?;
                    log("the system clock is right again");
                }
            }
            Err(message) if is_blocked || !self.is_wrong => {
                store.add_send_block(&SendBlock { kind: BlockKind::Clock, at: now.wall, message })?;
                self.is_wrong = true;
            }
            // An operator released the block, so the clock is right.
            Err(_) => *self = ClockGuard { anchor: Some(now), is_wrong: false },
        }
        Ok(())
    }
}
