//! Opens a connection up to the point where a mail can be sent: DNS, TCP, greeting,
//! EHLO, TLS, authentication.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use lettre::transport::smtp::authentication::{self, Credentials};
use lettre::transport::smtp::commands::{Auth, Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;

use super::channel::{SmtpChannel, seconds, trouble};
use super::ehlo::EhloExtensions;
use super::reply::RawReply;
use super::session::Connection;
use super::tls::TlsInfo;
use super::{Mechanism, Relay, SmtpAuth, TlsMode, tls};
use crate::clock::Stopwatch;
use crate::domain::delivery::reply::{Phase, RelayError, RelayErrorKind, Reply};
use crate::failpoint;
use crate::mail::smtp::stream::{SmtpStream, StreamError, TlsError};

/// The TLS version and the certificates of a server that speaks TLS from the first byte.
pub(super) fn tls_handshake(relay: &Relay) -> Result<Option<TlsInfo>, RelayError> {
    let mut channel = open(relay)?;
    start_tls(&mut channel, relay)?;
    Ok(channel.stream.tls_info())
}

/// Connects, and sends nothing.
fn open(relay: &Relay) -> Result<SmtpChannel, RelayError> {
    let name = match relay.host.contains(':') {
        true => format!("[{}]:{}", relay.host, relay.port),
        false => format!("{}:{}", relay.host, relay.port),
    };
    let failed =
        |error| trouble(RelayErrorKind::Transient, Phase::Connect, format!("mail server {name}: {error}"));
    failpoint::at("relay.connect").map_err(failed)?;
    let tcp = tcp_connect(relay, &name)?;
    let broken = |error: io::Error| {
        trouble(RelayErrorKind::Transient, Phase::Connect, format!("mail server {name}: {error}"))
    };
    let stream = SmtpStream::new(tcp).map_err(broken)?;
    Ok(SmtpChannel { stream, name, timeouts: relay.timeouts })
}

pub(super) fn connect(relay: &Relay) -> Result<Connection, RelayError> {
    let mut channel = open(relay)?;
    let near =
        channel.stream.peer_addr().map_err(|_| channel.failed(Phase::Connect, &StreamError::Closed))?;
    let near = near.ip().to_canonical().is_loopback();
    if relay.tls == TlsMode::Plaintext && !near {
        let why = format!(
            "mail server {} is another machine, and mails are not sent there without encryption; set `security`",
            channel.name
        );
        return Err(trouble(RelayErrorKind::Permanent, Phase::Connect, why));
    }
    let ehlo_name = ehlo_name(relay, &channel.stream);
    if relay.tls == TlsMode::Tls {
        start_tls(&mut channel, relay)?;
    }
    let greeting = channel.read_reply(Phase::Greeting)?;
    channel.expect(Phase::Greeting, 220, greeting.into_reply())?;
    let needs_extensions = relay.tls != TlsMode::Plaintext || relay.auth.is_some();
    let mut extensions = ehlo(&mut channel, &ehlo_name, needs_extensions)?;
    if relay.tls == TlsMode::Starttls {
        if !extensions.starttls {
            let why = format!(
                "mail server {} does not offer STARTTLS, and mails are not sent without encryption; check `security` and `port`",
                channel.name
            );
            return Err(trouble(RelayErrorKind::Permanent, Phase::Tls, why));
        }
        channel.send_command(Phase::Tls, &Starttls.to_string())?;
        let reply = channel.read_reply(Phase::Tls)?;
        channel.expect(Phase::Tls, 220, reply.into_reply())?;
        if channel.stream.has_unread() {
            let why = format!(
                "mail server {} sent data before TLS began; another machine may have added it",
                channel.name
            );
            return Err(trouble(RelayErrorKind::Permanent, Phase::Tls, why));
        }
        start_tls(&mut channel, relay)?;
        // Extensions offered before TLS must be discarded (RFC 3207, 4.2).
        extensions = ehlo(&mut channel, &ehlo_name, needs_extensions)?;
    }
    if let Some(auth) = &relay.auth {
        if !channel.stream.is_tls() && !near {
            let why =
                format!("the password would be sent to mail server {} without encryption", channel.name);
            return Err(trouble(RelayErrorKind::Permanent, Phase::Auth, why));
        }
        authenticate(&mut channel, &extensions, auth)?;
    }
    Ok(Connection::new(channel, extensions))
}

/// Connects to the relay at the first address that answers.
fn tcp_connect(relay: &Relay, name: &str) -> Result<TcpStream, RelayError> {
    let passing = |why| trouble(RelayErrorKind::Transient, Phase::Connect, why);
    let addresses: Vec<SocketAddr> = (relay.host.as_str(), relay.port)
        .to_socket_addrs()
        .map_err(|error| passing(format!("mail server {name} was not found: {error}")))?
        .collect();
    connect_any(&addresses, name, relay.timeouts.connect).map_err(passing)
}

/// Connects to the first address that answers. Each address gets an equal share of
/// the remaining time, so that an unreachable one does not use up the time of the
/// others. `Err` says why none answered.
fn connect_any(addresses: &[SocketAddr], name: &str, limit: Duration) -> Result<TcpStream, String> {
    let since = Stopwatch::start();
    first_of(addresses, |address, rest| {
        let left = since.left_of(limit).ok_or(io::ErrorKind::TimedOut)?;
        let share = left / u32::try_from(rest).unwrap_or(u32::MAX).max(1);
        TcpStream::connect_timeout(&address, share.max(Duration::from_millis(1)))
    })
    .map_err(|faults| match faults.as_slice() {
        [] => format!("mail server {name} has no address"),
        [(_, error)] if error.kind() == io::ErrorKind::TimedOut => {
            format!("mail server {name} cannot be reached within {} s", seconds(limit))
        }
        [(_, error)] => format!("mail server {name} cannot be reached: {error}"),
        many => {
            let describe: Vec<String> = many.iter().map(|(at, error)| format!("{at}: {error}")).collect();
            format!("mail server {name} cannot be reached at any of its addresses: {}", describe.join("; "))
        }
    })
}

/// Tries each address in turn and passes the number of addresses left.
fn first_of<T>(
    addresses: &[SocketAddr],
    mut try_one: impl FnMut(SocketAddr, usize) -> io::Result<T>,
) -> Result<T, Vec<(SocketAddr, io::Error)>> {
    let mut faults = Vec::new();
    for (n, address) in addresses.iter().enumerate() {
        match try_one(*address, addresses.len() - n) {
            Ok(reached) => return Ok(reached),
            Err(error) => faults.push((*address, error)),
        }
    }
    Err(faults)
}

/// Our EHLO name: the configured one; else the host name, if it is fully
/// qualified; else the local address.
fn ehlo_name(relay: &Relay, stream: &SmtpStream) -> ClientId {
    if let Some(name) = &relay.ehlo_name {
        return ClientId::Domain(name.clone());
    }
    let machine = rustix::system::uname();
    let name = machine.nodename().to_str().unwrap_or_default();
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if name.contains('.') && name.chars().all(known) {
        return ClientId::Domain(name.to_owned());
    }
    match stream.local_addr().map(|own| own.ip().to_canonical()) {
        Ok(std::net::IpAddr::V4(own)) => ClientId::Ipv4(own),
        Ok(std::net::IpAddr::V6(own)) => ClientId::Ipv6(own),
        Err(_) => ClientId::default(),
    }
}

/// Sends EHLO, or HELO to a relay that does not know EHLO. HELO offers no extension, so it is
/// tried only where neither TLS nor authentication is asked for.
fn ehlo(
    channel: &mut SmtpChannel,
    ehlo_name: &ClientId,
    needs_extensions: bool,
) -> Result<EhloExtensions, RelayError> {
    let command = Ehlo::new(ehlo_name.clone()).to_string();
    channel.send_command(Phase::Ehlo, &command)?;
    let mut lines = channel.read_reply(Phase::Ehlo)?;
    let mut extensions = EhloExtensions::of(&lines);
    if matches!(lines.code, 500 | 502 | 504 | 550) && !needs_extensions {
        channel.send_command(Phase::Ehlo, &command.replacen("EHLO", "HELO", 1))?;
        lines = channel.read_reply(Phase::Ehlo)?;
        extensions = EhloExtensions::default();
    }
    channel.expect(Phase::Ehlo, 250, lines.into_reply())?;
    Ok(extensions)
}

fn start_tls(channel: &mut SmtpChannel, relay: &Relay) -> Result<(), RelayError> {
    let refused =
        |why| trouble(RelayErrorKind::Permanent, Phase::Tls, format!("mail server {}: {why}", channel.name));
    failpoint::at("relay.tls").map_err(|_| channel.failed(Phase::Tls, &StreamError::Closed))?;
    let session = relay.trust.begin(&relay.host).map_err(refused)?;
    match channel.stream.start_tls(session, relay.timeouts.tls) {
        Ok(()) => Ok(()),
        Err(TlsError::Stream(fault)) => Err(channel.failed(Phase::Tls, &fault)),
        Err(TlsError::Rejected(error)) => {
            let why = format!("mail server {}: {}", channel.name, tls::describe(&error));
            Err(trouble(RelayErrorKind::Permanent, Phase::Tls, why))
        }
    }
}

fn authenticate(
    channel: &mut SmtpChannel,
    extensions: &EhloExtensions,
    auth: &SmtpAuth,
) -> Result<(), RelayError> {
    failpoint::at("relay.auth").map_err(|_| channel.failed(Phase::Auth, &StreamError::Closed))?;
    let mechanism = match auth.mechanism {
        Mechanism::Plain => authentication::Mechanism::Plain,
        Mechanism::Login => authentication::Mechanism::Login,
        Mechanism::Xoauth2 => authentication::Mechanism::Xoauth2,
    };
    if !extensions.auth.contains(&mechanism.to_string()) {
        let offered =
            if extensions.auth.is_empty() { "nothing".to_owned() } else { extensions.auth.join(", ") };
        let offered: String = offered.chars().filter(|c| !c.is_control()).take(200).collect();
        let why = format!(
            "mail server {} does not accept a login with {mechanism}; it offers {offered}",
            channel.name
        );
        return Err(trouble(RelayErrorKind::Permanent, Phase::Auth, why));
    }
    let secret = (auth.secret)().map_err(|why| {
        trouble(
            RelayErrorKind::Transient,
            Phase::Auth,
            format!("cannot log in to mail server {}: {why}", channel.name),
        )
    })?;
    let credentials = Credentials::new(auth.username.clone(), secret.clone());
    // LOGIN asks two questions. Their order is fixed, their wording is not.
    let steps: &[Option<&str>] = match auth.mechanism {
        Mechanism::Plain | Mechanism::Xoauth2 => &[None],
        Mechanism::Login => &[None, Some("Username:"), Some("Password:")],
    };
    let mut said = Vec::new();
    let mut answer = None;
    for step in steps {
        let command = Auth::new(mechanism, credentials.clone(), step.map(str::to_owned))
            .map_err(|error| trouble(RelayErrorKind::Permanent, Phase::Auth, error.to_string()))?
            .to_string();
        channel.send_command(Phase::Auth, &command)?;
        said.push(command);
        let lines = channel.read_reply(Phase::Auth)?;
        let goes_on = lines.code == 334;
        answer = Some(lines);
        if !goes_on {
            break;
        }
    }
    // Exchange and Gmail report what is wrong with a token in a challenge, and
    // reject after an empty response.
    if answer.as_ref().is_some_and(|lines| lines.code == 334) && auth.mechanism == Mechanism::Xoauth2 {
        channel.send_command(Phase::Auth, "\r\n")?;
        answer = Some(channel.read_reply(Phase::Auth)?);
    }
    let lines = answer.unwrap_or_default();
    match lines.code {
        235 => Ok(()),
        500..600 => {
            (auth.refused)();
            Err(auth_error(channel, &lines, &secret, &said))
        }
        _ => channel.expect(Phase::Auth, 235, redact_secrets(&lines, &secret, &said)),
    }
}

fn auth_error(channel: &SmtpChannel, lines: &RawReply, secret: &str, said: &[String]) -> RelayError {
    let reply = redact_secrets(lines, secret, said);
    let why = format!(
        "mail server {} refused the login ({reply}): check `username` and the password file; Exchange Online needs `auth = \"xoauth2\"`",
        channel.name
    );
    trouble(RelayErrorKind::Permanent, Phase::Auth, why)
}

/// The reply, without its text if that repeats a secret.
fn redact_secrets(lines: &RawReply, secret: &str, said: &[String]) -> Reply {
    let words = lines.texts.join(" ");
    let tells = |part: &str| part.len() >= 4 && words.contains(part);
    let describe = said.iter().flat_map(|command| command.split_whitespace()).filter(|part| *part != "AUTH");
    let describe = describe.filter(|part| !matches!(*part, "PLAIN" | "LOGIN" | "XOAUTH2"));
    let mut reply = lines.clone().into_reply();
    if tells(secret) || describe.into_iter().any(tells) {
        reply.text = "".into();
    }
    reply
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn each_address_is_tried_until_one_answers() {
        let addresses: Vec<SocketAddr> =
            ["[::1]:25", "127.0.0.2:25", "127.0.0.3:25"].map(|at| at.parse().expect("an address")).into();
        let mut tried = Vec::new();
        let reached = first_of(&addresses, |address, left| {
            tried.push((address.to_string(), left));
            if left == 1 { Ok(address) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
        });
        assert_eq!(reached.expect("the last one answers"), addresses[2]);
        assert_eq!(tried.len(), 3);
        let dead = first_of(&addresses, |_, _| Err::<(), _>(io::ErrorKind::TimedOut.into()));
        assert_eq!(dead.expect_err("none answers").len(), 3);
    }

    /// A local address on which nothing listens.
    fn dead(ip: &str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        SocketAddr::new(ip.parse().expect("an address"), listener.local_addr().expect("a port").port())
    }

    /// A name with two unreachable addresses, one of them IPv6, and a reachable one;
    /// then with only the unreachable ones.
    #[test]
    fn a_reachable_address_is_used_and_unreachable_ones_are_named() {
        let relay = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (new, old, live) = (dead("::1"), dead("127.0.0.1"), relay.local_addr().expect("an address"));
        let ample = Duration::from_secs(20);
        let reached = connect_any(&[new, old, live], "relay.example:25", ample).expect("one lives");
        assert_eq!(reached.peer_addr().expect("an address"), live);
        let why = connect_any(&[new, old], "relay.example:25", ample).expect_err("none lives");
        let begins =
            format!("mail server relay.example:25 cannot be reached at any of its addresses: {new}: ");
        let ends = format!("; {old}: Connection refused (os error 111)");
        assert!(why.starts_with(&begins) && why.ends_with(&ends), "{why}");
        let why = connect_any(&[], "relay.example:25", ample).expect_err("there is none");
        assert_eq!(why, "mail server relay.example:25 has no address");
    }
}
