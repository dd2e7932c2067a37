//! The inputs of a decision, fetched: configuration, content, templates,
//! people; and every fault in them, in one go.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use crate::config::Config;
use crate::content;
use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::library::Library;
use crate::domain::memory::Memory;
use crate::domain::person::Roster;
use crate::domain::settings::Settings;
use crate::domain::zone::{Timestamp, Zone};
use crate::render::Renderer;
use crate::roster;

/// Everything the planner and the renderer need.
pub struct World {
    /// Where it runs.
    pub config: Config,
    /// What authors said.
    pub library: Library,
    /// How it reads.
    pub renderer: Renderer,
    /// Who there is.
    pub roster: Roster,
    /// What people decided about the running of it.
    pub settings: Settings,
    /// What has happened.
    pub memory: Memory,
    /// What is worth knowing and stops nothing.
    pub warnings: Vec<Diagnostic>,
}

/// Why there is no world.
#[derive(Debug)]
pub enum Unusable {
    /// Configuration or content is wrong.
    Content(Vec<Diagnostic>),
    /// The people file is wrong.
    People(Vec<Diagnostic>),
}

impl Unusable {
    /// The faults.
    pub fn faults(&self) -> &[Diagnostic] {
        match self {
            Unusable::Content(faults) | Unusable::People(faults) => faults,
        }
    }
}

impl World {
    /// Fetches everything as it is now.
    ///
    /// # Errors
    ///
    /// Every fault, if one of them is an error.
    pub fn open(config: Config, now: Timestamp) -> Result<World, Unusable> {
        let (library, renderer, mut warnings) = match written(&config, now) {
            (Some((library, renderer)), faults) if !faults.iter().any(Diagnostic::is_error) => {
                (library, renderer, faults)
            }
            (_, faults) => return Err(Unusable::Content(faults)),
        };
        let reading = people(&config, &config.people.file, &library);
        let Some(roster) = reading.roster else { return Err(Unusable::People(reading.faults)) };
        warnings.extend(reading.faults);
        warnings.extend(mismatches(&config, &library, &roster));
        let settings = Settings { grace: config.limits.grace, ..Settings::default() };
        Ok(World { config, library, renderer, roster, settings, memory: Memory::default(), warnings })
    }
}

/// Every fault in content, templates and people, errors and warnings.
pub fn check(config: &Config, now: Timestamp) -> Vec<Diagnostic> {
    let (library, mut faults) = match written(config, now) {
        (Some((library, _)), faults) => (Some(library), faults),
        (None, faults) => (None, faults),
    };
    let Some(library) = library else { return faults };
    let reading = people(config, &config.people.file, &library);
    faults.extend(reading.faults);
    if let Some(roster) = reading.roster {
        faults.extend(mismatches(config, &library, &roster));
    }
    faults
}

/// What authors wrote.
///
/// # Errors
///
/// Every fault, if one of them is an error.
pub fn library(config: &Config, now: Timestamp) -> Result<Library, Unusable> {
    let loaded = content::load(&config.content, today(now));
    loaded.library.ok_or(Unusable::Content(loaded.faults))
}

/// What authors wrote, and how it is rendered.
fn written(config: &Config, now: Timestamp) -> (Option<(Library, Renderer)>, Vec<Diagnostic>) {
    let loaded = content::load(&config.content, today(now));
    let mut faults = loaded.faults;
    let Some(library) = loaded.library else { return (None, faults) };
    let (renderer, more) = Renderer::new(&library, &config.people.keep);
    faults.extend(more);
    faults.sort_by(|a, b| a.place.cmp(&b.place));
    (Some((library, renderer)), faults)
}

/// The day from which cadences are looked ahead a year; in which zone is
/// nothing to that, and the programme's own is not known yet.
fn today(now: Timestamp) -> NaiveDate {
    Zone::UTC.date(now)
}

/// The code of the fault that there is no people file to read.
pub const NO_PEOPLE_FILE: &str = "no-people-file";

/// Reads a people file the way the programme wants it read.
pub fn people(config: &Config, file: &Path, library: &Library) -> roster::Reading {
    let options = roster::Options {
        name: file.display().to_string(),
        keep: config.people.keep.clone(),
        default_language: library.programme.default_language().clone(),
    };
    roster::read(file, &options).unwrap_or_else(|error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        let fault = Diagnostic::error(NO_PEOPLE_FILE, Place::file(file.display()), message)
            .hint("the people file is named in config.toml, `[people] file`");
        roster::Reading { roster: None, faults: vec![fault], notes: roster::Notes::default() }
    })
}

/// What is right in each file and wrong between them: names that fit nobody.
fn mismatches(config: &Config, library: &Library, roster: &Roster) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for journey in &library.journeys {
        let file = journey_file(config, journey.slug.as_str());
        let mut nobody = |what: &str, name: &str| {
            let message =
                format!("{what} `{name}` of the journey `{}` is not in the people file", journey.slug);
            faults.push(Diagnostic::warning("not-in-people-file", Place::file(&file), message));
        };
        for id in journey.reference_group.iter().flat_map(|group| &group.people) {
            if roster.person(id).is_none() {
                nobody("person", id.as_str());
            }
        }
        for id in journey.audience.people.iter().filter(|id| roster.person(id).is_none()) {
            nobody("person", id.as_str());
        }
        for unit in journey.audience.units.iter().filter(|unit| roster.units_called(unit).is_empty()) {
            nobody("unit", unit);
        }
        for department in &journey.audience.departments {
            if !roster.people.iter().any(|person| person.department.as_deref() == Some(department)) {
                nobody("department", department);
            }
        }
    }
    faults
}

fn journey_file(config: &Config, slug: &str) -> String {
    let file: PathBuf = [config.content.as_path(), Path::new("journeys"), Path::new(slug)].iter().collect();
    file.join("journey.toml").display().to_string()
}
