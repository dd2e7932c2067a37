//! From words to a mail: who writes to whom, when, and every header a mail of
//! ours has. The one place where headers are decided (E1 to E17); the engine
//! calls it with what it has booked, `mime` makes bytes of what comes out.

use crate::domain::model::email::{Email, Mailbox};
use crate::domain::model::ids::Slug;
use crate::domain::time::timezone::Timestamp;
use crate::render::Rendered;

/// What is known of a mail besides its words.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// Who writes.
    pub from: &'a Mailbox,
    /// Where answers by mail arrive; may be the same.
    pub reply_to: &'a Mailbox,
    /// What the reader is called.
    pub name: &'a str,
    /// The reader's address.
    pub address: &'a str,
    /// When it was booked: the same in every copy.
    pub date: Timestamp,
    /// How far the programme's clock is ahead of UTC then, in seconds.
    pub offset_seconds: i32,
    /// `<…@…>`, with its brackets.
    pub message_id: &'a str,
    /// What stands between the parts: 16 to 60 letters, digits and `-`.
    pub boundary: &'a str,
    /// The journey's identity and its title in the mail's language.
    pub journey: (&'a Slug, &'a str),
    /// The reader's pause page, as in [`crate::render::Links`].
    pub pause: &'a str,
    /// The number of the delivery, where there is one.
    pub delivery: Option<i64>,
    /// For a reminder: the Message-ID of the step's mail, if it is known.
    pub first_message_id: Option<&'a str>,
}

/// The mail as a value, complete.
pub fn email(words: Rendered, sending: &Sending<'_>) -> Email {
    Email {
        from: sending.from.clone(),
        to: Mailbox { name: sending.name.to_owned(), address: sending.address.to_owned() },
        reply_to: Some(sending.reply_to.clone()).filter(|reply_to| reply_to != sending.from),
        subject: words.subject,
        html: words.html,
        text: words.text,
        date: sending.date,
        offset_seconds: sending.offset_seconds,
        message_id: sending.message_id.to_owned(),
        in_reply_to: sending.first_message_id.map(str::to_owned),
        boundary: sending.boundary.to_owned(),
        pictures: words.pictures,
        headers: headers(sending),
    }
}

/// What filters and other programs read. None of it tells who the reader is.
fn headers(sending: &Sending<'_>) -> Vec<(String, String)> {
    let domain = sending.from.address.rsplit('@').next().unwrap_or("localhost");
    let (slug, title) = sending.journey;
    let mut headers = vec![("List-Id".to_owned(), format!("{} <{slug}.{domain}>", phrase(title, slug)))];
    // Software follows the link by itself (RFC 8058), and over `http` anybody
    // on the way could have written it (E13).
    if sending.pause.starts_with("https://") {
        headers.push(("List-Unsubscribe".to_owned(), format!("<{}>", sending.pause)));
        headers.push(("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()));
    }
    headers.extend(sending.delivery.map(|number| ("X-Journey-Delivery".to_owned(), number.to_string())));
    headers
}

/// A title as it may stand before an address in angle brackets.
fn phrase(title: &str, slug: &Slug) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-');
    let words: String = title.chars().map(|c| if plain(c) { c } else { ' ' }).collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() { slug.to_string() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser};
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::domain::model::ids::Language;
    use crate::mail::message::mime;

    fn headers_with(pause: &str, title: &str, delivery: Option<i64>) -> Vec<String> {
        let from = Mailbox { name: "Hållbara Ekdala".into(), address: "larresa@ekdala.example".into() };
        let slug = Slug::parse("miljo").expect("a slug");
        let sending = Sending {
            from: &from,
            reply_to: &from,
            name: "Åsa Ek",
            address: "asa.ek@ekdala.example",
            date: "2026-12-01T07:30:00Z".parse().expect("an instant"),
            offset_seconds: 3600,
            message_id: "<abc@ekdala.example>",
            boundary: "journey-abcdefgh234567",
            journey: (&slug, title),
            pause,
            delivery,
            first_message_id: Some("<first@ekdala.example>"),
        };
        let words = Rendered {
            subject: "Hej".into(),
            preheader: String::new(),
            html: "<p>Hej</p>\n".into(),
            text: "Hej\n".into(),
            pictures: Vec::new(),
            language: Language::parse("sv").expect("a language"),
            character: None,
        };
        let email = email(words, &sending);
        assert_eq!(email.reply_to, None, "answers go where the mail comes from");
        assert_eq!(email.in_reply_to.as_deref(), Some("<first@ekdala.example>"));
        email.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn e12_a_list_has_a_readable_name() {
        let headers = headers_with("", "Miljö, \"klimat\" <och> mer", Some(17));
        assert_eq!(
            headers,
            ["List-Id: Miljö klimat och mer <miljo.ekdala.example>", "X-Journey-Delivery: 17"]
        );
        assert_eq!(headers_with("", "!", None), ["List-Id: miljo <miljo.ekdala.example>"]);
    }

    #[test]
    fn e13_one_click_only_over_https() {
        let headers = headers_with("https://larresa.ekdala.example/p/abc", "Miljö", None);
        assert_eq!(
            headers[1..],
            [
                "List-Unsubscribe: <https://larresa.ekdala.example/p/abc>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
            ]
        );
        assert_eq!(headers_with("http://127.0.0.1:8080/p/abc", "Miljö", None).len(), 1);
    }

    /// A mail and what it is made of; the rest is always the same.
    #[derive(Clone, Debug)]
    struct Made {
        from: Mailbox,
        reply_to: Mailbox,
        name: String,
        subject: String,
        text: String,
        html: String,
        title: String,
        reminds: bool,
    }

    impl Made {
        fn email(&self) -> Email {
            let slug = Slug::parse("miljo").expect("a slug");
            let sending = Sending {
                from: &self.from,
                reply_to: &self.reply_to,
                name: &self.name,
                address: READER,
                date: "2026-12-01T07:30:00Z".parse().expect("an instant"),
                offset_seconds: 3600,
                message_id: "<abcdefgh234567@ekdala.example>",
                boundary: "journey-abcdefgh234567",
                journey: (&slug, &self.title),
                pause: "https://larresa.ekdala.example/p/k7m2q5xw3n8t4v6b",
                delivery: Some(17),
                first_message_id: self.reminds.then_some("<first234567@ekdala.example>"),
            };
            let words = Rendered {
                subject: self.subject.clone(),
                preheader: String::new(),
                html: self.html.clone(),
                text: self.text.clone(),
                pictures: Vec::new(),
                language: Language::parse("sv").expect("a language"),
                character: None,
            };
            email(words, &sending)
        }
    }

    const READER: &str = "asa.ek@ekdala.example";

    /// The headers of a mail of ours, in order, each once.
    const HEADERS: &str = "From To Subject Date Message-ID Auto-Submitted X-Auto-Response-Suppress List-Id \
         List-Unsubscribe List-Unsubscribe-Post X-Journey-Delivery MIME-Version Content-Type";

    /// Pieces of which words are made that would like to be something else.
    const HOSTILE: &str = "Bcc: alla@ekdala\\.example|\\.|<x@evil\\.example>|\"|\\\\|,|;|:|\\(|\\)|--|=C3=A5|=\\?|\\?=|\
         å|é|ł|😀|\u{202e}|From |\\{\\{name\\}\\}|<b>|%0d%0a|-{60}";

    /// Words in one line: letters of the world, and what is hostile.
    fn line(most: usize) -> impl Strategy<Value = String> {
        let word = prop_oneof![3 => "[a-zåäö]{1,12}", 2 => "\\PC{1,8}", 2 => HOSTILE];
        proptest::collection::vec(word, 1..=most).prop_map(|words| words.join(" "))
    }

    /// The same, as people and authors have them: blanks stand alone and only
    /// between words, and nothing steers.
    fn tidy(most: usize, longest: usize) -> impl Strategy<Value = String> {
        line(most).prop_map(move |line| {
            let line: String = line.chars().filter(|c| !steers(*c)).take(longest).collect();
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.is_empty() { "Hej".to_owned() } else { words.join(" ") }
        })
    }

    fn steers(c: char) -> bool {
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }

    /// Any words at all, also such as no import and no author gets past us.
    fn wild() -> impl Strategy<Value = String> {
        let breaks = prop_oneof![
            Just("\r\nBcc: x@evil.example"),
            Just("\n\n<p>"),
            Just("\0"),
            Just("\r"),
            Just("\u{85}")
        ];
        prop_oneof![any::<String>(), (line(3), breaks, line(3)).prop_map(|(a, b, c)| format!("{a}{b}{c}"))]
    }

    fn bodies() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            line(8),
            "[ \t.]{0,5}",
            "\\PC{0,200}",
            "-{76,90}",
            Just(".".to_owned()),
            Just("å".repeat(600))
        ];
        proptest::collection::vec(line, 1..8).prop_map(|lines| lines.join("\n") + "\n")
    }

    fn made() -> impl Strategy<Value = Made> {
        let mailbox = |address: &'static str| {
            let name = prop_oneof![tidy(4, 100), Just(String::new())];
            name.prop_map(move |name| Mailbox { name, address: address.into() })
        };
        let from = (mailbox("larresa@ekdala.example"), mailbox("hallbarhet@ekdala.example"));
        // A code of its own in a subject is refused, not sent.
        let subject = tidy(12, 150).prop_map(|subject| subject.replace("=?", "= ?"));
        (from, tidy(6, 100), subject, bodies(), bodies(), line(4), any::<bool>()).prop_map(
            |((from, reply_to), name, subject, text, html, title, reminds)| Made {
                from,
                reply_to,
                name,
                subject,
                text,
                html,
                title,
                reminds,
            },
        )
    }

    /// Lines of ASCII within their lengths, one reader, each header once, and
    /// no other: whatever was put in.
    fn is_well_formed(bytes: &[u8], reminds: bool) -> Result<(), TestCaseError> {
        let mail = std::str::from_utf8(bytes).expect("ASCII");
        prop_assert!(
            mail.ends_with("\r\n") && mail.bytes().all(|b| matches!(b, b'\t' | b'\r' | b'\n' | b' '..=b'~'))
        );
        prop_assert_eq!(mail.replace("\r\n", "").find(['\r', '\n']), None);
        let (head, parts) = mail.split_once("\r\n\r\n").expect("a head");
        for line in head.split("\r\n") {
            // A word stays whole, and so does a name that has to be in quotes.
            let value = line.split_once(": ").map_or(line, |(_, value)| value).trim_start();
            let whole = !value.contains(' ') || value.starts_with('"');
            prop_assert!(line.len() <= 78 || (whole && line.len() <= 998), "{}", line);
        }
        prop_assert!(parts.split("\r\n").all(|line| line.len() <= 78), "{}", parts);
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap_or_default())
            .filter(|name| !matches!(*name, "Reply-To" | "In-Reply-To" | "References"))
            .collect();
        prop_assert_eq!(names.join(" "), HEADERS);
        prop_assert_eq!(head.matches("\r\nReferences: ").count(), usize::from(reminds));
        Ok(())
    }

    fn parsed(bytes: &[u8]) -> Message<'_> {
        MessageParser::default().parse(bytes).expect("a mail")
    }

    fn mailbox_of(address: Option<&Address<'_>>) -> Option<Mailbox> {
        let all: Vec<_> = address?.iter().collect();
        let [one] = all[..] else { return None };
        let (name, address) = (one.name().unwrap_or_default(), one.address().unwrap_or_default());
        Some(Mailbox { name: name.to_owned(), address: address.to_owned() })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, rng_seed: RngSeed::Fixed(20), ..ProptestConfig::default() })]

        /// A program that has no part in making it reads in a mail what was put in.
        #[test]
        fn i20_every_mail_reads_back_as_what_it_was_made_of(made in made()) {
            let bytes = mime::bytes(&made.email()).expect("it can be a mail");
            is_well_formed(&bytes, made.reminds)?;
            let mail = parsed(&bytes);
            let reader = Mailbox { name: made.name.clone(), address: READER.to_owned() };
            prop_assert_eq!(mailbox_of(mail.from()), Some(made.from));
            prop_assert_eq!(mailbox_of(mail.to()), Some(reader));
            prop_assert_eq!(mailbox_of(mail.reply_to()), Some(made.reply_to));
            prop_assert!(mail.cc().is_none() && mail.bcc().is_none());
            prop_assert_eq!(mail.subject(), Some(&*made.subject));
            prop_assert_eq!(mail.message_id(), Some("abcdefgh234567@ekdala.example"));
            let date = mail.date().expect("a date").to_rfc3339();
            prop_assert_eq!(date, "2026-12-01T08:30:00+01:00");
            let first = made.reminds.then_some("first234567@ekdala.example");
            prop_assert_eq!(mail.in_reply_to().as_text(), first);
            let list = mail.header(HeaderName::ListId).and_then(HeaderValue::as_address).and_then(|list| list.first());
            prop_assert_eq!(list.and_then(|list| list.address()), Some("miljo.ekdala.example"));
            prop_assert_eq!((mail.text_body_count(), mail.html_body_count(), mail.attachment_count()), (1, 1, 0));
            let body = |body: Option<std::borrow::Cow<'_, str>>| body.unwrap_or_default().replace("\r\n", "\n");
            prop_assert_eq!(body(mail.body_text(0)), made.text);
            prop_assert_eq!(body(mail.body_html(0)), made.html);
        }

        /// What nobody should have let in either makes no mail or one as good.
        #[test]
        fn i20_whatever_is_put_in_no_header_and_no_reader_comes_of_it(
            made in made(), name in wild(), from in wild(), title in wild(), subject in wild(), text in wild(),
        ) {
            let from = Mailbox { name: from, address: made.from.address.clone() };
            let odd = Made { name, title, from, ..made };
            let bytes = mime::bytes(&odd.email()).expect("names and titles are tidied");
            is_well_formed(&bytes, odd.reminds)?;
            prop_assert_eq!(mailbox_of(parsed(&bytes).to()).map(|to| to.address), Some(READER.to_owned()));
            for bad in [Made { subject, ..odd.clone() }, Made { text, ..odd }] {
                if let Ok(bytes) = mime::bytes(&bad.email()) {
                    is_well_formed(&bytes, bad.reminds)?;
                }
            }
        }
    }
}
