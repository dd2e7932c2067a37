//! The ways to send a mail: into files, to an SMTP relay, or by a sendmail program.
//! The engine builds one from the configuration.

use super::files::MailDirectory;
use super::message::dkim::Signer;
use super::sendmail::Sendmail;
use super::smtp::{Envelope, Relay};
use crate::domain::delivery::reply::Outcome;
use crate::domain::time::timezone::Timestamp;

/// A way to send mails.
pub enum Transport {
    /// Writes files into a folder.
    Files(MailDirectory),
    /// Sends to an SMTP relay; the signer is for relays that do not sign.
    Smtp(Box<Relay>, Option<Signer>),
    /// Pipes mails into a local sendmail program.
    Sendmail(Sendmail, Option<Signer>),
}

/// The result of sending one mail.
pub(crate) enum SendResult {
    /// Written to a file with this name below the mail folder.
    File(String),
    /// The outcome of SMTP or sendmail.
    Outcome(Outcome),
}

impl Transport {
    /// Signs a mail and sends it, over a connection of its own. `file_name` is its name
    /// below the mail folder, if it becomes a file; `date` is that of the signature.
    ///
    /// # Errors
    ///
    /// If the file cannot be written or the mail cannot be signed; a failure of the relay
    /// or of the program is an outcome.
    pub(crate) fn send_one(
        &self,
        envelope: &Envelope<'_>,
        message: &[u8],
        date: Timestamp,
        file_name: impl FnOnce() -> String,
    ) -> anyhow::Result<SendResult> {
        match self {
            Transport::Files(directory) => {
                let name = file_name();
                directory.write(&name, message)?;
                Ok(SendResult::File(name))
            }
            Transport::Sendmail(program, signer) => {
                let message = signed(signer.as_ref(), message, date)?;
                Ok(SendResult::Outcome(program.hand_over(envelope.from, envelope.to, &message)))
            }
            Transport::Smtp(relay, signer) => {
                let message = signed(signer.as_ref(), message, date)?;
                let envelope = Envelope { size: message.len(), ..*envelope };
                Ok(SendResult::Outcome(send_smtp(relay, &envelope, &message)))
            }
        }
    }
}

fn send_smtp(relay: &Relay, envelope: &Envelope<'_>, message: &[u8]) -> Outcome {
    let mut connection = match relay.connect() {
        Ok(connection) => connection,
        Err(trouble) => return Outcome::RelayFailed(trouble),
    };
    let outcome = match connection.begin_message(envelope) {
        Ok(()) => connection.send_data(message, || {}),
        Err(outcome) => outcome,
    };
    connection.quit();
    outcome
}

/// The message, with its DKIM signature if there is a signer.
fn signed(signer: Option<&Signer>, message: &[u8], date: Timestamp) -> anyhow::Result<Vec<u8>> {
    let mut signed = match signer {
        Some(signer) => signer.sign(message, date).map_err(anyhow::Error::msg)?,
        None => Vec::new(),
    };
    signed.extend(message);
    Ok(signed)
}
