//! The page for a pause, and the pause that a mail program asks for (RFC 8058).

use axum::http::{Method, StatusCode};
use chrono::{Days, NaiveDate, TimeDelta};

use super::{PageContext, ReaderPage};
use crate::engine::pages::link::Link;
use crate::engine::pages::pause::{self, OwnPause};
use crate::engine::tokens::Purpose;
use crate::render::page::views::{Notice, Page, PauseEnd, PauseError, PausePage};
use crate::store::Store;
use crate::web::forms::FormCheck;
use crate::web::request::PageRequest;
use crate::web::response::PageResponse;

/// What is chosen on the page.
#[derive(Clone, Copy, Debug, Default)]
struct Choice<'a> {
    length: &'a str,
    until: &'a str,
    error: Option<PauseError>,
    notice: Option<Notice>,
}

/// For how long the page says *paused* when it is opened again.
const JUST_PAUSED: TimeDelta = TimeDelta::minutes(10);

/// Whether a mail program asks for a pause: the form has exactly this pair.
pub(super) fn is_one_click(request: &PageRequest) -> bool {
    let [(name, value)] = request.fields() else { return false };
    request.method == Method::POST && name == "List-Unsubscribe" && value == "One-Click"
}

/// Pauses without a form token: mail programs have none. The answer is the same for good and bad links.
pub(super) fn one_click(cx: &PageContext<'_>) -> anyhow::Result<PageResponse> {
    let keys = cx.app.keys()?;
    cx.app.with_store(|store| {
        if let Some(link) = Link::open(store, &keys, cx.library(), cx.token(), Purpose::Pause, cx.now)? {
            pause::one_click(store, &link, cx.app.config.web.one_click, cx.now)?;
        }
        Ok(PageResponse::text(StatusCode::OK, ""))
    })
}

pub(super) fn show(page: &ReaderPage<'_>, store: &Store) -> anyhow::Result<PageResponse> {
    let current = pause::current(store, page.link, page.cx.now)?;
    match current {
        Some(current) if page.cx.now - current.since <= JUST_PAUSED && !current.is_by_mail_program => {
            let token = page.form_token();
            page.show(StatusCode::OK, &Page::Paused { end: end_of(current), token: &token })
        }
        current => form(page, StatusCode::OK, current, &Choice::default()),
    }
}

pub(super) fn submit(page: &ReaderPage<'_>, store: &mut Store) -> anyhow::Result<PageResponse> {
    let field = |name| page.cx.request.field(name).unwrap_or_default();
    let (now, link) = (page.cx.now, page.link);
    let choice = Choice { length: field("for"), until: field("until"), error: None, notice: None };
    let current = pause::current(store, link, now)?;
    let again = |status, choice: Choice<'_>| form(page, status, current, &choice);
    let not_saved = Choice { notice: Some(Notice::NotSaved), ..choice };
    match page.check_form() {
        FormCheck::Accepted => {}
        FormCheck::Expired => return again(StatusCode::OK, not_saved),
        FormCheck::Refused => return again(StatusCode::FORBIDDEN, not_saved),
    }
    match page.button() {
        "resume" => {
            pause::end(store, link, now)?;
            return page.show(StatusCode::OK, &Page::Resumed);
        }
        "save" => {}
        _ => return again(StatusCode::OK, Choice::default()),
    }
    let (first, last) = pause::allowed_days(link, now);
    let in_weeks = |weeks: u64| first.checked_add_days(Days::new(7 * weeks - 1));
    let last_day = match choice.length {
        "2" => in_weeks(2),
        "4" => in_weeks(4),
        "date" => match parse_date(choice.until).filter(|day| (first..=last).contains(day)) {
            Some(day) => Some(day),
            None => {
                let wrong = Choice { error: Some(PauseError::Date), ..choice };
                return again(StatusCode::UNPROCESSABLE_ENTITY, wrong);
            }
        },
        // It has no end, so it is asked once more.
        "open" if !page.is_confirmed() => {
            let token = page.form_token();
            return page.show(StatusCode::OK, &Page::ConfirmPause { token: &token });
        }
        "open" => None,
        _ => {
            let nothing = Choice { notice: Some(Notice::NothingChosen), ..choice };
            return again(StatusCode::UNPROCESSABLE_ENTITY, nothing);
        }
    };
    pause::begin(store, link, last_day, now)?;
    Ok(page.reload())
}

fn form(
    page: &ReaderPage<'_>,
    status: StatusCode,
    current: Option<OwnPause>,
    choice: &Choice<'_>,
) -> anyhow::Result<PageResponse> {
    let token = page.form_token();
    let (first_day, last_day) = pause::allowed_days(page.link, page.cx.now);
    let view = PausePage {
        pause: current.map(end_of),
        by_mail_program: current.is_some_and(|pause| pause.is_by_mail_program),
        first_day,
        last_day,
        chosen: choice.length,
        until: choice.until,
        error: choice.error,
        notice: choice.notice,
        token: &token,
    };
    page.show(status, &Page::Pause(view))
}

pub(super) fn end_of(pause: OwnPause) -> PauseEnd {
    pause.last_day.map_or(PauseEnd::Open, PauseEnd::On)
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()
}
