//! Builds the mail transport from the configuration: a folder, an SMTP relay with its sign-in, or a sendmail program.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;

use crate::clock;
use crate::config::{self, Config, Password, Security, SmtpConfig, TokenConfig};
use crate::mail::auth_token::{TokenCache, TokenSource};
use crate::mail::files::MailDirectory;
use crate::mail::message::dkim::Signer;
use crate::mail::sendmail::Sendmail;
use crate::mail::smtp::{Mechanism, Relay, SmtpAuth, TlsMode, TlsTrust};
use crate::mail::transport::Transport;
use crate::text::secret_file;

/// Builds the transport of the configuration.
pub fn from_config(config: &Config) -> anyhow::Result<Transport> {
    match config.mail.transport {
        config::Transport::Files => Ok(Transport::Files(MailDirectory::open(&config.mail.folder)?)),
        config::Transport::Smtp => Ok(Transport::Smtp(Box::new(relay(&config.mail.smtp)), signer(config)?)),
        config::Transport::Sendmail => {
            Ok(Transport::Sendmail(Sendmail::new(&config.mail.sendmail), signer(config)?))
        }
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
    let pem = secret_file::read_text(&dkim.key_file).with_context(|| format!("cannot read {shown}"))?;
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
    if let Some(source) = token_source(smtp) {
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

/// The source of the XOAUTH2 access token, if one is configured.
pub(crate) fn token_source(smtp: &SmtpConfig) -> Option<TokenSource> {
    Some(match smtp.token.as_ref()? {
        TokenConfig::Command(words) => TokenSource::Command(words.clone()),
        TokenConfig::File(file) => TokenSource::File(file.clone()),
        TokenConfig::Endpoint { url, client_id, client_secret, scope } => {
            // The configuration accepts a file only.
            let Password::File(client_secret_file) = client_secret.clone() else { return None };
            let (url, client_id, scope) = (url.clone(), client_id.clone(), scope.clone());
            TokenSource::Endpoint { url, client_id, client_secret_file, scope }
        }
    })
}
