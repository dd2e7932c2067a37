//! Checks the mails of some years against the specification, independently of
//! the planner: it reads the files of the outbox and the list of what the test
//! did.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Datelike, NaiveDate, TimeDelta, Timelike, Weekday};
use journey::domain::time::holidays::Holidays;
use journey::domain::time::timezone::{TimeZone, Timestamp};

use super::super::rig::Letter;
use super::simulation::{REFERENCE_GROUP, Row};

/// What the test did, and when.
pub(super) struct Facts {
    pub(super) zone: TimeZone,
    /// Content versions, each with the instant from which it is active.
    pub(super) orders: Vec<(Timestamp, Orders)>,
    /// People, each list with the instant from which it holds.
    pub(super) people: Vec<(Timestamp, HashMap<String, Row>)>,
    pub(super) pauses: Vec<Pause>,
    /// Closed units: recorded at, unit, from, to.
    pub(super) closed: Vec<(Timestamp, String, NaiveDate, NaiveDate)>,
    /// Shifted units: since, unit, weeks.
    pub(super) shifts: Vec<(Timestamp, String, i32)>,
    /// Approved steps, with the version of their text.
    pub(super) approvals: Vec<(Timestamp, String, u32)>,
    /// Held steps, or `None` for all sending; from, to.
    pub(super) holds: Vec<(Option<String>, Timestamp, Option<Timestamp>)>,
    /// The first answer of a person to a step.
    pub(super) answers: HashMap<(String, String), Timestamp>,
    /// Cancelled mails by person and step, with the instant at which they were
    /// enqueued: read from the database and checked by [`Checker::excuses`].
    pub(super) cancelled: HashMap<(String, String), Timestamp>,
}

/// The steps of each journey in order.
pub(super) type Orders = BTreeMap<String, Vec<StepFact>>;

/// A step as it was at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StepFact {
    pub(super) id: String,
    pub(super) catch_up: bool,
    pub(super) expires: bool,
    /// The version of its text.
    pub(super) version: u32,
}

pub(super) struct Pause {
    pub(super) of: (&'static str, String),
    pub(super) from: Timestamp,
    pub(super) until: Option<NaiveDate>,
    pub(super) resumed: Option<Timestamp>,
}

/// What the checker reads from a file.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    at: Timestamp,
    person: String,
    journey: String,
    step: String,
    round: u16,
}

/// Everything that is wrong, as text.
pub(super) fn faults(facts: &Facts, letters: &[Letter]) -> Vec<String> {
    let mut checker = Checker {
        facts,
        got: HashMap::new(),
        last: HashMap::new(),
        first_member: HashMap::new(),
        found: Vec::new(),
    };
    let mut ids = HashSet::new();
    let mut once = HashSet::new();
    let mut letters: Vec<&Letter> = letters.iter().collect();
    letters.sort_by_key(|letter| letter.date);
    for letter in letters {
        let Some(mail) = checker.mail(letter) else { continue };
        if !ids.insert(letter.message_id.clone()) {
            checker.fault("a Message-ID twice", &mail);
        }
        if !once.insert((mail.person.clone(), mail.journey.clone(), mail.step.clone(), mail.round)) {
            checker.fault("twice", &mail);
        }
        checker.check(&mail);
    }
    checker.served();
    checker.found
}

struct Checker<'f> {
    facts: &'f Facts,
    /// By person and journey: the steps received, in order, and when.
    got: HashMap<(String, String), Vec<(String, Timestamp)>>,
    last: HashMap<String, Timestamp>,
    first_member: HashMap<String, Timestamp>,
    found: Vec<String>,
}

/// The version that is active at an instant.
fn at<T>(versions: &[(Timestamp, T)], at: Timestamp) -> &T {
    let before = versions.iter().rev().find(|(from, _)| *from <= at);
    &before.unwrap_or(&versions[0]).1
}

impl Checker<'_> {
    fn fault(&mut self, what: &str, mail: &Mail) {
        let Mail { at, person, journey, step, round } = mail;
        let civil = self.facts.zone.civil(*at).format("%a %Y-%m-%d %H:%M:%S");
        self.found.push(format!("{what}: {civil} {person} {journey}/{step} {round}"));
    }

    /// Parses `2026-12-01/0830-1042-miljo-resor-0.eml`, and finds the person
    /// with the address.
    fn mail(&mut self, letter: &Letter) -> Option<Mail> {
        let stem = letter.name.split('/').next_back()?.strip_suffix(".eml")?;
        let (stem, round) = stem.rsplit_once('-')?;
        let journeys = at(&self.facts.orders, letter.date).keys();
        let (person, journey, step) = journeys.into_iter().find_map(|journey| {
            let (before, step) = stem.split_once(&format!("-{journey}-"))?;
            Some((before.split_once('-')?.1.to_owned(), journey.clone(), step.to_owned()))
        })?;
        let people = at(&self.facts.people, letter.found);
        let has_address: Vec<&Row> = people.values().filter(|row| row.email() == letter.to).collect();
        let mail = Mail {
            at: letter.date,
            person: has_address.first().map_or(person.clone(), |row| row.id().to_owned()),
            journey,
            step,
            round: round.parse().ok()?,
        };
        let name_fits =
            mail.person == person || (person.starts_with("protected-") && has_address[0].is_protected());
        if has_address.len() != 1 || letter.to.is_empty() {
            self.fault("nobody, or several, have its address", &mail);
        } else if !name_fits {
            self.fault("its file is named for somebody else", &mail);
        }
        let named = self.facts.zone.civil(mail.at).format("%Y-%m-%d/%H%M-").to_string();
        if !letter.name.starts_with(&named) {
            self.fault("its file is named for another time", &mail);
        }
        Some(mail)
    }

    fn check(&mut self, mail: &Mail) {
        let facts = self.facts;
        let civil = facts.zone.civil(mail.at);
        let day = civil.date();
        let Some(row) = at(&facts.people, mail.at).get(&mail.person) else {
            return self.fault("to somebody who is gone", mail);
        };
        let date = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).expect("a date");
        let unit = row.unit();
        let closed = facts
            .closed
            .iter()
            .any(|(known, of, from, to)| *known <= mail.at && of == unit && *from <= day && day <= *to);
        let paused = facts.pauses.iter().any(|pause| pause.holds(facts.zone, mail, unit));
        let name = format!("{}/{}", mail.journey, mail.step);
        let held = facts.holds.iter().any(|(of, from, to)| {
            of.as_ref().is_none_or(|of| *of == name) && *from <= mail.at && to.is_none_or(|to| mail.at < to)
        });
        let wrong = [
            (matches!(day.weekday(), Weekday::Sat | Weekday::Sun), "on a weekend"),
            (!(7..17).contains(&civil.hour()), "outside hours"),
            (Holidays::Se.on(day).is_some(), "on a holiday"),
            (date(2026, 12, 21) <= day && day <= date(2027, 1, 6), "in the closed period"),
            (closed, "while the unit is closed"),
            (row.leave().iter().any(|(from, to)| *from <= day && day <= *to), "on leave"),
            (paused, "while paused"),
            (row.start().is_some_and(|start| day < start), "before the first day"),
            (row.end().is_some_and(|end| day > end), "after the last day"),
            (self.is_before_the_start(mail, unit), "before the journey's start"),
            (
                self.last.get(&mail.person).is_some_and(|last| mail.at - *last < TimeDelta::hours(20)),
                "within min_gap",
            ),
            (held, "while held by hand"),
            (!self.is_approved(mail, &name), "not approved, or before the lead has passed"),
        ];
        for (_, what) in wrong.into_iter().filter(|(wrong, _)| *wrong) {
            self.fault(what, mail);
        }
        self.last.insert(mail.person.clone(), mail.at);
        match mail.round {
            0 => self.mail_of_a_step(mail),
            _ => self.reminder(mail, &name),
        }
    }

    fn is_before_the_start(&self, mail: &Mail, unit: &str) -> bool {
        let start = match mail.journey.as_str() {
            "miljo" => NaiveDate::from_ymd_opt(2026, 9, 1),
            "grunden" if !REFERENCE_GROUP.contains(&mail.person.as_str()) => {
                NaiveDate::from_ymd_opt(2026, 12, 1)
            }
            _ => None,
        };
        let shifts = self.facts.shifts.iter().filter(|(since, of, _)| *since <= mail.at && of == unit);
        let weeks: i32 = shifts.map(|(_, _, weeks)| weeks).sum();
        let day = self.facts.zone.date(mail.at);
        start.is_some_and(|start| day < start + TimeDelta::weeks(weeks.into()))
    }

    /// For all but the reference group: the current text is approved, and ten
    /// workdays have passed since the first member's mail.
    fn is_approved(&self, mail: &Mail, name: &str) -> bool {
        if mail.journey != "grunden" || mail.round > 0 || REFERENCE_GROUP.contains(&mail.person.as_str()) {
            return true;
        }
        let steps = &at(&self.facts.orders, mail.at)["grunden"];
        let Some(step) = steps.iter().find(|step| step.id == mail.step) else { return false };
        let of_it = |(since, of, version): &&(Timestamp, String, u32)| {
            *since <= mail.at && of == name && *version == step.version
        };
        let passed = self.first_member.get(name).is_none_or(|first| {
            let (from, to) = (self.facts.zone.date(*first), self.facts.zone.date(mail.at));
            let days = from.iter_days().skip(1).take_while(|day| *day <= to);
            let closed = |day: &NaiveDate| {
                let ymd = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).expect("a date");
                ymd(2026, 12, 21) <= *day && *day <= ymd(2027, 1, 6)
            };
            let works = |day: &NaiveDate| {
                !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
                    && Holidays::Se.on(*day).is_none()
                    && !closed(day)
            };
            days.filter(works).count() >= 10
        });
        passed && self.facts.approvals.iter().any(|approval| of_it(&approval))
    }

    fn mail_of_a_step(&mut self, mail: &Mail) {
        let steps = &at(&self.facts.orders, mail.at)[&mail.journey];
        let Some(place) = steps.iter().position(|step| step.id == mail.step) else {
            return self.fault("a step that is not there", mail);
        };
        let key = (mail.person.clone(), mail.journey.clone());
        let got = self.got.entry(key).or_default().clone();
        let has = |step: &StepFact| got.iter().any(|(id, _)| *id == step.id);
        let last = got.iter().filter_map(|(id, _)| steps.iter().position(|step| step.id == *id)).max();
        if let Some(last) = last.filter(|_| !steps[place].catch_up) {
            let excused = |step: &StepFact| self.excuses(&mail.person, &mail.journey, &step.id);
            let left_out = |step: &&StepFact| !has(step) && !step.expires && !excused(step);
            if place <= last {
                self.fault("out of order", mail);
            } else if let Some(step) = steps[last + 1..place].iter().find(left_out) {
                self.fault(&format!("`{}` is left out", step.id), mail);
            }
        }
        if mail.journey == "social" && got.is_empty() {
            self.after_grunden(mail);
        }
        if REFERENCE_GROUP.contains(&mail.person.as_str()) {
            self.first_member.entry(format!("{}/{}", mail.journey, mail.step)).or_insert(mail.at);
        }
        let key = (mail.person.clone(), mail.journey.clone());
        self.got.entry(key).or_default().push((mail.step.clone(), mail.at));
    }

    /// A person begins the second journey only after the first has ended for
    /// them.
    fn after_grunden(&mut self, mail: &Mail) {
        let steps = &at(&self.facts.orders, mail.at)["grunden"];
        let got = self.got.get(&(mail.person.clone(), "grunden".to_owned())).cloned().unwrap_or_default();
        let last = got.iter().filter_map(|(id, _)| steps.iter().position(|step| step.id == *id)).max();
        let ahead = &steps[last.map_or(0, |last| last + 1)..];
        if ahead.iter().any(|step| !step.expires) {
            self.fault("before `grunden` is over", mail);
        }
    }

    fn reminder(&mut self, mail: &Mail, name: &str) {
        let got = self.got.get(&(mail.person.clone(), mail.journey.clone()));
        if got.and_then(|got| got.last()).is_none_or(|(step, _)| *step != mail.step) {
            self.fault("a reminder of another step than the last", mail);
        }
        let answered = self.facts.answers.get(&(mail.person.clone(), name.to_owned()));
        if answered.is_some_and(|answered| *answered <= mail.at) {
            self.fault("a reminder to somebody who has answered", mail);
        }
    }

    /// At the end everybody who can be served has received every step of their
    /// journeys that neither expired nor came before their entry point.
    fn served(&mut self) {
        let (_, people) = self.facts.people.last().expect("people");
        let (_, orders) = self.facts.orders.last().expect("content");
        let mut missing = Vec::new();
        for row in people.values().filter(|row| row.end().is_none() && !row.email().is_empty()) {
            for (journey, steps) in orders {
                let got = self.got.get(&(row.id().to_owned(), journey.clone())).cloned().unwrap_or_default();
                let begins = if got.is_empty() { self.joins_at(row, journey, steps) } else { 0 };
                let excused = |step: &StepFact| self.excuses(row.id(), journey, &step.id);
                for step in steps[begins..].iter().filter(|step| !step.expires && !excused(step)) {
                    if !got.iter().any(|(id, _)| *id == step.id) && !self.is_behind(journey, step, &got) {
                        missing.push(format!("never got {journey}/{}: {} (has {got:?})", step.id, row.id()));
                    }
                }
            }
        }
        self.found.append(&mut missing);
    }

    /// Was a mail rightly cancelled? Its person or its step must have been
    /// removed after it was enqueued; nothing less ends the delivery guarantee.
    fn excuses(&self, person: &str, journey: &str, step: &str) -> bool {
        let key = (person.to_owned(), format!("{journey}/{step}"));
        let Some(booked) = self.facts.cancelled.get(&key) else { return false };
        let day = |at: Timestamp| self.facts.zone.date(at);
        let has_gone = |(since, people): &(Timestamp, HashMap<String, Row>)| {
            let row = people.get(person);
            since > booked && row.is_none_or(|row| row.end().is_some_and(|end| end >= day(*booked)))
        };
        let is_gone = |(since, orders): &(Timestamp, Orders)| {
            since > booked && orders[journey].iter().all(|known| known.id != step)
        };
        self.facts.people.iter().any(has_gone) || self.facts.orders.iter().any(is_gone)
    }

    /// Where a late joiner begins a journey in which newcomers join their unit:
    /// after the step that most of the unit received last; of two, the earlier.
    fn joins_at(&self, row: &Row, journey: &str, steps: &[StepFact]) -> usize {
        let start = NaiveDate::from_ymd_opt(2026, 9, 1).map(|day| self.facts.zone.midnight(day));
        let known = |(_, people): &(Timestamp, HashMap<String, Row>)| people.contains_key(row.id());
        let first = self.facts.people.iter().find(|version| known(version)).map(|(from, _)| *from);
        if journey != "miljo" || first <= start {
            return 0;
        }
        let (_, people) = self.facts.people.last().expect("people");
        let mut had = vec![0; steps.len()];
        for other in people.values().filter(|other| other.unit() == row.unit()) {
            let got = self.got.get(&(other.id().to_owned(), journey.to_owned()));
            let places = got.into_iter().flatten().rev();
            let mut places = places.filter_map(|(id, _)| steps.iter().position(|step| step.id == *id));
            if let Some(last) = places.next() {
                had[last] += 1;
            }
        }
        let most = had.iter().max().copied().unwrap_or_default();
        if most == 0 { 0 } else { had.iter().position(|n| *n == most).map_or(0, |place| place + 1) }
    }

    /// Did the person receive a later step while both existed? Then it was
    /// inserted too late for them, or they began after it.
    fn is_behind(&self, journey: &str, step: &StepFact, got: &[(String, Timestamp)]) -> bool {
        let passed = |(id, when): &(String, Timestamp)| {
            let steps = &at(&self.facts.orders, *when)[journey];
            let later =
                self.facts.orders.iter().filter(|(from, _)| from > when).map(|(_, orders)| &orders[journey]);
            [steps].into_iter().chain(later).any(|steps| {
                let place = |id: &str| steps.iter().position(|step| step.id == id);
                place(id).zip(place(&step.id)).is_some_and(|(got, this)| this < got)
            })
        };
        !step.catch_up && got.iter().any(passed)
    }
}

impl Pause {
    fn holds(&self, zone: TimeZone, mail: &Mail, unit: &str) -> bool {
        let theirs = match self.of.0 {
            "person" => self.of.1 == mail.person,
            "unit" => self.of.1 == unit,
            _ => self.of.1 == mail.journey,
        };
        let ended = self.until.is_some_and(|until| zone.date(mail.at) >= until)
            || self.resumed.is_some_and(|resumed| resumed <= mail.at);
        theirs && self.from <= mail.at && !ended
    }
}
