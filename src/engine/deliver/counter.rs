//! The counter between the writer and the lines: mails that are claimed and
//! may be taken, as fast as the rate allows.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::rate::Rate;
use crate::clock::Stopwatch;
use crate::store::Outgoing;

/// Longer than this no line waits for a rate with its connection open: relays
/// close what is idle, and the process has other things to do.
const PATIENCE: Duration = Duration::from_secs(5);

/// The counter's clock shows this when it opens: mails of earlier runs count
/// for a rate too, and were answered before.
const BEFORE: Duration = Duration::from_secs(2 * 24 * 60 * 60);

pub(super) struct Counter {
    watch: Stopwatch,
    inside: Mutex<Inside>,
    changed: Condvar,
}

struct Inside {
    ready: VecDeque<Arc<Outgoing>>,
    rates: Vec<Rate>,
    /// Taken and not answered.
    in_hand: usize,
    closing: bool,
}

impl Inside {
    /// How long the strictest of the rates lets the next one wait.
    fn wait(&self, now: Duration) -> Option<Duration> {
        self.rates.iter().filter_map(|rate| rate.wait(now, self.in_hand)).max()
    }
}

/// How it stands at the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) ready: usize,
    pub(super) in_hand: usize,
    /// The rate lets nothing through for longer than a line waits.
    pub(super) wait: Option<Duration>,
}

impl Counter {
    /// A counter at which every rate is kept. Before it opened some mails were
    /// answered, each so long ago, the oldest first.
    pub(super) fn new(mut rates: Vec<Rate>, watch: Stopwatch, before: &[Duration]) -> Counter {
        for rate in &mut rates {
            before.iter().for_each(|ago| rate.answered(BEFORE.saturating_sub(*ago)));
        }
        let inside = Inside { ready: VecDeque::new(), rates, in_hand: 0, closing: false };
        Counter { watch, inside: Mutex::new(inside), changed: Condvar::new() }
    }

    fn now(&self) -> Duration {
        self.watch.elapsed() + BEFORE
    }

    /// Nothing here can be half-done when a line panics.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More to be taken.
    pub(super) fn put(&self, mails: impl IntoIterator<Item = Arc<Outgoing>>) {
        self.inside().ready.extend(mails);
        self.changed.notify_all();
    }

    /// Takes the next; waits until there is one. `None`: go home.
    pub(super) fn take(&self) -> Option<Arc<Outgoing>> {
        let mut inside = self.inside();
        loop {
            if inside.closing {
                return None;
            }
            let wait = match inside.ready.is_empty() {
                true => None,
                false => match inside.wait(self.now()) {
                    None => {
                        inside.in_hand += 1;
                        return inside.ready.pop_front();
                    }
                    wait => wait,
                },
            };
            inside = match wait {
                None => self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    self.changed.wait_timeout(inside, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// One that was taken is back, untried.
    pub(super) fn put_back(&self, mail: Arc<Outgoing>) {
        let mut inside = self.inside();
        inside.in_hand -= 1;
        inside.ready.push_front(mail);
        self.changed.notify_all();
    }

    /// One that was taken was answered; one that was never tried counts for no
    /// rate.
    pub(super) fn answered(&self, tried: bool) {
        let mut inside = self.inside();
        inside.in_hand -= 1;
        if tried {
            let now = self.now();
            inside.rates.iter_mut().for_each(|rate| rate.answered(now));
        }
        self.changed.notify_all();
    }

    /// How it stands.
    pub(super) fn standing(&self) -> Standing {
        let inside = self.inside();
        let wait = inside.wait(self.now()).filter(|wait| *wait > PATIENCE);
        Standing { ready: inside.ready.len(), in_hand: inside.in_hand, wait }
    }

    /// Sends everybody home; what nobody has taken comes back.
    pub(super) fn close(&self) -> Vec<Arc<Outgoing>> {
        let mut inside = self.inside();
        inside.closing = true;
        self.changed.notify_all();
        inside.ready.drain(..).collect()
    }
}
