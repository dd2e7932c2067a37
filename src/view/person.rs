//! People: the documents of `people list` and `people show`. No document names
//! a protected person, or has their address or unit.

use serde::Serialize;

use crate::domain::model::ids::Slug;
use crate::domain::model::person::{Period, Person};
use crate::domain::time::timezone::TimeZone;
use crate::domain::verdict::Verdict;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::explain::{JourneyStatus, Why};

/// The id shown for a person; `protected` for a protected person.
pub(crate) fn display_id(person: &Person) -> &str {
    if person.protected { "protected" } else { person.id.as_str() }
}

/// The address shown for a person; `None` if protected or missing.
pub(super) fn display_address(person: &Person) -> Option<&str> {
    person.email.as_deref().filter(|_| !person.protected)
}

/// People, without those who are protected.
#[derive(Debug, Serialize)]
pub(crate) struct PeopleView<'a> {
    people: Vec<PersonView<'a>>,
    protected: usize,
}

/// One person, and the next step of each journey.
#[derive(Debug, Serialize)]
pub(crate) struct PersonDetailsView<'a> {
    #[serde(flatten)]
    person: PersonView<'a>,
    journeys: Vec<PersonJourneyView<'a>>,
}

#[derive(Debug, Serialize)]
struct PersonView<'a> {
    person: &'a str,
    address: Option<&'a str>,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    unit: Option<&'a str>,
    department: Option<&'a str>,
    language: &'a str,
    character: Option<&'a str>,
    start_date: Option<String>,
    end_date: Option<String>,
    leave: String,
    shared_address: bool,
    second_employment: bool,
    stopped: bool,
}

#[derive(Debug, Serialize)]
struct PersonJourneyView<'a> {
    journey: &'a str,
    stage: &'static str,
    next: Option<&'a str>,
    at: Option<String>,
}

impl<'a> PeopleView<'a> {
    /// `people` are not protected; `protected` others are left out.
    pub(crate) fn of(snapshot: &'a Snapshot, people: &[&'a Person], protected: usize) -> PeopleView<'a> {
        PeopleView {
            people: people.iter().map(|person| PersonView::of(snapshot, person)).collect(),
            protected,
        }
    }
}

impl<'a> PersonDetailsView<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot, why: &'a Why<'_>) -> PersonDetailsView<'a> {
        let zone = snapshot.content.library.programme.zone;
        let journeys = why.journeys.iter().map(|status| PersonJourneyView::of(zone, status)).collect();
        PersonDetailsView { person: PersonView::of(snapshot, why.person), journeys }
    }
}

impl<'a> PersonView<'a> {
    fn of(snapshot: &'a Snapshot, person: &'a Person) -> PersonView<'a> {
        let unless_protected = |value: &'a str| (!person.protected).then_some(value);
        PersonView {
            person: display_id(person),
            address: display_address(person),
            first_name: unless_protected(&person.first_name),
            last_name: unless_protected(&person.last_name),
            unit: unless_protected(snapshot.roster.unit_name(&person.unit)),
            department: person.department.as_deref().filter(|_| !person.protected),
            language: person.language.as_str(),
            character: snapshot.memory.of(&person.id).character.as_ref().map(Slug::as_str),
            start_date: person.start.map(|day| day.to_string()),
            end_date: person.end.map(|day| day.to_string()),
            leave: periods_text(&person.leave),
            shared_address: person.shared_address,
            second_employment: person.second_employment,
            stopped: snapshot.settings.stopped.contains(&person.id),
        }
    }
}

impl<'a> PersonJourneyView<'a> {
    fn of(zone: TimeZone, status: &'a JourneyStatus<'_>) -> PersonJourneyView<'a> {
        let (next, at) = match &status.verdict {
            Verdict::Send(send) => (Some(&send.step), Some(send.slot)),
            Verdict::Wait(wait) => (wait.known_step(), wait.known_step().map(|_| wait.until)),
            Verdict::Held(held) => (held.step.as_ref(), None),
            Verdict::Ended(_) => (None, None),
        };
        PersonJourneyView {
            journey: status.journey.slug.as_str(),
            stage: status.stage.as_str(),
            next: next.map(Slug::as_str),
            at: at.map(|at| zone.rfc3339(at)),
        }
    }
}

/// `2026-12-01/2026-12-08 2027-02-01/2027-02-03`.
pub(crate) fn periods_text(periods: &[Period]) -> String {
    periods.iter().map(|p| format!("{}/{}", p.from, p.to)).collect::<Vec<_>>().join(" ")
}
