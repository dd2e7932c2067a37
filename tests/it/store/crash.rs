//! The program is killed again and again, whatever it is doing; at the end the
//! result is the same as without kills.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::faults::killed;
use super::sqlite::{column, connect, tables};
use super::{Home, files};
use crate::crash::iterations;

const SEND: &[&str] = &["send", "-q", "--at", "2026-12-01T08:30"];
const IMPORT: &[&str] = &["people", "import", "-q", "--at", "2026-11-24T09:00"];

/// Starts the program and kills it after a delay, unless it ends before; true
/// if it was killed.
fn kill_after(home: &Home, arguments: &[&str], delay: Duration) -> bool {
    let mut command = home.command(arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    sleep(delay);
    child.kill().expect("killed, or done");
    !child.wait().expect("it ends").success()
}

/// How long it takes without a kill: delays are fractions of that, so that they
/// are in range on any machine.
#[expect(clippy::disallowed_methods, reason = "it measures the program from outside")]
fn undisturbed(home: &Home, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    home.done(arguments);
    begun.elapsed()
}

/// Asserts that the outbox has exactly one mail for each delivery, as the
/// database describes it.
fn is_whole(home: &Home) {
    let database = connect(&home.database());
    let said = column(&database, "PRAGMA integrity_check");
    assert_eq!(said, ["ok"]);
    let open = column(&database, "SELECT state FROM delivery WHERE state <> 'sent'");
    assert!(open.is_empty(), "{open:?}");
    let mut booked = column(&database, "SELECT message_id FROM delivery");
    let outbox = home.outbox();
    let mut written: Vec<String> = outbox
        .iter()
        .map(|(name, bytes)| {
            assert!(name.ends_with(".eml"), "{name} is left");
            let mail = String::from_utf8_lossy(bytes);
            let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("a name");
            id.trim().to_owned()
        })
        .collect();
    booked.sort_unstable();
    written.sort_unstable();
    assert_eq!(written, booked, "nobody twice, and each there");
    let events = column(&database, "SELECT count(*) || '' FROM event WHERE what = 'mailed'");
    assert_eq!(events, [booked.len().to_string()], "an event each");
}

#[test]
fn a_repeatedly_killed_mailing_sends_each_mail_once_and_complete() {
    let home = Home::with(usize::MAX);
    home.done(IMPORT);
    let never_killed = home.twin();
    let whole = undisturbed(&never_killed, SEND);
    is_whole(&never_killed);
    let expected = never_killed.outbox();
    assert!(expected.len() > 1_000, "several batches");
    let mut kills = 0;
    for round in 0..u32::try_from(iterations(2, 3)).expect("few") {
        let home = home.twin();
        for kill in 0..9 {
            kills += usize::from(kill_after(&home, SEND, whole * (8 + 2 * kill + round) / 40));
            // What exists so far is complete and final.
            for (name, bytes) in home.outbox() {
                assert!(!name.ends_with(".eml") || expected[&name] == bytes, "{name}");
            }
        }
        home.done(SEND);
        is_whole(&home);
        assert!(home.outbox() == expected, "as a run that was never killed");
        home.done(SEND);
        assert!(home.outbox() == expected, "and nobody gets anything again");
    }
    println!("killed {kills} times");
    assert!(kills >= iterations(3, 5), "killed {kills} times only");
}

#[test]
fn an_import_killed_half_way_is_all_or_nothing() {
    let home = Home::with(usize::MAX);
    let never_killed = home.twin();
    let whole = undisturbed(&never_killed, IMPORT);
    let expected = people(&never_killed);
    let (mut kills, mut done) = (0, 0);
    let parts = u32::try_from(iterations(7, 12)).expect("few");
    for kill in 0..parts {
        let home = home.twin();
        kills += usize::from(kill_after(&home, IMPORT, whole * kill / parts));
        if home.database().exists() {
            let found = people(&home);
            assert!(found.is_empty() || found == expected, "{} of {}", found.len(), expected.len());
            done += usize::from(!found.is_empty());
        }
        home.done(IMPORT);
        assert!(people(&home) == expected);
        let beside: Vec<String> = files(home.folder.path()).into_keys().collect();
        let left: Vec<&String> = beside.iter().filter(|name| name.contains("half")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    println!("killed {kills} times, {done} of them after it was done");
    assert!(kills >= iterations(2, 3), "killed {kills} times only");
}

#[test]
fn a_second_import_killed_half_way_is_all_or_nothing() {
    let home = Home::with(usize::MAX);
    home.done(IMPORT);
    let before = people(&home);
    let text = std::fs::read_to_string(home.path("people.csv")).expect("people");
    let lines: Vec<&str> = text.lines().take(1_300).collect();
    let other = lines.join("\n").replace("Vård och omsorg", "Omsorg") + "\n";
    std::fs::write(home.path("people.csv"), other).expect("other people");
    let second = &["people", "import", "-q", "--at", "2026-11-25T09:00"];
    let never_killed = home.twin();
    let whole = undisturbed(&never_killed, second);
    let expected = people(&never_killed);
    assert!(expected != before);
    let parts = u32::try_from(iterations(5, 8)).expect("few");
    for kill in 1..=parts {
        let home = home.twin();
        kill_after(&home, second, whole * kill / (parts + 1));
        let found = people(&home);
        assert!(found == before || found == expected, "between");
        home.done(second);
        assert!(people(&home) == expected);
    }
}

/// The people in the database.
fn people(home: &Home) -> Vec<String> {
    let mut tables = tables(&home.database());
    tables.remove("person").unwrap_or_default()
}

/// A read-only command does not change the files that a killed run left, not
/// even the index of the WAL.
#[test]
fn read_only_commands_after_a_kill_change_no_byte_and_see_everything() {
    let home = killed();
    let looks: [&[&str]; 4] = [
        &["status", "--format", "json", "--at", "2026-12-01T08:30"],
        &["why", "1001", "--at", "2026-12-01T08:30"],
        &["send", "--dry-run", "--at", "2026-12-01T08:30"],
        &["pause", "--person", "1001", "--reason", "x", "--dry-run", "--at", "2026-12-01T08:30"],
    ];
    let without_index = home.twin();
    std::fs::remove_file(without_index.path("journey.db-shm")).expect("an index");
    for home in [&home, &without_index] {
        let before = files(home.folder.path());
        let mut said = String::new();
        for look in looks {
            let output = home.run(look);
            assert!(output.status.success(), "{look:?}: {}", String::from_utf8_lossy(&output.stderr));
            said += &String::from_utf8_lossy(&output.stdout);
            assert!(files(home.folder.path()) == before, "{look:?}: a file appeared, changed or went");
        }
        assert!(said.contains("\"sent\""), "what stands in the log is seen: {said}");
    }
    // A writing command checkpoints the WAL.
    let outbox = home.outbox();
    home.done(SEND);
    is_whole(&home);
    assert!(home.outbox() == outbox);
    assert!(!home.path("journey.db-wal").exists(), "taken over, and gone");
}
