//! Checks content, people, the clock, time zone data and the web address.

use std::net::{IpAddr, TcpListener};

use super::Finding;
use crate::config::{Config, Listen, Transport};
use crate::domain::delivery::send_block::{self, Clocks};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::error::LoadError;
use crate::engine::load::people_file::PeopleFileStatus;
use crate::engine::load::snapshot::Snapshot;
use crate::store::Store;

/// Checks content and people; returns the programme's time zone and the
/// snapshot, as far as they can be loaded.
pub(super) fn examine(
    config: &Config,
    at: Timestamp,
    tell: &mut dyn FnMut(Finding),
) -> (Option<TimeZone>, Option<Snapshot>) {
    let content = match ActiveContent::read(config, at) {
        Ok(content) => content,
        Err(LoadError::Content(faults) | LoadError::People(faults)) => {
            tell(content_finding(&faults, false));
            return (None, None);
        }
        // Errors of the database have their own finding.
        Err(LoadError::Store(_) | LoadError::NoRandomness(_)) => {
            let message = "it has errors, and the last good content cannot be read";
            tell(Finding::fault("content", message).hint("run `journey check` to see them"));
            return (None, None);
        }
    };
    tell(match content.broken.is_empty() {
        true => good_content(&content),
        false => content_finding(&content.broken, true),
    });
    let zone = content.library.programme.zone;
    let snapshot = match Snapshot::open(config.clone(), content) {
        Ok(snapshot) => {
            tell(people_finding(&snapshot));
            let status = Store::read_only(&config.database, |store| PeopleFileStatus::read(config, store));
            // The database's own finding reports a read error.
            if let Ok(Some(status)) = status {
                people_file_finding(config, &status).into_iter().for_each(&mut *tell);
            }
            Some(snapshot)
        }
        Err(LoadError::People(faults) | LoadError::Content(faults)) => {
            let first = faults.iter().find(|fault| fault.is_error());
            let first = first.map_or(String::new(), |fault| format!(": {}: {}", fault.place, fault.message));
            tell(
                Finding::fault("people", format!("{}{first}", errors(&faults)))
                    .hint("run `journey check` to see all"),
            );
            None
        }
        Err(LoadError::Store(_) | LoadError::NoRandomness(_)) => None,
    };
    (Some(zone), snapshot)
}

fn good_content(content: &ActiveContent) -> Finding {
    let journeys = content.library.journeys.len();
    let steps: usize = content.library.journeys.iter().map(|journey| journey.steps.len()).sum();
    let warnings = content.warnings.len();
    let told = if warnings > 0 { format!("; {}", count(warnings, "warning")) } else { String::new() };
    let message = format!("{} with {}{told}", count(journeys, "journey"), count(steps, "step"));
    Finding::good("content", message)
}

fn content_finding(faults: &[Diagnostic], last_good: bool) -> Finding {
    let instead = match last_good {
        true => "the last good content is in force",
        false => "there is no earlier content, so nothing can be sent",
    };
    Finding::fault("content", format!("{}; {instead}", errors(faults)))
        .hint("correct what `journey check` lists")
}

fn people_finding(snapshot: &Snapshot) -> Finding {
    let people = count(snapshot.roster.people.len(), "person");
    let imported = snapshot.stored.as_ref().is_some_and(|stored| !stored.numbers.is_empty());
    let from = match imported {
        true => "imported".to_owned(),
        false => format!("in {}; nobody is imported yet", snapshot.config.people.file.display()),
    };
    let unreachable = snapshot.roster.people.iter().filter(|person| !person.reachable()).count();
    let message = format!("{people} {from}");
    match unreachable {
        0 => Finding::good("people", message),
        n => Finding::warning("people", format!("{message}; {n} cannot be written to"))
            .hint("`journey status` says why they are held"),
    }
}

/// What is to be done about the people file; `None` if nothing.
fn people_file_finding(config: &Config, status: &PeopleFileStatus) -> Option<Finding> {
    let file = config.people.file.display();
    if let Some(first) = status.problems.first() {
        let place = if first.line > 0 { format!("line {}: ", first.line) } else { String::new() };
        let more = match status.problems.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let message = format!("not everything was imported: {place}{}{more}", first.message);
        return Some(Finding::warning("people file", message).hint("`journey status` lists what to correct"));
    }
    status.has_changed.then(|| {
        Finding::warning("people file", format!("{file} has changed since the last import"))
            .hint("run `journey people import`")
    })
}

/// Checks the clock and the time zone data.
pub(super) fn examine_clock(
    config: &Config,
    zone: Option<TimeZone>,
    at: Timestamp,
    tell: &mut dyn FnMut(Finding),
) {
    let seen = Store::read_only(&config.database, |store| Ok([store.clock()?, store.last_sent()?]));
    // The database's own finding reports a read error.
    let latest = seen.ok().flatten().and_then(|seen| seen.into_iter().flatten().max());
    tell(clock(zone.unwrap_or(TimeZone::UTC), at, latest));
    tell(match zone {
        Some(zone) => rules(zone, TimeZone::release(), at),
        None => Finding::warning("time zone", "unknown, because the content cannot be read"),
    });
}

/// Compares the clock with the latest time recorded in the database.
fn clock(zone: TimeZone, at: Timestamp, latest: Option<Timestamp>) -> Finding {
    let now = Clocks { wall: at, since_boot: chrono::TimeDelta::zero() };
    let shown = format_datetime(zone, at);
    match send_block::check_clock(now, latest, None) {
        Ok(()) => Finding::good("clock", format!("{shown} {zone}")),
        Err(why) => Finding::fault("clock", why).hint(
            "set the clock (`timedatectl`), and see that it is kept right; if it is, the daemon waits for `journey hold release`",
        ),
    }
}

/// Checks the age of the time zone data, which is compiled into the program.
/// Countries mostly announce changes a year ahead, sometimes less.
fn rules(zone: TimeZone, rules: &str, at: Timestamp) -> Finding {
    use chrono::Datelike;
    let message = format!("{zone}, by the rules of {rules}");
    let year: Option<i32> = rules.get(..4).and_then(|year| year.parse().ok());
    if year.is_some_and(|year| year + 2 <= at.year()) {
        return Finding::warning("time zone", format!("{message}, which are old"))
            .hint("install a newer version if a country with recipients has changed its time zone rules");
    }
    Finding::good("time zone", message)
}

/// Checks the base URL of links and the address of the web server.
pub(super) fn examine_web(config: &Config, tell: &mut dyn FnMut(Finding)) {
    tell(address(&config.web.base_url, config.mail.transport));
    if !config.web.enabled {
        tell(
            Finding::warning("web", "the pages are not served: the links in mails lead nowhere")
                .hint("remove `enabled = false` under [web]"),
        );
        return;
    }
    // Its folder is checked with the other folders. A socket that exists may be the daemon's.
    let Listen::Tcp(listen) = config.web.listen else { return };
    // Released at once; nothing is served here.
    if let Err(error) = TcpListener::bind(listen).map(drop) {
        tell(
            Finding::warning("web", format!("{listen} cannot be listened at: {error}"))
                .hint("a daemon that runs has it; else another program: choose another `listen` under [web]"),
        );
    }
}

fn address(base_url: &str, transport: Transport) -> Finding {
    let (scheme, rest) = base_url.split_once("://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    let bare = match host.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let own = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let told = format!("links begin with {base_url}");
    match (own, transport, scheme) {
        (true, Transport::Files, _) => Finding::good("web", format!("{told}: this machine, for a test")),
        (true, Transport::Smtp | Transport::Sendmail, _) => {
            Finding::fault("web", format!("{told}: recipients cannot open this address"))
                .hint("set `base_url` under [web] to an address that recipients can open")
        }
        (false, _, "https") => Finding::good("web", told),
        (false, ..) => Finding::warning("web", format!("{told}: others on the network can read it"))
            .hint("serve the pages by https, and write https:// in `base_url` under [web]"),
    }
}

fn errors(faults: &[Diagnostic]) -> String {
    count(faults.iter().filter(|fault| fault.is_error()).count(), "error")
}

/// `1 error`, `3 errors`, `1,400 people`.
fn count(n: usize, what: &str) -> String {
    match (n, what) {
        (1, what) => format!("1 {what}"),
        (n, "person") => format!("{n} people"),
        (n, what) => format!("{n} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::doctor::Level;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_clock_before_the_last_send_is_an_error() {
        let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
        let sent = at("2026-12-01T07:30:00Z");
        let early = clock(zone, at("2026-11-01T07:30:00Z"), Some(sent));
        assert_eq!(early.level, Level::Fault);
        assert!(early.message.starts_with("the system clock shows 2026-11-01T07:30Z"), "{}", early.message);
        let right = clock(zone, at("2026-12-02T07:30:00Z"), Some(sent));
        assert_eq!(right, Finding::good("clock", "Wed 2 Dec 2026 08:30 Europe/Stockholm"));
        assert_eq!(clock(zone, sent, None).level, Level::Good);
    }

    #[test]
    fn old_time_zone_data_is_reported() {
        let rules = |year: &str| rules(TimeZone::UTC, year, at("2027-02-01T00:00:00Z")).level;
        assert_eq!(
            [rules("2027a"), rules("2026c"), rules("2025b")],
            [Level::Good, Level::Good, Level::Warning]
        );
    }

    #[test]
    fn links_must_lead_somewhere() {
        let level = |url: &str, transport| address(url, transport).level;
        assert_eq!(level("http://127.0.0.1:8080", Transport::Files), Level::Good);
        assert_eq!(level("http://localhost:8080", Transport::Smtp), Level::Fault);
        assert_eq!(level("https://[::1]/x", Transport::Sendmail), Level::Fault);
        assert_eq!(level("http://larresa.ekdala.example", Transport::Smtp), Level::Warning);
        assert_eq!(level("https://larresa.ekdala.example/l", Transport::Smtp), Level::Good);
    }
}
