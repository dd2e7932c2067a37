//! Content that is edited while its journeys run, through the real database and
//! the real files.

use std::fs;

use journey::domain::change::Change;
use journey::domain::change::settings::PauseTarget;
use journey::domain::forecast::Row;
use journey::domain::model::ids::{PersonId, StepName};
use journey::domain::time::timezone::Timestamp;
use journey::engine::plan::forecast::{self, Scope};
use journey::engine::plan::pass::Filter;
use journey::engine::plan::{decide, positions};

use super::rig::Rig;
use super::scenarios::script::Scenario;
use super::transcripts::journey;

const ORDER: &str = "content/journeys/j/journey.toml";

/// Three weekly steps for two people.
fn rig() -> Rig {
    rig_of("", "")
}

/// The same with more in the head of the journey and after its steps.
fn rig_of(head: &str, more: &str) -> Rig {
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
{more}
=== journey other
cadence = \"30 8 * * Tue\"
start = 2030-01-01

[[step]]
id = \"x\"
=== people 1
ada,ada@ekdala.example,Ada,Ek,Norr,,,,,
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
"
    );
    Scenario::parse(&text).rig()
}

/// The mails sent at a time.
fn sent(rig: &mut Rig, civil: &str) -> Vec<String> {
    let at = rig.at(civil);
    rig.send(at).iter().map(|mail| format!("{} {}", mail.person, mail.step)).collect()
}

/// What `journey plan` shows at a time, until another.
fn plan(rig: &Rig, at: Timestamp, until: &str) -> Vec<String> {
    let world = rig.look(at);
    let rows = forecast::rows(&world, at..rig.at(until), &Scope::default(), |_| {});
    let told = |row: &Row| {
        let step = &world.content.library.journeys[row.journey].steps[row.step].slug;
        let civil = rig.zone.civil(row.at).format("%Y-%m-%d %H:%M");
        format!("{civil} {} {step}", world.roster.people[row.person].id)
    };
    rows.iter().map(told).collect()
}

/// Puts the steps of the journey into this order.
fn reorder(rig: &mut Rig, civil: &str, steps: &[&str]) {
    let text = rig.read(ORDER);
    let head = text.split("[[step]]").next().expect("a head");
    let block = |step: &&str| match step.strip_suffix('+') {
        Some(step) => format!("[[step]]\nid = \"{step}\"\ncatch_up = true\n"),
        None => format!("[[step]]\nid = \"{step}\"\n"),
    };
    rig.write(ORDER, &format!("{head}{}", steps.iter().map(block).collect::<String>()));
    let folder = rig.path("content/journeys/j");
    let ids: Vec<String> = steps.iter().map(|step| format!("{}.md", step.trim_end_matches('+'))).collect();
    let words = rig.read("content/journeys/other/x.md");
    for id in &ids {
        if !folder.join(id).exists() {
            rig.write(&format!("content/journeys/j/{id}"), &words.replace("det här är x", id));
        }
    }
    for file in fs::read_dir(&folder).expect("a folder").flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") && !ids.contains(&name) {
            fs::remove_file(file.path()).expect("it goes");
        }
    }
    let at = rig.at(civil);
    assert!(rig.reload(at), "the content is fine");
}

fn step(name: &str) -> StepName {
    StepName::parse(name).expect("a step")
}

fn pause(rig: &mut Rig, civil: &str, person: &str, until: &str) {
    let of = PauseTarget::Person(PersonId::new(person));
    let until = Some(until.parse().expect("a date"));
    let at = rig.at(civil);
    rig.decide(at, &Change::Pause { of, until, reason: "a test".into() });
}

fn approve(rig: &mut Rig, civil: &str, name: &str) {
    let (at, step) = (rig.at(civil), step(name));
    let (world, _) = rig.running(at);
    let found = world.content.library.journey(&step.journey).and_then(|journey| journey.step(&step.step));
    let content = found.expect("a step").hash;
    rig.decide(at, &Change::Approve { step, content });
}

#[test]
fn the_next_step_follows_the_last_received_one_in_the_current_order() {
    let mut rig = rig();
    assert_eq!(sent(&mut rig, "2026-12-01 08:30"), ["ada j/a", "bo j/a"]);
    reorder(&mut rig, "2026-12-02 10:00", &["a", "c", "b"]);
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/c", "bo j/c"]);
    reorder(&mut rig, "2026-12-09 10:00", &["b", "a", "c", "d"]);
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["ada j/d", "bo j/d"]);
    assert_eq!(sent(&mut rig, "2026-12-22 08:30"), [""; 0], "what now lies behind them is not sent");
}

#[test]
fn an_inserted_step_is_not_sent_to_people_past_it_without_catch_up() {
    let mut rig = rig();
    sent(&mut rig, "2026-12-01 08:30");
    pause(&mut rig, "2026-12-02 10:00", "bo", "2026-12-14");
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/b"]);
    reorder(&mut rig, "2026-12-09 10:00", &["a", "x", "b", "c"]);
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["ada j/c", "bo j/x"]);
    reorder(&mut rig, "2026-12-16 10:00", &["a", "x", "y+", "b", "c"]);
    assert_eq!(sent(&mut rig, "2026-12-22 08:30"), ["ada j/y", "bo j/y"]);
    assert_eq!(sent(&mut rig, "2026-12-29 08:30"), ["bo j/b"]);
}

#[test]
fn a_removed_step_is_skipped() {
    let mut rig = rig();
    sent(&mut rig, "2026-12-01 08:30");
    pause(&mut rig, "2026-12-02 10:00", "bo", "2026-12-14");
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/b"]);
    reorder(&mut rig, "2026-12-09 10:00", &["a", "c"]);
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["ada j/c", "bo j/c"]);
    reorder(&mut rig, "2026-12-16 10:00", &["a", "b", "c"]);
    assert_eq!(sent(&mut rig, "2026-12-22 08:30"), [""; 0], "nobody goes back");
}

#[test]
fn a_text_change_applies_to_people_who_have_not_received_the_step() {
    let mut rig = rig();
    sent(&mut rig, "2026-12-01 08:30");
    pause(&mut rig, "2026-12-02 10:00", "bo", "2026-12-14");
    sent(&mut rig, "2026-12-08 08:30");
    rig.edit("content/journeys/j/b.md", "Hej ", "Hej igen ");
    let noon = rig.at("2026-12-09 12:00");
    assert!(rig.reload(noon));
    rig.new_letters();
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["ada j/c", "bo j/b"]);
    let words: Vec<bool> =
        rig.new_letters().iter().map(|letter| letter.text.contains("Hej igen Bo")).collect();
    assert_eq!(words, [false, true]);
}

#[test]
fn an_edit_after_approval_holds_the_step_for_people_who_have_not_received_it() {
    let mut rig = rig_of("[reference_group]\npeople = [\"ada\"]\nlead = \"5 workdays\"\n", "");
    assert_eq!(sent(&mut rig, "2026-11-24 08:30"), ["ada j/a"]);
    approve(&mut rig, "2026-11-25 10:00", "j/a");
    approve(&mut rig, "2026-11-25 10:00", "j/b");
    rig.edit("content/journeys/j/a.md", "Hej ", "Hej igen ");
    let noon = rig.at("2026-11-26 12:00");
    assert!(rig.reload(noon));
    assert_eq!(sent(&mut rig, "2026-12-01 08:30"), ["ada j/b"], "bo waits for the new text's approval");
    approve(&mut rig, "2026-12-01 10:00", "j/a");
    assert_eq!(sent(&mut rig, "2026-12-01 10:30"), ["bo j/a"], "within the grace; ada is not asked again");
    rig.edit("content/journeys/j/a.md", "Hej igen ", "Hej ");
    let noon = rig.at("2026-12-02 12:00");
    assert!(rig.reload(noon), "back at the first text, which was approved once");
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/c", "bo j/b"]);
}

#[test]
fn a_republished_journey_continues_with_the_next_step_one_at_a_time() {
    let mut rig = rig();
    sent(&mut rig, "2026-12-01 08:30");
    let (there, away) = (rig.path("content/journeys/j"), rig.path("j-away"));
    fs::rename(&there, &away).expect("it goes");
    let noon = rig.at("2026-12-02 12:00");
    assert!(rig.reload(noon));
    for civil in ["2026-12-08 08:30", "2026-12-15 08:30", "2026-12-22 08:30", "2026-12-29 08:30"] {
        assert_eq!(sent(&mut rig, civil), [""; 0]);
    }
    fs::rename(&away, &there).expect("it comes back");
    let noon = rig.at("2026-12-30 12:00");
    // Before the content is reloaded, the plan shows what will happen.
    let planned = [
        "2027-01-05 08:30 ada b",
        "2027-01-05 08:30 bo b",
        "2027-01-12 08:30 ada c",
        "2027-01-12 08:30 bo c",
    ];
    assert_eq!(plan(&rig, noon, "2027-03-01 00:00"), planned);
    assert!(rig.reload(noon));
    assert_eq!(sent(&mut rig, "2026-12-30 12:00"), [""; 0], "no burst");
    assert_eq!(sent(&mut rig, "2027-01-05 08:30"), ["ada j/b", "bo j/b"]);
    assert_eq!(sent(&mut rig, "2027-01-05 09:30"), [""; 0]);
    assert_eq!(sent(&mut rig, "2027-01-12 08:30"), ["ada j/c", "bo j/c"]);
}

#[test]
fn a_renamed_step_counts_as_removed_and_inserted_and_restarts_no_journey() {
    let mut rig = rig();
    sent(&mut rig, "2026-12-01 08:30");
    pause(&mut rig, "2026-12-02 10:00", "bo", "2026-12-14");
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/b"]);
    reorder(&mut rig, "2026-12-09 10:00", &["a", "b-new", "c"]);
    assert_eq!(sent(&mut rig, "2026-12-15 08:30"), ["ada j/b-new", "bo j/b-new"]);
    assert_eq!(sent(&mut rig, "2026-12-22 08:30"), ["ada j/c", "bo j/c"]);
}

#[test]
fn broken_content_does_not_stop_a_running_journey() {
    let mut rig = rig();
    let config = rig.path("config.toml").display().to_string();
    let run = |at: &str, words: &[&str]| {
        let output = journey(&[&["--config", &config, "--at", at], words].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, said, _) = run("2026-12-01T08:30", &["send"]);
    assert_eq!((code, said.contains("2 mails")), (Some(0), true), "{said}");
    rig.edit(ORDER, "cadence", "cadance");
    let (code, said, told) = run("2026-12-08T08:30", &["send"]);
    assert_eq!((code, said.contains("2 mails")), (Some(0), true), "mails go on: {said}");
    let loudly = "the content has 1 error; the last good content of Tue 1 Dec 2026 08:30 is in force";
    assert!(told.contains(loudly), "{told}");
    let (code, said, _) = run("2026-12-08T08:31", &["status", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let faults = status["content_faults"].as_array().expect("a list");
    assert_eq!((code, faults.len()), (Some(0), 1), "{said}");
    assert_eq!(run("2026-12-08T08:31", &["check"]).0, Some(1));
    rig.edit(ORDER, "cadance", "cadence");
    rig.edit("content/journeys/j/c.md", "Hej ", "Hej igen ");
    let (code, said, told) = run("2026-12-15T08:30", &["send"]);
    assert_eq!((code, said.contains("2 mails"), told.as_str()), (Some(0), true, ""), "mended: {said}");
    let letters = rig.new_letters();
    let renewed = letters.iter().filter(|letter| letter.text.contains("Hej igen")).count();
    assert_eq!((letters.len(), renewed), (6, 2));
}

#[test]
fn removing_a_step_during_a_batch_cancels_its_enqueued_mails() {
    let mut rig = rig();
    let at = rig.at("2026-12-01 08:30");
    rig.book_only(at);
    rig.stop();
    reorder(&mut rig, "2026-12-01 09:00", &["b", "c"]);
    assert_eq!(sent(&mut rig, "2026-12-01 09:30"), [""; 0], "within min_gap of what was booked");
    assert_eq!(rig.new_letters().len(), 0, "its words are gone");
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada j/b", "bo j/b"]);
}

#[test]
fn a_text_that_cannot_be_rendered_for_a_person_blocks_no_other_journey() {
    let text = "min_gap = \"20 hours\"
=== journey j
cadence = \"30 8 * * Tue\"
start = 2026-12-01

[[step]]
id = \"of-a\"
=== journey k
cadence = \"30 8 * * Tue\"
start = 2026-12-02

[[step]]
id = \"b\"
=== people 1
ada,ada@ekdala.example,Ada,Ek,Norr,Skolan,,,,
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
";
    let mut rig = Scenario::parse(text).rig();
    assert_eq!(sent(&mut rig, "2026-12-01 08:30"), ["ada j/of-a"], "bo has no department to name");
    let half_past = rig.at("2026-12-01 08:30");
    let wake = rig.store(half_past).next_due_at().expect("positions");
    assert_eq!(wake, Some(rig.at("2026-12-01 12:30")), "asked again when the slot is past, not at once");
    assert_eq!(sent(&mut rig, "2026-12-08 08:30"), ["ada k/b", "bo k/b"]);
}

#[test]
fn a_decision_of_another_process_is_seen_by_an_outdated_snapshot() {
    let mut rig = rig();
    let at = rig.at("2026-12-01 08:30");
    sent(&mut rig, "2026-12-01 08:30");
    let config = rig.path("config.toml").display().to_string();
    let pause = ["--config", &config, "--at", "2026-12-01T09:00", "pause", "--journey", "j", "--reason", "x"];
    assert!(journey(&pause).status.success(), "somebody else decides something");
    let (world, store) = rig.running(at);
    decide::enqueue(world, store, at, &Filter::default(), &mut |_, _, _| {}).expect("positions");
    assert_eq!(
        positions::due_people(&world.config, &world.content.library, store, at).expect("positions"),
        Some(Vec::new())
    );
}

#[test]
fn unsent_mails_are_blocked_by_a_hold_a_pause_an_edit_or_a_shared_address() {
    let gated = "[reference_group]\npeople = [\"nobody\"]\nlead = \"5 workdays\"\n";
    let hold: fn(&mut Rig) = |rig| {
        let at = rig.at("2026-12-01 09:00");
        rig.decide(at, &Change::Hold(None));
    };
    let released: fn(&mut Rig) = |rig| {
        let at = rig.at("2026-12-02 09:00");
        rig.decide(at, &Change::Release(None));
    };
    let paused: fn(&mut Rig) = |rig| {
        for person in ["ada", "bo"] {
            pause(rig, "2026-12-01 09:00", person, "2026-12-02");
        }
    };
    let edited: fn(&mut Rig) = |rig| {
        rig.edit("content/journeys/j/a.md", "Hej ", "Hej igen ");
        let at = rig.at("2026-12-01 09:00");
        assert!(rig.reload(at));
    };
    let shared: fn(&mut Rig) = |rig| {
        rig.edit("people-1.csv", "bo@ekdala.example", "ada@ekdala.example");
        let at = rig.at("2026-12-01 09:00");
        rig.import(at, "people-1.csv");
    };
    let mended: fn(&mut Rig) = |rig| {
        rig.edit("people-1.csv", "bo,ada@ekdala.example", "bo,bo@ekdala.example");
        let at = rig.at("2026-12-02 09:00");
        rig.import(at, "people-1.csv");
    };
    let approved: fn(&mut Rig) = |rig| approve(rig, "2026-12-02 09:00", "j/a");
    for (what, stop, go) in [
        ("hold", hold, released),
        ("pause", paused, |_: &mut Rig| {}),
        ("edit", edited, approved),
        ("address", shared, mended),
    ] {
        let mut rig = rig_of(gated, "");
        approve(&mut rig, "2026-11-25 10:00", "j/a");
        let at = rig.at("2026-12-01 08:30");
        assert_eq!(rig.book_only(at), 2, "{what}");
        rig.stop();
        stop(&mut rig);
        assert_eq!(sent(&mut rig, "2026-12-01 09:30"), [""; 0], "{what}");
        assert_eq!(rig.new_letters().len(), 0, "kept back: {what}");
        go(&mut rig);
        assert_eq!(sent(&mut rig, "2026-12-02 09:30"), [""; 0], "{what}");
        assert_eq!(rig.new_letters().len(), 2, "and then handed over: {what}");
    }
}
