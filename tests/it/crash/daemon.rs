//! The daemon as a process: signals, a second instance, changes while it runs.
//! It polls every minute; where a test needs it sooner, the test writes to the
//! database, which wakes it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use journey::clock::{self, Stopwatch};
use rustix::process::{Pid, Signal, kill_process};

use super::home::{CONNECTIONS, Home, people_file, until};
use super::iterations;
use super::server::{EventKind, Point, Relay, Rule, Script, line};
use crate::store::faults::Disk;
use crate::store::skip;

/// A running program and what it has printed.
pub(crate) struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    /// The thread that reads the output.
    hears: thread::JoinHandle<()>,
}

impl Running {
    fn start(home: &Home, arguments: &[&str]) -> Running {
        Running::start_with(home, arguments, &[])
    }

    pub(super) fn start_with(home: &Home, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        Running::of(home.command(arguments), variables)
    }

    /// Starts a program with more variables.
    pub(crate) fn of(mut command: Command, variables: &[(&str, &str)]) -> Running {
        // The daemon looks at the database more often, so that no test waits for it.
        let failpoints =
            variables.iter().find(|(name, _)| *name == "FAILPOINTS").map_or("", |(_, value)| value);
        command.envs(variables.iter().copied());
        command.env("FAILPOINTS", format!("daemon.poll=return(100);{failpoints}"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let said = Arc::new(Mutex::new(String::new()));
        let (err, all) = (child.stderr.take().expect("a pipe"), said.clone());
        let hears = thread::spawn(move || {
            for words in BufReader::new(err).lines().map_while(Result::ok) {
                *all.lock().expect("nobody panics with it") += &(words + "\n");
            }
        });
        Running { child, said, hears }
    }

    /// Starts the daemon and waits until it is ready.
    pub(super) fn daemon(home: &Home) -> Running {
        let daemon = Running::start(home, &["daemon"]);
        daemon.says("ready");
        daemon
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("nobody panics with it").clone()
    }

    /// Waits until the output contains this text.
    pub(crate) fn says(&self, words: &str) {
        until(&format!("it says {words:?}"), || self.said().contains(words));
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    pub(super) fn ends(&mut self) -> ExitStatus {
        until("it ends", || !self.is_running());
        // The reader thread may still have output to read.
        until("all it said is heard", || self.hears.is_finished());
        self.child.wait().expect("it has ended")
    }

    /// Asks it to stop, and asserts a clean exit.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let status = self.ends();
        self.says("stopped");
        assert_eq!(status.code(), Some(0), "{}", self.said());
        self.said()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn relay(rules: Vec<Rule>) -> Relay {
    Relay::start(Script { rules, ..Script::default() })
}

/// A relay that answers the end of each message after this delay.
pub(super) fn slow(milliseconds: u64) -> Relay {
    let late = EventKind::Late(Duration::from_millis(milliseconds), line("250 2.0.0 at last"));
    relay(vec![Rule::at(Point::Dot, late)])
}

pub(super) fn all_sent(home: &Home) {
    until("all are sent", || home.count("state = 'sent'") == home.people);
}

/// The number of deliveries that a worker has begun and that have no outcome.
pub(super) fn in_flight(home: &Home) -> usize {
    home.count("settled_at IS NULL AND id IN (SELECT delivery_id FROM in_flight)")
}

/// Asserts that the relay has each mail exactly once.
pub(super) fn each_once(relay: &Relay, mails: usize) {
    let accepted = relay.accepted();
    let distinct: BTreeSet<&str> = accepted.iter().map(|mail| &*mail.message_id).collect();
    assert_eq!((accepted.len(), distinct.len()), (mails, mails));
}

#[test]
fn on_stop_it_finishes_mails_in_flight_and_starts_none() {
    for command in ["daemon", "send"] {
        let relay = slow(1_000);
        let home = Home::peopled(40, relay.port());
        let mut program = Running::start(&home, &[command]);
        until("mails are on their way", || relay.count() == CONNECTIONS);
        program.signal(Signal::TERM);
        let status = program.ends();
        program.says("stopped");
        if command == "send" {
            // `journey send && …` must not continue as if all mails had been
            // sent.
            assert_eq!(status.code(), Some(75), "{}", program.said());
            program.says("Finishing the mails that are being sent");
            program.says("stopped: 36 mails wait");
            let dry = home.run(&["send", "--dry-run", "--limit", "7"]).stdout;
            let dry = String::from_utf8_lossy(&dry);
            let told = "Queued earlier  36 mails, not sent yet; the first 7 of them are sent now";
            assert!(dry.contains(told), "{dry}");
        } else {
            assert_eq!(status.code(), Some(0), "{}", program.said());
            program.says("stopped: 0 unknown");
        }
        assert_eq!(home.count("state = 'sent'"), CONNECTIONS, "they were answered, and that is written down");
        assert_eq!(home.count("state = 'due'"), 40 - CONNECTIONS, "nothing else was begun");
        each_once(&relay, CONNECTIONS);
    }
}

/// A message whose data has not been sent when the daemon is asked to stop is
/// not sent any more: waiting for its reply would exceed the stop timeout of
/// the unit.
#[test]
fn on_stop_before_data_the_mail_is_kept() {
    for (command, code) in [("daemon", 0), ("send", 75)] {
        let later = EventKind::Meanwhile(Arc::new(|| thread::sleep(Duration::from_millis(300))));
        let relay = relay(vec![Rule::at(Point::Data, later)]);
        let home = Home::peopled(20, relay.port());
        let mut program = Running::start(&home, &[command]);
        until("the relay is about to ask for words", || relay.commands("DATA") == CONNECTIONS);
        program.signal(Signal::TERM);
        assert_eq!(program.ends().code(), Some(code), "{}", program.said());
        assert_eq!((relay.count(), home.count("state = 'due'")), (0, 20), "{}", program.said());
    }
}

/// The relay has ten minutes to reply, here less than a second. If the reply
/// never comes, the daemon still stops, and records which mails are in doubt.
#[test]
fn on_stop_it_waits_for_a_silent_relay_only_until_the_timeout() {
    let silent = relay(vec![Rule::at(Point::Dot, EventKind::Accept(Box::new(EventKind::Silence)))]);
    let home = Home::peopled(20, silent.port());
    let mut daemon = Running::start_with(&home, &["daemon"], &[("FAILPOINTS", "relay.dot=return(500)")]);
    until("mails are on their way", || silent.count() >= CONNECTIONS);
    daemon.signal(Signal::TERM);
    let (watch, asked_at) = (Stopwatch::start(), silent.count());
    assert_eq!(daemon.ends().code(), Some(0), "{}", daemon.said());
    assert!(watch.elapsed() < Duration::from_millis(500 + 2_000), "{:?}", watch.elapsed());
    let unknown = silent.count();
    assert!(unknown <= asked_at + CONNECTIONS, "{unknown} after {asked_at}: something was begun");
    daemon.says(&format!("stopped: {unknown} unknown"));
    assert_eq!(home.count("state = 'in_doubt' AND doubts = 1"), unknown);
    assert_eq!(home.count("state = 'due'"), home.people - unknown, "nothing else was touched");
    let healthy = relay(Vec::new());
    home.edit("config.toml", &format!("port = {}", silent.port()), &format!("port = {}", healthy.port()));
    // Three mails without a reply are a failure of the relay, which is not asked again for a minute.
    let end_of_backoff = "UPDATE relay SET retry_at = '2026-01-01T00:00:00Z' WHERE retry_at IS NOT NULL";
    home.sql().execute(end_of_backoff, []).expect("it is written");
    let daemon = Running::daemon(&home);
    until("the others are sent", || home.count("state = 'sent'") == home.people - unknown);
    daemon.stop();
    assert_eq!(healthy.count(), home.people - unknown, "what is in doubt waits");
}

#[test]
fn a_second_stop_signal_exits_at_once_and_leaves_mails_in_doubt() {
    let silent = relay(vec![Rule::at(Point::Dot, EventKind::Accept(Box::new(EventKind::Silence)))]);
    let home = Home::peopled(40, silent.port());
    let mut daemon = Running::daemon(&home);
    until("mails are on their way", || silent.count() == CONNECTIONS);
    daemon.signal(Signal::TERM);
    thread::sleep(Duration::from_millis(700));
    assert!(daemon.is_running(), "it waits for the answers");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ends().signal(), Some(Signal::TERM.as_raw()), "{}", daemon.said());
    assert_eq!(in_flight(&home), CONNECTIONS);
    assert_eq!(home.count("state = 'sent'"), 0);
    let healthy = relay(Vec::new());
    home.edit("config.toml", &format!("port = {}", silent.port()), &format!("port = {}", healthy.port()));
    let daemon = Running::daemon(&home);
    daemon.says(&format!("{CONNECTIONS} unclear (sent again after"));
    until("the others are sent", || home.count("state = 'sent'") == 40 - CONNECTIONS);
    assert_eq!(home.count("state = 'in_doubt' AND doubts = 1"), CONNECTIONS);
    home.hurry();
    all_sent(&home);
    daemon.stop();
    each_once(&healthy, 40);
    let again = healthy.accepted();
    for first in silent.accepted() {
        let copy = again.iter().find(|mail| mail.message_id == first.message_id).expect("it came again");
        assert!(copy.bytes == first.bytes, "copies are identical");
    }
}

#[test]
fn a_burst_of_stop_signals_ends_in_one_clean_stop() {
    let relay = slow(20);
    let home = Home::peopled(400, relay.port());
    let daemon = Running::daemon(&home);
    until("mails leave", || relay.count() > 0);
    for _ in 0..100 {
        daemon.signal(Signal::HUP);
        thread::sleep(Duration::from_millis(10));
    }
    daemon.says("is in force");
    let said = daemon.stop();
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(said.matches("stopped").count(), 1, "{said}");
    assert_eq!(home.count("state NOT IN ('due', 'sent')"), 0);
    each_once(&relay, home.count("state = 'sent'"));
}

#[test]
fn a_hundred_reload_signals_within_a_second_reload_once() {
    // The mailing is not finished before the last signal arrives.
    let relay = slow(800);
    let home = Home::peopled(20, relay.port());
    let mut daemon = Running::daemon(&home);
    until("mails are on their way", || relay.count() == CONNECTIONS);
    let mut longest = Duration::ZERO;
    for n in 0..100 {
        daemon.signal(if n % 2 == 0 { Signal::HUP } else { Signal::TERM });
        let watch = Stopwatch::start();
        thread::sleep(Duration::from_millis(3));
        longest = longest.max(watch.elapsed());
    }
    let status = daemon.ends();
    assert!(!daemon.said().contains("panicked"), "{}", daemon.said());
    // If the machine paused the test between two signals, they were no burst,
    // and a second reload is correct.
    if longest < Duration::from_millis(100) {
        assert_eq!(status.code(), Some(0), "{status}");
        daemon.says("stopped: 0 unknown");
        assert_eq!(daemon.said().matches("stopped").count(), 1);
    }
    assert_eq!(home.count("state NOT IN ('due', 'sent')"), 0);
    let in_doubt = in_flight(&home);
    assert!(in_doubt <= CONNECTIONS);
    let healthy = self::relay(Vec::new());
    home.edit("config.toml", &format!("port = {}", relay.port()), &format!("port = {}", healthy.port()));
    let daemon = Running::daemon(&home);
    until("the others are sent", || home.count("state = 'sent'") >= home.people - in_doubt);
    home.hurry();
    all_sent(&home);
    daemon.stop();
    assert_eq!(healthy.count(), home.people - CONNECTIONS + in_doubt, "only mails in doubt are repeated");
}

#[test]
fn a_second_daemon_names_the_first_and_sends_nothing() {
    let relay = slow(30);
    let home = Home::peopled(100, relay.port());
    let daemon = Running::daemon(&home);
    until("mails leave", || relay.count() > 0);
    for second in ["daemon", "send"] {
        let output = home.run(&[second]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(75), "{said}");
        let first = format!("another journey (the daemon, pid {}, started ", daemon.child.id());
        assert!(said.contains(&first) && said.contains("journey.lock"), "{said}");
        assert!(!said.contains("database is locked"), "{said}");
    }
    all_sent(&home);
    daemon.stop();
    each_once(&relay, home.people);
    assert!(relay.most_connections() <= CONNECTIONS, "the second had none");
}

#[test]
fn after_kill_9_the_next_daemon_starts_at_once() {
    let relay = slow(10);
    let home = Home::peopled(200, relay.port());
    for _ in 0..3 {
        let before = relay.count();
        let mut daemon = Running::daemon(&home);
        until("mails leave", || relay.count() > before);
        daemon.child.kill().expect("killed");
        daemon.ends();
    }
    let daemon = Running::daemon(&home);
    daemon.says("recovered: ");
    assert!(!daemon.said().contains("journey.lock"), "{}", daemon.said());
    until("the others are sent", || home.count("state NOT IN ('sent', 'in_doubt', 'held')") == 0);
    home.hurry();
    all_sent(&home);
    daemon.stop();
    assert!(relay.count() <= home.people + 3 * CONNECTIONS, "at most one copy per connection and crash");
}

/// A worker that ends without reporting does not end the daemon, and is not
/// waited for.
#[test]
fn a_worker_that_panics_is_reported_and_replaced() {
    let relay = relay(Vec::new());
    let home = Home::peopled(40, relay.port());
    let failpoints = "worker.reports=9*off->2*return(error)";
    let daemon = Running::start_with(&home, &["daemon"], &[("FAILPOINTS", failpoints)]);
    daemon.says("internal error: a connection to the mail server crashed");
    daemon.says("unclear (sent again after");
    until("the others are sent", || home.count("state NOT IN ('sent', 'in_doubt')") == 0);
    home.hurry();
    all_sent(&home);
    daemon.stop();
    assert!(relay.count() <= home.people + 2, "only the mails of that worker are repeated");
    let trouble: Option<String> =
        home.sql().query_row("SELECT trouble FROM relay", [], |row| row.get(0)).expect("a row");
    assert_eq!(trouble, None, "the relay is not blamed for it");
}

/// Repeated worker panics need a fresh process, which systemd starts.
#[test]
fn two_worker_panics_within_ten_minutes_end_the_daemon_and_lose_nothing() {
    let relay = relay(Vec::new());
    let home = Home::peopled(40, relay.port());
    let mut daemon =
        Running::start_with(&home, &["daemon"], &[("FAILPOINTS", "worker.reports=9*off->return(error)")]);
    let status = daemon.ends();
    assert_eq!(status.code(), Some(1), "{}", daemon.said());
    daemon.says("a connection to the mail server crashed twice within 10 minutes");
    let daemon = Running::daemon(&home);
    until("the others are sent", || home.count("state NOT IN ('sent', 'in_doubt')") == 0);
    home.hurry();
    all_sent(&home);
    daemon.stop();
    assert!(relay.count() <= home.people + 2 * CONNECTIONS, "only the mails of those workers are repeated");
}

/// Sets the database back as if a daemon had last run this many days ago.
fn was_last_there(home: &Home, days: i64) {
    let at = (clock::now() + TimeDelta::days(days)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    home.sql().execute("UPDATE instance SET clock_at = ?1", [at]).expect("it is written");
}

/// The clock was years ahead when a mail was last sent, or is weeks ahead now:
/// nothing is sent and nothing expires until an operator confirms the clock.
#[test]
fn an_implausible_clock_blocks_sending_until_confirmed() {
    let wrong =
        [(700, "held: the system clock shows "), (-50, "held: the system clock is +50 d 0 h later than")];
    for (last_sent, words) in wrong {
        let relay = relay(Vec::new());
        let home = Home::peopled(10, relay.port());
        was_last_there(&home, last_sent);
        let daemon = Running::daemon(&home);
        daemon.says(words);
        home.wake();
        let status = home.run(&["status"]);
        assert!(String::from_utf8_lossy(&status.stdout).contains("the system clock"), "{status:?}");
        assert_eq!(
            (relay.connections(), home.count("TRUE")),
            (0, 0),
            "nothing is booked, and nobody is asked"
        );
        home.done(&["hold", "release"]);
        if last_sent < 0 {
            daemon.says("held: nothing was sent for 50 days: 10 mails");
            home.done(&["hold", "release"]);
        }
        all_sent(&home);
        daemon.stop();
        each_once(&relay, 10);
    }
}

#[test]
fn after_days_without_a_daemon_sending_is_blocked_until_confirmed() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    was_last_there(&home, -4);
    let daemon = Running::daemon(&home);
    daemon.says("held: nothing was sent for 4 days: 10 mails are due and 0 wait");
    assert_eq!((relay.connections(), home.count("TRUE")), (0, 0));
    home.done(&["hold", "release"]);
    all_sent(&home);
    daemon.stop();
    each_once(&relay, 10);
}

/// A mail that cannot be recorded is not sent, and what was sent is known from
/// the send journal; the daemon needs no restart.
#[test]
fn on_a_full_disk_the_daemon_stays_and_continues_when_there_is_space() {
    let relay = slow(20);
    let home = Home::new(200, relay.port());
    let Some(disk) = Disk::mount(home.path("")) else {
        return skip("a full disk needs the right to mount a small one");
    };
    home.lay_out(relay.port());
    home.done(&["people", "import", "-q"]);
    let daemon = Running::daemon(&home);
    until("mails leave", || relay.count() > 20);
    disk.fill();
    daemon.says("nothing leaves until there is room");
    let left = relay.count();
    assert!(left < home.people, "all had left when it was full");
    assert!(home.count("state = 'sent'") <= left, "no false sent");
    disk.empty();
    home.wake();
    until("the others are sent", || home.count("state NOT IN ('sent', 'in_doubt')") == 0);
    home.hurry();
    all_sent(&home);
    let said = daemon.stop();
    assert_eq!(said.matches("nothing leaves until there is room").count(), 1, "{said}");
    assert!(relay.count() <= home.people + CONNECTIONS, "at most one copy per connection");
}

/// The log says why only the first mails of a staged mailing are sent.
#[test]
fn the_pause_of_a_staged_mailing_is_logged() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    home.edit("config.toml", "first_wave = 0", "first_wave = 2\nwave_pause = \"30 minutes\"");
    let daemon = Running::daemon(&home);
    daemon.says("the first mails of a mailing are sent; the rest are sent at ");
    assert_eq!((relay.count(), home.count("state = 'due'")), (2, 8));
    assert_eq!(daemon.stop().matches("the rest are sent").count(), 1);
}

#[test]
fn with_changed_zone_data_planned_mails_keep_their_local_time() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    home.edit(
        "content/journeys/host/journey.toml",
        "id = \"ett\"\n",
        "id = \"ett\"\n\n[[step]]\nid = \"tre\"\n",
    );
    let step = std::fs::read_to_string(home.path("content/journeys/host/ett.md")).expect("a step");
    home.write("content/journeys/host/tre.md", &step);
    let daemon = Running::daemon(&home);
    all_sent(&home);
    let next = || -> Vec<String> {
        let connection = home.sql();
        let mut statement =
            connection.prepare("SELECT next_at FROM position ORDER BY person_id").expect("a statement");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("an instant")).collect()
    };
    assert!(!daemon.stop().contains("time zone data"));
    // It may have stopped before it planned what comes after the delivery.
    home.done(&["send"]);
    let planned = next();
    assert_eq!(planned.len(), 10);
    // As if older zone data had put every planned time an hour off.
    home.sql()
        .execute_batch(
            "UPDATE position SET next_at = '2036-01-01T00:00:00Z';
             UPDATE instance SET decided_with = substr(decided_with, 1, instr(decided_with, ' zones ')) || 'zones 2006a'",
        )
        .expect("it is written");
    let daemon = Running::daemon(&home);
    daemon.says("time zone data 2006a → ");
    daemon.says(": 10 planned times moved; each keeps its local time");
    until("it is worked out anew", || next() == planned);
    daemon.stop();
}

/// A forgotten `sqlite3` shell keeps a read transaction open: the WAL grows,
/// that is reported, and mails are sent all the same.
#[test]
fn a_long_running_reader_is_reported_and_blocks_no_mail() {
    let relay = relay(Vec::new());
    let home = Home::peopled(40, relay.port());
    let reader = home.sql();
    reader.execute_batch("BEGIN; SELECT count(*) FROM person").expect("a reader");
    home.wake();
    // A WAL as large as after weeks; the file is sparse and takes no disk
    // space.
    let log = std::fs::OpenOptions::new().write(true).open(home.path("journey.db-wal")).expect("a log");
    log.set_len(300_000_000).expect("it grows");
    let grown = "the log of the database has grown to 300 MB";
    let status = home.run(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains(grown), "{status:?}");
    let daemon = Running::start_with(&home, &["daemon"], &[("FAILPOINTS", "store.busy=return(200)")]);
    all_sent(&home);
    daemon.says(grown);
    daemon.stop();
    reader.execute_batch("COMMIT").expect("it has read");
    let daemon = Running::daemon(&home);
    until("the log is short again", || log.metadata().expect("a log").len() < 1_000_000);
    assert!(!daemon.stop().contains(grown));
    each_once(&relay, 40);
}

/// Zone data is compiled into the program; that of the machine is not read.
#[test]
fn a_machine_without_zone_data_changes_nothing_and_an_unknown_zone_is_rejected() {
    let home = Home::peopled(3, 1);
    let dry = |directory: &str| {
        let output = home
            .command(&["send", "--dry-run", "--at", "2027-03-29T09:00", "--format", "json"])
            .env("TZDIR", directory)
            .env("TZ", "Nowhere/Atall")
            .output()
            .expect("it starts");
        (output.status.code(), output.stdout)
    };
    let there = dry("/usr/share/zoneinfo");
    assert_eq!(there.0, Some(0));
    assert!(dry(home.path("nothing").to_str().expect("a path")) == there);
    for zone in ["Pacific/Auckland", "UTC", "tzdata.zi"] {
        home.write(&format!("damaged/{zone}"), "TZif2 and no more");
    }
    assert!(dry(home.path("damaged").to_str().expect("a path")) == there);
    let zone = std::fs::read_to_string(home.path("content/programme.toml")).expect("a programme");
    let line = zone.lines().find(|line| line.starts_with("time_zone")).expect("a zone");
    home.edit("content/programme.toml", line, "time_zone = \"Europe/Ekdala\"");
    let output = home.run(&["check"]);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(matches!(output.status.code(), Some(1 | 78)) && said.contains("Europe/Ekdala"), "{said}");
    std::fs::remove_file(home.database()).expect("removed");
    assert_eq!(home.run(&["send"]).status.code(), Some(78), "nothing leaves by a guess");
}

/// The disk is slow and the relay is fast. A message is sent only after its
/// state is committed as in flight.
#[test]
fn during_a_slow_commit_nothing_more_is_sent_and_nothing_twice() {
    // The full test run uses a longer delay and the real limits.
    let (delay, limit) = if iterations(0, 1) > 0 { (6_000, 10_000) } else { (300, 100) };
    for point in ["store.settle.before", "store.flight.before"] {
        let relay = relay(Vec::new());
        let home = Home::peopled(40, relay.port());
        let slow = format!("failpoint {point}: delay {delay}");
        let failpoints = format!("{point}=3*off->1*return(delay {delay});commit.slow=return({limit})");
        let daemon = Running::start_with(&home, &["daemon"], &[("FAILPOINTS", &failpoints)]);
        daemon.says(&slow);
        let (at_first, mut most) = (relay.count(), 0);
        until("it is written", || {
            let count = relay.count();
            let written = daemon.said().contains("the database took ");
            if !written {
                most = count;
            }
            written
        });
        assert!(most <= at_first + CONNECTIONS, "{point}: {most} after {at_first}");
        daemon.says(&format!("the database took {} s to write; nothing left meanwhile", delay / 1_000));
        all_sent(&home);
        daemon.stop();
        each_once(&relay, 40);
    }
}

#[test]
fn while_the_database_is_locked_nothing_is_sent_and_nothing_lost() {
    // At the same time, because both wait for the lock.
    thread::scope(|scope| {
        for command in ["daemon", "send"] {
            scope.spawn(move || nothing_leaves_while_locked(command));
        }
    });
}

fn nothing_leaves_while_locked(command: &str) {
    let relay = slow(20);
    let home = Home::peopled(200, relay.port());
    let timeouts = ("FAILPOINTS", "store.busy=return(500);commit.slow=return(300)");
    let mut program = Running::start_with(&home, &[command], &[timeouts]);
    until("mails leave", || relay.count() > 20);
    let other = home.sql();
    other.execute_batch("BEGIN IMMEDIATE").expect("it is ours");
    let before = relay.count();
    program.says("another program has been writing to the database for 5 s");
    // Only what had been committed as in flight before was sent, because
    // nothing could be committed afterwards.
    assert!(relay.count() <= before + CONNECTIONS, "{} after {before}", relay.count());
    other.execute_batch("COMMIT").expect("it is anybody's");
    all_sent(&home);
    program.says("the database took ");
    if command == "daemon" {
        program.stop();
    } else {
        assert_eq!(program.ends().code(), Some(0), "{}", program.said());
    }
    each_once(&relay, home.people);
}

#[test]
fn a_daemon_waits_for_a_locked_database() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    home.edit("config.toml", "[daemon]\n", "[daemon]\nimport_people = true\n");
    let mut daemon = Running::start_with(&home, &["daemon"], &[("FAILPOINTS", "store.busy=return(500)")]);
    daemon.says("ready");
    all_sent(&home);
    let other = home.sql();
    other.execute_batch("BEGIN IMMEDIATE").expect("it is ours");
    daemon.signal(Signal::HUP);
    daemon.says("another program has been writing to the database for 5 s");
    assert!(daemon.is_running());
    other.execute_batch("COMMIT").expect("it is anybody's");
    home.write("people.csv", &people_file(11));
    found(&home, &daemon, "the people file changed and is imported");
    daemon.stop();
}

#[test]
fn a_hold_stops_a_running_mailing_of_the_daemon() {
    let relay = slow(50);
    let home = Home::peopled(200, relay.port());
    let daemon = Running::daemon(&home);
    until("mails leave", || relay.count() > 20);
    home.done(&["hold", "--reason", "the wrong one"]);
    let held_at = relay.count();
    // Longer than any reply takes.
    thread::sleep(Duration::from_secs(1));
    let after = relay.count();
    assert!(after <= held_at + CONNECTIONS, "{after} sent, {held_at} of them before the hold");
    assert!(after < home.people, "the hold came too late to say anything");
    home.done(&["hold", "release"]);
    all_sent(&home);
    daemon.stop();
    each_once(&relay, home.people);
}

#[test]
fn broken_content_is_reported_and_the_last_valid_stays_active() {
    let relay = slow(30);
    let home = Home::peopled(100, relay.port());
    let daemon = Running::daemon(&home);
    until("mails leave", || relay.count() > 0);
    home.edit("content/journeys/host/ett.md", "{{person.unit}}", "{{person.unti}}");
    daemon.signal(Signal::HUP);
    daemon.says("the last good content stays in force");
    let said = daemon.said();
    assert!(said.contains("content: reload failed at ") && said.contains("ett.md:8:"), "{said}");
    assert!(relay.count() < home.people, "all had left when it was said");
    all_sent(&home);
    let with_unit = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("tips fr=C3=A5n Enhet ");
    assert!(relay.accepted().iter().all(|mail| with_unit(&mail.bytes)), "the words that were good");
    home.edit("content/journeys/host/ett.md", "{{person.unti}}", "{{person.unit}}!");
    daemon.signal(Signal::HUP);
    daemon.says("is in force");
    daemon.stop();
    each_once(&relay, home.people);
}

#[test]
fn the_daemon_notices_changed_files_without_a_signal() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    home.edit("config.toml", "[daemon]\n", "[daemon]\nimport_people = true\n");
    let daemon = Running::daemon(&home);
    all_sent(&home);
    // A person who joins gets the first mail at the next full hour.
    for n in 1..=3 {
        home.write("people.csv", &people_file(10 + n));
        found_again(&home, &daemon, "the people file changed and is imported", n);
    }
    home.edit("content/journeys/host/ett.md", "ett tips", "ännu ett tips");
    found(&home, &daemon, "is in force");
    daemon.stop();
    let people: i64 =
        home.sql().query_row("SELECT count(*) FROM person", [], |row| row.get(0)).expect("a number");
    assert_eq!(people, 13);
}

#[test]
fn a_write_during_a_pass_is_noticed_after_it() {
    let relay = slow(1_000);
    let home = Home::peopled(CONNECTIONS, relay.port());
    let daemon = Running::daemon(&home);
    until("mails are on their way", || relay.count() == CONNECTIONS);
    let guard = "INSERT INTO guard (kind, at, message) VALUES ('outage', '2026-12-01T07:00:00Z', 'a test')";
    home.sql().execute(guard, []).expect("it is written");
    let watch = Stopwatch::start();
    daemon.says("held: a test");
    // Not only at the poll of the next minute.
    assert!(watch.elapsed() < Duration::from_secs(30), "{:?}", watch.elapsed());
    daemon.stop();
}

#[test]
fn without_the_setting_the_daemon_does_not_import_people() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    let daemon = Running::daemon(&home);
    all_sent(&home);
    home.write("people.csv", &people_file(11));
    home.edit("content/journeys/host/ett.md", "ett tips", "ännu ett tips");
    found(&home, &daemon, "is in force");
    for _ in 0..3 {
        home.wake();
        thread::sleep(Duration::from_millis(400));
    }
    assert!(!daemon.said().contains("people"), "{}", daemon.said());
    daemon.stop();
}

/// Wakes the daemon until its output contains this text.
pub(super) fn found(home: &Home, daemon: &Running, words: &str) {
    found_again(home, daemon, words, 1);
}

/// Wakes the daemon until its output contains this text that often.
fn found_again(home: &Home, daemon: &Running, words: &str, times: usize) {
    until(words, || {
        home.wake();
        thread::sleep(Duration::from_millis(100));
        daemon.said().matches(words).count() >= times
    });
}
