//! Answers by command: they are saved, replaced and sealed, and counted without names.

use serde_json::json;

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
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
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

fn done(rig: &mut Rig, at: &str) -> (Option<i32>, String) {
    run(rig, at, &["answer", "ada", "j/a", "--done"])
}

#[test]
fn an_answer_can_be_changed_until_a_later_run_seals_it() {
    let mut rig = rig();
    let at = rig.at("2026-12-01 08:30");
    assert_eq!(rig.send(at).len(), 2);
    let (code, said) = done(&mut rig, "2026-12-02T10:00");
    assert!(code == Some(0) && said.contains("before  not answered\n  after   answered\n"), "{said}");
    let (code, said) = done(&mut rig, "2026-12-08T23:00");
    assert!(code == Some(0) && said.contains("after   answered, with a new answer\n"), "{said}");
    let (code, said) = run(&mut rig, "2026-12-09T08:00", &["send", "-q"]);
    assert_eq!(code, Some(0), "{said}");
    // This day is the last one on which it can be changed.
    let (code, said) = done(&mut rig, "2026-12-09T23:00");
    assert_eq!(code, Some(0), "{said}");
    run(&mut rig, "2026-12-10T00:30", &["send", "-q"]);
    let (code, said) = done(&mut rig, "2026-12-10T08:00");
    assert!(code == Some(2) && said.contains("the answer can no longer be changed"), "{said}");
}

#[test]
fn small_numbers_are_not_shown() {
    let mut rig = rig();
    let at = rig.at("2026-12-01 08:30");
    rig.send(at);
    done(&mut rig, "2026-12-02T10:00");
    let (_, said) = run(&mut rig, "2026-12-02T11:00", &["answers", "status", "j/a", "--format", "json"]);
    let counts: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let expected = json!([{
        "journey": "j", "step": "a", "queued": 2, "answered": null, "will_do": 0, "not_for_me": 0,
        "suppressed": true,
    }]);
    assert_eq!(counts, expected);
}
