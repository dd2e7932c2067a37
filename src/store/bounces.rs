//! Bounces: each status code of a delivery is recorded once, and a person whose
//! mailbox does not exist gets no further mail.

use rusqlite::params;

use super::{Store, StoreError};
use crate::domain::change::Act;
use crate::domain::delivery::bounce::{Blame, StatusCode};
use crate::domain::model::ids::{PersonId, PersonNumber};
use crate::store::codec;

/// The recipient of a mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentTo {
    /// The key of the person in the database.
    pub(crate) person: PersonNumber,
    pub(crate) id: PersonId,
    pub(crate) email: Option<String>,
    /// Whether the mail went to that address.
    pub(crate) is_same_address: bool,
}

/// The result of recording a bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It was recorded; the person still gets mail.
    Noted,
    /// It was recorded; the person gets no mail until the address changes.
    Held,
    /// It had been recorded before.
    Again,
}

impl Store {
    /// The recipient of a delivery; `None` if it was not sent.
    pub(crate) fn sent_to(&self, delivery: i64) -> Result<Option<SentTo>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/sent_to.sql"))?;
        let mut found = statement.query([delivery])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Ok(Some(SentTo {
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
    pub(crate) fn keep_bounce(
        &mut self,
        delivery: i64,
        sent_to: &SentTo,
        code: StatusCode,
        act: &Act,
    ) -> Result<Kept, StoreError> {
        let blame = code.blame();
        let whole = self.begin()?;
        let sql = "INSERT INTO bounce (delivery_id, at, code, blame) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (delivery_id, code) DO NOTHING";
        let row = params![delivery, codec::time(act.at), code.to_string(), blame.as_str()];
        if whole.execute(sql, row)? == 0 {
            whole.commit()?;
            return Ok(Kept::Again);
        }
        let mut kept = Kept::Noted;
        if blame == Blame::Mailbox && sent_to.is_same_address {
            let sql = "UPDATE person SET undeliverable = ?2 WHERE id = ?1 AND undeliverable IS NULL";
            if whole.execute(sql, params![sent_to.person.0, code.to_string()])? == 1 {
                kept = Kept::Held;
                whole.execute("UPDATE instance SET decided_with = NULL", [])?;
                let (before, after) = ("reachable", format!("no such mailbox: {code}"));
                let subject = format!("delivery {delivery}");
                let person = Some(sent_to.person);
                super::decisions::write_audit(&whole, act, "bounce", &subject, person, before, &after)?;
            }
        }
        whole.commit()?;
        Ok(kept)
    }

    /// Marks a person as reachable again after a bounce. Returns `false` if they
    /// were not marked as undeliverable.
    pub fn clear_bounce(&mut self, person: &PersonId, act: &Act) -> Result<bool, StoreError> {
        let whole = self.begin()?;
        let sql = "UPDATE person SET undeliverable = NULL
                   WHERE employee_id = ?1 AND undeliverable IS NOT NULL RETURNING id";
        let number: Option<i64> = {
            let mut clear = whole.prepare_cached(sql)?;
            let mut found = clear.query([person.as_str()])?;
            found.next()?.map(|row| row.get(0)).transpose()?
        };
        if let Some(number) = number {
            whole.execute("UPDATE instance SET decided_with = NULL", [])?;
            let person = Some(PersonNumber(number));
            let (before, after) = ("no such mailbox", "reachable");
            super::decisions::write_audit(&whole, act, "bounce --clear", "person", person, before, after)?;
        }
        whole.commit()?;
        Ok(number.is_some())
    }

    /// Counts a mail to the return path that cannot be parsed.
    pub(crate) fn note_unparsed(&mut self) -> Result<(), StoreError> {
        self.connection.execute("UPDATE instance SET unparsed = unparsed + 1", [])?;
        Ok(())
    }

    /// The number of mails to the return path that could not be parsed.
    pub fn unparsed(&self) -> Result<u64, StoreError> {
        let sql = "SELECT unparsed FROM instance";
        let count: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    /// The number of bounces by cause.
    pub fn bounces(&self) -> Result<Vec<(Blame, u64)>, StoreError> {
        let sql = "SELECT blame, count(*) FROM bounce GROUP BY blame ORDER BY blame";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut bounces = Vec::new();
        while let Some(row) = found.next()? {
            let blame = Blame::parse(codec::str(row, 0)?).ok_or_else(|| codec::wrong(0, "a blame"))?;
            bounces.push((blame, row.get::<_, i64>(1)?.cast_unsigned()));
        }
        Ok(bounces)
    }
}
