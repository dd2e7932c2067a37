//! A person's answer: validated against the question, and turned into what is stored, a number
//! that is counted or a text.

#[cfg(test)]
mod tests;

use chrono::{Datelike, NaiveDate};

use crate::domain::model::step::{Question, QuestionForm, ReadBy, Step};

/// The question of a step that is answered as a whole.
pub const WHOLE_STEP: &str = "done";
/// The optional text beside it.
pub const NOTE: &str = "note";
/// Maximum length of a text in characters, unless the question says otherwise.
pub const DEFAULT_TEXT_LENGTH: u16 = 2_000;
/// The largest maximum that a question may set.
pub const MAX_TEXT_LENGTH: u16 = 2_500;

/// The random key of a stored answer.
pub type AnswerId = [u8; 16];

/// An answer as it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerValue {
    Done,
    /// The person means to do it; the step is not answered yet.
    WillDo,
    NotForMe,
    /// Free text.
    Text(String),
    /// A pledge that the person shows to the unit.
    SharedText(String),
    /// A number of the scale or an option, as text.
    Value(String),
    /// A number of the scale, or the place of an option from 1, as pages send it.
    Number(i64),
}

/// What an answer belongs to.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'s> {
    /// The step as a whole.
    Step,
    /// The optional text of a step that asks only whether it is done.
    Note,
    Question(&'s Question),
}

/// The content of an answer as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredAnswer {
    /// The number of a scale, the place of an option from 1; done 1, will do 2, not for me 3.
    Counted(i64),
    Written {
        text: String,
        read_by: ReadBy,
    },
}

/// A valid answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidAnswer {
    /// The id of the question.
    pub question: String,
    pub content: StoredAnswer,
    /// Whether the step counts as answered with it: not with *will do* or a note.
    pub answers_step: bool,
}

/// The value of *will do*; *done* is 1 and *not for me* is 3.
pub(crate) const WILL_DO: i64 = 2;
/// The value of *not for me*.
pub(crate) const NOT_FOR_ME: i64 = 3;

impl<'s> Asked<'s> {
    /// What an id on a page means; `None` if the step has no such question.
    pub fn of(step: &'s Step, id: &str) -> Option<Asked<'s>> {
        match step.questions.iter().find(|question| question.id.as_str() == id) {
            Some(question) => Some(Asked::Question(question)),
            None if id == WHOLE_STEP => Some(Asked::Step),
            None if id == NOTE && step.asks_only_for_a_deed() => Some(Asked::Note),
            None => None,
        }
    }

    /// The id under which the answer is stored.
    pub fn id(&self) -> &'s str {
        match self {
            Asked::Step => WHOLE_STEP,
            Asked::Note => NOTE,
            Asked::Question(question) => question.id.as_str(),
        }
    }
}

impl AnswerValue {
    /// Validates the answer.
    ///
    /// # Errors
    ///
    /// What is allowed instead.
    pub fn validate(&self, step: &Step, asked: Asked<'_>) -> Result<ValidAnswer, String> {
        let content = match asked {
            Asked::Step => self.done().ok_or_else(|| match step.questions.is_empty() {
                true => "the step asks nothing; it is answered with --done".to_owned(),
                false => "say which question it answers, with --question".to_owned(),
            })?,
            Asked::Note => self.text(ReadBy::Me, DEFAULT_TEXT_LENGTH)?,
            Asked::Question(question) => self.of_question(step, question)?,
        };
        let is_done = matches!(asked, Asked::Step)
            || matches!(asked, Asked::Question(question) if question.form == QuestionForm::Done);
        let is_intention = is_done && content == StoredAnswer::Counted(WILL_DO);
        let answers_step = !is_intention && !matches!(asked, Asked::Note);
        Ok(ValidAnswer { question: asked.id().to_owned(), content, answers_step })
    }

    fn of_question(&self, step: &Step, question: &Question) -> Result<StoredAnswer, String> {
        match &question.form {
            QuestionForm::Text => self.text(question.read_by, question.max),
            QuestionForm::Pledge => self.text(self.pledge_readers(question), question.max),
            QuestionForm::Scale { min, max, .. } => {
                let number = match self {
                    AnswerValue::Number(number) => Some(*number),
                    AnswerValue::Value(text) => text.parse::<i64>().ok(),
                    _ => None,
                };
                let range = i64::from(*min)..=i64::from(*max);
                number.filter(|number| range.contains(number)).map(StoredAnswer::Counted).ok_or_else(|| {
                    format!("it is answered with --value and a whole number from {min} to {max}")
                })
            }
            QuestionForm::Choice { options } => {
                let place = match self {
                    AnswerValue::Number(place) => Some(*place),
                    AnswerValue::Value(text) => place_of_option(step, question, text),
                    _ => None,
                };
                let places = 1..=options.len() as i64;
                place.filter(|place| places.contains(place)).map(StoredAnswer::Counted).ok_or_else(|| {
                    format!("it is answered with --value and one of `{}`", options.join("`, `"))
                })
            }
            QuestionForm::Done => self.done().ok_or_else(|| "it is answered with --done".to_owned()),
        }
    }

    /// The unit sees a pledge only if the person has said so.
    fn pledge_readers(&self, question: &Question) -> ReadBy {
        match (question.read_by, self) {
            (ReadBy::Unit, AnswerValue::SharedText(_)) => ReadBy::Unit,
            (ReadBy::Unit, _) => ReadBy::Me,
            (other, _) => other,
        }
    }

    fn done(&self) -> Option<StoredAnswer> {
        match self {
            AnswerValue::Done => Some(StoredAnswer::Counted(1)),
            AnswerValue::WillDo => Some(StoredAnswer::Counted(WILL_DO)),
            AnswerValue::NotForMe => Some(StoredAnswer::Counted(NOT_FOR_ME)),
            AnswerValue::Text(_)
            | AnswerValue::SharedText(_)
            | AnswerValue::Value(_)
            | AnswerValue::Number(_) => None,
        }
    }

    fn text(&self, read_by: ReadBy, max: u16) -> Result<StoredAnswer, String> {
        let (AnswerValue::Text(text) | AnswerValue::SharedText(text)) = self else {
            return Err("answer it with --text".to_owned());
        };
        let text = text.replace("\r\n", "\n");
        let length = text.chars().count();
        if text.trim().is_empty() {
            Err("the text is empty".to_owned())
        } else if length > usize::from(max) {
            Err(format!("the text has {length} characters; at most {max} are allowed"))
        } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            Err("the text has a control character in it".to_owned())
        } else {
            Ok(StoredAnswer::Written { text, read_by })
        }
    }
}

/// The place of an option from 1, in any language or variant of the step: a page shows the
/// reader's own.
fn place_of_option(step: &Step, question: &Question, text: &str) -> Option<i64> {
    let in_variants = step.variants.iter().flat_map(|variant| &variant.questions);
    let same = in_variants.filter(|other| other.id == question.id);
    [question].into_iter().chain(same).find_map(|question| match &question.form {
        QuestionForm::Choice { options } => {
            options.iter().position(|option| option == text).map(|place| place as i64 + 1)
        }
        _ => None,
    })
}

/// The week of an answer, like `2027-W05`; nothing finer is stored.
pub fn week_of(day: NaiveDate) -> String {
    let week = day.iso_week();
    format!("{:04}-W{:02}", week.year(), week.week())
}
