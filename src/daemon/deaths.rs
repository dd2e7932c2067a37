//! How often a part of the program ended before its time: once it is replaced,
//! twice within a while something is wrong that only a fresh start mends (F14).

use chrono::TimeDelta;

use crate::domain::zone::Timestamp;

/// Two within this are too many (faults, F14).
const WHILE: TimeDelta = TimeDelta::minutes(10);

/// Some part ended before its time once too often: the process ends, so that
/// systemd starts it anew.
#[derive(Debug, thiserror::Error)]
#[error("a line to the relay ended before its time, twice within {} minutes", WHILE.num_minutes())]
pub struct EndedAgain;

/// When it happened last.
#[derive(Debug, Default)]
pub(super) struct Deaths(Option<Timestamp>);

impl Deaths {
    /// It happened at an instant; is that once too often?
    pub(super) fn one_more(&mut self, at: Timestamp) -> bool {
        self.0.replace(at).is_some_and(|before| (at - before).abs() < WHILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f14_two_within_ten_minutes_are_too_many() {
        let at = |time: &str| format!("2026-12-01T{time}Z").parse::<Timestamp>().expect("an instant");
        let mut deaths = Deaths::default();
        let told = ["08:00:00", "08:10:00", "08:19:59", "08:40:00"].map(|time| deaths.one_more(at(time)));
        assert_eq!(told, [false, false, true, false]);
    }
}
