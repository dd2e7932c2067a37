//! Rate limits that mails wait for.

use serde::Serialize;

use crate::domain::time::timezone::TimeZone;
use crate::engine::deliver::limits::{Limit, LimitReached};

/// A rate limit of the configuration.
#[derive(Debug, Serialize)]
pub(crate) struct LimitView {
    mails: usize,
    seconds: u64,
}

impl LimitView {
    pub(super) fn of(limit: &Limit) -> LimitView {
        LimitView { mails: limit.mails, seconds: limit.per.as_secs() }
    }
}

/// A rate limit that is reached, and the mails that wait for it.
#[derive(Debug, Serialize)]
pub(crate) struct LimitReachedView<'a> {
    #[serde(flatten)]
    limit: LimitView,
    domain: Option<&'a str>,
    waiting: usize,
    next: String,
    last: String,
}

impl<'a> LimitReachedView<'a> {
    pub(super) fn of(zone: TimeZone, reached: &'a LimitReached) -> LimitReachedView<'a> {
        LimitReachedView {
            limit: LimitView::of(&reached.limit),
            domain: reached.domain.as_deref(),
            waiting: reached.waiting,
            next: zone.rfc3339(reached.next),
            last: zone.rfc3339(reached.last),
        }
    }
}
