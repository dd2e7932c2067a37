//! The audit log: one entry for each decision of an operator and each import.

use rusqlite::{Transaction, params};

use super::{Store, StoreError, codec};
use crate::domain::change::ChangeAuthor;
use crate::domain::model::ids::PersonNumber;
use crate::domain::time::timezone::Timestamp;

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: Timestamp,
    pub by: String,
    /// The command.
    pub action: String,
    /// The object of the decision.
    pub subject: String,
    /// The state before, as text.
    pub before: String,
    /// The state after, as text.
    pub after: String,
    /// The reason given.
    pub why: Option<String>,
}

/// What an action did, for the audit log. The texts must not contain personal
/// data; a person is referred to by key.
pub(crate) struct AuditRecord<'a> {
    pub(crate) action: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) person: Option<PersonNumber>,
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
}

impl Store {
    /// Writes an entry to the audit log for an action that changes no setting.
    pub(crate) fn record_action(
        &mut self,
        act: &ChangeAuthor,
        record: &AuditRecord<'_>,
    ) -> Result<(), StoreError> {
        let tx = self.write_transaction()?;
        write(&tx, act, record)?;
        Ok(tx.commit()?)
    }

    /// The latest entries of the audit log, newest first.
    pub fn audit_entries(&self, at_most: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = "SELECT at, by_name, action, subject, before, after, why FROM audit
                   ORDER BY id DESC LIMIT ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([at_most])?;
        let mut lines = Vec::new();
        while let Some(row) = found.next()? {
            lines.push(AuditEntry {
                at: codec::get_time(row, 0)?,
                by: row.get(1)?,
                action: row.get(2)?,
                subject: row.get(3)?,
                before: row.get(4)?,
                after: row.get(5)?,
                why: row.get(6)?,
            });
        }
        Ok(lines)
    }
}

/// Writes an entry within a transaction, so that it is stored together with what
/// it records.
pub(super) fn write(
    tx: &Transaction<'_>,
    act: &ChangeAuthor,
    record: &AuditRecord<'_>,
) -> Result<(), StoreError> {
    let AuditRecord { action, subject, person, before, after } = record;
    let sql = "INSERT INTO audit (at, by_name, action, subject, person_id, before, after, why)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let person = person.map(|person| person.0);
    tx.execute(sql, params![codec::time(act.at), act.by, action, subject, person, before, after, act.why])?;
    Ok(())
}
