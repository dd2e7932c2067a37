//! The system clock jumps while the daemon runs, and the machine sleeps. The
//! test moves the clocks of that one process through `src/failpoint.rs`, so
//! nothing has to wait.

use std::thread;
use std::time::Duration;

use chrono::{TimeDelta, Timelike};
use journey::clock;
use journey::domain::time::timezone::Timestamp;

use rustix::process::Signal;

use super::daemon::{Running, all_sent, each_once, relay, slow};
use super::home::{Home, people_file, until};

/// The environment with which a test moves the clocks of a process.
const MOVES: (&str, &str) = ("FAILPOINTS", "clock.moves=return(clocks)");

/// Gives every mail an expiry of some weeks.
fn mails_expire(home: &Home) {
    let expires = "id = \"ett\"\nexpires_after = \"4 weeks\"\n";
    home.edit("content/journeys/host/journey.toml", "id = \"ett\"\n", expires);
}

/// Moves the wall clock and the boot clock.
fn moved(home: &Home, wall: TimeDelta, since_boot: TimeDelta) {
    // Written to another name and renamed, so that a reader never sees half of
    // it.
    home.write("clocks.new", &format!("{} {}", wall.num_seconds(), since_boot.num_seconds()));
    std::fs::rename(home.path("clocks.new"), home.path("clocks")).expect("it has its name");
}

fn daemon(home: &Home) -> Running {
    let daemon = Running::start_with(home, &["daemon"], &[MOVES]);
    daemon.says("ready");
    daemon
}

/// A signal wakes the daemon at once; by itself it polls every second.
fn looks_until(what: &str, daemon: &Running, mut is_so: impl FnMut() -> bool) {
    until(what, || {
        daemon.signal(Signal::HUP);
        thread::sleep(Duration::from_millis(60));
        is_so()
    });
}

/// The latest timestamp a query returns.
fn latest(home: &Home, sql: &str) -> Timestamp {
    home.sql().query_row(sql, [], |row| row.get::<_, String>(0)).expect("an instant").parse().expect("one")
}

#[test]
fn a_clock_jump_of_a_year_and_back_sends_and_expires_nothing() {
    let relay = slow(20);
    let home = Home::peopled(60, relay.port());
    mails_expire(&home);
    home.edit("config.toml", "[daemon]\n", "[daemon]\nimport_people = true\n");
    let daemon = daemon(&home);
    until("mails leave", || relay.count() > 8);
    moved(&home, TimeDelta::days(365), TimeDelta::zero());
    daemon.says("held: the system clock moved by +365 d 0 h; nothing is sent until it is right again");
    let left = relay.count();
    assert!(left < home.people, "all had left when it was noticed");
    let status = home.run(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("the system clock moved"), "{status:?}");
    home.write("people.csv", &people_file(61));
    moved(&home, TimeDelta::zero(), TimeDelta::zero());
    looks_until("it is right", &daemon, || daemon.said().contains("the system clock is right again"));
    assert_eq!(home.count("state = 'expired'"), 0, "the time of nothing was over");
    all_sent(&home);
    looks_until("somebody has joined", &daemon, || daemon.said().contains("changed and is imported"));
    daemon.stop();
    each_once(&relay, 60);
    let in_an_hour = clock::now() + TimeDelta::hours(1);
    let deleted_on: String =
        home.sql().query_row("SELECT retention_on FROM instance", [], |row| row.get(0)).expect("a day");
    let tomorrow = (clock::now() + TimeDelta::days(1)).format("%Y-%m-%d").to_string();
    assert!(deleted_on <= tomorrow, "answers were deleted by the wrong time: {deleted_on}");
    for sql in [
        "SELECT max(settled_at) FROM delivery",
        "SELECT max(at) FROM audit",
        "SELECT clock_at FROM instance",
        "SELECT success_at FROM relay",
    ] {
        assert!(latest(&home, sql) < in_an_hour, "{sql} is of the wrong time");
    }
}

/// A clock jump does not block a manual `send`, nor change its time.
#[test]
fn a_clock_jump_expires_nothing_for_a_manual_send() {
    let relay = slow(20);
    let home = Home::peopled(40, relay.port());
    mails_expire(&home);
    let mut send = Running::start_with(&home, &["send"], &[MOVES]);
    until("mails leave", || relay.count() > 4);
    moved(&home, TimeDelta::days(365), TimeDelta::zero());
    assert_eq!(send.ends().code(), Some(0), "{}", send.said());
    each_once(&relay, 40);
    assert_eq!(home.count("state = 'sent'"), 40);
    assert!(latest(&home, "SELECT max(settled_at) FROM delivery") < clock::now() + TimeDelta::hours(1));
}

#[test]
fn a_clock_set_back_two_hours_after_a_mailing_sends_nothing_again() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    let daemon = daemon(&home);
    all_sent(&home);
    let hours = TimeDelta::hours(2);
    for (wall, words) in [(-hours, "moved by -0 d 2 h"), (TimeDelta::zero(), "moved by +0 d 2 h")] {
        moved(&home, wall, TimeDelta::zero());
        let words = format!("held: the system clock {words}");
        looks_until(&words, &daemon, || daemon.said().contains(&words));
        // After the operator has confirmed the clock, planning uses it.
        let looked = latest(&home, "SELECT clock_at FROM instance");
        home.done(&["hold", "release"]);
        looks_until("it has planned", &daemon, || latest(&home, "SELECT clock_at FROM instance") != looked);
        assert_eq!((home.count("TRUE"), relay.count()), (10, 10), "{words}: nothing is booked or sent again");
    }
    daemon.stop();
    each_once(&relay, 10);
}

#[test]
fn after_suspend_what_became_due_is_sent_once() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    let daemon = daemon(&home);
    all_sent(&home);
    // A person who joins gets the first mail at the next full hour.
    home.write("people.csv", &people_file(13));
    home.done(&["people", "import", "-q"]);
    // Avoids the one minute of the day in which no mail may be sent.
    let minutes = if clock::now().minute() < 57 { 0 } else { 5 };
    let slept = TimeDelta::hours(9) + TimeDelta::minutes(minutes);
    moved(&home, slept, slept);
    until("they have theirs", || home.count("state = 'sent'") == 13);
    let said = daemon.stop();
    assert!(!said.contains("held"), "{said}");
    each_once(&relay, 13);
    assert!(latest(&home, "SELECT max(settled_at) FROM delivery") > clock::now() + TimeDelta::hours(8));
}
