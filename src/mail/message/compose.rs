//! Decides all headers of a mail: sender, recipient, date, threading, list headers. The
//! engine calls it with what was booked; `mime` turns the result into bytes.

use crate::domain::model::email::{Email, Mailbox};
use crate::domain::model::ids::Slug;
use crate::domain::time::timezone::Timestamp;
use crate::render::RenderedEmail;

/// Everything about a mail except its text.
#[derive(Clone, Copy, Debug)]
pub struct ComposeOptions<'a> {
    /// The sender.
    pub from: &'a Mailbox,
    /// The address for replies; may equal `from`.
    pub reply_to: &'a Mailbox,
    /// The recipient's display name.
    pub name: &'a str,
    /// The recipient's address.
    pub address: &'a str,
    /// When the mail was booked; the same in every copy.
    pub date: Timestamp,
    /// The programme's UTC offset at that time, in seconds.
    pub offset_seconds: i32,
    /// `<…@…>`, with its brackets.
    pub message_id: &'a str,
    /// The MIME boundary: 16 to 60 letters, digits and `-`.
    pub boundary: &'a str,
    /// The journey's identity, and its title in the mail's language.
    pub journey: (&'a Slug, &'a str),
    /// URL of the recipient's pause page, as in [`crate::render::ReaderLinks`].
    pub pause: &'a str,
    /// The number of the delivery, if there is one.
    pub delivery: Option<i64>,
    /// For a reminder: the Message-ID of the first mail, if known.
    pub first_message_id: Option<&'a str>,
}

/// Combines the rendered text and the headers.
pub fn email(words: RenderedEmail, options: &ComposeOptions<'_>) -> Email {
    Email {
        from: options.from.clone(),
        to: Mailbox { name: options.name.to_owned(), address: options.address.to_owned() },
        reply_to: Some(options.reply_to.clone()).filter(|reply_to| reply_to != options.from),
        subject: words.subject,
        html: words.html,
        text: words.text,
        date: options.date,
        offset_seconds: options.offset_seconds,
        message_id: options.message_id.to_owned(),
        in_reply_to: options.first_message_id.map(str::to_owned),
        boundary: options.boundary.to_owned(),
        pictures: words.pictures,
        headers: headers(options),
    }
}

/// Headers for filters and mail clients. None identifies the recipient.
fn headers(options: &ComposeOptions<'_>) -> Vec<(String, String)> {
    let domain = options.from.address.rsplit('@').next().unwrap_or("localhost");
    let (slug, title) = options.journey;
    let mut headers = vec![("List-Id".to_owned(), format!("{} <{slug}.{domain}>", phrase(title, slug)))];
    // Mail clients follow this link by themselves (RFC 8058), and over `http` anyone
    // on the network could have changed it.
    if options.pause.starts_with("https://") {
        headers.push(("List-Unsubscribe".to_owned(), format!("<{}>", options.pause)));
        headers.push(("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()));
    }
    headers.extend(options.delivery.map(|number| ("X-Journey-Delivery".to_owned(), number.to_string())));
    headers
}

/// A title that may precede an address in angle brackets.
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
        let options = ComposeOptions {
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
        let words = RenderedEmail {
            subject: "Hej".into(),
            preheader: String::new(),
            html: "<p>Hej</p>\n".into(),
            text: "Hej\n".into(),
            pictures: Vec::new(),
            language: Language::parse("sv").expect("a language"),
            character: None,
        };
        let email = email(words, &options);
        assert_eq!(email.reply_to, None, "answers go where the mail comes from");
        assert_eq!(email.in_reply_to.as_deref(), Some("<first@ekdala.example>"));
        email.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn a_list_id_has_a_readable_name() {
        let headers = headers_with("", "Miljö, \"klimat\" <och> mer", Some(17));
        assert_eq!(
            headers,
            ["List-Id: Miljö klimat och mer <miljo.ekdala.example>", "X-Journey-Delivery: 17"]
        );
        assert_eq!(headers_with("", "!", None), ["List-Id: miljo <miljo.ekdala.example>"]);
    }

    #[test]
    fn one_click_unsubscribe_needs_https() {
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

    /// The varying inputs of a mail.
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
            let options = ComposeOptions {
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
            let words = RenderedEmail {
                subject: self.subject.clone(),
                preheader: String::new(),
                html: self.html.clone(),
                text: self.text.clone(),
                pictures: Vec::new(),
                language: Language::parse("sv").expect("a language"),
                character: None,
            };
            email(words, &options)
        }
    }

    const READER: &str = "asa.ek@ekdala.example";

    /// The headers of our mails, in order, each once.
    const HEADERS: &str = "From To Subject Date Message-ID Auto-Submitted X-Auto-Response-Suppress List-Id \
         List-Unsubscribe List-Unsubscribe-Post X-Journey-Delivery MIME-Version Content-Type";

    /// Text fragments that try to be headers or addresses.
    const HOSTILE: &str = "Bcc: alla@ekdala\\.example|\\.|<x@evil\\.example>|\"|\\\\|,|;|:|\\(|\\)|--|=C3=A5|=\\?|\\?=|\
         å|é|ł|😀|\u{202e}|From |\\{\\{name\\}\\}|<b>|%0d%0a|-{60}";

    /// One line of international letters and hostile fragments.
    fn line(most: usize) -> impl Strategy<Value = String> {
        let word = prop_oneof![3 => "[a-zåäö]{1,12}", 2 => "\\PC{1,8}", 2 => HOSTILE];
        proptest::collection::vec(word, 1..=most).prop_map(|words| words.join(" "))
    }

    /// The same, as it comes from people and authors: single spaces between words, no
    /// control or direction characters.
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

    /// Any text, including what import and authors' checks refuse.
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
        let subject = tidy(12, 150);
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

    /// The bytes are well formed for any input: ASCII lines within their limits, one
    /// recipient, each header once and no others.
    fn is_well_formed(bytes: &[u8], reminds: bool) -> Result<(), TestCaseError> {
        let mail = std::str::from_utf8(bytes).expect("ASCII");
        prop_assert!(
            mail.ends_with("\r\n") && mail.bytes().all(|b| matches!(b, b'\t' | b'\r' | b'\n' | b' '..=b'~'))
        );
        prop_assert_eq!(mail.replace("\r\n", "").find(['\r', '\n']), None);
        let (head, parts) = mail.split_once("\r\n\r\n").expect("a head");
        for line in head.split("\r\n") {
            // Words and quoted names are not split.
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

        /// An independent parser reads back the input.
        #[test]
        fn a_parser_reads_back_what_the_mail_was_made_from(made in made()) {
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

        /// Input that fails every check gives no mail or a well-formed one.
        #[test]
        fn hostile_input_adds_no_header_and_no_recipient(
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
