//! The conversation with the relay: an SMTP client on blocking sockets, one
//! connection a thread, no pool. It never guesses what became of a mail, and
//! a connection after any surprise is dropped (delivery.md, D1 and D2). It
//! decides nothing about the mail either: answers are judged in
//! `domain/handover`, and the engine writes down what came of it.

mod certificate;
mod connect;
mod reply;
mod session;
mod stream;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::delivery::reply::{Phase, Trouble};
use crate::failpoint;

pub(crate) use certificate::Certificate;
pub(crate) use connect::Offers;
pub use session::Connection;
pub use session::Envelope;
pub(crate) use session::Privately;
pub use tls::Trust;

/// Where the relay is, and how we talk to it.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept private.
    pub privacy: Privacy,
    /// How we sign in, if it wants that.
    pub sign_in: Option<SignIn>,
    /// Our own name; without one the machine's, or else its address.
    pub hello: Option<String>,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// How long we wait for what.
    pub deadlines: Deadlines,
}

/// How a connection is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Begun in clear; nothing is said before TLS.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// In clear, and so to this machine alone.
    InClear,
}

/// Who we are to the relay.
#[derive(Clone)]
pub struct SignIn {
    /// In which way it is said.
    pub mechanism: Mechanism,
    /// As whom.
    pub username: String,
    /// The password or token, asked for anew at each connection, because
    /// tokens grow old; or why there is none, in a clause without a secret.
    pub secret: Arc<dyn Fn() -> Result<String, String> + Send + Sync>,
    /// Told that the relay refused it: a token that was kept is asked for anew
    /// the next time, however long it was to be good (F39).
    pub refused: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// Ways of signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Name and password at once.
    Plain,
    /// Name, then password.
    Login,
    /// Name and a token.
    Xoauth2,
}

/// How long a phase may last in all, however busy it looks meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Reaching it, at any of its addresses.
    pub connect: Duration,
    /// Its first line.
    pub greeting: Duration,
    /// What it offers.
    pub ehlo: Duration,
    /// STARTTLS, and then the handshake.
    pub tls: Duration,
    /// Each step of signing in.
    pub auth: Duration,
    /// The answer to MAIL, and to RSET.
    pub mail: Duration,
    /// The answer to RCPT.
    pub rcpt: Duration,
    /// The answer to DATA.
    pub data: Duration,
    /// Until it takes the next block of the words.
    pub block: Duration,
    /// The answer to the final dot. A shorter one makes copies.
    pub dot: Duration,
}

impl Default for Deadlines {
    /// Those of RFC 5321, 4.5.3.2.
    fn default() -> Deadlines {
        let [usual, data, block, dot] = [300, 120, 180, 600].map(Duration::from_secs);
        Deadlines {
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

impl Deadlines {
    /// The same for every phase: for whoever only looks.
    pub fn all(limit: Duration) -> Deadlines {
        Deadlines {
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

    /// That of a phase.
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
            Phase::Dot => self.dot,
        }
    }
}

impl Relay {
    /// A relay that is reached in clear and wants no sign-in.
    pub fn at(host: &str, port: u16) -> Relay {
        Relay {
            host: host.to_owned(),
            port,
            privacy: Privacy::InClear,
            sign_in: None,
            hello: None,
            trust: Trust::default(),
            deadlines: Deadlines::default(),
        }
    }

    /// Reaches it, at whichever address answers, makes the connection private
    /// and signs in: all that comes before a mail.
    ///
    /// # Errors
    ///
    /// What keeps it from that. Nothing of any mail was said.
    pub fn connect(&self) -> Result<Connection, Trouble> {
        connect::connect(self)
    }
}
