//! What comes next: every command gives the same answer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::long_run::simulation::REFERENCE_GROUP;
use super::rig::{Rig, copy};
use super::transcripts::journey;

/// People in different units, on leave, joining late and leaving.
const SOME_PEOPLE: [&str; 11] =
    ["1003", "1013", "1042", "1100", "1255", "1400", "1777", "2011", "2300", "2391", "2399"];

/// The sample in a folder of its own, and what a command prints there.
struct Sample {
    home: tempfile::TempDir,
}

impl Sample {
    /// Every twentieth person, the reference group, one unit, and some who are asked about:
    /// commands are compared with each other, however many people there are.
    fn small() -> Sample {
        let sample = Sample::new();
        let people = sample.home.path().join("people.csv");
        let text = std::fs::read_to_string(&people).expect("people");
        let is_kept = |(place, row): &(usize, &str)| {
            let id = row.split(';').next().unwrap_or_default();
            let is_of_unit = row.contains(";Nattpatrullen;");
            place % 20 == 0 || is_of_unit || SOME_PEOPLE.contains(&id) || REFERENCE_GROUP.contains(&id)
        };
        let kept: Vec<&str> = text.lines().enumerate().filter(is_kept).map(|(_, row)| row).collect();
        std::fs::write(&people, kept.join("\n") + "\n").expect("written");
        sample
    }

    fn new() -> Sample {
        let home = tempfile::tempdir().expect("a folder");
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["config.toml", "people.csv"] {
            std::fs::copy(root.join(name), home.path().join(name)).expect("a copy");
        }
        copy(&root.join("content"), &home.path().join("content"));
        Sample { home }
    }

    fn text(&self, at: &str, words: &[&str]) -> String {
        let config = self.home.path().join("config.toml").display().to_string();
        let output = journey(&[&["--config", &config, "--at", at], words].concat());
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, at: &str, words: &[&str]) -> Value {
        let text = self.text(at, &[words, &["--format", "json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }
}

/// The lines under `Next`, with single blanks.
fn next_lines(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| !line.starts_with("Next")).skip(1);
    let lines = lines.take_while(|line| line.starts_with("  ") && !line.trim().starts_with("and "));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

type MailsByStep = BTreeMap<(String, String), usize>;

fn field(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

#[test]
fn send_status_why_and_plan_name_the_same_next_mails() {
    let sample = Sample::small();
    for slot in ["2026-12-01T08:30", "2026-12-03T09:00", "2026-12-10T08:30", "2026-12-15T08:30"] {
        let would = sample.text(slot, &["send", "--dry-run"]);
        let did = sample.text(slot, &["send"]);
        if slot == "2026-12-01T08:30" {
            let compared = agree_on_people(&sample, "2026-12-01T09:00");
            assert!(compared >= 5, "{compared} compared");
        }
        assert_eq!(next_lines(&would), next_lines(&did), "the dry run shows the same");
        let status = sample.text(slot, &["status"]);
        let lines = next_lines(&status);
        assert!(!lines.is_empty() && next_lines(&did).starts_with(&lines), "{did}\n{status}");
        let status = sample.json(slot, &["status"]);
        let next: Vec<&Value> = status["next"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|next| next["needs"].is_null())
            .collect();
        let plan = sample.json(slot, &["plan", "--until", "2027-03-01"]);
        let plan = plan.as_array().expect("a list");
        // The first mails that need nothing are the first mails of the plan that need nothing.
        let first = field(next[0], "at");
        let of_status: MailsByStep = next
            .iter()
            .filter(|next| field(next, "at") == first)
            .map(|next| {
                (
                    (field(next, "journey"), field(next, "step")),
                    next["mails"].as_u64().map_or(0, |n| n as usize),
                )
            })
            .collect();
        let mut of_plan = MailsByStep::new();
        let certain = |row: &&Value| row["assumes"].as_array().is_some_and(Vec::is_empty);
        let planned = plan.iter().filter(certain).map(|row| field(row, "at")).min().expect("a mail");
        for row in plan.iter().filter(certain).filter(|row| field(row, "at") == planned) {
            *of_plan.entry((field(row, "journey"), field(row, "step"))).or_default() += 1;
        }
        assert_eq!((first, of_status), (planned, of_plan), "at {slot}");
    }
    agree_on_people(&sample, "2026-12-15T09:00");
}

/// `why`, `people show` and `plan` agree person by person. Returns how many journeys could be compared with the plan.
fn agree_on_people(sample: &Sample, at: &str) -> usize {
    let plan = sample.json(at, &["plan", "--until", "2027-06-01"]);
    let plan = plan.as_array().expect("a list");
    let mut compared = 0;
    for person in SOME_PEOPLE {
        let why = sample.json(at, &["why", person]);
        let show = sample.json(at, &["people", "show", person]);
        for (journey, shown) in why["journeys"]
            .as_array()
            .into_iter()
            .flatten()
            .zip(show["journeys"].as_array().into_iter().flatten())
        {
            let (next, because) = (&journey["next"], journey["because"].as_array().expect("reasons"));
            assert_eq!(next["step"], shown["next"], "{person}: {journey} {shown}");
            assert_eq!(next["at"], shown["at"], "{person}: {journey} {shown}");
            let depends = ["not_approved", "previous_journey", "awaiting_answer", "expired", "left"];
            let is_certain = |reason: &Value| !depends.contains(&field(reason, "code").as_str());
            if next["verdict"] != "wait" || next["step"].is_null() || !because.iter().all(is_certain) {
                continue;
            }
            let is_of = |row: &&Value| row["person"] == *person && row["journey"] == journey["journey"];
            let row = plan.iter().find(is_of).expect("it is planned");
            assert_eq!((&row["at"], &row["step"]), (&next["at"], &next["step"]), "{person}: {journey}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn no_step_is_promised_to_a_late_joiner() {
    let sample = Sample::small();
    sample.text("2026-12-01T08:30", &["send"]);
    let at = "2026-12-01T09:00";
    let why = sample.text(at, &["why", "2391"]);
    let joins = "joins on Mon 7 Dec 2026; gets the step that the unit is at then";
    assert!(why.contains(joins) && !why.contains("resor  ") && !why.contains("21 Dec"), "{why}");
    let show = sample.text(at, &["people", "show", "2391"]);
    assert!(show.contains("next the step that the unit is at then, not before Mon 7 Dec 2026"), "{show}");
    let json = sample.json(at, &["why", "2391"]);
    let miljo = &json["journeys"][1];
    assert_eq!((&miljo["next"]["step"], &miljo["next"]["at"]), (&Value::Null, &Value::Null), "{miljo}");
    assert_eq!(miljo["because"][0]["code"], "not_started", "{miljo}");
    let send = sample.json(at, &["send", "--dry-run"]);
    let waits = send["wait"].as_array().expect("a list");
    let wait = waits.iter().find(|wait| wait["person"] == "2391" && wait["journey"] == "miljo");
    assert_eq!(wait.expect("an entry")["step"], Value::Null);
}

#[test]
fn while_everything_is_held_nothing_comes_next_until_it_is_released() {
    let sample = Sample::new();
    sample.text("2026-12-01T08:30", &["send"]);
    sample.text("2026-12-02T08:30", &["hold", "--reason", "a mistake"]);
    for words in [&["status"][..], &["send", "--dry-run"]] {
        let text = sample.text("2026-12-15T09:00", words);
        assert!(text.contains("Next  nothing, until released: journey hold release"), "{text}");
    }
    let status = sample.text("2026-12-15T09:00", &["status"]);
    let line = "To do: 1\n  1,400 people  All sending is held since Wed 2 Dec 2026 08:30: a mistake  journey hold release";
    assert!(status.contains(line), "{status}");
    let health = sample_health(&sample, "2026-12-15T09:00");
    assert_eq!(
        health,
        (Some(1), "To do: 1: All sending is held since Wed 2 Dec 2026 08:30: a mistake\n".to_owned())
    );
}

fn sample_health(sample: &Sample, at: &str) -> (Option<i32>, String) {
    let config = sample.home.path().join("config.toml").display().to_string();
    let output = journey(&["--config", &config, "--at", at, "health"]);
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn one_act_is_one_line_whatever_follows_from_it() {
    let sample = Sample::small();
    sample.text("2026-12-01T08:30", &["send"]);
    assert_eq!(sample_health(&sample, "2026-12-03T08:00"), (Some(0), "All is well\n".to_owned()));
    sample.text("2026-12-03T09:00", &["send"]);
    sample.text("2026-12-15T08:30", &["send"]);
    let status = sample.json("2026-12-16T09:00", &["status"]);
    let to_do = status["to_do"].as_array().expect("a list");
    let held = status["held"].as_array().expect("a list");
    assert!(held.iter().any(|held| held["because"] == "previous_journey"), "{held:?}");
    let texts: Vec<String> = to_do.iter().map(|act| field(act, "command")).collect();
    assert_eq!(texts, ["journey approve grunden/kickoff --by NAME"], "{to_do:?}");
    // Each of several causes, the one of most people first.
    sample.text("2026-12-16T09:00", &["pause", "--unit", "Nattpatrullen", "--reason", "x"]);
    sample.text("2026-12-16T09:00", &["pause", "--person", "1013", "--reason", "private"]);
    let status = sample.text("2026-12-16T09:00", &["status"]);
    let lines: Vec<&str> = status.lines().skip_while(|line| !line.starts_with("To do: 3")).take(4).collect();
    assert!(lines.len() == 4 && lines[1].contains("approve grunden/kickoff"), "{status}");
    assert!(lines[2].contains("journey resume --unit \"Nattpatrullen\""), "{status}");
    assert!(lines[3].contains("1 person") && lines[3].contains("journey decisions"), "{status}");
    assert!(!status.contains("private"), "the reason of one person is not shown: {status}");
}

#[test]
fn health_says_in_one_line_what_is_wrong_with_the_installation() {
    let rig = Rig::sample();
    let config = rig.path("config.toml").display().to_string();
    let health = |words: &[&str]| {
        let at = ["--config", &config, "--at", "2026-12-01T08:00"];
        let output = journey(&[&at[..], &["health"], words].concat());
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    assert_eq!(health(&[]), (Some(0), "All is well\n".to_owned()));
    let before = rig.read("content/programme.toml");
    std::fs::write(rig.path("content/programme.toml"), format!("{before}\n=\n")).expect("an error");
    let (code, line) = health(&[]);
    assert!(code == Some(1) && line.starts_with("Error: ") && line.lines().count() == 1, "{line}");
    let (code, json) = health(&["--format", "json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((code, &json["ok"]), (Some(1), &Value::from(false)));
    assert!(json["error"].is_string());
}
