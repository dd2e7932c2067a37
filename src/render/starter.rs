//! The built-in mail templates: the files of the repository's `content`. A programme uses all
//! of them or none; one template of its own disables them.

use crate::domain::model::library::TemplateSource;

/// The built-in mail templates.
pub(super) fn templates() -> Vec<TemplateSource> {
    FILES
        .iter()
        .map(|(name, text)| TemplateSource {
            name: format!("email/{name}"),
            file: format!("templates/email/{name}.hbs"),
            text: (*text).into(),
        })
        .collect()
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../content/templates/email/", $name, ".hbs")))),*]
    };
}

const FILES: [(&str, &str); 41] = files![
    "accent-dark.txt",
    "accent.txt",
    "again.en.txt",
    "again.sv.txt",
    "button.en.txt",
    "button.sv.txt",
    "dark.html",
    "film.en.html",
    "film.en.txt",
    "film.sv.html",
    "film.sv.txt",
    "footer.en.html",
    "footer.en.txt",
    "footer.sv.html",
    "footer.sv.txt",
    "kind.en.txt",
    "kind.sv.txt",
    "label.en.txt",
    "label.sv.txt",
    "layout.html",
    "layout.txt",
    "mission.en.txt",
    "mission.sv.txt",
    "opening.html",
    "question.en.txt",
    "question.sv.txt",
    "reminder.en.txt",
    "reminder.sv.txt",
    "retention.en.txt",
    "retention.sv.txt",
    "styles.html",
    "subject-reminder.en.txt",
    "subject-reminder.sv.txt",
    "task.html",
    "task.txt",
    "tint-dark.txt",
    "tint.txt",
    "welcome.en.html",
    "welcome.en.txt",
    "welcome.sv.html",
    "welcome.sv.txt",
];
