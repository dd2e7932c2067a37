//! Computes content hashes: SHA-256 over files with length prefixes, so that two
//! different sets of files never produce the same input.

use ring::digest::{Context, SHA256};

use crate::domain::model::ids::ContentHash;

/// The hash an approval is bound to: the names and texts of a step's Markdown files, as
/// recipients get them. Blanks at line ends and empty lines at the end do not count, because
/// editors remove them.
pub(super) fn of_step<'a>(files: impl Iterator<Item = (impl AsRef<str>, &'a str)>) -> ContentHash {
    let texts: Vec<_> = files.map(|(name, text)| (name, without_trailing_blanks(text))).collect();
    framed("journey step 1", texts.iter().map(|(name, text)| (name, &**text)))
}

/// A text without blanks at line ends, except two that are a line break of Markdown, and with
/// one line end at its end.
fn without_trailing_blanks(text: &str) -> String {
    let mut lines = text.trim_end().split('\n').peekable();
    let mut trimmed = String::with_capacity(text.len());
    while let Some(line) = lines.next() {
        let kept = line.trim_end_matches([' ', '\t', '\r']);
        let is_break = line.ends_with("  ") && !kept.is_empty();
        trimmed.push_str(kept);
        if is_break && lines.peek().is_some_and(|next| !next.trim().is_empty()) {
            trimmed.push_str("  ");
        }
        trimmed.push('\n');
    }
    trimmed
}

/// The hash of a content revision: the paths and texts of all text files.
pub(super) fn of_content<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> ContentHash {
    framed("journey content 1", files)
}

/// Prefixes each part with its length; the label separates the two kinds of
/// hash. Line ends are already LF, so the hash is the same on every platform.
fn framed<'a>(label: &str, files: impl Iterator<Item = (impl AsRef<str>, &'a str)>) -> ContentHash {
    let mut context = Context::new(&SHA256);
    let mut part = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    part(label);
    for (name, text) in files {
        part(name.as_ref());
        part(text);
    }
    let mut hash = ContentHash([0; 32]);
    hash.0.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_that_no_recipient_sees_do_not_count() {
        let hash = |text: &str| of_step([("a.md", text)].into_iter());
        let text = "+++\nkind = \"tip\"\n+++\nHej!\n\nEn rad\noch en till.\n";
        for same in [
            text.replace('\n', " \n"),
            text.replace('\n', "\t\n"),
            format!("{text}\n\n"),
            text.trim_end().to_owned(),
            text.replace("till.\n", "till.  \n"),
            text.replace("Hej!\n", "Hej!   \n"),
        ] {
            assert_eq!(hash(&same), hash(text), "{same:?}");
        }
        for other in [
            text.replace("rad", "rad  "),
            text.replace("en till", "**en** till"),
            text.replace("Hej!", "Hej"),
            text.replace("\n\nEn", "\nEn"),
            text.replace("En rad", " En rad"),
        ] {
            assert_ne!(hash(&other), hash(text), "{other:?}");
        }
    }

    #[test]
    fn names_and_texts_cannot_be_confused() {
        let hash = |files: &[(&str, &str)]| of_step(files.iter().copied()).to_string();
        assert_ne!(hash(&[("a.md", "bc")]), hash(&[("a.mdb", "c")]));
        assert_ne!(hash(&[("a.md", "b"), ("c", "")]), hash(&[("a.md", "bc")]));
        assert_ne!(of_step([("a", "b")].into_iter()), of_content([("a", "b")].into_iter()));
    }
}
