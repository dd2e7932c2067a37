//! Prints the rate limits that mails wait for: how many wait, and until when.
//! Used by `send` and `status`.

use crate::cli::output;
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::TimeZone;
use crate::engine::deliver::limits::LimitReached;

/// One rate limit as a line of text.
pub(super) fn line(zone: TimeZone, reached: &LimitReached) -> String {
    let LimitReached { limit, domain, waiting, next, last } = reached;
    let to = domain.as_ref().map_or(String::new(), |domain| format!(" to {domain}"));
    let wait = output::count(*waiting, "mail waits", "mails wait");
    let ends = match last == next {
        true => String::new(),
        false => format!(", the last {} at the earliest", format_datetime(zone, *last)),
    };
    format!(
        "the limit of {limit}{to} is reached: {wait}; the next may leave {}{ends}",
        format_datetime(zone, *next)
    )
}
