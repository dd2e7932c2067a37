//! What a mail to a return path changes: a report with the token of one of our
//! mails, about its reader, is remembered. What has no token is somebody's
//! claim, and changes nothing (T20, F125).

use std::io::{self, Read};

use super::keys::Keys;
use crate::domain::address;
use crate::domain::bounce::{Blame, StatusCode};
use crate::domain::change::Act;
use crate::mail::bounce::{self, Action, Fate, Reading};
use crate::store::{Kept, SentTo, Store, StoreError};

/// A longer mail is no report.
const LONGEST: u64 = 10_000_000;

/// What came of a mail to a return path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A mail of ours came back.
    CameBack {
        /// Which.
        delivery: i64,
        /// With which code.
        code: StatusCode,
        /// What was remembered.
        kept: Kept,
    },
    /// A mail of ours is under way, or has arrived.
    UnderWay {
        /// Which.
        delivery: i64,
    },
    /// A report about a mail of ours, and not about its reader.
    OfSomebodyElse {
        /// Which.
        delivery: i64,
    },
    /// A report without a token of ours, or about a mail that was never sent.
    NotOurs,
    /// No report: an answer no person wrote, or that it was opened.
    Automatic,
    /// No report: somebody wrote to the return path.
    Letter,
    /// It cannot be read. It is counted, and nothing else is kept of it.
    NotUnderstood,
}

/// Reads a mail; `None` where it is longer than any report.
///
/// # Errors
///
/// Where it cannot be read.
pub fn mail(input: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= LONGEST))
}

/// Takes a mail that came to a return path. `envelope_to` is to whom the
/// server says it was handed; it goes before what stands in the mail.
///
/// # Errors
///
/// Where the database cannot be read or written.
pub fn take(
    store: &mut Store,
    bytes: &[u8],
    envelope_to: Option<&str>,
    act: &Act,
) -> Result<Taken, StoreError> {
    let incoming = bounce::read(bytes);
    let fates = match incoming.reading {
        Reading::Report(fates) => fates,
        Reading::Receipt | Reading::AutoReply => return Ok(Taken::Automatic),
        Reading::Letter => return Ok(Taken::Letter),
        Reading::NotUnderstood => {
            store.note_unparsed()?;
            return Ok(Taken::NotUnderstood);
        }
    };
    let keys = Keys::new(&store.secret()?);
    let candidates = envelope_to.into_iter().chain(incoming.to.iter().map(String::as_str));
    let Some(delivery) = candidates.into_iter().find_map(|address| keys.verify_return_path(address)) else {
        return Ok(Taken::NotOurs);
    };
    let Some(sent_to) = store.sent_to(delivery)? else { return Ok(Taken::NotOurs) };
    let Some(fate) = fate_of(&fates, &sent_to) else { return Ok(Taken::OfSomebodyElse { delivery }) };
    match fate.action {
        Action::UnderWay => Ok(Taken::UnderWay { delivery }),
        Action::Failed => {
            // Given up without a word why: it may go better the next time.
            let code = fate.code.unwrap_or(StatusCode { class: 5, subject: 0, detail: 0 });
            let kept = store.keep_bounce(delivery, &sent_to, code, act)?;
            Ok(Taken::CameBack { delivery, code, kept })
        }
    }
}

/// What became of the mail for its reader. Of several readers only the one it
/// went to is ours (F127); a single one is, also where the mailbox it went to
/// hands mails on.
fn fate_of<'f>(fates: &'f [Fate], sent_to: &SentTo) -> Option<&'f Fate> {
    if let [only] = fates {
        return Some(only);
    }
    let email = sent_to.email.as_deref()?;
    fates.iter().find(|fate| fate.addresses.iter().any(|one| address::same(one, email)))
}

/// Is it about the relay or the mail, so that others come back too?
pub fn is_alarm(code: StatusCode) -> bool {
    code.blame() == Blame::Channel
}
