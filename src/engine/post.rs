//! Builds the mail transport from the configuration (folder, SMTP relay or
//! sendmail program), delivers the queued mails with it, and records the health
//! of the relay.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use chrono::TimeDelta;

use super::deliver::limits::Limits;
use super::deliver::{self, Delivered, Hooks, To, Way};
use super::sign_in;
use crate::clock;
use crate::config::{self, Config, Security, SmtpConfig};
use crate::domain::delivery::reply::{ConnectionCap, RelayError};
use crate::domain::delivery::state::relay_backoff;
use crate::domain::time::timezone::Timestamp;
use crate::engine::message::Desk;
use crate::engine::send::journal::Journal;
use crate::engine::tokens::Keys;
use crate::mail::auth_token::TokenCache;
use crate::mail::files::MailDirectory;
use crate::mail::message::dkim::Signer;
use crate::mail::sendmail::Sendmail;
use crate::mail::smtp::{Mechanism, Relay, SmtpAuth, TlsMode, TlsTrust};
use crate::mail::transport::Transport;
use crate::store::{RelayFailure, RelayHealth, Store};

/// Builds the transport of the configuration.
pub fn transport(config: &Config) -> anyhow::Result<Transport> {
    match config.mail.transport {
        config::Transport::Files => Ok(Transport::Files(MailDirectory::open(&config.mail.folder)?)),
        config::Transport::Smtp => Ok(Transport::Smtp(Box::new(relay(&config.mail.smtp)), signer(config)?)),
        config::Transport::Sendmail => {
            Ok(Transport::Sendmail(Sendmail::new(&config.mail.sendmail), signer(config)?))
        }
    }
}

/// What a send pass delivers with.
pub struct MailSender<'a> {
    /// The way to send.
    pub transport: &'a Transport,
    /// Builds the messages.
    pub desk: &'a Desk<'a>,
    /// Signs links and return paths.
    pub keys: &'a Keys,
    /// A staged rollout: the number of first mails, and how long the rest waits.
    pub wave: Option<(u32, TimeDelta)>,
}

impl MailSender<'_> {
    /// Delivers the mails that are selected and may be sent now. With a staged
    /// rollout, the first few mails of each step are sent before the rest.
    pub fn deliver(
        &self,
        store: &mut Store,
        journal: Option<&mut Journal>,
        hooks: Hooks<'_>,
    ) -> anyhow::Result<Delivered> {
        let MailSender { transport, desk, keys, wave } = *self;
        let (to, signer) = match transport {
            Transport::Files(folder) => return deliver::to_files(desk, keys, store, folder, hooks),
            Transport::Smtp(relay, signer) => (To::Relay(relay), signer),
            Transport::Sendmail(program, signer) => (To::Sendmail(program), signer),
        };
        let journal = journal.context("the send journal is not open")?;
        let smtp = &desk.config.mail.smtp;
        let fewer = store.relay_health()?.connection_cap.and_then(|fewer| fewer.if_active((hooks.now)()));
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
        let fewer = delivered.crowded.map(|made| ConnectionCap::one_below(made, now())).or(fewer);
        record_relay_health(store, &delivered, fewer, now())?;
        Ok(delivered)
    }
}

/// The SMTP relay of the configuration.
pub fn relay(smtp: &SmtpConfig) -> Relay {
    let tls = match smtp.security {
        Security::Starttls => TlsMode::Starttls,
        Security::Tls => TlsMode::Tls,
        Security::None => TlsMode::Plaintext,
    };
    Relay {
        tls,
        auth: sign_in(smtp),
        ehlo_name: smtp.hello.clone(),
        trust: TlsTrust::new(smtp.ca_file.clone()),
        ..Relay::at(&smtp.host, smtp.port)
    }
}

/// The DKIM signer, if one is configured.
fn signer(config: &Config) -> anyhow::Result<Option<Signer>> {
    let Some(dkim) = &config.mail.dkim else { return Ok(None) };
    let shown = dkim.key_file.display();
    let pem = std::fs::read_to_string(&dkim.key_file).with_context(|| format!("cannot read {shown}"))?;
    let signer = Signer::read(&dkim.domain, &dkim.selector, &pem);
    signer.map(Some).map_err(|why| anyhow::anyhow!("{shown}: {why}"))
}

fn sign_in(smtp: &SmtpConfig) -> Option<SmtpAuth> {
    let mechanism = match smtp.auth {
        config::Auth::None => return None,
        config::Auth::Plain => Mechanism::Plain,
        config::Auth::Login => Mechanism::Login,
        config::Auth::Xoauth2 => Mechanism::Xoauth2,
    };
    let username = smtp.username.clone()?;
    if let Some(source) = sign_in::token_source(smtp) {
        // One token for all connections, renewed before it expires.
        let tokens = Arc::new(Mutex::new(TokenCache::of(source)));
        let kept = tokens.clone();
        let secret = move || {
            let mut tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.token(clock::now()).map(|token| token.reveal().to_owned())
        };
        let refused = move || kept.lock().unwrap_or_else(PoisonError::into_inner).invalidate();
        return Some(SmtpAuth { mechanism, username, secret: Arc::new(secret), refused: Arc::new(refused) });
    }
    let password = smtp.password.clone()?;
    // Read at each connection, so that a changed password needs no restart.
    let secret = move || match password.read() {
        Ok(secret) => Ok(secret.reveal().to_owned()),
        Err(error) => Err(format!("the password file cannot be read: {error}")),
    };
    Some(SmtpAuth { mechanism, username, secret: Arc::new(secret), refused: Arc::new(|| {}) })
}

/// Records the health of the relay.
fn record_relay_health(
    store: &mut Store,
    delivered: &Delivered,
    fewer: Option<ConnectionCap>,
    now: Timestamp,
) -> anyhow::Result<()> {
    let before = store.relay_health()?;
    let success = if delivered.sent > 0 { Some(now) } else { before.success };
    // A panic of our own worker is not a failure of the relay and causes no
    // backoff.
    let told = delivered.trouble.as_ref().filter(|_| !delivered.line_died);
    let trouble = told.map(|trouble| {
        // A success since then resets the backoff.
        let earlier = before.failure.as_ref().filter(|_| delivered.sent == 0);
        next_retry(trouble, earlier, now)
    });
    let untried = told.is_none() && delivered.sent == 0;
    let trouble = if untried { before.failure.clone() } else { trouble };
    let state = RelayHealth { success, failure: trouble, connection_cap: fewer };
    if state != before {
        store.set_relay_health(&state)?;
    }
    Ok(())
}

/// When to retry: exponential backoff with jitter.
fn next_retry(trouble: &RelayError, earlier: Option<&RelayFailure>, now: Timestamp) -> RelayFailure {
    let failures = earlier.map_or(0, |earlier| earlier.failures) + 1;
    let wait = relay_backoff(trouble.kind, failures);
    // Jitter of up to 20 %, from values that differ between machines.
    let percent = 80 + (now.timestamp() * 7919 + i64::from(std::process::id())) % 41;
    let wait = TimeDelta::seconds(wait.num_seconds() * percent / 100);
    RelayFailure {
        why: trouble.why.clone(),
        since: earlier.map_or(now, |earlier| earlier.since),
        failures,
        retry: now + wait,
    }
}
