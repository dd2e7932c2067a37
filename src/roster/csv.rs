//! Splits the file into lines and fields. A record is always one line: line breaks
//! inside values are rejected anyway, so an unclosed quote affects only its own
//! line.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use csv_core::{ReadFieldResult, ReadRecordResult};

use super::encoding::{Encoding, InputReader, LineDecoder};

/// Maximum length of a line in bytes.
const MAX_LINE_LENGTH: usize = 64 * 1024;

/// Maximum number of columns.
pub(super) const MAX_COLUMNS: usize = 1_000;

/// The field separator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Separator {
    /// `,`
    #[default]
    Comma,
    /// `;`, as Swedish Excel writes
    Semicolon,
    /// A tab.
    Tab,
}

impl Separator {
    /// All separators.
    pub(super) const ALL: [Separator; 3] = [Separator::Comma, Separator::Semicolon, Separator::Tab];

    fn byte(self) -> u8 {
        match self {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Tab => b'\t',
        }
    }

    /// Parses a first line like `sep=;`.
    pub(super) fn announced(line: &str) -> Option<Result<Separator, ()>> {
        let line = line.trim_matches('"');
        let named = line.strip_prefix("sep=").or_else(|| line.strip_prefix("SEP="))?.strip_suffix('\n')?;
        let found = Separator::ALL.into_iter().find(|separator| named.as_bytes() == [separator.byte()]);
        Some(found.ok_or(()))
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Separator::Comma => "comma",
            Separator::Semicolon => "semicolon",
            Separator::Tab => "tab",
        })
    }
}

/// Reads a file line by line in constant memory.
pub(super) struct LineReader<R: Read> {
    source: BufReader<InputReader<R>>,
    letters: LineDecoder,
    bytes: Vec<u8>,
    /// Number of the last line returned, from 1.
    pub(super) number: u32,
}

/// One line.
pub(super) enum Line<'a> {
    /// The text, with one `\n` at the end.
    Text(&'a str),
    /// Why the line is not text, and the valid text before the error.
    Bad(LineError, &'a str),
}

/// Why a line is not text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LineError {
    /// A byte that is invalid in the encoding of the previous lines.
    Byte(u8),
    /// A NUL character.
    Nul,
    /// A carriage return that does not end the line.
    CarriageReturn,
    /// Longer than the maximum.
    TooLong,
}

impl<R: Read> LineReader<R> {
    pub(super) fn new(source: InputReader<R>, encoding: Encoding) -> LineReader<R> {
        let source = BufReader::with_capacity(MAX_LINE_LENGTH, source);
        LineReader { source, letters: LineDecoder::new(encoding), bytes: Vec::new(), number: 0 }
    }

    /// The encoding detected so far.
    pub(super) fn encoding(&self) -> Encoding {
        self.letters.encoding
    }

    /// The next line.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.bytes.clear();
        let longest = MAX_LINE_LENGTH as u64 + 1;
        if self.source.by_ref().take(longest).read_until(b'\n', &mut self.bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = self.bytes.len() <= MAX_LINE_LENGTH;
        if !whole && !self.bytes.ends_with(b"\n") {
            self.source.skip_until(b'\n')?;
        }
        end_with_line_feed(&mut self.bytes);
        for (sign, why) in [(0, LineError::Nul), (b'\r', LineError::CarriageReturn)] {
            // `contains` is vectorised, `position` is not
            if self.bytes.contains(&sign) {
                let at = self.bytes.iter().position(|&b| b == sign).unwrap_or(0);
                return Ok(Some(Line::Bad(why, self.letters.read(&self.bytes[..at]).unwrap_or_default())));
            }
        }
        if !whole {
            return Ok(Some(Line::Bad(LineError::TooLong, "")));
        }
        Ok(Some(match self.letters.read(&self.bytes) {
            Ok(text) => Line::Text(text),
            Err(good) => {
                let before = std::str::from_utf8(&self.bytes[..good]).unwrap_or_default();
                Line::Bad(LineError::Byte(self.bytes[good]), before)
            }
        }))
    }
}

/// Replaces CRLF, LF or the end of the file by one LF.
fn end_with_line_feed(line: &mut Vec<u8>) {
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line.push(b'\n');
}

/// Splits lines into fields, with spreadsheet quoting rules.
pub(super) struct Splitter {
    core: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// The fields of one line.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    text: &'a str,
    ends: &'a [usize],
}

/// Why a line cannot be split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SplitError {
    /// A quote opens in this field, from 0, and the line ends before it closes.
    OpenQuote(usize),
    /// More than [`MAX_COLUMNS`].
    TooMany,
}

impl Splitter {
    pub(super) fn new(separator: Separator) -> Splitter {
        Splitter { core: core(separator), text: Vec::new(), ends: vec![0; MAX_COLUMNS + 1] }
    }

    /// The fields of a line that ends with `\n`.
    pub(super) fn split(&mut self, line: &str) -> Result<Fields<'_>, SplitError> {
        self.core.reset();
        self.text.resize(self.text.len().max(line.len()), 0);
        let (result, _, written, ends) =
            self.core.read_record(line.as_bytes(), &mut self.text, &mut self.ends);
        match result {
            ReadRecordResult::Record => {
                let text = std::str::from_utf8(&self.text[..written]);
                let text = text.expect("only ASCII quotes and separators were taken out");
                Ok(Fields { text, ends: &self.ends[..ends] })
            }
            ReadRecordResult::InputEmpty | ReadRecordResult::End | ReadRecordResult::OutputFull => {
                Err(SplitError::OpenQuote(ends))
            }
            ReadRecordResult::OutputEndsFull => Err(SplitError::TooMany),
        }
    }

    /// The index, from 0, of the field in which the text before an error ends.
    pub(super) fn field_after(&mut self, before: &str) -> usize {
        self.core.reset();
        self.text.resize(self.text.len().max(before.len()), 0);
        let (.., ends) = self.core.read_record(before.as_bytes(), &mut self.text, &mut self.ends);
        ends
    }
}

/// The column, in characters from 1, at which a field (from 0) starts.
pub(super) fn column(separator: Separator, line: &str, field: usize) -> u32 {
    let mut core = core(separator);
    let (mut rest, mut scratch) = (line.as_bytes(), vec![0; line.len() + 1]);
    for _ in 0..field {
        let (result, used, _) = core.read_field(rest, &mut scratch);
        rest = &rest[used..];
        if !matches!(result, ReadFieldResult::Field { record_end: false }) {
            break;
        }
    }
    column_after(&line[..line.len() - rest.len()])
}

/// The column, in characters from 1, after a piece of a line.
pub(super) fn column_after(before: &str) -> u32 {
    before.chars().count() as u32 + 1
}

fn core(separator: Separator) -> csv_core::Reader {
    csv_core::ReaderBuilder::new().delimiter(separator.byte()).build()
}

impl<'a> Fields<'a> {
    pub(super) fn len(self) -> usize {
        self.ends.len()
    }

    /// The field at an index, trimmed.
    pub(super) fn get(self, field: usize) -> &'a str {
        let start = if field == 0 { 0 } else { self.ends[field - 1] };
        let field = &self.text[start..self.ends[field]];
        // most fields have no surrounding blanks and need no decoding
        match field.as_bytes() {
            [b'!'..=b'~', .., b'!'..=b'~'] | [b'!'..=b'~'] | [] => field,
            _ => field.trim(),
        }
    }

    /// All fields.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).map(move |field| self.get(field))
    }
}

/// Returns true if the line has only separators and blanks, as spreadsheets leave
/// them below a table.
pub(super) fn is_blank(line: &str) -> bool {
    line.chars().all(|c| c.is_whitespace() || matches!(c, ';' | ','))
}

/// Returns true if the line closes a quote that an earlier line opened.
pub(super) fn closes_a_quote(line: &str) -> bool {
    line.bytes().filter(|&b| b == b'"').count() % 2 == 1
}
