//! Steps that get another id, are removed, or correct an earlier text, while people are on their way.

use std::fs;

use journey::domain::change::Change;
use journey::domain::model::ids::StepName;
use serde_json::Value;

use super::rig::Rig;
use super::scenarios::script::Scenario;
use super::transcripts::journey;

const ORDER: &str = "content/journeys/j/journey.toml";

/// Three weekly steps for three people, with more in the head of the journey.
fn rig(head: &str) -> Rig {
    let text = format!(
        "min_gap = \"20 hours\"
=== journey j
cadence = \"30 8 * * Tue\"
start = 2026-12-01
{head}
[[step]]
id = \"a\"

[[step]]
id = \"b\"

[[step]]
id = \"c\"
=== people 1
ada,ada@ekdala.example,Ada,Ek,Norr,,,,,
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
cy,cy@ekdala.example,Cy,Ek,Soder,,,,,
=== people 2
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
cy,cy@ekdala.example,Cy,Ek,Soder,,,,,
"
    );
    Scenario::parse(&text).rig()
}

fn sent(rig: &mut Rig, civil: &str) -> Vec<String> {
    let at = rig.at(civil);
    rig.send(at).iter().map(|mail| format!("{} {}", mail.person, mail.step)).collect()
}

/// Gives steps other ids in the folder, with these lines in the head of the journey.
fn rename(rig: &mut Rig, names: &[(&str, &str)], head: &str) {
    for (old, new) in names {
        rig.edit(ORDER, &format!("id = \"{old}\""), &format!("id = \"{new}\""));
        let folder = rig.path("content/journeys/j");
        fs::rename(folder.join(format!("{old}.md")), folder.join(format!("{new}.md"))).expect("renamed");
    }
    rig.edit(ORDER, "start = ", &format!("{head}\nstart = "));
}

fn reload(rig: &mut Rig, civil: &str) -> bool {
    let at = rig.at(civil);
    rig.reload(at)
}

fn approve(rig: &mut Rig, civil: &str, name: &str) {
    let (at, step) = (rig.at(civil), StepName::parse(name).expect("a step"));
    let (snapshot, _) = rig.running(at);
    let found = snapshot.content.library.journey(&step.journey).and_then(|journey| journey.step(&step.step));
    let content = found.expect("a step").hash;
    rig.decide(at, &Change::Approve { step, content });
}

/// The exit code, and what the program prints.
fn run(rig: &Rig, at: &str, words: &[&str]) -> (Option<i32>, String) {
    let config = rig.path("config.toml").display().to_string();
    let output = journey(&[&["--config", &config, "--at", at], words].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn json(rig: &Rig, at: &str, words: &[&str]) -> Value {
    let config = rig.path("config.toml").display().to_string();
    let output = journey(&[&["--config", &config, "--at", at], words, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_renamed_step_is_not_sent_again_to_those_who_had_it() {
    for (names, head) in [
        (&[("b", "b2")][..], "renamed = { b = \"b2\" }"),
        (&[("a", "a2"), ("b", "b2"), ("c", "c2")], "renamed = { a = \"a2\", b = \"b2\", c = \"c2\" }"),
        // Renamed twice.
        (&[("b", "b3")], "renamed = { b = \"b2\", b2 = \"b3\" }"),
    ] {
        let mut rig = rig("");
        sent(&mut rig, "2026-12-01 08:30");
        assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/b", "bo j/b", "cy j/b"]);
        rename(&mut rig, names, head);
        assert!(reload(&mut rig, "2026-12-09 10:00"), "{head}");
        let third = names.iter().find(|(old, _)| *old == "c").map_or("c", |(_, new)| new);
        let expected: Vec<String> =
            ["ada", "bo", "cy"].iter().map(|who| format!("{who} j/{third}")).collect();
        assert_eq!(sent(&mut rig, "2026-12-15 08:30"), expected, "{head}");
        assert_eq!(sent(&mut rig, "2026-12-22 08:30"), [""; 0], "{head}");
        let why = json(&rig, "2026-12-23T08:30", &["why", "ada"]);
        let states: Vec<&Value> = why["journeys"][0]["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .map(|step| &step["state"])
            .collect();
        assert_eq!(states, ["sent", "sent", "sent"], "{head}: {why}");
        let (code, told) = run(&rig, "2026-12-23T08:30", &["check"]);
        assert_eq!((code, told.contains("have had the step")), (Some(0), false), "{head}: {told}");
    }
}

#[test]
fn a_renamed_step_keeps_its_approval_its_hold_and_its_unsent_mails() {
    let group = "[reference_group]\npeople = [\"ada\"]\nlead = \"5 workdays\"\n";
    let mut rig = rig(group);
    assert_eq!(sent(&mut rig, "2026-11-24 08:30"), ["ada j/a"]);
    approve(&mut rig, "2026-11-25 10:00", "j/a");
    let at = rig.at("2026-11-25 11:00");
    rig.decide(at, &Change::Hold(StepName::parse("j/a")));
    rename(&mut rig, &[("a", "hello")], "renamed = { a = \"hello\" }");
    assert!(reload(&mut rig, "2026-11-26 10:00"));
    assert_eq!(sent(&mut rig, "2026-12-01 08:30"), ["ada j/b"], "the hold goes on");
    let (code, told) = run(&rig, "2026-12-01T09:00", &["status"]);
    assert!(told.contains("journey hold release j/hello"), "{code:?} {told}");
    let (code, told) = run(&rig, "2026-12-01T09:00", &["hold", "release", "j/hello"]);
    assert_eq!(code, Some(0), "{told}");
    rig.stop();
    let at = rig.at("2026-12-01 09:10");
    assert_eq!(rig.book_only(at), 2, "approved under its former name");
    rig.stop();
    rig.new_letters();
    rename(&mut rig, &[("hello", "hej")], "");
    rig.edit(ORDER, "renamed = { a = \"hello\" }", "renamed = { a = \"hello\", hello = \"hej\" }");
    assert_eq!(sent(&mut rig, "2026-12-01 09:30"), [""; 0]);
    assert_eq!(rig.new_letters().len(), 2, "what was booked leaves under the new name");
}

#[test]
fn all_steps_renamed_at_once_without_saying_so_is_an_error_and_the_old_content_stays() {
    let names = [("a", "x"), ("b", "y"), ("c", "z")];
    let mut rig = rig("");
    sent(&mut rig, "2026-12-01 08:30");
    rename(&mut rig, &names, "");
    let (code, told) = run(&rig, "2026-12-02T10:00", &["check"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("3 people have had `a`") && told.contains("renamed = { a = \"x\" }"), "{told}");
    assert!(!reload(&mut rig, "2026-12-02 10:00"), "the daemon keeps the old content");
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/b", "bo j/b", "cy j/b"]);
    let (_, told) = run(&rig, "2026-12-15T08:30", &["send", "--dry-run"]);
    assert!(told.contains("j/c") && !told.contains("j/x"), "{told}");
    let (_, told) = run(&rig, "2026-12-15T08:30", &["status"]);
    assert!(told.contains("The content has errors") && told.contains("journey check"), "{told}");
    assert_eq!(run(&rig, "2026-12-15T08:30", &["health"]).0, Some(1));
    // It is a new series of steps: said, and accepted.
    rig.edit(ORDER, "start = ", "retired = [\"a\", \"b\", \"c\"]\nstart = ");
    assert!(reload(&mut rig, "2026-12-16 10:00"));
    assert_eq!(sent(&mut rig, "2026-12-22 08:30"), ["ada j/x", "bo j/x", "cy j/x"]);
}

#[test]
fn check_tells_of_a_step_that_people_have_had_and_that_is_removed() {
    let removed = "1 person has had the step `b`, and it is not in the journey any more";
    let mut rig = rig("");
    sent(&mut rig, "2026-12-01 08:30");
    let at = rig.at("2026-12-08 08:30");
    let one = journey::engine::plan::pass::Filter { limit: Some(1), ..Default::default() };
    rig.send_only(at, &one);
    rig.edit(ORDER, "[[step]]\nid = \"b\"\n", "");
    rig.remove("content/journeys/j/b.md");
    let (code, told) = run(&rig, "2026-12-09T10:00", &["check"]);
    assert_eq!(code, Some(0), "a warning: {told}");
    assert!(told.contains(removed) && told.contains("retired = [\"b\"]"), "{told}");
    assert_eq!(run(&rig, "2026-12-09T10:00", &["check", "--strict"]).0, Some(1));
    let (_, told) = run(&rig, "2026-12-09T10:00", &["why", "ada"]);
    assert!(told.contains("the step is not in the journey any more"), "{told}");
    let why = json(&rig, "2026-12-09T10:00", &["why", "ada"]);
    let last = why["journeys"][0]["steps"].as_array().and_then(|steps| steps.last()).expect("a step");
    assert_eq!((&last["step"], &last["removed"]), (&Value::from("b"), &Value::from(true)), "{why}");
    rig.edit(ORDER, "start = ", "retired = [\"b\"]\nstart = ");
    let (code, told) = run(&rig, "2026-12-09T10:00", &["check", "--strict"]);
    assert!(!told.contains("have had") && !told.contains("has had"), "{code:?} {told}");
    assert!(reload(&mut rig, "2026-12-09 10:00"));
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["ada j/c", "bo j/c", "cy j/c"]);
}

#[test]
fn why_knows_people_who_have_left() {
    let mut rig = rig("");
    sent(&mut rig, "2026-12-01 08:30");
    let at = rig.at("2026-12-02 10:00");
    rig.import(at, "people-2.csv");
    for name in ["ada", "ADA@ekdala.example"] {
        let (code, told) = run(&rig, "2026-12-03T10:00", &["why", name]);
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("ada  left on Wed 2 Dec 2026") && told.contains("sent  a  "), "{told}");
    }
    let why = json(&rig, "2026-12-03T10:00", &["why", "ada"]);
    assert_eq!(why["left"], "2026-12-02T10:00:00+01:00", "{why}");
    assert_eq!(why["journeys"][0]["steps"][0]["state"], "sent", "{why}");
    assert_eq!(why["journeys"][0]["because"][0]["code"], "left", "{why}");
    let (code, told) = run(&rig, "2026-12-03T10:00", &["why", "dan"]);
    assert_eq!(code, Some(2), "{told}");
}

/// `b` goes to ada alone, and its text is changed afterwards.
fn rig_with_two_texts(head: &str) -> Rig {
    let mut rig = rig(head);
    sent(&mut rig, "2026-12-01 08:30");
    let at = rig.at("2026-12-08 08:30");
    let one = journey::engine::plan::pass::Filter { limit: Some(1), ..Default::default() };
    rig.send_only(at, &one);
    rig.edit("content/journeys/j/b.md", "Hej ", "Hej igen ");
    assert!(reload(&mut rig, "2026-12-08 09:00"));
    assert_eq!(sent(&mut rig, "2026-12-08 09:30"), ["bo j/b", "cy j/b"]);
    rig
}

/// Adds a step that corrects another; `before` is the line of the step it is put before.
fn correct(rig: &mut Rig, corrected: &str, before: &str) {
    let text = rig.read("content/journeys/j/c.md");
    rig.write("content/journeys/j/fix.md", &text);
    let place = format!("[[step]]\nid = \"{before}\"");
    rig.edit(ORDER, &place, &format!("[[step]]\nid = \"fix\"\ncorrects = \"{corrected}\"\n\n{place}"));
}

#[test]
fn a_correction_goes_only_to_those_who_got_an_earlier_text() {
    let mut rig = rig_with_two_texts("");
    let older = json(&rig, "2026-12-09T10:00", &["why", "--step", "j/b", "--text", "older"]);
    let people: Vec<&Value> =
        older["people"].as_array().expect("people").iter().map(|one| &one["person"]).collect();
    assert_eq!(people, ["ada"], "{older}");
    let (_, told) = run(&rig, "2026-12-09T10:00", &["why", "--step", "j/b", "--text", "older"]);
    assert!(told.contains("1 person has had an earlier text") && told.contains("ada Ada Ek"), "{told}");
    let (_, told) =
        run(&rig, "2026-12-09T10:00", &["why", "--step", "j/b", "--text", "older", "--unit", "Soder"]);
    assert!(told.contains("0 people have had an earlier text"), "{told}");
    correct(&mut rig, "j/b", "c");
    let (code, told) = run(&rig, "2026-12-15T08:30", &["send", "--dry-run"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(reload(&mut rig, "2026-12-09 10:00"));
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["ada j/fix", "bo j/c", "cy j/c"]);
    assert_eq!(sent(&mut rig, "2026-12-22 08:30"), ["ada j/c"]);
    assert_eq!(sent(&mut rig, "2026-12-29 08:30"), [""; 0], "once");
}

#[test]
fn a_correction_reaches_people_past_it_and_waits_for_its_approval() {
    let mut rig = rig_with_two_texts("");
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["ada j/c", "bo j/c", "cy j/c"]);
    let group = "[reference_group]\npeople = [\"bo\"]\nlead = \"5 workdays\"\n";
    correct(&mut rig, "j/b", "c");
    rig.edit(ORDER, "[[step]]", &format!("{group}\n[[step]]"));
    assert!(reload(&mut rig, "2026-12-16 10:00"));
    assert_eq!(sent(&mut rig, "2026-12-22 08:30"), [""; 0], "nobody has approved it");
    let (_, told) = run(&rig, "2026-12-22T09:00", &["status"]);
    assert!(told.contains("To do: 1") && told.contains("journey approve j/fix --by NAME"), "{told}");
    approve(&mut rig, "2026-12-22 10:00", "j/fix");
    assert_eq!(sent(&mut rig, "2026-12-29 08:30"), ["ada j/fix"]);
}

#[test]
fn a_correction_that_names_no_earlier_step_is_an_error() {
    for (corrected, message) in [
        ("j/x", "there is no step `j/x`"),
        ("k/a", "there is no step `k/a`"),
        ("j/fix", "step `j/fix` corrects itself"),
        ("j/c", "step `j/c` comes later than the step that corrects it"),
        ("b", "`corrects` is `b`; a journey and a step are needed"),
    ] {
        let mut rig = rig("");
        correct(&mut rig, corrected, "c");
        let (code, told) = run(&rig, "2026-12-01T08:30", &["check"]);
        let place = format!("journey.toml:13:12: error: {message}");
        assert_eq!((code, told.contains(&place)), (Some(1), true), "{told}\n{}", rig.read(ORDER));
    }
}

#[test]
fn former_names_that_fit_no_step_are_errors() {
    for (head, message) in [
        ("renamed = { old = \"x\" }", "`old` is renamed to `x`, and there is no such step"),
        ("renamed = { a = \"b\" }", "step `a` is `renamed` and still in the list"),
        ("renamed = { x = \"y\", y = \"x\" }", "`x` is renamed to `y`, and there is no such step"),
        ("renamed = { old = \"a\" }\nretired = [\"old\"]", "step `old` is both `renamed` and `retired`"),
        ("renamed = { old = 1 }", "is a number"),
        ("renamed = \"a\"", "is text"),
    ] {
        let mut rig = rig("");
        rig.edit(ORDER, "start = ", &format!("{head}\nstart = "));
        let (code, told) = run(&rig, "2026-12-01T08:30", &["check"]);
        assert_eq!((code, told.contains(message)), (Some(1), true), "{head}: {told}");
        assert!(told.contains("journey.toml:2:") || told.contains("journey.toml:3:"), "{head}: {told}");
    }
}

#[test]
fn a_journey_with_another_name_is_an_error_and_a_removed_one_a_warning() {
    let mut rig = rig("");
    sent(&mut rig, "2026-12-01 08:30");
    fs::rename(rig.path("content/journeys/j"), rig.path("content/journeys/new")).expect("renamed");
    let (code, said) = run(&rig, "2026-12-02T10:00", &["check"]);
    assert_eq!(code, Some(1), "{said}");
    let error =
        "the journey `new` has steps of `j`, which is gone; 3 people have had them, and would get them again";
    assert!(said.contains(error), "{said}");
    assert!(!reload(&mut rig, "2026-12-02 10:01"), "the content before stays in force");
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/b", "bo j/b", "cy j/b"]);
    fs::rename(rig.path("content/journeys/new"), rig.path("content/journeys/j")).expect("renamed");
    assert!(reload(&mut rig, "2026-12-09 10:00"));

    fs::rename(rig.path("content/journeys/j"), rig.path("away")).expect("moved");
    let (code, said) = run(&rig, "2026-12-09T10:01", &["check"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 people have had steps of the journey `j`, which is gone"), "{said}");
    assert!(reload(&mut rig, "2026-12-09 10:02"));
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), [""; 0]);
}

/// Gives step `a` a question with a text and this reader; a reader before is replaced.
fn ask(rig: &mut Rig, before: Option<&str>, read_by: &str) {
    let file = "content/journeys/j/a.md";
    let reader = |read_by: &str| format!("read_by = \"{read_by}\"\n");
    match before {
        None => {
            let question = "[[question]]\nid = \"vana\"\ntext = \"Vilken?\"\ntype = \"text\"\n";
            rig.edit(file, "minutes = 2\n", &format!("minutes = 2\n{question}{}", reader(read_by)));
        }
        Some(before) => rig.edit(file, &reader(before), &reader(read_by)),
    }
}

#[test]
fn who_reads_a_text_does_not_change_once_there_are_texts() {
    for (first, second) in [("me", "programme"), ("programme", "me")] {
        let mut rig = rig("");
        ask(&mut rig, None, second);
        assert!(reload(&mut rig, "2026-11-30 10:00"));
        // Without a text it may change.
        ask(&mut rig, Some(second), first);
        assert!(reload(&mut rig, "2026-11-30 11:00"));
        sent(&mut rig, "2026-12-01 08:30");
        let (code, said) = run(&rig, "2026-12-02T10:00", &["answer", "ada", "j/a", "--text", "Tåg"]);
        assert_eq!(code, Some(0), "{said}");
        ask(&mut rig, Some(first), second);
        let (code, said) = run(&rig, "2026-12-02T10:01", &["check"]);
        assert_eq!(code, Some(1), "{said}");
        let message = format!(
            "the question `vana` has `read_by = \"{second}\"`, but 1 person has answered it when it said `\"{first}\"`"
        );
        assert!(said.contains(&message) && said.contains("j/a.md"), "{said}");
        assert!(!reload(&mut rig, "2026-12-02 10:02"), "the content before stays in force");
        ask(&mut rig, Some(second), first);
        assert!(reload(&mut rig, "2026-12-02 10:03"));
    }
}
