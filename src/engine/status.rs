//! How it stands: journeys and positions, deliveries by state, what is held
//! and why, and when something next may be due.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::deliver::limits::{Limit, Limits, Reached, reached};
use super::deliver::{Outbox, Pausing, pausing};
use super::letters::Desk;
use super::pass::{Pass, Selection};
use super::world::World;
use crate::config::Transport;
use crate::domain::bounce::Blame;
use crate::domain::delivery::State;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::guard::Guard;
use crate::domain::ids::Slug;
use crate::domain::position::Stage;
use crate::domain::zone::Timestamp;
use crate::store::{AllHeld, HeldStep, RelayState, Store, StoreError, Stuck};

/// How everything stands at an instant.
pub struct Status<'w> {
    /// The instant.
    pub at: Timestamp,
    /// Enrolments by journey, in the order of [`Stage::ALL`].
    pub stages: Vec<(&'w Slug, [usize; 5])>,
    /// Deliveries in each state that has any.
    pub deliveries: Vec<(State, u64)>,
    /// How many mails came back, by who is to blame.
    pub bounces: Vec<(Blame, u64)>,
    /// How many mails to a return path nobody could read.
    pub unparsed: u64,
    /// When a mail was last handed over.
    pub last_sent: Option<Timestamp>,
    /// How many were handed over in the hour before the instant.
    pub last_hour: u64,
    /// How many may be, by the configuration.
    pub rate: Vec<Limit>,
    /// When people were last imported.
    pub imported: Option<Timestamp>,
    /// How the relay is.
    pub relay: RelayState,
    /// The limits that mails wait for.
    pub limits: Vec<Reached>,
    /// What keeps the database from sending.
    pub guards: Vec<Guard>,
    /// Whether all sending is held until somebody releases it.
    pub all_held: Option<AllHeld>,
    /// Steps that are held until somebody releases them.
    pub held_steps: Vec<HeldStep>,
    /// Deliveries that are held, in doubt or put off; the first few.
    pub stuck: Vec<Stuck>,
    /// When the last good backup was made.
    pub backup: Option<Timestamp>,
    /// How long the database's log is, in bytes.
    pub log: u64,
    /// What is booked and not handed over.
    pub outbox: Outbox,
    /// Mailings of which the first few have left; the daemon waits with the
    /// rest.
    pub pausing: Vec<Pausing>,
    /// The pass of this instant: what is due, waits and is held.
    pub pass: Pass<'w>,
    /// The next instant at which something may be due, or be handed over.
    pub next_wake: Option<Timestamp>,
    /// What is wrong with the content folder; the last good is in force.
    pub broken: &'w [Diagnostic],
}

/// What only the database knows of it.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    deliveries: Vec<(State, u64)>,
    bounces: Vec<(Blame, u64)>,
    unparsed: u64,
    last_sent: Option<Timestamp>,
    last_hour: u64,
    rate: Vec<Limit>,
    imported: Option<Timestamp>,
    relay: RelayState,
    limits: Vec<Reached>,
    guards: Vec<Guard>,
    all_held: Option<AllHeld>,
    held_steps: Vec<HeldStep>,
    outbox: Outbox,
    pausing: Vec<Pausing>,
    next_attempt: Option<Timestamp>,
    stuck: Vec<Stuck>,
    backup: Option<Timestamp>,
    log: u64,
}

/// So many deliveries that do not simply leave are told one by one.
const SOME: usize = 20;

/// Where a backup is made each night, one older than this was missed (F64).
pub const OLD_BACKUP: TimeDelta = TimeDelta::hours(36);

impl Ledger {
    /// Reads it; nothing where there is no database. Changes nothing on disk.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn read(world: &World, at: Timestamp) -> Result<Ledger, StoreError> {
        let mail = &world.config.mail;
        let limits = match mail.transport {
            Transport::Files => Limits::default(),
            Transport::Smtp | Transport::Sendmail => Limits::of(&mail.smtp),
        };
        let desk = Desk::of(world);
        let wave = world.config.daemon.wave();
        let waves = wave.filter(|_| mail.transport != Transport::Files);
        let look = |store: &Store| {
            Ok(Ledger {
                deliveries: store.deliveries_by_state()?,
                bounces: store.bounces()?,
                unparsed: store.unparsed()?,
                last_sent: store.last_sent()?,
                last_hour: store.sent_between(at - TimeDelta::hours(1), at)?,
                rate: limits.all.clone(),
                imported: store.imported_at()?,
                relay: store.relay()?,
                limits: reached(store, &limits, at)?,
                guards: store.guards()?,
                all_held: store.all_held_with_why()?,
                held_steps: store.held_steps_with_why()?,
                outbox: Outbox::read(store, &desk, &Selection::default(), at)?,
                pausing: waves.map_or(Ok(Vec::new()), |wave| pausing(store, wave, at))?,
                next_attempt: store.next_attempt()?,
                stuck: store.stuck(SOME)?,
                backup: store.backed_up_at()?,
                log: Store::log_length(&world.config.database),
            })
        };
        Ok(Store::look(&world.config.database, look)?.unwrap_or_default())
    }
}

/// How everything stands.
pub fn status(world: &World, ledger: Ledger, at: Timestamp) -> Status<'_> {
    let pass = Pass::at(world, at, &Selection::default());
    let mut stages: BTreeMap<&Slug, [usize; 5]> =
        world.library.journeys.iter().map(|journey| (&journey.slug, [0; 5])).collect();
    for (slug, stage) in &pass.stages {
        let place = Stage::ALL.iter().position(|known| known == stage).unwrap_or_default();
        stages.entry(slug).or_default()[place] += 1;
    }
    // What is put off, behind a relay in trouble, or the rest of a mailing.
    let retry = ledger.relay.trouble.as_ref().map(|trouble| trouble.retry);
    let opens = ledger.pausing.iter().map(|pausing| pausing.opens).min();
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
        relay: ledger.relay,
        limits: ledger.limits,
        guards: ledger.guards,
        all_held: ledger.all_held,
        held_steps: ledger.held_steps,
        outbox: ledger.outbox,
        pausing: ledger.pausing,
        stuck: ledger.stuck,
        backup: ledger.backup,
        log: ledger.log,
        next_wake: handed_over.chain(pass.wake).min(),
        pass,
        broken: &world.broken,
    }
}
