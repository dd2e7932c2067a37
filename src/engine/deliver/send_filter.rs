//! Which of the mails that are booked a run may hand over: those that `--only`
//! names, and of them at most as many as `--limit` says, the first ones first.

use std::collections::BTreeSet;

use crate::engine::plan::pass::Filter;
use crate::store::OutboundDelivery;

/// What a run may hand over.
#[derive(Debug, Default)]
pub struct SendFilter {
    selection: Filter,
    /// With a limit: those that count for it, by number. What comes back
    /// untried stays one of them.
    begun: BTreeSet<i64>,
}

impl SendFilter {
    /// What a selection chooses.
    pub(crate) fn of(selection: &Filter) -> SendFilter {
        SendFilter { selection: selection.clone(), begun: BTreeSet::new() }
    }

    /// Is it one of those that are named?
    pub(super) fn names(&self, mail: &OutboundDelivery) -> bool {
        self.selection.has_mail(&mail.person, &mail.delivery.step)
    }

    /// Is there room for it?
    pub(super) fn has_room_for(&self, number: i64) -> bool {
        self.begun.contains(&number) || self.selection.limit.is_none_or(|limit| self.begun.len() < limit)
    }

    /// It is handed over, if there is room.
    pub(super) fn try_admit(&mut self, number: i64) -> bool {
        let has_room = self.has_room_for(number);
        if has_room && self.selection.limit.is_some() {
            self.begun.insert(number);
        }
        has_room
    }

    /// Is there nothing to choose with a number above this?
    pub(super) fn exhausted_after(&self, number: i64) -> bool {
        let is_full = self.selection.limit.is_some_and(|limit| self.begun.len() >= limit);
        is_full && self.begun.last().is_none_or(|last| *last <= number)
    }
}
