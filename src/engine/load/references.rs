//! Checks names across files: whether the people, units and departments that
//! journeys name are in the people file.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::library::Library;
use crate::domain::model::person::Roster;

/// Warns about names in journeys that match no person, unit or department.
pub(super) fn check_references(config: &Config, library: &Library, roster: &Roster) -> Vec<Diagnostic> {
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

pub(super) fn journey_file(config: &Config, slug: &str) -> String {
    let file: PathBuf = [config.content.as_path(), Path::new("journeys"), Path::new(slug)].iter().collect();
    file.join("journey.toml").display().to_string()
}
