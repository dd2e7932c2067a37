//! Parses dates and leave: year, month, day. Other orders are refused, because
//! `03/04/2027` is ambiguous.

use chrono::{Datelike, NaiveDate};

use crate::domain::model::person::Period;

use super::values::{ValueError, shown};

/// Maximum number of periods of leave of one person.
const MAX_PERIODS: usize = 50;

/// From this year on, a date means that there is no end. HR systems write 9999-12-31,
/// 2999-12-31 or 2100-01-01.
const FAR_END: i32 = 2100;

/// Up to this year, a date means that there is no beginning, as in 1900-01-01.
const FAR_START: i32 = 1900;

/// The last day of a leave without an end.
pub(super) fn open_end() -> NaiveDate {
    NaiveDate::from_ymd_opt(2100, 12, 31).unwrap_or(NaiveDate::MAX)
}

/// Returns true for what HR systems write in place of a date that there is not.
fn means_none(text: &str) -> bool {
    const WORDS: [&str; 6] = ["tillsvidare", "tills vidare", "null", "none", "0000-00-00", "00000000"];
    text.chars().all(|c| matches!(c, '-' | '–' | '—' | '.' | '/')) || {
        let lower = text.to_lowercase();
        WORDS.contains(&lower.as_str())
    }
}

/// Parses a date that may be absent: a far end or beginning means none.
pub(super) fn optional_date(text: &str) -> Result<Option<NaiveDate>, ValueError> {
    if means_none(text) {
        return Ok(None);
    }
    date(text).map(|date| Some(date).filter(|date| (FAR_START + 1..FAR_END).contains(&date.year())))
}

/// Parses a date: `2027-01-31`, `2027-1-5`, `20270131`, `2027/01/31` or `2027.01.31`.
fn date(text: &str) -> Result<NaiveDate, ValueError> {
    let Some((year, month, day)) = year_month_day(text) else { return Err(other_form(text)) };
    NaiveDate::from_ymd_opt(year, month, day)
        .ok_or_else(|| ValueError::new("date", format!("has {text}, a date that does not exist")))
}

fn year_month_day(text: &str) -> Option<(i32, u32, u32)> {
    let digits = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        let is_number = lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse::<u32>().ok()).flatten()
    };
    let parts = |year: &str, month: &str, day: &str, least: usize| {
        Some((digits(year, 4..=4)? as i32, digits(month, least..=2)?, digits(day, least..=2)?))
    };
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return parts(&text[..4], &text[4..6], &text[6..], 2);
    }
    let separator = ['-', '/', '.'].into_iter().find(|&separator| text.contains(separator))?;
    let mut fields = text.split(separator);
    let (year, month, day) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() { None } else { parts(year, month, day, 1) }
}

fn other_form(text: &str) -> ValueError {
    let expected = "write year-month-day, like 2027-01-31";
    let is_serial = (4..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let hint = if is_serial {
        format!("this is a spreadsheet's own number for a day; format the column as text, then {expected}")
    } else {
        expected.to_owned()
    };
    ValueError::new("date", format!("has {}, which is not a date in a form that is read", shown(text)))
        .hint(hint)
}

/// Parses periods like `2027-01-04/2027-02-26 2027-05-10/2027-05-21`; nothing or
/// `..` after the last slash means that the end is not known.
pub(super) fn leave(text: &str) -> Result<Vec<Period>, ValueError> {
    if means_none(text) {
        return Ok(Vec::new());
    }
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
    let to = if to == ".." { None } else { optional_date(to)? };
    ordered(date(from)?, to.unwrap_or_else(open_end))
}

/// A period whose first day is not after its last.
pub(super) fn ordered(from: NaiveDate, to: NaiveDate) -> Result<Period, ValueError> {
    if from > to {
        return Err(ValueError::new("leave", format!("begins on {from}, after its end on {to}")));
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
