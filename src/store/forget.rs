//! Forgetting a person: deletes or blanks everything personal, and leaves a tombstone, which is a
//! keyed hash of the employee id, so that no people file brings the person back. Rows of enrolments,
//! mails and events stay: they have a number that leads to no person any more.

use std::collections::HashSet;

use rusqlite::{Connection, Transaction, params};

use super::{AuditRecord, Store, StoreError, audit, codec, failpoints, messages, undecided};
use crate::domain::change::ChangeAuthor;
use crate::domain::model::ids::PersonNumber;
use crate::domain::time::timezone::Timestamp;

/// A keyed hash of an employee id.
pub type TombstoneKey = [u8; 32];

/// What forgetting deletes, and what it keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForgetCounts {
    /// Mails that were waiting and are cancelled.
    pub queued_mails: usize,
    pub texts: usize,
    /// Answers that are counted and were not sealed yet.
    pub counted_answers: usize,
    /// That a question was answered.
    pub slips: usize,
    pub pauses: usize,
    pub bounces: usize,
    /// Entries of the audit log whose texts are deleted.
    pub audit_texts: usize,
    pub kept_enrolments: usize,
    pub kept_mails: usize,
    pub kept_events: usize,
    /// Answers that are counted and cannot be found.
    pub kept_sealed: usize,
}

/// The result of forgetting a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetOutcome {
    Forgotten(ForgetCounts),
    /// A mail to the person is being sent at this moment; nothing is changed.
    InFlight,
}

/// Whether a change is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgetting {
    DryRun,
    Real,
}

/// The enrolments of a person, as a condition.
const THEIR_ENROLMENTS: &str = "enrolment_id IN (SELECT id FROM enrolment WHERE person_id = ?1)";
/// The mails to a person, as a condition.
const THEIR_MAILS: &str = "delivery_id IN (SELECT delivery.id FROM enrolment
     JOIN delivery ON delivery.enrolment_id = enrolment.id WHERE enrolment.person_id = ?1)";
/// The answers that a slip of a person leads to, as a condition.
const THEIR_ANSWERS: &str = "id IN (SELECT answer_id FROM enrolment
     JOIN answer_slip ON answer_slip.enrolment_id = enrolment.id
     WHERE enrolment.person_id = ?1 AND answer_id IS NOT NULL)";

impl Store {
    /// Forgets a person, all or nothing. `new_id` takes the place of the employee id. `before_commit` runs when
    /// nothing but the commit can fail. The log must be truncated after it.
    pub(crate) fn forget(
        &mut self,
        person: PersonNumber,
        tombstone: &TombstoneKey,
        new_id: &str,
        author: &ChangeAuthor,
        forgetting: Forgetting,
        before_commit: &mut dyn FnMut() -> Result<(), StoreError>,
    ) -> Result<ForgetOutcome, StoreError> {
        let tx = self.write_transaction()?;
        let sql = format!("SELECT EXISTS (SELECT 1 FROM in_flight WHERE {THEIR_MAILS})");
        if tx.query_row(&sql, [person.0], |row| row.get(0))? {
            return Ok(ForgetOutcome::InFlight);
        }
        let counts = forget_in(&tx, person, tombstone, new_id, author)?;
        undecided::begin_marking(&tx)?;
        undecided::settings_changed(&tx)?;
        failpoints::at("store.forget")?;
        match forgetting {
            Forgetting::Real => {
                before_commit()?;
                failpoints::at("store.forget.journal")?;
                tx.commit()?;
            }
            Forgetting::DryRun => tx.rollback()?,
        }
        Ok(ForgetOutcome::Forgotten(counts))
    }

    /// When the person with that key was forgotten.
    pub(crate) fn forgotten_at(&self, key: &TombstoneKey) -> Result<Option<Timestamp>, StoreError> {
        let mut find = self.connection.prepare_cached("SELECT at FROM tombstone WHERE key = ?1")?;
        let mut found = find.query(params![key])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Takes a tombstone away, so that the next import brings the person back as a new one. Returns whether
    /// there was one.
    pub(crate) fn readmit(&mut self, key: &TombstoneKey, author: &ChangeAuthor) -> Result<bool, StoreError> {
        let tx = self.write_transaction()?;
        let is_there = tx.execute("DELETE FROM tombstone WHERE key = ?1", params![key])? > 0;
        if is_there {
            let record = AuditRecord {
                action: "people readmit",
                subject: "a person",
                person: None,
                before: "forgotten",
                after: "may be imported",
            };
            audit::write(&tx, author, &record)?;
        }
        tx.commit()?;
        Ok(is_there)
    }

    /// Whether anyone is forgotten.
    pub(crate) fn has_tombstones(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM tombstone)";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Drops the rows of a staged people file that are about forgotten people, and returns their number.
    /// `key` makes the key of an employee id.
    pub(crate) fn drop_forgotten_rows(&self, key: impl Fn(&str) -> TombstoneKey) -> Result<u32, StoreError> {
        let tombstones: HashSet<TombstoneKey> =
            self.all_rows("SELECT key FROM tombstone", [], |row| row.get(0))?.into_iter().collect();
        let mut lines: Vec<i64> = Vec::new();
        let mut statement = self.connection.prepare_cached("SELECT line, employee_id FROM incoming")?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            if tombstones.contains(&key(codec::str(row, 1)?)) {
                lines.push(row.get(0)?);
            }
        }
        for line in &lines {
            self.connection.execute("DELETE FROM incoming_extra WHERE line = ?1", [line])?;
            self.connection.execute("DELETE FROM incoming WHERE line = ?1", [line])?;
        }
        Ok(u32::try_from(lines.len()).unwrap_or(u32::MAX))
    }
}

/// A person who was forgotten, for a database that may still have them.
pub(crate) struct Forgotten {
    pub(crate) key: TombstoneKey,
    /// Takes the place of the employee id.
    pub(crate) new_id: String,
}

/// Who was forgotten since a backup was made.
pub(crate) struct ForgottenPeople<'f> {
    pub(crate) people: Vec<Forgotten>,
    /// The key of an employee id, from the secret of the database.
    pub(crate) key: &'f dyn Fn(&[u8; 32], &str) -> TombstoneKey,
}

/// Forgets people again in a copy of a database, and returns how many it still had. Mails that were in flight when it
/// was copied are over.
pub(super) fn forget_again(
    copy: &mut Connection,
    forgotten: &ForgottenPeople<'_>,
    author: &ChangeAuthor,
) -> Result<usize, StoreError> {
    copy.pragma_update(None, "secure_delete", true)?;
    let secret: [u8; 32] = copy.query_row("SELECT secret FROM instance", [], |row| row.get(0))?;
    let tx = copy.transaction()?;
    let mut found: Vec<(PersonNumber, &Forgotten)> = Vec::new();
    {
        let mut people = tx.prepare("SELECT id, employee_id FROM person")?;
        let mut rows = people.query([])?;
        while let Some(row) = rows.next()? {
            let key = (forgotten.key)(&secret, codec::str(row, 1)?);
            let is_them = |person: &&Forgotten| person.key == key;
            if let Some(person) = forgotten.people.iter().find(is_them) {
                found.push((PersonNumber(row.get(0)?), person));
            }
        }
    }
    for (number, person) in &found {
        tx.execute(&format!("DELETE FROM in_flight WHERE {THEIR_MAILS}"), [number.0])?;
        forget_in(&tx, *number, &person.key, &person.new_id, author)?;
    }
    messages::drop_unused_bases(&tx)?;
    for person in &forgotten.people {
        write_tombstone(&tx, &person.key, author.at)?;
    }
    tx.commit()?;
    Ok(found.len())
}

/// Forgets a person who has no mail in flight.
fn forget_in(
    tx: &Transaction<'_>,
    person: PersonNumber,
    tombstone: &TombstoneKey,
    new_id: &str,
    author: &ChangeAuthor,
) -> Result<ForgetCounts, StoreError> {
    tx.execute("UPDATE instance SET erasing = 'forget'", [])?;
    let counts = erase(tx, person, author.at)?;
    blank_person(tx, person, new_id, author.at)?;
    write_tombstone(tx, tombstone, author.at)?;
    tx.execute("UPDATE instance SET erasing = NULL", [])?;
    let record = AuditRecord {
        action: "people forget",
        subject: "a person",
        person: None,
        before: "",
        after: "forgotten",
    };
    audit::write(tx, author, &record)?;
    Ok(counts)
}

fn write_tombstone(tx: &Transaction<'_>, key: &TombstoneKey, at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO tombstone (key, at) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING";
    tx.execute(sql, params![key, codec::time(at)])?;
    Ok(())
}

/// Deletes everything about a person but their own row.
fn erase(tx: &Transaction<'_>, person: PersonNumber, now: Timestamp) -> Result<ForgetCounts, StoreError> {
    let run = |sql: &str| tx.execute(sql, [person.0]);
    let count = |sql: &str| -> Result<usize, StoreError> {
        tx.query_row(sql, [person.0], |row| Ok(codec::count(row, 0)))?
    };
    let is_named = "EXISTS (SELECT 1 FROM person WHERE id = ?1 AND
         (instr(message, employee_id) > 0 OR (email <> '' AND instr(message, email) > 0)
          OR (last_name <> '' AND instr(message, last_name) > 0)
          OR instr(coalesce(hint, ''), employee_id) > 0))";
    run(&format!("DELETE FROM set_aside_row WHERE {is_named}"))?;
    let counts = ForgetCounts {
        kept_enrolments: count("SELECT count(*) FROM enrolment WHERE person_id = ?1")?,
        kept_mails: count(&format!("SELECT count(*) FROM delivery WHERE {THEIR_ENROLMENTS}"))?,
        kept_events: count(&format!("SELECT count(*) FROM event WHERE {THEIR_ENROLMENTS}"))?,
        kept_sealed: count(&format!(
            "SELECT count(*) FROM answer_slip WHERE answer_id IS NULL AND {THEIR_ENROLMENTS}"
        ))?,
        texts: run(&format!("DELETE FROM written_answer WHERE {THEIR_ANSWERS}"))?,
        counted_answers: run(&format!("DELETE FROM counted_answer WHERE {THEIR_ANSWERS}"))?,
        slips: run(&format!("DELETE FROM answer_slip WHERE {THEIR_ENROLMENTS}"))?,
        pauses: run("DELETE FROM pause WHERE person_id = ?1")?,
        bounces: run(&format!("DELETE FROM bounce WHERE {THEIR_MAILS}"))?,
        audit_texts: run("UPDATE audit SET subject = 'a person', before = '', after = '', why = NULL
             WHERE person_id = ?1")?,
        queued_mails: tx.execute(
            &format!(
                "UPDATE delivery SET state = 'cancelled', settled_at = ?2, next_attempt_at = NULL
                 WHERE settled_at IS NULL AND {THEIR_ENROLMENTS}"
            ),
            params![person.0, codec::time(now)],
        )?,
    };
    // The words of a mail server can have the address.
    run(&format!("UPDATE delivery SET reply = NULL WHERE reply IS NOT NULL AND {THEIR_ENROLMENTS}"))?;
    run(&format!("DELETE FROM mail_bytes WHERE {THEIR_MAILS}"))?;
    for table in ["stop", "position", "undecided", "person_extra"] {
        run(&format!("DELETE FROM {table} WHERE person_id = ?1"))?;
    }
    run("UPDATE unit SET manager_id = NULL WHERE manager_id = ?1")?;
    Ok(counts)
}

fn blank_person(
    tx: &Transaction<'_>,
    person: PersonNumber,
    new_id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE person SET employee_id = ?2, email = NULL, shared_address = 0, first_name = '',
                 last_name = '', department = NULL, language = 'und', start_date = NULL, end_date = NULL,
                 leave = '', protected = 0, character = NULL, left_at = coalesce(left_at, ?3),
                 undeliverable = NULL, address_at = NULL, second_employment = 0, own_language = NULL,
                 link_epoch = (link_epoch + 1) % 256
               WHERE id = ?1";
    let changed = tx.execute(sql, params![person.0, new_id, codec::time(now)])?;
    match changed {
        1 => Ok(()),
        _ => Err(StoreError::Changed),
    }
}
