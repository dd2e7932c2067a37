//! The data about one person: reads it, and adds what only the content knows, which is the subjects
//! of mails and the questions that were answered.

use crate::domain::delivery::state::MailPurpose;
use crate::domain::model::ids::{Language, PersonNumber};
use crate::domain::model::library::Library;
use crate::domain::model::step::{Question, QuestionForm};
use crate::domain::personal_data::{AnswerContent, AnswerData, PersonalData};
use crate::engine::load::active_content::ActiveContent;
use crate::render::{ReaderLinks, RenderRequest};
use crate::store::{Store, StoreError};

/// Everything that is stored about a person, in the person's language. `None` if there is no such person.
pub(crate) fn load(
    store: &Store,
    content: &ActiveContent,
    number: PersonNumber,
) -> Result<Option<PersonalData>, StoreError> {
    let Some(mut data) = store.personal_data(number)? else { return Ok(None) };
    let links = ReaderLinks::preview("https://localhost");
    let library = &content.library;
    for mail in data.mails.iter_mut().filter(|mail| mail.purpose == MailPurpose::Step) {
        let name = library.todays_name(&mail.step);
        let request = RenderRequest {
            journey: &name.journey,
            step: &name.step,
            round: mail.round,
            person: &data.person,
            unit_name: &data.unit_name,
            character: data.character.as_ref(),
            first: false,
            links: &links,
        };
        // The step may not exist any more.
        mail.subject = content.renderer.subject(&request).ok();
    }
    let language = library.programme.serve(&data.person.language);
    for answer in &mut data.answers {
        add_question(library, language, answer);
    }
    Ok(Some(data))
}

/// Adds the text of the question and of the chosen option.
fn add_question(library: &Library, language: &Language, answer: &mut AnswerData) {
    let name = library.todays_name(&answer.step);
    let Some(step) = library.step(&name) else { return };
    let is_asked = |question: &&Question| question.id.as_str() == answer.question;
    let Some(question) = step.variant(language, None).questions.iter().find(is_asked) else { return };
    answer.asked = Some(question.text.clone());
    let AnswerContent::Number(number) = answer.content else { return };
    match &question.form {
        QuestionForm::Choice { options } => {
            let place = usize::try_from(number).unwrap_or(0);
            if let Some(text) = place.checked_sub(1).and_then(|index| options.get(index)) {
                answer.content = AnswerContent::Option { place: number, text: text.clone() };
            }
        }
        QuestionForm::Done => answer.content = AnswerContent::Deed(number),
        QuestionForm::Text | QuestionForm::Pledge | QuestionForm::Scale { .. } => {}
    }
}
