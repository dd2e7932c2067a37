//! The queue between the coordinator and the workers: claimed mails, which workers
//! take as fast as the rate limits allow.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::limits::{Limits, SendHistory};
use super::queue::{Poll, Queue, RateLimiter};
use super::sliding_window::{CLOCK_ORIGIN, SlidingWindow};
use crate::clock::Stopwatch;
use crate::domain::model::address;
use crate::domain::model::ids::StepName;
use crate::store::OutboundDelivery;

/// A worker does not wait longer than this for a rate limit with its connection open:
/// relays close idle connections.
const MAX_IDLE_WAIT: Duration = Duration::from_secs(5);

pub(super) struct WorkQueue {
    watch: Stopwatch,
    /// The limited domains.
    domains: Vec<Box<str>>,
    shared: Mutex<Shared>,
    changed: Condvar,
}

struct Shared {
    queue: Queue<Arc<OutboundDelivery>>,
    is_closed: bool,
    is_aborted: bool,
}

/// The state of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueStats {
    /// Mails that no worker has taken.
    pub(super) ready: usize,
    /// Those of them that wait for no limit of their domain.
    pub(super) free: usize,
    /// Mails that workers have taken and not completed.
    pub(super) active: usize,
    /// How long the limits keep all of it back, if that is longer than a worker waits.
    pub(super) wait: Option<Duration>,
    /// The same for any mail: a limit of all mails.
    pub(super) all_wait: Option<Duration>,
}

/// The state of one limited domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DomainStats {
    /// Mails that no worker has taken.
    pub(super) ready: usize,
    /// How long its limits keep all mails back, if that is longer than a worker waits.
    pub(super) wait: Option<Duration>,
}

/// A wait that is longer than a worker waits.
fn long(wait: Option<Duration>) -> Option<Duration> {
    wait.filter(|wait| *wait > MAX_IDLE_WAIT)
}

impl WorkQueue {
    /// An empty queue, whose limits count the mails that were sent before.
    pub(super) fn new(limits: &Limits, watch: Stopwatch, history: &SendHistory) -> WorkQueue {
        let windows = |limits: &[super::limits::Limit], history: &[Duration]| -> Vec<SlidingWindow> {
            let mut windows: Vec<SlidingWindow> =
                limits.iter().map(|limit| SlidingWindow::new(Some((limit.mails, limit.per)))).collect();
            for window in &mut windows {
                history.iter().for_each(|ago| window.completed(CLOCK_ORIGIN.saturating_sub(*ago)));
            }
            windows
        };
        let all = RateLimiter::new(windows(&limits.all, &history.all), usize::MAX);
        let of_domain = limits.domains.iter().zip(&history.domains);
        let limiters =
            of_domain.map(|(of, history)| RateLimiter::new(windows(&of.limits, history), of.most)).collect();
        let domains = limits.domains.iter().map(|of| of.domain.clone()).collect();
        let shared = Shared { queue: Queue::new(all, limiters), is_closed: false, is_aborted: false };
        WorkQueue { watch, domains, shared: Mutex::new(shared), changed: Condvar::new() }
    }

    fn now(&self) -> Duration {
        self.watch.elapsed() + CLOCK_ORIGIN
    }

    /// A panic of a worker leaves nothing half-done here.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limited domain that a mail goes to, if any.
    pub(super) fn domain(&self, mail: &OutboundDelivery) -> Option<usize> {
        if self.domains.is_empty() {
            return None;
        }
        let domain = address::domain_of(mail.person.email.as_deref()?);
        self.domains.iter().position(|limited| limited.eq_ignore_ascii_case(domain))
    }

    /// Adds mails.
    pub(super) fn put(&self, mails: impl IntoIterator<Item = Arc<OutboundDelivery>>) {
        let mut shared = self.shared();
        mails.into_iter().for_each(|mail| shared.queue.put(self.domain(&mail), mail));
        self.changed.notify_all();
    }

    /// Takes the next mail, and waits until there is one; `None` once it is closed.
    pub(super) fn take(&self) -> Option<Arc<OutboundDelivery>> {
        let mut shared = self.shared();
        while !shared.is_closed {
            shared = match shared.queue.take(self.now()) {
                Poll::Ready(mail) => return Some(mail),
                Poll::Empty => self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner),
                Poll::WaitFor(wait) => {
                    self.changed.wait_timeout(shared, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        None
    }

    /// Takes the next mail if there is one that may be sent now.
    pub(super) fn try_take(&self) -> Option<Arc<OutboundDelivery>> {
        let mut shared = self.shared();
        if shared.is_closed {
            return None;
        }
        match shared.queue.take(self.now()) {
            Poll::Ready(mail) => Some(mail),
            Poll::WaitFor(_) | Poll::Empty => None,
        }
    }

    /// Sets whether the last mail is taken first.
    pub(super) fn take_from_the_end(&self, from_the_end: bool) {
        self.shared().queue.take_from_the_end(from_the_end);
    }

    /// Returns a mail that was taken and not tried.
    pub(super) fn put_back(&self, mail: Arc<OutboundDelivery>) {
        self.shared().queue.put_back(self.domain(&mail), mail);
        self.changed.notify_all();
    }

    /// A mail that was taken has an outcome. One that was not tried counts for no limit.
    pub(super) fn complete(&self, mail: &OutboundDelivery, is_tried: bool) {
        let (mut shared, at) = (self.shared(), is_tried.then(|| self.now()));
        shared.queue.completed(self.domain(mail), at);
        self.changed.notify_all();
    }

    pub(super) fn stats(&self) -> QueueStats {
        let (shared, now) = (self.shared(), self.now());
        let queue = &shared.queue;
        QueueStats {
            ready: queue.len(),
            free: queue.free(now),
            active: queue.active(),
            wait: long(queue.wait(now)),
            all_wait: long(queue.wait_of_all(now)),
        }
    }

    /// The state of each limited domain.
    pub(super) fn domains(&self) -> Vec<DomainStats> {
        let (shared, now) = (self.shared(), self.now());
        let waits = shared.queue.waits_of_domains(now).into_iter().map(long);
        let ready = shared.queue.ready_by_domain().into_iter();
        ready.zip(waits).map(|(ready, wait)| DomainStats { ready, wait }).collect()
    }

    /// Removes the mails of a step that no worker has taken.
    pub(super) fn drain_matching(&self, step: &StepName) -> Vec<Arc<OutboundDelivery>> {
        self.shared().queue.drain_matching(|mail| mail.delivery.step == *step)
    }

    /// Workers take nothing more. Removes what they have not taken.
    pub(super) fn close(&self) -> Vec<Arc<OutboundDelivery>> {
        let mut shared = self.shared();
        shared.is_closed = true;
        self.changed.notify_all();
        shared.queue.drain()
    }

    /// Workers send no data of the mails that they have begun.
    pub(super) fn abort(&self) {
        self.shared().is_aborted = true;
    }

    /// Whether it is aborted.
    pub(super) fn is_aborted(&self) -> bool {
        self.shared().is_aborted
    }

    /// Whether it is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.shared().is_closed
    }
}
