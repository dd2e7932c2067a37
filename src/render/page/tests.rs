//! The built-in pages have no errors, and are never larger than they should be.

use super::gallery;
use crate::domain::diagnostic::Diagnostic;
use crate::render::page::Pages;
use crate::render::rig::{library, shown, variant};

#[test]
fn the_built_in_pages_have_no_errors() {
    let library = library(vec![variant("Hej", "Hej!")], &[]);
    let mut found: Vec<Diagnostic> = Vec::new();
    let pages = Pages::new(&library, &mut found);
    assert_eq!(shown(&found), "");
    let (_, css) = pages.css();
    for sample in gallery::samples(library.programme.languages.iter()) {
        let html = pages.render(&sample.frame, &sample.page).expect(sample.name);
        assert!(html.len() + css.len() <= 15_000, "{} has {} + {} bytes", sample.name, html.len(), css.len());
    }
}
