//! Classifies SMTP replies: what a reply in a phase means for the mail. `mail/smtp` has the
//! conversation and asks here; the engine records the outcome. `docs/delivery.md` has the table.

use std::fmt;

use chrono::TimeDelta;

use super::bounce::StatusCode;
use super::concern::{self, Concern};
use crate::domain::time::timezone::Timestamp;

/// How long the connection cap lasts.
const CONNECTION_CAP_TIME: TimeDelta = TimeDelta::hours(1);

/// A cap on connections to a relay that rejected one as too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionCap {
    pub(crate) connections: u16,
    pub(crate) until: Timestamp,
}

impl ConnectionCap {
    /// One connection fewer than were made, but at least one.
    pub(crate) fn one_below(made: u16, now: Timestamp) -> ConnectionCap {
        ConnectionCap { connections: made.saturating_sub(1).max(1), until: now + CONNECTION_CAP_TIME }
    }

    /// The cap, unless it has expired.
    pub(crate) fn if_active(self, now: Timestamp) -> Option<ConnectionCap> {
        (now < self.until).then_some(self)
    }
}

/// The phase of an SMTP conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// DNS and TCP.
    Connect,
    Greeting,
    Ehlo,
    /// STARTTLS and handshake.
    Tls,
    Auth,
    Mail,
    Rcpt,
    /// The DATA command.
    Data,
    /// Sending the message, before its last byte was passed to the operating system.
    Body,
    /// The end-of-data dot may have been sent.
    EndOfData,
}

impl Phase {
    /// All phases, in order.
    #[cfg(test)]
    pub(crate) const ALL: [Phase; 10] = [
        Phase::Connect,
        Phase::Greeting,
        Phase::Ehlo,
        Phase::Tls,
        Phase::Auth,
        Phase::Mail,
        Phase::Rcpt,
        Phase::Data,
        Phase::Body,
        Phase::EndOfData,
    ];

    /// The phase in messages.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Phase::Connect => "the connection",
            Phase::Greeting => "the greeting",
            Phase::Ehlo => "EHLO",
            Phase::Tls => "TLS",
            Phase::Auth => "AUTH",
            Phase::Mail => "MAIL",
            Phase::Rcpt => "RCPT",
            Phase::Data => "DATA",
            Phase::Body => "the message",
            Phase::EndOfData => "the final dot",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A reply, safe to store and show: no control characters, no address, limited length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// The enhanced status code (RFC 3463), if there is one: `5.1.1`.
    pub(crate) enhanced: Option<StatusCode>,
    /// The text, in one line.
    pub text: Box<str>,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(code) = self.enhanced {
            write!(f, " {code}")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// The outcome of handing over one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 250 to the end of data: the relay has accepted it.
    Sent(Reply),
    /// A transient rejection of the recipient: retry later.
    Deferred(Reply),
    /// A limit of the session or the account. It says nothing about the recipient: the same mail is
    /// tried on a new connection.
    Limited(Reply),
    /// The recipient was rejected.
    Rejected {
        reply: Reply,
        /// Permanent: no such address. Otherwise for now: mailbox full, for example.
        hard: bool,
    },
    /// The message was rejected for any recipient: size or content.
    MessageRejected(Reply),
    /// Not sent, because it exceeds the size the relay announced: `61 204 bytes, the mail server allows
    /// 10 000`.
    TooLarge(String),
    /// Not sent, because this relay cannot take it. An operator must act; the recipient was not
    /// rejected.
    Held(String),
    /// The relay failed; no recipient is blamed and no attempt is counted.
    RelayFailed(RelayError),
    /// The end of data may have been sent and there was no valid reply.
    InDoubt(String),
}

/// An error of the relay as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayError {
    pub kind: RelayErrorKind,
    pub phase: Phase,
    /// A message that names the relay and the limit, never a person or a secret:
    /// `relay.example:587 did not answer RCPT within 300 s`.
    pub why: String,
}

/// Kinds of relay errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayErrorKind {
    /// A reused connection was closed before any of this mail was sent: retry at once on a new
    /// one.
    StaleConnection,
    /// Transient: unreachable, timeout, busy, 4xx.
    Transient,
    /// Too many connections (`432 4.3.2`).
    TooManyConnections,
    /// Permanent until something changes: authentication, certificate, policy, daily limit.
    Permanent,
}

/// Classifies a reply that is not the expected one, and 250 to the end of data. `server` is
/// its name in messages.
///
/// Up to MAIL a reply concerns no recipient. After it, most concern this recipient alone, until
/// others get the same reply; [`concern`] knows the exceptions.
pub(crate) fn classify_reply(phase: Phase, reply: Reply, server: &str) -> Outcome {
    let trouble = |kind, reply: &Reply| {
        let why = format!("mail server {server} answered {phase} with {reply}");
        Outcome::RelayFailed(RelayError { kind, phase, why })
    };
    if phase == Phase::EndOfData {
        match reply.code {
            250 => return Outcome::Sent(reply),
            400..600 => {}
            _ => {
                return Outcome::InDoubt(format!(
                    "mail server {server} answered {phase} with {reply}, not with 250"
                ));
            }
        }
    }
    let concern = concern::concern(reply.code, reply.enhanced, &reply.text, phase > Phase::Rcpt);
    match (phase >= Phase::Rcpt, reply.code) {
        (true, 432) if concern == Concern::Recipient => Outcome::Deferred(reply),
        (_, 432) => trouble(RelayErrorKind::TooManyConnections, &reply),
        (true, 400..500) if concern == Concern::Limit => Outcome::Limited(reply),
        (true, 400..500) => Outcome::Deferred(reply),
        (true, 500..600) => match concern {
            Concern::Account => trouble(RelayErrorKind::Permanent, &reply),
            Concern::Limit => Outcome::Limited(reply),
            Concern::Message => Outcome::MessageRejected(reply),
            Concern::NoMailbox => Outcome::Rejected { reply, hard: true },
            Concern::Recipient => Outcome::Rejected { reply, hard: false },
        },
        // RFC 1870: the size announced in MAIL is too large.
        (false, 552) if phase == Phase::Mail && is_of_size(&reply) => Outcome::MessageRejected(reply),
        (false, 500..600) if concern != Concern::Limit => trouble(RelayErrorKind::Permanent, &reply),
        // A 4xx up to MAIL, and unexpected replies.
        _ => trouble(RelayErrorKind::Transient, &reply),
    }
}

/// Whether a reply rejects the size of the message.
pub(crate) fn is_of_size(reply: &Reply) -> bool {
    let too_large = StatusCode { class: 5, subject: 3, detail: 4 };
    reply.code == 552 && reply.enhanced.is_none_or(|code| code == too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_cap_is_one_lower_for_an_hour() {
        let at = |civil: &str| format!("2026-12-01T{civil}:00Z").parse::<Timestamp>().expect("an instant");
        let fewer = ConnectionCap::one_below(4, at("08:00"));
        let lasts = |now| fewer.if_active(at(now)).map(|fewer| fewer.connections);
        assert_eq!(["08:00", "08:59", "09:00"].map(lasts), [Some(3), Some(3), None]);
        assert_eq!(ConnectionCap::one_below(1, at("08:00")).connections, 1, "and never none");
    }

    /// Parses `550 5.1.1` as a reply.
    fn reply(said: &str) -> Reply {
        let (code, enhanced) = said.split_once(' ').unwrap_or((said, ""));
        Reply {
            code: code.parse().expect("a number"),
            enhanced: StatusCode::parse(enhanced),
            text: "".into(),
        }
    }

    fn told(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Sent(_) => "sent".to_owned(),
            Outcome::Deferred(_) => "deferred".to_owned(),
            Outcome::Limited(_) => "limit".to_owned(),
            Outcome::Rejected { hard: true, .. } => "hard".to_owned(),
            Outcome::Rejected { hard: false, .. } => "soft".to_owned(),
            Outcome::MessageRejected(_) => "content".to_owned(),
            Outcome::TooLarge(_) => "too large".to_owned(),
            Outcome::Held(_) => "held".to_owned(),
            Outcome::RelayFailed(trouble) => format!("channel {:?}", trouble.kind),
            Outcome::InDoubt(_) => "in doubt".to_owned(),
        }
    }

    #[test]
    fn every_reply_has_its_class() {
        use Phase::*;
        let table: &[(&[Phase], &str, &str)] = &[
            (&[Greeting, Ehlo, Tls, Auth, Mail], "450 4.7.1", "channel Transient"),
            (&[Greeting, Ehlo, Tls, Auth, Mail], "550 5.7.1", "channel Permanent"),
            (&[Auth], "535 5.7.3", "channel Permanent"),
            (&[Mail], "452 4.3.1", "channel Transient"),
            (&[Mail], "550 5.1.8", "channel Permanent"),
            (&[Mail], "552", "content"),
            (&[Mail], "552 5.3.4", "content"),
            (&[Greeting, Ehlo, Tls, Auth, Mail], "421 4.3.0", "channel Transient"),
            (&[Rcpt, Data, Body, EndOfData], "421 4.3.0", "limit"),
            (&[Greeting, Auth, Mail, Rcpt, Data, EndOfData], "432 4.3.2", "channel TooManyConnections"),
            (&[Rcpt], "450 4.2.0", "deferred"),
            (&[Rcpt, Data, EndOfData], "451 4.7.1", "limit"),
            (&[Rcpt, Data, EndOfData], "452 4.5.3", "limit"),
            (&[Rcpt, Data, EndOfData], "452", "deferred"),
            (&[Rcpt], "550 5.1.1", "hard"),
            (&[Rcpt], "550 5.1.2", "hard"),
            (&[Rcpt], "551 5.1.6", "hard"),
            (&[Rcpt], "553 5.1.3", "hard"),
            (&[Rcpt, EndOfData], "550 5.1.10", "hard"),
            (&[Rcpt], "550", "soft"),
            (&[Rcpt], "550 5.1.0", "soft"),
            (&[Rcpt], "550 5.1.4", "soft"),
            (&[Rcpt], "550 5.2.0", "soft"),
            (&[Rcpt], "550 5.1.7", "channel Permanent"),
            (&[Rcpt], "550 5.1.8", "channel Permanent"),
            (&[Rcpt], "550 5.1.90", "channel Permanent"),
            (&[Rcpt, EndOfData], "552", "soft"),
            (&[Rcpt, EndOfData], "550 5.2.2", "soft"),
            (&[Rcpt], "550 5.2.1", "soft"),
            (&[Rcpt], "550 5.4.1", "soft"),
            (&[Rcpt], "553 5.6.7", "soft"),
            (&[Rcpt], "552 5.3.4", "soft"),
            (&[Rcpt, Data, EndOfData], "550 5.7.1", "soft"),
            (&[Rcpt, EndOfData], "550 5.7.134", "soft"),
            (&[Rcpt, EndOfData], "550 5.7.30", "channel Permanent"),
            (&[Rcpt, EndOfData], "550 5.7.705", "channel Permanent"),
            (&[Rcpt, EndOfData], "550 5.2.251", "channel Permanent"),
            (&[Rcpt, EndOfData], "554 5.2.0", "channel Permanent"),
            (&[Rcpt, Data], "503", "soft"),
            (&[Rcpt, Data], "503 5.5.1", "soft"),
            (&[Rcpt], "501 5.5.4", "soft"),
            (&[Data, EndOfData], "554 5.6.0", "content"),
            (&[EndOfData], "552 5.3.4", "content"),
            (&[EndOfData], "554", "soft"),
            (&[EndOfData], "250 2.0.0", "sent"),
            (&[EndOfData], "251", "in doubt"),
            (&[EndOfData], "299", "in doubt"),
            (&[EndOfData], "354", "in doubt"),
            (&[Mail, Rcpt, Data, Body], "299", "channel Transient"),
            (&[Greeting, Ehlo, Mail], "354", "channel Transient"),
        ];
        for (phases, said, class) in table {
            for phase in *phases {
                let outcome = classify_reply(*phase, reply(said), "relay.example:587");
                assert_eq!(told(&outcome), *class, "{said} to {phase}");
            }
        }
    }

    #[test]
    fn only_250_to_the_final_dot_is_sent() {
        for phase in Phase::ALL {
            for code in 200..1000 {
                let reply = Reply { code, enhanced: None, text: "".into() };
                let sent = matches!(classify_reply(phase, reply, "relay"), Outcome::Sent(_));
                assert_eq!(sent, phase == Phase::EndOfData && code == 250, "{code} to {phase}");
            }
        }
    }

    #[test]
    fn an_error_names_the_relay_the_phase_and_the_reply() {
        let reply =
            Reply { code: 550, enhanced: StatusCode::parse("5.7.705"), text: "over the limit".into() };
        let Outcome::RelayFailed(trouble) = classify_reply(Phase::Rcpt, reply, "relay.example:587") else {
            panic!("it is the channel's");
        };
        assert_eq!(
            trouble.why,
            "mail server relay.example:587 answered RCPT with 550 5.7.705 over the limit"
        );
    }
}
