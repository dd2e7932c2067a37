//! The daemon: plans, delivers, and sleeps until something may be due, at most
//! a minute. It does the same as repeated runs of `journey send`, and sends
//! nothing while a send block is active. `cli/daemon` starts it; [`run()`] is its
//! loop.

mod file_watcher;
mod panic_limit;
mod tzdata;
mod watchdog;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sd_notify::NotifyState;

use crate::clock::{self, Stopwatch};
use crate::config::Config;
use crate::daemon::file_watcher::Watch;
use crate::daemon::panic_limit::Deaths;
pub(crate) use crate::daemon::panic_limit::EndedAgain;
use crate::daemon::tzdata::OlderZones;
use crate::daemon::watchdog::Heart;
use crate::domain::change::ChangeAuthor;
use crate::domain::delivery::send_block::{self, BlockKind, Clocks, SendBlock};
use crate::domain::delivery::state::State;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::time::timezone::Timestamp;
use crate::engine::deliver::{Chosen, Delivered, Hooks};
use crate::engine::import;
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::snapshot::{LoadScope, Snapshot};
use crate::engine::message::Desk;
use crate::engine::plan::pass::{Pass, Selection};
use crate::engine::plan::positions;
use crate::engine::post::{self, MailSender};
use crate::engine::send::run;
use crate::engine::send::startup;
use crate::engine::tokens::Keys;
use crate::failpoint;
use crate::mail::transport::Transport;
use crate::store::{DataVersion, Store, StoreError, WAL_WARN_BYTES};

/// Longest sleep: correctness never depends on being woken.
const LOOK_AROUND: Duration = Duration::from_secs(60);
/// Longest delivery run before the watchdog is no longer pinged. Each step of
/// an SMTP conversation has its own timeout, so longer means a hang that only a
/// restart repairs.
const HANGS: Duration = Duration::from_secs(2 * 60 * 60);
/// Interval of polling the database for changes of other processes.
const DOZE: Duration = Duration::from_secs(1);
/// Interval of WAL checkpoints.
const CHECKPOINT: Duration = Duration::from_secs(15 * 60);
/// Retry interval while the disk is full.
const FULL: TimeDelta = TimeDelta::seconds(10);
/// Retention of stored messages whose result is known.
const KEPT: TimeDelta = TimeDelta::days(7);

/// Control from outside, polled by the daemon.
pub(crate) struct Asked<'a> {
    /// Stop was requested.
    pub(crate) stop: &'a dyn Fn() -> bool,
    /// Reload was requested.
    pub(crate) must_reload: &'a dyn Fn() -> bool,
    /// Like `must_reload`, and resets the request.
    pub(crate) reload: &'a dyn Fn() -> bool,
    /// Reads the configuration.
    pub(crate) config: &'a dyn Fn() -> Result<Config, Vec<Diagnostic>>,
}

/// State of the running daemon.
struct Daemon<'a> {
    asked: Asked<'a>,
    say: &'a mut dyn FnMut(&str),
    store: Store,
    config: Arc<Config>,
    content: Arc<ActiveContent>,
    transport: Transport,
    keys: Keys,
    /// The last reading at which both clocks were plausible.
    anchor: Option<Clocks>,
    /// The clock is implausible and the block for it was stored. If the block is
    /// gone, an operator released it.
    clock_is_wrong: bool,
    /// The last message of a lasting condition, to log it once.
    said: String,
    content_watch: Watch,
    people_watch: Watch,
    deaths: Deaths,
    /// Positions planned with older time zone data, until they are recomputed.
    older_zones: Option<OlderZones>,
    /// When the WAL was last checkpointed.
    log_seen: Option<Stopwatch>,
    heart: Heart,
    /// Whether the check for a long outage is still to be made.
    is_first: bool,
}

/// Runs until a stop is requested. The caller must hold the lock. An error
/// means that the database cannot be read or written; systemd restarts the
/// process and nothing is lost.
pub(crate) fn run(
    config: Arc<Config>,
    content: Arc<ActiveContent>,
    store: Store,
    asked: Asked<'_>,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let keys = Keys::new(&store.secret()?);
    let transport = post::transport(&config)?;
    let content_watch = Watch::of(&config.content);
    // The file may have changed while the daemon was not running.
    let people_watch = Watch::anew(&config.people.file);
    let older_zones = OlderZones::read(&store)?;
    let mut daemon = Daemon {
        asked,
        say,
        store,
        content,
        transport,
        keys,
        anchor: None,
        clock_is_wrong: false,
        said: String::new(),
        content_watch,
        people_watch,
        deaths: Deaths::default(),
        older_zones,
        log_seen: None,
        heart: Heart::start(),
        is_first: true,
        config,
    };
    notify(&[NotifyState::Ready]);
    (daemon.say)("ready");
    while !(daemon.asked.stop)() {
        match daemon.turn() {
            Ok((again, seen)) => daemon.sleep_until(again, seen)?,
            // Another process writes, a backup for example: try again until it is done.
            Err(error) if matches!(error.downcast_ref(), Some(StoreError::Busy)) => {
                daemon.say_once("somebody else has been writing for 5 s; nothing leaves meanwhile");
            }
            // Nothing is sent that cannot be recorded. What was sent is read from the send
            // journal once there is space again.
            Err(error) if is_full(&error) => {
                daemon.say_once(&format!("{error:#}; nothing leaves until there is room"));
                daemon.sleep_until(daemon.now() + FULL, daemon.store.data_version()?)?;
            }
            Err(error) => return Err(error),
        }
    }
    notify(&[NotifyState::Stopping]);
    let states = daemon.store.deliveries_by_state()?;
    let nobody_knows = states.iter().filter(|(state, _)| matches!(state, State::InDoubt | State::InFlight));
    (daemon.say)(&format!("stopped: {} unknown", nobody_knows.map(|(_, n)| n).sum::<u64>()));
    Ok(())
}

/// Whether the cause is a full disk.
fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let of_file = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(cause.downcast_ref(), Some(StoreError::DiskFull))
            || of_file == Some(io::ErrorKind::StorageFull)
    })
}

/// Notifies systemd, if it started this process.
fn notify(state: &[NotifyState<'_>]) {
    // A missing systemd is not an error.
    let _ = sd_notify::notify(state);
}

impl Daemon<'_> {
    /// One iteration: check, plan, deliver. Returns the latest time of the next
    /// one, and the database version it began with, so that writes during the
    /// iteration are noticed.
    fn turn(&mut self) -> anyhow::Result<(Timestamp, DataVersion)> {
        self.heart.beat();
        let seen = self.store.data_version()?;
        self.look_at_the_clock(clock::both())?;
        if (self.asked.reload)() {
            failpoint::at("daemon.reload")?;
            self.reload(true);
        } else if self.config.daemon.watch_content && self.content_watch.has_changed() {
            self.reload(false);
        }
        // Do not import with a wrong clock: dates of joining would be wrong.
        let imports = self.config.daemon.import_people && !self.clock_is_wrong;
        if imports && self.people_watch.has_changed() {
            let imported = failpoint::at("daemon.import").map_err(Into::into).and_then(|()| self.import());
            if imported.is_err() {
                self.people_watch.forget();
            }
            imported?;
        }
        let now = self.now();
        let begun = startup::begin(&mut self.store, &self.config, now)?;
        let recovered = begun.recovered;
        if recovered.returned + recovered.in_doubt + recovered.held + begun.reconciled.arrived > 0 {
            let (arrived, again) = (begun.reconciled.arrived, now + self.config.mail.in_doubt_wait);
            (self.say)(&format!(
                "recovered: {} claimed returned, {} known from the send journal, {} unknown (re-sent identically after {}), {} for somebody to resolve",
                recovered.returned,
                arrived,
                recovered.in_doubt,
                again.format("%Y-%m-%dT%H:%M:%SZ"),
                recovered.held
            ));
        }
        let mut guards = self.store.send_blocks()?;
        if guards.is_empty() {
            guards = self.plan(now)?;
        }
        if !guards.is_empty() {
            let words: Vec<&str> = guards.iter().map(|guard| guard.message.as_str()).collect();
            self.say_once(&format!("held: {}", words.join("; ")));
            return Ok((now + TimeDelta::minutes(1), seen));
        }
        let mut journal = begun.journal;
        let again = self.deliver(journal.as_mut(), now)?;
        self.store.set_clock(self.now())?;
        self.store.forget_bytes(now - KEPT)?;
        self.look_at_the_log()?;
        Ok((again, seen))
    }

    /// Checkpoints the WAL from time to time. A WAL that keeps growing is reported,
    /// and does not stop sending.
    fn look_at_the_log(&mut self) -> anyhow::Result<()> {
        if self.log_seen.is_some_and(|seen| seen.elapsed() < CHECKPOINT) {
            return Ok(());
        }
        self.log_seen = Some(Stopwatch::start());
        let log = self.store.checkpoint()?;
        if log > WAL_WARN_BYTES {
            (self.say)(&format!(
                "the log of the database has grown to {} MB: somebody reads it without end; close each `sqlite3` shell, and stop copies that hang",
                log / 1_000_000
            ));
        }
        Ok(())
    }

    /// The time derived from the last plausible clock reading and the monotonic
    /// clock. A clock that is set in between is checked before it counts, so no
    /// mail is sent or expires by a jump.
    fn now(&self) -> Timestamp {
        time_since(self.anchor)
    }

    /// Checks the clock. A block is stored until the clock is plausible again.
    fn look_at_the_clock(&mut self, now: Clocks) -> anyhow::Result<()> {
        let held = self.store.send_blocks()?.iter().any(|guard| guard.kind == BlockKind::Clock);
        let seen = self.store.clock()?;
        match send_block::check_clock(now, seen, self.anchor) {
            Ok(()) => {
                (self.anchor, self.clock_is_wrong) = (Some(now), false);
                if held {
                    self.store.release_send_block(BlockKind::Clock, now.wall)?;
                    (self.say)("the system clock is right again");
                }
            }
            Err(message) if held || !self.clock_is_wrong => {
                self.store.add_send_block(&SendBlock { kind: BlockKind::Clock, at: now.wall, message })?;
                self.clock_is_wrong = true;
            }
            // An operator released the block, so the clock is right.
            Err(_) => (self.anchor, self.clock_is_wrong) = (Some(now), false),
        }
        Ok(())
    }

    /// Enqueues what is due. Does nothing if no position is due. Returns the blocks
    /// that prevent it.
    fn plan(&mut self, now: Timestamp) -> anyhow::Result<Vec<SendBlock>> {
        let asked = positions::to_ask(&self.config, &self.content.library, &self.store, now)?;
        if asked.is_some_and(|people| people.is_empty()) {
            self.is_first = false;
            return Ok(Vec::new());
        }
        let (config, content) = (self.config.clone(), self.content.clone());
        let mut world = Snapshot::of(config, content, &self.store, LoadScope::ReferenceGroups)?;
        self.book(&mut world, now)
    }

    fn book(&mut self, world: &mut Snapshot, now: Timestamp) -> anyhow::Result<Vec<SendBlock>> {
        if std::mem::take(&mut self.is_first)
            && let Some(guard) = outage(world, &self.store, now)?
        {
            self.store.add_send_block(&guard)?;
            return Ok(vec![guard]);
        }
        // If the database keeps changing, the next iteration continues.
        for _ in 0..10 {
            let part = &mut |_: &Pass<'_>, _: &[i64]| self.heart.beat();
            let sent = run::book(world, &mut self.store, now, &Selection::default(), part)?;
            if sent.booked > 0 {
                (self.say)(&format!("booked {} mails", sent.booked));
            }
            world.refresh(&self.store)?;
            if !sent.interrupted {
                break;
            }
        }
        positions::keep(world, &mut self.store, now)?;
        // Otherwise the database changed, and the next iteration stores them.
        if self.store.positions_fingerprint()?.is_some()
            && let Some(older) = self.older_zones.take()
        {
            (self.say)(&older.line(&self.store, now)?);
        }
        Ok(Vec::new())
    }

    /// Delivers queued mails until the queue is empty or something else is to be
    /// done. Returns the latest time of the next attempt.
    fn deliver(
        &mut self,
        journal: Option<&mut crate::engine::send::journal::Journal>,
        now: Timestamp,
    ) -> anyhow::Result<Timestamp> {
        let latest = self.store.next_due_at()?;
        let in_a_minute = now + TimeDelta::minutes(1);
        let soon = |at: Option<Timestamp>| at.map_or(in_a_minute, |at| at.min(in_a_minute).max(now));
        if let Some(trouble) = self.store.relay_health()?.failure.filter(|trouble| now < trouble.retry) {
            return Ok(soon(Some(trouble.retry)));
        }
        let content = &self.content;
        let desk = Desk { config: &self.config, library: &content.library, renderer: &content.renderer };
        let (say, asked, heart) = (&mut *self.say, &self.asked, &self.heart);
        let begun = Stopwatch::start();
        let wake = latest.filter(|at| *at > now);
        let anchor = self.anchor;
        let the_time = || time_since(anchor);
        let stop = || {
            if begun.elapsed() < failpoint::at_most("daemon.hangs", HANGS) {
                heart.beat();
            }
            // Leave at the latest after a minute, to check again.
            (asked.stop)()
                || (asked.must_reload)()
                || is_off(anchor)
                || begun.elapsed() > LOOK_AROUND
                || wake.is_some_and(|at| the_time() >= at)
        };
        let wave = self.config.daemon.wave();
        let mut words = |text: String| say(&text);
        let ends = || (asked.stop)();
        let mut everything = Chosen::default();
        let hooks = Hooks {
            chosen: &mut everything,
            now: &the_time,
            one_more: &mut || {},
            say: &mut words,
            stop: &stop,
            ends: &ends,
        };
        let sender = MailSender { transport: &self.transport, desk: &desk, keys: &self.keys, wave };
        let delivered = sender.deliver(&mut self.store, journal, hooks)?;
        let more =
            delivered.wait.and_then(|wait| TimeDelta::from_std(wait).ok()).map(|wait| the_time() + wait);
        self.tell(&delivered);
        if delivered.line_died {
            let often = self.deaths.one_more(the_time());
            anyhow::ensure!(!often, EndedAgain);
            return Ok(the_time());
        }
        if begun.elapsed() > LOOK_AROUND {
            return Ok(the_time());
        }
        let retry = self.store.relay_health()?.failure.map(|trouble| trouble.retry);
        let next =
            [more, retry, delivered.wave, self.store.next_attempt()?, latest].into_iter().flatten().min();
        Ok(soon(next))
    }

    fn tell(&mut self, delivered: &Delivered) {
        let Delivered { sent, deferred, rejected, in_doubt, held, cancelled, expired, .. } = *delivered;
        let all = [
            (sent, "sent"),
            (deferred, "put off"),
            (rejected, "refused"),
            (in_doubt, "in doubt"),
            (held, "held"),
            (cancelled, "cancelled"),
            (expired, "too late"),
        ];
        let words: Vec<String> =
            all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if !words.is_empty() {
            (self.say)(&words.join(", "));
            notify(&[NotifyState::Status(&words.join(", "))]);
        }
        if let Some(trouble) = &delivered.trouble {
            self.say_once(&trouble.why.clone());
        }
        if let Some(opens) = delivered.wave {
            let at = opens.format("%Y-%m-%dT%H:%M:%SZ");
            self.say_once(&format!("the first of a mailing have left; the rest follows at {at}"));
        }
    }

    /// Reloads configuration and content. Invalid input changes nothing.
    fn reload(&mut self, with_config: bool) {
        if with_config {
            match (self.asked.config)() {
                Ok(config) if config.database != self.config.database => {
                    (self.say)(
                        "the configuration names another database: stop and start for that; nothing is reloaded",
                    );
                    return;
                }
                Ok(config) => match post::transport(&config) {
                    Ok(transport) => {
                        if config.people != self.config.people {
                            self.people_watch = Watch::anew(&config.people.file);
                        }
                        (self.transport, self.config) = (transport, Arc::new(config));
                    }
                    Err(error) => (self.say)(&format!("the configuration is not reloaded: {error:#}")),
                },
                Err(faults) => {
                    let first = faults.first().map_or(String::new(), ToString::to_string);
                    (self.say)(&format!("the configuration is not reloaded: {first}"));
                }
            }
        }
        self.content_watch = Watch::of(&self.config.content);
        let now = self.now();
        match ActiveContent::read(&self.config, now) {
            Ok(content) if content.broken.is_empty() => {
                let files = content.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
                match self.store.save_content(content.library.hash, files, now) {
                    Ok(()) => {
                        (self.say)(&format!("content {} is in force", content.library.hash));
                        self.content = Arc::new(content);
                    }
                    // The database may be busy: the next iteration tries again.
                    Err(error) => {
                        self.content_watch.forget();
                        (self.say)(&format!("content: not reloaded: {error}"));
                    }
                }
            }
            Ok(content) => self.broken(&content.broken),
            Err(error) => (self.say)(&format!("content: not reloaded: {error}")),
        }
    }

    fn broken(&mut self, faults: &[Diagnostic]) {
        let first = faults.iter().find(|fault| fault.is_error());
        let first = first.map_or(String::new(), ToString::to_string);
        (self.say)(&format!("content: reload failed at {first}; the last good content stays in force"));
    }

    /// Imports the people file after it changed on disk.
    fn import(&mut self) -> anyhow::Result<()> {
        let library = &self.content.library;
        let reading = import::read(&self.config, &self.config.people.file, library);
        let Some(roster) = reading.roster else {
            (self.say)("the people file changed and has faults: see `journey people import --dry-run`");
            return Ok(());
        };
        let seen = self.store.data_version()?;
        let changes = import::compared_in(&self.store, &roster, library)?;
        if changes.is_empty() {
            return Ok(());
        }
        if let Some(brake) = import::brake(&self.config, &changes, None) {
            (self.say)(&format!(
                "the people file changed, and {} of {} people would leave: `journey people import` says what to type",
                brake.leavers, brake.people
            ));
            return Ok(());
        }
        let why = Some("the people file changed".to_owned());
        let act = ChangeAuthor { at: self.now(), by: "daemon".to_owned(), why };
        match self.store.import(&changes, &roster, seen, &act) {
            Ok(()) => (self.say)("the people file changed and is imported"),
            // The database is busy or has changed since the comparison: the next iteration
            // compares again.
            Err(StoreError::Changed | StoreError::Busy) => self.people_watch.forget(),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Sleeps until an instant. Wakes early for a stop or reload request, a write
    /// by another process (an approval, a release), and a change of the clock: the
    /// machine may have been suspended, or the clock was set.
    fn sleep_until(&mut self, at: Timestamp, seen: DataVersion) -> anyhow::Result<()> {
        let length = (at - self.now()).to_std().unwrap_or_default();
        let begun = Stopwatch::start();
        while let Some(left) = begun.left_of(length.min(LOOK_AROUND)) {
            self.heart.beat();
            let woken = || (self.asked.stop)() || (self.asked.must_reload)();
            clock::sleep(left.min(DOZE).min(self.heart.every), woken);
            let clock_changed = is_off(self.anchor) != self.clock_is_wrong;
            if woken() || self.now() >= at || clock_changed || self.store.data_version()? != seen {
                break;
            }
        }
        Ok(failpoint::at("daemon.wake")?)
    }

    /// Logs a lasting condition once.
    fn say_once(&mut self, words: &str) {
        if self.said != words {
            (self.say)(words);
            words.clone_into(&mut self.said);
        }
    }
}

/// The time derived from a plausible clock reading; the system clock if there
/// was none.
fn time_since(anchor: Option<Clocks>) -> Timestamp {
    anchor.map_or_else(clock::now, clock::since)
}

/// Whether the system clock deviates from the monotonic clock since the anchor.
fn is_off(anchor: Option<Clocks>) -> bool {
    anchor.is_some() && send_block::check_clock(clock::both(), None, anchor).is_err()
}

/// After a long outage, an operator must confirm before anything is sent.
fn outage(world: &Snapshot, store: &Store, now: Timestamp) -> anyhow::Result<Option<SendBlock>> {
    let Some(seen) = store.clock()?.filter(|seen| now - *seen > send_block::OUTAGE) else { return Ok(None) };
    let due = run::due(world, store, now)?;
    let waiting: u64 =
        store.deliveries_by_state()?.iter().filter(|(state, _)| !state.is_settled()).map(|(_, n)| n).sum();
    if due == 0 && waiting == 0 {
        return Ok(None);
    }
    let message = format!(
        "nobody was here for {} days: {due} mails would be booked now, {waiting} wait in the outbox; look with `journey plan`, then: journey hold release",
        (now - seen).num_days()
    );
    Ok(Some(SendBlock { kind: BlockKind::Outage, at: now, message }))
}
