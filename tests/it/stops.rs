//! People who have asked for no more mails.

use serde_json::Value;

use super::rig::Rig;
use super::scenarios::script::Scenario;
use super::transcripts::journey;

fn rig() -> Rig {
    let text = "min_gap = \"20 hours\"
=== journey j
cadence = \"30 8 * * Tue\"
start = 2026-12-01

[[step]]
id = \"a\"

[[step]]
id = \"b\"
=== journey k
cadence = \"30 8 * * Thu\"
after = \"j\"

[[step]]
id = \"x\"
=== people 1
ada,ada@ekdala.example,Ada,Ek,Norr,,,,,
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
=== people 2
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
=== people 3
ada,ada@new.example,Ada,Ek,Soder,,,,,
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
";
    Scenario::parse(text).rig()
}

fn sent(rig: &mut Rig, civil: &str) -> Vec<String> {
    let at = rig.at(civil);
    rig.send(at).iter().map(|mail| format!("{} {}", mail.person, mail.step)).collect()
}

fn run(rig: &mut Rig, at: &str, words: &[&str]) -> String {
    rig.stop();
    let config = rig.path("config.toml").display().to_string();
    let output = journey(&[&["--config", &config, "--at", at], words].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn json(rig: &mut Rig, at: &str, words: &[&str]) -> Value {
    serde_json::from_str(&run(rig, at, &[words, &["--format", "json"]].concat())).expect("JSON")
}

#[test]
fn nothing_is_sent_to_a_person_who_has_asked_for_no_more_mails() {
    let mut rig = rig();
    assert_eq!(sent(&mut rig, "2026-12-01 08:30"), ["ada j/a", "bo j/a"]);
    let said = run(&mut rig, "2026-12-02T10:00", &["people", "stop", "ada", "--dry-run"]);
    assert!(said.contains("after   has asked for no more mails"), "{said}");
    assert!(said.contains("nothing more: has asked for no more mails"), "the effect is shown: {said}");
    assert_eq!(json(&mut rig, "2026-12-02T10:00", &["status"])["stopped"], 0, "a dry run changes nothing");
    run(&mut rig, "2026-12-02T10:00", &["people", "stop", "ada"]);
    assert!(run(&mut rig, "2026-12-02T10:01", &["people", "stop", "ada"]).contains("nothing to change"));
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["bo j/b"]);
    // An import with another address and unit, and one without the person, change nothing.
    for (day, file) in
        [("2026-12-09", "people-3.csv"), ("2026-12-10", "people-2.csv"), ("2026-12-11", "people-3.csv")]
    {
        let at = rig.at(&format!("{day} 12:00"));
        rig.import(at, file);
    }
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), [""; 0]);
    let status = run(&mut rig, "2026-12-15T09:00", &["status"]);
    assert!(status.contains("1 person has asked for no more mails"), "{status}");
    assert!(status.contains("All is well"), "it is nothing to do: {status}");
    let send = run(&mut rig, "2026-12-15T09:00", &["send"]);
    assert!(send.contains("1 person has asked for no more mails") && !send.contains("Held"), "{send}");
    let why = json(&mut rig, "2026-12-15T09:00", &["why", "ada"]);
    for journey in why["journeys"].as_array().expect("journeys") {
        assert_eq!(
            (&journey["next"], &journey["because"][0]["code"]),
            (&Value::Null, &Value::from("stopped"))
        );
    }
    assert_eq!(json(&mut rig, "2026-12-15T09:00", &["people", "show", "ada"])["stopped"], true);
    let decisions = json(&mut rig, "2026-12-15T09:00", &["decisions"]);
    let decision = &decisions["decisions"][0];
    assert_eq!(decision["kind"], "stop", "{decisions}");
    assert_eq!(decision["end_with"], "journey people stop ada --undo", "{decisions}");
    assert_eq!(decision["why"], Value::Null, "no reason is stored");
    run(&mut rig, "2026-12-16T10:00", &["people", "stop", "ada", "--undo"]);
    assert_eq!(sent(&mut rig, "2026-12-22 08:30"), ["ada j/b"], "after the last step received");
    let all = json(&mut rig, "2026-12-22T09:00", &["decisions", "--all"]);
    assert_eq!(all["decisions"][0]["in_force"], false, "{all}");
    assert!(
        json(&mut rig, "2026-12-22T09:00", &["decisions"])["decisions"].as_array().is_some_and(Vec::is_empty)
    );
}

#[test]
fn a_mail_that_is_booked_does_not_leave_after_the_person_asked_for_no_more() {
    let mut rig = rig();
    let at = rig.at("2026-12-01 08:30");
    assert_eq!(rig.book_only(at), 2);
    run(&mut rig, "2026-12-01T08:40", &["people", "stop", "ada"]);
    let why = run(&mut rig, "2026-12-01T08:45", &["why", "ada"]);
    assert!(why.contains("journey people stop") && why.contains("--undo"), "{why}");
    assert_eq!(sent(&mut rig, "2026-12-01 09:00"), [""; 0]);
    let letters = rig.new_letters();
    let to: Vec<&str> = letters.iter().map(|letter| letter.to.as_str()).collect();
    assert_eq!(to, ["bo@ekdala.example"]);
}

#[test]
fn a_member_of_the_reference_group_who_stops_holds_back_no_one() {
    let text = "min_gap = \"20 hours\"
=== journey j
cadence = \"30 8 * * Tue\"
start = 2026-12-15

[reference_group]
people = [\"ada\"]
lead = \"5 workdays\"

[[step]]
id = \"a\"
=== people 1
ada,ada@ekdala.example,Ada,Ek,Norr,,,,,
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
";
    let mut rig = Scenario::parse(text).rig();
    sent(&mut rig, "2026-12-01 08:30");
    run(&mut rig, "2026-12-02T10:00", &["people", "stop", "ada"]);
    run(&mut rig, "2026-12-02T10:00", &["approve", "j/a", "--by", "Eva"]);
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["bo j/a"]);
}
