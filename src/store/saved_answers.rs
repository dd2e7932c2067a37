//! Answers that are saved, as they are read: by their writer, counted, or as texts for the
//! programme.

use rusqlite::params;

use super::answers::NEVER;
use super::{Store, StoreError, codec};
use crate::domain::model::ids::{PersonNumber, Slug, StepName};
use crate::domain::model::step::ReadBy;
use crate::domain::time::timezone::Timestamp;

/// An answer to one question of a step, without the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedAnswer {
    pub question: String,
    /// The first save.
    pub saved_at: Timestamp,
    /// From when it cannot be changed any more; `None` if it always can.
    pub seals_at: Option<Timestamp>,
    /// The value; `None` for a text and once it is sealed.
    pub counted: Option<i64>,
    pub is_sealed: bool,
}

/// An answer with its text, for the person who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAnswer {
    pub step: StepName,
    pub saved: SavedAnswer,
    /// `None` for an answer that is counted and once it is sealed.
    pub text: Option<String>,
    /// Who reads the text.
    pub read_by: Option<ReadBy>,
}

/// How many people a step was queued for, and how many have answered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepAnswers {
    pub step: StepName,
    pub queued: usize,
    pub answered: usize,
}

/// How often a question has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueCount {
    pub step: StepName,
    pub question: String,
    pub value: i64,
    pub count: usize,
}

/// How many texts answer a question, by who was to read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextCount {
    pub step: StepName,
    pub question: String,
    pub read_by: ReadBy,
    pub count: usize,
}

impl Store {
    /// The answers of a person to a step.
    pub fn answers_of_step(
        &self,
        person: PersonNumber,
        journey: &Slug,
        step: &Slug,
    ) -> Result<Vec<SavedAnswer>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/answers_of_step.sql"))?;
        let mut found = statement.query(params![person.0, journey.as_str(), step.as_str()])?;
        let mut answers = Vec::new();
        while let Some(row) = found.next()? {
            answers.push(saved_answer(row, 0)?);
        }
        Ok(answers)
    }

    /// All answers of a person, with their texts.
    pub fn own_answers(&self, person: PersonNumber) -> Result<Vec<OwnAnswer>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/own_answers.sql"))?;
        let mut found = statement.query([person.0])?;
        let mut answers = Vec::new();
        while let Some(row) = found.next()? {
            let read_by = codec::maybe_str(row, 3)?.is_some();
            answers.push(OwnAnswer {
                step: StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? },
                text: row.get(2)?,
                read_by: read_by.then(|| codec::read_by(row, 3)).transpose()?,
                saved: saved_answer(row, 4)?,
            });
        }
        Ok(answers)
    }

    /// The steps that were queued or answered, in order of their names.
    pub fn answer_counts(&self) -> Result<Vec<StepAnswers>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/answer_counts.sql"))?;
        let mut found = statement.query([])?;
        let mut steps = Vec::new();
        while let Some(row) = found.next()? {
            let step = StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? };
            steps.push(StepAnswers { step, queued: codec::count(row, 2)?, answered: codec::count(row, 3)? });
        }
        Ok(steps)
    }

    /// How often each question has each value.
    pub fn value_counts(&self) -> Result<Vec<ValueCount>, StoreError> {
        let sql = "SELECT journey, step, question, value, count(*) FROM counted_answer GROUP BY 1, 2, 3, 4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut counts = Vec::new();
        while let Some(row) = found.next()? {
            counts.push(ValueCount {
                step: StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? },
                question: row.get(2)?,
                value: row.get(3)?,
                count: codec::count(row, 4)?,
            });
        }
        Ok(counts)
    }

    /// How many texts answer each question, by who was to read them.
    pub fn text_counts(&self) -> Result<Vec<TextCount>, StoreError> {
        let sql = "SELECT journey, step, question, read_by, count(*) FROM written_answer GROUP BY 1, 2, 3, 4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut counts = Vec::new();
        while let Some(row) = found.next()? {
            counts.push(TextCount {
                step: StepName { journey: codec::slug(row, 0)?, step: codec::slug(row, 1)? },
                question: row.get(2)?,
                read_by: codec::read_by(row, 3)?,
                count: codec::count(row, 4)?,
            });
        }
        Ok(counts)
    }

    /// The texts that the programme may read, in the order of their random keys.
    pub fn programme_texts(&self, step: &StepName, question: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/programme_texts.sql"))?;
        let names = [step.journey.as_str(), step.step.as_str(), question];
        let texts = statement.query_map(names, |row| row.get(0))?;
        Ok(texts.collect::<Result<_, _>>()?)
    }
}

/// Reads question, first save, sealing, value and whether it is sealed.
fn saved_answer(row: &rusqlite::Row<'_>, from: usize) -> Result<SavedAnswer, StoreError> {
    let is_never = codec::str(row, from + 2)? == NEVER;
    Ok(SavedAnswer {
        question: row.get(from)?,
        saved_at: codec::get_time(row, from + 1)?,
        seals_at: if is_never { None } else { codec::maybe_time(row, from + 2)? },
        counted: row.get(from + 3)?,
        is_sealed: row.get(from + 4)?,
    })
}
