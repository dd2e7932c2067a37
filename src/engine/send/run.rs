//! A send run: recovers what an earlier run left, enqueues what is due, and delivers what is queued. `journey send` and
//! the daemon run the same; they differ in their [`Trigger`] and in the [`Observer`] they pass.
//!
//! Enqueueing is the decision. It is made once; anything later can only delay a mail.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::journal::Journal;
use super::mail_sender::MailSender;
use super::startup::{self, Startup};
use crate::clock;
use crate::config::Config;
use crate::domain::delivery::send_block::SendBlock;
use crate::domain::planner::{ApprovalMode, Planner};
use crate::domain::time::timezone::Timestamp;
use crate::engine::deliver::{DeliveryHooks, DeliverySummary, OutboxSummary, SendFilter};
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::error::LoadError;
use crate::engine::load::snapshot::{LoadScope, Snapshot};
use crate::engine::message::MessageBuilder;
use crate::engine::plan::decide;
use crate::engine::plan::pass::{Filter, Pass};
use crate::engine::plan::people_batches::{self, PeopleBatches};
use crate::engine::plan::positions;
use crate::engine::plan::subset::{self, Subset};
use crate::engine::tokens::Keys;
use crate::engine::{answers, retention};
use crate::mail::transport::Transport;
use crate::store::{JournalReconciliation, RecoveryReport, Store, StoreError};

/// A rate limit that blocks longer than this (a daily limit) ends the run; a later run continues. Shorter waits (per
/// minute or hour) are waited out.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// A wait longer than this is reported.
const REPORT_WAIT_AFTER: Duration = Duration::from_secs(2 * 60);
/// The daemon delivers at most this long before it checks again whether it may send and what is due.
const LONGEST_SCHEDULED: TimeDelta = TimeDelta::minutes(1);

/// What happens around a run: the clock, the request to stop, progress and log. `journey send` and the daemon each
/// have one.
pub trait Observer {
    /// The current time while mails are sent.
    fn now(&self) -> Timestamp;

    /// Whether to start no new work. Polled all the time, also while stopping.
    fn should_stop(&self) -> bool;

    /// Whether the stop is final: then only mails in flight are waited for.
    fn is_final(&self) -> bool {
        self.should_stop()
    }

    /// Called once earlier deliveries are recovered.
    fn recovered(&self, _: &Startup) {}

    /// Called before the first pass of a run that has something to plan. A block it returns is stored, and nothing is
    /// enqueued.
    fn before_enqueue(&self, _: &Snapshot, _: &Store) -> anyhow::Result<Option<SendBlock>> {
        Ok(None)
    }

    /// Called for each batch once it is enqueued, with its verdicts and the delivery number of each mail in `send`.
    fn enqueued(&self, _: &Snapshot, _: &Pass<'_>, _numbers: &[i64]) {}

    /// Called once all that is due is enqueued, with the number of mails.
    fn pass_ended(&self, _enqueued: usize) {}

    /// Called after each delivered mail.
    fn sent(&self) {}

    /// Receives messages for the operator.
    fn log(&self, message: String);
}

/// What started a run.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// An operator: all that is due and selected. Rate limits are waited for, and the relay is tried even if it failed
    /// just before.
    Command(Filter),
    /// The daemon: nothing is planned before a position is due, a relay that failed gets time to recover, a mailing may
    /// leave in stages, and delivery returns within a minute.
    Schedule,
}

/// A send run. The caller must hold the lock.
pub struct SendRun<'a> {
    /// The configuration.
    pub config: Arc<Config>,
    /// The active content.
    pub content: Arc<ActiveContent>,
    /// How messages leave.
    pub transport: &'a Transport,
    /// The instant to plan for.
    pub at: Timestamp,
    /// What started it.
    pub trigger: Trigger,
    /// Batch size for people; see [`Snapshot::batch_size`].
    pub batch_size: usize,
    /// Clock, progress and log.
    pub observer: &'a dyn Observer,
}

/// Result of a run.
#[derive(Default)]
pub struct RunOutcome {
    /// Blocks that prevent sending; if there are any, nothing was enqueued or delivered.
    pub blocks: Vec<SendBlock>,
    /// What was recovered from an earlier run.
    pub recovered: RecoveryReport,
    /// Entries of the send journal that were missing in the database.
    pub reconciled: JournalReconciliation,
    /// Number of mails enqueued.
    pub enqueued: usize,
    /// Deliveries of this run and of earlier ones.
    pub delivered: DeliverySummary,
    /// The relay failed before and is not tried again until then.
    pub backoff: Option<Timestamp>,
    /// When the next position is due, for the daemon.
    pub next_due: Option<Timestamp>,
    /// What the last pass was planned from; `None` if nothing was due.
    pub snapshot: Option<Snapshot>,
}

impl RunOutcome {
    /// Brings the positions up to date after delivery, for people of whom there is news.
    pub fn update_positions(&self, store: &mut Store, at: Timestamp) -> Result<(), StoreError> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        decide::update(snapshot, store, at)
    }

    /// What comes next, by how people stand: one person for each group of enrolments that stand alike.
    pub(crate) fn summary_of_next(
        &self,
        store: &Store,
        at: Timestamp,
        mut take: impl FnMut(&Snapshot, &Pass<'_>),
    ) -> Result<(), StoreError> {
        let Some(last) = &self.snapshot else { return Ok(()) };
        let groups = Snapshot::of_reference_groups(last.config.clone(), last.content.clone(), store)?;
        match subset::of(groups, store, at, Subset::Groups)? {
            Some(snapshot) => take(&snapshot, &Pass::after(&snapshot, at, &Filter::default())),
            None => self.next_of_each(store, at, &Filter::default(), take)?,
        }
        Ok(())
    }

    /// What comes next for each person, in batches.
    pub fn next_of_each(
        &self,
        store: &Store,
        at: Timestamp,
        filter: &Filter,
        mut on_batch: impl FnMut(&Snapshot, &Pass<'_>),
    ) -> Result<(), StoreError> {
        let Some(last) = &self.snapshot else { return Ok(()) };
        let mut snapshot = Snapshot::of_reference_groups(last.config.clone(), last.content.clone(), store)?;
        snapshot.batch_size = last.batch_size;
        let [progress] = people_batches::progress(&snapshot, store, [at + TimeDelta::nanoseconds(1)])?;
        let library = &snapshot.content.library;
        let planner = Planner::new(library, &snapshot.roster, &snapshot.settings, ApprovalMode::Recorded);
        let planner_at = planner.at(at, &snapshot.memory, &progress);
        let mut batches = PeopleBatches::of(&snapshot);
        while let Some(batch) = batches.next(store)? {
            on_batch(&snapshot, &Pass::of(&snapshot, &planner_at, at, batch.iter(), filter));
        }
        Ok(())
    }
}

impl SendRun<'_> {
    /// Runs until nothing can leave now, a stop is requested, or the trigger's time is up. If it fails, the next run
    /// delivers what was enqueued.
    pub fn execute(&self, store: &mut Store) -> anyhow::Result<RunOutcome> {
        let startup = startup::start_sender(store, &self.config, self.at)?;
        self.observer.recovered(&startup);
        let Startup { mut journal, reconciled, recovered, blocks } = startup;
        let mut outcome = RunOutcome { reconciled, recovered, blocks, ..RunOutcome::default() };
        if self.is_scheduled() {
            // Also with the files transport, where an operator may send in spite of a block.
            outcome.blocks = store.send_blocks()?;
        }
        // Not by a clock that may be wrong: what is sealed or deleted does not come back.
        if outcome.blocks.is_empty() {
            answers::seal(&self.config, &self.content.library, store, self.at)?;
            if self.is_scheduled() {
                retention::run_daily(&self.content.library.programme, store, self.at)?;
            }
            self.enqueue_due(store, &mut outcome)?;
        }
        if outcome.blocks.is_empty() {
            self.deliver(store, journal.as_mut(), &mut outcome)?;
        }
        Ok(outcome)
    }

    fn is_scheduled(&self) -> bool {
        matches!(self.trigger, Trigger::Schedule)
    }

    /// Enqueues what is due.
    fn enqueue_due(&self, store: &mut Store, outcome: &mut RunOutcome) -> anyhow::Result<()> {
        let (config, content) = (self.config.clone(), self.content.clone());
        if self.is_scheduled() {
            let due = positions::due_people(&config, &content.library, store, self.at)?;
            if due.is_some_and(|people| people.is_empty()) {
                return Ok(());
            }
        }
        let loaded = Snapshot::of(config, content, store, LoadScope::ReferenceGroups);
        // Callers look for a [`StoreError`], to retry or to exit with its code.
        let mut snapshot = loaded.map_err(|error| match error {
            LoadError::Store(error) => anyhow::Error::from(error),
            error => error.into(),
        })?;
        snapshot.batch_size = self.batch_size;
        if let Some(block) = self.observer.before_enqueue(&snapshot, store)? {
            store.add_send_block(&block)?;
            outcome.blocks.push(block);
            return Ok(());
        }
        let filter = self.filter_after_outbox(store, &snapshot)?;
        let mut on_batch = |snapshot: &Snapshot, pass: &Pass<'_>, numbers: &[i64]| {
            self.observer.enqueued(snapshot, pass, numbers);
        };
        outcome.enqueued = decide::enqueue(&mut snapshot, store, self.at, &filter, &mut on_batch)?;
        self.observer.pass_ended(outcome.enqueued);
        outcome.snapshot = Some(snapshot);
        Ok(())
    }

    /// The filter for new mails. Mails enqueued by earlier passes are sent first and count towards the limit.
    fn filter_after_outbox(&self, store: &Store, snapshot: &Snapshot) -> Result<Filter, StoreError> {
        match &self.trigger {
            Trigger::Command(filter) if filter.limit.is_some() => {
                let builder = MessageBuilder::of(snapshot);
                let outbox = OutboxSummary::read(store, &builder, filter, self.observer.now())?;
                Ok(outbox.remaining_filter(filter))
            }
            Trigger::Command(filter) => Ok(filter.clone()),
            Trigger::Schedule => Ok(Filter::default()),
        }
    }

    /// Delivers what is queued, as fast as the rate limits allow.
    fn deliver(
        &self,
        store: &mut Store,
        mut journal: Option<&mut Journal>,
        outcome: &mut RunOutcome,
    ) -> anyhow::Result<()> {
        let observer = self.observer;
        let keys = Keys::new(&store.secrets()?);
        let content = &self.content;
        let builder =
            MessageBuilder { config: &self.config, library: &content.library, renderer: &content.renderer };
        let mut sender =
            MailSender { transport: self.transport, builder: &builder, keys: &keys, rollout: None };
        let (mut filter, mut leave_at) = (SendFilter::default(), None);
        match &self.trigger {
            Trigger::Command(selection) => filter = SendFilter::of(selection),
            Trigger::Schedule => {
                outcome.next_due = store.next_due_at()?;
                outcome.backoff = store.relay_health()?.failure.map(|failure| failure.retry);
                outcome.backoff = outcome.backoff.filter(|retry| self.at < *retry);
                if outcome.backoff.is_some() {
                    return Ok(());
                }
                sender.rollout = self.config.daemon.wave();
                let in_a_minute = observer.now() + LONGEST_SCHEDULED;
                leave_at = outcome.next_due.filter(|at| *at > self.at).into_iter().chain([in_a_minute]).min();
            }
        }
        let stop = || observer.should_stop() || leave_at.is_some_and(|at| observer.now() >= at);
        loop {
            let hooks = DeliveryHooks {
                filter: &mut filter,
                now: &|| observer.now(),
                on_sent: &mut || observer.sent(),
                log: &mut |message| observer.log(message),
                should_stop: &stop,
                is_final: &|| observer.is_final(),
            };
            let delivered = sender.deliver(store, journal.as_deref_mut(), hooks)?;
            let wait = delivered.wait.filter(|wait| *wait <= LONGEST_WAIT);
            outcome.delivered.add(delivered);
            let Some(wait) = wait.filter(|_| !self.is_scheduled() && !stop()) else { return Ok(()) };
            if wait > REPORT_WAIT_AFTER {
                observer.log(format!(
                    "the limits let the next mail leave in {} minutes; this waits",
                    wait.as_secs().div_ceil(60)
                ));
            }
            clock::sleep(wait, stop);
        }
    }
}

/// Number of mails that are due at an instant.
pub(crate) fn count_due(snapshot: &Snapshot, store: &Store, at: Timestamp) -> Result<usize, StoreError> {
    decide::count_due(snapshot, store, at)
}
