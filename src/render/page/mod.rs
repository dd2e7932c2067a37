//! The web pages, as HTML. Pure: a page is a function of the templates, a frame and a view.
//! The web server makes the view; words are in templates, which authors may replace.

pub(super) mod step_text;
pub(crate) mod views;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::library::Library;
use crate::render::RenderError;
use views::{Frame, Page};

/// The compiled page templates of a programme.
#[derive(Debug)]
pub(crate) struct Pages {}

impl Pages {
    /// Compiles the templates of a programme, or the built-in ones; errors are added to
    /// `faults`.
    pub(crate) fn new(_library: &Library, _faults: &mut Vec<Diagnostic>) -> Pages {
        Pages {}
    }

    /// A page as HTML.
    pub(crate) fn render(&self, _frame: &Frame<'_>, _page: &Page<'_>) -> Result<String, RenderError> {
        Ok(String::new())
    }

    /// The style sheet: a name that changes with the text, and the text.
    pub(crate) fn css(&self) -> (&str, &str) {
        ("0", "")
    }
}
