//! Finds the first usable slot of a cadence and the moment at which it is used.
//!
//! A slot may be used from its own instant until strictly less than `grace` later, at the first moment at which
//! everything is allowed, whatever caused the delay. A slot that cannot be used is dropped with its reason.

use chrono::TimeDelta;

use super::send_policy::{self, Blocked};
use super::{PersonContext, PlannerAt, PreparedJourney};
use crate::domain::model::library::Programme;
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Reason;

/// The slots of a step: its own date if it has one, then the cadence.
#[derive(Clone, Copy)]
pub(super) struct Slots {
    /// No slot before this.
    pub(super) from: Timestamp,
    /// The step's own date.
    pub(super) on: Option<Timestamp>,
}

/// A usable slot.
pub(super) struct UsableSlot {
    pub(super) slot: Timestamp,
    /// When it is used: now, or the first moment at which everything is allowed.
    pub(super) at: Timestamp,
    /// Why no earlier slot or moment is usable.
    pub(super) reasons: Vec<Reason>,
}

/// The smallest difference between two instants.
pub(super) const SMALLEST_STEP: TimeDelta = TimeDelta::nanoseconds(1);

/// Within this time a slot must be usable; restarted after each absence with a known end.
pub(super) const SEARCH_HORIZON: TimeDelta = TimeDelta::days(366);

impl PlannerAt<'_> {
    /// The first slot usable now or later; `Err` with the reasons if there is none within a year.
    pub(super) fn usable_slot<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &PreparedJourney<'s>,
        slots: Slots,
        gate: impl Fn(Timestamp) -> Option<Blocked>,
    ) -> Result<UsableSlot, Vec<Reason>> {
        let grace = self.planner.settings.grace;
        let mut reasons = Vec::new();
        let mut horizon = self.now.max(slots.from) + SEARCH_HORIZON;
        let mut next = self.slot_from(who, route, slots, self.now - grace + SMALLEST_STEP);
        while let Some(slot) = next.filter(|slot| *slot <= horizon) {
            let mut at = slot.max(self.now);
            loop {
                let Some(blocked) = gate(at).or_else(|| who.blocked(route, at)) else {
                    return Ok(UsableSlot { slot, at, reasons });
                };
                let absence = matches!(blocked.reason, Reason::Leave(_) | Reason::Paused(_));
                if !reasons.contains(&blocked.reason) {
                    reasons.push(blocked.reason);
                }
                let Some(until) = blocked.until else { return Err(reasons) };
                if absence {
                    horizon = horizon.max(until + SEARCH_HORIZON);
                }
                at = until;
                if at >= slot + grace {
                    break;
                }
            }
            // Skips slots whose grace ends before the block does.
            next = self.slot_from(who, route, slots, (slot + SMALLEST_STEP).max(at - grace + SMALLEST_STEP));
        }
        reasons.push(Reason::NoSlot);
        Err(reasons)
    }

    /// The first slot at or after an instant, before filters.
    pub(super) fn slot_from<'s>(
        &self,
        who: &PersonContext<'s>,
        route: &PreparedJourney<'s>,
        slots: Slots,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let from = at.max(slots.from);
        let cadence = |from: Timestamp| {
            let compute = || who.cadence(route).slot_from(self.planner.zone(), from);
            self.slots.of(who.cadence_key(route), from, compute)
        };
        match slots.on {
            Some(on) if on >= from => Some(on),
            Some(on) => cadence(from.max(on + SMALLEST_STEP)),
            None => cadence(from),
        }
    }
}

/// The first slot of a cadence in the year from an instant at which calendar and hours let a mail leave; `Err` with what
/// forbids most of them, or `None` if it has no slot.
pub(crate) fn first_usable_slot(
    cadence: &Cadence,
    from: Timestamp,
    grace: TimeDelta,
    programme: &Programme,
    unit_closed: &[ClosedPeriod],
) -> Result<Timestamp, Option<Reason>> {
    let mut reasons: Vec<(Reason, usize)> = Vec::new();
    let mut next = cadence.slot_from(programme.zone, from);
    while let Some(slot) = next.filter(|slot| *slot < from + SEARCH_HORIZON) {
        let mut at = slot;
        while at < slot + grace {
            let Some(blocked) = send_policy::calendar_block(programme, unit_closed, at) else {
                return Ok(slot);
            };
            if at == slot {
                match reasons.iter_mut().find(|(reason, _)| *reason == blocked.reason) {
                    Some((_, slots)) => *slots += 1,
                    None => reasons.push((blocked.reason, 1)),
                }
            }
            at = blocked.until.unwrap_or(Timestamp::MAX_UTC);
        }
        next = cadence.slot_from(programme.zone, slot + SMALLEST_STEP);
    }
    Err(reasons.into_iter().max_by_key(|(_, slots)| *slots).map(|(reason, _)| reason))
}
