//! Long simulation of mails by relay with a simulated clock and everything at
//! once: unreliable relays, crashes, imports, changed and broken texts, holds
//! and pauses. The guarantees are asserted after every pass, and at the end
//! every wanted mail has arrived. The tests simulate a season, `cargo bench
//! --bench soak -- --years 3` years.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::TimeDelta;
use journey::domain::change::Change;
use journey::domain::change::settings::PauseTarget;
use journey::domain::delivery::state::State;
use journey::domain::model::ids::{PersonId, Slug};
use journey::domain::time::timezone::Timestamp;

use super::mailing::{Files, Mailing, people};
use crate::relay::server::{BadDay, EventKind, Point, Relay, Rule, Script};
use crate::rng::Rng;

const PEOPLE: usize = 14;
const LINES: u16 = 3;
const JOURNEYS: [(&str, &str); 2] = [("j", "30 8 * * Tue"), ("k", "30 8 * * Thu")];

/// How often each kind of event happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventCounts {
    pub(crate) passes: usize,
    pub(crate) deaths: usize,
    pub(crate) imports: usize,
    pub(crate) texts: usize,
    pub(crate) broken: usize,
    pub(crate) decisions: usize,
    pub(crate) resolved: usize,
    /// Replies that the relay dropped.
    pub(crate) lost: usize,
    pub(crate) mails: usize,
    pub(crate) copies: usize,
}

/// Simulates this many days; `tell` gets the date and the counters each week.
pub(crate) fn live(days: i64, seed: u64, tell: &mut dyn FnMut(Timestamp, EventCounts)) -> EventCounts {
    let mut age = Age::new(days, seed);
    let end = age.at + TimeDelta::days(days);
    let mut told = age.at;
    while age.at < end {
        age.something_happens();
        age.pass();
        if age.at >= told + TimeDelta::weeks(1) {
            told = age.at;
            tell(age.at, age.lived);
        }
        age.sleep();
    }
    age.ends_well();
    tell(age.at, age.lived);
    age.lived
}

struct Age {
    mailing: Mailing,
    chance: Rng,
    at: Timestamp,
    steps: usize,
    /// The first line of a people file.
    heading: String,
    is_broken: bool,
    lived: EventCounts,
}

impl Age {
    fn new(days: i64, seed: u64) -> Age {
        let steps = usize::try_from(days / 7).expect("not below zero");
        let mut journeys = String::new();
        for (slug, cadence) in JOURNEYS {
            let list: String = (0..steps).map(|n| format!("[[step]]\nid = \"s{n:03}\"\n")).collect();
            write!(journeys, "=== journey {slug}\ncadence = \"{cadence}\"\nstart = 2026-12-01\n{list}")
                .expect("it is text");
        }
        let mut mailing = Mailing::with(&journeys, PEOPLE);
        mailing.rig.config.mail.smtp.connections = LINES;
        let heading = mailing.rig.read("people-1.csv").lines().next().expect("a heading").to_owned();
        let at = mailing.at("2026-12-01 08:30");
        mailing.rig.running(at);
        mailing.rig.stop();
        let chance = Rng(seed);
        Age { mailing, chance, at, steps, heading, is_broken: false, lived: EventCounts::default() }
    }

    /// The events between two passes.
    fn something_happens(&mut self) {
        if self.chance.one_in(8) {
            let most = PEOPLE / 2 + self.chance.place(PEOPLE / 2 + 1);
            self.import(most);
        }
        if self.is_broken || self.chance.one_in(6) {
            self.write_a_text();
        }
        if self.chance.one_in(5) {
            self.somebody_looks();
        }
        // A block is never ended by a mail being sent.
        if self.chance.one_in(3) {
            let change = self.decision();
            self.mailing.rig.decide(self.at, &change);
        }
    }

    fn import(&mut self, most: usize) {
        self.mailing.rig.write("people-2.csv", &format!("{}\n{}", self.heading, people(most)));
        self.mailing.rig.import(self.at, "people-2.csv");
        self.lived.imports += 1;
    }

    /// Writes another text for a step, valid or broken; after a broken one the
    /// next is valid.
    fn write_a_text(&mut self) {
        let (slug, _) = *self.chance.of(&JOURNEYS);
        let file = format!("content/journeys/{slug}/s{:03}.md", self.chance.place(self.steps));
        let name = "content/journeys/j/broken.md";
        if self.is_broken {
            self.mailing.rig.remove(name);
            self.is_broken = false;
        } else if self.chance.one_in(4) {
            self.mailing.rig.write(name, "no front matter");
            self.is_broken = true;
            self.lived.broken += 1;
        } else {
            let text = self.mailing.rig.read(&file);
            self.mailing.rig.write(&file, &format!("{}\nOch {}.\n", text.trim_end(), self.chance.below(100)));
            self.lived.texts += 1;
        }
    }

    /// An operator resolves what is in doubt twice from the relay's log, and
    /// releases the mails the relay rejected for an unknown mailbox.
    fn somebody_looks(&mut self) {
        for row in self.mailing.rows().into_iter().filter(|row| row.state == State::Held) {
            let arrived = self.mailing.taken.iter().any(|(_, mail)| mail.message_id == row.message_id);
            self.mailing.resolve(self.at, &row, arrived);
            self.lived.resolved += 1;
        }
        let sql = "UPDATE person SET undeliverable = NULL";
        self.mailing.connect().execute(sql, []).expect("it is written");
    }

    fn decision(&mut self) -> Change {
        let person = |n: usize| PauseTarget::Person(PersonId::new(&format!("p{n:03}")));
        let journey = || PauseTarget::Journey(Slug::parse("j").expect("a slug"));
        let pause = |of| Change::Pause { of, until: None, reason: "a test".into() };
        let somebody = 1 + self.chance.place(PEOPLE);
        self.lived.decisions += 1;
        match self.chance.below(10) {
            0 => Change::Hold(None),
            1..4 => Change::Release(None),
            4 | 5 => pause(person(somebody)),
            6 | 7 => Change::Resume(person(somebody)),
            8 => pause(journey()),
            _ => Change::Resume(journey()),
        }
    }

    /// A pass with a random relay; the process may crash, and a decision may be
    /// recorded meanwhile.
    fn pass(&mut self) {
        let (mut rules, dead) = (Vec::new(), Files::default());
        if self.chance.one_in(2) {
            let points = [Point::Mail, Point::Rcpt, Point::Data, Point::Body, Point::Dot, Point::Idle];
            let end = EventKind::End(self.mailing.copies_to(&dead));
            let rule = Rule::once(*self.chance.of(&points), end);
            rules.push(Rule { mail: Some(1 + self.chance.place(5)), ..rule });
        }
        if self.chance.one_in(4) {
            let change = self.decision();
            let meanwhile = EventKind::Meanwhile(self.mailing.decides(self.at, change));
            let rule = Rule::once(Point::Mail, meanwhile);
            rules.push(Rule { mail: Some(1 + self.chance.place(PEOPLE)), ..rule });
        }
        let mut often = || if self.chance.one_in(3) { 100 * self.chance.below(4) } else { 0 };
        let (tempfail, permfail, lose, drop) = (often(), often() / 4, often(), often());
        let seed = self.chance.below(u64::MAX);
        let bad_day = Some(BadDay { seed, tempfail, permfail, lose, drop });
        let relay = Relay::start(Script { rules, bad_day, ..Script::default() });
        self.mailing.pass(&relay, self.at);
        self.lived.passes += 1;
        self.lived.lost += relay.accepted().iter().filter(|mail| !mail.told).count();
        if dead.were_made() {
            self.lived.deaths += 1;
            self.mailing.put_back(&dead);
        }
        self.check_delivery_guarantees();
    }

    fn check_delivery_guarantees(&mut self) {
        let most_copies = usize::from(LINES) * self.lived.deaths + self.lived.lost;
        let kept = self.mailing.check_delivery_guarantees(most_copies);
        kept.unwrap_or_else(|broken| panic!("{} {broken}\n{:?}", self.at, self.lived));
        let different: BTreeSet<&str> =
            self.mailing.taken.iter().map(|(_, mail)| &*mail.message_id).collect();
        self.lived.mails = different.len();
        self.lived.copies = self.mailing.taken.len() - different.len();
    }

    /// Goes on to the next pass: mostly the next morning's slot.
    fn sleep(&mut self) {
        self.at = match self.chance.below(10) {
            0..6 => self.morning(1),
            6 | 7 => self.at + TimeDelta::minutes(15),
            8 => self.at + TimeDelta::minutes(1 + i64::try_from(self.chance.below(400)).expect("few")),
            _ => self.morning(3),
        };
    }

    /// Half past eight, this many days later.
    fn morning(&self, days: i64) -> Timestamp {
        let zone = self.mailing.rig.zone;
        let day = zone.civil(self.at).date() + TimeDelta::days(days);
        zone.local_to_instant(day.and_hms_opt(8, 30, 0).expect("a time"))
    }

    /// Ends all faults and blocks and asserts that every mail that was not
    /// rejected arrives.
    fn ends_well(&mut self) {
        if self.is_broken {
            self.write_a_text();
        }
        self.import(PEOPLE);
        self.somebody_looks();
        let mut changes = vec![
            Change::Release(None),
            Change::Resume(PauseTarget::Journey(Slug::parse("j").expect("a slug"))),
        ];
        changes.extend(
            (1..=PEOPLE).map(|n| Change::Resume(PauseTarget::Person(PersonId::new(&format!("p{n:03}"))))),
        );
        self.mailing.rig.decide_all(self.at, &changes);
        let wanted = PEOPLE * JOURNEYS.len() * self.steps;
        let relay = Relay::start(Script::default());
        // Twice the time needed, counted from the first step.
        for _ in 0..14 * (self.steps + 8) {
            self.at = self.morning(1);
            self.mailing.pass(&relay, self.at);
            if self.settled() == wanted {
                break;
            }
        }
        self.check_delivery_guarantees();
        assert_eq!(self.settled(), wanted, "everybody has everything: {:?}", self.lived);
    }

    /// The number of mails that are settled and of steps that were skipped as
    /// expired.
    fn settled(&self) -> usize {
        let sql = "SELECT (SELECT count(*) FROM delivery WHERE settled_at IS NOT NULL)
                        + (SELECT count(*) FROM event WHERE what = 'skipped')";
        let settled: i64 = self.mailing.connect().query_row(sql, [], |row| row.get(0)).expect("a number");
        usize::try_from(settled).expect("not below zero")
    }
}

#[test]
fn seasons_of_random_events_keep_the_delivery_guarantees() {
    let lived = [5, 9].map(|seed| live(35, seed, &mut |_, _| {}));
    let sum = |what: fn(&EventCounts) -> usize| lived.iter().map(what).sum::<usize>();
    assert!(sum(|l| l.deaths) > 1 && sum(|l| l.imports) > 4 && sum(|l| l.texts) > 4, "{lived:?}");
    assert!(sum(|l| l.mails) > 200, "{lived:?}");
}
