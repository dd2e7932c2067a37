//! *My journey*: what came, what comes, and the person's own settings.

use axum::http::StatusCode;
use chrono::{Datelike, NaiveDate};

use super::{ReaderPage, character, pause as pause_page, text};
use crate::domain::model::step::Kind;
use crate::domain::time::timezone::TimeZone;
use crate::engine::pages::link::Link;
use crate::engine::pages::{journeys, pause};
use crate::engine::plan::explain::{State, StepStatus, Why};
use crate::engine::tokens::Purpose;
use crate::render::page::views::{JourneyList, JourneyPage, Page, StepAnswer, StepLine, StepState};
use crate::store::Store;
use crate::web::forms::FormCheck;
use crate::web::response::PageResponse;

pub(super) fn show(page: &ReaderPage<'_>, store: &Store) -> anyhow::Result<PageResponse> {
    view(page, store, StatusCode::OK)
}

/// Chooses the language of mails and pages.
pub(super) fn submit(page: &ReaderPage<'_>, store: &mut Store) -> anyhow::Result<PageResponse> {
    match page.check_form() {
        FormCheck::Accepted => {}
        FormCheck::Expired => return view(page, store, StatusCode::OK),
        FormCheck::Refused => return view(page, store, StatusCode::FORBIDDEN),
    }
    let asked = page.cx.request.field("language").unwrap_or_default();
    let languages = &page.link.library.programme.languages;
    let Some(language) = languages.iter().find(|language| language.as_str() == asked) else {
        return view(page, store, StatusCode::UNPROCESSABLE_ENTITY);
    };
    if language == page.link.language() {
        return Ok(page.reload());
    }
    store.choose_language(page.link.reader.number, language.as_str(), &Link::author(page.cx.now))?;
    Ok(PageResponse::see_other(page.cx.request.path.clone()))
}

fn view(page: &ReaderPage<'_>, store: &Store, status: StatusCode) -> anyhow::Result<PageResponse> {
    let (link, now) = (page.link, page.cx.now);
    let snapshot = journeys::snapshot_of(&page.cx.app.config, page.cx.content, store, link, now)?;
    let why = match &snapshot {
        Some(snapshot) => journeys::of(snapshot, link, now)?,
        None => None,
    };
    let zone = link.library.programme.zone;
    let today = zone.date(now);
    let (answer, token) = (page.url(Purpose::Answer), page.form_token());
    let lists: Vec<JourneyList<'_>> = why
        .iter()
        .flat_map(|why| list(page, why, zone, &answer))
        .filter(|list| !list.steps.is_empty())
        .collect();
    let view = JourneyPage {
        minutes: why.as_ref().map_or(0, |why| minutes_in_month(why, zone, today)),
        journeys: lists,
        language: link.language(),
        language_saved: false,
        character: character::name_of(page, link.character()),
        pause: pause::current(store, link, now)?.map(pause_page::end_of),
        support_link: store.link_made_at(link.reader.number)?.map(|at| zone.date(at)),
        token: &token,
    };
    page.show(status, &Page::Journey(view))
}

fn list<'w>(
    page: &'w ReaderPage<'_>,
    why: &'w Why<'_>,
    zone: TimeZone,
    answer: &'w str,
) -> Vec<JourneyList<'w>> {
    let language = page.language();
    let of_journey = |status: &'w crate::engine::plan::explain::JourneyStatus<'_>| {
        let lines = status.steps.iter().filter_map(|step| {
            let is_own =
                status.journey.slug == page.link.journey.slug && step.step.slug == page.link.step.slug;
            let head = text::head_of(step.step, step.step.variant(language, page.link.character()));
            let state = state(step, zone)?;
            let is_open =
                matches!(state, StepState::Received { answer, .. } if answer != StepAnswer::NotAsked);
            Some(StepLine { step: head, state, answer: (is_own && is_open).then_some(answer) })
        });
        JourneyList {
            title: page.cx.content.renderer.journey_title(&status.journey.slug, language),
            steps: lines.collect(),
        }
    };
    why.journeys.iter().map(of_journey).collect()
}

/// `None` for a step that the person does not get.
fn state<'w>(status: &StepStatus<'w>, zone: TimeZone) -> Option<StepState<'w>> {
    let asks = !status.step.questions.is_empty() || status.step.kind == Kind::Mission;
    match (status.state, status.sent, status.planned) {
        (State::Sent, Some(sent), _) => {
            let answer = match (asks, status.answered) {
                (false, _) => StepAnswer::NotAsked,
                (true, true) => StepAnswer::Answered,
                (true, false) => StepAnswer::None,
            };
            Some(StepState::Received { on: zone.date(sent), answer })
        }
        (State::Due | State::Next, _, Some(planned)) => {
            Some(StepState::Comes { earliest: zone.date(planned), because: None })
        }
        (State::Due | State::Next | State::Later, ..) => Some(StepState::Later),
        (State::Sent | State::Skipped | State::Passed, ..) => None,
    }
}

/// The minutes that the mails of this month ask for.
fn minutes_in_month(why: &Why<'_>, zone: TimeZone, today: NaiveDate) -> u32 {
    let month = |date: NaiveDate| (date.year(), date.month());
    let is_of_month =
        |step: &&StepStatus<'_>| step.sent.is_some_and(|sent| month(zone.date(sent)) == month(today));
    why.journeys
        .iter()
        .flat_map(|journey| &journey.steps)
        .filter(is_of_month)
        .map(|step| step.step.minutes)
        .sum()
}
