//! Three years of the sample: no one gets anything twice or at a forbidden
//! time, and everybody gets everything. Run through the planner alone, and
//! through the real database and files with random events.

mod checker;
pub(super) mod simulation;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use chrono::{Datelike, NaiveDate, TimeDelta, Timelike, Weekday};
use journey::content;
use journey::domain::change::settings::Settings;
use journey::domain::forecast::{Row, forecast};
use journey::domain::history::History;
use journey::domain::model::library::Library;
use journey::domain::model::person::Roster;
use journey::domain::model::step::Pace;
use journey::roster;

use super::rig::Letter;
use super::scenarios::all;

fn sample() -> (Library, Roster) {
    let today = NaiveDate::from_ymd_opt(2026, 8, 1).expect("a date");
    let loaded = content::load(Path::new("content"), today);
    assert_eq!(loaded.faults, [], "the sample's content has no faults");
    let library = loaded.library.expect("the sample's content");
    let options = roster::Options {
        name: "people.csv".to_owned(),
        columns: Vec::new(),
        max_bad_rows: roster::MaxBadRows::Percent(1),
        keep: Vec::new(),
        default_language: library.programme.default_language().clone(),
    };
    let reading = roster::read(Path::new("people.csv"), &options).expect("the sample's people");
    assert_eq!(reading.faults, [], "the sample's people have no faults");
    (library, reading.roster.expect("the sample's people"))
}

fn three_years(library: &Library, roster: &Roster) -> Vec<Row> {
    let from = library.programme.zone.midnight(NaiveDate::from_ymd_opt(2026, 8, 1).expect("a date"));
    let span = from..from + TimeDelta::weeks(156);
    forecast(library, roster, &Settings::default(), History::default(), span, |_| {})
}

/// Everything that is wrong with the time of a mail.
fn faults(library: &Library, roster: &Roster, row: &Row, last: Option<&Row>) -> Vec<&'static str> {
    let civil = library.programme.zone.civil(row.at);
    let day = civil.date();
    let person = &roster.people[row.person];
    let date = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).expect("a date");
    let christmas = date(2026, 12, 21) <= day && day <= date(2027, 1, 6);
    let on_leave = person.leave.iter().any(|leave| leave.from <= day && day <= leave.to);
    [
        (matches!(day.weekday(), Weekday::Sat | Weekday::Sun), "on a weekend"),
        (!(7..17).contains(&civil.hour()), "outside hours"),
        (library.programme.calendar.holidays.on(day).is_some(), "on a holiday"),
        (christmas, "in the closed period"),
        (on_leave, "on leave"),
        (person.start.is_some_and(|start| day < start), "before the first day"),
        (person.end.is_some_and(|end| day > end), "after the last day"),
        (last.is_some_and(|last| row.at - last.at < TimeDelta::hours(20)), "within min_gap"),
    ]
    .into_iter()
    .filter_map(|(wrong, what)| wrong.then_some(what))
    .collect()
}

#[test]
fn no_mail_is_sent_twice_or_at_a_forbidden_time() {
    let (library, roster) = sample();
    let rows = three_years(&library, &roster);
    let mut seen = HashSet::new();
    let mut last: HashMap<usize, &Row> = HashMap::new();
    for row in &rows {
        assert!(seen.insert((row.person, row.journey, row.step, row.round)), "twice: {row:?}");
        let found = faults(&library, &roster, row, last.get(&row.person).copied());
        assert!(found.is_empty(), "{found:?}: {row:?}");
        last.insert(row.person, row);
    }
}

#[test]
fn every_person_who_stays_gets_every_step_in_order() {
    let (library, roster) = sample();
    let rows = three_years(&library, &roster);
    let mut got: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
    for row in rows.iter().filter(|row| row.round == 0) {
        got.entry((row.person, row.journey)).or_default().push(row.step);
    }
    for (number, person) in roster.people.iter().enumerate().filter(|(_, person)| person.end.is_none()) {
        for (index, journey) in library.journeys.iter().enumerate() {
            let steps = got.get(&(number, index)).map_or(&[][..], Vec::as_slice);
            assert!(steps.is_sorted(), "{}: {} out of order: {steps:?}", person.id, journey.slug);
            // A person who joins late may begin at a later step, and a tip may
            // expire during leave; nothing else is left out.
            let late = person.start.is_some_and(|start| journey.start.is_none_or(|begins| start > begins));
            let missing = (0..journey.steps.len()).filter(|step| !steps.contains(step));
            let missing: Vec<_> =
                missing.filter(|step| journey.steps[*step].expires_after.is_none()).collect();
            assert!(late || missing.is_empty(), "{}: {} lacks {missing:?}", person.id, journey.slug);
        }
    }
}

#[test]
fn the_sample_uses_every_feature() {
    let (library, _) = sample();
    let steps = || library.journeys.iter().flat_map(|journey| &journey.steps);
    let kinds: HashSet<_> = steps().map(|step| step.kind).collect();
    assert_eq!(kinds.len(), 8, "all kinds are used");
    assert!(steps().any(|step| matches!(step.pace, Pace::On(_))), "a step has a moment of its own");
    assert!(
        steps().any(|step| step.variants.iter().any(|text| text.character.is_some())),
        "there are variants"
    );
    let grunden = &library.journeys[0];
    let english = |text: &journey::domain::model::step::Variant| text.language.as_str() == "en";
    assert!(grunden.steps.iter().all(|step| step.variants.iter().any(english)), "Grunden is also in English");
    let gated = library.journeys.iter().filter(|journey| journey.reference_group.is_some());
    assert_eq!(gated.count(), 1, "one journey has a reference group");
}

/// With edits, imports, pauses, unit overrides, holds, approvals, answers and
/// crashes; for a fortieth of the people, or with `JOURNEY_TEST_ALL` for an eighth and,
/// with another seed, a twentieth.
#[test]
fn three_years_of_random_events_serve_everybody_once_and_at_the_right_time() {
    // Seed, one in how many people, and how many mails there must be at least.
    let lives: &[(u64, usize, usize)] = match all() {
        true => &[(1, 8, 1_500), (2, 20, 700)],
        false => &[(20_261_125, 40, 350)],
    };
    for (seed, one_in, at_least) in lives {
        let mut life = simulation::Life::of(*seed, *one_in);
        life.until("2028-09-01 00:00", 150);
        life.mend();
        life.until("2029-08-01 00:00", 0);
        life.note_cancelled();
        let found = checker::faults(&life.facts, &life.letters);
        assert!(
            found.is_empty(),
            "seed {seed}: {}\n{}",
            found.len(),
            found[..found.len().min(40)].join("\n")
        );
        let enough = life.letters.len() > *at_least && life.killed > 3;
        assert!(enough, "seed {seed}: {} mails, {} killed", life.letters.len(), life.killed);
        if lives.len() == 1 {
            // Which mail can be removed depends on the content that the seed
            // produces.
            assert_seen(&life);
        }
    }
}

/// Faults that are put in, and that the checker must report.
fn assert_seen(life: &simulation::Life) {
    let told = |change: &dyn Fn(&mut Vec<Letter>)| {
        let mut letters = life.letters.clone();
        change(&mut letters);
        checker::faults(&life.facts, &letters).join("\n")
    };
    // Of a person who stays, so that the missing mail is reported at the end.
    let (_, people) = life.facts.people.last().expect("people");
    let stays = |letter: &Letter| {
        let named = |id: &str| letter.name.contains(&format!("-{id}-miljo-gront-0"));
        people.values().any(|row| row.end().is_none() && named(row.id()))
    };
    let one = |letters: &[Letter]| letters.iter().position(stays).expect("one");
    let twice = told(&|letters| letters.push(letters[one(letters)].clone()));
    assert!(twice.contains("\ntwice") && twice.contains("within min_gap"), "{twice}");
    let lost = told(&|letters| drop(letters.remove(one(letters))));
    assert!(lost.contains("`gront` is left out") || lost.contains("never got miljo/gront"), "{lost}");
    let sunday = told(&|letters| {
        let letter = one(letters);
        while letters[letter].date.weekday() != Weekday::Sun {
            letters[letter].date += TimeDelta::days(1);
        }
    });
    assert!(sunday.contains("on a weekend"), "{sunday}");
}
