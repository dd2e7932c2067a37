//! Pings the systemd watchdog. Only the working thread pings, so a hang is
//! detected and systemd restarts the daemon.

use std::cell::Cell;
use std::time::Duration;

use sd_notify::NotifyState;

use super::notify;
use crate::clock::Stopwatch;

/// Longest interval between pings.
const USUAL: Duration = Duration::from_secs(10);

/// The watchdog timer.
pub(super) struct Heart {
    /// The interval between pings.
    pub(super) every: Duration,
    last: Cell<Stopwatch>,
}

impl Heart {
    /// Starts it with the interval that the systemd unit asks for.
    pub(super) fn start() -> Heart {
        Heart { every: every(sd_notify::watchdog_enabled()), last: Cell::new(Stopwatch::start()) }
    }

    /// Pings if the interval has passed.
    pub(super) fn beat(&self) {
        if self.last.get().elapsed() >= self.every {
            notify(&[NotifyState::Watchdog]);
            self.last.set(Stopwatch::start());
        }
    }
}

/// A third of the allowed time: one late ping is harmless.
fn every(allowed: Option<Duration>) -> Duration {
    allowed.map_or(USUAL, |allowed| USUAL.min(allowed / 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_pings_three_times_within_the_watchdog_timeout() {
        let beats =
            [None, Some(60), Some(6)].map(|allowed| every(allowed.map(Duration::from_secs)).as_secs());
        assert_eq!(beats, [10, 10, 2]);
    }
}
