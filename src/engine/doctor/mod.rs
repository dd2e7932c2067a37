//! `journey doctor`: checks everything that sending depends on. Input is
//! gathered at the edges and judged by pure functions, one finding each. All
//! checks run even if one fails, and nothing is changed.

mod database;
mod disk;
mod pages;
mod programme;
mod published;
mod relay;
mod signature;

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::Config;
use crate::domain::time::timezone::Timestamp;

pub(crate) use disk::open_secrets;
pub use relay::probe;

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to do.
    Good,
    /// Needs attention; mails are sent all the same.
    Warning,
    /// Mails are not sent, or not correctly.
    Fault,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub level: Level,
    /// Subject, in a word or two.
    pub(crate) about: &'static str,
    /// What was found, without advice.
    pub message: String,
    /// What to do, if anything.
    pub(crate) hint: Option<String>,
}

impl Finding {
    fn good(about: &'static str, message: impl Into<String>) -> Finding {
        Finding { level: Level::Good, about, message: message.into(), hint: None }
    }

    fn warning(about: &'static str, message: impl Into<String>) -> Finding {
        Finding { level: Level::Warning, ..Finding::good(about, message) }
    }

    fn fault(about: &'static str, message: impl Into<String>) -> Finding {
        Finding { level: Level::Fault, ..Finding::good(about, message) }
    }

    /// Message and hint in one line.
    pub(crate) fn in_a_line(&self) -> String {
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!(": {hint}"));
        format!("{}{hint}", self.message)
    }

    fn hint(self, hint: impl Into<String>) -> Finding {
        Finding { hint: Some(hint.into()), ..self }
    }
}

/// Options of the checks.
#[derive(Clone, Debug)]
pub(crate) struct DoctorOptions {
    /// The current time.
    pub(crate) at: Timestamp,
    /// Timeout of each network step.
    pub(crate) patience: Duration,
    /// DNS servers to use; an empty list means those of the system, `None` disables
    /// DNS checks.
    pub(crate) names: Option<Vec<SocketAddr>>,
    /// Ask for a page at `base_url`, through the proxy.
    pub(crate) web: bool,
}

/// Runs all checks, and reports each finding at once, because network checks
/// take time.
pub(crate) fn examine(config: &Config, asked: &DoctorOptions, tell: &mut dyn FnMut(Finding)) {
    let file = config.file.display();
    tell(Finding::good("configuration", format!("{file} has no errors")));
    let (zone, snapshot) = programme::examine(config, asked.at, tell);
    database::examine(config, snapshot.as_ref(), asked.at, tell);
    programme::examine_clock(config, zone, asked.at, tell);
    disk::examine(config, tell);
    relay::examine(config, asked, tell);
    let signer = signature::examine(config, tell);
    if let Some(servers) = &asked.names {
        published::examine(config, signer.as_ref(), servers, asked.patience, tell);
    }
    programme::examine_web(config, tell);
    if asked.web {
        pages::examine(config, asked, tell);
    }
}
