//! Opens the database for a command or the daemon: creates or migrates it, imports people into an empty one, and saves
//! the active content.

use std::sync::Arc;

use super::active_content::{ActiveContent, lost_steps};
use super::error::LoadError;
use super::snapshot::{LoadScope, Snapshot};
use crate::config::Config;
use crate::domain::change::ChangeAuthor;
use crate::domain::time::timezone::Timestamp;
use crate::engine::import::FirstImport;
use crate::engine::{import, tokens};
use crate::store::{Store, StoreError};

/// A database that is open for writing.
pub(crate) struct OpenDatabase {
    pub(crate) store: Store,
    /// The first import, if it had none before.
    pub(crate) imported: Option<FirstImport>,
}

/// Opens the database; creates it if there is none.
pub(crate) fn open(config: &Config, at: Timestamp) -> Result<Store, LoadError> {
    let secret = tokens::generate_secret()?;
    Ok(Store::open(&config.database, at, || secret)?)
}

/// Opens the database, and imports the people file if it has never had an import.
pub(crate) fn open_with_people(
    config: &Config,
    content: &ActiveContent,
    author: &ChangeAuthor,
) -> Result<OpenDatabase, LoadError> {
    let mut store = open(config, author.at)?;
    let imported = match import::import_first(config, &content.library, &mut store, author) {
        // Another process imported the people at the same time.
        Err(_) if store.imported_at()?.is_some() => None,
        imported => imported?,
    };
    Ok(OpenDatabase { store, imported })
}

/// Loads a snapshot from an open database.
pub(crate) fn snapshot(
    config: impl Into<Arc<Config>>,
    content: impl Into<Arc<ActiveContent>>,
    store: &mut Store,
    scope: LoadScope,
    at: Timestamp,
) -> Result<Snapshot, LoadError> {
    let snapshot = Snapshot::of(config, content, store, scope)?;
    if snapshot.content.broken.is_empty() {
        let lost = lost_steps(&snapshot.config, &snapshot.content.library, store, at)?;
        if !lost.is_empty() {
            return Err(LoadError::Content(lost));
        }
    }
    save_content(&snapshot.content, store, at)?;
    Ok(snapshot)
}

/// Saves the active content to the database, if it comes from the folder.
pub(crate) fn save_content(
    content: &ActiveContent,
    store: &mut Store,
    at: Timestamp,
) -> Result<(), StoreError> {
    if content.broken.is_empty() {
        let files = content.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        let mut renamed = Vec::new();
        for journey in &content.library.journeys {
            renamed.extend(journey.renamed.iter().map(|(former, today)| (&journey.slug, former, today)));
        }
        store.save_content(content.library.hash, files, &renamed, at)?;
    }
    Ok(())
}
