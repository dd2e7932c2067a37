//! A new version of the program opens the database of an older one, and is
//! killed while it migrates it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::process::Signal;

use super::consistency::{dump, is_whole};
use super::daemon::{each_once, in_flight, relay};
use super::home::{CONNECTIONS, Home};

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations");

fn version(database: &Path) -> usize {
    let connection = Connection::open(database).expect("a database");
    let version = texts(&connection, "SELECT user_version || '' FROM pragma_user_version").concat();
    version.parse().expect("a number")
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|text| text.expect("text")).collect()
}

/// Mails in flight as schemas 5 to 9 have them.
const IN_FLIGHT: &str = "
    INSERT INTO mail_pattern (id, sha256, bytes) SELECT id, randomblob(32), bytes FROM newer.in_flight_base;
    INSERT INTO mail_bytes (delivery_id, bytes, pattern_id)
    SELECT delivery_id, bytes, base_id FROM newer.in_flight;
    UPDATE delivery SET state = 'in_flight', epoch = 1,
        sha256 = (SELECT sha256 FROM newer.in_flight WHERE delivery_id = delivery.id)
    WHERE settled_at IS NULL AND id IN (SELECT delivery_id FROM newer.in_flight)";

/// Turns a database into one of an older schema version, with everything that
/// had a place in that schema.
fn older(home: &Home, version: usize) {
    fs::rename(home.database(), home.path("newer.db")).expect("nobody has it open");
    let connection = Connection::open(home.database()).expect("a new one");
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).expect("a log");
    connection.pragma_update(None, "foreign_keys", false).expect("rows come in any order");
    let newer = home.path("newer.db").to_string_lossy().into_owned();
    connection.execute("ATTACH ?1 AS newer", [newer]).expect("both are open");
    let mut tables = texts(&connection, "SELECT sql FROM newer.sqlite_schema WHERE name = 'migration'");
    let mut files: Vec<PathBuf> =
        fs::read_dir(MIGRATIONS).expect("a folder").map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "sql"));
    files.sort();
    tables.extend(files[..version].iter().map(|file| fs::read_to_string(file).expect("a text")));
    connection.execute_batch(&tables.join(";\n")).expect("the tables of then");
    for table in texts(&connection, "SELECT name FROM main.sqlite_schema WHERE type = 'table'") {
        let columns = format!(
            "SELECT name FROM pragma_table_info('{table}', 'main')
             INTERSECT SELECT name FROM pragma_table_info('{table}', 'newer')"
        );
        let columns = texts(&connection, &columns).join(", ");
        if columns.is_empty() {
            continue;
        }
        let known = if table == "migration" { format!("number <= {version}") } else { "TRUE".to_owned() };
        let copy =
            format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table} WHERE {known}");
        connection.execute(&copy, []).expect(&table);
    }
    if (5..10).contains(&version) {
        connection.execute_batch(IN_FLIGHT).expect("mails in flight");
    }
    let id = connection.query_row("PRAGMA newer.application_id", [], |row| row.get::<_, i64>(0));
    let id = id.expect("a number");
    let last = format!("PRAGMA main.application_id = {id}; PRAGMA main.user_version = {version}");
    connection.execute_batch(&last).expect("it is ours");
}

/// Starts the program again and again; each start completes one more step and
/// is killed in the next.
fn upgraded(home: &Home, newest: usize) {
    let first = version(&home.database());
    for after in first..newest {
        let before = dump(&home.database());
        let found = version(&home.database());
        let steps = if after == first { "" } else { "1*off->" };
        let failpoints = format!("store.migrate={steps}1*return(abort)");
        let died = home.command(&["send", "-q"]).env("FAILPOINTS", failpoints).output().expect("it starts");
        assert_eq!(died.status.signal(), Some(Signal::ABORT.as_raw()), "{died:?}");
        assert_eq!(version(&home.database()), after, "one step, or none");
        assert!(after != first || dump(&home.database()) == before, "nothing of the step it died in");
        let copy = home.path(&format!("journey.db.before-{}", found + 1));
        assert!(dump(&copy) == before, "a copy is beside it, as it was");
    }
}

#[test]
fn a_crash_in_each_migration_is_continued_at_the_next_start() {
    let relay = relay(Vec::new());
    let home = Home::peopled(10, relay.port());
    let newest = version(&home.database());
    older(&home, 1);
    upgraded(&home, newest);
    assert_eq!(relay.count(), 0, "nothing leaves before it is done");
    home.done(&["send", "-q"]);
    assert_eq!(version(&home.database()), newest);
    is_whole(&home.database());
    each_once(&relay, 10);
}

#[test]
fn an_upgrade_during_a_mailing_loses_nothing_and_repeats_only_mails_in_flight() {
    let relay = relay(Vec::new());
    let home = Home::peopled(40, relay.port());
    let newest = version(&home.database());
    let dies = [("FAILPOINTS", "relay.reply=9*off->1*return(abort)")];
    let died = home.command(&["send", "-q"]).envs(dies).output().expect("it starts");
    assert_eq!(died.status.signal(), Some(Signal::ABORT.as_raw()), "{died:?}");
    let on_their_way = in_flight(&home);
    assert!((1..=CONNECTIONS).contains(&on_their_way), "{on_their_way}");
    // The last schema in which a mail in flight was a state of the delivery.
    older(&home, 9);
    assert_eq!(home.count("state = 'in_flight'"), on_their_way);
    upgraded(&home, newest);
    home.done(&["send", "-q"]);
    is_whole(&home.database());
    assert_eq!(home.count("state NOT IN ('sent', 'in_doubt')"), 0);
    home.hurry();
    home.done(&["send", "-q"]);
    assert_eq!(home.count("state = 'sent'"), 40, "everybody has it");
    let accepted = relay.accepted();
    assert!(accepted.len() <= 40 + on_their_way, "only mails in flight are repeated");
    for mail in &accepted {
        let same = accepted.iter().filter(|other| other.message_id == mail.message_id);
        assert!(
            same.clone().count() <= 2 && same.clone().all(|copy| copy.bytes == mail.bytes),
            "copies are identical"
        );
    }
}
