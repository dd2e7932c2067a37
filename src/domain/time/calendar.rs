//! When mail may leave as far as the programme and the unit go: workdays,
//! hours, holidays, closed periods; and how durations count through them.

use std::sync::Arc;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

use super::duration::{Duration, DurationUnit};
use super::holidays::Holidays;
use crate::domain::model::person::Period;

/// The programme's calendar (contract, 3).
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Days of the week with mail, Monday first.
    pub(crate) workdays: [bool; 7],
    /// The first time of day with mail.
    pub(crate) opens: NaiveTime,
    /// The first time of day without.
    pub(crate) closes: NaiveTime,
    /// Which public holidays are kept.
    pub holidays: Holidays,
    /// One-off periods without mail.
    pub(crate) closed: Vec<ClosedPeriod>,
    /// Between two mails to one person, over all journeys: minutes, hours or days.
    pub(crate) min_gap: Duration,
    /// What all journeys together may ask of a person before a warning.
    pub(crate) minutes_per_month: u32,
}

/// A one-off period without mail for a unit or all, both days included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedPeriod {
    /// Which days.
    pub days: Period,
    /// Why, as people read it.
    pub why: Arc<str>,
}

/// Why a day has no mail, as far as programme and unit go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QuietDay {
    /// Not a workday.
    NonWorkday(Weekday),
    /// A public holiday, by name.
    Holiday(&'static str),
    /// Closed for all.
    Closed(ClosedPeriod),
    /// Closed for the unit.
    UnitClosed(ClosedPeriod),
}

impl Calendar {
    /// Why there is no mail that day, if so. The longest closing that holds
    /// is named first: "jul och nyår" says more than "Saturday".
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

    /// Is it a time of day with mail?
    pub(crate) fn has_mail_at(&self, time: NaiveTime) -> bool {
        self.opens <= time && time < self.closes
    }

    /// The local date a duration in days, weeks, months or workdays after a
    /// date; days on which `stands_still` holds count for nothing (leave and
    /// pauses: contract 7, "precisely"). Lengths of time count as no days.
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

    /// The local date a duration before a date, for the lead of a reference
    /// group.
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

/// Which way to walk.
#[derive(Clone, Copy)]
enum Direction {
    Earlier,
    Later,
}

/// Further than this no walk goes: everything may be closed for ever.
const FARTHEST_DAYS: u32 = 40 * 366;

/// The date reached after `count` days that count, walking from a date that
/// itself does not.
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

/// How many days a number of months after a date are: the same day of the
/// later month, or its last.
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
    fn workdays_leave_out_weekends_holidays_and_closed_days() {
        assert_eq!(after("2026-12-17", "2 workdays"), "2027-01-07");
        assert_eq!(after("2027-03-25", "1 workday"), "2027-03-30");
    }

    #[test]
    fn calendar_days_do_not() {
        assert_eq!(after("2026-12-17", "2 weeks"), "2026-12-31");
    }

    #[test]
    fn f48_a_month_after_the_31st_is_the_last_day_there_is() {
        assert_eq!(after("2027-01-31", "1 month"), "2027-02-28");
        assert_eq!(after("2028-02-29", "12 months"), "2029-02-28");
    }

    #[test]
    fn days_of_leave_count_for_nothing() {
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
