//! Reports that are not in the form of RFC 3464: those of qmail (QSBMF), Exim and
//! others, whose text a program must read. The caller has made sure that a mail
//! server wrote it.

use mail_parser::{Message, PartType};

use super::{DsnAction, MAX_RECIPIENTS, RecipientReport, code_in};
use crate::domain::delivery::bounce::{NO_MAILBOX, StatusCode};
use crate::domain::delivery::concern::is_no_mailbox;

/// How much of the text is read; the mail that came back follows it.
const MAX_TEXT: usize = 20_000;

/// Lines after which the mail follows that came back.
const COPY_FOLLOWS: [&str; 8] = [
    "--- below this line is a copy",
    "------ this is a copy of",
    "----- original message",
    "--- original message",
    "----- transcript of message",
    "original message headers",
    "--- message header follows",
    "return-path: <",
];

/// Terms of a report that the mail server goes on trying.
const DELAYED: [&str; 6] = [
    "will be retried",
    "will continue to try",
    "will keep trying",
    "not yet been delivered",
    "no action is required",
    "warning message only",
];

/// Terms of a report that it has given up.
const FAILED: [&str; 9] = [
    "permanent error",
    "permanent fatal error",
    "permanent failure",
    "given up",
    "giving up",
    "could not be delivered",
    "couldn't be delivered",
    "undeliverable",
    "delivery failed",
];

/// Terms for a mailbox that does not exist, beside a 550, 551 or 553.
const UNKNOWN: [&str; 7] = [
    "user unknown",
    "unknown user",
    "no such user",
    "no such recipient",
    "no mailbox here",
    "does not exist",
    "recipient not found",
];

/// The reports in the text of a mail; `None` if they cannot be read.
pub(super) fn read(message: &Message<'_>) -> Option<Vec<RecipientReport>> {
    let text = text(message);
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&DELAYED) {
        return Some(vec![report(message, &text, DsnAction::Delayed, None)]);
    }
    let sections = qmail_sections(&text);
    if !sections.is_empty() {
        let read = |(address, said): &(String, String)| RecipientReport {
            addresses: vec![address.clone()],
            action: DsnAction::Failed,
            code: code_of(said),
        };
        return Some(sections.iter().take(MAX_RECIPIENTS).map(read).collect());
    }
    let code = code_of(&text);
    let is_failed = code.is_some_and(|code| code.class == 5) || has(&FAILED);
    is_failed.then(|| vec![report(message, &text, DsnAction::Failed, code)])
}

/// A report about everybody the mail names.
fn report(message: &Message<'_>, text: &str, action: DsnAction, code: Option<StatusCode>) -> RecipientReport {
    let failed = message.header_raw("X-Failed-Recipients").unwrap_or_default();
    let named = addresses(failed);
    let addresses = if named.is_empty() { addresses(text) } else { named };
    RecipientReport { addresses, action, code }
}

/// The plain text before the mail that came back.
fn text(message: &Message<'_>) -> String {
    let parts = message.parts.iter().filter_map(|part| match &part.body {
        PartType::Text(text) => Some(text.as_ref()),
        _ => None,
    });
    let mut read = String::new();
    for line in parts.flat_map(str::lines) {
        let start = line.trim_start().to_lowercase();
        if read.len() > MAX_TEXT || COPY_FOLLOWS.iter().any(|mark| start.starts_with(mark)) {
            break;
        }
        read.push_str(line.trim_end());
        read.push('\n');
    }
    read
}

/// The sections `<address>:` and what was said of it, up to an empty line.
fn qmail_sections(text: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let address = line.strip_prefix('<').and_then(|rest| rest.strip_suffix(">:"));
        if let Some(address) = address.filter(|address| address.contains('@')) {
            sections.push((address.to_lowercase(), String::new()));
            is_open = true;
        } else if line.is_empty() {
            is_open = false;
        } else if let Some((_, said)) = sections.last_mut().filter(|_| is_open) {
            said.push_str(line);
            said.push('\n');
        }
    }
    sections
}

/// The code of what was said, or that of an unknown mailbox.
fn code_of(said: &str) -> Option<StatusCode> {
    let found = code_in(said).filter(|code| matches!(code.class, 4 | 5));
    let lower = said.to_lowercase();
    let replies = ["550", "551", "553"];
    let mut numbers = said.split(|c: char| !c.is_ascii_digit());
    let is_unknown =
        UNKNOWN.iter().any(|words| lower.contains(words)) && numbers.any(|number| replies.contains(&number));
    match found {
        Some(code) if is_no_mailbox(code, said) => Some(if code.subject == 1 { code } else { NO_MAILBOX }),
        Some(code) if code.subject != 0 && code.detail != 0 => Some(code),
        found => is_unknown.then_some(NO_MAILBOX).or(found),
    }
}

/// The addresses in a text, in lower case.
fn addresses(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || ",;:<>()[]\"'".contains(c));
    let mut found: Vec<String> = Vec::new();
    for word in words.filter(|word| word.contains('@') && word.len() <= 320).take(MAX_RECIPIENTS) {
        let address = word.trim_matches('.').to_lowercase();
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}
