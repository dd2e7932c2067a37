//! The program under heavy load: an outbox of more than a million mails, and
//! continuous backups during a mailing. Slow, so only in the full test run.

use std::fs;
use std::time::Duration;

use journey::clock::Stopwatch;

use super::daemon::Running;
use super::home::{Home, until};
use super::server::{EventKind, Point, Relay, Rule, Script, line};

/// As many people as a large customer has, and the mails of each.
const PEOPLE: usize = 1_400;
const MAILS_EACH: usize = 858;

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
pub(super) fn more_than_a_million_mails() {
    let relay = Relay::start(Script::default());
    let home = Home::peopled(PEOPLE, relay.port());
    // Round 0 comes from the program, because it records the content version.
    home.done(&["send", "-q"]);
    book(&home);
    assert!(home.count("state = 'due'") > 1_200_000);
    let before = relay.count();
    let watch = Stopwatch::start();
    let daemon = Running::daemon(&home);
    let ready = watch.elapsed();
    until("mails leave", || relay.count() > before);
    let leaves = watch.elapsed();
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).expect("it is there");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("what it needed");
    println!(
        "1.2 million due: ready after {ready:?}, the first leaves after {leaves:?}, memory {}",
        most.trim()
    );
    let kilobytes: u64 = most.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
    assert!(kilobytes < 512 * 1_024, "memory: {kilobytes} kB");
    // Reading every mail before the first one leaves would take minutes.
    assert!(leaves < Duration::from_secs(60), "recovery takes {leaves:?}");
    daemon.stop();
}

/// How long a mailing takes while `meanwhile` runs in a loop.
fn mailing(mut meanwhile: impl FnMut(&Home)) -> Duration {
    // The relay is the bottleneck, as in production.
    let late = EventKind::Late(Duration::from_millis(20), line("250 2.0.0 at last"));
    let relay = Relay::start(Script { rules: vec![Rule::at(Point::Dot, late)], ..Script::default() });
    let home = Home::peopled(600, relay.port());
    let watch = Stopwatch::start();
    let mut child = home.start(&["send", "-q"]);
    while child.try_wait().expect("a child").is_none() {
        meanwhile(&home);
    }
    assert_eq!(home.count("state = 'sent'"), 600);
    watch.elapsed()
}

#[expect(clippy::print_stdout, reason = "the figures, for whoever runs it with --nocapture")]
pub(super) fn backups_cost_less_than_a_fifth_of_the_rate() {
    let nothing = || std::thread::sleep(Duration::from_millis(5));
    let alone = (0..3).map(|_| mailing(|_| nothing())).min().expect("three");
    let mut backups = 0;
    let mut with_backups = || {
        mailing(|home| {
            home.done(&["backup", "copy.db", "-q"]);
            backups += 1;
        })
    };
    let beside = (0..3).map(|_| with_backups()).min().expect("three");
    println!("{backups} backups: {beside:?}, and {alone:?} without");
    assert!(backups >= 30, "{backups}");
    assert!(beside.as_secs_f64() * 0.8 < alone.as_secs_f64(), "{beside:?}, and {alone:?} without");
}
