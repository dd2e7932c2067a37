//! Questions whose texts were written for other readers. The page has promised who reads a text, so `read_by` of a
//! question that has texts does not change.

use std::path::Path;

use super::removed_steps::people_have;
use crate::config::Config;
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::library::Library;
use crate::domain::model::step::{QuestionForm, ReadBy};
use crate::store::TextCount;

/// An error for each question that has texts which were written under another `read_by`.
pub(super) fn changed_readers(config: &Config, library: &Library, texts: &[TextCount]) -> Vec<Diagnostic> {
    texts.iter().filter_map(|texts| changed_reader(config, library, texts)).collect()
}

fn changed_reader(config: &Config, library: &Library, texts: &TextCount) -> Option<Diagnostic> {
    let journey = library.journey(&texts.step.journey)?;
    let step = journey.step_once_called(&texts.step.step)?;
    let question = step.questions.iter().find(|question| question.id.as_str() == texts.question)?;
    let is_not_shared = question.form == QuestionForm::Pledge
        && (question.read_by, texts.read_by) == (ReadBy::Unit, ReadBy::Me);
    if question.read_by == texts.read_by || is_not_shared {
        return None;
    }
    let file = Path::new("journeys").join(journey.slug.as_str()).join(format!("{}.md", step.slug));
    let place = Location::file(config.content.join(file).display());
    let people = people_have(texts.count);
    let (now, then) = (question.read_by.as_str(), texts.read_by.as_str());
    let message = format!(
        "the question `{}` has `read_by = \"{now}\"`, but {people} answered it when it said `\"{then}\"`",
        question.id
    );
    let hint = format!("write `read_by = \"{then}\"`, or ask a new question with another `id`");
    Some(Diagnostic::error("readers-changed", place, message).hint(hint))
}
