//! Tests of whole content folders: good content here, errors in the files below.

mod folder;
mod journey;
mod programme;
mod step;

use std::fmt::Write;

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::content::fixtures::{JOURNEY, LESSON, STEP, check, good, good_but, library};
use crate::domain::model::ids::Slug;

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
fn a_step_without_a_title_is_called_by_its_subject_or_else_its_slug() {
    let library = library(&good());
    let titles: Vec<&str> = library.journeys[0].steps.iter().map(|step| &*step.variants[0].title).collect();
    assert_eq!(titles, ["Uppdrag: en vecka utan bil", "Nar senast", "Workshop"]);
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

#[test]
fn the_step_hash_depends_only_on_its_markdown() {
    let hash = |files: &[(&'static str, &str)]| library(&good_but(files)).journeys[0].steps[0].hash;
    let plain = hash(&[]);
    let crlf = STEP.replace('\n', "\r\n");
    let bom = format!("\u{feff}{STEP}");
    let journey = JOURNEY.replace("Miljö och klimat", "Miljö");
    assert_eq!(hash(&[("journeys/miljo/resor.md", &crlf)]), plain);
    assert_eq!(hash(&[("journeys/miljo/resor.md", &bom)]), plain);
    assert_eq!(hash(&[("journeys/miljo/journey.toml", &journey)]), plain);
    assert_eq!(hash(&[("templates/email/layout.html.hbs", "x")]), plain);
    assert_eq!(hash(&[("journeys/miljo/workshop@halsa.md", "Hej")]), plain);
    assert_ne!(hash(&[("journeys/miljo/resor@natur.md", "Hej")]), plain);
    assert_ne!(hash(&[("journeys/miljo/resor@halsa.en.md", "Hello, walk\n")]), plain);
    let whole = |files: &[(&'static str, &str)]| library(&good_but(files)).hash;
    assert_ne!(whole(&[("journeys/miljo/journey.toml", &journey)]), whole(&[]));
    assert_ne!(whole(&[("templates/email/layout.html.hbs", "x")]), whole(&[]));
    assert_eq!(whole(&[("journeys/miljo/resor.md", &crlf)]), whole(&[]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn every_byte_of_a_text_is_in_its_hash(body in "[a-zåäö\n ]{1,80}", at in any::<prop::sample::Index>(), c in "[A-ZÅÄÖ.!]") {
        let hash = |body: &str| {
            let text = format!("{LESSON}{body}");
            library(&good_but(&[("journeys/miljo/workshop.md", &text)])).journeys[0].steps[2].hash
        };
        let changed: Vec<char> = body.chars().collect();
        let i = at.index(changed.len());
        let changed: String = changed[..i].iter().chain(c.chars().collect::<Vec<_>>().iter()).chain(&changed[i + 1..]).collect();
        prop_assert_ne!(hash(&body), hash(&changed));
        prop_assert_eq!(hash(&body), hash(&body.replace('\n', "\r\n")));
    }
}
