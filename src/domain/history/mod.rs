//! What has happened: facts about each person's enrolments, written once.
//!
//! The store keeps the history, the forecast extends a copy, the planner only reads it.

pub mod position;
pub mod progress;

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::domain::model::ids::{PersonId, PersonNumber, Slug};
use crate::domain::model::library::Library;
use crate::domain::model::person::Person;
use crate::domain::time::timezone::Timestamp;

/// The history of all people.
#[derive(Clone, Debug, Default)]
pub struct History {
    people: HashMap<PersonId, PersonHistory>,
}

/// The history of one person.
#[derive(Clone, Debug, Default)]
pub struct PersonHistory {
    /// The chosen character.
    pub character: Option<Slug>,
    /// When the last mail of any journey was sent or rejected.
    pub last_mail: Option<Timestamp>,
    /// A mail of any journey that is enqueued and has not left.
    pub(crate) outbox: Option<PendingEmail>,
    enrolments: Vec<(Slug, Enrolment)>,
}

/// A person and their history: the input of a decision.
#[derive(Clone, Copy, Debug)]
pub struct PersonWithHistory<'p> {
    pub person: &'p Person,
    pub past: &'p PersonHistory,
    /// The person's number in the database, if there is one.
    pub number: Option<PersonNumber>,
}

/// A mail that is enqueued and has not left. Until then no other is enqueued, so that mails keep
/// their order and gap also after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PendingEmail {
    /// It leaves as soon as possible, but not before the instant.
    Queued(Option<Timestamp>),
    /// Its outcome is unknown; it is retried at the instant.
    InDoubt(Timestamp),
    /// In doubt a second time; an operator must resolve it.
    NeedsResolution,
    /// It cannot be built, or the relay rejects its content; an operator must act.
    Refused,
}

/// A mail that is sent within this time counts as sent when it was enqueued, in the stored position of its recipient.
pub(crate) const SENT_AT_ONCE: TimeDelta = TimeDelta::minutes(1);

/// One person in one journey.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolment {
    /// The import that first put the person in the audience; `None` for the first import of a
    /// database, and without a database.
    pub entered: Option<Timestamp>,
    /// In order of time.
    pub events: Vec<Event>,
}

/// A fact about an enrolment; never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    pub(crate) step: Slug,
    pub what: EventKind,
}

/// What happened to a step of an enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A mail or reminder was enqueued for a slot. It is never enqueued again.
    Mailed {
        /// 0 is the mail, 1 and up the reminders.
        round: u16,
        /// The slot it was meant for; `at` is when it left.
        slot: Timestamp,
    },
    /// It was not sent and never will be.
    Skipped,
    /// The person answered, or clicked *done*.
    Answered,
    /// The person removed the answer.
    Withdrawn,
}

static NOBODY: PersonHistory =
    PersonHistory { character: None, last_mail: None, outbox: None, enrolments: Vec::new() };
static NOTHING: Enrolment = Enrolment { entered: None, events: Vec::new() };

impl History {
    /// The history of a person; empty if there is none.
    pub fn of(&self, person: &PersonId) -> &PersonHistory {
        self.people.get(person).unwrap_or(&NOBODY)
    }

    /// The same, mutable.
    pub fn of_mut(&mut self, person: &PersonId) -> &mut PersonHistory {
        self.people.entry(person.clone()).or_default()
    }

    /// All people with a history.
    pub fn people(&self) -> impl Iterator<Item = (&PersonId, &PersonHistory)> {
        self.people.iter()
    }

    /// Adds the history of other people.
    pub(crate) fn add(&mut self, others: History) {
        self.people.extend(others.people);
    }

    /// The history with everything enqueued counted as sent, for a forecast.
    #[must_use]
    pub(crate) fn with_empty_outbox(mut self) -> History {
        self.people.values_mut().for_each(|past| past.outbox = None);
        self
    }

    /// Gives steps that were renamed the names they have today.
    pub(crate) fn use_todays_names(&mut self, library: &Library) {
        for journey in library.journeys.iter().filter(|journey| !journey.renamed.is_empty()) {
            let pasts = self.people.values_mut().flat_map(|past| &mut past.enrolments);
            for (_, enrolment) in pasts.filter(|(slug, _)| *slug == journey.slug) {
                for event in &mut enrolment.events {
                    event.step = journey.todays_name(&event.step).clone();
                }
            }
        }
    }

    /// Records a fact.
    pub(crate) fn record(&mut self, person: &PersonId, journey: &Slug, event: Event) {
        self.of_mut(person).record(journey, event);
    }
}

impl PersonHistory {
    /// The events of one journey.
    pub fn enrolment(&self, journey: &Slug) -> &Enrolment {
        self.enrolments.iter().find(|(slug, _)| slug == journey).map_or(&NOTHING, |(_, enrolment)| enrolment)
    }

    /// All journeys with events.
    pub fn enrolments(&self) -> impl Iterator<Item = (&Slug, &Enrolment)> {
        self.enrolments.iter().map(|(slug, enrolment)| (slug, enrolment))
    }

    /// The same as [`PersonHistory::enrolment`], mutable.
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

    /// The history as if a mail that is enqueued and waits for nothing were sent; `None` if there is none, or if it has
    /// been waiting for more than a moment.
    pub(crate) fn as_if_sent(&self, now: Timestamp) -> Option<PersonHistory> {
        let is_new = self.last_mail.is_some_and(|at| now - at <= SENT_AT_ONCE);
        (self.outbox == Some(PendingEmail::Queued(None)) && is_new)
            .then(|| PersonHistory { outbox: None, ..self.clone() })
    }

    /// Records a fact.
    pub(crate) fn record(&mut self, journey: &Slug, event: Event) {
        if matches!(event.what, EventKind::Mailed { .. }) {
            self.last_mail = self.last_mail.max(Some(event.at));
        }
        self.enrolment_mut(journey).events.push(event);
    }
}

impl Enrolment {
    /// Every mail (round 0) of the person, in order of time.
    pub fn mails(&self) -> impl DoubleEndedIterator<Item = Mail<'_>> {
        self.events.iter().filter_map(|event| match event.what {
            EventKind::Mailed { round: 0, slot } => Some(Mail { step: &event.step, at: event.at, slot }),
            EventKind::Mailed { .. } | EventKind::Skipped | EventKind::Answered | EventKind::Withdrawn => {
                None
            }
        })
    }

    /// The mail (round 0) of a step.
    pub fn mail(&self, step: &Slug) -> Option<Mail<'_>> {
        self.mails().find(|mail| mail.step == step)
    }

    /// When the step was skipped, if it was.
    pub(crate) fn skipped(&self, step: &Slug) -> Option<Timestamp> {
        let skip = |event: &&Event| event.what == EventKind::Skipped && event.step == *step;
        self.events.iter().find(skip).map(|event| event.at)
    }

    /// When the step was first answered; `None` if it was not, or if the answer was withdrawn.
    pub(crate) fn answered(&self, step: &Slug) -> Option<Timestamp> {
        let of_step = self.events.iter().filter(|event| event.step == *step);
        of_step.fold(None, |answered, event| match event.what {
            EventKind::Answered => answered.or(Some(event.at)),
            EventKind::Withdrawn => None,
            EventKind::Mailed { .. } | EventKind::Skipped => answered,
        })
    }

    /// The highest round of the step that was mailed.
    pub(crate) fn last_round(&self, step: &Slug) -> Option<u16> {
        let rounds =
            self.events.iter().filter(|event| event.step == *step).filter_map(|event| match event.what {
                EventKind::Mailed { round, .. } => Some(round),
                EventKind::Skipped | EventKind::Answered | EventKind::Withdrawn => None,
            });
        rounds.max()
    }
}

/// A mail (round 0) that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mail<'a> {
    pub step: &'a Slug,
    pub at: Timestamp,
    /// The slot it was meant for.
    pub(crate) slot: Timestamp,
}
