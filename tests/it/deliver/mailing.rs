//! A small programme whose mails go to a relay, pass after pass, as `journey
//! send` does it; the process can crash at a chosen moment. Asserts the
//! delivery guarantees against everything the relays received.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use chrono::{Datelike, TimeDelta, Timelike};
use journey::config::{self, Security};
use journey::domain::change::{Change, ChangeAuthor};
use journey::domain::delivery::send_block::{BlockKind, SendBlock};
use journey::domain::delivery::state::{DeliveryEvent, State};
use journey::domain::time::timezone::Timestamp;
use journey::engine::deliver::{DeliveryHooks, DeliverySummary, SendFilter};
use journey::engine::message::MessageBuilder;
use journey::engine::plan::decide;
use journey::engine::plan::pass::Filter;
use journey::engine::send::mail_sender::MailSender;
use journey::engine::send::run::Observer;
use journey::engine::send::startup;
use journey::mail::transport::Transport;
use journey::store::{JournalReconciliation, RecoveryReport, Store, Transition};
use rusqlite::Connection;

use crate::relay::server::{Accepted, Happens, Relay, Script};
use crate::rig::{self, Rig};
use crate::scenarios::script::Scenario;

/// The files of a process, in the order they are read: the journal first,
/// because it is written first.
const FILES: [&str; 3] = ["journey.sent", "journey.db", "journey.db-wal"];

/// The programme, its database, and all that relays accepted.
pub(super) struct Mailing {
    pub(super) rig: Rig,
    /// What was accepted, and when by the sender's clock.
    pub(super) taken: Vec<(Timestamp, Accepted)>,
    /// Every delivery that was ever recorded as sent.
    sent: BTreeSet<String>,
    /// Deliveries an operator resolved as sent.
    found: BTreeSet<String>,
}

/// The outcome of a pass.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) guards: Vec<BlockKind>,
    pub(super) recovered: RecoveryReport,
    pub(super) reconciled: JournalReconciliation,
    pub(super) delivered: DeliverySummary,
    /// What was reported to the operator meanwhile.
    pub(super) said: Vec<String>,
}

/// A delivery, as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: i64,
    pub(super) person: String,
    /// `<journey>/<step>`
    pub(super) step: String,
    pub(super) state: State,
    pub(super) message_id: String,
    pub(super) attempts: u32,
    pub(super) reply: String,
}

/// A copy of the files as they were at one moment.
#[derive(Clone, Default)]
pub(super) struct Files(Arc<Mutex<BTreeMap<&'static str, Vec<u8>>>>);

/// The head of a journey with a step each workday.
pub(super) const DAILY: &str = "cadence = \"30 8 * * Mon-Fri\"
start = 2026-12-01
[[step]]
id = \"a\"
[[step]]
id = \"b\"
[[step]]
id = \"c\"
[[step]]
id = \"d\"
";

/// The lines of a people file for this many people.
pub(super) fn people(most: usize) -> String {
    let unit = |n| ["Norr", "Syd"][n % 2];
    (1..=most)
        .map(|n| format!("p{n:03},p{n:03}@ekdala.example,{},Ek,{},,,,,\n", first_name(n), unit(n)))
        .collect()
}

/// A distinct first name; names have letters only.
pub(super) fn first_name(n: usize) -> String {
    let letters = ["a", "e", "i", "o", "u", "y", "b", "d", "f", "g"];
    let digits = n.to_string().into_bytes().into_iter().map(|digit| letters[usize::from(digit - b'0')]);
    format!("Namn{}", digits.collect::<String>())
}

/// The author of changes that are made during a pass.
pub(super) fn act(at: Timestamp) -> ChangeAuthor {
    ChangeAuthor { at, by: "Eva Lind".to_owned(), why: None }
}

impl Files {
    /// Was the moment reached?
    pub(super) fn were_made(&self) -> bool {
        !self.0.lock().expect("nobody panics").is_empty()
    }
}

impl Mailing {
    /// The journey `j` of daily steps, for this many people.
    pub(super) fn of(most: usize) -> Mailing {
        Mailing::with(&format!("=== journey j\n{DAILY}"), most)
    }

    /// These journeys, for this many people.
    pub(super) fn with(journeys: &str, most: usize) -> Mailing {
        Mailing::to_people(journeys, &people(most))
    }

    /// These journeys, for these people.
    pub(super) fn to_people(journeys: &str, people: &str) -> Mailing {
        let story = format!("min_gap = \"20 hours\"\n{journeys}=== people 1\n{people}");
        let mut rig = Scenario::parse(&story).rig();
        rig.config.mail.transport = config::Transport::Smtp;
        let smtp = &mut rig.config.mail.smtp;
        "127.0.0.1".clone_into(&mut smtp.host);
        (smtp.security, smtp.rate, smtp.connections) = (Security::None, None, 2);
        Mailing { rig, taken: Vec::new(), sent: BTreeSet::new(), found: BTreeSet::new() }
    }

    /// The same with one connection, so that events happen in order.
    pub(super) fn in_order(most: usize) -> Mailing {
        let mut mailing = Mailing::of(most);
        mailing.rig.config.mail.smtp.connections = 1;
        mailing
    }

    pub(super) fn at(&self, civil: &str) -> Timestamp {
        self.rig.at(civil)
    }

    /// A pass in a process of its own: it enqueues what is due, sends what may
    /// leave, and ends.
    pub(super) fn pass(&mut self, relay: &Relay, at: Timestamp) -> Passed {
        self.try_pass(relay, at).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The same with a selection.
    pub(super) fn pass_of(&mut self, relay: &Relay, at: Timestamp, chosen: &Filter) -> Passed {
        self.try_pass_of(relay, at, chosen).unwrap_or_else(|error| panic!("{error:#}"))
    }

    pub(super) fn try_pass(&mut self, relay: &Relay, at: Timestamp) -> anyhow::Result<Passed> {
        self.try_pass_of(relay, at, &Filter::default())
    }

    fn try_pass_of(&mut self, relay: &Relay, at: Timestamp, chosen: &Filter) -> anyhow::Result<Passed> {
        self.rig.stop();
        self.rig.config.mail.smtp.port = relay.port();
        let before = relay.accepted().len();
        let passed = self.one_pass(at, chosen);
        self.taken.extend(relay.accepted().split_off(before).into_iter().map(|mail| (at, mail)));
        if passed.is_ok() {
            self.rig.keep(at);
        }
        self.rig.stop();
        passed
    }

    fn one_pass(&mut self, at: Timestamp, filter: &Filter) -> anyhow::Result<Passed> {
        let (snapshot, store) = self.rig.running(at);
        let observer = LogObserver { at, log: RefCell::default() };
        let outcome = rig::send_observed(snapshot, store, at, filter, &observer)?;
        Ok(Passed {
            guards: outcome.blocks.iter().map(|block| block.kind).collect(),
            recovered: outcome.recovered,
            reconciled: outcome.reconciled,
            delivered: outcome.delivered,
            said: observer.log.into_inner(),
        })
    }

    /// A pass with a transport the test supplies; its mails are not recorded as
    /// accepted.
    pub(super) fn pass_by(&mut self, transport: &Transport, at: Timestamp) -> DeliverySummary {
        self.rig.stop();
        let (world, store) = self.rig.running(at);
        decide::enqueue(world, store, at, &Filter::default(), &mut |_, _, _| {}).expect("booked");
        self.rig.stop();
        let delivered = self.hand_over(transport, at, None);
        self.rig.stop();
        delivered
    }

    /// Sends what is enqueued and enqueues nothing; optionally the first mails
    /// of each mailing before the rest.
    pub(super) fn hand_over(
        &mut self,
        transport: &Transport,
        at: Timestamp,
        wave: Option<(u32, TimeDelta)>,
    ) -> DeliverySummary {
        self.hand_over_until(transport, at, wave, &|_| false)
    }

    /// The same, with a request to stop after this many mails.
    pub(super) fn hand_over_until(
        &mut self,
        transport: &Transport,
        at: Timestamp,
        wave: Option<(u32, TimeDelta)>,
        stop: &dyn Fn(usize) -> bool,
    ) -> DeliverySummary {
        let mails = Cell::new(0);
        let (world, store) = self.rig.running(at);
        let mut begun = startup::start_sender(store, &world.config, at).expect("begun");
        let keys = &world.stored.as_ref().expect("a database").keys;
        let mut everything = SendFilter::default();
        let hooks = DeliveryHooks {
            filter: &mut everything,
            now: &|| at,
            on_sent: &mut || mails.set(mails.get() + 1),
            log: &mut |_| {},
            should_stop: &|| stop(mails.get()),
            is_final: &|| stop(mails.get()),
        };
        let builder = MessageBuilder::of(world);
        let sender = MailSender { transport, builder: &builder, keys, rollout: wave };
        let delivered = sender.deliver(store, begun.journal.as_mut(), hooks);
        delivered.expect("well")
    }

    /// Passes at these times, to a relay without faults.
    pub(super) fn good_passes(&mut self, times: impl IntoIterator<Item = Timestamp>) {
        let relay = Relay::start(Script::default());
        for at in times {
            self.pass(&relay, at);
        }
    }

    /// Has each of this many people this many settled deliveries?
    pub(super) fn is_complete(&self, people: usize, mails: usize) -> bool {
        let rows = self.rows();
        (1..=people).map(|n| format!("p{n:03}")).all(|person| {
            let theirs = rows.iter().filter(|row| row.person == person);
            theirs.filter(|row| row.state.is_settled()).count() == mails
        })
    }

    /// Half past eight on this many days from a date.
    pub(super) fn mornings(&self, from: &str, days: i64) -> Vec<Timestamp> {
        let first = self.at(&format!("{from} 08:30"));
        (0..days).map(|day| first + TimeDelta::days(day)).collect()
    }

    pub(super) fn database(&self) -> PathBuf {
        self.rig.path("journey.db")
    }

    /// A direct connection to the database.
    pub(super) fn connect(&self) -> Connection {
        Connection::open(self.database()).expect("a database")
    }

    /// Every delivery, in the order they were enqueued.
    pub(super) fn rows(&self) -> Vec<Row> {
        let database = self.connect();
        let sql = "SELECT delivery.id, employee_id, journey, step, state, message_id, attempts,
                          coalesce(reply, '')
                   FROM delivery JOIN enrolment ON enrolment.id = enrolment_id
                   JOIN person ON person.id = person_id ORDER BY delivery.id";
        let mut statement = database.prepare(sql).expect("a statement");
        let row = |row: &rusqlite::Row<'_>| {
            let (journey, step): (String, String) = (row.get(2)?, row.get(3)?);
            Ok(Row {
                number: row.get(0)?,
                person: row.get(1)?,
                step: format!("{journey}/{step}"),
                state: State::parse(&row.get::<_, String>(4)?).expect("a state"),
                message_id: row.get(5)?,
                attempts: row.get(6)?,
                reply: row.get(7)?,
            })
        };
        statement.query_map([], row).expect("rows").map(|row| row.expect("a row")).collect()
    }

    /// The delivery of a step to a person.
    pub(super) fn row(&self, person: &str, step: &str) -> Row {
        let found = self.rows().into_iter().find(|row| row.person == person && row.step == step);
        found.unwrap_or_else(|| panic!("{step} is not booked for {person}"))
    }

    /// How many deliveries are in each state: `held 1, sent 47`.
    pub(super) fn states(&self) -> String {
        let mut states: BTreeMap<&str, usize> = BTreeMap::new();
        for row in self.rows() {
            *states.entry(row.state.as_str()).or_default() += 1;
        }
        let told: Vec<String> = states.into_iter().map(|(state, n)| format!("{state} {n}")).collect();
        told.join(", ")
    }

    /// How many deliveries are in flight: a worker has begun them, and they have no
    /// outcome.
    pub(super) fn in_flight(&self) -> usize {
        let sql = "SELECT count(*) FROM in_flight JOIN delivery ON delivery.id = delivery_id
                   WHERE settled_at IS NULL";
        let found: u32 = self.connect().query_row(sql, [], |row| row.get(0)).expect("a number");
        usize::try_from(found).expect("it fits")
    }

    /// How often mails to a person were accepted.
    pub(super) fn copies(&self, person: &str) -> usize {
        self.taken.iter().filter(|(_, mail)| mail.to.starts_with(person)).count()
    }

    /// Resolves a mail in doubt, as `journey resolve` does.
    pub(super) fn resolve(&mut self, at: Timestamp, row: &Row, sent: bool) {
        let (_, store) = self.rig.running(at);
        let resolved = Transition::new(row.number, row.state, DeliveryEvent::Resolved { sent });
        assert_eq!(store.write(&[resolved], at).expect("written"), [true]);
        if sent {
            self.found.insert(row.message_id.clone());
        }
        self.rig.stop();
    }

    /// The text of the one block that keeps the database from sending.
    pub(super) fn guard_says(&mut self, at: Timestamp) -> String {
        let guards = self.rig.store(at).send_blocks().expect("guards");
        self.rig.stop();
        let [guard] = &guards[..] else { panic!("one: {guards:?}") };
        guard.message.clone()
    }

    /// Releases the block that keeps the database from sending.
    pub(super) fn release(&mut self, at: Timestamp) {
        let database = self.database();
        let (_, store) = self.rig.running(at);
        let guards: Vec<SendBlock> = store.send_blocks().expect("guards");
        assert!(!guards.is_empty());
        startup::release(store, &database, &guards, at).expect("released");
        self.rig.stop();
    }

    /// An event that records a decision while a pass runs.
    pub(super) fn decides(&self, at: Timestamp, change: Change) -> Happens {
        let database = self.database();
        Arc::new(move || {
            let mut other = Store::open(&database, at, || [7; 32]).expect("a database");
            other.record_decision(&change, &act(at), "so", "otherwise").expect("decided");
        })
    }

    /// An event that copies the files as they are at that moment.
    pub(super) fn copies_to(&self, files: &Files) -> Happens {
        let (database, files) = (self.database(), files.clone());
        Arc::new(move || {
            // An open read transaction keeps the WAL from being restarted
            // meanwhile.
            let reader = Connection::open(&database).expect("a database");
            reader.execute_batch("BEGIN; SELECT count(*) FROM instance;").expect("a reader");
            let folder = database.parent().expect("a folder");
            let read = |name: &'static str| Some((name, fs::read(folder.join(name)).ok()?));
            *files.0.lock().expect("nobody panics") = FILES.into_iter().filter_map(read).collect();
            reader.execute_batch("COMMIT").expect("read");
        })
    }

    /// Restores all files.
    pub(super) fn put_back(&mut self, files: &Files) {
        self.put_back_only(files, &FILES);
    }

    /// Restores the database alone; the journal stays.
    pub(super) fn put_back_the_database(&mut self, files: &Files) {
        self.put_back_only(files, &FILES[1..]);
    }

    fn put_back_only(&mut self, files: &Files, names: &[&'static str]) {
        self.rig.stop();
        let files = files.0.lock().expect("nobody panics");
        assert!(files.contains_key("journey.db"), "a copy was made");
        let _ = fs::remove_file(self.rig.path("journey.db-shm"));
        for name in names {
            let path = self.rig.path(name);
            let _ = fs::remove_file(&path);
            if let Some(bytes) = files.get(name) {
                fs::write(path, bytes).expect("put back");
            }
        }
    }

    /// Asserts what must be true at any time: the delivery guarantees, with at
    /// most this many copies at the relays.
    pub(super) fn check_delivery_guarantees(&mut self, most_copies: usize) -> Result<(), String> {
        let rows = self.rows();
        let by_id: BTreeMap<&str, &Row> = rows.iter().map(|row| (&*row.message_id, row)).collect();
        let keys: BTreeSet<(&str, &str)> = rows.iter().map(|row| (&*row.person, &*row.step)).collect();
        is(keys.len() == rows.len(), || "two deliveries with the same key".to_owned())?;
        let mut first: BTreeMap<&str, (Timestamp, &Accepted, usize)> = BTreeMap::new();
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for (at, mail) in &self.taken {
            let civil = self.rig.zone.civil(*at);
            let open = (7..17).contains(&civil.hour()) && civil.weekday().num_days_from_monday() < 5;
            is(open, || format!("outside the send window: {} at {civil}", mail.message_id))?;
            let row = by_id.get(&*mail.message_id);
            let row = row.ok_or_else(|| format!("{} is not booked", mail.message_id))?;
            is(mail.to.split('@').next() == Some(&row.person), || {
                format!("wrong recipient: {row:?} to {}", mail.to)
            })?;
            let (_, copy, copies) = first.entry(&mail.message_id).or_insert((*at, mail, 0));
            *copies += 1;
            is(copy.bytes == mail.bytes, || format!("copies of {row:?} differ"))?;
            is(*copies <= 2, || format!("sent {copies} times: {row:?}"))?;
            told.extend(mail.told.then_some(&*mail.message_id));
        }
        let copies = self.taken.len() - first.len();
        is(copies <= most_copies, || format!("{copies} copies, at most {most_copies}"))?;
        for row in &rows {
            let known = told.contains(&*row.message_id) || self.found.contains(&row.message_id);
            is(row.state != State::Sent || known, || format!("sent, but never accepted: {row:?}"))?;
        }
        let mut last: BTreeMap<&str, Timestamp> = BTreeMap::new();
        let mut places: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (at, mail) in &self.taken {
            if !seen.insert(&*mail.message_id) {
                continue;
            }
            let row = by_id[&*mail.message_id];
            if let Some(before) = last.insert(&row.person, *at) {
                let apart = *at - before;
                is(apart >= TimeDelta::hours(20), || {
                    format!("gap too short: {row:?} {apart} after the last")
                })?;
            }
            // Step names are chosen so that alphabetical order is their order.
            let (journey, step) = row.step.split_once('/').expect("a name");
            if let Some(before) = places.insert((&row.person, journey), step) {
                is(before < step, || format!("steps out of order: {row:?} after {before}"))?;
            }
        }
        let sent = rows.iter().filter(|row| row.state == State::Sent).map(|row| row.message_id.clone());
        let sent: BTreeSet<String> = sent.collect();
        let lost: Vec<&String> = self.sent.difference(&sent).collect();
        is(lost.is_empty(), || format!("no longer sent: {lost:?}"))?;
        self.sent = sent;
        Ok(())
    }
}

fn is(kept: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if kept { Ok(()) } else { Err(otherwise()) }
}

/// Keeps what is reported to the operator.
struct LogObserver {
    at: Timestamp,
    log: RefCell<Vec<String>>,
}

impl Observer for LogObserver {
    fn now(&self) -> Timestamp {
        self.at
    }

    fn should_stop(&self) -> bool {
        false
    }

    fn log(&self, message: String) {
        self.log.borrow_mut().push(message);
    }
}
