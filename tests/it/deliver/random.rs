//! Random relay faults, crashes and decisions, pass after pass: the delivery
//! guarantees hold at all times, and at the end every wanted mail has arrived.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use journey::domain::change::Change;
use journey::domain::change::settings::PauseTarget;
use journey::domain::delivery::state::State;
use journey::domain::model::ids::{PersonId, Slug};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::mailing::{DAILY, Files, Mailing, people};
use crate::relay::server::{BadDay, EventKind, Point, Relay, Rule, Script};

const PEOPLE: usize = 14;
const LINES: u16 = 3;

/// A pass, and how long after the one before it.
#[derive(Clone, Debug)]
struct Step {
    later: TimeDelta,
    day: BadDay,
    /// The process crashes at this mail and point, counted from 1.
    dies: Option<(usize, Point)>,
    /// A decision is recorded at this mail and point.
    decides: Option<(usize, Decides)>,
}

#[derive(Clone, Copy, Debug)]
enum Decides {
    Hold,
    Release,
    Pause(usize),
    Resume(usize),
    PauseJourney,
    ResumeJourney,
    /// Import this many people.
    Import(usize),
}

impl Decides {
    fn change(self) -> Option<Change> {
        let person = |n: usize| PauseTarget::Person(PersonId::new(&format!("p{n:03}")));
        let journey = || PauseTarget::Journey(Slug::parse("j").expect("a slug"));
        let pause = |of| Change::Pause { of, until: None, reason: "a test".into() };
        Some(match self {
            Decides::Hold => Change::Hold(None),
            Decides::Release => Change::Release(None),
            Decides::Pause(n) => pause(person(n)),
            Decides::Resume(n) => Change::Resume(person(n)),
            Decides::PauseJourney => pause(journey()),
            Decides::ResumeJourney => Change::Resume(journey()),
            Decides::Import(_) => return None,
        })
    }
}

fn decides() -> impl Strategy<Value = Decides> {
    let person = 1..=PEOPLE;
    prop_oneof![
        1 => Just(Decides::Hold),
        2 => Just(Decides::Release),
        2 => person.clone().prop_map(Decides::Pause),
        2 => person.prop_map(Decides::Resume),
        1 => Just(Decides::PauseJourney),
        2 => Just(Decides::ResumeJourney),
        2 => (PEOPLE / 2..=PEOPLE).prop_map(Decides::Import),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let later = prop_oneof![
        4 => Just(TimeDelta::days(1)),
        2 => Just(TimeDelta::minutes(5)),
        2 => Just(TimeDelta::minutes(15)),
        1 => (1..400i64).prop_map(TimeDelta::minutes),
        1 => Just(TimeDelta::days(3)),
    ];
    let often = || prop_oneof![2 => Just(0u64), 2 => Just(100), 1 => Just(400)];
    let day = (any::<u64>(), often(), often(), often(), often()).prop_map(
        |(seed, tempfail, permfail, lose, drop)| BadDay {
            seed,
            tempfail,
            permfail: permfail / 4,
            lose,
            drop,
        },
    );
    let point = prop_oneof![
        Just(Point::Mail),
        Just(Point::Rcpt),
        Just(Point::Data),
        Just(Point::Body),
        Just(Point::Dot),
        Just(Point::Idle)
    ];
    let dies = prop::option::weighted(0.4, (1..=PEOPLE, point));
    let decides = prop::option::weighted(0.4, (1..=PEOPLE, decides()));
    (later, day, dies, decides).prop_map(|(later, day, dies, decides)| Step { later, day, dies, decides })
}

fn cases() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the variable that asks for everything")]
    let all = std::env::var_os("JOURNEY_TEST_ALL").is_some();
    if all { 32 } else { 8 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, rng_seed: RngSeed::Fixed(54), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn delivery_guarantees_hold_for_random_faults_crashes_and_decisions(steps in prop::collection::vec(step(), 3..12)) {
        let second = DAILY.replace("* * Mon-Fri", "* * Mon,Wed").replace("2026-12-01", "2026-12-02");
        let mut mailing = Mailing::with(&format!("=== journey j\n{DAILY}=== journey k\n{second}"), PEOPLE);
        mailing.rig.config.mail.smtp.connections = LINES;
        let heading = mailing.rig.read("people-1.csv").lines().next().expect("a heading").to_owned();
        let mut at = mailing.at("2026-12-01 08:30");
        let (mut crashes, mut lost) = (0, 0);
        for Step { later, day, dies, decides } in steps {
            let dead = Files::default();
            let mut rules = Vec::new();
            if let Some((mail, point)) = dies {
                let end = EventKind::End(mailing.copies_to(&dead));
                rules.push(Rule { mail: Some(mail), ..Rule::once(point, end) });
            }
            if let Some((mail, change)) = decides.and_then(|(mail, decides)| Some((mail, decides.change()?))) {
                let happens = EventKind::Meanwhile(mailing.decides(at, change));
                rules.push(Rule { mail: Some(mail), ..Rule::once(Point::Mail, happens) });
            }
            if let Some((_, Decides::Import(most))) = decides {
                mailing.rig.write("people-2.csv", &format!("{heading}\n{}", people(most)));
                mailing.rig.import(at, "people-2.csv");
            }
            let relay = Relay::start(Script { rules, bad_day: Some(day), ..Script::default() });
            mailing.pass(&relay, at);
            if let (Some((_, Decides::Hold)), Some(then)) = (decides, relay.happened().first()) {
                let after = relay.accepted().len() - then;
                prop_assert!(after <= usize::from(LINES), "{after} sent after a hold");
            }
            lost += relay.accepted().iter().filter(|mail| !mail.told).count();
            if dead.were_made() {
                crashes += 1;
                mailing.put_back(&dead);
            }
            let kept = mailing.check_delivery_guarantees(usize::from(LINES) * crashes + lost);
            prop_assert!(kept.is_ok(), "{}", kept.expect_err("broken"));
            at += later;
        }
        // Faults end, and everybody is in the people file and has no pause.
        mailing.rig.write("people-2.csv", &format!("{heading}\n{}", people(PEOPLE)));
        mailing.rig.import(at, "people-2.csv");
        // A person whose mailbox the relay did not know is held until an
        // operator releases the mail.
        let database = rusqlite::Connection::open(mailing.rig.path("journey.db")).expect("a database");
        database.execute("UPDATE person SET undeliverable = NULL", []).expect("written");
        drop(database);
        let mut changes = vec![Change::Release(None), Change::Resume(PauseTarget::Journey(Slug::parse("j").expect("a slug")))];
        changes.extend((1..=PEOPLE).filter_map(|n| Decides::Resume(n).change()));
        mailing.rig.decide_all(at, &changes);
        let morning = mailing.rig.zone.civil(at).date().and_hms_opt(8, 30, 0).expect("a time");
        let morning = mailing.rig.zone.local_to_instant(morning) + TimeDelta::days(1);
        for at in (0..40).map(|day| morning + TimeDelta::days(day)) {
            mailing.good_passes([at, at + TimeDelta::minutes(30)]);
            if mailing.is_complete(PEOPLE, 8) {
                break;
            }
        }
        let kept = mailing.check_delivery_guarantees(usize::from(LINES) * crashes + lost);
        prop_assert!(kept.is_ok(), "{}", kept.expect_err("broken"));
        let rows = mailing.rows();
        let stuck: BTreeSet<&str> =
            rows.iter().filter(|row| row.state == State::Held).map(|row| &*row.person).collect();
        for row in &rows {
            prop_assert!(row.state.is_settled() || row.state == State::Held, "not settled: {row:?}");
        }
        for n in 1..=PEOPLE {
            let person = format!("p{n:03}");
            let theirs = rows.iter().filter(|row| row.person == person).count();
            prop_assert!(theirs == 8 || stuck.contains(&*person), "{person} has {theirs} of 8");
        }
    }
}
