//! Measures imports, and finding what is due among many people.
//!
//! `cargo bench --bench store` with 100,000 people; `-- 1200000` with more.
//! Prints one time each; the machine is noisy, so compare within one run.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use journey::domain::change::ChangeAuthor;
use journey::domain::change::import_diff::ImportDiff;
use journey::domain::history::position::{Position, Stage};
use journey::domain::model::ids::{Language, PersonNumber, Slug, UnitId};
use journey::domain::model::library::Library;
use journey::domain::model::person::{Person, Roster, Unit};
use journey::domain::time::timezone::Timestamp;
use journey::engine::import::diff_with;
use journey::store::{DecidedPerson, PositionUpdate, Store};

/// The number of people with something due.
const DUE: usize = 1_400;

#[expect(clippy::print_stdout, reason = "a bench talks to the one who runs it")]
fn main() {
    let people = std::env::args().skip(1).find_map(|n| n.parse().ok()).unwrap_or(100_000);
    let home = tempfile::tempdir().expect("a folder");
    let now: Timestamp = "2026-12-01T07:30:00Z".parse().expect("an instant");
    let mut store = Store::open(&home.path().join("journey.db"), now, || [7; 32]).expect("a database");
    let library = library();
    let mut roster = roster(people);
    let mut import = |roster: &Roster| {
        let mut import = ImportDiff::default();
        let compared = took(|| import = diff_with(&store, roster).expect("people"));
        let act = ChangeAuthor { at: now, by: "bench".to_owned(), why: None };
        let seen = store.data_version().expect("it can be read");
        let written = took(|| store.import(&import, &library, seen, &act).expect("an import"));
        println!("  compared {} ms, written {} ms", compared.as_millis(), written.as_millis());
    };
    println!("{people} people");
    println!("first import");
    import(&roster);
    println!("the same again");
    import(&roster);
    for person in roster.people.iter_mut().step_by(100) {
        person.last_name = "Nyman".into();
    }
    println!("with 1 % changed");
    import(&roster);

    let journey = Slug::parse("miljo").expect("a slug");
    let step = Slug::parse("resor").expect("a slug");
    let stood = |number: usize| {
        let due = number.is_multiple_of(people / DUE) && number / (people / DUE) < DUE;
        let at = if due { now } else { now + TimeDelta::days(1 + (number % 300) as i64) };
        PositionUpdate {
            person: PersonNumber(number as i64 + 1),
            journey: journey.clone(),
            position: Position {
                stage: Stage::Active,
                last: None,
                next: Some((step.clone(), 0)),
                next_at: Some(at),
                why: Some("pace"),
                verdict: 1,
            },
            skips: Vec::new(),
        }
    };
    let mut keep = |revision| {
        let decided: Vec<DecidedPerson> = (0..people)
            .map(stood)
            .map(|update| DecidedPerson {
                person: update.person,
                revision,
                mail: None,
                positions: vec![update],
            })
            .collect();
        took(|| {
            decided
                .chunks(1024)
                .for_each(|batch| drop(store.record_decisions(batch, &[], now).expect("kept")));
        })
    };
    // The first import marked everyone with revision 1, and the last those who changed with another.
    println!("positions kept in {} ms", keep(Some(1)).as_millis());
    println!("the same again in {} ms", keep(None).as_millis());
    for (what, at) in [("due", now), ("nothing due", now - TimeDelta::days(1))] {
        let mut times: Vec<Duration> = Vec::new();
        let mut found = 0;
        for _ in 0..21 {
            times.push(took(|| found = store.people_to_decide(at).expect("people").len()));
        }
        times.sort_unstable();
        println!("{what}: {found} found in {:.3} ms (median of 21)", times[10].as_secs_f64() * 1000.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn took(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn library() -> Library {
    let today = chrono::NaiveDate::from_ymd_opt(2026, 12, 1).expect("a date");
    journey::content::load(std::path::Path::new("content"), today).library.expect("the sample")
}

fn roster(people: usize) -> Roster {
    let language = Language::parse("sv").expect("a language");
    let units: Vec<Unit> = (0..people / 24 + 1)
        .map(|n| Unit {
            id: UnitId::new(&format!("U-{n}")),
            name: format!("Enhet {n}").into(),
            manager: None,
        })
        .collect();
    let person = |n: usize| Person {
        email: Some(format!("person{n:07}@ekdala.example").into()),
        ..Person::new(
            &format!("{n:07}"),
            ("Åsa", "Öström"),
            units[n % units.len()].id.clone(),
            language.clone(),
        )
    };
    Roster::new((0..people).map(person).collect(), units.clone())
}
