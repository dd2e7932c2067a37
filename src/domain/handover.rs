//! Handing a mail over to the relay: what it said, at which phase, and what
//! that means for the mail (delivery.md, 2.5). Data only; `mail/relay` has the
//! conversation, the engine writes down what came of it.

use std::fmt;

/// Where a conversation with the relay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Finding and reaching it.
    Connect,
    /// Its first line.
    Greeting,
    /// What it offers.
    Ehlo,
    /// The way to TLS.
    Tls,
    /// Signing in.
    Auth,
    /// Who writes.
    Mail,
    /// Who reads.
    Rcpt,
    /// May the words come?
    Data,
    /// The words, before the last of them was given to the system.
    Body,
    /// The final dot may have left.
    Dot,
}

impl Phase {
    /// Every phase, in the order of the conversation.
    pub const ALL: [Phase; 10] = [
        Phase::Connect,
        Phase::Greeting,
        Phase::Ehlo,
        Phase::Tls,
        Phase::Auth,
        Phase::Mail,
        Phase::Rcpt,
        Phase::Data,
        Phase::Body,
        Phase::Dot,
    ];

    /// How it is called in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Connect => "the connection",
            Phase::Greeting => "the greeting",
            Phase::Ehlo => "EHLO",
            Phase::Tls => "TLS",
            Phase::Auth => "AUTH",
            Phase::Mail => "MAIL",
            Phase::Rcpt => "RCPT",
            Phase::Data => "DATA",
            Phase::Body => "the words",
            Phase::Dot => "the final dot",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the relay said, safe to keep and to show: no control character, no
/// address, not long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The enhanced code (RFC 3463), where there is one: `5.1.1`.
    pub enhanced: Option<(u8, u16, u16)>,
    /// The words after them, in one line.
    pub text: Box<str>,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// What became of trying to hand one mail over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exactly 250 to the final dot: it is in the relay's hands.
    Sent(Reply),
    /// Refused for now, in so many words: try again later.
    Deferred(Reply),
    /// This person cannot be written to.
    Rejected {
        /// What the relay said.
        reply: Reply,
        /// For good: the address is none. Else for the time being: the
        /// mailbox is full.
        hard: bool,
    },
    /// The mail itself is refused, whoever reads it: its size, its form.
    Content(Reply),
    /// The relay as a whole; nobody is blamed, and no attempt is counted.
    Channel(Trouble),
    /// The final dot may have left, and nobody knows what came of it.
    InDoubt(String),
}

/// Why the relay as a whole takes nothing just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Of which kind.
    pub kind: TroubleKind,
    /// At which phase.
    pub phase: Phase,
    /// In words that name the relay and the limit, never a person or a
    /// secret: `relay.example:587 did not answer RCPT within 300 s`.
    pub why: String,
}

/// Kinds of trouble with the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// A connection that was used before is closed, and nothing of this mail
    /// had left: try at once on a new one (F22).
    Gone,
    /// It passes by itself: not reached, silent, busy, 4xx.
    Passing,
    /// Too many connections at the same time (`432 4.3.2`, F34).
    TooManyConnections,
    /// It will not before somebody, or another day, changes something:
    /// sign-in, certificate, policy, the day's limit.
    Refused,
}
