//! A complete mail as a value, before it is encoded. The same mail always gives the same bytes.

use super::picture::Picture;
use crate::domain::time::timezone::Timestamp;

/// A mail to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// A readable name and a real address of the employer.
    pub(crate) from: Mailbox,
    pub(crate) to: Mailbox,
    /// Address for replies, if different.
    pub(crate) reply_to: Option<Mailbox>,
    /// One line.
    pub(crate) subject: String,
    /// With `\n` line ends.
    pub html: String,
    /// The plain-text part, with `\n` line ends.
    pub text: String,
    /// When it was enqueued.
    pub(crate) date: Timestamp,
    /// The sender's UTC offset at that time, in seconds.
    pub(crate) offset_seconds: i32,
    /// `<…@…>`, with its brackets.
    pub(crate) message_id: String,
    /// The Message-ID of the mail a reminder refers to, with its brackets.
    pub(crate) in_reply_to: Option<String>,
    /// The MIME boundary.
    pub(crate) boundary: String,
    /// The pictures referenced with `cid:`, in order.
    pub pictures: Vec<Inline>,
    /// Further headers, in order.
    pub(crate) headers: Vec<(String, String)>,
}

/// An inline picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inline {
    /// Its content id.
    pub(crate) id: String,
    pub picture: Picture,
}

/// A name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name; may be empty.
    pub name: String,
    /// `local@domain`, in ASCII.
    pub address: String,
}

/// Whether a text has a control character other than a line end or a tab. Scans bytes without
/// stopping early, because that is ten times as fast as characters.
pub(crate) fn has_control(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ascii = |found, &b: &u8| found | ((b < b' ' && b != b'\n' && b != b'\t') || b == 0x7f);
    // U+0080 to U+009F.
    let second = |found, (&a, &b): (&u8, &u8)| found | (a == 0xC2 && b < 0xA0);
    bytes.iter().fold(false, ascii) || bytes.iter().zip(bytes.iter().skip(1)).fold(false, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_found() {
        for text in ["a\0", "\u{1b}", "å\u{7f}", "\u{80}", "x\u{9f}y", "\r"] {
            assert!(has_control(text), "{text:?}");
        }
        for text in ["", "a\tb\n", "\u{a0}", "Â", "åäö é ł", "\u{c80}"] {
            assert!(!has_control(text), "{text:?}");
        }
    }
}
