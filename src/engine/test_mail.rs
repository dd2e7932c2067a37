//! Test mails: a step as a recipient would get it, marked as a test, sent to a
//! configured tester with the configured transport. Nothing is enqueued or
//! recorded, and its links are not signed.

use crate::domain::model::address;
use crate::domain::model::email::{Email, Mailbox};
use crate::domain::model::ids::{Slug, StepName, UnitId};
use crate::domain::model::person::Person;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::message::{MessageBuilder, MessageMetadata, domain};
use crate::engine::panics::catch_panic;
use crate::engine::tokens;
use crate::mail::files;
use crate::mail::message::mime;
use crate::mail::smtp::Envelope;
use crate::mail::transport::{SendResult, Transport};
use crate::render::{ReaderLinks, RenderRequest};

/// Prefix of the subject.
const SUBJECT_PREFIX: &str = "[Test] ";

/// Name of the sample reader.
const SAMPLE_NAME: (&str, &str) = ("Kim", "Exempel");
/// Placeholder for values that only a real person has.
const SAMPLE_VALUE: &str = "Exempel";

/// A test mail, ready to send.
pub(crate) struct TestMail {
    pub(crate) to: String,
    /// With its prefix.
    pub(crate) subject: String,
    /// The plain text part.
    pub(crate) text: String,
    /// The whole message, without a DKIM signature.
    pub(crate) bytes: Vec<u8>,
    step: StepName,
    at: Timestamp,
}

/// The configured tester with that address, as written in the configuration.
pub(crate) fn tester<'w>(snapshot: &'w Snapshot, to: &str) -> Option<&'w str> {
    let to = address::parse(to).ok()?;
    snapshot.config.mail.testers.iter().find(|tester| address::same(tester, &to)).map(|tester| &**tester)
}

/// The default reader of a test mail: the tester, if the people file has them;
/// otherwise a sample person in an existing unit.
pub(crate) fn reader(snapshot: &Snapshot, tester: &str) -> Person {
    let own = snapshot.roster.find(tester).filter(|person| !person.protected);
    own.cloned().unwrap_or_else(|| sample_reader(snapshot))
}

fn sample_reader(snapshot: &Snapshot) -> Person {
    let anybody = snapshot.roster.people.iter().find(|person| !person.protected);
    let something = |column: &String| (column.as_str().into(), SAMPLE_VALUE.into());
    let unit = anybody.map_or_else(|| UnitId::new(SAMPLE_VALUE), |one| one.unit.clone());
    let language = snapshot.content.library.programme.default_language().clone();
    Person {
        department: anybody.and_then(|one| one.department.clone()).or_else(|| Some(SAMPLE_VALUE.into())),
        extra: snapshot.config.people.keep.iter().map(something).collect(),
        ..Person::new("test", SAMPLE_NAME, unit, language)
    }
}

/// Builds the mail that `reader` would get for a step, addressed to a tester;
/// `Err` says why it cannot be built.
pub(crate) fn make(
    snapshot: &Snapshot,
    name: &StepName,
    reader: &Person,
    to: &str,
    at: Timestamp,
) -> Result<TestMail, String> {
    // As for real mails, a panic becomes an error.
    catch_panic(|| {
        let email = email(snapshot, name, reader, to, at)?;
        let bytes = mime::bytes(&email).map_err(|fault| fault.to_string())?;
        let Email { subject, text, .. } = email;
        Ok(TestMail { to: to.to_owned(), subject, text, bytes, step: name.clone(), at })
    })
}

fn email(
    snapshot: &Snapshot,
    name: &StepName,
    reader: &Person,
    to: &str,
    at: Timestamp,
) -> Result<Email, String> {
    let past = snapshot.memory.of(&reader.id);
    let journey = snapshot.content.library.journey(&name.journey);
    let is_first = journey.is_some_and(|journey| journey.steps.first().is_some_and(|s| s.slug == name.step));
    let default = || snapshot.content.library.programme.default_character().map(|character| &character.id);
    let character: Option<&Slug> = past.character.as_ref().or_else(default);
    // The pages can show that it was a test.
    let links = ReaderLinks::preview(&format!("{}/test", snapshot.config.web.base_url));
    let letter = RenderRequest {
        journey: &name.journey,
        step: &name.step,
        round: 0,
        person: reader,
        unit_name: snapshot.roster.unit_name(&reader.unit),
        character,
        first: is_first,
        links: &links,
    };
    let marks = MessageMetadata {
        booked: at,
        message_id: message_id(snapshot, name, reader, to, at),
        in_reply_to: None,
        delivery: None,
        links: links.clone(),
    };
    let mut email = MessageBuilder::of(snapshot).email(&letter, &marks)?;
    email.subject.insert_str(0, SUBJECT_PREFIX);
    email.to = Mailbox { name: String::new(), address: to.to_owned() };
    Ok(email)
}

/// Never the Message-ID of a real mail: a mailbox that has both may hide one of
/// them.
fn message_id(snapshot: &Snapshot, name: &StepName, reader: &Person, to: &str, at: Timestamp) -> String {
    let fields = format!("test mail\n{name}\n{}\n{to}\n{}", reader.id.as_str(), at.timestamp());
    let hash = tokens::sha256_base32(fields.as_bytes());
    format!("<test.{}@{}>", &hash[..32], domain(snapshot))
}

/// Sends a test mail on a connection of its own, outside the rate limits.
pub(crate) fn hand_over(
    snapshot: &Snapshot,
    transport: &Transport,
    mail: &TestMail,
) -> anyhow::Result<SendResult> {
    let from = snapshot.config.mail.bounce.as_deref().unwrap_or(&snapshot.config.mail.from.address);
    let envelope = Envelope { from, to: &mail.to, size: mail.bytes.len() };
    transport.send_one(&envelope, &mail.bytes, mail.at, || file_name(snapshot, mail))
}

/// A name like those of real mails, but never the same.
fn file_name(snapshot: &Snapshot, mail: &TestMail) -> String {
    let civil = snapshot.content.library.programme.zone.civil(mail.at);
    let (date, time) = (civil.format("%Y-%m-%d"), civil.format("%H%M"));
    let tester = files::sanitize_filename(mail.to.split('@').next().unwrap_or_default());
    let StepName { journey, step } = &mail.step;
    format!("{date}/{time}-test-{tester}-{journey}-{step}.eml")
}
