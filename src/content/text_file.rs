//! One text file: decodes its bytes and maps byte offsets to lines and columns.

use std::sync::Arc;

use crate::domain::diagnostic::{Diagnostic, Location};

/// A decoded text with LF line ends and without a byte order mark.
#[derive(Debug)]
pub(super) struct TextFile {
    /// The path as the user would type it.
    pub(super) file: String,
    pub(super) text: Arc<str>,
    line_starts: Vec<usize>,
}

/// Maximum number of diagnostics of one kind for one file.
const MAX_PER_KIND: usize = 5;

impl TextFile {
    /// Decodes the bytes of a file.
    ///
    /// # Errors
    ///
    /// The file has another encoding, control characters, or unresolved merge
    /// conflict markers.
    pub(super) fn read(file: &str, bytes: Vec<u8>) -> Result<TextFile, Vec<Diagnostic>> {
        let text = decode(file, bytes).map_err(|fault| vec![fault])?;
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        let source = TextFile { file: file.to_owned(), text: text.into(), line_starts };
        let faults = [source.control_characters(), source.merge_markers()].concat();
        if faults.is_empty() { Ok(source) } else { Err(faults) }
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> u32 {
        self.line_starts.partition_point(|start| *start <= offset) as u32
    }

    /// The location of a byte offset.
    pub(super) fn place(&self, offset: usize) -> Location {
        let line = self.line(offset);
        let start = self.line_starts[line as usize - 1];
        Location::of_offset(&self.file, &self.text[start..], offset - start, line)
    }

    /// The lines from an offset on, each with its byte offset.
    pub(super) fn lines_from(&self, offset: usize) -> impl Iterator<Item = (usize, &str)> {
        let mut start = offset;
        self.text[offset..].split_inclusive('\n').map(move |line| {
            let offset = start;
            start += line.len();
            (offset, line.trim_end_matches('\n'))
        })
    }

    fn control_characters(&self) -> Vec<Diagnostic> {
        let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        let found = self.text.char_indices().filter(|(_, c)| steers(*c)).take(MAX_PER_KIND);
        let fault = |(offset, c): (usize, char)| {
            let message = format!("control character {} in the text", c.escape_unicode());
            Diagnostic::error("control-character", self.place(offset), message)
                .hint("delete it; text pasted from other programs often brings some along")
        };
        found.map(fault).collect()
    }

    /// Reports conflict markers left by `git merge`. `=======` alone underlines a
    /// heading in Markdown, so it counts only together with the others.
    fn merge_markers(&self) -> Vec<Diagnostic> {
        let mut separated = false;
        let mut marker = |line: &str| {
            let opens = line.starts_with("<<<<<<<") && !line.starts_with("<<<<<<<<");
            let closes = separated && line.starts_with(">>>>>>>") && !line.starts_with(">>>>>>>>");
            separated |= line == "=======";
            opens || closes
        };
        let found = self.lines_from(0).filter(|(_, line)| marker(line)).take(MAX_PER_KIND);
        let fault = |(offset, line): (usize, &str)| {
            let message = format!("merge conflict marker `{}`: two versions stand here", &line[..7]);
            Diagnostic::error("merge-conflict", self.place(offset), message)
                .hint("choose one version, delete the marker lines and finish the merge")
        };
        found.map(fault).collect()
    }
}

/// Decodes UTF-8, strips the byte order mark and normalises line ends to LF.
fn decode(file: &str, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    const HINT: &str = "save the file as UTF-8";
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let fault = Diagnostic::error("not-utf-8", Location::at(file, 1, 1), "the file is UTF-16, not UTF-8");
        return Err(fault.hint(HINT));
    }
    let text = String::from_utf8(bytes).map_err(|wrong| {
        let valid = wrong.utf8_error().valid_up_to();
        let (before, after) = wrong.as_bytes().split_at(valid);
        let place = Location::of_offset(file, &String::from_utf8_lossy(before), valid, 1);
        let byte = after.first().copied().unwrap_or_default();
        let meant = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.into_owned();
        let message = format!(
            "byte 0x{byte:02x} is not UTF-8; in Windows-1252 it would be `{meant}` (byte {} of the file)",
            valid + 1
        );
        Diagnostic::error("not-utf-8", place, message).hint(HINT)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(bytes: &[u8]) -> String {
        match TextFile::read("f.md", bytes.to_vec()) {
            Ok(source) => format!("{:?}", source.text),
            Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
        }
    }

    #[test]
    fn a_byte_order_mark_and_carriage_returns_are_no_part_of_the_text() {
        assert_eq!(faults("\u{feff}å\r\nb\n".as_bytes()), "\"å\\nb\\n\"");
    }

    #[test]
    fn another_encoding_is_named_with_its_byte_and_line() {
        expect_test::expect![[r#"
            f.md:2:3: error: byte 0xe5 is not UTF-8; in Windows-1252 it would be `å` (byte 9 of the file)
              hint: save the file as UTF-8
        "#]]
        .assert_eq(&faults(b"rad 1\ntv\xe5\n"));
    }

    #[test]
    fn utf_16_is_named() {
        assert!(faults(b"\xff\xfeh\0e\0j\0").contains("the file is UTF-16"));
    }

    #[test]
    fn merge_markers_are_reported_but_not_headings() {
        assert!(faults(b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n").starts_with("f.md:2:1: error: merge"));
        assert_eq!(faults(b"Heading\n=======\ntext\n"), "\"Heading\\n=======\\ntext\\n\"");
    }

    #[test]
    fn control_characters_are_reported() {
        assert!(faults(b"a\nb\x0bc").starts_with("f.md:2:2: error: control character \\u{b}"));
    }
}
