//! The only `now` in the program; everything below takes the time as an
//! argument. How long something takes is asked here too.

use std::time::{Duration, Instant};

use chrono::{SubsecRound, TimeDelta};

use crate::domain::guard::Clocks;
use crate::domain::zone::Timestamp;
use crate::failpoint;

/// What the system clock shows, to the second: what is remembered and printed
/// has no smaller part, so two readings of one second are one instant.
pub fn now() -> Timestamp {
    exactly_now().trunc_subsecs(0)
}

/// The same instant goes on from a moment at which the clock was right: what
/// somebody sets it to since then counts for nothing.
pub fn since(then: Clocks) -> Timestamp {
    (then.wall + (since_boot() - then.since_boot)).trunc_subsecs(0)
}

/// Waits, at most so long, until somebody says that it is enough.
pub fn sleep(length: Duration, enough: impl Fn() -> bool) {
    let watch = Stopwatch::start();
    while let Some(left) = watch.left_of(length).filter(|_| !enough()) {
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
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

/// What the clocks show: the one that can be set, and the one that cannot.
pub fn both() -> Clocks {
    // In this order: who is kept waiting between the two is early by what is
    // said afterwards, and nothing is written down as earlier than it was.
    let since_boot = since_boot();
    Clocks { wall: exactly_now(), since_boot }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
fn exactly_now() -> Timestamp {
    chrono::Utc::now() + TimeDelta::seconds(failpoint::clocks_moved().0)
}

/// How long the machine has run, asleep or awake.
fn since_boot() -> TimeDelta {
    boot_clock() + TimeDelta::seconds(failpoint::clocks_moved().1)
}

#[cfg(target_os = "linux")]
fn boot_clock() -> TimeDelta {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    TimeDelta::seconds(time.tv_sec) + TimeDelta::nanoseconds(time.tv_nsec)
}

/// How long this process has run: a machine that sleeps is not known here.
#[cfg(not(target_os = "linux"))]
fn boot_clock() -> TimeDelta {
    static START: std::sync::OnceLock<Stopwatch> = std::sync::OnceLock::new();
    TimeDelta::from_std(START.get_or_init(Stopwatch::start).elapsed()).unwrap_or_default()
}
