//! Tests with a full disk, simulated by SQLite's page limit. The program with a
//! file system that really is full is tested in `tests/it/store`.

use super::{Store, act, book, import, now, open, slug};
use crate::domain::change::Change;
use crate::domain::change::settings::PauseTarget;
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::store::{StoreError, Transition};

/// Runs an operation without free pages, checks that it fails and changes
/// nothing, then runs it again with free pages.
fn without_room(store: &mut Store, mut what: impl FnMut(&mut Store) -> Result<(), StoreError>) {
    // Migrations leave free pages.
    store.connection.execute_batch("VACUUM").expect("no page is free");
    let before = dump(store);
    let pages: i64 = pragma(store, "page_count");
    store.connection.pragma_update(None, "max_page_count", pages).expect("a limit");
    let error = what(store).expect_err("there is no room");
    assert!(matches!(error, StoreError::DiskFull), "{error:?}");
    assert_eq!(error.to_string(), "no room on the disk; nothing was changed");
    assert_eq!(dump(store), before, "nothing was changed");
    store.connection.pragma_update(None, "max_page_count", 1_000_000).expect("no limit");
    what(store).expect("there is room again");
    assert_ne!(dump(store), before);
}

fn pragma(store: &Store, name: &str) -> i64 {
    store.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).expect("a number")
}

/// Row counts of the tables, and a summary of the deliveries' states.
fn dump(store: &Store) -> String {
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        store.connection.query_row(&sql, [], |row| row.get(0)).expect("a number")
    };
    let tables = ["person", "unit", "enrolment", "event", "delivery", "pause", "audit", "answer_slip"];
    let mut told: String = tables.map(|table| format!("{table} {}\n", count(table))).concat();
    let sql = "SELECT coalesce(sum(length(state) + length(coalesce(reply, ''))), 0) FROM delivery";
    let states: i64 = store.connection.query_row(sql, [], |row| row.get(0)).expect("a number");
    told += &format!("{states} {:?}", store.imported_at().expect("an instant"));
    told
}

#[test]
fn an_import_on_a_full_disk_changes_nothing_and_can_be_repeated() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = open(&home.path().join("journey.db"));
    without_room(&mut store, |store| import(store, 400));
}

#[test]
fn enqueueing_on_a_full_disk_changes_nothing_and_can_be_repeated() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = open(&home.path().join("journey.db"));
    import(&mut store, 400).expect("people");
    without_room(&mut store, |store| book(store, 400));
}

#[test]
fn settling_on_a_full_disk_changes_nothing_and_can_be_repeated() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = open(&home.path().join("journey.db"));
    import(&mut store, 400).expect("people");
    book(&mut store, 400).expect("booked");
    // So long that no row fits into its old space.
    let reply = "file 2026-12-01, and what a relay may say besides ".repeat(8);
    let sent =
        |number| Transition::new(number, State::Due, DeliveryEvent::Accepted).with_reply(reply.clone());
    let sent: Vec<Transition> = (1..=400).map(sent).collect();
    without_room(&mut store, |store| store.write(&sent, now()).map(drop));
}

#[test]
fn a_decision_on_a_full_disk_changes_nothing_and_can_be_repeated() {
    let home = tempfile::tempdir().expect("a folder");
    let mut store = open(&home.path().join("journey.db"));
    let change = Change::Pause {
        of: PauseTarget::Journey(slug("miljo")),
        until: None,
        // Longer than a page.
        reason: "because ".repeat(2_000).into(),
    };
    without_room(&mut store, |store| store.record_decision(&change, &act(), "before", "after"));
}
