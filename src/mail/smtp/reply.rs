//! Parses one reply of the relay, within size limits, and makes its text safe to
//! store. The relay is not trusted.

use crate::domain::delivery::bounce::StatusCode;
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

    /// The reply with its text sanitised. The enhanced status code is the first word of a line;
    /// some mail servers write it later in the text.
    pub(super) fn into_reply(self) -> Reply {
        let mut enhanced = None;
        let mut text = String::new();
        for line in &self.texts {
            let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
            let code = StatusCode::parse(first).filter(|code| u16::from(code.class) == self.code / 100);
            let words = if code.is_some() { rest } else { line };
            enhanced = enhanced.or(code);
            for word in words.split_whitespace() {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(if contains_address(word) { "…" } else { word });
            }
        }
        let enhanced = enhanced.or_else(|| self.texts.iter().find_map(|line| self.code_within(line)));
        Reply { code: self.code, enhanced, text: shortened(&visible(&text)).into() }
    }

    /// An enhanced status code within a line: `#5.1.1`, `(5.1.1)`, `550-5.1.1`. Numbers of
    /// another class are addresses or versions.
    fn code_within(&self, line: &str) -> Option<StatusCode> {
        let own = self.code.to_string();
        line.split(|c: char| c.is_whitespace() || "()[]<>,;".contains(c)).find_map(|word| {
            let word = word.trim_start_matches('#').trim_end_matches([':', '.']);
            let word = word.strip_prefix(&own).and_then(|word| word.strip_prefix(['-', '#'])).unwrap_or(word);
            StatusCode::parse(word).filter(|code| u16::from(code.class) == self.code / 100)
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::reply::{Outcome, Phase, RelayErrorKind, classify_reply};

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
            (&["550 #5.1.1 no such mailbox"], "550 5.1.1 #5.1.1 no such mailbox"),
            (&["550 Requested action not taken (5.1.1)"], "550 5.1.1 Requested action not taken (5.1.1)"),
            (&["550 550-5.1.1: no such mailbox"], "550 5.1.1 550-5.1.1: no such mailbox"),
            (&["550-look here", "550 it is [5.1.10], really"], "550 5.1.10 look here it is [5.1.10], really"),
            (&["550 5.1.1"], "550 5.1.1"),
            (&["550 host 5.1.1.7 says no"], "550 host 5.1.1.7 says no"),
            (&["550 version 4.94.2 says no"], "550 version 4.94.2 says no"),
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

    /// The rows of the table in `docs/delivery.md`: phase, reply, whom it concerns.
    fn documented() -> Vec<[&'static str; 3]> {
        let page = include_str!("../../../docs/delivery.md");
        let rows =
            page.lines().skip_while(|line| !line.starts_with("| mail server | phase | reply |")).skip(2);
        let cells = |line: &'static str| -> Option<[&'static str; 3]> {
            let cells: Vec<&str> = line.split(" | ").collect();
            let [_, phase, reply, concerns, _] = cells[..] else { return None };
            Some([phase, reply.trim_matches('`'), concerns])
        };
        rows.map_while(cells).collect()
    }

    #[test]
    fn what_mail_servers_really_answer_is_classified_as_documented() {
        let rows = documented();
        assert!(rows.len() > 50, "{} rows", rows.len());
        for [phase, said, concerns] in rows {
            let phase = match phase {
                "RCPT" => Phase::Rcpt,
                "end of data" => Phase::EndOfData,
                _ => panic!("{phase}"),
            };
            // A row may show only the first of several lines.
            let said = if said[3..].starts_with('-') { vec![said, "550 5.1.1"] } else { vec![said] };
            let outcome = classify_reply(phase, reply(&said).expect("a reply"), "relay.example:587");
            let told = match &outcome {
                Outcome::Deferred(_) => "this recipient, later",
                Outcome::Limited(_) => "a limit",
                Outcome::Rejected { hard: true, .. } => "no such mailbox",
                Outcome::Rejected { hard: false, .. } => "this recipient",
                Outcome::MessageRejected(_) => "the message",
                Outcome::RelayFailed(failed) if failed.kind == RelayErrorKind::Permanent => "the account",
                Outcome::RelayFailed(failed) if failed.kind == RelayErrorKind::TooManyConnections => {
                    "too many connections"
                }
                _ => "nothing known",
            };
            assert_eq!(told, concerns, "{said:?}: {outcome:?}");
        }
    }
}
