//! The engine with a real database: positions always equal the fold of the
//! events, and what other processes do during a mailing takes effect at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use chrono::{TimeDelta, Timelike};
use journey::config::Config;
use journey::domain::change::settings::PauseTarget;
use journey::domain::change::{Change, ChangeAuthor};
use journey::domain::history::position::Position;
use journey::domain::model::ids::{ContentHash, PersonId, Slug, StepName, UnitId};
use journey::domain::model::library::Library;
use journey::domain::model::person::Roster;
use journey::domain::time::timezone::Timestamp;
use journey::engine::import as importing;
use journey::engine::import::diff_with;
use journey::engine::load::active_content::ActiveContent;
use journey::engine::load::snapshot::{LoadScope, Snapshot};
use journey::engine::plan::decide;
use journey::engine::plan::pass::{Filter, Pass};
use journey::engine::send::lock::Lock;
use journey::engine::send::run::RunOutcome;
use journey::store::Store;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::rig;

use super::sqlite::{column, connect, tables};
use super::{Home, at};

/// The programme of a home, with a database open for writing.
struct Office {
    home: Home,
    config: Config,
    store: Store,
}

impl Office {
    fn with(people: usize) -> Office {
        let home = Home::with(people);
        let config =
            Config::load(Some(&home.path("config.toml")), &BTreeMap::new()).expect("a configuration");
        let store = Office::store(&config);
        Office { home, config, store }
    }

    /// A second connection to the database.
    fn store(config: &Config) -> Store {
        Store::open(&config.database, at("2026-08-01T08:00:00Z"), || [7; 32]).expect("a database")
    }

    fn world(&self, now: Timestamp) -> Snapshot {
        let content = ActiveContent::read(&self.config, now).unwrap_or_else(|error| panic!("{error}"));
        let world = Snapshot::of(self.config.clone(), content, &self.store, LoadScope::All);
        Snapshot { batch_size: 100, ..world.unwrap_or_else(|error| panic!("{error}")) }
    }

    /// The people of the people file.
    fn people(&self, library: &Library) -> Roster {
        importing::read(&self.config, &self.config.people.file, library).roster.expect("people")
    }
}

fn act(at: Timestamp) -> ChangeAuthor {
    ChangeAuthor { at, by: "admin".to_owned(), why: None }
}

fn import(store: &mut Store, library: &Library, roster: &Roster, now: Timestamp) {
    let import = diff_with(store, roster).expect("people");
    let seen = store.data_version().expect("it can be read");
    store.import(&import, library, seen, &act(now)).expect("imported");
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

fn step(text: &str) -> StepName {
    StepName::parse(text).expect("a step")
}

/// An event, and how many hours after the last.
#[derive(Clone, Debug)]
struct Happening {
    hours: i64,
    what: Happens,
}

#[derive(Clone, Debug)]
enum Happens {
    /// Import only some people, selected by their index modulo this.
    Import(usize),
    Send(Option<usize>),
    Approve(usize),
    HoldAll,
    ReleaseAll,
    Pause(usize),
    Resume(usize),
    Shift(usize, i32),
    Choose(usize),
    Answer(usize, usize),
    Rhythm(usize, bool),
}

fn happening() -> impl Strategy<Value = Happening> {
    let person = 0..SOME;
    let what = prop_oneof![
        2 => (2..6usize).prop_map(Happens::Import),
        8 => proptest::option::of(0..9usize).prop_map(Happens::Send),
        3 => (0..7usize).prop_map(Happens::Approve),
        1 => Just(Happens::HoldAll),
        2 => Just(Happens::ReleaseAll),
        1 => person.clone().prop_map(Happens::Pause),
        1 => person.clone().prop_map(Happens::Resume),
        1 => (person.clone(), prop_oneof![Just(-1), Just(2)]).prop_map(|(n, weeks)| Happens::Shift(n, weeks)),
        1 => person.clone().prop_map(Happens::Choose),
        2 => (person.clone(), 0..7usize).prop_map(|(n, step)| Happens::Answer(n, step)),
        1 => (person, any::<bool>()).prop_map(|(n, own)| Happens::Rhythm(n, own)),
    ];
    (prop_oneof![Just(24), 1..200i64], what).prop_map(|(hours, what)| Happening { hours, what })
}

/// Few people, so that a sequence is quick.
const SOME: usize = 14;

impl Happens {
    fn change(&self, world: &Snapshot, roster: &Roster) -> Option<Change> {
        let person = |n: &usize| roster.people[n % roster.people.len()].id.clone();
        let unit = |n: &usize| -> UnitId { roster.people[n % roster.people.len()].unit.clone() };
        let there = |n: &usize| world.roster.person(&person(n)).is_some();
        Some(match self {
            Happens::Import(_) | Happens::Send(_) => return None,
            Happens::Approve(n) => {
                let journey = world.content.library.journey(&slug("grunden"))?;
                let text = &journey.steps[n % journey.steps.len()];
                let step = StepName { journey: journey.slug.clone(), step: text.slug.clone() };
                Change::Approve { step, content: text.hash }
            }
            Happens::HoldAll => Change::Hold(None),
            Happens::ReleaseAll => Change::Release(None),
            Happens::Pause(n) | Happens::Resume(n) | Happens::Choose(n) | Happens::Answer(n, _)
                if !there(n) =>
            {
                return None;
            }
            Happens::Pause(n) => {
                Change::Pause { of: PauseTarget::Person(person(n)), until: None, reason: "ill".into() }
            }
            Happens::Resume(n) => Change::Resume(PauseTarget::Person(person(n))),
            Happens::Shift(n, weeks) => Change::Shift { unit: unit(n), weeks: *weeks },
            Happens::Choose(n) => Change::SetCharacter { person: person(n), character: slug("halsa") },
            Happens::Answer(n, text) => {
                let journey = world.content.library.journey(&slug("miljo"))?;
                let text = journey.steps[text % journey.steps.len()].slug.clone();
                let step = StepName { journey: journey.slug.clone(), step: text };
                rig::done(person(n), step)
            }
            Happens::Rhythm(n, own) => {
                let cadence = own.then(|| journey::domain::time::cadence::Cadence::parse("30 8 * * Mon-Fri"));
                let cadence = cadence.transpose().expect("a cadence");
                Change::SetCadence { unit: unit(n), cadence }
            }
        })
    }
}

/// Asserts that every row of the table follows from the events, and that the
/// table can be dropped and rebuilt.
fn positions_are_the_fold(
    office: &mut Office,
    world: &mut Snapshot,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let database = connect(&office.config.database);
    let sql = "SELECT person.employee_id || '|' || journey || '|' || coalesce(last_step, '-') || '|'
               || coalesce(last_at, '-')
               FROM position JOIN person ON person.id = person_id WHERE left_at IS NULL ORDER BY 1";
    let rows = column(&database, sql);
    let mut folded = Vec::new();
    for person in &world.roster.people {
        for journey in &world.content.library.journeys {
            let (step, at) = match Position::last(world.memory.of(&person.id).enrolment(&journey.slug)) {
                Some((step, at)) => (step.to_string(), at.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
                None => ("-".to_owned(), "-".to_owned()),
            };
            folded.push(format!("{}|{}|{step}|{at}", person.id, journey.slug));
        }
    }
    folded.sort_unstable();
    prop_assert_eq!(rows, folded);
    // People who may have something due are decided again, and what is queued counts as sent in a position.
    let undecided = format!(
        "SELECT person_id || '' FROM position WHERE next_at <= '{}'
         UNION SELECT person_id FROM enrolment JOIN delivery ON delivery.enrolment_id = enrolment.id
         WHERE settled_at IS NULL",
        now.format("%Y-%m-%dT%H:%M:%SZ")
    );
    let undecided = column(&database, &undecided).join(", ");
    let there = &format!(
        "SELECT person_id || journey || stage || coalesce(last_step, '-') || coalesce(last_at, '-')
         || coalesce(next_step, '-') || coalesce(next_round, '-') || coalesce(why, '-')
         FROM position JOIN person ON person.id = person_id
         WHERE left_at IS NULL AND person.id NOT IN ({undecided}) ORDER BY 1"
    );
    // A position that was computed earlier may be checked earlier, and never later.
    let checks = "SELECT coalesce(next_at, '9999') FROM position JOIN person ON person.id = person_id
                  WHERE left_at IS NULL ORDER BY person_id, journey";
    let checked = column(&database, checks);
    let kept = column(&database, there);
    database
        .execute_batch("DELETE FROM position; UPDATE instance SET decided_with = NULL")
        .expect("thrown away");
    decide::update(world, &mut office.store, now).expect("kept");
    world.refresh(&office.store).expect("read");
    prop_assert_eq!(column(&database, there), kept);
    for (before, now) in checked.iter().zip(column(&database, checks)) {
        prop_assert!(*before <= now, "{} is later than {}", before, now);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, rng_seed: RngSeed::Fixed(41), ..ProptestConfig::default() })]

    #[test]
    fn positions_equal_the_fold_of_random_events(
        happenings in proptest::collection::vec(happening(), 8..16)
    ) {
        let mut office = Office::with(SOME);
        let mut now = at("2026-11-02T08:00:00Z");
        let mut world = office.world(now);
        let everybody = office.people(&world.content.library);
        let other = &mut Office::store(&office.config);
        import(other, &world.content.library, &everybody, now);
        decide::update(&world, &mut office.store, now).expect("kept");
        world.refresh(&office.store).expect("read");
        positions_are_the_fold(&mut office, &mut world, now)?;
        for Happening { hours, what } in happenings {
            now = (now + TimeDelta::hours(hours)).with_minute(30).expect("half past");
            match &what {
                Happens::Import(n) => {
                    let people = everybody.people.iter().enumerate().filter(|(place, _)| place % n != 1);
                    let people = people.map(|(_, person)| person.clone()).collect();
                    import(other, &world.content.library, &Roster::new(people, everybody.units.clone()), now);
                }
                Happens::Send(limit) => {
                    let selection = Filter { limit: *limit, ..Filter::default() };
                    rig::send(&world, &mut office.store, now, &selection, |_, _| {}, || {}).expect("sent");
                }
                decision => {
                    if let Some(change) = decision.change(&world, &everybody) {
                        office.store.record_decision(&change, &act(now), "before", "after").expect("decided");
                    }
                }
            }
            decide::update(&world, &mut office.store, now).expect("kept");
            world.refresh(&office.store).expect("read");
            positions_are_the_fold(&mut office, &mut world, now)?;
        }
        // What people read with the `sqlite3` shell.
        let database = connect(&office.config.database);
        let in_words = column(&database, "SELECT person || unit || journey || stage FROM position_of_person");
        let shown = column(&database, "SELECT person_id || '' FROM position JOIN person ON person.id = person_id
                                       WHERE protected = 0");
        prop_assert_eq!(in_words.len(), shown.len());
    }
}

/// Imported people, and a mailing of several batches about to begin.
fn mailing() -> (Office, Snapshot, Timestamp) {
    let mut office = Office::with(700);
    let now = at("2026-12-01T07:30:00Z");
    let mut world = office.world(now);
    let roster = office.people(&world.content.library);
    import(&mut office.store, &world.content.library, &roster, now);
    world.refresh(&office.store).expect("read");
    (office, world, now)
}

/// Sends everything; after this many mails an event happens.
fn send_and_at(
    mail: usize,
    world: &Snapshot,
    store: &mut Store,
    now: Timestamp,
    mut happens: impl FnMut(),
) -> RunOutcome {
    let mut mails = 0;
    let sent = || {
        mails += 1;
        if mails == mail {
            happens();
        }
    };
    rig::send(world, store, now, &Filter::default(), |_, _| {}, sent).expect("no lock error")
}

/// The people who have a delivery, by employee id, in order.
fn booked(office: &Office) -> Vec<String> {
    booked_in(&office.config.database)
}

fn booked_in(database: &Path) -> Vec<String> {
    let sql = "SELECT employee_id FROM delivery
               JOIN enrolment ON enrolment.id = enrolment_id JOIN person ON person.id = person_id
               ORDER BY delivery.id";
    column(&connect(database), sql)
}

#[test]
fn a_person_paused_during_a_mailing_gets_no_more_mail() {
    let (mut office, world, now) = mailing();
    let mut other = Office::store(&office.config);
    let last = world.roster.people[690].id.clone();
    let sent = send_and_at(100, &world, &mut office.store, now, || {
        let of = PauseTarget::Person(last.clone());
        let pause = Change::Pause { of, until: None, reason: "ill".into() };
        other.record_decision(&pause, &act(now), "runs", "paused").expect("paused");
    });
    assert_eq!(sent.delivered.blocked.mails(), 1, "it was noticed");
    assert_eq!(sent.delivered.sent + 1, sent.enqueued);
    assert!(booked(&office).contains(&last.as_str().to_owned()));
    let outbox = office.home.outbox();
    assert_eq!(outbox.len(), sent.delivered.sent);
    let name = format!("-{last}-");
    assert!(!outbox.keys().any(|file| file.contains(&name)), "who is paused got nothing");
}

/// The pause comes after the state was loaded and before the mailing begins.
#[test]
fn a_pause_between_loading_and_enqueueing_takes_effect() {
    let (mut office, mut world, now) = mailing();
    let pause =
        Change::Pause { of: PauseTarget::Journey(slug("miljo")), until: None, reason: "flood".into() };
    Office::store(&office.config).record_decision(&pause, &act(now), "runs", "paused").expect("paused");
    let all = Filter::default();
    let enqueued =
        decide::enqueue(&mut world, &mut office.store, now, &all, &mut |_, _, _| {}).expect("nothing");
    assert_eq!(enqueued, 0);
    assert!(booked(&office).is_empty() && office.home.outbox().is_empty());
}

/// A pause comes while batches are enqueued: what is enqueued stays, the rest
/// is decided again, and no one gets two mails.
#[test]
fn a_pause_between_two_batches_takes_effect_from_the_second() {
    let (mut office, world, now) = mailing();
    let mut other = Office::store(&office.config);
    let last = world.roster.people[690].id.clone();
    let (mut batches, mut before) = (0, 0);
    let database = office.config.database.clone();
    let enqueued = |_: &Snapshot, _: &Pass<'_>| {
        batches += 1;
        if batches == 2 {
            before = booked_in(&database).len();
            let of = PauseTarget::Person(last.clone());
            let pause = Change::Pause { of, until: None, reason: "ill".into() };
            other.record_decision(&pause, &act(now), "runs", "paused").expect("paused");
        }
    };
    let outbox = office.home.outbox();
    assert!(outbox.is_empty());
    let sent = rig::send(&world, &mut office.store, now, &Filter::default(), enqueued, || {}).expect("sent");
    assert!((100..=200).contains(&before));
    let mut after = booked(&office);
    assert_eq!(after.len(), sent.enqueued);
    assert!(after.len() > 600 && !after.contains(&last.as_str().to_owned()));
    after.sort_unstable();
    after.dedup();
    assert_eq!(after.len(), office.home.outbox().len(), "each once");
}

#[test]
fn an_import_during_a_mailing_changes_the_address_of_later_mails() {
    let (mut office, world, now) = mailing();
    let mut roster = office.people(&world.content.library);
    for person in &mut roster.people {
        // One more letter would be one too many for the longest of them.
        if let Some(address) = person.email.as_ref().filter(|address| address.len() < 60) {
            person.email = Some(format!("new.{address}").into());
        }
    }
    let mut other = Office::store(&office.config);
    let sent = send_and_at(40, &world, &mut office.store, now, || {
        import(&mut other, &world.content.library, &roster, now);
    });
    let new = |mail: &Vec<u8>| String::from_utf8_lossy(mail).contains("new.");
    let outbox = office.home.outbox();
    assert_eq!(outbox.len(), sent.enqueued, "{:?}", sent.delivered);
    let new = outbox.values().filter(|mail| new(mail)).count();
    let old = outbox.len() - new;
    assert!((40..300).contains(&old), "what was claimed has the old address: {old}");
    assert!(new > 100, "what came later the new one: {new}");
}

#[test]
fn alternating_content_versions_send_no_step_twice() {
    let mut office = Office::with(60);
    let now = at("2026-12-01T07:30:00Z");
    let mut world = office.world(now);
    let x = office.people(&world.content.library);
    let y = Roster::new(x.people[..20].to_vec(), x.units.clone());
    let mut sent = Vec::new();
    for (times, roster) in (0..).zip([&x, &y, &x, &x]) {
        let now = now + TimeDelta::minutes(times * 20);
        import(&mut office.store, &world.content.library, roster, now);
        world.refresh(&office.store).expect("read");
        let all = Filter::default();
        sent.push(rig::send(&world, &mut office.store, now, &all, |_, _| {}, || {}).expect("sent").enqueued);
    }
    assert!(sent[0] > 50, "{sent:?}");
    assert_eq!(sent[1..], [0, 0, 0]);
}

#[test]
fn a_second_sender_exits_at_once_and_names_the_first() {
    let home = Home::with(60);
    home.done(&["people", "import", "-q", "--at", "2026-11-24T09:00"]);
    let zone = journey::domain::time::timezone::TimeZone::parse("Europe/Stockholm").expect("a zone");
    let first = Lock::acquire(&home.database(), at("2026-12-01T07:29:00Z"), zone).expect("it is free");
    let said = home.refused(&["send", "--at", "2026-12-01T08:30"], 75);
    let holder = format!("pid {}, started 2026-12-01 08:29", std::process::id());
    assert!(said.contains(&holder), "{said}");
    assert!(home.outbox().is_empty());
    drop(first);
    home.done(&["send", "--at", "2026-12-01T08:30"]);
}

#[test]
fn two_senders_at_once_send_each_mail_once() {
    let home = Home::with(600);
    let send = ["send", "-q", "--at", "2026-12-01T08:30"];
    // Both create the database and import the people, too.
    let start = || {
        let mut command = home.command(&send);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let both = [start(), start()];
    let mut codes: Vec<Option<i32>> = Vec::new();
    for child in both {
        let output = child.wait_with_output().expect("it ends");
        codes.push(output.status.code());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 75)), "{said}");
    }
    assert!(codes.contains(&Some(0)), "{codes:?}");
    let outbox = home.outbox();
    let database = connect(&home.database());
    assert_eq!(
        column(&database, "SELECT count(*) || '' FROM delivery WHERE state = 'sent'"),
        [outbox.len().to_string()]
    );
    assert_eq!(column(&database, "SELECT count(*) || '' FROM audit WHERE action = 'people import'"), ["1"]);
    assert!(outbox.len() > 500);
    home.done(&send);
    assert_eq!(home.outbox().len(), outbox.len());
}

/// A pass that enqueues nothing and writes mails of an earlier pass does not
/// report that nothing was sent.
#[test]
fn mails_written_for_an_earlier_pass_are_reported() {
    let home = Home::with(3);
    let send = ["send", "--at", "2026-12-01T08:30"];
    home.done(&send);
    let left = "DROP TRIGGER delivery_never_moves_back;
                UPDATE delivery SET state = 'due', settled_at = NULL WHERE id = 1;";
    connect(&home.database()).execute_batch(left).expect("one is left");
    let output = home.run(&send);
    let [out, said] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    assert!(said.is_empty() && out.contains("\nSent  1 mail\n"), "{said}{out}");
}

/// Privacy: employee id, name and address are stored in the table of people and
/// in no other.
#[test]
fn only_the_person_table_holds_employee_ids_names_and_addresses() {
    let mut office = Office::with(3);
    let now = at("2026-12-01T07:30:00Z");
    let mut world = office.world(now);
    let mut roster = office.people(&world.content.library);
    for (n, person) in roster.people.iter_mut().enumerate() {
        person.id = PersonId::new(&format!("ZQ-{n}-ID"));
        person.email = Some(format!("zq{n}.address@ekdala.example").into());
        person.first_name = format!("Zqfirst{n}").into();
        person.last_name = format!("Zqlast{n}").into();
        person.protected = n == 2;
    }
    let roster = Roster::new(roster.people, roster.units);
    import(&mut office.store, &world.content.library, &roster, now);
    world.refresh(&office.store).expect("read");
    let sent = rig::send(&world, &mut office.store, now, &Filter::default(), |_, _| {}, || {}).expect("sent");
    assert!(sent.enqueued > 0);
    let person = || roster.people[0].id.clone();
    for change in [
        Change::Pause { of: PauseTarget::Person(person()), until: None, reason: "ill".into() },
        Change::SetCharacter { person: person(), character: slug("halsa") },
        rig::done(person(), step("miljo/resor")),
        Change::Approve { step: step("grunden/kickoff"), content: ContentHash([1; 32]) },
    ] {
        let shown = journey::engine::change::shown(&world, &change, now);
        office.store.record_decision(&change, &act(now), &shown.before, &shown.after).expect("decided");
    }
    decide::update(&world, &mut office.store, now).expect("kept");
    let tables = tables(&office.config.database);
    assert!(tables["person"].concat().contains("ZQ-0-ID"));
    for (table, rows) in tables.iter().filter(|(table, _)| *table != "person") {
        let found: Vec<&String> = rows.iter().filter(|row| row.to_lowercase().contains("zq")).collect();
        assert!(found.is_empty(), "{table}: {found:?}");
    }
}
