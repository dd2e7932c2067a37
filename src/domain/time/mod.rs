//! Civil time: time zones, durations, cadences, calendars, public holidays.

pub mod cadence;
pub mod calendar;
pub(crate) mod duration;
pub(crate) mod format;
pub mod holidays;
pub mod timezone;
