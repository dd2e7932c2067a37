//! Sends mails to the relay with several workers. The coordinator alone uses the
//! database. It takes all reports since its last commit and commits them together:
//! the outcomes, and the mail that each worker sends next. A worker sends the data of
//! a mail only after that commit, so a crash repeats at most one mail of each worker.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;

use super::claims::{BatchSelector, OutboxCursor, PREFETCH};
use super::limits::{Limits, SendHistory};
use super::message_bases::MessageBases;
use super::rejections::{Classified, Rejection, RejectionTracker};
use super::rollout::StagedRollout;
use super::work_queue::WorkQueue;
use super::worker::{Destination, FinishedMail, NextMail, Worker, WorkerContext, WorkerReport};
use super::{DeliverySummary, SendDecision, SendFilter, SendPolicy};
use crate::clock::Stopwatch;
use crate::domain::change::{Change, ChangeAuthor};
use crate::domain::delivery::bounce::{NO_MAILBOX, StatusCode};
use crate::domain::delivery::reply::{self, Outcome, Phase, RelayError, RelayErrorKind, Reply};
use crate::domain::delivery::state::{DeliveryEvent, recipient_backoff};
use crate::domain::model::ids::StepName;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Reason;
use crate::engine::message::MessageBuilder;
use crate::engine::send::journal::Journal;
use crate::engine::tokens::Keys;
use crate::failpoint;
use crate::mail::message::dkim::Signer;
use crate::store::{
    InFlight, JournalEntry, OutboundDelivery, OutboxCommit, SettingsRevision, Store, StoreError, Transition,
    WriteResult,
};

/// How long the coordinator waits for reports before it checks whether to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How often the outbox is read again from its start.
const MAX_RESCANS: u32 = 3;
/// This many mails in a row without a reply mean the mail server.
const MAX_IN_DOUBT: usize = 3;
/// A commit that takes longer is reported.
const SLOW_COMMIT: Duration = Duration::from_secs(5);

/// The relay, and how fast mails are sent to it.
pub(crate) struct RelayRoute<'a> {
    /// What takes the mails.
    pub(crate) to: Destination<'a>,
    /// What signs them, if the relay does not.
    pub(crate) signer: Option<&'a Signer>,
    /// The number of connections.
    pub(crate) connections: u16,
    /// Rate limits.
    pub(crate) limits: Limits,
    /// How long a mail in doubt waits before it is sent once more.
    pub(crate) in_doubt_wait: TimeDelta,
    /// A staged rollout: the number of first mails of a mailing, and how long the rest
    /// waits.
    pub(crate) rollout: Option<(u32, TimeDelta)>,
}

/// What happens around the delivery.
pub struct DeliveryHooks<'a> {
    /// The mails that may be sent at all.
    pub filter: &'a mut SendFilter,
    /// The current time.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Called after each mail that was sent.
    pub on_sent: &'a mut dyn FnMut(),
    /// Receives messages for the operator.
    pub log: &'a mut dyn FnMut(String),
    /// Whether to start no new work. Polled all the time, also while stopping, as a
    /// sign of life.
    pub should_stop: &'a dyn Fn() -> bool,
    /// Whether the stop is final: then only mails in flight are waited for.
    pub is_final: &'a dyn Fn() -> bool,
}

/// Sends what is selected and may be sent now to the relay.
///
/// # Errors
///
/// If the database or the send journal cannot be written. The next run finds what
/// was in flight.
pub(crate) fn to_relay(
    builder: &MessageBuilder<'_>,
    keys: &Keys,
    store: &mut Store,
    journal: &mut Journal,
    route: &RelayRoute<'_>,
    hooks: DeliveryHooks<'_>,
) -> anyhow::Result<DeliverySummary> {
    let history = SendHistory::read(store, &route.limits, (hooks.now)())?;
    let queue = WorkQueue::new(&route.limits, Stopwatch::start(), &history);
    let bases = MessageBases::default();
    let context =
        WorkerContext { builder: *builder, keys, to: route.to, signer: route.signer, queue: &queue, bases };
    let policy = SendPolicy::read(store, builder)?;
    let mut coordinator = Coordinator {
        builder,
        store,
        journal,
        route,
        hooks,
        queue: &queue,
        policy,
        cursor: OutboxCursor::default(),
        claimed: HashSet::new(),
        to_close: Vec::new(),
        answers: Vec::new(),
        is_changed: false,
        is_closing: false,
        relay_failures: 0,
        in_doubt: 0,
        must_rescan: false,
        given_back: BTreeMap::new(),
        limited: BTreeSet::new(),
        rescans: 0,
        rejections: RejectionTracker::default(),
        rollout: StagedRollout::new(route.rollout),
        summary: DeliverySummary::default(),
    };
    let (sender, reports) = mpsc::channel();
    std::thread::scope(|scope| {
        coordinator.claim()?;
        let ready = u16::try_from(queue.stats().ready).unwrap_or(u16::MAX);
        for number in 0..route.connections.min(ready) {
            let (answer, answers) = mpsc::channel();
            coordinator.answers.push(answer);
            let worker =
                Worker { context: &context, number: number.into(), reports: sender.clone(), answers };
            scope.spawn(move || worker.run());
        }
        drop(sender);
        let outcome = coordinator.run(&reports);
        // After an error, no worker waits for the coordinator.
        queue.close();
        drop(reports);
        coordinator.answers.clear();
        outcome
    })?;
    Ok(coordinator.summary)
}

/// The only user of the database while workers send.
struct Coordinator<'a, 'h> {
    builder: &'a MessageBuilder<'a>,
    store: &'a mut Store,
    journal: &'a mut Journal,
    route: &'a RelayRoute<'a>,
    hooks: DeliveryHooks<'h>,
    queue: &'a WorkQueue,
    policy: SendPolicy,
    /// How far the outbox is read.
    cursor: OutboxCursor,
    /// Mails that are in the queue or with a worker, or whose outcome is not decided.
    /// In the database they are due as before.
    claimed: HashSet<i64>,
    /// Mails that are no longer wanted or too late, to be closed by the next commit.
    to_close: Vec<OutboundDelivery>,
    /// One channel for each worker.
    answers: Vec<Sender<bool>>,
    /// Another connection has written since this began: recipients may have left.
    is_changed: bool,
    /// No new work is started.
    is_closing: bool,
    /// How often in a row the relay as a whole failed.
    relay_failures: usize,
    /// The number of mails in a row that are in doubt.
    in_doubt: usize,
    /// Mails were given back that are tried again in this run.
    must_rescan: bool,
    /// Mails that failures of the relay gave back and that were not sent since.
    given_back: BTreeMap<i64, RelayError>,
    /// Mails that a limit stopped while others passed.
    limited: BTreeSet<i64>,
    /// How often the outbox was read again from its start.
    rescans: u32,
    rejections: RejectionTracker,
    rollout: StagedRollout,
    summary: DeliverySummary,
}

/// What the workers reported, to be committed together.
#[derive(Default)]
struct Batch {
    transitions: Vec<Transition>,
    sent: Vec<JournalEntry>,
    /// Workers with nothing in flight.
    idle: Vec<i64>,
    /// Workers that wait until their outcome is committed, without a next mail.
    waiting: Vec<usize>,
    /// What workers send next, if it may still be sent.
    next: Vec<(usize, NextMail)>,
    /// Steps whose messages are too large for the relay, and why.
    too_large: Vec<(StepName, String)>,
    /// The workers have ended.
    is_last: bool,
}

impl Batch {
    fn is_empty(&self) -> bool {
        !self.is_last
            && self.transitions.is_empty()
            && self.sent.is_empty()
            && self.idle.is_empty()
            && self.next.is_empty()
            && self.too_large.is_empty()
    }
}

impl Coordinator<'_, '_> {
    /// Commits what the workers report until all of them have ended.
    fn run(&mut self, reports: &Receiver<WorkerReport>) -> anyhow::Result<()> {
        let mut workers = self.answers.len();
        while workers > 0 {
            let mut batch = Batch::default();
            match reports.recv_timeout(self.poll_timeout()) {
                Ok(first) => {
                    self.handle_report(first, &mut workers, &mut batch);
                    reports.try_iter().for_each(|next| self.handle_report(next, &mut workers, &mut batch));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.check_stop_conditions();
            self.commit(batch)?;
            self.claim()?;
        }
        let mut batch = Batch { is_last: !self.answers.is_empty(), ..Batch::default() };
        let rest = self.rejections.finish();
        self.record_rejections(&mut batch, rest);
        self.commit(batch)?;
        self.report_given_back();
        self.record_wait()
    }

    /// How long to wait for a report: not at all if none is expected, because the
    /// outbox turned out to have been read to its end.
    fn poll_timeout(&self) -> Duration {
        let stats = self.queue.stats();
        let is_idle = stats.ready + stats.active == 0 && self.cursor.exhausted && !self.is_closing;
        if is_idle { Duration::ZERO } else { POLL_INTERVAL }
    }

    fn handle_report(&mut self, report: WorkerReport, workers: &mut usize, batch: &mut Batch) {
        match report {
            WorkerReport::Turn { worker, finished, next } => {
                if let Some(FinishedMail { mail, outcome }) = finished {
                    self.queue.complete(&mail, true);
                    self.handle_outcome(batch, &mail, outcome);
                    if next.is_none() {
                        batch.idle.push(worker as i64);
                        batch.waiting.push(worker);
                    }
                }
                batch.next.extend(next.map(|next| (worker, next)));
            }
            WorkerReport::Aborted { worker, mail } => {
                self.queue.complete(&mail, true);
                self.claimed.remove(&mail.delivery.number);
                batch.idle.push(worker as i64);
            }
            WorkerReport::BuildFailed { mail, why } => {
                self.queue.complete(&mail, false);
                self.settle(batch, &mail, DeliveryEvent::Held, why);
            }
            WorkerReport::Exited { worker, mail, error } => {
                *workers -= 1;
                batch.idle.push(worker as i64);
                if let Some(error) = error {
                    self.note_connection_limit(&error);
                    let may_pass = error.kind != RelayErrorKind::Permanent;
                    if may_pass && *workers > 0 && !self.is_closing {
                        // The others have a connection each; this is one fewer.
                        mail.into_iter().for_each(|mail| self.queue.put_back(mail));
                        return;
                    }
                    if let Some(mail) = mail {
                        self.queue.complete(&mail, false);
                        self.claimed.remove(&mail.delivery.number);
                    }
                    self.stop_after_relay_failure(error);
                }
            }
            // Its mail stays in flight for the next run.
            WorkerReport::Crashed => {
                *workers -= 1;
                if !self.is_closing {
                    let why = "internal error: a connection to the mail server crashed".to_owned();
                    let kind = RelayErrorKind::Transient;
                    self.stop_after_relay_failure(RelayError { kind, phase: Phase::Connect, why });
                    self.summary.worker_crashed = true;
                }
            }
        }
    }

    /// Notes whether there was one connection more than the relay accepts.
    fn note_connection_limit(&mut self, error: &RelayError) {
        if error.kind == RelayErrorKind::TooManyConnections {
            self.summary.connection_limit_hit = u16::try_from(self.answers.len()).ok();
        }
    }

    fn handle_outcome(&mut self, batch: &mut Batch, mail: &OutboundDelivery, outcome: Outcome) {
        let now = (self.hooks.now)();
        let number = mail.delivery.number;
        if !matches!(outcome, Outcome::InDoubt(_)) {
            self.in_doubt = 0;
        }
        if !matches!(outcome, Outcome::RelayFailed(_)) {
            self.relay_failures = 0;
            self.given_back.remove(&number);
        }
        match outcome {
            Outcome::Sent(reply) => {
                let recipients = self.rejections.take_confirmed();
                self.record_rejections(batch, Classified { recipients, ..Classified::default() });
                batch.sent.push(JournalEntry {
                    number,
                    message_id: mail.delivery.message_id.clone(),
                    at: now,
                    reply: reply.to_string(),
                });
                self.settle(batch, mail, DeliveryEvent::Accepted, reply.to_string());
                (self.hooks.on_sent)();
            }
            Outcome::Deferred(reply) => {
                let not_before = Some(now + recipient_backoff(mail.attempts + 1));
                let deferred = transition(mail, DeliveryEvent::Deferred).with_reply(reply.to_string());
                self.record(batch, Transition { not_before, ..deferred });
            }
            Outcome::Rejected { reply, hard } => {
                // Exchange Online says it with a code that elsewhere means something else.
                let code = reply.enhanced.filter(|code| code.subject == 1).unwrap_or(NO_MAILBOX);
                self.reject(batch, mail, DeliveryEvent::Rejected, hard.then_some(code), reply);
            }
            Outcome::Limited(reply) => self.reject(batch, mail, DeliveryEvent::Deferred, None, reply),
            Outcome::TooLarge(why) => self.hold_step(batch, mail, why),
            Outcome::MessageRejected(reply) if reply::is_of_size(&reply) => {
                self.hold_step(batch, mail, format!("the mail server says {reply}"));
            }
            Outcome::MessageRejected(reply) => self.reject(batch, mail, DeliveryEvent::Held, None, reply),
            Outcome::Held(why) => self.settle(batch, mail, DeliveryEvent::Held, why),
            Outcome::InDoubt(why) => {
                self.in_doubt += 1;
                let not_before = Some(now + self.route.in_doubt_wait);
                let lost = transition(mail, DeliveryEvent::ResultUnknown).with_reply(why.clone());
                self.record(batch, Transition { not_before, doubts: mail.doubts, ..lost });
                // Each of them may arrive twice.
                if self.in_doubt >= MAX_IN_DOUBT {
                    let (kind, phase) = (RelayErrorKind::Transient, Phase::EndOfData);
                    self.stop_after_relay_failure(RelayError { kind, phase, why });
                }
            }
            Outcome::RelayFailed(error) => {
                self.claimed.remove(&number);
                self.note_connection_limit(&error);
                self.relay_failures += 1;
                self.must_rescan = true;
                self.given_back.insert(number, error.clone());
                let is_often = self.relay_failures > usize::from(self.route.connections).max(2);
                if error.kind == RelayErrorKind::Permanent || is_often {
                    self.stop_after_relay_failure(error);
                }
            }
        }
    }

    fn reject(
        &mut self,
        batch: &mut Batch,
        mail: &OutboundDelivery,
        happened: DeliveryEvent,
        no_mailbox: Option<StatusCode>,
        reply: Reply,
    ) {
        let number = mail.delivery.number;
        let again = self.limited.contains(&number);
        let (from, attempts) = (mail.delivery.state, mail.attempts);
        let classified =
            self.rejections.record(Rejection { number, from, happened, attempts, again, no_mailbox, reply });
        self.record_rejections(batch, classified);
    }

    /// Records rejections once it is known whom they concern.
    fn record_rejections(&mut self, batch: &mut Batch, classified: Classified) {
        self.queue.take_from_the_end(self.rejections.next_decides());
        for rejection in classified.recipients {
            self.reject_recipient(batch, rejection);
        }
        for rejection in classified.relay_wide {
            self.claimed.remove(&rejection.number);
        }
        if let Some(error) = classified.error {
            self.stop_after_relay_failure(error);
        }
    }

    /// Records a rejection that concerns its recipient, or the content.
    fn reject_recipient(&mut self, batch: &mut Batch, rejection: Rejection) {
        let Rejection { number, from, happened, attempts, again, no_mailbox, reply } = rejection;
        let is_limit = happened == DeliveryEvent::Deferred;
        if is_limit && !again {
            // Others passed: it is tried once more in this run.
            self.claimed.remove(&number);
            self.limited.insert(number);
            self.must_rescan = true;
            let why = format!("the mail server did not take a mail: {reply}");
            let (kind, phase) = (RelayErrorKind::Transient, Phase::Rcpt);
            self.given_back.insert(number, RelayError { kind, phase, why });
            return;
        }
        let not_before = is_limit.then(|| (self.hooks.now)() + recipient_backoff(attempts + 1));
        let made = Transition::new(number, from, happened).with_reply(reply.to_string());
        self.record(batch, Transition { no_mailbox, not_before, ..made });
    }

    /// Reports a failure of the relay for mails that were given back and not sent
    /// since.
    fn report_given_back(&mut self) {
        if let Some((_, error)) = self.given_back.pop_last() {
            self.summary.relay_error.get_or_insert(error);
        }
    }

    /// A message that is too large means that its whole step is: the step is held, and
    /// none of its mails.
    fn hold_step(&mut self, batch: &mut Batch, mail: &OutboundDelivery, why: String) {
        let step = &mail.delivery.step;
        let queued = self.queue.drain_matching(step);
        let numbers = queued.iter().map(|mail| mail.delivery.number).chain([mail.delivery.number]);
        for number in numbers {
            self.claimed.remove(&number);
            self.summary.blocked.add(step, Reason::ManualHold);
            self.summary.too_large += 1;
        }
        batch.too_large.push((step.clone(), why));
    }

    fn settle(&mut self, batch: &mut Batch, mail: &OutboundDelivery, happened: DeliveryEvent, why: String) {
        self.record(batch, transition(mail, happened).with_reply(why));
    }

    /// Adds an outcome to the next commit.
    fn record(&mut self, batch: &mut Batch, made: Transition) {
        self.claimed.remove(&made.number);
        made.from.after(made.happened, made.doubts).into_iter().for_each(|state| self.summary.count(state));
        batch.transitions.push(made);
    }

    fn stop_after_relay_failure(&mut self, error: RelayError) {
        self.summary.relay_error.get_or_insert(error);
        self.close();
    }

    /// Starts nothing new: mails that no worker has taken stay due.
    fn close(&mut self) {
        self.is_closing = true;
        for mail in self.queue.close() {
            self.claimed.remove(&mail.delivery.number);
        }
    }

    fn check_stop_conditions(&mut self) {
        let should_stop = (self.hooks.should_stop)();
        if should_stop && (self.hooks.is_final)() {
            self.queue.abort();
        }
        if self.is_closing {
            return;
        }
        let stats = self.queue.stats();
        if should_stop {
            self.close();
        } else if stats.active == 0 {
            // A limit of one domain is waited for when no other mail is left.
            let is_all = self.cursor.has_claimed_all(self.queue) && !self.can_rescan();
            if stats.wait.is_some() && (stats.all_wait.is_some() || is_all) {
                self.summary.wait = stats.wait;
                self.close();
            } else if stats.ready == 0 && (is_all || stats.all_wait.is_some()) {
                self.close();
            }
        }
    }

    /// Whether the outbox is read again for mails that were given back, now that the
    /// relay accepts mails.
    fn can_rescan(&self) -> bool {
        self.must_rescan && self.relay_failures == 0 && self.rescans < MAX_RESCANS
    }

    /// Commits a batch, and which mails are sent next. Then the workers are answered.
    fn commit(&mut self, batch: Batch) -> anyhow::Result<()> {
        if batch.is_empty() && self.to_close.is_empty() {
            return Ok(());
        }
        let Batch { transitions, sent, idle, waiting, next, too_large, is_last } = batch;
        if !sent.is_empty() {
            self.journal.add(&sent)?;
        }
        self.hold_oversized_steps(&too_large)?;
        let journal_length = is_last.then(|| self.journal.length());
        let mut commit = OutboxCommit { transitions, idle, in_flight: Vec::new(), journal_length };
        let (outcomes, idle) = (commit.transitions.len(), commit.idle.len());
        let permitted = loop {
            let now = (self.hooks.now)();
            if self.is_changed {
                self.refresh_recipients(&next)?;
            }
            commit.transitions.truncate(outcomes);
            commit.idle.truncate(idle);
            commit.in_flight.clear();
            self.permit(&next, &mut commit, now);
            for mail in &self.to_close {
                if let SendDecision::Close(event, why) = self.policy.decide(self.builder, mail, now) {
                    commit.transitions.push(transition(mail, event).with_reply(why));
                }
            }
            let is_decision = !next.is_empty() || !self.to_close.is_empty();
            match self.write(&commit, is_decision.then_some(self.policy.seen), now)? {
                WriteResult::Applied(permitted) => break permitted,
                // What was decided meanwhile applies to everything that is not sent yet.
                WriteResult::Conflict => {
                    self.policy = SendPolicy::read(self.store, self.builder)?;
                    self.is_changed = true;
                }
            }
        };
        self.to_close.clear();
        let closed = commit.transitions.iter().skip(outcomes);
        let states = closed.filter_map(|made| made.from.after(made.happened, made.doubts));
        states.for_each(|state| self.summary.count(state));
        let in_flight = commit.in_flight.iter().zip(permitted).filter(|(_, is_permitted)| *is_permitted);
        let permitted: BTreeSet<i64> = in_flight.map(|(mail, _)| mail.worker).collect();
        for (worker, next) in next {
            let is_permitted = permitted.contains(&(worker as i64));
            if !is_permitted {
                self.queue.complete(&next.mail, true);
                self.claimed.remove(&next.mail.delivery.number);
            }
            self.answer(worker, is_permitted);
        }
        waiting.into_iter().for_each(|worker| self.answer(worker, true));
        Ok(())
    }

    fn answer(&self, worker: usize, is_permitted: bool) {
        // A worker that has ended needs no answer.
        let _ = self.answers[worker].send(is_permitted);
    }

    /// Adds the mails that workers send next, as far as they may still be sent.
    fn permit(&self, next: &[(usize, NextMail)], commit: &mut OutboxCommit, now: Timestamp) {
        let is_final = (self.hooks.is_final)();
        for (worker, NextMail { mail, message }) in next {
            let worker = *worker as i64;
            match self.policy.decide(self.builder, mail, now) {
                SendDecision::Send if !is_final => {
                    let (number, state) = (mail.delivery.number, mail.delivery.state);
                    commit.in_flight.push(InFlight { worker, number, state, message: message.clone() });
                }
                SendDecision::Send | SendDecision::Wait(_) => commit.idle.push(worker),
                SendDecision::Close(event, why) => {
                    commit.idle.push(worker);
                    commit.transitions.push(transition(mail, event).with_reply(why));
                }
            }
        }
    }

    /// Holds steps that are too large for the relay, as `journey hold` does, with a
    /// record in the audit log that says why.
    fn hold_oversized_steps(&mut self, steps: &[(StepName, String)]) -> anyhow::Result<()> {
        for (step, why) in steps {
            if self.policy.settings.held_steps.contains(step) {
                continue;
            }
            let change = Change::Hold(Some(step.clone()));
            let author =
                ChangeAuthor { at: (self.hooks.now)(), by: "journey".to_owned(), why: Some(why.clone()) };
            loop {
                match self.store.record_decision(&change, &author, "not held", "held") {
                    Err(StoreError::Busy) => self.report_busy(),
                    recorded => break recorded.context("a step could not be held")?,
                }
            }
            self.policy.settings.held_steps.push(step.clone());
            (self.hooks.log)(format!(
                "step {step} is held: {why}; when it has become smaller: journey hold release {step}"
            ));
        }
        Ok(())
    }

    fn report_busy(&mut self) {
        // Nothing is started meanwhile; the call is a sign of life.
        let _ = (self.hooks.should_stop)();
        (self.hooks.log)(
            "another program has been writing to the database for 5 s; no mail is sent meanwhile".to_owned(),
        );
    }

    /// Finds recipients who have left since their mails were claimed.
    fn refresh_recipients(&mut self, next: &[(usize, NextMail)]) -> anyhow::Result<()> {
        let numbers: Vec<i64> = next.iter().map(|(_, next)| next.mail.delivery.number).collect();
        let active = self.store.recipients_active(&numbers)?;
        let gone = numbers.into_iter().zip(active).filter(|(_, is_active)| !is_active);
        self.policy.gone.extend(gone.map(|(number, _)| number));
        Ok(())
    }

    /// Commits, however long another program locks the database.
    fn write(
        &mut self,
        commit: &OutboxCommit,
        seen: Option<SettingsRevision>,
        now: Timestamp,
    ) -> anyhow::Result<WriteResult> {
        let watch = Stopwatch::start();
        loop {
            match self.store.commit(commit, seen, now) {
                Err(StoreError::Busy) => self.report_busy(),
                written => {
                    if watch.elapsed() > failpoint::at_most("commit.slow", SLOW_COMMIT) {
                        let seconds = watch.elapsed().as_secs();
                        (self.hooks.log)(format!(
                            "the database took {seconds} s to write; nothing left meanwhile"
                        ));
                    }
                    return written.context("what became of mails on their way could not be written down");
                }
            }
        }
    }

    /// Records how long mails wait for a rate limit, if any do. A relay that fails is
    /// not waited for in this way.
    fn record_wait(&mut self) -> anyhow::Result<()> {
        if self.summary.worker_crashed {
            self.summary.wait = None;
        } else if self.summary.wait.is_none() && self.summary.relay_error.is_none() {
            let all_wait = self.queue.stats().all_wait;
            let more = all_wait.is_some() && (self.cursor.has_skipped() || self.more_may_be_sent()?);
            self.summary.wait = all_wait.filter(|_| more).or_else(|| self.cursor.wait(self.queue));
        }
        Ok(())
    }

    /// Whether there is a mail beyond what was read that only a limit keeps back.
    fn more_may_be_sent(&self) -> anyhow::Result<bool> {
        let (now, mut after) = ((self.hooks.now)(), self.cursor.after);
        loop {
            let found = self.store.sendable(after, PREFETCH, now)?;
            let Some(last) = found.last() else { return Ok(false) };
            after = last.delivery.number;
            let filter = &self.hooks.filter;
            let is_selected =
                |mail: &&OutboundDelivery| filter.names(mail) && filter.has_room_for(mail.delivery.number);
            let may_be_sent =
                |mail| matches!(self.policy.decide(self.builder, mail, now), SendDecision::Send);
            if found.iter().filter(is_selected).any(may_be_sent) {
                return Ok(true);
            }
        }
    }

    /// Claims the next mails for the queue, if there is room in it and one may be sent
    /// soon. A claim is in memory only.
    fn claim(&mut self) -> anyhow::Result<()> {
        let stats = self.queue.stats();
        if self.is_closing || stats.free >= PREFETCH / 2 || stats.all_wait.is_some() {
            return Ok(());
        }
        if self.cursor.exhausted && self.can_rescan() {
            (self.must_rescan, self.cursor) = (false, OutboxCursor::default());
            self.rescans += 1;
        }
        let mut selector = BatchSelector {
            builder: self.builder,
            store: self.store,
            policy: &self.policy,
            rollout: &mut self.rollout,
            filter: self.hooks.filter,
            queue: self.queue,
            claimed: &self.claimed,
            now: (self.hooks.now)(),
        };
        let selected = selector.select(&self.cursor)?;
        self.summary.rollout = self.rollout.opens;
        self.cursor = selected.cursor;
        self.summary.blocked.add_all(selected.blocked);
        self.to_close.extend(selected.to_close);
        self.claimed.extend(selected.mails.iter().map(|mail| mail.delivery.number));
        self.queue.put(selected.mails);
        Ok(())
    }
}

/// A transition of a mail from its present state.
fn transition(mail: &OutboundDelivery, happened: DeliveryEvent) -> Transition {
    Transition::new(mail.delivery.number, mail.delivery.state, happened)
}
