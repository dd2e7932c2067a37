//! The programme's and the units' calendars: workdays, hours, holidays, closed periods, and how durations count.

use std::sync::Arc;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

use super::duration::{Duration, DurationUnit};
use super::holidays::Holidays;
use crate::domain::model::person::Period;

/// The programme's calendar.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Workdays, Monday first.
    pub(crate) workdays: [bool; 7],
    /// First time of day with mail.
    pub(crate) opens: NaiveTime,
    /// First time of day without mail.
    pub(crate) closes: NaiveTime,
    /// Public holidays that apply.
    pub holidays: Holidays,
    /// One-off periods without mail.
    pub(crate) closed: Vec<ClosedPeriod>,
    /// Minimum time between two mails to one person, over all journeys.
    pub(crate) min_gap: Duration,
    /// Minutes per month and person that all journeys may ask for before there is a warning.
    pub(crate) minutes_per_month: u32,
}

/// A one-off period without mail, both days included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedPeriod {
    pub days: Period,
    /// The reason as people read it.
    pub why: Arc<str>,
}

/// Why a day has no mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QuietDay {
    NonWorkday(Weekday),
    /// A public holiday, with its name.
    Holiday(&'static str),
    /// Closed for all units.
    Closed(ClosedPeriod),
    /// Closed for the unit.
    UnitClosed(ClosedPeriod),
}

impl Calendar {
    /// Why a day has no mail, if so. The longest closed period comes first: "jul och nyår" says more than "Saturday".
    pub(crate) fn quiet(&self, day: NaiveDate, unit_closed: &[ClosedPeriod]) -> Option<QuietDay> {
        let holding =
            |periods: &[ClosedPeriod]| periods.iter().find(|period| period.days.contains(day)).cloned();
        if let Some(period) = holding(&self.closed) {
            return Some(QuietDay::Closed(period));
        }
        if let Some(period) = holding(unit_closed) {
            return Some(QuietDay::UnitClosed(period));
        }
        if let Some(name) = self.holidays.on(day) {
            return Some(QuietDay::Holiday(name));
        }
        let weekday = day.weekday();
        let works = self.workdays[weekday.num_days_from_monday() as usize];
        (!works).then_some(QuietDay::NonWorkday(weekday))
    }

    /// The local date a duration in days, weeks, months or workdays after a date. Days on which `stands_still` is true (leave,
    /// pauses) are not counted. Minutes and hours count as no days.
    pub(crate) fn date_after(
        &self,
        from: NaiveDate,
        duration: Duration,
        unit_closed: &[ClosedPeriod],
        stands_still: impl Fn(NaiveDate) -> bool,
    ) -> NaiveDate {
        let count = u64::from(duration.count);
        let days = match duration.unit {
            DurationUnit::Minutes | DurationUnit::Hours => 0,
            DurationUnit::Days => count,
            DurationUnit::Weeks => 7 * count,
            DurationUnit::Months => months_in_days(from, duration.count),
            DurationUnit::Workdays => {
                let counts = |day| !stands_still(day) && self.quiet(day, unit_closed).is_none();
                return step_days(from, count, Direction::Later, counts);
            }
        };
        step_days(from, days, Direction::Later, |day| !stands_still(day))
    }

    /// The local date a duration before a date, for a reference group's lead.
    pub(crate) fn date_before(
        &self,
        from: NaiveDate,
        duration: Duration,
        unit_closed: &[ClosedPeriod],
    ) -> NaiveDate {
        let count = u64::from(duration.count);
        match duration.unit {
            DurationUnit::Minutes | DurationUnit::Hours => from,
            DurationUnit::Days => step_days(from, count, Direction::Earlier, |_| true),
            DurationUnit::Weeks => step_days(from, 7 * count, Direction::Earlier, |_| true),
            DurationUnit::Months => from.checked_sub_months(Months::new(duration.count)).unwrap_or(from),
            DurationUnit::Workdays => {
                step_days(from, count, Direction::Earlier, |day| self.quiet(day, unit_closed).is_none())
            }
        }
    }

    /// The civil time `min_gap` after a mail.
    pub(crate) fn gap_ends(&self, mail: NaiveDateTime) -> NaiveDateTime {
        match self.min_gap.as_length() {
            Some(length) => mail + length,
            None => self.date_after(mail.date(), self.min_gap, &[], |_| false).and_time(mail.time()),
        }
    }
}

/// The direction of counting.
#[derive(Clone, Copy)]
enum Direction {
    Earlier,
    Later,
}

/// The limit of a search: everything may be closed for ever.
const FARTHEST_DAYS: u32 = 40 * 366;

/// The date after counting `count` days from a date, which itself is not counted.
fn step_days(
    from: NaiveDate,
    count: u64,
    direction: Direction,
    counts: impl Fn(NaiveDate) -> bool,
) -> NaiveDate {
    let mut day = from;
    let mut left = count;
    for _ in 0..FARTHEST_DAYS {
        if left == 0 {
            break;
        }
        let next = match direction {
            Direction::Earlier => day.checked_sub_days(Days::new(1)),
            Direction::Later => day.checked_add_days(Days::new(1)),
        };
        let Some(next) = next else { break };
        day = next;
        left -= u64::from(counts(day));
    }
    day
}

/// The number of days until the same day some months later, or the last day of that month.
fn months_in_days(from: NaiveDate, months: u32) -> u64 {
    let to = from.checked_add_months(Months::new(months)).unwrap_or(from);
    u64::try_from((to - from).num_days()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn calendar() -> Calendar {
        let christmas = Period { from: date("2026-12-21"), to: date("2027-01-06") };
        Calendar {
            workdays: [true, true, true, true, true, false, false],
            opens: NaiveTime::from_hms_opt(7, 0, 0).expect("a time"),
            closes: NaiveTime::from_hms_opt(17, 0, 0).expect("a time"),
            holidays: Holidays::Se,
            closed: vec![ClosedPeriod { days: christmas, why: "jul och nyår".into() }],
            min_gap: Duration::parse("20 hours").expect("a duration"),
            minutes_per_month: 30,
        }
    }

    fn after(from: &str, duration: &str) -> String {
        let duration = Duration::parse(duration).expect("a duration");
        calendar().date_after(date(from), duration, &[], |_| false).to_string()
    }

    #[test]
    fn workdays_exclude_weekends_holidays_and_closed_days() {
        assert_eq!(after("2026-12-17", "2 workdays"), "2027-01-07");
        assert_eq!(after("2027-03-25", "1 workday"), "2027-03-30");
    }

    #[test]
    fn calendar_days_include_them() {
        assert_eq!(after("2026-12-17", "2 weeks"), "2026-12-31");
    }

    #[test]
    fn a_month_after_the_31st_is_the_last_day_of_the_month() {
        assert_eq!(after("2027-01-31", "1 month"), "2027-02-28");
        assert_eq!(after("2028-02-29", "12 months"), "2029-02-28");
    }

    #[test]
    fn days_of_leave_are_not_counted() {
        let three = Duration::parse("3 days").expect("a duration");
        let leave = Period { from: date("2027-02-02"), to: date("2027-02-05") };
        let reached = calendar().date_after(date("2027-02-01"), three, &[], |day| leave.contains(day));
        assert_eq!(reached, date("2027-02-08"));
    }

    #[test]
    fn ten_workdays_before() {
        let ten = Duration::parse("10 workdays").expect("a duration");
        assert_eq!(calendar().date_before(date("2027-01-12"), ten, &[]), date("2026-12-10"));
    }
}
