//! A rate limit: never more than a number of mails in any period, counted so that the
//! relay's own log confirms it. A mail counts from the relay's answer, and before that
//! while it is active: however long each takes, the relay never counts one too many.

use std::collections::VecDeque;
use std::time::Duration;

/// The time at which a queue starts. It is not zero, because mails of earlier runs count
/// for a limit too.
pub(super) const CLOCK_ORIGIN: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// A limit, and the mails that count for it. Times are those of a stopwatch.
#[derive(Clone, Debug)]
pub(super) struct SlidingWindow {
    /// The number of mails and the period.
    limit: Option<(usize, Duration)>,
    /// When each of the last mails was answered, the oldest first.
    answered: VecDeque<Duration>,
}

impl SlidingWindow {
    pub(super) fn new(limit: Option<(usize, Duration)>) -> SlidingWindow {
        SlidingWindow { limit, answered: VecDeque::new() }
    }

    /// The relay has answered a mail.
    pub(super) fn completed(&mut self, at: Duration) {
        let Some((mails, _)) = self.limit else { return };
        self.answered.push_back(at);
        while self.answered.len() > mails {
            self.answered.pop_front();
        }
    }

    /// How long the next mail must wait; `None` if not at all. If all mails of a period
    /// are active, one of them must be completed first, and then it is asked again.
    pub(super) fn wait(&self, now: Duration, active: usize) -> Option<Duration> {
        let (mails, per) = self.limit?;
        if active >= mails {
            return Some(per);
        }
        let most = mails - active;
        // The mail that must be out of the period before another begins.
        let leaver = self.answered.len().checked_sub(most)?;
        let free = *self.answered.get(leaver)? + per;
        free.checked_sub(now).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut rate = SlidingWindow::new(None);
        (0..100).for_each(|_| rate.completed(ms(0)));
        assert_eq!(rate.wait(ms(0), 50), None);
    }

    #[test]
    fn the_first_few_leave_at_once_and_the_next_when_the_period_is_over() {
        let mut rate = SlidingWindow::new(Some((3, ms(1000))));
        for n in 0..3 {
            assert_eq!(rate.wait(ms(10 * n), 0), None);
            rate.completed(ms(10 * n));
        }
        assert_eq!(rate.wait(ms(30), 0), Some(ms(970)));
        assert_eq!(rate.wait(ms(1000), 0), None);
        assert_eq!(rate.wait(ms(1000), 1), Some(ms(10)));
    }

    proptest! {
        /// However long mails take, in every period the relay accepts at most the limit,
        /// and nothing waits longer than it must.
        #[test]
        fn in_no_period_are_there_more_than_the_limit(
            takes in proptest::collection::vec(0..400u64, 1..60),
            mails in 1..8usize,
            lines in 1..4usize,
        ) {
            let per = ms(1000);
            let mut rate = SlidingWindow::new(Some((mails, per)));
            let mut now = ms(0);
            let mut open: Vec<(Duration, Duration)> = Vec::new();
            let mut accepted = Vec::new();
            let mut takes = takes.into_iter().peekable();
            while takes.peek().is_some() || !open.is_empty() {
                open.sort();
                let may = open.len() < lines && takes.peek().is_some();
                let wait = if may { rate.wait(now, open.len()) } else { Some(per) };
                match (wait, open.first().copied()) {
                    (None, _) => {
                        let took = takes.next().expect("one more");
                        // The relay accepts somewhere between begin and answer.
                        open.push((now + ms(took), now + ms(took / 2)));
                    }
                    (Some(wait), Some((answer, _))) if answer <= now + wait => now = now.max(answer),
                    (Some(wait), _) => now += wait,
                }
                let done: Vec<_> = open.iter().copied().filter(|(answer, _)| *answer <= now).collect();
                open.retain(|(answer, _)| *answer > now);
                for (answer, took) in done {
                    rate.completed(answer.max(now));
                    accepted.push(took);
                }
            }
            accepted.sort();
            for (n, first) in accepted.iter().enumerate() {
                if let Some(late) = accepted.get(n + mails) {
                    prop_assert!(*late >= *first + per, "{mails} and one more within {:?}", *late - *first);
                }
            }
        }
    }
}
