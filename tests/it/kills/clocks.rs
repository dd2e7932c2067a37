//! The system clock jumps while the daemon runs, and the machine sleeps. The
//! test moves the clocks of the one process (`src/failpoint.rs`), and nothing
//! waits longer than it takes to notice.

use std::thread;
use std::time::Duration;

use chrono::{TimeDelta, Timelike};
use journey::clock;
use journey::domain::zone::Timestamp;

use rustix::process::Signal;

use super::daemon::{Running, all_sent, each_once, relay, slow};
use super::home::{Home, people_file, until};

/// Lets the clocks of a process be moved.
const MOVES: (&str, &str) = ("FAILPOINTS", "clock.moves=return(clocks)");

/// What is booked must leave within weeks.
fn mails_expire(home: &Home) {
    let expires = "id = \"ett\"\nexpires_after = \"4 weeks\"\n";
    home.edit("content/journeys/host/journey.toml", "id = \"ett\"\n", expires);
}

/// Moves the clock that can be set, and the one that cannot.
fn moved(home: &Home, wall: TimeDelta, since_boot: TimeDelta) {
    // Whole or not at all: it is read at any moment.
    home.write("clocks.new", &format!("{} {}", wall.num_seconds(), since_boot.num_seconds()));
    std::fs::rename(home.path("clocks.new"), home.path("clocks")).expect("it has its name");
}

fn daemon(home: &Home) -> Running {
    let daemon = Running::start_with(home, &["daemon"], &[MOVES]);
    daemon.says("ready");
    daemon
}

/// Signals wake it at once; by itself it notices within a second.
fn looks_until(what: &str, daemon: &Running, mut is_so: impl FnMut() -> bool) {
    until(what, || {
        daemon.signal(Signal::HUP);
        thread::sleep(Duration::from_millis(60));
        is_so()
    });
}

/// The latest of some instants that are written down, as a test sees it.
fn latest(home: &Home, sql: &str) -> Timestamp {
    home.sql().query_row(sql, [], |row| row.get::<_, String>(0)).expect("an instant").parse().expect("one")
}

#[test]
fn f49_a_clock_that_jumps_a_year_ahead_and_back_sends_nothing_and_makes_nothing_too_late() {
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
    for sql in [
        "SELECT max(settled_at) FROM delivery",
        "SELECT max(at) FROM audit",
        "SELECT clock_at FROM instance",
        "SELECT success_at FROM relay",
    ] {
        assert!(latest(&home, sql) < in_an_hour, "{sql} is of the wrong time");
    }
}

/// The clock holds nobody who sends by hand, and tells them no other time.
#[test]
fn f49_a_clock_that_jumps_makes_nothing_too_late_for_whoever_sends_by_hand() {
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
fn f50_a_clock_that_jumps_two_hours_back_after_a_mailing_sends_nothing_again() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    let daemon = daemon(&home);
    all_sent(&home);
    let hours = TimeDelta::hours(2);
    for (wall, words) in [(-hours, "moved by -0 d 2 h"), (TimeDelta::zero(), "moved by +0 d 2 h")] {
        moved(&home, wall, TimeDelta::zero());
        let words = format!("held: the system clock {words}");
        looks_until(&words, &daemon, || daemon.said().contains(&words));
        // Whoever says that it is right is believed: it plans by that time.
        let looked = latest(&home, "SELECT clock_at FROM instance");
        home.done(&["hold", "release"]);
        looks_until("it has planned", &daemon, || latest(&home, "SELECT clock_at FROM instance") != looked);
        assert_eq!((home.count("TRUE"), relay.count()), (10, 10), "{words}: nothing is booked or sent again");
    }
    daemon.stop();
    each_once(&relay, 10);
}

#[test]
fn f43_a_machine_that_slept_sends_what_came_due_meanwhile_once() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    let daemon = daemon(&home);
    all_sent(&home);
    // Who joins waits for the next full hour.
    home.write("people.csv", &people_file(13));
    home.done(&["people", "import", "-q"]);
    // Not into the one minute of the day that is none for mails.
    let minutes = if clock::now().minute() < 57 { 0 } else { 5 };
    let slept = TimeDelta::hours(9) + TimeDelta::minutes(minutes);
    moved(&home, slept, slept);
    until("they have theirs", || home.count("state = 'sent'") == 13);
    let said = daemon.stop();
    assert!(!said.contains("held"), "{said}");
    each_once(&relay, 13);
    assert!(latest(&home, "SELECT max(settled_at) FROM delivery") > clock::now() + TimeDelta::hours(8));
}
