//! The import of a people file: the document of `people import`.

use serde::Serialize;

use super::diagnostic::DiagnosticView;
use super::object::OrderedObject;
use crate::domain::change::import_diff::{ChangeKind, GuardedUnit, ImportDiff};
use crate::engine::import::ImportOutcome;
use crate::roster::{Column, FileReading, ImportNotes};

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
    people: u32,
    units: u32,
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

fn set_aside(reading: &FileReading) -> Vec<SetAsideView<'_>> {
    let rows = reading.set_aside.rows.iter();
    rows.map(|row| SetAsideView { line: row.line, person: row.id.as_deref() }).collect()
}

fn units_kept<'i>(diff: &'i ImportDiff) -> Vec<UnitKeptView<'i>> {
    let unit = |guarded: &'i GuardedUnit| UnitKeptView {
        unit: &guarded.name,
        people: guarded.new_units.values().sum(),
        new_units: guarded.new_units.keys().map(String::as_str).collect(),
        decisions: &guarded.decisions,
    };
    diff.guarded.iter().map(unit).collect()
}

impl<'a> ImportView<'a> {
    pub(crate) fn of(outcome: &'a ImportOutcome, dry_run: bool) -> ImportView<'a> {
        let ImportOutcome { reading, diff, .. } = outcome;
        let (diff, counts) = (diff.as_ref(), &reading.notes.counts);
        ImportView {
            dry_run,
            changes: diff.map(ImportCounts::of).unwrap_or_default(),
            set_aside: set_aside(reading),
            kept: diff.map_or(0, |diff| diff.kept),
            not_removed: diff.map_or(0, |diff| diff.count(ChangeKind::NotRemoved)),
            units_kept: diff.map(units_kept).unwrap_or_default(),
            people: diff.map_or(0, |_| counts.people),
            units: diff.map_or(0, |_| counts.units),
            file: PeopleFileView::of(&reading.notes),
            faults: DiagnosticView::of_all(&reading.faults),
        }
    }
}

impl ImportCounts {
    fn of(diff: &ImportDiff) -> ImportCounts {
        ImportCounts {
            joined: diff.count(ChangeKind::Joined),
            returned: diff.count(ChangeKind::Returned),
            left: diff.count(ChangeKind::Left),
            moved: diff.count(ChangeKind::Moved),
            changed: diff.changed() - diff.count(ChangeKind::Moved),
        }
    }
}

impl<'a> PeopleFileView<'a> {
    fn of(notes: &'a ImportNotes) -> PeopleFileView<'a> {
        let column = |(column, heading): &'a (Column, String)| (column.name(), heading.as_str());
        PeopleFileView {
            without_address: notes.counts.without_address,
            shared_address: notes.counts.shared_address,
            encoding: notes.encoding.to_string(),
            separator: notes.separator.to_string(),
            second_employment: notes.counts.second_employments,
            columns: OrderedObject(notes.columns.iter().map(column).collect()),
            dropped: &notes.dropped,
        }
    }
}
