//! Parses one reply of the relay, within size limits, and makes its text safe to
//! store. The relay is not trusted.

use crate::domain::delivery::reply::Reply;
use crate::domain::diagnostic::visible;

/// The longest accepted line; RFC 5321 allows 512.
pub(super) const MAX_LINE: usize = 4_096;

/// The longest accepted reply, all lines together.
pub(super) const MAX_REPLY: usize = 64 * 1_024;

/// How much of the text is kept.
const MAX_TEXT: usize = 200;

/// A reply as it arrives, line by line.
#[derive(Clone, Debug, Default)]
pub(super) struct RawReply {
    /// The reply code; 0 before the first line.
    pub(super) code: u16,
    /// The text of each line, without the code.
    pub(super) texts: Vec<String>,
    pub(super) bytes: usize,
}

/// Whether the reply has more lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReplyState {
    More,
    Complete,
}

impl RawReply {
    /// Adds a line, given without its line end.
    ///
    /// # Errors
    ///
    /// Why the line is not part of a reply, as a clause after "the relay …".
    pub(super) fn add_line(&mut self, line: &[u8]) -> Result<ReplyState, &'static str> {
        self.bytes += line.len();
        if line.len() > MAX_LINE || self.bytes > MAX_REPLY {
            return Err("says more than any reply needs");
        }
        let (code, rest) = line.split_at_checked(3).ok_or("gives a reply without a code")?;
        let digits = code.iter().all(u8::is_ascii_digit) && (b'2'..=b'5').contains(&code[0]);
        if !digits {
            return Err("gives a reply without a code");
        }
        let code = code.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        if self.code != 0 && self.code != code {
            return Err("gives a reply with two codes");
        }
        self.code = code;
        let (more, text) = match rest.split_first() {
            None => (ReplyState::Complete, rest),
            Some((b' ', text)) => (ReplyState::Complete, text),
            Some((b'-', text)) => (ReplyState::More, text),
            Some(_) => return Err("gives a reply without a code"),
        };
        self.texts.push(String::from_utf8_lossy(text).into_owned());
        Ok(more)
    }

    /// The reply with its text sanitised.
    pub(super) fn into_reply(self) -> Reply {
        let mut enhanced = None;
        let mut text = String::new();
        for line in &self.texts {
            let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
            let code = enhanced_code(first).filter(|(class, ..)| u16::from(*class) == self.code / 100);
            let words = if code.is_some() { rest } else { line };
            enhanced = enhanced.or(code);
            for word in words.split_whitespace() {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(if contains_address(word) { "…" } else { word });
            }
        }
        Reply { code: self.code, enhanced, text: shortened(&visible(&text)).into() }
    }
}

/// Whether a word contains a mail address in any notation.
fn contains_address(word: &str) -> bool {
    word.contains(['@', '＠', '﹫']) || word.contains("%40")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MAX_TEXT - 1).chain(['…']).collect(),
    }
}

/// Parses an enhanced status code such as `5.1.1`.
fn enhanced_code(word: &str) -> Option<(u8, u16, u16)> {
    let number = |part: &str| {
        let digits = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let mut parts = word.split('.');
    let class = u8::try_from(number(parts.next()?)?).ok()?;
    let code = (class, number(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(lines: &[&str]) -> Result<Reply, &'static str> {
        let mut reply = RawReply::default();
        for (n, line) in lines.iter().enumerate() {
            let more = reply.add_line(line.as_bytes())?;
            assert_eq!(more == ReplyState::Complete, n + 1 == lines.len(), "{line}");
        }
        Ok(reply.into_reply())
    }

    #[test]
    fn code_enhanced_code_and_text_are_parsed() {
        for (lines, shown) in [
            (&["250 2.0.0 Ok: queued as 12"][..], "250 2.0.0 Ok: queued as 12"),
            (&["250"], "250"),
            (&["250 "], "250"),
            (&["550-5.1.1 no such", "550 5.1.1 mailbox"], "550 5.1.1 no such mailbox"),
            (&["550-we looked", "550 5.1.10 everywhere"], "550 5.1.10 we looked everywhere"),
            // An enhanced code of another class is ignored.
            (&["550 2.1.1 what"], "550 2.1.1 what"),
            (&["421 10.0.0.1 closes"], "421 10.0.0.1 closes"),
            (&["421 4.3.2.1 closes"], "421 4.3.2.1 closes"),
        ] {
            assert_eq!(reply(lines).expect("a reply").to_string(), shown);
        }
        assert_eq!(reply(&["421 4.3.2.1 closes"]).expect("a reply").enhanced, None);
    }

    #[test]
    fn malformed_replies_are_refused() {
        for line in ["", "25", "ok", "2x0 ok", "250ok", "099 ok", "600 ok", "\0\0\0 ok", "-50 ok", "２50 ok"]
        {
            assert_eq!(reply(&[line]), Err("gives a reply without a code"), "{line:?}");
        }
        assert_eq!(reply(&["250-ok", "251 ok"]), Err("gives a reply with two codes"));
        let long = format!("250 {}", "a".repeat(MAX_LINE));
        assert_eq!(reply(&[&long]), Err("says more than any reply needs"));
        let many = vec!["250-and so on"; 10_000];
        assert_eq!(reply(&many), Err("says more than any reply needs"));
    }

    #[test]
    fn addresses_and_control_characters_are_removed_from_the_text() {
        let said = "550 5.1.1 \u{1b}[31m<berit.berg@ekdala.example>: \u{7}\u{0} not\u{202e} here, ask mailto:chef%40ekdala.example";
        let reply = reply(&[said]).expect("a reply");
        assert_eq!(&*reply.text, "… \\u{7}\\u{0} not\\u{202e} here, ask …");
    }

    #[test]
    fn the_text_is_cut() {
        let reply = reply(&[&format!("550 {}", "å ".repeat(1_000))]).expect("a reply");
        assert_eq!(reply.text.chars().count(), MAX_TEXT);
        assert!(reply.text.ends_with('…'));
    }
}
