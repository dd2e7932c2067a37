//! Tests of answers: saving, replacing, withdrawing and sealing, and what leads from a person to an
//! answer.

use std::path::Path;

use chrono::TimeDelta;

use super::{import, now, open, slug};
use crate::domain::answer::{StoredAnswer, ValidAnswer};
use crate::domain::history::EventKind;
use crate::domain::model::ids::{PersonId, PersonNumber, StepName};
use crate::domain::model::step::ReadBy;
use crate::domain::time::timezone::Timestamp;
use crate::store::{AnswersOfStep, Expired, NewAnswer, RetentionLimits, SaveOutcome, Store, WithdrawOutcome};

const ONE: PersonNumber = PersonNumber(1);

fn counted(question: &str, value: i64) -> ValidAnswer {
    let content = StoredAnswer::Counted(value);
    ValidAnswer { question: question.to_owned(), content, answers_step: true }
}

fn will_do() -> ValidAnswer {
    ValidAnswer { answers_step: false, ..counted("done", 2) }
}

fn written(question: &str, text: &str, read_by: ReadBy) -> ValidAnswer {
    let content = StoredAnswer::Written { text: text.to_owned(), read_by };
    ValidAnswer { question: question.to_owned(), content, answers_step: question != "note" }
}

fn day(days: i64) -> Timestamp {
    now() + TimeDelta::days(days)
}

fn save_of(store: &mut Store, person: PersonNumber, at: Timestamp, answers: &[ValidAnswer]) -> SaveOutcome {
    let id = |n: usize| {
        let mut id = [0; 16];
        id[0] = n as u8;
        id[1] = person.0 as u8;
        id[2..10].copy_from_slice(&at.timestamp().to_le_bytes());
        id
    };
    let answers: Vec<_> =
        answers.iter().enumerate().map(|(n, answer)| NewAnswer { id: id(n), answer }).collect();
    let (journey, step) = (&slug("miljo"), &slug("resor"));
    let form = AnswersOfStep { person, journey, step, at, week: "2026-W49", answers: &answers };
    store.save_answers(&form).expect("saved")
}

fn save(store: &mut Store, at: Timestamp, answers: &[ValidAnswer]) -> SaveOutcome {
    save_of(store, ONE, at, answers)
}

fn withdraw(store: &mut Store, at: Timestamp) -> WithdrawOutcome {
    store.withdraw_answers(ONE, &slug("miljo"), &slug("resor"), at).expect("withdrawn")
}

/// What happened to the step, one letter each.
fn events(store: &Store) -> String {
    let memory = store.memory().expect("a history");
    let enrolment = memory.of(&PersonId::new("00001")).enrolment(&slug("miljo"));
    let letter = |kind| match kind {
        EventKind::Answered => 'a',
        EventKind::Withdrawn => 'w',
        EventKind::Mailed { .. } | EventKind::Skipped => '?',
    };
    enrolment.events.iter().map(|event| letter(event.what)).collect()
}

/// Question, value, sealing and whether it is sealed, of each answer.
fn saved(store: &Store) -> String {
    let answers = store.answers_of_step(ONE, &slug("miljo"), &slug("resor")).expect("answers").into_iter();
    let line = |answer: crate::store::SavedAnswer| {
        let days = answer.seals_at.map_or("never".to_owned(), |at| (at - now()).num_days().to_string());
        let value = answer.counted.map_or(String::new(), |value| value.to_string());
        let sealed = if answer.is_sealed { " sealed" } else { "" };
        format!("{}={value} {days}{sealed}; ", answer.question)
    };
    answers.map(line).collect()
}

fn rows(store: &Store, sql: &str) -> Vec<String> {
    let mut statement = store.connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("text")).collect()
}

fn with_people(folder: &Path, people: i64) -> Store {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut store = open(&folder.join("journey.db"));
    import(&mut store, people).expect("people");
    store.connection.execute("DELETE FROM undecided", []).expect("nobody is marked");
    store
}

#[test]
fn an_answer_is_saved_once_replaced_and_withdrawn() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = with_people(home.path(), 3);
    let outcome = save(&mut store, day(0), &[counted("done", 1)]);
    assert_eq!(outcome, SaveOutcome { saved: 1, unchanged: 0, sealed: vec![], is_answered: true });
    assert_eq!((events(&store).as_str(), saved(&store).as_str()), ("a", "done=1 7; "));
    assert_eq!(store.undecided_people().expect("marks"), [ONE]);
    let outcome = save(&mut store, day(1), &[counted("done", 1)]);
    assert_eq!((outcome.saved, outcome.unchanged, outcome.is_answered), (0, 1, true));
    let key = "SELECT hex(id) FROM counted_answer";
    let before = rows(&store, key);
    save(&mut store, day(2), &[counted("done", 3)]);
    assert_eq!(rows(&store, key), before, "the same key");
    assert_eq!((events(&store).as_str(), saved(&store).as_str()), ("a", "done=3 7; "));
    assert_eq!(withdraw(&mut store, day(3)), WithdrawOutcome { removed: 1, sealed: 0 });
    assert_eq!((events(&store).as_str(), saved(&store).as_str()), ("aw", ""));
    assert!(rows(&store, key).is_empty());
    assert_eq!(withdraw(&mut store, day(3)), WithdrawOutcome::default());
    assert_eq!(events(&store), "aw");
    save(&mut store, day(4), &[counted("done", 1)]);
    assert_eq!((events(&store).as_str(), saved(&store).as_str()), ("awa", "done=1 11; "));
    let answered = store.memory().expect("a history").of(&PersonId::new("00001")).clone();
    assert_eq!(answered.enrolment(&slug("miljo")).answered(&slug("resor")), Some(day(4)));
}

#[test]
fn will_do_and_a_note_do_not_answer_a_step() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = with_people(home.path(), 1);
    let note = written("note", "Tid", ReadBy::Me);
    assert!(!save(&mut store, day(0), &[will_do(), note]).is_answered);
    assert_eq!((events(&store).as_str(), saved(&store).as_str()), ("", "done=2 never; note= never; "));
    assert_eq!(store.seal_answers(day(9), 5).expect("sealed"), 0);
    assert!(save(&mut store, day(10), &[counted("done", 1)]).is_answered);
    assert_eq!((events(&store).as_str(), saved(&store).as_str()), ("a", "done=1 17; note= never; "));
    assert!(!save(&mut store, day(11), &[will_do()]).is_answered);
    assert_eq!(events(&store), "aw");
}

#[test]
fn another_answer_of_the_step_still_counts() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = with_people(home.path(), 1);
    save(&mut store, day(0), &[counted("skala", 4), counted("done", 1)]);
    assert!(save(&mut store, day(1), &[will_do()]).is_answered);
    assert_eq!(events(&store), "a");
}

#[test]
fn a_sealed_answer_is_neither_replaced_nor_withdrawn() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = with_people(home.path(), 1);
    let own = written("vana", "Gå", ReadBy::Me);
    let public = written("tips", "Samåk", ReadBy::Programme);
    save(&mut store, day(0), &[counted("skala", 4), own.clone(), public]);
    assert!(!store.has_answers_to_seal(day(7)).expect("an answer"));
    assert!(store.has_answers_to_seal(day(8)).expect("an answer"));
    assert_eq!(store.seal_answers(day(8), 5).expect("sealed"), 2);
    assert!(!store.has_answers_to_seal(day(8)).expect("an answer"));
    let after = "skala= 7 sealed; tips= 7 sealed; vana= never; ";
    assert_eq!(saved(&store), after);
    let outcome = save(&mut store, day(9), &[counted("skala", 1), written("vana", "Cykla", ReadBy::Me)]);
    assert_eq!((outcome.saved, outcome.sealed), (1, vec!["skala".to_owned()]));
    let texts: Vec<_> = store.own_answers(ONE).expect("answers").into_iter().map(|own| own.text).collect();
    assert_eq!(texts, [None, None, Some("Cykla".to_owned())]);
    assert_eq!(withdraw(&mut store, day(10)), WithdrawOutcome { removed: 1, sealed: 2 });
    assert_eq!(events(&store), "a", "what is sealed still counts");
    let step = StepName { journey: slug("miljo"), step: slug("resor") };
    assert_eq!(store.programme_texts(&step, "tips").expect("texts"), ["Samåk"]);
    assert_eq!(rows(&store, "SELECT value || ' ' || week FROM counted_answer"), ["4 2026-W49"]);
}

#[test]
fn a_small_unit_is_removed_when_an_answer_is_sealed() {
    let home = tempfile::tempdir().expect("a folder");
    for (people, unit) in [(4, "none"), (5, "kitchen")] {
        let mut store = with_people(&home.path().join(people.to_string()), people);
        let position = "INSERT OR REPLACE INTO position (person_id, journey, stage) SELECT id, 'miljo', 'active' FROM person";
        store.connection.execute(position, []).expect("positions");
        for person in 1..=people {
            save_of(&mut store, PersonNumber(person), day(0), &[counted("skala", person)]);
        }
        let units = "SELECT DISTINCT coalesce(unit, 'none') FROM counted_answer";
        assert_eq!(rows(&store, units), ["kitchen"]);
        assert_eq!(store.seal_answers(day(8), 5).expect("sealed"), people as usize);
        assert_eq!(rows(&store, units), [unit], "{people} people");
    }
}

/// Nothing but the slip has both a person and the key of an answer; once it is sealed it has no
/// key.
#[test]
fn no_column_leads_from_a_person_to_a_sealed_answer() {
    let home = tempfile::tempdir().expect("a folder");
    let store = with_people(home.path(), 1);
    let columns =
        |table: &str| rows(&store, &format!("SELECT name FROM pragma_table_info('{table}')")).join(" ");
    assert_eq!(
        columns("counted_answer"),
        "id journey step question value week unit department character block"
    );
    assert_eq!(columns("written_answer"), "id journey step question read_by text week unit");
    let references = "SELECT m.name FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f
                      WHERE f.\"table\" IN ('counted_answer', 'written_answer', 'answer_slip')";
    assert!(rows(&store, references).is_empty());
    let others = "SELECT m.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c
                  WHERE m.type = 'table' AND c.name = 'answer_id'";
    assert_eq!(rows(&store, others), ["answer_slip"]);
}

#[test]
fn answers_are_counted_by_step_and_value() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = with_people(home.path(), 4);
    for (person, answer) in
        [(1, counted("done", 1)), (2, counted("done", 3)), (3, will_do()), (4, counted("done", 1))]
    {
        save_of(&mut store, PersonNumber(person), day(0), &[answer]);
    }
    withdraw(&mut store, day(1));
    let counts = store.answer_counts().expect("counts");
    assert_eq!(counts.iter().map(|step| (step.queued, step.answered)).collect::<Vec<_>>(), [(0, 2)]);
    let values = store.value_counts().expect("counts").into_iter();
    assert_eq!(values.map(|count| (count.value, count.count)).collect::<Vec<_>>(), [(1, 1), (2, 1), (3, 1)]);
}

#[test]
fn only_a_run_that_erases_deletes_events_and_audit_lines() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = with_people(home.path(), 1);
    save(&mut store, day(0), &[counted("done", 1)]);
    let refused = ["DELETE FROM event", "DELETE FROM audit", "UPDATE audit SET before = ''"];
    for sql in refused {
        store.connection.execute(sql, []).expect_err(sql);
    }
    store.connection.execute("UPDATE instance SET erasing = 'a test'", []).expect("a door");
    for sql in refused {
        store.connection.execute(sql, []).expect(sql);
    }
    store.connection.execute("UPDATE instance SET erasing = NULL", []).expect("closed");
    save_of(&mut store, ONE, day(1), &[counted("skala", 1)]);
    let sql = "UPDATE event SET at = at";
    store.connection.execute(sql, []).expect_err(sql);
}

/// Each kind of answer has its own end; that the step was answered stays known.
#[test]
fn answers_are_deleted_when_their_time_is_over() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = with_people(home.path(), 4);
    let answers =
        [counted("done", 1), written("own", "mitt", ReadBy::Me), written("all", "allas", ReadBy::Programme)];
    for person in 1..=3 {
        save_of(&mut store, PersonNumber(person), day(0), &answers);
    }
    // The second person has had a mail later; the third has left.
    store
        .connection
        .execute_batch(&format!(
            "INSERT INTO event (enrolment_id, at, step, what, round, slot_at)
             SELECT id, '{at}', 'lov', 'mailed', 0, '{at}' FROM enrolment WHERE person_id = 2;
             UPDATE person SET left_at = '{at}' WHERE id = 3;
             PRAGMA foreign_keys = OFF;
             INSERT INTO delivery (enrolment_id, step, round, state, slot_at, booked_at, settled_at, content, message_id)
             SELECT id, 'lov', 0, 'sent', '{early}', '{early}', '{early}', 1, '<' || id || '@ekdala.example>' FROM enrolment;
             PRAGMA foreign_keys = ON;
             INSERT INTO bounce (delivery_id, at, code, blame)
             SELECT delivery.id, '{early}', '5.1.1', 'mailbox' FROM delivery
             JOIN enrolment ON enrolment.id = enrolment_id WHERE person_id IN (1, 2);
             UPDATE person SET undeliverable = '5.1.1' WHERE id = 2;
             INSERT INTO audit (at, by_name, action, subject, before, after)
             VALUES ('{ago}', 'karin', 'hold', 'all', '', ''), ('{early}', 'karin', 'hold', 'all', '', '')",
            at = crate::store::codec::time(day(100)),
            early = crate::store::codec::time(day(1)),
            ago = crate::store::codec::time(day(-950)),
        ))
        .expect("changed");
    let limits = |days: i64, week: &str| RetentionLimits {
        last_mail: day(days),
        week: week.to_owned(),
        left: day(days),
        bounces: day(days),
        audit: day(days - 1_000),
    };
    let texts = "SELECT text FROM written_answer ORDER BY text";
    let before = rows(&store, texts);
    let none = store.delete_expired(&limits(0, "2026-W49")).expect("deleted");
    assert_eq!(none, Expired::default());
    assert_eq!(rows(&store, texts), before);

    let first = Expired { own_texts: 2, programme_texts: 3, leavers: 0, bounces: 1, audit_lines: 1 };
    assert_eq!(store.expired(&limits(100, "2026-W50")).expect("counted"), first);
    assert_eq!(store.delete_expired(&limits(100, "2026-W50")).expect("deleted"), first);
    assert_eq!(rows(&store, texts), ["mitt"], "the second person has had a mail later");

    let second = Expired { own_texts: 1, programme_texts: 0, leavers: 1, ..Expired::default() };
    assert_eq!(store.delete_expired(&limits(101, "2026-W50")).expect("deleted"), second);
    assert!(rows(&store, texts).is_empty());
    let left = "SELECT count(*) || '' FROM answer_slip JOIN enrolment ON enrolment.id = enrolment_id WHERE person_id = 3";
    assert_eq!(rows(&store, left), ["0"], "all slips of the person who left");
    assert_eq!(rows(&store, "SELECT count(*) || '' FROM event WHERE what = 'answered'"), ["3"]);
}
