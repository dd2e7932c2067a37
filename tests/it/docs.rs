//! Checks that the documentation is true: the command reference is generated
//! from the commands; JSON fields and authors' examples are tried.
//! `UPDATE_EXPECT=1 cargo test --test it docs` regenerates what is generated.

mod authoring;
mod cli;
mod json;

use std::fs;
use std::path::{Path, PathBuf};

/// The path of a file of the repository.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The text of a file of the repository.
fn text(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Asserts that a file has this text, or writes it if that is asked for.
pub(crate) fn hold(name: &str, should: &str) {
    if fs::read_to_string(file(name)).is_ok_and(|is| is == should) {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "the same variable as for other expected texts")]
    let asked_for = std::env::var_os("UPDATE_EXPECT").is_some();
    assert!(
        asked_for,
        "{name} is not what it should be; `UPDATE_EXPECT=1 cargo test --test it` writes it anew:\n{should}"
    );
    fs::create_dir_all(file(name).parent().expect("a folder")).expect("a folder");
    fs::write(file(name), should).unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// The cells of each row of each table in a text.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let cells = |line: &str| line.starts_with('|') && !line.starts_with("|---");
    text.lines()
        .filter(move |line| cells(line))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// The text between the first two back-ticks.
fn code(cell: &str) -> Option<&str> {
    cell.split('`').nth(1)
}
