//! Where the program runs: `config.toml` and the `JOURNEY_` variables of the
//! environment become typed values, once (contract, 9). Parts are passed on
//! to those who need them. Every fault is told in one run, with its place,
//! and no secret is ever shown.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use toml::de::DeTable;

use crate::domain::address;
use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::duration::Duration;
use crate::domain::email::Mailbox;

use section::{Report, Section};

mod section;
#[cfg(test)]
mod tests;

/// Where everybody's configuration is looked for, unless `--config` says.
const SYSTEM_FILE: &str = "/etc/journey/config.toml";

/// Variables that begin like ours and are read elsewhere, or by nobody here.
const OTHER_VARIABLES: [&str; 1] = ["JOURNEY_TEST_ALL"];

/// Everything that depends on where the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// The authors' folder.
    pub content: PathBuf,
    /// The SQLite file.
    pub database: PathBuf,
    /// Who there is.
    pub people: PeopleConfig,
    /// How mails leave.
    pub mail: MailConfig,
    /// Where answers arrive.
    pub web: WebConfig,
    /// What the daemon does by itself.
    pub daemon: DaemonConfig,
    /// What is too small, too late.
    pub limits: LimitsConfig,
}

/// `[people]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleConfig {
    /// The export of the HR system.
    pub file: PathBuf,
    /// Columns kept beside the known ones.
    pub keep: Vec<String>,
    /// The share of people that may leave with one import.
    pub max_leavers: Percent,
}

/// `[mail]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// Who writes.
    pub from: Mailbox,
    /// Where answers by mail go.
    pub reply_to: Mailbox,
    /// How mails leave.
    pub transport: Transport,
    /// Where [`Transport::Files`] writes.
    pub folder: PathBuf,
    /// What [`Transport::Sendmail`] starts.
    pub sendmail: PathBuf,
    /// Where reports about mails that came back arrive, each with a token of
    /// its own in it; `None`: at [`MailConfig::from`], without.
    pub bounce: Option<Box<str>>,
    /// Before a mail in doubt is handed over once more.
    pub in_doubt_wait: TimeDelta,
    /// The only addresses `journey test` may write to.
    pub testers: Vec<Box<str>>,
    /// The relay.
    pub smtp: SmtpConfig,
    /// The signature, if the relay does not sign.
    pub dkim: Option<DkimConfig>,
}

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
    pub ca_file: Option<PathBuf>,
    /// Our own name; without one the machine's.
    pub hello: Option<String>,
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

/// `[mail.dkim]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimConfig {
    /// The signing domain.
    pub domain: String,
    /// The name of the key in the domain name system.
    pub selector: String,
    /// The private key.
    pub key_file: PathBuf,
}

/// `[web]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// Where the answer pages are served.
    pub listen: SocketAddr,
    /// What links begin with; no `/` at its end.
    pub base_url: String,
}

/// `[daemon]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// It puts content in force that has changed and has no fault.
    pub watch_content: bool,
    /// It imports a people file that has changed.
    pub import_people: bool,
    /// So many mails of a mailing leave first; 0: all at once.
    pub first_wave: u16,
    /// So long before the rest does.
    pub wave_pause: TimeDelta,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// The smallest group a report may describe.
    pub min_group: u32,
    /// A slot missed by less than this is used at once.
    pub grace: TimeDelta,
}

/// How mails leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Into a folder.
    Files,
    /// To a relay.
    Smtp,
    /// Through the `sendmail` program.
    Sendmail,
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

/// Mails per time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub mails: NonZeroU32,
    /// In what time.
    pub per: TimeDelta,
}

/// A share, in whole percent from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub u8);

impl Percent {
    /// Are `part` of `whole` more than this share?
    pub fn is_exceeded(self, part: usize, whole: usize) -> bool {
        part * 100 > whole * usize::from(self.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Reads `Hållbara Ekdala <larresa@ekdala.example>` or a bare address.
fn mailbox(text: &str) -> Result<Mailbox, String> {
    let text = text.trim();
    let (name, bare) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, bare)) => (name.trim().trim_matches('"'), bare),
        None => ("", text),
    };
    let odd = |c: char| c.is_control() || matches!(c, '<' | '>' | '"');
    if name.chars().any(odd) || name.chars().count() > 100 {
        return Err("has a name with quotes, brackets or line breaks in it, or a very long one".to_owned());
    }
    let address = address::parse(bare).map_err(|why| {
        format!("{why}; write an address, or a name and an address like \"Hållbara Ekdala <larresa@ekdala.example>\"")
    })?;
    Ok(Mailbox { name: name.to_owned(), address: address.into() })
}

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one who hands it over.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Where a password comes from. A file is read when it is needed, so that
/// authors who may not read it can still check their content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// A file with the password and nothing else.
    File(PathBuf),
    /// `JOURNEY_MAIL__SMTP__PASSWORD`
    Given(Secret),
}

impl Password {
    /// The password; of a file without the line break at its end.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn read(&self) -> io::Result<Secret> {
        match self {
            Password::File(file) => {
                let text = std::fs::read_to_string(file)?;
                Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            Password::Given(secret) => Ok(secret.clone()),
        }
    }
}

/// The `JOURNEY_` variables: the only place where the program looks at its
/// environment.
pub fn environment() -> BTreeMap<String, String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let variables = std::env::vars_os();
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with("JOURNEY_"))
        .collect()
}

/// Who runs the program, for the audit log: behind `sudo` the one who typed
/// it.
pub fn user() -> String {
    let named = |name: &str| {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let value = std::env::var(name).ok();
        value.filter(|value| !value.is_empty() && !value.chars().any(char::is_control))
    };
    ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(named).unwrap_or_else(|| "unknown".to_owned())
}

impl Config {
    /// Finds and reads the configuration: the file of `--config`, else
    /// `./config.toml`, else `/etc/journey/config.toml`, and over it the
    /// variables of [`environment`].
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn load(
        path: Option<&Path>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Config, Vec<Diagnostic>> {
        match path {
            Some(path) => Config::read(path, environment),
            None => Config::search(&[Path::new("config.toml"), Path::new(SYSTEM_FILE)], environment),
        }
    }

    fn search(places: &[&Path], environment: &BTreeMap<String, String>) -> Result<Config, Vec<Diagnostic>> {
        if let Some(file) = places.iter().find(|file| file.exists()) {
            return Config::read(file, environment);
        }
        let looked: Vec<String> = places.iter().map(|file| format!("`{}`", file.display())).collect();
        let message = format!("no configuration; looked for {}", looked.join(" and "));
        let fault = Diagnostic::error("no-config", Place::file("config.toml"), message);
        Err(vec![fault.hint("name it with --config, or go to the folder it stands in")])
    }

    fn read(file: &Path, environment: &BTreeMap<String, String>) -> Result<Config, Vec<Diagnostic>> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::InvalidData => "not UTF-8 throughout".to_owned(),
                _ => format!("cannot be read: {error}"),
            };
            vec![Diagnostic::error("no-config", Place::file(file.display()), message)]
        })?;
        Config::parse(file, &text, environment)
    }

    /// Reads the text of a configuration that stands in `file`.
    fn parse(
        file: &Path,
        text: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Config, Vec<Diagnostic>> {
        let shown = file.display().to_string();
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let syntax = |error: toml::de::Error| {
                let start = error.span().map_or(0, |span| span.start);
                Diagnostic::error("syntax", Place::of_offset(&shown, text, start, 1), error.message())
            };
            let mut faults: Vec<Diagnostic> = errors.into_iter().map(syntax).collect();
            faults.sort_by(|a, b| a.place.cmp(&b.place));
            return Err(faults);
        }
        let mut report = Report::new(&shown, text, environment);
        let config = Config::values(&mut report, table.get_ref(), file);
        report.tell_unknown_variables(&OTHER_VARIABLES);
        let faults = report.into_faults();
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    /// The values; the default stands in for each one that is refused.
    fn values(report: &mut Report<'_>, table: &DeTable<'_>, file: &Path) -> Config {
        let base = file.parent().unwrap_or(Path::new(""));
        Section::root(report, table).read(|root| Config {
            file: file.to_owned(),
            content: root.path("content", base, "content"),
            database: root.path("database", base, "journey.db"),
            people: root.section("people", "people", |section| people(section, base)),
            mail: root.section("mail", "mail", |section| mail(section, base)),
            web: root.section("web", "web", web),
            daemon: root.section("daemon", "daemon", daemon),
            limits: root.section("limits", "limits", limits),
        })
    }
}

fn people(section: &mut Section<'_, '_>, base: &Path) -> PeopleConfig {
    PeopleConfig {
        file: section.path("file", base, "people.csv"),
        keep: section.list("keep", |name| match name.trim() {
            "" => Err("has an empty name; name columns of the people file".to_owned()),
            name => Ok(name.to_owned()),
        }),
        max_leavers: section.value("max_leavers", percent).unwrap_or(Percent(10)),
    }
}

fn mail(section: &mut Section<'_, '_>, base: &Path) -> MailConfig {
    let nobody = || Mailbox { name: String::new(), address: String::new() };
    let transports =
        [("files", Transport::Files), ("smtp", Transport::Smtp), ("sendmail", Transport::Sendmail)];
    let from =
        section.required("from", mailbox, "Hållbara Ekdala <larresa@ekdala.example>").unwrap_or_else(nobody);
    MailConfig {
        bounce: section.value("bounce", |text| return_path(text, &from.address)),
        from,
        reply_to: section.required("reply_to", mailbox, "hallbarhet@ekdala.example").unwrap_or_else(nobody),
        transport: section.one_of("transport", &transports).unwrap_or(Transport::Files),
        folder: section.path("folder", base, "outbox"),
        sendmail: section.path("sendmail", base, "/usr/sbin/sendmail"),
        in_doubt_wait: section.value("in_doubt_wait", length).unwrap_or(TimeDelta::minutes(15)),
        testers: section.list("testers", |text| address::parse(text).map_err(str::to_owned)),
        smtp: section.section("smtp", "mail.smtp", |section| smtp(section, base)),
        dkim: section.section("dkim", "mail.dkim", |section| dkim(section, base)),
    }
}

fn smtp(section: &mut Section<'_, '_>, base: &Path) -> SmtpConfig {
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

/// Where reports arrive: an address that leaves room for a token, in the
/// domain that writes, so that whoever checks senders sees one of them (E2).
fn return_path(text: &str, from: &str) -> Result<Box<str>, String> {
    let address = address::parse(text).map_err(|why| format!("{why}; write one bare address"))?;
    let (local, domain) = address.rsplit_once('@').unwrap_or_default();
    let (_, ours) = from.rsplit_once('@').unwrap_or_default();
    let below = |one: &str, other: &str| one.strip_suffix(other).is_some_and(|rest| rest.ends_with('.'));
    if local.len() > LONGEST_RETURN_PATH || local.contains('+') {
        return Err(format!(
            "must have at most {LONGEST_RETURN_PATH} letters and no `+` before its `@`: each mail adds a token there"
        ));
    }
    if !ours.is_empty() && domain != ours && !below(domain, ours) && !below(ours, domain) {
        return Err("is in another domain than `from`; relays take such mails for forged".to_owned());
    }
    Ok(address)
}

/// 64 octets, less `+` and a token.
const LONGEST_RETURN_PATH: usize = 23;

const TWENTY_FIVE: NonZeroU32 = NonZeroU32::new(25).expect("25 is not 0");

/// A signature needs all three keys, or the section is left out.
fn dkim(section: &mut Section<'_, '_>, base: &Path) -> Option<DkimConfig> {
    let text = |text: &str| filled(text).map(str::to_owned);
    let file = |text: &str| Ok(base.join(filled(text)?));
    if section.is_absent(&["domain", "selector", "key_file"]) {
        return None;
    }
    Some(DkimConfig {
        domain: section.required("domain", text, "ekdala.example").unwrap_or_default(),
        selector: section.required("selector", text, "journey").unwrap_or_default(),
        key_file: section.required("key_file", file, "dkim.pem").unwrap_or_default(),
    })
}

fn web(section: &mut Section<'_, '_>) -> WebConfig {
    let listen = |text: &str| {
        text.parse().map_err(|_| format!("has `{text}`; write an address and a port, like 127.0.0.1:8080"))
    };
    WebConfig {
        listen: section.value("listen", listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
        base_url: section.value("base_url", base_url).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()),
    }
}

fn daemon(section: &mut Section<'_, '_>) -> DaemonConfig {
    DaemonConfig {
        watch_content: section.yes_or_no("watch_content").unwrap_or(true),
        import_people: section.yes_or_no("import_people").unwrap_or(false),
        first_wave: section.number("first_wave", 0, 1000).unwrap_or(10),
        wave_pause: section.value("wave_pause", length).unwrap_or(TimeDelta::minutes(30)),
    }
}

fn limits(section: &mut Section<'_, '_>) -> LimitsConfig {
    LimitsConfig {
        // fewer than five would tell who said what (privacy, P12)
        min_group: section.number("min_group", 5, 1000).map_or(5, u32::from),
        grace: section.value("grace", length).unwrap_or(TimeDelta::hours(4)),
    }
}

fn filled(text: &str) -> Result<&str, String> {
    if text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

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

/// A share like `10 %`.
fn percent(text: &str) -> Result<Percent, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<u8>().ok());
    number.filter(|number| *number <= 100).map(Percent).ok_or_else(|| {
        format!("has `{text}`; write a whole number from 0 to 100 and a percent sign, like \"10 %\"")
    })
}

/// A length of time like `4 hours`, of at least a minute.
fn length(text: &str) -> Result<TimeDelta, String> {
    let duration = Duration::parse(text).map_err(|why| format!("has a wrong value: {why}"))?;
    duration
        .as_length()
        .ok_or_else(|| format!("has `{text}`; only minutes and hours are a length of time here"))
}

/// Mails per time like `25/minute`, or `unlimited`.
fn rate(text: &str) -> Result<Option<Rate>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    let wrong = || {
        format!("has `{text}`; write mails per second, minute or hour, like \"25/minute\", or \"unlimited\"")
    };
    let (mails, per) = text.split_once('/').ok_or_else(wrong)?;
    let per = match per.trim() {
        "second" => TimeDelta::seconds(1),
        "minute" => TimeDelta::minutes(1),
        "hour" => TimeDelta::hours(1),
        _ => return Err(wrong()),
    };
    let mails = mails.trim().parse().map_err(|_| wrong())?;
    Ok(Some(Rate { mails, per }))
}

/// What links begin with.
fn base_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err("must begin with `https://`, or `http://` for a trial".to_owned());
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]".contains(c);
    if rest.starts_with(['/', ':', '.']) || rest.is_empty() || !rest.chars().all(allowed) {
        return Err("must be a host and perhaps a path, without sign-in, `?` and `#`".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}
