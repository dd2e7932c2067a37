//! A worker: one thread and one SMTP connection, one mail after another. While the
//! relay looks at a mail, the worker builds the next one. Then it reports the outcome
//! and the next mail together, begins that mail while the coordinator commits both,
//! and sends its data only once they are committed. It decides nothing and does not
//! use the database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::message_bases::MessageBases;
use super::message_bytes;
use super::work_queue::WorkQueue;
use crate::domain::delivery::reply::{Outcome, RelayError, RelayErrorKind};
use crate::engine::message::MessageBuilder;
use crate::engine::tokens::Keys;
use crate::failpoint;
use crate::mail::message::dkim::Signer;
use crate::mail::sendmail::Sendmail;
use crate::mail::smtp::{Connection, Envelope, Relay};
use crate::store::{OutboundDelivery, PackedMessage};

/// What a worker reports to the coordinator.
pub(super) enum WorkerReport {
    /// The outcome of the last mail, if it has one to report, and the mail that it
    /// begins next, if any. It waits for the answer before it sends that mail's data,
    /// or, without a next mail, before it takes another.
    Turn { worker: usize, finished: Option<FinishedMail>, next: Option<NextMail> },
    /// The mail that was permitted is not sent, because the program ends.
    Aborted { worker: usize, mail: Arc<OutboundDelivery> },
    /// A message cannot be built.
    BuildFailed { mail: Arc<OutboundDelivery>, why: String },
    /// The worker ends. A mail that it took and did not try comes back.
    Exited { worker: usize, mail: Option<Arc<OutboundDelivery>>, error: Option<RelayError> },
    /// The worker ends in the middle of a mail, whose outcome is unknown.
    Crashed,
}

/// A mail with its outcome.
pub(super) struct FinishedMail {
    pub(super) mail: Arc<OutboundDelivery>,
    pub(super) outcome: Outcome,
}

/// A mail that a worker is about to send.
pub(super) struct NextMail {
    pub(super) mail: Arc<OutboundDelivery>,
    pub(super) message: Arc<PackedMessage>,
}

/// Where mails go.
#[derive(Clone, Copy)]
pub(crate) enum Destination<'a> {
    /// A relay, over a connection.
    Relay(&'a Relay),
    /// The machine's own program.
    Sendmail(&'a Sendmail),
}

/// Whether the coordinator must know the outcome before the worker takes another
/// mail: a relay that refuses everything is asked only a few times.
fn stops_pipelining(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Rejected { .. }
        | Outcome::Limited(_)
        | Outcome::MessageRejected(_)
        | Outcome::TooLarge(_)
        | Outcome::InDoubt(_)
        | Outcome::RelayFailed(_) => true,
        Outcome::Sent(_) | Outcome::Deferred(_) | Outcome::Held(_) => false,
    }
}

/// Whether the mail may pass on a new connection where this one, used before,
/// failed.
fn is_of_session(outcome: &Outcome, is_reused: bool) -> bool {
    match outcome {
        Outcome::Limited(_) => is_reused,
        Outcome::RelayFailed(error) => match error.kind {
            RelayErrorKind::StaleConnection => true,
            RelayErrorKind::Transient => is_reused,
            RelayErrorKind::TooManyConnections | RelayErrorKind::Permanent => false,
        },
        _ => false,
    }
}

/// What all workers share.
pub(super) struct WorkerContext<'a> {
    pub(super) builder: MessageBuilder<'a>,
    pub(super) keys: &'a Keys,
    pub(super) to: Destination<'a>,
    pub(super) signer: Option<&'a Signer>,
    pub(super) queue: &'a WorkQueue,
    pub(super) bases: MessageBases,
}

/// A mail that is taken and built.
struct BuiltMail {
    mail: Arc<OutboundDelivery>,
    message: Arc<[u8]>,
    packed: Arc<PackedMessage>,
}

/// Why a worker stops.
enum Stop {
    /// There is no relay; the mail was not tried.
    NoRelay(Option<Arc<OutboundDelivery>>, RelayError),
    CoordinatorGone,
}

/// Whether the mail was sent, or the coordinator has withdrawn it.
enum Attempt {
    Finished(Outcome),
    Withdrawn,
}

/// One worker.
pub(super) struct Worker<'a> {
    pub(super) context: &'a WorkerContext<'a>,
    pub(super) number: usize,
    pub(super) reports: Sender<WorkerReport>,
    /// The coordinator's answers, one for each turn: whether the next mail is sent.
    pub(super) answers: Receiver<bool>,
}

impl Worker<'_> {
    /// Sends mails until there are none, or no relay. Its last report is that it ends.
    pub(super) fn run(self) {
        let worker = self.number;
        let last = match catch_unwind(AssertUnwindSafe(|| self.work())) {
            Ok(Ok(())) => WorkerReport::Exited { worker, mail: None, error: None },
            Ok(Err(Stop::NoRelay(mail, error))) => WorkerReport::Exited { worker, mail, error: Some(error) },
            Ok(Err(Stop::CoordinatorGone)) | Err(_) => WorkerReport::Crashed,
        };
        // A coordinator that is gone needs no report.
        let _ = self.reports.send(last);
    }

    fn work(&self) -> Result<(), Stop> {
        let queue = self.context.queue;
        let mut connection = None;
        let mut built = None;
        let mut finished = None;
        while let Some(next) = self.next_mail(built.take())? {
            if connection.is_none()
                && let Destination::Relay(relay) = self.context.to
            {
                let connected = relay.connect();
                connection = Some(connected.map_err(|error| Stop::NoRelay(Some(next.mail.clone()), error))?);
            }
            let announced = NextMail { mail: next.mail.clone(), message: next.packed.clone() };
            self.report_turn(finished.take(), Some(announced))?;
            let outcome = match self.context.to {
                Destination::Relay(relay) => self.send(relay, &mut connection, &next, &mut built)?,
                Destination::Sendmail(program) => self.run_program(program, &next)?,
            };
            let Attempt::Finished(outcome) = outcome else { continue };
            failpoint::at("worker.reports").map_err(|_| Stop::CoordinatorGone)?;
            if stops_pipelining(&outcome) || queue.is_closed() {
                built.take().into_iter().for_each(|built| queue.put_back(built.mail));
            }
            let done = FinishedMail { mail: next.mail, outcome };
            if built.is_some() && connection.is_some() {
                finished = Some(done);
            } else {
                self.report_turn(Some(done), None)?;
                self.answers.recv().map_err(|_| Stop::CoordinatorGone)?;
            }
        }
        connection.into_iter().for_each(Connection::quit);
        Ok(())
    }

    /// The mail that is built already, or another one.
    fn next_mail(&self, built: Option<BuiltMail>) -> Result<Option<BuiltMail>, Stop> {
        if built.is_some() { Ok(built) } else { self.build_next(WorkQueue::take) }
    }

    /// Takes and builds the next mail for which there is a message.
    fn build_next(
        &self,
        take: impl Fn(&WorkQueue) -> Option<Arc<OutboundDelivery>>,
    ) -> Result<Option<BuiltMail>, Stop> {
        let WorkerContext { builder, keys, signer, queue, bases, .. } = self.context;
        while let Some(mail) = take(queue) {
            match message_bytes(builder, keys, *signer, &mail) {
                Ok(message) => {
                    let packed = Arc::new(bases.pack(&mail, &message));
                    return Ok(Some(BuiltMail { mail, message, packed }));
                }
                Err(why) => self.report(WorkerReport::BuildFailed { mail, why })?,
            }
        }
        Ok(None)
    }

    /// Sends one mail, and builds the next one meanwhile. If a connection that was used
    /// before is closed, or has reached a limit of its session, the mail is sent on a
    /// new one.
    fn send(
        &self,
        relay: &Relay,
        connection: &mut Option<Connection>,
        next: &BuiltMail,
        built: &mut Option<BuiltMail>,
    ) -> Result<Attempt, Stop> {
        // The coordinator's answer, once it is there.
        let mut is_permitted = None;
        let mut is_data_sent = false;
        loop {
            let was_used = connection.as_ref().is_some_and(Connection::is_used);
            let line = match connection.take() {
                Some(line) => line,
                None => match relay.connect() {
                    Ok(line) => line,
                    Err(error) if is_data_sent => return Ok(Attempt::Finished(Outcome::RelayFailed(error))),
                    Err(error) => {
                        let is_mine = self.is_permitted(&mut is_permitted)?;
                        return Err(Stop::NoRelay(is_mine.then(|| next.mail.clone()), error));
                    }
                },
            };
            let line = connection.insert(line);
            let envelope = Envelope {
                from: &self.return_path(&next.mail),
                to: to(&next.mail),
                size: next.message.len(),
            };
            let outcome = match line.begin_message(&envelope) {
                Ok(()) => {
                    if !self.is_permitted(&mut is_permitted)? || self.is_aborted(&next.mail)? {
                        // The relay waits for data that must not be sent.
                        *connection = None;
                        return Ok(Attempt::Withdrawn);
                    }
                    is_data_sent = true;
                    line.send_data(&next.message, || {
                        if built.is_none() {
                            // A failed report shows again at the next one.
                            *built = self.build_next(WorkQueue::try_take).unwrap_or_default();
                        }
                    })
                }
                Err(outcome) => outcome,
            };
            let retries = was_used && is_of_session(&outcome, line.is_reused());
            if !line.is_usable() {
                *connection = None;
            } else if retries || matches!(outcome, Outcome::Limited(_)) {
                connection.take().into_iter().for_each(Connection::quit);
            }
            if !retries {
                let is_permitted = self.is_permitted(&mut is_permitted)?;
                return Ok(if is_permitted { Attempt::Finished(outcome) } else { Attempt::Withdrawn });
            }
        }
    }

    /// Sends one mail with a program, which has no connection.
    fn run_program(&self, program: &Sendmail, next: &BuiltMail) -> Result<Attempt, Stop> {
        if !self.is_permitted(&mut None)? || self.is_aborted(&next.mail)? {
            return Ok(Attempt::Withdrawn);
        }
        let outcome = program.hand_over(&self.return_path(&next.mail), to(&next.mail), &next.message);
        Ok(Attempt::Finished(outcome))
    }

    /// Whether the data of the next mail may be sent: waits until the coordinator has
    /// committed the turn.
    fn is_permitted(&self, answer: &mut Option<bool>) -> Result<bool, Stop> {
        if let Some(answer) = *answer {
            return Ok(answer);
        }
        let permitted = self.answers.recv().map_err(|_| Stop::CoordinatorGone)?;
        failpoint::at("worker.permitted").map_err(|_| Stop::CoordinatorGone)?;
        Ok(*answer.insert(permitted))
    }

    /// Whether the program ends, so that a mail that is permitted is not sent.
    fn is_aborted(&self, mail: &Arc<OutboundDelivery>) -> Result<bool, Stop> {
        let is_aborted = self.context.queue.is_aborted();
        if is_aborted {
            self.report(WorkerReport::Aborted { worker: self.number, mail: mail.clone() })?;
        }
        Ok(is_aborted)
    }

    fn report_turn(&self, finished: Option<FinishedMail>, next: Option<NextMail>) -> Result<(), Stop> {
        self.report(WorkerReport::Turn { worker: self.number, finished, next })
    }

    fn report(&self, report: WorkerReport) -> Result<(), Stop> {
        self.reports.send(report).map_err(|_| Stop::CoordinatorGone)
    }

    /// The address that an undeliverable mail comes back to: it names the delivery if
    /// reports are processed.
    fn return_path(&self, mail: &OutboundDelivery) -> String {
        let config = &self.context.builder.config.mail;
        match &config.bounce {
            Some(bounce) => self.context.keys.return_path(mail.delivery.number, bounce),
            None => config.from.address.clone(),
        }
    }
}

fn to(mail: &OutboundDelivery) -> &str {
    mail.person.email.as_deref().unwrap_or_default()
}
