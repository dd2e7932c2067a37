//! Helpers for messages and hints: quoted lists, "did you mean", slug suggestions.

use std::fmt::Display;

use unicode_normalization::UnicodeNormalization;

use crate::domain::diagnostic::closest_match;
use crate::domain::model::ids::Slug;

/// The values in back-ticks, separated by commas.
pub(super) fn quoted<T: Display>(words: &[T]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The values in back-ticks, or `none`.
pub(super) fn listed(words: &[&str]) -> String {
    if words.is_empty() { "none".to_owned() } else { quoted(words) }
}

/// A "did you mean" hint if an allowed value is close enough.
pub(super) fn did_you_mean<T: AsRef<str>>(found: &str, allowed: &[T]) -> Option<String> {
    closest_match(found, allowed.iter().map(AsRef::as_ref)).map(|word| format!("did you mean `{word}`?"))
}

/// Suggests a valid slug for a text that is none.
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
