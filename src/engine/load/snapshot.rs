//! Loads the inputs of a decision: configuration, content, templates, people
//! and the state in the database. Collects every diagnostic instead of stopping
//! at the first.

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, TimeDelta};

use crate::config::Config;
use crate::content;
use crate::domain::change::settings::Settings;
use crate::domain::diagnostic::{Diagnostic, Location, NO_PERMISSION};
use crate::domain::history::{History, PersonWithHistory};
use crate::domain::model::ids::{Language, PersonNumber};
use crate::domain::model::library::Library;
use crate::domain::model::person::Roster;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::plan::forecast;
use crate::engine::tokens::Keys;
use crate::render::Renderer;
use crate::roster;
use crate::store::{DataVersion, Store, StoreError};

/// How far `check` forecasts.
const A_YEAR: TimeDelta = TimeDelta::weeks(52);

/// Everything the planner and the renderer need, as of one read.
pub struct World {
    pub config: Config,
    pub library: Library,
    pub renderer: Renderer,
    /// All people; or, where people are read in batches ([`World::of_members`]),
    /// all units and only the reference groups.
    pub roster: Roster,
    pub settings: Settings,
    pub memory: History,
    /// Warnings, which stop nothing.
    pub warnings: Vec<Diagnostic>,
    /// State that only a database has; `None` without one.
    pub remembered: Option<Remembered>,
    /// Errors in the content folder, if they are why the last good content is
    /// active.
    pub broken: Vec<Diagnostic>,
    /// The files of the active content.
    pub files: content::Files,
    /// Which people are in memory.
    pub whom: Whom,
    /// Batch size for the people who are not in memory.
    pub slice: usize,
}

/// Which people of the database are loaded into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    Everybody,
    /// Only the reference groups.
    Members,
}

/// Default batch size: one or two megabytes with years of mails, and one
/// transaction of new deliveries.
pub const SLICE: usize = 1024;

/// State that exists only in a database.
pub struct Remembered {
    /// Database ids of the people, in the order of the roster. Empty before the
    /// first import, and where not all people are loaded.
    pub(crate) numbers: Vec<PersonNumber>,
    /// Keys for Message-IDs and signed links.
    pub keys: Keys,
    /// When the content saved in the database became active.
    pub(crate) content_since: Option<Timestamp>,
    /// The version of the database before the rest was read. Anything written later
    /// is not in this snapshot.
    pub(crate) seen: DataVersion,
}

/// Why loading failed.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("the content has faults")]
    Content(Vec<Diagnostic>),
    #[error("the people file has faults")]
    People(Vec<Diagnostic>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl World {
    /// Loads the current state without changing anything on disk: from the database
    /// if there is one. People come from the last import, or from the people file
    /// before the first import.
    pub fn open(config: Config, content: InForce) -> Result<World, Unusable> {
        let read = |store: &Store| Past::read(store, &config, &content.library, Whom::Everybody);
        let past = Store::read_only(&config.database, read)?;
        let mut world = World::with(config, content, past, Whom::Everybody)?;
        let more = mismatches(&world.config, &world.library, &world.roster);
        world.warnings.extend(more);
        Ok(world)
    }

    /// Like [`World::open`], from a database that is already open for writing.
    pub fn of(config: Config, content: InForce, store: &Store) -> Result<World, Unusable> {
        let past = Past::read(store, &config, &content.library, Whom::Everybody)?;
        World::with(config, content, Some(past), Whom::Everybody)
    }

    /// Like [`World::of`], for callers that read people in batches. Only the units
    /// and the reference groups are in memory, because other people's mails depend
    /// on theirs.
    pub(crate) fn of_members(config: Config, content: InForce, store: &Store) -> Result<World, Unusable> {
        let past = Past::read(store, &config, &content.library, Whom::Members)?;
        World::with(config, content, Some(past), Whom::Members)
    }

    fn with(config: Config, content: InForce, past: Option<Past>, whom: Whom) -> Result<World, Unusable> {
        let InForce { library, renderer, mut warnings, files, broken } = content;
        let (roster, settings, memory, remembered) = match past {
            Some(past) => (past.roster, past.settings, past.memory, Some(past.remembered)),
            None => {
                let settings = Settings { grace: config.limits.grace, ..Settings::default() };
                (None, settings, History::default(), None)
            }
        };
        let roster = match roster {
            Some(roster) => roster,
            None => {
                let reading = people(&config, &config.people.file, library.programme.default_language());
                let Some(roster) = reading.roster else { return Err(Unusable::People(reading.faults)) };
                warnings.extend(reading.faults);
                roster
            }
        };
        Ok(World {
            config,
            library,
            renderer,
            roster,
            settings,
            memory,
            warnings,
            remembered,
            broken,
            files,
            whom,
            slice: SLICE,
        })
    }

    /// Iterates over all people in memory.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = PersonWithHistory<'_>> {
        let numbers = self.remembered.as_ref().map_or(&[][..], |remembered| &remembered.numbers);
        self.roster.people.iter().enumerate().map(|(place, person)| PersonWithHistory {
            person,
            past: self.memory.of(&person.id),
            number: numbers.get(place).copied(),
        })
    }

    /// Takes the active content and the configuration out again.
    pub(crate) fn into_content(self) -> (Config, InForce) {
        let World { config, library, renderer, warnings, files, broken, .. } = self;
        (config, InForce { library, renderer, warnings, files, broken })
    }

    /// Reloads people, history and settings from the database.
    pub fn refresh(&mut self, store: &Store) -> Result<(), StoreError> {
        // Free the old data first: two copies may not fit into memory.
        self.memory = History::default();
        if self.remembered.take().is_some_and(|remembered| !remembered.numbers.is_empty()) {
            self.roster = Roster::default();
        }
        let past = Past::read(store, &self.config, &self.library, self.whom)?;
        if let Some(roster) = past.roster {
            self.roster = roster;
        }
        self.memory = past.memory;
        self.settings = past.settings;
        self.remembered = Some(past.remembered);
        Ok(())
    }
}

/// What was read from the database.
struct Past {
    /// `None` before the first import.
    roster: Option<Roster>,
    settings: Settings,
    memory: History,
    remembered: Remembered,
}

impl Past {
    fn read(store: &Store, config: &Config, library: &Library, whom: Whom) -> Result<Past, StoreError> {
        let seen = store.data_version()?;
        let imported = store.imported_at()?.is_some();
        let (roster, memory, numbers) = match whom {
            Whom::Members => {
                let (roster, memory) = store.people_by_id(library.members())?;
                (Some(roster), memory, Vec::new())
            }
            Whom::Everybody => {
                let (roster, numbers) = imported.then(|| store.roster()).transpose()?.unzip();
                (roster, store.memory()?, numbers.unwrap_or_default())
            }
        };
        Ok(Past {
            roster,
            settings: store.settings(config.limits.grace)?,
            memory,
            remembered: Remembered {
                numbers,
                keys: Keys::new(&store.secret()?),
                content_since: store.saved_content()?.map(|(_, since)| since),
                seen,
            },
        })
    }
}

/// Validates content, templates and people. Also warns about months of the
/// coming year that exceed `minutes_per_month` for a person.
pub(crate) fn check(config: &Config, now: Timestamp) -> Vec<Diagnostic> {
    let Written { found: written, mut faults, files } =
        Written::of(config, content::load(&config.content, today(now)));
    // Report errors of the people file even when the programme's language is
    // unknown.
    let language = written.as_ref().map(|(library, _)| library.programme.default_language().clone());
    let language = language.unwrap_or_else(Language::undetermined);
    let reading = people(config, &config.people.file, &language);
    faults.extend(reading.faults);
    let (Some((library, renderer)), Some(roster)) = (written, reading.roster) else { return faults };
    faults.extend(mismatches(config, &library, &roster));
    if !faults.iter().any(Diagnostic::is_error) {
        let written = Written { found: Some((library, renderer)), faults: Vec::new(), files };
        faults.extend(too_much(config, written, roster, now));
    }
    faults
}

/// Warns about months in which the journeys together exceed the programme's
/// limit of minutes for a person.
fn too_much(config: &Config, written: Written, roster: Roster, now: Timestamp) -> Vec<Diagnostic> {
    let Some((library, renderer)) = written.found else { return Vec::new() };
    let world = &World {
        config: config.clone(),
        library,
        renderer,
        roster,
        settings: Settings { grace: config.limits.grace, ..Settings::default() },
        memory: History::default(),
        warnings: Vec::new(),
        remembered: None,
        broken: Vec::new(),
        files: written.files,
        whom: Whom::Everybody,
        slice: SLICE,
    };
    let rows = forecast::rows(world, now..now + A_YEAR, &forecast::Scope::default(), |_| {});
    let limit = world.library.programme.calendar.minutes_per_month;
    let place = Location::file(world.config.content.join("programme.toml").display());
    let warning = |(month, minutes): (NaiveDate, forecast::Minutes)| {
        let (month, most) = (month.format("%B %Y"), minutes.most);
        let message = format!(
            "in {month} {} of {} people are asked more than `minutes_per_month = {limit}`, up to {most} minutes",
            minutes.above, minutes.people
        );
        Diagnostic::warning("too-many-minutes", place.clone(), message)
            .hint("see which mails it is with `journey plan`; move a step, or ask less of it")
    };
    forecast::minutes(world, &rows)
        .into_iter()
        .filter(|(_, minutes)| minutes.above > 0)
        .map(warning)
        .collect()
}

/// The active content: the content folder, if it has no error; otherwise the
/// last content that had none.
pub struct InForce {
    pub library: Library,
    pub renderer: Renderer,
    /// Warnings, which stop nothing.
    pub warnings: Vec<Diagnostic>,
    /// The files it was read from.
    pub files: content::Files,
    /// Errors in the content folder, if they are why the last good content is
    /// active.
    pub broken: Vec<Diagnostic>,
}

impl InForce {
    /// Reads the content folder, and falls back to the last good content in the
    /// database. Changes nothing on disk. Fails with all errors of the folder if
    /// there is no earlier content.
    pub fn read(config: &Config, now: Timestamp) -> Result<InForce, Unusable> {
        let written = Written::of(config, content::load(&config.content, today(now)));
        let broken = match written.usable() {
            Ok(content) => return Ok(content),
            Err(faults) => faults,
        };
        let kept = Store::read_only(&config.database, Store::saved_content_files)?.unwrap_or_default();
        let kept = Written::of(config, content::load_from_files(&config.content, &kept, today(now)));
        match kept.usable() {
            Ok(content) => Ok(InForce { broken, ..content }),
            Err(_) => Err(Unusable::Content(broken)),
        }
    }
}

/// Reads the content folder even if rendering has errors, and falls back to the
/// last good content.
pub(crate) fn library(config: &Config, now: Timestamp) -> Result<Library, Unusable> {
    let loaded = content::load(&config.content, today(now));
    if let Some(library) = loaded.library {
        return Ok(library);
    }
    let kept = Store::read_only(&config.database, Store::saved_content_files)?.unwrap_or_default();
    let kept = content::load_from_files(&config.content, &kept, today(now)).library;
    kept.ok_or(Unusable::Content(loaded.faults))
}

/// Loaded content, with its renderer.
struct Written {
    /// `None` if it has an error.
    found: Option<(Library, Renderer)>,
    faults: Vec<Diagnostic>,
    files: content::Files,
}

impl Written {
    fn of(config: &Config, loaded: content::ContentResult) -> Written {
        let mut faults = loaded.faults;
        let mut render = |library: &Library| {
            let (renderer, more) = Renderer::new(library, &config.people.keep);
            faults.extend(more);
            renderer
        };
        let renderer = loaded.library.as_ref().or(loaded.draft.as_ref()).map(&mut render);
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        Written { found: loaded.library.zip(renderer), faults, files: loaded.files }
    }

    /// The content if it may become active, otherwise its diagnostics.
    fn usable(self) -> Result<InForce, Vec<Diagnostic>> {
        match self.found {
            Some((library, renderer)) if !self.faults.iter().any(Diagnostic::is_error) => Ok(InForce {
                library,
                renderer,
                warnings: self.faults,
                files: self.files,
                broken: Vec::new(),
            }),
            Some(_) | None => Err(self.faults),
        }
    }
}

/// The day from which cadences are checked a year ahead. UTC is precise enough,
/// and the programme's time zone is not known yet.
fn today(now: Timestamp) -> NaiveDate {
    TimeZone::UTC.date(now)
}

/// Diagnostic code: the people file does not exist or cannot be read.
const NO_PEOPLE_FILE: &str = "no-people-file";

/// Whether the diagnostics say that the people file could not be read at all.
pub(crate) fn is_unread(faults: &[Diagnostic]) -> bool {
    faults.iter().any(|fault| [NO_PEOPLE_FILE, NO_PERMISSION].contains(&fault.code))
}

/// Reads a people file with the options of the configuration and the programme.
pub(crate) fn people(config: &Config, file: &Path, default_language: &Language) -> roster::RosterResult {
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
        let hint = match file == config.people.file {
            true => "the people file is named in config.toml, `[people] file`",
            false => "name the export of the HR system, or nothing: then it is that of config.toml",
        };
        let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
        let code = if denied { NO_PERMISSION } else { NO_PEOPLE_FILE };
        let fault = Diagnostic::error(code, Location::file(file.display()), message).hint(hint);
        roster::RosterResult { roster: None, faults: vec![fault], notes: roster::ImportNotes::default() }
    })
}

/// Warns about names in journeys that match no person, unit or department.
fn mismatches(config: &Config, library: &Library, roster: &Roster) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for journey in &library.journeys {
        let file = journey_file(config, journey.slug.as_str());
        let mut nobody = |what: &str, name: &str| {
            let message =
                format!("{what} `{name}` of the journey `{}` is not in the people file", journey.slug);
            faults.push(Diagnostic::warning("not-in-people-file", Location::file(&file), message));
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
