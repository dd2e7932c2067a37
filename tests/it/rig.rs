//! A programme in its own folder with its database and outbox, driven through
//! the engine the way the commands drive it. For tests of many passes; the
//! caller supplies the time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDateTime;
use journey::config::Config;
use journey::content;
use journey::domain::answer::{StoredAnswer, ValidAnswer};
use journey::domain::change::{Change, ChangeAuthor};
use journey::domain::delivery::state::State;
use journey::domain::diagnostic::Diagnostic;
use journey::domain::model::ids::{PersonId, StepName};
use journey::domain::time::timezone::{TimeZone, Timestamp};
use journey::engine::load::active_content::ActiveContent;
use journey::engine::load::snapshot::{LoadScope, Snapshot};
use journey::engine::plan::decide;
use journey::engine::plan::pass::{DueEmail, Filter, Pass};
use journey::engine::send::run::{Observer, RunOutcome, SendRun, Trigger};
use journey::engine::{import, message, status, transport};
use journey::store::{DecidedPerson, NewDelivery, Store};

/// A programme folder and the state the test has reached in it.
pub(crate) struct Rig {
    home: tempfile::TempDir,
    pub(crate) config: Config,
    pub(crate) zone: TimeZone,
    running: Option<Running>,
    /// The content that was compiled last, because most tests start again and
    /// again with the same, and compiling takes longer than all the rest.
    compiled: RefCell<Option<Compiled>>,
    /// Files of the outbox that [`Rig::new_letters`] has already returned.
    seen: HashSet<PathBuf>,
}

/// The open database and the state loaded from it and the files.
struct Running {
    store: Store,
    world: Snapshot,
}

/// Content without errors, and what it was compiled from.
struct Compiled {
    content: Arc<ActiveContent>,
    /// The warnings of the files.
    faults: Vec<Diagnostic>,
}

/// A mail that is sent, or would be in a dry run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leaving {
    pub(crate) person: String,
    /// `<journey>/<step>`
    pub(crate) step: String,
    pub(crate) round: u16,
    pub(crate) slot: Timestamp,
    pub(crate) subject: String,
    /// `None` before people are imported: people have no number yet.
    pub(crate) message_id: Option<String>,
}

/// A mail written as a file into the outbox.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// Path below the outbox.
    pub(crate) name: String,
    pub(crate) to: String,
    pub(crate) message_id: String,
    pub(crate) date: Timestamp,
    /// When the test found it; its `Date` header is when it was enqueued.
    pub(crate) found: Timestamp,
    pub(crate) text: String,
}

impl Rig {
    /// A programme of these files, given as path below its folder and text.
    pub(crate) fn of(files: &[(&str, &str)]) -> Rig {
        let home = room();
        for (path, text) in files {
            write(&home.path().join(path), text);
        }
        Rig::at_home(home)
    }

    /// A copy of the sample.
    pub(crate) fn sample() -> Rig {
        let home = room();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["config.toml", "people.csv"] {
            fs::copy(root.join(name), home.path().join(name)).expect("a copy");
        }
        copy(&root.join("content"), &home.path().join("content"));
        Rig::at_home(home)
    }

    fn at_home(home: tempfile::TempDir) -> Rig {
        let file = home.path().join("config.toml");
        let config = Config::load(Some(&file), &BTreeMap::new()).expect("a configuration");
        let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
        Rig { home, config, zone, running: None, compiled: RefCell::new(None), seen: HashSet::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// An instant from local time in the programme's zone: `2026-12-01 08:30`.
    pub(crate) fn at(&self, civil: &str) -> Timestamp {
        self.zone.local_to_instant(NaiveDateTime::parse_from_str(civil, "%Y-%m-%d %H:%M").expect("a time"))
    }

    /// Writes a file; the next pass reads the content again.
    pub(crate) fn write(&mut self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        fs::remove_file(self.path(name)).expect("there is one");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Edits a file; panics if the text to replace is not in it.
    pub(crate) fn edit(&mut self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has {from:?}:\n{text}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// What would be sent, from the files on disk alone, without writing.
    pub(crate) fn dry_run(&self, at: Timestamp, selection: &Filter) -> Vec<Leaving> {
        let world = self.look(at);
        let pass = Pass::at(&world, at, selection);
        sorted(&world, &pass.send)
    }

    /// The next instant at which something may be due, as `status` reports it.
    pub(crate) fn next_wake(&mut self, at: Timestamp) -> Option<Timestamp> {
        match &self.running {
            Some(running) => status::status(&running.world, status::DatabaseStatus::default(), at).next_wake,
            None => status::status(&self.look(at), status::DatabaseStatus::default(), at).next_wake,
        }
    }

    /// The state as a read-only command loads it.
    pub(crate) fn look(&self, at: Timestamp) -> Snapshot {
        let content = self.content(at);
        Snapshot::open(self.config.clone(), content).expect("a world")
    }

    /// The active content, compiled again if anything in the folder changed.
    fn content(&self, at: Timestamp) -> Arc<ActiveContent> {
        let loaded = content::load(&self.path("content"), at.naive_utc().date());
        let mut compiled = self.compiled.borrow_mut();
        let same = compiled.as_ref().filter(|known| {
            loaded.library.as_ref().is_some_and(|library| library.hash == known.content.library.hash)
                && loaded.faults == known.faults
        });
        if let Some(known) = same {
            return known.content.clone();
        }
        let read = ActiveContent::read(&self.config, at).expect("content, or what was kept of it");
        let content = Arc::new(read);
        *compiled =
            content.broken.is_empty().then(|| Compiled { content: content.clone(), faults: loaded.faults });
        content
    }

    /// The loaded state and the database, created and filled as writing
    /// commands do.
    pub(crate) fn running(&mut self, at: Timestamp) -> (&mut Snapshot, &mut Store) {
        if self.running.is_none() {
            let content = self.content(at);
            let mut store = Store::open(&self.config.database, at, || [7; 32]).expect("a database");
            let act = act(at);
            import::import_first(&self.config, &content.library, &mut store, &act).expect("people");
            self.running = Some(in_force(self.config.clone(), content, store, at));
        }
        let running = self.running.as_mut().expect("it is running");
        (&mut running.world, &mut running.store)
    }

    /// Simulates the end of the process: all in-memory state is dropped.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Reloads the content folder; true if the new content is active.
    pub(crate) fn reload(&mut self, at: Timestamp) -> bool {
        self.running(at);
        let Running { store, .. } = self.running.take().expect("it is running");
        let content = self.content(at);
        let fine = content.broken.is_empty();
        self.running = Some(in_force(self.config.clone(), content, store, at));
        self.keep(at);
        fine
    }

    /// Sends everything that is due; returns those mails and records their
    /// files.
    pub(crate) fn send(&mut self, at: Timestamp) -> Vec<Leaving> {
        self.send_only(at, &Filter::default())
    }

    /// As `journey send --only … --limit …`.
    pub(crate) fn send_only(&mut self, at: Timestamp, selection: &Filter) -> Vec<Leaving> {
        self.running(at);
        let Running { store, world } = self.running.as_mut().expect("it is running");
        let mut left = Vec::new();
        let enqueued = |snapshot: &Snapshot, pass: &Pass<'_>| left.extend(sorted(snapshot, &pass.send));
        send(world, store, at, selection, enqueued, || {}).expect("a run");
        left.sort();
        self.keep(at);
        left
    }

    /// Enqueues everything that is due and writes no file, as a process that is
    /// killed in between. Returns the number of mails.
    pub(crate) fn book_only(&mut self, at: Timestamp) -> usize {
        self.running(at);
        let Running { store, world } = self.running.as_mut().expect("it is running");
        store.recover(at, at).expect("a run");
        let pass = Pass::at(world, at, &Filter::default());
        let number = store.next_delivery().expect("a number");
        let booking = |(due, number): (&DueEmail<'_>, i64)| NewDelivery {
            number,
            person: due.number.expect("a number"),
            step: StepName { journey: due.journey.slug.clone(), step: due.step.slug.clone() },
            round: due.round,
            slot: due.slot,
            content: due.step.hash,
            message_id: message::message_id(world, due, due.round).expect("a name"),
            expires: due.expires,
        };
        let bookings: Vec<NewDelivery> = pass.send.iter().zip(number..).map(booking).collect();
        book(store, &bookings, at);
        bookings.len()
    }

    /// Records a decision.
    pub(crate) fn decide(&mut self, at: Timestamp, change: &Change) {
        self.decide_all(at, std::slice::from_ref(change));
    }

    /// Records several decisions of one instant.
    pub(crate) fn decide_all(&mut self, at: Timestamp, changes: &[Change]) {
        let (_, store) = self.running(at);
        for change in changes {
            store.record_decision(change, &act(at), "so", "otherwise").expect("it is written down");
        }
        if !changes.is_empty() {
            self.keep(at);
        }
    }

    pub(crate) fn store(&mut self, at: Timestamp) -> &Store {
        self.running(at).1
    }

    /// Imports a people file without the limit on how many may leave at once.
    pub(crate) fn import(&mut self, at: Timestamp, file: &str) {
        let file = self.path(file);
        self.running(at);
        let Running { store, world } = self.running.as_mut().expect("it is running");
        let reading = import::read(&world.config, &file, &world.content.library);
        let roster = reading.roster.unwrap_or_else(|| panic!("people: {:?}", reading.faults));
        let import = import::diff_with(store, &roster).expect("people");
        let seen = store.data_version().expect("it can be read");
        store.import(&import, &world.content.library, seen, &act(at)).expect("it is written down");
        self.keep(at);
    }

    /// Reloads everything and updates all positions.
    pub(crate) fn keep(&mut self, at: Timestamp) {
        let Running { store, world } = self.running.as_mut().expect("it is running");
        decide::update(world, store, at).expect("positions");
        world.refresh(store).expect("the world");
    }

    /// The mails written since the last call.
    pub(crate) fn new_letters(&mut self) -> Vec<Letter> {
        let mut names = BTreeSet::new();
        let outbox = self.path("outbox");
        for day in fs::read_dir(&outbox).into_iter().flatten().flatten() {
            for file in fs::read_dir(day.path()).expect("a folder").flatten() {
                names.insert(file.path());
            }
        }
        let new: Vec<PathBuf> = names.into_iter().filter(|path| self.seen.insert(path.clone())).collect();
        new.iter().map(|path| Letter::read(&outbox, path)).collect()
    }

    /// The deliveries enqueued at an instant; panics unless all have been
    /// handed over.
    pub(crate) fn booked(&mut self, at: Timestamp) -> Vec<(String, String, u16, Timestamp, String)> {
        let (world, store) = self.running(at);
        let mut booked = Vec::new();
        for person in &world.roster.people {
            for (delivery, _) in store.deliveries_to(&person.id).expect("deliveries") {
                if delivery.booked == at {
                    assert_eq!(delivery.state, State::Sent);
                    let (person, step) = (delivery.person.to_string(), delivery.step.to_string());
                    booked.push((person, step, delivery.round, delivery.slot, delivery.message_id));
                }
            }
        }
        booked.sort();
        booked
    }
}

/// An answer to a question.
pub(crate) fn answer(person: PersonId, step: StepName, question: &str, content: StoredAnswer) -> Change {
    let mut id = [0_u8; 16];
    // Different for each answer, and the same in each run.
    let name = format!("{person} {step} {question}");
    name.bytes()
        .enumerate()
        .for_each(|(n, byte)| id[n % 16] = id[n % 16].wrapping_mul(31).wrapping_add(byte));
    let answer = ValidAnswer { question: question.to_owned(), content, answers_step: true };
    Change::Answer { person, step, answer, id, week: "2026-W49".to_owned() }
}

/// The answer *done* to a step as a whole.
pub(crate) fn done(person: PersonId, step: StepName) -> Change {
    answer(person, step, "done", StoredAnswer::Counted(1))
}

/// Enqueues mails, as decisions for their recipients do.
pub(crate) fn book(store: &mut Store, bookings: &[NewDelivery], at: Timestamp) {
    let decided = |mail: &NewDelivery| DecidedPerson {
        person: mail.person,
        revision: store.mark_of(mail.person).expect("a mark"),
        mail: Some(mail.clone()),
        positions: Vec::new(),
    };
    let decided: Vec<DecidedPerson> = bookings.iter().map(decided).collect();
    let stored = store.record_decisions(&decided, &[], at).expect("it is booked");
    assert!(stored.iter().all(|stored| *stored), "nobody else writes");
}

/// Runs as `journey send` does, with configuration and content of a snapshot; `enqueued` is called for each batch that
/// is enqueued, `sent` after each mail.
pub(crate) fn send(
    snapshot: &Snapshot,
    store: &mut Store,
    at: Timestamp,
    filter: &Filter,
    enqueued: impl FnMut(&Snapshot, &Pass<'_>),
    sent: impl FnMut(),
) -> anyhow::Result<RunOutcome> {
    let observer = CallbackObserver { at, enqueued: RefCell::new(enqueued), sent: RefCell::new(sent) };
    send_observed(snapshot, store, at, filter, &observer)
}

/// The same with an observer.
pub(crate) fn send_observed(
    snapshot: &Snapshot,
    store: &mut Store,
    at: Timestamp,
    filter: &Filter,
    observer: &dyn Observer,
) -> anyhow::Result<RunOutcome> {
    let transport = transport::from_config(&snapshot.config)?;
    let run = SendRun {
        config: snapshot.config.clone(),
        content: snapshot.content.clone(),
        transport: &transport,
        at,
        trigger: Trigger::Command(filter.clone()),
        batch_size: snapshot.batch_size,
        observer,
    };
    run.execute(store)
}

struct CallbackObserver<E, S> {
    at: Timestamp,
    enqueued: RefCell<E>,
    sent: RefCell<S>,
}

impl<E: FnMut(&Snapshot, &Pass<'_>), S: FnMut()> Observer for CallbackObserver<E, S> {
    fn now(&self) -> Timestamp {
        self.at
    }

    fn should_stop(&self) -> bool {
        false
    }

    fn enqueued(&self, snapshot: &Snapshot, pass: &Pass<'_>, _: &[i64]) {
        (self.enqueued.borrow_mut())(snapshot, pass);
    }

    fn sent(&self) {
        (self.sent.borrow_mut())();
    }

    fn log(&self, message: String) {
        panic!("{message}");
    }
}

impl Letter {
    fn read(outbox: &Path, path: &Path) -> Letter {
        let text = fs::read_to_string(path).expect("a mail");
        let head = text.split("\r\n\r\n").next().expect("a head").replace("\r\n ", " ");
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_else(|| panic!("{name} in {}", path.display())).to_owned()
        };
        let to = header("To");
        let address = to.rsplit('<').next().expect("an address").trim_end_matches('>').to_owned();
        let date = chrono::DateTime::parse_from_rfc2822(&header("Date")).expect("a date").to_utc();
        Letter {
            name: path.strip_prefix(outbox).expect("below").to_string_lossy().into_owned(),
            to: address,
            message_id: header("Message-ID"),
            date,
            found: date,
            text,
        }
    }
}

fn in_force(config: Config, content: Arc<ActiveContent>, mut store: Store, at: Timestamp) -> Running {
    let mut world = Snapshot::of(config, content, &store, LoadScope::All).expect("a world");
    // Small batches, so that every test crosses batch boundaries.
    world.batch_size = 1 + world.roster.people.len() / 3;
    if world.content.broken.is_empty() {
        let files = world.content.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        store.save_content(world.content.library.hash, files, &[], at).expect("it is kept");
    }
    Running { store, world }
}

fn sorted(world: &Snapshot, due: &[DueEmail<'_>]) -> Vec<Leaving> {
    let leaving = |due: &DueEmail<'_>| Leaving {
        person: due.person.id.to_string(),
        step: format!("{}/{}", due.journey.slug, due.step.slug),
        round: due.round,
        slot: due.slot,
        subject: due.subject.clone(),
        message_id: message::message_id(world, due, due.round),
    };
    let mut all: Vec<Leaving> = due.iter().map(leaving).collect();
    all.sort();
    all
}

fn act(at: Timestamp) -> ChangeAuthor {
    ChangeAuthor { at, by: "Eva Lind".to_owned(), why: Some("a test".to_owned()) }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("it can be written");
}

/// A temporary folder, in memory where the system offers that, because every
/// pass waits for fsync.
fn room() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// Copies a folder recursively.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}
