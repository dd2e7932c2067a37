//! Whole content folders in, faults out.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use expect_test::expect;
use tempfile::TempDir;

use super::{Loaded, load};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::ids::Slug;
use crate::domain::library::Library;

const PROGRAMME: &str = r#"title        = "Tillsammans ställer vi om"
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

const JOURNEY: &str = r#"title    = "Miljö och klimat"
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

const STEP: &str = r#"+++
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

const LESSON: &str =
    "+++\nkind = \"lesson\"\nsubject = \"{{person.first_name}}, när senast?\"\nminutes = 3\n+++\nHej!\n";

/// Content without a fault.
fn good() -> Vec<(&'static str, String)> {
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

/// The good content with some files put in the place of, or beside, its own.
fn good_but(files: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut all = good();
    all.retain(|(path, _)| !files.iter().any(|(other, _)| path == other));
    all.extend(files.iter().map(|(path, text)| (*path, (*text).to_owned())));
    all
}

fn folder(files: &[(&str, String)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        write(dir.path(), path, text.as_bytes());
    }
    dir
}

fn write(dir: &Path, path: &str, bytes: &[u8]) {
    let file = dir.join(path);
    fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
    fs::write(file, bytes).expect("a file");
}

fn today() -> NaiveDate {
    "2026-11-23".parse().expect("a date")
}

/// The faults of a folder, its name left out.
fn faults_in(dir: &Path) -> String {
    let Loaded { library, faults } = load(dir, today());
    assert_eq!(library.is_none(), faults.iter().any(Diagnostic::is_error), "{faults:?}");
    let mut text = String::new();
    for fault in faults {
        writeln!(text, "[{}] {fault}", fault.code).expect("text");
    }
    text.replace(&format!("{}/", dir.display()), "")
}

fn check(files: &[(&str, String)]) -> String {
    faults_in(folder(files).path())
}

/// The library of content that has no error.
fn library(files: &[(&str, String)]) -> Library {
    let dir = folder(files);
    let loaded = load(dir.path(), today());
    loaded.library.unwrap_or_else(|| panic!("{:#?}", loaded.faults))
}

#[test]
fn good_content_has_no_fault() {
    assert_eq!(check(&good()), "");
}

#[test]
fn variants_are_complete_and_in_order() {
    let library = library(&good());
    let step = &library.journeys[0].steps[0];
    let mut text = String::new();
    for v in &step.variants {
        let (character, file) = (v.character.as_ref().map(Slug::as_str), v.file.rsplit('/').next());
        writeln!(
            text,
            "{} {character:?} {file:?} subject {} body {}",
            v.language, v.subject_line, v.body_line
        )
        .expect("text");
        writeln!(text, "  {} | {} | {:?} | {:?}", v.title, v.subject, v.preheader, v.manager_note)
            .expect("text");
        writeln!(text, "  {:?}", v.questions.iter().map(|q| &*q.text).collect::<Vec<_>>()).expect("text");
        writeln!(text, "  {:?} {:?}", v.questions[1].form, v.body).expect("text");
    }
    expect![[r#"
        sv None Some("resor.md") subject 3 body 20
          Uppdrag: en vecka utan bil | Uppdrag: en vecka utan bil | Some("Fem minuter att planera.") | Some("Prata på APT om hur ni reser.")
          ["Vad skulle göra det lättare?", "Hur reste du?"]
          Choice { options: ["gick", "cyklade"] } "Hej {{person.first_name}}!\n"
        sv Some("halsa") Some("resor@halsa.md") subject 2 body 4
          Uppdrag: en vecka utan bil | Låt benen ta en bit | Some("Fem minuter att planera.") | Some("Prata på APT om hur ni reser.")
          ["Vad skulle göra det lättare?", "Hur reste du?"]
          Choice { options: ["gick", "cyklade"] } "Hej, gå!\n"
        en None Some("resor.en.md") subject 2 body 11
          Mission: a week without the car | Mission: a week without the car | None | None
          ["What would help?", "How did you travel?"]
          Choice { options: ["walked", "cycled"] } "Hello!\n"
        en Some("halsa") Some("resor@halsa.en.md") subject 0 body 1
          Mission: a week without the car | Mission: a week without the car | None | None
          ["What would help?", "How did you travel?"]
          Choice { options: ["walked", "cycled"] } "Hello, walk!\n"
    "#]].assert_eq(&text);
}

#[test]
fn the_programme_and_the_order_of_a_journey() {
    let library = library(&good());
    let mut text = format!("{:?}\n", library.programme.calendar);
    writeln!(text, "{:?}", library.programme.translations).expect("text");
    let journey = &library.journeys[0];
    writeln!(text, "{:?} {:?} {:?}", journey.slug, journey.cadence, journey.start).expect("text");
    writeln!(text, "{:?} {:?} {:?}", journey.audience, journey.late_joiners, journey.retired).expect("text");
    writeln!(text, "{:?} {:?}", journey.reference_group, journey.titles).expect("text");
    for step in &journey.steps {
        let (wait, expires) = (&step.wait, step.expires_after);
        writeln!(text, "{} {} {:?} {:?} {wait:?} {expires:?}", step.slug, step.kind, step.pace, step.remind)
            .expect("text");
    }
    writeln!(text, "{} {}", library.templates[0].name, library.templates[0].text).expect("text");
    expect![[r#"
        Calendar { workdays: [true, true, true, true, true, false, false], opens: 07:00:00, closes: 17:00:00, holidays: Se, closed: [ClosedPeriod { days: Period { from: 2026-12-21, to: 2027-01-06 }, why: "jul och nyår" }], min_gap: Duration { count: 20, unit: Hours }, minutes_per_month: 30 }
        {en: ProgrammeWords { title: Some("Changing Course Together"), purpose: None, legal_basis: None, visible_to: None, retention: None, focus: {energi: "An energy-efficient municipality"}, characters: {halsa: CharacterWords { name: Some("The Health Hero"), about: None }} }}
        miljo `30 8 * * Tue` Some(2026-09-01)
        Audience { departments: ["Vård och omsorg"], units: [], languages: [], people: [] } JoinUnit [gammalt-steg]
        Some(ReferenceGroup { people: [1007, 1042], lead: Duration { count: 10, unit: Workdays } }) {en: "Environment and Climate"}
        resor mission NextSlot [] No None
        nar-senast lesson After(Duration { count: 1, unit: Weeks }) [Duration { count: 5, unit: Workdays }] AtMost(Duration { count: 15, unit: Workdays }) Some(Duration { count: 4, unit: Weeks })
        workshop lesson On(2027-03-16T13:00:00) [] No None
        email/layout.html <p>{{{body}}}</p>
    "#]].assert_eq(&text);
}
