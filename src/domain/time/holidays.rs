//! The public holidays of Sweden by law (1989:253), and the three eves that are treated as such.

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};

/// Which holidays a programme observes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holidays {
    #[default]
    None,
    Se,
}

impl Holidays {
    /// The name of the holiday on a day, if it is one.
    pub fn on(self, day: NaiveDate) -> Option<&'static str> {
        match self {
            Holidays::None => None,
            Holidays::Se => swedish(day),
        }
    }
}

/// The fixed dates first, which rule out most of the year.
fn swedish(day: NaiveDate) -> Option<&'static str> {
    let weekday = day.weekday();
    match (day.month(), day.day()) {
        (1, 1) => Some("nyårsdagen"),
        (1, 6) => Some("trettondedag jul"),
        (5, 1) => Some("första maj"),
        // A national holiday since 2005 (law 2004:1320).
        (6, 6) if day.year() >= 2005 => Some("Sveriges nationaldag"),
        (6, 19..=25) if weekday == Weekday::Fri => Some("midsommarafton"),
        (6, 20..=26) if weekday == Weekday::Sat => Some("midsommardagen"),
        (10, 31) | (11, 1..=6) if weekday == Weekday::Sat => Some("alla helgons dag"),
        (12, 24) => Some("julafton"),
        (12, 25) => Some("juldagen"),
        (12, 26) => Some("annandag jul"),
        (12, 31) => Some("nyårsafton"),
        (3..=6, _) => movable(day),
        _ => None,
    }
}

/// The holidays that depend on Easter.
fn movable(day: NaiveDate) -> Option<&'static str> {
    match (day - easter(day.year())?).num_days() {
        -2 => Some("långfredagen"),
        0 => Some("påskdagen"),
        1 => Some("annandag påsk"),
        39 => Some("Kristi himmelsfärdsdag"),
        49 => Some("pingstdagen"),
        _ => None,
    }
}

/// Easter Sunday of a Gregorian year ("anonymous Gregorian algorithm", Nature, 20 April 1876).
fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year.rem_euclid(19), year / 100, year % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let days_from_first_of_march = h + l - 7 * m + 21;
    NaiveDate::from_ymd_opt(year, 3, 1)?
        .checked_add_signed(TimeDelta::days(i64::from(days_from_first_of_march)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn year(year: i32) -> String {
        let first = NaiveDate::from_ymd_opt(year, 1, 1).expect("a year");
        let days = first.iter_days().take_while(|day| day.year() == year);
        days.filter_map(|day| swedish(day).map(|name| format!("{} {name}\n", day.format("%a %m-%d"))))
            .collect()
    }

    #[test]
    fn the_holidays_of_2027() {
        expect![[r#"
            Fri 01-01 nyårsdagen
            Wed 01-06 trettondedag jul
            Fri 03-26 långfredagen
            Sun 03-28 påskdagen
            Mon 03-29 annandag påsk
            Sat 05-01 första maj
            Thu 05-06 Kristi himmelsfärdsdag
            Sun 05-16 pingstdagen
            Sun 06-06 Sveriges nationaldag
            Fri 06-25 midsommarafton
            Sat 06-26 midsommardagen
            Sat 11-06 alla helgons dag
            Fri 12-24 julafton
            Sat 12-25 juldagen
            Sun 12-26 annandag jul
            Fri 12-31 nyårsafton
        "#]]
        .assert_eq(&year(2027));
    }

    /// In 2008 the First of May and Ascension Day fell on the same day; either name is right.
    #[test]
    fn sixteen_days_a_year_without_coincidences() {
        for y in 2005..=2100 {
            let found = year(y).lines().count();
            assert!((15..=16).contains(&found), "{y}: {found}");
        }
    }

    #[test]
    fn easter_of_known_years() {
        let known = [
            (2000, "2000-04-23"),
            (2024, "2024-03-31"),
            (2026, "2026-04-05"),
            (2038, "2038-04-25"),
            (2285, "2285-03-22"),
        ];
        for (year, date) in known {
            assert_eq!(easter(year).map(|day| day.to_string()), Some(date.to_owned()));
        }
    }
}
