//! What is served beside the pages: the style sheet, and files for machines.

use axum::http::StatusCode;

use super::PageContext;
use crate::web::response::PageResponse;

fn style_sheet(cx: &PageContext<'_>) -> PageResponse {
    let (hash, css) = cx.content.renderer.pages().css();
    match cx.token() == format!("{hash}.css") {
        true => PageResponse::css(css),
        false => cx.error(StatusCode::NOT_FOUND),
    }
}

/// The style sheet, or the answer to `journey doctor --web`.
pub(super) fn file(cx: &PageContext<'_>) -> anyhow::Result<PageResponse> {
    match cx.token() == cx.app.keys()?.instance_name() {
        true => Ok(PageResponse::text(StatusCode::OK, "ok\n")),
        false => Ok(style_sheet(cx)),
    }
}

pub(super) fn robots() -> PageResponse {
    PageResponse::text(StatusCode::OK, "User-agent: *\nDisallow: /\n")
}

/// Whom to write to about a weakness (RFC 9116).
pub(super) fn security_contact(cx: &PageContext<'_>) -> PageResponse {
    let address = &cx.app.config.mail.reply_to.address;
    let expires = (cx.now + chrono::TimeDelta::days(365)).format("%Y-%m-%dT00:00:00Z");
    PageResponse::text(StatusCode::OK, &format!("Contact: mailto:{address}\nExpires: {expires}\n"))
}

/// The process answers.
pub(super) fn health() -> PageResponse {
    PageResponse::text(StatusCode::OK, "ok\n")
}

/// The database can be read, too.
pub(super) fn ready(cx: &PageContext<'_>) -> PageResponse {
    match cx.app.with_store(|store| Ok(store.secrets()?)) {
        Ok(_) => PageResponse::text(StatusCode::OK, "ok\n"),
        Err(error) => PageResponse {
            cause: Some(format!("{error:#}")),
            ..PageResponse::text(StatusCode::SERVICE_UNAVAILABLE, "the database cannot be read\n")
        },
    }
}
