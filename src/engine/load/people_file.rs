//! Reads the people file with the options of the configuration and the
//! programme.

use std::path::Path;

use crate::config::Config;
use crate::domain::diagnostic::{Diagnostic, Location, NO_PERMISSION};
use crate::domain::model::ids::Language;
use crate::roster;

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
