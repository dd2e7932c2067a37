//! What is written about the program holds true: the command reference is
//! made from the commands, the JSON fields and the authors' examples are
//! tried. `UPDATE_EXPECT=1 cargo test --test it docs` writes anew what is
//! generated.

mod authoring;
mod cli;
mod json;

use std::fs;
use std::path::{Path, PathBuf};

/// A file below the repository's root.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The text of a file below the repository's root.
fn text(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Holds a file to what it should say, or writes it if that is asked for.
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

/// What stands between the first two back-ticks.
fn code(cell: &str) -> Option<&str> {
    cell.split('`').nth(1)
}
