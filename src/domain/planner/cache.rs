//! A cache for calendar calculations: most people ask the same few questions, and converting civil
//! time to instants is the most expensive part of the planner.

use std::cell::RefCell;

use crate::domain::time::timezone::Timestamp;

/// Number of entries; a new one may replace an old one.
const CAPACITY: usize = 256;

/// Results for an instant and a number (a cadence, a unit).
pub(super) struct Cache<A> {
    answers: RefCell<Vec<Option<(usize, Timestamp, A)>>>,
}

impl<A: Clone> Cache<A> {
    pub(super) fn new() -> Cache<A> {
        Cache { answers: RefCell::new(vec![None; CAPACITY]) }
    }

    /// The cached result, computed if missing.
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

/// The entry for a key (Fibonacci hashing).
fn place(number: usize, at: Timestamp) -> usize {
    let mixed =
        (at.timestamp() as u64 ^ u64::from(at.timestamp_subsec_nanos())).wrapping_add((number as u64) << 40);
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize % CAPACITY
}
