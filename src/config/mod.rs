//! Reads the configuration: `config.toml` and the `JOURNEY_` environment variables
//! become typed values. All errors are reported in one run with their location,
//! and secrets are never printed.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use crate::domain::diagnostic::{Diagnostic, Location, NO_PERMISSION};
use crate::text::text_file::TextFile;
use crate::text::toml_reader::{TomlDocument, TomlError, TomlTable};

use section::{ConfigReader, Section};
use values::{days, filled, length, percent};

mod mail;
mod secret;
mod section;
mod smtp;
mod values;

#[cfg(test)]
mod tests;

pub use mail::Transport;

pub(crate) use mail::{DkimConfig, MailConfig};
pub use secret::Password;
pub use smtp::Auth;
pub use smtp::DomainConfig;
pub use smtp::Security;
pub(crate) use smtp::SmtpConfig;
pub use smtp::TokenConfig;
pub(crate) use values::Percent;
pub use values::Rate;

/// The system-wide configuration file, used without `--config`.
const SYSTEM_FILE: &str = "/etc/journey/config.toml";

/// Variables with our prefix that are read elsewhere or only by tests.
const OTHER_VARIABLES: [&str; 1] = ["JOURNEY_TEST_ALL"];

/// The complete configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// The content folder.
    pub(crate) content: PathBuf,
    /// The SQLite file.
    pub database: PathBuf,
    /// The people file and how it is imported.
    pub people: PeopleConfig,
    /// Sender, transport and signature.
    pub mail: MailConfig,
    /// Answer pages.
    pub web: WebConfig,
    /// What the daemon does automatically.
    pub daemon: DaemonConfig,
    /// Thresholds.
    pub(crate) limits: LimitsConfig,
}

/// `[people]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleConfig {
    /// The people file, an export of the HR system.
    pub file: PathBuf,
    /// Additional columns to keep.
    pub(crate) keep: Vec<String>,
    /// The largest share of people that may leave in one import.
    pub(crate) max_leavers: Percent,
    /// How many rows may have errors.
    pub(crate) max_bad_rows: Percent,
    /// Headings of an export that cannot be changed, by the documented name of the column.
    pub(crate) columns: Vec<(&'static str, String)>,
}

/// `[web]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// Whether the daemon serves the answer pages.
    pub enabled: bool,
    /// The address the answer pages listen on.
    pub listen: Listen,
    /// The prefix of links, without a trailing `/`.
    pub base_url: String,
    /// How long a pause is that a mail program asks for (RFC 8058).
    pub(crate) one_click: TimeDelta,
}

/// Where the answer pages are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port; port 0 is any free one.
    Tcp(SocketAddr),
    /// A Unix socket, for a reverse proxy on the same machine.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// `[daemon]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// Activate changed content automatically if it has no error.
    pub(crate) watch_content: bool,
    /// Import a changed people file automatically.
    pub(crate) import_people: bool,
    /// Number of mails in the first batch of a staged rollout; 0 sends all at once.
    pub first_wave: u16,
    /// Time between the first batch and the rest.
    pub(crate) wave_pause: TimeDelta,
}

impl DaemonConfig {
    /// Size of the first batch and the time before the rest; `None` without a
    /// staged rollout.
    pub(crate) fn wave(&self) -> Option<(u32, TimeDelta)> {
        (self.first_wave > 0).then_some((u32::from(self.first_wave), self.wave_pause))
    }
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitsConfig {
    /// The smallest group a report may describe.
    pub(crate) min_group: u32,
    /// A slot missed by less than this is used immediately.
    pub(crate) grace: TimeDelta,
}

/// The `JOURNEY_` variables. This is the only place that reads the environment.
pub(crate) fn environment() -> BTreeMap<String, String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let variables = std::env::vars_os();
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with("JOURNEY_"))
        .collect()
}

/// The user who runs the program, for the audit log; behind `sudo` the user who
/// called it.
pub(crate) fn user() -> String {
    let named = |name: &str| {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let value = std::env::var(name).ok();
        value.filter(|value| !value.is_empty() && !value.chars().any(char::is_control))
    };
    ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(named).unwrap_or_else(|| "unknown".to_owned())
}

impl Config {
    /// Finds and reads the configuration: the file of `--config`, else
    /// `./config.toml`, else `/etc/journey/config.toml`, overridden by the
    /// variables of [`environment`].
    ///
    /// # Errors
    ///
    /// All errors found.
    pub fn load(
        path: Option<&Path>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Config, Vec<Diagnostic>> {
        match path {
            Some(path) => Config::read(path, environment),
            None => Config::search(&[Path::new("config.toml"), Path::new(SYSTEM_FILE)], environment),
        }
    }

    /// The database path, read as far as possible from a configuration with errors,
    /// so that sending can be stopped without correcting it first.
    pub(crate) fn database_of(path: Option<&Path>, environment: &BTreeMap<String, String>) -> PathBuf {
        let places = [Path::new("config.toml"), Path::new(SYSTEM_FILE)];
        let file = path.or_else(|| places.into_iter().find(|file| file.exists())).unwrap_or(places[0]);
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
        let source = TextFile::new(&file.display().to_string(), &text);
        let (toml, _) = TomlDocument::parse(&text, 0);
        Config::values(&mut ConfigReader::new(&source, environment), toml.root(), file).database
    }

    fn search(places: &[&Path], environment: &BTreeMap<String, String>) -> Result<Config, Vec<Diagnostic>> {
        if let Some(file) = places.iter().find(|file| file.exists()) {
            return Config::read(file, environment);
        }
        let looked: Vec<String> = places.iter().map(|file| format!("`{}`", file.display())).collect();
        let message = format!("no configuration; looked for {}", looked.join(" and "));
        let fault = Diagnostic::error("no-config", Location::file("config.toml"), message);
        Err(vec![fault.hint("name it with --config, or change to its folder")])
    }

    fn read(file: &Path, environment: &BTreeMap<String, String>) -> Result<Config, Vec<Diagnostic>> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::InvalidData => "not UTF-8 throughout".to_owned(),
                _ => format!("cannot be read: {error}"),
            };
            let denied = error.kind() == io::ErrorKind::PermissionDenied;
            let code = if denied { NO_PERMISSION } else { "no-config" };
            vec![Diagnostic::error(code, Location::file(file.display()), message)]
        })?;
        Config::parse(file, &text, environment)
    }

    /// Parses the text of the configuration in `file`.
    fn parse(
        file: &Path,
        text: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Config, Vec<Diagnostic>> {
        let source = TextFile::new(&file.display().to_string(), text);
        let (toml, errors) = TomlDocument::parse(text, 0);
        if !errors.is_empty() {
            let syntax = |error: TomlError| {
                Diagnostic::error("syntax", source.place(error.range.start), error.message)
            };
            let mut faults: Vec<Diagnostic> = errors.into_iter().map(syntax).collect();
            faults.sort_by(|a, b| a.place.cmp(&b.place));
            return Err(faults);
        }
        let mut report = ConfigReader::new(&source, environment);
        let config = Config::values(&mut report, toml.root(), file);
        report.report_unknown_variables(&OTHER_VARIABLES);
        let faults = report.into_faults();
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    /// Reads all values; invalid ones are replaced by their default.
    fn values(report: &mut ConfigReader<'_>, table: TomlTable<'_>, file: &Path) -> Config {
        let base = file.parent().unwrap_or(Path::new(""));
        Section::root(report, table).read(|root| Config {
            file: file.to_owned(),
            content: root.path("content", base, "content"),
            database: root.value("database", |text| sqlite(text, base)).unwrap_or(base.join("journey.db")),
            people: root.section("people", "people", |section| people(section, base)),
            mail: root.section("mail", "mail", |section| mail::mail(section, base)),
            web: root.section("web", "web", web),
            daemon: root.section("daemon", "daemon", daemon),
            limits: root.section("limits", "limits", limits),
        })
    }
}

/// The path of the database file.
fn sqlite(text: &str, base: &Path) -> Result<PathBuf, String> {
    if text.contains("://") {
        return Err("is an address; there is SQLite, so write the path of a file, like journey.db".to_owned());
    }
    Ok(base.join(filled(text)?))
}

fn people(section: &mut Section<'_, '_>, base: &Path) -> PeopleConfig {
    PeopleConfig {
        file: section.path("file", base, "people.csv"),
        keep: section.list("keep", |name| match name.trim() {
            "" => Err("has an empty name; name columns of the people file".to_owned()),
            name => Ok(name.to_owned()),
        }),
        max_leavers: section.value("max_leavers", percent).unwrap_or(Percent(10)),
        max_bad_rows: section.value("max_bad_rows", percent).unwrap_or(Percent(1)),
        columns: section.section("columns", "people.columns", |columns| {
            let heading = |text: &str| filled(text).map(|heading| heading.trim().to_owned());
            let column = |name: &'static str| Some((name, columns.value(name, heading)?));
            PEOPLE_COLUMNS.into_iter().filter_map(column).collect()
        }),
    }
}

/// The columns of the people file, as the documentation names them.
pub(crate) const PEOPLE_COLUMNS: [&str; 17] = [
    "employee_id",
    "email",
    "first_name",
    "last_name",
    "unit",
    "unit_id",
    "department",
    "manager_id",
    "manager_email",
    "language",
    "start_date",
    "end_date",
    "leave_from",
    "leave_to",
    "leave",
    "protected",
    "main",
];

fn web(section: &mut Section<'_, '_>) -> WebConfig {
    let default = Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)));
    WebConfig {
        enabled: section.boolean("enabled").unwrap_or(true),
        listen: section.value("listen", listen).unwrap_or(default),
        base_url: section.value("base_url", base_url).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()),
        one_click: section.value("one_click", days).unwrap_or(TimeDelta::weeks(4)),
    }
}

fn daemon(section: &mut Section<'_, '_>) -> DaemonConfig {
    DaemonConfig {
        watch_content: section.boolean("watch_content").unwrap_or(true),
        import_people: section.boolean("import_people").unwrap_or(false),
        first_wave: section.number("first_wave", 0, 1000).unwrap_or(10),
        wave_pause: section.value("wave_pause", length).unwrap_or(TimeDelta::minutes(30)),
    }
}

fn limits(section: &mut Section<'_, '_>) -> LimitsConfig {
    LimitsConfig {
        // smaller groups would reveal what a single person answered
        min_group: section.number("min_group", 5, 1000).map_or(5, u32::from),
        grace: section.value("grace", length).unwrap_or(TimeDelta::hours(4)),
    }
}

fn listen(text: &str) -> Result<Listen, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = PathBuf::from(path);
        let is_usable = path.is_absolute() && path.file_name().is_some();
        return is_usable
            .then_some(Listen::Unix(path))
            .ok_or_else(|| format!("has `{text}`; write a whole path, like unix:/run/journey/web.sock"));
    }
    let why = || {
        format!(
            "has `{text}`; write an address and a port, like 127.0.0.1:8080, or a Unix socket, like unix:/run/journey/web.sock"
        )
    };
    text.parse().map(Listen::Tcp).map_err(|_| why())
}

/// The prefix of links: scheme, host, and perhaps a port and a path. A host with letters beyond
/// ASCII becomes `xn--…`. `Err` names the one thing that is wrong; it never repeats a sign-in.
fn base_url(text: &str) -> Result<String, String> {
    let scheme = ["https", "http"].into_iter().find(|scheme| {
        let prefix = text.get(..scheme.len() + 3);
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(&format!("{scheme}://")))
    });
    let Some(scheme) = scheme else {
        return Err("must begin with `https://`, or `http://` for a trial".to_owned());
    };
    let rest = &text[scheme.len() + 3..];
    if let Some(found) = rest.chars().find(|c| c.is_whitespace() || c.is_control()) {
        let found = if found == ' ' { "a blank".to_owned() } else { format!("`{}`", found.escape_unicode()) };
        return Err(format!("has {found}; remove it"));
    }
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if host.contains('@') {
        return Err("has a sign-in before `@`; write the host without it".to_owned());
    }
    if let Some(found) = path.chars().find(|c| matches!(c, '?' | '#')) {
        return Err(format!("has `{found}`; write only the host and perhaps a path"));
    }
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err("has a wrong port; write a number from 1 to 65535 after `:`".to_owned());
    }
    let host = base_host(host)?;
    let path = base_path(path.trim_end_matches('/'))?;
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    Ok(format!("{scheme}://{host}{port}{path}"))
}

fn base_host(host: &str) -> Result<String, String> {
    if host.is_empty() {
        return Err("has no host after `://`".to_owned());
    }
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let known = inside.parse::<Ipv6Addr>().is_ok();
        return known
            .then(|| host.to_owned())
            .ok_or_else(|| format!("has `{host}`, which is no IPv6 address"));
    }
    // A name within an organisation may have an underscore.
    let is_plain = host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let ascii = match is_plain {
        true => Some(host.to_ascii_lowercase()).filter(|_| !host.starts_with('.') && !host.contains("..")),
        false => idna::domain_to_ascii_strict(host).ok(),
    };
    ascii.ok_or_else(|| match host.chars().find(|c| !c.is_alphanumeric() && !"-_.".contains(*c)) {
        Some(found) => {
            format!("has `{found}` in the host `{host}`; allowed are letters, digits, `-` and `.`")
        }
        None => format!("has the host `{host}`, which is no valid name"),
    })
}

fn base_path(path: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/%".contains(c);
    match path.chars().find(|c| !allowed(*c)) {
        None => Ok(path.to_owned()),
        Some(found) => {
            let mut bytes = [0; 4];
            let encoded: String =
                found.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect();
            Err(format!("has `{found}` in the path; write `{encoded}` instead"))
        }
    }
}
