//! Answers one request on a worker thread. An error of this program becomes a page with a reference.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::http::StatusCode;

use super::app::App;
use super::pages::{self, PageContext};
use super::request::PageRequest;
use super::response::PageResponse;
use super::route::Route;
use crate::engine::panics;
use crate::store::StoreError;

/// Answers a request. The text of a panic may have personal data: it is not shown or logged.
pub(super) fn answer(app: &App, route: Route, request: &PageRequest) -> PageResponse {
    let content = app.content();
    let cx = PageContext::new(app, &content, app.now(), request);
    let failed = |status, reference: &str, cause: String| PageResponse {
        cause: Some(cause),
        ..cx.error_with_reference(status, reference)
    };
    match catch_unwind(AssertUnwindSafe(|| pages::answer(&cx, route))) {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            let is_temporary = matches!(error.downcast_ref(), Some(StoreError::Busy | StoreError::DiskFull));
            let status = match is_temporary {
                true => StatusCode::SERVICE_UNAVAILABLE,
                false => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let cause = format!("{error:#}");
            failed(status, &panics::reference(&cause), cause)
        }
        Err(said) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            failed(status, &panics::reference(&*said), "internal error".to_owned())
        }
    }
}
