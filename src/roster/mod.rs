//! Parses the people file, an export of the HR system, into a [`Roster`]. It is
//! all or nothing: every invalid line is reported in one run, and a single error
//! prevents the import.
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

use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::Language;
use crate::domain::model::person::Roster;

pub(crate) use columns::Column;
pub(crate) use csv::Separator;
pub(crate) use duplicates::IdenticalLine;
pub(crate) use encoding::Encoding;

use columns::Columns;
use csv::{Line, LineError, LineReader, SplitError, Splitter};
use encoding::{InputReader, is_double_encoded};
use faults::Faults;
use people::{People, Row};

/// Parsing options.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file name used in messages.
    pub name: String,
    /// Additional columns to keep (`[people] keep`).
    pub keep: Vec<String>,
    /// The language of people without one: the programme's first.
    pub default_language: Language,
}

/// The result of parsing a people file.
#[derive(Debug)]
pub struct RosterResult {
    /// The people; `None` if there is any error.
    pub roster: Option<Roster>,
    /// Errors and warnings in the order of the lines.
    pub faults: Vec<Diagnostic>,
    /// Additional information about the file.
    pub(crate) notes: ImportNotes,
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
    /// Number of lines with a person.
    pub(crate) lines: u32,
    /// Duplicate lines.
    pub(crate) identical: Vec<IdenticalLine>,
    /// Number of people without an address.
    pub(crate) without_address: u32,
    /// Number of people who share an address with another person.
    pub(crate) shared_address: u32,
}

/// Reads a people file. Invalid content is reported in [`RosterResult::faults`]; only
/// I/O errors are returned.
pub fn read(file: &Path, options: &Options) -> io::Result<RosterResult> {
    unless_changed(&File::open(file)?, &options.name, |file| read_from(file, options))
}

/// Reads a file and discards the result if the file changed during the read.
fn unless_changed(
    file: &File,
    name: &str,
    read: impl FnOnce(&File) -> io::Result<RosterResult>,
) -> io::Result<RosterResult> {
    let before = FileVersion::of(&file.metadata()?);
    let reading = read(file)?;
    if before == FileVersion::of(&file.metadata()?) {
        return Ok(reading);
    }
    let message = "the file changed while it was read; nothing is imported";
    let fault = Diagnostic::error("file-changed", Location::file(name), message)
        .hint("let the HR system write another name and rename it when it is done");
    Ok(RosterResult { roster: None, faults: vec![fault], notes: reading.notes })
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

/// Reads people from a byte stream.
pub fn read_from(bytes: impl io::Read, options: &Options) -> io::Result<RosterResult> {
    let mut faults = Faults::new(&options.name);
    let mut notes = ImportNotes::default();
    let (source, encoding) = InputReader::open(bytes)?;
    let Some(encoding) = encoding else {
        let message = "looks like UTF-16 without a byte order mark";
        let fault = Diagnostic::error("encoding", faults.at(0, 0), message);
        faults.error(fault.hint("export as UTF-8"));
        return Ok(RosterResult { roster: None, faults: faults.into_list(), notes });
    };
    let mut lines = LineReader::new(source, encoding);
    let people = match header(&mut lines, options, &mut faults)? {
        Some((separator, mut columns)) => {
            notes.separator = separator;
            let header_line = lines.number;
            let people = rows(&mut lines, separator, &mut columns, options, &mut faults, &mut notes.lines)?;
            columns.report_identity_numbers(header_line, &mut faults);
            notes.columns = columns.found();
            notes.dropped = columns.dropped();
            Some((people, columns))
        }
        None => None,
    };
    notes.encoding = lines.encoding();
    drop(lines);
    let roster = people.and_then(|(people, columns)| settle(people, &columns, &mut faults, &mut notes));
    Ok(RosterResult { roster, faults: faults.into_list(), notes })
}

/// Reads the optional `sep=;` line and the headings. The separator is the one
/// that yields the most known headings.
fn header<R: io::Read>(
    lines: &mut LineReader<R>,
    options: &Options,
    faults: &mut Faults,
) -> io::Result<Option<(Separator, Columns)>> {
    let mut announced = None;
    while let Some(line) = lines.next()? {
        let text = match line {
            Line::Text(text) => text.to_owned(),
            Line::Bad(why, before) => {
                let column = csv::column_after(before);
                let message = bad_line(why, "the header", Encoding::Ascii);
                faults.error(Diagnostic::error("encoding", faults.at(lines.number, column), message));
                return Ok(None);
            }
        };
        match Separator::announced(&text) {
            Some(Ok(separator)) if lines.number == 1 => announced = Some(separator),
            Some(Err(())) if lines.number == 1 => {
                let message = "announces a separator that is neither comma, semicolon nor tab";
                faults.error(Diagnostic::error("separator", faults.at(1, 1), message));
                return Ok(None);
            }
            _ if csv::is_blank(&text) => {}
            _ => return Ok(headings(&text, lines.number, announced, options, faults)),
        }
    }
    let message = "the file is empty; the first line must name the columns";
    faults.error(Diagnostic::error("no-header", faults.at(0, 0), message));
    Ok(None)
}

fn headings(
    text: &str,
    line: u32,
    announced: Option<Separator>,
    options: &Options,
    faults: &mut Faults,
) -> Option<(Separator, Columns)> {
    let known = |separator: &Separator| Splitter::new(*separator).split(text).map_or(0, Columns::known);
    let separators = announced.map_or(Separator::ALL.to_vec(), |separator| vec![separator]);
    // on a tie the first separator wins; max_by_key would return the last
    let separator = separators.into_iter().rev().max_by_key(known)?;
    let mut splitter = Splitter::new(separator);
    match splitter.split(text) {
        Ok(_) if is_double_encoded(text) => {
            let message = "the headings were saved as UTF-8 and read as Windows-1252 on their way here";
            let hint = "export again as UTF-8, and open the file as UTF-8 where it is edited";
            faults.error(Diagnostic::error("encoding", faults.at(line, 1), message).hint(hint));
            None
        }
        Ok(fields) if Columns::known(fields) > 0 => {
            Some((separator, Columns::read(fields, &options.keep, line, faults)))
        }
        Ok(_) => {
            // the line may contain personal data: it is not printed
            let message = "the first line names no column that is known; it must be a header";
            let hint = "name at least `employee_id`, `email`, `first_name`, `last_name` and `unit`, \
                        with comma, semicolon or tab between them";
            faults.error(Diagnostic::error("no-header", faults.at(line, 1), message).hint(hint));
            None
        }
        Err(why) => {
            let field = if let SplitError::OpenQuote(field) = why { field } else { 0 };
            let place = faults.at(line, csv::column(separator, text, field));
            faults.error(no_fields(why, place));
            None
        }
    }
}

/// Reads the people, line by line.
fn rows<R: io::Read>(
    lines: &mut LineReader<R>,
    separator: Separator,
    columns: &mut Columns,
    options: &Options,
    faults: &mut Faults,
    count: &mut u32,
) -> io::Result<People> {
    let mut people = People::new(options.default_language.clone());
    let mut splitter = Splitter::new(separator);
    let mut open = OpenQuote::default();
    loop {
        let encoding = lines.encoding();
        let line = lines.number + 1;
        let text = match lines.next()? {
            None => break,
            Some(Line::Text(text)) => text,
            Some(Line::Bad(why, before)) => {
                let heading = columns.headings.get(splitter.field_after(before));
                let field = heading.map_or("a field too many".to_owned(), |heading| format!("`{heading}`"));
                let code = if matches!(why, LineError::Byte(_)) { "encoding" } else { "bad-line" };
                let place = faults.at(line, csv::column_after(before));
                faults.error(Diagnostic::error(code, place, bad_line(why, &field, encoding)));
                continue;
            }
        };
        if csv::is_blank(text) {
            continue;
        }
        *count += 1;
        match splitter.split(text) {
            Ok(fields) if fields.len() == columns.width => {
                open.settle(faults);
                columns.count_identity_numbers(fields);
                let columns = &*columns;
                people.add(Row { line, text, fields, columns, separator, faults, refused: false });
            }
            Ok(fields) => {
                let ragged = ragged(faults, line, fields.len(), columns.width);
                open.add_invalid(text, ragged, faults);
            }
            Err(why) => {
                open.settle(faults);
                let field = if let SplitError::OpenQuote(field) = why { field } else { columns.width };
                let place = faults.at(line, csv::column(separator, text, field));
                faults.error(no_fields(why, place));
                open.is_open = matches!(why, SplitError::OpenQuote(_));
            }
        }
    }
    open.settle(faults);
    Ok(people)
}

/// After a line with an unclosed quote the following lines may belong to the same
/// value: they are reported only if no closing quote follows.
#[derive(Default)]
struct OpenQuote {
    is_open: bool,
    perhaps: Vec<Diagnostic>,
}

impl OpenQuote {
    /// Maximum number of lines considered part of one value.
    const MAX_LINES: usize = 50;

    /// A valid line: the lines before it were not part of a value.
    fn settle(&mut self, faults: &mut Faults) {
        for fault in self.perhaps.drain(..) {
            faults.error(fault);
        }
        self.is_open = false;
    }

    /// An invalid line, possibly part of a value.
    fn add_invalid(&mut self, text: &str, fault: Diagnostic, faults: &mut Faults) {
        if self.is_open && csv::closes_a_quote(text) {
            self.perhaps.clear();
            self.is_open = false;
            return;
        }
        self.perhaps.push(fault);
        if !self.is_open || self.perhaps.len() > Self::MAX_LINES {
            self.settle(faults);
        }
    }
}

/// Checks across all people: duplicates, shared addresses, units.
fn settle(
    mut people: People,
    columns: &Columns,
    faults: &mut Faults,
    notes: &mut ImportNotes,
) -> Option<Roster> {
    notes.identical = duplicates::merge_identical(&mut people, columns, faults);
    notes.shared_address = duplicates::mark_shared_addresses(&mut people, faults);
    notes.without_address = managers::without_address(&people.people);
    let units = managers::units(&people, faults);
    if people.people.is_empty() && !faults.any_error() {
        let message = "the file has a header and nobody below it; nothing is imported";
        faults.error(Diagnostic::error("no-people", faults.at(0, 0), message));
    }
    // free the working data before the roster builds its indexes
    let mut people = people.only_people();
    people.shrink_to_fit();
    (!faults.any_error()).then(|| Roster::new(people, units))
}

fn bad_line(why: LineError, field: &str, encoding: Encoding) -> String {
    match why {
        LineError::Byte(byte) => match encoding {
            Encoding::Utf16Le | Encoding::Utf16Be => format!("half a character of UTF-16 in {field}"),
            Encoding::Utf8Marked => {
                format!("not valid UTF-8 although the file begins as such: byte 0x{byte:02X} in {field}")
            }
            Encoding::Ascii | Encoding::Utf8 | Encoding::Windows1252 => {
                format!("not valid UTF-8 although earlier text is: byte 0x{byte:02X} in {field}")
            }
        },
        LineError::Nul => format!("a NUL character in {field}; no text has one"),
        LineError::CarriageReturn => {
            format!(
                "a carriage return in {field}; lines end with LF or CR LF, and no value may hold a line break"
            )
        }
        LineError::TooLong => "longer than 65,536 bytes; no line of a people file is".to_owned(),
    }
}

fn ragged(faults: &Faults, line: u32, found: usize, width: usize) -> Diagnostic {
    let fields = if found == 1 { "field" } else { "fields" };
    let message = format!("found {found} {fields}, the header has {width}");
    let fault = Diagnostic::error("ragged-line", faults.at(line, 1), message);
    if found > width { fault.hint("a value that holds the separator needs quotes around it") } else { fault }
}

fn no_fields(why: SplitError, place: Location) -> Diagnostic {
    match why {
        SplitError::OpenQuote(_) => {
            let message = "a quote opens here and the line ends before it closes";
            let hint = "close it; a value may not hold a line break, and a quote in a value is written twice";
            Diagnostic::error("open-quote", place, message).hint(hint)
        }
        SplitError::TooMany => {
            Diagnostic::error("ragged-line", place, format!("more than {} fields", csv::MAX_COLUMNS))
        }
    }
}
