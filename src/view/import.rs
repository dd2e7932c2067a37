//! The import of a people file: the document of `people import`.

use serde::Serialize;

use super::diagnostic::DiagnosticView;
use super::object::OrderedObject;
use crate::domain::change::import_diff::{GuardedUnit, Import};
use crate::domain::model::person::Roster;
use crate::roster::{Column, ImportNotes, RosterResult};

/// What an import changes or would change, and what is wrong with the file.
#[derive(Debug, Serialize)]
pub(crate) struct ImportView<'a> {
    dry_run: bool,
    #[serde(flatten)]
    changes: ImportCounts,
    /// Rows that are not imported because of errors.
    set_aside: Vec<SetAsideView<'a>>,
    /// People who stay as they were, because their row is not imported.
    kept: usize,
    /// People who are not in the file and not removed, because a row may be about any of them.
    not_removed: usize,
    /// Units whose people stay, because decisions about the unit are in force.
    units_kept: Vec<UnitKeptView<'a>>,
    people: usize,
    units: usize,
    #[serde(flatten)]
    file: PeopleFileView<'a>,
    faults: Vec<DiagnosticView<'a>>,
}

/// A row that is not imported.
#[derive(Debug, Serialize)]
struct SetAsideView<'a> {
    line: u32,
    /// `None` if the id cannot be read.
    person: Option<&'a str>,
}

/// A unit whose people stay in it.
#[derive(Debug, Serialize)]
struct UnitKeptView<'a> {
    unit: &'a str,
    people: usize,
    /// The units that the file has for them.
    new_units: Vec<&'a str>,
    decisions: &'a [String],
}

/// Numbers of people; all zero for an invalid file.
#[derive(Debug, Default, Serialize)]
struct ImportCounts {
    joined: usize,
    returned: usize,
    left: usize,
    moved: usize,
    changed: usize,
}

/// How the file was read.
#[derive(Debug, Serialize)]
struct PeopleFileView<'a> {
    without_address: u32,
    shared_address: u32,
    encoding: String,
    separator: String,
    second_employment: u32,
    columns: OrderedObject<&'static str, &'a str>,
    dropped: &'a [String],
}

fn set_aside(reading: &RosterResult) -> Vec<SetAsideView<'_>> {
    let rows = reading.set_aside.rows.iter();
    rows.map(|row| SetAsideView { line: row.line, person: row.id.as_deref() }).collect()
}

fn units_kept<'i>(import: &'i Import<'_>) -> Vec<UnitKeptView<'i>> {
    let unit = |guarded: &'i GuardedUnit| UnitKeptView {
        unit: &guarded.name,
        people: guarded.new_units.values().sum(),
        new_units: guarded.new_units.keys().map(String::as_str).collect(),
        decisions: &guarded.decisions,
    };
    import.guarded.iter().map(unit).collect()
}

impl<'a> ImportView<'a> {
    /// `import` is `None` for an invalid file.
    pub(crate) fn of(
        reading: &'a RosterResult,
        import: Option<(&Roster, &'a Import<'_>)>,
        dry_run: bool,
    ) -> ImportView<'a> {
        ImportView {
            dry_run,
            changes: import.map(|(_, import)| ImportCounts::of(import)).unwrap_or_default(),
            set_aside: set_aside(reading),
            kept: import.map_or(0, |(_, import)| import.kept),
            not_removed: import.map_or(0, |(_, import)| import.not_removed.len()),
            units_kept: import.map(|(_, import)| units_kept(import)).unwrap_or_default(),
            people: import.map_or(0, |(roster, _)| roster.people.len()),
            units: import.map_or(0, |(roster, _)| roster.units.len()),
            file: PeopleFileView::of(&reading.notes),
            faults: DiagnosticView::of_all(&reading.faults),
        }
    }
}

impl ImportCounts {
    fn of(import: &Import<'_>) -> ImportCounts {
        ImportCounts {
            joined: import.joined.len(),
            returned: import.returned.len(),
            left: import.left.len(),
            moved: import.moved(),
            changed: import.changed.len() - import.moved(),
        }
    }
}

impl<'a> PeopleFileView<'a> {
    fn of(notes: &'a ImportNotes) -> PeopleFileView<'a> {
        let column = |(column, heading): &'a (Column, String)| (column.name(), heading.as_str());
        PeopleFileView {
            without_address: notes.without_address,
            shared_address: notes.shared_address,
            encoding: notes.encoding.to_string(),
            separator: notes.separator.to_string(),
            second_employment: notes.second_employments,
            columns: OrderedObject(notes.columns.iter().map(column).collect()),
            dropped: &notes.dropped,
        }
    }
}
