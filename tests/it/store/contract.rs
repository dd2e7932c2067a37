//! The contract of the store: what every database must do, one function for
//! each guarantee, named after it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use chrono::{NaiveDate, TimeDelta};
use journey::content;
use journey::domain::answer::StoredAnswer;
use journey::domain::change::settings::{PauseTarget, Settings};
use journey::domain::change::{Change, ChangeAuthor};
use journey::domain::delivery::state::{DeliveryEvent, State};
use journey::domain::history::position::{Position, Stage};
use journey::domain::history::{EventKind, History, PersonHistory};
use journey::domain::model::ids::{ContentHash, Language, PersonId, PersonNumber, Slug, StepName, UnitId};
use journey::domain::model::library::Library;
use journey::domain::model::person::{Period, Person, Roster, Unit};
use journey::domain::model::step::ReadBy;
use journey::domain::time::cadence::Cadence;
use journey::domain::time::calendar::ClosedPeriod;
use journey::domain::time::timezone::{TimeZone, Timestamp};
use journey::engine::import::diff_with;
use journey::store::{
    DecidedPerson, InFlight, JournalEntry, JournalReconciliation, MessageBase, NewDelivery, OutboxCommit,
    PackedMessage, PositionUpdate, RecoveryReport, SkippedStep, Store, StoreError, StoredMessage, Transition,
    WriteResult,
};

use super::{DATABASES, Database, at, folder};

/// The database of one test, and the store on it.
struct Stand {
    database: &'static Database,
    folder: tempfile::TempDir,
    store: Store,
}

/// Every guarantee, by its name.
macro_rules! promises {
    ($($promise:ident,)*) => {
        const PROMISES: &[(&str, fn(&mut Stand))] = &[$((stringify!($promise), $promise),)*];
    };
}

promises! {
    an_imported_person_is_read_back_unchanged,
    batches_contain_all_people_with_their_history,
    importing_twice_equals_importing_once,
    an_import_that_fails_changes_nothing,
    an_import_compared_before_a_change_is_rejected_after_it,
    alternating_imports_send_nothing_again,
    a_returning_person_keeps_the_enrolment,
    a_delivery_is_enqueued_only_once,
    a_batch_is_enqueued_completely_or_not_at_all,
    a_decision_is_not_stored_after_a_change_that_concerns_the_person,
    a_permission_given_before_a_change_is_void_after_it,
    a_transition_from_another_state_changes_nothing,
    messages_that_may_have_been_sent_are_kept_and_rejected_ones_are_not,
    a_mail_in_flight_is_not_resolved_cancelled_or_expired,
    a_delivery_in_the_send_journal_counts_as_sent,
    final_states_never_change,
    a_failed_settlement_changes_nothing,
    mails_in_flight_of_an_earlier_run_are_in_doubt,
    a_step_is_skipped_once,
    events_and_audit_log_are_append_only,
    a_decision_and_its_audit_line_are_written_together,
    a_decision_is_read_back_unchanged,
    people_who_may_have_something_due_are_found_by_time,
    positions_are_saved_completely_or_not_at_all,
    the_last_valid_content_is_stored_completely,
    two_stores_on_one_database_see_each_others_writes,
}

#[test]
fn every_database_fulfils_the_contract() {
    let mut broken = Vec::new();
    for database in DATABASES {
        for (name, promise) in PROMISES {
            let folder = folder();
            let store = (database.open)(&folder.path().join("journey.db"));
            let mut stand = Stand { database, folder, store };
            if catch_unwind(AssertUnwindSafe(|| promise(&mut stand))).is_err() {
                broken.push(format!("{}: {name}", database.name));
            }
        }
    }
    assert!(broken.is_empty(), "promises not kept:\n{}", broken.join("\n"));
}

impl Stand {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("journey.db")
    }

    fn tables(&self) -> BTreeMap<String, Vec<String>> {
        (self.database.tables)(&self.path())
    }

    fn import(&mut self, roster: &Roster, day: u32) {
        import(&mut self.store, roster, day).expect("imported");
    }

    fn number(&self, id: &str) -> PersonNumber {
        let (roster, numbers) = self.store.roster().expect("a roster");
        let found = roster.people.iter().position(|person| person.id.as_str() == id);
        numbers[found.expect("somebody")]
    }

    /// Repeats an operation, each time with one more row that can be written
    /// before the database fails; asserts that nothing of a failed operation
    /// remains. Returns how often it failed.
    fn at_every_row<T>(&mut self, mut what: impl FnMut(&mut Store) -> Result<T, StoreError>) -> u32 {
        let before = self.tables();
        for rows in 0.. {
            (self.database.break_after)(&self.path(), rows);
            let outcome = what(&mut self.store);
            (self.database.mend)(&self.path());
            match outcome {
                Ok(_) => {
                    assert!(self.tables() != before, "it wrote nothing");
                    return rows;
                }
                Err(error) => {
                    assert!(error.to_string().contains("fuse"), "{error}");
                    assert!(self.tables() == before, "something is left after {rows} rows");
                }
            }
        }
        0
    }
}

/// The sample's programme.
static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let today = TimeZone::UTC.date(at("2026-08-01T08:00:00Z"));
    content::load(Path::new("content"), today).library.expect("the sample's content")
});

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

fn step(text: &str) -> StepName {
    StepName::parse(text).expect("a step")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// Eight in the morning of a day in December.
fn morning(day: u32) -> Timestamp {
    at(&format!("2026-12-{day:02}T08:00:00Z"))
}

fn act(day: u32) -> ChangeAuthor {
    ChangeAuthor { at: morning(day), by: "Åsa".to_owned(), why: Some("because".to_owned()) }
}

/// A person with every field of a people file.
fn person(id: &str) -> Person {
    let period = |from, to| Period { from: day(from), to: day(to) };
    Person {
        email: Some(format!("{id}@ekdala.example").into()),
        unit: UnitId::new("VO-102"),
        department: Some("Vård och omsorg".into()),
        start: Some(day("2026-01-31")),
        end: Some(day("2028-02-29")),
        leave: [period("2027-01-04", "2027-02-26"), period("2027-05-10", "2027-05-10")].into(),
        extra: [("telefon".into(), "070".into()), ("befattning".into(), "".into())].into(),
        ..plain(id)
    }
}

fn plain(id: &str) -> Person {
    let (unit, language) = (UnitId::new("Köket"), Language::parse("sv").expect("a language"));
    Person::new(id, ("Åsa", &format!("O’Brien-{id}")), unit, language)
}

fn roster(people: &[Person]) -> Roster {
    let mut units: Vec<Unit> = Vec::new();
    for person in people {
        if !units.iter().any(|unit| unit.id == person.unit) {
            let manager = (person.unit.as_str() == "VO-102").then(|| people[0].id.clone());
            units.push(Unit { id: person.unit.clone(), name: "Äldreboendet".into(), manager });
        }
    }
    Roster::new(people.to_vec(), units)
}

fn three() -> Roster {
    roster(&[person("001"), Person { protected: true, ..person("1") }, plain("å 2")])
}

fn import(store: &mut Store, roster: &Roster, day: u32) -> Result<(), StoreError> {
    let import = diff_with(store, roster)?;
    let seen = store.data_version()?;
    store.import(&import, &LIBRARY, seen, &act(day))
}

fn booking(number: i64, person: PersonNumber, name: &str, round: u16) -> NewDelivery {
    NewDelivery {
        number,
        person,
        step: step(name),
        round,
        slot: morning(1),
        content: ContentHash([5; 32]),
        message_id: format!("<{number}.{round}@ekdala.example>"),
        expires: None,
    }
}

/// What is stored for each person.
fn record(store: &mut Store, decided: &[DecidedPerson], day: u32) -> Result<Vec<bool>, StoreError> {
    store.record_decisions(decided, &[], morning(day))
}

fn decided(store: &Store, person: PersonNumber) -> DecidedPerson {
    let revision = store.mark_of(person).expect("a mark");
    DecidedPerson { person, revision, mail: None, positions: Vec::new() }
}

fn keep(store: &mut Store, positions: impl IntoIterator<Item = PositionUpdate>) -> Result<(), StoreError> {
    let decided = positions
        .into_iter()
        .map(|update| DecidedPerson { positions: vec![update.clone()], ..decided(store, update.person) })
        .collect::<Vec<_>>();
    record(store, &decided, 1).map(drop)
}

fn book(store: &mut Store, bookings: &[NewDelivery], day: u32) -> Result<Vec<bool>, StoreError> {
    let decided = bookings
        .iter()
        .map(|mail| DecidedPerson { mail: Some(mail.clone()), ..decided(store, mail.person) })
        .collect::<Vec<_>>();
    record(store, &decided, day)
}

/// The transition from enqueued to that final state.
fn to_the_end(number: i64, end: State) -> Transition {
    let happened = match end {
        State::Sent => DeliveryEvent::Accepted,
        State::Rejected => DeliveryEvent::Rejected,
        State::Held => DeliveryEvent::Held,
        State::Expired => DeliveryEvent::Expired,
        State::Cancelled => DeliveryEvent::Cancelled,
        other => panic!("{other} is no end"),
    };
    Transition::new(number, State::Due, happened).with_reply(format!("file {end}"))
}

fn settle(store: &mut Store, number: i64, end: State, day: u32) {
    let written = store.write(&[to_the_end(number, end)], morning(day)).expect("settled");
    assert_eq!(written, [true]);
}

/// A mail that a worker is about to send.
fn in_flight(worker: i64, number: i64, state: State, message: PackedMessage) -> OutboxCommit {
    let mail = InFlight { worker, number, state, message: Arc::new(message) };
    OutboxCommit { in_flight: vec![mail], ..OutboxCommit::default() }
}

/// Commits that a worker is about to send a mail.
fn begin(store: &mut Store, worker: i64, number: i64, state: State, message: PackedMessage) {
    let begun = store.commit(&in_flight(worker, number, state, message), None, morning(1));
    assert_eq!(begun.expect("written"), WriteResult::Applied(vec![true]));
}

/// Starts a sending run; what is in doubt is retried the morning after.
fn begin_run(store: &mut Store, day: u32) -> Result<RecoveryReport, StoreError> {
    store.recover(morning(day), morning(day + 1))
}

/// The numbers of the deliveries that may be sent.
fn outgoing(store: &Store, day: u32) -> Vec<i64> {
    let outgoing = store.sendable(0, 100, morning(day)).expect("deliveries");
    outgoing.iter().map(|outgoing| outgoing.delivery.number).collect()
}

/// Settings and history in a fixed order.
fn shown(settings: &Settings, memory: &History) -> String {
    let units: BTreeMap<_, _> = settings
        .units
        .iter()
        .filter(|(_, unit)| !unit.shifts.is_empty() || !unit.closed.is_empty() || unit.cadence.is_some())
        .map(|(id, unit)| (id, format!("{unit:?}")))
        .collect();
    let Settings { grace, approvals, pauses, held_steps, all_held, .. } = settings;
    let mut people = BTreeMap::new();
    for (id, memory) in memory.people() {
        let enrolments: BTreeMap<_, _> =
            memory.enrolments().map(|(journey, enrolment)| (journey, format!("{enrolment:?}"))).collect();
        people.insert(id, format!("{:?} {:?} {enrolments:?}", memory.character, memory.last_mail));
    }
    format!("{grace} {approvals:#?} {pauses:#?} {held_steps:?} {all_held} {units:#?}\n{people:#?}")
}

fn read(store: &Store) -> (Settings, History) {
    (store.settings(TimeDelta::hours(4)).expect("settings"), store.memory().expect("a memory"))
}

fn an_imported_person_is_read_back_unchanged(stand: &mut Stand) {
    let roster = three();
    stand.import(&roster, 1);
    let (read, numbers) = stand.store.roster().expect("a roster");
    assert_eq!(read.people, roster.people);
    assert_eq!(read.units, roster.units);
    assert_eq!(numbers.len(), 3);
    assert_eq!(stand.store.imported_at().expect("an instant"), Some(morning(1)));
    // The first import enrols nobody as a late joiner; the next one does.
    let mut people = roster.people.clone();
    people.push(plain("late"));
    stand.import(&self::roster(&people), 2);
    let memory = stand.store.memory().expect("a memory");
    let entered = |id: &str| memory.of(&PersonId::new(id)).enrolment(&slug("miljo")).entered;
    assert_eq!((entered("late"), entered("001")), (Some(morning(2)), None));
}

fn batches_contain_all_people_with_their_history(stand: &mut Stand) {
    stand.import(&three(), 1);
    let of = stand.number("001");
    book(&mut stand.store, &[booking(1, of, "miljo/valkommen", 0)], 2).expect("booked");
    let choice = Change::SetCharacter { person: PersonId::new("å 2"), character: slug("halsa") };
    stand.store.record_decision(&choice, &act(2), "", "").expect("chosen");
    // A person who has left stays as a row.
    stand.import(&roster(&[person("001"), plain("å 2"), plain("late")]), 3);
    let (whole, numbers) = stand.store.roster().expect("a roster");
    let memory = stand.store.memory().expect("a memory");
    let told = |number: PersonNumber, person: &Person, past: &PersonHistory| {
        format!("{number:?} {person:?} {past:?}")
    };
    let everybody: Vec<String> =
        whole.people.iter().zip(&numbers).map(|(p, number)| told(*number, p, memory.of(&p.id))).collect();
    for most in 1..=4 {
        let (mut after, mut met) = (None, Vec::new());
        while let Some(slice) = stand.store.people_batch(after, most).expect("a slice") {
            assert!((1..=most).contains(&slice.people.len()));
            after = slice.people.last().map(|(number, _)| *number);
            met.extend(slice.iter().map(|one| told(one.number.expect("one"), one.person, one.past)));
        }
        assert_eq!(met, everybody, "{most} at a time");
    }
    let ids = ["late", "nobody", "1", "001", "late"].map(PersonId::new);
    let (some, theirs) = stand.store.people_by_id(ids.iter()).expect("some");
    let who: Vec<&str> = some.people.iter().map(|person| person.id.as_str()).collect();
    assert_eq!((who, &some.units), (vec!["001", "late"], &whole.units));
    assert_eq!(format!("{:?}", theirs.of(&ids[3])), format!("{:?}", memory.of(&ids[3])));
    for text in ["001", "1", "å 2", "late", "nobody", "", "MAIL", "FIRST.001@EKDALA.EXAMPLE"] {
        let found = whole.find(text).map(|person| person.id.clone());
        assert_eq!(stand.store.find_person(text).expect("it is looked for"), found, "{text}");
    }
    let address = person("001").email.expect("an address").to_uppercase();
    assert_eq!(stand.store.find_person(&address).expect("it is looked for"), Some(PersonId::new("001")));
}

fn importing_twice_equals_importing_once(stand: &mut Stand) {
    let roster = three();
    stand.import(&roster, 1);
    let before = stand.tables();
    assert!(diff_with(&stand.store, &roster).expect("people").is_empty());
    stand.import(&roster, 1);
    let mut after = stand.tables();
    // An import has one audit line of its own.
    assert_eq!(after["audit"].len(), before["audit"].len() + 1);
    after.insert("audit".to_owned(), before["audit"].clone());
    assert!(after == before, "the second import changed something");
}

fn an_import_that_fails_changes_nothing(stand: &mut Stand) {
    stand.import(&three(), 1);
    stand.import(&roster(&[person("001"), plain("å 2")]), 2);
    // People join, return, change, leave and move units, all at once.
    let all = roster(&[
        Person { first_name: "Eva".into(), ..person("001") },
        Person { extra: Box::default(), ..person("1") },
        Person { unit: UnitId::new("new"), ..person("joined") },
    ]);
    let failed = stand.at_every_row(|store| import(store, &all, 3));
    assert!(failed > 15, "it failed {failed} times only");
    assert_eq!(stand.store.roster().expect("a roster").0.people.len(), 3);
}

fn alternating_imports_send_nothing_again(stand: &mut Stand) {
    let (x, y) = (three(), roster(&[plain("å 2"), plain("other")]));
    stand.import(&x, 1);
    let number = stand.number("001");
    assert_eq!(book(&mut stand.store, &[booking(1, number, "miljo/resor", 0)], 1).expect("booked"), [true]);
    stand.import(&y, 2);
    assert!(stand.store.memory().expect("a memory").of(&PersonId::new("001")).last_mail.is_none());
    stand.import(&x, 3);
    assert_eq!(stand.number("001"), number, "who returns is the same to the database");
    let memory = stand.store.memory().expect("a memory");
    let mail = memory.of(&PersonId::new("001")).enrolment(&slug("miljo")).mail(&slug("resor"));
    assert_eq!(mail.map(|mail| mail.at), Some(morning(1)), "what they got is remembered");
    book(&mut stand.store, &[booking(2, number, "miljo/resor", 0)], 3).expect_err("never twice");
}

fn a_returning_person_keeps_the_enrolment(stand: &mut Stand) {
    stand.import(&roster(&[plain("first")]), 1);
    stand.import(&roster(&[plain("first"), plain("late")]), 2);
    let before = stand.tables();
    stand.import(&roster(&[plain("first")]), 3);
    stand.import(&roster(&[plain("first"), plain("late")]), 4);
    let late = |tables: &BTreeMap<String, Vec<String>>| {
        let dated = |row: &&String| row.contains("2026-12-02");
        tables["enrolment"].iter().filter(dated).cloned().collect::<Vec<_>>()
    };
    assert!(!late(&before).is_empty());
    assert_eq!(late(&stand.tables()), late(&before), "the enrolment is the first one");
    let memory = stand.store.memory().expect("a memory");
    let entered = memory.of(&PersonId::new("late")).enrolment(&slug("miljo")).entered;
    assert_eq!(entered, Some(morning(2)), "coming back is not coming first");
}

fn a_delivery_is_enqueued_only_once(stand: &mut Stand) {
    stand.import(&three(), 1);
    let number = stand.number("001");
    let first = booking(1, number, "miljo/resor", 0);
    book(&mut stand.store, std::slice::from_ref(&first), 1).expect("booked");
    settle(&mut stand.store, 1, State::Sent, 1);
    let before = stand.tables();
    let again =
        |number, message_id: &str| NewDelivery { number, message_id: message_id.to_owned(), ..first.clone() };
    for second in [again(1, "<1.0@ekdala.example>"), again(2, "<2.0@ekdala.example>")] {
        let fresh = booking(3, stand.number("å 2"), "miljo/resor", 0);
        book(&mut stand.store, &[fresh, second], 2).expect_err("it is booked already");
        assert!(stand.tables() == before, "nothing is booked of a batch with a second one in it");
    }
    // A reminder, another step and another journey are different deliveries.
    let others = [("miljo/resor", 1), ("miljo/lov", 0), ("grunden/resor", 0)];
    for (place, (name, round)) in (10..).zip(others) {
        book(&mut stand.store, &[booking(place, number, name, round)], 2).expect("another one");
    }
    let (deliveries, replies): (Vec<_>, Vec<_>) =
        stand.store.deliveries_to(&PersonId::new("001")).expect("deliveries").into_iter().unzip();
    assert_eq!(deliveries.len(), 4);
    assert_eq!(deliveries[1].in_reply_to.as_deref(), Some("<1.0@ekdala.example>"));
    assert_eq!(deliveries[2].in_reply_to, None);
    assert_eq!(replies[0].as_deref(), Some("file sent"));
    let told = (deliveries[0].slot, deliveries[0].booked, deliveries[0].content, deliveries[0].state);
    assert_eq!(told, (first.slot, morning(1), first.content, State::Sent));
    assert_eq!(stand.store.next_delivery().expect("a number"), 13);
}

fn an_import_compared_before_a_change_is_rejected_after_it(stand: &mut Stand) {
    stand.import(&three(), 1);
    let roster = roster(&[person("001"), plain("late")]);
    let seen = stand.store.data_version().expect("seen");
    let compared = diff_with(&stand.store, &roster).expect("people");
    let mut other = (stand.database.open)(&stand.path());
    import(&mut other, &roster, 2).expect("another was quicker");
    let before = stand.tables();
    let outcome = stand.store.import(&compared, &LIBRARY, seen, &act(2));
    assert!(matches!(outcome, Err(StoreError::Changed)), "{outcome:?}");
    assert!(stand.tables() == before);
    import(&mut stand.store, &roster, 2).expect("compared anew it is nothing");
}

fn a_batch_is_enqueued_completely_or_not_at_all(stand: &mut Stand) {
    stand.import(&three(), 1);
    let (a, b) = (stand.number("001"), stand.number("å 2"));
    book(&mut stand.store, &[booking(1, a, "miljo/resor", 0)], 1).expect("booked");
    let batch = [booking(2, a, "miljo/lov", 0), booking(3, b, "miljo/resor", 0)];
    let failed = stand.at_every_row(|store| book(store, &batch, 2));
    // Two are enqueued, each with its event; the mark of the second is deleted.
    assert_eq!(failed, 4 + 1 + 1, "rows; one with an enrolment");
}

fn a_decision_is_not_stored_after_a_change_that_concerns_the_person(stand: &mut Stand) {
    stand.import(&three(), 1);
    let [a, b, c] = ["001", "å 2", "1"].map(|id| stand.number(id));
    keep(&mut stand.store, [a, b, c].map(|person| stood(person, Some(morning(3))))).expect("kept");
    let next = |number, person, store: &Store| DecidedPerson {
        mail: Some(booking(number, person, "miljo/lov", 0)),
        ..decided(store, person)
    };
    let both = [next(2, a, &stand.store), next(3, b, &stand.store)];
    let mut other = (stand.database.open)(&stand.path());
    let pause =
        Change::Pause { of: PauseTarget::Person(PersonId::new("001")), until: None, reason: "ill".into() };
    other.record_decision(&pause, &act(1), "runs", "paused").expect("paused");
    assert_eq!(record(&mut stand.store, &both, 1).expect("stored"), [false, true], "it disturbs nobody else");
    assert_eq!(stand.tables()["delivery"].len(), 1);
    assert_eq!(stand.store.undecided_people().expect("people"), [a]);
    let again = [next(4, a, &stand.store)];
    assert_eq!(record(&mut stand.store, &again, 1).expect("stored"), [true], "decided again it is");
    assert_eq!(stand.store.undecided_people().expect("people"), []);
}

fn a_permission_given_before_a_change_is_void_after_it(stand: &mut Stand) {
    stand.import(&three(), 1);
    let number = stand.number("001");
    book(&mut stand.store, &[booking(1, number, "miljo/resor", 0)], 1).expect("booked");
    let permitted = stand.store.settings_revision().expect("seen");
    let mut other = (stand.database.open)(&stand.path());
    other.record_decision(&Change::Hold(None), &act(1), "runs", "held").expect("held");
    let next = in_flight(0, 1, State::Due, PackedMessage::new(b"a mail", None));
    let before = stand.tables();
    let outcome = stand.store.commit(&next, Some(permitted), morning(1)).expect("read");
    assert_eq!(outcome, WriteResult::Conflict);
    assert!(stand.tables() == before);
    let permitted = stand.store.settings_revision().expect("seen");
    let outcome = stand.store.commit(&next, Some(permitted), morning(1)).expect("written");
    assert_eq!(outcome, WriteResult::Applied(vec![true]), "looked at again it may");
}

fn a_transition_from_another_state_changes_nothing(stand: &mut Stand) {
    stand.import(&three(), 1);
    let number = stand.number("001");
    book(&mut stand.store, &[booking(1, number, "miljo/resor", 0)], 1).expect("booked");
    let before = stand.tables();
    for made in [
        Transition::new(1, State::Deferred, DeliveryEvent::Accepted),
        Transition::new(1, State::InDoubt, DeliveryEvent::Accepted),
        Transition::new(1, State::Due, DeliveryEvent::Resolved { sent: true }),
        Transition::new(2, State::Due, DeliveryEvent::Accepted),
    ] {
        let written = stand.store.write(std::slice::from_ref(&made), morning(1)).expect("read");
        assert_eq!(written, [false], "{made:?}");
        assert!(stand.tables() == before, "{made:?}");
    }
    for (number, state) in [(1, State::Deferred), (2, State::Due)] {
        let next = in_flight(0, number, state, PackedMessage::new(b"a mail", None));
        let written = stand.store.commit(&next, None, morning(1)).expect("read");
        assert_eq!(written, WriteResult::Applied(vec![false]), "{number} {state}");
        assert!(stand.tables() == before, "{number} {state}");
    }
}

/// A message is stored before its first byte is sent, and every copy is
/// identical; a message that was definitely rejected is built again.
fn messages_that_may_have_been_sent_are_kept_and_rejected_ones_are_not(stand: &mut Stand) {
    stand.import(&three(), 1);
    let store = &mut stand.store;
    let people = [PersonNumber(1), PersonNumber(2), PersonNumber(3)];
    let batch: Vec<NewDelivery> =
        (1..).zip(people).map(|(n, person)| booking(n, person, "miljo/resor", 0)).collect();
    book(store, &batch, 1).expect("booked");
    let mail_to =
        |n: i64| format!("To: reader {n}\r\n\r\n{}", "the same for everybody\r\n".repeat(9)).into_bytes();
    let base = Some(Arc::new(MessageBase::new(1, mail_to(0).into())));
    for n in 1..=3 {
        begin(store, n, n, State::Due, PackedMessage::new(&mail_to(n), base.clone()));
    }
    let later = |made: Transition| Transition { not_before: Some(morning(2)), ..made };
    let ends = OutboxCommit {
        transitions: vec![
            later(Transition::new(1, State::Due, DeliveryEvent::ResultUnknown)),
            later(Transition::new(2, State::Due, DeliveryEvent::Deferred)),
            Transition::new(3, State::Due, DeliveryEvent::Accepted),
        ],
        idle: vec![1, 2, 3],
        ..OutboxCommit::default()
    };
    store.commit(&ends, None, morning(1)).expect("written");
    assert!(outgoing(store, 1).is_empty(), "not yet");
    let again = store.sendable(0, 10, morning(2)).expect("deliveries");
    let told: Vec<_> = again.into_iter().map(|o| (o.delivery.number, o.doubts, o.stored)).collect();
    assert_eq!(told, [(1, 1, StoredMessage::Intact(mail_to(1).into())), (2, 0, StoredMessage::None)]);
    let deferred = later(Transition::new(1, State::InDoubt, DeliveryEvent::Deferred));
    store.write(&[deferred], morning(2)).expect("written");
    let stored = store.sendable(0, 1, morning(9)).expect("deliveries").remove(0).stored;
    assert_eq!(stored, StoredMessage::Intact(mail_to(1).into()), "it may have arrived all the same");
    store
        .write(&[Transition::new(1, State::Deferred, DeliveryEvent::Accepted)], morning(9))
        .expect("written");
    assert!(stand.tables()["mail_bytes"].is_empty(), "after its outcome it is deleted");
}

fn a_mail_in_flight_is_not_resolved_cancelled_or_expired(stand: &mut Stand) {
    stand.import(&three(), 1);
    let number = stand.number("001");
    book(&mut stand.store, &[booking(1, number, "miljo/resor", 0)], 1).expect("booked");
    let unknown = Transition::new(1, State::Due, DeliveryEvent::ResultUnknown);
    let unknown = Transition { not_before: Some(morning(1)), ..unknown };
    for state in [State::Due, State::InDoubt] {
        begin(&mut stand.store, 0, 1, state, PackedMessage::new(b"a mail", None));
        let before = stand.tables();
        for happened in [
            DeliveryEvent::Cancelled,
            DeliveryEvent::Expired,
            DeliveryEvent::Resolved { sent: true },
            DeliveryEvent::Resolved { sent: false },
        ] {
            let made = Transition::new(1, state, happened);
            assert_eq!(stand.store.write(&[made], morning(1)).expect("read"), [false], "{happened:?}");
        }
        assert!(stand.tables() == before);
        stand.store.write(std::slice::from_ref(&unknown), morning(1)).expect("written");
    }
}

fn a_delivery_in_the_send_journal_counts_as_sent(stand: &mut Stand) {
    stand.import(&three(), 1);
    let (a, b) = (stand.number("001"), stand.number("å 2"));
    let known = booking(1, a, "miljo/resor", 0);
    let unknown = booking(1, b, "miljo/resor", 0);
    book(&mut stand.store, std::slice::from_ref(&known), 1).expect("booked");
    let line = |number, id: &str| JournalEntry {
        number,
        message_id: id.to_owned(),
        at: morning(3),
        reply: "250 2.0.0 Ok".to_owned(),
    };
    let lines = [line(1, &known.message_id), line(7, "<unknown@ekdala.example>")];
    let expected = JournalReconciliation { arrived: 0, restored: 2 };
    assert_eq!(stand.store.reconcile(&lines, 99, morning(4)).expect("written"), expected);
    assert_eq!(
        stand.store.reconcile(&lines[..1], 99, morning(4)).expect("again"),
        JournalReconciliation::default()
    );
    assert_eq!(stand.store.reconciled_journal_bytes().expect("a number"), 99);
    assert_eq!(stand.store.next_delivery().expect("a number"), 8, "links name the number it had");
    let mut unknown = NewDelivery { number: 8, ..unknown };
    unknown.message_id = "<unknown@ekdala.example>".to_owned();
    book(&mut stand.store, &[unknown], 5).expect("booked");
    let found = stand.store.deliveries_to(&PersonId::new("å 2")).expect("deliveries");
    let told: Vec<_> = found.iter().map(|(delivery, _)| (delivery.number, delivery.state)).collect();
    assert_eq!(told, [(7, State::Sent)]);
    assert!(outgoing(&stand.store, 5).is_empty());
    let memory = stand.store.memory().expect("a memory");
    assert_eq!(memory.of(&PersonId::new("å 2")).last_mail, Some(morning(3)), "it counts from when it left");
}

fn final_states_never_change(stand: &mut Stand) {
    stand.import(&three(), 1);
    let number = stand.number("001");
    let settled: Vec<State> = State::ALL.into_iter().filter(|state| state.is_settled()).collect();
    assert_eq!(settled.len(), 4);
    for (n, end) in (1..).zip(settled) {
        let name = format!("miljo/step-{n}");
        book(&mut stand.store, &[booking(n, number, &name, 0)], 1).expect("booked");
        settle(&mut stand.store, n, end, 1);
        let before = stand.tables();
        for other in [State::Held, State::Sent, State::Rejected, State::Expired, State::Cancelled] {
            stand.store.write(&[to_the_end(n, other)], morning(2)).expect("nothing happens");
        }
        assert!(stand.tables() == before, "{end} moved");
        begin_run(&mut stand.store, 2).expect("a run");
        assert!(outgoing(&stand.store, 2).is_empty());
    }
}

fn a_failed_settlement_changes_nothing(stand: &mut Stand) {
    stand.import(&three(), 1);
    let (a, b) = (stand.number("001"), stand.number("å 2"));
    let both = [booking(1, a, "miljo/resor", 0), booking(2, b, "miljo/resor", 0)];
    book(&mut stand.store, &both, 1).expect("booked");
    let ends = [(1, DeliveryEvent::Accepted), (2, DeliveryEvent::Held)];
    let ends = ends.map(|(n, happened)| Transition::new(n, State::Due, happened));
    let rows = stand.at_every_row(|store| store.write(&ends, morning(2)));
    assert_eq!(rows, 2 + 4, "each with the mark of the recipient, and its revision");
    let third = stand.number("1");
    let message = || PackedMessage::new(b"a mail", None);
    book(&mut stand.store, &[booking(3, third, "miljo/resor", 0)], 2).expect("booked");
    begin(&mut stand.store, 0, 3, State::Due, message());
    let mut turn = in_flight(1, 2, State::Held, message());
    let lost = Transition::new(3, State::Due, DeliveryEvent::ResultUnknown);
    turn.transitions = vec![Transition { not_before: Some(morning(3)), ..lost }];
    turn.idle = vec![0];
    // The outcome with a mark and its revision, its message, the worker that is idle, and the next mail.
    assert_eq!(stand.at_every_row(|store| store.commit(&turn, None, morning(2))), 4 + 2);
}

fn mails_in_flight_of_an_earlier_run_are_in_doubt(stand: &mut Stand) {
    stand.import(&three(), 1);
    let people = [PersonNumber(1), PersonNumber(2), PersonNumber(3)];
    let all: Vec<NewDelivery> = (1..).zip(people).map(|(n, p)| booking(n, p, "miljo/resor", 0)).collect();
    book(&mut stand.store, &all, 1).expect("booked");
    let message = |text: &str| PackedMessage::new(text.as_bytes(), None);
    begin(&mut stand.store, 0, 1, State::Due, message("one"));
    begin(&mut stand.store, 1, 2, State::Due, message("two"));
    settle(&mut stand.store, 2, State::Sent, 1);
    begin(&mut stand.store, 0, 3, State::Due, message("three"));
    let rows = stand.at_every_row(|store| begin_run(store, 1));
    assert_eq!(rows, 2 + 2 + 2, "one mail in doubt, a mark with its revision, and two workers");
    assert_eq!(outgoing(&stand.store, 1), [1], "nothing of it had left");
    assert_eq!(outgoing(&stand.store, 2), [1, 3], "its outcome is unknown, and it has waited");
    let due = &stand.store.sendable(0, 1, morning(1)).expect("deliveries")[0];
    let told = (&due.delivery.message_id, due.delivery.booked, due.delivery.content);
    assert_eq!(told, (&all[0].message_id, morning(1), all[0].content), "as it was enqueued");
    assert_eq!(due.stored, StoredMessage::None);
    let doubtful = stand.store.sendable(1, 1, morning(2)).expect("deliveries").remove(0);
    assert_eq!(doubtful.stored, StoredMessage::Intact(b"three"[..].into()));
    begin(&mut stand.store, 0, 3, State::InDoubt, message("three"));
    let second = begin_run(&mut stand.store, 2).expect("a run");
    assert_eq!(second, RecoveryReport { in_doubt: 0, held: 1 });
    assert_eq!(outgoing(&stand.store, 9), [1], "twice in doubt waits for an operator");
}

fn a_step_is_skipped_once(stand: &mut Stand) {
    stand.import(&three(), 1);
    let person = stand.number("001");
    let skip = |day| SkippedStep { person, step: step("miljo/lov"), at: morning(day) };
    let with = |skips: Vec<SkippedStep>| std::iter::once(PositionUpdate { skips, ..stood(person, None) });
    keep(&mut stand.store, with(vec![skip(1), skip(1)])).expect("skipped");
    let before = stand.tables();
    keep(&mut stand.store, with(vec![skip(2)])).expect("nothing happens");
    assert!(stand.tables() == before);
    let memory = stand.store.memory().expect("a memory");
    let enrolment = memory.of(&PersonId::new("001")).enrolment(&slug("miljo"));
    assert_eq!(enrolment.events.len(), 1);
    assert_eq!((enrolment.events[0].at, enrolment.events[0].what), (morning(1), EventKind::Skipped));
}

fn events_and_audit_log_are_append_only(stand: &mut Stand) {
    let mut grown = BTreeMap::from([("event".to_owned(), Vec::new()), ("audit".to_owned(), Vec::new())]);
    let mut look = |stand: &Stand| {
        let tables = stand.tables();
        for (name, before) in &mut grown {
            let missing: Vec<&String> = before.iter().filter(|row| !tables[name].contains(row)).collect();
            assert!(missing.is_empty(), "{name} lost {missing:?}");
            before.clone_from(&tables[name]);
        }
    };
    stand.import(&three(), 1);
    let number = stand.number("001");
    book(&mut stand.store, &[booking(1, number, "miljo/resor", 0)], 1).expect("booked");
    look(stand);
    for (change, _) in decisions() {
        stand.store.record_decision(&change, &act(2), "before", "after").expect("decided");
        look(stand);
    }
    settle(&mut stand.store, 1, State::Cancelled, 2);
    stand.import(&roster(&[plain("other")]), 3);
    begin_run(&mut stand.store, 3).expect("a run");
    look(stand);
    stand.import(&three(), 4);
    look(stand);
    let refused = (stand.database.tamper)(&stand.path());
    assert_eq!(refused.len(), 4, "by hand it cannot be done either: {refused:?}");
    look(stand);
    let audit = stand.store.audit_entries(2).expect("the audit log");
    assert_eq!(audit[0].at, morning(4), "the newest first");
    assert_eq!((audit[0].by.as_str(), audit[0].why.as_deref()), ("Åsa", Some("because")));
}

/// A decision of each kind, more than one where they interact, and its name.
fn decisions() -> Vec<(Change, &'static str)> {
    let person = || PauseTarget::Person(PersonId::new("001"));
    let unit = || UnitId::new("VO-102");
    let pause =
        |of, until: Option<&str>| Change::Pause {
            of, until: until.map(day), reason: "sjuk, “länge”".into()
        };
    let days = Period { from: day("2026-12-21"), to: day("2027-01-06") };
    let cadence = |text| Cadence::parse(text).expect("a cadence");
    let answer = |step: &str, question: &str, content| {
        crate::rig::answer(PersonId::new("001"), self::step(step), question, content)
    };
    let text = StoredAnswer::Written { text: "Jag cyklar\n\t”ibland”".to_owned(), read_by: ReadBy::Me };
    vec![
        (Change::Approve { step: step("grunden/kickoff"), content: ContentHash([1; 32]) }, "approve"),
        (Change::Approve { step: step("grunden/kickoff"), content: ContentHash([2; 32]) }, "approve"),
        (Change::Hold(Some(step("miljo/lov"))), "hold"),
        (Change::Hold(Some(step("miljo/lov"))), "hold"),
        (Change::Hold(Some(step("miljo/resor"))), "hold"),
        (Change::Release(Some(step("miljo/lov"))), "hold release"),
        (Change::Hold(Some(step("miljo/lov"))), "hold"),
        (Change::Hold(None), "hold"),
        (Change::Release(None), "hold release"),
        (Change::Hold(None), "hold"),
        (pause(person(), Some("2027-03-01")), "pause"),
        (pause(PauseTarget::Unit(unit()), None), "pause"),
        (pause(PauseTarget::Journey(slug("miljo")), None), "pause"),
        (Change::Resume(person()), "resume"),
        (pause(person(), None), "pause"),
        (Change::Resume(PauseTarget::Unit(unit())), "resume"),
        (Change::Shift { unit: unit(), weeks: 2 }, "unit shift"),
        (Change::Shift { unit: unit(), weeks: -3 }, "unit shift"),
        (Change::CloseUnit { unit: unit(), period: ClosedPeriod { days, why: "jul".into() } }, "unit close"),
        (Change::SetCadence { unit: unit(), cadence: Some(cadence("30 8 * * Tue")) }, "unit cadence"),
        (Change::SetCadence { unit: unit(), cadence: Some(cadence("0 9 * * Mon,Thu")) }, "unit cadence"),
        (
            Change::SetCadence { unit: UnitId::new("Köket"), cadence: Some(cadence("30 8 * * Wed")) },
            "unit cadence",
        ),
        (Change::SetCadence { unit: UnitId::new("Köket"), cadence: None }, "unit cadence"),
        (Change::SetCharacter { person: PersonId::new("001"), character: slug("halsa") }, "choose"),
        (Change::SetCharacter { person: PersonId::new("001"), character: slug("trygg") }, "choose"),
        (answer("miljo/resor", "how", text), "answer"),
        (answer("miljo/resor", "done", StoredAnswer::Counted(1)), "answer"),
        (answer("social/enkat", "n", StoredAnswer::Counted(5)), "answer"),
    ]
}

fn a_decision_is_read_back_unchanged(stand: &mut Stand) {
    stand.import(&three(), 1);
    let (mut settings, mut memory) = read(&stand.store);
    for (n, (change, action)) in (2..).zip(decisions()) {
        assert_eq!(change.action(), action);
        stand.store.record_decision(&change, &act(n), "before", "after").expect("decided");
        change.apply(morning(n), &mut settings, &mut memory);
        let (kept, remembered) = read(&stand.store);
        assert_eq!(shown(&kept, &remembered), shown(&settings, &memory), "after {change:?}");
        let audit = stand.store.audit_entries(1).expect("the audit log").remove(0);
        assert_eq!((audit.at, audit.action.as_str()), (morning(n), action));
        assert_eq!((audit.before.as_str(), audit.after.as_str()), ("before", "after"));
        assert!(!audit.subject.contains("001"), "the audit log names nobody: {}", audit.subject);
    }
    let tables = stand.tables();
    assert!(tables["written_answer"].concat().contains("Jag cyklar"));
    assert_eq!(tables["counted_answer"].len(), 2);
}

fn a_decision_and_its_audit_line_are_written_together(stand: &mut Stand) {
    stand.import(&three(), 1);
    for (change, action) in decisions() {
        // The row itself, the audit line, the revisions, and a mark for each person concerned;
        // where something is held already there is no new row.
        let failed = stand.at_every_row(|store| store.record_decision(&change, &act(2), "before", "after"));
        assert!((2..=8).contains(&failed), "{action} failed {failed} times");
    }
    let nobody = Change::SetCharacter { person: PersonId::new("nobody"), character: slug("halsa") };
    let before = stand.tables();
    stand.store.record_decision(&nobody, &act(3), "before", "after").expect_err("there is nobody");
    assert!(stand.tables() == before);
}

fn stood(person: PersonNumber, next_at: Option<Timestamp>) -> PositionUpdate {
    let next = next_at.map(|_| (slug("resor"), 1));
    let last = Some((slug("valkommen"), morning(1)));
    let position = Position { stage: Stage::Active, last, next, next_at, why: Some("pace"), verdict: 5 };
    PositionUpdate { person, journey: slug("miljo"), position, skips: Vec::new() }
}

fn people_who_may_have_something_due_are_found_by_time(stand: &mut Stand) {
    stand.import(&three(), 1);
    let [a, b, c] = ["001", "1", "å 2"].map(|id| stand.number(id));
    assert_eq!(stand.store.next_due_at().expect("an instant"), None);
    let positions = [stood(c, Some(morning(5))), stood(a, Some(morning(3))), stood(b, None)];
    let due = |stand: &Stand, at| stand.store.people_to_decide(at).expect("people");
    assert_eq!(due(stand, morning(1)), [a, b, c], "they are new");
    keep(&mut stand.store, positions).expect("kept");
    assert_eq!(due(stand, morning(3) - TimeDelta::seconds(1)), []);
    assert_eq!(due(stand, morning(3)), [a]);
    assert_eq!(due(stand, morning(5)), [a, c], "in order");
    assert_eq!(stand.store.next_due_at().expect("an instant"), Some(morning(3)));
    let other = PositionUpdate { journey: slug("social"), ..stood(c, Some(morning(4))) };
    keep(&mut stand.store, [other]).expect("kept");
    assert_eq!(due(stand, morning(6)), [a, c], "each once");
    let stages = stand.store.stage_counts().expect("stages");
    assert_eq!((stages[&slug("miljo")], stages[&slug("social")]), ([0, 3, 0, 0, 0], [0, 1, 0, 0, 0]));
    // A person who has left has nothing due, and neither has a journey that was
    // removed.
    stand.import(&roster(&[plain("å 2")]), 2);
    assert_eq!(due(stand, morning(6)), [c]);
    stand
        .store
        .decide_again_if_changed("other content", &[&slug("social")], morning(1), morning(2))
        .expect("ended");
    assert_eq!(stand.store.next_due_at().expect("an instant"), Some(morning(4)));
}

fn positions_are_saved_completely_or_not_at_all(stand: &mut Stand) {
    stand.import(&three(), 1);
    let [a, b] = ["001", "1"].map(|id| stand.number(id));
    let skip = SkippedStep { person: a, step: step("miljo/lov"), at: morning(1) };
    let late = PositionUpdate { skips: vec![skip], ..stood(a, Some(morning(3))) };
    let positions = || vec![late.clone(), stood(b, None)];
    let failed = stand.at_every_row(|store| keep(store, positions()));
    assert!(failed >= 3, "{failed}");
    let failed = stand.at_every_row(|store| keep(store, [stood(a, None), stood(b, None)]));
    assert_eq!(failed, 1, "a row that says so already is not written");
    let journeys = [&slug("miljo")];
    stand.store.decide_again_if_changed("with this", &journeys, morning(1), morning(2)).expect("marked");
    assert_eq!(stand.store.undecided_people().expect("people").len(), 3, "everybody");
    assert_eq!(stand.store.positions_fingerprint().expect("text").as_deref(), Some("with this"));
    keep(&mut stand.store, [stood(a, None), stood(b, None)]).expect("kept");
    stand.store.decide_again_if_changed("with this", &journeys, morning(1), morning(2)).expect("nothing");
    assert_eq!(stand.store.undecided_people().expect("people").len(), 1);
    stand.store.decide_again_if_changed("with this", &journeys, morning(2), morning(3)).expect("marked");
    assert_eq!(stand.store.undecided_people().expect("people").len(), 3, "a day later everybody");
}

fn the_last_valid_content_is_stored_completely(stand: &mut Stand) {
    let keep = |store: &mut Store, hash: u8, files: &[(&str, &[u8])]| {
        store.save_content(ContentHash([hash; 32]), files.iter().copied(), &[], morning(u32::from(hash)))
    };
    assert_eq!(stand.store.saved_content().expect("content"), None);
    let first: &[(&str, &[u8])] = &[("a.md", b"\xff\0"), ("b/c.md", "å".as_bytes())];
    stand.at_every_row(|store| keep(store, 1, first));
    let second: &[(&str, &[u8])] = &[("a.md", b"")];
    assert!(stand.at_every_row(|store| keep(store, 2, second)) >= 4);
    let files = stand.store.saved_content_files().expect("files");
    assert_eq!(files, BTreeMap::from([("a.md".to_owned(), Vec::new())]));
    keep(&mut stand.store, 2, first).expect("it is that already");
    let content = stand.store.saved_content().expect("content");
    assert_eq!(content, Some((ContentHash([2; 32]), morning(2))));
}

fn two_stores_on_one_database_see_each_others_writes(stand: &mut Stand) {
    let mut other = (stand.database.open)(&stand.path());
    assert_eq!(
        other.secrets().expect("the secrets"),
        stand.store.secrets().expect("the secrets"),
        "drawn once"
    );
    let seen = stand.store.data_version().expect("seen");
    stand.import(&three(), 1);
    assert_eq!(stand.store.data_version().expect("seen"), seen, "what one wrote oneself is no news");
    assert_eq!(other.roster().expect("a roster").0.people.len(), 3);
    import(&mut other, &roster(&[plain("å 2")]), 2).expect("imported");
    assert_ne!(stand.store.data_version().expect("seen"), seen);
    assert_eq!(stand.store.roster().expect("a roster").0.people.len(), 1);
}
