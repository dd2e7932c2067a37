//! A mail as a value: what is handed over, complete, before it is bytes.
//! Nothing in it is invented later, so that the same mail is the same bytes.

use super::picture::Picture;
use crate::domain::time::timezone::Timestamp;

/// A mail to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// Who writes: a readable name and a real address of the employer.
    pub(crate) from: Mailbox,
    /// Who reads.
    pub(crate) to: Mailbox,
    /// Where answers go, if elsewhere.
    pub(crate) reply_to: Option<Mailbox>,
    /// One line.
    pub(crate) subject: String,
    /// The page; lines ended by `\n`.
    pub html: String,
    /// The same in plain text; lines ended by `\n`.
    pub text: String,
    /// When it was booked.
    pub(crate) date: Timestamp,
    /// How far the sender's clock is ahead of UTC then, in seconds.
    pub(crate) offset_seconds: i32,
    /// `<…@…>`, with its brackets.
    pub(crate) message_id: String,
    /// The mail this one reminds of: `<…@…>`, with its brackets.
    pub(crate) in_reply_to: Option<String>,
    /// What stands between the parts.
    pub(crate) boundary: String,
    /// What the page shows with `cid:`, in order.
    pub pictures: Vec<Inline>,
    /// Further headers, in order.
    pub(crate) headers: Vec<(String, String)>,
}

/// A picture inside the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inline {
    /// What stands behind `cid:` in the page.
    pub(crate) id: String,
    /// What it shows.
    pub picture: Picture,
}

/// A name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// As people read it; may be empty.
    pub name: String,
    /// `local@domain`, in ASCII.
    pub address: String,
}

/// Is there a control character in a part of a mail that is neither a line end nor a tab? Byte by
/// byte and without stopping, because that is ten times as fast as characters.
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
    fn e21_control_characters_are_found_and_letters_are_not() {
        for text in ["a\0", "\u{1b}", "å\u{7f}", "\u{80}", "x\u{9f}y", "\r"] {
            assert!(has_control(text), "{text:?}");
        }
        for text in ["", "a\tb\n", "\u{a0}", "Â", "åäö é ł", "\u{c80}"] {
            assert!(!has_control(text), "{text:?}");
        }
    }
}
