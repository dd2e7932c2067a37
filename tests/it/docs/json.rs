//! Checks that `docs/json.md` names every JSON field that is printed, and no
//! other.

use std::collections::BTreeSet;
use std::path::Path;

use journey::clock;
use journey::domain::time::timezone::TimeZone;
use journey::engine::send::lock::Lock;
use serde_json::Value;

use super::{code, rows, text};
use crate::transcripts::journey;

const AT: &str = "2026-12-01T08:30";
const SMALL: &str = "tests/fixtures/small/config.toml";
const WORDS: &str = "tests/fixtures/words/config.toml";

/// The sections of the page, and commands that together print every field.
const SECTIONS: &[(&str, &[&[&str]])] = &[
    ("send", &[&["send", "--dry-run", "--at", AT], &["--config", SMALL, "send", "--dry-run", "--at", AT]]),
    ("check", &[&["--config", WORDS, "check"]]),
    ("plan", &[&["plan", "--at", AT, "--until", "2026-12-20"]]),
    (
        "why",
        &[
            &["why", "1042", "--at", AT],
            &["--config", SMALL, "why", "1005", "--at", AT],
            &["--config", SMALL, "why", "1001", "--at", AT],
        ],
    ),
    ("why --step --text older", &[]),
    ("why --step --unit", &[&["why", "--step", "miljo/resor", "--unit", "Hemtjänsten Norr", "--at", AT]]),
    ("matrix", &[&["matrix"]]),
    ("doctor", &[&["doctor"]]),
    (
        "people import",
        &[&["people", "import", "--dry-run"], &["--config", WORDS, "people", "import", "--dry-run"]],
    ),
    (
        "approve`, `hold`, `pause`, `resume`, `unit …`, `choose`, `answer`, `people stop",
        &[&["unit", "shift", "Hemtjänsten Norr", "--weeks", "1", "--reason", "x", "--at", AT, "--dry-run"]],
    ),
    ("answers status", &[]),
    ("answers read", &[]),
    ("resolve", &[]),
    ("decisions", &[]),
    ("health", &[]),
    ("status", &[&["--config", SMALL, "status", "--at", AT], &["status", "--at", AT]]),
    ("people forget", &[]),
    ("people list", &[&["people", "list"]]),
    ("people show", &[&["people", "show", "1042", "--at", AT]]),
];

#[test]
fn every_json_field_is_documented_and_every_documented_field_exists() {
    let page = text("docs/json.md");
    for (heading, commands) in SECTIONS {
        let title = format!("\n## `journey {heading}`\n");
        let section = page.split_once(&title).unwrap_or_else(|| panic!("no heading `journey {heading}`")).1;
        let section = section.split("\n## ").next().unwrap_or(section);
        let fields: Vec<(String, bool)> = rows(section)
            .filter_map(|cells| {
                let name = code(cells[0])?.to_owned();
                Some((name, cells.last().is_some_and(|about| about.ends_with("(later)"))))
            })
            .collect();
        let documented: BTreeSet<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let later: BTreeSet<&str> =
            fields.iter().filter(|(_, later)| *later).map(|(name, _)| name.as_str()).collect();
        let mut printed: BTreeSet<String> = commands.iter().flat_map(|command| paths_of(command)).collect();
        match *heading {
            "send" | "why" | "why --step --unit" => printed.extend(paths_with_mails_kept_back(heading)),
            "people import" => printed.extend(paths_of_people_file_problems(0)),
            "status" => {
                printed.extend(paths_in_trouble());
                printed.extend(paths_of_people_file_problems(1));
            }
            "answers status" => printed.extend(paths_of_answers(&["status"])),
            "answers read" => printed.extend(paths_of_answers(&["read", "host/ett/tips"])),
            "people forget" => printed.extend(paths_of_forgetting()),
            "resolve" => printed.extend(paths_of_a_held_mail()),
            "decisions" => printed.extend(paths_of_a_decision()),
            "health" => printed.extend(paths_of_health()),
            "why --step --text older" => printed.extend(paths_of_an_earlier_text()),
            _ => {}
        }
        let printed: BTreeSet<&str> = printed.iter().map(String::as_str).collect();
        let missing: Vec<_> = printed.difference(&documented).collect();
        assert!(
            missing.is_empty(),
            "`journey {heading}` prints {missing:?}, and docs/json.md does not say so"
        );
        let absent: Vec<_> = documented.difference(&printed).filter(|name| !later.contains(*name)).collect();
        assert!(
            absent.is_empty(),
            "docs/json.md says that `journey {heading}` prints {absent:?}; it does not"
        );
    }
}

/// Every path of keys a command prints.
fn paths_of(command: &[&str]) -> BTreeSet<String> {
    let output = journey(&[command, &["--format", "json"]].concat());
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut paths = BTreeSet::new();
    paths_in("", &value, &mut paths);
    paths
}

fn paths_in(above: &str, value: &Value, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(_) if above == "columns" => {
            paths.insert("columns.<column>".to_owned());
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
                paths.insert(path.clone());
                paths_in(&path, value, paths);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths_in(&format!("{above}[]"), item, paths)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is printed of a mail of an earlier pass that a hold blocks.
fn paths_with_mails_kept_back(heading: &str) -> BTreeSet<String> {
    let (_home, config, database) = home_with_mails();
    let config = &*config;
    let kept_back = "
        DROP TRIGGER delivery_never_moves_back;
        UPDATE delivery SET state = 'due', settled_at = NULL WHERE id = 1;
        INSERT INTO delivery (id, enrolment_id, step, round, state, slot_at, booked_at, content, message_id)
        SELECT 9, enrolment_id, step, 9, 'held', slot_at, booked_at, content, '<9>' FROM delivery WHERE id = 1;
        INSERT INTO hold (journey, step, at) SELECT journey, step, '2026-12-01T07:30:00Z'
        FROM delivery JOIN enrolment ON enrolment.id = enrolment_id WHERE delivery.id = 1;";
    database.execute_batch(kept_back).expect("one is due again");
    let sql = "SELECT employee_id, unit.name, journey || '/' || step FROM delivery
               JOIN enrolment ON enrolment.id = enrolment_id JOIN person ON person.id = person_id
               JOIN unit ON unit.id = unit_id WHERE delivery.id = 1";
    let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
    let [person, unit, step]: [String; 3] = database.query_row(sql, [], row).expect("a row");
    let commands: &[&[&str]] = match heading {
        "send" => &[&["send", "--dry-run"], &["send"]],
        "why" => &[&["why", &person]],
        _ => &[&["why", "--step", &step, "--unit", &unit]],
    };
    let printed = |command: &&[&str]| paths_of(&[&["--config", config], *command, &["--at", AT]].concat());
    commands.iter().flat_map(printed).collect()
}

/// What `decisions` prints of a hold.
fn paths_of_a_decision() -> BTreeSet<String> {
    let (_home, config, database) = home_with_mails();
    database.execute_batch("INSERT INTO hold (at) VALUES ('2026-12-01T07:30:00Z')").expect("held");
    paths_of(&["--config", &config, "decisions", "--at", AT])
}

/// What an import and the status after it print of rows that were not imported.
fn paths_of_people_file_problems(document: usize) -> BTreeSet<String> {
    let documents = crate::people_import::documents_with_problems();
    let document: Value = serde_json::from_str(&documents[document]).expect("JSON");
    let mut paths = BTreeSet::new();
    paths_in("", &document, &mut paths);
    paths
}

/// What `health` prints while all sending is held.
fn paths_of_health() -> BTreeSet<String> {
    let (_home, config, database) = home_with_mails();
    database.execute_batch("INSERT INTO hold (at) VALUES ('2026-12-01T07:30:00Z')").expect("held");
    paths_of(&["--config", &config, "health", "--at", AT])
}

/// What `why` prints of a person who got another text than that of now.
fn paths_of_an_earlier_text() -> BTreeSet<String> {
    let (home, config, _) = home_with_mails();
    let file = home.path().join("content/journeys/host/ett.md");
    let text = std::fs::read_to_string(&file).expect("a step");
    std::fs::write(&file, format!("{text}\nMer.\n")).expect("an edit");
    paths_of(&["--config", &config, "why", "--step", "host/ett", "--text", "older", "--at", AT])
}

/// What `answers` prints of a question with ten texts.
fn paths_of_answers(command: &[&str]) -> BTreeSet<String> {
    let (home, config, database) = home_with_mails();
    let file = home.path().join("content/journeys/host/ett.md");
    let text = std::fs::read_to_string(&file).expect("a step");
    let question =
        "[[question]]\nid = \"tips\"\ntext = \"?\"\ntype = \"text\"\nread_by = \"programme\"\n+++\nHej";
    std::fs::write(&file, text.replace("+++\nHej", question)).expect("an edit");
    let texts = "
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10)
        INSERT INTO written_answer (id, journey, step, question, read_by, text, week)
        SELECT randomblob(16), 'host', 'ett', 'tips', 'programme', 'Samåk', '2026-W49' FROM n;";
    database.execute_batch(texts).expect("ten texts");
    paths_of(&[&["--config", &config, "answers"], command, &["--at", AT]].concat())
}

/// What `people forget` would delete of a person who has had a mail.
fn paths_of_forgetting() -> BTreeSet<String> {
    let (_home, config, database) = home_with_mails();
    let person: String =
        database.query_row("SELECT employee_id FROM person LIMIT 1", [], |row| row.get(0)).expect("a person");
    paths_of(&["--config", &config, "people", "forget", &person, "--dry-run", "--at", AT])
}

/// What `resolve` prints of a mail that is held.
fn paths_of_a_held_mail() -> BTreeSet<String> {
    let (_home, config, database) = home_with_mails();
    let held = "
        DROP TRIGGER delivery_never_moves_back;
        UPDATE delivery SET state = 'held', settled_at = NULL WHERE id = 1;";
    database.execute_batch(held).expect("it is held");
    paths_of(&["--config", &config, "resolve", "1", "--as", "unsent", "--dry-run"])
}

/// A small programme that has sent its first mails: its folder, its
/// configuration and its database.
fn home_with_mails() -> (tempfile::TempDir, String, rusqlite::Connection) {
    let home = tempfile::tempdir().expect("a folder");
    crate::rig::copy("tests/fixtures/small".as_ref(), home.path());
    let config = home.path().join("config.toml").to_str().expect("a path").to_owned();
    journey(&["--config", &config, "send", "-q", "--at", AT]);
    let database = rusqlite::Connection::open(home.path().join("journey.db")).expect("a database");
    (home, config, database)
}

/// What `status` prints of a database with a held mail and a block on sending.
fn paths_in_trouble() -> BTreeSet<String> {
    let (_home, config, database) = home_with_mails();
    let config = &*config;
    let mut paths = paths_of(&["--config", config, "status", "--at", AT]);
    let trouble = "
        DROP TRIGGER delivery_never_moves_back;
        UPDATE delivery SET state = 'held', settled_at = NULL WHERE id = 1;
        INSERT INTO hold (journey, step, at) VALUES ('host', 'ett', '2026-12-01T07:30:00Z');
        INSERT INTO hold (at) VALUES ('2026-12-01T07:30:00Z');
        INSERT INTO guard (kind, at, message) VALUES ('clock', '2026-12-01T07:30:00Z', 'so');";
    database.execute_batch(trouble).expect("trouble");
    paths.extend(paths_of(&["--config", config, "status", "--at", AT]));
    // One was sent today; the others wait for the rest of the mailing, for
    // tomorrow, and for an operator.
    let row = |number: u8, state: &str, settled: &str| {
        format!(
            "INSERT INTO delivery (id, enrolment_id, step, round, state, slot_at, booked_at, content, message_id, settled_at)
             SELECT {number}, enrolment_id, step, {number}, '{state}', slot_at, booked_at, content, '<{number}>', {settled}
             FROM delivery WHERE id = 1;"
        )
    };
    let limit = row(8, "sent", "booked_at") + &row(9, "due", "NULL");
    database.execute_batch(&limit).expect("a limit is reached");
    let text = std::fs::read_to_string(config).expect("a configuration");
    let text = format!("{text}transport = \"smtp\"\n[mail.smtp]\nper_day = 1\n[daemon]\nfirst_wave = 1\n");
    std::fs::write(config, text).expect("a limit");
    // Only the daemon waits with the rest of a mailing.
    let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
    let database = Path::new(config).with_file_name("journey.db");
    let _daemon = Lock::acquire_as_daemon(&database, clock::now(), zone).expect("it is free");
    let waiting = paths_of(&["--config", config, "status", "--at", AT]);
    let outbox =
        |path: &String| ["limits", "outbox", "pausing", "rate"].iter().any(|name| path.starts_with(name));
    paths.extend(waiting.into_iter().filter(outbox));
    paths
}

#[test]
fn every_reason_is_documented() {
    let page = text("docs/json.md");
    let (_, section) = page.split_once("\n## Reasons\n").expect("a heading `Reasons`");
    let documented: BTreeSet<&str> = rows(section)
        .filter(|cells| !cells.last().is_some_and(|about| about.ends_with("(later)")))
        .filter_map(|cells| code(cells[0]))
        .collect();
    // The texts of the reasons come after their codes.
    let source = include_str!("../../../src/domain/verdict.rs");
    let (source, _) = source.split_once("fn meaning(").expect("the texts");
    let of_reasons =
        source.lines().filter(|line| line.trim().starts_with("Reason::") && line.ends_with("\","));
    let of_ends =
        source.lines().filter(|line| line.trim().starts_with("Ended::") && line.contains("Some(\""));
    let in_use: BTreeSet<&str> =
        of_reasons.chain(of_ends).filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(documented, in_use);
}
