//! What a path is about.

use super::request::Unreadable;
use crate::engine::tokens::Purpose;

/// What a path is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A page behind a signed link.
    Reader(Purpose),
    Privacy,
    Accessibility,
    /// Asks for a new link.
    NewLink,
    /// A demo page: shows the page and writes nothing.
    Test,
    StaticFile,
    Robots,
    SecurityContact,
    Health,
    Ready,
    NotFound,
    NotAllowed,
    /// It cannot be read.
    Unreadable(Unreadable),
    /// For another host.
    Misdirected,
}

impl Route {
    /// The word in the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Route::Reader(purpose) => purpose.as_str(),
            Route::Privacy => "privacy",
            Route::Accessibility => "accessibility",
            Route::NewLink => "link",
            Route::Test => "test",
            Route::StaticFile | Route::Robots | Route::SecurityContact => "file",
            Route::Health => "health",
            Route::Ready => "ready",
            Route::NotFound | Route::NotAllowed | Route::Unreadable(_) | Route::Misdirected => "none",
        }
    }

    /// Monitors and proxies ask with an address of their own.
    pub(super) fn is_for_any_host(self) -> bool {
        matches!(self, Route::Health | Route::Ready)
    }
}
