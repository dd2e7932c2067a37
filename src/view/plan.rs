//! A forecast, mail by mail: the document of `plan`.

use serde::Serialize;

use super::person::display_id;
use crate::domain::forecast::Row;
use crate::engine::load::snapshot::Snapshot;

/// One mail of the forecast.
#[derive(Debug, Serialize)]
pub(crate) struct PlannedMailView<'a> {
    person: &'a str,
    journey: &'a str,
    step: &'a str,
    round: u16,
    at: String,
    minutes: u32,
    assumes: Vec<&'static str>,
}

impl<'a> PlannedMailView<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot, row: &Row) -> PlannedMailView<'a> {
        let journey = &snapshot.content.library.journeys[row.journey];
        PlannedMailView {
            person: display_id(&snapshot.roster.people[row.person]),
            journey: journey.slug.as_str(),
            step: journey.steps[row.step].slug.as_str(),
            round: row.round,
            at: snapshot.content.library.programme.zone.rfc3339(row.at),
            minutes: row.minutes,
            assumes: assumptions(row),
        }
    }
}

/// The assumptions that the time of this mail depends on.
pub(crate) fn assumptions(row: &Row) -> Vec<&'static str> {
    let approval = row.assumes_approval.then_some("approval");
    let answer = row.assumes_answer.then_some("answer");
    approval.into_iter().chain(answer).collect()
}
