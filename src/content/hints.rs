//! What messages and hints share: words in back-ticks, the word that was
//! meant, the name that would be allowed.

use std::fmt::Display;

use unicode_normalization::UnicodeNormalization;

use crate::domain::diagnostic::nearest;
use crate::domain::model::ids::Slug;

/// Words in back-ticks, with commas.
pub(super) fn quoted<T: Display>(words: &[T]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Words in back-ticks, or that there are none.
pub(super) fn listed(words: &[&str]) -> String {
    if words.is_empty() { "none".to_owned() } else { quoted(words) }
}

/// The hint that names the word meant, if one is near.
pub(super) fn did_you_mean<T: AsRef<str>>(found: &str, allowed: &[T]) -> Option<String> {
    nearest(found, allowed.iter().map(AsRef::as_ref)).map(|word| format!("did you mean `{word}`?"))
}

/// What to write instead of a name that is no slug.
pub(super) fn slug_hint(text: &str) -> String {
    let plain: String = text
        .trim()
        .nfd()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(64)
        .collect();
    match Slug::parse(plain.trim_matches('-')) {
        Some(slug) => format!("write `{slug}`"),
        None => "for example `resor` or `steg-2`".to_owned(),
    }
}
