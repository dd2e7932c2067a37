//! Test fixtures: a valid content folder and variations of it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use tempfile::TempDir;

use super::{ContentResult, load};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::library::Library;

pub(super) const PROGRAMME: &str = r#"title        = "Tillsammans ställer vi om"
organisation = "Ekdala kommun"
languages    = ["sv", "en"]
time_zone    = "Europe/Stockholm"

[privacy]
purpose     = "Kompetensutveckling"
legal_basis = "Allmänt intresse"
visible_to  = "Bara du ser dina svar."
retention   = "12 months"

[calendar]
workdays = "Mon-Fri"
hours    = "07:00-17:00"
holidays = "SE"
closed   = [{ from = 2026-12-21, to = 2027-01-06, why = "jul och nyår" }]
min_gap  = "20 hours"
minutes_per_month = 30

[[focus]]
id    = "energi"
title = "En energieffektiv kommun"

[[character]]
id      = "natur"
name    = "Naturvännen"
about   = "Skog, humlor och badvatten."
default = true

[[character]]
id    = "halsa"
name  = "Hälsohjälten"
about = "Röra på dig och må bra."

[translation.en]
title = "Changing Course Together"

[translation.en.focus]
energi = "An energy-efficient municipality"

[translation.en.character.halsa]
name = "The Health Hero"
"#;

pub(super) const JOURNEY: &str = r#"title    = "Miljö och klimat"
cadence  = "30 8 * * Tue"
start    = 2026-09-01
audience = { departments = ["Vård och omsorg"] }
focus    = ["energi"]
late_joiners = "join unit"
retired  = ["gammalt-steg"]

[reference_group]
people = ["1007", "1042"]
lead   = "10 workdays"

[[step]]
id = "resor"

[[step]]
id     = "nar-senast"
after  = "1 week"
remind = ["5 workdays"]
wait   = "answer, at most 15 workdays"
expires_after = "4 weeks"
catch_up = true

[[step]]
id = "workshop"
on = 2027-03-16T13:00:00

[translation.en]
title = "Environment and Climate"
"#;

pub(super) const STEP: &str = r#"+++
kind      = "mission"
subject   = "Uppdrag: en vecka utan bil"
preheader = "Fem minuter att planera."
minutes   = 5
focus     = "energi"
manager_note = "Prata på APT om hur ni reser."

[[question]]
id   = "hinder"
text = "Vad skulle göra det lättare?"
type = "text"

[[question]]
id     = "hur"
text   = "Hur reste du?"
type   = "choice"
options = ["gick", "cyklade"]
+++
Hej {{person.first_name}}!
"#;

pub(super) const LESSON: &str =
    "+++\nkind = \"lesson\"\nsubject = \"{{person.first_name}}, när senast?\"\nminutes = 3\n+++\nHej!\n";

/// Valid content.
pub(super) fn good() -> Vec<(&'static str, String)> {
    [
        ("programme.toml", PROGRAMME),
        ("templates/email/layout.html.hbs", "<p>{{{body}}}</p>"),
        ("journeys/miljo/journey.toml", JOURNEY),
        ("journeys/miljo/resor.md", STEP),
        ("journeys/miljo/resor@halsa.md", "+++\nsubject = \"Låt benen ta en bit\"\n+++\nHej, gå!\n"),
        (
            "journeys/miljo/resor.en.md",
            "+++\nsubject = \"Mission: a week without the car\"\n[[question]]\nid = \"hinder\"\ntext = \"What would help?\"\n\
             [[question]]\nid = \"hur\"\ntext = \"How did you travel?\"\noptions = [\"walked\", \"cycled\"]\n+++\nHello!\n",
        ),
        ("journeys/miljo/resor@halsa.en.md", "Hello, walk!\n"),
        ("journeys/miljo/nar-senast.md", LESSON),
        ("journeys/miljo/workshop.md", LESSON),
        ("journeys/miljo/README.md", "For authors."),
        ("journeys/miljo/.resor.md.swp", "\u{0}"),
    ]
    .map(|(path, text)| (path, text.to_owned()))
    .to_vec()
}

/// The valid content with some files replaced or added.
pub(super) fn good_but(files: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut all = good();
    all.retain(|(path, _)| !files.iter().any(|(other, _)| path == other));
    all.extend(files.iter().map(|(path, text)| (*path, (*text).to_owned())));
    all
}

pub(super) fn folder(files: &[(&str, String)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        write(dir.path(), path, text.as_bytes());
    }
    dir
}

pub(super) fn write(dir: &Path, path: &str, bytes: &[u8]) {
    let file = dir.join(path);
    fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
    fs::write(file, bytes).expect("a file");
}

pub(super) fn today() -> NaiveDate {
    "2026-11-23".parse().expect("a date")
}

/// The diagnostics of a folder, with the folder's path removed.
pub(super) fn faults_in(dir: &Path) -> String {
    let ContentResult { library, faults, .. } = load(dir, today());
    assert_eq!(library.is_none(), faults.iter().any(Diagnostic::is_error), "{faults:?}");
    let mut text = String::new();
    for fault in faults {
        writeln!(text, "[{}] {fault}", fault.code).expect("text");
    }
    text.replace(&format!("{}/", dir.display()), "")
}

pub(super) fn check(files: &[(&str, String)]) -> String {
    faults_in(folder(files).path())
}

/// Loads content that has no error.
pub(super) fn library(files: &[(&str, String)]) -> Library {
    let dir = folder(files);
    let result = load(dir.path(), today());
    result.library.unwrap_or_else(|| panic!("{:#?}", result.faults))
}
