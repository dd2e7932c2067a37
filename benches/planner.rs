//! Measures how fast the planner decides: `cargo bench --bench planner`. The figures are in
//! `docs/performance.md`; run two versions in turn to compare them, because
//! machines are noisy.

use std::path::Path;

use chrono::{NaiveDate, TimeDelta};
use journey::content;
use journey::domain::change::settings::Settings;
use journey::domain::forecast::forecast;
use journey::domain::history::History;
use journey::domain::history::progress::Progress;
use journey::domain::model::ids::PersonId;
use journey::domain::model::library::Library;
use journey::domain::model::person::Roster;
use journey::domain::planner::{ApprovalMode, Planner};
use journey::domain::time::timezone::Timestamp;
use journey::roster;

fn main() {
    divan::main();
}

fn sample() -> (Library, Roster) {
    let today = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
    let library = content::load(Path::new("content"), today).library.expect("the sample's content");
    let options = roster::Options {
        name: "people.csv".to_owned(),
        columns: Vec::new(),
        max_bad_rows: roster::MaxBadRows::Percent(1),
        keep: Vec::new(),
        default_language: library.programme.default_language().clone(),
    };
    let reading = roster::read(Path::new("people.csv"), &options).expect("the sample's people");
    (library, reading.roster.expect("the sample's people"))
}

/// Repeats the people with other ids up to a given number.
fn many(roster: &Roster, count: usize) -> Roster {
    let people = (0..count).map(|n| {
        let mut person = roster.people[n % roster.people.len()].clone();
        person.id = PersonId::new(&n.to_string());
        person
    });
    Roster::new(people.collect(), roster.units.clone())
}

fn at(library: &Library, civil: &str) -> Timestamp {
    library.programme.zone.local_to_instant(civil.parse().expect("a time"))
}

/// The verdicts for all people in all three journeys, with an empty history.
#[divan::bench(args = ["2026-11-24T08:30:00", "2026-11-23T20:00:00"], sample_count = 10)]
fn decide_100_000_newcomers(bencher: divan::Bencher, when: &str) {
    let (library, roster) = sample();
    let roster = many(&roster, 100_000);
    let (settings, memory) = (Settings::default(), History::default());
    let planner = Planner::new(&library, &roster, &settings, ApprovalMode::Recorded);
    let now = at(&library, when);
    let progress = Progress::until(now, &library, &roster, &memory);
    bencher.counter(divan::counter::ItemsCount::new(roster.people.len())).bench_local(|| {
        let moment = planner.at(now, &memory, &progress);
        roster.people.iter().map(|person| moment.decide(person, memory.of(&person.id)).len()).sum::<usize>()
    });
}

/// The forecast of the sample.
#[divan::bench(args = [12, 156], sample_count = 5)]
fn plan_weeks(bencher: divan::Bencher, weeks: i64) {
    let (library, roster) = sample();
    let settings = Settings::default();
    let from = at(&library, "2026-11-23T20:00:00");
    let span = from..from + TimeDelta::weeks(weeks);
    bencher.bench_local(|| {
        forecast(&library, &roster, &settings, History::default(), span.clone(), |_| {}).len()
    });
}
