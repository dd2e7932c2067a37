//! The snapshot: all inputs of a decision as of one read, namely configuration,
//! active content, people, and the state in the database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::active_content::ActiveContent;
use super::error::LoadError;
use super::people_file;
use super::references::{Known, check_known, check_references};
use crate::config::Config;
use crate::domain::change::settings::Settings;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::history::progress::Progress;
use crate::domain::history::{History, PersonWithHistory};
use crate::domain::model::ids::{PersonNumber, StepName};
use crate::domain::model::library::Library;
use crate::domain::model::person::Roster;
use crate::domain::time::timezone::Timestamp;
use crate::engine::tokens::Keys;
use crate::store::{EarlierText, SettingsRevision, Store, StoreError};

/// Everything the planner and the renderer need, as of one read.
pub struct Snapshot {
    /// The configuration it was loaded with.
    pub config: Arc<Config>,
    /// The active content; a reload replaces it.
    pub content: Arc<ActiveContent>,
    /// All people; or, where people are read in batches ([`LoadScope::ReferenceGroups`]),
    /// all units and only the reference groups.
    pub roster: Roster,
    /// Holds, pauses, approvals and what units set for themselves.
    pub settings: Settings,
    /// The mails and answers of the people in memory, and of what others depend on.
    pub memory: History,
    /// Warnings, which stop nothing.
    pub warnings: Vec<Diagnostic>,
    /// State that only a database has; `None` without one.
    pub stored: Option<DatabaseState>,
    /// Which people are in memory.
    pub scope: LoadScope,
    /// What is known about the others, if only some people are in memory.
    pub others: Option<OtherPeople>,
    /// Batch size for the people who are not in memory.
    pub batch_size: usize,
}

/// Which people are loaded into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadScope {
    /// Every person.
    All,
    /// Only the reference groups.
    ReferenceGroups,
}

/// What a snapshot of some people knows about the others, at one instant.
#[derive(Debug)]
pub struct OtherPeople {
    pub(crate) at: Timestamp,
    /// Where late joiners begin: before the mails of that instant, and after them.
    pub(crate) progress: [Progress; 2],
    /// How many people there are.
    pub(crate) people: usize,
    /// Enrolments of others that stand like one in memory. `None`: the others do not matter.
    pub(crate) alike: Option<AlikeEnrolments>,
}

/// Groups of enrolments with the same verdict: one of each is in memory.
#[derive(Debug, Default)]
pub(crate) struct AlikeEnrolments {
    pub(crate) groups: HashMap<(PersonNumber, usize), AlikeGroup>,
    /// People who stand for themselves in all journeys.
    pub(crate) single: HashSet<PersonNumber>,
    /// The people of the groups for whom a mail comes later in a journey.
    pub(crate) waiting_people: usize,
    /// The people of the groups who are held in a journey.
    pub(crate) held_people: usize,
    /// When the first of the groups must be decided again.
    pub(crate) next_check: Option<Timestamp>,
}

/// Enrolments that stand alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlikeGroup {
    /// Their number, with the one in memory.
    pub(crate) enrolments: usize,
    /// If they are held: whose they are.
    pub(crate) people: Vec<PersonNumber>,
}

/// Default batch size: one or two megabytes with years of mails, and one
/// transaction of new deliveries.
pub const BATCH_SIZE: usize = 1024;

/// State that exists only in a database.
pub struct DatabaseState {
    /// Database ids of the people, in the order of the roster. Empty before the
    /// first import, and where not all people are loaded.
    pub(crate) numbers: Vec<PersonNumber>,
    /// Keys for Message-IDs and signed links.
    pub keys: Keys,
    /// When the content saved in the database became active.
    pub(crate) content_since: Option<Timestamp>,
    /// The revision of the settings before the rest was read.
    pub(crate) settings_revision: SettingsRevision,
}

impl Snapshot {
    /// Loads the current state without changing anything on disk: from the database
    /// if there is one. People come from the last import, or from the people file
    /// before the first import.
    pub fn open(
        config: impl Into<Arc<Config>>,
        content: impl Into<Arc<ActiveContent>>,
    ) -> Result<Snapshot, LoadError> {
        let (config, content) = (config.into(), content.into());
        let read = |store: &Store| StoredState::read(store, &config, &content.library, LoadScope::All);
        let state = Store::read_only(&config.database, read)?;
        let mut snapshot = Snapshot::with(config, content, state, LoadScope::All)?;
        let more = check_references(&snapshot.config, &snapshot.content.library, &snapshot.roster);
        snapshot.warnings.extend(more);
        Ok(snapshot)
    }

    /// Like [`Snapshot::open`], from a database that is already open for writing.
    /// Callers that read people in batches need only the reference groups in
    /// memory, because other people's mails depend on theirs.
    pub fn of(
        config: impl Into<Arc<Config>>,
        content: impl Into<Arc<ActiveContent>>,
        store: &Store,
        scope: LoadScope,
    ) -> Result<Snapshot, LoadError> {
        let (config, content) = (config.into(), content.into());
        let state = StoredState::read(store, &config, &content.library, scope)?;
        Snapshot::with(config, content, Some(state), scope)
    }

    /// A snapshot of files alone, before there is a database.
    pub fn without_database(config: Arc<Config>, content: Arc<ActiveContent>, roster: Roster) -> Snapshot {
        Snapshot {
            settings: Settings { grace: config.limits.grace, ..Settings::default() },
            memory: History::default(),
            warnings: content.warnings.clone(),
            stored: None,
            scope: LoadScope::All,
            others: None,
            batch_size: BATCH_SIZE,
            config,
            content,
            roster,
        }
    }

    fn with(
        config: Arc<Config>,
        content: Arc<ActiveContent>,
        state: Option<StoredState>,
        scope: LoadScope,
    ) -> Result<Snapshot, LoadError> {
        let (roster, stored) = match state {
            Some(StoredState { roster, settings, memory, stored }) => {
                (roster, Some((settings, memory, stored)))
            }
            None => (None, None),
        };
        let (roster, warnings) = match roster {
            Some(roster) => (roster, Vec::new()),
            None => {
                let language = content.library.programme.default_language();
                let reading = people_file::read(&config, &config.people.file, language);
                let Some(roster) = reading.roster else { return Err(LoadError::People(reading.faults)) };
                (roster, reading.faults)
            }
        };
        let mut snapshot = Snapshot { scope, ..Snapshot::without_database(config, content, roster) };
        snapshot.warnings.extend(warnings);
        if let Some((settings, memory, stored)) = stored {
            (snapshot.settings, snapshot.memory, snapshot.stored) = (settings, memory, Some(stored));
        }
        Ok(snapshot)
    }

    /// Like [`Snapshot::of`] with the reference groups only.
    pub(crate) fn of_reference_groups(
        config: Arc<Config>,
        content: Arc<ActiveContent>,
        store: &Store,
    ) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot::without_database(config, content, Roster::default());
        snapshot.scope = LoadScope::ReferenceGroups;
        snapshot.refresh(store)?;
        Ok(snapshot)
    }

    /// Warnings about names that the journeys refer to, from the database.
    pub(crate) fn add_reference_warnings(&mut self, store: &Store) -> Result<(), StoreError> {
        let library = &self.content.library;
        let mut people = HashSet::new();
        for id in
            library.journeys.iter().flat_map(|journey| &journey.audience.people).chain(library.members())
        {
            if store.person_number(id.as_str())?.is_some() {
                people.insert(id.clone());
            }
        }
        let mut departments = HashSet::new();
        for name in library.journeys.iter().flat_map(|journey| &journey.audience.departments) {
            if store.has_department(name)? {
                departments.insert(name.as_str());
            }
        }
        let known = Known {
            has_person: &|id| people.contains(id),
            has_department: &|name| departments.contains(name),
        };
        let more = check_known(&self.config, library, &self.roster, &known);
        self.warnings.extend(more);
        Ok(())
    }

    /// Where others are before an instant, as far as verdicts depend on them.
    pub(crate) fn progress_until(&self, at: Timestamp) -> Progress {
        match &self.others {
            Some(others) if others.at == at => others.progress[0].clone(),
            _ => Progress::until(at, &self.content.library, &self.roster, &self.memory),
        }
    }

    /// The same once the mails of that instant are sent.
    pub(crate) fn progress_after(&self, at: Timestamp) -> Progress {
        match &self.others {
            Some(others) if others.at == at => others.progress[1].clone(),
            _ => Progress::after(at, &self.content.library, &self.roster, &self.memory),
        }
    }

    /// The enrolments of others that stand like one in memory.
    pub(crate) fn alike(&self) -> Option<&AlikeEnrolments> {
        self.others.as_ref()?.alike.as_ref()
    }

    /// Number of people, also of those who are not in memory.
    pub(crate) fn people(&self) -> usize {
        self.others.as_ref().map_or(self.roster.people.len(), |others| others.people)
    }

    /// Iterates over all people in memory.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = PersonWithHistory<'_>> {
        let numbers = self.stored.as_ref().map_or(&[][..], |stored| &stored.numbers);
        self.roster.people.iter().enumerate().map(|(place, person)| PersonWithHistory {
            person,
            past: self.memory.of(&person.id),
            number: numbers.get(place).copied(),
        })
    }

    /// The revision of its settings.
    pub(crate) fn settings_revision(&self) -> SettingsRevision {
        self.stored.as_ref().map(|stored| stored.settings_revision).unwrap_or_default()
    }

    /// Reloads people, history and settings from the database.
    pub fn refresh(&mut self, store: &Store) -> Result<(), StoreError> {
        // Free the old data first: two copies may not fit into memory.
        self.memory = History::default();
        if self.stored.take().is_some_and(|stored| !stored.numbers.is_empty()) {
            self.roster = Roster::default();
        }
        let past = StoredState::read(store, &self.config, &self.content.library, self.scope)?;
        if let Some(roster) = past.roster {
            self.roster = roster;
        }
        self.memory = past.memory;
        self.settings = past.settings;
        self.stored = Some(past.stored);
        Ok(())
    }
}

/// What was read from the database.
struct StoredState {
    /// `None` before the first import.
    roster: Option<Roster>,
    settings: Settings,
    memory: History,
    stored: DatabaseState,
}

impl StoredState {
    fn read(
        store: &Store,
        config: &Config,
        library: &Library,
        scope: LoadScope,
    ) -> Result<StoredState, StoreError> {
        let settings_revision = store.settings_revision()?;
        let imported = store.imported_at()?.is_some();
        let (roster, mut memory, numbers) = match scope {
            LoadScope::ReferenceGroups => {
                let (roster, memory) = store.people_by_id(library.members())?;
                (Some(roster), memory, Vec::new())
            }
            LoadScope::All => {
                let (roster, numbers) = imported.then(|| store.roster()).transpose()?.unzip();
                (roster, store.memory()?, numbers.unwrap_or_default())
            }
        };
        memory.use_todays_names(library);
        let mut settings = store.settings(config.limits.grace)?;
        settings.use_todays_names(library);
        for name in library.corrected() {
            let people = earlier_texts(store, library, name)?.into_iter().map(|text| text.person).collect();
            settings.earlier_texts.insert(name.clone(), people);
        }
        Ok(StoredState {
            roster,
            settings,
            memory,
            stored: DatabaseState {
                numbers,
                keys: Keys::new(&store.secrets()?),
                content_since: store.saved_content()?.map(|(_, since)| since),
                settings_revision,
            },
        })
    }
}

/// Who got an earlier text of a step, and never today's.
pub(crate) fn earlier_texts(
    store: &Store,
    library: &Library,
    name: &StepName,
) -> Result<Vec<EarlierText>, StoreError> {
    let Some(step) = library.step(name) else { return Ok(Vec::new()) };
    store.earlier_texts(&library.names_of(name), step.hash)
}
