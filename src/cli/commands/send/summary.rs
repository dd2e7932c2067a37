//! Sums up a pass of `send` part by part. The size of a summary depends on steps
//! and reasons, not on people.

use std::collections::BTreeMap;

use crate::cli::output;
use crate::domain::model::ids::PersonId;
use crate::domain::model::person::Person;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Reason, ReasonSummary};
use crate::engine::plan::pass::{DueEmail, HeldEmail, WaitingEmail};
use crate::engine::plan::upcoming::Upcoming;
use crate::view::send::display_subject;

/// The mails sent now.
#[derive(Default)]
pub(super) struct DueSummary {
    pub(super) mails: usize,
    /// A row for each of the first mails, or for all.
    pub(super) rows: Vec<Vec<String>>,
    /// By step and kind.
    pub(super) steps: BTreeMap<(String, &'static str), Subjects>,
    /// The first recipient who is not protected.
    pub(super) example: Option<PersonId>,
}

/// Counts people whose enrolments follow each other.
#[derive(Default)]
pub(super) struct PeopleCount {
    pub(super) people: usize,
    last: Option<PersonId>,
}

impl PeopleCount {
    /// Adds people who are counted already.
    pub(super) fn add_others(&mut self, people: usize) {
        self.people += people;
    }

    fn add(&mut self, person: &Person) {
        if self.last.as_ref() != Some(&person.id) {
            self.people += 1;
            self.last = Some(person.id.clone());
        }
    }
}

/// The enrolments that wait.
#[derive(Default)]
pub(super) struct WaitingSummary {
    pub(super) people: PeopleCount,
    pub(super) enrolments: usize,
    pub(super) upcoming: Upcoming,
    /// By code; of each enrolment the first reason.
    pub(super) reasons: BTreeMap<&'static str, ReasonSummary>,
    /// Enrolments waiting for an approval, by step.
    pub(super) unapproved: BTreeMap<String, usize>,
    /// Time of the next mail, and its recipient unless protected.
    pub(super) next_mail: Option<(Timestamp, Option<PersonId>)>,
    /// The first person who is not protected.
    pub(super) example: Option<PersonId>,
}

/// The enrolments that are held until an operator acts.
#[derive(Default)]
pub(super) struct HeldSummary {
    pub(super) people: PeopleCount,
    pub(super) enrolments: usize,
    /// By step and code.
    pub(super) reasons: BTreeMap<(String, &'static str), ReasonSummary>,
    /// The first person who is not protected.
    pub(super) example: Option<PersonId>,
}

/// The subjects of several mails.
#[derive(Default)]
pub(super) struct Subjects {
    pub(super) mails: usize,
    first: Option<String>,
    /// Whether a subject differs from the first.
    differ: bool,
}

impl DueSummary {
    /// Adds a mail. It gets a row of its own unless there are `max_rows` already.
    pub(super) fn add(&mut self, due: &DueEmail<'_>, max_rows: usize) {
        self.mails += 1;
        if self.rows.len() < max_rows {
            self.rows.push(vec![
                output::person_label(due.person),
                step_of(due),
                due.step.kind.to_string(),
                display_subject(due).unwrap_or_default().to_owned(),
            ]);
        }
        self.steps.entry((step_of(due), due.step.kind.as_str())).or_default().add(display_subject(due));
        keep_first_unprotected(&mut self.example, due.person);
    }
}

impl WaitingSummary {
    pub(super) fn add(&mut self, waiting: &WaitingEmail<'_>) {
        let WaitingEmail { person, journey, wait, enrolments, is_single } = waiting;
        if *is_single {
            self.people.add(person);
        }
        self.enrolments += enrolments;
        let name = format!("{}/{}", journey.slug, wait.step);
        if let Some(reason) = wait.reasons.first() {
            add_reason(&mut self.reasons, reason.code(), reason, *enrolments);
        }
        if wait.reasons.iter().any(|reason| matches!(reason, Reason::NotApproved(_))) {
            *self.unapproved.entry(name).or_default() += enrolments;
        }
        if wait.ends_with_mail() && self.next_mail.as_ref().is_none_or(|(next, _)| wait.until < *next) {
            self.next_mail = Some((wait.until, (!person.protected).then(|| person.id.clone())));
        }
        self.upcoming.add(waiting);
        keep_first_unprotected(&mut self.example, person);
    }
}

impl HeldSummary {
    /// Adds a held mail, and others that stand like it.
    pub(super) fn add(&mut self, holding: &HeldEmail<'_>, enrolments: usize) {
        if enrolments == 0 {
            return;
        }
        if holding.people.is_empty() {
            self.people.add(holding.person);
        }
        self.enrolments += enrolments;
        let step = holding.held.step.as_ref().map_or(String::new(), |step| format!("/{step}"));
        for reason in &holding.held.reasons {
            let key = (format!("{}{step}", holding.journey.slug), reason.code());
            add_reason(&mut self.reasons, key, reason, enrolments);
        }
        keep_first_unprotected(&mut self.example, holding.person);
    }
}

impl Subjects {
    /// Adds one mail; its subject is `None` if it must not be shown.
    fn add(&mut self, subject: Option<&str>) {
        self.mails += 1;
        match (&self.first, subject) {
            (None, Some(subject)) => self.first = Some(subject.to_owned()),
            (Some(first), Some(subject)) => self.differ |= first != subject,
            (_, None) => {}
        }
    }

    /// The common subject, or one as an example.
    pub(super) fn in_one(&self) -> String {
        match &self.first {
            Some(first) if self.differ => for_example(self.mails, first),
            Some(first) => first.clone(),
            None => String::new(),
        }
    }
}

/// Keeps the first person who is not protected.
fn keep_first_unprotected(kept: &mut Option<PersonId>, person: &Person) {
    if kept.is_none() && !person.protected {
        *kept = Some(person.id.clone());
    }
}

/// Marks a text as an example if it stands for several.
fn for_example(several: usize, words: &str) -> String {
    if several == 1 { words.to_owned() } else { format!("for example: {words}") }
}

fn step_of(due: &DueEmail<'_>) -> String {
    let step = format!("{}/{}", due.journey.slug, due.step.slug);
    if due.round == 0 { step } else { format!("{step} reminder {}", due.round) }
}

fn add_reason<K: Ord>(sums: &mut BTreeMap<K, ReasonSummary>, key: K, reason: &Reason, enrolments: usize) {
    let reasons = ReasonSummary::of(reason.clone(), enrolments);
    sums.entry(key).and_modify(|sum| sum.add_all(&reasons)).or_insert(reasons);
}
