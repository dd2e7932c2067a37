//! Mails that lie ready, and which of them may be taken next: the first for
//! which every limit has room. A mail to a domain that has reached its own
//! limit lets others pass; nobody has two mails here, so nobody's mails change
//! their order. The time is told; [`super::work_queue`] has the clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::sliding_window::SlidingWindow;

/// While a lane is full one of its mails must be answered first, and then it
/// is asked again; so this length is never waited for.
const UNTIL_ANSWERED: Duration = Duration::from_secs(60);

/// What is limited together: all mails, or those to one domain.
#[derive(Clone, Debug)]
pub(super) struct RateLimiter {
    rates: Vec<SlidingWindow>,
    /// So many at the same time.
    most: usize,
    /// Taken and not answered.
    in_hand: usize,
}

impl RateLimiter {
    pub(super) fn new(rates: Vec<SlidingWindow>, most: usize) -> RateLimiter {
        RateLimiter { rates, most, in_hand: 0 }
    }

    /// How long the next one must wait; `None`: not at all.
    fn wait(&self, now: Duration) -> Option<Duration> {
        if self.in_hand >= self.most {
            return Some(UNTIL_ANSWERED);
        }
        self.rates_wait(now)
    }

    /// How long its rates let the next one wait, once all in hand were
    /// answered now.
    fn rates_wait(&self, now: Duration) -> Option<Duration> {
        self.rates.iter().filter_map(|rate| rate.wait(now, self.in_hand)).max()
    }

    fn answered(&mut self, at: Option<Duration>) {
        self.in_hand = self.in_hand.saturating_sub(1);
        at.into_iter().for_each(|at| self.rates.iter_mut().for_each(|rate| rate.answered(at)));
    }
}

/// What whoever asks for a mail is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Poll<T> {
    /// This one.
    Take(T),
    /// None before so long.
    Wait(Duration),
    /// There is none.
    Nothing,
}

/// Mails that lie ready, each with the lane of its domain if that is limited.
pub(super) struct Queue<T> {
    ready: VecDeque<(Option<usize>, T)>,
    all: RateLimiter,
    lanes: Vec<RateLimiter>,
    /// The last one is taken first.
    from_the_end: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(all: RateLimiter, lanes: Vec<RateLimiter>) -> Queue<T> {
        Queue { ready: VecDeque::new(), all, lanes, from_the_end: false }
    }

    /// Whether the last one is taken first. Neighbours share a unit or a domain;
    /// another recipient shows whether a refusal concerns all of them.
    pub(super) fn take_from_the_end(&mut self, from_the_end: bool) {
        self.from_the_end = from_the_end;
    }

    /// More to be taken.
    pub(super) fn put(&mut self, lane: Option<usize>, mail: T) {
        self.ready.push_back((lane, mail));
    }

    /// One that was taken is back, untried.
    pub(super) fn put_back(&mut self, lane: Option<usize>, mail: T) {
        self.answered(lane, None);
        self.ready.push_front((lane, mail));
    }

    /// One that was taken was answered; without an instant it was never tried,
    /// and counts for no limit.
    pub(super) fn answered(&mut self, lane: Option<usize>, at: Option<Duration>) {
        self.all.answered(at);
        if let Some(lane) = lane.and_then(|lane| self.lanes.get_mut(lane)) {
            lane.answered(at);
        }
    }

    /// Takes the first that may be taken now.
    pub(super) fn take(&mut self, now: Duration) -> Poll<T> {
        if let Some(wait) = self.wait(now) {
            return Poll::Wait(wait);
        }
        let is_free = |(lane, _): &(Option<usize>, T)| self.lane_wait(*lane, now).is_none();
        let free = match self.from_the_end {
            true => self.ready.iter().rposition(is_free),
            false => self.ready.iter().position(is_free),
        };
        let Some((lane, mail)) = free.and_then(|free| self.ready.remove(free)) else { return Poll::Nothing };
        self.all.in_hand += 1;
        if let Some(lane) = lane.and_then(|lane| self.lanes.get_mut(lane)) {
            lane.in_hand += 1;
        }
        Poll::Take(mail)
    }

    /// How long all that lie ready must wait; `None`: one may be taken, or
    /// there is none.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        let waits = self.ready.iter().map(|(lane, _)| self.lane_wait(*lane, now));
        let least = waits.min_by_key(|wait| wait.unwrap_or_default())?;
        self.all.wait(now).max(least)
    }

    /// How long the limit of all lets everybody wait.
    pub(super) fn wait_of_all(&self, now: Duration) -> Option<Duration> {
        self.all.wait(now)
    }

    /// How long the rates of each lane let its next one wait.
    pub(super) fn waits_of_lanes(&self, now: Duration) -> Vec<Option<Duration>> {
        self.lanes.iter().map(|lane| lane.rates_wait(now)).collect()
    }

    fn lane_wait(&self, lane: Option<usize>, now: Duration) -> Option<Duration> {
        self.lanes.get(lane?)?.wait(now)
    }

    /// Taken and not answered.
    pub(super) fn in_hand(&self) -> usize {
        self.all.in_hand
    }

    /// How many lie ready.
    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }

    /// How many of them no limit of their domain keeps back.
    pub(super) fn free(&self, now: Duration) -> usize {
        self.ready.iter().filter(|(lane, _)| self.lane_wait(*lane, now).is_none()).count()
    }

    /// How many lie ready in each lane.
    pub(super) fn crowd(&self) -> Vec<usize> {
        let mut crowd = vec![0; self.lanes.len()];
        for lane in self.ready.iter().filter_map(|(lane, _)| *lane) {
            crowd[lane] += 1;
        }
        crowd
    }

    /// Those of what lies ready that are no longer wanted here.
    pub(super) fn take_out(&mut self, unwanted: impl Fn(&T) -> bool) -> Vec<T> {
        let all = std::mem::take(&mut self.ready).into_iter();
        let (out, ready): (VecDeque<_>, VecDeque<_>) = all.partition(|(_, mail)| unwanted(mail));
        self.ready = ready;
        out.into_iter().map(|(_, mail)| mail).collect()
    }

    /// What lies ready, no longer here.
    pub(super) fn empty(&mut self) -> Vec<T> {
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
        assert_eq!(queue.take(ms(0)), Poll::Take("a"));
        assert_eq!(queue.take(ms(0)), Poll::Take("c"));
        queue.answered(None, Some(ms(5)));
        queue.answered(Some(0), Some(ms(10)));
        assert_eq!(queue.take(ms(20)), Poll::Wait(ms(990)));
        assert_eq!((queue.len(), queue.free(ms(20)), queue.crowd()), (2, 0, vec![2]));
        assert_eq!(queue.take(ms(1010)), Poll::Take("b"));
        queue.put_back(Some(0), "b");
        assert_eq!(queue.take(ms(1010)), Poll::Take("b"), "what was not tried counts for nothing");
    }

    #[test]
    fn the_last_is_taken_first_while_that_is_asked_for() {
        let mut queue = Queue::new(lane(&[], usize::MAX), Vec::new());
        ["a", "b", "c"].into_iter().for_each(|mail| queue.put(None, mail));
        queue.take_from_the_end(true);
        assert_eq!(queue.take(ms(0)), Poll::Take("c"));
        queue.take_from_the_end(false);
        assert_eq!(queue.take(ms(0)), Poll::Take("a"));
    }

    #[test]
    fn so_many_at_the_same_time_and_no_more() {
        let mut queue = Queue::new(lane(&[], usize::MAX), vec![lane(&[], 1)]);
        ["a", "b"].into_iter().for_each(|mail| queue.put(Some(0), mail));
        assert_eq!(queue.take(ms(0)), Poll::Take("a"));
        assert!(matches!(queue.take(ms(0)), Poll::Wait(_)));
        queue.answered(Some(0), Some(ms(1)));
        assert_eq!(queue.take(ms(1)), Poll::Take("b"));
        assert_eq!(queue.take(ms(1)), Poll::Nothing);
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

    /// What hands out mails by a queue, with so many lines; each mail has a
    /// lane and a time it takes.
    fn hand_out(queue: &mut Queue<usize>, lines: usize, mails: &[(Option<usize>, u64)]) -> Vec<Gone> {
        mails.iter().enumerate().for_each(|(n, (lane, _))| queue.put(*lane, n));
        let (mut now, mut open, mut gone) = (ms(0), Vec::<Gone>::new(), Vec::new());
        while gone.len() < mails.len() {
            let wait = match open.len() < lines {
                true => match queue.take(now) {
                    Poll::Take(n) => {
                        let (lane, takes) = mails[n];
                        let (accepted, answered) = (now + ms(takes / 2), now + ms(takes));
                        open.push(Gone { lane, taken: now, accepted, answered });
                        continue;
                    }
                    Poll::Wait(wait) => Some(now + wait),
                    Poll::Nothing => None,
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
                queue.answered(done.lane, Some(done.answered));
                gone.push(done);
            }
        }
        gone
    }

    /// In every stretch of time at most so many.
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
        let in_hand = before.iter().filter(|gone| gone.answered > at).count();
        in_hand >= most
            || limits.iter().any(|(mails, per)| {
                before.iter().filter(|gone| gone.answered + ms(*per) > at).count() >= *mails
            })
    }

    proptest! {
        /// F38: with several limits, for all and for single domains: in no
        /// stretch of time more than any of them; and whenever a line is free,
        /// each mail that waits has a limit that is full: its own, or that of
        /// all.
        #[test]
        fn f38_no_limit_is_exceeded_and_nothing_waits_for_a_limit_of_others(
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
