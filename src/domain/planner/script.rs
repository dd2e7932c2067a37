//! The timeline notation for tests: a small programme, its people and events as text, and the loop that runs it.
//!
//! ```text
//! cadence 30 8 * * Tue,Thu          of the journeys that follow; also: gap, hours, holidays, grace, closed
//! journey j start 2026-12-01        also: after k, join unit, skip to current, group ada,bo lead 10 workdays
//! step a                            also, between semicolons: after, on, remind, wait, expires, catch up
//! person ada of north start 2026-12-16
//! 2026-12-20 10:00 answer ada a     also: approve, edit, hold, pause, resume, shift, close, cadence,
//! down 2026-12-20 00:00 to 2026-12-24 00:00        insert, remove, move
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::super::verdict::{Reason, Verdict};
use super::{ApprovalMode, Planner, Progress};
use crate::domain::change::settings::{Approval, Pause, PauseTarget, Settings, Shift};
use crate::domain::history::{Event, EventKind, History};
use crate::domain::model::ids::{ContentHash, Language, PersonId, Slug, StepName, UnitId};
use crate::domain::model::journey::{Audience, Journey, LateJoiners, ReferenceGroup};
use crate::domain::model::library::{Library, Privacy, Programme};
use crate::domain::model::person::{Period, Person, Roster, Unit};
use crate::domain::model::step::{Kind, Pace, Step, Variant, Wait};
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::{Calendar, ClosedPeriod};
use crate::domain::time::duration::Duration;
use crate::domain::time::format::format_datetime;
use crate::domain::time::holidays::Holidays;
use crate::domain::time::timezone::{TimeZone, Timestamp};

/// A story: programme, people, events, duration.
pub(crate) struct Script {
    pub(crate) library: Library,
    pub(crate) people: Vec<Person>,
    pub(crate) settings: Settings,
    pub(crate) memory: History,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    acts: BTreeMap<Timestamp, Vec<String>>,
    down: Vec<(Timestamp, Timestamp)>,
    /// When each unit's closed periods became known.
    pub(crate) closings: Vec<(Timestamp, UnitId, ClosedPeriod)>,
    versions: u8,
}

/// A mail that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) slot: Timestamp,
    pub(crate) person: String,
    pub(crate) step: String,
    pub(crate) journey: String,
    pub(crate) round: u16,
}

/// How time advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// From one wake-up to the next.
    ByWakeUps,
    /// By a number of minutes.
    Every(i64),
}

impl Script {
    pub(crate) fn parse(text: &str) -> Script {
        let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
        let mut script = Script {
            library: library(zone),
            people: Vec::new(),
            settings: Settings::default(),
            memory: History::default(),
            from: zone.midnight(date("2026-11-23")),
            until: zone.midnight(date("2027-03-01")),
            acts: BTreeMap::new(),
            down: Vec::new(),
            closings: Vec::new(),
            versions: 0,
        };
        let mut cadence = Cadence::parse("30 8 * * Tue").expect("a cadence");
        for line in text.lines().map(|line| line.split('#').next().unwrap_or("").trim()) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "" => {}
                "zone" => script.library.programme.zone = TimeZone::parse(rest).expect("a zone"),
                "from" => script.from = script.zone().local_to_instant(civil(rest)),
                "until" => script.until = script.zone().local_to_instant(civil(rest)),
                "cadence" => cadence = Cadence::parse(rest).unwrap_or_else(|f| panic!("{}", f.message)),
                "gap" => script.calendar().min_gap = duration(rest),
                "hours" => script.hours(rest),
                "workdays" => script.calendar().workdays = [true; 7],
                "holidays" => script.calendar().holidays = Holidays::Se,
                "grace" => script.settings.grace = duration(rest).as_length().expect("a length"),
                "closed" => {
                    let closed = closed(rest);
                    script.calendar().closed.push(closed);
                }
                "journey" => script.journey(rest, &cadence),
                "step" => {
                    let step = step(rest);
                    script.library.journeys.last_mut().expect("a journey").steps.push(step);
                }
                "person" => script.person(rest),
                "down" => {
                    let (from, to) = rest.split_once(" to ").expect("down A to B");
                    let zone = script.zone();
                    script.down.push((zone.local_to_instant(civil(from)), zone.local_to_instant(civil(to))));
                }
                _ => {
                    let (at, act) = line.split_at(16.min(line.len()));
                    let at = script.zone().local_to_instant(civil(at));
                    script.acts.entry(at).or_default().push(act.trim().to_owned());
                }
            }
        }
        script.library.journeys.sort_by(|a, b| a.slug.cmp(&b.slug));
        script
    }

    pub(crate) fn zone(&self) -> TimeZone {
        self.library.programme.zone
    }

    fn calendar(&mut self) -> &mut Calendar {
        &mut self.library.programme.calendar
    }

    fn hours(&mut self, text: &str) {
        let (opens, closes) = text.split_once('-').expect("07:00-17:00");
        self.calendar().opens = time(opens);
        self.calendar().closes = time(closes);
    }

    fn journey(&mut self, text: &str, cadence: &Cadence) {
        let mut words = text.split_whitespace();
        let mut journey = Journey {
            slug: slug(words.next().expect("a name")),
            title: String::new(),
            titles: BTreeMap::new(),
            cadence: cadence.clone(),
            start: None,
            after: None,
            audience: Audience::default(),
            focus: Vec::new(),
            late_joiners: LateJoiners::FromStart,
            retired: Vec::new(),
            renamed: Vec::new(),
            reference_group: None,
            steps: Vec::new(),
        };
        while let Some(word) = words.next() {
            let mut next = || words.next().expect("a word");
            match word {
                "start" => journey.start = Some(date(next())),
                "after" => journey.after = Some(slug(next())),
                "join" => journey.late_joiners = (next(), LateJoiners::JoinUnit).1,
                "skip" => journey.late_joiners = (next(), next(), LateJoiners::SkipToCurrent).2,
                "for" => journey.audience.people = next().split(',').map(PersonId::new).collect(),
                "group" => {
                    let people = next().split(',').map(PersonId::new).collect();
                    let lead = format!("{} {}", (next(), next()).1, next());
                    journey.reference_group = Some(ReferenceGroup { people, lead: duration(&lead) });
                }
                other => panic!("journey … {other}"),
            }
        }
        self.library.journeys.push(journey);
    }

    fn person(&mut self, text: &str) {
        let mut words = text.split_whitespace();
        let name = words.next().expect("a name");
        let language = Language::parse("sv").expect("a language");
        let mut person = Person {
            email: Some(format!("{name}@ekdala.example").into()),
            ..Person::new(name, (name, "Ek"), UnitId::new("north"), language)
        };
        while let Some(word) = words.next() {
            let mut next = || words.next().expect("a word");
            match word {
                "of" => person.unit = UnitId::new(next()),
                "start" => person.start = Some(date(next())),
                "end" => person.end = Some(date(next())),
                "leave" => person.leave = next().split('+').map(period).collect(),
                "entered" => {
                    let at = self.zone().local_to_instant(civil(next()));
                    for journey in &self.library.journeys {
                        self.memory.of_mut(&person.id).enrolment_mut(&journey.slug).entered = Some(at);
                    }
                }
                "without" => person.email = (next(), None).1,
                "shares" => person.shared_address = (next(), true).1,
                other => panic!("person … {other}"),
            }
        }
        self.people.push(person);
    }

    /// Runs the story.
    pub(crate) fn live(&mut self, pass: Pass) -> Vec<Sent> {
        let mut sent = Vec::new();
        let mut now = self.from;
        while now < self.until {
            self.act_until(now);
            let working = self.down.iter().find(|(from, to)| *from <= now && now < *to);
            let next = match working {
                Some((_, to)) => *to,
                None => {
                    let wake = self.pass(now, &mut sent);
                    match pass {
                        Pass::ByWakeUps => wake.unwrap_or(self.until).max(now + TimeDelta::seconds(1)),
                        Pass::Every(minutes) => now + TimeDelta::minutes(minutes),
                    }
                }
            };
            let act = self.acts.keys().next().copied().unwrap_or(self.until);
            let stop = self.down.iter().map(|(from, _)| *from).filter(|from| *from > now).min();
            now = match pass {
                Pass::ByWakeUps => next.min(act.max(now + TimeDelta::seconds(1))).min(stop.unwrap_or(next)),
                Pass::Every(_) => next,
            };
        }
        self.act_until(self.until);
        sent
    }

    /// One pass: sends what is decided and records it. Returns the next wake-up.
    pub(crate) fn pass(&mut self, now: Timestamp, sent: &mut Vec<Sent>) -> Option<Timestamp> {
        let roster = self.roster();
        let progress = Progress::until(now, &self.library, &roster, &self.memory);
        let planner = Planner::new(&self.library, &roster, &self.settings, ApprovalMode::Recorded);
        let mut wake: Option<Timestamp> = None;
        let mut facts = Vec::new();
        let moment = planner.at(now, &self.memory, &progress);
        for person in &roster.people {
            for decision in moment.decide(person, self.memory.of(&person.id)) {
                let journey = &self.library.journeys[decision.journey];
                let again = decision.next_check(now).map(|at| at.max(now + TimeDelta::seconds(1)));
                wake = [wake, again].into_iter().flatten().min();
                for (step, at) in decision.skipped {
                    let step = journey.steps[step].slug.clone();
                    facts.push((
                        person.id.clone(),
                        journey.slug.clone(),
                        Event { at, step, what: EventKind::Skipped },
                    ));
                }
                match decision.verdict {
                    Verdict::Send(send) => {
                        let what = EventKind::Mailed { round: send.round, slot: send.slot };
                        let event = Event { at: now, step: send.step.clone(), what };
                        facts.push((person.id.clone(), journey.slug.clone(), event));
                        sent.push(Sent {
                            at: now,
                            slot: send.slot,
                            person: person.id.to_string(),
                            step: send.step.to_string(),
                            journey: journey.slug.to_string(),
                            round: send.round,
                        });
                    }
                    Verdict::Wait(_) | Verdict::Held(_) | Verdict::Ended(_) => {}
                }
            }
        }
        for (person, journey, event) in facts {
            self.memory.record(&person, &journey, event);
        }
        wake
    }

    /// The decisions for a person at an instant, one per journey.
    pub(crate) fn verdicts(&self, now: Timestamp, person: &str) -> Vec<(String, Verdict)> {
        let roster = self.roster();
        let progress = Progress::until(now, &self.library, &roster, &self.memory);
        let planner = Planner::new(&self.library, &roster, &self.settings, ApprovalMode::Recorded);
        let moment = planner.at(now, &self.memory, &progress);
        let person = roster.person(&PersonId::new(person)).expect("a person");
        let name = |journey: usize| self.library.journeys[journey].slug.to_string();
        let past = self.memory.of(&person.id);
        moment.decide(person, past).into_iter().map(|d| (name(d.journey), d.verdict)).collect()
    }

    /// What `why` would show for a person at an instant.
    pub(crate) fn why(&self, now: Timestamp, person: &str) -> String {
        let codes = |reasons: &[Reason]| {
            reasons.iter().map(|r| format!("{} ({})", r.code(), r.text())).collect::<Vec<_>>().join(", ")
        };
        let mut told = String::new();
        for (journey, verdict) in self.verdicts(now, person) {
            let verdict = match verdict {
                Verdict::Send(send) => format!("send {} round {}", send.step, send.round),
                Verdict::Wait(wait) => {
                    let until = format_datetime(self.zone(), wait.until);
                    format!("wait for {} until {until}: {}", wait.step, codes(&wait.reasons))
                }
                Verdict::Held(held) => {
                    format!(
                        "held {}: {}",
                        held.step.map_or(String::new(), |s| s.to_string()),
                        codes(&held.reasons)
                    )
                }
                Verdict::Ended(over) => format!("over {over:?}"),
            };
            let _ = writeln!(told, "{journey}: {verdict}");
        }
        told
    }

    pub(crate) fn roster(&self) -> Roster {
        let mut ids: Vec<&UnitId> = self.people.iter().map(|person| &person.unit).collect();
        ids.sort();
        ids.dedup();
        let unit = |id: &UnitId| Unit { id: id.clone(), name: id.as_str().into(), manager: None };
        Roster::new(self.people.clone(), ids.into_iter().map(unit).collect())
    }

    fn act_until(&mut self, now: Timestamp) {
        while let Some(at) = self.acts.keys().next().copied().filter(|at| *at <= now) {
            for act in self.acts.remove(&at).unwrap_or_default() {
                self.act(at, &act);
            }
        }
    }

    fn act(&mut self, at: Timestamp, act: &str) {
        let words: Vec<&str> = act.split_whitespace().collect();
        let zone = self.zone();
        match words[..] {
            ["answer", person, journey, step] => {
                let event = Event { at, step: slug(step), what: EventKind::Answered };
                self.memory.record(&PersonId::new(person), &slug(journey), event);
            }
            ["withdraw", person, journey, step] => {
                let event = Event { at, step: slug(step), what: EventKind::Withdrawn };
                self.memory.record(&PersonId::new(person), &slug(journey), event);
            }
            ["approve", step] => {
                let step = StepName::parse(step).expect("j/s");
                let content = self.step(&step).hash;
                self.settings.approvals.push(Approval { step, content, at });
            }
            ["edit", step] => {
                self.versions += 1;
                let hash = ContentHash([self.versions; 32]);
                self.step(&StepName::parse(step).expect("j/s")).hash = hash;
            }
            ["hold", "all"] => self.settings.all_held = true,
            ["release"] => {
                self.settings.all_held = false;
                self.settings.held_steps.clear();
            }
            ["hold", step] => self.settings.held_steps.push(StepName::parse(step).expect("j/s")),
            ["pause", of, name] => self.pause(at, of, name, None),
            ["pause", of, name, "until", day] => self.pause(at, of, name, Some(date(day))),
            ["resume"] => {
                for pause in self.settings.pauses.iter_mut().filter(|pause| pause.resumed.is_none()) {
                    pause.resumed = Some(at);
                }
            }
            ["shift", unit, weeks] => {
                let weeks = weeks.parse().expect("weeks");
                self.settings.units.entry(UnitId::new(unit)).or_default().shifts.push(Shift { weeks, at });
            }
            ["close", unit, days, why] => {
                let closed = closed(&format!("{days} {why}"));
                self.closings.push((at, UnitId::new(unit), closed.clone()));
                self.settings.units.entry(UnitId::new(unit)).or_default().closed.push(closed);
            }
            ["cadence", unit, ..] => {
                let cadence = Cadence::parse(&words[2..].join(" ")).expect("a cadence");
                self.settings.units.entry(UnitId::new(unit)).or_default().cadence = Some(cadence);
            }
            ["insert", step, "before", other] => {
                let step = StepName::parse(step).expect("j/s");
                let new = self::step(step.step.as_str());
                self.insert(&step.journey, new, other);
            }
            ["insert", "catch-up", step, "before", other] => {
                let step = StepName::parse(step).expect("j/s");
                let new = self::step(&format!("{}; catch up", step.step));
                self.insert(&step.journey, new, other);
            }
            ["remove", step] => {
                let step = StepName::parse(step).expect("j/s");
                let journey = self.library.journeys.iter_mut().find(|j| j.slug == step.journey);
                journey.expect("a journey").steps.retain(|s| s.slug != step.step);
            }
            ["move", person, "to", unit] => {
                let person = self.people.iter_mut().find(|p| p.id.as_str() == person);
                person.expect("a person").unit = UnitId::new(unit);
            }
            _ => panic!("{}: what is `{act}`?", format_datetime(zone, at)),
        }
    }

    fn insert(&mut self, journey: &Slug, step: Step, before: &str) {
        let journey = self.library.journeys.iter_mut().find(|j| j.slug == *journey).expect("a journey");
        let place =
            journey.steps.iter().position(|s| s.slug.as_str() == before).unwrap_or(journey.steps.len());
        journey.steps.insert(place, step);
    }

    fn pause(&mut self, from: Timestamp, of: &str, name: &str, until: Option<NaiveDate>) {
        let of = match of {
            "person" => PauseTarget::Person(PersonId::new(name)),
            "unit" => PauseTarget::Unit(UnitId::new(name)),
            _ => PauseTarget::Journey(slug(name)),
        };
        self.settings.pauses.push(Pause { of, from, until, resumed: None, reason: "asked".into() });
    }

    fn step(&mut self, name: &StepName) -> &mut Step {
        let journey = self.library.journeys.iter_mut().find(|j| j.slug == name.journey).expect("a journey");
        journey.steps.iter_mut().find(|s| s.slug == name.step).expect("a step")
    }
}

/// The mails, one per line: `Thu 17 Dec 2026 08:30  ada  j/a`.
pub(crate) fn told(zone: TimeZone, sent: &[Sent]) -> String {
    let mut told = String::new();
    for mail in sent {
        let late = if mail.at == mail.slot {
            String::new()
        } else {
            format!(" (slot {})", format_datetime(zone, mail.slot))
        };
        let round = if mail.round == 0 { String::new() } else { format!(" reminder {}", mail.round) };
        let _ =
            writeln!(told, "{}  {}  {}{round}{late}", format_datetime(zone, mail.at), mail.person, mail.step);
    }
    told
}

fn library(zone: TimeZone) -> Library {
    let calendar = Calendar {
        workdays: [true, true, true, true, true, false, false],
        opens: time("07:00"),
        closes: time("17:00"),
        holidays: Holidays::None,
        closed: Vec::new(),
        min_gap: duration("20 hours"),
        minutes_per_month: 30,
    };
    let programme = Programme {
        title: String::new(),
        organisation: String::new(),
        languages: vec![Language::parse("sv").expect("a language")],
        zone,
        privacy: Privacy::default(),
        calendar,
        focus: Vec::new(),
        characters: Vec::new(),
        translations: BTreeMap::new(),
    };
    Library { programme, journeys: Vec::new(), templates: Vec::new(), hash: ContentHash([0; 32]) }
}

fn step(text: &str) -> Step {
    let mut parts = text.split(';').map(str::trim);
    let name = slug(parts.next().expect("a name"));
    let mut step = Step {
        slug: name.clone(),
        kind: Kind::Mission,
        pace: Pace::NextSlot,
        remind: Vec::new(),
        wait: Wait::No,
        expires_after: None,
        catch_up: false,
        corrects: None,
        minutes: 3,
        focus: None,
        questions: Vec::new(),
        variants: vec![Variant {
            character: None,
            language: Language::parse("sv").expect("a language"),
            title: name.to_string(),
            subject: name.to_string(),
            preheader: None,
            manager_note: None,
            film: None,
            questions: Vec::new(),
            body: "".into(),
            file: String::new(),
            body_line: 1,
            subject_line: 1,
        }],
        hash: ContentHash([0; 32]),
    };
    for part in parts {
        match part.split_once(' ').unwrap_or((part, "")) {
            ("after", rest) => step.pace = Pace::After(duration(rest)),
            ("on", rest) => step.pace = Pace::On(civil(rest)),
            ("remind", rest) => step.remind = rest.split(',').map(duration).collect(),
            ("wait", "") => step.wait = Wait::ForAnswer,
            ("wait", rest) => step.wait = Wait::AtMost(duration(rest)),
            ("expires", rest) => step.expires_after = Some(duration(rest)),
            ("catch", "up") => step.catch_up = true,
            other => panic!("step … {other:?}"),
        }
    }
    step
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap_or_else(|| panic!("slug {text}"))
}

fn duration(text: &str) -> Duration {
    Duration::parse(text).unwrap_or_else(|fault| panic!("{fault}"))
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap_or_else(|_| panic!("date {text}"))
}

fn time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").unwrap_or_else(|_| panic!("time {text}"))
}

fn civil(text: &str) -> NaiveDateTime {
    let text = text.trim();
    match text.split_once([' ', 'T']) {
        Some((day, hour)) => date(day).and_time(time(hour)),
        None => date(text).and_time(NaiveTime::MIN),
    }
}

fn period(text: &str) -> Period {
    let (from, to) = text.split_once("..").expect("from..to");
    Period { from: date(from), to: date(to) }
}

fn closed(text: &str) -> ClosedPeriod {
    let (days, why) = text.split_once(' ').expect("from..to why");
    ClosedPeriod { days: period(days), why: why.into() }
}
