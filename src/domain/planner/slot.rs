//! The slot: the first of the cadence that can be used, and the moment at
//! which it is.
//!
//! A slot may be used from its own instant until strictly less than `grace`
//! later, at the first moment at which everything permits, whatever caused
//! the delay (contract 7, "precisely"). One that cannot be used at any such
//! moment falls away, and its reason is kept.

use chrono::TimeDelta;

use super::{Moment, Route, Who};
use crate::domain::planner::person::Blocked;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Reason;

/// The slots of a step: a moment of its own if it has one, then the cadence.
#[derive(Clone, Copy)]
pub(super) struct Slots {
    /// No slot before this.
    pub(super) from: Timestamp,
    /// The moment of its own.
    pub(super) on: Option<Timestamp>,
}

/// A slot that can be used.
pub(super) struct Usable {
    pub(super) slot: Timestamp,
    /// When it is used: now, or the first moment at which everything permits.
    pub(super) at: Timestamp,
    /// Why no earlier slot or moment could be.
    pub(super) because: Vec<Reason>,
}

/// The least difference between two instants that are not the same.
pub(super) const INSTANT: TimeDelta = TimeDelta::nanoseconds(1);

/// Within this time some slot must be usable, counted anew after each
/// absence whose end is known.
pub(super) const PATIENCE: TimeDelta = TimeDelta::days(366);

impl Moment<'_> {
    /// The first slot that can be used now or later; `Err` with the reasons
    /// if there is none within a year.
    pub(super) fn usable_slot<'s>(
        &self,
        who: &Who<'s>,
        route: &Route<'s>,
        slots: Slots,
        gate: impl Fn(Timestamp) -> Option<Blocked>,
    ) -> Result<Usable, Vec<Reason>> {
        let grace = self.planner.settings.grace;
        let mut because = Vec::new();
        let mut patience = self.now.max(slots.from) + PATIENCE;
        let mut next = self.slot_from(who, route, slots, self.now - grace + INSTANT);
        while let Some(slot) = next.filter(|slot| *slot <= patience) {
            let mut at = slot.max(self.now);
            loop {
                let Some(blocked) = gate(at).or_else(|| who.blocked(route, at)) else {
                    return Ok(Usable { slot, at, because });
                };
                let absence = matches!(blocked.reason, Reason::Leave(_) | Reason::Paused(_));
                if !because.contains(&blocked.reason) {
                    because.push(blocked.reason);
                }
                let Some(until) = blocked.until else { return Err(because) };
                if absence {
                    patience = patience.max(until + PATIENCE);
                }
                at = until;
                if at >= slot + grace {
                    break;
                }
            }
            // Slots whose grace ends before the obstacle does cannot be used.
            next = self.slot_from(who, route, slots, (slot + INSTANT).max(at - grace + INSTANT));
        }
        because.push(Reason::NoSlot);
        Err(because)
    }

    /// The first slot not before an instant, filters ignored.
    pub(super) fn slot_from<'s>(
        &self,
        who: &Who<'s>,
        route: &Route<'s>,
        slots: Slots,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let from = at.max(slots.from);
        let cadence = |from: Timestamp| {
            let work_out = || who.cadence(route).slot_from(self.planner.zone(), from);
            self.slots.of(who.rhythm(route), from, work_out)
        };
        match slots.on {
            Some(on) if on >= from => Some(on),
            Some(on) => cadence(from.max(on + INSTANT)),
            None => cadence(from),
        }
    }
}
