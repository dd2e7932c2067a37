//! Times as people type them.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound};

use super::error::CommandError;
use crate::domain::zone::{Timestamp, Zone};

/// The years that are believed (F53).
const YEARS: RangeInclusive<i32> = 1990..=2099;

/// An instant: RFC 3339, or civil time in the programme's zone with or
/// without a `T`, or a date for its first instant.
pub(super) fn parse(text: &str, zone: Zone) -> Result<Timestamp, CommandError> {
    let with_offset = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc().trunc_subsecs(0)).ok();
    let at = with_offset.or_else(|| civil(text).map(|civil| zone.resolve(civil)));
    at.filter(|at| YEARS.contains(&at.year())).ok_or_else(|| {
        let (first, last) = (YEARS.start(), YEARS.end());
        CommandError::usage(format!("`{text}` is not a time between {first} and {last}"))
            .hint("write 2026-12-01T08:30, 2026-12-01, or 2026-12-01T08:30:00+01:00")
    })
}

/// A date.
pub(super) fn parse_date(text: &str) -> Result<NaiveDate, CommandError> {
    let date = text.parse::<NaiveDate>().ok().filter(|date| YEARS.contains(&date.year()));
    date.ok_or_else(|| CommandError::usage(format!("`{text}` is not a date")).hint("write it as 2026-12-31"))
}

fn civil(text: &str) -> Option<NaiveDateTime> {
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    time.or_else(|| text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN)))
}

/// An instant as it is typed after `--at`.
pub(super) fn typed(zone: Zone, at: Timestamp) -> String {
    let civil = zone.civil(at);
    let form = if civil.and_utc().timestamp() % 60 == 0 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
    civil.format(form).to_string()
}
