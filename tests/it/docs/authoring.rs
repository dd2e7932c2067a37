//! `docs/authoring.md`: its examples form one programme without errors, what it
//! says is rejected is rejected, and no key or name is missing.

use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use journey::content;
use journey::domain::diagnostic::Diagnostic;
use journey::render::{NAMES, Renderer};

use super::{code, hold, rows, text};

const PAGE: &str = "docs/authoring.md";

/// The examples with `file=`: path and text.
fn examples() -> Vec<(String, String)> {
    let page = text(PAGE);
    let mut examples = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some((_, path)) = line.strip_prefix("```").and_then(|info| info.split_once(" file=")) {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            examples.push((path.to_owned(), text.join("\n") + "\n"));
        }
    }
    examples
}

/// Every diagnostic of the content, texts included.
fn faults(files: &[(String, String)]) -> Vec<Diagnostic> {
    let home = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let today = NaiveDate::from_ymd_opt(2026, 9, 1).expect("a date");
    let mut loaded = content::load(home.path(), today);
    if let Some(library) = loaded.library {
        loaded.faults.extend(Renderer::new(&library, &[]).1);
    }
    loaded.faults
}

#[test]
fn the_examples_form_a_valid_programme() {
    let examples = examples();
    assert!(examples.len() > 8, "the examples are gone");
    assert_eq!(faults(&examples), []);
}

#[test]
fn examples_called_refused_are_rejected() {
    let page = text(PAGE);
    let table = between(&page, "<!-- refused: tried by a test -->\n", "<!-- end of refused -->");
    let mut tried = 0;
    for cells in rows(table).skip(1) {
        let cell = |n: usize| code(cells[n]).unwrap_or_else(|| panic!("no back-ticks in {cells:?}"));
        is_refused(cell(0), cell(1), cell(3));
        tried += 1;
    }
    assert!(tried > 20, "the table is gone");
}

fn is_refused(written: &str, path: &str, expected: &str) {
    let mut files = examples();
    let file = files.iter_mut().find(|(name, _)| name == path).unwrap_or_else(|| panic!("no example {path}"));
    file.1 = with(&file.1, written);
    let found = faults(&files);
    let codes: Vec<&str> = found.iter().map(|fault| fault.code).collect();
    assert!(codes.contains(&expected), "`{written}` gives {codes:?}, not {expected}");
}

/// The text with a line in place of the one with the same key, or at the end of
/// a Markdown file.
fn with(text: &str, written: &str) -> String {
    let Some((key, _)) =
        written.split_once(" = ").filter(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    else {
        return format!("{text}\n{written}\n");
    };
    // `cadance` replaces `cadence`; a variant has no `minutes` yet.
    let key = if key == "cadance" { "cadence" } else { key };
    let is_it = |line: &&str| line.split('=').next().is_some_and(|found| found.trim() == key);
    let mut lines: Vec<&str> = text.lines().collect();
    // In the last block: the first step has no predecessor.
    match lines.iter().rposition(is_it) {
        Some(place) => lines[place] = written,
        None => lines.insert(1, written),
    }
    lines.join("\n") + "\n"
}

/// An unknown key makes the program list the known ones.
#[test]
fn every_key_is_documented() {
    let page = text(PAGE);
    let places = [
        ("programme.toml", "title "),
        ("programme.toml", "purpose "),
        ("programme.toml", "workdays "),
        ("programme.toml", "default "),
        ("journeys/host/journey.toml", "title "),
        ("journeys/host/journey.toml", "departments "),
        ("journeys/host/journey.toml", "lead "),
        ("journeys/host/journey.toml", "expires_after "),
        ("journeys/host/resor.md", "minutes "),
        ("journeys/host/resor.md", "labels "),
        ("journeys/host/resor.md", "options "),
    ];
    for (path, beside) in places {
        let mut files = examples();
        let file = files.iter_mut().find(|(name, _)| name == path).expect("an example");
        assert!(
            file.1.contains(&format!("\n{beside}")) || file.1.starts_with(beside),
            "{path} has no `{beside}`"
        );
        file.1 = format!("\n{}", file.1).replacen(&format!("\n{beside}"), &format!("\nzzz = 1\n{beside}"), 1);
        file.1.remove(0);
        let found = faults(&files);
        let unknown = found.iter().find(|fault| fault.message.starts_with("unknown key `zzz`"));
        let unknown = unknown.unwrap_or_else(|| panic!("`zzz` beside `{beside}` in {path} gives {found:#?}"));
        let (_, allowed) = unknown.message.split_once("allowed are ").expect("the keys that are allowed");
        for key in allowed.split('`').skip(1).step_by(2) {
            let spelled = [
                format!("`{key}`"),
                format!("\n{key} "),
                format!("[{key}]"),
                format!("[{key}."),
                format!(" {key} = "),
            ];
            assert!(
                spelled.iter().any(|key| page.contains(key)),
                "docs/authoring.md does not tell of `{key}` ({path})"
            );
        }
    }
}

#[test]
fn the_documented_names_are_the_existing_ones() {
    let page = text(PAGE);
    let (begin, end) = ("<!-- names: written by a test -->\n", "<!-- end of names -->");
    let mut names = "| name | stands for | in |\n|---|---|---|\n".to_owned();
    for entry in NAMES {
        let place = if entry.in_markdown() { "Markdown, templates" } else { "templates" };
        names += &format!("| `{}` | {} | {place} |\n", entry.name, entry.about);
    }
    let is = between(&page, begin, end);
    let should = page.replacen(&format!("{begin}{is}{end}"), &format!("{begin}{names}{end}"), 1);
    hold(PAGE, &should);
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, after) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin}"));
    after.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
}
