//! The only source of the current time; all other code takes the time as an
//! argument. Also measures durations.

use std::time::{Duration, Instant};

use chrono::{SubsecRound, TimeDelta};

use crate::domain::delivery::send_block::Clocks;
use crate::domain::time::timezone::Timestamp;
use crate::failpoint;

/// The system time, truncated to seconds, the precision of everything stored
/// and printed.
pub fn now() -> Timestamp {
    exactly_now().trunc_subsecs(0)
}

/// The time derived from an earlier reading and the monotonic clock; ignores
/// changes of the system clock since then.
pub(crate) fn since(then: Clocks) -> Timestamp {
    (then.wall + (since_boot() - then.since_boot)).trunc_subsecs(0)
}

/// Sleeps for at most `length`, until `enough` returns true.
pub(crate) fn sleep(length: Duration, enough: impl Fn() -> bool) {
    let watch = Stopwatch::start();
    while let Some(left) = watch.left_of(length).filter(|_| !enough()) {
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// Measures a duration with the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
    /// Starts it now.
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
    /// Time since the start.
    pub fn elapsed(self) -> Duration {
        Instant::now().saturating_duration_since(self.0)
    }

    /// The remainder of a duration; `None` when it is over.
    pub(crate) fn left_of(self, length: Duration) -> Option<Duration> {
        length.checked_sub(self.elapsed()).filter(|left| !left.is_zero())
    }
}

/// Reads the wall clock and the boot clock.
pub(crate) fn both() -> Clocks {
    // Read the boot clock first: a delay between the two reads can then only make a
    // derived time late, never early.
    let since_boot = since_boot();
    Clocks { wall: exactly_now(), since_boot }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
fn exactly_now() -> Timestamp {
    chrono::Utc::now() + TimeDelta::seconds(failpoint::clocks_moved().0)
}

/// Time since boot, including suspend.
fn since_boot() -> TimeDelta {
    boot_clock() + TimeDelta::seconds(failpoint::clocks_moved().1)
}

#[cfg(target_os = "linux")]
fn boot_clock() -> TimeDelta {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    TimeDelta::seconds(time.tv_sec) + TimeDelta::nanoseconds(time.tv_nsec)
}

/// Time since the start of the process; does not include suspend.
#[cfg(not(target_os = "linux"))]
fn boot_clock() -> TimeDelta {
    static START: std::sync::OnceLock<Stopwatch> = std::sync::OnceLock::new();
    TimeDelta::from_std(START.get_or_init(Stopwatch::start).elapsed()).unwrap_or_default()
}
