//! Pings the systemd watchdog. Only the working thread pings, so a hang is
//! detected and systemd restarts the daemon.

use std::cell::Cell;
use std::time::Duration;

use sd_notify::NotifyState;

use super::notify;
use crate::clock::Stopwatch;

/// Longest interval between pings.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// The watchdog timer.
pub(super) struct Watchdog {
    /// The interval between pings.
    pub(super) interval: Duration,
    last: Cell<Stopwatch>,
}

impl Watchdog {
    /// Starts it with the interval that the systemd unit asks for.
    pub(super) fn start() -> Watchdog {
        Watchdog { interval: interval(sd_notify::watchdog_enabled()), last: Cell::new(Stopwatch::start()) }
    }

    /// Pings if the interval has passed.
    pub(super) fn ping(&self) {
        if self.last.get().elapsed() >= self.interval {
            notify(&[NotifyState::Watchdog]);
            self.last.set(Stopwatch::start());
        }
    }
}

/// A third of the allowed time: one late ping is harmless.
fn interval(allowed: Option<Duration>) -> Duration {
    allowed.map_or(LONGEST_INTERVAL, |allowed| LONGEST_INTERVAL.min(allowed / 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_pings_three_times_within_the_watchdog_timeout() {
        let intervals =
            [None, Some(60), Some(6)].map(|allowed| interval(allowed.map(Duration::from_secs)).as_secs());
        assert_eq!(intervals, [10, 10, 2]);
    }
}
