//! The answers to a step: what is asked, what was answered, saving and removing.

use chrono::TimeDelta;

use super::link::Link;
use crate::domain::answer::{self, AnswerValue, Asked, ValidAnswer};
use crate::domain::model::ids::Language;
use crate::domain::model::step::{Question, QuestionForm, Step};
use crate::domain::time::timezone::Timestamp;
use crate::engine::answers;
use crate::engine::tokens::NoRandomness;
use crate::store::{AnswersOfStep, NewAnswer, SaveOutcome, Store, StoreError};

/// A form that comes so soon after the mail server accepted the mail may be from a mail scanner: it is
/// shown once more.
const SOON: TimeDelta = TimeDelta::minutes(2);

/// What is asked, in the language of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageQuestion<'c> {
    pub(crate) asked: Asked<'c>,
    /// The text and the options; `None` for a step that is answered as a whole, and for the note.
    pub(crate) words: Option<&'c Question>,
}

/// What is in a field of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// The number of a scale, or the place of an option from 1.
    Number(i64),
    Text {
        text: String,
        /// The tick of a pledge.
        shared: bool,
    },
}

/// Why an answer is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// Its length in characters.
    TooLong(usize),
    NotAllowed,
}

/// What is saved of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedStep {
    /// The ids of the questions that are answered.
    pub(crate) questions: Vec<String>,
    /// Those whose answer cannot be changed any more.
    pub(crate) sealed: Vec<String>,
    pub(crate) first_saved: Timestamp,
    pub(crate) last_saved: Timestamp,
    /// Until then all of it can be changed and removed; `None`: always.
    pub(crate) seals_at: Option<Timestamp>,
    /// The answer *done* (1), *will do* (2) or *not for me* (3).
    pub(crate) done: Option<i64>,
}

/// What a page asks. A step whose only question is *done* also has a note.
pub(crate) fn questions<'c>(link: &Link<'c>, language: &Language) -> Vec<PageQuestion<'c>> {
    let step = link.step;
    let words = &link.text(language).questions;
    let of_step = step.questions.iter().map(|question| PageQuestion {
        asked: Asked::Question(question),
        words: words.iter().find(|own| own.id == question.id).or(Some(question)),
    });
    let mut asked: Vec<PageQuestion<'c>> = of_step.collect();
    if asked.is_empty() {
        asked.push(PageQuestion { asked: Asked::Step, words: None });
    }
    asked.extend(Asked::of(step, answer::NOTE).map(|asked| PageQuestion { asked, words: None }));
    asked
}

impl PageQuestion<'_> {
    /// Whether it is answered with done, will do or not for me.
    pub(crate) fn is_done(&self) -> bool {
        match self.asked {
            Asked::Step => true,
            Asked::Note => false,
            Asked::Question(question) => question.form == QuestionForm::Done,
        }
    }

    fn is_text(&self) -> bool {
        match self.asked {
            Asked::Step => false,
            Asked::Note => true,
            Asked::Question(question) => matches!(question.form, QuestionForm::Text | QuestionForm::Pledge),
        }
    }

    /// Reads a field; `None` if nothing is chosen or written. `shared`: the tick beside it.
    pub(crate) fn read(&self, field: &str, shared: bool) -> Option<Given> {
        if self.is_text() {
            // Some programs put control characters into what is pasted.
            let plain = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
            let text: String = field.replace("\r\n", "\n").chars().filter(plain).collect();
            return Some(Given::Text { text, shared }).filter(|_| !field.trim().is_empty());
        }
        // What is no number was not sent by the page.
        Some(Given::Number(field.parse().unwrap_or(i64::MIN))).filter(|_| !field.is_empty())
    }

    /// Validates what is in a field.
    pub(crate) fn validate(&self, step: &Step, given: &Given) -> Result<ValidAnswer, Invalid> {
        let value = match given {
            Given::Text { text, shared: false } => AnswerValue::Text(text.clone()),
            Given::Text { text, shared: true } => AnswerValue::SharedText(text.clone()),
            Given::Number(1) if self.is_done() => AnswerValue::Done,
            Given::Number(2) if self.is_done() => AnswerValue::WillDo,
            Given::Number(3) if self.is_done() => AnswerValue::NotForMe,
            Given::Number(number) => AnswerValue::Number(*number),
        };
        value.validate(step, self.asked).map_err(|_| match given {
            Given::Text { text, .. } if text.chars().count() > usize::from(self.max()) => {
                Invalid::TooLong(text.chars().count())
            }
            Given::Text { .. } | Given::Number(_) => Invalid::NotAllowed,
        })
    }

    /// Maximum length of a text in characters.
    pub(crate) fn max(&self) -> u16 {
        match self.asked {
            Asked::Step | Asked::Note => answer::DEFAULT_TEXT_LENGTH,
            Asked::Question(question) => question.max,
        }
    }
}

impl SavedStep {
    /// Whether any of it can be removed.
    pub(crate) fn can_be_removed(&self) -> bool {
        self.sealed.len() < self.questions.len()
    }
}

/// Whether the mail was accepted by the mail server so shortly before that the form may be from a mail
/// scanner.
pub(crate) fn is_soon_after_delivery(link: &Link<'_>, now: Timestamp) -> bool {
    link.reader.accepted.is_some_and(|accepted| now - accepted < SOON)
}

/// What the person has saved of the step; `None` if nothing.
pub(crate) fn saved(store: &Store, link: &Link<'_>) -> Result<Option<SavedStep>, StoreError> {
    let (journey, step) = (&link.journey.slug, &link.step.slug);
    let mut saved: Option<SavedStep> = None;
    let asked = questions(link, link.language());
    for answer in store.answers_of_step(link.reader.number, journey, step)? {
        let one = saved.get_or_insert_with(|| SavedStep {
            questions: Vec::new(),
            sealed: Vec::new(),
            first_saved: answer.saved_at,
            last_saved: answer.saved_at,
            seals_at: answer.seals_at,
            done: None,
        });
        one.first_saved = one.first_saved.min(answer.saved_at);
        one.last_saved = one.last_saved.max(answer.saved_at);
        one.seals_at = [one.seals_at, answer.seals_at].into_iter().flatten().min();
        one.sealed.extend(answer.is_sealed.then(|| answer.question.clone()));
        if asked.iter().any(|question| question.asked.id() == answer.question && question.is_done()) {
            one.done = answer.counted;
        }
        one.questions.push(answer.question);
    }
    Ok(saved)
}

/// Saves the answers of one form. Each is in the database when this returns.
pub(crate) fn save(
    store: &mut Store,
    link: &Link<'_>,
    answers: &[ValidAnswer],
    now: Timestamp,
) -> Result<SaveOutcome, SaveError> {
    let week = answer::week_of(link.library.programme.zone.date(now));
    let mut new = Vec::with_capacity(answers.len());
    for answer in answers {
        new.push(NewAnswer { id: answers::draw_id()?, answer });
    }
    Ok(store.save_answers(&AnswersOfStep {
        person: link.reader.number,
        journey: &link.journey.slug,
        step: &link.step.slug,
        at: now,
        week: &week,
        answers: &new,
    })?)
}

/// Removes what can still be removed.
pub(crate) fn remove(store: &mut Store, link: &Link<'_>, now: Timestamp) -> Result<(), StoreError> {
    store.withdraw_answers(link.reader.number, &link.journey.slug, &link.step.slug, now)?;
    Ok(())
}

/// Why answers were not saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}
