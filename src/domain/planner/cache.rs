//! Answers kept for a moment: most people of a moment ask the same few
//! questions of the calendar, and turning civil time into instants is the
//! dearest thing the planner does. It changes no answer, only how often one
//! is worked out.

use std::cell::RefCell;

use crate::domain::time::timezone::Timestamp;

/// How many answers are kept; a newer one takes the place of an older.
const CAPACITY: usize = 256;

/// Answers to a question about an instant and a number (a cadence, a unit).
pub(super) struct Cache<A> {
    answers: RefCell<Vec<Option<(usize, Timestamp, A)>>>,
}

impl<A: Clone> Cache<A> {
    pub(super) fn new() -> Cache<A> {
        Cache { answers: RefCell::new(vec![None; CAPACITY]) }
    }

    /// The answer, worked out if it is not known.
    pub(super) fn of(&self, number: usize, at: Timestamp, compute: impl FnOnce() -> A) -> A {
        let place = place(number, at);
        if let Some((known_number, known_at, answer)) = &self.answers.borrow()[place]
            && (*known_number, *known_at) == (number, at)
        {
            return answer.clone();
        }
        let answer = compute();
        self.answers.borrow_mut()[place] = Some((number, at, answer.clone()));
        answer
    }
}

/// Spreads questions over the places (Fibonacci hashing).
fn place(number: usize, at: Timestamp) -> usize {
    let mixed =
        (at.timestamp() as u64 ^ u64::from(at.timestamp_subsec_nanos())).wrapping_add((number as u64) << 40);
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize % CAPACITY
}
