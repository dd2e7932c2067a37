//! Tests of the store's internals: statements, schema, interrupted migrations,
//! corrupt message bytes, and a full disk. The public behaviour is tested in
//! `tests/it/store` without SQL, so that the same tests could run on a second
//! database.

mod answers;
mod ledger;
mod messages;
mod migrations;
mod room;
mod schema;
mod statements;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{DecidedPerson, NewDelivery, Store};
use crate::domain::change::ChangeAuthor;
use crate::domain::change::set_aside::SetAsideRows;
use crate::domain::model::ids::{ContentHash, Language, PersonNumber, Slug, StepName, UnitId};
use crate::domain::model::person::{Person, Roster, Unit};
use crate::domain::time::timezone::{TimeZone, Timestamp};

fn now() -> Timestamp {
    "2026-12-01T07:30:00Z".parse().expect("an instant")
}

fn open(path: &Path) -> Store {
    Store::open(path, now(), || [7; 32]).expect("a database")
}

fn act() -> ChangeAuthor {
    ChangeAuthor { at: now(), by: "admin".to_owned(), why: None }
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

/// A roster with `people` people in one unit.
fn roster(people: i64) -> Roster {
    let language = Language::parse("sv").expect("a language");
    let person = |n: i64| Person {
        email: Some(format!("p{n}@ekdala.example").into()),
        ..Person::new(
            &format!("{n:05}"),
            (&format!("First{n}"), &format!("Last{n}")),
            UnitId::new("kitchen"),
            language.clone(),
        )
    };
    let unit = Unit { id: UnitId::new("kitchen"), name: "Köket".into(), manager: None };
    Roster::new((1..=people).map(person).collect(), vec![unit])
}

/// Imports `people` people into an empty database.
fn import(store: &mut Store, people: i64) -> Result<(), super::StoreError> {
    let folder = Path::new("tests/fixtures/small/content");
    let loaded = crate::content::load(folder, TimeZone::UTC.date(now()));
    let (roster, library) = (roster(people), loaded.library.expect("the small programme"));
    store.stage_roster(&roster)?;
    let diff = store.compare(&SetAsideRows::default(), &BTreeSet::new(), 0)?;
    let seen = store.data_version()?;
    store.import(&diff, &library, seen, &act())
}

/// The first mail of a journey for each person.
fn bookings(people: i64) -> Vec<NewDelivery> {
    let booking = |n| NewDelivery {
        number: n,
        person: PersonNumber(n),
        step: StepName { journey: slug("miljo"), step: slug("resor") },
        round: 0,
        slot: now(),
        content: ContentHash([1; 32]),
        message_id: format!("<{n}@ekdala.example>"),
        expires: None,
    };
    (1..=people).map(booking).collect()
}

/// Enqueues the first mail for each person.
fn book(store: &mut Store, people: i64) -> Result<(), super::StoreError> {
    let decided = |mail: NewDelivery| {
        let (person, revision) = (mail.person, store.mark_of(mail.person)?);
        Ok(DecidedPerson { person, revision, mail: Some(mail), positions: Vec::new() })
    };
    let decided: Vec<_> =
        bookings(people).into_iter().map(decided).collect::<Result<_, super::StoreError>>()?;
    assert!(store.record_decisions(&decided, &[], now())?.iter().all(|stored| *stored));
    Ok(())
}

/// The path of a file in `src/store`.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store").join(name)
}

/// Compares a file with its expected content, or writes it if `UPDATE_EXPECT`
/// is set.
fn hold(name: &str, should: &str) {
    if fs::read_to_string(file(name)).is_ok_and(|is| is == should) {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "the same variable as for other expected texts")]
    let asked_for = std::env::var_os("UPDATE_EXPECT").is_some();
    assert!(
        asked_for,
        "src/store/{name} is not what it should be; `UPDATE_EXPECT=1 cargo test --lib store` writes it anew:\n{should}"
    );
    fs::write(file(name), should).expect("it can be written");
}
