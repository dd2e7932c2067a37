//! Parses dates and leave in ISO 8601 only: `03/04/2027` is ambiguous.

use chrono::{Datelike, NaiveDate};

use crate::domain::model::person::Period;

use super::values::{ValueError, shown};

/// Maximum number of periods of leave of one person.
const MAX_PERIODS: usize = 50;

/// The last day of a leave without an end.
pub(super) fn open_end() -> NaiveDate {
    NaiveDate::from_ymd_opt(2100, 12, 31).unwrap_or(NaiveDate::MAX)
}

/// Parses a date like `2027-01-31`, in the years 1900 to 2100.
pub(super) fn date(text: &str) -> Result<NaiveDate, ValueError> {
    let form = |b: (usize, u8)| if matches!(b.0, 4 | 7) { b.1 == b'-' } else { b.1.is_ascii_digit() };
    if text.len() != 10 || !text.bytes().enumerate().all(form) {
        return Err(other_form(text));
    }
    let part = |range: std::ops::Range<usize>| text[range].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    match NaiveDate::from_ymd_opt(year as i32, month, day) {
        Some(date) if (1900..=2100).contains(&date.year()) => Ok(date),
        Some(_) => Err(ValueError::new("date", format!("has {text}; the year must be 1900 to 2100"))),
        None => Err(ValueError::new("date", format!("has {text}, a day that no calendar has"))),
    }
}

fn other_form(text: &str) -> ValueError {
    let expected = "write the day as year-month-day, like 2027-01-31";
    let serial = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    let hint = if serial {
        format!("this is a spreadsheet's own day number; format the column as text, then {expected}")
    } else {
        expected.to_owned()
    };
    ValueError::new("date", format!("has {}, which is not an ISO 8601 date", shown(text))).hint(hint)
}

/// Parses periods like `2027-01-04/2027-02-26 2027-05-10/2027-05-21`; nothing or
/// `..` after the last slash means that the end is not known.
pub(super) fn leave(text: &str) -> Result<Vec<Period>, ValueError> {
    let periods = text.split_whitespace().map(period).collect::<Result<Vec<Period>, ValueError>>()?;
    if periods.len() > MAX_PERIODS {
        return Err(ValueError::new("leave", format!("has more than {MAX_PERIODS} periods")));
    }
    Ok(periods)
}

fn period(text: &str) -> Result<Period, ValueError> {
    let Some((from, to)) = text.split_once('/') else {
        let found = format!("has {}, which is not a period", shown(text));
        return Err(
            ValueError::new("leave", found).hint("write first and last day, like 2027-01-04/2027-02-26")
        );
    };
    let to = if matches!(to, "" | "..") { open_end() } else { date(to)? };
    ordered(date(from)?, to)
}

/// A period whose first day is not after its last.
pub(super) fn ordered(from: NaiveDate, to: NaiveDate) -> Result<Period, ValueError> {
    if from > to {
        return Err(ValueError::new("leave", format!("begins {from}, after its end {to}")));
    }
    Ok(Period { from, to })
}

/// Sorts periods and merges adjacent ones.
pub(super) fn in_order(mut periods: Vec<Period>) -> Box<[Period]> {
    periods.sort_unstable();
    periods.dedup_by(|next, kept| {
        let touch = kept.to.succ_opt().is_none_or(|day_after| next.from <= day_after);
        if touch {
            kept.to = kept.to.max(next.to);
        }
        touch
    });
    periods.into_boxed_slice()
}
