//! `journey hold` stops all sending with the database alone, whatever else is
//! broken.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::rig::copy;

const AT: &str = "2026-12-01T08:30";

/// A small programme in a temporary folder.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    copy("tests/fixtures/small".as_ref(), home.path());
    home
}

/// The exit code, standard output and standard error of a command run in a
/// folder; `database` sets the environment variable for the database.
fn typed(home: &Path, arguments: &[&str], database: Option<&Path>) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_journey"));
    command.args(arguments).current_dir(home).env_clear().env("NO_COLOR", "1");
    command.envs(database.map(|path| ("JOURNEY_DATABASE", path)));
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn status(home: &Path) -> Value {
    let (_, out, said) = typed(home, &["status", "--at", AT, "--format", "json"], None);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[test]
fn all_sending_can_be_held_with_an_invalid_configuration() {
    let home = home();
    let (code, ..) = typed(home.path(), &["send", "-q", "--at", AT], None);
    assert_eq!(code, Some(0));
    let file = home.path().join("config.toml");
    let good = fs::read_to_string(&file).expect("a configuration");
    for broken in ["no_such_key = 1\n", "x = \"\n", "[mail\n", "content = 3\n"] {
        fs::write(&file, format!("{broken}{good}")).expect("a fault");
        for (command, before, after, held) in [
            (&["hold", "--reason", "fire"][..], "sending as planned", "all sending is held", true),
            (&["hold"], "all sending is held", "nothing to change", true),
            (&["hold", "release"], "all sending is held", "sending as planned", false),
        ] {
            let (code, out, said) = typed(home.path(), command, None);
            assert_eq!(code, Some(0), "{broken}: {said}");
            assert!(out.contains(before) && out.contains(after), "{broken}: {out}");
            assert!(said.contains("the configuration has"), "{broken}: {said}");
            fs::write(&file, &good).expect("mended");
            let status = status(home.path());
            assert_eq!(status["all_held"], held, "{broken}");
            assert!(!held || status["hold"]["why"] == "fire", "{status}");
            fs::write(&file, format!("{broken}{good}")).expect("a fault");
        }
    }
}

/// Without a configuration only the caller knows where the database is.
#[test]
fn without_a_configuration_the_database_can_be_given() {
    let home = home();
    typed(home.path(), &["send", "-q", "--at", AT], None);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let missing = ["--config", "missing.toml", "hold"];
    let (code, _, said) = typed(elsewhere.path(), &missing, None);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("JOURNEY_DATABASE="), "{said}");
    let database = home.path().join("journey.db");
    let (code, _, said) = typed(elsewhere.path(), &missing, Some(&database));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(status(home.path())["all_held"], true);
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0, "nothing is made beside");
}

/// An invalid people file does not prevent a hold, and a hold imports no one.
#[test]
fn a_hold_imports_nobody() {
    let home = home();
    fs::write(home.path().join("people.csv"), "employee_id\n1\n").expect("a fault");
    let (code, out, said) = typed(home.path(), &["hold"], None);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{out}");
    fs::copy("tests/fixtures/small/people.csv", home.path().join("people.csv")).expect("mended");
    let told = status(home.path());
    assert_eq!((&told["all_held"], &told["imported"]), (&Value::Bool(true), &Value::Null));
    let (code, out, said) = typed(home.path(), &["send", "--at", AT], None);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.contains("Sent  nothing"), "{out}");
}
