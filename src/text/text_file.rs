//! The text of a file: maps byte offsets to lines and columns.

use std::sync::Arc;

use crate::domain::diagnostic::Location;

/// A text with LF line ends and without a byte order mark.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// The path as the user would type it.
    pub(crate) file: String,
    pub(crate) text: Arc<str>,
    line_starts: Vec<usize>,
}

impl TextFile {
    pub(crate) fn new(file: &str, text: &str) -> TextFile {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        TextFile { file: file.to_owned(), text: text.into(), line_starts }
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        self.line_starts.partition_point(|start| *start <= offset) as u32
    }

    /// The location of a byte offset.
    pub(crate) fn place(&self, offset: usize) -> Location {
        let line = self.line(offset);
        let start = self.line_starts[line as usize - 1];
        Location::of_offset(&self.file, &self.text[start..], offset - start, line)
    }

    /// The lines from an offset on, each with its byte offset.
    pub(crate) fn lines_from(&self, offset: usize) -> impl Iterator<Item = (usize, &str)> {
        let mut start = offset;
        self.text[offset..].split_inclusive('\n').map(move |line| {
            let offset = start;
            start += line.len();
            (offset, line.trim_end_matches('\n'))
        })
    }
}
