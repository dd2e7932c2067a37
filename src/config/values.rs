//! Value types shared by several sections: percentages, durations, rates.

use std::fmt;
use std::num::NonZeroU32;

use chrono::TimeDelta;

use crate::domain::time::duration::Duration;

/// A number of mails per period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub mails: NonZeroU32,
    pub per: TimeDelta,
}

/// A percentage from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) u8);

impl Percent {
    /// Returns true if `part` of `whole` exceeds this percentage.
    pub(crate) fn is_exceeded(self, part: usize, whole: usize) -> bool {
        part * 100 > whole * usize::from(self.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

pub(super) fn filled(text: &str) -> Result<&str, String> {
    if text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

/// Parses a percentage like `10 %`.
pub(super) fn percent(text: &str) -> Result<Percent, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<u8>().ok());
    number.filter(|number| *number <= 100).map(Percent).ok_or_else(|| {
        format!("has `{text}`; write a whole number from 0 to 100 and a percent sign, like \"10 %\"")
    })
}

/// Parses a duration like `4 hours`, of at least one minute.
pub(super) fn length(text: &str) -> Result<TimeDelta, String> {
    let duration = Duration::parse(text).map_err(|why| format!("has a wrong value: {why}"))?;
    duration
        .as_length()
        .ok_or_else(|| format!("has `{text}`; only minutes and hours are a length of time here"))
}

/// Parses a number of days or weeks like `4 weeks`.
pub(super) fn days(text: &str) -> Result<TimeDelta, String> {
    let duration = Duration::parse(text).map_err(|why| format!("has a wrong value: {why}"))?;
    duration
        .as_days()
        .ok_or_else(|| format!("has `{text}`; write a number of days or weeks, like \"4 weeks\""))
}

/// Parses a rate like `25/minute`, or `unlimited`.
pub(super) fn rate(text: &str) -> Result<Option<Rate>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    let wrong = || {
        format!("has `{text}`; write mails per second, minute or hour, like \"25/minute\", or \"unlimited\"")
    };
    let (mails, per) = text.split_once('/').ok_or_else(wrong)?;
    let per = match per.trim() {
        "second" => TimeDelta::seconds(1),
        "minute" => TimeDelta::minutes(1),
        "hour" => TimeDelta::hours(1),
        _ => return Err(wrong()),
    };
    let mails = mails.trim().parse().map_err(|_| wrong())?;
    Ok(Some(Rate { mails, per }))
}

/// Parses a number of mails in 24 hours, like `10000`, or `unlimited`.
pub(super) fn per_day(text: &str) -> Result<Option<NonZeroU32>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    let mails = text.trim().parse().ok().filter(|mails: &NonZeroU32| mails.get() <= MAX_PER_DAY);
    mails.map(Some).ok_or_else(|| {
        format!(
            "has `{text}`; write a whole number of mails from 1 to {MAX_PER_DAY}, like 10000, or \"unlimited\""
        )
    })
}

/// The upper bound: the time of each mail is kept for 24 hours.
const MAX_PER_DAY: u32 = 1_000_000;
