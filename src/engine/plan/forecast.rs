//! The forecast for all people, and the minutes it asks of each person by
//! month.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::forecast::{Row, forecast};
use crate::domain::model::ids::{Slug, UnitId};
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::month_of;
use crate::engine::load::snapshot::Snapshot;

/// Filter of a forecast.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only these units; empty for all.
    pub(crate) units: Vec<UnitId>,
    /// Only these journeys; empty for all.
    pub(crate) journeys: Vec<Slug>,
}

/// Forecasts all mails within a time span. The forecast covers all people,
/// because mails depend on each other, and is filtered afterwards.
pub fn rows(
    snapshot: &Snapshot,
    span: std::ops::Range<Timestamp>,
    scope: &Scope,
    moved_on: impl FnMut(Timestamp),
) -> Vec<Row> {
    let memory = snapshot.memory.clone();
    let mut rows =
        forecast(&snapshot.content.library, &snapshot.roster, &snapshot.settings, memory, span, moved_on);
    rows.retain(|row| {
        let unit = &snapshot.roster.people[row.person].unit;
        let journey = &snapshot.content.library.journeys[row.journey].slug;
        (scope.units.is_empty() || scope.units.contains(unit))
            && (scope.journeys.is_empty() || scope.journeys.contains(journey))
    });
    rows
}

/// Minutes asked of people in one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Minutes {
    /// Number of people with at least one mail.
    pub(crate) people: u32,
    /// The most common sum of minutes.
    pub(crate) usual: u32,
    pub(crate) most: u32,
    /// Number of people above the programme's limit.
    pub(crate) above: u32,
}

/// Sums the minutes of each person by month.
pub(crate) fn minutes(snapshot: &Snapshot, rows: &[Row]) -> BTreeMap<NaiveDate, Minutes> {
    let zone = snapshot.content.library.programme.zone;
    let limit = snapshot.content.library.programme.calendar.minutes_per_month;
    let mut sums: BTreeMap<NaiveDate, BTreeMap<usize, u32>> = BTreeMap::new();
    for row in rows {
        let month = month_of(zone.date(row.at));
        *sums.entry(month).or_default().entry(row.person).or_default() += row.minutes;
    }
    sums.into_iter()
        .map(|(month, people)| {
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            for minutes in people.values() {
                *counts.entry(*minutes).or_default() += 1;
            }
            let usual = counts.iter().max_by_key(|(minutes, people)| (**people, **minutes));
            let summary = Minutes {
                people: people.len() as u32,
                usual: usual.map_or(0, |(minutes, _)| *minutes),
                most: counts.keys().copied().max().unwrap_or(0),
                above: people.values().filter(|minutes| **minutes > limit).count() as u32,
            };
            (month, summary)
        })
        .collect()
}
