//! An SMTP client on blocking sockets: one connection per thread, no pool. A
//! connection is dropped after any error or unexpected input, so the next mail can
//! never read the reply to the previous one. What a reply means is decided in
//! `domain/delivery/reply`; the engine records the outcome.

mod certificate;
mod channel;
mod connect;
mod ehlo;
mod reply;
mod session;
mod stream;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::delivery::reply::{Phase, RelayError};
use crate::failpoint;

pub(crate) use certificate::Certificate;
pub(crate) use ehlo::EhloExtensions;
pub use session::Connection;
pub use session::Envelope;
pub(crate) use tls::TlsInfo;
pub use tls::TlsTrust;

/// Where the relay is and how to talk to it.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: TlsMode,
    /// Credentials, if the relay requires authentication.
    pub auth: Option<SmtpAuth>,
    /// The name for EHLO; `None` uses the host name or the local address.
    pub ehlo_name: Option<String>,
    /// Which certificate authorities are trusted.
    pub trust: TlsTrust,
    /// Timeouts of each phase.
    pub timeouts: Timeouts,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Starts in plaintext and upgrades before anything else is sent.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Plaintext; only allowed to this host.
    Plaintext,
}

/// Credentials for SMTP AUTH.
#[derive(Clone)]
pub struct SmtpAuth {
    /// The authentication mechanism.
    pub mechanism: Mechanism,
    /// The user name at the relay.
    pub username: String,
    /// Returns the password or token. Called for each connection, because tokens
    /// expire. `Err` says why there is none, without revealing it.
    pub secret: Arc<dyn Fn() -> Result<String, String> + Send + Sync>,
    /// Called when the relay has rejected the credentials, so that a cached token is
    /// discarded even if it has not expired.
    pub refused: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for SmtpAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpAuth").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// Mechanisms of SMTP AUTH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// User name and password in one response.
    Plain,
    /// User name, then password.
    Login,
    /// User name and OAuth 2.0 access token.
    Xoauth2,
}

/// Timeouts of the phases. Each is a total: data that trickles in does not extend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting, over all addresses.
    pub connect: Duration,
    /// The greeting.
    pub greeting: Duration,
    /// The reply to EHLO.
    pub ehlo: Duration,
    /// STARTTLS and the TLS handshake.
    pub tls: Duration,
    /// Each step of authentication.
    pub auth: Duration,
    /// The reply to MAIL and to RSET.
    pub mail: Duration,
    /// The reply to RCPT.
    pub rcpt: Duration,
    /// The reply to DATA.
    pub data: Duration,
    /// Writing one block of the message.
    pub block: Duration,
    /// The reply to the end of the data. A shorter timeout causes duplicates.
    pub dot: Duration,
}

impl Default for Timeouts {
    /// The timeouts of RFC 5321, 4.5.3.2.
    fn default() -> Timeouts {
        let [usual, data, block, dot] = [300, 120, 180, 600].map(Duration::from_secs);
        Timeouts {
            connect: usual,
            greeting: usual,
            ehlo: usual,
            tls: usual,
            auth: usual,
            mail: usual,
            rcpt: usual,
            data,
            block,
            dot: failpoint::at_most("relay.dot", dot),
        }
    }
}

impl Timeouts {
    /// The same timeout for every phase, for a probe.
    pub fn all(limit: Duration) -> Timeouts {
        Timeouts {
            connect: limit,
            greeting: limit,
            ehlo: limit,
            tls: limit,
            auth: limit,
            mail: limit,
            rcpt: limit,
            data: limit,
            block: limit,
            dot: limit,
        }
    }

    /// The timeout of a phase.
    fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Connect => self.connect,
            Phase::Greeting => self.greeting,
            Phase::Ehlo => self.ehlo,
            Phase::Tls => self.tls,
            Phase::Auth => self.auth,
            Phase::Mail => self.mail,
            Phase::Rcpt => self.rcpt,
            Phase::Data => self.data,
            Phase::Body => self.block,
            Phase::EndOfData => self.dot,
        }
    }
}

impl Relay {
    /// A relay without encryption and authentication.
    pub fn at(host: &str, port: u16) -> Relay {
        Relay {
            host: host.to_owned(),
            port,
            tls: TlsMode::Plaintext,
            auth: None,
            ehlo_name: None,
            trust: TlsTrust::default(),
            timeouts: Timeouts::default(),
        }
    }

    /// Connects with TLS from the first byte, and returns what the server shows; sends nothing.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub(crate) fn tls_handshake(&self) -> Result<Option<TlsInfo>, RelayError> {
        connect::tls_handshake(self)
    }

    /// Connects, encrypts and authenticates: everything before a mail.
    ///
    /// # Errors
    ///
    /// Why it failed. No part of any mail was sent.
    pub fn connect(&self) -> Result<Connection, RelayError> {
        connect::connect(self)
    }
}
