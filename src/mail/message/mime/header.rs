//! The headers of a message. No value can end its header and begin another.

use chrono::FixedOffset;
use data_encoding::BASE64;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as LettreMailbox, MessageBuilder};

use super::MimeError;
use super::wire::MAX_LINE;
use crate::domain::model::email::{Email, Mailbox};

/// Longer texts without a space are encoded, in bytes: the package folds only at spaces.
const MAX_WORD: usize = 60;

/// Bytes in an encoded word, which may have 75 characters (RFC 2047, 2).
const MAX_ENCODED: usize = 45;

/// Longer display names are cut.
const MAX_NAME: usize = 100;

/// In every mail: suppresses out-of-office replies and receipts.
const FIXED_HEADERS: [(&str, &str); 2] =
    [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "OOF, AutoReply, DR, RN, NRN")];

/// Headers that are generated here, or that our mails never have.
const RESERVED_HEADERS: [&str; 22] = [
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

pub(super) fn mailbox(header: &'static str, mailbox: &Mailbox) -> Result<LettreMailbox, MimeError> {
    let fault = |why| MimeError::Address { header, why };
    check_address(&mailbox.address).map_err(fault)?;
    let address: Address = mailbox.address.parse().map_err(|_| fault("it is not `name@domain`"))?;
    let name = friendly_name(&mailbox.name);
    Ok(LettreMailbox::new(Some(name).filter(|name| !name.is_empty()), address))
}

/// Checks an address: ASCII, one `@`, a domain of at least two labels, the lengths of
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
        Err("the part after `@` is not a domain")
    } else {
        Ok(())
    }
}

/// A display name without characters that could end a header: control and direction
/// characters and line breaks become spaces.
fn friendly_name(name: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let words = name.split(|c: char| c.is_whitespace() || steers(c)).filter(|word| !word.is_empty());
    let one_line = words.collect::<Vec<_>>().join(" ");
    let cut: String = one_line.chars().take(MAX_NAME).collect();
    cut.trim_end().to_owned()
}

pub(super) fn subject(subject: &str) -> Result<&str, MimeError> {
    if subject.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(MimeError::Control { part: "subject" });
    }
    if subject.trim().is_empty() || subject.chars().count() > 200 {
        return Err(MimeError::Malformed { part: "subject" });
    }
    Ok(subject)
}

/// Headers whose text the package does not encode, although mail clients would decode it as an
/// encoded word or could not fold it. They replace those of the package.
pub(super) fn encoded_headers(email: &Email) -> Vec<HeaderValue> {
    let needs_encoding = |text: &str| {
        text.contains("=?") || text.is_ascii() && text.split(' ').any(|word| word.len() > MAX_WORD)
    };
    let mut headers = Vec::new();
    if needs_encoding(&email.subject) {
        headers.push(encoded("Subject", &email.subject, ""));
    }
    let mailboxes =
        [("From", Some(&email.from)), ("To", Some(&email.to)), ("Reply-To", email.reply_to.as_ref())];
    for (header, mailbox) in mailboxes {
        let Some(mailbox) = mailbox else { continue };
        let name = friendly_name(&mailbox.name);
        if needs_encoding(&name) {
            headers.push(encoded(header, &name, &format!("<{}>", mailbox.address)));
        }
    }
    headers
}

/// A header with encoded text (RFC 2047), and what follows it.
fn encoded(name: &'static str, text: &str, after: &str) -> HeaderValue {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > MAX_ENCODED {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words = words.iter().map(|word| format!("=?utf-8?b?{}?=", BASE64.encode(word.as_bytes())));
    let lines: Vec<String> = words.chain(Some(after.to_owned()).filter(|after| !after.is_empty())).collect();
    let name = HeaderName::new_from_ascii_str(name);
    HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), lines.join("\r\n "))
}

pub(super) fn with_headers(mut builder: MessageBuilder, email: &Email) -> Result<MessageBuilder, MimeError> {
    check_id(&email.message_id, "Message-ID")?;
    builder = builder.date(std::time::SystemTime::UNIX_EPOCH).message_id(Some(email.message_id.clone()));
    if let Some(first) = &email.in_reply_to {
        check_id(first, "In-Reply-To")?;
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    for (name, value) in FIXED_HEADERS {
        builder = builder.raw_header(header(name, value)?);
    }
    for (name, value) in &email.headers {
        if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(MimeError::Header { name: name.chars().take(40).collect() });
        }
        builder = builder.raw_header(header(name, value)?);
    }
    Ok(builder)
}

/// Checks the form `<…@…>`, without characters that could end a header.
fn check_id(id: &str, part: &'static str) -> Result<(), MimeError> {
    let inside = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or_default();
    let id_ok = |b: u8| b.is_ascii_alphanumeric() || b".@-_+=".contains(&b);
    let halves = inside.split('@').filter(|half| !half.is_empty()).count();
    if inside.len() > 200 || !inside.bytes().all(id_ok) || halves != 2 {
        return Err(MimeError::Malformed { part });
    }
    Ok(())
}

fn header(name: &str, value: &str) -> Result<HeaderValue, MimeError> {
    let fault = || MimeError::Header { name: name.chars().take(40).collect() };
    // The package folds only at spaces.
    let too_long = value.split(' ').any(|word| word.len() > MAX_LINE - 100);
    if too_long || value.is_empty() || value.chars().any(char::is_control) || value.trim() != value {
        return Err(fault());
    }
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| fault())?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

pub(super) fn date(email: &Email) -> Result<HeaderValue, MimeError> {
    let fault = || MimeError::Malformed { part: "Date" };
    let offset = FixedOffset::east_opt(email.offset_seconds).filter(|o| o.local_minus_utc() % 60 == 0);
    let civil = email.date.with_timezone(&offset.ok_or_else(fault)?);
    let value = civil.format("%a, %d %b %Y %H:%M:%S %z").to_string();
    let name = HeaderName::new_from_ascii_str("Date");
    Ok(HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value))
}
