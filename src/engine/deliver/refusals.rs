//! Refusals, and of whom they are believed: a reader's own, or what the relay
//! says to everybody alike, which is its trouble and nobody's fault (F27).

use crate::domain::delivery::bounce::StatusCode;
use crate::domain::delivery::reply::{Phase, RelayError, RelayErrorKind, Reply};
use crate::domain::delivery::state::{DeliveryEvent, State};

/// So many refused in a row with the same code mean the relay, not the people.
const ALIKE: usize = 5;

/// A mail the relay refused, for its reader or its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) number: i64,
    /// Where it was.
    pub(super) from: State,
    /// What that is, if it is believed.
    pub(super) happened: DeliveryEvent,
    /// With which code there is no such mailbox, if that was said.
    pub(super) no_mailbox: Option<StatusCode>,
    pub(super) reply: Reply,
}

/// What tells one answer from another: the codes, not the words.
type Answer = (u16, Option<(u8, u16, u16)>);

impl Refused {
    fn answer(&self) -> Answer {
        (self.reply.code, self.reply.enhanced)
    }
}

/// What one more refusal means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// These are their readers' own.
    pub(super) believed: Vec<Refused>,
    /// These are nobody's: the mails are due as before.
    pub(super) of_nobody: Vec<Refused>,
    /// The relay refuses everybody.
    pub(super) trouble: Option<RelayError>,
}

/// Refusals that nobody knows yet whose they are.
#[derive(Default)]
pub(super) struct Refusals {
    /// Alike, one after the other.
    alike: Vec<Refused>,
    /// What the relay says to everybody.
    to_all: Option<Answer>,
}

impl Refusals {
    /// One more. It is believed when another mail was taken, or refused
    /// otherwise; five alike in a row are the relay's.
    pub(super) fn hear(&mut self, refused: Refused) -> Heard {
        let answer = refused.answer();
        // Lines that asked before they heard of it are told the same.
        if self.to_all == Some(answer) {
            return Heard { of_nobody: vec![refused], ..Heard::default() };
        }
        let alike = self.alike.iter().all(|before| before.answer() == answer);
        let believed = if alike { Vec::new() } else { self.believed() };
        let why = format!("the relay refused {ALIKE} different people alike: {}", refused.reply);
        self.alike.push(refused);
        if self.alike.len() < ALIKE {
            return Heard { believed, ..Heard::default() };
        }
        self.to_all = Some(answer);
        let trouble = Some(RelayError { kind: RelayErrorKind::Permanent, phase: Phase::Rcpt, why });
        Heard { believed, of_nobody: std::mem::take(&mut self.alike), trouble }
    }

    /// Those there are; the relay does take mails.
    pub(super) fn believed(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.alike)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers in order, `+` for a mail that is taken; of each mail whether it
    /// is its reader's, `r`, or nobody's, `n`, in the order in which it is known.
    fn heard(answers: &str) -> String {
        let mut refusals = Refusals::default();
        let mut told = String::new();
        let tell = |told: &mut String, all: Vec<Refused>, whose: char| {
            all.iter().for_each(|refused| *told += &format!("{whose}{} ", refused.number));
        };
        for (number, code) in (1..).zip(answers.split(' ')) {
            let Ok(code) = code.parse() else {
                tell(&mut told, refusals.believed(), 'r');
                continue;
            };
            let reply = Reply { code, enhanced: None, text: "no".into() };
            let (from, happened) = (State::Claimed, DeliveryEvent::Rejected);
            let heard = refusals.hear(Refused { number, from, happened, no_mailbox: None, reply });
            tell(&mut told, heard.believed, 'r');
            tell(&mut told, heard.of_nobody, 'n');
            if let Some(trouble) = heard.trouble {
                told += &format!("[{}] ", trouble.why);
            }
        }
        tell(&mut told, refusals.believed(), 'r');
        told.trim_end().to_owned()
    }

    #[test]
    fn f27_five_alike_in_a_row_are_the_relays() {
        assert_eq!(heard("550 550 550 550"), "r1 r2 r3 r4");
        assert_eq!(heard("550 550 + 550 550 550"), "r1 r2 r4 r5 r6");
        assert_eq!(heard("550 550 554 554"), "r1 r2 r3 r4");
        assert_eq!(
            heard("552 550 550 550 550 550 550 554"),
            "r1 n2 n3 n4 n5 n6 [the relay refused 5 different people alike: 550 no] n7 r8"
        );
    }
}
