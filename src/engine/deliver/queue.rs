//! Mails that are ready, and which of them may be taken next: the first for which
//! every limit has room. A mail to a domain that has reached its limit does not
//! delay others; there is one mail to each person here at most, so the order of a
//! person's mails does not change. The time is an argument; [`super::work_queue`] has the clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::sliding_window::SlidingWindow;

/// A limiter with too many active mails is asked again when one is completed; so this
/// wait is never waited out.
const UNTIL_COMPLETED: Duration = Duration::from_secs(60);

/// What is limited together: all mails, or those to one domain.
#[derive(Clone, Debug)]
pub(super) struct RateLimiter {
    windows: Vec<SlidingWindow>,
    /// The number of active mails allowed.
    most: usize,
    /// Mails that are taken and not completed.
    active: usize,
}

impl RateLimiter {
    pub(super) fn new(windows: Vec<SlidingWindow>, most: usize) -> RateLimiter {
        RateLimiter { windows, most, active: 0 }
    }

    /// How long the next mail must wait; `None` if not at all.
    fn wait(&self, now: Duration) -> Option<Duration> {
        if self.active >= self.most {
            return Some(UNTIL_COMPLETED);
        }
        self.windows_wait(now)
    }

    /// How long the next mail waits for the windows.
    fn windows_wait(&self, now: Duration) -> Option<Duration> {
        self.windows.iter().filter_map(|window| window.wait(now, self.active)).max()
    }

    fn completed(&mut self, at: Option<Duration>) {
        self.active = self.active.saturating_sub(1);
        at.into_iter().for_each(|at| self.windows.iter_mut().for_each(|window| window.completed(at)));
    }
}

/// The answer to a request for a mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Poll<T> {
    /// A mail.
    Ready(T),
    /// None before this wait is over.
    WaitFor(Duration),
    /// There is none.
    Empty,
}

/// Mails that are ready, each with its domain if that is limited.
pub(super) struct Queue<T> {
    ready: VecDeque<(Option<usize>, T)>,
    all: RateLimiter,
    limiters: Vec<RateLimiter>,
    /// The last one is taken first.
    from_the_end: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(all: RateLimiter, limiters: Vec<RateLimiter>) -> Queue<T> {
        Queue { ready: VecDeque::new(), all, limiters, from_the_end: false }
    }

    /// Whether the last one is taken first. Neighbours share a unit or a domain;
    /// another recipient shows whether a refusal concerns all of them.
    pub(super) fn take_from_the_end(&mut self, from_the_end: bool) {
        self.from_the_end = from_the_end;
    }

    /// Adds a mail.
    pub(super) fn put(&mut self, domain: Option<usize>, mail: T) {
        self.ready.push_back((domain, mail));
    }

    /// Returns a mail that was taken and not tried.
    pub(super) fn put_back(&mut self, domain: Option<usize>, mail: T) {
        self.completed(domain, None);
        self.ready.push_front((domain, mail));
    }

    /// A mail that was taken has an outcome; without an instant it was not tried, and
    /// counts for no limit.
    pub(super) fn completed(&mut self, domain: Option<usize>, at: Option<Duration>) {
        self.all.completed(at);
        if let Some(limiter) = domain.and_then(|domain| self.limiters.get_mut(domain)) {
            limiter.completed(at);
        }
    }

    /// Takes the first mail that may be taken now.
    pub(super) fn take(&mut self, now: Duration) -> Poll<T> {
        if let Some(wait) = self.wait(now) {
            return Poll::WaitFor(wait);
        }
        let is_free = |(domain, _): &(Option<usize>, T)| self.domain_wait(*domain, now).is_none();
        let free = match self.from_the_end {
            true => self.ready.iter().rposition(is_free),
            false => self.ready.iter().position(is_free),
        };
        let Some((domain, mail)) = free.and_then(|free| self.ready.remove(free)) else { return Poll::Empty };
        self.all.active += 1;
        if let Some(limiter) = domain.and_then(|domain| self.limiters.get_mut(domain)) {
            limiter.active += 1;
        }
        Poll::Ready(mail)
    }

    /// How long all ready mails must wait; `None` if one may be taken, or there is none.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        let waits = self.ready.iter().map(|(domain, _)| self.domain_wait(*domain, now));
        let least = waits.min_by_key(|wait| wait.unwrap_or_default())?;
        self.all.wait(now).max(least)
    }

    /// How long the next mail waits for the limit of all mails.
    pub(super) fn wait_of_all(&self, now: Duration) -> Option<Duration> {
        self.all.wait(now)
    }

    /// How long the next mail to each domain waits for its windows.
    pub(super) fn waits_of_domains(&self, now: Duration) -> Vec<Option<Duration>> {
        self.limiters.iter().map(|limiter| limiter.windows_wait(now)).collect()
    }

    fn domain_wait(&self, domain: Option<usize>, now: Duration) -> Option<Duration> {
        self.limiters.get(domain?)?.wait(now)
    }

    /// The number of mails that are taken and not completed.
    pub(super) fn active(&self) -> usize {
        self.all.active
    }

    /// The number of ready mails.
    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }

    /// How many of them no limit of their domain keeps back.
    pub(super) fn free(&self, now: Duration) -> usize {
        self.ready.iter().filter(|(domain, _)| self.domain_wait(*domain, now).is_none()).count()
    }

    /// The number of ready mails to each limited domain.
    pub(super) fn ready_by_domain(&self) -> Vec<usize> {
        let mut ready = vec![0; self.limiters.len()];
        for domain in self.ready.iter().filter_map(|(domain, _)| *domain) {
            ready[domain] += 1;
        }
        ready
    }

    /// Removes some of the ready mails.
    pub(super) fn drain_matching(&mut self, unwanted: impl Fn(&T) -> bool) -> Vec<T> {
        let all = std::mem::take(&mut self.ready).into_iter();
        let (out, ready): (VecDeque<_>, VecDeque<_>) = all.partition(|(_, mail)| unwanted(mail));
        self.ready = ready;
        out.into_iter().map(|(_, mail)| mail).collect()
    }

    /// Removes all ready mails.
    pub(super) fn drain(&mut self) -> Vec<T> {
        self.ready.drain(..).map(|(_, mail)| mail).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn lane(limits: &[(usize, u64)], most: usize) -> RateLimiter {
        RateLimiter::new(
            limits.iter().map(|(mails, per)| SlidingWindow::new(Some((*mails, ms(*per))))).collect(),
            most,
        )
    }

    #[test]
    fn a_domain_at_its_limit_lets_others_pass() {
        let mut queue = Queue::new(lane(&[], usize::MAX), vec![lane(&[(1, 1000)], 9)]);
        for (lane, mail) in [(Some(0), "a"), (Some(0), "b"), (None, "c"), (Some(0), "d")] {
            queue.put(lane, mail);
        }
        assert_eq!(queue.take(ms(0)), Poll::Ready("a"));
        assert_eq!(queue.take(ms(0)), Poll::Ready("c"));
        queue.completed(None, Some(ms(5)));
        queue.completed(Some(0), Some(ms(10)));
        assert_eq!(queue.take(ms(20)), Poll::WaitFor(ms(990)));
        assert_eq!((queue.len(), queue.free(ms(20)), queue.ready_by_domain()), (2, 0, vec![2]));
        assert_eq!(queue.take(ms(1010)), Poll::Ready("b"));
        queue.put_back(Some(0), "b");
        assert_eq!(queue.take(ms(1010)), Poll::Ready("b"), "what was not tried counts for nothing");
    }

    #[test]
    fn the_last_is_taken_first_while_that_is_asked_for() {
        let mut queue = Queue::new(lane(&[], usize::MAX), Vec::new());
        ["a", "b", "c"].into_iter().for_each(|mail| queue.put(None, mail));
        queue.take_from_the_end(true);
        assert_eq!(queue.take(ms(0)), Poll::Ready("c"));
        queue.take_from_the_end(false);
        assert_eq!(queue.take(ms(0)), Poll::Ready("a"));
    }

    #[test]
    fn so_many_at_the_same_time_and_no_more() {
        let mut queue = Queue::new(lane(&[], usize::MAX), vec![lane(&[], 1)]);
        ["a", "b"].into_iter().for_each(|mail| queue.put(Some(0), mail));
        assert_eq!(queue.take(ms(0)), Poll::Ready("a"));
        assert!(matches!(queue.take(ms(0)), Poll::WaitFor(_)));
        queue.completed(Some(0), Some(ms(1)));
        assert_eq!(queue.take(ms(1)), Poll::Ready("b"));
        assert_eq!(queue.take(ms(1)), Poll::Empty);
    }

    /// A mail as it went: taken, accepted somewhere on the way, answered.
    struct Gone {
        lane: Option<usize>,
        taken: Duration,
        accepted: Duration,
        answered: Duration,
    }

    /// Limits and how many at a time, of each lane; small, so that they matter.
    fn limits() -> impl Strategy<Value = (Vec<(usize, u64)>, usize)> {
        (proptest::collection::vec((1..6usize, 200..2000u64), 0..3), 1..4usize)
    }

    /// Takes all mails from a queue, with a number of workers; each mail has a
    /// lane and a time it takes.
    fn hand_out(queue: &mut Queue<usize>, lines: usize, mails: &[(Option<usize>, u64)]) -> Vec<Gone> {
        mails.iter().enumerate().for_each(|(n, (lane, _))| queue.put(*lane, n));
        let (mut now, mut open, mut gone) = (ms(0), Vec::<Gone>::new(), Vec::new());
        while gone.len() < mails.len() {
            let wait = match open.len() < lines {
                true => match queue.take(now) {
                    Poll::Ready(n) => {
                        let (lane, takes) = mails[n];
                        let (accepted, answered) = (now + ms(takes / 2), now + ms(takes));
                        open.push(Gone { lane, taken: now, accepted, answered });
                        continue;
                    }
                    Poll::WaitFor(wait) => Some(now + wait),
                    Poll::Empty => None,
                },
                false => None,
            };
            open.sort_by_key(|gone| std::cmp::Reverse(gone.answered));
            let answer = open.last().map(|gone| gone.answered);
            now = match (wait, answer) {
                (Some(wait), Some(answer)) => wait.min(answer),
                (wait, answer) => wait.or(answer).expect("something happens next"),
            };
            while open.last().is_some_and(|gone| gone.answered <= now) {
                let done = open.pop().expect("there is one");
                queue.completed(done.lane, Some(done.answered));
                gone.push(done);
            }
        }
        gone
    }

    /// In every period at most the limit.
    fn keep(limits: &[(usize, u64)], accepted: &mut [Duration]) -> Result<(), TestCaseError> {
        accepted.sort_unstable();
        for (mails, per) in limits {
            for (first, late) in accepted.iter().zip(accepted.iter().skip(*mails)) {
                prop_assert!(*late >= *first + ms(*per), "{mails} and one more in {:?}", *late - *first);
            }
        }
        Ok(())
    }

    /// Was there no room at an instant, counting as the relay may?
    fn is_full(limits: &[(usize, u64)], most: usize, before: &[&Gone], at: Duration) -> bool {
        let active = before.iter().filter(|gone| gone.answered > at).count();
        active >= most
            || limits.iter().any(|(mails, per)| {
                before.iter().filter(|gone| gone.answered + ms(*per) > at).count() >= *mails
            })
    }

    proptest! {
        /// With several limits, for all mails and for single domains: in no period more
        /// than any of them; and whenever a worker is free, each mail that waits has a
        /// limit that is reached: its own, or that of all.
        #[test]
        fn no_limit_is_exceeded_and_nothing_waits_for_a_limit_of_others(
            all in limits(),
            lanes in proptest::collection::vec(limits(), 2),
            mails in proptest::collection::vec((proptest::option::of(0..2usize), 0..400u64), 1..40),
            lines in 1..4usize,
        ) {
            let made = lanes.iter().map(|(limits, most)| lane(limits, *most)).collect();
            let mut queue = Queue::new(lane(&all.0, usize::MAX), made);
            let gone = hand_out(&mut queue, lines, &mails);
            keep(&all.0, &mut gone.iter().map(|gone| gone.accepted).collect::<Vec<_>>())?;
            for (n, (limits, most)) in lanes.iter().enumerate() {
                let of_lane = || gone.iter().filter(|gone| gone.lane == Some(n));
                keep(limits, &mut of_lane().map(|gone| gone.accepted).collect::<Vec<_>>())?;
                for one in of_lane() {
                    let meanwhile = of_lane().filter(|other| other.taken <= one.taken && one.taken < other.answered);
                    prop_assert!(meanwhile.count() <= *most);
                }
            }
            // Asked each time anything ended: could one that left later have
            // left then?
            for at in gone.iter().map(|gone| gone.answered) {
                let before: Vec<&Gone> = gone.iter().filter(|gone| gone.taken <= at).collect();
                let busy = before.iter().filter(|gone| gone.answered > at).count();
                if busy >= lines || is_full(&all.0, usize::MAX, &before, at) {
                    continue;
                }
                for late in gone.iter().filter(|gone| gone.taken > at) {
                    let Some(n) = late.lane else {
                        return Err(TestCaseError::fail("a mail of no limited domain waited for one"));
                    };
                    let own: Vec<&Gone> = before.iter().copied().filter(|gone| gone.lane == Some(n)).collect();
                    prop_assert!(is_full(&lanes[n].0, lanes[n].1, &own, at), "it waited for nothing");
                }
            }
        }
    }
}
