//! Counts panics of worker threads. A worker is replaced once; two panics
//! within ten minutes end the process, so that systemd restarts it.

use chrono::TimeDelta;

use crate::domain::time::timezone::Timestamp;

/// Two panics within this time are too many.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// A worker panicked repeatedly: the process exits and systemd restarts it.
#[derive(Debug, thiserror::Error)]
#[error("a connection to the mail server crashed twice within {} minutes", WINDOW.num_minutes())]
pub(crate) struct RepeatedWorkerPanic;

/// The time of the last panic.
#[derive(Debug, Default)]
pub(super) struct PanicCounter(Option<Timestamp>);

impl PanicCounter {
    /// Records a panic; returns true if it is the second one within the limit.
    pub(super) fn record(&mut self, at: Timestamp) -> bool {
        self.0.replace(at).is_some_and(|before| (at - before).abs() < WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_panics_within_ten_minutes_are_too_many() {
        let at = |time: &str| format!("2026-12-01T{time}Z").parse::<Timestamp>().expect("an instant");
        let mut panics = PanicCounter::default();
        let is_repeated =
            ["08:00:00", "08:10:00", "08:19:59", "08:40:00"].map(|time| panics.record(at(time)));
        assert_eq!(is_repeated, [false, false, true, false]);
    }
}
