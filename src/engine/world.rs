//! The inputs of a decision, fetched: configuration, content, templates,
//! people; and every fault in them, in one go.

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, TimeDelta};

use super::keys::Keys;
use super::plan;
use crate::config::Config;
use crate::content;
use crate::domain::diagnostic::{Diagnostic, NO_PERMISSION, Place};
use crate::domain::ids::{Language, PersonNumber};
use crate::domain::library::Library;
use crate::domain::memory::{Memory, Somebody};
use crate::domain::person::Roster;
use crate::domain::settings::Settings;
use crate::domain::zone::{Timestamp, Zone};
use crate::render::Renderer;
use crate::roster;
use crate::store::{Seen, Store, StoreError};

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
    /// Who there is: everybody; or, where the others are read a slice at a time
    /// ([`World::of_members`]), all units and the reference groups.
    pub roster: Roster,
    /// What people decided about the running of it.
    pub settings: Settings,
    /// What has happened to them.
    pub memory: Memory,
    /// What is worth knowing and stops nothing.
    pub warnings: Vec<Diagnostic>,
    /// What the database adds; `None` where there is none.
    pub remembered: Option<Remembered>,
    /// What is wrong with the content folder, if that is why the last good
    /// content is in force.
    pub broken: Vec<Diagnostic>,
    /// The files of the content in force.
    pub files: content::Files,
    /// Who is in memory.
    pub whom: Whom,
    /// So many of the others are read at a time.
    pub slice: usize,
}

/// Who of those whom the database knows is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Everybody.
    Everybody,
    /// The reference groups.
    Members,
}

/// So many people at a time: a megabyte or two with years of mails, and one
/// transaction of bookings.
pub const SLICE: usize = 1024;

/// What only a database knows.
pub struct Remembered {
    /// What the database calls each person, in the roster's order; empty until
    /// people have been imported, and where not everybody is in memory.
    pub numbers: Vec<PersonNumber>,
    /// The keys of mails and links.
    pub keys: Keys,
    /// Since when the content kept in the database is in force.
    pub content_since: Option<Timestamp>,
    /// What was seen of the database before the rest was read: what somebody
    /// else writes after that is not in this world.
    pub seen: Seen,
}

/// Why there is no world.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Configuration or content is wrong.
    #[error("the content has faults")]
    Content(Vec<Diagnostic>),
    /// The people file is wrong.
    #[error("the people file has faults")]
    People(Vec<Diagnostic>),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl World {
    /// Fetches everything as it is now, and changes nothing on disk: what the
    /// database remembers if there is one; the people of the last import, or
    /// of the people file before the first.
    ///
    /// # Errors
    ///
    /// Every fault, if one of them is an error; what is wrong with the
    /// database.
    pub fn open(config: Config, content: InForce) -> Result<World, Unusable> {
        let read = |store: &Store| Past::read(store, &config, &content.library, Whom::Everybody);
        let past = Store::look(&config.database, read)?;
        let mut world = World::with(config, content, past, Whom::Everybody)?;
        let more = mismatches(&world.config, &world.library, &world.roster);
        world.warnings.extend(more);
        Ok(world)
    }

    /// The same from a database that is open, for those who will write in it.
    ///
    /// # Errors
    ///
    /// As [`World::open`].
    pub fn of(config: Config, content: InForce, store: &Store) -> Result<World, Unusable> {
        let past = Past::read(store, &config, &content.library, Whom::Everybody)?;
        World::with(config, content, Some(past), Whom::Everybody)
    }

    /// The same for those who read people a slice at a time, however many there
    /// are: in memory are only the units and the reference groups, on whose
    /// mails the others' hang.
    ///
    /// # Errors
    ///
    /// As [`World::open`].
    pub fn of_members(config: Config, content: InForce, store: &Store) -> Result<World, Unusable> {
        let past = Past::read(store, &config, &content.library, Whom::Members)?;
        World::with(config, content, Some(past), Whom::Members)
    }

    fn with(config: Config, content: InForce, past: Option<Past>, whom: Whom) -> Result<World, Unusable> {
        let InForce { library, renderer, mut warnings, files, broken } = content;
        let (roster, settings, memory, remembered) = match past {
            Some(past) => (past.roster, past.settings, past.memory, Some(past.remembered)),
            None => {
                let settings = Settings { grace: config.limits.grace, ..Settings::default() };
                (None, settings, Memory::default(), None)
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

    /// Everybody in memory.
    pub fn everybody(&self) -> impl Iterator<Item = Somebody<'_>> {
        let numbers = self.remembered.as_ref().map_or(&[][..], |remembered| &remembered.numbers);
        self.roster.people.iter().enumerate().map(|(place, person)| Somebody {
            person,
            past: self.memory.of(&person.id),
            number: numbers.get(place).copied(),
        })
    }

    /// The content in force and the configuration, without the people.
    pub fn into_content(self) -> (Config, InForce) {
        let World { config, library, renderer, warnings, files, broken, .. } = self;
        (config, InForce { library, renderer, warnings, files, broken })
    }

    /// Reads anew who there is, what has happened and what was decided.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn refresh(&mut self, store: &Store) -> Result<(), StoreError> {
        // Let go of first: there may be more people than fit in memory twice.
        self.memory = Memory::default();
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

/// What a database says.
struct Past {
    /// `None` until people have been imported.
    roster: Option<Roster>,
    settings: Settings,
    memory: Memory,
    remembered: Remembered,
}

impl Past {
    fn read(store: &Store, config: &Config, library: &Library, whom: Whom) -> Result<Past, StoreError> {
        let seen = store.seen()?;
        let imported = store.imported_at()?.is_some();
        let (roster, memory, numbers) = match whom {
            Whom::Members => {
                let (roster, memory) = store.some(library.members())?;
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
                content_since: store.content()?.map(|(_, since)| since),
                seen,
            },
        })
    }
}

/// Every fault in content, templates and people, errors and warnings, and
/// the months of the year to come that ask too much of anybody.
pub fn check(config: &Config, now: Timestamp) -> Vec<Diagnostic> {
    let Written { found: written, mut faults, files } =
        Written::of(config, content::load(&config.content, today(now)));
    // What is wrong with the people is told even where what they read is not
    // known.
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

/// Warnings for months in which the journeys together ask more of somebody
/// than the programme allows itself.
fn too_much(config: &Config, written: Written, roster: Roster, now: Timestamp) -> Vec<Diagnostic> {
    let Some((library, renderer)) = written.found else { return Vec::new() };
    let world = &World {
        config: config.clone(),
        library,
        renderer,
        roster,
        settings: Settings { grace: config.limits.grace, ..Settings::default() },
        memory: Memory::default(),
        warnings: Vec::new(),
        remembered: None,
        broken: Vec::new(),
        files: written.files,
        whom: Whom::Everybody,
        slice: SLICE,
    };
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

/// The content in force: what authors wrote, if it has no error; else the
/// last that had none (contract, 7.7).
pub struct InForce {
    /// What authors said.
    pub library: Library,
    /// How it reads.
    pub renderer: Renderer,
    /// What is worth knowing and stops nothing.
    pub warnings: Vec<Diagnostic>,
    /// The files it comes from.
    pub files: content::Files,
    /// What is wrong with the content folder, if that is why the last good
    /// content is in force.
    pub broken: Vec<Diagnostic>,
}

impl InForce {
    /// Reads the content folder, and where it is broken the last good content
    /// of the database. Changes nothing on disk.
    ///
    /// # Errors
    ///
    /// Every fault of the folder, where there is nothing else; what is wrong
    /// with the database.
    pub fn read(config: &Config, now: Timestamp) -> Result<InForce, Unusable> {
        let written = Written::of(config, content::load(&config.content, today(now)));
        let broken = match written.usable() {
            Ok(content) => return Ok(content),
            Err(faults) => faults,
        };
        let kept = Store::look(&config.database, Store::content_files)?.unwrap_or_default();
        let kept = Written::of(config, content::load_kept(&config.content, &kept, today(now)));
        match kept.usable() {
            Ok(content) => Ok(InForce { broken, ..content }),
            Err(_) => Err(Unusable::Content(broken)),
        }
    }
}

/// What authors wrote, whatever is wrong with how it reads; else the last good
/// content.
///
/// # Errors
///
/// Every fault of the folder, where there is nothing else.
pub fn library(config: &Config, now: Timestamp) -> Result<Library, Unusable> {
    let loaded = content::load(&config.content, today(now));
    if let Some(library) = loaded.library {
        return Ok(library);
    }
    let kept = Store::look(&config.database, Store::content_files)?.unwrap_or_default();
    let kept = content::load_kept(&config.content, &kept, today(now)).library;
    kept.ok_or(Unusable::Content(loaded.faults))
}

/// What authors wrote, and how it is rendered.
struct Written {
    /// `None` where there is an error in it.
    found: Option<(Library, Renderer)>,
    faults: Vec<Diagnostic>,
    files: content::Files,
}

impl Written {
    fn of(config: &Config, loaded: content::Loaded) -> Written {
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

    /// The content, if it may be put in force; else its faults.
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

/// The day from which cadences are looked ahead a year; in which zone is
/// nothing to that, and the programme's own is not known yet.
fn today(now: Timestamp) -> NaiveDate {
    Zone::UTC.date(now)
}

/// The code of the fault that there is no people file to read.
const NO_PEOPLE_FILE: &str = "no-people-file";

/// Do the faults of a people file say that it could not be read at all?
pub fn is_unread(faults: &[Diagnostic]) -> bool {
    faults.iter().any(|fault| [NO_PEOPLE_FILE, NO_PERMISSION].contains(&fault.code))
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
        let hint = match file == config.people.file {
            true => "the people file is named in config.toml, `[people] file`",
            false => "name the export of the HR system, or nothing: then it is that of config.toml",
        };
        let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
        let code = if denied { NO_PERMISSION } else { NO_PEOPLE_FILE };
        let fault = Diagnostic::error(code, Place::file(file.display()), message).hint(hint);
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
