//! Splits the file into records and fields. A record is usually one line. A value in
//! quotes may hold line breaks: then the following lines belong to the same record. A
//! quote that never closes spoils only the line in which it opens.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use csv_core::{ReadFieldResult, ReadRecordResult};

use super::encoding::{Encoding, InputReader, LineDecoder};

/// Size of the read buffer, in bytes.
const BUFFER_LENGTH: usize = 64 * 1024;

/// Maximum length of a line in bytes.
const MAX_LINE_LENGTH: usize = 16 * 1024 * 1024;

/// Maximum number of lines of one record.
const MAX_RECORD_LINES: usize = 500;

/// After this many quotes that never close, no more lines are searched for the end of a
/// value: the file is refused anyway, and each search reads up to
/// [`MAX_RECORD_LINES`] lines.
const MAX_FAILED_SEARCHES: u32 = 200;

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
struct LineReader<R: Read> {
    source: BufReader<InputReader<R>>,
    decoder: LineDecoder,
    bytes: Vec<u8>,
}

impl<R: Read> LineReader<R> {
    /// Appends the next line to `text`, with one `\n` at the end. `None` at the end of the
    /// file; false if the line is longer than the maximum.
    fn read_into(&mut self, text: &mut String) -> io::Result<Option<bool>> {
        self.bytes.clear();
        let longest = MAX_LINE_LENGTH as u64 + 1;
        if self.source.by_ref().take(longest).read_until(b'\n', &mut self.bytes)? == 0 {
            return Ok(None);
        }
        if self.bytes.len() > MAX_LINE_LENGTH {
            if !self.bytes.ends_with(b"\n") {
                self.source.skip_until(b'\n')?;
            }
            return Ok(Some(false));
        }
        end_with_line_feed(&mut self.bytes);
        text.push_str(self.decoder.read(&self.bytes, self.source.buffer()));
        Ok(Some(true))
    }
}

/// Reads a file record by record.
pub(super) struct RecordReader<R: Read> {
    lines: LineReader<R>,
    /// Lines that were read in search of the end of a value; `None` for a line that is too long.
    ahead: VecDeque<Option<String>>,
    /// Number of the next line, from 1.
    next_line: u32,
    failed_searches: u32,
    /// The lines of the last record, each with one `\n` at the end.
    pub(super) text: String,
    /// The number of its first line, from 1.
    pub(super) line: u32,
}

/// Why a record cannot be split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RecordError {
    /// The line is longer than the maximum.
    TooLong,
    /// A quote opens in this field, from 0, and does not close.
    OpenQuote(usize),
    /// More than [`MAX_COLUMNS`].
    TooManyFields,
}

impl RecordError {
    /// The field at which the error is, from 0.
    pub(super) fn field(self) -> usize {
        match self {
            RecordError::OpenQuote(field) => field,
            RecordError::TooLong | RecordError::TooManyFields => 0,
        }
    }
}

impl<R: Read> RecordReader<R> {
    pub(super) fn new(source: InputReader<R>, encoding: Encoding) -> RecordReader<R> {
        let source = BufReader::with_capacity(BUFFER_LENGTH, source);
        RecordReader {
            lines: LineReader { source, decoder: LineDecoder::new(encoding), bytes: Vec::new() },
            ahead: VecDeque::new(),
            next_line: 1,
            failed_searches: 0,
            text: String::new(),
            line: 0,
        }
    }

    /// The encoding detected so far.
    pub(super) fn encoding(&self) -> Encoding {
        self.lines.decoder.encoding
    }

    /// Reads the next line into [`RecordReader::text`]. `None` at the end of the file; false if
    /// the line is longer than the maximum.
    pub(super) fn next_line(&mut self) -> io::Result<Option<bool>> {
        self.text.clear();
        self.line = self.next_line;
        self.append_line()
    }

    /// Takes the last line back: the next call returns it again.
    pub(super) fn unread(&mut self) {
        self.ahead.push_front(Some(std::mem::take(&mut self.text)));
        self.next_line = self.line;
    }

    /// The fields of the next record. Lines are joined only if the record then has a number
    /// of fields that `fits`.
    pub(super) fn next<'s>(
        &mut self,
        splitter: &'s mut Splitter,
        fits: impl Fn(usize) -> bool,
    ) -> io::Result<Option<Result<Fields<'s>, RecordError>>> {
        let Some(is_whole) = self.next_line()? else { return Ok(None) };
        if !is_whole {
            return Ok(Some(Err(RecordError::TooLong)));
        }
        Ok(Some(match splitter.split(&self.text) {
            Ok(_) => Ok(splitter.fields()),
            Err(RecordError::OpenQuote(_)) if self.join(splitter, fits)? => Ok(splitter.fields()),
            Err(error) => Err(error),
        }))
    }

    /// Appends lines until the open quote closes. If it does not, the lines are read again.
    fn join(&mut self, splitter: &mut Splitter, fits: impl Fn(usize) -> bool) -> io::Result<bool> {
        if self.failed_searches >= MAX_FAILED_SEARCHES {
            return Ok(false);
        }
        let mut ends = vec![self.text.len()];
        let mut is_whole = Some(true);
        while ends.len() < MAX_RECORD_LINES && is_whole == Some(true) {
            let start = self.text.len();
            is_whole = self.append_line()?;
            ends.push(self.text.len());
            let closes = self.text[start..].bytes().filter(|&b| b == b'"').count() % 2 == 1;
            if closes && splitter.split(&self.text).is_ok_and(&fits) {
                return Ok(true);
            }
        }
        self.failed_searches += 1;
        for (start, end) in ends.iter().zip(&ends[1..]).rev() {
            match is_whole.take() {
                // the end of the file
                None if *start == *end => continue,
                Some(false) => self.ahead.push_front(None),
                _ => self.ahead.push_front(Some(self.text[*start..*end].to_owned())),
            }
        }
        self.text.truncate(ends[0]);
        self.next_line = self.line + 1;
        Ok(false)
    }

    fn append_line(&mut self) -> io::Result<Option<bool>> {
        let is_whole = match self.ahead.pop_front() {
            Some(Some(line)) => {
                self.text.push_str(&line);
                Some(true)
            }
            Some(None) => Some(false),
            None => self.lines.read_into(&mut self.text)?,
        };
        self.next_line += u32::from(is_whole.is_some());
        Ok(is_whole)
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

/// Splits records into fields, with spreadsheet quoting rules.
pub(super) struct Splitter {
    core: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Lengths of `text` and `ends` that the last record uses.
    written: usize,
    count: usize,
}

/// The fields of one record.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    text: &'a str,
    ends: &'a [usize],
}

impl Splitter {
    pub(super) fn new(separator: Separator) -> Splitter {
        Splitter {
            core: core(separator),
            text: Vec::new(),
            ends: vec![0; MAX_COLUMNS + 1],
            written: 0,
            count: 0,
        }
    }

    /// Splits a record that ends with `\n`; returns the number of fields.
    pub(super) fn split(&mut self, record: &str) -> Result<usize, RecordError> {
        self.core.reset();
        self.text.resize(self.text.len().max(record.len()), 0);
        let (result, _, written, fields) =
            self.core.read_record(record.as_bytes(), &mut self.text, &mut self.ends);
        (self.written, self.count) = (written, fields);
        match result {
            ReadRecordResult::Record => Ok(fields),
            ReadRecordResult::InputEmpty | ReadRecordResult::End | ReadRecordResult::OutputFull => {
                Err(RecordError::OpenQuote(fields))
            }
            ReadRecordResult::OutputEndsFull => Err(RecordError::TooManyFields),
        }
    }

    /// The fields of the last record; of one that could not be split, those before the error.
    pub(super) fn fields(&self) -> Fields<'_> {
        let text = std::str::from_utf8(&self.text[..self.written]);
        let text = text.expect("only ASCII quotes and separators were taken out");
        Fields { text, ends: &self.ends[..self.count] }
    }
}

/// The place at which a field (from 0) of a record starts: the number of lines before it,
/// and the column in characters from 1.
pub(super) fn place(separator: Separator, record: &str, field: usize) -> (u32, u32) {
    let mut core = core(separator);
    let (mut rest, mut scratch) = (record.as_bytes(), vec![0; record.len() + 1]);
    for _ in 0..field {
        let (result, used, _) = core.read_field(rest, &mut scratch);
        rest = &rest[used..];
        if !matches!(result, ReadFieldResult::Field { record_end: false }) {
            break;
        }
    }
    let before = &record[..record.len() - rest.len()];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let lines = before.bytes().filter(|&b| b == b'\n').count();
    (lines as u32, before[line_start..].chars().count() as u32 + 1)
}

fn core(separator: Separator) -> csv_core::Reader {
    // by default a carriage return ends a record too
    let line_feed = csv_core::Terminator::Any(b'\n');
    csv_core::ReaderBuilder::new().delimiter(separator.byte()).terminator(line_feed).build()
}

impl<'a> Fields<'a> {
    pub(super) fn len(self) -> usize {
        self.ends.len()
    }

    /// The field at an index, trimmed. A record may lack its empty last fields.
    pub(super) fn get(self, field: usize) -> &'a str {
        if field >= self.ends.len() {
            return "";
        }
        let start = if field == 0 { 0 } else { self.ends[field - 1] };
        let field = &self.text[start..self.ends[field]];
        // most fields have no surrounding blanks and need no decoding
        match field.as_bytes() {
            [b'!'..=b'~', .., b'!'..=b'~'] | [b'!'..=b'~'] | [] => field,
            _ => field.trim(),
        }
    }

    /// Returns true if no field has a value, as in rows that spreadsheets leave below a table.
    pub(super) fn is_blank(self) -> bool {
        self.text.trim().is_empty()
    }

    /// All fields.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).map(move |field| self.get(field))
    }
}
