//! The built-in page templates, texts, style sheet and accessibility statements. A programme
//! replaces each by a file of the same name in `templates/page`.

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("templates/", $name, ".html.hbs")))),*]
    };
}

/// Name and text; the first eight are parts of other templates, the others are pages.
pub(super) const TEMPLATES: [(&str, &str); 32] = templates![
    "layout",
    "language",
    "kind",
    "step-title",
    "alert",
    "form",
    "question",
    "question-text",
    "answer",
    "answered",
    "confirm-remove",
    "removed",
    "confirm-read",
    "read-requested",
    "mine",
    "confirm-remove-all",
    "removed-all",
    "saved",
    "pause",
    "confirm-pause",
    "paused",
    "resumed",
    "character",
    "confirm-character",
    "character-chosen",
    "journey",
    "web",
    "privacy",
    "accessibility",
    "bad-link",
    "link-requested",
    "error",
];

pub(super) const WORDS: [(&str, &str); 2] =
    [("sv", include_str!("templates/words.sv.txt")), ("en", include_str!("templates/words.en.txt"))];

pub(super) const STATEMENTS: [(&str, &str); 2] = [
    ("sv", include_str!("templates/accessibility.sv.md")),
    ("en", include_str!("templates/accessibility.en.md")),
];

pub(super) const CSS: &str = include_str!("templates/styles.css");
