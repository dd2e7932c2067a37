//! Backup and restore with the built program: during writes, killed half-way,
//! into folders that are full, missing or owned by others, and from files that
//! are no backup.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use super::faults::{Disk, NOBODY, as_nobody, give_away, imported, is_root, killed, mode, noise, set_mode};
use super::sqlite::{column, connect, tables};
use super::{Home, SOME, files, skip, told};
use crate::crash::iterations;

const SEND: &[&str] = &["send", "-q", "--at", "2026-12-01T08:30"];

fn backup(to: &str) -> [&str; 4] {
    ["backup", to, "--at", "2026-12-01T20:00"]
}

fn restore(from: &str) -> [&str; 4] {
    ["restore", from, "--at", "2026-12-02T08:00"]
}

/// A home with mails sent, and a backup beside the database.
fn backed_up() -> Home {
    let home = imported(SOME);
    home.done(SEND);
    home.done(&backup("copy.db"));
    home
}

/// The rows of a database without what a backup itself records.
fn rows(path: &Path) -> Vec<(String, Vec<String>)> {
    let mut tables = tables(path);
    // A restore is recorded in hold and audit log.
    for table in ["instance", "hold", "audit"] {
        tables.remove(table);
    }
    tables.into_iter().collect()
}

fn one(path: &Path, sql: &str) -> String {
    column(&connect(path), sql).concat()
}

#[test]
fn a_backup_is_one_private_file_that_records_when_it_was_made() {
    let home = backed_up();
    let copy = home.path("copy.db");
    assert_eq!(mode(&copy), 0o600);
    assert!(rows(&copy) == rows(&home.database()));
    for path in [&copy, &home.database()] {
        assert_eq!(one(path, "SELECT backed_up_at FROM instance"), "2026-12-01T19:00:00Z");
    }
    let beside: Vec<String> =
        files(home.folder.path()).into_keys().filter(|name| name.starts_with("copy")).collect();
    assert_eq!(beside, ["copy.db"]);
    // A nightly job with one file name.
    home.done(SEND);
    let again = home.run(&["backup", "copy.db", "--at", "2026-12-02T20:00"]);
    told(&again, 0);
    assert!(String::from_utf8_lossy(&again.stdout).contains("in place of the earlier one"));
    assert_eq!(one(&copy, "SELECT backed_up_at FROM instance"), "2026-12-02T19:00:00Z");
}

#[test]
fn each_backup_during_writes_is_complete_and_consistent() {
    let home = imported(SOME);
    let database = connect(&home.database());
    database
        .execute_batch("CREATE TABLE pair (a INTEGER, b INTEGER); INSERT INTO pair VALUES (0, 0);")
        .expect("a table");
    let done = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let connection = connect(&home.database());
            connection.busy_timeout(Duration::from_secs(10)).expect("patience");
            let mut n = 0_i64;
            while !done.load(Ordering::Relaxed) {
                n += 1;
                // Related rows are written with other work in between.
                let sql = format!(
                    "BEGIN IMMEDIATE; UPDATE pair SET a = {n};
                     INSERT INTO audit (at, by_name, action, subject, before, after)
                     VALUES ('2026-12-01T07:30:00Z', 'x', 'x', 'x', '', hex(zeroblob(200)));
                     UPDATE pair SET b = {n}; COMMIT;"
                );
                connection.execute_batch(&sql).expect("written");
                sleep(Duration::from_millis(1));
            }
            n
        });
        let mut moments = Vec::new();
        for _ in 0..iterations(40, 100) {
            home.done(&backup("copy.db"));
            let copy = connect(&home.path("copy.db"));
            assert_eq!(column(&copy, "PRAGMA integrity_check"), ["ok"]);
            let pair: (i64, i64) = copy
                .query_row("SELECT a, b FROM pair", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .expect("a row");
            assert_eq!(pair.0, pair.1, "half a transaction is in it");
            let lines: i64 = copy
                .query_row("SELECT count(*) FROM audit WHERE by_name = 'x'", [], |row| row.get(0))
                .expect("a number");
            assert_eq!(lines, pair.0, "half a transaction is in it");
            moments.push(pair.0);
        }
        done.store(true, Ordering::Relaxed);
        let written = writer.join().expect("it wrote");
        assert!(moments.is_sorted(), "{moments:?}");
        moments.dedup();
        println!("{} moments of {written} transactions", moments.len());
        assert!(moments.len() > iterations(20, 50), "nobody wrote meanwhile: {} moments", moments.len());
        written
    });
    assert_eq!(one(&home.database(), "SELECT a || '' FROM pair"), written.to_string(), "no write was lost");
}

#[test]
fn backups_during_a_mailing_do_not_disturb_it() {
    let home = imported(usize::MAX);
    let undisturbed = home.twin();
    undisturbed.done(SEND);
    let mut child =
        home.command(SEND).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut meanwhile = 0;
    while child.try_wait().expect("a child").is_none() {
        home.done(&backup("copy.db"));
        assert_eq!(one(&home.path("copy.db"), "PRAGMA integrity_check"), "ok");
        meanwhile += 1;
    }
    assert!(child.wait().expect("it ends").success());
    assert!(meanwhile > 0);
    assert!(home.outbox() == undisturbed.outbox());
}

#[test]
fn a_failed_backup_leaves_the_earlier_one_and_its_age() {
    let home = backed_up();
    let before = files(home.folder.path());
    let said = home.refused(&backup("missing/copy.db"), 73);
    assert!(said.contains("cannot make missing/copy.db") && said.contains("create the folder"), "{said}");
    let said = home.refused(&backup("content"), 73);
    assert!(said.contains("is a folder"), "{said}");
    let said = home.refused(&backup("people.csv"), 73);
    assert!(said.contains("is not a backup of this database; it is left as it is"), "{said}");
    for own in ["journey.db", "./journey.db", "journey.db-wal", "journey.lock"] {
        let said = home.refused(&backup(own), 73);
        assert!(said.contains("belongs to the database itself"), "{said}");
    }
    let said = home.refused(&backup("/dev/null"), 73);
    assert!(said.contains("is not a regular file"), "{said}");
    assert!(files(home.folder.path()) == before, "a file appeared, changed or went");
    let status = |at: &str| {
        let mut command = home.command(&["status", "--at", at]);
        let output = command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines()
            .find_map(|line| line.split_once("the last backup was made "))
            .expect("a line")
            .1
            .to_owned()
    };
    assert_eq!(status("2026-12-03T08:00"), "Tue 1 Dec 2026 20:00", "36 hours are a night and a morning");
    let red = "Tue 1 Dec 2026 20:00, \u{1b}[1m\u{1b}[31m37 hours ago\u{1b}[0m";
    assert_eq!(status("2026-12-03T09:00"), red);
}

#[test]
fn a_backup_to_a_full_disk_leaves_the_earlier_one() {
    let home = imported(SOME);
    let Some(disk) = Disk::mount(home.path("disk")) else {
        return skip("a full disk needs the right to mount a small disk");
    };
    // A backup to another file system than that of the database is normal.
    home.done(&backup("disk/copy.db"));
    home.done(SEND);
    let before = fs::read(disk.at.join("copy.db")).expect("a backup");
    let age = one(&home.database(), "SELECT backed_up_at FROM instance");
    disk.fill();
    let said = home.refused(&["backup", "disk/copy.db", "--at", "2026-12-05T20:00"], 74);
    assert!(said.contains("no room for") && said.contains("free some disk space"), "{said}");
    assert!(fs::read(disk.at.join("copy.db")).expect("a backup") == before);
    assert!(!disk.at.join("copy.db.half").exists());
    assert_eq!(one(&home.database(), "SELECT backed_up_at FROM instance"), age);
    disk.empty();
    home.done(&backup("disk/copy.db"));
}

/// A backup with more in it than the database must not be overwritten.
#[test]
fn a_newer_backup_and_one_of_another_database_are_never_replaced() {
    let home = imported(SOME);
    home.done(&backup("early.db"));
    home.done(SEND);
    home.done(&backup("late.db"));
    let late = fs::read(home.path("late.db")).expect("a backup");
    home.done(&restore("early.db"));
    let said = home.refused(&backup("late.db"), 73);
    assert!(said.contains("knows more than the database does now"), "{said}");
    let stranger = imported(SOME);
    let copy = home.path("late.db");
    let said = stranger.refused(&backup(&copy.to_string_lossy()), 73);
    assert!(said.contains("is a backup of another database"), "{said}");
    assert!(fs::read(copy).expect("a backup") == late);
}

#[test]
fn an_unwritable_backup_folder_is_named_and_root_is_referred_to_the_owner() {
    let home = backed_up();
    fs::create_dir(home.path("vault")).expect("a folder");
    give_away(home.folder.path());
    set_mode(&home.path("vault"), 0o555);
    let to = backup("vault/copy.db");
    let Some(output) = as_nobody(&home, &to) else {
        return skip("permissions need setpriv, or not to be root");
    };
    let said = told(&output, 77);
    assert!(said.contains("vault/copy.db") && said.contains("the folder must be writable"), "{said}");
    set_mode(&home.path("vault"), 0o755);
    told(&as_nobody(&home, &to).expect("it starts"), 0);
    if is_root() {
        let before = files(home.folder.path());
        for arguments in [backup("vault/copy.db"), restore("copy.db")] {
            let said = home.refused(&arguments, 77);
            assert!(said.contains("belongs to another user") && said.contains("sudo -u"), "{said}");
        }
        assert!(files(home.folder.path()) == before, "a file appeared, changed or went");
        fs::remove_file(home.database()).expect("removed");
        let said = home.refused(&restore("copy.db"), 77);
        assert!(said.contains("belongs to another user"), "{said}");
    }
    told(&as_nobody(&home, &restore("copy.db")).expect("it starts"), 0);
    for entry in fs::read_dir(home.folder.path()).expect("a folder") {
        let owner = entry.expect("an entry").metadata().expect("a file").uid();
        assert!(!is_root() || owner == NOBODY);
    }
}

#[test]
fn a_restore_reproduces_the_database_holds_sending_and_keeps_the_old_one() {
    let home = imported(SOME);
    home.done(&backup("copy.db"));
    let then = rows(&home.database());
    home.done(SEND);
    let late = rows(&home.database());
    let output = home.run(&restore("copy.db"));
    told(&output, 0);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("a backup of Tue 1 Dec 2026 20:00") && said.contains("all sending is held"),
        "{said}"
    );
    assert!(rows(&home.database()) == then);
    assert_eq!(mode(&home.database()), 0o600);
    let aside = home.path("journey.db.before-restore-2026-12-02T070000Z");
    assert!(rows(&aside) == late, "what was there is kept");
    // Nothing is sent before the operator has confirmed.
    let outbox = home.outbox();
    home.done(&["send", "-q", "--at", "2026-12-02T08:30"]);
    assert!(home.outbox() == outbox);
    assert_eq!(one(&home.database(), "SELECT action FROM audit ORDER BY id DESC LIMIT 1"), "restore");
    // The file that was kept can be restored in turn.
    home.done(&restore("journey.db.before-restore-2026-12-02T070000Z"));
    assert!(rows(&home.database()) == late);
}

#[test]
fn a_restore_on_a_new_machine_creates_the_database() {
    let home = backed_up();
    let machine = Home::with(SOME);
    let from = home.path("copy.db");
    machine.done(&restore(&from.to_string_lossy()));
    assert!(rows(&machine.database()) == rows(&home.database()));
    assert_eq!(mode(&machine.database()), 0o600);
}

#[test]
fn a_file_copy_without_its_wal_is_distinguished_from_a_backup() {
    let home = killed();
    let whole = home.twin();
    let events = |home: &Home| one(&home.database(), "SELECT count(*) || '' FROM event");
    assert_ne!(events(&whole), "0");
    fs::copy(home.database(), home.path("cp.db")).expect("a copy");
    let before = files(home.folder.path());
    let said = home.refused(&restore("cp.db"), 80);
    assert!(said.contains("if it was copied while journey ran, what was last written is missing"), "{said}");
    assert!(said.contains("--plain-copy"), "{said}");
    assert!(files(home.folder.path()) == before, "a file appeared, changed or went");
    // With its WAL it is complete.
    fs::copy(home.path("journey.db-wal"), home.path("cp.db-wal")).expect("a copy");
    home.done(&restore("cp.db"));
    assert_eq!(events(&home), events(&whole));
    // The operator may have nothing else.
    fs::remove_file(home.path("cp.db-wal")).expect("removed");
    let mut accepted = restore("cp.db").to_vec();
    accepted.push("--plain-copy");
    home.done(&accepted);
    assert_eq!(events(&home), "0", "what was in the log is missing");
}

#[test]
fn an_unusable_backup_is_rejected_before_anything_changes() {
    let home = backed_up();
    let good = fs::read(home.path("copy.db")).expect("a backup");
    let mut page = good.clone();
    page[4096 * 7..4096 * 8].copy_from_slice(&noise(7, 4096));
    let cases: [(&str, &[u8], i32, &str); 5] = [
        ("a page", &page, 65, "integrity check failed"),
        ("half", &good[..good.len() / 2 / 4096 * 4096], 65, "integrity check failed"),
        ("empty", &[], 65, "is empty"),
        ("noise", &noise(1, 9000), 65, "is not an SQLite database"),
        ("text", b"id;name\n", 65, "is not an SQLite database"),
    ];
    for (case, bytes, code, why) in cases {
        fs::write(home.path("bad.db"), bytes).expect("a file");
        let before = files(home.folder.path());
        let said = home.refused(&restore("bad.db"), code);
        assert!(said.contains(why) && said.contains("take another backup"), "{case}: {said}");
        assert!(files(home.folder.path()) == before, "{case}: a file appeared, changed or went");
    }
    connect(&home.path("copy.db")).pragma_update(None, "user_version", 99).expect("a newer one");
    let said = home.refused(&restore("copy.db"), 78);
    assert!(said.contains("database schema 99"), "{said}");
    home.refused(&restore("nowhere.db"), 74);
    home.refused(&restore("journey.db"), 80);
}

/// The existing database may be unreadable; it is kept byte for byte, with its
/// WAL.
#[test]
fn a_restore_moves_a_damaged_database_aside_byte_for_byte() {
    let home = killed();
    let good = backed_up();
    let from = good.path("copy.db").to_string_lossy().into_owned();
    let mut bytes = fs::read(home.database()).expect("a database");
    for page in 1..bytes.len() / 4096 {
        bytes[page * 4096..(page + 1) * 4096].copy_from_slice(&noise(page, 4096));
    }
    fs::write(home.database(), &bytes).expect("damaged");
    let log = fs::read(home.path("journey.db-wal")).expect("a log");
    home.done(&restore(&from));
    assert!(rows(&home.database()) == rows(&good.database()));
    let aside = "journey.db.before-restore-2026-12-02T070000Z";
    assert!(fs::read(home.path(aside)).expect("kept") == bytes);
    assert!(fs::read(home.path(&format!("{aside}-wal"))).expect("kept") == log);
    assert!(!home.path("journey.db-wal").exists());
    home.done(&["status", "--at", "2026-12-02T09:00"]);
}

#[test]
fn a_restore_fails_at_once_while_others_send_or_write() {
    let home = backed_up();
    let mut lock = home.command(SEND);
    let file = fs::File::open(home.path("journey.lock")).expect("a lock");
    file.lock().expect("locked");
    let before = files(home.folder.path());
    let said = home.refused(&restore("copy.db"), 75);
    assert!(said.contains("holds journey.lock"), "{said}");
    let mut dry = restore("copy.db").to_vec();
    dry.push("--dry-run");
    home.refused(&dry, 75);
    assert!(files(home.folder.path()) == before, "a file appeared, changed or went");
    drop(file);
    // A shell that has the database open for writing.
    let shell = connect(&home.database());
    shell.execute_batch("BEGIN IMMEDIATE; UPDATE instance SET unparsed = unparsed").expect("it writes");
    let said = home.refused_as_busy(&restore("copy.db"));
    assert!(said.contains("another program has journey.db open"), "{said}");
    drop(shell);
    let before = files(home.folder.path());
    told(&home.run(&dry), 0);
    assert!(files(home.folder.path()) == before, "a dry run changed something");
    home.done(&restore("copy.db"));
    assert!(lock.status().expect("it runs").success());
}

#[test]
fn a_restore_killed_at_any_moment_is_complete_or_not_begun() {
    let home = imported(usize::MAX);
    home.done(&backup("copy.db"));
    home.done(SEND);
    let (before, after) = (rows(&home.database()), rows(&home.path("copy.db")));
    assert!(before != after);
    let never_killed = home.twin();
    let whole = time(|| never_killed.done(&restore("copy.db")));
    let (mut kills, mut done) = (0, 0);
    let parts = u32::try_from(iterations(11, 22)).expect("few");
    for n in 0..parts + 2 {
        let home = home.twin();
        kills += usize::from(kill(&home, &restore("copy.db"), whole * n / parts));
        let found = rows(&home.database());
        assert!(found == before || found == after, "between, killed after {n} of {parts}");
        done += usize::from(found == after);
        home.done(&restore("copy.db"));
        assert!(rows(&home.database()) == after);
    }
    println!("killed {kills} times; {done} were after");
    assert!(kills >= iterations(3, 5), "killed {kills} times only");
}

#[test]
fn a_backup_killed_at_any_moment_leaves_the_earlier_one_or_the_new_one() {
    let home = imported(usize::MAX);
    home.done(&backup("copy.db"));
    let earlier = rows(&home.path("copy.db"));
    home.done(SEND);
    let now = rows(&home.database());
    let never_killed = home.twin();
    let whole = time(|| never_killed.done(&backup("copy.db")));
    let mut kills = 0;
    let parts = u32::try_from(iterations(8, 15)).expect("few");
    for n in 0..=parts {
        let home = home.twin();
        kills += usize::from(kill(&home, &backup("copy.db"), whole * n / parts));
        let found = rows(&home.path("copy.db"));
        assert!(found == earlier || found == now, "between, killed after {n} of {parts}");
        home.done(&backup("copy.db"));
        assert!(rows(&home.path("copy.db")) == now);
        assert!(!home.path("copy.db.half").exists(), "what a kill left is cleared away");
    }
    assert!(kills >= iterations(3, 5), "killed {kills} times only");
}

/// A crash during the restore over a damaged database leaves a placeholder that
/// every command rejects, until the restore is repeated.
#[test]
fn an_interrupted_restore_over_a_damaged_database_is_rejected_until_repeated() {
    let home = backed_up();
    let copy = fs::read(home.path("copy.db")).expect("a backup");
    fs::write(home.database(), "a restore was interrupted here; run it again: journey restore FILE\n")
        .expect("a plug");
    fs::write(home.path("journey.db-wal"), noise(3, 5000)).expect("an old log");
    for arguments in [SEND, &["people", "import", "--at", "2026-12-02T09:00"], &["status"]] {
        home.refused(arguments, 65);
    }
    home.done(&restore("copy.db"));
    assert!(!home.path("journey.db-wal").exists());
    assert!(rows(&home.database()) == rows(&home.path("copy.db")));
    assert!(fs::read(home.path("copy.db")).expect("a backup") == copy);
}

#[expect(clippy::disallowed_methods, reason = "it measures the program from outside")]
fn time(what: impl FnOnce()) -> Duration {
    let begun = std::time::Instant::now();
    what();
    begun.elapsed()
}

/// Starts the program and kills it after a delay, unless it ends before.
fn kill(home: &Home, arguments: &[&str], delay: Duration) -> bool {
    let mut command = home.command(arguments);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    sleep(delay);
    child.kill().expect("killed, or done");
    !child.wait().expect("it ends").success()
}
