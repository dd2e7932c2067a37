//! The program under heavy load: an outbox of a quarter of a million mails, and
//! continuous backups during a mailing. Slow, so only in the full test run.

use std::fs;
use std::time::Duration;

use journey::clock::Stopwatch;

use super::daemon::Running;
use super::home::{Home, until};
use super::server::{EventKind, Point, Relay, Rule, Script, line};

/// As many people as a large customer has, and the mails of each.
const PEOPLE: usize = 1_400;
const MAILS_EACH: usize = 180;

/// Enqueues this many rounds of their mail for everybody directly in the
/// database.
fn book(home: &Home) {
    let sql = format!(
        "PRAGMA synchronous = OFF;
         BEGIN;
         WITH RECURSIVE round (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM round WHERE n < {MAILS_EACH})
         INSERT INTO delivery (enrolment_id, step, round, state, slot_at, booked_at, content, message_id)
         SELECT enrolment.id, 'ett', round.n, 'due', '2026-11-01T08:00:00Z',
                strftime('%Y-%m-%dT%H:00:00Z', 'now'), (SELECT content FROM delivery LIMIT 1),
                '<' || printf('%032d', enrolment.id * 1000 + round.n) || '@ekdala.example>'
         FROM round, enrolment;
         COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE);"
    );
    home.sql().execute_batch(&sql).expect("booked");
}

/// A sender starts on it within seconds and needs no more memory for it.
#[expect(clippy::print_stdout, reason = "the figures, for whoever runs it with --nocapture")]
pub(super) fn a_quarter_of_a_million_mails() {
    let relay = Relay::start(Script::default());
    let home = Home::peopled(PEOPLE, relay.port());
    // Round 0 comes from the program, because it records the content version.
    home.done(&["send", "-q"]);
    book(&home);
    assert!(home.count("state = 'due'") > 250_000);
    let before = relay.count();
    let watch = Stopwatch::start();
    let daemon = Running::daemon(&home);
    let ready = watch.elapsed();
    until("mails leave", || relay.count() > before);
    let leaves = watch.elapsed();
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("it is there");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("what it needed");
    println!(
        "a quarter of a million due: ready after {ready:?}, the first leaves after {leaves:?}, memory {}",
        most.trim()
    );
    let kilobytes: u64 = most.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
    assert!(kilobytes < 512 * 1_024, "memory: {kilobytes} kB");
    // Reading every mail before the first one leaves would take minutes.
    assert!(leaves < Duration::from_secs(60), "recovery takes {leaves:?}");
    daemon.stop();
}

/// Backups are made one after the other during a mailing.
pub(super) fn a_mailing_beside_backups() {
    // The relay is the bottleneck, as in production.
    let late = EventKind::Late(Duration::from_millis(20), line("250 2.0.0 at last"));
    let relay = Relay::start(Script { rules: vec![Rule::at(Point::Dot, late)], ..Script::default() });
    let home = Home::peopled(300, relay.port());
    let mut child = home.start(&["send", "-q"]);
    let mut backups = 0;
    while child.try_wait().expect("a child").is_none() {
        home.done(&["backup", "copy.db", "-q"]);
        backups += 1;
    }
    assert_eq!(home.count("state = 'sent'"), 300);
    assert!(backups >= 5, "{backups}");
}
