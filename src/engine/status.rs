//! The status report: enrolments by stage, deliveries by state, what is held
//! and why, and when something may be due next.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::deliver::limits::{Limit, LimitReached, Limits, limits_reached};
use super::deliver::{OutboxSummary, PausedRollout, paused_rollouts};
use crate::config::Transport;
use crate::domain::delivery::bounce::BounceCause;
use crate::domain::delivery::send_block::SendBlock;
use crate::domain::delivery::state::State;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::history::position::Stage;
use crate::domain::model::ids::Slug;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::people_file::PeopleFileStatus;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::message::MessageBuilder;
use crate::engine::plan::pass::{Filter, Pass};
use crate::engine::send::lock;
use crate::store::{GlobalHold, HeldStep, ProblemDelivery, RelayHealth, Store, StoreError};

/// The status at an instant.
pub struct Status<'w> {
    pub(crate) at: Timestamp,
    /// Number of enrolments by journey, in the order of [`Stage::ALL`].
    pub(crate) stages: Vec<(&'w Slug, [usize; 5])>,
    /// Number of deliveries by state, without empty states.
    pub(crate) deliveries: Vec<(State, u64)>,
    /// Number of bounces by cause.
    pub(crate) bounces: Vec<(BounceCause, u64)>,
    /// Number of mails to a return path that could not be parsed.
    pub(crate) unparsed: u64,
    /// When a mail was last sent.
    pub(crate) last_sent: Option<Timestamp>,
    /// Number of mails sent in the hour before the instant.
    pub(crate) last_hour: u64,
    /// The configured rate limits.
    pub(crate) rate: Vec<Limit>,
    /// When people were last imported.
    pub(crate) imported: Option<Timestamp>,
    /// What is to be done about the people file.
    pub(crate) people_file: PeopleFileStatus,
    /// Health of the relay.
    pub(crate) relay: RelayHealth,
    /// Limits that have been reached.
    pub(crate) limits: Vec<LimitReached>,
    /// Blocks that prevent sending.
    pub(crate) guards: Vec<SendBlock>,
    /// The hold of all sending, if there is one.
    pub(crate) all_held: Option<GlobalHold>,
    /// Steps that are held.
    pub(crate) held_steps: Vec<HeldStep>,
    /// Deliveries that are held, in doubt or deferred, or were refused lately; the first few.
    pub(crate) stuck: Vec<ProblemDelivery>,
    /// When the last valid backup was made.
    pub(crate) backup: Option<Timestamp>,
    /// Length of the WAL in bytes.
    pub(crate) log: u64,
    /// Enqueued mails that are not sent yet.
    pub outbox: OutboxSummary,
    /// Staged rollouts in which the daemon waits after the first few mails.
    pub pausing: Vec<PausedRollout>,
    /// Whether the daemon runs and sends by itself.
    pub(crate) daemon: bool,
    /// Whether a program sends now, the daemon or a command.
    pub(crate) is_sending: bool,
    /// The planning pass of this instant.
    pub(crate) pass: Pass<'w>,
    /// The next time at which something may become due or be sent.
    pub next_wake: Option<Timestamp>,
    /// Errors in the content folder; the last good content is active.
    pub(crate) broken: &'w [Diagnostic],
}

impl Status<'_> {
    /// The number of queued mails that can be sent now.
    pub(crate) fn queued(&self) -> usize {
        self.outbox.ready
    }

    /// The mailings in which the daemon waits after the first few mails. A send by hand waits in none.
    pub(crate) fn rollouts(&self) -> &[PausedRollout] {
        if self.daemon { &self.pausing } else { &[] }
    }
}

/// The part of the status that is read from the database.
#[derive(Clone, Debug, Default)]
pub struct DatabaseStatus {
    deliveries: Vec<(State, u64)>,
    bounces: Vec<(BounceCause, u64)>,
    unparsed: u64,
    last_sent: Option<Timestamp>,
    last_hour: u64,
    rate: Vec<Limit>,
    imported: Option<Timestamp>,
    people_file: PeopleFileStatus,
    relay: RelayHealth,
    limits: Vec<LimitReached>,
    guards: Vec<SendBlock>,
    all_held: Option<GlobalHold>,
    held_steps: Vec<HeldStep>,
    outbox: OutboxSummary,
    pausing: Vec<PausedRollout>,
    daemon: bool,
    is_sending: bool,
    next_attempt: Option<Timestamp>,
    stuck: Vec<ProblemDelivery>,
    backup: Option<Timestamp>,
    log: u64,
}

/// Maximum number of problem deliveries listed.
const MAX_LISTED: usize = 20;

/// How long a refused mail is listed.
const REFUSED_LATELY: TimeDelta = TimeDelta::days(7);

/// With nightly backups, one older than this means that a backup was missed.
pub(crate) const OLD_BACKUP: TimeDelta = TimeDelta::hours(36);

impl DatabaseStatus {
    /// Reads it; empty without a database. Changes nothing on disk.
    pub fn read(snapshot: &Snapshot, at: Timestamp) -> Result<DatabaseStatus, StoreError> {
        let mail = &snapshot.config.mail;
        let limits = match mail.transport {
            Transport::Files => Limits::default(),
            Transport::Smtp | Transport::Sendmail => Limits::of(&mail.smtp),
        };
        let builder = MessageBuilder::of(snapshot);
        let wave = snapshot.config.daemon.wave();
        let waves = wave.filter(|_| mail.transport != Transport::Files);
        let look = |store: &Store| {
            Ok(DatabaseStatus {
                deliveries: store.deliveries_by_state()?,
                bounces: store.bounces_by_cause()?,
                unparsed: store.unparsed_bounces()?,
                last_sent: store.last_sent()?,
                last_hour: store.sent_between(at - TimeDelta::hours(1), at)?,
                rate: limits.all.clone(),
                imported: store.imported_at()?,
                people_file: PeopleFileStatus::read(&snapshot.config, store)?,
                relay: store.relay_health()?,
                limits: limits_reached(store, &limits, at)?,
                guards: store.send_blocks()?,
                all_held: store.global_hold()?,
                held_steps: store.held_steps()?,
                outbox: OutboxSummary::read(store, &builder, &Filter::default(), at)?,
                pausing: waves.map_or(Ok(Vec::new()), |wave| paused_rollouts(store, wave, at))?,
                next_attempt: store.next_attempt(at)?,
                daemon: lock::is_daemon_running(&snapshot.config.database),
                is_sending: lock::holder(&snapshot.config.database).is_ok_and(|holder| holder.is_some()),
                stuck: store.problem_deliveries(at - REFUSED_LATELY, MAX_LISTED)?,
                backup: store.last_backup_at()?,
                log: Store::wal_length(&snapshot.config.database),
            })
        };
        Ok(Store::read_only(&snapshot.config.database, look)?.unwrap_or_default())
    }
}

/// Combines the database part with a planning pass.
pub fn status(snapshot: &Snapshot, mut ledger: DatabaseStatus, at: Timestamp) -> Status<'_> {
    for held in &mut ledger.held_steps {
        held.step = snapshot.content.library.todays_name(&held.step);
    }
    let pass = Pass::after(snapshot, at, &Filter::default());
    let mut stages: BTreeMap<&Slug, [usize; 5]> =
        snapshot.content.library.journeys.iter().map(|journey| (&journey.slug, [0; 5])).collect();
    for (slug, stage, enrolments) in &pass.stages {
        let place = Stage::ALL.iter().position(|known| known == stage).unwrap_or_default();
        stages.entry(slug).or_default()[place] += enrolments;
    }
    // Deferred mails, a relay in backoff, or the rest of a staged rollout.
    let retry = ledger.relay.failure.as_ref().map(|trouble| trouble.retry);
    let opens = ledger.pausing.iter().map(|pausing| pausing.opens).min().filter(|_| ledger.daemon);
    let handed_over = [ledger.next_attempt, retry, opens].into_iter().flatten().filter(|next| *next > at);
    Status {
        at,
        stages: stages.into_iter().collect(),
        deliveries: ledger.deliveries,
        bounces: ledger.bounces,
        unparsed: ledger.unparsed,
        last_sent: ledger.last_sent,
        last_hour: ledger.last_hour,
        rate: ledger.rate,
        imported: ledger.imported,
        people_file: ledger.people_file,
        relay: ledger.relay,
        limits: ledger.limits,
        guards: ledger.guards,
        all_held: ledger.all_held,
        held_steps: ledger.held_steps,
        outbox: ledger.outbox,
        pausing: ledger.pausing,
        daemon: ledger.daemon,
        is_sending: ledger.is_sending,
        stuck: ledger.stuck,
        backup: ledger.backup,
        log: ledger.log,
        next_wake: handed_over.chain(pass.wake).min(),
        pass,
        broken: &snapshot.content.broken,
    }
}
