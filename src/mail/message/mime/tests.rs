//! Tests of whole messages, of their headers and of their bytes.

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::domain::model::email::Mailbox;
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
fn plain_text_comes_first_and_html_last() {
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
fn a_hostile_display_name_stays_a_display_name() {
    let mut email = email();
    email.to.name = "Åsa\r\nBcc: alla@ekdala.example\0 <x@evil.example>\u{202e}".into();
    let written = written(&email);
    assert!(!written.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{written}");
    assert_eq!(written.lines().filter(|line| line.starts_with("To: ")).count(), 1);
}

#[test]
fn header_lines_are_short_for_any_recipient() {
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
fn only_one_plain_address_is_accepted() {
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
        assert!(matches!(bytes(&email), Err(MimeError::Address { header: "To", .. })), "{address}");
    }
}

#[test]
fn receipts_and_further_recipients_cannot_be_requested() {
    for name in ["Disposition-Notification-To", "bcc", "Importance", "To", "Subject", "X: y", "Å", ""] {
        let mut email = email();
        email.headers = vec![(name.into(), "x@y.se".into())];
        assert!(matches!(bytes(&email), Err(MimeError::Header { .. })), "{name}");
    }
    let mut email = email();
    email.headers = vec![("X-Journey-Delivery".into(), "7\r\nBcc: x@y.se".into())];
    assert!(bytes(&email).is_err());
}

#[test]
fn a_long_name_and_its_address_are_on_separate_lines() {
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
fn a_reminder_references_the_first_mail() {
    let mut email = email();
    email.in_reply_to = Some("<first234567@ekdala.example>".into());
    let written = written(&email);
    assert!(written.contains("\nIn-Reply-To: <first234567@ekdala.example>\n"), "{written}");
    assert!(written.contains("\nReferences: <first234567@ekdala.example>\n"), "{written}");
    email.in_reply_to = Some("<a@b>\r\nBcc: x@y.se".into());
    assert_eq!(bytes(&email), Err(MimeError::Malformed { part: "In-Reply-To" }));
}

#[test]
fn pictures_are_related_to_the_html_part() {
    let mut email = email();
    let bytes_of = |length| Picture { media: Media::Png, width: 2, height: 1, bytes: vec![7; length].into() };
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
    assert_eq!(bytes(&email), Err(MimeError::Malformed { part: "name of a picture" }));
    email.pictures = vec![Inline { id: "poster@journey".into(), picture: bytes_of(100_001) }];
    assert_eq!(bytes(&email), Err(MimeError::Pictures { kilobytes: 101 }), "F99");
}

#[test]
fn control_characters_are_refused() {
    let mut nul = email();
    nul.text = "Hej\0".into();
    assert_eq!(bytes(&nul), Err(MimeError::Control { part: "text part" }));
    let mut bare = email();
    bare.html = "<p>\r</p>".into();
    assert_eq!(bytes(&bare), Err(MimeError::Control { part: "HTML part" }));
    let mut subject = email();
    subject.subject = "Hej\r\nBcc: x@y.se".into();
    assert_eq!(bytes(&subject), Err(MimeError::Control { part: "subject" }));
}

#[test]
fn the_message_is_ascii_lines_ended_by_crlf() {
    let long = format!("{}\r\n", "a".repeat(998));
    assert_eq!(check(long.as_bytes()), Ok(()));
    let longer = format!("{}\r\n", "a".repeat(999));
    assert_eq!(check(longer.as_bytes()), Err(MimeError::Malformed { part: "length of a line" }), "E18");
    for bare in ["a\r\nb\n", "a\rb\r\n", "a\r\r\n", "a\r\nb", "a\n\r\r\n"] {
        assert_eq!(check(bare.as_bytes()), Err(MimeError::Malformed { part: "line end" }), "{bare:?}");
    }
    for odd in ["å\r\n", "a\0\r\n", "\u{7f}\r\n"] {
        assert_eq!(check(odd.as_bytes()), Err(MimeError::Control { part: "finished mail" }), "{odd:?}");
    }
}

#[test]
fn a_boundary_never_occurs_in_a_part() {
    let mut email = email();
    email.text = format!("--{}\n", email.boundary);
    assert_eq!(bytes(&email), Err(MimeError::Malformed { part: "boundary" }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn no_name_subject_or_text_makes_the_package_panic(
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
    fn a_valid_mail_with_any_name_is_encoded(name in "\\PC{0,120}", text in "[\\PC\n]{0,300}") {
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
