//! Dates and times as text for people.

use chrono::{NaiveDate, Weekday};

use super::timezone::{TimeZone, Timestamp};

/// `Tue 24 Nov 2026`.
pub(crate) fn format_date(day: NaiveDate) -> String {
    day.format("%a %-d %b %Y").to_string()
}

/// `Tue 24 Nov 2026 08:30` in the programme's zone.
pub(crate) fn format_datetime(zone: TimeZone, at: Timestamp) -> String {
    let civil = zone.civil(at);
    format!("{} {}", format_date(civil.date()), civil.format("%H:%M"))
}

/// `Monday`.
pub(crate) fn weekday_name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}
