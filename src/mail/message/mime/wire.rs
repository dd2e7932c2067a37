//! The bytes of a finished message: long header lines are folded, and what a relay may
//! reject or damage is refused.

use memchr::memchr_iter;

use super::MimeError;

/// Preferred line length, without the line end (RFC 5322, 2.1.1).
const PREFERRED_LINE: usize = 78;
/// Maximum line length, without the line end (RFC 5321, 4.5.3.1.6).
pub(super) const MAX_LINE: usize = 998;

/// Folds header lines before an address that would make them longer than 78 octets:
/// the package does not, after a name that it had to encode.
pub(super) fn fold_addresses(bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_default();
    let (header, rest) = bytes.split_at(end);
    let too_long = |line: &&[u8]| line.len() > PREFERRED_LINE + 1 && fold_at(line).is_some();
    if !header.split(|&b| b == b'\n').any(|line| too_long(&line)) {
        return bytes;
    }
    let mut folded = Vec::with_capacity(bytes.len() + 16);
    for line in header.split_inclusive(|&b| b == b'\n') {
        match fold_at(line).filter(|_| line.len() > PREFERRED_LINE + 2) {
            Some(at) => folded.extend([&line[..at], b"\r\n", &line[at..]].concat()),
            None => folded.extend(line),
        }
    }
    folded.extend(rest);
    folded
}

/// The position of an address's ` <`, if something precedes it.
fn fold_at(line: &[u8]) -> Option<usize> {
    let at = line.windows(2).rposition(|two| two == b" <")?;
    let before = &line[..at];
    (!before.ends_with(b":") && before.iter().any(|b| *b != b' ')).then_some(at)
}

/// Checks for everything a relay may reject or damage.
pub(super) fn check(bytes: &[u8]) -> Result<(), MimeError> {
    let wire = |b: u8| matches!(b, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    if !bytes.iter().fold(true, |fine, &b| fine & wire(b)) {
        return Err(MimeError::Control { part: "finished mail" });
    }
    let (mut start, mut lines, mut ended) = (0, 0, true);
    for end in memchr_iter(b'\n', bytes) {
        ended &= bytes[start..end].ends_with(b"\r");
        if end - start > MAX_LINE + 1 {
            return Err(MimeError::Malformed { part: "length of a line" });
        }
        (start, lines) = (end + 1, lines + 1);
    }
    // Every `\n` follows a `\r`, and there are no other `\r`.
    if ended && start == bytes.len() && memchr_iter(b'\r', bytes).count() == lines {
        Ok(())
    } else {
        Err(MimeError::Malformed { part: "line end" })
    }
}
