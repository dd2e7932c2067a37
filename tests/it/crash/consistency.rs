//! Assertions about a database after a crash: it is as it was before a
//! transaction or as it is after it, never between.

use std::path::Path;

use rusqlite::Connection;

/// Rows that one transaction writes together; each query finds a violation, and
/// must return nothing.
const BETWEEN: &[(&str, &str)] = &[
    (
        "a mail is booked and not remembered",
        "SELECT 1 FROM delivery WHERE NOT EXISTS (SELECT 1 FROM event WHERE what = 'mailed'
         AND event.enrolment_id = delivery.enrolment_id AND event.step = delivery.step
         AND event.round = delivery.round)",
    ),
    (
        "a mail is remembered and not booked",
        "SELECT 1 FROM event WHERE what = 'mailed' AND NOT EXISTS (SELECT 1 FROM delivery
         WHERE delivery.enrolment_id = event.enrolment_id AND delivery.step = event.step
         AND delivery.round = event.round)",
    ),
    (
        "people are there and not imported, or the other way round",
        "SELECT 1 FROM instance WHERE (imported_at IS NULL) = EXISTS (SELECT 1 FROM person)",
    ),
    (
        "an import is not in the audit log",
        "SELECT 1 FROM instance WHERE imported_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM audit WHERE action = 'people import' AND at = imported_at)",
    ),
    (
        "there is content without its files, or the other way round",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM content) <> EXISTS (SELECT 1 FROM content_file)",
    ),
    (
        "a mail may have left, and nobody knows its bytes",
        "SELECT 1 FROM delivery WHERE state = 'in_doubt'
         AND NOT EXISTS (SELECT 1 FROM mail_bytes WHERE delivery_id = delivery.id)",
    ),
    (
        "a change of the tables is done and not noted, or the other way round",
        "SELECT 1 FROM pragma_user_version WHERE user_version <> (SELECT count(*) FROM migration)",
    ),
    ("a row names one that is not there", "SELECT 1 FROM pragma_foreign_key_check"),
];

/// Asserts that the database is intact and that no transaction is half applied.
pub(super) fn is_whole(database: &Path) {
    if !database.exists() {
        return;
    }
    let connection = Connection::open(database).expect("a database");
    let said: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a word");
    assert_eq!(said, "ok", "{} is damaged", database.display());
    for (what, sql) in BETWEEN {
        let found = connection.prepare(sql).and_then(|mut found| found.exists([]));
        assert!(!found.expect(what), "half applied: {what}: {}", database.display());
    }
}

/// Everything a reader sees, row by row; empty if there is no database.
pub(super) fn dump(database: &Path) -> String {
    if !database.exists() {
        return String::new();
    }
    let connection = Connection::open(database).expect("a database");
    let text = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).expect("a statement");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|text| text.expect("text")).collect()
    };
    let mut told = text("SELECT user_version || '' FROM pragma_user_version");
    told.extend(text("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name"));
    for table in text("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
        let columns = text(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')"));
        told.extend(text(&format!("SELECT {} FROM {table} ORDER BY 1", columns.join(" || ',' || "))));
        told.push(table);
    }
    told.join("\n")
}

#[test]
fn a_half_applied_transaction_is_detected() {
    let home = super::home::Home::peopled(3, 1);
    is_whole(&home.database());
    let before = dump(&home.database());
    home.sql().execute("DELETE FROM content_file", []).expect("it is written");
    assert_ne!(before, dump(&home.database()));
    let noticed = std::panic::catch_unwind(|| is_whole(&home.database())).expect_err("half of it");
    let said = noticed.downcast::<String>().expect("words");
    assert!(said.starts_with("half applied: there is content without its files"), "{said}");
}
