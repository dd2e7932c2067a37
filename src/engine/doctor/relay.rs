//! Checks the transport: the SMTP relay with its certificate and sign-in, up to
//! the point where a mail would begin; or the sendmail program. Sends no mail.

use chrono::TimeDelta;

use super::{DoctorOptions, Finding};
use crate::clock;
use crate::config::{Config, Transport};
use crate::domain::delivery::reply::{Phase, RelayError};
use crate::domain::time::timezone::Timestamp;
use crate::engine::transport;
use crate::mail::auth_token::TokenCache;
use crate::mail::smtp::{Certificate, EhloExtensions, Mechanism, Relay, Timeouts, TlsInfo, TlsMode};
use crate::store::file::disk;

/// A certificate should be renewed before it is this close to its end.
const EXPIRES_SOON: TimeDelta = TimeDelta::days(30);

/// Checks the transport.
pub(super) fn examine(config: &Config, asked: &DoctorOptions, tell: &mut dyn FnMut(Finding)) {
    match config.mail.transport {
        Transport::Files => {
            let folder = config.mail.folder.display();
            tell(Finding::good(
                "transport",
                format!("mails are written to {folder} and not sent; no mail server was asked"),
            ));
        }
        Transport::Sendmail => tell(program(config)),
        Transport::Smtp => {
            let mut relay = transport::relay(&config.mail.smtp);
            relay.timeouts = Timeouts::all(asked.patience);
            let token = transport::token_source(&config.mail.smtp).map(|source| {
                let place = format!("{source:?}");
                (place, TokenCache::of(source).token(clock::now()).map(drop))
            });
            let has_token = token.as_ref().is_none_or(|(_, token)| token.is_ok());
            if let Some((place, token)) = token {
                tell(match token {
                    Ok(()) => Finding::good("token", format!("{place} gives one")),
                    Err(why) => Finding::fault("token", why).hint(
                        "run it by hand as the user that runs journey; without a token the login fails",
                    ),
                });
            }
            probe(&relay, has_token, asked.at, tell);
        }
    }
}

fn program(config: &Config) -> Finding {
    let program = &config.mail.sendmail;
    let shown = program.display();
    match disk::check_executable(program) {
        Ok(()) if program.is_file() => {
            Finding::good("transport", format!("{shown} takes mails; what it does with them is its own"))
        }
        Ok(()) => Finding::fault("transport", format!("{shown} is not a program"))
            .hint("name one as `sendmail` under [mail]"),
        Err(error) => Finding::fault("transport", format!("{shown} cannot be started: {error}"))
            .hint("install a mail server, or name its program as `sendmail` under [mail]"),
    }
}

/// Connects twice: without signing in, so that the capabilities of the relay
/// are known even if it refuses us; then with it.
pub fn probe(relay: &Relay, may_sign_in: bool, at: Timestamp, tell: &mut dyn FnMut(Finding)) {
    let name = named(relay);
    let stranger = Relay { auth: None, ..relay.clone() };
    let connection = match stranger.connect() {
        Ok(connection) => connection,
        Err(trouble) => return tell(unreached(relay, &trouble)),
    };
    let (extensions, tls_info) = (connection.extensions().clone(), connection.tls_info());
    connection.quit();
    tell(reached(&name, &extensions, tls_info.as_ref()));
    for certificate in tls_info.iter().flat_map(|tls_info| &tls_info.chain) {
        tell(dated(certificate, at, "nothing leaves"));
    }
    let Some(sign_in) = relay.auth.as_ref() else {
        return tell(Finding::good("sign-in", "no password is set for the mail server"));
    };
    if !may_sign_in {
        return;
    }
    tell(match relay.connect() {
        Ok(connection) => {
            connection.quit();
            let mechanism = match sign_in.mechanism {
                Mechanism::Plain => "PLAIN",
                Mechanism::Login => "LOGIN",
                Mechanism::Xoauth2 => "XOAUTH2",
            };
            Finding::good("sign-in", format!("accepted, by {mechanism}"))
        }
        Err(trouble) => {
            Finding::fault("sign-in", trouble.why).hint("nothing is lost; mails wait until the login works")
        }
    });
}

fn named(relay: &Relay) -> String {
    match relay.host.contains(':') {
        true => format!("[{}]:{}", relay.host, relay.port),
        false => format!("{}:{}", relay.host, relay.port),
    }
}

fn unreached(relay: &Relay, trouble: &RelayError) -> Finding {
    let other = match relay.tls {
        TlsMode::Tls => "587 with `security = \"starttls\"`",
        TlsMode::Starttls | TlsMode::Plaintext => "465 with `security = \"tls\"`",
    };
    let hint = match trouble.phase {
        Phase::Connect => format!(
            "are `host` and `port` right, and does a firewall let this machine through? systemd needs IPAddressAllow=; it may also be port {other}"
        ),
        Phase::Tls => {
            "certificate and name are checked on every connection; nothing leaves until they fit".to_owned()
        }
        Phase::Greeting => format!("is this the port of a mail server? It may also be {other}"),
        _ => "ask the operator of the mail server whether this machine may use it".to_owned(),
    };
    Finding::fault("relay", trouble.why.clone()).hint(hint)
}

fn reached(name: &str, extensions: &EhloExtensions, tls_info: Option<&TlsInfo>) -> Finding {
    let mut words = vec![name.to_owned()];
    match tls_info {
        Some(tls_info) => {
            words.push(tls_info.version.to_owned());
            let until = tls_info.chain.first().map(|certificate| certificate.until);
            words.extend(until.map(|until| format!("certificate until {}", until.format("%Y-%m-%d"))));
        }
        None => words.push("in clear, on this machine".to_owned()),
    }
    words.push(match (extensions.size, extensions.largest) {
        (_, Some(largest)) => format!("mails up to {}", super::database::disk_size(largest)),
        (true, None) => "mails of any size".to_owned(),
        (false, None) => "no SIZE".to_owned(),
    });
    words.push(if extensions.pipelining { "PIPELINING" } else { "no PIPELINING" }.to_owned());
    if !extensions.auth.is_empty() {
        let auth: String = extensions.auth.join(" ").chars().filter(|c| !c.is_control()).take(100).collect();
        words.push(format!("AUTH {auth}"));
    }
    Finding::good("relay", words.join(", "))
}

/// Judges the dates of a certificate; `consequence` is what happens after its last day.
pub(super) fn dated(certificate: &Certificate, at: Timestamp, consequence: &str) -> Finding {
    let Certificate { subject, issuer, from, until } = certificate;
    let (from_day, until_day) = (from.format("%Y-%m-%d"), until.format("%Y-%m-%d"));
    let message = format!("{subject}, signed by {issuer}, good from {from_day} until {until_day}");
    let left = *until - at;
    let hint = format!("see that it is renewed: after that day {consequence}");
    if left < TimeDelta::zero() || *from > at {
        return Finding::fault("certificate", format!("{message}: not today")).hint(hint);
    }
    if left < EXPIRES_SOON {
        let days = left.num_days();
        return Finding::warning("certificate", format!("{message}: {days} days are left")).hint(hint);
    }
    Finding::good("certificate", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::doctor::Level;

    #[test]
    fn a_certificate_near_its_end_is_told_before_it_is_over() {
        let day = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let certificate = Certificate {
            subject: "relay.example".to_owned(),
            issuer: "Ekdala".to_owned(),
            from: day("2026-01-01T00:00:00Z"),
            until: day("2027-01-01T00:00:00Z"),
        };
        let on = |text: &str| dated(&certificate, day(text), "nothing leaves");
        assert_eq!(on("2026-12-01T00:00:00Z").level, Level::Good);
        let soon = on("2026-12-02T00:00:01Z");
        assert_eq!(soon.level, Level::Warning);
        assert_eq!(
            soon.message,
            "relay.example, signed by Ekdala, good from 2026-01-01 until 2027-01-01: 29 days are left"
        );
        assert_eq!(on("2027-01-01T00:00:01Z").level, Level::Fault);
        assert_eq!(on("2025-12-31T00:00:00Z").level, Level::Fault);
    }
}
