//! Which of the enqueued mails a run may send: those that `--only` names, and at most
//! as many as `--limit` says.

use std::collections::BTreeSet;

use crate::engine::plan::pass::Filter;
use crate::store::OutboundDelivery;

/// The mails a run may send.
#[derive(Debug, Default)]
pub struct SendFilter {
    selection: Filter,
    /// With a limit: the mails that count towards it, by number. One that is given back
    /// still counts.
    admitted: BTreeSet<i64>,
}

impl SendFilter {
    pub(crate) fn of(selection: &Filter) -> SendFilter {
        SendFilter { selection: selection.clone(), admitted: BTreeSet::new() }
    }

    /// Whether a mail is selected.
    pub(super) fn names(&self, mail: &OutboundDelivery) -> bool {
        self.selection.has_mail(&mail.person, &mail.delivery.step)
    }

    /// Whether the limit has room for a mail.
    pub(super) fn has_room_for(&self, number: i64) -> bool {
        self.admitted.contains(&number)
            || self.selection.limit.is_none_or(|limit| self.admitted.len() < limit)
    }

    /// Counts a mail, if there is room for it.
    pub(super) fn try_admit(&mut self, number: i64) -> bool {
        let has_room = self.has_room_for(number);
        if has_room && self.selection.limit.is_some() {
            self.admitted.insert(number);
        }
        has_room
    }

    /// Whether nothing with a number above this one can be sent.
    pub(super) fn exhausted_after(&self, number: i64) -> bool {
        let is_full = self.selection.limit.is_some_and(|limit| self.admitted.len() >= limit);
        is_full && self.admitted.last().is_none_or(|last| *last <= number)
    }
}
