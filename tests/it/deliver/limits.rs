//! Daily limits and limits per domain, over a real socket: the relay's log
//! shows that none is exceeded, and that mails to other domains do not wait.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::TimeDelta;
use journey::config::{DomainConfig, Rate};
use journey::domain::change::Change;
use journey::domain::time::timezone::Timestamp;
use journey::engine::deliver::limits::{Limits, limits_reached};
use journey::store::Store;

use super::mailing::{DAILY, Mailing, first_name};
use super::{MORNING, all_is_well, minutes, relay};
use crate::crash::home::{Home, PATIENCE};
use crate::relay::server::{Accepted, EventKind, Point, Relay, Rule, Script};

/// The domain that is limited; others are not.
const SLOW: &str = "slow.example";

/// This many people with an address there, enqueued first, and this many
/// elsewhere.
fn some_of_them_slow(slow: usize, others: usize) -> Mailing {
    let line = |n: usize| {
        let domain = if n <= slow { SLOW } else { "ekdala.example" };
        format!("p{n:03},p{n:03}@{domain},{},Ek,Norr,,,,,\n", first_name(n))
    };
    Mailing::to_people(&format!("=== journey j\n{DAILY}"), &(1..=slow + others).map(line).collect::<String>())
}

fn limited(rate: Option<(u32, Duration)>, per_day: Option<u32>, connections: Option<u16>) -> DomainConfig {
    let rate = rate.map(|(mails, per)| Rate {
        mails: NonZeroU32::new(mails).expect("some"),
        per: TimeDelta::from_std(per).expect("a time"),
    });
    DomainConfig { domain: SLOW.into(), rate, per_day: per_day.and_then(NonZeroU32::new), connections }
}

fn is_slow(mail: &Accepted) -> bool {
    mail.to.ends_with(SLOW)
}

#[test]
fn no_domain_exceeds_its_limit_and_other_domains_do_not_wait() {
    let (most, per) = (4, Duration::from_millis(800));
    let mut mailing = some_of_them_slow(20, 60);
    let smtp = &mut mailing.rig.config.mail.smtp;
    (smtp.connections, smtp.domains) = (3, vec![limited(Some((4, per)), None, Some(1))]);
    let at = mailing.at(MORNING);
    let relay = relay(Vec::new());
    mailing.pass(&relay, at);
    assert_eq!(mailing.states(), "sent 80");
    let accepted = relay.accepted();
    let mut slow: Vec<Duration> = accepted.iter().filter(|mail| is_slow(mail)).map(|mail| mail.at).collect();
    slow.sort_unstable();
    for (first, late) in slow.iter().zip(slow.iter().skip(most)) {
        assert!(*late >= *first + per, "{most} and one more within {:?}", *late - *first);
    }
    // They were enqueued later, and overtook those that had to wait.
    let last = accepted.iter().filter(|mail| !is_slow(mail)).map(|mail| mail.at).max().expect("some");
    let behind = slow.iter().filter(|at| **at > last).count();
    assert!(behind > 0, "the others had left at {last:?}, the slow at {slow:?}");
    all_is_well(&mut mailing, 0);
}

/// While no limit has room, nothing is claimed and no connection is made; but
/// the time at which the next may be sent is known.
fn claims_nothing(mailing: &mut Mailing, relay: &Relay, at: Timestamp) {
    let trigger = "CREATE TRIGGER nobody BEFORE UPDATE ON delivery WHEN NEW.state = 'claimed'
                   BEGIN SELECT raise(ABORT, 'claimed'); END";
    mailing.connect().execute_batch(trigger).expect("a trigger");
    let connections = relay.connections();
    let passed = mailing.pass(relay, at);
    assert_eq!(relay.connections(), connections);
    assert!(passed.delivered.wait.is_some_and(|wait| wait > PATIENCE), "{passed:?}");
    mailing.connect().execute_batch("DROP TRIGGER nobody").expect("dropped");
}

/// More mails are enqueued for the domain, before all others, than one claim
/// takes.
#[test]
fn a_domain_at_its_daily_limit_delays_no_other_domain() {
    let mut mailing = some_of_them_slow(200, 30);
    mailing.rig.config.mail.smtp.domains = vec![limited(None, Some(40), None)];
    let at = mailing.at(MORNING);
    let relay = relay(Vec::new());
    let passed = mailing.pass(&relay, at);
    assert_eq!(mailing.states(), "due 160, sent 70", "{passed:?}");
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(passed.delivered.wait.is_some_and(|wait| wait > day - PATIENCE && wait <= day), "{passed:?}");
    claims_nothing(&mut mailing, &relay, at + minutes(1));
    let slow = |mailing: &Mailing| mailing.taken.iter().filter(|(_, mail)| is_slow(mail)).count();
    // Each pass is a process of its own; what was sent is counted from the
    // database.
    mailing.pass(&relay, at + minutes(8 * 60));
    assert_eq!(slow(&mailing), 40);
    mailing.pass(&relay, at + minutes(22 * 60));
    assert_eq!(slow(&mailing), 40, "not too early");
    mailing.pass(&relay, at + minutes(24 * 60 + 1));
    assert_eq!(slow(&mailing), 80);
    all_is_well(&mut mailing, 0);
}

#[test]
fn a_daily_limit_survives_a_restart_and_reports_its_end() {
    let mut mailing = Mailing::of(30);
    mailing.rig.config.mail.smtp.per_day = NonZeroU32::new(12);
    let (at, relay) = (mailing.at(MORNING), relay(Vec::new()));
    mailing.pass(&relay, at);
    let later = at + minutes(60);
    mailing.pass(&relay, later);
    assert_eq!(mailing.states(), "due 18, sent 12");
    claims_nothing(&mut mailing, &relay, later + minutes(1));
    let limits = Limits::of(&mailing.rig.config.mail.smtp);
    let store = Store::open(&mailing.database(), later, || [7; 32]).expect("a database");
    let all = limits_reached(&store, &limits, later).expect("read");
    let [one] = &all[..] else { panic!("one limit: {all:?}") };
    assert_eq!((one.waiting, one.domain.as_deref(), one.limit.mails), (18, None, 12));
    let (day, second) = (TimeDelta::hours(24), TimeDelta::seconds(1));
    assert!(one.next >= at + day && one.next <= at + day + second, "{one:?}");
    assert!(one.last >= at + day * 2 && one.last <= at + day * 2 + second * 2, "{one:?}");
    drop(store);
    mailing.pass(&relay, at + day + minutes(1));
    assert_eq!(mailing.taken.len(), 24);
    all_is_well(&mut mailing, 0);
}

/// It then waits for the relay, not for the limit.
#[test]
fn a_failing_relay_is_not_retried_early_because_a_limit_has_room() {
    let relay = relay(vec![Rule::at(Point::Rcpt, EventKind::say("550 5.7.1 not from you"))]);
    let home = Home::peopled(9, relay.port());
    home.edit("config.toml", "rate = \"unlimited\"\n", "rate = \"3/minute\"\n");
    let output = home.run(&["send"]);
    assert_eq!(output.status.code(), Some(69), "{}", String::from_utf8_lossy(&output.stderr));
    let asked = relay.commands("RCPT");
    assert_eq!(asked, 3);
}

/// A limit does not delay mails that are held anyway.
#[test]
fn held_mails_wait_for_no_limit() {
    let mut mailing = Mailing::of(30);
    mailing.rig.config.mail.smtp.per_day = NonZeroU32::new(12);
    let (at, relay) = (mailing.at(MORNING), relay(Vec::new()));
    assert!(mailing.pass(&relay, at).delivered.wait.is_some());
    mailing.rig.decide(at + minutes(1), &Change::Hold(None));
    let passed = mailing.pass(&relay, at + minutes(2));
    assert_eq!((passed.delivered.wait, mailing.states().as_str()), (None, "due 18, sent 12"));
    all_is_well(&mut mailing, 0);
}

/// What `send` prints when it is run at eight in the morning.
#[test]
fn send_stops_at_the_daily_limit_and_reports_it() {
    let relay = Relay::start(Script::default());
    let home = Home::peopled(9, relay.port());
    home.edit("config.toml", "rate = \"unlimited\"\n", "rate = \"unlimited\"\nper_day = 4\n");
    for _ in 0..2 {
        let output = home.run(&["send"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let line = "the limit of 4 mails in 24 hours is reached: 5 mails wait; the next may leave ";
        assert!(
            said.contains(line) && said.contains(", the last ") && said.contains("nothing is lost"),
            "{said}"
        );
    }
    assert_eq!((relay.count(), home.count("state = 'due'")), (4, 5));
    let status = home.run(&["status", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(status["limits"][0]["waiting"], 5, "{status}");
    let status = home.run(&["status"]);
    let said = String::from_utf8_lossy(&status.stdout);
    assert!(said.contains("the limit of 4 mails in 24 hours is reached"), "{said}");
}
