//! Deletes answers, bounces and audit lines whose time is over. The engine says until when each kind is stored.

use std::collections::HashSet;

use chrono::NaiveDate;
use rusqlite::{Connection, params};

use super::answers::delete_content;
use super::{Store, StoreError, codec};
use crate::domain::answer::AnswerId;
use crate::domain::time::timezone::Timestamp;

/// Until when each kind is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionLimits {
    /// Own texts go if the last mail of their journey is older than this.
    pub last_mail: Timestamp,
    /// Texts for the programme go if they are of an earlier week, like `2026-W05`.
    pub week: String,
    /// Answers of people who left before this go.
    pub left: Timestamp,
    /// Bounces before this go, unless they hold their recipient.
    pub bounces: Timestamp,
    /// Audit lines before this go.
    pub audit: Timestamp,
}

/// How much of each kind is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    pub own_texts: usize,
    pub programme_texts: usize,
    /// People who left, with any answer.
    pub leavers: usize,
    pub bounces: usize,
    pub audit_lines: usize,
}

/// An answer that a slip leads to.
struct ExpiredSlip {
    enrolment: i64,
    step: String,
    question: String,
    answer: Option<AnswerId>,
    person: i64,
    is_of_leaver: bool,
}

impl Store {
    /// What [`Store::delete_expired`] would delete.
    pub fn expired(&self, limits: &RetentionLimits) -> Result<Expired, StoreError> {
        let slips = expired_slips(&self.connection, limits)?;
        let sql = "SELECT count(*) FROM written_answer WHERE read_by = 'programme' AND week < ?1";
        let programme_texts: u32 = self.connection.query_row(sql, [&limits.week], |row| row.get(0))?;
        let number = |table: &str, rule: &str, at: Timestamp| -> Result<usize, StoreError> {
            let sql = format!("SELECT count(*) FROM {table} WHERE {rule}");
            self.connection.query_row(&sql, [codec::time(at)], |row| Ok(codec::count(row, 0)))?
        };
        Ok(Expired {
            bounces: number("bounce", OLD_BOUNCE, limits.bounces)?,
            audit_lines: number("audit", "at < ?1", limits.audit)?,
            ..count(&slips, programme_texts as usize)
        })
    }

    /// The day on which answers were last deleted by the daemon.
    pub(crate) fn retention_day(&self) -> Result<Option<NaiveDate>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT retention_on FROM instance")?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_date(row, 0))
    }

    /// Stores that day.
    pub(crate) fn set_retention_day(&mut self, day: NaiveDate) -> Result<(), StoreError> {
        self.connection.execute("UPDATE instance SET retention_on = ?1", [codec::date(day)])?;
        Ok(())
    }

    /// Deletes the answers whose time is over, and their slips. That a step was answered stays known. The
    /// log must be truncated after it.
    pub fn delete_expired(&mut self, limits: &RetentionLimits) -> Result<Expired, StoreError> {
        let tx = self.write_transaction()?;
        let slips = expired_slips(&tx, limits)?;
        let sql = "DELETE FROM answer_slip WHERE enrolment_id = ?1 AND step = ?2 AND question = ?3";
        for slip in &slips {
            if let Some(id) = &slip.answer {
                delete_content(&tx, id)?;
            }
            tx.prepare_cached(sql)?.execute(params![slip.enrolment, slip.step, slip.question])?;
        }
        let sql = "DELETE FROM written_answer WHERE read_by = 'programme' AND week < ?1";
        let programme_texts = tx.execute(sql, [&limits.week])?;
        tx.execute("UPDATE instance SET erasing = 'retention'", [])?;
        let bounces =
            tx.execute(&format!("DELETE FROM bounce WHERE {OLD_BOUNCE}"), [codec::time(limits.bounces)])?;
        let audit_lines = tx.execute("DELETE FROM audit WHERE at < ?1", [codec::time(limits.audit)])?;
        tx.execute("UPDATE instance SET erasing = NULL", [])?;
        tx.commit()?;
        Ok(Expired { bounces, audit_lines, ..count(&slips, programme_texts) })
    }
}

/// A bounce that holds its recipient says why, until an import or an operator lifts that.
const OLD_BOUNCE: &str = "at < ?1 AND NOT EXISTS (SELECT 1 FROM delivery
     JOIN enrolment ON enrolment.id = delivery.enrolment_id JOIN person ON person.id = enrolment.person_id
     WHERE delivery.id = bounce.delivery_id AND person.undeliverable IS NOT NULL)";

fn count(slips: &[ExpiredSlip], programme_texts: usize) -> Expired {
    let leavers: HashSet<i64> =
        slips.iter().filter(|slip| slip.is_of_leaver).map(|slip| slip.person).collect();
    Expired {
        own_texts: slips.iter().filter(|slip| !slip.is_of_leaver).count(),
        programme_texts,
        leavers: leavers.len(),
        ..Expired::default()
    }
}

fn expired_slips(connection: &Connection, limits: &RetentionLimits) -> Result<Vec<ExpiredSlip>, StoreError> {
    let mut statement = connection.prepare_cached(include_str!("sql/expired_own_texts.sql"))?;
    let slips = statement.query_map([codec::time(limits.last_mail), codec::time(limits.left)], |row| {
        Ok(ExpiredSlip {
            enrolment: row.get(0)?,
            step: row.get(1)?,
            question: row.get(2)?,
            answer: row.get(3)?,
            person: row.get(4)?,
            is_of_leaver: row.get(5)?,
        })
    });
    Ok(slips?.collect::<Result<_, _>>()?)
}
