//! A request as a plain value: what a handler needs of it, and nothing that identifies a client.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method, Request, Uri};

/// Largest body of a request.
const MAX_BODY: usize = 64 * 1024;
/// Longest path with its query.
const MAX_URI: usize = 2048;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request.
#[derive(Debug)]
pub(super) struct PageRequest {
    pub(super) method: Method,
    /// Percent-encoding is not decoded: no route has any.
    pub(super) path: String,
    /// The pairs after `?`, decoded.
    pub(super) query: Vec<(String, String)>,
    pub(super) host: Option<String>,
    pub(super) origin: Origin,
    pub(super) form: Form,
}

/// What the browser says about the page that sends a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The origin of that page, like `https://larresa.ekdala.example`.
    Named(String),
    /// It is on the same site as this server; the origin was removed, for example by a proxy that
    /// adds `Referrer-Policy: no-referrer`.
    Hidden,
    /// It is on another site, or not said.
    Unknown,
}

/// The pairs of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// There is none, or it is of a type that is not read.
    None,
    Pairs(Vec<(String, String)>),
}

/// Why a request is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    UriTooLong,
    BodyTooLarge,
    UnsupportedType,
    Malformed,
}

impl PageRequest {
    pub(super) async fn read(request: Request<Body>) -> Result<PageRequest, Unreadable> {
        let uri = request.uri().clone();
        if uri.path_and_query().map_or(0, |uri| uri.as_str().len()) > MAX_URI {
            return Err(Unreadable::UriTooLong);
        }
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let form = if method == Method::POST { read_form(request).await? } else { Form::None };
        Ok(PageRequest::of(method, &uri, &headers, form))
    }

    /// The head of a request whose body is not read.
    pub(super) fn without_body(request: &Request<Body>) -> PageRequest {
        PageRequest::of(request.method().clone(), request.uri(), request.headers(), Form::None)
    }

    fn of(method: Method, uri: &Uri, headers: &HeaderMap, form: Form) -> PageRequest {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        PageRequest {
            method,
            path: uri.path().to_owned(),
            query: pairs(uri.query().unwrap_or_default().as_bytes()),
            // An absolute request target has the host itself (RFC 9112, 3.2.2).
            host: uri.authority().map(|host| host.as_str().to_owned()).or(text(HOST).map(str::to_owned)),
            origin: Origin::of(text(ORIGIN), text(SEC_FETCH_SITE)),
            form,
        }
    }

    /// The value of the first pair of the query with this name.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// The value of the first pair of the form with this name.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        first(self.fields(), name)
    }

    /// All pairs of the form.
    pub(super) fn fields(&self) -> &[(String, String)] {
        match &self.form {
            Form::Pairs(pairs) => pairs,
            Form::None => &[],
        }
    }
}

impl Origin {
    fn of(origin: Option<&str>, site: Option<&str>) -> Origin {
        match (origin, site) {
            (_, Some("cross-site" | "same-site")) => Origin::Unknown,
            (Some("null") | None, Some("same-origin")) => Origin::Hidden,
            (Some("null") | None, _) => Origin::Unknown,
            (Some(origin), _) => Origin::Named(origin.to_owned()),
        }
    }
}

fn first<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

async fn read_form(request: Request<Body>) -> Result<Form, Unreadable> {
    let headers = request.headers();
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Unreadable::UnsupportedType);
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|_| Unreadable::BodyTooLarge)?;
    match media_type.as_str() {
        "application/x-www-form-urlencoded" => Ok(Form::Pairs(pairs(&bytes))),
        "multipart/form-data" => read_multipart(Request::from_parts(parts, Body::from(bytes))).await,
        // A one-click pause without a body is no request for a pause.
        "" if bytes.is_empty() => Ok(Form::None),
        _ => Err(Unreadable::UnsupportedType),
    }
}

async fn read_multipart(request: Request<Body>) -> Result<Form, Unreadable> {
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| Unreadable::Malformed)?;
    let mut pairs = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| Unreadable::Malformed)? {
        let name = part.name().unwrap_or_default().to_owned();
        pairs.push((name, part.text().await.map_err(|_| Unreadable::Malformed)?));
    }
    Ok(Form::Pairs(pairs))
}
