//! The ledger of deliveries as a model: random outcomes, lost replies, crashes, power
//! failures and operators, each against a real database. What the relay accepted is
//! compared with what the database knows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use super::{Store, bookings, import, open, slug};
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::domain::time::timezone::Timestamp;
use crate::store::{
    DecidedPerson, InFlight, JournalEntry, NewDelivery, OutboundDelivery, OutboxCommit, PackedMessage,
    StoredMessage, Transition, WriteResult,
};

const PEOPLE: i64 = 3;
const WORKERS: usize = 2;

/// What the relay does with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Accepts,
    /// It accepts the mail, and its reply is lost.
    Vanishes,
    Defers,
    Rejects,
    RejectsContent,
    /// The relay fails before it has the mail.
    Fails,
}

/// One event.
#[derive(Clone, Debug)]
enum Event {
    /// A worker reports the outcome of its mail, if it has one, and begins the next.
    Turn(usize, Answer),
    /// The relay accepts a worker's mail, and has not replied.
    Accepts(usize),
    /// The process dies. The send journal may have what was accepted.
    Crash {
        is_journaled: bool,
    },
    /// The machine loses its power.
    PowerFails,
    Enqueue(i64),
    Resolve {
        which: Index,
        is_sent: bool,
    },
    Close {
        which: Index,
        happened: DeliveryEvent,
    },
    Pass(i64),
}

fn event() -> impl Strategy<Value = Event> {
    use Answer::{Accepts, Defers, Fails, Rejects, RejectsContent, Vanishes};
    let answer = proptest::sample::select(vec![
        Accepts,
        Accepts,
        Accepts,
        Vanishes,
        Vanishes,
        Defers,
        Rejects,
        RejectsContent,
        Fails,
    ]);
    let closing = proptest::sample::select(vec![DeliveryEvent::Cancelled, DeliveryEvent::Expired]);
    prop_oneof![
        8 => (0..WORKERS, answer).prop_map(|(worker, answer)| Event::Turn(worker, answer)),
        3 => (0..WORKERS).prop_map(Event::Accepts),
        2 => any::<bool>().prop_map(|is_journaled| Event::Crash { is_journaled }),
        1 => Just(Event::PowerFails),
        3 => (1..=PEOPLE).prop_map(Event::Enqueue),
        2 => any::<(Index, bool)>().prop_map(|(which, is_sent)| Event::Resolve { which, is_sent }),
        1 => (any::<Index>(), closing).prop_map(|(which, happened)| Event::Close { which, happened }),
        4 => (1..90_i64).prop_map(Event::Pass),
    ]
}

/// A mail with a worker.
struct Sending {
    mail: OutboundDelivery,
    message: Arc<[u8]>,
    /// The relay has accepted it already.
    is_accepted: bool,
}

struct World {
    folder: tempfile::TempDir,
    store: Option<Store>,
    now: Timestamp,
    workers: [Option<Sending>; WORKERS],
    journal: Vec<JournalEntry>,
    /// What the relay has accepted, in order.
    accepted: Vec<(i64, Arc<[u8]>)>,
    /// The states as they were last seen.
    seen: BTreeMap<i64, State>,
    /// How often operators let a mail be sent again.
    resent: BTreeMap<i64, usize>,
    person_of: BTreeMap<i64, i64>,
    built: u32,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = open(&folder.path().join("journey.db"));
        import(&mut store, PEOPLE).expect("people");
        World {
            folder,
            store: Some(store),
            now: super::now(),
            workers: [None, None],
            journal: Vec::new(),
            accepted: Vec::new(),
            seen: BTreeMap::new(),
            resent: BTreeMap::new(),
            person_of: BTreeMap::new(),
            built: 0,
        }
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("it is open")
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Turn(worker, answer) => self.turn(*worker, *answer),
            Event::Accepts(worker) => self.accept(*worker),
            Event::Crash { is_journaled } => {
                if *is_journaled {
                    (0..WORKERS).for_each(|worker| self.write_journal(worker));
                }
                self.restart(None);
            }
            Event::PowerFails => {
                let copy = after_power_failure(self.folder.path());
                self.restart(Some(copy));
            }
            Event::Enqueue(person) => self.enqueue(*person),
            Event::Resolve { which, is_sent } => {
                let open = self.in_state(|state| matches!(state, State::InDoubt | State::Held));
                if !open.is_empty() {
                    self.resolve(*which.get(&open), *is_sent);
                }
            }
            Event::Close { which, happened } => {
                let due: Vec<i64> = self.in_state(|state| matches!(state, State::Due | State::Deferred));
                if !due.is_empty() {
                    let number = *which.get(&due);
                    let made = Transition::new(number, self.seen[&number], *happened);
                    let now = self.now;
                    let is_in_flight = self.is_with_a_worker(number);
                    assert_eq!(self.store().write(&[made], now).expect("written"), [!is_in_flight]);
                }
            }
            Event::Pass(minutes) => self.now += TimeDelta::minutes(*minutes),
        }
    }

    fn in_state(&self, is_wanted: fn(State) -> bool) -> Vec<i64> {
        self.seen.iter().filter(|(_, state)| is_wanted(**state)).map(|(number, _)| *number).collect()
    }

    fn is_with_a_worker(&self, number: i64) -> bool {
        self.workers.iter().flatten().any(|sending| sending.mail.delivery.number == number)
    }

    /// The relay accepts the mail of a worker, unless it has already.
    fn accept(&mut self, worker: usize) {
        if let Some(sending) = self.workers[worker].as_mut().filter(|sending| !sending.is_accepted) {
            sending.is_accepted = true;
            self.accepted.push((sending.mail.delivery.number, sending.message.clone()));
        }
    }

    /// Writes to the send journal that the relay has accepted the mail of a worker.
    fn write_journal(&mut self, worker: usize) {
        let Some(sending) = self.workers[worker].as_ref().filter(|sending| sending.is_accepted) else {
            return;
        };
        let delivery = &sending.mail.delivery;
        self.journal.push(JournalEntry {
            number: delivery.number,
            message_id: delivery.message_id.clone(),
            at: self.now,
            reply: "250 Ok".to_owned(),
        });
    }

    /// A worker's turn: one commit with the outcome of its mail and the mail it sends
    /// next.
    fn turn(&mut self, worker: usize, answer: Answer) {
        let number = worker as i64;
        let mut commit = OutboxCommit::default();
        // A mail that the relay has accepted cannot be rejected.
        let is_accepted = self.workers[worker].as_ref().is_some_and(|sending| sending.is_accepted);
        let answer = if is_accepted && answer != Answer::Vanishes { Answer::Accepts } else { answer };
        if matches!(answer, Answer::Accepts | Answer::Vanishes) {
            self.accept(worker);
        }
        if answer == Answer::Accepts {
            self.write_journal(worker);
        }
        // The worker has built it before it knew the outcome.
        let next = self.build_next();
        if let Some(sending) = self.workers[worker].take() {
            let happened = match answer {
                Answer::Accepts => Some(DeliveryEvent::Accepted),
                Answer::Vanishes => Some(DeliveryEvent::ResultUnknown),
                Answer::Defers => Some(DeliveryEvent::Deferred),
                Answer::Rejects => Some(DeliveryEvent::Rejected),
                Answer::RejectsContent => Some(DeliveryEvent::Held),
                Answer::Fails => None,
            };
            commit.transitions.extend(happened.map(|happened| Transition {
                doubts: sending.mail.doubts,
                not_before: Some(self.now + TimeDelta::minutes(30)),
                ..Transition::new(sending.mail.delivery.number, sending.mail.delivery.state, happened)
            }));
        }
        match &next {
            None => commit.idle.push(number),
            Some(Sending { mail, message, .. }) => commit.in_flight.push(InFlight {
                worker: number,
                number: mail.delivery.number,
                state: mail.delivery.state,
                message: Arc::new(PackedMessage::new(message, None)),
            }),
        }
        assert_eq!(self.commit(&commit), vec![true; commit.in_flight.len()]);
        self.workers[worker] = next;
    }

    /// Takes and builds the next mail that no worker has.
    fn build_next(&mut self) -> Option<Sending> {
        let now = self.now;
        let found = self.store().sendable(0, 9, now).expect("deliveries");
        let mail = found.into_iter().find(|mail| !self.is_with_a_worker(mail.delivery.number))?;
        self.built += 1;
        let message = match &mail.stored {
            StoredMessage::None => {
                format!("To: {}\r\n\r\nnumber {}\r\n", mail.delivery.person, self.built).into_bytes().into()
            }
            StoredMessage::Intact(message) => message.clone(),
            StoredMessage::Corrupt => panic!("{mail:?}"),
        };
        Some(Sending { mail, message, is_accepted: false })
    }

    fn commit(&mut self, commit: &OutboxCommit) -> Vec<bool> {
        let now = self.now;
        match self.store().commit(commit, None, now).expect("written") {
            WriteResult::Applied(applied) => applied,
            WriteResult::Conflict => panic!("there is no other connection"),
        }
    }

    /// Starts again, from the files of another folder if there is one.
    fn restart(&mut self, copy: Option<tempfile::TempDir>) {
        self.store = None;
        self.workers = [None, None];
        if let Some(copy) = copy {
            self.folder = copy;
        }
        let mut store =
            Store::open(&self.folder.path().join("journey.db"), self.now, || [7; 32]).expect("it opens");
        let whole: String =
            store.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
        assert_eq!(whole, "ok");
        let reconciled = store.reconcile(&self.journal, 0, self.now).expect("reconciled");
        assert_eq!(reconciled.restored, 0, "what is in the journal was in flight");
        store.recover(self.now, self.now + TimeDelta::minutes(15)).expect("recovered");
        self.store = Some(store);
        self.look();
        for entry in &self.journal {
            assert_eq!(self.seen[&entry.number], State::Sent, "{}", entry.number);
        }
    }

    /// Enqueues the next mail for a person who has none that is unsettled.
    fn enqueue(&mut self, person: i64) {
        let is_settled = |number| self.seen.get(number).is_some_and(|state| state.is_settled());
        if self.person_of.iter().any(|(number, theirs)| *theirs == person && !is_settled(number)) {
            return;
        }
        let number = self.person_of.len() as i64 + 1;
        let mut new: NewDelivery = bookings(person).pop().expect("a mail");
        new.number = number;
        new.message_id = format!("<{number}@ekdala.example>");
        new.step.step = slug(&format!("step-{number}"));
        let now = self.now;
        let store = self.store();
        let (person_number, revision) = (new.person, store.mark_of(new.person).expect("a mark"));
        let decided =
            DecidedPerson { person: person_number, revision, mail: Some(new), positions: Vec::new() };
        assert_eq!(store.record_decisions(&[decided], &[], now).expect("enqueued"), [true]);
        self.person_of.insert(number, person);
    }

    /// An operator says whether a mail arrived.
    fn resolve(&mut self, number: i64, is_sent: bool) {
        let made = Transition::new(number, self.seen[&number], DeliveryEvent::Resolved { sent: is_sent });
        let (now, is_in_flight) = (self.now, self.is_with_a_worker(number));
        assert_eq!(self.store().write(&[made], now).expect("written"), [!is_in_flight]);
        if !is_in_flight && !is_sent {
            *self.resent.entry(number).or_default() += 1;
        }
    }

    /// Reads the states, and checks what always holds.
    fn look(&mut self) {
        let states: BTreeMap<i64, State> =
            self.store().states(0, i64::MAX).expect("states").into_iter().collect();
        for (number, before) in &self.seen {
            assert!(!before.is_settled() || states[number] == *before, "{number} was {before}");
        }
        self.seen = states;
        let rows: Vec<(i64, i64)> = {
            let mut statement = self
                .store()
                .connection
                .prepare("SELECT worker, delivery_id FROM in_flight ORDER BY worker")
                .expect("a statement");
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
            rows.map(|row| row.expect("a row")).collect()
        };
        let with_workers: Vec<(i64, i64)> = (0..)
            .zip(&self.workers)
            .filter_map(|(worker, sending)| Some((worker, sending.as_ref()?.mail.delivery.number)))
            .collect();
        assert_eq!(rows, with_workers, "one row for each worker that sends");
        let mut latest: BTreeMap<i64, i64> = BTreeMap::new();
        let mut copies: BTreeMap<i64, Vec<&Arc<[u8]>>> = BTreeMap::new();
        for (number, message) in &self.accepted {
            let latest = latest.entry(self.person_of[number]).or_default();
            assert!(*latest <= *number, "{number} after {latest}");
            *latest = *number;
            copies.entry(*number).or_default().push(message);
        }
        for (number, copies) in copies {
            let resent = self.resent.get(&number).copied().unwrap_or_default();
            assert!(copies.len() <= 2 + resent, "{} copies of {number}", copies.len());
            assert!(copies.iter().all(|copy| *copy == copies[0]), "copies of {number} differ");
        }
    }

    /// Brings everything to its end with a relay that accepts.
    fn finish(&mut self) {
        for _ in 0..40 {
            self.now += TimeDelta::hours(1);
            (0..WORKERS).for_each(|worker| self.turn(worker, Answer::Accepts));
            self.look();
            for number in self.in_state(|state| state == State::Held) {
                self.resolve(number, false);
            }
        }
        for (number, state) in &self.seen {
            assert!(state.is_settled(), "{number} is {state}");
        }
    }
}

/// The files as the disk has them after a power failure: each commit was synced, so
/// all of them, with a torn frame at the end of the log.
fn after_power_failure(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_default();
    let mut log = read("journey.db-wal");
    log.extend([0xA5; 1_000]);
    std::fs::write(copy.path().join("journey.db"), read("journey.db")).expect("copied");
    std::fs::write(copy.path().join("journey.db-wal"), log).expect("copied");
    copy
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, rng_seed: RngSeed::Fixed(10), ..ProptestConfig::default() })]

    #[test]
    fn no_event_loses_a_mail_or_repeats_it_more_than_once(events in proptest::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        (1..=PEOPLE).for_each(|person| world.enqueue(person));
        world.look();
        for event in &events {
            world.happens(event);
            world.look();
        }
        world.finish();
    }

    /// At every sync the files are copied as a power failure at that moment would leave
    /// them. Whatever was acknowledged by then is still there.
    #[test]
    fn a_power_failure_at_any_sync_loses_nothing_that_was_acknowledged(
        answers in proptest::collection::vec((0..WORKERS, 0..4_u8), 1..30),
        at in any::<Index>(),
    ) {
        let mut world = World::new();
        (1..=PEOPLE).for_each(|person| world.enqueue(person));
        let mut syncs = Vec::new();
        for (worker, answer) in &answers {
            let answer = [Answer::Accepts, Answer::Accepts, Answer::Vanishes, Answer::Defers][usize::from(*answer)];
            world.now += TimeDelta::hours(1);
            world.turn(*worker, answer);
            world.look();
            (1..=PEOPLE).for_each(|person| world.enqueue(person));
            world.look();
            let acknowledged: Vec<i64> = world.journal.iter().map(|entry| entry.number).collect();
            syncs.push((after_power_failure(world.folder.path()), acknowledged, world.seen.clone()));
        }
        let (copy, acknowledged, seen) = syncs.swap_remove(at.index(syncs.len()));
        // The send journal is not synced: the database knows by itself.
        let store = Store::open(&copy.path().join("journey.db"), world.now, || [7; 32]).expect("it opens");
        let states: BTreeMap<i64, State> = store.states(0, i64::MAX).expect("states").into_iter().collect();
        prop_assert_eq!(&states, &seen);
        for number in acknowledged {
            prop_assert_eq!(states[&number], State::Sent);
        }
    }
}
