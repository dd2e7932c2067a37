//! The values of one question, and its line in the list of errors.

use serde_json::{Value, json};

use super::Values;
use crate::render::page::views::{AnswerError, AnswerPage, Given, Question, QuestionForm, ReadBy};

impl QuestionForm<'_> {
    /// Whether its answers are counted together with those of others.
    pub(super) fn is_counted(&self) -> bool {
        matches!(self, QuestionForm::Scale { .. } | QuestionForm::Choice { .. })
    }
}

impl Values<'_> {
    pub(super) fn question(&self, page: &AnswerPage<'_>, question: &Question<'_>) -> Value {
        let field = field(question);
        let options = self.options(question);
        let (max, read_by, shared) = match question.form {
            QuestionForm::Text { max, read_by } => (Some(max), Some(read_by), None),
            QuestionForm::Pledge { max, read_by, shared } => (Some(max), Some(read_by), Some(shared)),
            QuestionForm::Done | QuestionForm::Scale { .. } | QuestionForm::Choice { .. } => {
                (None, None, None)
            }
        };
        let ends = match question.form {
            QuestionForm::Scale { labels: Some((low, high)), .. } => {
                Some(json!({ "low": low, "high": high }))
            }
            _ => None,
        };
        let value = if let Given::Text(text) = question.given { text } else { "" };
        let (number, unit) = self.own.privacy.retention.split_once(' ').unwrap_or_default();
        json!({
            "field": field,
            "name": format!("q.{}", question.id),
            "text": self.text(question),
            "lang": self.question_lang(page, question),
            "written": max.is_some(),
            "scale": matches!(question.form, QuestionForm::Scale { .. }),
            "optional": page.questions.len() > 1,
            "max": max.map(|max| grouped(max as usize)),
            "read_by": read_by.map(|read_by| match read_by {
                ReadBy::Me => "me",
                ReadBy::Programme => "programme",
                ReadBy::Unit => "unit",
            }),
            "retention": { "number": number, "unit": unit },
            "share": shared.filter(|_| read_by == Some(ReadBy::Unit)).map(|shared| json!({
                "name": format!("share.{}", question.id),
                "checked": shared,
            })),
            "value": value,
            "options": options,
            "ends": ends,
            "error": self.error_entry(page, question),
        })
    }

    /// The line in the list of errors.
    pub(super) fn error_entry(&self, page: &AnswerPage<'_>, question: &Question<'_>) -> Option<Value> {
        let max = match question.form {
            QuestionForm::Text { max, .. } | QuestionForm::Pledge { max, .. } => Some(max),
            _ => None,
        };
        let has = match question.error? {
            AnswerError::TooLong(has) => Some(has),
            AnswerError::NotAnOption => None,
        };
        // The link leads to the first field.
        let field = if max.is_some() { field(question) } else { format!("{}-1", field(question)) };
        let text = self.text(question);
        Some(
            json!({ "field": field, "date": false, "has": has.map(grouped), "max": max.map(|max| grouped(max as usize)), "text": text, "lang": self.question_lang(page, question) }),
        )
    }

    /// As `lang` of the step, but a question without a text of its own is in the page's language.
    fn question_lang<'q>(&self, page: &AnswerPage<'q>, question: &Question<'_>) -> Option<&'q str> {
        self.lang(&page.step).filter(|_| !question.text.is_empty())
    }

    fn text<'q>(&'q self, question: &Question<'q>) -> &'q str {
        match question.form {
            _ if !question.text.is_empty() => question.text,
            QuestionForm::Done => &self.own.done[0],
            _ => &self.own.note,
        }
    }

    fn options(&self, question: &Question<'_>) -> Vec<Value> {
        let options: Vec<(i32, String, Option<&str>)> = match &question.form {
            QuestionForm::Done => {
                (1..).zip(&self.own.done[1..]).map(|(n, label)| (n, label.clone(), None)).collect()
            }
            QuestionForm::Choice { options } => {
                (1..).zip(options).map(|(n, label)| (n, (*label).to_owned(), None)).collect()
            }
            QuestionForm::Scale { min, max, labels } => {
                let end = |n| match labels {
                    Some((low, _)) if n == *min => Some(*low),
                    Some((_, high)) if n == *max => Some(*high),
                    _ => None,
                };
                (*min..=*max).map(|n| (n, n.to_string(), end(n))).collect()
            }
            QuestionForm::Text { .. } | QuestionForm::Pledge { .. } => Vec::new(),
        };
        let option = |(place, (value, label, end)): (usize, (i32, String, Option<&str>))| {
            json!({
                "id": format!("{}-{}", field(question), place + 1),
                "name": format!("q.{}", question.id),
                "value": value,
                "label": label,
                "end": end,
                "checked": question.given == Given::Number(value),
            })
        };
        options.into_iter().enumerate().map(option).collect()
    }
}

/// The id of its field.
fn field(question: &Question<'_>) -> String {
    format!("q-{}", question.id)
}

/// `2 000`, with a space that does not break.
fn grouped(number: usize) -> String {
    let thousands = number / 1000;
    if thousands == 0 { number.to_string() } else { format!("{thousands}\u{a0}{:03}", number % 1000) }
}
