//! The import of a people file: the document of `people import`.

use serde::Serialize;

use super::diagnostic::DiagnosticView;
use super::object::OrderedObject;
use crate::domain::change::import_diff::Import;
use crate::domain::model::person::Roster;
use crate::roster::{Column, ImportNotes, RosterResult};

/// What an import changes or would change, and what is wrong with the file.
#[derive(Debug, Serialize)]
pub(crate) struct ImportView<'a> {
    dry_run: bool,
    #[serde(flatten)]
    changes: ImportCounts,
    refused: usize,
    people: usize,
    units: usize,
    #[serde(flatten)]
    file: PeopleFileView<'a>,
    faults: Vec<DiagnosticView<'a>>,
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
    columns: OrderedObject<&'static str, &'a str>,
    dropped: &'a [String],
}

impl<'a> ImportView<'a> {
    /// `import` is `None` for an invalid file.
    pub(crate) fn of(
        reading: &'a RosterResult,
        import: Option<(&Roster, &Import<'_>)>,
        dry_run: bool,
    ) -> ImportView<'a> {
        ImportView {
            dry_run,
            changes: import.map(|(_, import)| ImportCounts::of(import)).unwrap_or_default(),
            refused: reading.faults.iter().filter(|fault| fault.is_error()).count(),
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
            columns: OrderedObject(notes.columns.iter().map(column).collect()),
            dropped: &notes.dropped,
        }
    }
}
