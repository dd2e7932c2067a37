//! Answers as they are saved and withdrawn. A slip says who answered which question; the answer
//! itself is in another table, under a random key. An event says only that a step was answered.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use rusqlite::{OptionalExtension, Transaction, params};

use super::undecided::{self, Concerned};
use super::{Store, StoreError, codec, history};
use crate::domain::answer::{AnswerId, NOTE, StoredAnswer, ValidAnswer};
use crate::domain::history::EventKind;
use crate::domain::model::ids::{PersonNumber, Slug, StepName};
use crate::domain::model::step::ReadBy;
use crate::domain::time::timezone::Timestamp;

/// An answer that others may read is sealed this long after the first save.
const SEALED_AFTER: TimeDelta = TimeDelta::days(7);
/// `seals_at` of an answer that is never sealed.
pub(super) const NEVER: &str = "9999-12-31T23:59:59Z";

/// The answers of one person to one step.
#[derive(Clone, Copy, Debug)]
pub struct AnswersOfStep<'a> {
    pub person: PersonNumber,
    pub journey: &'a Slug,
    pub step: &'a Slug,
    pub at: Timestamp,
    /// As [`crate::domain::answer::week_of`] gives it.
    pub week: &'a str,
    pub answers: &'a [NewAnswer<'a>],
}

/// One answer to be saved.
#[derive(Clone, Copy, Debug)]
pub struct NewAnswer<'a> {
    /// Random; used if the question was not answered before.
    pub id: AnswerId,
    pub answer: &'a ValidAnswer,
}

/// What became of the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SaveOutcome {
    /// Number of answers that are new or replaced another.
    pub saved: usize,
    /// Number of answers that were saved before with the same content.
    pub unchanged: usize,
    /// Questions whose answer is sealed, so that the new one was refused.
    pub sealed: Vec<String>,
    /// Whether the step counts as answered now.
    pub is_answered: bool,
}

/// What became of answers that a person takes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithdrawOutcome {
    pub removed: usize,
    /// Sealed answers, which cannot be found any more.
    pub sealed: usize,
}

/// What a slip says.
struct Slip {
    answer_id: Option<AnswerId>,
    saved_at: String,
    seals_at: String,
}

enum Saved {
    Yes,
    Unchanged,
    Sealed,
}

impl Store {
    /// Saves answers. One that is not sealed is replaced.
    pub fn save_answers(&mut self, form: &AnswersOfStep<'_>) -> Result<SaveOutcome, StoreError> {
        let tx = self.write_transaction()?;
        let outcome = save(&tx, form)?;
        if outcome.saved > 0 {
            undecided::mark(&tx, Concerned::Person(form.person))?;
        }
        tx.commit()?;
        Ok(outcome)
    }

    /// Removes the answers of a person to a step, except those that are sealed. The step counts
    /// as not answered if none is left.
    pub fn withdraw_answers(
        &mut self,
        person: PersonNumber,
        journey: &Slug,
        step: &Slug,
        at: Timestamp,
    ) -> Result<WithdrawOutcome, StoreError> {
        let tx = self.write_transaction()?;
        let mut outcome = WithdrawOutcome::default();
        withdraw(&tx, person, (journey, step), at, &mut outcome)?;
        tx.commit()?;
        Ok(outcome)
    }

    /// Removes the answers of a person to these steps, as [`Store::withdraw_answers`] does: all or none.
    pub(crate) fn withdraw_all_answers(
        &mut self,
        person: PersonNumber,
        steps: &BTreeSet<StepName>,
        at: Timestamp,
    ) -> Result<WithdrawOutcome, StoreError> {
        let tx = self.write_transaction()?;
        let mut outcome = WithdrawOutcome::default();
        for name in steps {
            withdraw(&tx, person, (&name.journey, &name.step), at, &mut outcome)?;
        }
        tx.commit()?;
        Ok(outcome)
    }
}

/// Removes the answers to one step, and adds to the outcome.
fn withdraw(
    tx: &Transaction<'_>,
    person: PersonNumber,
    (journey, step): (&Slug, &Slug),
    at: Timestamp,
    outcome: &mut WithdrawOutcome,
) -> Result<(), StoreError> {
    let enrolment = history::enrolment_id(tx, person, journey)?;
    let (mut removed, mut sealed) = (0, 0);
    for question in questions_with_slip(tx, enrolment, step)? {
        let slip = find_slip(tx, enrolment, step, &question)?;
        let Some(id) = slip.and_then(|slip| slip.answer_id) else {
            sealed += 1;
            continue;
        };
        delete_content(tx, &id)?;
        let sql = "DELETE FROM answer_slip WHERE enrolment_id = ?1 AND step = ?2 AND question = ?3";
        tx.prepare_cached(sql)?.execute(params![enrolment, step.as_str(), question])?;
        removed += 1;
    }
    if removed > 0 && sealed == 0 && is_answered(tx, enrolment, step)? {
        history::write_event(tx, enrolment, at, step, EventKind::Withdrawn)?;
        undecided::mark(tx, Concerned::Person(person))?;
    }
    outcome.removed += removed;
    outcome.sealed += sealed;
    Ok(())
}

/// Gives the answers to a step the name that the step has today. An answer that the person has given under
/// both names stays as it is.
pub(super) fn rename_step(
    tx: &Transaction<'_>,
    journey: &Slug,
    former: &Slug,
    today: &Slug,
) -> Result<(), StoreError> {
    for table in ["counted_answer", "written_answer"] {
        let sql = format!("UPDATE {table} SET step = ?3 WHERE journey = ?1 AND step = ?2");
        tx.execute(&sql, params![journey.as_str(), former.as_str(), today.as_str()])?;
    }
    let sql = "UPDATE OR IGNORE answer_slip SET step = ?3
               WHERE step = ?2 AND enrolment_id IN (SELECT id FROM enrolment WHERE journey = ?1)";
    tx.execute(sql, params![journey.as_str(), former.as_str(), today.as_str()])?;
    Ok(())
}

/// Saves answers in a transaction of the caller, who marks the person.
pub(super) fn save(tx: &Transaction<'_>, form: &AnswersOfStep<'_>) -> Result<SaveOutcome, StoreError> {
    let enrolment = history::enrolment_id(tx, form.person, form.journey)?;
    let was_answered = is_answered(tx, enrolment, form.step)?;
    let mut outcome = SaveOutcome::default();
    for new in form.answers {
        match save_one(tx, form, enrolment, new)? {
            Saved::Yes => outcome.saved += 1,
            Saved::Unchanged => outcome.unchanged += 1,
            Saved::Sealed => outcome.sealed.push(new.answer.question.clone()),
        }
    }
    let is_open = |new: &&NewAnswer<'_>| !outcome.sealed.contains(&new.answer.question);
    outcome.is_answered = form.answers.iter().filter(is_open).any(|new| new.answer.answers_step);
    if was_answered && !outcome.is_answered {
        // An earlier answer to another question still counts.
        let replaced = |question: &String| form.answers.iter().any(|new| new.answer.question == *question);
        let mut questions = questions_with_slip(tx, enrolment, form.step)?.into_iter();
        outcome.is_answered = questions
            .any(|question| question != NOTE && (!replaced(&question) || outcome.sealed.contains(&question)));
    }
    let event = match (was_answered, outcome.is_answered) {
        (false, true) => Some(EventKind::Answered),
        (true, false) if outcome.saved > 0 => Some(EventKind::Withdrawn),
        _ => None,
    };
    if let Some(event) = event {
        history::write_event(tx, enrolment, form.at, form.step, event)?;
    }
    Ok(outcome)
}

fn save_one(
    tx: &Transaction<'_>,
    form: &AnswersOfStep<'_>,
    enrolment: i64,
    new: &NewAnswer<'_>,
) -> Result<Saved, StoreError> {
    let question = new.answer.question.as_str();
    let slip = find_slip(tx, enrolment, form.step, question)?;
    let id = match &slip {
        None => new.id,
        Some(Slip { answer_id: None, .. }) => return Ok(Saved::Sealed),
        Some(Slip { answer_id: Some(id), .. }) => *id,
    };
    if slip.is_some() {
        if find_content(tx, &id)?.as_ref() == Some(&new.answer.content) {
            return Ok(Saved::Unchanged);
        }
        delete_content(tx, &id)?;
    }
    write_content(tx, form, &id, new.answer)?;
    let is_sealed_later = new.answer.answers_step
        && !matches!(new.answer.content, StoredAnswer::Written { read_by: ReadBy::Me | ReadBy::Unit, .. });
    let (saved_at, seals_at) = match slip {
        Some(slip) if !is_sealed_later => (slip.saved_at, NEVER.to_owned()),
        Some(slip) if slip.seals_at != NEVER => (slip.saved_at, slip.seals_at),
        _ if is_sealed_later => (codec::time(form.at), codec::time(form.at + SEALED_AFTER)),
        _ => (codec::time(form.at), NEVER.to_owned()),
    };
    let mut write = tx.prepare_cached(include_str!("sql/write_slip.sql"))?;
    write.execute(params![enrolment, form.step.as_str(), question, id, saved_at, seals_at])?;
    Ok(Saved::Yes)
}

fn find_slip(
    tx: &Transaction<'_>,
    enrolment: i64,
    step: &Slug,
    question: &str,
) -> Result<Option<Slip>, StoreError> {
    let sql = "SELECT answer_id, saved_at, seals_at FROM answer_slip
               WHERE enrolment_id = ?1 AND step = ?2 AND question = ?3";
    let mut find = tx.prepare_cached(sql)?;
    let slip = find.query_row(params![enrolment, step.as_str(), question], |row| {
        Ok(Slip { answer_id: row.get(0)?, saved_at: row.get(1)?, seals_at: row.get(2)? })
    });
    Ok(slip.optional()?)
}

fn questions_with_slip(tx: &Transaction<'_>, enrolment: i64, step: &Slug) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT question FROM answer_slip WHERE enrolment_id = ?1 AND step = ?2";
    let mut find = tx.prepare_cached(sql)?;
    let questions = find.query_map(params![enrolment, step.as_str()], |row| row.get(0))?;
    Ok(questions.collect::<Result<_, _>>()?)
}

/// Whether the last of the answered and withdrawn events of a step is *answered*.
fn is_answered(tx: &Transaction<'_>, enrolment: i64, step: &Slug) -> Result<bool, StoreError> {
    let sql = "SELECT what = 'answered' FROM event
               WHERE enrolment_id = ?1 AND step = ?2 AND (what = 'answered' OR what = 'withdrawn')
               ORDER BY id DESC LIMIT 1";
    let mut find = tx.prepare_cached(sql)?;
    let last = find.query_row(params![enrolment, step.as_str()], |row| row.get(0)).optional()?;
    Ok(last.unwrap_or(false))
}

fn find_content(tx: &Transaction<'_>, id: &AnswerId) -> Result<Option<StoredAnswer>, StoreError> {
    let mut counted = tx.prepare_cached("SELECT value FROM counted_answer WHERE id = ?1")?;
    if let Some(value) = counted.query_row([id], |row| row.get(0)).optional()? {
        return Ok(Some(StoredAnswer::Counted(value)));
    }
    let mut written = tx.prepare_cached("SELECT text, read_by FROM written_answer WHERE id = ?1")?;
    let mut found = written.query([id])?;
    let Some(row) = found.next()? else { return Ok(None) };
    Ok(Some(StoredAnswer::Written { text: row.get(0)?, read_by: codec::read_by(row, 1)? }))
}

pub(super) fn delete_content(tx: &Transaction<'_>, id: &AnswerId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM counted_answer WHERE id = ?1")?.execute([id])?;
    tx.prepare_cached("DELETE FROM written_answer WHERE id = ?1")?.execute([id])?;
    Ok(())
}

fn write_content(
    tx: &Transaction<'_>,
    form: &AnswersOfStep<'_>,
    id: &AnswerId,
    answer: &ValidAnswer,
) -> Result<(), StoreError> {
    let (journey, step) = (form.journey.as_str(), form.step.as_str());
    let (person, question, week) = (form.person.0, answer.question.as_str(), form.week);
    match &answer.content {
        StoredAnswer::Counted(value) => {
            let mut write = tx.prepare_cached(include_str!("sql/write_counted.sql"))?;
            write.execute(params![id, journey, step, question, value, week, person])?;
        }
        StoredAnswer::Written { text, read_by } => {
            let mut write = tx.prepare_cached(include_str!("sql/write_written.sql"))?;
            write.execute(params![id, journey, step, question, read_by.as_str(), text, week, person])?;
        }
    }
    Ok(())
}
