//! Sends mails one after another over a connection. The outcome of each follows from
//! the phase and the reply alone; after anything unexpected the connection is closed.

use std::str::FromStr;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::MailParameter;

use super::channel::{SmtpChannel, trouble};
use super::ehlo::EhloExtensions;
use super::tls::TlsInfo;
use crate::domain::delivery::bounce::StatusCode;
use crate::domain::delivery::reply::{Outcome, Phase, RelayError, RelayErrorKind, Reply, classify_reply};
use crate::failpoint;
use crate::mail::smtp::stream::{StreamError, grouped};

/// How long to wait for the reply to QUIT.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// The envelope of a mail, and its size.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The return path; empty for the null sender.
    pub from: &'a str,
    /// The only recipient.
    pub to: &'a str,
    /// Size of the message in bytes.
    pub size: usize,
}

/// A connection for sending mails, one after another.
pub struct Connection {
    channel: SmtpChannel,
    extensions: EhloExtensions,
    state: State,
    /// The number of mails that were begun on it.
    mails_begun: usize,
}

/// State of a connection between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Ready for a mail.
    Ready,
    /// The last mail was rejected before DATA; RSET goes out with the next mail.
    NeedsReset,
    /// The relay waits for the data.
    AwaitingData,
    /// Nothing more may be sent on it.
    Closed,
}

impl Connection {
    pub(super) fn new(channel: SmtpChannel, extensions: EhloExtensions) -> Connection {
        Connection { channel, extensions, state: State::Ready, mails_begun: 0 }
    }

    /// Sends MAIL, RCPT and DATA, pipelined if the relay allows it. After `Ok` the
    /// relay waits for [`Connection::send_data`].
    ///
    /// # Errors
    ///
    /// The outcome of the mail. [`Connection::is_usable`] says whether the
    /// connection can take another one.
    pub fn begin_message(&mut self, envelope: &Envelope<'_>) -> Result<(), Outcome> {
        if !self.is_usable() {
            return Err(Outcome::RelayFailed(self.gone(Phase::Mail)));
        }
        let (mail, rcpt) = self.commands(envelope)?;
        // Unread input before a mail means a `421` to an idle connection, or that the
        // connection is out of sync.
        if self.channel.stream.has_unread() {
            self.state = State::Closed;
            return Err(Outcome::RelayFailed(self.gone(Phase::Mail)));
        }
        // Stays closed unless all replies arrive.
        let before = std::mem::replace(&mut self.state, State::Closed);
        self.mails_begun += 1;
        let rset = if before == State::NeedsReset { Rset.to_string() } else { String::new() };
        if before == State::NeedsReset && failpoint::at("relay.rset").is_err() {
            return Err(Outcome::RelayFailed(self.channel.failed(Phase::Mail, &StreamError::Closed)));
        }
        let result = if self.extensions.pipelining {
            self.begin_pipelined(&rset, &mail, &rcpt)
        } else {
            self.begin_sequential(&rset, &mail, &rcpt)
        };
        let (state, result) = match result {
            Ok(()) => (State::AwaitingData, Ok(())),
            Err(Abort { outcome, state }) => (state, Err(outcome)),
        };
        self.state = state;
        result
    }

    /// Sends the message and the end-of-data dot, and returns the outcome. Only 250 in
    /// reply to the dot is [`Outcome::Sent`]. Once the last byte was passed to the
    /// operating system, anything but a complete reply is [`Outcome::InDoubt`].
    /// `meanwhile` runs while the relay has not answered.
    pub fn send_data(&mut self, message: &[u8], meanwhile: impl FnOnce()) -> Outcome {
        let asked = std::mem::replace(&mut self.state, State::Closed) == State::AwaitingData;
        if !asked || self.channel.stream.has_unread() {
            // Unread input before the data means that the connection is out of sync; its
            // reply must not be taken for the reply to this mail.
            let why = format!("mail server {} answered before it was asked", self.channel.name);
            return Outcome::RelayFailed(trouble(RelayErrorKind::Transient, Phase::Data, why));
        }
        if let Err(fault) = self.channel.stream.write_data(message, self.channel.timeouts.block) {
            return self.data_aborted(&fault);
        }
        meanwhile();
        if failpoint::at("relay.reply").is_err() {
            return Outcome::InDoubt(self.channel.failed(Phase::EndOfData, &StreamError::Closed).why);
        }
        let reply = match self.channel.stream.read_reply(self.channel.timeouts.dot) {
            Ok(lines) => lines.into_reply(),
            Err(fault) => return Outcome::InDoubt(self.channel.failed(Phase::EndOfData, &fault).why),
        };
        if failpoint::at("relay.told").is_err() {
            return Outcome::InDoubt(self.channel.failed(Phase::EndOfData, &StreamError::Closed).why);
        }
        let lives = matches!(reply.code, 250 | 400..=420 | 422..=599);
        let outcome = classify_reply(Phase::EndOfData, reply, &self.channel.name);
        if lives {
            self.state = State::Ready;
        }
        outcome
    }

    /// The extensions the relay offered after authentication.
    pub(crate) fn extensions(&self) -> &EhloExtensions {
        &self.extensions
    }

    /// TLS version and certificates; `None` in plaintext.
    pub(crate) fn tls_info(&self) -> Option<TlsInfo> {
        self.channel.stream.tls_info()
    }

    /// Whether it can take another mail.
    pub fn is_usable(&self) -> bool {
        matches!(self.state, State::Ready | State::NeedsReset)
    }

    /// Sends QUIT and waits only briefly for the reply.
    pub fn quit(mut self) {
        if self.is_usable()
            && failpoint::at("relay.quit").is_ok()
            && self.channel.stream.write_commands(&Quit.to_string(), QUIT_TIMEOUT).is_ok()
        {
            let _ = self.channel.stream.read_reply(QUIT_TIMEOUT);
            self.channel.stream.close(QUIT_TIMEOUT);
        }
    }

    /// The MAIL and RCPT commands, unless the relay's EHLO shows that it cannot take
    /// the mail.
    fn commands(&self, envelope: &Envelope<'_>) -> Result<(String, String), Outcome> {
        let Envelope { from, to, size } = *envelope;
        let size_as_number = u64::try_from(size).unwrap_or(u64::MAX);
        if let Some(largest) = self.extensions.largest.filter(|largest| *largest < size_as_number) {
            let text =
                format!("{} bytes, the mail server allows {}", grouped(size_as_number), grouped(largest));
            return Err(Outcome::TooLarge(text));
        }
        let abroad = !from.is_ascii() || !to.is_ascii();
        if abroad && !self.extensions.smtputf8 {
            let text =
                "the address has letters other than a–z, and the mail server does not accept them (SMTPUTF8)";
            return Err(Outcome::Held(text.to_owned()));
        }
        let Ok(reader) = Address::from_str(to) else {
            return Err(Outcome::Rejected {
                reply: ours(553, "5.1.3", "this is not an address"),
                hard: true,
            });
        };
        let sender = match from {
            "" => None,
            from => Some(Address::from_str(from).map_err(|_| {
                let why = "the address that mails are sent from is none".to_owned();
                Outcome::RelayFailed(trouble(RelayErrorKind::Permanent, Phase::Mail, why))
            })?),
        };
        let mut parameters = Vec::new();
        if self.extensions.size {
            parameters.push(MailParameter::Size(size));
        }
        if abroad {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        Ok((Mail::new(sender, parameters).to_string(), Rcpt::new(reader, Vec::new()).to_string()))
    }

    /// Sends all commands in one write, then reads all replies in order.
    fn begin_pipelined(&mut self, rset: &str, mail: &str, rcpt: &str) -> Result<(), Abort> {
        let all = [rset, mail, rcpt, &Data.to_string()].concat();
        self.write_first(&all)?;
        if !rset.is_empty() {
            let reply = self.read_first()?;
            self.expect(Phase::Mail, &[250], reply).map_err(Abort::closed)?;
        }
        let reply = self.read_first()?;
        let mail = self.expect(Phase::Mail, &[250], reply);
        // After a rejection the next replies only show whether the connection is alive.
        let rcpt = match (mail, self.channel.read_reply(Phase::Rcpt)) {
            (Ok(()), Ok(lines)) => self.expect(Phase::Rcpt, &[250, 251], lines.into_reply()),
            (Ok(()), Err(fault)) => return Err(Abort::closed(Outcome::RelayFailed(fault))),
            (Err(refused), Ok(_)) => Err(refused),
            (Err(refused), Err(_)) => return Err(Abort::closed(refused)),
        };
        let data = match (&rcpt, self.channel.read_reply(Phase::Data)) {
            (_, Ok(lines)) => lines.into_reply(),
            (Ok(()), Err(fault)) => return Err(Abort::closed(Outcome::RelayFailed(fault))),
            (Err(refused), Err(_)) => return Err(Abort::closed(refused.clone())),
        };
        match rcpt {
            Ok(()) => self.expect(Phase::Data, &[354], data).map_err(Abort::after_rejection),
            // The relay waits for data without a valid recipient. Nothing more may be
            // sent, not even the final dot, or it would accept an empty mail.
            Err(refused) if data.code == 354 => Err(Abort::closed(refused)),
            Err(refused) if data.code == 421 => Err(Abort::closed(refused)),
            Err(refused) => Err(Abort::after_rejection(refused)),
        }
    }

    /// Sends one command at a time.
    fn begin_sequential(&mut self, rset: &str, mail: &str, rcpt: &str) -> Result<(), Abort> {
        if !rset.is_empty() {
            self.write_first(rset)?;
            let reply = self.read_first()?;
            self.expect(Phase::Mail, &[250], reply).map_err(Abort::closed)?;
        }
        self.write_first(mail)?;
        let reply = self.read_first()?;
        self.expect(Phase::Mail, &[250], reply).map_err(Abort::after_rejection)?;
        for (phase, command, hoped) in
            [(Phase::Rcpt, rcpt, &[250, 251][..]), (Phase::Data, &Data.to_string(), &[354])]
        {
            let point = if phase == Phase::Rcpt { "relay.rcpt" } else { "relay.data" };
            let passed = failpoint::at(point).map_err(|_| self.channel.failed(phase, &StreamError::Closed));
            let heard = passed
                .and_then(|()| self.channel.send_command(phase, command))
                .and_then(|()| self.channel.read_reply(phase));
            let lines = heard.map_err(|fault| Abort::closed(Outcome::RelayFailed(fault)))?;
            self.expect(phase, hoped, lines.into_reply()).map_err(Abort::after_rejection)?;
        }
        Ok(())
    }

    /// Sends the first command of a mail. If a connection that was used before turns
    /// out to be closed, the relay only timed it out: retry on a new one.
    fn write_first(&mut self, commands: &str) -> Result<(), Abort> {
        failpoint::at("relay.mail").map_err(|_| self.first_error(&StreamError::Closed))?;
        self.channel
            .stream
            .write_commands(commands, self.channel.timeouts.mail)
            .map_err(|fault| self.first_error(&fault))
    }

    /// Reads the first reply of a mail.
    fn read_first(&mut self) -> Result<Reply, Abort> {
        let lines = self
            .channel
            .stream
            .read_reply(self.channel.timeouts.mail)
            .map_err(|fault| self.first_error(&fault))?;
        if lines.code == 421 && self.is_reused() {
            return Err(Abort::closed(Outcome::RelayFailed(self.gone(Phase::Mail))));
        }
        Ok(lines.into_reply())
    }

    /// Whether a mail was begun on this connection.
    pub(crate) fn is_used(&self) -> bool {
        self.mails_begun > 0
    }

    /// Whether the last mail that was begun is not the first one on this connection.
    pub(crate) fn is_reused(&self) -> bool {
        self.mails_begun > 1
    }

    fn first_error(&self, fault: &StreamError) -> Abort {
        Abort::closed(Outcome::RelayFailed(match fault {
            StreamError::Closed if self.is_reused() => self.gone(Phase::Mail),
            _ => self.channel.failed(Phase::Mail, fault),
        }))
    }

    fn gone(&self, phase: Phase) -> RelayError {
        trouble(
            RelayErrorKind::StaleConnection,
            phase,
            format!("mail server {} has closed the connection", self.channel.name),
        )
    }

    fn expect(&self, phase: Phase, hoped: &[u16], reply: Reply) -> Result<(), Outcome> {
        if hoped.contains(&reply.code) {
            Ok(())
        } else {
            Err(classify_reply(phase, reply, &self.channel.name))
        }
    }

    /// Sending the data was interrupted, so the mail is not in doubt. The relay may have
    /// sent a reply that says why.
    fn data_aborted(&mut self, fault: &StreamError) -> Outcome {
        if *fault == StreamError::Closed
            && let Ok(lines) = self.channel.stream.read_reply(QUIT_TIMEOUT)
            && matches!(lines.code, 400..600)
        {
            return classify_reply(Phase::Body, lines.into_reply(), &self.channel.name);
        }
        Outcome::RelayFailed(self.channel.failed(Phase::Body, fault))
    }
}

/// The outcome of a mail and the resulting state of the connection.
struct Abort {
    outcome: Outcome,
    state: State,
}

impl Abort {
    /// Closes the connection.
    fn closed(outcome: Outcome) -> Abort {
        Abort { outcome, state: State::Closed }
    }

    /// The mail was rejected, and RSET goes out with the next one; an unexpected
    /// reply closes the connection.
    fn after_rejection(outcome: Outcome) -> Abort {
        let lives = match &outcome {
            Outcome::Deferred(_) | Outcome::Rejected { .. } | Outcome::MessageRejected(_) => true,
            Outcome::Limited(reply) => reply.code != 421,
            // A permanent rejection: other mails may still pass.
            Outcome::RelayFailed(trouble) => trouble.kind == RelayErrorKind::Permanent,
            Outcome::Sent(_) | Outcome::InDoubt(_) | Outcome::Held(_) | Outcome::TooLarge(_) => false,
        };
        Abort { outcome, state: if lives { State::NeedsReset } else { State::Closed } }
    }
}

/// A reply as the relay would have given it.
fn ours(code: u16, enhanced: &str, text: &str) -> Reply {
    Reply { code, enhanced: StatusCode::parse(enhanced), text: text.into() }
}
