//! A person's answer, validated against the question.

use crate::domain::model::step::{Question, QuestionForm, Step};

/// An answer before validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerValue {
    Done,
    /// Free text.
    Text(String),
    /// A number or an option.
    Value(String),
}

/// Maximum length of a text answer.
const LONGEST: usize = 10_000;

impl AnswerValue {
    /// As it is stored.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            AnswerValue::Done => "done",
            AnswerValue::Text(text) | AnswerValue::Value(text) => text,
        }
    }

    /// Validates the answer. `None` is the step as a whole, which is answered by *done*.
    ///
    /// # Errors
    ///
    /// What is allowed instead.
    pub(crate) fn validate(&self, step: &Step, question: Option<&Question>) -> Result<(), String> {
        let Some(question) = question else {
            return match (self, step.questions.is_empty()) {
                (AnswerValue::Done, _) => Ok(()),
                (_, true) => Err("the step asks nothing; it is answered with --done".to_owned()),
                (_, false) => Err("say which question it answers, with --question".to_owned()),
            };
        };
        match (&question.form, self) {
            (QuestionForm::Text | QuestionForm::Pledge, AnswerValue::Text(text)) => check_text(text),
            (QuestionForm::Text | QuestionForm::Pledge, _) => Err("answer it with --text".to_owned()),
            (QuestionForm::Scale { min, max, .. }, AnswerValue::Value(value)) => match value.parse::<i32>() {
                Ok(number) if (*min..=*max).contains(&number) => Ok(()),
                _ => Err(format!("it is answered with --value and a whole number from {min} to {max}")),
            },
            (QuestionForm::Scale { min, max, .. }, _) => {
                Err(format!("it is answered with --value and a whole number from {min} to {max}"))
            }
            (QuestionForm::Choice { options }, AnswerValue::Value(value)) if options.contains(value) => {
                Ok(())
            }
            (QuestionForm::Choice { options }, _) => {
                Err(format!("it is answered with --value and one of `{}`", options.join("`, `")))
            }
            (QuestionForm::Done, AnswerValue::Done) => Ok(()),
            (QuestionForm::Done, _) => Err("it is answered with --done".to_owned()),
        }
    }
}

fn check_text(text: &str) -> Result<(), String> {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.trim().is_empty() {
        Err("the text is empty".to_owned())
    } else if text.chars().count() > LONGEST {
        Err(format!("the text is longer than {LONGEST} characters"))
    } else if text.chars().any(odd) {
        Err("the text has a control character in it".to_owned())
    } else {
        Ok(())
    }
}
