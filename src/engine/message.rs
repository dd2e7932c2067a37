//! Builds messages: renders a due mail and turns it into an RFC 5322 message.
//! Also exports the mails of a dry run as files.

use std::io;
use std::path::Path;

use crate::config::Config;
use crate::domain::delivery::state::MailPurpose;
use crate::domain::model::email::Email;
use crate::domain::model::ids::StepName;
use crate::domain::model::library::Library;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Held, Reason};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::panics::catch_panic;
use crate::engine::plan::pass::{self, DueEmail, HeldEmail, Pass};
use crate::engine::tokens::{Keys, LinkTarget, Purpose};
use crate::failpoint;
use crate::mail::files;
use crate::mail::message::compose::{self, ComposeOptions};
use crate::mail::message::mime;
use crate::render::access::{self, AccessMail, AskedFor};
use crate::render::{ReaderLinks, RenderRequest, RenderedEmail, Renderer};
use crate::store::OutboundDelivery;

/// What all messages have in common.
#[derive(Clone, Copy)]
pub struct MessageBuilder<'c> {
    pub(crate) config: &'c Config,
    pub(crate) library: &'c Library,
    pub(crate) renderer: &'c Renderer,
}

/// Metadata of one message besides its rendered text. The same metadata gives
/// the same bytes.
#[derive(Clone, Debug)]
pub struct MessageMetadata {
    /// When it was enqueued; becomes the `Date` header.
    pub booked: Timestamp,
    /// `<…@…>`
    pub message_id: String,
    /// Message-ID of the first mail, in a reminder.
    pub in_reply_to: Option<String>,
    /// The delivery number; `None` in a dry run.
    pub delivery: Option<i64>,
    /// Links to the recipient's own pages.
    pub links: ReaderLinks,
}

/// Writes every due mail of a pass into a folder, as
/// `<date>/<time>-<person>-<journey>-<step>-<round>.eml`; returns their number.
/// A mail that cannot be rendered for its person is moved to the held ones.
pub(crate) fn write(
    snapshot: &Snapshot,
    pass: &mut Pass<'_>,
    folder: &Path,
    mut one_more: impl FnMut(),
) -> io::Result<usize> {
    let mut written = 0;
    let mut sent = Vec::with_capacity(pass.send.len());
    for (place, due) in std::mem::take(&mut pass.send).into_iter().enumerate() {
        let marks = preview_metadata(snapshot, &due, pass.at, place);
        let builder = MessageBuilder::of(snapshot);
        match catch_panic(|| builder.bytes(&due.letter(snapshot, &marks.links), &marks)) {
            Ok(bytes) => {
                let name = builder.file_name(
                    &due.letter(snapshot, &marks.links),
                    pass.at,
                    &format!("protected{place}"),
                );
                files::write(folder, &name, &bytes)?;
                written += 1;
                sent.push(due);
            }
            Err(why) => pass.held.push(held(&due, why)),
        }
        one_more();
    }
    pass.send = sent;
    Ok(written)
}

/// A mail that cannot be rendered for its person.
fn held<'w>(due: &DueEmail<'w>, why: String) -> HeldEmail<'w> {
    let held = Held { step: Some(due.step.slug.clone()), reasons: vec![Reason::BadContent(why)] };
    HeldEmail::single(due.person, due.journey, held)
}

/// Metadata of a preview. Its links lead nowhere.
fn preview_metadata(snapshot: &Snapshot, due: &DueEmail<'_>, at: Timestamp, place: usize) -> MessageMetadata {
    let domain = domain(snapshot);
    let nameless =
        || format!("<dry-run.{}.{}.{}.{place}@{domain}>", due.journey.slug, due.step.slug, due.round);
    MessageMetadata {
        booked: at,
        message_id: message_id(snapshot, due, due.round).unwrap_or_else(nameless),
        in_reply_to: (due.round > 0).then(|| message_id(snapshot, due, 0)).flatten(),
        delivery: None,
        links: pass::links(snapshot),
    }
}

/// The Message-ID a mail has or will have; `None` before the database has a
/// secret.
pub fn message_id(snapshot: &Snapshot, due: &DueEmail<'_>, round: u16) -> Option<String> {
    let stored = snapshot.stored.as_ref()?;
    let step = StepName { journey: due.journey.slug.clone(), step: due.step.slug.clone() };
    Some(stored.keys.message_id(due.number?, &step, round, domain(snapshot)))
}

/// The domain of the sender address.
pub(super) fn domain(snapshot: &Snapshot) -> &str {
    snapshot.config.mail.from.address.rsplit('@').next().unwrap_or("localhost")
}

/// What the links of a mail refer to.
fn link_target(outgoing: &OutboundDelivery) -> LinkTarget {
    let delivery = &outgoing.delivery;
    LinkTarget { delivery: delivery.number, made: delivery.booked, epoch: outgoing.link_epoch }
}

impl<'c> MessageBuilder<'c> {
    /// With configuration and content of a snapshot.
    pub fn of(snapshot: &'c Snapshot) -> MessageBuilder<'c> {
        MessageBuilder {
            config: &snapshot.config,
            library: &snapshot.content.library,
            renderer: &snapshot.content.renderer,
        }
    }

    /// The complete message of a queued delivery; `Err` says why it cannot be
    /// built.
    pub(super) fn outgoing(&self, keys: &Keys, outgoing: &OutboundDelivery) -> Result<Vec<u8>, String> {
        let delivery = &outgoing.delivery;
        match outgoing.purpose {
            MailPurpose::Step => {}
            MailPurpose::Access | MailPurpose::OwnData => return self.access_mail(keys, outgoing),
        }
        let marks = MessageMetadata {
            booked: delivery.booked,
            message_id: delivery.message_id.clone(),
            in_reply_to: delivery.in_reply_to.clone(),
            delivery: Some(delivery.number),
            links: keys.links(&self.config.web.base_url, &link_target(outgoing)),
        };
        self.bytes(&self.letter(outgoing, &marks.links), &marks)
    }

    /// A mail with links that the person has asked for.
    fn access_mail(&self, keys: &Keys, outgoing: &OutboundDelivery) -> Result<Vec<u8>, String> {
        let (delivery, base_url) = (&outgoing.delivery, &self.config.web.base_url);
        let target = link_target(outgoing);
        let marks = MessageMetadata {
            booked: delivery.booked,
            message_id: delivery.message_id.clone(),
            in_reply_to: None,
            delivery: Some(delivery.number),
            links: keys.links(base_url, &target),
        };
        let letter = self.letter(outgoing, &marks.links);
        let step = StepName { journey: letter.journey.clone(), step: letter.step.clone() };
        let step = self.library.step(&step).ok_or("the step is gone")?;
        let language = self.library.programme.serve(&outgoing.person.language);
        let url = |purpose| keys.url(base_url, &target, purpose);
        let (journey, own_data) = (url(Purpose::Journey), url(Purpose::Mine));
        let mail = access::render(&AccessMail {
            language,
            first_name: &outgoing.person.first_name,
            programme_title: self.renderer.programme_title(language),
            asked: match outgoing.purpose {
                MailPurpose::OwnData => AskedFor::OwnData { link: &own_data },
                MailPurpose::Step | MailPurpose::Access => AskedFor::Step {
                    title: &step.variant(language, letter.character).title,
                    answer: &marks.links.answer,
                },
            },
            journey: &journey,
        });
        let mail = self.compose(mail.map_err(|fault| fault.to_string())?, &letter, &marks);
        mime::bytes(&mail).map_err(|fault| fault.to_string())
    }

    /// The render input of a queued delivery.
    pub(super) fn letter<'s>(
        &'s self,
        outgoing: &'s OutboundDelivery,
        links: &'s ReaderLinks,
    ) -> RenderRequest<'s> {
        let step = &outgoing.delivery.step;
        let default = || self.library.programme.default_character().map(|character| &character.id);
        let journey = self.library.journey(&step.journey);
        RenderRequest {
            journey: &step.journey,
            step: journey.map_or(&step.step, |journey| journey.todays_name(&step.step)),
            round: outgoing.delivery.round,
            person: &outgoing.person,
            unit_name: &outgoing.unit_name,
            character: outgoing.character.as_ref().or_else(default),
            first: outgoing.first,
            links,
        }
    }

    /// Renders a message to bytes; `Err` says why it cannot be built.
    pub fn bytes(&self, letter: &RenderRequest<'_>, marks: &MessageMetadata) -> Result<Vec<u8>, String> {
        failpoint::panics("letters.make");
        mime::bytes(&self.email(letter, marks)?).map_err(|fault| fault.to_string())
    }

    /// Renders a message before it is encoded.
    pub(super) fn email(&self, letter: &RenderRequest<'_>, marks: &MessageMetadata) -> Result<Email, String> {
        let mail = self.renderer.mail(letter).map_err(|fault| fault.to_string())?;
        Ok(self.compose(mail, letter, marks))
    }

    fn compose(&self, mail: RenderedEmail, letter: &RenderRequest<'_>, marks: &MessageMetadata) -> Email {
        let config = &self.config.mail;
        let id = marks.message_id.trim_start_matches('<').split('@').next().unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let id: String = id.chars().map(plain).take(48).collect();
        let journey = self.library.journey(letter.journey);
        let title = journey.map_or(letter.journey.as_str(), |journey| journey.title_in(&mail.language));
        let sending = ComposeOptions {
            from: &config.from,
            reply_to: &config.reply_to,
            name: &format!("{} {}", letter.person.first_name, letter.person.last_name),
            address: letter.person.email.as_deref().unwrap_or_default(),
            date: marks.booked,
            offset_seconds: self.library.programme.zone.offset_seconds(marks.booked),
            message_id: &marks.message_id,
            boundary: &format!("journey-{id}"),
            journey: (letter.journey, title),
            pause: &marks.links.pause,
            delivery: marks.delivery,
            first_message_id: marks.in_reply_to.as_deref(),
        };
        compose::email(mail, &sending)
    }

    /// Path of the file of a queued delivery.
    pub(super) fn outgoing_file_name(&self, keys: &Keys, outgoing: &OutboundDelivery) -> String {
        let number = outgoing.delivery.number;
        let links = keys.links(&self.config.web.base_url, &link_target(outgoing));
        let letter = self.letter(outgoing, &links);
        let name = self.file_name(&letter, outgoing.delivery.booked, &format!("protected-{number}"));
        match outgoing.purpose {
            MailPurpose::Step => name,
            MailPurpose::Access => name.replace(".eml", "-link.eml"),
            MailPurpose::OwnData => name.replace(".eml", "-data.eml"),
        }
    }

    /// Path of a message file below its folder. `stands_for` replaces the id of a
    /// protected person.
    pub(super) fn file_name(&self, letter: &RenderRequest<'_>, at: Timestamp, stands_for: &str) -> String {
        let civil = self.library.programme.zone.civil(at);
        let person = match letter.person.protected {
            true => stands_for.to_owned(),
            false => files::sanitize_filename(letter.person.id.as_str()),
        };
        let (date, time) = (civil.format("%Y-%m-%d"), civil.format("%H%M"));
        format!("{date}/{time}-{person}-{}-{}-{}.eml", letter.journey, letter.step, letter.round)
    }
}
