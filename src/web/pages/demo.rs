//! The pages that the links of test mails lead to. They are not for one person, say so, and save nothing,
//! whatever is sent.

use axum::http::StatusCode;
use chrono::Days;

use super::{PageContext, character, text};
use crate::render::page::views::{
    AnswerPage, AnswerState, CharacterPage, Given, Page, PausePage, Question, QuestionForm, Task,
};
use crate::web::response::PageResponse;

/// A form of these pages is not accepted anywhere.
const NO_TOKEN: &str = "test";

pub(super) fn show(cx: &PageContext<'_>) -> anyhow::Result<PageResponse> {
    let page = match cx.token() {
        "answer" | "web" => answer(cx),
        "pause" => Some(pause(cx)),
        "character" => Some(characters(cx)),
        _ => None,
    };
    match page {
        Some(page) => cx.show(StatusCode::OK, &page),
        None => cx.bad_link(),
    }
}

/// The first step of the programme, answered as a whole.
fn answer<'c>(cx: &'c PageContext<'_>) -> Option<Page<'c>> {
    let step = cx.library().journeys.iter().flat_map(|journey| &journey.steps).next()?;
    let variant = step.variant(cx.language(None), None);
    Some(Page::Answer(AnswerPage {
        step: text::head_of(step, variant),
        task: Task::None,
        questions: vec![Question {
            id: "done",
            text: "",
            form: QuestionForm::Done,
            given: Given::Nothing,
            error: None,
        }],
        part: None,
        state: AnswerState::Empty,
        notice: None,
        backup_days: None,
        token: NO_TOKEN,
    }))
}

fn pause<'c>(cx: &PageContext<'_>) -> Page<'c> {
    let today = cx.library().programme.zone.date(cx.now);
    Page::Pause(PausePage {
        pause: None,
        by_mail_program: false,
        first_day: today,
        last_day: today.checked_add_days(Days::new(366)).unwrap_or(today),
        chosen: "",
        until: "",
        error: None,
        notice: None,
        token: NO_TOKEN,
    })
}

fn characters<'c>(cx: &'c PageContext<'_>) -> Page<'c> {
    let cards = cx.library().programme.characters.iter();
    Page::Character(CharacterPage {
        characters: cards.map(|card| character::card_in(cx, cx.language(None), card)).collect(),
        current: None,
        notice: None,
        token: NO_TOKEN,
    })
}
