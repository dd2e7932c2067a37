//! Checks names across files: whether the people, units and departments that
//! journeys name are in the people file.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::PersonId;
use crate::domain::model::library::Library;
use crate::domain::model::person::Roster;

/// What the journeys refer to.
pub(super) struct Known<'k> {
    pub(super) has_person: &'k dyn Fn(&PersonId) -> bool,
    pub(super) has_department: &'k dyn Fn(&str) -> bool,
}

/// Warns about names in journeys that match no person, unit or department of a complete roster.
pub(super) fn check_references(config: &Config, library: &Library, roster: &Roster) -> Vec<Diagnostic> {
    let known = Known {
        has_person: &|id| roster.person(id).is_some(),
        has_department: &|name| roster.people.iter().any(|person| person.department.as_deref() == Some(name)),
    };
    check_known(config, library, roster, &known)
}

/// The same for a roster that has all units, but not all people.
pub(super) fn check_known(
    config: &Config,
    library: &Library,
    roster: &Roster,
    known: &Known<'_>,
) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for journey in &library.journeys {
        let file = journey_file(config, journey.slug.as_str());
        let mut nobody = |what: &str, name: &str| {
            let message =
                format!("{what} `{name}` of the journey `{}` is not in the people file", journey.slug);
            faults.push(Diagnostic::warning("not-in-people-file", Location::file(&file), message));
        };
        for id in journey.reference_group.iter().flat_map(|group| &group.people) {
            if !(known.has_person)(id) {
                nobody("person", id.as_str());
            }
        }
        for id in journey.audience.people.iter().filter(|id| !(known.has_person)(id)) {
            nobody("person", id.as_str());
        }
        for unit in journey.audience.units.iter().filter(|unit| roster.units_called(unit).is_empty()) {
            nobody("unit", unit);
        }
        for department in &journey.audience.departments {
            if !(known.has_department)(department) {
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
