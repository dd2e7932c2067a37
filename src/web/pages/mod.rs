//! One function for each page: it opens the link, asks the engine, and shows the result.

mod answer;
mod character;
mod demo;
mod files;
mod journey;
mod links;
mod mine;
mod pause;
mod text;

use std::sync::Arc;

use axum::http::{Method, StatusCode};

use super::app::App;
use super::forms::{self, FormCheck};
use super::request::{PageRequest, Unreadable};
use super::response::PageResponse;
use super::route::Route;
use crate::domain::model::ids::Language;
use crate::domain::model::library::Library;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::active_content::ActiveContent;
use crate::engine::pages::link::Link;
use crate::engine::tokens::{Keys, Purpose};
use crate::render::page::views::{ErrorPage, FooterLinks, Frame, Page, Reader};

/// A request with what is needed to answer it.
pub(super) struct PageContext<'r> {
    app: &'r App,
    content: &'r Arc<ActiveContent>,
    now: Timestamp,
    request: &'r PageRequest,
}

/// Answers a request. An error is one of this program, not of the client.
pub(super) fn answer(cx: &PageContext<'_>, route: Route) -> anyhow::Result<PageResponse> {
    match route {
        Route::Reader(purpose) => cx.reader_page(purpose),
        Route::Privacy => text::privacy(cx),
        Route::Accessibility => text::accessibility(cx),
        Route::NewLink => links::new_link(cx),
        Route::Test => demo::show(cx),
        Route::StaticFile => files::file(cx),
        Route::Robots => Ok(files::robots()),
        Route::SecurityContact => Ok(files::security_contact(cx)),
        Route::Health => Ok(files::health()),
        Route::Ready => Ok(files::ready(cx)),
        Route::NotFound => Ok(cx.error(StatusCode::NOT_FOUND)),
        Route::NotAllowed => Ok(cx.error(StatusCode::METHOD_NOT_ALLOWED)),
        Route::Misdirected => Ok(cx.error(StatusCode::MISDIRECTED_REQUEST)),
        Route::Unreadable(why) => Ok(cx.error(match why {
            Unreadable::UriTooLong => StatusCode::URI_TOO_LONG,
            Unreadable::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Unreadable::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Unreadable::Malformed => StatusCode::BAD_REQUEST,
        })),
    }
}

impl<'r> PageContext<'r> {
    pub(super) fn new(
        app: &'r App,
        content: &'r Arc<ActiveContent>,
        now: Timestamp,
        request: &'r PageRequest,
    ) -> PageContext<'r> {
        PageContext { app, content, now, request }
    }

    /// A page behind a link.
    fn reader_page(&self, purpose: Purpose) -> anyhow::Result<PageResponse> {
        if purpose == Purpose::Pause && pause::is_one_click(self.request) {
            return pause::one_click(self);
        }
        let keys = self.app.keys()?;
        self.app.with_store(|store| {
            // They may have been renewed a moment ago.
            let opened = Link::open(store, &keys, self.library(), self.token(), purpose, self.now)?
                .filter(|_| store.secrets().is_ok_and(|secrets| keys.are_of(&secrets)));
            let Some(link) = opened else { return self.bad_link() };
            let reader = ReaderPage { cx: self, link: &link, keys: &keys };
            if self.request.method == Method::POST
                && let Err(seconds) = self.app.forms().count(link.reader.number, self.now)
            {
                let response = self.error(StatusCode::TOO_MANY_REQUESTS);
                return Ok(PageResponse { retry_after: Some(seconds), ..response });
            }
            match (purpose, self.request.method == Method::POST) {
                (Purpose::Answer, false) => answer::show(&reader, store),
                (Purpose::Answer, true) => answer::submit(&reader, store),
                (Purpose::Pause, false) => pause::show(&reader, store),
                (Purpose::Pause, true) => pause::submit(&reader, store),
                (Purpose::Character, false) => character::show(&reader),
                (Purpose::Character, true) => character::submit(&reader, store),
                (Purpose::Journey, false) => journey::show(&reader, store),
                (Purpose::Journey, true) => journey::submit(&reader, store),
                (Purpose::Web, _) => text::web(&reader),
                (Purpose::Mine, false) => mine::show(&reader, store),
                (Purpose::Mine, true) => mine::submit(&reader, store),
            }
        })
    }

    fn library(&self) -> &'r Library {
        &self.content.library
    }

    /// The last segment of the path.
    fn token(&self) -> &str {
        self.request.path.rsplit('/').next().unwrap_or_default()
    }

    /// The page for every link that is not valid, whatever the reason.
    fn bad_link(&self) -> anyhow::Result<PageResponse> {
        let action = format!("{}/link", self.app.base_path());
        let page = Page::BadLink { action: &action, link: self.token() };
        self.show(StatusCode::NOT_FOUND, &page)
    }

    /// A page that is not for one person.
    fn show(&self, status: StatusCode, page: &Page<'_>) -> anyhow::Result<PageResponse> {
        self.show_in(status, page, None, self.language(None), &ReaderLinks::default())
    }

    fn show_in(
        &self,
        status: StatusCode,
        page: &Page<'_>,
        reader: Option<Reader<'_>>,
        language: &Language,
        links: &ReaderLinks,
    ) -> anyhow::Result<PageResponse> {
        let base = self.app.base_path();
        let pages = self.content.renderer.pages();
        let (privacy, accessibility) = (format!("{base}/privacy"), format!("{base}/accessibility"));
        let css_href = format!("{base}/static/{}.css", pages.css().0);
        let frame = Frame {
            language,
            today: self.library().programme.zone.date(self.now),
            reader,
            links: FooterLinks {
                answer: links.answer.as_deref(),
                pause: links.pause.as_deref(),
                character: links.character.as_deref(),
                journey: links.journey.as_deref(),
                web: links.web.as_deref(),
                privacy: &privacy,
                accessibility: &accessibility,
            },
            css_href: &css_href,
            is_test: self.request.path.starts_with(&format!("{base}/test/")),
        };
        Ok(PageResponse::html(status, language.as_str(), pages.render(&frame, page)?))
    }

    /// The language that is asked for in the address, or the one of the person, or the first.
    fn language<'l>(&'l self, of_person: Option<&'l Language>) -> &'l Language {
        let programme = &self.library().programme;
        let asked = self.request.query("lang");
        let asked = programme.languages.iter().find(|language| Some(language.as_str()) == asked);
        asked.or(of_person).unwrap_or_else(|| programme.default_language())
    }

    /// A page that says what went wrong.
    fn error(&self, status: StatusCode) -> PageResponse {
        self.error_page(status, None)
    }

    pub(super) fn error_with_reference(&self, status: StatusCode, reference: &str) -> PageResponse {
        PageResponse { reference: Some(reference.to_owned()), ..self.error_page(status, Some(reference)) }
    }

    fn error_page(&self, status: StatusCode, reference: Option<&str>) -> PageResponse {
        let page = Page::Error(ErrorPage { status: status.as_u16(), reference, texts: Vec::new() });
        // A template of an author that cannot be rendered must not hide the error.
        self.show(status, &page).unwrap_or_else(|_| PageResponse::text(status, "error\n"))
    }
}

/// A page behind a valid link.
struct ReaderPage<'r> {
    cx: &'r PageContext<'r>,
    link: &'r Link<'r>,
    keys: &'r Keys,
}

/// The links at the end of a page.
#[derive(Default)]
struct ReaderLinks {
    answer: Option<String>,
    pause: Option<String>,
    character: Option<String>,
    journey: Option<String>,
    web: Option<String>,
}

impl ReaderPage<'_> {
    fn language(&self) -> &Language {
        self.cx.language(Some(self.link.language()))
    }

    fn show(&self, status: StatusCode, page: &Page<'_>) -> anyhow::Result<PageResponse> {
        let url = |purpose| Some(self.url(purpose));
        let has_characters = self.cx.library().programme.characters.len() > 1;
        let links = ReaderLinks {
            answer: url(Purpose::Answer),
            pause: url(Purpose::Pause),
            character: url(Purpose::Character).filter(|_| has_characters),
            journey: url(Purpose::Journey),
            web: url(Purpose::Web),
        };
        let person = &self.link.reader.person;
        let reader = Reader { first_name: &person.first_name, unit_name: &self.link.reader.unit_name };
        self.cx.show_in(status, page, Some(reader), self.language(), &links)
    }

    /// The address of another page of the person, in the language of this page.
    fn url(&self, purpose: Purpose) -> String {
        let url = self.keys.url(self.cx.app.base_path(), &self.link.target(self.cx.now), purpose);
        match self.cx.request.query("lang").filter(|_| self.language() != self.link.language()) {
            Some(_) => format!("{url}?lang={}", self.language()),
            None => url,
        }
    }

    /// The form token for this page.
    fn form_token(&self) -> String {
        self.keys.form_token(self.cx.token(), self.cx.now)
    }

    /// Whether the form comes from a page of ours.
    fn check_form(&self) -> FormCheck {
        let field = self.cx.request.field("f").unwrap_or_default();
        let token = self.keys.check_form_token(field, self.cx.token(), self.cx.now);
        forms::check(&self.cx.request.origin, self.cx.app.origin(), token)
    }

    /// After a form was saved: the same page, read again.
    fn reload(&self) -> PageResponse {
        let query = match self.cx.request.query("lang") {
            Some(_) => format!("?lang={}", self.language()),
            None => String::new(),
        };
        PageResponse::see_other(format!("{}{query}", self.cx.request.path))
    }

    /// Which button was pressed.
    fn button(&self) -> &str {
        self.cx.request.field("do").unwrap_or_default()
    }

    /// Whether it was pressed on a second page.
    fn is_confirmed(&self) -> bool {
        self.cx.request.field("confirmed") == Some("1")
    }
}
