//! A cadence in five-field cron syntax, parsed by the `cron` package and iterated here in civil time.
//!
//! Iterated here, because around a clock change the package (0.17) skips a day in spring and fires twice in autumn:
//! `docs/decisions/0002-cadence-in-civil-time.md`. A slot is computed as civil time first and converted to an instant last.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use cron::{Schedule, TimeUnitSpec};

use crate::domain::time::timezone::{TimeZone, Timestamp};

/// A cadence in civil time. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Cadence(Arc<Rhythm>);

#[derive(PartialEq, Eq)]
struct Rhythm {
    text: String,
    /// Bit n: month n, from 1.
    months: u32,
    /// Bit n: day n of the month, from 1.
    days_of_month: u32,
    /// Bit n: the weekday n days after Sunday.
    weekdays: u8,
    /// Times of day, sorted; never empty.
    times: Vec<NaiveTime>,
}

/// Why a cadence is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CadenceFault {
    /// What is wrong.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) hint: String,
}

/// How far ahead a cadence must have a slot.
const HORIZON: Days = Days::new(366);

const FORM: &str = "write minute, hour, day of month, month, weekday: `30 8 * * Tue`";

impl Cadence {
    /// Parses a five-field cadence.
    ///
    /// # Errors
    ///
    /// What is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Cadence, CadenceFault> {
        let fault = |message: String, hint: &str| Err(CadenceFault { message, hint: hint.to_owned() });
        if text.len() > 200 {
            return fault(format!("a cadence of {} characters is too long", text.len()), FORM);
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

    /// The slots from `civil` on, in order, in civil time. Ends after a year and a day without one.
    pub(crate) fn civil_from(&self, civil: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + use<'_> {
        let mut next = self.next_civil(civil);
        std::iter::from_fn(move || {
            let found = next?;
            next = found.checked_add_signed(TimeDelta::seconds(1)).and_then(|after| self.next_civil(after));
            Some(found)
        })
    }

    /// The first slot at or after an instant.
    pub(crate) fn slot_from(&self, zone: TimeZone, at: Timestamp) -> Option<Timestamp> {
        // Start one second earlier: at the end of a spring gap the wall clock has jumped past the civil times that map to this
        // instant.
        let civil = zone.civil(at - TimeDelta::seconds(1));
        self.civil_from(civil).map(|civil| zone.local_to_instant(civil)).find(|slot| *slot >= at)
    }

    /// The first slot after an instant.
    #[cfg(test)]
    pub(crate) fn slot_after(&self, zone: TimeZone, at: Timestamp) -> Option<Timestamp> {
        self.slot_from(zone, at + TimeDelta::nanoseconds(1))
    }

    /// Whether there is a slot in the 366 days from a date.
    pub(crate) fn has_slot_in_the_year_from(&self, date: NaiveDate) -> bool {
        self.next_civil(date.and_time(NaiveTime::MIN)).is_some()
    }

    /// Number of slots on a day with slots.
    pub(crate) fn slots_a_day(&self) -> usize {
        self.0.times.len()
    }

    /// The source text.
    pub(crate) fn as_str(&self) -> &str {
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
        let zone = TimeZone::parse(zone).expect("a zone");
        let mut at = zone.local_to_instant(from.parse().expect("a civil time"));
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
    fn weekday_numbers_are_refused_because_they_are_ambiguous() {
        assert!(refused("30 8 * * 2").contains("write the weekday as Mon, Tue"));
        assert!(refused("30 8 * * 1-5").contains("1 is Sunday to some"));
    }

    #[test]
    fn day_of_month_and_weekday_together_are_refused() {
        assert!(refused("30 8 13 * Fri").contains("both restricted"));
    }

    #[test]
    fn a_cadence_without_any_slot_is_refused() {
        let never = cadence("0 8 31 2 *");
        assert!(!never.has_slot_in_the_year_from(NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date")));
    }

    #[test]
    fn a_syntax_error_names_the_expected_form() {
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
    fn each_slot_occurs_once_in_the_dst_gap_and_overlap() {
        let spring = slots("*/15 2 * * *", "Europe/Stockholm", "2027-03-27T03:00:00", 2);
        assert_eq!(spring, ["2027-03-28T03:00:00+02:00", "2027-03-29T02:00:00+02:00"]);
        let autumn = slots("30 2 * * *", "Europe/Stockholm", "2027-10-30T03:00:00", 2);
        assert_eq!(autumn, ["2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00"]);
    }

    /// For every zone transition from 1990 to 2037 each cadence has exactly one occurrence per matching civil time; several
    /// at the same instant count as one. The oracle tries every minute of the days around it.
    #[test]
    fn both_clock_changes_of_every_year_for_200_random_cadences() {
        let zones = ["Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"];
        let mut random = Random(20_261_123);
        for number in 0..200 {
            let zone = TimeZone::parse(zones[number % zones.len()]).expect("a zone");
            let fields = Fields::random(&mut random);
            let cadence = cadence(&fields.text());
            for day in days_of_change(zone) {
                let from = zone.midnight(day - Days::new(1));
                let to = zone.midnight(day + Days::new(2));
                let mut slots = Vec::new();
                let mut next = cadence.slot_from(zone, from);
                while let Some(slot) = next.filter(|slot| *slot < to) {
                    slots.push(slot);
                    next = cadence.slot_after(zone, slot);
                }
                let expected = fields.by_trying_every_minute(zone, day - Days::new(1), 3);
                let expected: Vec<_> = expected.into_iter().filter(|at| *at < to).collect();
                assert_eq!(slots, expected, "{} in {zone} around {day}", fields.text());
            }
        }
    }

    /// The days on which the clocks of a zone change.
    fn days_of_change(zone: TimeZone) -> Vec<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(1990, 1, 1).expect("a date");
        let last = NaiveDate::from_ymd_opt(2037, 12, 31).expect("a date");
        let offset = |day: NaiveDate| zone.offset_seconds(day.and_time(NaiveTime::MIN).and_utc());
        let changes = |day: &NaiveDate| offset(*day) != offset(*day + Days::new(1));
        first.iter_days().take_while(|day| *day <= last).filter(changes).collect()
    }

    /// A cadence as lists of numbers, for the minute-by-minute oracle.
    struct Fields {
        minutes: Vec<u32>,
        hours: Vec<u32>,
        weekdays: Vec<u32>,
    }

    impl Fields {
        /// Most hours are near those in which clocks change.
        fn random(random: &mut Random) -> Fields {
            let some = |random: &mut Random, from: u32, to: u32, most: u32| {
                let count = 1 + random.below(most);
                let mut numbers: Vec<u32> = (0..count).map(|_| from + random.below(to - from)).collect();
                numbers.sort_unstable();
                numbers.dedup();
                numbers
            };
            Fields {
                minutes: some(random, 0, 60, 4),
                hours: some(random, 0, 5, 3),
                weekdays: some(random, 0, 7, 7),
            }
        }

        fn text(&self) -> String {
            let list = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
            let weekdays: Vec<_> = self.weekdays.iter().map(|n| names[*n as usize]).collect();
            format!("{} {} * * {}", list(&self.minutes), list(&self.hours), weekdays.join(","))
        }

        fn by_trying_every_minute(&self, zone: TimeZone, from: NaiveDate, days: u64) -> Vec<Timestamp> {
            let mut found = BTreeSet::new();
            for day in from.iter_days().take(days as usize) {
                if !self.weekdays.contains(&day.weekday().num_days_from_sunday()) {
                    continue;
                }
                for (hour, minute) in (0..24).flat_map(|hour| (0..60).map(move |minute| (hour, minute))) {
                    if self.hours.contains(&hour) && self.minutes.contains(&minute) {
                        let civil = day.and_hms_opt(hour, minute, 0).expect("a time");
                        found.insert(first_instant(zone, civil));
                    }
                }
            }
            found.into_iter().collect()
        }
    }

    /// The first instant, minute by minute, at which the wall clock shows a civil time or a later one.
    fn first_instant(zone: TimeZone, civil: NaiveDateTime) -> Timestamp {
        let ahead = TimeDelta::seconds(i64::from(zone.offset_seconds(civil.and_utc())));
        let mut at = civil.and_utc() - ahead - TimeDelta::hours(3);
        while zone.civil(at) < civil {
            at += TimeDelta::minutes(1);
        }
        at
    }

    /// A deterministic pseudo-random generator (splitmix64).
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u32) -> u32 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((mixed ^ (mixed >> 31)) % u64::from(bound)) as u32
        }
    }
}
