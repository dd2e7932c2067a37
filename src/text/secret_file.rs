//! Small files that people write with an editor: passwords, tokens and keys. All are read by
//! one rule: UTF-8, a byte order mark and the line end after the last line do not count.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Larger files hold no secret.
const LARGEST: u64 = 100_000;

/// Reads a file that holds one line, a password or a token.
///
/// # Errors
///
/// Where it cannot be read, or does not hold one line of UTF-8.
pub(crate) fn read_line(file: &Path) -> io::Result<String> {
    line(&bytes(file)?).map_err(invalid)
}

/// Reads a file of several lines, a key.
///
/// # Errors
///
/// Where it cannot be read, or is not UTF-8.
pub(crate) fn read_text(file: &Path) -> io::Result<String> {
    text(&bytes(file)?).map(str::to_owned).map_err(invalid)
}

fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(invalid("it is larger than 100 kB"));
    }
    Ok(bytes)
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The line of a file. Blanks belong to it: a password may end with one.
fn line(bytes: &[u8]) -> Result<String, &'static str> {
    let line = text(bytes)?.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err("it is empty");
    }
    if line.contains(['\r', '\n']) {
        return Err("it has more than one line; write the secret alone in one line");
    }
    Ok(line.to_owned())
}

fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    // Notepad calls it `Unicode`; without its mark every second byte of ASCII is zero.
    let is_utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0);
    if is_utf16 {
        return Err("it is UTF-16, not UTF-8; save it as UTF-8");
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8; save it as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_meant() {
        let utf16 = |text: &str, mark: &[u8]| -> Vec<u8> {
            mark.iter().copied().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
        };
        let (marked, unmarked) = (utf16("hemligt\r\n", b"\xff\xfe"), utf16("hemligt", b""));
        for (bytes, expected) in [
            (&b"hemligt"[..], Ok("hemligt")),
            (b"hemligt\n", Ok("hemligt")),
            (b"hemligt\r\n", Ok("hemligt")),
            (b"hemligt\r\n\r\n", Ok("hemligt")),
            (b"\xef\xbb\xbfhemligt\r\n", Ok("hemligt")),
            (b" heml igt \n", Ok(" heml igt ")),
            ("lösen\n".as_bytes(), Ok("lösen")),
            (b"", Err("it is empty")),
            (b"\xef\xbb\xbf\r\n", Err("it is empty")),
            (b"hem\nligt\n", Err("it has more than one line; write the secret alone in one line")),
            (b"hem\rligt", Err("it has more than one line; write the secret alone in one line")),
            (b"\nhemligt", Err("it has more than one line; write the secret alone in one line")),
            (&marked, Err("it is UTF-16, not UTF-8; save it as UTF-8")),
            (&unmarked, Err("it is UTF-16, not UTF-8; save it as UTF-8")),
            (b"\xfe\xff\0h", Err("it is UTF-16, not UTF-8; save it as UTF-8")),
            (b"l\xf6sen\n", Err("it is not UTF-8; save it as UTF-8")),
        ] {
            assert_eq!(line(bytes).as_deref().map_err(|why| *why), expected, "{bytes:?}");
        }
        assert_eq!(text(b"\xef\xbb\xbf-----BEGIN\r\nabc\r\n"), Ok("-----BEGIN\r\nabc\r\n"));
    }

    #[test]
    fn a_file_that_is_no_secret_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("large");
        std::fs::write(&file, vec![b'a'; 200_000]).expect("written");
        assert_eq!(read_line(&file).expect_err("too large").to_string(), "it is larger than 100 kB");
        let missing = read_text(&folder.path().join("missing")).expect_err("there is none");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
