//! `[mail]`: sender and reply addresses, transport, and DKIM signature.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use super::section::Section;
use super::smtp::{self, SmtpConfig};
use super::values::{filled, length};
use crate::domain::model::address;
use crate::domain::model::email::Mailbox;

/// `[mail]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// The sender.
    pub from: Mailbox,
    /// Where replies go.
    pub reply_to: Mailbox,
    /// How mails are sent.
    pub transport: Transport,
    /// The folder for [`Transport::Files`].
    pub(crate) folder: PathBuf,
    /// The program for [`Transport::Sendmail`].
    pub(crate) sendmail: PathBuf,
    /// The return path for bounces; each mail adds a token to it. `None`: bounces go to
    /// [`MailConfig::from`] without a token.
    pub bounce: Option<Box<str>>,
    /// How long to wait before a mail in doubt is sent again.
    pub(crate) in_doubt_wait: TimeDelta,
    /// The only addresses `journey test` may send to.
    pub(crate) testers: Vec<Box<str>>,
    /// The SMTP relay.
    pub smtp: SmtpConfig,
    /// The signature; `None` if the relay signs.
    pub(crate) dkim: Option<DkimConfig>,
}

/// `[mail.dkim]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DkimConfig {
    /// The signing domain.
    pub(crate) domain: String,
    /// The name of the key in DNS.
    pub(crate) selector: String,
    /// Path of the private key.
    pub(crate) key_file: PathBuf,
}

/// How mails are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Written to a folder.
    Files,
    /// Sent to a relay by SMTP.
    Smtp,
    /// Passed to the `sendmail` program.
    Sendmail,
}

/// Reads `Hållbara Ekdala <larresa@ekdala.example>` or a bare address.
fn mailbox(text: &str) -> Result<Mailbox, String> {
    let text = text.trim();
    let (name, bare) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, bare)) => (name.trim().trim_matches('"'), bare),
        None => ("", text),
    };
    let odd = |c: char| c.is_control() || matches!(c, '<' | '>' | '"');
    if name.chars().any(odd) || name.chars().count() > 100 {
        return Err("has a name with quotes, brackets or line breaks in it, or a very long one".to_owned());
    }
    let address = address::parse(bare).map_err(|why| {
        format!("{why}; write an address, or a name and an address like \"Hållbara Ekdala <larresa@ekdala.example>\"")
    })?;
    Ok(Mailbox { name: name.to_owned(), address: address.into() })
}

pub(super) fn mail(section: &mut Section<'_, '_>, base: &Path) -> MailConfig {
    let nobody = || Mailbox { name: String::new(), address: String::new() };
    let transports =
        [("files", Transport::Files), ("smtp", Transport::Smtp), ("sendmail", Transport::Sendmail)];
    let from =
        section.required("from", mailbox, "Hållbara Ekdala <larresa@ekdala.example>").unwrap_or_else(nobody);
    MailConfig {
        bounce: section.value("bounce", |text| return_path(text, &from.address)),
        from,
        reply_to: section.required("reply_to", mailbox, "hallbarhet@ekdala.example").unwrap_or_else(nobody),
        transport: section.one_of("transport", &transports).unwrap_or(Transport::Files),
        folder: section.path("folder", base, "outbox"),
        sendmail: section.path("sendmail", base, "/usr/sbin/sendmail"),
        in_doubt_wait: section.value("in_doubt_wait", length).unwrap_or(TimeDelta::minutes(15)),
        testers: section.list("testers", |text| address::parse(text).map_err(str::to_owned)),
        smtp: section.section("smtp", "mail.smtp", |section| smtp::smtp(section, base)),
        dkim: section.section("dkim", "mail.dkim", |section| dkim(section, base)),
    }
}

/// The return path: an address with room for a token, in a domain aligned with the
/// sender's, as SPF and DMARC require.
fn return_path(text: &str, from: &str) -> Result<Box<str>, String> {
    let address = address::parse(text).map_err(|why| format!("{why}; write one bare address"))?;
    let (local, domain) = address.rsplit_once('@').unwrap_or_default();
    let (_, ours) = from.rsplit_once('@').unwrap_or_default();
    let below = |one: &str, other: &str| one.strip_suffix(other).is_some_and(|rest| rest.ends_with('.'));
    if local.len() > MAX_RETURN_PATH_LENGTH || local.contains('+') {
        return Err(format!(
            "must have at most {MAX_RETURN_PATH_LENGTH} letters and no `+` before its `@`: each mail adds a token there"
        ));
    }
    if !ours.is_empty() && domain != ours && !below(domain, ours) && !below(ours, domain) {
        return Err("is in another domain than `from`; relays take such mails for forged".to_owned());
    }
    Ok(address)
}

/// 64 octets, less `+` and a token.
const MAX_RETURN_PATH_LENGTH: usize = 23;

/// DKIM needs all three keys, or the section is absent.
fn dkim(section: &mut Section<'_, '_>, base: &Path) -> Option<DkimConfig> {
    let text = |text: &str| filled(text).map(str::to_owned);
    let file = |text: &str| Ok(base.join(filled(text)?));
    if section.is_absent(&["domain", "selector", "key_file"]) {
        return None;
    }
    Some(DkimConfig {
        domain: section.required("domain", text, "ekdala.example").unwrap_or_default(),
        selector: section.required("selector", text, "journey").unwrap_or_default(),
        key_file: section.required("key_file", file, "dkim.pem").unwrap_or_default(),
    })
}
