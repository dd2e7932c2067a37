//! The daemon: a send run whenever something may be due, at most a minute apart, until a stop is requested. It does the
//! same as repeated runs of `journey send`, and sends nothing while a send block is active.
//!
//! [`run()`] is the loop. Around each send run stand its guards: the clock, the reload of configuration and content, the
//! people file, the watchdog. The command `daemon` starts it.

mod clock_guard;
mod file_watcher;
mod observer;
mod panic_limit;
mod people_watch;
mod reload;
mod tzdata;
mod watchdog;

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sd_notify::NotifyState;

use crate::clock::{self, Stopwatch};
use crate::config::Config;
use crate::daemon::clock_guard::ClockGuard;
use crate::daemon::file_watcher::FileWatcher;
use crate::daemon::observer::DaemonObserver;
use crate::daemon::panic_limit::PanicCounter;
pub(crate) use crate::daemon::panic_limit::RepeatedWorkerPanic;
use crate::daemon::tzdata::TzdataChange;
use crate::daemon::watchdog::Watchdog;
use crate::domain::delivery::state::State;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::time::timezone::Timestamp;
use crate::engine::deliver::DeliverySummary;
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::snapshot::BATCH_SIZE;
use crate::engine::send::run::{RunOutcome, SendRun, Trigger};
use crate::engine::transport;
use crate::failpoint;
use crate::mail::transport::Transport;
use crate::store::{DataVersion, Store, StoreError, WAL_WARN_BYTES};

/// Longest sleep: correctness never depends on being woken.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// A send run that takes longer than this no longer pings the watchdog. Each step of an SMTP conversation has its own
/// timeout, so longer means a hang that only a restart repairs.
const WATCHDOG_DEADLINE: Duration = Duration::from_secs(2 * 60 * 60);
/// Interval of polling the database for changes of other processes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Interval of WAL checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(15 * 60);
/// Retry interval while the disk is full.
const DISK_FULL_RETRY: TimeDelta = TimeDelta::seconds(10);

/// Control from outside, polled by the daemon, and its log.
pub(crate) struct Control<'a> {
    /// Stop was requested.
    pub(crate) stop: &'a dyn Fn() -> bool,
    /// Reload was requested.
    pub(crate) must_reload: &'a dyn Fn() -> bool,
    /// Like `must_reload`, and resets the request.
    pub(crate) take_reload: &'a dyn Fn() -> bool,
    /// Reads the configuration.
    pub(crate) read_config: &'a dyn Fn() -> Result<Config, Vec<Diagnostic>>,
    /// Other content is in force.
    pub(crate) content_changed: &'a dyn Fn(&Arc<ActiveContent>),
    /// Writes a line of the log.
    pub(crate) log: &'a dyn Fn(&str),
}

/// State of the running daemon.
struct Daemon<'a> {
    control: Control<'a>,
    store: Store,
    config: Arc<Config>,
    content: Arc<ActiveContent>,
    transport: Transport,
    clock: ClockGuard,
    /// The last message of a lasting condition, to log it once.
    last_logged: RefCell<String>,
    content_watcher: FileWatcher,
    people_watcher: FileWatcher,
    panics: PanicCounter,
    /// Positions planned with older time zone data, until they are recomputed.
    tzdata_change: Option<TzdataChange>,
    /// When the WAL was last checkpointed.
    last_checkpoint: Option<Stopwatch>,
    watchdog: Watchdog,
    /// Whether the check for a long outage is still to be made.
    check_outage: Cell<bool>,
}

/// Runs until a stop is requested. The caller must hold the lock. An error means that the database cannot be read or
/// written; systemd restarts the process and nothing is lost.
pub(crate) fn run(
    config: Arc<Config>,
    content: Arc<ActiveContent>,
    store: Store,
    control: Control<'_>,
) -> anyhow::Result<()> {
    let mut daemon = Daemon {
        transport: transport::from_config(&config)?,
        clock: ClockGuard::default(),
        last_logged: RefCell::default(),
        content_watcher: FileWatcher::of(&config.content),
        // The file may have changed while the daemon was not running.
        people_watcher: FileWatcher::unseen(&config.people.file),
        panics: PanicCounter::default(),
        tzdata_change: TzdataChange::read(&store)?,
        last_checkpoint: None,
        watchdog: Watchdog::start(),
        check_outage: Cell::new(true),
        control,
        store,
        config,
        content,
    };
    notify(&[NotifyState::Ready]);
    daemon.log("ready");
    while !(daemon.control.stop)() {
        match daemon.tick() {
            Ok((next, seen)) => daemon.sleep_until(next, seen)?,
            // Another process writes, a backup for example: try again until it is done.
            Err(error) if matches!(error.downcast_ref(), Some(StoreError::Busy)) => {
                daemon.log_if_changed(
                    "another program has been writing to the database for 5 s; no mail is sent meanwhile",
                );
            }
            // Nothing is sent that cannot be recorded. What was sent is read from the send journal once there is space
            // again.
            Err(error) if is_disk_full(&error) => {
                daemon.log_if_changed(&format!("{error:#}; nothing leaves until there is room"));
                daemon.sleep_until(daemon.now() + DISK_FULL_RETRY, daemon.store.data_version()?)?;
            }
            Err(error) => return Err(error),
        }
    }
    notify(&[NotifyState::Stopping]);
    let states = daemon.store.deliveries_by_state()?;
    let unknown = states.iter().filter(|(state, _)| *state == State::InDoubt);
    daemon.log(&format!("stopped: {} unknown", unknown.map(|(_, count)| count).sum::<u64>()));
    Ok(())
}

/// Whether the cause is a full disk.
fn is_disk_full(error: &anyhow::Error) -> bool {
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
    /// One iteration: check, reload, import, and a send run. Returns the latest time of the next one, and the database
    /// version it began with, so that writes during the iteration are noticed.
    fn tick(&mut self) -> anyhow::Result<(Timestamp, DataVersion)> {
        self.watchdog.ping();
        let seen = self.store.data_version()?;
        self.clock.check(&mut self.store, self.control.log)?;
        if (self.control.take_reload)() {
            failpoint::at("daemon.reload")?;
            if self.reload_config() {
                self.reload_content();
            }
        } else if self.config.daemon.watch_content && self.content_watcher.has_changed() {
            self.reload_content();
        }
        self.import_if_changed()?;
        let now = self.now();
        let outcome = self.send(now)?;
        if !outcome.blocks.is_empty() {
            let messages: Vec<&str> = outcome.blocks.iter().map(|block| block.message.as_str()).collect();
            self.log_if_changed(&format!("held: {}", messages.join("; ")));
            return Ok((now + TimeDelta::minutes(1), seen));
        }
        let next = self.after_delivery(&outcome, now)?;
        self.store.set_clock(self.now())?;
        self.checkpoint_wal()?;
        Ok((next, seen))
    }

    /// Sends what is due and may leave.
    fn send(&mut self, now: Timestamp) -> anyhow::Result<RunOutcome> {
        let observer = DaemonObserver {
            control: &self.control,
            watchdog: &self.watchdog,
            clock: self.clock,
            in_doubt_wait: self.config.mail.in_doubt_wait,
            check_outage: &self.check_outage,
            started: Stopwatch::start(),
        };
        let run = SendRun {
            config: self.config.clone(),
            content: self.content.clone(),
            transport: &self.transport,
            at: now,
            trigger: Trigger::Schedule,
            batch_size: BATCH_SIZE,
            observer: &observer,
        };
        let outcome = run.execute(&mut self.store)?;
        if outcome.blocks.is_empty() {
            self.check_outage.set(false);
        }
        Ok(outcome)
    }

    /// Logs a run. Returns the latest time of the next one.
    fn after_delivery(&mut self, outcome: &RunOutcome, began: Timestamp) -> anyhow::Result<Timestamp> {
        let delivered = &outcome.delivered;
        // If positions were recomputed, their fingerprint is stored; otherwise the database changed meanwhile.
        if outcome.snapshot.is_some()
            && self.store.positions_fingerprint()?.is_some()
            && let Some(change) = self.tzdata_change.take()
        {
            self.log(&change.line(&self.store, began)?);
        }
        if let Some(retry) = outcome.backoff {
            return Ok(retry.min(began + TimeDelta::minutes(1)));
        }
        self.log_summary(delivered);
        let now = self.now();
        if delivered.worker_crashed {
            let is_repeated = self.panics.record(now);
            anyhow::ensure!(!is_repeated, RepeatedWorkerPanic);
            return Ok(now);
        }
        if now - began >= TimeDelta::minutes(1) {
            return Ok(now);
        }
        let wait = delivered.wait.and_then(|wait| TimeDelta::from_std(wait).ok());
        let retry = self.store.relay_health()?.failure.map(|failure| failure.retry);
        let attempt = self.store.next_attempt(began)?;
        let all = [wait.map(|wait| now + wait), retry, delivered.rollout, attempt, outcome.next_due];
        let in_a_minute = began + TimeDelta::minutes(1);
        Ok(all.into_iter().flatten().min().map_or(in_a_minute, |at| at.min(in_a_minute).max(began)))
    }

    /// Checkpoints the WAL from time to time. A WAL that keeps growing is reported, and does not stop sending.
    fn checkpoint_wal(&mut self) -> anyhow::Result<()> {
        if self.last_checkpoint.is_some_and(|last| last.elapsed() < CHECKPOINT_INTERVAL) {
            return Ok(());
        }
        self.last_checkpoint = Some(Stopwatch::start());
        let bytes = self.store.checkpoint()?;
        if bytes > WAL_WARN_BYTES {
            self.log(&format!(
                "the log of the database has grown to {} MB: some program keeps the database open; close every `sqlite3` shell and stop copies that hang",
                bytes / 1_000_000
            ));
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sleeps until an instant. Wakes early for a stop or reload request, a write by another process (an approval, a
    /// release), and a change of the clock: the machine may have been suspended, or the clock was set.
    fn sleep_until(&mut self, at: Timestamp, seen: DataVersion) -> anyhow::Result<()> {
        let length = (at - self.now()).to_std().unwrap_or_default();
        let started = Stopwatch::start();
        while let Some(left) = started.left_of(length.min(LONGEST_SLEEP)) {
            self.watchdog.ping();
            let is_woken = || (self.control.stop)() || (self.control.must_reload)();
            let interval = failpoint::at_most("daemon.poll", POLL_INTERVAL).min(self.watchdog.interval);
            clock::sleep(left.min(interval), is_woken);
            let clock_changed = self.clock.has_jumped() != self.clock.is_wrong;
            if is_woken() || self.now() >= at || clock_changed || self.store.data_version()? != seen {
                break;
            }
        }
        Ok(failpoint::at("daemon.wake")?)
    }

    /// Logs what was delivered, and shows it in the status of the systemd unit.
    fn log_summary(&self, delivered: &DeliverySummary) {
        let DeliverySummary { sent, deferred, rejected, in_doubt, held, cancelled, expired, .. } = *delivered;
        let counts = [
            (sent, "sent"),
            (deferred, "put off"),
            (rejected, "refused"),
            (in_doubt, "in doubt"),
            (held, "held"),
            (cancelled, "cancelled"),
            (expired, "too late"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        if !counts.is_empty() {
            self.log(&counts.join(", "));
            notify(&[NotifyState::Status(&counts.join(", "))]);
        }
        if let Some(trouble) = &delivered.relay_error {
            self.log_if_changed(&trouble.why);
        }
        if let Some(opens) = delivered.rollout {
            let at = opens.format("%Y-%m-%dT%H:%M:%SZ");
            self.log_if_changed(&format!("the first mails of a mailing are sent; the rest are sent at {at}"));
        }
    }

    fn log(&self, message: &str) {
        (self.control.log)(message);
    }

    /// Logs a lasting condition once.
    fn log_if_changed(&self, message: &str) {
        if *self.last_logged.borrow() != message {
            self.log(message);
            message.clone_into(&mut self.last_logged.borrow_mut());
        }
    }
}
