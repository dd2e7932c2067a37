//! The routes, and what happens around each request: limits, the host, headers, the log.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::{self, Next};
use axum::routing::{MethodRouter, get, post};

use super::app::App;
use super::dispatch;
use super::headers;
use super::request::PageRequest;
use super::response::PageResponse;
use super::route::Route;
use crate::clock::Stopwatch;
use crate::engine::tokens::Purpose;

/// Longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The routes of all pages.
pub(super) fn router(app: Arc<App>) -> Router {
    let form = |route| reading(route).merge(writing(route));
    let routes = [
        ("/answer/{token}", form(Route::Reader(Purpose::Answer))),
        ("/pause/{token}", form(Route::Reader(Purpose::Pause))),
        ("/character/{token}", form(Route::Reader(Purpose::Character))),
        ("/journey/{token}", form(Route::Reader(Purpose::Journey))),
        ("/web/{token}", reading(Route::Reader(Purpose::Web))),
        ("/mine/{token}", form(Route::Reader(Purpose::Mine))),
        ("/privacy", reading(Route::Privacy)),
        ("/accessibility", reading(Route::Accessibility)),
        ("/link", writing(Route::NewLink)),
        ("/test/{*page}", form(Route::Test)),
        ("/static/{file}", reading(Route::StaticFile)),
        ("/robots.txt", reading(Route::Robots)),
        ("/.well-known/security.txt", reading(Route::SecurityContact)),
        ("/health", reading(Route::Health)),
        ("/ready", reading(Route::Ready)),
    ];
    let base = app.base_path();
    let all = routes
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(&format!("{base}{path}"), methods));
    all.fallback(|State(app): State<Arc<App>>, request: Request| handle(app, Route::NotFound, request))
        .method_not_allowed_fallback(|State(app): State<Arc<App>>, request: Request| {
            handle(app, Route::NotAllowed, request)
        })
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .with_state(app)
}

/// GET and HEAD.
fn reading(route: Route) -> MethodRouter<Arc<App>> {
    get(move |State(app): State<Arc<App>>, request: Request| handle(app, route, request))
}

fn writing(route: Route) -> MethodRouter<Arc<App>> {
    post(move |State(app): State<Arc<App>>, request: Request| handle(app, route, request))
}

/// What the log and the headers need to know about a response.
#[derive(Clone)]
struct About {
    route: Route,
    language: Option<String>,
    is_immutable: bool,
    bytes: usize,
    reference: Option<String>,
    cause: Option<String>,
}

async fn handle(app: Arc<App>, route: Route, request: Request) -> Response<Body> {
    // A body that is not read is not refused for its size or type.
    let (route, request) = match route {
        Route::NotFound | Route::NotAllowed => (route, PageRequest::without_body(&request)),
        _ => {
            let head = PageRequest::without_body(&request);
            match PageRequest::read(request).await {
                Ok(read) if route.is_for_any_host() || app.is_own_host(read.host.as_deref()) => (route, read),
                Ok(read) => (Route::Misdirected, read),
                Err(why) => (Route::Unreadable(why), head),
            }
        }
    };
    let answered = tokio::task::spawn_blocking(move || dispatch::answer(&app, route, &request)).await;
    // The task itself does not panic: `dispatch::answer` catches it.
    let response =
        answered.unwrap_or_else(|_| PageResponse::text(StatusCode::INTERNAL_SERVER_ERROR, "error\n"));
    let about = About {
        route,
        language: response.language.clone(),
        is_immutable: response.is_immutable,
        bytes: response.body.len(),
        reference: response.reference.clone(),
        cause: response.cause.clone(),
    };
    let mut response = response.into_http();
    response.extensions_mut().insert(about);
    response
}

/// Answers in time, adds the headers, and writes the line of the log: never a path, a token or an address.
async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let watch = Stopwatch::start();
    let answered = tokio::time::timeout(TIMEOUT, next.run(request)).await;
    let late = || PageResponse::text(StatusCode::SERVICE_UNAVAILABLE, "timeout\n").into_http();
    let mut response = answered.unwrap_or_else(|_| late());
    let about = response.extensions_mut().remove::<About>();
    let language = about.as_ref().and_then(|about| about.language.clone());
    let content = app.content();
    let language = language.unwrap_or_else(|| content.library.programme.default_language().to_string());
    let is_immutable = about.as_ref().is_some_and(|about| about.is_immutable);
    let status = response.status();
    headers::add(response.headers_mut(), &language, is_immutable);
    let (name, bytes) = about.as_ref().map_or(("none", 0), |about| (about.route.name(), about.bytes));
    let mut line =
        format!("web: {name} {} {} ms {bytes} bytes", status.as_u16(), watch.elapsed().as_millis());
    if let Some(reference) = about.as_ref().and_then(|about| about.reference.as_ref()) {
        line.push_str(&format!(", reference {reference}"));
    }
    if let Some(cause) = about.as_ref().and_then(|about| about.cause.as_ref()) {
        line.push_str(&format!(": {cause}"));
    }
    app.log(&line);
    response
}
