//! What all requests share: configuration, content, connections to the database, keys, limits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::limits::FormLimit;
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::active_content::ActiveContent;
use crate::engine::tokens::Keys;
use crate::store::Store;

/// The time of a request.
pub(crate) type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;
/// Writes a line of the log.
pub(crate) type Log = Box<dyn Fn(&str) + Send + Sync>;

/// How long keys are used before they are read again: links can be renewed by a command.
const KEYS_AGE: Duration = Duration::from_secs(1);

/// What all requests share.
pub(super) struct App {
    pub(super) config: Arc<Config>,
    content: RwLock<Arc<ActiveContent>>,
    /// Connections that are not in use.
    stores: Mutex<Vec<Store>>,
    keys: Mutex<Option<(Arc<Keys>, Stopwatch)>>,
    forms: Mutex<FormLimit>,
    clock: Clock,
    log: Log,
}

impl App {
    pub(super) fn new(config: Arc<Config>, content: Arc<ActiveContent>, clock: Clock, log: Log) -> App {
        App {
            config,
            content: RwLock::new(content),
            stores: Mutex::default(),
            keys: Mutex::default(),
            forms: Mutex::default(),
            clock,
            log,
        }
    }

    pub(super) fn use_content(&self, content: Arc<ActiveContent>) {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = content;
    }

    pub(super) fn content(&self) -> Arc<ActiveContent> {
        self.content.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn log(&self, line: &str) {
        (self.log)(line);
    }

    /// The path of `base_url`, without a trailing `/`; empty if it has none.
    pub(super) fn base_path(&self) -> &str {
        let (_, rest) = self.config.web.base_url.split_once("://").unwrap_or_default();
        rest.find('/').map_or("", |slash| &rest[slash..])
    }

    /// The origin of `base_url`: scheme, host and port.
    pub(super) fn origin(&self) -> &str {
        let url = self.config.web.base_url.as_str();
        &url[..url.len() - self.base_path().len()]
    }

    /// Whether a request is for the host of `base_url`.
    pub(super) fn is_own_host(&self, host: Option<&str>) -> bool {
        let (scheme, own) = self.origin().split_once("://").unwrap_or_default();
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        let bare = |host: &str| host.strip_suffix(default_port).unwrap_or(host).to_ascii_lowercase();
        host.is_some_and(|host| bare(host) == bare(own))
    }

    /// The time of a request.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Lends a connection to the database.
    pub(super) fn with_store<T>(
        &self,
        use_it: impl FnOnce(&mut Store) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let free = lock(&self.stores).pop();
        let mut store = match free {
            Some(store) => store,
            None => Store::connect(&self.config.database)?,
        };
        let used = use_it(&mut store);
        lock(&self.stores).push(store);
        used
    }

    /// The keys of links and forms.
    pub(super) fn keys(&self) -> anyhow::Result<Arc<Keys>> {
        let mut cached = lock(&self.keys);
        match cached.as_ref().filter(|(_, read)| read.elapsed() < KEYS_AGE) {
            Some((keys, _)) => Ok(keys.clone()),
            None => {
                let keys = Arc::new(Keys::new(&self.with_store(|store| Ok(store.secrets()?))?));
                *cached = Some((keys.clone(), Stopwatch::start()));
                Ok(keys)
            }
        }
    }

    /// The limit of forms for each person.
    pub(super) fn forms(&self) -> MutexGuard<'_, FormLimit> {
        lock(&self.forms)
    }
}

/// What a panic in another request left is complete: each change under a lock is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
