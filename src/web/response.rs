//! What is sent back: a status, a body, and the few headers that differ between pages.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};

/// The answer to a request.
#[derive(Debug)]
pub(super) struct PageResponse {
    pub(super) status: StatusCode,
    pub(super) body: String,
    pub(super) content_type: &'static str,
    /// `no-store`, but for assets whose name changes with their content.
    pub(super) is_immutable: bool,
    /// The language of a page.
    pub(super) language: Option<String>,
    /// Where to go after a form was saved.
    pub(super) location: Option<String>,
    /// The browser saves it under this name.
    pub(super) file_name: Option<&'static str>,
    /// Methods that are allowed instead.
    pub(super) allow: Option<&'static str>,
    /// Seconds until it may be tried again.
    pub(super) retry_after: Option<u32>,
    /// The id of an internal error, for the log.
    pub(super) reference: Option<String>,
    /// Why the program failed, for the log; without personal data.
    pub(super) cause: Option<String>,
}

impl PageResponse {
    pub(super) fn html(status: StatusCode, language: &str, body: String) -> PageResponse {
        PageResponse {
            language: Some(language.to_owned()),
            ..PageResponse::with(status, "text/html; charset=utf-8", body)
        }
    }

    pub(super) fn text(status: StatusCode, body: &str) -> PageResponse {
        PageResponse::with(status, "text/plain; charset=utf-8", body.to_owned())
    }

    /// A style sheet, under a name that changes with it.
    pub(super) fn css(body: &str) -> PageResponse {
        let css = PageResponse::with(StatusCode::OK, "text/css; charset=utf-8", body.to_owned());
        PageResponse { is_immutable: true, ..css }
    }

    /// After a form was saved: a reload of the next page repeats nothing.
    pub(super) fn see_other(location: String) -> PageResponse {
        PageResponse { location: Some(location), ..PageResponse::text(StatusCode::SEE_OTHER, "") }
    }

    pub(super) fn with(status: StatusCode, content_type: &'static str, body: String) -> PageResponse {
        PageResponse {
            status,
            body,
            content_type,
            is_immutable: false,
            language: None,
            location: None,
            file_name: None,
            allow: None,
            retry_after: None,
            reference: None,
            cause: None,
        }
    }

    pub(super) fn into_http(self) -> Response<Body> {
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let headers = [
            (CONTENT_TYPE, value(self.content_type)),
            (
                CONTENT_DISPOSITION,
                self.file_name.and_then(|name| value(&format!("attachment; filename=\"{name}\""))),
            ),
            (LOCATION, self.location.as_deref().and_then(value)),
            (ALLOW, self.allow.and_then(value)),
            (RETRY_AFTER, self.retry_after.map(HeaderValue::from)),
        ];
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        for (name, value) in headers {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
