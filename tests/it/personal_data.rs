//! The data of one person: exported as files, and nothing about anyone else in it.

use std::fs;
use std::path::Path;

use expect_test::expect;
use serde_json::Value;

use super::rig::Rig;
use super::scenarios::script::Scenario;
use super::transcripts::journey;

fn rig() -> Rig {
    let text = "=== journey j
cadence = \"30 8 * * Tue\"
start = 2026-12-01

[[step]]
id = \"a\"
wait = \"answer\"

[[step]]
id = \"b\"
=== people 1
ada,ada@ekdala.example,Ada,Ek,Norr,,,,,
bo,bo@ekdala.example,Bo,Alm,Norr,,,,,
";
    Scenario::parse(text).rig()
}

/// Exit code, output and errors of a command.
fn run(rig: &mut Rig, at: &str, words: &[&str]) -> (Option<i32>, String) {
    rig.stop();
    let config = rig.path("config.toml").display().to_string();
    let output = journey(&[&["--config", &config, "--at", at], words].concat());
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// A mail, an answer with a text, and a pause.
fn with_history() -> Rig {
    let mut rig = rig();
    let at = rig.at("2026-12-01 08:30");
    assert_eq!(rig.send(at).len(), 2);
    for words in [
        &["answer", "ada", "j/a", "--done"][..],
        &["pause", "--person", "ada", "--until", "2026-12-20", "--reason", "semester"],
        &["answer", "bo", "j/a", "--done"],
    ] {
        let (code, said) = run(&mut rig, "2026-12-02T10:00", words);
        assert_eq!(code, Some(0), "{said}");
    }
    rig
}

#[test]
fn an_export_has_everything_about_the_person_and_nothing_about_others() {
    let mut rig = with_history();
    let folder = rig.path("copy");
    let out = folder.display().to_string();
    let export = ["people", "export", "ada", "--out", &out];
    let (code, said) = run(&mut rig, "2026-12-03T10:00", &export);
    assert_eq!(code, Some(0), "{said}");
    let json = fs::read_to_string(folder.join("data.json")).expect("JSON");
    let data: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(data["person"]["address"], "ada@ekdala.example");
    assert_eq!(data["enrolments"][0]["events"].as_array().expect("events").len(), 2);
    assert_eq!(data["mails"][0]["state"], "sent");
    let text = fs::read_to_string(folder.join("data.txt")).expect("text");
    for words in ["bo@ekdala.example", "Alm", "message_id"] {
        assert!(!json.contains(words) && !text.contains(words), "{words}");
    }
    expect![[r#"
        Dina uppgifter i Tillsammans
        Hämtade 2026-12-03 10:00

        OM DIG

        Anställningsnummer: ada
        Namn: Ada Ek
        E-postadress: ada@ekdala.example
        Enhet: Norr
        Språk: sv
        Med sedan: 2026-12-01 08:30

        RESOR

        j
          2026-12-01 08:30  a: mejl
          2026-12-02 10:00  a: besvarat

        MEJL

        2026-12-01 08:30  j/a (skickat)

        SVAR

        2026-12-02 10:00  j/a – Hur gick det?
            Jag har gjort det

        PAUSER

        2026-12-02 10:00, till 2026-12-20: semester

        ÄNDRINGAR SOM GÄLLER DIG

        2026-12-02 10:00  answer, en administratör: not answered → answered
        2026-12-02 10:00  pause, en administratör: not paused → paused until Sun 20 Dec 2026: semester (semester)
        2026-12-03 10:00  people export, en administratör: data written to a file
    "#]].assert_eq(&text);
    assert_is_private(&folder.join("data.json"));
    assert_is_private(&folder.join("data.txt"));

    let (code, said) = run(&mut rig, "2026-12-03T10:00", &export);
    assert!(code == Some(73) && said.contains("name another folder"), "{said}");
}

#[cfg(unix)]
fn assert_is_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[cfg(not(unix))]
fn assert_is_private(_: &Path) {}
