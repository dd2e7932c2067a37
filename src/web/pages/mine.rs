//! Everything about a person, behind a link that is mailed on request, and the request itself. The answers
//! can be removed; it is asked once more, because a mail scanner may press a button.

use axum::http::{Method, StatusCode};

use super::ReaderPage;
use crate::domain::answer::Asked;
use crate::domain::model::step::{Question, QuestionForm};
use crate::domain::personal_data::PersonalData;
use crate::engine::pages::link::{self, OwnDataRequest};
use crate::engine::pages::mine::{self, MyAnswer};
use crate::engine::personal_data;
use crate::render;
use crate::render::page::views::{MinePage, OwnAnswer, OwnQuestion, OwnValue, Page, ReadRequest, RemoveAll};
use crate::store::Store;
use crate::view::personal_data::PersonalDataView;
use crate::web::forms::FormCheck;
use crate::web::response::PageResponse;

/// Mails a link to this page to the stored address.
pub(super) fn request(page: &ReaderPage<'_>, store: &mut Store) -> anyhow::Result<PageResponse> {
    // A program that presses each first button asks for no mail.
    if !page.is_confirmed() {
        let token = page.form_token();
        return page.show(StatusCode::OK, &Page::ConfirmRead { token: &token });
    }
    let (link, now) = (page.link, page.cx.now);
    let outcome = match link::request_own_data(store, page.keys, &page.cx.app.config, link, now)? {
        OwnDataRequest::Mailed => ReadRequest::Mailed,
        OwnDataRequest::AlreadyMailed => ReadRequest::AlreadyMailed,
        OwnDataRequest::NoAddress => ReadRequest::NoAddress,
    };
    page.show(StatusCode::OK, &Page::ReadRequested(outcome))
}

pub(super) fn show(page: &ReaderPage<'_>, store: &Store) -> anyhow::Result<PageResponse> {
    view(page, store, StatusCode::OK)
}

pub(super) fn submit(page: &ReaderPage<'_>, store: &mut Store) -> anyhow::Result<PageResponse> {
    match page.check_form() {
        FormCheck::Accepted => {}
        FormCheck::Expired => return view(page, store, StatusCode::OK),
        FormCheck::Refused => return view(page, store, StatusCode::FORBIDDEN),
    }
    match page.button() {
        "remove" if page.is_confirmed() => {
            let outcome = mine::remove(store, page.link, page.cx.now)?;
            page.show(StatusCode::OK, &Page::RemovedAll { sealed: outcome.sealed })
        }
        "remove" => {
            let answers = mine::answers(store, page.link)?;
            let sealed = answers.iter().filter(|own| own.answer.saved.is_sealed).count();
            let token = page.form_token();
            let asked = RemoveAll { answers: answers.len() - sealed, sealed, token: &token };
            page.show(StatusCode::OK, &Page::ConfirmRemoveAll(asked))
        }
        _ => Ok(page.reload()),
    }
}

/// Everything as a file.
fn download(page: &ReaderPage<'_>, data: &PersonalData) -> anyhow::Result<PageResponse> {
    let view = PersonalDataView::of(data, page.link.library.programme.zone, page.cx.now);
    let mut document = serde_json::to_string_pretty(&view)?;
    document.push('\n');
    let file = PageResponse::with(StatusCode::OK, "application/json", document);
    Ok(PageResponse { file_name: Some("journey-data.json"), ..file })
}

fn view(page: &ReaderPage<'_>, store: &Store, status: StatusCode) -> anyhow::Result<PageResponse> {
    let link = page.link;
    let data = personal_data::load(store, page.cx.content, link.reader.number)?;
    let data = data.ok_or_else(|| anyhow::anyhow!("the person of a valid link is not in the database"))?;
    if page.cx.request.method == Method::GET && page.cx.request.query("download") == Some("json") {
        return download(page, &data);
    }
    let language = page.language();
    let title = page.cx.content.renderer.programme_title(language);
    let text = render::personal_data::text(&data, title, language, link.library.programme.zone, page.cx.now);
    let file = format!("{}?download=json", page.cx.request.path);
    let answers = mine::answers(store, link)?;
    let token = page.form_token();
    let view = MinePage {
        answers: answers.iter().map(|own| line(page, own)).collect(),
        can_remove: answers.iter().any(|own| !own.answer.saved.is_sealed),
        data: &text,
        download: &file,
        token: &token,
    };
    page.show(status, &Page::Mine(view))
}

fn line<'p>(page: &'p ReaderPage<'_>, own: &'p MyAnswer<'_>) -> OwnAnswer<'p> {
    let words = own.step.map(|step| step.variant(page.language(), page.link.character()));
    let in_words = |asked: &'p Question| {
        let of_language = words.and_then(|words| words.questions.iter().find(|one| one.id == asked.id));
        of_language.unwrap_or(asked)
    };
    let question = match own.asked {
        Some(Asked::Question(asked)) => Some(in_words(asked)),
        Some(Asked::Step | Asked::Note) | None => None,
    };
    let saved = &own.answer.saved;
    let number = saved.counted.unwrap_or_default();
    OwnAnswer {
        step: words.map_or(own.answer.step.step.as_str(), |words| &words.title),
        question: match (own.asked, question) {
            (_, Some(question)) if question.form == QuestionForm::Done && question.text.is_empty() => {
                OwnQuestion::Done
            }
            (_, Some(question)) => OwnQuestion::Text(&question.text),
            (Some(Asked::Step), None) => OwnQuestion::Done,
            (Some(Asked::Note), None) => OwnQuestion::Note,
            (Some(Asked::Question(_)) | None, None) => OwnQuestion::Gone,
        },
        on: page.link.library.programme.zone.date(saved.saved_at),
        answer: match (&own.answer.text, own.asked, question.map(|question| &question.form)) {
            _ if saved.is_sealed => OwnValue::Sealed,
            (Some(text), ..) => OwnValue::Text(text),
            (None, Some(Asked::Step), _) | (None, _, Some(QuestionForm::Done)) => OwnValue::Done(number),
            (None, _, Some(QuestionForm::Scale { max, .. })) => OwnValue::Scale { number, of: *max },
            (None, _, Some(QuestionForm::Choice { options })) => {
                let place = usize::try_from(number - 1).ok();
                let option = place.and_then(|place| options.get(place));
                option.map_or(OwnValue::Number(number), |option| OwnValue::Text(option))
            }
            (None, _, Some(QuestionForm::Text | QuestionForm::Pledge) | None) => OwnValue::Number(number),
        },
    }
}
