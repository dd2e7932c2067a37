//! `[mail.smtp]`: the relay, how it is reached and signed in at, and how fast
//! mails leave.

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
    /// Name or address of the relay.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept private.
    pub security: Security,
    /// Root certificates beside the machine's own.
    pub(crate) ca_file: Option<PathBuf>,
    /// Our own name; without one the machine's.
    pub(crate) hello: Option<String>,
    /// How we sign in.
    pub auth: Auth,
    /// As whom; there is one unless `auth` is none.
    pub username: Option<String>,
    /// With which password; there is one, or a token, unless `auth` is none.
    pub password: Option<Password>,
    /// Where the token of XOAUTH2 comes from, where it is not the password.
    pub token: Option<TokenConfig>,
    /// How many connections at the same time.
    pub connections: u16,
    /// How fast; `None` without a limit.
    pub rate: Option<Rate>,
    /// How many in any 24 hours; `None` without a limit.
    pub per_day: Option<NonZeroU32>,
    /// Less than that to single domains, each named once.
    pub domains: Vec<DomainConfig>,
}

/// `[mail.smtp.domains."example.org"]`: limits for mails to one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainConfig {
    /// What stands behind the `@` of an address, as addresses are kept.
    pub domain: Box<str>,
    /// How fast; `None` without a limit of its own.
    pub rate: Option<Rate>,
    /// How many in any 24 hours; `None` without a limit of its own.
    pub per_day: Option<NonZeroU32>,
    /// How many connections at most have a mail to it at the same time; `None`:
    /// all there are.
    pub connections: Option<u16>,
}

/// Where the access token of AUTH XOAUTH2 comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenConfig {
    /// A program and its arguments; it prints the token.
    Command(Vec<String>),
    /// A file somebody else keeps fresh.
    File(PathBuf),
    /// Asked for where accounts are kept, with the program's own name and
    /// secret (client credentials).
    Endpoint {
        /// Whom to ask.
        url: String,
        /// The program's name there.
        client_id: String,
        /// A file with its secret and nothing else.
        client_secret: Password,
        /// What it is for.
        scope: String,
    },
}

/// How the connection to the relay is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// In clear first, then TLS or nothing.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// In clear; only to this machine.
    None,
}

/// How we sign in at the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
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
            .unwrap_or(Some(Rate { mails: TWENTY_FIVE, per: TimeDelta::minutes(1) })),
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

/// Limits for single domains, in the order of their names.
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

/// Where an access token comes from: one place, or none.
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

/// Whom to ask for a token: over HTTPS, because the answer opens the mailbox.
fn endpoint(text: &str) -> Result<String, String> {
    let own = text.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        is_loopback(host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']))
    });
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let plain = !rest.is_empty() && !rest.contains('@') && !text.contains(|c: char| c.is_whitespace());
    if !plain || !(own || text.starts_with("https://")) {
        // not shown: it may have a password in it
        return Err("must begin with `https://`, without a sign-in in it".to_owned());
    }
    Ok(text.to_owned())
}

const TWENTY_FIVE: NonZeroU32 = NonZeroU32::new(25).expect("25 is not 0");

fn host(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    if text.is_empty() || !text.chars().all(allowed) {
        // not shown: it may be a URL with a password in it
        return Err("must be the name or address of the relay and nothing else".to_owned());
    }
    Ok(text.to_owned())
}

/// A name as the relay is told it.
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
