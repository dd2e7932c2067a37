//! The output of commands: the transcripts are run, and a dry run changes
//! nothing.
//!
//! Each `$` in `tests/transcripts` and the README is run at the repository's
//! root. `TRYCMD=overwrite cargo test --test it transcripts` accepts what is
//! printed now; review the difference before you commit it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ring::digest::{SHA256, digest};

use super::rig::copy;

/// The program with an empty environment, at the repository's root.
pub(crate) fn journey(arguments: &[&str]) -> Output {
    journey_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments)
}

fn journey_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_journey"));
    command.args(arguments).current_dir(folder).env_clear().env("NO_COLOR", "1");
    command.output().expect("the program starts")
}

#[test]
fn transcripts_match_the_output() {
    let of_ours = |(name, _): &(std::ffi::OsString, _)| {
        name.to_string_lossy().starts_with("JOURNEY_") && name != "JOURNEY_TEST_ALL"
    };
    #[expect(clippy::disallowed_methods, reason = "the transcripts inherit the environment")]
    let mut variables = std::env::vars_os();
    assert!(!variables.any(|variable| of_ours(&variable)), "unset JOURNEY_… before testing");
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env("JOURNEY_DATABASE", "target/no.db")
        // So that other programs on this machine do not matter.
        .env("JOURNEY_WEB__LISTEN", "127.0.0.1:0")
        .case("tests/transcripts/*.md")
        .case("README.md");
}

/// Transcripts with state: each has a database and an outbox of its own, new
/// each time.
#[test]
fn transcripts_with_a_database_match_the_output() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join("tests/transcripts/remembered")).expect("a folder") {
        let file = entry.expect("an entry").path();
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let home = format!("target/remembered/{name}");
        let _ = fs::remove_dir_all(root.join(&home));
        fs::create_dir_all(root.join(&home)).expect("a folder");
        trycmd::TestCases::new()
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100")
            .env("USER", "admin")
            .env("JOURNEY_DATABASE", format!("{home}/journey.db"))
            .env("JOURNEY_MAIL__FOLDER", format!("{home}/outbox"))
            .case(&file);
    }
}

/// Read-only commands with all of their options.
const THAT_ONLY_SHOW: &[&[&str]] = &[
    &["check"],
    &["check", "--strict", "--format", "json"],
    &["check", "--format", "github"],
    &["send", "--dry-run", "--at", "2026-12-01T08:30"],
    &["send", "--dry-run", "--at", "2026-12-01T08:30", "--format", "json"],
    &["send", "--dry-run", "--at", "2026-12-01T08:30", "--only", "1042", "--limit", "1", "-v"],
    &["plan", "--at", "2026-12-01T08:30", "--until", "2026-12-02"],
    &["plan", "--at", "2026-12-01T08:30", "--until", "2026-12-02", "--format", "csv"],
    &["plan", "--at", "2026-12-01T08:30", "--until", "2026-12-02", "--format", "ics"],
    &["why", "1042", "--at", "2026-12-01T08:30"],
    &["why", "--step", "miljo/resor", "--unit", "Hemtjänsten Norr", "--at", "2026-12-01T08:30"],
    &["matrix"],
    &["doctor", "--at", "2026-12-01T08:45"],
    &["doctor", "--at", "2026-12-01T08:45", "--format", "json"],
    &["people", "import", "--dry-run", "-v"],
    &["completions", "bash"],
];

#[test]
fn a_dry_run_creates_no_files() {
    let home = short_sample();
    let before = files(home.path());
    for arguments in THAT_ONLY_SHOW {
        let output = journey_in(home.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(files(home.path()), before, "a file appeared, changed or went");
}

/// Commands that change something, in a dry run.
const THAT_WOULD_CHANGE: &[&[&str]] = &[
    &["people", "import"],
    &["send"],
    &["approve", "grunden/kickoff", "--by", "Åsa"],
    &["hold"],
    &["hold", "miljo/resor"],
    &["hold", "release", "miljo/lov"],
    &["pause", "--person", "1042", "--reason", "ill"],
    &["resume", "--journey", "social"],
    &["unit", "shift", "Hemtjänsten Norr", "--weeks", "2", "--reason", "flood"],
    &["unit", "close", "Hemtjänsten Norr", "2026-12-07", "2026-12-08", "--why", "flood"],
    &["unit", "cadence", "Hemtjänsten Norr", "0 9 * * Wed"],
    &["choose", "1042", "halsa"],
    &["answer", "1002", "miljo/valkommen", "--done"],
    &["backup", "copy.db"],
];

/// With a database, with or without the WAL of a killed run: no byte of it
/// changes, and no SQLite file is created or removed.
#[test]
fn a_dry_run_changes_no_byte_of_an_existing_database() {
    let at = ["--at", "2026-12-01T08:45"];
    let home = short_sample();
    let done = |arguments: &[&str]| {
        let output = journey_in(home.path(), &[arguments, &at].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    done(&["people", "import", "-q"]);
    done(&["hold", "miljo/lov"]);
    done(&["pause", "--journey", "social", "--reason", "flood"]);
    // An open connection keeps the WAL, as a kill does.
    let open = rusqlite::Connection::open(home.path().join("journey.db")).expect("a database");
    let events: i64 = open.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).expect("a number");
    assert_eq!(events, 0);
    done(&["send", "-q", "--limit", "20"]);
    let dead = tempfile::tempdir().expect("a folder");
    copy(home.path(), dead.path());
    drop(open);
    assert!(dead.path().join("journey.db-wal").exists() && !home.path().join("journey.db-wal").exists());
    for home in [home.path(), dead.path()] {
        let before = files(home);
        let shows = THAT_ONLY_SHOW.iter().map(|arguments| arguments.to_vec());
        let more = [&["status"][..], &["people", "list"], &["people", "show", "1042"], &["why", "1001"]];
        let more = more.into_iter().map(|arguments| [arguments, &at].concat());
        let changes = THAT_WOULD_CHANGE.iter().map(|arguments| [arguments, &["--dry-run"][..], &at].concat());
        for arguments in shows.chain(more).chain(changes) {
            let output = journey_in(home, &arguments);
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(files(home), before, "{arguments:?}: a file appeared, changed or went");
        }
    }
}

#[test]
fn preview_mails_are_written_to_the_given_folder_only() {
    let home = sample();
    let before = files(home.path());
    let at = ["send", "--dry-run", "--at", "2026-12-01T08:30", "--only", "1042", "--out", "mails"];
    let output = journey_in(home.path(), &at);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "1 mail written to mails\n");
    let mut after = files(home.path());
    let mail = after.remove("mails/2026-12-01/0830-1042-miljo-valkommen-0.eml");
    assert!(mail.is_some(), "the mail is not where it should be: {:?}", after.keys());
    assert_eq!(after, before);
}

#[test]
fn two_dry_runs_at_one_instant_print_the_same() {
    let at = ["send", "--dry-run", "--at", "2026-12-01T08:30", "--format", "json"];
    assert_eq!(journey(&at).stdout, journey(&at).stdout);
}

#[test]
fn protected_people_are_never_named() {
    let text = |arguments: &[&str]| String::from_utf8(journey(arguments).stdout).expect("text");
    let at = "2026-12-01T08:30";
    let mut shown = text(&["send", "--dry-run", "--at", at, "--format", "json"]);
    shown += &text(&["send", "--dry-run", "--at", at, "-v"]);
    shown += &text(&["plan", "--at", at, "--until", "2026-12-02", "--format", "csv"]);
    shown += &text(&["people", "import", "--dry-run", "-v"]);
    let people = fs::read_to_string("people.csv").expect("the sample has people");
    let protected: Vec<Vec<&str>> = people
        .lines()
        .map(|line| line.split(';').collect())
        .filter(|fields: &Vec<&str>| fields[12] == "ja")
        .collect();
    assert!(!protected.is_empty(), "the sample has people who are protected");
    for fields in protected {
        let (id, address) = (fields[0], fields[3]);
        for word in [format!("\"{id}\""), format!("\n{id},"), format!("  {id}  "), address.to_owned()] {
            assert!(!shown.contains(&word), "{word:?} is shown");
        }
    }
    let json: serde_json::Value =
        serde_json::from_slice(&journey(&["send", "--dry-run", "--at", at, "--format", "json"]).stdout)
            .expect("JSON");
    let mails = json["send"].as_array().expect("a list");
    let protected: Vec<_> = mails.iter().filter(|mail| mail["person"] == "protected").collect();
    assert!(!protected.is_empty(), "somebody protected gets a mail");
    for mail in protected {
        for field in ["address", "unit", "subject"] {
            assert!(mail[field].is_null(), "{field} tells who it is: {mail}");
        }
    }
}

/// All errors are reported at once: one in a journey hides neither those of
/// another nor those of the people file.
#[test]
fn an_error_of_one_kind_hides_none_of_another() {
    let home = sample();
    let edit = |file: &str, from: &str, to: &str| {
        let path = home.path().join(file);
        let text = fs::read_to_string(&path).expect("a file of the sample");
        assert!(text.contains(from), "{file} has {from}");
        fs::write(&path, text.replacen(from, to, 1)).expect("it can be written");
    };
    edit("content/journeys/social/journey.toml", "cadence", "cadance");
    edit("content/journeys/miljo/resor.md", "{{person.first_name}}", "{{person.firstname}}");
    edit("people.csv", "1984-09-01", "1984-09-31");
    let output = journey_in(home.path(), &["check"]);
    let told = String::from_utf8_lossy(&output.stdout);
    for word in ["did you mean `cadence`", "did you mean `person.first_name`", "people.csv:2:"] {
        assert!(told.contains(word), "{word} is not told:\n{told}");
    }
    assert_eq!(output.status.code(), Some(1));
}

/// A copy of the sample.
fn sample() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = tempfile::tempdir().expect("a folder");
    for name in ["config.toml", "people.csv"] {
        fs::copy(root.join(name), home.path().join(name)).expect("a copy");
    }
    copy(&root.join("content"), &home.path().join("content"));
    home
}

/// A copy of the sample with the steps that the commands name, and a few more:
/// each start of the program compiles the mails of all steps.
fn short_sample() -> tempfile::TempDir {
    let home = sample();
    let kept = [
        ("grunden", &["kickoff", "varfor"][..]),
        ("miljo", &["valkommen", "resor", "lov"]),
        ("social", &["osynligt"]),
    ];
    for (journey, kept) in kept {
        let folder = home.path().join("content/journeys").join(journey);
        let order = folder.join("journey.toml");
        let text = fs::read_to_string(&order).expect("a journey");
        let (steps, translation) = text.split_once("\n[translation").expect("a translation");
        let mut blocks = steps.split("[[step]]");
        let mut short = blocks.next().expect("a head").to_owned();
        for block in blocks {
            let step = block.split('"').nth(1).expect("an id");
            if kept.contains(&step) {
                short += &format!("[[step]]{block}");
                continue;
            }
            for file in fs::read_dir(&folder).expect("a folder") {
                let path = file.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy();
                if name.strip_prefix(step).is_some_and(|rest| rest.starts_with(['.', '@'])) {
                    fs::remove_file(&path).expect("it is removed");
                }
            }
        }
        fs::write(&order, format!("{short}\n[translation{translation}")).expect("it can be written");
    }
    home
}

/// Each file below a folder, and its content.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
            if path.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                folders.push(path);
            } else {
                let bytes = fs::read(&path).expect("a file");
                found.insert(name, digest(&SHA256, &bytes).as_ref().to_vec());
            }
        }
    }
    // The folders created for the mails are expected where mails are asked for.
    found.retain(|name, _| !matches!(name.as_str(), "mails/" | "mails/2026-12-01/"));
    found
}
