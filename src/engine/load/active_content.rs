//! The active content: the content folder, if it has no error; otherwise the
//! last content that had none, which the database keeps.

use chrono::NaiveDate;

use super::changed_readers::changed_readers;
use super::error::LoadError;
use super::removed_steps::{KnownSteps, removed_steps};
use crate::config::Config;
use crate::content;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::library::Library;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::render::Renderer;
use crate::store::{Store, StoreError};

/// The active content. It does not change once it is loaded: a reload replaces
/// the [`std::sync::Arc`] that holds it, so that the daemon, a web server and a
/// preview can use it at the same time.
pub struct ActiveContent {
    /// Programme, journeys and steps, as authors wrote them.
    pub library: Library,
    /// The compiled templates and texts of that library.
    pub renderer: Renderer,
    /// Warnings, which stop nothing.
    pub warnings: Vec<Diagnostic>,
    /// The files it was read from.
    pub files: content::Files,
    /// Errors in the content folder, if they are why the last good content is
    /// active.
    pub broken: Vec<Diagnostic>,
}

impl ActiveContent {
    /// Reads the content folder, and falls back to the last good content in the
    /// database. Changes nothing on disk. Fails with all errors of the folder if
    /// there is no earlier content.
    pub fn read(config: &Config, now: Timestamp) -> Result<ActiveContent, LoadError> {
        let written = LoadedContent::of(config, content::load(&config.content, today(now)));
        let broken = match written.usable() {
            Ok(content) => {
                let look = |store: &Store| lost_steps(config, &content.library, store, now);
                let lost = match Store::read_only(&config.database, look) {
                    Ok(lost) => lost.unwrap_or_default(),
                    Err(error @ (StoreError::Busy | StoreError::Changed)) => return Err(error.into()),
                    // The command that uses the database reports its errors, and one that writes compares again.
                    Err(_) => Vec::new(),
                };
                if lost.is_empty() {
                    return Ok(content);
                }
                lost
            }
            Err(faults) => faults,
        };
        let kept = Store::read_only(&config.database, Store::saved_content_files)?.unwrap_or_default();
        let kept = LoadedContent::of(config, content::load_from_files(&config.content, &kept, today(now)));
        match kept.usable() {
            Ok(content) => Ok(ActiveContent { broken, ..content }),
            Err(_) => Err(LoadError::Content(broken)),
        }
    }
}

/// The errors of content that is not in force yet and that would lose what people have had, or
/// break what a page has promised.
pub(super) fn lost_steps(
    config: &Config,
    library: &Library,
    store: &Store,
    now: Timestamp,
) -> Result<Vec<Diagnostic>, StoreError> {
    if store.saved_content()?.is_none_or(|(hash, _)| hash == library.hash) {
        return Ok(Vec::new());
    }
    let known = known_steps(config, store, now)?;
    let mut faults = removed_steps(config, library, &known);
    faults.extend(changed_readers(config, library, &known.texts));
    Ok(faults.into_iter().filter(Diagnostic::is_error).collect())
}

/// What the database knows about the steps that people have had.
pub(super) fn known_steps(config: &Config, store: &Store, now: Timestamp) -> Result<KnownSteps, StoreError> {
    let files = store.saved_content_files()?;
    let before = content::load_from_files(&config.content, &files, today(now)).library;
    Ok(KnownSteps { people: store.people_per_step()?, before, texts: store.text_counts()? })
}

/// Reads the content folder even if rendering has errors, and falls back to the
/// last good content.
pub(crate) fn library(config: &Config, now: Timestamp) -> Result<Library, LoadError> {
    let loaded = content::load(&config.content, today(now));
    if let Some(library) = loaded.library {
        return Ok(library);
    }
    let kept = Store::read_only(&config.database, Store::saved_content_files)?.unwrap_or_default();
    let kept = content::load_from_files(&config.content, &kept, today(now)).library;
    kept.ok_or(LoadError::Content(loaded.faults))
}

/// Loaded content, with its renderer.
pub(super) struct LoadedContent {
    /// `None` if it has an error.
    pub(super) found: Option<(Library, Renderer)>,
    pub(super) faults: Vec<Diagnostic>,
    pub(super) files: content::Files,
}

impl LoadedContent {
    pub(super) fn of(config: &Config, loaded: content::ContentResult) -> LoadedContent {
        let mut faults = loaded.faults;
        let mut render = |library: &Library| {
            let (renderer, more) = Renderer::new(library, &config.people.keep);
            faults.extend(more);
            renderer
        };
        let renderer = loaded.library.as_ref().or(loaded.draft.as_ref()).map(&mut render);
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        LoadedContent { found: loaded.library.zip(renderer), faults, files: loaded.files }
    }

    /// The content if it may become active, otherwise its diagnostics.
    fn usable(self) -> Result<ActiveContent, Vec<Diagnostic>> {
        match self.found {
            Some((library, renderer)) if !self.faults.iter().any(Diagnostic::is_error) => Ok(ActiveContent {
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
pub(super) fn today(now: Timestamp) -> NaiveDate {
    TimeZone::UTC.date(now)
}
