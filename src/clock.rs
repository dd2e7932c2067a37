//! The only `now` in the program; everything below takes the time as an
//! argument.

use crate::domain::zone::Timestamp;

/// What the system clock shows.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
pub fn now() -> Timestamp {
    chrono::Utc::now()
}
