//! Faults of a database, with the built program: the message, the exit code,
//! and that nothing is lost or changed. More are in `src/store/tests`, where a
//! disk is full to the page and a migration is killed at every statement.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use journey::domain::change::{Change, ChangeAuthor};
use journey::store::{Store, StoreError};

use super::sqlite::{column, connect};
use super::{DATABASES, Home, SOME, at, files, pass_over, skip, told};

const AT: &str = "2026-12-01T08:30";
const IMPORT: &[&str] = &["people", "import", "-q", "--at", "2026-11-24T09:00"];
const SEND: &[&str] = &["send", "-q", "--at", AT];
const PAUSE: &[&str] = &["pause", "--journey", "miljo", "--reason", "flood", "--at", AT];
/// A command that reads, and two that write.
const ANY: [&[&str]; 3] = [&["status", "--at", AT], SEND, PAUSE];

/// The user `nobody` on most machines.
pub(super) const NOBODY: u32 = 65534;

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

thread_local! {
    /// A temporary folder for a copy of the program.
    static COPY: tempfile::TempDir = {
        let folder = tempfile::tempdir().expect("a folder");
        set_mode(folder.path(), 0o755);
        folder
    };
}

/// Runs the program so that permissions count: as it is, or, for root, as the
/// user `nobody`, who then owns the files. `None` where that is not possible.
pub(super) fn as_nobody(home: &Home, arguments: &[&str]) -> Option<Output> {
    if !is_root() {
        return Some(home.run(arguments));
    }
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return None;
    }
    let mut program = PathBuf::from(env!("CARGO_BIN_EXE_journey"));
    let who = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let runs = Command::new(setpriv).args(who).arg(&program).arg("--version").output();
    if !runs.is_ok_and(|output| output.status.success()) {
        // It is in a folder that `nobody` cannot enter.
        program = COPY.with(|copy| {
            let copy = copy.path().join("journey");
            if !copy.exists() {
                fs::copy(&program, &copy).expect("a copy");
            }
            copy
        });
    }
    let mut command = Command::new(setpriv);
    command.args(who).arg(program).args(arguments).current_dir(home.folder.path());
    Some(command.env_clear().env("NO_COLOR", "1").output().expect("it starts"))
}

/// Gives a folder and all in it to the user `nobody`.
pub(super) fn give_away(path: &Path) {
    if !is_root() {
        return;
    }
    chown(path, Some(NOBODY), Some(NOBODY)).expect("given away");
    for entry in fs::read_dir(path).into_iter().flatten() {
        give_away(&entry.expect("an entry").path());
    }
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// A home with imported people.
pub(super) fn imported(people: usize) -> Home {
    let home = Home::with(people);
    home.done(IMPORT);
    home
}

/// A file system so small that it can be filled.
pub(crate) struct Disk {
    pub(super) at: PathBuf,
}

impl Disk {
    pub(crate) fn mount(at: PathBuf) -> Option<Disk> {
        fs::create_dir_all(&at).expect("a folder");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&at).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Disk { at })
    }

    /// Fills it.
    pub(crate) fn fill(&self) {
        use std::io::Write;
        let mut file = fs::File::create(self.at.join("filler")).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
        while file.write_all(&[0]).is_ok() {}
    }

    /// Frees the space.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.at.join("filler")).expect("removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).output();
    }
}

#[test]
fn a_full_disk_fails_every_writing_command_until_there_is_space() {
    let home = Home::with(SOME);
    let Some(disk) = Disk::mount(home.path("disk")) else {
        return skip("a full disk needs the right to mount a small disk");
    };
    let config = fs::read_to_string(home.path("config.toml")).expect("a configuration");
    let config = config.replace("\"journey.db\"", "\"disk/journey.db\"");
    fs::write(home.path("config.toml"), config).expect("a configuration");
    let full = |arguments: &[&str]| {
        disk.fill();
        let said = home.refused(arguments, 74);
        assert!(said.contains("no room on the disk") && said.contains("free some disk space"), "{said}");
        disk.empty();
    };
    full(IMPORT);
    home.done(IMPORT);
    full(IMPORT);
    full(PAUSE);
    full(SEND);
    assert!(home.outbox().is_empty(), "nothing leaves that is not booked");
    home.done(SEND);
    let twin = imported(SOME);
    twin.done(SEND);
    assert_eq!(home.outbox().len(), twin.outbox().len());
    let paused = connect(&disk.at.join("journey.db"));
    assert_eq!(column(&paused, "SELECT count(*) || '' FROM pause"), ["0"]);
}

#[test]
fn a_full_outbox_stops_the_mailing_until_there_is_space() {
    let home = imported(SOME);
    let whole = home.twin();
    whole.done(SEND);
    let Some(disk) = Disk::mount(home.path("outbox")) else {
        return skip("a full disk needs the right to mount a small disk");
    };
    disk.fill();
    let said = home.refused(SEND, 74);
    assert!(said.contains("cannot write outbox/"), "the file is named: {said}");
    let halves: Vec<_> = home.outbox().into_keys().filter(|name| name.ends_with(".eml")).collect();
    assert!(halves.is_empty(), "{halves:?}");
    disk.empty();
    home.done(SEND);
    assert!(home.outbox() == whole.outbox(), "each mail once, as it would have been");
}

#[test]
fn a_file_written_but_not_recorded_is_finished_with_the_same_bytes_and_one_event() {
    let home = imported(SOME);
    let whole = home.twin();
    whole.done(SEND);
    let database = connect(&home.database());
    let fail = "CREATE TRIGGER no_room BEFORE UPDATE OF state ON delivery WHEN new.state = 'sent'
                BEGIN SELECT raise(ABORT, 'no'); END";
    database.execute_batch(fail).expect("a trigger");
    home.refused(SEND, 74);
    let written = home.outbox();
    assert!(written == whole.outbox(), "the mails are written");
    let states = || column(&database, "SELECT DISTINCT state FROM delivery");
    let events = || column(&database, "SELECT count(*) || '' FROM event WHERE what = 'mailed'");
    assert_eq!(states(), ["due"]);
    let before = events();
    let status = home.run(&["status", "--at", "2026-12-01T09:14"]).stdout;
    let status = String::from_utf8_lossy(&status);
    assert!(status.contains("40 mails are queued, and nothing sends them  journey send"), "{status}");
    assert!(status.contains("40 mails are queued and can be sent"), "{status}");
    told(&home.run(&["health", "--at", "2026-12-01T09:14"]), 1);
    database.execute_batch("DROP TRIGGER no_room").expect("repaired");
    let output = home.run(&["send", "--at", "2026-12-01T09:15"]);
    told(&output, 0);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Sent  40 mails"), "{said}");
    assert_eq!((states(), events()), (vec!["sent".to_owned()], before));
    assert!(home.outbox() == written, "the same files with the same bytes");
}

#[test]
fn a_pause_or_hold_stops_enqueued_mails_until_it_ends() {
    let home = imported(SOME);
    let whole = home.twin();
    whole.done(SEND);
    fs::create_dir(home.path("outbox")).expect("a folder");
    let in_the_way = home.path("outbox/2026-12-01");
    fs::write(&in_the_way, "").expect("a file");
    home.refused(SEND, 74);
    fs::remove_file(in_the_way).expect("removed");
    let lifts: [(&[&str], &[&str]); 3] = [
        (PAUSE, &["resume", "--journey", "miljo", "--at", AT]),
        (&["hold", "--at", AT], &["hold", "release", "--at", AT]),
        (&["hold", "miljo/valkommen", "--at", AT], &["hold", "release", "miljo/valkommen", "--at", AT]),
    ];
    for (stop, lift) in lifts {
        home.done(stop);
        home.done(SEND);
        assert!(home.outbox().is_empty(), "{stop:?}");
        home.done(lift);
    }
    home.done(SEND);
    assert!(home.outbox() == whole.outbox(), "nothing is lost, nothing is sent twice");
}

#[test]
fn an_unwritable_folder_or_database_is_named() {
    let home = imported(SOME);
    give_away(home.folder.path());
    let folder = home.folder.path();
    set_mode(folder, 0o555);
    let Some(output) = as_nobody(&home, PAUSE) else {
        return skip("permissions need setpriv, or not to be root");
    };
    let said = told(&output, 77);
    assert!(said.contains("cannot write journey.db-wal: the folder must be writable"), "{said}");
    let before = files(folder);
    // Reading needs no write permission.
    told(&as_nobody(&home, &["status", "--at", AT]).expect("it starts"), 0);
    let doctor = as_nobody(&home, &["doctor", "--at", AT]).expect("it starts");
    told(&doctor, 1);
    let seen = String::from_utf8_lossy(&doctor.stdout);
    for name in ["journey.db", "journey.lock", "journey.id", "outbox"] {
        let found = format!("FAIL writes        {name} cannot be written: Permission denied");
        assert!(seen.contains(&found), "{name}: {seen}");
    }
    assert!(seen.contains("ok   database      journey.db is whole"), "{seen}");
    set_mode(folder, 0o755);
    set_mode(&home.database(), 0o400);
    let said = told(&as_nobody(&home, PAUSE).expect("it starts"), 77);
    assert!(said.contains("cannot write journey.db: it may only be read"), "{said}");
    told(&as_nobody(&home, &["status", "--at", AT]).expect("it starts"), 0);
    assert!(files(folder) == before, "a file appeared, changed or went");
    set_mode(&home.database(), 0o000);
    for arguments in ANY {
        let said = told(&as_nobody(&home, arguments).expect("it starts"), 77);
        assert!(said.contains("cannot read journey.db"), "{said}");
    }
    // A missing database cannot be created there.
    fs::remove_file(home.database()).expect("removed");
    set_mode(folder, 0o555);
    let said = told(&as_nobody(&home, IMPORT).expect("it starts"), 77);
    assert!(said.contains("cannot make journey.db"), "{said}");
    set_mode(folder, 0o755);
}

/// A file without read permission is reported as a permission problem, not as
/// damage.
#[test]
fn an_unreadable_file_is_a_permission_error() {
    let home = Home::with(SOME);
    give_away(home.folder.path());
    if as_nobody(&home, &["--version"]).is_none() {
        return skip("permissions need setpriv, or not to be root");
    }
    for (name, arguments) in [
        ("config.toml", &["status", "--at", AT][..]),
        ("people.csv", IMPORT),
        ("people.csv", &["send", "--dry-run", "--at", AT]),
        ("content/programme.toml", &["send", "--dry-run", "--at", AT]),
        ("content", &["plan", "--at", AT]),
    ] {
        let path = home.path(name);
        let before = mode(&path);
        set_mode(&path, 0o000);
        let said = told(&as_nobody(&home, arguments).expect("it starts"), 77);
        assert!(said.contains(name) && said.contains("Permission denied"), "{said}");
        set_mode(&path, before);
    }
    // The doctor does not report as good what it cannot read.
    set_mode(&home.path("content"), 0o000);
    let seen = as_nobody(&home, &["doctor", "--at", AT]).expect("it starts").stdout;
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.contains("warn time zone     unknown, because the content cannot be read"), "{seen}");
    set_mode(&home.path("content"), 0o755);
    set_mode(&home.path("people.csv"), 0o000);
    let seen = as_nobody(&home, &["doctor", "--at", AT]).expect("it starts").stdout;
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.contains("time zone     Europe/Stockholm, by the rules of"), "{seen}");
}

/// A file system that is mounted read-only, on which not even root can write.
#[test]
fn a_read_only_mount_is_named() {
    let home = imported(SOME);
    let before = files(home.folder.path());
    let mounted = |arguments: &[&str]| {
        let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && cd \"$1\" || exit 99; shift; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(home.folder.path());
        command.arg(env!("CARGO_BIN_EXE_journey")).args(arguments).env("NO_COLOR", "1");
        command
            .output()
            .ok()
            .filter(|output| output.status.code().is_some_and(|code| code != 99 && code < 126))
    };
    let reads = mounted(&["status", "--at", AT]);
    let Some(reads) = reads.filter(|output| output.status.success()) else {
        // That permission cannot be installed, so `JOURNEY_TEST_ALL` does not
        // require it.
        return pass_over("a read-only mount needs `unshare`, and the right to mount");
    };
    told(&reads, 0);
    for arguments in [PAUSE, SEND] {
        let output = mounted(arguments).expect("it starts");
        let code = output.status.code().expect("a code");
        assert!(matches!(code, 74 | 77), "{output:?}");
        let said = told(&output, code);
        assert!(said.contains("journey.db") && said.contains("cannot "), "{said}");
    }
    assert!(files(home.folder.path()) == before, "a file appeared, changed or went");
}

#[test]
fn an_unwritable_outbox_is_named() {
    let home = imported(SOME);
    fs::create_dir(home.path("outbox")).expect("a folder");
    give_away(home.folder.path());
    set_mode(&home.path("outbox"), 0o555);
    let Some(output) = as_nobody(&home, SEND) else {
        return skip("permissions need setpriv, or not to be root");
    };
    let said = told(&output, 77);
    assert!(said.contains("cannot write outbox/2026-12-01/"), "{said}");
    set_mode(&home.path("outbox"), 0o755);
    let output = as_nobody(&home, SEND).expect("it starts");
    told(&output, 0);
    assert!(!home.outbox().is_empty());
}

#[test]
fn a_locked_database_is_waited_for_and_then_reported() {
    let home = imported(SOME);
    let other = connect(&home.database());
    other.execute_batch("BEGIN IMMEDIATE; UPDATE instance SET unparsed = unparsed").expect("it writes");
    for database in DATABASES {
        let mut store = (database.open)(&home.database());
        store.set_busy_timeout(Duration::from_millis(20)).expect("impatient");
        let act = ChangeAuthor { at: at("2026-12-01T08:00:00Z"), by: "admin".to_owned(), why: None };
        let refused = store.record_decision(&Change::Hold(None), &act, "", "").expect_err("somebody writes");
        assert!(matches!(refused, StoreError::Busy), "{refused:?}");
    }
    home.done(&["status", "--at", AT]);
    let said = home.refused_as_busy(PAUSE);
    assert!(said.contains("another journey has been writing for 5 seconds"), "{said}");
    other.execute_batch("ROLLBACK").expect("it writes no more");
    home.done(PAUSE);
}

/// Reproducible bytes without meaning.
pub(super) fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Makes the database as if it had last been checked more than a day ago.
fn forget_check(home: &Home) {
    connect(&home.database()).execute("UPDATE instance SET checked_at = NULL", []).expect("changed");
}

#[test]
fn a_damaged_database_is_rejected_and_not_changed() {
    let home = imported(SOME);
    home.done(SEND);
    forget_check(&home);
    let whole = fs::read(home.database()).expect("a database");
    let other_program = home.path("other.db");
    connect(&other_program)
        .execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        .expect("a database");
    let other_program = {
        let bytes = fs::read(&other_program).expect("a database");
        fs::remove_file(&other_program).expect("removed");
        bytes
    };
    let mut page = whole.clone();
    page[4096 * 7..4096 * 8].copy_from_slice(&noise(7, 4096));
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("a page is overwritten", page, "integrity check failed"),
        ("truncated to half", whole[..whole.len() / 2 / 4096 * 4096].to_vec(), "integrity check failed"),
        ("truncated within a page", whole[..whole.len() - 1000].to_vec(), "integrity check failed"),
        ("truncated within the header", whole[..60].to_vec(), "is not an SQLite database"),
        ("empty", Vec::new(), "is empty; it is not a database"),
        ("not SQLite", noise(1, 8192), "is not an SQLite database"),
        ("another program's", other_program, "is a database of another program"),
    ];
    let outbox = home.outbox();
    for (case, bytes, why) in cases {
        fs::write(home.database(), &bytes).expect("damaged");
        let before = files(home.folder.path());
        for arguments in [SEND, PAUSE] {
            let said = home.refused(arguments, 65);
            assert!(said.contains(why), "{case}: {said}");
            assert!(said.contains("put back the newest good backup"), "{case}: {said}");
            assert!(files(home.folder.path()) == before, "{case}: a file appeared, changed or went");
        }
        if !why.starts_with("integrity") {
            let said = home.refused(&["status", "--at", AT], 65);
            assert!(said.contains(why), "{case}: {said}");
        }
        assert!(files(home.folder.path()) == before, "{case}: a file appeared, changed or went");
    }
    fs::write(home.database(), &whole).expect("put back");
    home.done(SEND);
    assert!(home.outbox() == outbox);
}

#[test]
fn an_overwritten_page_is_found_before_anything_is_written() {
    let home = imported(SOME);
    home.done(SEND);
    forget_check(&home);
    let whole = fs::read(home.database()).expect("a database");
    let copy = home.path("copy.db");
    let pages = whole.len() / 4096;
    assert!(pages > 40);
    for page in 0..pages {
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096].copy_from_slice(&noise(page, 4096));
        fs::write(&copy, &bytes).expect("damaged");
        let outcome = Store::open(&copy, at("2026-12-01T08:00:00Z"), || [0; 32]);
        assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "page {page} of {pages}");
        drop(outcome);
        assert!(fs::read(&copy).expect("a database") == bytes, "page {page} was changed");
    }
}

/// The check reads every page, so it must not run with every command.
#[test]
fn the_whole_file_is_checked_once_a_day() {
    let home = imported(SOME);
    let checked = |at: &str, command: &[&str]| {
        let mut command = command.to_vec();
        command.extend(["--at", at]);
        home.done(&command);
        column(&connect(&home.database()), "SELECT checked_at FROM instance").join("")
    };
    let pause: &[&str] = &["pause", "--journey", "miljo", "--reason", "flood"];
    let resume: &[&str] = &["resume", "--journey", "miljo"];
    let first = checked("2026-12-01T08:30", pause);
    assert_eq!(first, "2026-12-01T07:30:00Z");
    assert_eq!(checked("2026-12-02T08:29", resume), first, "within a day");
    assert_eq!(checked("2026-12-02T08:30", pause), "2026-12-02T07:30:00Z", "a day later");
    assert_eq!(checked("2026-12-01T08:30", resume), first, "the clock was put back");
}

/// A run was killed, so there is a WAL; then the database was damaged.
#[test]
fn a_damaged_database_with_a_wal_is_not_changed() {
    let home = killed();
    let mut bytes = fs::read(home.database()).expect("a database");
    let pages = bytes.len() / 4096;
    // The WAL has newer versions of some pages; all the others are damaged.
    for page in 1..pages {
        bytes[page * 4096..(page + 1) * 4096].copy_from_slice(&noise(page, 4096));
    }
    fs::write(home.database(), &bytes).expect("damaged");
    let log = fs::read(home.path("journey.db-wal")).expect("a log");
    for arguments in [SEND, PAUSE] {
        home.refused(arguments, 65);
        assert!(fs::read(home.database()).expect("a database") == bytes, "the database was changed");
        assert!(fs::read(home.path("journey.db-wal")).expect("a log") == log, "the log was changed");
    }
}

#[test]
fn a_wal_without_its_database_is_not_applied_to_a_new_one() {
    let home = killed();
    fs::remove_file(home.database()).expect("removed");
    let before = files(home.folder.path());
    for arguments in [SEND, PAUSE] {
        let said = home.refused(arguments, 65);
        assert!(said.contains("journey.db is not there, but its log journey.db-wal is"), "{said}");
        assert!(files(home.folder.path()) == before, "a file appeared, changed or went");
    }
}

/// A home as a killed run leaves it: with a WAL that is not checkpointed.
pub(super) fn killed() -> Home {
    let home = imported(SOME);
    let holds_it_open = connect(&home.database());
    assert_eq!(column(&holds_it_open, "SELECT count(*) || '' FROM event"), ["0"]);
    home.done(SEND);
    let dead = home.twin();
    drop(holds_it_open);
    assert!(fs::metadata(dead.path("journey.db-wal")).is_ok_and(|log| log.len() > 10_000));
    dead
}

#[test]
fn root_leaves_no_files_the_database_owner_cannot_write() {
    if !is_root() {
        return skip("file ownership needs root");
    }
    let home = imported(SOME);
    give_away(home.folder.path());
    let before = files(home.folder.path());
    for arguments in [SEND, PAUSE, IMPORT] {
        let said = home.refused(arguments, 77);
        assert!(said.contains("belongs to another user") && said.contains("sudo -u"), "{said}");
    }
    home.done(&["status", "--at", AT]);
    assert!(files(home.folder.path()) == before, "a file appeared, changed or went");
    let owners = fs::read_dir(home.folder.path()).expect("a folder");
    let owners = owners.map(|entry| entry.expect("an entry").metadata().expect("a file").uid());
    assert!(owners.into_iter().all(|owner| owner == NOBODY));
}

#[test]
fn a_newer_database_is_rejected_by_every_command_and_unchanged() {
    let home = imported(SOME);
    let database = connect(&home.database());
    let known = column(&database, "SELECT user_version || '' FROM pragma_user_version").concat();
    database.pragma_update(None, "user_version", 14).expect("a newer one");
    drop(database);
    let before = files(home.folder.path());
    for arguments in ANY {
        let said = home.refused(arguments, 78);
        let expected = format!("database schema 14, this program knows up to {known};");
        assert!(said.contains(&expected), "{said}");
        assert!(files(home.folder.path()) == before, "{arguments:?}: a file appeared, changed or went");
    }
}

#[test]
fn the_database_and_its_side_files_are_private_to_the_owner() {
    let home = Home::with(SOME);
    home.done(IMPORT);
    assert_eq!(mode(&home.database()), 0o600);
    set_mode(&home.database(), 0o644);
    home.done(SEND);
    assert_eq!(mode(&home.database()), 0o600);
    for database in DATABASES {
        let store = (database.open)(&home.database());
        store.memory().expect("a memory");
        let beside =
            fs::read_dir(home.folder.path()).expect("a folder").map(|entry| entry.expect("an entry"));
        for file in beside.filter(|file| file.file_name().to_string_lossy().starts_with("journey.db")) {
            assert_eq!(mode(&file.path()), 0o600, "{:?}", file.file_name());
        }
    }
    home.done(&["backup", "copy.db", "-q", "--at", AT]);
    assert_eq!(mode(&home.path("copy.db")), 0o600, "and so is a copy of it");
}
