//! Time zones, and the only place where civil time is converted to an instant.

use std::fmt;

use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone as _, Utc,
};

/// An instant.
pub type Timestamp = DateTime<Utc>;

/// The zone of a programme's civil times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(chrono_tz::Tz);

impl TimeZone {
    pub const UTC: TimeZone = TimeZone(chrono_tz::Tz::UTC);

    /// The zone with that IANA name.
    pub fn parse(name: &str) -> Option<TimeZone> {
        name.parse().ok().map(TimeZone)
    }

    /// The release of the zone rules: `2025b`. They are compiled in, so every machine has the same.
    pub(crate) fn release() -> &'static str {
        chrono_tz::IANA_TZDB_VERSION
    }

    /// All known IANA names, for suggestions.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
    }

    /// Its IANA name.
    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }

    /// The civil time at an instant.
    pub fn civil(self, at: Timestamp) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// The local date at an instant.
    pub fn date(self, at: Timestamp) -> NaiveDate {
        self.civil(at).date()
    }

    /// The instant of a civil time. One in the spring gap is the first instant after the gap; one that occurs twice in autumn is
    /// the first of the two.
    pub fn local_to_instant(self, civil: NaiveDateTime) -> Timestamp {
        match self.0.from_local_datetime(&civil) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
            LocalResult::None => self.end_of_gap(civil),
        }
    }

    /// The first instant of a local date.
    pub fn midnight(self, date: NaiveDate) -> Timestamp {
        self.local_to_instant(date.and_time(NaiveTime::MIN))
    }

    /// The instant as RFC 3339 with the zone's offset.
    pub fn rfc3339(self, at: Timestamp) -> String {
        at.with_timezone(&self.0).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
    }

    /// Seconds east of UTC at an instant.
    pub fn offset_seconds(self, at: Timestamp) -> i32 {
        self.0.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
    }

    /// The first instant whose civil time is not before `civil`, by bisection: a gap is at most a day (Samoa, 30 December 2011),
    /// so two days on either side contain it.
    fn end_of_gap(self, civil: NaiveDateTime) -> Timestamp {
        let mut before = civil.and_utc() - TimeDelta::days(2);
        let mut after = civil.and_utc() + TimeDelta::days(2);
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if self.civil(middle) < civil {
                before = middle;
            } else {
                after = middle;
            }
        }
        after
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(zone: &str, civil: &str) -> String {
        let zone = TimeZone::parse(zone).expect("a zone");
        let civil = civil.parse().expect("a civil time");
        zone.rfc3339(zone.local_to_instant(civil))
    }

    #[test]
    fn a_time_in_the_spring_gap_is_the_first_instant_after_it() {
        assert_eq!(resolved("Europe/Stockholm", "2027-03-28T02:30:00"), "2027-03-28T03:00:00+02:00");
    }

    #[test]
    fn a_time_that_occurs_twice_is_the_first_of_the_two() {
        assert_eq!(resolved("Europe/Stockholm", "2027-10-31T02:30:00"), "2027-10-31T02:30:00+02:00");
    }

    #[test]
    fn a_whole_day_may_be_missing() {
        assert_eq!(resolved("Pacific/Apia", "2011-12-30T08:30:00"), "2011-12-31T00:00:00+14:00");
    }

    /// Later than 32-bit time, up to the last supported year.
    #[test]
    fn clocks_change_after_2037_too() {
        let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
        let hours = |at: &str| zone.offset_seconds(at.parse().expect("an instant")) / 3600;
        assert_eq!(hours("2038-01-19T03:14:08Z"), 1);
        for year in [2037, 2038, 2060, 2099] {
            let [winter, summer] = ["01", "07"].map(|month| hours(&format!("{year}-{month}-01T12:00:00Z")));
            assert_eq!((winter, summer), (1, 2), "{year}");
        }
    }
}
