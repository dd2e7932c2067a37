//! Delivery by relay through the engine: the real database, a real SMTP
//! conversation, and a simulated clock. Covers crashes, restored databases and
//! faulty relays.

mod answers;
mod limits;
mod mailing;
mod outages;
mod random;
mod rejections;
mod relay_errors;
mod selection;
mod simulation;
mod unsent;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use chrono::TimeDelta;
use journey::domain::change::Change;
use journey::domain::change::settings::PauseTarget;
use journey::domain::delivery::send_block::BlockKind;
use journey::domain::delivery::state::State;
use journey::domain::model::ids::{Slug, StepName};
use journey::engine::import;
use journey::engine::load::active_content::ActiveContent;
use journey::engine::plan::decide;
use journey::engine::plan::pass::Filter;
use journey::store::{Store, StoreError};

use crate::relay::server::{EventKind, Point, Relay, Rule, Script};
use mailing::{DAILY, Files, Mailing, people};

const MORNING: &str = "2026-12-01 08:30";

fn relay(rules: Vec<Rule>) -> Relay {
    Relay::start(Script { rules, ..Script::default() })
}

/// The rule for mails to one person only.
fn to(person: &'static str, rule: Rule) -> Rule {
    Rule { to: Some(person), ..rule }
}

/// The rule for the n-th mail only, counted over all connections.
fn nth(mail: usize, rule: Rule) -> Rule {
    Rule { mail: Some(mail), ..rule }
}

fn minutes(n: i64) -> TimeDelta {
    TimeDelta::minutes(n)
}

fn header(bytes: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().expect("a head").replace("\r\n ", " ");
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("{name} in {head}")).to_owned()
}

fn all_is_well(mailing: &mut Mailing, most_copies: usize) {
    mailing.check_delivery_guarantees(most_copies).unwrap_or_else(|broken| panic!("{broken}"));
}

#[test]
fn an_accepted_mail_with_a_lost_reply_is_sent_again_byte_for_byte() {
    let mut mailing = Mailing::of(5);
    let at = mailing.at(MORNING);
    let relay = relay(vec![to("p003", Rule::once(Point::Dot, EventKind::lose()))]);
    let passed = mailing.pass(&relay, at);
    assert_eq!((passed.delivered.sent, passed.delivered.in_doubt), (4, 1), "{passed:?}");
    mailing.pass(&relay, at + minutes(14));
    assert_eq!((mailing.row("p003", "j/a").state, mailing.copies("p003")), (State::InDoubt, 1));
    // A changed text must not reach a person who may have read the old one.
    mailing.rig.edit("content/journeys/j/a.md", "Hej ", "Hej igen ");
    let passed = mailing.pass(&relay, at + minutes(15));
    assert_eq!(passed.delivered.sent, 1, "{passed:?}");
    assert_eq!(mailing.states(), "sent 5");
    let copies: Vec<_> = mailing.taken.iter().filter(|(_, mail)| mail.to.starts_with("p003")).collect();
    let [(_, first), (_, second)] = copies[..] else { panic!("two copies: {}", copies.len()) };
    assert!(first.bytes == second.bytes, "to the byte the same");
    assert_eq!(header(&first.bytes, "Date"), "Tue, 01 Dec 2026 08:30:00 +0100");
    for at in mailing.mornings("2026-12-01", 6) {
        mailing.pass(&relay, at + minutes(60));
    }
    assert_eq!(mailing.copies("p003"), 5, "and no third copy: four steps, one of them twice");
    all_is_well(&mut mailing, 1);
}

#[test]
fn a_mail_in_doubt_twice_waits_for_an_operator() {
    for arrived in [true, false] {
        let mut mailing = Mailing::of(3);
        let at = mailing.at(MORNING);
        let lost = to("p002", Rule { times: 2, ..Rule::at(Point::Dot, EventKind::lose()) });
        let relay = relay(vec![lost]);
        mailing.pass(&relay, at);
        let passed = mailing.pass(&relay, at + minutes(15));
        assert_eq!(passed.delivered.held, 1, "{passed:?}");
        for at in mailing.mornings("2026-12-02", 3) {
            mailing.pass(&relay, at);
        }
        assert_eq!(mailing.copies("p002"), 2, "never a third by itself, and no other overtakes it");
        all_is_well(&mut mailing, 2);
        let row = mailing.row("p002", "j/a");
        assert_eq!(row.state, State::Held);
        let later = mailing.at("2026-12-04 09:00");
        mailing.resolve(later, &row, arrived);
        let passed = mailing.pass(&relay, later);
        assert_eq!(mailing.row("p002", "j/a").state, State::Sent, "{passed:?}");
        assert_eq!(mailing.copies("p002"), if arrived { 2 } else { 3 });
        let copies: Vec<_> = mailing.taken.iter().filter(|(_, mail)| mail.to.starts_with("p002")).collect();
        assert!(copies.iter().all(|(_, mail)| mail.bytes == copies[0].1.bytes), "all the same");
        let monday = mailing.at("2026-12-07 08:30");
        mailing.pass(&relay, monday);
        assert_eq!(mailing.row("p002", "j/b").state, State::Sent, "and it goes on");
    }
}

#[test]
fn a_crash_before_the_data_is_sent_repeats_nothing() {
    let mut mailing = Mailing::in_order(5);
    let (at, dead) = (mailing.at(MORNING), Files::default());
    let first = relay(vec![nth(1, Rule::at(Point::Data, EventKind::End(mailing.copies_to(&dead))))]);
    mailing.pass(&first, at);
    mailing.put_back(&dead);
    // The relay asks for the data while the turn is committed.
    let in_flight = mailing.in_flight();
    assert!(mailing.states() == "due 5" && in_flight <= 1, "{}, {in_flight}", mailing.states());
    let passed = mailing.pass(&relay(Vec::new()), at);
    let sent_later = (passed.recovered.in_doubt, 5 - mailing.taken.len());
    assert_eq!(sent_later, (in_flight, in_flight), "what is in flight may have been sent");
    mailing.pass(&relay(Vec::new()), at + minutes(15));
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 5", 5));
    all_is_well(&mut mailing, 0);
}

/// The relay accepted the mail, and the process crashed before the reply was
/// read.
#[test]
fn a_crash_before_the_reply_repeats_at_most_one_mail_per_connection() {
    let mut mailing = Mailing::in_order(5);
    let (at, dead) = (mailing.at(MORNING), Files::default());
    let first = relay(vec![nth(1, Rule::at(Point::Idle, EventKind::End(mailing.copies_to(&dead))))]);
    mailing.pass(&first, at);
    mailing.put_back(&dead);
    assert_eq!((mailing.states().as_str(), mailing.in_flight()), ("due 5", 1));
    let second = relay(Vec::new());
    let passed = mailing.pass(&second, at);
    assert_eq!(passed.recovered.in_doubt, 1);
    mailing.pass(&second, at + minutes(15));
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 5", 6));
    all_is_well(&mut mailing, 1);
}

/// The reply was read and the journal has the mail.
#[test]
fn a_crash_between_journal_and_database_repeats_nothing() {
    let mut mailing = Mailing::in_order(5);
    let (at, dead) = (mailing.at(MORNING), Files::default());
    let first = relay(vec![nth(1, Rule::at(Point::Idle, EventKind::End(mailing.copies_to(&dead))))]);
    mailing.pass(&first, at);
    mailing.put_back_the_database(&dead);
    assert_eq!((mailing.states().as_str(), mailing.in_flight()), ("due 5", 1));
    let passed = mailing.pass(&relay(Vec::new()), at);
    assert!(passed.guards.is_empty(), "that is no restored copy: {passed:?}");
    assert_eq!((passed.reconciled.arrived, passed.recovered.in_doubt), (1, 0));
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 5", 5));
    all_is_well(&mut mailing, 0);
}

#[test]
fn a_pause_and_resume_during_a_mailing_repeat_nothing() {
    let mut mailing = Mailing::of(40);
    let at = mailing.at(MORNING);
    let journey = PauseTarget::Journey(Slug::parse("j").expect("a slug"));
    let pause = Change::Pause { of: journey.clone(), until: None, reason: "flood".into() };
    let paused = nth(10, Rule::once(Point::Mail, EventKind::Meanwhile(mailing.decides(at, pause))));
    let relay = relay(vec![paused]);
    mailing.pass(&relay, at);
    let before = mailing.taken.len();
    in_flight_alone_left_after_it(&relay, 2);
    mailing.pass(&relay, at + minutes(10));
    assert_eq!(mailing.taken.len(), before, "paused is paused");
    mailing.rig.decide(at + minutes(20), &Change::Resume(journey));
    mailing.pass(&relay, at + minutes(20));
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 40", 40));
    all_is_well(&mut mailing, 0);
}

/// After a decision, no more mails left than there are connections.
fn in_flight_alone_left_after_it(relay: &Relay, lines: usize) {
    let (then, at_last) = (relay.happened()[0], relay.accepted().len());
    assert!(at_last <= then + lines, "{then} had been sent at the decision, and in the end {at_last}");
}

/// A decision during a mailing, and the people who must not be written to after
/// it.
#[test]
fn a_decision_during_a_mailing_applies_to_all_that_is_not_in_flight() {
    let step = StepName::parse("j/a").expect("a step");
    let unit = Change::Pause {
        of: PauseTarget::Unit(journey::domain::model::ids::UnitId::new("Norr")),
        until: None,
        reason: "moving".into(),
    };
    for (change, others) in [(Change::Hold(None), 0), (Change::Hold(Some(step)), 0), (unit, 100)] {
        let mut mailing = Mailing::of(200);
        let at = mailing.at(MORNING);
        let happens = mailing.decides(at, change.clone());
        let relay = relay(vec![nth(11, Rule::once(Point::Rcpt, EventKind::Meanwhile(happens)))]);
        let passed = mailing.pass(&relay, at);
        let left = mailing.taken.len();
        let kept = 200 - left;
        assert!(kept > 10, "{change:?}: {left} left, {passed:?}");
        if others == 0 {
            in_flight_alone_left_after_it(&relay, 2);
        }
        assert_eq!(mailing.states(), format!("due {kept}, sent {left}"));
        let due = mailing.rows().into_iter().filter(|row| row.state == State::Due);
        assert!(others == 0 || due.into_iter().all(|row| row.number % 2 == 0), "those of one unit");
        all_is_well(&mut mailing, 0);
    }
}

/// Half of the people leave while the mailing runs.
#[test]
fn a_person_who_leaves_during_a_mailing_gets_no_more_mail() {
    let mut mailing = Mailing::in_order(200);
    let at = mailing.at(MORNING);
    let header = mailing.rig.read("people-1.csv").lines().next().expect("a heading").to_owned();
    mailing.rig.write("people-2.csv", &format!("{header}\n{}", people(20)));
    let config = mailing.rig.config.clone();
    let library = ActiveContent::read(&config, at).expect("content").library;
    let roster = import::read(&config, &mailing.rig.path("people-2.csv"), &library).roster.expect("people");
    let happens = Arc::new(move || {
        let mut other = Store::open(&config.database, at, || [7; 32]).expect("a database");
        // Repeated, because the turn of this mail may be committed in between. With
        // another connection there would be such a commit all the time.
        loop {
            let seen = other.data_version().expect("it can be read");
            let import = import::diff_with(&other, &roster).expect("compared");
            match other.import(&import, &library, seen, &mailing::act(at)) {
                Err(StoreError::Changed) => {}
                imported => break imported.expect("imported"),
            }
        }
    });
    let relay = relay(vec![nth(11, Rule::once(Point::Mail, EventKind::Meanwhile(happens)))]);
    mailing.pass(&relay, at);
    let left = mailing.taken.len();
    let gone: Vec<usize> = relay
        .accepted()
        .iter()
        .enumerate()
        .filter(|(_, mail)| mail.to.as_str() > "p020@")
        .map(|(place, _)| place)
        .collect();
    let after = gone.iter().filter(|place| **place >= relay.happened()[0]).count();
    assert!(after <= 2 && left < 190, "{after} in flight; {left} left");
    mailing.pass(&relay, at + minutes(1));
    assert_eq!(mailing.states(), format!("cancelled {}, sent {left}", 200 - left));
    assert_eq!(mailing.taken.len(), left);
    all_is_well(&mut mailing, 0);
}

/// The database is that of the evening of the first day, the journal that of
/// the third.
#[test]
fn a_restored_database_sends_nothing_until_released_and_nothing_twice() {
    let mut mailing = Mailing::of(20);
    let copy = Files::default();
    let mornings = mailing.mornings("2026-12-01", 8);
    mailing.good_passes(mornings[..1].iter().copied());
    (mailing.copies_to(&copy))();
    mailing.good_passes(mornings[1..3].iter().copied());
    assert_eq!(mailing.taken.len(), 60);
    let numbers = mailing.rows();
    mailing.put_back_the_database(&copy);
    let relay = relay(Vec::new());
    for later in [0, 1, 60] {
        let passed = mailing.pass(&relay, mornings[3] + minutes(later));
        assert_eq!(passed.guards, [BlockKind::Restored]);
    }
    assert_eq!((relay.connections(), mailing.taken.len()), (0, 60), "nothing before it is released");
    let told = "the send journal knows 40 sends that this database does not: it was restored from a copy; \
                they are marked as sent";
    assert_eq!(mailing.guard_says(mornings[3]), told);
    mailing.release(mornings[3] + minutes(61));
    for at in &mornings[3..] {
        let passed = mailing.pass(&relay, *at + minutes(62));
        assert!(passed.guards.is_empty(), "{passed:?}");
    }
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 80", 80), "everybody, once");
    let now = mailing.rows();
    for row in numbers {
        let same = now.iter().find(|other| other.message_id == row.message_id).expect("booked");
        assert_eq!(same.number, row.number, "links in the mail that was sent lead where they did");
    }
    for (_, mail) in &mailing.taken {
        let row = now.iter().find(|row| row.message_id == mail.message_id).expect("booked");
        assert_eq!(header(&mail.bytes, "X-Journey-Delivery"), row.number.to_string());
    }
    all_is_well(&mut mailing, 0);
}

#[test]
fn a_database_copied_to_another_folder_sends_nothing_until_released() {
    let mut mailing = Mailing::of(4);
    let mornings = mailing.mornings("2026-12-01", 3);
    mailing.good_passes(mornings[..1].iter().copied());
    let mut copy = Mailing::of(4);
    for name in ["journey.db", "journey.sent", "journey.id"] {
        fs::copy(mailing.rig.path(name), copy.rig.path(name)).expect("copied");
    }
    let relay = relay(Vec::new());
    let passed = copy.pass(&relay, mornings[1]);
    assert_eq!(passed.guards, [BlockKind::OtherInstallation]);
    assert_eq!(relay.connections(), 0);
    let told = copy.guard_says(mornings[1]);
    assert!(told.starts_with("this database was last used by another installation: "), "{told}");
    assert!(told.ends_with("if both send, everybody gets everything twice"), "{told}");
    copy.release(mornings[1]);
    assert_eq!(copy.pass(&relay, mornings[1]).delivered.sent, 4);
    // Had the original been restored as well, it would be the copy.
    for name in ["journey.db", "journey.sent"] {
        fs::copy(copy.rig.path(name), mailing.rig.path(name)).expect("copied");
    }
    assert_eq!(mailing.pass(&relay, mornings[2]).guards, [BlockKind::OtherInstallation]);
    assert_eq!(relay.accepted().len(), 4);
}

#[test]
fn a_lost_send_journal_is_recreated() {
    let mut mailing = Mailing::of(4);
    let mornings = mailing.mornings("2026-12-01", 4);
    mailing.good_passes(mornings[..2].iter().copied());
    fs::remove_file(mailing.rig.path("journey.sent")).expect("there is one");
    mailing.good_passes(mornings[2..].iter().copied());
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 16", 16));
    assert_eq!(mailing.rig.read("journey.sent").lines().count(), 8, "begun anew");
    for name in ["journey.sent", "journey.id"] {
        let mode = fs::metadata(mailing.rig.path(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name} is private to its owner");
    }
    all_is_well(&mut mailing, 0);
}

#[test]
fn a_damaged_stored_message_is_held_and_not_sent() {
    let mut mailing = Mailing::of(3);
    let at = mailing.at(MORNING);
    let relay = relay(vec![to("p002", Rule::once(Point::Dot, EventKind::lose()))]);
    mailing.pass(&relay, at);
    let damage = "UPDATE mail_bytes SET bytes = zeroblob(length(bytes))";
    assert_eq!(mailing.connect().execute(damage, []).expect("damaged"), 1);
    let passed = mailing.pass(&relay, at + minutes(15));
    let row = mailing.row("p002", "j/a");
    assert_eq!((passed.delivered.held, row.state, mailing.copies("p002")), (1, State::Held, 1), "{passed:?}");
    assert!(row.reply.contains("damaged"), "{row:?}");
    // The operator has found that it did not arrive.
    mailing.resolve(at + minutes(20), &row, false);
    mailing.pass(&relay, at + minutes(21));
    assert_eq!((mailing.states().as_str(), mailing.copies("p002")), ("sent 3", 2));
}

/// A value the text uses is empty by the time the mail is built.
#[test]
fn a_mail_that_cannot_be_built_is_held_and_the_others_are_sent() {
    let order = DAILY.replace("\"a\"", "\"ofa\"");
    let mut mailing = Mailing::with(&format!("=== journey j\n{order}"), 4);
    let at = mailing.at(MORNING);
    let with =
        mailing.rig.read("people-1.csv").replace(",Norr,,", ",Norr,Skolan,").replace(",Syd,,", ",Syd,Vård,");
    mailing.rig.write("people-1.csv", &with);
    {
        let (world, store) = mailing.rig.running(at);
        let booked =
            decide::enqueue(world, store, at, &Filter::default(), &mut |_, _, _| {}).expect("booked");
        assert_eq!(booked, 4);
    }
    mailing.rig.write("people-2.csv", &with.replacen(",Syd,Vård,", ",Syd,,", 1));
    mailing.rig.import(at, "people-2.csv");
    let relay = relay(Vec::new());
    let passed = mailing.pass(&relay, at);
    assert_eq!((passed.delivered.sent, passed.delivered.held), (3, 1), "{passed:?}");
    let held = mailing.rows().into_iter().find(|row| row.state == State::Held).expect("one is held");
    assert!(held.reply.contains("department"), "{held:?}");
    all_is_well(&mut mailing, 0);
}

/// The reply cannot be recorded: nothing more is sent, and what was sent is
/// known from the journal.
#[test]
fn a_mail_that_cannot_be_recorded_as_sent_is_known_from_the_journal() {
    let mut mailing = Mailing::in_order(6);
    let at = mailing.at(MORNING);
    mailing.rig.running(at);
    mailing.rig.stop();
    let trigger = "CREATE TRIGGER full BEFORE UPDATE ON delivery WHEN NEW.state = 'sent'
                   BEGIN SELECT raise(ABORT, 'disk is full'); END";
    mailing.connect().execute_batch(trigger).expect("a trigger");
    let relay = relay(Vec::new());
    let error = mailing.try_pass(&relay, at).expect_err("it cannot be written down");
    assert!(format!("{error:#}").contains("could not be written down"), "{error:#}");
    assert_eq!(relay.accepted().len(), 1, "sending stops");
    assert_eq!((mailing.states().as_str(), mailing.in_flight()), ("due 6", 1));
    assert_eq!(mailing.rig.read("journey.sent").lines().count(), 1);
    mailing.connect().execute_batch("DROP TRIGGER full").expect("mended");
    let passed = mailing.pass(&relay, at);
    assert!(passed.guards.is_empty() && passed.reconciled.arrived == 1, "{passed:?}");
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 6", 6));
    all_is_well(&mut mailing, 0);
}
