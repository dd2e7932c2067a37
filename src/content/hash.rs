//! What content is called: SHA-256 over files, framed so that no two sets of
//! files can be taken for one another.

use ring::digest::{Context, SHA256};

use crate::domain::model::ids::ContentHash;

/// What an approval is bound to: a step's Markdown files by name and text.
pub(super) fn of_step<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> ContentHash {
    framed("journey step 1", files)
}

/// What a revision is called: every text file by path and text.
pub(super) fn of_content<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> ContentHash {
    framed("journey content 1", files)
}

/// Each part after its length; the label keeps the two kinds apart. Texts
/// have LF line ends already, so the same words hash the same on every system.
fn framed<'a>(label: &str, files: impl Iterator<Item = (&'a str, &'a str)>) -> ContentHash {
    let mut context = Context::new(&SHA256);
    let mut part = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    part(label);
    for (name, text) in files {
        part(name);
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
    fn what_stands_where_matters() {
        let hash = |files: &[(&str, &str)]| of_step(files.iter().copied()).to_string();
        assert_ne!(hash(&[("a.md", "bc")]), hash(&[("a.mdb", "c")]));
        assert_ne!(hash(&[("a.md", "b"), ("c", "")]), hash(&[("a.md", "bc")]));
        assert_ne!(of_step([("a", "b")].into_iter()), of_content([("a", "b")].into_iter()));
    }
}
