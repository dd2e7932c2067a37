//! Pages that are only read: the step as a page, the privacy text, the accessibility statement.

use axum::http::StatusCode;

use super::{PageContext, ReaderPage};
use crate::domain::model::person::Person;
use crate::domain::model::step::{Step, Variant};
use crate::engine::tokens::Purpose;
use crate::render::page::views::{FilmLink, Page, PrivacyPage, StepHead, WebPage, WebText};
use crate::render::{ReaderLinks, RenderRequest};
use crate::web::response::PageResponse;

/// The text of the step as HTML of a page.
pub(super) fn of_step(page: &ReaderPage<'_>) -> anyhow::Result<WebText> {
    let link = page.link;
    let language = page.language();
    let links = ReaderLinks {
        answer: page.url(Purpose::Answer),
        pause: page.url(Purpose::Pause),
        character: page.url(Purpose::Character),
        web: page.url(Purpose::Web),
    };
    let person = Person { language: language.clone(), ..link.reader.person.clone() };
    let request = RenderRequest {
        journey: &link.journey.slug,
        step: &link.step.slug,
        round: 0,
        person: &person,
        unit_name: &link.reader.unit_name,
        character: link.character(),
        first: false,
        links: &links,
    };
    Ok(page.cx.content.renderer.web(&request)?)
}

/// The mail as a page.
pub(super) fn web(page: &ReaderPage<'_>) -> anyhow::Result<PageResponse> {
    let text = of_step(page)?;
    let variant = page.link.text(page.language());
    let film = variant.film.as_ref().map(|film| FilmLink {
        url: &film.url,
        title: &film.title,
        length: &film.length,
        transcript: film.transcript.as_deref().filter(|transcript| transcript.starts_with("https://")),
    });
    let view = WebPage { step: head(page), text, film };
    page.show(StatusCode::OK, &Page::Web(view))
}

/// The step of a page as a heading.
pub(super) fn head<'p>(page: &'p ReaderPage<'_>) -> StepHead<'p> {
    head_of(page.link.step, page.link.text(page.language()))
}

/// A step as a heading, in one of its variants.
pub(super) fn head_of<'s>(step: &Step, variant: &'s Variant) -> StepHead<'s> {
    StepHead { title: &variant.title, language: &variant.language, kind: step.kind, minutes: step.minutes }
}

pub(super) fn privacy(cx: &PageContext<'_>) -> anyhow::Result<PageResponse> {
    let contact = cx.library().programme.privacy.contact.as_deref();
    cx.show(StatusCode::OK, &Page::Privacy(PrivacyPage { contact, backup_days: None }))
}

pub(super) fn accessibility(cx: &PageContext<'_>) -> anyhow::Result<PageResponse> {
    let contact = Some(cx.app.config.mail.reply_to.address.as_str());
    cx.show(StatusCode::OK, &Page::Accessibility { contact })
}
