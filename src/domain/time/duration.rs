//! Durations as authors write them: `90 minutes`, `20 hours`, `3 days`, `5 workdays`, `2 weeks`, `12 months`.
//!
//! Minutes and hours are lengths of time; the others count local dates, so that a clock change never moves a mail.

use std::fmt;

/// The maximum: ten years.
const YEARS: u32 = 10;

/// A duration in the unit it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Duration {
    /// Never 0.
    pub(crate) count: u32,
    pub(crate) unit: DurationUnit,
}

/// The units of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DurationUnit {
    Minutes,
    Hours,
    /// Calendar days.
    Days,
    /// Days other than weekends, holidays and closed days.
    Workdays,
    /// Seven calendar days.
    Weeks,
    /// The same day of a later month, or its last day.
    Months,
}

impl DurationUnit {
    /// The word in files.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            DurationUnit::Minutes => "minutes",
            DurationUnit::Hours => "hours",
            DurationUnit::Days => "days",
            DurationUnit::Workdays => "workdays",
            DurationUnit::Weeks => "weeks",
            DurationUnit::Months => "months",
        }
    }

    /// Number of units in ten years.
    fn most(self) -> u32 {
        match self {
            DurationUnit::Minutes => YEARS * 366 * 24 * 60,
            DurationUnit::Hours => YEARS * 366 * 24,
            DurationUnit::Days => YEARS * 366,
            DurationUnit::Workdays => YEARS * 262,
            DurationUnit::Weeks => YEARS * 53,
            DurationUnit::Months => YEARS * 12,
        }
    }
}

impl Duration {
    /// Parses a duration.
    ///
    /// # Errors
    ///
    /// What was found and what is allowed.
    pub(crate) fn parse(text: &str) -> Result<Duration, String> {
        let allowed = "write a number and one of minutes, hours, days, workdays, weeks, months";
        let mut words = text.split_whitespace();
        let (Some(count), Some(unit), None) = (words.next(), words.next(), words.next()) else {
            return Err(format!("`{text}` is not a duration; {allowed}"));
        };
        let unit = match unit {
            "minute" | "minutes" => DurationUnit::Minutes,
            "hour" | "hours" => DurationUnit::Hours,
            "day" | "days" => DurationUnit::Days,
            "workday" | "workdays" => DurationUnit::Workdays,
            "week" | "weeks" => DurationUnit::Weeks,
            "month" | "months" => DurationUnit::Months,
            other => return Err(format!("`{other}` is not a unit of time; {allowed}")),
        };
        match count.parse::<u32>() {
            Ok(0) => Err(format!("`{text}` is 0; leave the key out instead")),
            Ok(count) if count <= unit.most() => Ok(Duration { count, unit }),
            Ok(_) => Err(format!("`{text}` is longer than {YEARS} years")),
            Err(_) => Err(format!("`{count}` is not a whole number above 0; {allowed}")),
        }
    }

    /// The length, for minutes and hours.
    pub(crate) fn as_length(self) -> Option<chrono::TimeDelta> {
        match self.unit {
            DurationUnit::Minutes => Some(chrono::TimeDelta::minutes(i64::from(self.count))),
            DurationUnit::Hours => Some(chrono::TimeDelta::hours(i64::from(self.count))),
            DurationUnit::Days | DurationUnit::Workdays | DurationUnit::Weeks | DurationUnit::Months => None,
        }
    }
}

impl Duration {
    /// The length, for days and weeks of the calendar.
    pub(crate) fn as_days(self) -> Option<chrono::TimeDelta> {
        match self.unit {
            DurationUnit::Days => Some(chrono::TimeDelta::days(i64::from(self.count))),
            DurationUnit::Weeks => Some(chrono::TimeDelta::weeks(i64::from(self.count))),
            DurationUnit::Minutes | DurationUnit::Hours | DurationUnit::Workdays | DurationUnit::Months => {
                None
            }
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit.as_str();
        let unit = if self.count == 1 { &unit[..unit.len() - 1] } else { unit };
        write!(f, "{} {unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for text in ["90 minutes", "20 hours", "3 days", "5 workdays", "2 weeks", "12 months", "1 week"] {
            assert_eq!(Duration::parse(text).map(|d| d.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn negative_huge_and_unknown_durations_are_refused() {
        for text in [
            "-3 days",
            "0 days",
            "99999999 weeks",
            "4000000000 minutes",
            "3 fortnights",
            "3",
            "days",
            "1.5 hours",
            "",
        ] {
            assert!(Duration::parse(text).is_err(), "{text} was accepted");
        }
    }
}
