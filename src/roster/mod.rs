//! Parses the people file, an export of the HR system. A row with an error is set aside and
//! reported; it does not stop the other rows. All errors are reported in one run. The people
//! are staged in the store, so that memory does not grow with the file.
//!
//! The column of a [`Location`] is the character position at which the field starts,
//! as an editor counts it.

mod columns;
mod csv;
mod dates;
mod duplicates;
mod encoding;
mod faults;
mod identity;
mod managers;
mod people;
#[cfg(test)]
mod tests;
mod values;

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::domain::change::set_aside::{SetAsideRow, SetAsideRows};
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::Language;
use crate::domain::model::person::Roster;
use crate::store::{StagedCounts, Store};

pub use columns::Column;
pub(crate) use csv::Separator;
pub(crate) use duplicates::RepeatedRow;
pub(crate) use encoding::Encoding;

use columns::Columns;
use csv::{RecordError, RecordReader, Splitter};
use encoding::{InputReader, is_double_encoded};
use faults::Faults;
use people::{Row, RowReader};

/// Parsing options.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file name used in messages.
    pub name: String,
    /// Headings that stand for a column in this file (`[people.columns]`).
    pub columns: Vec<(Column, String)>,
    /// Additional columns to keep (`[people] keep`).
    pub keep: Vec<String>,
    /// The language of people without one: the programme's first.
    pub default_language: Language,
    /// How many rows may have errors.
    pub max_bad_rows: MaxBadRows,
}

/// How many rows of a file may have errors; with more, none is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxBadRows {
    /// None at all.
    None,
    /// A percentage of the rows, and always one row.
    Percent(u8),
}

impl MaxBadRows {
    /// The number of rows.
    pub(crate) fn of(self, rows: u32) -> u32 {
        match self {
            MaxBadRows::None => 0,
            MaxBadRows::Percent(percent) => {
                let share = u64::from(rows) * u64::from(percent) / 100;
                u32::try_from(share).unwrap_or(u32::MAX).max(1)
            }
        }
    }
}

/// A people file that was read without a database.
#[derive(Debug)]
pub struct RosterResult {
    /// The people; `None` if nothing can be imported.
    pub roster: Option<Roster>,
    /// Errors and warnings in the order of the lines.
    pub faults: Vec<Diagnostic>,
}

/// What was found in a people file whose people are staged.
#[derive(Debug)]
pub(crate) struct FileReading {
    /// Whether the people can be imported. They cannot if the header has an error, too many
    /// rows have errors, or no row is good.
    pub(crate) is_usable: bool,
    /// Errors and warnings in the order of the lines.
    pub(crate) faults: Vec<Diagnostic>,
    /// The rows with errors, which are not staged.
    pub(crate) set_aside: SetAsideRows,
    /// Additional information about the file.
    pub(crate) notes: ImportNotes,
}

impl FileReading {
    /// The result for a file that cannot be read at all.
    pub(crate) fn unreadable(fault: Diagnostic) -> FileReading {
        FileReading {
            is_usable: false,
            faults: vec![fault],
            set_aside: SetAsideRows::default(),
            notes: ImportNotes::default(),
        }
    }
}

/// How the file was interpreted, for `people import --dry-run`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImportNotes {
    /// The detected encoding.
    pub(crate) encoding: Encoding,
    /// The detected field separator.
    pub(crate) separator: Separator,
    /// The heading found for each column.
    pub(crate) columns: Vec<(Column, String)>,
    /// Headings of ignored columns.
    pub(crate) dropped: Vec<String>,
    /// Number of rows with a person.
    pub(crate) lines: u32,
    /// Rows about the same employee id as another one.
    pub(crate) repeated: Vec<RepeatedRow>,
    /// Numbers of people.
    pub(crate) counts: StagedCounts,
}

/// Reads a people file without a database. Invalid content is reported in
/// [`RosterResult::faults`]; only I/O errors are returned.
pub fn read(file: &Path, options: &Options) -> io::Result<RosterResult> {
    let store = Store::temporary()?;
    let reading = stage(file, options, &store)?;
    let roster = reading.is_usable.then(|| store.staged_roster()).transpose()?;
    Ok(RosterResult { roster, faults: reading.faults })
}

/// Reads a people file and stages its people. Invalid content is reported in
/// [`FileReading::faults`]; only I/O errors are returned.
pub(crate) fn stage(file: &Path, options: &Options, store: &Store) -> io::Result<FileReading> {
    unless_changed(&File::open(file)?, &options.name, |file| stage_from(file, options, store))
}

/// Reads a file and discards the result if the file changed during the read.
fn unless_changed(
    file: &File,
    name: &str,
    read: impl FnOnce(&File) -> io::Result<FileReading>,
) -> io::Result<FileReading> {
    let before = FileVersion::of(&file.metadata()?);
    let reading = read(file)?;
    if before == FileVersion::of(&file.metadata()?) {
        return Ok(reading);
    }
    let message = "the file changed while it was read; nothing is imported";
    let fault = Diagnostic::error("file-changed", Location::file(name), message)
        .hint("let the HR system write another name and rename it when it is done");
    Ok(FileReading { notes: reading.notes, ..FileReading::unreadable(fault) })
}

/// Size and modification time. They change if the HR system is still writing.
#[derive(PartialEq, Eq)]
struct FileVersion {
    length: u64,
    modified: Option<SystemTime>,
}

impl FileVersion {
    fn of(file: &Metadata) -> FileVersion {
        FileVersion { length: file.len(), modified: file.modified().ok() }
    }
}

/// Stages people from a byte stream.
fn stage_from(bytes: impl io::Read, options: &Options, store: &Store) -> io::Result<FileReading> {
    let mut faults = Faults::new(&options.name);
    let mut notes = ImportNotes::default();
    let (source, encoding) = InputReader::open(bytes)?;
    let Some(encoding) = encoding else {
        let message = "this is UTF-16 without a byte order mark";
        let fault = Diagnostic::error("encoding", faults.at(0, 0), message);
        return Ok(FileReading::unreadable(fault.hint("export the file as UTF-8")));
    };
    let mut records = RecordReader::new(source, encoding);
    let mut set_aside = SetAsideRows::default();
    if let Some((separator, mut columns)) = header(&mut records, options, &mut faults)? {
        notes.separator = separator;
        let header_line = records.line;
        let file = &mut FileReader { records: &mut records, separator, columns: &mut columns };
        let mut people = store.stage_file(|| rows(file, options, store, &mut faults))?;
        store.unstage_extra(&columns.report_identity_numbers(header_line, &mut faults))?;
        notes.columns = columns.found();
        notes.dropped = columns.dropped();
        notes.lines = people.rows;
        set_aside = std::mem::take(&mut people.set_aside);
        notes.repeated = duplicates::settle_repeated_ids(store, &columns, &mut set_aside, &mut faults)?;
        store.mark_second_employments()?;
        duplicates::mark_shared_addresses(store, &set_aside, &mut faults)?;
        store.find_staged_units()?;
        managers::report(store, &mut faults)?;
        notes.counts = store.staged_counts()?;
        people.report_remarkable_values(&columns, &mut faults);
        check_whole_file(&people, &set_aside, notes.counts.people, options, &mut faults);
    }
    notes.encoding = records.encoding();
    Ok(FileReading { is_usable: !faults.has_file_error(), faults: faults.into_list(), set_aside, notes })
}

/// Reads the optional `sep=;` line and the headings. The separator is the one
/// that yields the most known headings.
fn header<R: io::Read>(
    records: &mut RecordReader<R>,
    options: &Options,
    faults: &mut Faults,
) -> io::Result<Option<(Separator, Columns)>> {
    let mut announced = None;
    while let Some(is_whole) = records.next_line()? {
        let text = &records.text;
        match Separator::announced(text) {
            _ if !is_whole => {
                let fault = bad_record(RecordError::TooLong, faults.at(records.line, 1));
                faults.file_error(fault);
                return Ok(None);
            }
            Some(Ok(separator)) if records.line == 1 => announced = Some(separator),
            Some(Err(())) if records.line == 1 => {
                let message = "the separator after `sep=` must be a comma, a semicolon or a tab";
                faults.file_error(Diagnostic::error("separator", faults.at(1, 1), message));
                return Ok(None);
            }
            _ if text.chars().all(|c| c.is_whitespace() || matches!(c, ';' | ',' | '"')) => {}
            _ => {
                let separator = announced.unwrap_or_else(|| most_headings(text, options));
                records.unread();
                return Ok(headings(records, separator, options, faults)?.map(|columns| (separator, columns)));
            }
        }
    }
    let message = "the file is empty; the first line must name the columns";
    faults.file_error(Diagnostic::error("no-header", faults.at(0, 0), message));
    Ok(None)
}

/// The separator with which a header has the most known headings; on a tie the first one.
fn most_headings(header: &str, options: &Options) -> Separator {
    let known = |separator: &Separator| {
        let mut splitter = Splitter::new(*separator);
        // a heading may have a line break: the fields before it say enough
        let _ = splitter.split(header);
        Columns::known(splitter.fields(), &options.columns)
    };
    // max_by_key would return the last
    Separator::ALL.into_iter().rev().max_by_key(known).unwrap_or_default()
}

fn headings<R: io::Read>(
    records: &mut RecordReader<R>,
    separator: Separator,
    options: &Options,
    faults: &mut Faults,
) -> io::Result<Option<Columns>> {
    let mut splitter = Splitter::new(separator);
    let header = records.next(&mut splitter, |_| true)?;
    let line = records.line;
    Ok(match header {
        Some(Ok(_)) if is_double_encoded(&records.text) => {
            let message = "the file was saved as UTF-8 and then read as Windows-1252";
            let hint = "export it again as UTF-8, and open it as UTF-8 where it is edited";
            faults.file_error(Diagnostic::error("encoding", faults.at(line, 1), message).hint(hint));
            None
        }
        Some(Ok(fields)) if Columns::known(fields, &options.columns) > 0 => {
            Some(Columns::read(fields, &options.columns, &options.keep, line, faults))
        }
        Some(Ok(_)) | None => {
            // the line may contain personal data: it is not printed
            let message = "the first line has no known column; it must be a header";
            let hint = "the header needs at least `employee_id`, `email`, `first_name`, `last_name` and `unit`, \
                        separated by comma, semicolon or tab; `journey people template` prints one";
            faults.file_error(Diagnostic::error("no-header", faults.at(line, 1), message).hint(hint));
            None
        }
        Some(Err(why)) => {
            let place = faults.at_field(records.line, separator, &records.text, why.field());
            faults.file_error(bad_record(why, place));
            None
        }
    })
}

/// What is needed to read the rows below the header.
struct FileReader<'a, R: io::Read> {
    records: &'a mut RecordReader<R>,
    separator: Separator,
    columns: &'a mut Columns,
}

/// Reads the people, row by row.
fn rows<'s, R: io::Read>(
    file: &mut FileReader<'_, R>,
    options: &Options,
    store: &'s Store,
    faults: &mut Faults,
) -> io::Result<RowReader<'s>> {
    let FileReader { records, separator, columns } = file;
    let separator = *separator;
    let mut people = RowReader::new(store, options.default_language.clone());
    let mut splitter = Splitter::new(separator);
    while let Some(record) = records.next(&mut splitter, |fields| fields == columns.width)? {
        let (line, text) = (records.line, records.text.as_str());
        let fields = match record {
            Ok(fields) if fields.is_blank() => continue,
            Ok(fields) => fields,
            Err(why) => {
                people.rows += 1;
                faults
                    .row_error(|faults| bad_record(why, faults.at_field(line, separator, text, why.field())));
                people.set_aside.add(SetAsideRow::unreadable(line, text));
                continue;
            }
        };
        people.rows += 1;
        if let Some(problem) = columns.misfit(fields) {
            faults.row_error(|faults| {
                let fault = Diagnostic::error("ragged-line", faults.at(line, 1), problem);
                if fields.len() > columns.width {
                    fault.hint("put quotes around a value that contains the separator")
                } else {
                    fault
                }
            });
            // the id stands before the place where a short row was cut
            let id = columns.field(Column::EmployeeId).filter(|_| fields.len() < columns.width);
            let id = id.map(|field| fields.get(field)).filter(|id| values::employee_id(id).is_ok());
            people
                .set_aside
                .add(SetAsideRow { id: id.map(Into::into), ..SetAsideRow::unreadable(line, text) });
            continue;
        }
        columns.count_identity_numbers(fields);
        let (columns, encoding) = (&**columns, records.encoding());
        people.add(Row { line, text, fields, columns, separator, encoding, faults, refused: false })?;
    }
    Ok(people)
}

/// Checks how many rows have errors, and whether there are people.
fn check_whole_file(
    people: &RowReader<'_>,
    set_aside: &SetAsideRows,
    good_rows: u32,
    options: &Options,
    faults: &mut Faults,
) {
    let rows = people.rows;
    let most = options.max_bad_rows.of(rows);
    if people.garbled > most.max(1) {
        let message = format!(
            "{} of {rows} rows have names with wrong letters: the file was saved as UTF-8 and then read as \
             Windows-1252",
            people.garbled
        );
        let fault = Diagnostic::error("encoding", faults.at(0, 0), message);
        faults.file_error(fault.hint("export it again as UTF-8, and open it as UTF-8 where it is edited"));
    }
    let bad = set_aside.count();
    if !faults.has_file_error() {
        if rows == 0 {
            let message = "the file has a header and no people";
            faults.file_error(Diagnostic::error("no-people", faults.at(0, 0), message));
        } else if bad > most {
            let (have, bad_rows) = if bad == 1 { ("has an error", "row") } else { ("have errors", "rows") };
            let message = match options.max_bad_rows {
                MaxBadRows::None => {
                    format!("{bad} {bad_rows} of {rows} {have}; with --strict no row may have one")
                }
                MaxBadRows::Percent(percent) => format!(
                    "{bad} {bad_rows} of {rows} {have}; at most {most} may (`max_bad_rows` = {percent} %)"
                ),
            };
            faults.file_error(Diagnostic::error("too-many-bad-rows", faults.at_end(), message));
        } else if good_rows == 0 {
            let message = "no row is without errors";
            faults.file_error(Diagnostic::error("no-people", faults.at_end(), message));
        }
    }
}

fn bad_record(why: RecordError, place: Location) -> Diagnostic {
    match why {
        RecordError::OpenQuote(_) => {
            let message = "a quote opens here and does not close";
            let hint = "close it, or write a quote that belongs to the value twice";
            Diagnostic::error("open-quote", place, message).hint(hint)
        }
        RecordError::TooManyFields => {
            Diagnostic::error("ragged-line", place, format!("more than {} fields", csv::MAX_COLUMNS))
        }
        RecordError::TooLong => Diagnostic::error("bad-line", place, "the line is longer than 16 MB"),
    }
}
