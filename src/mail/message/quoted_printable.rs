//! Quoted-printable encoding (RFC 2045, 6.7) with lines of at most 76 characters.
//! Byte for byte what lettre produces; lettre passes over the text five times and moves
//! the rest at every line end, which was a quarter of the time of a mailing.

use memchr::memchr_iter;

/// Line length, including the `=` of a soft line break.
const LINE: usize = 76;

/// Encodes a text with LF line ends; the result has CRLF line ends, and a final line
/// end only if the text has one.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len() + text.len() / 4);
    let mut start = 0;
    for end in memchr_iter(b'\n', text.as_bytes()) {
        encode_line(&text.as_bytes()[start..end], &mut encoded);
        encoded.extend(b"\r\n");
        start = end + 1;
    }
    encode_line(&text.as_bytes()[start..], &mut encoded);
    encoded
}

/// Encodes one line as runs of plain and encoded characters. All but the last piece
/// leave room for a soft line break.
fn encode_line(line: &[u8], encoded: &mut Vec<u8>) {
    // Trailing whitespace would be lost in transport (rule 3).
    let blank = usize::from(line.ends_with(b" ") || line.ends_with(b"\t"));
    let (mut rest, mut room) = (line, LINE);
    while let Some((first, after)) = rest.split_first() {
        let within = &rest[..room.min(rest.len() - blank)];
        let plain = plain_run(within);
        if plain == rest.len() {
            encoded.extend(rest);
            return;
        }
        let (taken, left) = rest.split_at(plain.min(room - 1));
        let fits = if plain == 0 { room >= 3 + usize::from(!after.is_empty()) } else { taken.len() == plain };
        encoded.extend(taken);
        (rest, room) = (left, room - taken.len());
        if !fits {
            encoded.extend(b"=\r\n");
            room = LINE;
        }
        if plain == 0 {
            encoded.extend([b'=', hex(first >> 4), hex(first & 15)]);
            (rest, room) = (after, room - 3);
        }
    }
}

/// Number of leading bytes that need no encoding. Tests eight at once: `=`, control
/// characters and non-ASCII bytes set their highest bit; the lowest set bit is exact.
fn plain_run(bytes: &[u8]) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk() {
        let eight = u64::from_le_bytes(*eight);
        let equals = eight ^ (EACH * u64::from(b'='));
        let equals = equals.wrapping_sub(EACH) & !equals;
        let below = eight.wrapping_sub(EACH * u64::from(b' ')) & !eight;
        let beyond = eight | eight.wrapping_add(EACH);
        let suspects = (equals | below | beyond) & (EACH << 7);
        at += suspects.trailing_zeros() as usize / 8;
        if suspects != 0 {
            // A tab is a control character that needs no encoding.
            if !is_plain(bytes[at]) {
                return at;
            }
            at += 1;
        }
    }
    at + bytes[at..].iter().take_while(|&&b| is_plain(b)).count()
}

/// Needs no encoding (rules 2 and 3).
fn is_plain(b: u8) -> bool {
    matches!(b, b'\t' | b' '..=b'<' | b'>'..=b'~')
}

fn hex(half: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(half)]
}

#[cfg(test)]
mod tests {
    use lettre::message::Body;
    use lettre::message::header::ContentTransferEncoding::QuotedPrintable;
    use mail_parser::decoders::quoted_printable::quoted_printable_decode;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn encoded(text: &str) -> String {
        String::from_utf8(encode(text)).expect("ASCII")
    }

    /// The encoding by the mail package.
    fn by_the_package(text: &str) -> String {
        let body = Body::new_with_encoding(text.to_owned(), QuotedPrintable).expect("a body");
        String::from_utf8(body.into_vec()).expect("ASCII")
    }

    #[test]
    fn bytes_that_are_not_plain_are_encoded() {
        assert_eq!(encoded(""), "");
        assert_eq!(encoded("a=b\n\nÅ~\t!\n"), "a=3Db\r\n\r\n=C3=85~\t!\r\n");
        assert_eq!(encoded("blank \nand tab\t\n "), "blank=20\r\nand tab=09\r\n=20");
    }

    #[test]
    fn lines_are_filled_up_to_the_limit() {
        let a = |count| "a".repeat(count);
        assert_eq!(encoded(&a(76)), a(76));
        assert_eq!(encoded(&a(77)), format!("{}=\r\naa", a(75)));
        assert_eq!(encoded(&format!("{}=", a(73))), format!("{}=3D", a(73)));
        assert_eq!(encoded(&format!("{}=a", a(73))), format!("{}=\r\n=3Da", a(73)));
        assert_eq!(encoded(&format!("{} ", a(75))), format!("{}=\r\n=20", a(75)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn lines_are_short_and_the_text_decodes(text in "([a-z]{0,40}|[ =\t\nåß€😀]{1,4}){0,40}") {
            let encoded = encoded(&text);
            prop_assert_eq!(&encoded, &by_the_package(&text));
            for line in encoded.split("\r\n") {
                prop_assert!(line.len() <= LINE && !line.ends_with([' ', '\t']), "{:?}", line);
                prop_assert!(line.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')), "{:?}", line);
            }
            let decoded = quoted_printable_decode(encoded.as_bytes()).expect("decodes");
            prop_assert_eq!(String::from_utf8(decoded).expect("UTF-8").replace("\r\n", "\n"), text);
        }

        #[test]
        fn plain_runs_match_a_byte_by_byte_scan(bytes in proptest::collection::vec(prop_oneof![8 => b' '..=b'~', 1 => any::<u8>()], 0..80)) {
            prop_assert_eq!(plain_run(&bytes), bytes.iter().take_while(|b| is_plain(**b)).count());
        }

        #[test]
        fn any_text_encodes_as_the_mail_package_does(text in "[^\r]{0,400}") {
            prop_assert_eq!(encoded(&text), by_the_package(&text));
        }
    }
}
