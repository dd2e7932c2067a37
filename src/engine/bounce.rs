//! Processes mails sent to a return path. A bounce with a valid token of one of
//! our mails, about its recipient, is recorded. Without a valid token it could
//! be forged and changes nothing.

use std::io::{self, Read};

use crate::domain::change::ChangeAuthor;
use crate::domain::delivery::bounce::{BounceCause, StatusCode};
use crate::domain::model::address;
use crate::engine::tokens::{self, Keys};
use crate::mail::inbound::{self, DsnAction, Incoming, IncomingKind, RecipientReport};
use crate::store::{BounceRecord, DeliveryRecipient, Store, StoreError};

/// Largest size of a bounce message.
const LONGEST: u64 = 10_000_000;

/// The result of processing a mail to a return path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BounceOutcome {
    /// A mail bounced.
    Bounced {
        /// The number of the delivery that bounced.
        delivery: i64,
        /// The enhanced status code of the report.
        code: StatusCode,
        /// What was recorded.
        kept: BounceRecord,
    },
    /// The mail is delayed, or was delivered.
    Delayed {
        /// The number of the delivery.
        delivery: i64,
    },
    /// A report about one of our mails, but about another recipient.
    OtherRecipient {
        /// The number of the delivery that carried the token.
        delivery: i64,
    },
    /// A report without a valid token, or about a mail that was never sent.
    UnknownToken,
    /// Not a report: an automatic reply or a read receipt.
    Automatic,
    /// Not a report: a personal message.
    PersonalReply,
    /// Cannot be parsed. It is counted, and nothing of it is stored but a
    /// reference, in the audit log.
    Unparseable {
        /// Tells this mail from others; nothing in it can be read from it.
        reference: String,
        /// The delivery whose return path it came to.
        delivery: Option<i64>,
    },
}

/// Reads a mail; of one that is too long for a report only the beginning.
pub fn mail(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Processes a mail to a return path. `envelope_to` is the envelope recipient
/// that the mail server passed on; it takes precedence over the headers.
pub fn take(
    store: &mut Store,
    bytes: &[u8],
    envelope_to: Option<&str>,
    act: &ChangeAuthor,
) -> Result<BounceOutcome, StoreError> {
    let incoming = match bytes.len() as u64 > LONGEST {
        true => Incoming { to: Vec::new(), kind: IncomingKind::Unparseable },
        false => inbound::read(bytes),
    };
    let keys = Keys::new(&store.secrets()?);
    let mut candidates = envelope_to.into_iter().chain(incoming.to.iter().map(String::as_str));
    let delivery = candidates.find_map(|address| keys.verify_return_path(address));
    let fates = match incoming.kind {
        IncomingKind::Report(fates) => fates,
        IncomingKind::Receipt | IncomingKind::AutoReply => return Ok(BounceOutcome::Automatic),
        IncomingKind::PersonalReply => return Ok(BounceOutcome::PersonalReply),
        IncomingKind::Unparseable => {
            let reference = reference(bytes);
            store.record_unparsed_bounce(&reference, delivery, act)?;
            return Ok(BounceOutcome::Unparseable { reference, delivery });
        }
    };
    let Some(delivery) = delivery else { return Ok(BounceOutcome::UnknownToken) };
    let Some(sent_to) = store.delivery_recipient(delivery)? else { return Ok(BounceOutcome::UnknownToken) };
    let Some(fate) = fate_of(&fates, &sent_to) else { return Ok(BounceOutcome::OtherRecipient { delivery }) };
    match fate.action {
        DsnAction::Delayed => Ok(BounceOutcome::Delayed { delivery }),
        DsnAction::Failed => {
            // Failed without a status code: treat it as a generic permanent failure.
            let code = fate.code.unwrap_or(StatusCode { class: 5, subject: 0, detail: 0 });
            let kept = store.record_bounce(delivery, &sent_to, code, act)?;
            Ok(BounceOutcome::Bounced { delivery, code, kept })
        }
    }
}

/// The first characters of the hash of a mail.
fn reference(bytes: &[u8]) -> String {
    tokens::sha256_base32(bytes).chars().take(8).collect()
}

/// The report for our recipient. With several recipients it must match the
/// address; a single one is taken as ours, because the mailbox may forward.
fn fate_of<'f>(fates: &'f [RecipientReport], sent_to: &DeliveryRecipient) -> Option<&'f RecipientReport> {
    if let [only] = fates {
        return Some(only);
    }
    let email = sent_to.email.as_deref()?;
    fates.iter().find(|fate| fate.addresses.iter().any(|one| address::same(one, email)))
}

/// Whether the cause is the relay or the mail itself, so that other mails
/// bounce too.
pub fn is_alarm(code: StatusCode) -> bool {
    code.cause() == BounceCause::Channel
}
