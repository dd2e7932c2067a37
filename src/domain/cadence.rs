//! The rhythm in which mails may leave: five-field cron, read by the `cron`
//! package and walked here in civil time.
//!
//! Walked here, because the package asked for local times around a clock
//! change skips a day in spring and fires twice in autumn (measured on 0.17,
//! `docs/decisions/0002-cadence-in-civil-time.md`). A slot is worked out on
//! the wall clock first and becomes an instant last.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use cron::{Schedule, TimeUnitSpec};

use super::zone::{Timestamp, Zone};

/// A send rhythm in civil time. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Cadence(Arc<Rhythm>);

#[derive(PartialEq, Eq)]
struct Rhythm {
    text: String,
    /// Bit n: the month n, from 1.
    months: u32,
    /// Bit n: the day of the month n, from 1.
    days_of_month: u32,
    /// Bit n: the weekday n days after Sunday.
    weekdays: u8,
    /// Times of day in order; never empty.
    times: Vec<NaiveTime>,
}

/// Why a cadence is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CadenceFault {
    /// What is wrong, in words for the author.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// How far ahead a cadence must have a slot.
const HORIZON: Days = Days::new(366);

const FORM: &str = "write minute, hour, day of month, month, weekday: `30 8 * * Tue`";

impl Cadence {
    /// Reads a five-field cadence.
    ///
    /// # Errors
    ///
    /// What is wrong and what to write instead (contract, 7.2).
    pub fn parse(text: &str) -> Result<Cadence, CadenceFault> {
        let fault = |message: String, hint: &str| Err(CadenceFault { message, hint: hint.to_owned() });
        if text.len() > 200 {
            return fault(format!("a cadence of {} characters is too long to be meant", text.len()), FORM);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [_, _, day, _, weekday] = fields[..] else {
            return fault(format!("cadence `{text}` has {} fields, five are needed", fields.len()), FORM);
        };
        if let Some(digit) =
            weekday.split('/').next().filter(|days| days.contains(|c: char| c.is_ascii_digit()))
        {
            return fault(
                format!("weekday `{digit}` is a number; 1 is Sunday to some and Monday to others"),
                "write the weekday as Mon, Tue, Wed, Thu, Fri, Sat or Sun",
            );
        }
        let restricted = |field: &str| !matches!(field, "*" | "?");
        if restricted(day) && restricted(weekday) {
            return fault(
                format!("day of month `{day}` and weekday `{weekday}` are both restricted"),
                "restrict one of them: `30 8 * * Tue` for Tuesdays, `30 8 13 * *` for the 13th",
            );
        }
        let Ok(schedule) = Schedule::from_str(&format!("0 {text}")) else {
            return fault(format!("cadence `{text}` cannot be read"), FORM);
        };
        Ok(Cadence(Arc::new(Rhythm::of(text, &schedule))))
    }

    /// The slots whose civil time is not before `civil`, in order, as civil
    /// times. Ends when a year and a day pass without one.
    pub fn civil_from(&self, civil: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + use<'_> {
        let mut next = self.next_civil(civil);
        std::iter::from_fn(move || {
            let found = next?;
            next = found.checked_add_signed(TimeDelta::seconds(1)).and_then(|after| self.next_civil(after));
            Some(found)
        })
    }

    /// The first slot at or after an instant.
    pub fn slot_from(&self, zone: Zone, at: Timestamp) -> Option<Timestamp> {
        // A second earlier on the wall clock: at the end of a spring gap the
        // wall has jumped past the civil times that mean this very instant.
        let civil = zone.civil(at - TimeDelta::seconds(1));
        self.civil_from(civil).map(|civil| zone.resolve(civil)).find(|slot| *slot >= at)
    }

    /// The first slot after an instant.
    pub fn slot_after(&self, zone: Zone, at: Timestamp) -> Option<Timestamp> {
        self.slot_from(zone, at + TimeDelta::nanoseconds(1))
    }

    /// Has it a slot in the 366 days from a date?
    pub fn has_slot_in_the_year_from(&self, date: NaiveDate) -> bool {
        self.next_civil(date.and_time(NaiveTime::MIN)).is_some()
    }

    /// How many slots a day with slots has.
    pub fn slots_a_day(&self) -> usize {
        self.0.times.len()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The first civil slot at or after a civil time, within the horizon.
    fn next_civil(&self, civil: NaiveDateTime) -> Option<NaiveDateTime> {
        let today = civil.date();
        if self.0.has_slots_on(today)
            && let Some(time) = self.0.times.iter().find(|time| **time >= civil.time())
        {
            return Some(today.and_time(*time));
        }
        let last = today.checked_add_days(HORIZON)?;
        let later = today.succ_opt()?.iter_days().take_while(|day| *day <= last);
        let day = later.into_iter().find(|day| self.0.has_slots_on(*day))?;
        Some(day.and_time(self.0.times[0]))
    }
}

impl Rhythm {
    fn of(text: &str, schedule: &Schedule) -> Rhythm {
        let bits = |unit: &dyn Fn(u32) -> bool, range: std::ops::RangeInclusive<u32>| {
            range.filter(|n| unit(*n)).fold(0, |bits, n| bits | 1 << n)
        };
        let hours = schedule.hours();
        let minutes = schedule.minutes();
        let times: BTreeSet<NaiveTime> = hours
            .iter()
            .flat_map(|hour| minutes.iter().map(move |minute| (hour, minute)))
            .filter_map(|(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0))
            .collect();
        let weekday_bits = bits(&|n| schedule.days_of_week().includes(n), 1..=7);
        Rhythm {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            months: bits(&|n| schedule.months().includes(n), 1..=12),
            days_of_month: bits(&|n| schedule.days_of_month().includes(n), 1..=31),
            // The package counts from 1 = Sunday.
            weekdays: (weekday_bits >> 1) as u8,
            times: times.into_iter().collect(),
        }
    }

    fn has_slots_on(&self, day: NaiveDate) -> bool {
        self.months & (1 << day.month()) != 0
            && self.days_of_month & (1 << day.day()) != 0
            && self.weekdays & (1 << day.weekday().num_days_from_sunday()) != 0
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cadence(text: &str) -> Cadence {
        Cadence::parse(text).unwrap_or_else(|fault| panic!("{text}: {}", fault.message))
    }

    fn slots(text: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let zone = Zone::parse(zone).expect("a zone");
        let mut at = zone.resolve(from.parse().expect("a civil time"));
        let mut found = Vec::new();
        while found.len() < count {
            let slot = cadence(text).slot_from(zone, at).expect("a slot");
            found.push(zone.rfc3339(slot));
            at = slot + TimeDelta::seconds(1);
        }
        found
    }

    fn refused(text: &str) -> String {
        match Cadence::parse(text) {
            Ok(_) => panic!("{text} was accepted"),
            Err(fault) => format!("{}; {}", fault.message, fault.hint),
        }
    }

    #[test]
    fn tuesdays_at_half_past_eight() {
        assert_eq!(
            slots("30 8 * * Tue", "Europe/Stockholm", "2026-11-23T12:00:00", 2),
            ["2026-11-24T08:30:00+01:00", "2026-12-01T08:30:00+01:00"]
        );
    }

    #[test]
    fn weekday_digits_are_refused_because_there_are_two_traditions() {
        assert!(refused("30 8 * * 2").contains("write the weekday as Mon, Tue"));
        assert!(refused("30 8 * * 1-5").contains("1 is Sunday to some"));
    }

    #[test]
    fn day_of_month_and_weekday_together_are_refused() {
        assert!(refused("30 8 13 * Fri").contains("both restricted"));
    }

    #[test]
    fn f102_what_never_comes_is_seen() {
        let never = cadence("0 8 31 2 *");
        assert!(!never.has_slot_in_the_year_from(NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date")));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_form() {
        for text in [
            "",
            "30 8 * *",
            "0 30 8 * * Tue",
            "90 8 * * Tue",
            "30 8 * * Tis",
            "30 8 * * Fri-Mon",
            "a b c d e",
        ] {
            assert!(refused(text).contains("30 8 * * Tue"), "{text}");
        }
    }

    #[test]
    fn f45_in_the_gap_and_in_the_fold_each_slot_occurs_once() {
        let spring = slots("*/15 2 * * *", "Europe/Stockholm", "2027-03-27T03:00:00", 2);
        assert_eq!(spring, ["2027-03-28T03:00:00+02:00", "2027-03-29T02:00:00+02:00"]);
        let autumn = slots("30 2 * * *", "Europe/Stockholm", "2027-10-30T03:00:00", 2);
        assert_eq!(autumn, ["2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00"]);
    }
}
