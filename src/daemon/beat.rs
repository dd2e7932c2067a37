//! The heartbeat: systemd hears that the daemon is alive, and starts it anew
//! when it has heard nothing for longer than the unit allows (F14). Whoever
//! does the work beats, so that one who hangs is silent; nobody beats for
//! somebody else.

use std::cell::Cell;
use std::time::Duration;

use sd_notify::NotifyState;

use super::notify;
use crate::clock::Stopwatch;

/// How often, where the unit asks for no more than that.
const USUAL: Duration = Duration::from_secs(10);

/// The heart.
pub(super) struct Heart {
    /// How often it beats.
    pub(super) every: Duration,
    last: Cell<Stopwatch>,
}

impl Heart {
    /// One that beats as often as the unit asks for.
    pub(super) fn start() -> Heart {
        Heart { every: every(sd_notify::watchdog_enabled()), last: Cell::new(Stopwatch::start()) }
    }

    /// Beats, not more often than it must.
    pub(super) fn beat(&self) {
        if self.last.get().elapsed() >= self.every {
            notify(&[NotifyState::Watchdog]);
            self.last.set(Stopwatch::start());
        }
    }
}

/// Three times within what is allowed: one that comes late is not the end.
fn every(allowed: Option<Duration>) -> Duration {
    allowed.map_or(USUAL, |allowed| USUAL.min(allowed / 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f14_it_beats_three_times_within_what_the_unit_allows() {
        let beats =
            [None, Some(60), Some(6)].map(|allowed| every(allowed.map(Duration::from_secs)).as_secs());
        assert_eq!(beats, [10, 10, 2]);
    }
}
