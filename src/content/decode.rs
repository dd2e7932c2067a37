//! Decodes the bytes of a text file, and reports what is no text.

use crate::domain::diagnostic::{Diagnostic, Location};
use crate::text::text_file::TextFile;

/// Maximum number of diagnostics of one kind for one file.
const MAX_PER_KIND: usize = 5;

/// Decodes the bytes of a file: LF line ends, no byte order mark.
///
/// # Errors
///
/// The file has another encoding, control characters, or unresolved merge
/// conflict markers.
pub(super) fn read(file: &str, bytes: Vec<u8>) -> Result<TextFile, Vec<Diagnostic>> {
    let text = decode(file, bytes).map_err(|fault| vec![fault])?;
    let source = TextFile::new(file, &text);
    let faults = [control_characters(&source), merge_markers(&source)].concat();
    if faults.is_empty() { Ok(source) } else { Err(faults) }
}

fn control_characters(source: &TextFile) -> Vec<Diagnostic> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let found = source.text.char_indices().filter(|(_, c)| steers(*c)).take(MAX_PER_KIND);
    let fault = |(offset, c): (usize, char)| {
        let message = format!("control character {} in the text", c.escape_unicode());
        Diagnostic::error("control-character", source.place(offset), message)
            .hint("delete it; text pasted from other programs often brings some along")
    };
    found.map(fault).collect()
}

/// Reports conflict markers left by `git merge`. `=======` alone underlines a
/// heading in Markdown, so it counts only together with the others.
fn merge_markers(source: &TextFile) -> Vec<Diagnostic> {
    let mut separated = false;
    let mut marker = |line: &str| {
        let opens = line.starts_with("<<<<<<<") && !line.starts_with("<<<<<<<<");
        let closes = separated && line.starts_with(">>>>>>>") && !line.starts_with(">>>>>>>>");
        separated |= line == "=======";
        opens || closes
    };
    let found = source.lines_from(0).filter(|(_, line)| marker(line)).take(MAX_PER_KIND);
    let fault = |(offset, line): (usize, &str)| {
        let message = format!("merge conflict marker `{}`: two versions are here", &line[..7]);
        Diagnostic::error("merge-conflict", source.place(offset), message)
            .hint("choose one version, delete the marker lines and finish the merge")
    };
    found.map(fault).collect()
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
        match read("f.md", bytes.to_vec()) {
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
