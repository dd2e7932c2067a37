//! Tests of the SQL statements: each is valid, used and commented, none uses the
//! database's clock, and frequent queries use an index.

use std::collections::BTreeMap;
use std::fs;

use expect_test::expect;

use super::{Roster, file, open};

/// The statements of `src/store/sql`, by file name.
fn statements() -> BTreeMap<String, String> {
    let entries = fs::read_dir(file("sql")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let name = |path: &std::path::Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    entries.map(|path| (name(&path), fs::read_to_string(&path).expect("a statement"))).collect()
}

/// The source of the store, without its tests.
fn source() -> String {
    let entries = ["", "file"].into_iter().flat_map(|folder| fs::read_dir(file(folder)).expect("a folder"));
    let entries = entries.map(|entry| entry.expect("an entry").path());
    let rust = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "rs");
    entries.filter(rust).map(|path| fs::read_to_string(path).expect("a file")).collect()
}

#[test]
fn each_statement_is_valid() {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(&home.path().join("journey.db"));
    store.stage_roster(&Roster::default()).expect("the tables of a people file");
    // `stage.sql` has just been run; its tables cannot be created twice
    for (name, sql) in statements().into_iter().filter(|(name, _)| name != "stage.sql") {
        for one in sql.split_inclusive(";\n") {
            store.connection.prepare(one).unwrap_or_else(|error| panic!("sql/{name}: {error}"));
        }
    }
}

#[test]
fn each_statement_is_used() {
    let source = source();
    let idle: Vec<String> =
        statements().into_keys().filter(|name| !source.contains(&format!("sql/{name}\""))).collect();
    assert!(idle.is_empty(), "nobody uses {idle:?}");
}

#[test]
fn each_statement_begins_with_a_comment() {
    let silent: Vec<String> =
        statements().into_iter().filter(|(_, sql)| !sql.starts_with("-- ")).map(|(name, _)| name).collect();
    assert!(silent.is_empty(), "the first line is a comment that says what it is for: {silent:?}");
}

/// Time is always a parameter.
#[test]
fn no_statement_uses_the_clock_or_random_numbers() {
    let schema = fs::read_to_string(file("schema.sql")).expect("the schema");
    let inline = ("*.rs".to_owned(), source());
    let all = statements().into_iter().chain([("schema.sql".to_owned(), schema), inline]);
    let words = ["current_", "strftime", "datetime(", "julianday", "unixepoch", "'now'", "random("];
    for (name, sql) in all {
        let sql = sql.to_lowercase();
        let found: Vec<&str> = words.into_iter().filter(|word| sql.contains(word)).collect();
        assert!(found.is_empty(), "{name} has {found:?}");
    }
}

/// SQLite's query plan for a statement.
fn plan(sql: &str) -> String {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(&home.path().join("journey.db"));
    store.stage_roster(&Roster::default()).expect("the tables of a people file");
    let mut explained = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a statement");
    let nothing = vec![rusqlite::types::Null; explained.parameter_count()];
    let lines = explained
        .query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3))
        .expect("a plan")
        .map(|line| format!("{}\n", line.expect("a line")));
    lines.collect()
}

/// A scan of the partial index `delivery_not_settled` is allowed: it contains
/// only deliveries that are not settled.
#[test]
fn frequent_queries_use_an_index() {
    let files = statements();
    let inline = [
        "SELECT id FROM enrolment WHERE person_id = ?1 AND journey = ?2",
        "SELECT id FROM person WHERE employee_id = ?1",
        "SELECT min(next_at) FROM position WHERE next_at IS NOT NULL",
        "SELECT 1 + max((SELECT coalesce(max(id), 0) FROM delivery), \
         (SELECT coalesce(max(number), 0) FROM sent_before))",
        "SELECT delivery.id, delivery.state, delivery.doubts \
         FROM in_flight JOIN delivery ON delivery.id = in_flight.delivery_id \
         WHERE delivery.settled_at IS NULL ORDER BY delivery.id",
        "SELECT min(next_attempt_at) FROM delivery WHERE settled_at IS NULL AND next_attempt_at > ?1",
        "SELECT id, state FROM delivery WHERE message_id = ?1",
        "SELECT number, at, reply FROM sent_before WHERE message_id = ?1",
        "SELECT EXISTS (SELECT 1 FROM answer_slip WHERE answer_id IS NOT NULL AND seals_at < ?1)",
        "SELECT what = 'answered' FROM event \
         WHERE enrolment_id = ?1 AND step = ?2 AND (what = 'answered' OR what = 'withdrawn') \
         ORDER BY id DESC LIMIT 1",
    ];
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let source = words(&source());
    let mut plans = String::new();
    for name in [
        "answers_of_step.sql",
        "own_answers.sql",
        "programme_texts.sql",
        "seal_counted.sql",
        "write_slip.sql",
        "deliveries_to.sql",
        "people_to_decide.sql",
        "find_changes.sql",
        "find_managers.sql",
        "enqueue.sql",
        "enrol_each.sql",
        "delivery.sql",
        "keep_position.sql",
        "mark_second_employments.sql",
        "mark_shared_addresses.sql",
        "move.sql",
        "past_mails.sql",
        "sendable.sql",
        "write_event.sql",
        "write_managers.sql",
        "write_people.sql",
    ] {
        plans += &format!("{name}\n{}", plan(&files[name]));
    }
    for sql in inline {
        assert!(source.contains(&words(sql)), "the store does not say this any more: {sql}");
        plans += &format!("{}\n{}", words(sql), plan(sql));
    }
    expect![[r#"
        answers_of_step.sql
        SEARCH answer_slip USING PRIMARY KEY (enrolment_id=? AND step=?)
        SCALAR SUBQUERY 1
        SEARCH enrolment USING COVERING INDEX sqlite_autoindex_enrolment_1 (person_id=? AND journey=?)
        SEARCH counted_answer USING PRIMARY KEY (id=?) LEFT-JOIN
        own_answers.sql
        SEARCH enrolment USING COVERING INDEX sqlite_autoindex_enrolment_1 (person_id=?)
        SEARCH answer_slip USING PRIMARY KEY (enrolment_id=?)
        SEARCH counted_answer USING PRIMARY KEY (id=?) LEFT-JOIN
        SEARCH written_answer USING PRIMARY KEY (id=?) LEFT-JOIN
        USE TEMP B-TREE FOR ORDER BY
        programme_texts.sql
        SEARCH written_answer USING INDEX written_answer_of_step (journey=? AND step=? AND question=?)
        seal_counted.sql
        SEARCH counted_answer USING PRIMARY KEY (id=?)
        LIST SUBQUERY 4
        SEARCH answer_slip USING INDEX answer_slip_to_seal (seals_at<?)
        LIST SUBQUERY 2
        SCAN position USING INDEX position_of_journey
        SEARCH person USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH unit USING INTEGER PRIMARY KEY (rowid=?)
        USE TEMP B-TREE FOR GROUP BY
        CREATE BLOOM FILTER
        LIST SUBQUERY 3
        SCAN position USING INDEX position_of_journey
        SEARCH person USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH unit USING INTEGER PRIMARY KEY (rowid=?)
        USE TEMP B-TREE FOR GROUP BY
        CREATE BLOOM FILTER
        write_slip.sql
        deliveries_to.sql
        SEARCH person USING COVERING INDEX sqlite_autoindex_person_1 (employee_id=?)
        SEARCH enrolment USING COVERING INDEX sqlite_autoindex_enrolment_1 (person_id=?)
        SEARCH delivery USING INDEX delivery_of_step (enrolment_id=?)
        SEARCH first USING INDEX delivery_of_step (enrolment_id=? AND step=? AND round=?) LEFT-JOIN
        CORRELATED SCALAR SUBQUERY 1
        SEARCH bounce USING COVERING INDEX sqlite_autoindex_bounce_1 (delivery_id=?)
        USE TEMP B-TREE FOR ORDER BY
        people_to_decide.sql
        MERGE (UNION)
        LEFT
        MERGE (UNION)
        LEFT
        SCAN undecided
        RIGHT
        SEARCH position USING COVERING INDEX position_next_at (next_at>? AND next_at<?)
        USE TEMP B-TREE FOR ORDER BY
        RIGHT
        SCAN position USING COVERING INDEX position_not_rendered
        find_changes.sql
        MATERIALIZE compared
        SCAN known_row
        SEARCH person USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH unit USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH incoming USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH incoming_unit USING PRIMARY KEY (code=?)
        CORRELATED SCALAR SUBQUERY 2
        CO-ROUTINE (subquery-1)
        SEARCH person_extra USING PRIMARY KEY (person_id=?)
        SCAN (subquery-1)
        CORRELATED SCALAR SUBQUERY 4
        CO-ROUTINE (subquery-3)
        SEARCH incoming_extra USING PRIMARY KEY (line=?)
        SCAN (subquery-3)
        SCAN compared
        find_managers.sql
        CO-ROUTINE named
        SCAN incoming
        USE TEMP B-TREE FOR DISTINCT
        SCAN named
        CORRELATED SCALAR SUBQUERY 1
        SEARCH person USING INDEX incoming_email (email=?)
        CORRELATED SCALAR SUBQUERY 2
        SEARCH person USING COVERING INDEX incoming_id (employee_id=?)
        enqueue.sql
        SEARCH enrolment USING COVERING INDEX sqlite_autoindex_enrolment_1 (person_id=? AND journey=?)
        SEARCH mail_bytes USING INTEGER PRIMARY KEY (rowid=?)
        SCAN in_flight
        SEARCH bounce USING COVERING INDEX sqlite_autoindex_bounce_1 (delivery_id=?)
        enrol_each.sql
        SCAN json_each VIRTUAL TABLE INDEX 1:
        SEARCH event USING COVERING INDEX event_of_enrolment (enrolment_id=?)
        SEARCH answer_slip USING PRIMARY KEY (enrolment_id=?)
        SCAN delivery
        delivery.sql
        SEARCH delivery USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH enrolment USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH person USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH first USING INDEX delivery_of_step (enrolment_id=? AND step=? AND round=?) LEFT-JOIN
        keep_position.sql
        mark_second_employments.sql
        MATERIALIZE person
        SCAN incoming USING INDEX incoming_email
        SCAN person
        SEARCH incoming USING COVERING INDEX incoming_email (email=?)
        mark_shared_addresses.sql
        SEARCH incoming USING INDEX incoming_email (email=?)
        LIST SUBQUERY 1
        SCAN incoming USING INDEX incoming_email
        move.sql
        SEARCH delivery USING INTEGER PRIMARY KEY (rowid=?)
        past_mails.sql
        SEARCH person USING COVERING INDEX sqlite_autoindex_person_1 (employee_id=?)
        SEARCH enrolment USING COVERING INDEX sqlite_autoindex_enrolment_1 (person_id=?)
        SEARCH delivery USING INDEX delivery_of_step (enrolment_id=?)
        USE TEMP B-TREE FOR ORDER BY
        sendable.sql
        SEARCH delivery USING INDEX delivery_not_settled (id>?)
        SEARCH enrolment USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH person USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH unit USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH mail_bytes USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN
        SEARCH first USING INDEX delivery_of_step (enrolment_id=? AND step=? AND round=?) LEFT-JOIN
        CORRELATED SCALAR SUBQUERY 1
        SEARCH event USING COVERING INDEX event_mailed_once (enrolment_id=?)
        CORRELATED SCALAR SUBQUERY 2
        SEARCH person_extra USING PRIMARY KEY (person_id=?)
        write_event.sql
        SCAN CONSTANT ROW
        SCALAR SUBQUERY 1
        SEARCH event USING COVERING INDEX event_skipped_once (enrolment_id=? AND step=?)
        write_managers.sql
        SCAN unit
        SEARCH incoming_unit USING PRIMARY KEY (code=?)
        SEARCH person USING COVERING INDEX sqlite_autoindex_person_1 (employee_id=?) LEFT-JOIN
        write_people.sql
        SCAN change
        SEARCH incoming USING INTEGER PRIMARY KEY (rowid=?)
        SEARCH unit USING COVERING INDEX sqlite_autoindex_unit_1 (code=?)
        SEARCH undecided USING INTEGER PRIMARY KEY (rowid=?)
        SCAN stop
        SCAN audit
        SCAN pause
        SEARCH position USING PRIMARY KEY (person_id=?)
        SEARCH enrolment USING COVERING INDEX sqlite_autoindex_enrolment_1 (person_id=?)
        SEARCH person_extra USING PRIMARY KEY (person_id=?)
        SCAN unit
        SELECT id FROM enrolment WHERE person_id = ?1 AND journey = ?2
        SEARCH enrolment USING COVERING INDEX sqlite_autoindex_enrolment_1 (person_id=? AND journey=?)
        SELECT id FROM person WHERE employee_id = ?1
        SEARCH person USING COVERING INDEX sqlite_autoindex_person_1 (employee_id=?)
        SELECT min(next_at) FROM position WHERE next_at IS NOT NULL
        SEARCH position USING COVERING INDEX position_next_at (next_at>?)
        SELECT 1 + max((SELECT coalesce(max(id), 0) FROM delivery), (SELECT coalesce(max(number), 0) FROM sent_before))
        SCAN CONSTANT ROW
        SCALAR SUBQUERY 1
        SEARCH delivery
        SCALAR SUBQUERY 2
        SEARCH sent_before USING PRIMARY KEY
        SELECT delivery.id, delivery.state, delivery.doubts FROM in_flight JOIN delivery ON delivery.id = in_flight.delivery_id WHERE delivery.settled_at IS NULL ORDER BY delivery.id
        SCAN in_flight
        SEARCH delivery USING INTEGER PRIMARY KEY (rowid=?)
        USE TEMP B-TREE FOR ORDER BY
        SELECT min(next_attempt_at) FROM delivery WHERE settled_at IS NULL AND next_attempt_at > ?1
        SEARCH delivery USING INDEX delivery_not_settled
        SELECT id, state FROM delivery WHERE message_id = ?1
        SEARCH delivery USING INDEX sqlite_autoindex_delivery_1 (message_id=?)
        SELECT number, at, reply FROM sent_before WHERE message_id = ?1
        SEARCH sent_before USING PRIMARY KEY (message_id=?)
        SELECT EXISTS (SELECT 1 FROM answer_slip WHERE answer_id IS NOT NULL AND seals_at < ?1)
        SCAN CONSTANT ROW
        SCALAR SUBQUERY 1
        SEARCH answer_slip USING INDEX answer_slip_to_seal (seals_at<?)
        SELECT what = 'answered' FROM event WHERE enrolment_id = ?1 AND step = ?2 AND (what = 'answered' OR what = 'withdrawn') ORDER BY id DESC LIMIT 1
        SEARCH event USING INDEX event_of_enrolment (enrolment_id=?)
    "#]].assert_eq(&plans);
}
