//! Encoding and decoding of column values: instants as `2026-12-01T07:30:00Z`,
//! dates as `2026-12-01`, names as plain text. A value that cannot be decoded
//! was not written by this program and is reported as damage.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use rusqlite::Row;

use super::StoreError;
use crate::domain::delivery::bounce::StatusCode;
use crate::domain::model::ids::{ContentHash, Slug};
use crate::domain::model::person::Period;
use crate::domain::model::step::ReadBy;
use crate::domain::time::timezone::Timestamp;

/// Encodes an instant, to the second. Digit by digit, for speed: an import of a
/// million people encodes millions of them.
pub(super) fn time(at: Timestamp) -> String {
    let mut text = String::with_capacity(20);
    push_date(&mut text, at.year(), at.month(), at.day());
    for (sign, two) in [('T', at.hour()), (':', at.minute()), (':', at.second())] {
        text.push(sign);
        push_two(&mut text, two);
    }
    text.push('Z');
    text
}

/// Encodes a date.
pub(super) fn date(day: NaiveDate) -> String {
    let mut text = String::with_capacity(10);
    push_date(&mut text, day.year(), day.month(), day.day());
    text
}

fn push_date(text: &mut String, year: i32, month: u32, day: u32) {
    // Times that users enter have years from 1990 to 2099.
    let year = year.unsigned_abs();
    push_two(text, year / 100);
    push_two(text, year % 100);
    for two in [month, day] {
        text.push('-');
        push_two(text, two);
    }
}

fn push_two(text: &mut String, two: u32) {
    let digit = |n: u32| char::from_digit(n % 10, 10).unwrap_or('0');
    text.push(digit(two / 10));
    text.push(digit(two));
}

/// Reads text; empty for NULL.
pub(super) fn str<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str, StoreError> {
    Ok(row.get_ref(column)?.as_str_or_null().map_err(|_| bad_column(column, "text"))?.unwrap_or_default())
}

/// Reads text that may be NULL.
pub(super) fn maybe_str<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r str>, StoreError> {
    row.get_ref(column)?.as_str_or_null().map_err(|_| bad_column(column, "text"))
}

/// Reads an instant.
pub(super) fn get_time(row: &Row<'_>, column: usize) -> Result<Timestamp, StoreError> {
    maybe_time(row, column)?.ok_or_else(|| bad_column(column, "an instant"))
}

/// Reads an instant that may be NULL.
pub(super) fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, StoreError> {
    let Some(text) = maybe_str(row, column)? else { return Ok(None) };
    parse_time(text).map(Some).ok_or_else(|| bad_column(column, "an instant"))
}

/// Parses `2026-12-01T07:30:00Z` and no other form. Faster than a general
/// parser: a hundred thousand of them are read when the program starts.
fn parse_time(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| {
        text.get(from..to)?
            .bytes()
            .try_fold(0u32, |n, digit| digit.is_ascii_digit().then(|| n * 10 + u32::from(digit - b'0')))
    };
    if text.len() != 20 || !text.ends_with('Z') {
        return None;
    }
    let day = NaiveDate::from_ymd_opt(number(0, 4)?.cast_signed(), number(5, 7)?, number(8, 10)?)?;
    let civil: NaiveDateTime = day.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    Some(civil.and_utc())
}

/// Reads an enhanced status code that may be NULL.
pub(super) fn maybe_status(row: &Row<'_>, column: usize) -> Result<Option<StatusCode>, StoreError> {
    let Some(text) = maybe_str(row, column)? else { return Ok(None) };
    StatusCode::parse(text).map(Some).ok_or_else(|| bad_column(column, "a status code"))
}

/// Reads a date that may be NULL.
pub(super) fn maybe_date(row: &Row<'_>, column: usize) -> Result<Option<NaiveDate>, StoreError> {
    let Some(text) = maybe_str(row, column)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| bad_column(column, "a date"))
}

/// Reads a date.
pub(super) fn get_date(row: &Row<'_>, column: usize) -> Result<NaiveDate, StoreError> {
    maybe_date(row, column)?.ok_or_else(|| bad_column(column, "a date"))
}

/// Reads the name of a journey, step or character.
pub(super) fn slug(row: &Row<'_>, column: usize) -> Result<Slug, StoreError> {
    Slug::parse(str(row, column)?).ok_or_else(|| bad_column(column, "a name of the content"))
}

/// Reads a content hash.
pub(super) fn hash(row: &Row<'_>, column: usize) -> Result<ContentHash, StoreError> {
    ContentHash::parse(str(row, column)?).ok_or_else(|| bad_column(column, "a content hash"))
}

/// Reads who reads a text.
pub(super) fn read_by(row: &Row<'_>, column: usize) -> Result<ReadBy, StoreError> {
    ReadBy::parse(str(row, column)?).ok_or_else(|| bad_column(column, "a reader of texts"))
}

/// Reads a number of rows.
pub(super) fn count(row: &Row<'_>, column: usize) -> Result<usize, StoreError> {
    usize::try_from(row.get::<_, i64>(column)?).map_err(|_| bad_column(column, "a count"))
}

/// Reads the round of a delivery.
pub(super) fn round(row: &Row<'_>, column: usize) -> Result<u16, StoreError> {
    u16::try_from(row.get::<_, i64>(column)?).map_err(|_| bad_column(column, "a round"))
}

/// Encodes periods in one text, as in the people file.
pub(super) fn periods(periods: &[Period]) -> String {
    let period = |p: &Period| format!("{}/{}", date(p.from), date(p.to));
    periods.iter().map(period).collect::<Vec<_>>().join(" ")
}

/// Reads periods from one text.
pub(super) fn get_periods(row: &Row<'_>, column: usize) -> Result<Box<[Period]>, StoreError> {
    let text = str(row, column)?;
    if text.is_empty() {
        return Ok(Box::default());
    }
    let period = |text: &str| {
        let (from, to) = text.split_once('/')?;
        Some(Period { from: from.parse().ok()?, to: to.parse().ok()? })
    };
    let found: Option<Box<[Period]>> = text.split(' ').map(period).collect();
    found.ok_or_else(|| bad_column(column, "periods"))
}

/// The error for a column that does not have the expected form.
pub(super) fn bad_column(column: usize, expected: &str) -> StoreError {
    StoreError::Corrupt { why: format!("column {} of a row is not {expected}", column + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_up_to_9999_are_encoded_with_four_digits() {
        for text in
            ["1970-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "2100-03-01T00:00:00Z", "9999-12-31T23:59:59Z"]
        {
            assert_eq!(parse_time(text).map(time).as_deref(), Some(text));
        }
    }

    #[test]
    fn an_instant_survives_encoding_and_decoding() {
        let at: Timestamp = "2027-03-28T00:59:59Z".parse().expect("an instant");
        assert_eq!(time(at), "2027-03-28T00:59:59Z");
        assert_eq!(date(at.naive_utc().date()), "2027-03-28");
        assert_eq!(parse_time(&time(at)), Some(at));
        for odd in ["2027-03-28T00:59:59", "2027-03-28 00:59:59Z", "2027-02-29T00:00:00Z", "20270328T005959Z"]
        {
            let same = parse_time(odd).map(time);
            assert!(same.is_none() || same.as_deref() != Some(odd), "{odd}");
        }
    }
}
