//! Refusals, and whom they concern. One reply concerns its recipient; the same
//! reply to several different recipients in a row, with none accepted in between,
//! is a problem of the mail server or the account, not of a recipient. So what
//! comes of a refusal is recorded once the replies to others are known.

use crate::domain::delivery::bounce::StatusCode;
use crate::domain::delivery::reply::{Phase, RelayError, RelayErrorKind, Reply};
use crate::domain::delivery::state::{DeliveryEvent, State};

/// This many different recipients in a row with the same reply mean the mail
/// server and not the recipients.
const IDENTICAL_REPLIES: usize = 3;

/// A mail that the mail server rejection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    pub(super) number: i64,
    /// The state of the delivery.
    pub(super) from: State,
    /// What the refusal means if it concerns the recipient.
    pub(super) happened: DeliveryEvent,
    /// How often the mail was tried before.
    pub(super) attempts: u32,
    /// A limit that others passed stopped it in this run already.
    pub(super) again: bool,
    /// The code that says that there is no such mailbox.
    pub(super) no_mailbox: Option<StatusCode>,
    pub(super) reply: Reply,
}

/// What tells one reply from another: the codes, not the text.
type Answer = (u16, Option<StatusCode>);

impl Rejection {
    fn answer(&self) -> Answer {
        (self.reply.code, self.reply.enhanced)
    }

    /// A limit of the mail server; it is the recipient's only if others pass.
    fn is_limit(&self) -> bool {
        self.happened == DeliveryEvent::Deferred
    }

    fn kind(&self) -> RelayErrorKind {
        if self.is_limit() && self.reply.code < 500 {
            RelayErrorKind::Transient
        } else {
            RelayErrorKind::Permanent
        }
    }
}

/// What one more refusal means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Classified {
    /// These concern their recipients.
    pub(super) recipients: Vec<Rejection>,
    /// These concern no recipient: the mails are due as before.
    pub(super) relay_wide: Vec<Rejection>,
    /// The mail server refuses everybody.
    pub(super) error: Option<RelayError>,
}

/// Refusals of which it is not known yet whom they concern.
#[derive(Default)]
pub(super) struct RejectionTracker {
    /// The same reply, one after the other.
    alike: Vec<Rejection>,
    /// The reply that everybody gets.
    to_all: Option<Answer>,
}

impl RejectionTracker {
    /// Takes one more.
    pub(super) fn record(&mut self, rejection: Rejection) -> Classified {
        let answer = rejection.answer();
        // Connections that asked before this was known get the same reply.
        if self.to_all == Some(answer) {
            return Classified { relay_wide: vec![rejection], ..Classified::default() };
        }
        let alike = self.alike.iter().all(|before| before.answer() == answer);
        let recipients = if alike { Vec::new() } else { self.take_confirmed() };
        let why = format!(
            "the mail server gave the same answer to {IDENTICAL_REPLIES} different recipients in a row: {}",
            rejection.reply
        );
        let kind = rejection.kind();
        self.alike.push(rejection);
        if self.alike.len() < IDENTICAL_REPLIES {
            return Classified { recipients, ..Classified::default() };
        }
        self.to_all = Some(answer);
        let error = Some(RelayError { kind, phase: Phase::Rcpt, why });
        Classified { recipients, relay_wide: std::mem::take(&mut self.alike), error }
    }

    /// Those there are concern their recipients: the mail server accepts mails.
    pub(super) fn take_confirmed(&mut self) -> Vec<Rejection> {
        std::mem::take(&mut self.alike)
    }

    /// Whether the next reply decides.
    pub(super) fn next_decides(&self) -> bool {
        self.alike.len() + 1 == IDENTICAL_REPLIES
    }

    /// There are no more mails. A limit that no mail passed concerns no recipient.
    pub(super) fn finish(&mut self) -> Classified {
        let left = self.take_confirmed();
        match left.last().filter(|last| last.is_limit() && !last.again) {
            None => Classified { recipients: left, ..Classified::default() },
            Some(last) => {
                let why = format!("the mail server takes no more mails now: {}", last.reply);
                let error = Some(RelayError { kind: last.kind(), phase: Phase::Rcpt, why });
                Classified { relay_wide: left, error, ..Classified::default() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replies in order, `+` for a mail that is accepted, `!` before a limit; of each
    /// mail whether it concerns its recipient, `r`, or none, `n`, in the order in
    /// which it is known.
    fn classified(answers: &str) -> String {
        let mut tracker = RejectionTracker::default();
        let mut text = String::new();
        let describe = |text: &mut String, classified: Classified| {
            classified.recipients.iter().for_each(|rejection| *text += &format!("r{} ", rejection.number));
            classified.relay_wide.iter().for_each(|rejection| *text += &format!("n{} ", rejection.number));
            if let Some(error) = classified.error {
                *text += &format!("[{:?}: {}] ", error.kind, error.why);
            }
        };
        for (number, code) in (1..).zip(answers.split(' ')) {
            let limit = code.strip_prefix('!');
            let Ok(code) = limit.unwrap_or(code).parse() else {
                let recipients = tracker.take_confirmed();
                describe(&mut text, Classified { recipients, ..Classified::default() });
                continue;
            };
            let reply = Reply { code, enhanced: None, text: "no".into() };
            let happened = if limit.is_some() { DeliveryEvent::Deferred } else { DeliveryEvent::Rejected };
            let classified = tracker.record(Rejection {
                number,
                from: State::Due,
                happened,
                attempts: 0,
                again: false,
                no_mailbox: None,
                reply,
            });
            describe(&mut text, classified);
        }
        describe(&mut text, tracker.finish());
        text.trim_end().to_owned()
    }

    #[test]
    fn the_same_reply_to_three_in_a_row_concerns_no_recipient() {
        const ALL: &str =
            "[Permanent: the mail server gave the same answer to 3 different recipients in a row: 550 no]";
        for (answers, expected) in [
            ("550", "r1"),
            ("550 550", "r1 r2"),
            ("550 550 + 550 550", "r1 r2 r4 r5"),
            ("550 + 550 + 550", "r1 r3 r5"),
            ("550 550 554 554", "r1 r2 r3 r4"),
            ("550 550 554 550 550", "r1 r2 r3 r4 r5"),
            ("550 550 550", &format!("n1 n2 n3 {ALL}")),
            ("552 550 550 550 550 554", &format!("r1 n2 n3 n4 {ALL} n5 r6")),
            ("!452", "n1 [Transient: the mail server takes no more mails now: 452 no]"),
            ("!452 +", "r1"),
            ("550 !452", "r1 n2 [Transient: the mail server takes no more mails now: 452 no]"),
            ("!550", "n1 [Permanent: the mail server takes no more mails now: 550 no]"),
        ] {
            assert_eq!(classified(answers), expected, "{answers}");
        }
    }
}
