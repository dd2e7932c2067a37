//! A line to the relay: one thread, one connection, one mail at a time. It
//! makes the mail, brings the relay to the point of asking for its words, has
//! the writer put on disk that they leave now, lets them leave, and says what
//! came of it. It decides nothing and knows no database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::bytes;
use super::patterns::Patterns;
use super::work_queue::WorkQueue;
use crate::domain::delivery::reply::{Outcome, RelayError, RelayErrorKind};
use crate::domain::delivery::state::State;
use crate::engine::message::MessageBuilder;
use crate::engine::tokens::Keys;
use crate::failpoint;
use crate::mail::message::dkim::Signer;
use crate::mail::sendmail::Sendmail;
use crate::mail::smtp::{Connection, Envelope, Relay};
use crate::store::{OutboundDelivery, Packed};

/// What a line tells the writer.
pub(super) enum WorkerEvent {
    /// The relay waits for the words of this mail: may they leave?
    Flies { line: usize, mail: Arc<OutboundDelivery>, bytes: Arc<Packed> },
    /// That came of it, from where it was.
    Ended { line: usize, mail: Arc<OutboundDelivery>, from: State, outcome: Outcome },
    /// It cannot be made.
    Unmakeable { mail: Arc<OutboundDelivery>, why: String },
    /// The writer said that its words must not leave.
    Stayed { mail: Arc<OutboundDelivery> },
    /// The line ends: there is nothing more, or no relay for it. What it had
    /// in hand and did not try comes back with it.
    GoesHome { trouble: Option<(Arc<OutboundDelivery>, RelayError)> },
}

/// Who takes mails.
#[derive(Clone, Copy)]
pub(crate) enum Destination<'a> {
    /// A relay, over a connection.
    Relay(&'a Relay),
    /// The machine's own program.
    Sendmail(&'a Sendmail),
}

/// After a refusal a line asks for nobody before the writer has heard of it:
/// a relay that refuses everybody is asked a few times, and not as often as
/// there is time for while the disk is written to (F27).
pub(super) fn waits_for_word(outcome: &Outcome) -> bool {
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

/// Whether another connection may pass where this one, used before, did not.
fn is_of_session(outcome: &Outcome, is_reused: bool) -> bool {
    match outcome {
        Outcome::Limited(_) => is_reused,
        Outcome::RelayFailed(trouble) => match trouble.kind {
            RelayErrorKind::StaleConnection => true,
            RelayErrorKind::Transient => is_reused,
            RelayErrorKind::TooManyConnections | RelayErrorKind::Permanent => false,
        },
        _ => false,
    }
}

/// What all lines have in common.
pub(super) struct WorkerContext<'a> {
    pub(super) builder: MessageBuilder<'a>,
    pub(super) keys: &'a Keys,
    pub(super) to: Destination<'a>,
    pub(super) signer: Option<&'a Signer>,
    pub(super) counter: &'a WorkQueue,
    pub(super) patterns: Patterns,
}

/// Why a line goes home with a mail in hand.
enum Ends {
    NoRelay(RelayError),
    NoWriter,
}

/// One line.
pub(super) struct Worker<'a> {
    pub(super) lines: &'a WorkerContext<'a>,
    pub(super) number: usize,
    pub(super) tell: Sender<WorkerEvent>,
    /// The writer's answers: may it leave? And after a refusal: it was heard.
    pub(super) answer: Receiver<bool>,
}

impl Worker<'_> {
    /// Hands over mail after mail, until there is none or no relay; its last
    /// word is that it goes home, whatever happens to it.
    pub(super) fn run(self) {
        let trouble = catch_unwind(AssertUnwindSafe(|| self.work())).unwrap_or_default();
        // A writer that is gone needs no last word.
        let _ = self.tell.send(WorkerEvent::GoesHome { trouble });
    }

    fn work(&self) -> Option<(Arc<OutboundDelivery>, RelayError)> {
        let mut connection = None;
        while let Some(mail) = self.lines.counter.take() {
            let told = match self.hand_over(&mut connection, &mail) {
                Ok(told) => told,
                Err(Ends::NoRelay(trouble)) => return Some((mail, trouble)),
                Err(Ends::NoWriter) => return None,
            };
            if failpoint::at("line.tells").is_err() {
                return None;
            }
            let waits = matches!(&told, WorkerEvent::Ended { outcome, .. } if waits_for_word(outcome));
            if self.tell.send(told).is_err() || (waits && self.answer.recv().is_err()) {
                return None;
            }
        }
        connection.into_iter().for_each(Connection::quit);
        None
    }

    /// Tries one mail. Where a connection that was used before was closed, or has
    /// reached a limit of its session, the same mail goes out on a new one.
    fn hand_over(
        &self,
        connection: &mut Option<Connection>,
        mail: &Arc<OutboundDelivery>,
    ) -> Result<WorkerEvent, Ends> {
        let WorkerContext { builder, keys, to, signer, .. } = self.lines;
        let bytes = match bytes(builder, keys, *signer, mail) {
            Ok(bytes) => bytes,
            Err(why) => return Ok(WorkerEvent::Unmakeable { mail: mail.clone(), why }),
        };
        let relay = match to {
            Destination::Relay(relay) => relay,
            Destination::Sendmail(program) => return self.run_program(program, mail, &bytes),
        };
        // Once the writer has recorded that the words leave, this stays so.
        let mut from = State::Claimed;
        let mut again = true;
        loop {
            let was_used = connection.is_some();
            let line = match connection.take() {
                Some(line) => line,
                None => match relay.connect() {
                    Ok(line) => line,
                    Err(trouble) if from == State::Claimed => return Err(Ends::NoRelay(trouble)),
                    Err(trouble) => return Ok(self.ended(mail, from, Outcome::RelayFailed(trouble))),
                },
            };
            let line = connection.insert(line);
            let outcome = match self.open(line, mail, &bytes) {
                Ok(()) => {
                    if from == State::Claimed && !self.may_fly(mail, &bytes)? {
                        // The relay waits for words that must not come.
                        *connection = None;
                        return Ok(WorkerEvent::Stayed { mail: mail.clone() });
                    }
                    from = State::InFlight;
                    line.send_data(&bytes)
                }
                Err(outcome) => outcome,
            };
            let retries = again && was_used && is_of_session(&outcome, line.is_reused());
            if !line.is_usable() {
                *connection = None;
            } else if retries || matches!(outcome, Outcome::Limited(_)) {
                connection.take().into_iter().for_each(Connection::quit);
            }
            if !retries {
                return Ok(self.ended(mail, from, outcome));
            }
            again = false;
        }
    }

    fn ended(&self, mail: &Arc<OutboundDelivery>, from: State, outcome: Outcome) -> WorkerEvent {
        WorkerEvent::Ended { line: self.number, mail: mail.clone(), from, outcome }
    }

    /// The same by way of a program, which has no connection.
    fn run_program(
        &self,
        program: &Sendmail,
        mail: &Arc<OutboundDelivery>,
        bytes: &[u8],
    ) -> Result<WorkerEvent, Ends> {
        if !self.may_fly(mail, bytes)? {
            return Ok(WorkerEvent::Stayed { mail: mail.clone() });
        }
        let outcome = program.hand_over(&self.from(mail), to(mail), bytes);
        Ok(self.ended(mail, State::InFlight, outcome))
    }

    /// Has the writer put on disk that the words leave now?
    fn may_fly(&self, mail: &Arc<OutboundDelivery>, bytes: &[u8]) -> Result<bool, Ends> {
        failpoint::at("line.asks").map_err(|_| Ends::NoWriter)?;
        let WorkerContext { builder, keys, patterns, .. } = self.lines;
        let bytes = Arc::new(Packed::new(bytes, patterns.of(builder, keys, mail)));
        let flies = WorkerEvent::Flies { line: self.number, mail: mail.clone(), bytes };
        self.tell.send(flies).map_err(|_| Ends::NoWriter)?;
        self.answer.recv().map_err(|_| Ends::NoWriter)
    }

    /// As far as the relay's asking for the words.
    fn open(&self, line: &mut Connection, mail: &OutboundDelivery, bytes: &[u8]) -> Result<(), Outcome> {
        line.begin_message(&Envelope { from: &self.from(mail), to: to(mail), size: bytes.len() })
    }

    /// Where a mail comes back to that cannot be delivered: an address that
    /// names the delivery, where reports are taken (E2).
    fn from(&self, mail: &OutboundDelivery) -> String {
        let config = &self.lines.builder.config.mail;
        match &config.bounce {
            Some(bounce) => self.lines.keys.return_path(mail.delivery.number, bounce),
            None => config.from.address.clone(),
        }
    }
}

fn to(mail: &OutboundDelivery) -> &str {
    mail.person.email.as_deref().unwrap_or_default()
}
