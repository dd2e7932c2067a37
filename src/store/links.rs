//! What the links of mails need: whose a link is, and which links are valid.

use chrono::{NaiveDate, TimeDelta};
use rusqlite::{OptionalExtension, params};

use super::deliveries::next_delivery;
use super::people::{ExtraColumns, StringInterner};
use super::{AuditRecord, Store, StoreError, audit, codec, people};
use crate::domain::change::ChangeAuthor;
use crate::domain::model::ids::{PersonNumber, Slug, StepName};
use crate::domain::model::person::Person;
use crate::domain::time::timezone::Timestamp;

/// One person gets at most one mail of each kind in this time.
const ACCESS_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// What a mail that a person asks for has links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessKind {
    /// The pages of a step.
    Step,
    /// Everything that is stored about the person.
    OwnData,
}

impl AccessKind {
    /// A mail that cannot leave within this time is not sent any more.
    fn lifetime(self) -> TimeDelta {
        match self {
            AccessKind::Step => TimeDelta::hours(24),
            AccessKind::OwnData => TimeDelta::minutes(30),
        }
    }
}

/// The person to whom a mail was sent.
#[derive(Clone, Debug)]
pub(crate) struct LinkReader {
    pub(crate) number: PersonNumber,
    /// Without additional columns.
    pub(crate) person: Person,
    pub(crate) unit_name: String,
    /// The character the person has chosen.
    pub(crate) character: Option<Slug>,
    /// Links of other epochs are not valid.
    pub(crate) epoch: u8,
    pub(crate) has_left: bool,
    /// The step of the mail, by the name it had then.
    pub(crate) step: StepName,
    /// When the mail server accepted the mail.
    pub(crate) accepted: Option<Timestamp>,
    /// Whether the mail has a link to everything that is stored about the person.
    pub(crate) is_own_data: bool,
}

/// A person's own pause that was not ended.
#[derive(Clone, Debug)]
pub(crate) struct OpenPause {
    pub(crate) from: Timestamp,
    /// The first day with mails again.
    pub(crate) until: Option<NaiveDate>,
    pub(crate) reason: String,
}

impl Store {
    /// The recipient of a delivery.
    pub(crate) fn link_reader(&self, delivery: i64) -> Result<Option<LinkReader>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/link_reader.sql"))?;
        let mut found = statement.query([delivery])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let known = people::known(row, &mut StringInterner::default(), &ExtraColumns::new())?;
        Ok(Some(LinkReader {
            number: known.number,
            person: known.person,
            unit_name: known.unit_name,
            has_left: known.has_left,
            step: StepName { journey: codec::slug(row, 16)?, step: codec::slug(row, 17)? },
            accepted: codec::maybe_time(row, 18)?,
            epoch: row.get(19)?,
            character: codec::maybe_str(row, 20)?.map(|_| codec::slug(row, 20)).transpose()?,
            is_own_data: row.get(21)?,
        }))
    }

    /// Enqueues a mail with links for the recipient of a delivery. At most one of a kind is enqueued in
    /// an hour; `None` if there was one. `message_id` is made from the number of the new delivery.
    pub(crate) fn enqueue_access_mail(
        &mut self,
        delivery: i64,
        kind: AccessKind,
        now: Timestamp,
        message_id: impl FnOnce(i64) -> String,
    ) -> Result<Option<i64>, StoreError> {
        let is_own_data = kind == AccessKind::OwnData;
        let tx = self.write_transaction()?;
        let sql = "SELECT max(delivery.booked_at) FROM delivery
                   JOIN enrolment ON enrolment.id = delivery.enrolment_id
                   WHERE delivery.purpose = 'access' AND delivery.own_data = ?2 AND enrolment.person_id =
                         (SELECT person_id FROM enrolment JOIN delivery ON enrolment_id = enrolment.id
                          WHERE delivery.id = ?1)";
        let last: Option<String> = tx.query_row(sql, params![delivery, is_own_data], |row| row.get(0))?;
        if last.is_some_and(|last| last > codec::time(now - ACCESS_INTERVAL)) {
            return Ok(None);
        }
        let number = next_delivery(&tx)?;
        let values = params![
            number,
            delivery,
            codec::time(now),
            message_id(number),
            codec::time(now + kind.lifetime()),
            is_own_data
        ];
        tx.execute(include_str!("sql/enqueue_access.sql"), values)?;
        tx.commit()?;
        Ok(Some(number))
    }

    /// The newest mail of a step to a person, by any of the names of the step.
    pub(crate) fn newest_delivery_of(
        &self,
        person: PersonNumber,
        names: &[StepName],
    ) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT max(delivery.id) FROM delivery JOIN enrolment ON enrolment.id = enrolment_id
                   WHERE person_id = ?1 AND journey = ?2 AND step = ?3 AND purpose = 'step'";
        let mut find = self.connection.prepare_cached(sql)?;
        let mut newest = None;
        for name in names {
            let values = params![person.0, name.journey.as_str(), name.step.as_str()];
            newest = newest.max(find.query_row(values, |row| row.get::<_, Option<i64>>(0))?);
        }
        Ok(newest)
    }

    /// Ends all links of a person that exist now. After 255 times the epochs begin again: by then, the
    /// links of the first have expired.
    pub(crate) fn revoke_links(
        &mut self,
        person: PersonNumber,
        author: &ChangeAuthor,
    ) -> Result<(), StoreError> {
        let tx = self.write_transaction()?;
        let sql = "UPDATE person SET link_epoch = (link_epoch + 1) % 256 WHERE id = ?1";
        tx.execute(sql, [person.0])?;
        let record = AuditRecord {
            action: "link revoke",
            subject: "a person",
            person: Some(person),
            before: "links valid",
            after: "links ended",
        };
        audit::write(&tx, author, &record)?;
        Ok(tx.commit()?)
    }

    /// When a link to one of their pages was last shown to an operator, if ever.
    pub(crate) fn link_made_at(&self, person: PersonNumber) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT max(at) FROM audit WHERE person_id = ?1 AND action = 'link'";
        let mut find = self.connection.prepare_cached(sql)?;
        let mut found = find.query([person.0])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Replaces the secret of all links and forms.
    pub(crate) fn renew_links(&mut self, secret: &[u8; 32], author: &ChangeAuthor) -> Result<(), StoreError> {
        let tx = self.write_transaction()?;
        let sql = "UPDATE instance SET former_link_secret = coalesce(link_secret, secret), link_secret = ?1";
        tx.execute(sql, params![secret])?;
        let record = AuditRecord {
            action: "links renew",
            subject: "all links",
            person: None,
            before: "links valid",
            after: "links ended",
        };
        audit::write(&tx, author, &record)?;
        Ok(tx.commit()?)
    }

    /// The pauses of a person that were not ended.
    pub(crate) fn open_pauses_of(&self, person: PersonNumber) -> Result<Vec<OpenPause>, StoreError> {
        let sql = "SELECT until_date, reason, from_at FROM pause WHERE person_id = ?1 AND resumed_at IS NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([person.0])?;
        let mut pauses = Vec::new();
        while let Some(row) = found.next()? {
            pauses.push(OpenPause {
                until: codec::maybe_date(row, 0)?,
                reason: codec::str(row, 1)?.to_owned(),
                from: codec::get_time(row, 2)?,
            });
        }
        Ok(pauses)
    }

    /// The language a person has chosen on a page.
    pub(crate) fn choose_language(
        &mut self,
        person: PersonNumber,
        language: &str,
        author: &ChangeAuthor,
    ) -> Result<(), StoreError> {
        let tx = self.write_transaction()?;
        let before: Option<Option<String>> = tx
            .query_row("SELECT own_language FROM person WHERE id = ?1", [person.0], |row| row.get(0))
            .optional()?;
        let before = before.flatten().unwrap_or_default();
        if before != language {
            tx.execute("UPDATE person SET own_language = ?2 WHERE id = ?1", params![person.0, language])?;
            let record = AuditRecord {
                action: "language",
                subject: "a person",
                person: Some(person),
                before: &before,
                after: language,
            };
            audit::write(&tx, author, &record)?;
        }
        Ok(tx.commit()?)
    }
}
