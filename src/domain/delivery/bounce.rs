//! The result of a mail after the relay accepted it: the status code of a delivery report, and
//! its cause. `mail/inbound` parses reports, the store records the codes.

use std::fmt;

/// An enhanced status code (RFC 3463): `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode {
    /// 2 is success, 4 transient, 5 permanent.
    pub(crate) class: u8,
    /// The subject: 1 address, 2 mailbox, 7 policy.
    pub(crate) subject: u16,
    pub(crate) detail: u16,
}

/// There is no such mailbox.
pub(crate) const NO_MAILBOX: StatusCode = StatusCode { class: 5, subject: 1, detail: 1 };

impl StatusCode {
    /// Parses `5.1.1`; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<StatusCode> {
        let mut parts = text.split('.');
        let mut number = |longest: usize| {
            let part = parts.next()?;
            let plain = part.len() <= longest && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u16>().ok().filter(|_| plain)
        };
        let (class, subject, detail) = (number(1)?, number(3)?, number(3)?);
        let class = u8::try_from(class).ok().filter(|class| matches!(class, 2 | 4 | 5))?;
        parts.next().is_none().then_some(StatusCode { class, subject, detail })
    }

    /// The cause of a failure with this code. An unknown code is not the recipient's fault.
    pub(crate) fn cause(self) -> BounceCause {
        match (self.class, self.subject, self.detail) {
            // The sender's address or its limit: the operator's to fix.
            (5, 1, 7 | 8 | 90) => BounceCause::Channel,
            (5, 1, 1 | 2 | 3 | 6 | 10) | (5, 2, 1) => BounceCause::Mailbox,
            (5, 2, 3 | 250..=259) | (5, 3 | 5 | 6 | 7, _) => BounceCause::Channel,
            _ => BounceCause::Transient,
        }
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Why a mail bounced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BounceCause {
    /// The mailbox does not exist: no further mail to this address.
    Mailbox,
    /// Transient: a full mailbox, an unreachable remote server.
    Transient,
    /// A problem between the servers, or of the mail itself; not the recipient's.
    Channel,
}

impl BounceCause {
    pub(crate) const ALL: [BounceCause; 3] =
        [BounceCause::Mailbox, BounceCause::Transient, BounceCause::Channel];

    /// The stored word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BounceCause::Mailbox => "mailbox",
            BounceCause::Transient => "passing",
            BounceCause::Channel => "channel",
        }
    }

    /// Parses the stored word.
    pub(crate) fn parse(word: &str) -> Option<BounceCause> {
        BounceCause::ALL.into_iter().find(|blame| blame.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_gives_the_cause() {
        let blame = |text| StatusCode::parse(text).map(StatusCode::cause);
        for (code, expected) in [
            ("5.1.1", BounceCause::Mailbox),
            ("5.1.10", BounceCause::Mailbox),
            ("5.2.1", BounceCause::Mailbox),
            ("5.1.0", BounceCause::Transient),
            ("5.1.4", BounceCause::Transient),
            ("5.2.0", BounceCause::Transient),
            ("5.1.90", BounceCause::Channel),
            ("5.2.2", BounceCause::Transient),
            ("4.4.7", BounceCause::Transient),
            ("5.4.4", BounceCause::Transient),
            ("5.0.0", BounceCause::Transient),
            ("5.1.8", BounceCause::Channel),
            ("5.2.252", BounceCause::Channel),
            ("5.7.1", BounceCause::Channel),
            ("5.7.705", BounceCause::Channel),
            ("5.3.4", BounceCause::Channel),
        ] {
            assert_eq!(blame(code), Some(expected), "{code}");
            assert_eq!(StatusCode::parse(code).map(|code| code.to_string()).as_deref(), Some(code));
        }
        for odd in ["", "5", "5.1", "5.1.1.1", "3.1.1", "5.1.1000", "5.1.-1", "5.1. 1", "5.1.+1", "x.y.z"] {
            assert_eq!(StatusCode::parse(odd), None, "{odd}");
        }
    }
}
