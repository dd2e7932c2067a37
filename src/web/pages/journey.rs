//! *My journey*: what came, what comes, and the person's own settings.

use axum::http::StatusCode;
use chrono::{Datelike, NaiveDate};

use super::{ReaderPage, character, mine, pause as pause_page, text};
use crate::domain::model::step::Kind;
use crate::domain::time::timezone::TimeZone;
use crate::domain::verdict::{Reason, Verdict};
use crate::engine::pages::link::Link;
use crate::engine::pages::{journeys, pause};
use crate::engine::plan::explain::{JourneyStatus, State, StepStatus, Why};
use crate::engine::tokens::Purpose;
use crate::render::page::views::{
    Because, JourneyList, JourneyPage, Page, StepAnswer, StepLine, StepState, WaitsFor,
};
use crate::store::Store;
use crate::web::forms::FormCheck;
use crate::web::response::PageResponse;

pub(super) fn show(page: &ReaderPage<'_>, store: &Store) -> anyhow::Result<PageResponse> {
    view(page, store, StatusCode::OK)
}

/// Chooses the language of mails and pages, or asks for a link to everything about the person.
pub(super) fn submit(page: &ReaderPage<'_>, store: &mut Store) -> anyhow::Result<PageResponse> {
    match page.check_form() {
        FormCheck::Accepted => {}
        FormCheck::Expired => return view(page, store, StatusCode::OK),
        FormCheck::Refused => return view(page, store, StatusCode::FORBIDDEN),
    }
    match page.button() {
        "read" => return mine::request(page, store),
        "keep" => return Ok(page.reload()),
        _ => {}
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
    let lists: Vec<JourneyList<'_>> =
        why.iter().flat_map(|why| list(page, why, &answer)).filter(|list| !list.steps.is_empty()).collect();
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

fn list<'w>(page: &'w ReaderPage<'_>, why: &'w Why<'_>, answer: &'w str) -> Vec<JourneyList<'w>> {
    let language = page.language();
    let of_journey = |status: &'w JourneyStatus<'_>| {
        let lines = status.steps.iter().filter_map(|step| {
            let is_own =
                status.journey.slug == page.link.journey.slug && step.step.slug == page.link.step.slug;
            let head = text::head_of(step.step, step.step.variant(language, page.link.character()));
            let state = state(page, status, step)?;
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
fn state<'w>(
    page: &'w ReaderPage<'_>,
    journey: &'w JourneyStatus<'_>,
    status: &StepStatus<'w>,
) -> Option<StepState<'w>> {
    let zone = page.link.library.programme.zone;
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
        (State::Due | State::Next, _, Some(planned)) => Some(StepState::Comes {
            earliest: zone.date(planned),
            because: because(page, &journey.verdict).filter(|_| status.state == State::Next),
        }),
        (State::Next, _, None) => Some(StepState::Waits(held(&journey.verdict))),
        (State::Later, ..) => Some(match awaited(page, journey, status) {
            Some(title) => StepState::Waits(WaitsFor::Answer(title)),
            None => StepState::Later,
        }),
        (State::Due, ..) => Some(StepState::Later),
        (State::Sent | State::Skipped | State::Passed, ..) => None,
    }
}

/// Why the next step does not come earlier: the first reason that means something to the person. What the
/// programme does inside is none.
fn because<'w>(page: &ReaderPage<'_>, verdict: &'w Verdict) -> Option<Because<'w>> {
    let Verdict::Wait(wait) = verdict else { return None };
    let is_first_language = page.language() == page.link.library.programme.default_language();
    let of = |reason: &'w Reason| match reason {
        // The author has written it in the first language alone.
        Reason::Closed(why) => Some(Because::Closed(Some(&**why).filter(|_| is_first_language))),
        Reason::UnitClosed(_) => Some(Because::UnitClosed),
        Reason::Holiday(_) => Some(Because::Holiday),
        Reason::Leave(_) => Some(Because::Leave),
        Reason::Paused(_) => Some(Because::Paused),
        Reason::Cadence => Some(Because::Cadence),
        Reason::MinGap | Reason::Pace(_) => Some(Because::Gap),
        Reason::UnitShift(_) => Some(Because::UnitShift),
        Reason::NotStarted(_) | Reason::JoinsLate(_) => Some(Because::Starts),
        Reason::PreviousJourney(_) => Some(Because::OtherJourney),
        Reason::NonWorkday(_)
        | Reason::OutsideHours
        | Reason::AwaitingAnswer(_)
        | Reason::NotApproved(_)
        | Reason::ReferenceGroupFirst
        | Reason::NoAddress
        | Reason::SharedAddress
        | Reason::SecondEmployment
        | Reason::Undeliverable(_)
        | Reason::Left
        | Reason::Stopped
        | Reason::BadContent(_)
        | Reason::Expired
        | Reason::ManualHold
        | Reason::NoSlot
        | Reason::Outbox
        | Reason::InDoubt => None,
    };
    let found: Vec<Because<'_>> = wait.reasons.iter().filter_map(of).collect();
    // That mails come on fixed days explains least.
    found.iter().find(|because| **because != Because::Cadence).or(found.first()).copied()
}

/// What a step waits for that has no date.
fn held<'w>(verdict: &Verdict) -> WaitsFor<'w> {
    let Verdict::Held(held) = verdict else { return WaitsFor::Others };
    let of = |reason: &Reason| match reason {
        Reason::Paused(_) => Some(WaitsFor::PauseEnd),
        Reason::NoAddress | Reason::SharedAddress | Reason::Undeliverable(_) => Some(WaitsFor::Address),
        _ => None,
    };
    held.reasons.iter().find_map(of).unwrap_or(WaitsFor::Others)
}

/// The title of the step whose answer is awaited, if this is the step after it.
fn awaited<'w>(
    page: &'w ReaderPage<'_>,
    journey: &'w JourneyStatus<'_>,
    status: &StepStatus<'w>,
) -> Option<&'w str> {
    let Verdict::Wait(wait) = &journey.verdict else { return None };
    let of = |reason: &'w Reason| match reason {
        Reason::AwaitingAnswer(step) => Some(step),
        _ => None,
    };
    let awaited = wait.reasons.iter().find_map(of)?;
    let next = journey.steps.iter().find(|step| step.state == State::Later)?;
    let step = journey.journey.step(awaited).filter(|_| next.step.slug == status.step.slug)?;
    Some(&step.variant(page.language(), page.link.character()).title)
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
