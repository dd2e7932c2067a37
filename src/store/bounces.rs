//! Bounces: each status code of a delivery is recorded once, and a person whose
//! mailbox does not exist gets no further mail.

use rusqlite::params;

use super::audit::{self, AuditRecord};
use super::undecided::{self, Concerned};
use super::{Store, StoreError};
use crate::domain::change::ChangeAuthor;
use crate::domain::delivery::bounce::{BounceCause, StatusCode};
use crate::domain::model::ids::{PersonId, PersonNumber};
use crate::store::codec;

/// The recipient of a mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryRecipient {
    /// The key of the person in the database.
    pub(crate) person: PersonNumber,
    pub(crate) id: PersonId,
    pub(crate) email: Option<String>,
    /// Whether the mail went to that address.
    pub(crate) is_same_address: bool,
}

/// The result of recording a bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BounceRecord {
    /// It was recorded; the person still gets mail.
    Recorded,
    /// It was recorded; the person gets no mail until the address changes.
    PersonHeld,
    /// It had been recorded before.
    Duplicate,
}

impl Store {
    /// The recipient of a delivery; `None` if it was not sent.
    pub(crate) fn delivery_recipient(&self, delivery: i64) -> Result<Option<DeliveryRecipient>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/sent_to.sql"))?;
        let mut found = statement.query([delivery])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Ok(Some(DeliveryRecipient {
            person: PersonNumber(row.get(0)?),
            id: PersonId::new(codec::str(row, 1)?),
            email: codec::maybe_str(row, 2)?.map(str::to_owned),
            is_same_address: row.get(3)?,
        }))
    }

    /// Records a bounce, each status code of a delivery once. If the mailbox
    /// does not exist and the person still has that address, the person gets no
    /// mail until an import brings another address; this is written to the
    /// audit log.
    pub(crate) fn record_bounce(
        &mut self,
        delivery: i64,
        sent_to: &DeliveryRecipient,
        code: StatusCode,
        act: &ChangeAuthor,
    ) -> Result<BounceRecord, StoreError> {
        let blame = code.cause();
        let tx = self.write_transaction()?;
        let sql = "INSERT INTO bounce (delivery_id, at, code, blame) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (delivery_id, code) DO NOTHING";
        let row = params![delivery, codec::time(act.at), code.to_string(), blame.as_str()];
        if tx.execute(sql, row)? == 0 {
            tx.commit()?;
            return Ok(BounceRecord::Duplicate);
        }
        let mut kept = BounceRecord::Recorded;
        if blame == BounceCause::Mailbox && sent_to.is_same_address {
            let sql = "UPDATE person SET undeliverable = ?2 WHERE id = ?1 AND undeliverable IS NULL";
            if tx.execute(sql, params![sent_to.person.0, code.to_string()])? == 1 {
                kept = BounceRecord::PersonHeld;
                undecided::mark(&tx, Concerned::Person(sent_to.person))?;
                undecided::settings_changed(&tx)?;
                let (before, after) = ("reachable", format!("no such mailbox: {code}"));
                let subject = format!("delivery {delivery}");
                let person = Some(sent_to.person);
                let (subject, after) = (&*subject, &*after);
                let record = AuditRecord { action: "bounce", subject, person, before, after };
                audit::write(&tx, act, &record)?;
            }
        }
        tx.commit()?;
        Ok(kept)
    }

    /// Marks a person as reachable again after a bounce. Returns `false` if they
    /// were not marked as undeliverable.
    pub fn clear_bounce(&mut self, person: &PersonId, act: &ChangeAuthor) -> Result<bool, StoreError> {
        let tx = self.write_transaction()?;
        let sql = "UPDATE person SET undeliverable = NULL
                   WHERE employee_id = ?1 AND undeliverable IS NOT NULL RETURNING id";
        let number: Option<i64> = {
            let mut clear = tx.prepare_cached(sql)?;
            let mut found = clear.query([person.as_str()])?;
            found.next()?.map(|row| row.get(0)).transpose()?
        };
        if let Some(number) = number {
            let person = Some(PersonNumber(number));
            undecided::mark(&tx, Concerned::Person(PersonNumber(number)))?;
            let (before, after) = ("no such mailbox", "reachable");
            let record = AuditRecord { action: "bounce --clear", subject: "person", person, before, after };
            audit::write(&tx, act, &record)?;
        }
        tx.commit()?;
        Ok(number.is_some())
    }

    /// Counts a mail to the return path that cannot be parsed, and writes its
    /// reference to the audit log.
    pub(crate) fn record_unparsed_bounce(
        &mut self,
        reference: &str,
        delivery: Option<i64>,
        act: &ChangeAuthor,
    ) -> Result<(), StoreError> {
        let tx = self.write_transaction()?;
        tx.execute("UPDATE instance SET unparsed = unparsed + 1", [])?;
        let subject = delivery.map_or("return path".to_owned(), |delivery| format!("delivery {delivery}"));
        let after = format!("could not be read: reference {reference}");
        let record = AuditRecord {
            action: "bounce unread",
            subject: &subject,
            person: None,
            before: "",
            after: &after,
        };
        audit::write(&tx, act, &record)?;
        tx.commit()?;
        Ok(())
    }

    /// The number of mails to the return path that could not be parsed.
    pub fn unparsed_bounces(&self) -> Result<u64, StoreError> {
        let sql = "SELECT unparsed FROM instance";
        let count: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    /// The number of bounces by cause.
    pub fn bounces_by_cause(&self) -> Result<Vec<(BounceCause, u64)>, StoreError> {
        let sql = "SELECT blame, count(*) FROM bounce GROUP BY blame ORDER BY blame";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut bounces = Vec::new();
        while let Some(row) = found.next()? {
            let blame =
                BounceCause::parse(codec::str(row, 0)?).ok_or_else(|| codec::bad_column(0, "a blame"))?;
            bounces.push((blame, row.get::<_, i64>(1)?.cast_unsigned()));
        }
        Ok(bounces)
    }
}
