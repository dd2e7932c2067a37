//! The counter between the writer and the lines: mails that are claimed and
//! may be taken, as fast as the limits allow.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::limits::{Limits, SendHistory};
use super::queue::{Poll, Queue, RateLimiter};
use super::sliding_window::{CLOCK_ORIGIN, SlidingWindow};
use crate::clock::Stopwatch;
use crate::domain::model::address;
use crate::domain::model::ids::StepName;
use crate::store::OutboundDelivery;

/// Longer than this no line waits for a limit with its connection open: relays
/// close what is idle, and the process has other things to do.
const MAX_IDLE_WAIT: Duration = Duration::from_secs(5);

pub(super) struct WorkQueue {
    watch: Stopwatch,
    /// Those that are limited, in the order of their lanes.
    domains: Vec<Box<str>>,
    inside: Mutex<Shared>,
    changed: Condvar,
}

struct Shared {
    queue: Queue<Arc<OutboundDelivery>>,
    closing: bool,
}

/// How it stands at the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueStats {
    pub(super) ready: usize,
    /// So many of them wait for no limit of their domain.
    pub(super) free: usize,
    pub(super) in_hand: usize,
    /// The limits let nothing of it through for longer than a line waits.
    pub(super) wait: Option<Duration>,
    /// The same for whatever may come: the limit is that of all mails.
    pub(super) all_wait: Option<Duration>,
}

/// How it stands in one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DomainStats {
    /// So many lie ready.
    pub(super) ready: usize,
    /// Its limits let nothing through for longer than a line waits.
    pub(super) wait: Option<Duration>,
}

/// Waits that are longer than a line has patience for.
fn long(wait: Option<Duration>) -> Option<Duration> {
    wait.filter(|wait| *wait > MAX_IDLE_WAIT)
}

impl WorkQueue {
    /// A counter at which every limit is kept. Before it opened some mails were
    /// answered, each so long ago, the oldest first.
    pub(super) fn new(limits: &Limits, watch: Stopwatch, before: &SendHistory) -> WorkQueue {
        let rates = |limits: &[super::limits::Limit], before: &[Duration]| -> Vec<SlidingWindow> {
            let mut rates: Vec<SlidingWindow> =
                limits.iter().map(|limit| SlidingWindow::new(Some((limit.mails, limit.per)))).collect();
            for rate in &mut rates {
                before.iter().for_each(|ago| rate.answered(CLOCK_ORIGIN.saturating_sub(*ago)));
            }
            rates
        };
        let all = RateLimiter::new(rates(&limits.all, &before.all), usize::MAX);
        let of_domain = limits.domains.iter().zip(&before.domains);
        let lanes =
            of_domain.map(|(of, before)| RateLimiter::new(rates(&of.limits, before), of.most)).collect();
        let domains = limits.domains.iter().map(|of| of.domain.clone()).collect();
        let inside = Shared { queue: Queue::new(all, lanes), closing: false };
        WorkQueue { watch, domains, inside: Mutex::new(inside), changed: Condvar::new() }
    }

    fn now(&self) -> Duration {
        self.watch.elapsed() + CLOCK_ORIGIN
    }

    /// Nothing here can be half-done when a line panics.
    fn inside(&self) -> MutexGuard<'_, Shared> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lane of a mail, if its domain is limited.
    pub(super) fn lane(&self, mail: &OutboundDelivery) -> Option<usize> {
        if self.domains.is_empty() {
            return None;
        }
        let domain = address::domain_of(mail.person.email.as_deref()?);
        self.domains.iter().position(|limited| limited.eq_ignore_ascii_case(domain))
    }

    /// More to be taken.
    pub(super) fn put(&self, mails: impl IntoIterator<Item = Arc<OutboundDelivery>>) {
        let mut inside = self.inside();
        mails.into_iter().for_each(|mail| inside.queue.put(self.lane(&mail), mail));
        self.changed.notify_all();
    }

    /// Takes the next; waits until there is one. `None`: go home.
    pub(super) fn take(&self) -> Option<Arc<OutboundDelivery>> {
        let mut inside = self.inside();
        loop {
            if inside.closing {
                return None;
            }
            inside = match inside.queue.take(self.now()) {
                Poll::Take(mail) => return Some(mail),
                Poll::Nothing => self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner),
                Poll::Wait(wait) => {
                    self.changed.wait_timeout(inside, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Whether the last one that lies ready is taken first.
    pub(super) fn take_from_the_end(&self, from_the_end: bool) {
        self.inside().queue.take_from_the_end(from_the_end);
    }

    /// One that was taken is back, untried.
    pub(super) fn put_back(&self, mail: Arc<OutboundDelivery>) {
        self.inside().queue.put_back(self.lane(&mail), mail);
        self.changed.notify_all();
    }

    /// One that was taken was answered; one that was never tried counts for no
    /// limit.
    pub(super) fn answered(&self, mail: &OutboundDelivery, tried: bool) {
        let (mut inside, at) = (self.inside(), tried.then(|| self.now()));
        inside.queue.answered(self.lane(mail), at);
        self.changed.notify_all();
    }

    /// How it stands.
    pub(super) fn standing(&self) -> QueueStats {
        let (inside, now) = (self.inside(), self.now());
        let queue = &inside.queue;
        QueueStats {
            ready: queue.len(),
            free: queue.free(now),
            in_hand: queue.in_hand(),
            wait: long(queue.wait(now)),
            all_wait: long(queue.wait_of_all(now)),
        }
    }

    /// How it stands in each lane.
    pub(super) fn lanes(&self) -> Vec<DomainStats> {
        let (inside, now) = (self.inside(), self.now());
        let waits = inside.queue.waits_of_lanes(now).into_iter().map(long);
        let crowd = inside.queue.crowd().into_iter();
        crowd.zip(waits).map(|(ready, wait)| DomainStats { ready, wait }).collect()
    }

    /// What nobody has taken of a step comes back.
    pub(super) fn take_out(&self, step: &StepName) -> Vec<Arc<OutboundDelivery>> {
        self.inside().queue.take_out(|mail| mail.delivery.step == *step)
    }

    /// Sends everybody home; what nobody has taken comes back.
    pub(super) fn close(&self) -> Vec<Arc<OutboundDelivery>> {
        let mut inside = self.inside();
        inside.closing = true;
        self.changed.notify_all();
        inside.queue.empty()
    }
}
