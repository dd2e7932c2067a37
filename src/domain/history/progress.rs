//! Totals over all people, as far as one person's verdict depends on others: the first mails of
//! the reference group open the gate, and late joiners start where their unit, or the furthest
//! person, is.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;

use crate::domain::history::{History, PersonHistory};
use crate::domain::model::ids::{PersonId, UnitId};
use crate::domain::model::library::Library;
use crate::domain::model::person::{Person, Roster};
use crate::domain::time::timezone::Timestamp;

/// The totals, one entry per journey of the library.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    journeys: Vec<JourneyProgress>,
}

#[derive(Clone, Debug, Default)]
struct JourneyProgress {
    members: HashSet<PersonId>,
    /// Per step: when the first member of the reference group got it.
    first_member_mail: Vec<Option<Timestamp>>,
    /// The furthest step that anyone got.
    furthest: Option<usize>,
    /// Per unit and step: how many got that step last.
    last_got: HashMap<UnitId, Vec<u32>>,
}

impl JourneyProgress {
    fn first_of_members(&mut self, person: &PersonId, step: usize, at: Timestamp) {
        if self.members.contains(person) {
            let first = &mut self.first_member_mail[step];
            *first = Some(first.map_or(at, |first| first.min(at)));
        }
    }
}

impl Progress {
    /// Totals of what happened before an instant. Mails at the instant itself are not counted, so
    /// that a second pass at the same instant gives the same decisions.
    pub fn until(now: Timestamp, library: &Library, roster: &Roster, memory: &History) -> Progress {
        let mut progress = Progress::none(library);
        for (person, past) in memory.people() {
            if let Some(person) = roster.person(person) {
                progress.add(now, library, person, past);
            }
        }
        progress
    }

    /// Totals with the mails at the instant itself: how it stands once they are sent.
    pub(crate) fn after(now: Timestamp, library: &Library, roster: &Roster, memory: &History) -> Progress {
        Progress::until(now + TimeDelta::nanoseconds(1), library, roster, memory)
    }

    /// Adds one more person, so that not all people have to be in memory at once.
    pub(crate) fn add(&mut self, now: Timestamp, library: &Library, person: &Person, past: &PersonHistory) {
        let (id, unit) = (&person.id, &person.unit);
        for (slug, enrolment) in past.enrolments() {
            let Some(index) = library.journeys.iter().position(|journey| journey.slug == *slug) else {
                continue;
            };
            let journey = &library.journeys[index];
            let mut earlier = None;
            for mail in enrolment.mails().filter(|mail| mail.at <= now) {
                let Some(step) = journey.place(mail.step) else { continue };
                if mail.at < now {
                    self.note(index, id, unit, earlier, step, mail.at);
                    earlier = Some(step);
                } else {
                    self.journeys[index].first_of_members(id, step, mail.at);
                }
            }
        }
    }

    /// Totals without any mail.
    pub(crate) fn none(library: &Library) -> Progress {
        let journeys = library.journeys.iter().map(|journey| JourneyProgress {
            members: journey.reference_group.iter().flat_map(|group| group.people.iter().cloned()).collect(),
            first_member_mail: vec![None; journey.steps.len()],
            ..JourneyProgress::default()
        });
        Progress { journeys: journeys.collect() }
    }

    /// Forgets where people are, but for when the reference groups got each step.
    pub(crate) fn keep_gates_only(&mut self) {
        for journey in &mut self.journeys {
            (journey.furthest, journey.last_got) = (None, HashMap::new());
        }
    }

    /// Sets the furthest step that anyone got.
    pub(crate) fn set_furthest(&mut self, journey: usize, furthest: Option<usize>) {
        self.journeys[journey].furthest = furthest;
    }

    /// Adds a mail (round 0) of a person whose last step of the journey was another, if any.
    pub(crate) fn note(
        &mut self,
        journey: usize,
        person: &PersonId,
        unit: &UnitId,
        earlier: Option<usize>,
        step: usize,
        at: Timestamp,
    ) {
        let sums = &mut self.journeys[journey];
        sums.furthest = sums.furthest.max(Some(step));
        sums.first_of_members(person, step, at);
        let steps = sums.first_member_mail.len();
        let counts = sums.last_got.entry(unit.clone()).or_insert_with(|| vec![0; steps]);
        if let Some(earlier) = earlier {
            counts[earlier] = counts[earlier].saturating_sub(1);
        }
        counts[step] += 1;
    }

    /// When the first member of the reference group got the step.
    pub(crate) fn first_member_mail(&self, journey: usize, step: usize) -> Option<Timestamp> {
        self.journeys[journey].first_member_mail[step]
    }

    /// The furthest step that anyone got.
    pub(crate) fn furthest(&self, journey: usize) -> Option<usize> {
        self.journeys[journey].furthest
    }

    /// The step that most people of a unit got last; of several the earlier.
    pub(crate) fn unit_majority_received(&self, journey: usize, unit: &UnitId) -> Option<usize> {
        let counts = self.journeys[journey].last_got.get(unit)?;
        let most = *counts.iter().max()?;
        (most > 0).then(|| counts.iter().position(|count| *count == most)).flatten()
    }
}
