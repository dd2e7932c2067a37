//! The only `now` in the program; everything below takes the time as an
//! argument.

use chrono::SubsecRound;

use crate::domain::zone::Timestamp;

/// What the system clock shows, to the second: what is remembered and printed
/// has no smaller part, so two readings of one second are one instant.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the clock")]
pub fn now() -> Timestamp {
    chrono::Utc::now().trunc_subsecs(0)
}
