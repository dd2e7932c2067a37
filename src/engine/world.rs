//! The inputs of a decision, fetched: configuration, content, templates,
//! people; and every fault in them, in one go.

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, TimeDelta};

use super::plan;
use crate::config::Config;
use crate::content;
use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::ids::Language;
use crate::domain::library::Library;
use crate::domain::memory::Memory;
use crate::domain::person::Roster;
use crate::domain::settings::Settings;
use crate::domain::zone::{Timestamp, Zone};
use crate::render::Renderer;
use crate::roster;

/// How far `check` looks ahead.
const A_YEAR: TimeDelta = TimeDelta::weeks(52);

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
        let reading = people(&config, &config.people.file, library.programme.default_language());
        let Some(roster) = reading.roster else { return Err(Unusable::People(reading.faults)) };
        warnings.extend(reading.faults);
        warnings.extend(mismatches(&config, &library, &roster));
        Ok(World::new(config, library, renderer, roster, warnings))
    }

    fn new(
        config: Config,
        library: Library,
        renderer: Renderer,
        roster: Roster,
        warnings: Vec<Diagnostic>,
    ) -> World {
        let settings = Settings { grace: config.limits.grace, ..Settings::default() };
        World { config, library, renderer, roster, settings, memory: Memory::default(), warnings }
    }
}

/// Every fault in content, templates and people, errors and warnings, and
/// the months of the year to come that ask too much of anybody.
pub fn check(config: &Config, now: Timestamp) -> Vec<Diagnostic> {
    let (written, mut faults) = written(config, now);
    // What is wrong with the people is told even where what they read is not
    // known.
    let language = written.as_ref().map(|(library, _)| library.programme.default_language().clone());
    let language = language.unwrap_or_else(Language::undetermined);
    let reading = people(config, &config.people.file, &language);
    faults.extend(reading.faults);
    let (Some((library, renderer)), Some(roster)) = (written, reading.roster) else { return faults };
    faults.extend(mismatches(config, &library, &roster));
    if !faults.iter().any(Diagnostic::is_error) {
        faults.extend(too_much(&World::new(config.clone(), library, renderer, roster, Vec::new()), now));
    }
    faults
}

/// Warnings for months in which the journeys together ask more of somebody
/// than the programme allows itself.
fn too_much(world: &World, now: Timestamp) -> Vec<Diagnostic> {
    let rows = plan::rows(world, now..now + A_YEAR, &plan::Scope::default(), |_| {});
    let limit = world.library.programme.calendar.minutes_per_month;
    let place = Place::file(world.config.content.join("programme.toml").display());
    let warning = |(month, minutes): (NaiveDate, plan::Minutes)| {
        let (month, most) = (month.format("%B %Y"), minutes.most);
        let message = format!(
            "in {month} {} of {} people are asked more than `minutes_per_month = {limit}`, up to {most} minutes",
            minutes.above, minutes.people
        );
        Diagnostic::warning("too-many-minutes", place.clone(), message)
            .hint("see which mails it is with `journey plan`; move a step, or ask less of it")
    };
    plan::minutes(world, &rows).into_iter().filter(|(_, minutes)| minutes.above > 0).map(warning).collect()
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
    let mut render = |library: &Library| {
        let (renderer, more) = Renderer::new(library, &config.people.keep);
        faults.extend(more);
        renderer
    };
    let renderer = loaded.library.as_ref().or(loaded.draft.as_ref()).map(&mut render);
    faults.sort_by(|a, b| a.place.cmp(&b.place));
    (loaded.library.zip(renderer), faults)
}

/// The day from which cadences are looked ahead a year; in which zone is
/// nothing to that, and the programme's own is not known yet.
fn today(now: Timestamp) -> NaiveDate {
    Zone::UTC.date(now)
}

/// The code of the fault that there is no people file to read.
const NO_PEOPLE_FILE: &str = "no-people-file";

/// Do the faults of a people file say that it could not be read at all?
pub fn is_unread(faults: &[Diagnostic]) -> bool {
    faults.iter().any(|fault| fault.code == NO_PEOPLE_FILE)
}

/// Reads a people file the way the programme wants it read.
pub fn people(config: &Config, file: &Path, default_language: &Language) -> roster::Reading {
    let options = roster::Options {
        name: file.display().to_string(),
        keep: config.people.keep.clone(),
        default_language: default_language.clone(),
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
