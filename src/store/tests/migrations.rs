//! Tests of migrations: one that is killed after any statement leaves the
//! database in the state before or after it, and a newer database is not
//! changed.

use std::fs;
use std::path::Path;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection, TransactionBehavior};

use super::{import, now, open};
use crate::store::file::disk::with_suffix;
use crate::store::migrate::{MIGRATION_TABLE_SQL, MIGRATIONS, Migration, migrate};
use crate::store::{OutboundDelivery, Store, StoreError, StoredMessage};

/// A realistic migration: it creates, fills, alters and drops. It writes more
/// than fits into the cache, so that uncommitted pages are in the log when it
/// is killed.
const SECOND: &str = "
CREATE TABLE motto (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, words TEXT NOT NULL) STRICT;
INSERT INTO motto (person_id, words) SELECT id, employee_id || ' ' || hex(zeroblob(2000)) FROM person;
ALTER TABLE person ADD COLUMN motto_id INTEGER;
UPDATE person SET motto_id = (SELECT motto.id FROM motto WHERE motto.person_id = person.id);
CREATE INDEX motto_of_person ON motto (person_id);
DROP INDEX person_of_unit;
";
const THIRD: &str = "
ALTER TABLE unit ADD COLUMN motto TEXT;
UPDATE unit SET motto = 'together';
";

fn migrations() -> Vec<Migration> {
    let first = MIGRATIONS.iter().map(|m| Migration { name: m.name, sql: m.sql });
    let more = [Migration { name: "second", sql: SECOND }, Migration { name: "third", sql: THIRD }];
    first.chain(more).collect()
}

/// The number of migrations of the program itself.
const OURS: usize = MIGRATIONS.len();

/// A connection with so small a cache that it writes to the log long before it
/// commits.
fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a database");
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).expect("a log");
    connection.pragma_update(None, "cache_size", 10).expect("little memory");
    connection
}

/// Copies the files of a database as a kill would leave them: the log stays,
/// the cache is lost.
fn kill(path: &Path, into: &Path) {
    fs::create_dir_all(into).expect("a folder");
    for end in ["", "-wal"] {
        let from = with_suffix(path, end);
        if from.exists() {
            fs::copy(&from, into.join(from.file_name().expect("a name"))).expect("a copy");
        }
    }
}

/// Dumps schema and rows of a database as text.
fn dump(path: &Path) -> String {
    let connection = Connection::open(path).expect("a database");
    let said: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(said, "ok");
    let text = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).expect("a statement");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|text| text.expect("text")).collect()
    };
    let mut told = format!("{:?}\n", text("SELECT user_version || '' FROM pragma_user_version"));
    told += &text("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name").join("\n");
    for table in text("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
        let columns = text(&format!("SELECT name FROM pragma_table_info('{table}')"));
        let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ',' || "));
        told += &format!("\n{table}\n{}", text(&sql).join("\n"));
    }
    told
}

#[test]
fn a_migration_killed_after_any_statement_is_atomic_and_completes_at_the_next_start() {
    let home = tempfile::tempdir().expect("a folder");
    let original = home.path().join("original");
    fs::create_dir(&original).expect("a folder");
    let path = original.join("journey.db");
    import(&mut open(&path), 60).expect("people");
    let migrations = migrations();
    let at_first = dump(&path);
    let whole = home.path().join("whole");
    kill(&path, &whole);
    migrate(&mut connect(&whole.join("journey.db")), &whole.join("journey.db"), &migrations, now())
        .expect("up to date");
    let in_the_end = dump(&whole.join("journey.db"));
    let one = home.path().join("one");
    kill(&path, &one);
    let one = one.join("journey.db");
    migrate(&mut connect(&one), &one, &migrations[..=OURS], now()).expect("up to date");
    let after_one = dump(&one);
    let mut kills = 0;
    let mut was_in_the_log = false;
    for number in [OURS + 1, OURS + 2] {
        let statements = format!(
            "{} INSERT INTO migration VALUES ({number}, 'killed', '', '2026-12-01T07:30:00Z');
             PRAGMA user_version = {number};",
            migrations[number - 1].sql
        );
        let (from, before) = if number == OURS + 1 { (&path, &at_first) } else { (&one, &after_one) };
        for stop in 0.. {
            let folder = home.path().join(format!("{number}-{stop}"));
            let running = folder.join("running");
            kill(from, &running);
            let running = running.join("journey.db");
            let mut connection = connect(&running);
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).expect("a transaction");
            let mut ran = 0;
            {
                let mut batch = Batch::new(&transaction, &statements);
                while ran < stop {
                    let Some(mut statement) = batch.next().expect("a statement") else { break };
                    statement.raw_execute().expect("it runs");
                    ran += 1;
                }
            }
            let dead = folder.join("dead");
            kill(&running, &dead);
            drop(transaction);
            let dead = dead.join("journey.db");
            was_in_the_log |= fs::metadata(with_suffix(&dead, "-wal")).is_ok_and(|wal| wal.len() > 100_000);
            assert_eq!(&dump(&dead), before, "migration {number} killed after statement {stop}");
            migrate(&mut connect(&dead), &dead, &migrations, now()).expect("the second start completes");
            assert_eq!(dump(&dead), in_the_end, "migration {number} killed after statement {stop}");
            let copy = with_suffix(&dead, &format!(".before-{number}"));
            assert_eq!(&dump(&copy), before, "a copy is beside it");
            kills += 1;
            if ran < stop {
                break;
            }
        }
    }
    assert!(kills > 10, "{kills} kills");
    assert!(was_in_the_log, "no kill left anything half-done in the log");
}

/// A start that is killed while it copies the database leaves a partial copy;
/// the next start must not use it.
#[test]
fn a_partial_copy_is_replaced() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("journey.db");
    import(&mut open(&path), 3).expect("people");
    let before = dump(&path);
    fs::write(with_suffix(&path, &format!(".before-{}.half", OURS + 1)), b"SQLite form")
        .expect("half a copy");
    let outcome = migrate(&mut connect(&path), &path, &migrations(), now());
    outcome.expect("up to date");
    assert_eq!(dump(&with_suffix(&path, &format!(".before-{}", OURS + 1))), before);
    assert!(!with_suffix(&path, &format!(".before-{}.half", OURS + 1)).exists());
}

/// A new database is complete or does not exist.
#[test]
fn a_database_whose_creation_was_killed_is_created_again() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("journey.db");
    let half = with_suffix(&path, &format!(".half-{}", std::process::id()));
    Connection::open(&half)
        .expect("a database")
        .execute_batch(MIGRATION_TABLE_SQL)
        .expect("the first table of it");
    assert!(!path.exists());
    let store = open(&path);
    assert_eq!(store.secrets().expect("the secrets").instance, [7; 32]);
    assert!(!half.exists());
    // Left by another process that was killed after it had linked the database.
    let other = with_suffix(&path, ".half-1");
    fs::hard_link(&path, &other).expect("a second name");
    drop(store);
    drop(open(&path));
    assert!(!other.exists() && path.exists());
}

/// A database of the first schema, with a person and deliveries of its states.
#[test]
fn a_database_of_the_first_schema_is_migrated() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("journey.db");
    let mut connection = connect(&path);
    connection.pragma_update(None, "application_id", crate::store::migrate::APPLICATION_ID).expect("ours");
    connection.execute_batch(MIGRATION_TABLE_SQL).expect("the ledger");
    migrate(&mut connection, &path, &MIGRATIONS[..1], now()).expect("the first");
    let rows = "
        INSERT INTO instance (one, made_at, secret) VALUES (1, '2026-12-01T07:30:00Z', zeroblob(32));
        INSERT INTO unit (id, code, name) VALUES (1, 'U', 'Köket');
        INSERT INTO person (id, employee_id, shared_address, first_name, last_name, unit_id, language,
                            protected, joined_at)
        VALUES (1, '1001', 0, 'Åsa', 'Ek', 1, 'sv', 0, '2026-12-01T07:30:00Z');
        INSERT INTO enrolment (id, person_id, journey) VALUES (1, 1, 'miljo');
        INSERT INTO delivery (id, enrolment_id, step, round, state, slot_at, booked_at, content, message_id,
                              epoch, settled_at)
        VALUES (1, 1, 'resor', 0, 'sent', '2026-12-01T07:30:00Z', '2026-12-01T07:30:00Z',
                'sha256:' || hex(zeroblob(32)), '<1@ekdala.example>', NULL, '2026-12-01T07:30:00Z'),
               (2, 1, 'lov', 0, 'claimed', '2026-12-01T07:30:00Z', '2026-12-01T07:30:00Z',
                'sha256:' || hex(zeroblob(32)), '<2@ekdala.example>', 1, NULL);";
    connection.execute_batch(rows).expect("rows of then");
    drop(connection);
    let mut store = open(&path);
    let recovered = store.recover(now(), now()).expect("a run");
    assert_eq!((recovered.in_doubt, recovered.held), (0, 0));
    let outgoing = store.sendable(0, 9, now()).expect("deliveries");
    assert_eq!(outgoing.iter().map(|o| o.delivery.number).collect::<Vec<_>>(), [2]);
}

/// Messages as schema 9 has them: a block of LZ4 that is one literal.
fn compressed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("short").to_le_bytes();
    [&length[..], &[0xF0, u8::try_from(message.len() - 15).expect("short")], message].concat()
}

#[test]
fn a_database_in_the_middle_of_a_mailing_is_migrated() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("journey.db");
    let mut connection = connect(&path);
    connection.pragma_update(None, "application_id", crate::store::migrate::APPLICATION_ID).expect("ours");
    connection.execute_batch(MIGRATION_TABLE_SQL).expect("the table");
    migrate(&mut connection, &path, &MIGRATIONS[..9], now()).expect("the first nine");
    let rows = "
        INSERT INTO instance (one, made_at, secret, epoch) VALUES (1, '2026-12-01T07:30:00Z', zeroblob(32), 3);
        INSERT INTO unit (id, code, name) VALUES (1, 'U', 'Köket');
        INSERT INTO person (id, employee_id, shared_address, first_name, last_name, unit_id, language,
                            protected, joined_at)
        VALUES (1, '1001', 0, 'Åsa', 'Ek', 1, 'sv', 0, '2026-12-01T07:30:00Z');
        INSERT INTO enrolment (id, person_id, journey) VALUES (1, 1, 'miljo');
        INSERT INTO mail_pattern (id, sha256, bytes) VALUES (7, zeroblob(32), x'61');";
    connection.execute_batch(rows).expect("rows of then");
    let message = |number: i64| format!("To: Åsa Ek, this is mail {number}").into_bytes();
    let states = [
        ("due", 0),
        ("claimed", 0),
        ("in_flight", 0),
        ("in_flight", 1),
        ("deferred", 0),
        ("in_doubt", 1),
        ("held", 2),
        ("sent", 1),
        ("rejected", 0),
        ("expired", 0),
        ("cancelled", 0),
    ];
    for (number, (state, doubts)) in (1..).zip(states) {
        let is_taken = matches!(state, "claimed" | "in_flight");
        let waits = matches!(state, "deferred" | "in_doubt");
        let is_settled = matches!(state, "sent" | "rejected" | "expired" | "cancelled");
        let time = "2026-12-01T07:30:00Z";
        let sql = "INSERT INTO delivery (id, enrolment_id, step, round, state, slot_at, booked_at, content,
                       message_id, epoch, doubts, next_attempt_at, settled_at, sha256)
                   VALUES (?1, 1, 'step-' || ?1, 0, ?2, ?3, ?3, 'sha256:' || hex(zeroblob(32)),
                       '<' || ?1 || '@ekdala.example>', ?4, ?5, ?6, ?7, ?8)";
        let hash = crate::store::messages::sha256(&message(number));
        let values = rusqlite::params![
            number,
            state,
            time,
            is_taken.then_some(3),
            doubts,
            waits.then_some(time),
            is_settled.then_some(time),
            hash
        ];
        connection.execute(sql, values).expect("a delivery");
        if doubts > 0 || state == "in_flight" {
            let sql = "INSERT INTO mail_bytes (delivery_id, bytes, pattern_id) VALUES (?1, ?2, ?3)";
            let bytes = if number == 4 { message(number) } else { compressed(&message(number)) };
            connection.execute(sql, (number, bytes, (number != 4).then_some(7))).expect("bytes");
        }
    }
    drop(connection);
    let mut store = open(&path);
    let states = |store: &Store| -> String {
        let states = store.states(0, 99).expect("states").into_iter();
        states.map(|(number, state)| format!("{number} {state}, ")).collect()
    };
    assert_eq!(
        states(&store),
        "1 due, 2 due, 3 due, 4 due, 5 deferred, 6 in_doubt, 7 held, 8 sent, 9 rejected, 10 expired, 11 cancelled, "
    );
    let recovered = store.recover(now(), now()).expect("a run");
    assert_eq!((recovered.in_doubt, recovered.held), (1, 1));
    assert_eq!(
        states(&store),
        "1 due, 2 due, 3 in_doubt, 4 held, 5 deferred, 6 in_doubt, 7 held, 8 sent, 9 rejected, 10 expired, 11 cancelled, "
    );
    let kept = |mail: OutboundDelivery| (mail.delivery.number, mail.stored);
    let sendable: Vec<_> = store.sendable(0, 99, now()).expect("deliveries").into_iter().map(kept).collect();
    let intact = |number| (number, StoredMessage::Intact(message(number).into()));
    let fresh = |number| (number, StoredMessage::None);
    assert_eq!(sendable, [fresh(1), fresh(2), intact(3), fresh(5), intact(6)]);
    let bytes: Vec<i64> = {
        let mut statement =
            store.connection.prepare("SELECT delivery_id FROM mail_bytes").expect("a statement");
        statement.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("a number")).collect()
    };
    assert_eq!(bytes, [3, 4, 6, 7], "only what is in doubt");
    let broken = "SELECT count(*) FROM pragma_foreign_key_check";
    assert_eq!(store.connection.query_row(broken, [], |row| row.get(0)), Ok(0));
}

/// Responses of each type become slips and answers.
#[test]
fn a_database_with_responses_is_migrated() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("journey.db");
    let mut connection = connect(&path);
    connection.pragma_update(None, "application_id", crate::store::migrate::APPLICATION_ID).expect("ours");
    connection.execute_batch(MIGRATION_TABLE_SQL).expect("the table");
    migrate(&mut connection, &path, &MIGRATIONS[..10], now()).expect("the first ten");
    let rows = "
        INSERT INTO instance (one, made_at, secret) VALUES (1, '2026-12-01T07:30:00Z', zeroblob(32));
        INSERT INTO unit (id, code, name) VALUES (1, 'U', 'Köket');
        INSERT INTO person (id, employee_id, shared_address, first_name, last_name, unit_id, language,
                            protected, joined_at)
        VALUES (1, '1001', 0, 'Åsa', 'Ek', 1, 'sv', 0, '2026-12-01T07:30:00Z');
        INSERT INTO enrolment (id, person_id, journey) VALUES (1, 1, 'miljo');
        INSERT INTO event (enrolment_id, at, step, what) VALUES (1, '2026-12-01T07:30:00Z', 'resor', 'answered');
        INSERT INTO response (enrolment_id, step, question, answer, at)
        VALUES (1, 'resor', NULL, 'done', '2026-12-01T07:30:00Z'),
               (1, 'enkat', 'text', 'Ett löfte', '2026-12-01T07:30:00Z'),
               (1, 'enkat', 'text', 'Ett nytt', '2027-01-02T07:30:00Z'),
               (1, 'enkat', 'skala', '-3', '2027-01-02T07:30:00Z'),
               (1, 'enkat', 'tal', '007', '2027-01-04T07:30:00Z'),
               (1, 'enkat', 'val', 'cykel', '2027-01-04T07:30:00Z');";
    connection.execute_batch(rows).expect("rows of then");
    drop(connection);
    let store = open(&path);
    let own = store.own_answers(crate::domain::model::ids::PersonNumber(1)).expect("answers").into_iter();
    let line = |own: crate::store::OwnAnswer| {
        let saved = own.saved;
        let seals = saved.seals_at.map_or("never".to_owned(), |at| at.to_string());
        let text = own.text.unwrap_or_default();
        format!(
            "{} {}: {:?} {text:?}, {}, {seals}\n",
            own.step, saved.question, saved.counted, saved.saved_at
        )
    };
    expect_test::expect![[r#"
        miljo/enkat text: None "Ett nytt", 2026-12-01 07:30:00 UTC, never
        miljo/resor done: Some(1) "", 2026-12-01 07:30:00 UTC, 2026-12-08 07:30:00 UTC
        miljo/enkat skala: Some(-3) "", 2027-01-02 07:30:00 UTC, 2027-01-09 07:30:00 UTC
        miljo/enkat tal: None "007", 2027-01-04 07:30:00 UTC, never
        miljo/enkat val: None "cykel", 2027-01-04 07:30:00 UTC, never
    "#]]
    .assert_eq(&own.map(line).collect::<String>());
    let weeks = "SELECT group_concat(week, ' ') FROM (SELECT week FROM counted_answer ORDER BY week)";
    let weeks: String = store.connection.query_row(weeks, [], |row| row.get(0)).expect("weeks");
    assert_eq!(weeks, "2026-W49 2026-W53");
    assert_eq!(store.memory().expect("a history").people().count(), 1);
}

#[test]
fn a_migration_with_another_checksum_is_refused() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("journey.db");
    drop(open(&path));
    let mut other = migrations();
    other[0].sql = "SELECT 1";
    let error = migrate(&mut connect(&path), &path, &other, now()).expect_err("it is not ours");
    assert!(matches!(error, StoreError::MigrationMismatch { number: 1 }), "{error}");
}

#[test]
fn a_newer_database_is_refused_and_not_changed() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("journey.db");
    drop(open(&path));
    let newer = migrations();
    let mut connection = connect(&path);
    migrate(&mut connection, &path, &newer, now()).expect("up to date");
    drop(connection);
    let files = || {
        let entries =
            fs::read_dir(home.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = entries.map(|path| (path.clone(), fs::read(path).expect("a file"))).collect();
        files.sort();
        files
    };
    let before = files();
    let told = |error: StoreError| {
        assert!(matches!(error, StoreError::NewerSchema { .. }), "{error}");
        let (found, known) = (OURS + 2, OURS);
        let words = format!("database schema {found}, this program knows up to {known}; nothing was changed");
        assert_eq!(error.to_string(), words);
    };
    told(Store::open(&path, now(), || [0; 32]).err().expect("it is newer"));
    told(Store::read_only(&path, Store::memory).expect_err("it is newer"));
    assert!(files() == before, "a file appeared, changed or went");
}
