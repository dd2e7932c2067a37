//! Mails to the relay: lines that hand over, and one writer that has the
//! database. The writer takes whatever the lines have told it since its last
//! commit and commits it together, so that the disk is asked once for all; a
//! line lets the words of a mail leave only when it is on disk that they do,
//! and with that what came of its mail before (performance, 8). So a process
//! that dies repeats at most one mail a line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;

use super::claims::{BatchSelector, ClaimedBatch, OutboxCursor, PREFETCH};
use super::limits::{Limits, SendHistory};
use super::patterns::Patterns;
use super::rejections::{Classified, Rejection, RejectionTracker};
use super::rollout::StagedRollout;
use super::work_queue::WorkQueue;
use super::worker::{Destination, Worker, WorkerContext, WorkerEvent, waits_for_word};
use super::{DeliverySummary, SendDecision, SendFilter, SendPolicy};
use crate::clock::Stopwatch;
use crate::domain::change::{Change, ChangeAuthor};
use crate::domain::delivery::bounce::{NO_MAILBOX, StatusCode};
use crate::domain::delivery::reply::{self, Outcome, Phase, RelayError, RelayErrorKind, Reply};
use crate::domain::delivery::state::{DeliveryEvent, State, recipient_backoff};
use crate::domain::model::ids::StepName;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Reason;
use crate::engine::message::MessageBuilder;
use crate::engine::send::journal::Journal;
use crate::engine::tokens::Keys;
use crate::failpoint;
use crate::mail::message::dkim::Signer;
use crate::store::{
    DataVersion, JournalEntry, OutboundDelivery, Packed, Store, StoreError, Transition, WriteResult,
};

/// How long the writer waits for the lines before it looks around.
const LOOK_AROUND: Duration = Duration::from_millis(500);
/// How often in one sitting the outbox is read again.
const RESCANS: u32 = 3;
/// This many mails in a row without a reply mean the mail server.
const MOST_IN_DOUBT: usize = 3;
/// A commit that takes longer than this is worth a word (F05).
const SLOW: Duration = Duration::from_secs(5);

/// The way to the relay, and how fast.
pub(crate) struct RelayRoute<'a> {
    /// Who takes them.
    pub(crate) to: Destination<'a>,
    /// Who signs them, if the relay does not.
    pub(crate) signer: Option<&'a Signer>,
    /// How many connections at the same time.
    pub(crate) connections: u16,
    /// How fast.
    pub(crate) limits: Limits,
    /// How long what is in doubt waits before it is handed over once more.
    pub(crate) in_doubt_wait: TimeDelta,
    /// So many mails of a mailing leave first, and so long before the rest
    /// does: somebody may notice that it was the wrong one (T28).
    pub(crate) wave: Option<(u32, TimeDelta)>,
}

/// What is asked and told on the way.
pub struct DeliveryHooks<'a> {
    /// What may be handed over at all.
    pub chosen: &'a mut SendFilter,
    /// What the clock shows.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Told after each mail.
    pub one_more: &'a mut dyn FnMut(),
    /// Told what an operator should know.
    pub say: &'a mut dyn FnMut(String),
    /// Shall nothing more be begun? Asked all the time, also when that is so:
    /// whoever asks is alive (F14).
    pub stop: &'a dyn Fn() -> bool,
    /// Is it for good? Then only what has left is waited for (F07).
    pub ends: &'a dyn Fn() -> bool,
}

/// Hands what is chosen and may leave now to the relay.
///
/// # Errors
///
/// Where the database or the send journal cannot be written. What was on its
/// way then is in doubt at the next run, or known from the journal.
pub(crate) fn to_relay(
    builder: &MessageBuilder<'_>,
    keys: &Keys,
    store: &mut Store,
    journal: &mut Journal,
    way: &RelayRoute<'_>,
    hooks: DeliveryHooks<'_>,
) -> anyhow::Result<DeliverySummary> {
    let before = SendHistory::read(store, &way.limits, (hooks.now)())?;
    let counter = WorkQueue::new(&way.limits, Stopwatch::start(), &before);
    let patterns = Patterns::default();
    let lines = WorkerContext {
        builder: *builder,
        keys,
        to: way.to,
        signer: way.signer,
        counter: &counter,
        patterns,
    };
    let permits = SendPolicy::read(store, builder)?;
    let mut writer = Coordinator {
        builder,
        store,
        journal,
        way,
        hooks,
        counter: &counter,
        permits,
        reading: OutboxCursor::default(),
        changed: false,
        lines: 0,
        closing: false,
        troubles: 0,
        in_doubt: 0,
        given_back: false,
        came_back: BTreeMap::new(),
        gives_back: false,
        limited: BTreeSet::new(),
        rescans: 0,
        refusals: RejectionTracker::default(),
        waves: StagedRollout::new(way.wave),
        delivered: DeliverySummary::default(),
    };
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        writer.commit(&Group::default(), &[])?;
        let ready = u16::try_from(counter.standing().ready).unwrap_or(u16::MAX);
        writer.lines = way.connections.min(ready);
        let mut answers = Vec::new();
        for number in 0..writer.lines {
            let (may_fly, answer) = mpsc::channel();
            answers.push(may_fly);
            let line = Worker { lines: &lines, number: number.into(), tell: tell.clone(), answer };
            scope.spawn(move || line.run());
        }
        drop(tell);
        let outcome = writer.run(&told, &answers);
        // Whatever happened: nobody waits for a writer that is gone.
        counter.close();
        drop((told, answers));
        outcome
    })?;
    Ok(writer.delivered)
}

/// The one who has the database.
struct Coordinator<'a, 'h> {
    builder: &'a MessageBuilder<'a>,
    store: &'a mut Store,
    journal: &'a mut Journal,
    way: &'a RelayRoute<'a>,
    hooks: DeliveryHooks<'h>,
    counter: &'a WorkQueue,
    permits: SendPolicy,
    /// The outbox is read from first to last; so far it was.
    reading: OutboxCursor,
    /// Somebody else wrote since this began: who was claimed before may be gone.
    changed: bool,
    /// So many lines were begun.
    lines: u16,
    /// Nothing more is begun.
    closing: bool,
    /// How often in a row the relay as a whole was the trouble.
    troubles: usize,
    /// How many mails in a row are in doubt.
    in_doubt: usize,
    /// Such trouble gave a mail back; it is tried again in this sitting.
    given_back: bool,
    /// What such trouble gave back and did not leave since, and why.
    came_back: BTreeMap<i64, RelayError>,
    /// The next commit gives a mail back.
    gives_back: bool,
    /// What a limit stopped that others passed.
    limited: BTreeSet<i64>,
    /// How often the outbox was read again for that.
    rescans: u32,
    refusals: RejectionTracker,
    waves: StagedRollout,
    delivered: DeliverySummary,
}

/// A mail the relay waits for the words of.
struct Flight {
    line: usize,
    mail: Arc<OutboundDelivery>,
    bytes: Arc<Packed>,
}

/// What the lines told, to be written down together.
#[derive(Default)]
struct Group {
    moves: Vec<Transition>,
    flights: Vec<Flight>,
    sent: Vec<JournalEntry>,
    /// Steps that are too large for the relay, and what was said of it.
    too_large: Vec<(StepName, String)>,
}

impl Coordinator<'_, '_> {
    /// Writes down what the lines tell, until all of them have gone home.
    fn run(&mut self, told: &Receiver<WorkerEvent>, answers: &[Sender<bool>]) -> anyhow::Result<()> {
        let mut lines = answers.len();
        while lines > 0 {
            let mut group = Group::default();
            match told.recv_timeout(self.patience()) {
                Ok(first) => {
                    self.note(first, answers, &mut lines, &mut group);
                    told.try_iter().for_each(|next| self.note(next, answers, &mut lines, &mut group));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_around(&mut group);
            self.commit(&group, answers)?;
        }
        let mut group = Group::default();
        let left = self.refusals.finish();
        self.heard(&mut group, left);
        self.commit(&group, answers)?;
        self.note_what_came_back();
        self.note_the_wait()
    }

    /// How long the lines are waited for: not at all where none has anything to
    /// tell, because the outbox turned out to have been read to its end.
    fn patience(&self) -> Duration {
        let standing = self.counter.standing();
        let idle = standing.ready + standing.in_hand == 0 && self.reading.exhausted && !self.closing;
        if idle { Duration::ZERO } else { LOOK_AROUND }
    }

    /// Takes in what one line tells.
    fn note(&mut self, told: WorkerEvent, answers: &[Sender<bool>], lines: &mut usize, group: &mut Group) {
        match told {
            WorkerEvent::Flies { line, mail, bytes } => group.flights.push(Flight { line, mail, bytes }),
            WorkerEvent::Stayed { mail } => self.counter.answered(&mail, true),
            WorkerEvent::Unmakeable { mail, why } => {
                self.counter.answered(&mail, false);
                self.settle(group, &mail, State::Claimed, DeliveryEvent::Held, why);
            }
            WorkerEvent::Ended { line, mail, from, outcome } => {
                self.counter.answered(&mail, true);
                let waits = waits_for_word(&outcome);
                self.ended(group, &mail, from, outcome);
                if waits {
                    // A line that is gone needs no answer.
                    let _ = answers[line].send(true);
                }
            }
            WorkerEvent::GoesHome { trouble } => {
                *lines -= 1;
                if let Some((mail, trouble)) = trouble {
                    self.note_crowding(&trouble);
                    let passes = trouble.kind != RelayErrorKind::Permanent;
                    if passes && *lines > 0 && !self.closing {
                        // The others have a connection each: one fewer, then.
                        self.counter.put_back(mail);
                        return;
                    }
                    self.counter.answered(&mail, false);
                    group.moves.push(Transition::new(
                        mail.delivery.number,
                        State::Claimed,
                        DeliveryEvent::Released,
                    ));
                    self.give_up(group, trouble);
                } else if !self.closing {
                    // It died: the others would wait for its mail for ever.
                    let why = "internal error: a connection to the mail server crashed".to_owned();
                    self.give_up(
                        group,
                        RelayError { kind: RelayErrorKind::Transient, phase: Phase::Connect, why },
                    );
                    self.delivered.line_died = true;
                }
            }
        }
    }

    /// Was it one connection more than the relay takes?
    fn note_crowding(&mut self, trouble: &RelayError) {
        if trouble.kind == RelayErrorKind::TooManyConnections {
            self.delivered.crowded = Some(self.lines);
        }
    }

    /// What the relay said to one mail.
    fn ended(&mut self, group: &mut Group, mail: &Arc<OutboundDelivery>, from: State, outcome: Outcome) {
        let now = (self.hooks.now)();
        if !matches!(outcome, Outcome::InDoubt(_)) {
            self.in_doubt = 0;
        }
        if !matches!(outcome, Outcome::RelayFailed(_)) {
            self.troubles = 0;
            self.came_back.remove(&mail.delivery.number);
        }
        match outcome {
            Outcome::Sent(reply) => {
                let believed = self.refusals.believed();
                self.heard(group, Classified { believed, ..Classified::default() });
                group.sent.push(JournalEntry {
                    number: mail.delivery.number,
                    message_id: mail.delivery.message_id.clone(),
                    at: now,
                    reply: reply.to_string(),
                });
                self.settle(group, mail, from, DeliveryEvent::Accepted, reply.to_string());
                (self.hooks.one_more)();
            }
            Outcome::Deferred(reply) => {
                let not_before = Some(now + recipient_backoff(mail.attempts + 1));
                self.count(from, DeliveryEvent::Deferred, 0);
                let made = Transition::new(mail.delivery.number, from, DeliveryEvent::Deferred)
                    .with_reply(reply.to_string());
                group.moves.push(Transition { not_before, ..made });
            }
            Outcome::Rejected { reply, hard } => {
                // Exchange Online says it with a code that elsewhere means something else.
                let code = reply.enhanced.filter(|code| code.subject == 1).unwrap_or(NO_MAILBOX);
                let no_mailbox = hard.then_some(code);
                self.refused(group, mail, from, DeliveryEvent::Rejected, no_mailbox, reply);
            }
            Outcome::Limited(reply) => {
                self.refused(group, mail, from, DeliveryEvent::Deferred, None, reply);
            }
            Outcome::TooLarge(why) => self.hold_step(group, mail, from, why),
            Outcome::MessageRejected(reply) if reply::is_of_size(&reply) => {
                self.hold_step(group, mail, from, format!("the mail server says {reply}"));
            }
            Outcome::MessageRejected(reply) => {
                self.refused(group, mail, from, DeliveryEvent::Held, None, reply);
            }
            Outcome::Held(why) => self.settle(group, mail, from, DeliveryEvent::Held, why),
            Outcome::InDoubt(why) => {
                self.in_doubt += 1;
                let kind = RelayErrorKind::Transient;
                let trouble = RelayError { kind, phase: Phase::EndOfData, why: why.clone() };
                let not_before = Some(now + self.way.in_doubt_wait);
                self.count(from, DeliveryEvent::ResultUnknown, mail.doubts);
                let made =
                    Transition::new(mail.delivery.number, from, DeliveryEvent::ResultUnknown).with_reply(why);
                group.moves.push(Transition { not_before, doubts: mail.doubts, ..made });
                // Each of them may arrive twice.
                if self.in_doubt >= MOST_IN_DOUBT {
                    self.give_up(group, trouble);
                }
            }
            Outcome::RelayFailed(trouble) => {
                group.moves.push(Transition::new(mail.delivery.number, from, DeliveryEvent::Released));
                self.note_crowding(&trouble);
                self.troubles += 1;
                self.given_back = true;
                self.came_back.insert(mail.delivery.number, trouble.clone());
                let often = self.troubles > usize::from(self.way.connections).max(2);
                if trouble.kind == RelayErrorKind::Permanent || often {
                    self.give_up(group, trouble);
                }
            }
        }
    }

    /// A mail was refused.
    fn refused(
        &mut self,
        group: &mut Group,
        mail: &OutboundDelivery,
        from: State,
        happened: DeliveryEvent,
        no_mailbox: Option<StatusCode>,
        reply: Reply,
    ) {
        let (number, attempts) = (mail.delivery.number, mail.attempts);
        let again = self.limited.contains(&number);
        let refused = Rejection { number, from, happened, attempts, again, no_mailbox, reply };
        let heard = self.refusals.record(refused);
        self.heard(group, heard);
    }

    /// Writes down what is known of refusals now.
    fn heard(&mut self, group: &mut Group, heard: Classified) {
        self.counter.take_from_the_end(self.refusals.next_decides());
        self.believe(group, heard.believed);
        let returned = heard.of_nobody.into_iter();
        group
            .moves
            .extend(returned.map(|Rejection { number, from, .. }| {
                Transition::new(number, from, DeliveryEvent::Released)
            }));
        if let Some(trouble) = heard.trouble {
            self.give_up(group, trouble);
        }
    }

    /// Writes down refusals that concern their recipients, or the content.
    fn believe(&mut self, group: &mut Group, refusals: Vec<Rejection>) {
        let now = (self.hooks.now)();
        for refused in refusals {
            let Rejection { number, from, happened, attempts, again, no_mailbox, reply } = refused;
            let is_limit = happened == DeliveryEvent::Deferred;
            if is_limit && !again {
                // Others passed: it is tried once more in this run.
                self.limited.insert(number);
                self.gives_back = true;
                let why = format!("the mail server did not take a mail: {reply}");
                let kind = RelayErrorKind::Transient;
                self.came_back.insert(number, RelayError { kind, phase: Phase::Rcpt, why });
                group.moves.push(Transition::new(number, from, DeliveryEvent::Released));
                continue;
            }
            self.count(from, happened, 0);
            let not_before = is_limit.then(|| now + recipient_backoff(attempts + 1));
            let made = Transition::new(number, from, happened).with_reply(reply.to_string());
            group.moves.push(Transition { no_mailbox, not_before, ..made });
        }
    }

    /// Mails that failures of the mail server gave back and that did not leave
    /// since are not left without a word.
    fn note_what_came_back(&mut self) {
        if let Some((_, trouble)) = self.came_back.pop_last() {
            self.delivered.relay_error.get_or_insert(trouble);
        }
    }

    /// What is too large of one mail is so of its step: it is held as a whole,
    /// and nobody of it is held one by one (F31).
    fn hold_step(&mut self, group: &mut Group, mail: &OutboundDelivery, from: State, why: String) {
        group.moves.push(Transition::new(mail.delivery.number, from, DeliveryEvent::Released));
        let step = &mail.delivery.step;
        self.delivered.kept_back.add(step, Reason::ManualHold);
        self.delivered.too_large += 1;
        // The relay is not asked for those that lie ready, either.
        for mail in self.counter.take_out(step) {
            group.moves.push(Transition::new(mail.delivery.number, State::Claimed, DeliveryEvent::Released));
            self.delivered.kept_back.add(step, Reason::ManualHold);
            self.delivered.too_large += 1;
        }
        group.too_large.push((step.clone(), why));
    }

    fn settle(
        &mut self,
        group: &mut Group,
        mail: &OutboundDelivery,
        from: State,
        happened: DeliveryEvent,
        said: String,
    ) {
        self.count(from, happened, 0);
        group.moves.push(Transition::new(mail.delivery.number, from, happened).with_reply(said));
    }

    fn count(&mut self, from: State, happened: DeliveryEvent, doubts: u32) {
        from.after(happened, doubts).into_iter().for_each(|state| self.delivered.count(state));
    }

    /// The relay takes nothing just now.
    fn give_up(&mut self, group: &mut Group, trouble: RelayError) {
        self.delivered.relay_error.get_or_insert(trouble);
        self.close(group);
    }

    /// Begins nothing more: what is claimed and not taken is due again.
    fn close(&mut self, group: &mut Group) {
        self.closing = true;
        for mail in self.counter.close() {
            group.moves.push(Transition::new(mail.delivery.number, State::Claimed, DeliveryEvent::Released));
        }
    }

    /// Is there a reason to begin nothing more?
    fn look_around(&mut self, group: &mut Group) {
        let stop = (self.hooks.stop)();
        let standing = self.counter.standing();
        if self.closing {
            return;
        }
        if stop {
            self.close(group);
        } else if standing.in_hand == 0 {
            // A limit of one domain is waited for when no other mail is left.
            let all = self.reading.has_all_there_is_room_for(self.counter)
                && !self.reads_again()
                && !self.gives_back;
            if standing.wait.is_some() && (standing.all_wait.is_some() || all) {
                self.delivered.wait = standing.wait;
                self.close(group);
            } else if standing.ready == 0 && (all || standing.all_wait.is_some()) {
                self.close(group);
            }
        }
    }

    /// Is the outbox read again, for what passing trouble gave back, now that
    /// the relay is well?
    fn reads_again(&self) -> bool {
        self.given_back && self.troubles == 0 && self.rescans < RESCANS
    }

    /// Writes a group down: what came of mails, which words leave now, and
    /// which mails are claimed next, all in one transaction. Then those who
    /// wait for it are answered.
    fn commit(&mut self, group: &Group, answers: &[Sender<bool>]) -> anyhow::Result<()> {
        if !group.sent.is_empty() {
            self.journal.add(&group.sent)?;
        }
        let journal = (!group.sent.is_empty()).then(|| self.journal.length());
        self.hold_the_too_large(&group.too_large)?;
        loop {
            let now = (self.hooks.now)();
            let mut moves = group.moves.clone();
            let written_down = moves.len();
            let claims = self.claims(&mut moves, now)?;
            let claiming = written_down..moves.len();
            if self.changed {
                self.look_who_is_gone(&group.flights)?;
            }
            let flights = self.flights(&group.flights, &mut moves, now);
            let seen = (moves.len() > written_down).then_some(self.permits.seen);
            let outcome = match moves.is_empty() {
                true => WriteResult::All(Vec::new()),
                false => self.write(&moves, seen, journal, now)?,
            };
            let written = match outcome {
                WriteResult::All(written) => written,
                // Somebody decided something meanwhile: it counts for
                // everything that has not left.
                WriteResult::Changed => {
                    self.permits = SendPolicy::read(self.store, self.builder)?;
                    self.waves = StagedRollout::new(self.way.wave);
                    self.changed = true;
                    continue;
                }
            };
            for (flight, place) in flights {
                let flies = place.is_some_and(|place| written[place]);
                // A line that is gone needs no answer.
                let _ = answers[flight.line].send(flies);
            }
            if let Some(claims) = claims {
                let ends = moves[claiming].iter().filter_map(|made| made.from.after(made.happened, 0));
                ends.for_each(|state| self.delivered.count(state));
                self.reading = claims.reading;
                self.delivered.kept_back.add_all(claims.kept_back);
                self.counter.put(claims.claimed);
            }
            self.given_back |= std::mem::take(&mut self.gives_back);
            return Ok(());
        }
    }

    /// Holds steps that are too large for the relay, as `journey hold` does,
    /// with a line in the audit log that says why.
    fn hold_the_too_large(&mut self, steps: &[(StepName, String)]) -> anyhow::Result<()> {
        for (step, why) in steps {
            if self.permits.settings.held_steps.contains(step) {
                continue;
            }
            let change = Change::Hold(Some(step.clone()));
            let act =
                ChangeAuthor { at: (self.hooks.now)(), by: "journey".to_owned(), why: Some(why.clone()) };
            loop {
                match self.store.record_decision(&change, &act, "not held", "held") {
                    Err(StoreError::Busy) => self.say_busy(),
                    recorded => break recorded.context("a step could not be held")?,
                }
            }
            self.permits.settings.held_steps.push(step.clone());
            (self.hooks.say)(format!(
                "step {step} is held: {why}; when it has become smaller: journey hold release {step}"
            ));
        }
        Ok(())
    }

    fn say_busy(&mut self) {
        // Nothing is begun meanwhile: only that it is alive is of use.
        let _ = (self.hooks.stop)();
        (self.hooks.say)(
            "another program has been writing to the database for 5 s; no mail is sent meanwhile".to_owned(),
        );
    }

    /// Who was claimed before somebody else wrote may have left since.
    fn look_who_is_gone(&mut self, flights: &[Flight]) -> anyhow::Result<()> {
        let numbers: Vec<i64> = flights.iter().map(|flight| flight.mail.delivery.number).collect();
        let wanted = self.store.recipients_active(&numbers)?;
        let gone = numbers.into_iter().zip(wanted).filter(|(_, wanted)| !wanted);
        self.permits.gone.extend(gone.map(|(number, _)| number));
        Ok(())
    }

    /// Writes, as long as it takes somebody else to let go of the database
    /// (F57).
    fn write(
        &mut self,
        moves: &[Transition],
        seen: Option<DataVersion>,
        journal: Option<u64>,
        now: Timestamp,
    ) -> anyhow::Result<WriteResult> {
        let watch = Stopwatch::start();
        loop {
            match self.store.write_knowing(moves, seen, journal, now) {
                Err(StoreError::Busy) => self.say_busy(),
                written => {
                    if watch.elapsed() > failpoint::at_most("line.slow", SLOW) {
                        let seconds = watch.elapsed().as_secs();
                        (self.hooks.say)(format!(
                            "the database took {seconds} s to write; nothing left meanwhile"
                        ));
                    }
                    return written.context("what became of mails on their way could not be written down");
                }
            }
        }
    }

    /// Are there mails that were not claimed because no limit has room for
    /// them, and how long is that so? Where the relay takes nothing it is not
    /// the limits that are waited for.
    fn note_the_wait(&mut self) -> anyhow::Result<()> {
        if self.delivered.wait.is_some() || self.delivered.relay_error.is_some() {
            return Ok(());
        }
        let all_wait = self.counter.standing().all_wait;
        let more = all_wait.is_some() && (self.reading.has_passed_some_over() || self.more_may_leave()?);
        self.delivered.wait = all_wait.filter(|_| more).or_else(|| self.reading.wait(self.counter));
        Ok(())
    }

    /// Is there a mail beyond what was read that nothing but a limit keeps?
    fn more_may_leave(&self) -> anyhow::Result<bool> {
        let (now, mut after) = ((self.hooks.now)(), self.reading.after);
        loop {
            let found = self.store.sendable(after, PREFETCH, now)?;
            let Some(last) = found.last() else { return Ok(false) };
            after = last.delivery.number;
            let chosen = |mail: &&OutboundDelivery| {
                self.hooks.chosen.names(mail) && self.hooks.chosen.has_room_for(mail.delivery.number)
            };
            let goes = |mail: &OutboundDelivery| {
                matches!(self.permits.triage(self.builder, mail, now), SendDecision::Go)
            };
            if found.iter().filter(chosen).any(goes) {
                return Ok(true);
            }
        }
    }

    /// Claims the next mails, if there is room for them, and a limit that lets
    /// one leave soon.
    fn claims(
        &mut self,
        moves: &mut Vec<Transition>,
        now: Timestamp,
    ) -> anyhow::Result<Option<ClaimedBatch>> {
        let standing = self.counter.standing();
        if self.closing || standing.free >= PREFETCH / 2 || standing.all_wait.is_some() {
            return Ok(None);
        }
        if self.reading.exhausted && self.reads_again() {
            (self.given_back, self.reading) = (false, OutboxCursor::default());
            self.rescans += 1;
        }
        let mut claimant = BatchSelector {
            builder: self.builder,
            store: self.store,
            permits: &self.permits,
            waves: &mut self.waves,
            chosen: self.hooks.chosen,
            counter: self.counter,
            now,
        };
        let claims = claimant.claims(&self.reading, moves)?;
        self.delivered.wave = self.waves.opens;
        Ok(Some(claims))
    }

    /// The moves of those whose words wait to leave, and the place of each
    /// that may.
    fn flights<'g>(
        &mut self,
        flights: &'g [Flight],
        moves: &mut Vec<Transition>,
        now: Timestamp,
    ) -> Vec<(&'g Flight, Option<usize>)> {
        let mut all = Vec::with_capacity(flights.len());
        let ends = (self.hooks.ends)();
        for flight in flights {
            let number = flight.mail.delivery.number;
            let place = match self.permits.triage(self.builder, &flight.mail, now) {
                SendDecision::Go if !ends => {
                    let bytes = Some(flight.bytes.clone());
                    moves.push(Transition {
                        bytes,
                        ..Transition::new(number, State::Claimed, DeliveryEvent::DataStarted)
                    });
                    Some(moves.len() - 1)
                }
                SendDecision::Go | SendDecision::KeepBack(_) => {
                    moves.push(Transition::new(number, State::Claimed, DeliveryEvent::Released));
                    None
                }
                SendDecision::Settle(happened, why) => {
                    moves.push(Transition::new(number, State::Claimed, happened).with_reply(why));
                    None
                }
            };
            all.push((flight, place));
        }
        all
    }
}
