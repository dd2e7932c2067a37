//! A look at everything that sending rests on: `journey doctor`. What is seen
//! is gathered at the edges; what it means is decided by plain functions, a
//! finding each. Everything is looked at even where one thing fails, and
//! nothing is changed anywhere.

mod database;
mod disk;
mod programme;
mod published;
mod relay;
mod signature;

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::Config;
use crate::domain::zone::Timestamp;

pub use disk::open_secrets;
pub use relay::visit;

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// Somebody should look at it; mails leave all the same.
    Warning,
    /// Mails do not leave, or not as they should.
    Fault,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub level: Level,
    /// With what, in a word or two.
    pub about: &'static str,
    /// What was found, in a line.
    pub message: String,
    /// What to do, where something is to be done.
    pub hint: Option<String>,
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

    /// What was found, and what to do.
    pub fn in_a_line(&self) -> String {
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!(": {hint}"));
        format!("{}{hint}", self.message)
    }

    fn hint(self, hint: impl Into<String>) -> Finding {
        Finding { hint: Some(hint.into()), ..self }
    }
}

/// What is looked at, and how.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The time there is.
    pub at: Timestamp,
    /// How long anybody is waited for, at each step of a conversation.
    pub patience: Duration,
    /// Whom to ask what the domain publishes: these, or the machine's own name
    /// servers if there is none here; nobody, unless it is wanted.
    pub names: Option<Vec<SocketAddr>>,
}

/// Looks at everything, and tells each finding when it is made: some take as
/// long as somebody else takes to answer.
pub fn examine(config: &Config, asked: &Asked, tell: &mut dyn FnMut(Finding)) {
    let file = config.file.display();
    tell(Finding::good("configuration", format!("{file} has no fault")));
    let (zone, world) = programme::examine(config, asked.at, tell);
    database::examine(config, world.as_ref(), asked.at, tell);
    programme::examine_clock(config, zone, asked.at, tell);
    disk::examine(config, tell);
    relay::examine(config, asked, tell);
    let signer = signature::examine(config, tell);
    if let Some(servers) = &asked.names {
        published::examine(config, signer.as_ref(), servers, asked.patience, tell);
    }
    programme::examine_web(config, tell);
}
