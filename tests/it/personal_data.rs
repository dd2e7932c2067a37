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
        &["answer", "ada", "j/a", "--question", "note", "--text", "Cykeltanken"],
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

        2026-12-01 08:30  Ada, det här är a (skickat)

        SVAR

        2026-12-02 10:00  j/a – Hur gick det?
            Jag har gjort det
        2026-12-02 10:00  j/a – Vad skulle göra det lättare?
            Cykeltanken (bara du läser den)

        PAUSER

        2026-12-02 10:00, till 2026-12-20: semester

        ÄNDRINGAR SOM GÄLLER DIG

        2026-12-02 10:00  answer, en administratör: not answered → answered
        2026-12-02 10:00  pause, en administratör: not paused → paused until Sun 20 Dec 2026: semester (semester)
        2026-12-02 10:00  answer, en administratör: answered → answered, with a new answer
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

/// Whether a text is in any file beside the database, except people files.
fn is_on_disk(rig: &Rig, text: &str) -> bool {
    let folder = rig.path("config.toml").parent().expect("a folder").to_owned();
    let files = fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path());
    files.filter(|file| file.is_file() && file.extension().is_none_or(|end| end != "csv")).any(|file| {
        let bytes = fs::read(&file).expect("a file");
        bytes.windows(text.len()).any(|found| found == text.as_bytes())
    })
}

#[test]
fn a_forgotten_person_is_in_no_file_and_comes_back_only_if_readmitted() {
    let mut rig = with_history();
    let forget = ["people", "forget", "ada", "--reason", "asked"];
    let (code, said) = run(&mut rig, "2026-12-03T10:00", &[&forget[..], &["--dry-run"]].concat());
    assert!(code == Some(0) && said.contains("Dry run"), "{said}");
    assert!(is_on_disk(&rig, "ada@ekdala.example") && is_on_disk(&rig, "semester"));

    // A crash before the commit changes nothing.
    let config = rig.path("config.toml").display().to_string();
    let arguments = ["--config", &config, "--at", "2026-12-03T10:00", "people", "forget", "ada"];
    let mut died = std::process::Command::new(env!("CARGO_BIN_EXE_journey"));
    let died =
        died.args(arguments).env("FAILPOINTS", "store.forget=return(abort)").output().expect("it starts");
    assert!(!died.status.success());
    assert!(is_on_disk(&rig, "ada@ekdala.example") && is_on_disk(&rig, "semester"));

    let (code, said) = run(&mut rig, "2026-12-03T10:00", &forget);
    assert_eq!(code, Some(0), "{said}");
    expect![[r#"
        person ada
        deleted: name, address and everything from HR, and
          0  waiting mails, cancelled
          1  written answers
          1  counted answers
          2  records of who answered
          1  pauses
          0  bounces
          3  texts in the audit log
        kept, under a number that leads to no person:
          1  enrolments
          1  mails, without text
          2  events
        imports skip this person from now on; delete the row in the HR export, too.
        Backups made before have the person until they are deleted; `journey restore` forgets them again
    "#]]
    .assert_eq(&said);
    for text in ["ada@ekdala.example", "Ada", "semester", "Cykeltanken"] {
        assert!(!is_on_disk(&rig, text), "{text}");
    }
    let (code, said) = run(&mut rig, "2026-12-03T11:00", &forget);
    assert!(code == Some(1) && said.contains("was forgotten on"), "{said}");

    let (code, said) = run(&mut rig, "2026-12-03T12:00", &["people", "import"]);
    assert!(code == Some(0) && said.contains("1 row skipped: forgotten"), "{said}");
    assert!(!is_on_disk(&rig, "ada@ekdala.example"));
    let (code, said) = run(&mut rig, "2026-12-03T13:00", &["people", "import", "--readmit", "ada"]);
    assert!(code == Some(0) && !said.contains("forgotten"), "{said}");
    assert!(is_on_disk(&rig, "ada@ekdala.example"));
}

#[test]
fn a_restored_backup_does_not_bring_a_forgotten_person_back() {
    let mut rig = with_history();
    let (backup, folder) = (rig.path("elsewhere/copy.db"), rig.path("elsewhere"));
    fs::create_dir(&folder).expect("a folder");
    let file = backup.display().to_string();
    let done = |rig: &mut Rig, at: &str, words: &[&str]| {
        let (code, said) = run(rig, at, words);
        assert_eq!(code, Some(0), "{said}");
        said
    };
    done(&mut rig, "2026-12-02T12:00", &["backup", &file]);
    done(&mut rig, "2026-12-03T10:00", &["people", "forget", "ada", "--reason", "asked"]);
    // Someone who was forgotten and is back stays.
    done(&mut rig, "2026-12-03T10:01", &["people", "forget", "bo", "--reason", "asked"]);
    done(&mut rig, "2026-12-03T10:02", &["people", "import", "--readmit", "bo", "--allow-leavers", "2"]);
    let said = done(&mut rig, "2026-12-04T10:00", &["restore", &file]);
    assert!(said.contains("1 person is forgotten again"), "{said}");
    for text in ["ada@ekdala.example", "Ada", "semester", "Cykeltanken"] {
        assert!(!is_on_disk(&rig, text), "{text}");
    }
    assert!(is_on_disk(&rig, "bo@ekdala.example"));
    let said = done(&mut rig, "2026-12-04T10:01", &["people", "import"]);
    assert!(said.contains("1 row skipped: forgotten"), "{said}");
    // A second restore finds the same.
    let said = done(&mut rig, "2026-12-04T11:00", &["restore", &file]);
    assert!(said.contains("1 person is forgotten again"), "{said}");
    assert!(!is_on_disk(&rig, "ada@ekdala.example"));

    // Without the journal it is said who may be back.
    fs::remove_file(rig.path("journey.sent")).expect("a journal");
    let said = done(&mut rig, "2026-12-04T12:00", &["restore", &file]);
    assert!(said.contains("there is no send journal"), "{said}");
    assert!(is_on_disk(&rig, "ada@ekdala.example"));
}

/// Before the journal has the person, between journal and database, and after both.
#[test]
fn a_crash_while_forgetting_is_finished_by_the_next_run() {
    for (point, is_forgotten) in
        [("store.forget", false), ("store.forget.journal", false), ("store.log", true)]
    {
        let mut rig = with_history();
        let config = rig.path("config.toml").display().to_string();
        rig.stop();
        let arguments = ["--config", &config, "--at", "2026-12-03T10:00", "people", "forget", "ada"];
        let mut died = std::process::Command::new(env!("CARGO_BIN_EXE_journey"));
        let died = died.args(arguments).env("FAILPOINTS", format!("{point}=return(abort)")).output();
        assert!(!died.expect("it starts").status.success(), "{point}");
        let (code, said) = run(&mut rig, "2026-12-03T10:01", &["people", "forget", "ada"]);
        assert_eq!(code, Some(i32::from(is_forgotten)), "{point}: {said}");
        assert!(!is_on_disk(&rig, "Cykeltanken"), "{point}");
    }
}

/// A command that fails takes its line in the journal back.
#[test]
fn a_person_who_could_not_be_forgotten_survives_a_restore() {
    let mut rig = with_history();
    let config = rig.path("config.toml").display().to_string();
    let (backup, folder) = (rig.path("elsewhere/copy.db"), rig.path("elsewhere"));
    fs::create_dir(&folder).expect("a folder");
    let file = backup.display().to_string();
    assert_eq!(run(&mut rig, "2026-12-02T12:00", &["backup", &file]).0, Some(0));
    for failure in ["store.forget=return(full)", "store.forget.journal=return(full)"] {
        let arguments = ["--config", &config, "--at", "2026-12-03T10:00", "people", "forget", "ada"];
        let mut failed = std::process::Command::new(env!("CARGO_BIN_EXE_journey"));
        let failed = failed.args(arguments).env("FAILPOINTS", failure).output().expect("it starts");
        assert!(!failed.status.success(), "{failure}");
    }
    let (code, said) = run(&mut rig, "2026-12-04T10:00", &["restore", &file]);
    assert!(code == Some(0) && !said.contains("forgotten again"), "{said}");
    assert!(is_on_disk(&rig, "ada@ekdala.example"));
}
