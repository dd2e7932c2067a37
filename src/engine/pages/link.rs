//! A link that a person opens: whose it is, and which step it is about.

use chrono::TimeDelta;

use crate::config::Config;
use crate::domain::change::ChangeAuthor;
use crate::domain::model::ids::{Language, PersonNumber, Slug, StepName};
use crate::domain::model::journey::Journey;
use crate::domain::model::library::Library;
use crate::domain::model::step::{Step, Variant};
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::tokens::{Claim, Keys, LinkTarget, Purpose};
use crate::store::{AccessKind, AuditRecord, LinkReader, Store, StoreError};

/// A link to the own data is valid for this long after the mail server accepted its mail.
const OWN_DATA_LIFETIME: TimeDelta = TimeDelta::minutes(30);

/// Mails a new link to the recipient of a link that was valid once, if they are still there. It goes to
/// the stored address. Tells nothing: the answer to the request is the same in any case.
pub(crate) fn request_new(
    store: &mut Store,
    keys: &Keys,
    config: &Config,
    claim: Claim,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(reader) = store.link_reader(claim.delivery)? else { return Ok(()) };
    // A revoked link may be in other hands; whoever has it cannot make mails leave.
    if reader.has_left || reader.epoch != claim.epoch || !reader.person.reachable() {
        return Ok(());
    }
    let kind = if claim.purpose == Purpose::Mine { AccessKind::OwnData } else { AccessKind::Step };
    enqueue(store, keys, config, (claim.delivery, kind), now)?;
    Ok(())
}

/// What became of a request for the own data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnDataRequest {
    /// A link is mailed to the stored address.
    Mailed,
    /// One was mailed within the last hour.
    AlreadyMailed,
    /// There is no address that works.
    NoAddress,
}

/// Mails the person a link to everything that is stored about them.
pub(crate) fn request_own_data(
    store: &mut Store,
    keys: &Keys,
    config: &Config,
    link: &Link<'_>,
    now: Timestamp,
) -> Result<OwnDataRequest, StoreError> {
    if !link.reader.person.reachable() {
        return Ok(OwnDataRequest::NoAddress);
    }
    let enqueued = enqueue(store, keys, config, (link.delivery, AccessKind::OwnData), now)?;
    Ok(if enqueued.is_some() { OwnDataRequest::Mailed } else { OwnDataRequest::AlreadyMailed })
}

fn enqueue(
    store: &mut Store,
    keys: &Keys,
    config: &Config,
    (delivery, kind): (i64, AccessKind),
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let domain = config.mail.from.address.rsplit('@').next().unwrap_or("localhost");
    store.enqueue_access_mail(delivery, kind, now, |number| keys.access_message_id(number, domain))
}

/// A link for the help desk, with its entry in the audit log. `None` if the person has had no mail of
/// the step.
pub(crate) fn for_help_desk(
    store: &mut Store,
    snapshot: &Snapshot,
    person: PersonNumber,
    step: &StepName,
    purpose: Purpose,
    author: &ChangeAuthor,
) -> Result<Option<String>, StoreError> {
    let names = snapshot.content.library.names_of(step);
    let Some(delivery) = store.newest_delivery_of(person, &names)? else { return Ok(None) };
    let Some(reader) = store.link_reader(delivery)? else { return Ok(None) };
    let subject = step.to_string();
    let record = AuditRecord {
        action: "link",
        subject: &subject,
        person: Some(person),
        before: "",
        after: "link shown",
    };
    store.record_action(author, &record)?;
    let keys = Keys::new(&store.secrets()?);
    let target = LinkTarget { delivery, made: author.at, epoch: reader.epoch };
    Ok(Some(keys.url(&snapshot.config.web.base_url, &target, purpose)))
}

impl LinkReader {
    /// Whether a link of this mail shows the own data: the mail was sent for that, a short time ago.
    fn may_show_own_data(&self, now: Timestamp) -> bool {
        self.is_own_data && self.accepted.is_some_and(|accepted| now < accepted + OWN_DATA_LIFETIME)
    }
}

/// A valid link.
#[derive(Debug)]
pub(crate) struct Link<'c> {
    pub(crate) reader: LinkReader,
    pub(crate) delivery: i64,
    pub(crate) library: &'c Library,
    pub(crate) journey: &'c Journey,
    pub(crate) step: &'c Step,
}

impl<'c> Link<'c> {
    /// Opens the link with a token; `None` if it is not valid. All invalid links are alike.
    pub(crate) fn open(
        store: &Store,
        keys: &Keys,
        library: &'c Library,
        token: &str,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Option<Link<'c>>, StoreError> {
        let Some(claim) = keys.verify(token, purpose, now) else { return Ok(None) };
        let link = Link::of(store, library, claim)?;
        Ok(link.filter(|link| purpose != Purpose::Mine || link.reader.may_show_own_data(now)))
    }

    /// The link of a claim whose signature is valid.
    pub(crate) fn of(
        store: &Store,
        library: &'c Library,
        claim: Claim,
    ) -> Result<Option<Link<'c>>, StoreError> {
        let Some(mut reader) = store.link_reader(claim.delivery)? else { return Ok(None) };
        if reader.has_left || reader.epoch != claim.epoch {
            return Ok(None);
        }
        reader.step = library.todays_name(&reader.step);
        let Some(journey) = library.journey(&reader.step.journey) else { return Ok(None) };
        let Some(step) = journey.step(&reader.step.step) else { return Ok(None) };
        Ok(Some(Link { reader, delivery: claim.delivery, library, journey, step }))
    }

    /// What other links on the page refer to. They are valid from `now` on.
    pub(crate) fn target(&self, now: Timestamp) -> LinkTarget {
        LinkTarget { delivery: self.delivery, made: now, epoch: self.reader.epoch }
    }

    /// The language of the mails to the person.
    pub(crate) fn language(&self) -> &'c Language {
        self.library.programme.serve(&self.reader.person.language)
    }

    /// The person's character, or the default one.
    pub(crate) fn character(&self) -> Option<&Slug> {
        let default = self.library.programme.default_character().map(|character| &character.id);
        self.reader.character.as_ref().or(default)
    }

    /// The step's text in a language.
    pub(crate) fn text(&self, language: &Language) -> &'c Variant {
        self.step.variant(language, self.character())
    }

    /// The author of what the person does on a page.
    pub(crate) fn author(now: Timestamp) -> ChangeAuthor {
        ChangeAuthor { at: now, by: "themselves".to_owned(), why: None }
    }
}
