//! How mails leave, made ready from the configuration: into a folder, to a
//! relay, or to the machine's own program. Everything that is booked and may
//! leave now is handed over; how the relay was is written down for whoever
//! asks.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use chrono::TimeDelta;

use super::deliver::limits::Limits;
use super::deliver::{self, Delivered, Hooks, To, Way};
use super::journal::Journal;
use super::keys::Keys;
use super::letters::Desk;
use super::sign_in;
use crate::clock;
use crate::config::{self, Config, Security, SmtpConfig, Transport};
use crate::domain::delivery::back_off;
use crate::domain::handover::{Fewer, Trouble};
use crate::domain::zone::Timestamp;
use crate::mail::dkim::Signer;
use crate::mail::files::Folder;
use crate::mail::relay::{Mechanism, Privacy, Relay, SignIn, Trust};
use crate::mail::sendmail::Sendmail;
use crate::mail::token::Tokens;
use crate::store::{RelayState, RelayTrouble, Store};

/// How mails leave.
pub enum Post {
    /// Into a folder.
    Files(Folder),
    /// To the relay; with a signature if it does not sign itself.
    Relay(Box<Relay>, Option<Signer>),
    /// To the machine's own program.
    Sendmail(Sendmail, Option<Signer>),
}

impl Post {
    /// As the configuration says.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be opened, or the key not be read.
    pub fn of(config: &Config) -> anyhow::Result<Post> {
        match config.mail.transport {
            Transport::Files => Ok(Post::Files(Folder::open(&config.mail.folder)?)),
            Transport::Smtp => Ok(Post::Relay(Box::new(relay(&config.mail.smtp)), signer(config)?)),
            Transport::Sendmail => Ok(Post::Sendmail(Sendmail::new(&config.mail.sendmail), signer(config)?)),
        }
    }

    /// Hands over what is chosen and may leave now; of each mailing the first few
    /// before the rest, if that is said.
    ///
    /// # Errors
    ///
    /// Where the database, the send journal or a file cannot be written.
    pub fn deliver(
        &self,
        desk: &Desk<'_>,
        keys: &Keys,
        store: &mut Store,
        journal: Option<&mut Journal>,
        wave: Option<(u32, TimeDelta)>,
        hooks: Hooks<'_>,
    ) -> anyhow::Result<Delivered> {
        let (to, signer) = match self {
            Post::Files(folder) => return deliver::to_files(desk, keys, store, folder, hooks),
            Post::Relay(relay, signer) => (To::Relay(relay), signer),
            Post::Sendmail(program, signer) => (To::Sendmail(program), signer),
        };
        let journal = journal.context("the send journal is not open")?;
        let smtp = &desk.config.mail.smtp;
        let fewer = store.relay()?.fewer.and_then(|fewer| fewer.while_it_lasts((hooks.now)()));
        let of_relay = fewer.filter(|_| matches!(to, To::Relay(_)));
        let way = Way {
            to,
            signer: signer.as_ref(),
            connections: of_relay.map_or(smtp.connections, |fewer| fewer.connections.min(smtp.connections)),
            limits: Limits::of(smtp),
            in_doubt_wait: desk.config.mail.in_doubt_wait,
            wave,
        };
        let now = hooks.now;
        let delivered = deliver::to_relay(desk, keys, store, journal, &way, hooks)?;
        let fewer = delivered.crowded.map(|made| Fewer::than(made, now())).or(fewer);
        remember(store, &delivered, fewer, now())?;
        Ok(delivered)
    }
}

/// The relay of the configuration.
pub fn relay(smtp: &SmtpConfig) -> Relay {
    let privacy = match smtp.security {
        Security::Starttls => Privacy::Starttls,
        Security::Tls => Privacy::Tls,
        Security::None => Privacy::InClear,
    };
    Relay {
        privacy,
        sign_in: sign_in(smtp),
        hello: smtp.hello.clone(),
        trust: Trust::new(smtp.ca_file.clone()),
        ..Relay::at(&smtp.host, smtp.port)
    }
}

/// Who signs mails, if the configuration says so.
fn signer(config: &Config) -> anyhow::Result<Option<Signer>> {
    let Some(dkim) = &config.mail.dkim else { return Ok(None) };
    let shown = dkim.key_file.display();
    let pem = std::fs::read_to_string(&dkim.key_file).with_context(|| format!("cannot read {shown}"))?;
    let signer = Signer::read(&dkim.domain, &dkim.selector, &pem);
    signer.map(Some).map_err(|why| anyhow::anyhow!("{shown}: {why}"))
}

fn sign_in(smtp: &SmtpConfig) -> Option<SignIn> {
    let mechanism = match smtp.auth {
        config::Auth::None => return None,
        config::Auth::Plain => Mechanism::Plain,
        config::Auth::Login => Mechanism::Login,
        config::Auth::Xoauth2 => Mechanism::Xoauth2,
    };
    let username = smtp.username.clone()?;
    if let Some(source) = sign_in::token_source(smtp) {
        // One token for all connections, fetched anew before it ends (F39).
        let tokens = Arc::new(Mutex::new(Tokens::of(source)));
        let kept = tokens.clone();
        let secret = move || {
            let mut tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.token(clock::now()).map(|token| token.reveal().to_owned())
        };
        let refused = move || kept.lock().unwrap_or_else(PoisonError::into_inner).forget();
        return Some(SignIn { mechanism, username, secret: Arc::new(secret), refused: Arc::new(refused) });
    }
    let password = smtp.password.clone()?;
    // Read anew at each connection: whoever changes it need not restart.
    let secret = move || match password.read() {
        Ok(secret) => Ok(secret.reveal().to_owned()),
        Err(error) => Err(format!("the password file cannot be read: {error}")),
    };
    Some(SignIn { mechanism, username, secret: Arc::new(secret), refused: Arc::new(|| {}) })
}

/// Writes down how the relay was.
fn remember(
    store: &mut Store,
    delivered: &Delivered,
    fewer: Option<Fewer>,
    now: Timestamp,
) -> anyhow::Result<()> {
    let before = store.relay()?;
    let success = if delivered.sent > 0 { Some(now) } else { before.success };
    // What is wrong with us is no trouble of the relay's: nobody waits for it.
    let told = delivered.trouble.as_ref().filter(|_| !delivered.line_died);
    let trouble = told.map(|trouble| {
        // Who was well meanwhile begins anew.
        let earlier = before.trouble.as_ref().filter(|_| delivered.sent == 0);
        again(trouble, earlier, now)
    });
    let untried = told.is_none() && delivered.sent == 0;
    let trouble = if untried { before.trouble.clone() } else { trouble };
    let state = RelayState { success, trouble, fewer };
    if state != before {
        store.set_relay(&state)?;
    }
    Ok(())
}

/// When it is tried again: later each time, and not at the same second as
/// everybody else whom it kept waiting.
fn again(trouble: &Trouble, earlier: Option<&RelayTrouble>, now: Timestamp) -> RelayTrouble {
    let failures = earlier.map_or(0, |earlier| earlier.failures) + 1;
    let wait = back_off(trouble.kind, failures);
    // A fifth more or less, of what differs from machine to machine.
    let percent = 80 + (now.timestamp() * 7919 + i64::from(std::process::id())) % 41;
    let wait = TimeDelta::seconds(wait.num_seconds() * percent / 100);
    RelayTrouble {
        why: trouble.why.clone(),
        since: earlier.map_or(now, |earlier| earlier.since),
        failures,
        retry: now + wait,
    }
}
