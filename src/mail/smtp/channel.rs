//! Sends commands and reads replies over a stream, and describes a missing or
//! unexpected reply. It knows the phases and their timeouts; the order of the commands
//! is decided by `connect` and `session`.

use std::time::Duration;

use super::Timeouts;
use super::reply::RawReply;
use super::stream::{SmtpStream, StreamError};
use crate::domain::delivery::reply::{Outcome, Phase, RelayError, RelayErrorKind, Reply, classify_reply};

/// Sends commands and reads replies, with the relay's name for messages.
pub(super) struct SmtpChannel {
    pub(super) stream: SmtpStream,
    /// The relay in messages: `relay.example:587`.
    pub(super) name: String,
    pub(super) timeouts: Timeouts,
}

impl SmtpChannel {
    pub(super) fn send_command(&mut self, phase: Phase, commands: &str) -> Result<(), RelayError> {
        self.stream
            .write_commands(commands, self.timeouts.of(phase))
            .map_err(|fault| self.failed(phase, &fault))
    }

    pub(super) fn read_reply(&mut self, phase: Phase) -> Result<RawReply, RelayError> {
        self.stream.read_reply(self.timeouts.of(phase)).map_err(|fault| self.failed(phase, &fault))
    }

    /// Checks that a reply has the expected code, before any mail.
    pub(super) fn expect(&self, phase: Phase, hoped: u16, reply: Reply) -> Result<(), RelayError> {
        if reply.code == hoped {
            return Ok(());
        }
        let shown = format!("mail server {} answered {phase} with {reply}", self.name);
        match classify_reply(phase, reply, &self.name) {
            Outcome::RelayFailed(trouble) => Err(trouble),
            _ => Err(trouble(RelayErrorKind::Transient, phase, shown)),
        }
    }

    /// The error for a missing reply.
    pub(super) fn failed(&self, phase: Phase, fault: &StreamError) -> RelayError {
        let name = &self.name;
        let limit = seconds(self.timeouts.of(phase));
        let why = match (fault, phase) {
            (StreamError::TimedOut, Phase::Greeting) => {
                format!("mail server {name} sent no greeting within {limit} s")
            }
            (StreamError::TimedOut, Phase::Body) => {
                format!("mail server {name} stopped reading at {phase} for {limit} s")
            }
            (StreamError::TimedOut, _) => {
                format!("mail server {name} did not answer {phase} within {limit} s")
            }
            (StreamError::Closed, _) => format!("mail server {name} closed the connection at {phase}"),
            (StreamError::Malformed(what), _) => format!("mail server {name} {what} at {phase}"),
        };
        trouble(RelayErrorKind::Transient, phase, why)
    }
}

/// An error with its kind and phase.
pub(super) fn trouble(kind: RelayErrorKind, phase: Phase, why: String) -> RelayError {
    RelayError { kind, phase, why }
}

/// Formats a duration in seconds: `300`, or `0.2` in tests.
pub(super) fn seconds(length: Duration) -> String {
    format!("{}", length.as_secs_f64())
}
