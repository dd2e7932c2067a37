//! The only `now` in the program; everything below takes the time as an
//! argument. How long something takes is asked here too.

use std::time::{Duration, Instant};

use chrono::SubsecRound;

use crate::domain::zone::Timestamp;

/// What the system clock shows, to the second: what is remembered and printed
/// has no smaller part, so two readings of one second are one instant.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
pub fn now() -> Timestamp {
    chrono::Utc::now().trunc_subsecs(0)
}

/// How long something takes, whatever the system clock does meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// How long it has run.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
    pub fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self.0)
    }

    /// What is left of a length of time; `None` when it is over.
    pub fn left_of(self, length: Duration) -> Option<Duration> {
        length.checked_sub(self.elapsed()).filter(|left| !left.is_zero())
    }
}
