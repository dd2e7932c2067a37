//! The button for a new link, on the page for links that are not valid.

use axum::http::StatusCode;

use super::PageContext;
use crate::engine::pages::link;
use crate::render::page::views::Page;
use crate::web::response::PageResponse;

/// Mails a new link to the stored address of the person whose link it was. The answer is always the
/// same.
pub(super) fn new_link(cx: &PageContext<'_>) -> anyhow::Result<PageResponse> {
    let token = cx.request.field("link").unwrap_or_default();
    let keys = cx.app.keys()?;
    if let Some(claim) = keys.was_valid(token) {
        cx.app.with_store(|store| Ok(link::request_new(store, &keys, &cx.app.config, claim, cx.now)?))?;
    }
    cx.show(StatusCode::OK, &Page::LinkRequested)
}
