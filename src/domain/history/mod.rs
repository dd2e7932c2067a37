//! What has happened: facts about each person's enrolments, written once,
//! and the position they add up to.
//!
//! The store keeps this; the forecast makes its own; the planner only reads.

pub mod position;
pub mod progress;
pub mod response;

use std::collections::HashMap;

use crate::domain::model::ids::{PersonId, PersonNumber, Slug};
use crate::domain::model::person::Person;
use crate::domain::time::timezone::Timestamp;

/// What has happened to everybody.
#[derive(Clone, Debug, Default)]
pub struct History {
    people: HashMap<PersonId, PersonHistory>,
}

/// What has happened to one person.
#[derive(Clone, Debug, Default)]
pub struct PersonHistory {
    /// The character they chose.
    pub character: Option<Slug>,
    /// When the last mail of any journey left, or was refused.
    pub last_mail: Option<Timestamp>,
    /// A mail of any journey that is booked and has not left.
    pub(crate) outbox: Option<PendingEmail>,
    enrolments: Vec<(Slug, Enrolment)>,
}

/// Somebody, and what happened to them: what is decided for.
#[derive(Clone, Copy, Debug)]
pub struct PersonWithHistory<'p> {
    /// Who.
    pub person: &'p Person,
    /// What happened.
    pub past: &'p PersonHistory,
    /// What the database calls them, if it knows them.
    pub number: Option<PersonNumber>,
}

/// A mail that is booked and has not left: until it has, no other does, so
/// that mails keep their order and their distance also after an outage
/// (contract, 7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PendingEmail {
    /// It leaves as soon as it can, and not before the instant, if there is
    /// one.
    Queued(Option<Timestamp>),
    /// Nobody knows whether it left; it is tried again at the instant.
    InDoubt(Timestamp),
    /// The second time; somebody must say what became of it.
    NeedsResolution,
    /// It cannot be made, or the relay takes no mail like it; somebody must
    /// act.
    Refused,
}

/// One person in one journey.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolment {
    /// The import that first put the person in the audience; `None` for the
    /// very first import of a database, and where there is no database.
    pub entered: Option<Timestamp>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// A fact about an enrolment; never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// To which step.
    pub(crate) step: Slug,
    /// What.
    pub what: EventKind,
}

/// What happened to a step of an enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Its mail (round 0) or a reminder was booked for a slot, and is on its
    /// way or there. Nothing books it again.
    Mailed {
        /// 0 is the mail, 1… the reminders.
        round: u16,
        /// The slot it was meant for; `at` is when it left.
        slot: Timestamp,
    },
    /// It was not sent and never will be.
    Skipped,
    /// The person answered, or said *done*.
    Answered,
}

static NOBODY: PersonHistory =
    PersonHistory { character: None, last_mail: None, outbox: None, enrolments: Vec::new() };
static NOTHING: Enrolment = Enrolment { entered: None, events: Vec::new() };

impl History {
    /// What happened to that person; nothing, if nothing did.
    pub fn of(&self, person: &PersonId) -> &PersonHistory {
        self.people.get(person).unwrap_or(&NOBODY)
    }

    /// The same, to write in.
    pub fn of_mut(&mut self, person: &PersonId) -> &mut PersonHistory {
        self.people.entry(person.clone()).or_default()
    }

    /// Everybody to whom something happened.
    pub fn people(&self) -> impl Iterator<Item = (&PersonId, &PersonHistory)> {
        self.people.iter()
    }

    /// Adds what happened to others.
    pub(crate) fn add(&mut self, others: History) {
        self.people.extend(others.people);
    }

    /// The same, with everything that was on its way arrived: for looking
    /// ahead.
    #[must_use]
    pub(crate) fn with_empty_outbox(mut self) -> History {
        self.people.values_mut().for_each(|past| past.outbox = None);
        self
    }

    /// Writes down a fact.
    pub(crate) fn record(&mut self, person: &PersonId, journey: &Slug, event: Event) {
        self.of_mut(person).record(journey, event);
    }
}

impl PersonHistory {
    /// What happened in that journey.
    pub fn enrolment(&self, journey: &Slug) -> &Enrolment {
        self.enrolments.iter().find(|(slug, _)| slug == journey).map_or(&NOTHING, |(_, enrolment)| enrolment)
    }

    /// Every journey in which something happened.
    pub fn enrolments(&self) -> impl Iterator<Item = (&Slug, &Enrolment)> {
        self.enrolments.iter().map(|(slug, enrolment)| (slug, enrolment))
    }

    /// The same as [`PersonHistory::enrolment`], to write in.
    pub(crate) fn enrolment_mut(&mut self, journey: &Slug) -> &mut Enrolment {
        let place = match self.enrolments.iter().position(|(slug, _)| slug == journey) {
            Some(place) => place,
            None => {
                self.enrolments.push((journey.clone(), Enrolment::default()));
                self.enrolments.len() - 1
            }
        };
        &mut self.enrolments[place].1
    }

    /// Writes down a fact.
    pub(crate) fn record(&mut self, journey: &Slug, event: Event) {
        if matches!(event.what, EventKind::Mailed { .. }) {
            self.last_mail = self.last_mail.max(Some(event.at));
        }
        self.enrolment_mut(journey).events.push(event);
    }
}

impl Enrolment {
    /// Every mail (round 0) the person got, in the order they left.
    pub fn mails(&self) -> impl DoubleEndedIterator<Item = Mail<'_>> {
        self.events.iter().filter_map(|event| match event.what {
            EventKind::Mailed { round: 0, slot } => Some(Mail { step: &event.step, at: event.at, slot }),
            EventKind::Mailed { .. } | EventKind::Skipped | EventKind::Answered => None,
        })
    }

    /// The mail (round 0) of that step.
    pub fn mail(&self, step: &Slug) -> Option<Mail<'_>> {
        self.mails().find(|mail| mail.step == step)
    }

    /// When the step was skipped, if it was.
    pub(crate) fn skipped(&self, step: &Slug) -> Option<Timestamp> {
        let skip = |event: &&Event| event.what == EventKind::Skipped && event.step == *step;
        self.events.iter().find(skip).map(|event| event.at)
    }

    /// When the step was first answered, if it was.
    pub(crate) fn answered(&self, step: &Slug) -> Option<Timestamp> {
        let answer = |event: &&Event| event.what == EventKind::Answered && event.step == *step;
        self.events.iter().find(answer).map(|event| event.at)
    }

    /// The highest round of that step that was mailed.
    pub(crate) fn last_round(&self, step: &Slug) -> Option<u16> {
        let rounds =
            self.events.iter().filter(|event| event.step == *step).filter_map(|event| match event.what {
                EventKind::Mailed { round, .. } => Some(round),
                EventKind::Skipped | EventKind::Answered => None,
            });
        rounds.max()
    }
}

/// A mail (round 0) somebody got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mail<'a> {
    /// Of which step.
    pub step: &'a Slug,
    /// When it left.
    pub at: Timestamp,
    /// Which slot it was meant for.
    pub(crate) slot: Timestamp,
}
