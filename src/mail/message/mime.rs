//! A mail as bytes. Everything is checked before the mail package sees it,
//! because it panics on a line break in a name (delivery.md, D3), and the
//! bytes are checked before anybody else does.

use std::borrow::Cow;

use chrono::FixedOffset;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox as LettreMailbox, MessageBuilder, MultiPart, SinglePart};
use lettre::{Address, Message};
use memchr::{memchr_iter, memmem};

use super::quoted_printable;
use crate::domain::model::email::{Email, Inline, Mailbox, has_control};

/// A longer name is cut: it is there to be friendly.
const LONGEST_NAME: usize = 100;
/// What people and old programs like in a line, without its end.
const FOLDED: usize = 78;
/// What a relay takes in a line, without its end.
const LONGEST_LINE: usize = 998;

/// What all pictures of a mail may be.
const LARGEST_PICTURES: usize = 100_000;

/// In every mail: nobody's out-of-office reply, and no receipts.
const ALWAYS: [(&str, &str); 2] =
    [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "OOF, AutoReply, DR, RN, NRN")];

/// Headers that are made here, or that no mail of ours has (E16).
const NEVER_GIVEN: [&str; 22] = [
    "from",
    "sender",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "auto-submitted",
    "x-auto-response-suppress",
    "disposition-notification-to",
    "return-receipt-to",
    "x-confirm-reading-to",
    "x-priority",
    "priority",
    "importance",
];

/// Why a mail cannot be bytes. One line, without an address or a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MimeFault {
    /// An address no relay would take.
    #[error("the {header} address is not one a relay takes: {why}")]
    Address {
        /// `From`, `To` or `Reply-To`.
        header: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A control character where none may be.
    #[error("the {part} holds a control character")]
    Control {
        /// Which part.
        part: &'static str,
    },
    /// A value that is made by the program and is not well made.
    #[error("the {part} is not well formed")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// More pictures than a mail carries.
    #[error("the pictures have {kilobytes} kB, and at most 100 kB are carried")]
    Pictures {
        /// Their size.
        kilobytes: usize,
    },
    /// A header that cannot be given.
    #[error("the header `{name}` cannot be given")]
    Header {
        /// Its name.
        name: String,
    },
    /// The mail package refused it.
    #[error("the mail cannot be put together: {why}")]
    Package {
        /// What it says.
        why: String,
    },
}

/// The mail as it goes over the wire: CRLF line ends, ASCII only, no line
/// longer than a relay takes; the same mail gives the same bytes.
pub fn bytes(email: &Email) -> Result<Vec<u8>, MimeFault> {
    let from = mailbox("From", &email.from)?;
    let to = mailbox("To", &email.to)?;
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.email.clone()]).map_err(package)?;
    // Given, because the package would read it back from the headers, and
    // cannot read every name it writes.
    let mut builder = Message::builder().envelope(envelope).from(from).to(to);
    if let Some(reply_to) = &email.reply_to {
        builder = builder.reply_to(mailbox("Reply-To", reply_to)?);
    }
    let builder = with_headers(builder.subject(subject(&email.subject)?), email)?;
    let text = part(ContentType::TEXT_PLAIN, &body("text part", &email.text)?);
    let html = part(ContentType::TEXT_HTML, &body("HTML part", &email.html)?);
    let boundary = boundary(email)?;
    let alternatives = MultiPart::alternative().boundary(boundary).singlepart(text);
    let parts = if email.pictures.is_empty() {
        alternatives.singlepart(html)
    } else {
        // The page and what it shows are one alternative to the text.
        let page = MultiPart::related().boundary(format!("{boundary}-page")).singlepart(html);
        alternatives.multipart(with_pictures(page, &email.pictures)?)
    };
    let mut message = builder.multipart(parts).map_err(package)?;
    // The package writes every date in UTC; people read when it was there.
    message.headers_mut().insert_raw(date(email)?);
    let bytes = fold_addresses(message.formatted());
    check(&bytes)?;
    Ok(bytes)
}

fn package(error: impl std::fmt::Display) -> MimeFault {
    MimeFault::Package { why: error.to_string() }
}

fn mailbox(header: &'static str, mailbox: &Mailbox) -> Result<LettreMailbox, MimeFault> {
    let fault = |why| MimeFault::Address { header, why };
    check_address(&mailbox.address).map_err(fault)?;
    let address: Address = mailbox.address.parse().map_err(|_| fault("it is not `name@domain`"))?;
    let name = friendly_name(&mailbox.name);
    Ok(LettreMailbox::new(Some(name).filter(|name| !name.is_empty()), address))
}

/// ASCII, one `@`, a domain of at least two labels, within the lengths of
/// RFC 5321; no quotes, comments or literals.
fn check_address(address: &str) -> Result<(), &'static str> {
    let Some((local, domain)) = address.rsplit_once('@') else { return Err("it has no `@`") };
    let local_ok = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let label_ok = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    if address.len() > 254 || local.len() > 64 {
        Err("it is too long")
    } else if local.is_empty() || !local.bytes().all(local_ok) || local.split('.').any(str::is_empty) {
        Err("the part before `@` is not plain")
    } else if !domain.contains('.') || !domain.split('.').all(label_ok) {
        Err("the part after `@` is no domain")
    } else {
        Ok(())
    }
}

/// A display name without anything that could end a header: control and
/// direction characters and line breaks are blanks.
fn friendly_name(name: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let words = name.split(|c: char| c.is_whitespace() || steers(c)).filter(|word| !word.is_empty());
    let one_line = words.collect::<Vec<_>>().join(" ");
    let cut: String = one_line.chars().take(LONGEST_NAME).collect();
    cut.trim_end().to_owned()
}

fn subject(subject: &str) -> Result<&str, MimeFault> {
    if subject.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(MimeFault::Control { part: "subject" });
    }
    // Decoded as a code by whoever reads it (delivery.md, 2.8).
    if subject.contains("=?") || subject.trim().is_empty() || subject.chars().count() > 200 {
        return Err(MimeFault::Malformed { part: "subject" });
    }
    Ok(subject)
}

fn with_headers(mut builder: MessageBuilder, email: &Email) -> Result<MessageBuilder, MimeFault> {
    check_id(&email.message_id, "Message-ID")?;
    builder = builder.date(std::time::SystemTime::UNIX_EPOCH).message_id(Some(email.message_id.clone()));
    if let Some(first) = &email.in_reply_to {
        check_id(first, "In-Reply-To")?;
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    for (name, value) in ALWAYS {
        builder = builder.raw_header(header(name, value)?);
    }
    for (name, value) in &email.headers {
        if NEVER_GIVEN.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(MimeFault::Header { name: name.chars().take(40).collect() });
        }
        builder = builder.raw_header(header(name, value)?);
    }
    Ok(builder)
}

/// `<…@…>`, and nothing a header could end with.
fn check_id(id: &str, part: &'static str) -> Result<(), MimeFault> {
    let inside = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or_default();
    let id_ok = |b: u8| b.is_ascii_alphanumeric() || b".@-_+=".contains(&b);
    let halves = inside.split('@').filter(|half| !half.is_empty()).count();
    if inside.len() > 200 || !inside.bytes().all(id_ok) || halves != 2 {
        return Err(MimeFault::Malformed { part });
    }
    Ok(())
}

fn header(name: &str, value: &str) -> Result<HeaderValue, MimeFault> {
    let fault = || MimeFault::Header { name: name.chars().take(40).collect() };
    // The package folds at blanks and nowhere else.
    let too_long = value.split(' ').any(|word| word.len() > LONGEST_LINE - 100);
    if too_long || value.is_empty() || value.chars().any(char::is_control) || value.trim() != value {
        return Err(fault());
    }
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| fault())?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

fn boundary(email: &Email) -> Result<&str, MimeFault> {
    let boundary = email.boundary.as_str();
    let plain = boundary.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let looked_for = memmem::Finder::new(boundary);
    let inside = [&email.text, &email.html].iter().any(|part| looked_for.find(part.as_bytes()).is_some());
    if boundary.len() < 16 || boundary.len() > 65 || !plain || inside {
        return Err(MimeFault::Malformed { part: "boundary" });
    }
    Ok(boundary)
}

fn body<'t>(part: &'static str, text: &'t str) -> Result<Cow<'t, str>, MimeFault> {
    let text = if text.contains('\r') { text.replace("\r\n", "\n").into() } else { Cow::Borrowed(text) };
    if has_control(&text) { Err(MimeFault::Control { part }) } else { Ok(text) }
}

fn part(content_type: ContentType, body: &str) -> SinglePart {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    let body = Body::dangerous_pre_encoded(quoted_printable::encode(body), encoding);
    SinglePart::builder().header(content_type).header(encoding).body(body)
}

/// F99: what is too large for a mail is refused before it is one; here it is
/// the last line of defence.
fn with_pictures(mut page: MultiPart, pictures: &[Inline]) -> Result<MultiPart, MimeFault> {
    let total: usize = pictures.iter().map(|inline| inline.picture.bytes.len()).sum();
    if total > LARGEST_PICTURES {
        return Err(MimeFault::Pictures { kilobytes: total.div_ceil(1_000) });
    }
    for Inline { id, picture } in pictures {
        let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b".@-_".contains(&b));
        if !plain || id.len() > 100 {
            return Err(MimeFault::Malformed { part: "name of a picture" });
        }
        let media = ContentType::parse(picture.media.as_str()).map_err(package)?;
        // Said outright: the package would take some pictures for text.
        let body = Body::new_with_encoding(picture.bytes.to_vec(), ContentTransferEncoding::Base64);
        let body = body.map_err(|_| MimeFault::Malformed { part: "picture" })?;
        page = page.singlepart(Attachment::new_inline(id.clone()).body(body, media));
    }
    Ok(page)
}

fn date(email: &Email) -> Result<HeaderValue, MimeFault> {
    let fault = || MimeFault::Malformed { part: "Date" };
    let offset = FixedOffset::east_opt(email.offset_seconds).filter(|o| o.local_minus_utc() % 60 == 0);
    let civil = email.date.with_timezone(&offset.ok_or_else(fault)?);
    let value = civil.format("%a, %d %b %Y %H:%M:%S %z").to_string();
    let name = HeaderName::new_from_ascii_str("Date");
    Ok(HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value))
}

/// Lines of the header are folded before an address that would make them
/// longer than 78 octets: the package does not do it after a name it had to
/// encode (E18).
fn fold_addresses(bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_default();
    let (header, rest) = bytes.split_at(end);
    let too_long = |line: &&[u8]| line.len() > FOLDED + 1 && fold_at(line).is_some();
    if !header.split(|&b| b == b'\n').any(|line| too_long(&line)) {
        return bytes;
    }
    let mut folded = Vec::with_capacity(bytes.len() + 16);
    for line in header.split_inclusive(|&b| b == b'\n') {
        match fold_at(line).filter(|_| line.len() > FOLDED + 2) {
            Some(at) => folded.extend([&line[..at], b"\r\n", &line[at..]].concat()),
            None => folded.extend(line),
        }
    }
    folded.extend(rest);
    folded
}

/// Where ` <` of an address stands, if something stands before it.
fn fold_at(line: &[u8]) -> Option<usize> {
    let at = line.windows(2).rposition(|two| two == b" <")?;
    let before = &line[..at];
    (!before.ends_with(b":") && before.iter().any(|b| *b != b' ')).then_some(at)
}

/// What a relay may refuse or mangle is found here, not there (E18, E20, E21).
fn check(bytes: &[u8]) -> Result<(), MimeFault> {
    let wire = |b: u8| matches!(b, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    if !bytes.iter().fold(true, |fine, &b| fine & wire(b)) {
        return Err(MimeFault::Control { part: "finished mail" });
    }
    let (mut start, mut lines, mut ended) = (0, 0, true);
    for end in memchr_iter(b'\n', bytes) {
        ended &= bytes[start..end].ends_with(b"\r");
        if end - start > LONGEST_LINE + 1 {
            return Err(MimeFault::Malformed { part: "length of a line" });
        }
        (start, lines) = (end + 1, lines + 1);
    }
    // Every `\n` has its `\r`, and there is no other.
    if ended && start == bytes.len() && memchr_iter(b'\r', bytes).count() == lines {
        Ok(())
    } else {
        Err(MimeFault::Malformed { part: "line end" })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::domain::model::picture::{Media, Picture};

    fn email() -> Email {
        Email {
            from: Mailbox { name: "Hållbara Ekdala".into(), address: "larresa@ekdala.example".into() },
            to: Mailbox { name: "Åsa Ek".into(), address: "asa.ek@ekdala.example".into() },
            reply_to: Some(Mailbox { name: String::new(), address: "hallbarhet@ekdala.example".into() }),
            subject: "Åsa, en vecka utan bil till jobbet?".into(),
            html: "<!doctype html>\n<p>Hej Åsa!</p>\n".into(),
            text: "Hej Åsa!\n".into(),
            date: "2026-12-01T07:30:00Z".parse().expect("an instant"),
            offset_seconds: 3600,
            message_id: "<abcdefgh234567@ekdala.example>".into(),
            in_reply_to: None,
            boundary: "journey-abcdefgh234567".into(),
            pictures: Vec::new(),
            headers: vec![("List-Id".into(), "Miljö och klimat <miljo.ekdala.example>".into())],
        }
    }

    fn written(email: &Email) -> String {
        String::from_utf8(bytes(email).expect("bytes")).expect("ASCII").replace("\r\n", "\n")
    }

    #[test]
    fn e19_text_first_html_last_and_nothing_invented() {
        expect![[r#"
            From: =?utf-8?b?SMOlbGxiYXJhIEVrZGFsYQ==?= <larresa@ekdala.example>
            To: =?utf-8?b?w4VzYSBFaw==?= <asa.ek@ekdala.example>
            Reply-To: hallbarhet@ekdala.example
            Subject: =?utf-8?b?w4VzYSw=?= en vecka utan bil till jobbet?
            Date: Tue, 01 Dec 2026 08:30:00 +0100
            Message-ID: <abcdefgh234567@ekdala.example>
            Auto-Submitted: auto-generated
            X-Auto-Response-Suppress: OOF, AutoReply, DR, RN, NRN
            List-Id: =?utf-8?b?TWlsasO2?= och klimat <miljo.ekdala.example>
            MIME-Version: 1.0
            Content-Type: multipart/alternative; boundary="journey-abcdefgh234567"

            --journey-abcdefgh234567
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            Hej =C3=85sa!

            --journey-abcdefgh234567
            Content-Type: text/html; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            <!doctype html>
            <p>Hej =C3=85sa!</p>

            --journey-abcdefgh234567--
        "#]]
        .assert_eq(&written(&email()));
        assert_eq!(bytes(&email()), bytes(&email()));
    }

    #[test]
    fn f76_a_hostile_name_is_a_name() {
        let mut email = email();
        email.to.name = "Åsa\r\nBcc: alla@ekdala.example\0 <x@evil.example>\u{202e}".into();
        let written = written(&email);
        assert!(!written.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{written}");
        assert_eq!(written.lines().filter(|line| line.starts_with("To: ")).count(), 1);
    }

    #[test]
    fn e18_no_header_line_is_long_whoever_it_is_for() {
        let names = [
            "Anna-Karin Åsa-Maria Södergren-Fjällström af Överkalix",
            "Anna-Karin Maria Soedergren-Fjaellstroem af Ekenstierna zu Gyllen",
            "Seán D'Artagnan O'Brien från Överkalix",
        ];
        for name in names {
            let mut email = email();
            email.to.name = name.into();
            let written = written(&email);
            let longest = written.lines().take_while(|line| !line.is_empty()).map(str::len).max();
            assert!(longest <= Some(78), "{written}");
            let one_line = written.replace("\n ", " ");
            let to = one_line.lines().find(|line| line.starts_with("To: ")).unwrap_or_default();
            assert!(to.ends_with(" <asa.ek@ekdala.example>"), "{to}");
        }
    }

    #[test]
    fn f77_an_address_is_one_plain_address() {
        let bad = [
            "",
            "a",
            "a@",
            "@b.se",
            "a@localhost",
            "a@[127.0.0.1]",
            "åsa@example.se",
            "a@exämple.se",
            "a b@c.se",
            "a@b.se,c@d.se",
            "A <a@b.se>",
            "a@b.se\r\nBcc: c@d.se",
            "a..b@c.se",
            "\"a\"@b.se",
            "a@b@c.se",
            "a@-b.se",
        ];
        for address in bad {
            let mut email = email();
            email.to.address = address.into();
            assert!(matches!(bytes(&email), Err(MimeFault::Address { header: "To", .. })), "{address}");
        }
    }

    #[test]
    fn e16_no_receipt_and_no_second_recipient_can_be_asked_for() {
        for name in ["Disposition-Notification-To", "bcc", "Importance", "To", "Subject", "X: y", "Å", ""] {
            let mut email = email();
            email.headers = vec![(name.into(), "x@y.se".into())];
            assert!(matches!(bytes(&email), Err(MimeFault::Header { .. })), "{name}");
        }
        let mut email = email();
        email.headers = vec![("X-Journey-Delivery".into(), "7\r\nBcc: x@y.se".into())];
        assert!(bytes(&email).is_err());
    }

    #[test]
    fn e18_a_long_name_and_its_address_have_a_line_each() {
        let mut email = email();
        email.to.name = "Seán D'Artagnan O'Brien-Ångström".into();
        let mail = written(&email);
        let header = mail.split_once("\n\n").map_or("", |(header, _)| header);
        let to: Vec<&str> = header.lines().skip_while(|line| !line.starts_with("To:")).take(2).collect();
        assert_eq!(to[1], " <asa.ek@ekdala.example>", "{header}");
        assert!(header.lines().all(|line| line.len() <= 78), "{header}");
        let alone = b"List-Unsubscribe: <https://larresa.ekdala.example/p/k7m2q5xw3n8t4v6b.9d2f5h7j3k6m8p4r>\r\n\r\na <b>";
        assert_eq!(fold_addresses(alone.to_vec()), alone);
    }

    #[test]
    fn e17_a_reminder_answers_the_first_mail() {
        let mut email = email();
        email.in_reply_to = Some("<first234567@ekdala.example>".into());
        let written = written(&email);
        assert!(written.contains("\nIn-Reply-To: <first234567@ekdala.example>\n"), "{written}");
        assert!(written.contains("\nReferences: <first234567@ekdala.example>\n"), "{written}");
        email.in_reply_to = Some("<a@b>\r\nBcc: x@y.se".into());
        assert_eq!(bytes(&email), Err(MimeFault::Malformed { part: "In-Reply-To" }));
    }

    #[test]
    fn e25_a_picture_goes_along_inside_the_page() {
        let mut email = email();
        let bytes_of =
            |length| Picture { media: Media::Png, width: 2, height: 1, bytes: vec![7; length].into() };
        email.pictures = vec![Inline { id: "poster@journey".into(), picture: bytes_of(60) }];
        let mail = written(&email);
        let shape: Vec<&str> =
            mail.lines().filter(|line| line.starts_with("Content-") || line.starts_with("--")).collect();
        expect![[r#"
            Content-Type: multipart/alternative; boundary="journey-abcdefgh234567"
            --journey-abcdefgh234567
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable
            --journey-abcdefgh234567
            Content-Type: multipart/related; boundary="journey-abcdefgh234567-page"
            --journey-abcdefgh234567-page
            Content-Type: text/html; charset=utf-8
            Content-Transfer-Encoding: quoted-printable
            --journey-abcdefgh234567-page
            Content-ID: <poster@journey>
            Content-Disposition: inline
            Content-Type: image/png
            Content-Transfer-Encoding: base64
            --journey-abcdefgh234567-page--
            --journey-abcdefgh234567--"#]]
        .assert_eq(&shape.join("\n"));
        assert_eq!(bytes(&email), bytes(&email));
        email.pictures[0].id = "a>\r\nb".into();
        assert_eq!(bytes(&email), Err(MimeFault::Malformed { part: "name of a picture" }));
        email.pictures = vec![Inline { id: "poster@journey".into(), picture: bytes_of(100_001) }];
        assert_eq!(bytes(&email), Err(MimeFault::Pictures { kilobytes: 101 }), "F99");
    }

    #[test]
    fn e21_no_control_character_gets_into_a_mail() {
        let mut nul = email();
        nul.text = "Hej\0".into();
        assert_eq!(bytes(&nul), Err(MimeFault::Control { part: "text part" }));
        let mut bare = email();
        bare.html = "<p>\r</p>".into();
        assert_eq!(bytes(&bare), Err(MimeFault::Control { part: "HTML part" }));
        let mut subject = email();
        subject.subject = "Hej\r\nBcc: x@y.se".into();
        assert_eq!(bytes(&subject), Err(MimeFault::Control { part: "subject" }));
    }

    #[test]
    fn e21_the_finished_mail_is_lines_of_ascii_ended_by_crlf() {
        let long = format!("{}\r\n", "a".repeat(998));
        assert_eq!(check(long.as_bytes()), Ok(()));
        let longer = format!("{}\r\n", "a".repeat(999));
        assert_eq!(check(longer.as_bytes()), Err(MimeFault::Malformed { part: "length of a line" }), "E18");
        for bare in ["a\r\nb\n", "a\rb\r\n", "a\r\r\n", "a\r\nb", "a\n\r\r\n"] {
            assert_eq!(check(bare.as_bytes()), Err(MimeFault::Malformed { part: "line end" }), "{bare:?}");
        }
        for odd in ["å\r\n", "a\0\r\n", "\u{7f}\r\n"] {
            assert_eq!(check(odd.as_bytes()), Err(MimeFault::Control { part: "finished mail" }), "{odd:?}");
        }
    }

    #[test]
    fn a_boundary_never_stands_in_a_part() {
        let mut email = email();
        email.text = format!("--{}\n", email.boundary);
        assert_eq!(bytes(&email), Err(MimeFault::Malformed { part: "boundary" }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn d3_no_name_subject_or_text_panics_the_package(
            name in any::<String>(), from in any::<String>(), subject in any::<String>(), text in any::<String>(),
        ) {
            let mut email = email();
            email.to.name = name;
            email.from.name = from;
            email.subject = subject;
            email.text = text;
            let _ = bytes(&email);
        }

        #[test]
        fn a_clean_mail_with_any_name_is_bytes(name in "\\PC{0,120}", text in "[\\PC\n]{0,300}") {
            let mut email = email();
            email.to.name = name.clone();
            email.from.name = name;
            email.text = text.clone();
            email.html = text;
            let twice = (bytes(&email), bytes(&email));
            prop_assert!(twice.0.is_ok(), "{:?}", twice.0);
            prop_assert_eq!(twice.0, twice.1);
        }
    }
}
