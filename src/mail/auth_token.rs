//! OAuth 2.0 access tokens for AUTH XOAUTH2: fetched from a program, a file or an
//! endpoint, cached, and renewed before they expire, so that none expires during a
//! mailing. Errors name the source that was asked, never a secret.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::time::timezone::Timestamp;
use crate::text::secret_file;

/// How long before its expiry a token is renewed.
const RENEW_AHEAD: TimeDelta = TimeDelta::minutes(5);
/// Cache time for tokens without an expiry.
const NO_EXPIRY: TimeDelta = TimeDelta::minutes(5);
/// Longer responses are refused.
const MAX_RESPONSE: u64 = 100_000;
/// Timeout of a program or endpoint.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where tokens come from.
#[derive(Clone)]
pub(crate) enum TokenSource {
    /// A program with its arguments; it prints the token.
    Command(Vec<String>),
    /// A file that another program refreshes; read each time.
    File(PathBuf),
    /// An OAuth 2.0 endpoint, with the client credentials grant.
    Endpoint {
        /// URL of the endpoint.
        url: String,
        client_id: String,
        client_secret_file: PathBuf,
        scope: String,
    },
}

/// Arguments of a program may contain a secret, so they are not printed.
impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl TokenSource {
    /// The source, for messages.
    fn place(&self) -> String {
        match self {
            TokenSource::Command(words) => format!("`{}`", words.first().map_or("", String::as_str)),
            TokenSource::File(file) => file.display().to_string(),
            TokenSource::Endpoint { url, .. } => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
        }
    }
}

/// A token; its `Debug` output hides it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// The token itself, for the SMTP client.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    fn read(text: &str, place: &str) -> Result<Token, String> {
        let text = text.trim();
        let plain = text.bytes().all(|b| b.is_ascii_graphic());
        if text.is_empty() || !plain {
            return Err(format!("{place} gave no access token: one line of plain letters is expected"));
        }
        Ok(Token(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Caches the current token of a source.
#[derive(Debug)]
pub(crate) struct TokenCache {
    source: TokenSource,
    timeout: Duration,
    /// The token, and until when it may be used.
    cached: Option<(Token, Timestamp)>,
}

impl TokenCache {
    /// An empty cache for a source.
    pub(crate) fn of(source: TokenSource) -> TokenCache {
        TokenCache { source, timeout: TIMEOUT, cached: None }
    }

    /// A token that is valid at `now` and for some time after.
    ///
    /// # Errors
    ///
    /// What went wrong, with the source that was asked. A cached token that is still
    /// valid is returned instead, if there is one.
    pub(crate) fn token(&mut self, now: Timestamp) -> Result<Token, String> {
        if let Some((token, renew)) = &self.cached
            && now < *renew
        {
            return Ok(token.clone());
        }
        match self.fetch() {
            Ok((token, good_for)) => {
                let ahead = if good_for.is_some() { RENEW_AHEAD } else { TimeDelta::zero() };
                let renew = now + good_for.unwrap_or(NO_EXPIRY) - ahead;
                // A file is read each time.
                self.cached = match self.source {
                    TokenSource::File(_) => None,
                    TokenSource::Command(_) | TokenSource::Endpoint { .. } => Some((token.clone(), renew)),
                };
                Ok(token)
            }
            Err(why) => match &self.cached {
                Some((token, renew)) if now < *renew + RENEW_AHEAD && self.is_of_endpoint() => {
                    Ok(token.clone())
                }
                _ => Err(why),
            },
        }
    }

    /// Discards the token, because a relay has rejected it.
    pub(crate) fn invalidate(&mut self) {
        self.cached = None;
    }

    fn is_of_endpoint(&self) -> bool {
        matches!(self.source, TokenSource::Endpoint { .. })
    }

    /// Fetches a token and its lifetime, if the source gives one.
    fn fetch(&self) -> Result<(Token, Option<TimeDelta>), String> {
        let place = self.source.place();
        match &self.source {
            TokenSource::Command(words) => {
                let text = printed(words, self.timeout)?;
                Ok((Token::read(&text, &place)?, None))
            }
            TokenSource::File(file) => Ok((Token::read(&text_of(file)?, &place)?, None)),
            TokenSource::Endpoint { url, client_id, client_secret_file, scope } => {
                let secret = text_of(client_secret_file)?;
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", &*secret),
                    ("scope", scope),
                ];
                let answer = asked(url, &place, &form, self.timeout)?;
                let token = value_of(&answer, "access_token").unwrap_or_default();
                let seconds = value_of(&answer, "expires_in").and_then(|text| text.parse::<u32>().ok());
                let good_for = seconds.map(|seconds| TimeDelta::seconds(i64::from(seconds)));
                Ok((Token::read(&token, &place)?, good_for))
            }
        }
    }
}

fn text_of(file: &Path) -> Result<String, String> {
    secret_file::read_line(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// The output of a program; its standard error is not repeated.
fn printed(words: &[String], timeout: Duration) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("there is no program to ask for a token".to_owned());
    };
    let told = |error: std::io::Error| format!("`{program}` cannot be started: {error}");
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(told)?;
    let Some(output) = child.stdout.take() else { return Err(format!("`{program}` prints nothing")) };
    let (give, get) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.take(MAX_RESPONSE).read_to_string(&mut text);
        // The receiver is gone after a timeout.
        let _ = give.send(read.map(|_| text));
    });
    let Ok(read) = get.recv_timeout(timeout) else {
        // It may have exited already, or belong to another user; do not wait for it.
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("`{program}` gave no access token within {} s", timeout.as_secs_f32()));
    };
    let status = child.wait().map_err(told)?;
    if !status.success() {
        return Err(format!("`{program}` gave no access token: {status}"));
    }
    read.map_err(|error| format!("`{program}` gave no access token: {error}"))
}

/// Posts a form to an endpoint.
fn asked(url: &str, place: &str, form: &[(&str, &str)], timeout: Duration) -> Result<String, String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        // The secret must not be sent on to another host.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build();
    let sent = ureq::Agent::new_with_config(config).post(url).send_form(form.iter().copied());
    let mut answer = sent.map_err(|error| match error {
        ureq::Error::Timeout(_) => {
            format!("the token endpoint {place} did not answer within {} s", timeout.as_secs_f32())
        }
        ureq::Error::Io(error) => format!("the token endpoint {place} cannot be reached: {}", error.kind()),
        ureq::Error::HostNotFound => format!("the token endpoint {place} cannot be found"),
        _ => format!("the token endpoint {place} cannot be asked"),
    })?;
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(MAX_RESPONSE).read_to_string();
    let body = body.map_err(|_| format!("the token endpoint {place} broke off its answer"))?;
    if status.is_success() {
        return Ok(body);
    }
    // Only the error code, such as `invalid_client`: the description may repeat the secret.
    let code = value_of(&body, "error")
        .filter(|code| code.len() < 40 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    let code = code.map_or(String::new(), |code| format!(" ({code})"));
    Err(format!("the token endpoint {place} refused: {}{code}", status.as_u16()))
}

/// The value of a key in a JSON object, if it is a string or a number.
fn value_of(json: &str, key: &str) -> Option<String> {
    match serde_json::from_str::<serde_json::Value>(json).ok()?.get(key)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
