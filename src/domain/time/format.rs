//! Dates and times as text for people.

use chrono::{Datelike, NaiveDate, Weekday};

use super::timezone::{TimeZone, Timestamp};

/// `Tue 24 Nov 2026`.
pub(crate) fn format_date(day: NaiveDate) -> String {
    day.format("%a %-d %b %Y").to_string()
}

/// `Tue 24 Nov 2026, week 48`: Swedish offices plan in ISO weeks.
pub(crate) fn format_date_with_week(day: NaiveDate) -> String {
    format!("{}, week {}", format_date(day), day.iso_week().week())
}

/// `Tue 24 Nov 2026, week 48, 08:30` in the programme's zone.
pub(crate) fn format_datetime_with_week(zone: TimeZone, at: Timestamp) -> String {
    let civil = zone.civil(at);
    format!("{}, {}", format_date_with_week(civil.date()), civil.format("%H:%M"))
}

/// `Tue 24 Nov 2026 08:30` in the programme's zone.
pub(crate) fn format_datetime(zone: TimeZone, at: Timestamp) -> String {
    let civil = zone.civil(at);
    format!("{} {}", format_date(civil.date()), civil.format("%H:%M"))
}

/// `2 weeks later`, `1 week earlier`.
pub(crate) fn weeks_text(weeks: i32) -> String {
    let unit = if weeks.abs() == 1 { "week" } else { "weeks" };
    let direction = if weeks < 0 { "earlier" } else { "later" };
    format!("{} {unit} {direction}", weeks.unsigned_abs())
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
