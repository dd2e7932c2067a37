//! Robustness tests: constructed, damaged or random content must be rejected in
//! bounded time with printable diagnostics, and must never panic.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::fixtures::{check, folder, good, good_but, today, write};
use super::{ContentResult, load};
use crate::domain::diagnostic::Diagnostic;

/// Each input takes at most 0.3 s when measured alone. The bound is generous, so
/// that a busy machine does not fail the test and a hang does.
const HANGS: std::time::Duration = std::time::Duration::from_secs(20);

/// Checks a folder and asserts that it took less than [`HANGS`].
fn check_in_time(what: &str, files: &[(&str, String)]) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test that measures")]
    let begun = std::time::Instant::now();
    let told = check(files);
    let took = begun.elapsed();
    assert!(took < HANGS, "{what} took {took:?}");
    told
}

#[test]
fn constructed_bombs_are_rejected_quickly() {
    let bombs = [
        ("brackets", format!("a = {}", "[".repeat(199_000))),
        ("braces", "a={".repeat(66_000)),
        ("closed brackets", format!("a = {}{}", "[".repeat(99_000), "]".repeat(99_000))),
        ("dotted key", format!("{}b = 1", "a.".repeat(99_000))),
        ("dotted header", format!("[{}b]", "a.".repeat(99_000))),
        (
            "dotted keys in braces",
            format!("{}{}", format!("a.{}a = {{\n", "b.".repeat(90)).repeat(80), "}\n".repeat(80)),
        ),
        ("many dotted headers", format!("[{}b]\n", "a.".repeat(40)).repeat(2_000)),
        ("same key", "a = 1\n".repeat(33_000)),
        ("unknown keys", (0..20_000).map(|n| format!("k{n}=1\n")).collect()),
        ("tables", "[[step]]\n".repeat(22_000)),
        ("tables on one line", format!("step = [{}]", "{},".repeat(60_000))),
        ("values on one line", format!("title = \"x\"\nfocus = [{}]", "1,".repeat(90_000))),
        ("texts on one line", format!("focus = [{}]", "\"å\",".repeat(9_999))),
        ("faults on one line", format!("step = [{}]", "{a=1,b=\"åäö\",remind=5},".repeat(499))),
        ("garbled", "= = =\n".repeat(33_000)),
        ("quotes", "\"".repeat(199_000)),
        ("long word", format!("title = \"{}\"\ncadence = \"{}\"", "x".repeat(90_000), "*".repeat(90_000))),
        ("long key", format!("{} = 1", "k".repeat(199_000))),
    ];
    for (what, bomb) in bombs {
        let front = format!("+++\n{bomb}\n+++\nHej!\n");
        for (path, text) in [
            ("programme.toml", &bomb),
            ("journeys/miljo/journey.toml", &bomb),
            ("journeys/miljo/resor.en.md", &front),
        ] {
            let told = check_in_time(what, &good_but(&[(path, text)]));
            assert!(told.contains(": error: "), "{what} in {path}: {told}");
        }
    }
}

/// A position, a number of bytes to remove, and the bytes to insert.
type Edit = (prop::sample::Index, usize, Vec<u8>);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    // Fragments with a meaning in TOML or in our formats, and random bytes.
    let piece = prop::sample::select(vec![
        "\"",
        "'",
        "\"\"\"",
        "[",
        "]",
        "[[",
        "{",
        "}",
        "=",
        "\n",
        "+++\n",
        "\r",
        "#",
        ",",
        ".",
        "-",
        "0",
        "é",
        "\u{feff}",
        "step",
        "[[step]]\n",
        "[[question]]\n",
        "id = \"resor\"\n",
        "2026-02-30",
        "\n<<<<<<< a\n",
        "{{",
        "title",
    ]);
    let bytes = prop_oneof![
        3 => piece.prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, bytes), 1..8)
}

fn edited(text: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, gone, put) in edits {
        let from = at.index(bytes.len() + 1);
        let to = (from + gone).min(bytes.len());
        bytes.splice(from..to, put.iter().copied());
    }
    bytes
}

/// Loads good content with one file replaced: no panic, within the time limit,
/// and with printable diagnostics.
fn survives(dir: &Path, path: &str, bytes: &[u8]) {
    let good = fs::read(dir.join(path)).expect("a file");
    write(dir, path, bytes);
    #[expect(clippy::disallowed_methods, reason = "a test that measures")]
    let begun = std::time::Instant::now();
    let ContentResult { library, faults, .. } = load(dir, today());
    assert!(begun.elapsed() < HANGS, "{path} took {:?}", begun.elapsed());
    write(dir, path, &good);
    assert_eq!(library.is_none(), faults.iter().any(Diagnostic::is_error));
    assert!(faults.is_sorted_by_key(|fault| &fault.place));
    for fault in &faults {
        let shown = fault.to_string();
        assert!(fault.message.chars().count() <= 1_000 && !fault.message.is_empty(), "{shown}");
        assert!(fault.hint.is_some() && !fault.code.is_empty(), "{shown}");
        let (line, column) = (fault.place.line, fault.place.column);
        assert_eq!(line == 0, column == 0, "{shown}");
        assert!(line as usize <= 1 + bytes.iter().filter(|byte| **byte == b'\n').count().max(60), "{shown}");
    }
}

const WRITTEN: [&str; 5] = [
    "programme.toml",
    "journeys/miljo/journey.toml",
    "journeys/miljo/resor.md",
    "journeys/miljo/resor.en.md",
    "journeys/miljo/resor@halsa.md",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn random_edits_never_panic(edits in prop::collection::vec(edits(), 10)) {
        let files = good();
        let dir = folder(&files);
        for (n, edits) in edits.iter().enumerate() {
            let path = WRITTEN[n % WRITTEN.len()];
            let (_, text) = files.iter().find(|(other, _)| *other == path).expect("a file");
            survives(dir.path(), path, &edited(text, edits));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000), text in ".{0,400}") {
        let dir = folder(&good());
        for path in WRITTEN {
            survives(dir.path(), path, &bytes);
            survives(dir.path(), path, text.as_bytes());
            survives(dir.path(), path, format!("+++\n{text}\n+++\nHej\n").as_bytes());
        }
    }
}
