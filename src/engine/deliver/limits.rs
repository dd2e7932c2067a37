//! Rate limits of the configuration, for all mails and for those to one domain: which
//! mails of earlier runs count for them, and how many wait. The database is asked, so
//! a restart forgets nothing.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;

use super::sliding_window::{CLOCK_ORIGIN, SlidingWindow};
use crate::config::{self, SmtpConfig};
use crate::domain::time::timezone::Timestamp;
use crate::store::{Store, StoreError};

/// A number of mails in any period of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub mails: usize,
    pub(crate) per: Duration,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mails = if self.mails == 1 { "mail" } else { "mails" };
        write!(f, "{} {mails} ", self.mails)?;
        match self.per.as_secs() {
            1 => write!(f, "a second"),
            60 => write!(f, "a minute"),
            3600 => write!(f, "an hour"),
            86_400 => write!(f, "in 24 hours"),
            _ => write!(f, "in {:?}", self.per),
        }
    }
}

/// All limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// For all mails together.
    pub(crate) all: Vec<Limit>,
    /// For single domains in addition.
    pub(crate) domains: Vec<DomainLimits>,
}

/// The limits for mails to one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DomainLimits {
    /// The domain as in addresses.
    pub(crate) domain: Box<str>,
    pub(crate) limits: Vec<Limit>,
    /// The number of mails at the same time.
    pub(crate) most: usize,
}

impl Limits {
    /// The limits of the configuration.
    pub fn of(smtp: &SmtpConfig) -> Limits {
        let domain = |of: &config::DomainConfig| DomainLimits {
            domain: of.domain.clone(),
            limits: listed(of.rate, of.per_day),
            most: of.connections.map_or(usize::MAX, usize::from),
        };
        Limits { all: listed(smtp.rate, smtp.per_day), domains: smtp.domains.iter().map(domain).collect() }
    }
}

fn listed(rate: Option<config::Rate>, per_day: Option<std::num::NonZeroU32>) -> Vec<Limit> {
    let per_day = per_day.map(|mails| config::Rate { mails, per: TimeDelta::hours(24) });
    let limit = |rate: config::Rate| Limit {
        mails: usize::try_from(rate.mails.get()).unwrap_or(usize::MAX),
        per: rate.per.to_std().unwrap_or_default(),
    };
    [rate, per_day].into_iter().flatten().map(limit).collect()
}

/// How long ago the mails were sent that a limit may still count, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct SendHistory {
    pub(super) all: Vec<Duration>,
    /// Of each limited domain, in the order of [`Limits::domains`].
    pub(super) domains: Vec<Vec<Duration>>,
}

impl SendHistory {
    /// Reads it from the database.
    pub(super) fn read(store: &Store, limits: &Limits, now: Timestamp) -> Result<SendHistory, StoreError> {
        // The database stores whole seconds: the mail may have been sent at the end of one.
        let ago =
            |at: Timestamp| (now - at).to_std().unwrap_or_default().saturating_sub(Duration::from_secs(1));
        let since = |limits: &[Limit]| {
            let longest = TimeDelta::from_std(limits.iter().map(|limit| limit.per).max()?).ok()?;
            Some(now - longest - TimeDelta::seconds(1))
        };
        let read = |limits: &[Limit], domain: Option<&str>| {
            let Some(since) = since(limits) else { return Ok(Vec::new()) };
            Ok(store.sent_since(since, domain)?.into_iter().map(ago).collect())
        };
        let domains = limits.domains.iter().map(|of| read(&of.limits, Some(&of.domain)));
        Ok(SendHistory {
            all: read(&limits.all, None)?,
            domains: domains.collect::<Result<_, StoreError>>()?,
        })
    }
}

/// A limit that is reached, while mails wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitReached {
    /// The limit with the longest wait.
    pub limit: Limit,
    /// The domain it applies to; `None` for all mails.
    pub domain: Option<Box<str>>,
    /// The number of mails that wait.
    pub waiting: usize,
    /// When the next may be sent.
    pub next: Timestamp,
    /// When the last may be sent, if nothing but the limit delays it.
    pub last: Timestamp,
}

/// The limits that are reached at an instant, with mails that wait for them.
pub fn limits_reached(
    store: &Store,
    limits: &Limits,
    now: Timestamp,
) -> Result<Vec<LimitReached>, StoreError> {
    let before = SendHistory::read(store, limits, now)?;
    let of_domain = limits.domains.iter().zip(&before.domains);
    let of_domain = of_domain.map(|(of, before)| (Some(&of.domain), of.limits.as_slice(), before));
    let mut all = Vec::new();
    for (domain, limits, before) in
        std::iter::once((None, limits.all.as_slice(), &before.all)).chain(of_domain)
    {
        if limits.is_empty() {
            continue;
        }
        let waiting = store.waiting_to(domain.map(|domain| &**domain))?;
        if let Some((limit, next, last)) = forecast(limits, before, waiting) {
            let at = |after: Duration| {
                now + TimeDelta::from_std(after).unwrap_or_default() + TimeDelta::milliseconds(999)
            };
            let whole = |at: Timestamp| at - TimeDelta::nanoseconds(at.timestamp_subsec_nanos().into());
            all.push(LimitReached {
                limit,
                domain: domain.cloned(),
                waiting,
                next: whole(at(next)),
                last: whole(at(last)),
            });
        }
    }
    Ok(all)
}

/// The limit with the longest wait for the first of the waiting mails, that wait, and
/// the wait of the last mail if each is sent as soon as it may be. `None` if the first need
/// not wait, or there is none.
fn forecast(limits: &[Limit], before: &[Duration], waiting: usize) -> Option<(Limit, Duration, Duration)> {
    let mut rates: Vec<SlidingWindow> =
        limits.iter().map(|limit| SlidingWindow::new(Some((limit.mails, limit.per)))).collect();
    for rate in &mut rates {
        before.iter().for_each(|ago| rate.completed(CLOCK_ORIGIN.saturating_sub(*ago)));
    }
    let waits = |rates: &[SlidingWindow], now| rates.iter().map(|rate| rate.wait(now, 0)).max().flatten();
    let longest =
        rates.iter().map(|rate| rate.wait(CLOCK_ORIGIN, 0)).zip(limits).max_by_key(|(wait, _)| *wait)?;
    let (Some(first), limit) = longest else { return None };
    if waiting == 0 {
        return None;
    }
    let mut now = CLOCK_ORIGIN;
    for _ in 0..waiting {
        now += waits(&rates, now).unwrap_or_default();
        rates.iter_mut().for_each(|rate| rate.completed(now));
    }
    Some((*limit, first, now - CLOCK_ORIGIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn limit(mails: usize, seconds: u64) -> Limit {
        Limit { mails, per: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_limit_as_text() {
        let texts = [(25, 60), (1, 1), (500, HOUR), (10_000, 24 * HOUR)]
            .map(|(mails, per)| limit(mails, per).to_string());
        assert_eq!(
            texts,
            ["25 mails a minute", "1 mail a second", "500 mails an hour", "10000 mails in 24 hours"]
        );
    }

    #[test]
    fn the_forecast_names_the_strictest_limit_and_the_last_mail() {
        let ago = |hours: u64| Duration::from_secs(hours * HOUR);
        let limits = [limit(2, 60), limit(3, 24 * HOUR)];
        let before = [ago(20), ago(10), ago(5)];
        assert_eq!(forecast(&limits, &before, 0), None, "nobody waits");
        assert_eq!(forecast(&limits, &before[1..], 5), None, "there is room");
        assert_eq!(forecast(&limits, &before, 1), Some((limits[1], ago(4), ago(4))));
        assert_eq!(forecast(&limits, &before, 3), Some((limits[1], ago(4), ago(19))));
        assert_eq!(forecast(&limits, &before, 4), Some((limits[1], ago(4), ago(28))));
        assert_eq!(forecast(&[], &[], 4), None);
    }
}
