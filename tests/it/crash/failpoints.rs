//! The program dies, fails or waits at a failpoint (`src/failpoint.rs`) and is
//! restarted until nothing is due; afterwards the delivery guarantees must
//! hold. Random kills hardly ever hit the few instructions between two
//! failpoints; here each one is hit, or the test fails. `scenes` has the setup
//! around each failpoint and what must hold after it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use super::iterations;
use super::scenes::{How, Scene, Stage};

/// The failpoints, the scene each is reached in, and how often it is passed
/// before it acts.
const POINTS: &[(&str, Scene, usize)] = &[
    // A database is created.
    ("store.migrate", Scene::First, 2),
    ("store.make", Scene::First, 0),
    ("store.content.before", Scene::First, 0),
    ("store.content.after", Scene::First, 0),
    ("store.import.before", Scene::First, 0),
    ("store.import.after", Scene::First, 0),
    // A sender starts.
    ("store.reconcile", Scene::Relay, 0),
    ("fence.mark", Scene::Relay, 0),
    ("fence.before", Scene::Relay, 0),
    ("fence.after", Scene::Relay, 0),
    ("store.run.before", Scene::Relay, 0),
    ("store.run.after", Scene::Relay, 0),
    ("store.book.before", Scene::Relay, 0),
    ("store.book.after", Scene::Relay, 0),
    ("store.positions", Scene::Relay, 0),
    // A mail is announced to the relay while its turn is committed.
    ("relay.connect", Scene::Relay, 0),
    ("relay.tls", Scene::Relay, 0),
    ("relay.auth", Scene::Relay, 0),
    ("relay.mail", Scene::Relay, 5),
    ("relay.rcpt", Scene::Steps, 4),
    ("relay.data", Scene::Steps, 6),
    ("relay.rset", Scene::Refused, 0),
    ("worker.permitted", Scene::Relay, 4),
    ("store.flight.before", Scene::Relay, 3),
    ("store.flight.after", Scene::Relay, 5),
    // Its data is sent and the reply is read.
    ("relay.words", Scene::Relay, 6),
    ("relay.half", Scene::Long, 4),
    ("relay.reply", Scene::Relay, 7),
    ("relay.told", Scene::Relay, 5),
    ("worker.reports", Scene::Relay, 6),
    ("journal.before", Scene::Relay, 3),
    ("journal.after", Scene::Relay, 4),
    ("store.settle.before", Scene::Relay, 3),
    ("store.settle.after", Scene::Relay, 4),
    ("relay.quit", Scene::Relay, 0),
    ("store.relay", Scene::Relay, 0),
    // Mails are written as files.
    ("files.write", Scene::Files, 5),
    ("files.half", Scene::Files, 6),
    ("files.name", Scene::Files, 7),
    ("files.named", Scene::Files, 8),
    ("files.sync", Scene::Files, 0),
    // Mails are handed to a sendmail program.
    ("sendmail.start", Scene::Sendmail, 3),
    ("sendmail.ended", Scene::Sendmail, 4),
    // The daemon.
    ("daemon.reload", Scene::Daemon, 0),
    ("daemon.import", Scene::Daemon, 0),
    ("daemon.wake", Scene::Daemon, 0),
    // A backup is made and restored.
    ("copy.fill", Scene::Backup, 0),
    ("copy.change", Scene::Backup, 0),
    ("copy.name", Scene::Backup, 0),
    ("copy.named", Scene::Backup, 0),
    ("backup.remember", Scene::Backup, 0),
    ("copy.fill", Scene::Restore, 0),
    ("copy.change", Scene::Restore, 0),
    ("restore.shut", Scene::Restore, 0),
    ("restore.aside", Scene::Restore, 0),
    ("copy.name", Scene::Restore, 0),
    ("copy.named", Scene::Restore, 0),
    ("restore.kept", Scene::Damaged, 0),
    ("restore.plugged", Scene::Damaged, 0),
    ("restore.cleared", Scene::Damaged, 0),
    ("copy.named", Scene::Damaged, 0),
];

/// Failpoints that are not exercised here, each with the reason.
const NOT_PLAYED: &[(&str, &str)] = &[
    ("clock.moves", "the clocks fail in no other way: `clocks` moves them"),
    ("relay.dot", "shortens a timeout in the shutdown tests: no action takes place there"),
    ("commit.slow", "shortens a limit in the slow-commit test: no action takes place there"),
    ("daemon.hangs", "shortens a limit in the watchdog tests: no action takes place there"),
    ("daemon.poll", "shortens an interval in all tests of the daemon: no action takes place there"),
    ("store.forget", "`personal_data` has the crash while a person is forgotten"),
    ("store.forget.journal", "likewise"),
    ("store.log", "likewise, after the commit"),
    ("store.busy", "shortens a timeout in the tests of a locked database: no action takes place there"),
];

/// Number of cases that run in parallel: they mostly wait for child processes.
const AT_ONCE: usize = 4;
/// The same for cases that mostly sleep.
const WAIT_AT_ONCE: usize = 16;

fn each(how: How) {
    each_of(how, AT_ONCE, |_, _| true);
}

fn each_of(how: How, at_once: usize, is_meant: fn(&str, Scene) -> bool) {
    let stage = Stage::new();
    let left = Mutex::new(POINTS.iter().filter(|(point, scene, _)| is_meant(point, *scene)));
    let faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let Some((point, scene, after)) = left.lock().expect("nobody panics with it").next()
                    else {
                        return;
                    };
                    let played = catch_unwind(AssertUnwindSafe(|| stage.play(point, *scene, *after, how)));
                    if let Err(said) = played {
                        let said =
                            said.downcast::<String>().map_or_else(|_| "it failed".into(), |said| *said);
                        let fault = format!("{point} ({scene:?}): {said}");
                        faults.lock().expect("nobody panics with it").push(fault);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().expect("nobody panics with it");
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), POINTS.len(), faults.join("\n"));
}

#[test]
fn a_crash_at_each_failpoint_loses_nothing_and_repeats_at_most_one_mail_per_connection() {
    each(How::Abort);
}

#[test]
fn an_error_at_each_failpoint_loses_nothing_and_is_reported() {
    each(How::Error);
}

#[test]
fn a_delay_at_each_failpoint_loses_and_repeats_nothing() {
    each_of(How::Delay, iterations(AT_ONCE, WAIT_AT_ONCE), |_, _| true);
}

/// Before and after each commit of a mailing.
#[test]
fn killed_at_each_database_failpoint_it_leaves_exactly_what_was_committed() {
    each_of(How::Kill, AT_ONCE, |point, scene| {
        point.starts_with("store.") && matches!(scene, Scene::First | Scene::Relay)
    });
}

/// Every failpoint in `src` is in the table.
#[test]
fn every_failpoint_is_in_the_table() {
    let mut named = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            let passes =
                ["failpoint::at", "points::at(", "fail_point!("].iter().any(|how| text.contains(how));
            if passes || path.ends_with("points.rs") {
                let words = text.split('"').skip(1).step_by(2);
                named.extend(words.filter(|word| is_point(word)).map(str::to_owned));
            }
        }
    }
    named.sort();
    named.dedup();
    let all: Vec<&str> = POINTS.iter().map(|(point, ..)| *point).collect();
    let all: Vec<&str> = all.into_iter().chain(NOT_PLAYED.iter().map(|(point, _)| *point)).collect();
    let left: Vec<&String> = named.iter().filter(|name| !all.contains(&name.as_str())).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(named.len() >= 24, "{}", named.len());
}

/// `area.name` or `area.name.part`, and not a host name.
fn is_point(word: &str) -> bool {
    if word == "relay.example" {
        return false;
    }
    let houses = [
        "store", "fence", "relay", "line", "journal", "files", "sendmail", "daemon", "copy", "backup",
        "restore", "clock",
    ];
    let mut parts = word.split('.');
    parts.next().is_some_and(|house| houses.contains(&house))
        && parts.clone().next().is_some()
        && parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()))
}
