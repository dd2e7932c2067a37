//! Reads the people file with the options of the configuration and the
//! programme.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use ring::digest;

use crate::config::Config;
use crate::domain::change::people_file::{PeopleFileVersion, RowProblem};
use crate::domain::diagnostic::{Diagnostic, Location, NO_PERMISSION};
use crate::domain::model::ids::Language;
use crate::roster::{self, FileReading, RosterResult};
use crate::store::{Store, StoreError};

/// Diagnostic code: the people file does not exist or cannot be read.
const NO_PEOPLE_FILE: &str = "no-people-file";

/// Whether the diagnostics say that the people file could not be read at all.
pub(crate) fn is_unread(faults: &[Diagnostic]) -> bool {
    faults.iter().any(|fault| [NO_PEOPLE_FILE, NO_PERMISSION].contains(&fault.code))
}

/// Reads a people file without a database.
pub(crate) fn read(config: &Config, file: &Path, default_language: &Language) -> RosterResult {
    let unreadable = |error| RosterResult { roster: None, faults: vec![unreadable(config, file, &error)] };
    roster::read(file, &options(config, file, default_language, false)).unwrap_or_else(unreadable)
}

/// Reads a people file and stages its people in the database. `is_strict`: no row may have an
/// error.
pub(crate) fn stage(
    config: &Config,
    file: &Path,
    default_language: &Language,
    is_strict: bool,
    store: &Store,
) -> FileReading {
    roster::stage(file, &options(config, file, default_language, is_strict), store)
        .unwrap_or_else(|error| FileReading::unreadable(unreadable(config, file, &error)))
}

fn options(config: &Config, file: &Path, default_language: &Language, is_strict: bool) -> roster::Options {
    let columns = config.people.columns.iter();
    roster::Options {
        name: file.display().to_string(),
        columns: columns
            .filter_map(|(name, heading)| Some((roster::Column::named(name)?, heading.clone())))
            .collect(),
        keep: config.people.keep.clone(),
        default_language: default_language.clone(),
        max_bad_rows: match is_strict {
            true => roster::MaxBadRows::None,
            false => roster::MaxBadRows::Percent(config.people.max_bad_rows.0),
        },
    }
}

/// Why a file cannot be read at all.
fn unreadable(config: &Config, file: &Path, error: &io::Error) -> Diagnostic {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let hint = match file == config.people.file {
        true => "the people file is named in config.toml, `[people] file`",
        false => "name the export of the HR system, or nothing: then it is that of config.toml",
    };
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    let code = if denied { NO_PERMISSION } else { NO_PEOPLE_FILE };
    Diagnostic::error(code, Location::file(file.display()), message).hint(hint)
}

/// The configured people file as it is on disk; `None` if it cannot be read.
pub(crate) fn version(file: &Path) -> Option<PeopleFileVersion> {
    let (length, modified_ns) = stamp(file)?;
    let sha256 = sha256(file).ok()?;
    // not while the HR system is writing it
    (stamp(file)? == (length, modified_ns)).then_some(PeopleFileVersion { length, modified_ns, sha256 })
}

/// What an admin should know about the people file.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeopleFileStatus {
    /// It is another file than at the last import.
    pub(crate) has_changed: bool,
    /// The rows that the last import set aside.
    pub(crate) problems: Vec<RowProblem>,
}

impl PeopleFileStatus {
    pub(crate) fn read(config: &Config, store: &Store) -> Result<PeopleFileStatus, StoreError> {
        let notes = store.people_file_notes()?;
        let has_changed = notes.version.is_some_and(|known| has_changed(&config.people.file, &known));
        Ok(PeopleFileStatus { has_changed, problems: notes.problems })
    }
}

/// Whether the configured people file is another one than at the last import. It is read only
/// if its size or time has changed.
fn has_changed(file: &Path, known: &PeopleFileVersion) -> bool {
    let Some(now) = stamp(file) else { return false };
    now != (known.length, known.modified_ns) && sha256(file).is_ok_and(|sha256| sha256 != known.sha256)
}

/// Size, and time of the last change in nanoseconds since 1970.
fn stamp(file: &Path) -> Option<(i64, i64)> {
    let metadata = file.metadata().ok()?;
    let since_1970 = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX);
    Some((i64::try_from(metadata.len()).ok()?, nanoseconds))
}

fn sha256(file: &Path) -> io::Result<[u8; 32]> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut file = File::open(file)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Ok(sha256)
}

#[cfg(test)]
mod tests {
    use crate::config::PEOPLE_COLUMNS;
    use crate::roster::Column;

    #[test]
    fn every_column_can_be_configured() {
        assert_eq!(Column::ALL.map(Column::name), PEOPLE_COLUMNS);
    }
}
