//! Imports the people file after it changed on disk.

use super::Daemon;
use crate::domain::change::ChangeAuthor;
use crate::engine::import::{ImportError, PeopleImport};
use crate::failpoint;
use crate::store::StoreError;

impl Daemon<'_> {
    /// Imports the people file if it changed, unless the clock is wrong: dates of joining would be wrong.
    pub(super) fn import_if_changed(&mut self) -> anyhow::Result<()> {
        let is_on = self.config.daemon.import_people && !self.clock.is_wrong;
        if !is_on || !self.people_watcher.has_changed() {
            return Ok(());
        }
        let imported = failpoint::at("daemon.import").map_err(Into::into).and_then(|()| self.import());
        if imported.is_err() {
            self.people_watcher.invalidate();
        }
        imported
    }

    fn import(&mut self) -> anyhow::Result<()> {
        let seen = self.store.data_version()?;
        let import =
            PeopleImport { record_unchanged: false, ..PeopleImport::of(&self.config, &self.content.library) };
        let reason = Some("the people file changed".to_owned());
        let author = ChangeAuthor { at: self.now(), by: "daemon".to_owned(), why: reason };
        match import.apply(&mut self.store, seen, &author) {
            Ok(outcome) => {
                let Some(diff) = &outcome.diff else {
                    self.log(
                        "the people file changed, but has errors and is not imported: \
                         `journey people import --dry-run` lists them",
                    );
                    return Ok(());
                };
                if let Some(too_many) = outcome.too_many_leavers {
                    self.log(&format!(
                        "the people file changed, but {} of {} people would leave, so it is not imported: \
                         `journey people import` says what to do",
                        too_many.leavers, too_many.people
                    ));
                    return Ok(());
                }
                if outcome.is_stored {
                    self.log("the people file changed and is imported");
                }
                let problems = diff.notes.problems.len();
                if problems > 0 {
                    self.log(&format!("{problems} problems in the people file: `journey status` lists them"));
                }
            }
            // The database is busy or has changed since the comparison: the next iteration compares again.
            Err(ImportError::Store(StoreError::Changed | StoreError::Busy)) => {
                self.people_watcher.invalidate();
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
