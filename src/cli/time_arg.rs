//! Parses times and dates typed as arguments.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound};

use super::error::CommandError;
use crate::domain::time::timezone::{TimeZone, Timestamp};

/// Accepted years. Others are typing errors, or overflow later calculations.
const YEARS: RangeInclusive<i32> = 1990..=2099;

/// Parses an instant: RFC 3339 with or without seconds, or local time in the
/// programme's zone with `T` or a space, or a date for its first instant.
pub(super) fn parse_time(text: &str, zone: TimeZone) -> Result<Timestamp, CommandError> {
    let accepted = |year| YEARS.contains(&year);
    let instant = with_offset(text).filter(|at| accepted(at.year()));
    let civil = || civil(text).filter(|civil| accepted(civil.year()));
    instant.or_else(|| civil().map(|civil| zone.local_to_instant(civil))).ok_or_else(|| {
        let (first, last) = (YEARS.start(), YEARS.end());
        CommandError::usage(format!("`{text}` is not a time between {first} and {last}"))
            .hint("write 2026-12-01T08:30, 2026-12-01, or 2026-12-01T08:30:00+01:00")
    })
}

/// Parses a date.
pub(super) fn parse_date(text: &str) -> Result<NaiveDate, CommandError> {
    let date = text.parse::<NaiveDate>().ok().filter(|date| YEARS.contains(&date.year()));
    date.ok_or_else(|| {
        let (first, last) = (YEARS.start(), YEARS.end());
        CommandError::usage(format!("`{text}` is not a date between {first} and {last}"))
            .hint("write it as 2026-12-31")
    })
}

/// Parses an instant with a UTC offset. The seconds may be left out, which
/// RFC 3339 does not allow.
fn with_offset(text: &str) -> Option<Timestamp> {
    let whole = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let at = whole(text).or_else(|| {
        let (minute, offset) = text.split_at_checked("2026-12-01T08:30".len())?;
        whole(&format!("{minute}:00{offset}"))
    });
    Some(at?.to_utc().trunc_subsecs(0))
}

fn civil(text: &str) -> Option<NaiveDateTime> {
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    time.or_else(|| text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN)))
}

/// Formats an instant as an argument of `--at`.
pub(super) fn format_time(zone: TimeZone, at: Timestamp) -> String {
    let civil = zone.civil(at);
    let form = if civil.and_utc().timestamp() % 60 == 0 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
    civil.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_outside_the_accepted_range_are_rejected() {
        let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
        let (at, day) = (|text: &str| parse_time(text, zone), parse_date);
        for text in ["1990-01-02", "2038-01-19T03:14:08Z", "2099-12-31T23:59", "2096-02-29"] {
            assert!(at(text).is_ok_and(|at| at.format("%Y").to_string() == text[..4]), "{text}");
        }
        assert!(day("2038-01-20").is_ok() && day("2099-12-31").is_ok());
        let refused = "is not a time between 1990 and 2099";
        for text in [
            "1989-12-31",
            "2100-01-01",
            "9999-12-31T23:59:59Z",
            "10000-01-01",
            "+262142-12-31",
            "-2026-12-01",
        ] {
            let told = at(text).expect_err("it is out of range").message;
            assert_eq!(told, format!("`{text}` {refused}"));
            let told = day(text).expect_err("nor as a date").message;
            assert!(
                text.contains('T') || told == format!("`{text}` is not a date between 1990 and 2099"),
                "{told}"
            );
        }
    }

    #[test]
    fn an_instant_is_parsed_in_each_accepted_form() {
        let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
        let read = |text: &str| parse_time(text, zone).ok().map(|at| at.format("%FT%TZ").to_string());
        let same = [
            "2026-12-01T08:30",
            "2026-12-01 08:30",
            "2026-12-01T08:30:00",
            "2026-12-01T07:30Z",
            "2026-12-01T08:30+01:00",
            "2026-12-01T07:30:00Z",
            "2026-12-01T08:30:00.9+01:00",
        ];
        for text in same {
            assert_eq!(read(text).as_deref(), Some("2026-12-01T07:30:00Z"), "{text}");
        }
        assert_eq!(read("2026-12-01").as_deref(), Some("2026-11-30T23:00:00Z"));
        let none = [
            "2026-12-01T08:30+1",
            "2026-12-01T08Z",
            "2026-12-01Z",
            "08:30Z",
            "1989-12-01T08:30Z",
            "2026-12-01T08:3å",
        ];
        for text in none {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
