//! Computes content hashes: SHA-256 over files with length prefixes, so that two
//! different sets of files never produce the same input.

use ring::digest::{Context, SHA256};

use crate::domain::model::ids::ContentHash;

/// The hash an approval is bound to: the names and texts of a step's Markdown files.
pub(super) fn of_step<'a>(files: impl Iterator<Item = (impl AsRef<str>, &'a str)>) -> ContentHash {
    framed("journey step 1", files)
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
    fn names_and_texts_cannot_be_confused() {
        let hash = |files: &[(&str, &str)]| of_step(files.iter().copied()).to_string();
        assert_ne!(hash(&[("a.md", "bc")]), hash(&[("a.mdb", "c")]));
        assert_ne!(hash(&[("a.md", "b"), ("c", "")]), hash(&[("a.md", "bc")]));
        assert_ne!(of_step([("a", "b")].into_iter()), of_content([("a", "b")].into_iter()));
    }
}
