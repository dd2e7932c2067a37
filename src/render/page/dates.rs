//! Dates in the language of a page: `tisdag 15 december`, with the year if it is another one.

use chrono::{Datelike, NaiveDate};

/// The names of months and weekdays, January and Monday first.
#[derive(Clone, Debug, Default)]
pub(super) struct DateNames {
    months: Vec<String>,
    weekdays: Vec<String>,
}

impl DateNames {
    /// From two lists with spaces between the names; `None` if some are missing.
    pub(super) fn new(months: &str, weekdays: &str) -> Option<DateNames> {
        let names = |list: &str| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (months, weekdays) = (names(months), names(weekdays));
        (months.len() == 12 && weekdays.len() == 7).then_some(DateNames { months, weekdays })
    }

    /// A day, seen from another.
    pub(super) fn date(&self, day: NaiveDate, today: NaiveDate) -> String {
        let weekday = self.weekdays.get(day.weekday().num_days_from_monday() as usize);
        let month = self.months.get(day.month0() as usize);
        let (Some(weekday), Some(month)) = (weekday, month) else { return day.to_string() };
        let year = if day.year() == today.year() { String::new() } else { format!(" {}", day.year()) };
        format!("{weekday} {} {month}{year}", day.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_year_is_written_out() {
        let names = DateNames::new(
            "januari februari mars april maj juni juli augusti september oktober november december",
            "måndag tisdag onsdag torsdag fredag lördag söndag",
        )
        .expect("all names");
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a date");
        assert_eq!(names.date(day(2026, 12, 15), day(2026, 12, 1)), "tisdag 15 december");
        assert_eq!(names.date(day(2027, 1, 4), day(2026, 12, 1)), "måndag 4 januari 2027");
    }

    #[test]
    fn a_missing_name_is_noticed() {
        assert!(DateNames::new("januari", "måndag").is_none());
    }
}
