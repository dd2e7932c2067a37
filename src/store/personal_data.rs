//! Everything that is stored about one person, read at once. Subjects and questions come from the
//! content; the engine adds them.

use rusqlite::{Row, params};

use super::people::{StringInterner, known};
use super::{OwnAnswer, Store, StoreError, codec};
use crate::domain::answer::{NOTE, WHOLE_STEP};
use crate::domain::delivery::state::{MailPurpose, State};
use crate::domain::history::{Event, EventKind};
use crate::domain::model::ids::{PersonNumber, Slug, StepName};
use crate::domain::personal_data::{
    AnswerContent, AnswerData, AuditData, EnrolmentData, MailData, PauseData, PersonalData,
};
use crate::domain::time::timezone::Timestamp;

const PERSON: &str = concat!(include_str!("sql/people.sql"), "WHERE person.id = ?1");

impl Store {
    /// The people with that employee id, else those with that address, also people who have left. Several
    /// people can share an address.
    pub(crate) fn numbers_of(&self, id_or_address: &str) -> Result<Vec<PersonNumber>, StoreError> {
        let number = |row: &Row<'_>| row.get(0).map(PersonNumber);
        let found =
            self.all_rows("SELECT id FROM person WHERE employee_id = ?1", [id_or_address.trim()], number)?;
        if !found.is_empty() || !id_or_address.contains('@') {
            return Ok(found);
        }
        let sql = "SELECT id FROM person WHERE email = ?1 COLLATE NOCASE ORDER BY id";
        self.all_rows(sql, [id_or_address.trim()], number)
    }

    /// Everything about a person, also one who has left; `None` if there is none with that number. Subjects
    /// and questions are missing.
    pub(crate) fn personal_data(&self, number: PersonNumber) -> Result<Option<PersonalData>, StoreError> {
        let sql = "SELECT person_id, name, value FROM person_extra WHERE person_id = ?1 ORDER BY rank";
        let extra = self.extra_columns(sql, [number.0])?;
        let mut statement = self.connection.prepare_cached(PERSON)?;
        let mut found = statement.query([number.0])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let existing = known(row, &mut StringInterner::default(), &extra)?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT character, joined_at, left_at FROM person WHERE id = ?1")?;
        let mut found = statement.query([number.0])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let character = codec::maybe_str(row, 0)?.map(|_| codec::slug(row, 0)).transpose()?;
        let (joined, left) = (codec::get_time(row, 1)?, codec::maybe_time(row, 2)?);
        Ok(Some(PersonalData {
            number,
            person: existing.person,
            unit_name: existing.unit_name,
            character,
            joined,
            left,
            stops: self.read_all(
                "SELECT at, undone_at FROM stop WHERE person_id = ?1 ORDER BY id",
                number,
                |row| Ok((codec::get_time(row, 0)?, codec::maybe_time(row, 1)?)),
            )?,
            enrolments: self.enrolments_of(number)?,
            mails: self.read_all(include_str!("sql/mails_of_person.sql"), number, mail)?,
            answers: self.own_answers(number)?.into_iter().map(answer).collect(),
            pauses: self.read_all(
                "SELECT from_at, until_date, resumed_at, reason FROM pause WHERE person_id = ?1 ORDER BY id",
                number,
                pause,
            )?,
            audit: self.read_all(
                "SELECT at, by_name = 'themselves', action, before, after, why FROM audit
                 WHERE person_id = ?1 ORDER BY id",
                number,
                audit,
            )?,
        }))
    }

    fn enrolments_of(&self, number: PersonNumber) -> Result<Vec<EnrolmentData>, StoreError> {
        let sql = "SELECT id, journey, entered_at FROM enrolment WHERE person_id = ?1 ORDER BY journey";
        let found: Vec<(i64, Slug, Option<Timestamp>)> = self.read_all(sql, number, |row| {
            Ok((row.get(0)?, codec::slug(row, 1)?, codec::maybe_time(row, 2)?))
        })?;
        let sql = "SELECT at, step, what, round, slot_at FROM event WHERE enrolment_id = ?1 ORDER BY id";
        let mut enrolments = Vec::new();
        for (id, journey, entered) in found {
            let events = self.read_all(sql, PersonNumber(id), event)?;
            enrolments.push(EnrolmentData { journey, entered, events });
        }
        Ok(enrolments)
    }

    /// The rows of a query with one key.
    fn read_all<T>(
        &self,
        sql: &str,
        key: PersonNumber,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query(params![key.0])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push(read(row)?);
        }
        Ok(rows)
    }
}

fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    let what = match codec::str(row, 2)? {
        "mailed" => EventKind::Mailed { round: codec::round(row, 3)?, slot: codec::get_time(row, 4)? },
        "skipped" => EventKind::Skipped,
        "answered" => EventKind::Answered,
        "withdrawn" => EventKind::Withdrawn,
        _ => return Err(codec::bad_column(2, "something that happens")),
    };
    Ok(Event { at: codec::get_time(row, 0)?, step: codec::slug(row, 1)?, what })
}

fn mail(row: &Row<'_>) -> Result<MailData, StoreError> {
    let purpose = MailPurpose::parse(codec::str(row, 0)?);
    let state = State::parse(codec::str(row, 4)?);
    Ok(MailData {
        purpose: purpose.ok_or_else(|| codec::bad_column(0, "a purpose"))?,
        step: StepName { journey: codec::slug(row, 1)?, step: codec::slug(row, 2)? },
        round: codec::round(row, 3)?,
        subject: None,
        state: state.ok_or_else(|| codec::bad_column(4, "a state"))?,
        booked: codec::get_time(row, 5)?,
        settled: codec::maybe_time(row, 6)?,
        bounces: codec::str(row, 7)?.split_whitespace().map(str::to_owned).collect(),
    })
}

fn answer(own: OwnAnswer) -> AnswerData {
    let saved = own.saved;
    let content = match (own.text, own.read_by, saved.counted) {
        (Some(text), Some(read_by), _) => AnswerContent::Text { text, read_by },
        (_, _, Some(deed)) if saved.question == WHOLE_STEP => AnswerContent::Deed(deed),
        (_, _, Some(number)) if saved.question != NOTE => AnswerContent::Number(number),
        _ => AnswerContent::Sealed,
    };
    AnswerData {
        step: own.step,
        question: saved.question,
        asked: None,
        saved: saved.saved_at,
        seals: saved.seals_at,
        content,
    }
}

fn pause(row: &Row<'_>) -> Result<PauseData, StoreError> {
    Ok(PauseData {
        from: codec::get_time(row, 0)?,
        until: codec::maybe_date(row, 1)?,
        resumed: codec::maybe_time(row, 2)?,
        reason: codec::str(row, 3)?.to_owned(),
    })
}

fn audit(row: &Row<'_>) -> Result<AuditData, StoreError> {
    Ok(AuditData {
        at: codec::get_time(row, 0)?,
        by_themselves: row.get(1)?,
        action: row.get(2)?,
        before: row.get(3)?,
        after: row.get(4)?,
        why: row.get(5)?,
    })
}
