//! The headers of every response, whatever the route and status.

use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, HeaderName, HeaderValue};

use crate::engine::pages::headers::FIXED;

/// Adds the headers. `language` is that of the page, or the programme's first.
pub(super) fn add(headers: &mut HeaderMap, language: &str, is_immutable: bool) {
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let cache = if is_immutable { "public, max-age=31536000, immutable" } else { "no-store" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(language) = HeaderValue::from_str(language) {
        headers.insert(CONTENT_LANGUAGE, language);
    }
}
