//! Whom a refusal after MAIL concerns: the recipient, the message, the sender and its account, or
//! a limit of the session. Most codes do not say it: a detail of 0 is only a rough hint, and
//! Exchange Online and Google give some codes a meaning of their own. So the text is read too.
//! `docs/delivery.md` has the table with its sources; it is a test in `mail/smtp`.

use super::bounce::StatusCode;

/// Whom a 4xx or 5xx reply after MAIL concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// There is no such mailbox.
    NoMailbox,
    /// This recipient, as far as one reply can tell.
    Recipient,
    /// The message: its size or its content.
    Message,
    /// The sender's address or account, so every recipient gets it.
    Account,
    /// A limit of the session or the account; another session may pass.
    Limit,
}

/// Terms for greylisting, which asks to try this recipient again.
const GREYLIST: [&str; 6] = ["greylist", "graylist", "grey list", "gray list", "greylisted", "grey-list"];
/// Terms that ask to try this recipient again.
const TRY_AGAIN: [&str; 8] =
    ["try again", "retry", "come back", "try later", "later", "wait", "deferred", "delayed"];
/// Terms for a limit in a 4xx reply.
const LIMIT: [&str; 12] = [
    "too many",
    "too much",
    "too fast",
    "limit",
    "exceed",
    "quota",
    "throttl",
    "unusual rate",
    "server busy",
    "reconnect",
    "new connection",
    "this session",
];
/// Terms for a limit of the sender in a 5xx reply.
const SENDING_LIMIT: [&str; 9] = [
    "too many",
    "too fast",
    "this session",
    "rate limit",
    "relay limit",
    "relay sending limit",
    "sending limit",
    "sending quota",
    "message limit",
];
/// Terms for a limit that is the recipient's own.
const RECIPIENT_LIMIT: [&str; 7] =
    ["recipient thread", "trying to contact", "tried to reach", "mailbox", "inbox", "over quota", "storage"];
/// Terms for the sender, the client or its name. Postfix refuses them only in reply to RCPT.
const SENDER: [&str; 8] = [
    "sender address rejected",
    "sender rejected",
    "sender address is not allowed",
    "client host rejected",
    "helo command rejected",
    "not allowed to send as",
    "permissions to send as this sender",
    "not owned by user",
];
/// Terms for the sender beside a code that says only that an address is wrong.
const ANY_SENDER: [&str; 6] =
    ["sender", "return path", "return-path", "mail from", "from address", "envelope from"];

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Whom a reply concerns. `after_data` says whether the message was sent already.
pub(crate) fn concern(code: u16, enhanced: Option<StatusCode>, text: &str, after_data: bool) -> Concern {
    let text = text.to_lowercase();
    match code {
        400..500 => transient(code, enhanced, &text),
        _ => permanent(code, enhanced, &text, after_data),
    }
}

fn transient(code: u16, enhanced: Option<StatusCode>, text: &str) -> Concern {
    let subject = enhanced.map(|code| (code.subject, code.detail));
    if has(text, &GREYLIST) {
        return Concern::Recipient;
    }
    let is_recipients = has(text, &RECIPIENT_LIMIT)
        || (matches!(subject, Some((2, _))) && !has(text, &["relay", "submission", "for customer"]));
    match subject {
        _ if code == 421 || (code == 432 && !is_recipients) => Concern::Limit,
        Some((5, 3)) => Concern::Limit,
        _ if has(text, &SENDER) => Concern::Limit,
        _ if is_recipients => Concern::Recipient,
        _ if has(text, &LIMIT) => Concern::Limit,
        Some((7, _)) if !has(text, &TRY_AGAIN) => Concern::Limit,
        _ => Concern::Recipient,
    }
}

fn permanent(code: u16, enhanced: Option<StatusCode>, text: &str, after_data: bool) -> Concern {
    let subject = enhanced.map(|code| (code.subject, code.detail));
    if is_account(code, enhanced, text) {
        return Concern::Account;
    }
    match subject {
        _ if enhanced.is_some_and(|code| is_no_mailbox(code, text)) => Concern::NoMailbox,
        Some((6, _) | (3, 4)) if after_data => Concern::Message,
        Some((5, 3)) => Concern::Limit,
        Some((2, _)) => Concern::Recipient,
        _ if has(text, &RECIPIENT_LIMIT) || has(text, &["hops", "loop"]) => Concern::Recipient,
        _ if has(text, &SENDING_LIMIT) => Concern::Limit,
        _ => Concern::Recipient,
    }
}

/// Whether a code says that there is no such mailbox. Exchange Online has a code of its own for
/// it (directory-based edge blocking).
pub(crate) fn is_no_mailbox(code: StatusCode, text: &str) -> bool {
    match (code.class, code.subject, code.detail) {
        (5, 1, 1 | 2 | 3 | 6 | 10) => true,
        (5, 4, 1) => {
            let text = text.to_lowercase();
            text.contains("recipient address rejected") && text.contains("access denied")
        }
        _ => false,
    }
}

/// Whether a 5xx reply is about the sender's address or account. `text` is in lower case.
fn is_account(code: u16, enhanced: Option<StatusCode>, text: &str) -> bool {
    if has(text, &SENDER) {
        return true;
    }
    let Some(enhanced) = enhanced else { return false };
    match (enhanced.subject, enhanced.detail) {
        (1, 0) => has(text, &ANY_SENDER),
        (1, 7 | 8 | 90) | (2, 250..260) => true,
        // Submission errors are the account's; delivery errors are the recipient's.
        (2, 0) => code == 554 && !has(text, &["storedrv.deliver", "mailbox", "recipient"]),
        (2, 2) => text.contains("submission"),
        (4, 5) => has(text, &["limit", "quota"]),
        (7, 3 | 30 | 57 | 60 | 64 | 139 | 232 | 233 | 501..=503 | 506 | 511 | 606..=649 | 700..=750) => true,
        (7, 0 | 1) => has(text, &["for relay", "relay limit", "sending limit"]),
        _ => false,
    }
}
