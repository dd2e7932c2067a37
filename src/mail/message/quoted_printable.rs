//! Quoted-printable (RFC 2045, 6.7): a text as lines of at most 76 characters
//! of ASCII. Byte for byte what the mail package makes, which goes over a text
//! five times and moves the rest of it at every line end. `mime` calls it for
//! each part.

use memchr::memchr_iter;

/// So long is a line, with the `=` of a soft line break.
const LINE: usize = 76;

/// A text with LF line ends as it stands in a mail, with CRLF line ends. It
/// ends as the text ends: without a line end of its own.
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

/// One line of the text: runs of plain characters, and coded ones between
/// them. What is not the last of it leaves room for a soft line break.
fn encode_line(line: &[u8], encoded: &mut Vec<u8>) {
    // A blank at the end would be lost on the way (rule 3).
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

/// How many bytes at the beginning stand for themselves. Eight are looked at
/// at once: what is `=`, below the blank, or not ASCII sets its highest bit,
/// which is right for the first of them that does.
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
            // A tab is below the blank.
            if !is_plain(bytes[at]) {
                return at;
            }
            at += 1;
        }
    }
    at + bytes[at..].iter().take_while(|&&b| is_plain(b)).count()
}

/// Stands for itself (rules 2 and 3).
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

    /// As the mail package does it.
    fn by_the_package(text: &str) -> String {
        let body = Body::new_with_encoding(text.to_owned(), QuotedPrintable).expect("a body");
        String::from_utf8(body.into_vec()).expect("ASCII")
    }

    #[test]
    fn e20_what_is_not_plain_is_coded() {
        assert_eq!(encoded(""), "");
        assert_eq!(encoded("a=b\n\nÅ~\t!\n"), "a=3Db\r\n\r\n=C3=85~\t!\r\n");
        assert_eq!(encoded("blank \nand tab\t\n "), "blank=20\r\nand tab=09\r\n=20");
    }

    #[test]
    fn e20_a_line_is_full_and_not_longer() {
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
        fn e20_lines_are_short_and_the_text_comes_back(text in "([a-z]{0,40}|[ =\t\nåß€😀]{1,4}){0,40}") {
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
        fn a_run_is_as_long_as_byte_by_byte(bytes in proptest::collection::vec(prop_oneof![8 => b' '..=b'~', 1 => any::<u8>()], 0..80)) {
            prop_assert_eq!(plain_run(&bytes), bytes.iter().take_while(|b| is_plain(**b)).count());
        }

        #[test]
        fn e20_any_text_is_as_the_package_has_it(text in "[^\r]{0,400}") {
            prop_assert_eq!(encoded(&text), by_the_package(&text));
        }
    }
}
