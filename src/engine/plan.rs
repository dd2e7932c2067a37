//! The forecast for everybody, and what it asks of each person's time.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::world::World;
use crate::domain::forecast::{Row, forecast};
use crate::domain::ids::{Slug, UnitId};
use crate::domain::verdict::month_of;
use crate::domain::zone::Timestamp;

/// What a forecast is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// These units; none: all.
    pub units: Vec<UnitId>,
    /// These journeys; none: all.
    pub journeys: Vec<Slug>,
}

/// Who gets what when, from one instant until before another. Everybody is
/// forecast, because one's mails may hang on another's; then it is narrowed.
pub fn rows(
    world: &World,
    span: std::ops::Range<Timestamp>,
    scope: &Scope,
    moved_on: impl FnMut(Timestamp),
) -> Vec<Row> {
    let memory = world.memory.clone();
    let mut rows = forecast(&world.library, &world.roster, &world.settings, memory, span, moved_on);
    rows.retain(|row| {
        let unit = &world.roster.people[row.person].unit;
        let journey = &world.library.journeys[row.journey].slug;
        (scope.units.is_empty() || scope.units.contains(unit))
            && (scope.journeys.is_empty() || scope.journeys.contains(journey))
    });
    rows
}

/// Minutes asked of people in a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minutes {
    /// How many people get anything.
    pub people: u32,
    /// The most common sum.
    pub usual: u32,
    /// The highest sum.
    pub most: u32,
    /// How many people are asked more than the programme allows itself.
    pub above: u32,
}

/// Minutes asked of each person, by month.
pub fn minutes(world: &World, rows: &[Row]) -> BTreeMap<NaiveDate, Minutes> {
    let zone = world.library.programme.zone;
    let limit = world.library.programme.calendar.minutes_per_month;
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
