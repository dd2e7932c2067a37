//! Reports which planned times an update of the time zone data moves. Planned
//! mails keep their local time.

use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::plan::positions;
use crate::store::{Store, StoreError, StoredPositions};

/// Positions planned with other time zone data than this program has.
pub(super) struct TzdataChange {
    release: String,
    planned: StoredPositions,
}

impl TzdataChange {
    /// Reads them before they are recomputed; `None` if the data is the same.
    pub(super) fn read(store: &Store) -> Result<Option<TzdataChange>, StoreError> {
        let Some(release) = positions::changed_tzdata(store)? else { return Ok(None) };
        Ok(Some(TzdataChange { release, planned: store.stored_positions()? }))
    }

    /// The log line: `time zone data 2026c → 2027a: 214 planned times moved; each
    /// keeps its local time`.
    pub(super) fn line(&self, store: &Store, now: Timestamp) -> Result<String, StoreError> {
        let times = match self.moved(&store.stored_positions()?, now) {
            1 => "1 planned time".to_owned(),
            n => format!("{n} planned times"),
        };
        let (before, after) = (&self.release, TimeZone::release());
        Ok(format!("time zone data {before} → {after}: {times} moved; each keeps its local time"))
    }

    /// Number of future positions whose instant changed.
    fn moved(&self, planned: &StoredPositions, now: Timestamp) -> usize {
        let later = |at: &Timestamp| *at > now;
        let moved = self.planned.iter().filter(|(whose, before)| {
            let after = planned.get(whose).and_then(|after| after.next_at);
            before.next_at.filter(later).is_some_and(|at| after.is_some_and(|after| after != at))
        });
        moved.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::ids::{PersonNumber, Slug};
    use crate::store::StoredPosition;

    #[test]
    fn only_changed_future_times_count_as_moved() {
        let at = |hour: u32| format!("2027-04-01T{hour:02}:00:00Z").parse::<Timestamp>().expect("an instant");
        let planned = |hours: &[Option<u32>]| -> StoredPositions {
            let row = |(n, hour): (i64, &Option<u32>)| {
                let whose = (PersonNumber(n), Slug::parse("j").expect("a slug"));
                (whose, StoredPosition { last: None, next_at: hour.map(at) })
            };
            (1..).zip(hours).map(row).collect()
        };
        let planned_before = planned(&[Some(7), Some(7), Some(5), None, Some(9)]);
        let change = TzdataChange { release: "2026c".to_owned(), planned: planned_before };
        let moved = change.moved(&planned(&[Some(8), Some(7), Some(7), Some(7), None]), at(6));
        assert_eq!(moved, 1, "one stayed, one was due, one had none, one has none");
    }
}
