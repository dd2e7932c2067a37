//! How replies of a relay are classified and what becomes of the mails and
//! recipients; the rate of sending, and that every mail has its own recipient's
//! content.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::TimeDelta;
use journey::config::Rate;
use journey::domain::change::Change;
use journey::domain::delivery::reply::RelayErrorKind;
use journey::domain::delivery::state::State;
use journey::domain::model::ids::StepName;
use journey::engine::plan::explain;
use journey::engine::tokens::{Keys, Purpose};
use journey::store::{Secrets, Store};
use mail_parser::MessageParser;

use super::mailing::{Mailing, first_name};
use super::{MORNING, all_is_well, header, minutes, nth, relay, to};
use crate::relay::server::{EventKind, Point, Relay, Rule, Script, line};

#[test]
fn a_deferred_recipient_is_retried_after_five_minutes() {
    let mut mailing = Mailing::of(3);
    let at = mailing.at(MORNING);
    let relay = Relay::start(Script { greylist: 1, ..Script::default() });
    assert_eq!(mailing.pass(&relay, at).delivered.deferred, 3);
    let told = |mailing: &Mailing, at| {
        let world = mailing.rig.look(at);
        let why = explain::of_person(&world, &world.roster.people[0], at);
        let first = &why.journeys[0].steps[0];
        (first.state.as_str(), first.sent)
    };
    assert_eq!(told(&mailing, at), ("due", None), "nobody is told that it left");
    mailing.pass(&relay, at + minutes(4));
    assert_eq!((mailing.states().as_str(), relay.commands("RCPT")), ("deferred 3", 3), "not too early");
    assert_eq!(mailing.pass(&relay, at + minutes(5)).delivered.sent, 3);
    assert_eq!(told(&mailing, at + minutes(6)), ("sent", Some(at + minutes(5))));
    mailing.pass(&relay, at + minutes(60));
    assert_eq!(mailing.taken.len(), 3, "once");
    assert!(mailing.taken.iter().all(|(_, mail)| mail.from == "larresa@ekdala.example"));
    all_is_well(&mut mailing, 0);
}

#[test]
fn a_421_ends_the_connection_and_the_mail_goes_out_on_the_next() {
    let bye = || EventKind::SayAndClose(line("421 4.3.2 closing"));
    let mut mailing = Mailing::in_order(6);
    let at = mailing.at(MORNING);
    let rules = vec![nth(2, Rule::once(Point::Mail, bye())), to("p004", Rule::once(Point::Dot, bye()))];
    let relay = relay(rules);
    let passed = mailing.pass(&relay, at);
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 6", 6), "{passed:?}");
    assert!(mailing.rows().iter().all(|row| row.attempts == 1), "no attempt is counted for it");
    all_is_well(&mut mailing, 0);
}

#[test]
fn a_421_greeting_counts_against_no_recipient() {
    let mut mailing = Mailing::in_order(3);
    let at = mailing.at(MORNING);
    let bye = EventKind::SayAndClose(line("421 4.3.2 not now"));
    let relay = relay(vec![Rule::once(Point::Greeting, bye)]);
    let passed = mailing.pass(&relay, at);
    assert_eq!(passed.delivered.relay_error.map(|trouble| trouble.kind), Some(RelayErrorKind::Transient));
    assert_eq!(mailing.states(), "due 3");
    assert!(mailing.rows().iter().all(|row| row.attempts == 0), "no attempt is counted");
    mailing.pass(&relay, at + minutes(1));
    assert_eq!(mailing.states(), "sent 3");
    all_is_well(&mut mailing, 0);
}

/// It continues over a new connection, and nothing is reported.
#[test]
fn a_relay_that_closes_after_each_mail_is_reconnected() {
    for what in
        [EventKind::Close, EventKind::Reset, EventKind::SayAndClose(line("421 4.4.2 idle for too long"))]
    {
        let mut mailing = Mailing::of(10);
        let at = mailing.at(MORNING);
        let relay = relay(vec![Rule::at(Point::Idle, what)]);
        let passed = mailing.pass(&relay, at);
        assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 10", 10), "{passed:?}");
        assert!(passed.delivered.relay_error.is_none() && passed.said.is_empty(), "{passed:?}");
        assert!(mailing.rows().iter().all(|row| row.attempts == 1), "no attempt is counted for it");
        all_is_well(&mut mailing, 0);
    }
}

/// The relay has a part of the data when the connection ends. No one receives
/// that part; later everybody receives the whole mail, once.
#[test]
fn a_connection_lost_within_the_data_delivers_no_partial_mail() {
    for what in
        [EventKind::Close, EventKind::Reset, EventKind::ReadThenReset(100), EventKind::ReadThenEnd(100)]
    {
        let mut mailing = Mailing::of(4);
        let at = mailing.at(MORNING);
        let relay = relay(vec![to("p002", Rule::once(Point::Body, what))]);
        let passed = mailing.pass(&relay, at);
        assert_eq!(mailing.states(), "in_doubt 1, sent 3", "{passed:?}");
        assert!(passed.delivered.relay_error.is_none(), "the relay is well: {passed:?}");
        let doubted = mailing.row("p002", "j/a");
        assert_eq!((doubted.state, mailing.copies("p002")), (State::InDoubt, 0), "{doubted:?}");
        mailing.pass(&relay, at + minutes(15));
        assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 4", 4));
        let whole = |bytes: &[u8]| bytes.ends_with(b"--\r\n");
        assert!(mailing.taken.iter().all(|(_, mail)| whole(&mail.bytes)));
        all_is_well(&mut mailing, 0);
    }
}

#[test]
fn in_a_batch_with_three_failures_the_others_are_sent_once() {
    let mut mailing = Mailing::of(50);
    let at = mailing.at(MORNING);
    let relay = relay(vec![
        to("p007", Rule::at(Point::Rcpt, EventKind::say("550 5.1.1 no such user"))),
        to("p020", Rule::at(Point::Rcpt, EventKind::say("552 5.2.2 mailbox is full"))),
        to("p033", Rule::once(Point::Dot, EventKind::Close)),
    ]);
    mailing.pass(&relay, at);
    assert_eq!(mailing.states(), "in_doubt 1, rejected 2, sent 47");
    let state = |person| mailing.row(person, "j/a").state;
    assert_eq!(["p007", "p020", "p033"].map(state), [State::Rejected, State::Rejected, State::InDoubt]);
    for later in [0, 1, 14] {
        mailing.pass(&relay, at + minutes(later));
        assert_eq!(mailing.taken.len(), 47, "repeated passes add no copies");
    }
    mailing.pass(&relay, at + minutes(15));
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("rejected 2, sent 48", 48));
    all_is_well(&mut mailing, 0);
}

#[test]
fn a_relay_that_rejects_everybody_counts_against_no_recipient() {
    for answer in
        ["554 5.2.0 daily limit", "550 5.7.705 tenant has exceeded", "550 5.1.1 no such user", "550"]
    {
        let mut mailing = Mailing::of(50);
        let at = mailing.at(MORNING);
        let refusing = relay(vec![Rule::at(Point::Rcpt, EventKind::say(answer))]);
        for later in [0, 60] {
            let before = refusing.commands("RCPT");
            let passed = mailing.pass(&refusing, at + minutes(later));
            let trouble = passed.delivered.relay_error.expect("trouble");
            assert_eq!(trouble.kind, RelayErrorKind::Permanent, "{answer}: {}", trouble.why);
            // The other connection may have asked already.
            let asked = refusing.commands("RCPT") - before;
            assert!(asked <= 3 + 1, "{answer}: {asked} were asked for");
            assert_eq!(mailing.states(), "due 50", "{answer}");
        }
        mailing.pass(&relay(Vec::new()), at + minutes(120));
        assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 50", 50), "{answer}");
        all_is_well(&mut mailing, 0);
    }
}

/// The same rejection for a few recipients between accepted mails is specific
/// to them.
#[test]
fn unknown_recipients_are_distinguished_from_a_relay_that_rejects_everybody() {
    let mut mailing = Mailing::in_order(40);
    let at = mailing.at(MORNING);
    let unknown = EventKind::say("550 5.1.1 no such user");
    let relay = relay(vec![
        to("p01", Rule::at(Point::Rcpt, unknown.clone())),
        to("p005", Rule::at(Point::Rcpt, unknown)),
    ]);
    // p010 to p019 are adjacent; every third answer is asked of somebody else.
    let passed = mailing.pass(&relay, at);
    assert!(passed.delivered.relay_error.is_none(), "{passed:?}");
    assert_eq!(mailing.states(), "rejected 11, sent 29");
    all_is_well(&mut mailing, 0);
}

/// No delivery of the step is tried or counted as failed: the step is held by
/// one decision with its reason, and `journey hold release` ends that.
#[test]
fn a_mail_above_the_advertised_size_holds_its_step_before_data() {
    let offers = vec!["PIPELINING".to_owned(), "SIZE 10000".to_owned()];
    let mut mailing = Mailing::of(200);
    let text = mailing.rig.read("content/journeys/j/a.md");
    mailing.rig.write("content/journeys/j/a.md", &format!("{text}\n{}\n", "Långt. ".repeat(2_000)));
    let at = mailing.at(MORNING);
    let relay = Relay::start(Script { offers, ..Script::default() });
    let passed = mailing.pass(&relay, at);
    assert_eq!(relay.commands("MAIL") + relay.commands("DATA"), 0, "{passed:?}");
    assert!(passed.delivered.relay_error.is_none(), "it is no trouble of the relay: {passed:?}");
    assert_eq!(mailing.states(), "due 200", "nobody is held one by one");
    assert!(mailing.rows().iter().all(|row| row.attempts == 0), "no attempt is counted");
    let held = |mailing: &Mailing| {
        let store = Store::open(&mailing.database(), at, || [7; 32]).expect("a database");
        store.held_steps().expect("read")
    };
    let [step] = &held(&mailing)[..] else { panic!("one step: {:?}", held(&mailing)) };
    assert_eq!((step.step.to_string().as_str(), step.since), ("j/a", at));
    let why = step.why.as_deref().expect("a reason");
    let (bytes, rest) = why.split_once(" bytes, ").expect("bytes");
    assert_eq!(rest, "the mail server allows 10 000");
    assert!(bytes.replace(' ', "").parse::<u32>().expect("a number") > 14_000, "{why}");
    let connections = relay.connections();
    mailing.pass(&relay, at + minutes(1));
    assert_eq!((relay.connections(), held(&mailing).len()), (connections, 1), "it is left alone");
    let audit = "SELECT count(*) FROM audit WHERE action = 'hold'";
    let audit: i64 = mailing.connect().query_row(audit, [], |row| row.get(0)).expect("a number");
    assert_eq!(audit, 1, "and told once");
    let step = StepName::parse("j/a").expect("a step");
    mailing.rig.decide(at + minutes(2), &Change::Release(Some(step)));
    let roomy = Relay::start(Script::default());
    mailing.pass(&roomy, at + minutes(2));
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 200", 200));
    all_is_well(&mut mailing, 0);
}

/// A relay that reports it only after MAIL with SIZE, or after all of the data.
#[test]
fn a_relay_that_rejects_the_size_holds_the_step() {
    for point in [Point::Mail, Point::Dot] {
        let mut mailing = Mailing::in_order(20);
        let at = mailing.at(MORNING);
        let relay = relay(vec![Rule::at(point, EventKind::say("552 5.3.4 message too big"))]);
        let passed = mailing.pass(&relay, at);
        assert!(passed.delivered.relay_error.is_none(), "{passed:?}");
        assert_eq!((mailing.states().as_str(), relay.commands("MAIL")), ("due 20", 1), "{passed:?}");
        let kept =
            mailing.connect().query_row("SELECT count(*) FROM mail_bytes", [], |row| row.get::<_, i64>(0));
        assert_eq!(kept, Ok(0), "no copy of it is anywhere");
        let store = Store::open(&mailing.database(), at, || [7; 32]).expect("a database");
        let [step] = &store.held_steps().expect("read")[..] else { panic!("one step") };
        assert_eq!(step.why.as_deref(), Some("the mail server says 552 5.3.4 message too big"));
    }
}

#[test]
fn a_connection_limit_of_the_relay_is_respected_from_then_on() {
    let mut mailing = Mailing::of(20);
    mailing.rig.config.mail.smtp.connections = 4;
    let at = mailing.at(MORNING);
    let later = Rule::at(Point::Rcpt, EventKind::say("450 4.2.0 come back later"));
    let rules = vec![super::to("p00", Rule { times: 9, ..later })];
    let relay = Relay::start(Script { most_connections: Some(2), rules, ..Script::default() });
    let passed = mailing.pass(&relay, at);
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("deferred 9, sent 11", 11), "{passed:?}");
    assert!(mailing.rows().iter().all(|row| row.attempts == 1), "no attempt is counted for it");
    assert_eq!(passed.delivered.connection_limit_hit, Some(4), "the next hour has a connection less");
    // Each pass is a process of its own; no connection gets all mails before
    // the next one opens.
    let late = EventKind::Late(Duration::from_millis(100), line("250 2.0.0 at last"));
    let relay = self::relay(vec![Rule::at(Point::Dot, late)]);
    mailing.pass(&relay, at + minutes(20));
    assert_eq!((mailing.states().as_str(), relay.most_connections()), ("sent 20", 3));
    all_is_well(&mut mailing, 0);
}

#[test]
fn a_late_reply_counts_as_sent_without_a_copy() {
    let mut mailing = Mailing::of(4);
    let at = mailing.at(MORNING);
    let late = EventKind::Late(Duration::from_millis(400), line("250 2.0.0 at last"));
    let relay = relay(vec![Rule::at(Point::Dot, late)]);
    let passed = mailing.pass(&relay, at);
    assert_eq!((passed.delivered.sent, mailing.states().as_str()), (4, "sent 4"));
    mailing.pass(&relay, at + minutes(60));
    assert_eq!(mailing.taken.len(), 4, "no copy");
    all_is_well(&mut mailing, 0);
}

#[test]
fn mails_to_non_ascii_addresses_are_held_and_block_no_others() {
    let mut mailing = Mailing::of(12);
    // Imports reject such an address; an older version may have accepted it.
    let before = mailing.at("2026-11-30 08:30");
    mailing.pass(&relay(Vec::new()), before);
    let foreign = "UPDATE person SET email = 'å' || email WHERE id <= 6";
    mailing.connect().execute(foreign, []).expect("it is written");
    let at = mailing.at(MORNING);
    let offers = vec!["PIPELINING".to_owned(), "8BITMIME".to_owned()];
    let relay = Relay::start(Script { offers, ..Script::default() });
    let passed = mailing.pass(&relay, at);
    // The mail is not even built; six in a row are not a rejection by the
    // relay.
    assert_eq!(mailing.states(), "held 6, sent 6", "{passed:?}");
    assert!(passed.delivered.relay_error.is_none() && relay.accepted().len() == 6);
    let held = mailing.row("p001", "j/a");
    assert!(held.attempts == 0 && held.reply.contains("the part before `@` is not plain"), "{held:?}");
    let reachable = "SELECT count(*) FROM person WHERE undeliverable IS NULL";
    let reachable: i64 = mailing.connect().query_row(reachable, [], |row| row.get(0)).expect("a number");
    assert_eq!(reachable, 12, "nobody is blamed");
}

/// Whatever the relay offers, even nothing: every mail is ASCII in short lines,
/// and decodes to the same content.
#[test]
fn no_mail_needs_an_smtp_extension() {
    let all = ["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8"];
    for missing in all.into_iter().map(Some).chain([None]) {
        let mut mailing = Mailing::of(4);
        let at = mailing.at(MORNING);
        let offers = all.iter().filter(|offer| missing.is_some_and(|missing| missing != **offer));
        let offers = offers.map(|offer| (*offer).to_owned()).collect();
        let relay = Relay::start(Script { offers, ..Script::default() });
        let passed = mailing.pass(&relay, at);
        assert_eq!(
            (mailing.states().as_str(), mailing.taken.len()),
            ("sent 4", 4),
            "{missing:?}: {passed:?}"
        );
        for (_, mail) in &mailing.taken {
            assert!(mail.bytes.is_ascii(), "{missing:?}");
            assert!(mail.bytes.split(|b| *b == b'\n').all(|line| line.len() <= 999), "{missing:?}");
            let parsed = MessageParser::default().parse(&mail.bytes).expect("a mail");
            assert!(
                parsed.subject().is_some_and(|subject| subject.ends_with(", det här är a")),
                "{missing:?}"
            );
        }
        all_is_well(&mut mailing, 0);
    }
}

#[test]
fn the_log_of_the_relay_confirms_the_rate_limit() {
    let mut mailing = Mailing::of(60);
    let (most, per) = (20, Duration::from_millis(400));
    mailing.rig.config.mail.smtp.connections = 3;
    mailing.rig.config.mail.smtp.rate = Some(Rate {
        mails: NonZeroU32::new(20).expect("some"),
        per: TimeDelta::from_std(per).expect("a time"),
    });
    let at = mailing.at(MORNING);
    let relay = relay(Vec::new());
    mailing.pass(&relay, at);
    assert_eq!(mailing.states(), "sent 60");
    let mut times: Vec<Duration> = relay.accepted().iter().map(|mail| mail.at).collect();
    times.sort_unstable();
    for (n, first) in times.iter().enumerate() {
        if let Some(later) = times.get(n + most) {
            assert!(*later - *first >= per, "{most} and one more within {:?}", *later - *first);
        }
    }
    assert!(relay.most_connections() <= 3);
    all_is_well(&mut mailing, 0);
}

/// Envelope, address, greeting and every link belong to the person and step of
/// the delivery, however many workers build mails at once.
#[test]
fn every_mail_has_the_content_of_its_own_recipient() {
    const PEOPLE: usize = 5_000;
    let mut mailing = Mailing::of(PEOPLE);
    mailing.rig.config.mail.smtp.connections = 6;
    let base = "https://larresa.ekdala.example";
    base.clone_into(&mut mailing.rig.config.web.base_url);
    mailing.rig.config.mail.bounce = Some("studs@ekdala.example".into());
    let at = mailing.at(MORNING);
    // A slow reply makes the worker take other recipients meanwhile, and some
    // are deferred.
    let late = |n: u64| EventKind::Late(Duration::from_millis(n), line("250 2.0.0 at last"));
    let put_off = to("77@", Rule::once(Point::Rcpt, EventKind::say("450 4.2.0 later")));
    let relay =
        relay(vec![nth(3, Rule::at(Point::Dot, late(2))), to("9@", Rule::at(Point::Dot, late(1))), put_off]);
    mailing.pass(&relay, at);
    mailing.pass(&relay, at + minutes(5));
    let rows: BTreeMap<i64, (String, String)> =
        mailing.rows().into_iter().map(|row| (row.number, (row.person, row.message_id))).collect();
    let keys = Keys::new(&Secrets::first([7; 32]));
    let mut readers = BTreeSet::new();
    for (_, mail) in &mailing.taken {
        let number: i64 = header(&mail.bytes, "X-Journey-Delivery").parse().expect("a number");
        let (person, message_id) = &rows[&number];
        assert_eq!((&mail.message_id, &mail.to), (message_id, &format!("{person}@ekdala.example")));
        assert_eq!(keys.verify_return_path(&mail.from), Some(number), "reports of it name it: {}", mail.from);
        let name = first_name(person.trim_start_matches('p').parse().expect("a number"));
        let parsed = MessageParser::default().parse(&mail.bytes).expect("a mail");
        let reader = parsed.to().and_then(|to| to.first()).expect("a reader");
        assert_eq!((reader.name(), reader.address()), (Some(&*format!("{name} Ek")), Some(&*mail.to)));
        let subject = format!("{name}, det här är a");
        assert_eq!(parsed.subject(), Some(&*subject));
        let bodies = [parsed.body_text(0).expect("a text"), parsed.body_html(0).expect("a page")];
        assert!(bodies.iter().all(|body| body.contains(&format!("Hej {name}!"))));
        let mut links = 0;
        let unsubscribe = header(&mail.bytes, "List-Unsubscribe");
        for text in bodies.iter().map(|body| &**body).chain([&*unsubscribe]) {
            for (place, _) in text.match_indices(base) {
                let rest = &text[place + base.len() + 1..];
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '/').unwrap_or(rest.len());
                let (purpose, token) = rest[..end].split_once('/').expect("a purpose and a token");
                let purposes = [Purpose::Answer, Purpose::Pause, Purpose::Character, Purpose::Web];
                let purpose =
                    purposes.into_iter().find(|known| known.as_str() == purpose).expect("one of ours");
                let claim = keys.verify(token, purpose, at).unwrap_or_else(|| panic!("{token} is not ours"));
                assert_eq!(claim.delivery, number, "a link of somebody else, for {purpose:?}");
                links += 1;
            }
        }
        assert!(links >= 4, "{links} links");
        assert!(unsubscribe.contains("/pause/"), "{unsubscribe}");
        readers.insert(mail.to.clone());
    }
    assert_eq!((mailing.taken.len(), readers.len()), (PEOPLE, PEOPLE));
    all_is_well(&mut mailing, 0);
}
