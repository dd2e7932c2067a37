//! From words to a mail: who writes to whom, when, and every header a mail of
//! ours has. The one place where headers are decided (E1 to E17); the engine
//! calls it with what it has booked, `mime` makes bytes of what comes out.

use crate::domain::email::{Email, Mailbox};
use crate::domain::ids::Slug;
use crate::domain::zone::Timestamp;
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
    use super::*;
    use crate::domain::ids::Language;

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
}
