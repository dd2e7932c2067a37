//! Reloads configuration and content. What is invalid changes nothing.

use std::sync::Arc;

use super::Daemon;
use super::file_watcher::FileWatcher;
use crate::domain::diagnostic::Diagnostic;
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::error::LoadError;
use crate::engine::load::open;
use crate::engine::transport;

impl Daemon<'_> {
    /// Reloads the configuration. Returns false if nothing may be reloaded without a restart.
    pub(super) fn reload_config(&mut self) -> bool {
        match (self.control.read_config)() {
            Ok(config) if config.database != self.config.database => {
                self.log(
                    "the configuration names another database; restart the daemon to use it. Nothing is reloaded",
                );
                return false;
            }
            Ok(config) => match transport::from_config(&config) {
                Ok(transport) => {
                    if config.people != self.config.people {
                        self.people_watcher = FileWatcher::unseen(&config.people.file);
                    }
                    (self.transport, self.config) = (transport, Arc::new(config));
                }
                Err(error) => self.log(&format!("the configuration is not reloaded: {error:#}")),
            },
            Err(diagnostics) => {
                let first = diagnostics.first().map_or(String::new(), ToString::to_string);
                self.log(&format!("the configuration is not reloaded: {first}"));
            }
        }
        true
    }

    /// Reloads the content. The last good content stays active if the new one has errors.
    pub(super) fn reload_content(&mut self) {
        self.content_watcher = FileWatcher::of(&self.config.content);
        let now = self.now();
        match ActiveContent::read(&self.config, now) {
            Ok(content) if content.broken.is_empty() => {
                match open::save_content(&content, &mut self.store, now) {
                    Ok(()) => {
                        self.log(&format!("content {} is in force", content.library.hash));
                        self.content = Arc::new(content);
                        (self.control.content_changed)(&self.content);
                    }
                    // The database may be busy: the next iteration tries again.
                    Err(error) => {
                        self.content_watcher.invalidate();
                        self.log(&format!("content: not reloaded: {error}"));
                    }
                }
            }
            Ok(content) => {
                let first = content.broken.iter().find(|diagnostic| Diagnostic::is_error(diagnostic));
                let first = first.map_or(String::new(), ToString::to_string);
                self.log(&format!("content: reload failed at {first}; the last good content stays in force"));
            }
            Err(error) => {
                // The database may be busy: the next iteration tries again.
                if matches!(error, LoadError::Store(_)) {
                    self.content_watcher.invalidate();
                }
                self.log(&format!("content: not reloaded: {error}"));
            }
        }
    }
}
