//! The daemon: it plans, delivers, and sleeps until something may be due,
//! looking around every minute. It knows no more than `journey send` does, and
//! decides nothing; it only does it again and again, and keeps quiet where
//! something is not as it should be (delivery.md, 2.4 and 2.6).
//!
//! [`run`] is the loop; `watch` sees that files have changed; `cli/daemon`
//! is the door.

mod beat;
mod deaths;
mod watch;
mod zones;

use std::io;
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use sd_notify::NotifyState;

use crate::clock::{self, Stopwatch};
use crate::config::Config;
use crate::domain::change::Act;
use crate::domain::delivery::State;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::guard::{self, Clocks, Guard, GuardKind};
use crate::domain::zone::Timestamp;
use crate::engine::begin;
use crate::engine::deliver::{Chosen, Delivered, Hooks};
use crate::engine::import;
use crate::engine::keys::Keys;
use crate::engine::letters::Desk;
use crate::engine::pass::{Pass, Selection};
use crate::engine::post::Post;
use crate::engine::world::{InForce, World};
use crate::engine::{positions, send};
use crate::failpoint;
use crate::store::{LONG_LOG, Seen, Store, StoreError};
use beat::Heart;
use deaths::Deaths;
pub use deaths::EndedAgain;
use watch::Watch;
use zones::OlderZones;

/// The longest it sleeps: nothing relies on being woken (delivery.md, A4).
const LOOK_AROUND: Duration = Duration::from_secs(60);
/// No sitting takes so long: each part of each conversation has a limit. Then
/// somebody hangs, and only a fresh start mends that (F14).
const HANGS: Duration = Duration::from_secs(2 * 60 * 60);
/// How often it looks whether somebody wrote into the database.
const DOZE: Duration = Duration::from_secs(1);
/// How often the database's log is taken over into it.
const CHECKPOINT: Duration = Duration::from_secs(15 * 60);
/// So often it is looked whether there is room on the disk again.
const FULL: TimeDelta = TimeDelta::seconds(10);
/// How long bytes of mails are kept when it is known what became of them.
const KEPT: TimeDelta = TimeDelta::days(7);

/// What it is told from outside.
pub struct Asked<'a> {
    /// To stop.
    pub stop: &'a dyn Fn() -> bool,
    /// To read content and configuration anew.
    pub must_reload: &'a dyn Fn() -> bool,
    /// The same; when that is so, it is asked no longer.
    pub reload: &'a dyn Fn() -> bool,
    /// Reads the configuration anew.
    pub config: &'a dyn Fn() -> Result<Config, Vec<Diagnostic>>,
}

/// The daemon, running.
struct Daemon<'a> {
    asked: Asked<'a>,
    say: &'a mut dyn FnMut(&str),
    store: Store,
    config: Config,
    /// None while it is part of a world.
    content: Option<InForce>,
    post: Post,
    keys: Keys,
    /// When the clocks were last right.
    anchor: Option<Clocks>,
    /// They are not, and that is written down: if it no longer is, somebody
    /// knows better.
    clock_is_wrong: bool,
    /// What was said last, so that it is not said every minute.
    said: String,
    content_watch: Watch,
    people_watch: Watch,
    deaths: Deaths,
    /// What is planned with older zone data, until it is worked out anew.
    older_zones: Option<OlderZones>,
    /// When the database's log was last looked at.
    log_seen: Option<Stopwatch>,
    heart: Heart,
    /// The first look at how long nobody was there.
    is_first: bool,
}

/// Runs until it is told to stop. The lock must be held.
///
/// # Errors
///
/// Where the database cannot be read or written any more: systemd starts it
/// anew, and nothing is lost.
pub fn run(
    config: Config,
    content: InForce,
    store: Store,
    asked: Asked<'_>,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let keys = Keys::new(&store.secret()?);
    let post = Post::of(&config)?;
    let content_watch = Watch::of(&config.content);
    // What changed while nobody was there has changed.
    let people_watch = Watch::anew(&config.people.file);
    let older_zones = OlderZones::read(&store)?;
    let mut daemon = Daemon {
        asked,
        say,
        store,
        content: Some(content),
        post,
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
            // Somebody else writes, a backup say: it is tried until they are
            // done (F57).
            Err(error) if matches!(error.downcast_ref(), Some(StoreError::Busy)) => {
                daemon.say_once("somebody else has been writing for 5 s; nothing leaves meanwhile");
            }
            // Nothing leaves that cannot be written down; what left is known
            // from the send journal when there is room again (F54).
            Err(error) if is_full(&error) => {
                daemon.say_once(&format!("{error:#}; nothing leaves until there is room"));
                daemon.sleep_until(daemon.now() + FULL, daemon.store.seen()?)?;
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

/// Is it that there is no room on a disk?
fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let of_file = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(cause.downcast_ref(), Some(StoreError::Full)) || of_file == Some(io::ErrorKind::StorageFull)
    })
}

/// Tells systemd, where there is one.
fn notify(state: &[NotifyState<'_>]) {
    // Without it, or where it does not listen, nothing is lost.
    let _ = sd_notify::notify(state);
}

impl Daemon<'_> {
    /// One turn: look around, plan, deliver. When the next one is, at the
    /// latest; and what the turn began with, because whoever writes while it
    /// lasts is not seen by all of it.
    fn turn(&mut self) -> anyhow::Result<(Timestamp, Seen)> {
        self.heart.beat();
        let seen = self.store.seen()?;
        self.look_at_the_clock(clock::both())?;
        if (self.asked.reload)() {
            failpoint::at("daemon.reload")?;
            self.reload(true);
        } else if self.config.daemon.watch_content && self.content_watch.has_changed() {
            self.reload(false);
        }
        // Who is there from when on is not taken from a clock that is wrong.
        let imports = self.config.daemon.import_people && !self.clock_is_wrong;
        if imports && self.people_watch.has_changed() {
            let imported = failpoint::at("daemon.import").map_err(Into::into).and_then(|()| self.import());
            if imported.is_err() {
                self.people_watch.forget();
            }
            imported?;
        }
        let now = self.now();
        let begun = begin::begin(&mut self.store, &self.config, now)?;
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
        let mut guards = self.store.guards()?;
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

    /// Takes the database's log over into it, now and then; one that grows all
    /// the same is told of, and keeps no mail from leaving (F61).
    fn look_at_the_log(&mut self) -> anyhow::Result<()> {
        if self.log_seen.is_some_and(|seen| seen.elapsed() < CHECKPOINT) {
            return Ok(());
        }
        self.log_seen = Some(Stopwatch::start());
        let log = self.store.checkpoint()?;
        if log > LONG_LOG {
            (self.say)(&format!(
                "the log of the database has grown to {} MB: somebody reads it without end; close each `sqlite3` shell, and stop copies that hang",
                log / 1_000_000
            ));
        }
        Ok(())
    }

    /// The time, as it goes on from when the clock was last looked at and right:
    /// what is set since then is looked at before it counts, so that nothing
    /// leaves, or is too late, by a clock that jumped in between (F49, F50).
    fn now(&self) -> Timestamp {
        time_since(self.anchor)
    }

    /// Is the clock one to send by? What it does wrong is remembered until it
    /// is right again.
    fn look_at_the_clock(&mut self, now: Clocks) -> anyhow::Result<()> {
        let held = self.store.guards()?.iter().any(|guard| guard.kind == GuardKind::Clock);
        let seen = self.store.clock()?;
        match guard::plausible(now, seen, self.anchor) {
            Ok(()) => {
                (self.anchor, self.clock_is_wrong) = (Some(now), false);
                if held {
                    self.store.release(GuardKind::Clock, now.wall)?;
                    (self.say)("the system clock is right again");
                }
            }
            Err(message) if held || !self.clock_is_wrong => {
                self.store.raise(&Guard { kind: GuardKind::Clock, at: now.wall, message })?;
                self.clock_is_wrong = true;
            }
            // Somebody released it: they know what time it is.
            Err(_) => (self.anchor, self.clock_is_wrong) = (Some(now), false),
        }
        Ok(())
    }

    /// Books what is due; nobody is asked who cannot have anything due. What
    /// keeps it from that.
    fn plan(&mut self, now: Timestamp) -> anyhow::Result<Vec<Guard>> {
        let content = self.content.take().context("there is no content in force")?;
        let asked = positions::to_ask(&self.config, &content.library, &self.store, now)?;
        if asked.is_some_and(|people| people.is_empty()) {
            self.content = Some(content);
            self.is_first = false;
            return Ok(Vec::new());
        }
        let mut world = World::of_members(self.config.clone(), content, &self.store)?;
        let outcome = self.book(&mut world, now);
        self.content = Some(world.into_content().1);
        outcome
    }

    fn book(&mut self, world: &mut World, now: Timestamp) -> anyhow::Result<Vec<Guard>> {
        if std::mem::take(&mut self.is_first)
            && let Some(guard) = outage(world, &self.store, now)?
        {
            self.store.raise(&guard)?;
            return Ok(vec![guard]);
        }
        // Somebody changes something all the time: the next turn goes on.
        for _ in 0..10 {
            let part = &mut |_: &Pass<'_>, _: &[i64]| self.heart.beat();
            let sent = send::book(world, &mut self.store, now, &Selection::default(), part)?;
            if sent.booked > 0 {
                (self.say)(&format!("booked {} mails", sent.booked));
            }
            world.refresh(&self.store)?;
            if !sent.interrupted {
                break;
            }
        }
        positions::keep(world, &mut self.store, now)?;
        // Else somebody wrote meanwhile, and the next turn keeps them.
        if self.store.decided_with()?.is_some()
            && let Some(older) = self.older_zones.take()
        {
            (self.say)(&older.line(&self.store, now)?);
        }
        Ok(Vec::new())
    }

    /// Hands over what may leave, until that is all, or something else is to
    /// be done. When it is to be tried again, at the latest.
    fn deliver(
        &mut self,
        journal: Option<&mut crate::engine::journal::Journal>,
        now: Timestamp,
    ) -> anyhow::Result<Timestamp> {
        let latest = self.store.next_wake()?;
        let in_a_minute = now + TimeDelta::minutes(1);
        let soon = |at: Option<Timestamp>| at.map_or(in_a_minute, |at| at.min(in_a_minute).max(now));
        if let Some(trouble) = self.store.relay()?.trouble.filter(|trouble| now < trouble.retry) {
            return Ok(soon(Some(trouble.retry)));
        }
        let content = self.content.as_ref().context("there is no content in force")?;
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
            // Another look around, at the latest after a minute.
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
        let delivered = self.post.deliver(&desk, &self.keys, &mut self.store, journal, wave, hooks)?;
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
        let retry = self.store.relay()?.trouble.map(|trouble| trouble.retry);
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

    /// Reads configuration and content anew; what is broken changes nothing.
    fn reload(&mut self, with_config: bool) {
        if with_config {
            match (self.asked.config)() {
                Ok(config) if config.database != self.config.database => {
                    (self.say)(
                        "the configuration names another database: stop and start for that; nothing is reloaded",
                    );
                    return;
                }
                Ok(config) => match Post::of(&config) {
                    Ok(post) => {
                        if config.people != self.config.people {
                            self.people_watch = Watch::anew(&config.people.file);
                        }
                        (self.post, self.config) = (post, config);
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
        match InForce::read(&self.config, now) {
            Ok(content) if content.broken.is_empty() => {
                let files = content.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
                match self.store.keep_content(content.library.hash, files, now) {
                    Ok(()) => {
                        (self.say)(&format!("content {} is in force", content.library.hash));
                        self.content = Some(content);
                    }
                    // Somebody else writes, say: the next look tries again.
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

    /// Takes over a people file that changed by itself.
    fn import(&mut self) -> anyhow::Result<()> {
        let Some(content) = &self.content else { return Ok(()) };
        let library = &content.library;
        let reading = import::read(&self.config, &self.config.people.file, library);
        let Some(roster) = reading.roster else {
            (self.say)("the people file changed and has faults: see `journey people import --dry-run`");
            return Ok(());
        };
        let seen = self.store.seen()?;
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
        let act = Act { at: self.now(), by: "daemon".to_owned(), why };
        match self.store.import(&changes, &roster, seen, &act) {
            Ok(()) => (self.say)("the people file changed and is imported"),
            // Somebody writes, or has written since it was compared: the next
            // look compares anew.
            Err(StoreError::Changed | StoreError::Busy) => self.people_watch.forget(),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Sleeps, but for what it is told meanwhile, for what somebody else writes
    /// into the database, an approval, a release, and for what the clocks do: a
    /// machine that slept longer than this would have is awake again, one that
    /// was set is to be looked at.
    fn sleep_until(&mut self, at: Timestamp, seen: Seen) -> anyhow::Result<()> {
        let length = (at - self.now()).to_std().unwrap_or_default();
        let begun = Stopwatch::start();
        while let Some(left) = begun.left_of(length.min(LOOK_AROUND)) {
            self.heart.beat();
            let woken = || (self.asked.stop)() || (self.asked.must_reload)();
            clock::sleep(left.min(DOZE).min(self.heart.every), woken);
            let clock_changed = is_off(self.anchor) != self.clock_is_wrong;
            if woken() || self.now() >= at || clock_changed || self.store.seen()? != seen {
                break;
            }
        }
        Ok(failpoint::at("daemon.wake")?)
    }

    /// Says something that stays true for a while.
    fn say_once(&mut self, words: &str) {
        if self.said != words {
            (self.say)(words);
            words.clone_into(&mut self.said);
        }
    }
}

/// The time as it goes on from when the clocks were right; as the clock shows
/// it where they never were.
fn time_since(anchor: Option<Clocks>) -> Timestamp {
    anchor.map_or_else(clock::now, clock::since)
}

/// Does the clock show another time than it should, by what it was?
fn is_off(anchor: Option<Clocks>) -> bool {
    anchor.is_some() && guard::plausible(clock::both(), None, anchor).is_err()
}

/// After a long time without a daemon somebody looks first at what would
/// leave.
fn outage(world: &World, store: &Store, now: Timestamp) -> anyhow::Result<Option<Guard>> {
    let Some(seen) = store.clock()?.filter(|seen| now - *seen > guard::OUTAGE) else { return Ok(None) };
    let due = send::due(world, store, now)?;
    let waiting: u64 =
        store.deliveries_by_state()?.iter().filter(|(state, _)| !state.is_settled()).map(|(_, n)| n).sum();
    if due == 0 && waiting == 0 {
        return Ok(None);
    }
    let message = format!(
        "nobody was here for {} days: {due} mails would be booked now, {waiting} wait in the outbox; look with `journey plan`, then: journey hold release",
        (now - seen).num_days()
    );
    Ok(Some(Guard { kind: GuardKind::Outage, at: now, message }))
}
