//! `[mail.smtp]`: address, security, authentication and rate limits of the relay.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use super::secret::{Password, Secret};
use super::section::Section;
use super::values::{Rate, filled, per_day, rate};
use crate::domain::model::address;

/// `[mail.smtp]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpConfig {
    /// Host name or IP address of the relay.
    pub host: String,
    pub port: u16,
    /// Transport security.
    pub security: Security,
    /// Additional root certificates (PEM).
    pub(crate) ca_file: Option<PathBuf>,
    /// The name for EHLO; by default the host name of this machine.
    pub(crate) hello: Option<String>,
    /// Authentication mechanism.
    pub auth: Auth,
    /// User name; always present unless `auth` is `none`.
    pub username: Option<String>,
    /// The password. Without authentication, or with a token, it may be absent.
    pub password: Option<Password>,
    /// Source of the XOAUTH2 token, if it is not the password.
    pub token: Option<TokenConfig>,
    /// Maximum number of concurrent connections.
    pub connections: u16,
    /// Rate limit; `None` for no limit.
    pub rate: Option<Rate>,
    /// Limit per 24 hours; `None` for no limit.
    pub per_day: Option<NonZeroU32>,
    /// Stricter limits for single domains, each listed once.
    pub domains: Vec<DomainConfig>,
}

/// `[mail.smtp.domains."example.org"]`: limits for mails to one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainConfig {
    /// The domain of the addresses, in normalised form.
    pub domain: Box<str>,
    /// Rate limit; `None` for no limit of its own.
    pub rate: Option<Rate>,
    /// Limit per 24 hours; `None` for no limit of its own.
    pub per_day: Option<NonZeroU32>,
    /// Maximum number of connections with a message to this domain; `None` for no
    /// limit.
    pub connections: Option<u16>,
}

/// Source of the XOAUTH2 access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenConfig {
    /// A command and its arguments; it prints the token.
    Command(Vec<String>),
    /// A file that another program keeps up to date.
    File(PathBuf),
    /// An OAuth 2.0 token endpoint, called with the client credentials grant.
    Endpoint {
        /// URL of the endpoint.
        url: String,
        client_id: String,
        /// A file that contains only the client secret.
        client_secret: Password,
        scope: String,
    },
}

/// How the connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS is required.
    Starttls,
    /// Implicit TLS.
    Tls,
    /// Plaintext; allowed only to this machine.
    None,
}

/// Authentication mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// No authentication.
    None,
    /// AUTH PLAIN.
    Plain,
    /// AUTH LOGIN.
    Login,
    /// AUTH XOAUTH2.
    Xoauth2,
}

pub(super) fn smtp(section: &mut Section<'_, '_>, base: &Path) -> SmtpConfig {
    let securities = [("starttls", Security::Starttls), ("tls", Security::Tls), ("none", Security::None)];
    let auths =
        [("none", Auth::None), ("plain", Auth::Plain), ("login", Auth::Login), ("xoauth2", Auth::Xoauth2)];
    let given = section.variable("password").map(|text| Password::Given(Secret(text.to_owned())));
    let file = section.value("password_file", |text| Ok(base.join(filled(text)?))).map(Password::File);
    let token = token(section, base);
    let smtp = SmtpConfig {
        host: section.value("host", host).unwrap_or_else(|| "localhost".to_owned()),
        port: section.number("port", 1, u16::MAX).unwrap_or(25),
        security: section.one_of("security", &securities).unwrap_or(Security::Starttls),
        ca_file: section.value("ca_file", |text| Ok(base.join(filled(text)?))),
        hello: section.value("hello", hello),
        auth: section.one_of("auth", &auths).unwrap_or(Auth::None),
        username: section.value("username", |text| filled(text).map(str::to_owned)),
        password: given.or(file),
        token,
        connections: section.number("connections", 1, 50).unwrap_or(2),
        rate: section
            .value("rate", rate)
            .unwrap_or(Some(Rate { mails: DEFAULT_RATE, per: TimeDelta::minutes(1) })),
        per_day: section.number_or_text("per_day", per_day).flatten(),
        domains: domains(section),
    };
    if smtp.security == Security::None && !is_loopback(&smtp.host) {
        let message = "has `none`, which sends mails in clear; that is allowed only to this machine";
        section.fault("security", "bad-value", message, "write starttls or tls");
    }
    if smtp.auth != Auth::None && smtp.username.is_none() {
        section.fault("auth", "missing-key", "needs a `username` to sign in", "add it to [mail.smtp]");
    }
    match (smtp.auth, &smtp.password, &smtp.token) {
        (Auth::None | Auth::Plain | Auth::Login, _, Some(_)) => {
            let message = "does not use a token, and one is given";
            section.fault("auth", "bad-value", message, "write auth = \"xoauth2\", or remove the token");
        }
        (Auth::Plain | Auth::Login, None, None) => {
            section.fault(
                "auth",
                "missing-key",
                "needs a `password_file` to sign in",
                "add it to [mail.smtp]",
            );
        }
        (Auth::Xoauth2, None, None) => {
            let hint = "add token_command, token_file, token_endpoint or password_file to [mail.smtp]";
            section.fault("auth", "missing-key", "needs an access token to sign in", hint);
        }
        (Auth::Xoauth2, Some(_), Some(_)) => {
            let message = "has a token from two places: a password, and another";
            section.fault("auth", "bad-value", message, "name one of them");
        }
        _ => {}
    }
    smtp
}

/// Limits for single domains, sorted by name.
fn domains(section: &mut Section<'_, '_>) -> Vec<DomainConfig> {
    let name = |text: &str| address::domain(text).map_err(str::to_owned);
    let mut domains =
        section.named_sections("domains", "example.org", name, |section, domain| DomainConfig {
            domain,
            rate: section.value("rate", rate).flatten(),
            per_day: section.number_or_text("per_day", per_day).flatten(),
            connections: section.number("connections", 1, 50),
        });
    domains.sort_by(|a, b| a.domain.cmp(&b.domain));
    domains
}

/// The configured token source: one or none.
fn token(section: &mut Section<'_, '_>, base: &Path) -> Option<TokenConfig> {
    let text = |text: &str| filled(text).map(str::to_owned);
    let path = |text: &str| Ok(base.join(filled(text)?));
    let command = section.list("token_command", text);
    let file = section.value("token_file", path).map(TokenConfig::File);
    let endpoint = section.value("token_endpoint", endpoint);
    let (id, secret) = (section.value("client_id", text), section.value("client_secret_file", path));
    let scope = section.value("scope", text);
    let endpoint = match (endpoint, id, secret, scope) {
        (Some(url), Some(client_id), Some(secret), Some(scope)) => {
            let client_secret = Password::File(secret);
            Some(TokenConfig::Endpoint { url, client_id, client_secret, scope })
        }
        (None, None, None, None) => None,
        _ => {
            let message = "needs client_id, client_secret_file and scope beside it, all of them";
            section.fault("token_endpoint", "missing-key", message, "add what is missing to [mail.smtp]");
            None
        }
    };
    let command = Some(command).filter(|words| !words.is_empty()).map(TokenConfig::Command);
    let mut found = [command, file, endpoint].into_iter().flatten();
    let first = found.next();
    if found.next().is_some() {
        let message = "has a token from two places: name one of token_command, token_file and token_endpoint";
        section.fault("auth", "bad-value", message, "remove the others");
    }
    first
}

/// The token endpoint. HTTPS is required because the token grants access to the mailbox.
fn endpoint(text: &str) -> Result<String, String> {
    let own = text.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        is_loopback(host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']))
    });
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let plain = !rest.is_empty() && !rest.contains('@') && !text.contains(|c: char| c.is_whitespace());
    if !plain || !(own || text.starts_with("https://")) {
        // the value is not printed: it may contain a password
        return Err("must begin with `https://`, without a sign-in in it".to_owned());
    }
    Ok(text.to_owned())
}

const DEFAULT_RATE: NonZeroU32 = NonZeroU32::new(25).expect("25 is not 0");

fn host(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    if text.is_empty() || !text.chars().all(allowed) {
        // the value is not printed: it may be a URL with a password
        return Err("must be only the name or address of the mail server".to_owned());
    }
    Ok(text.to_owned())
}

/// The name sent with EHLO.
fn hello(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if text.is_empty() || !text.chars().all(allowed) {
        return Err(format!("has `{text}`; write the name of this machine, like journey.ekdala.example"));
    }
    Ok(text.to_owned())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
