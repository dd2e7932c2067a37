//! Small libraries and people for the tests of this folder.

use std::collections::BTreeMap;

use chrono::NaiveTime;

use super::{ReaderLinks, RenderError, RenderRequest, RenderedEmail, Renderer};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::ids::{ContentHash, Language, Slug, UnitId};
use crate::domain::model::journey::{Audience, Journey, LateJoiners};
use crate::domain::model::library::{Character, Library, Privacy, Programme, ProgrammeWords, TemplateSource};
use crate::domain::model::person::Person;
use crate::domain::model::step::{Kind, Pace, Step, Variant, Wait};
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::Calendar;
use crate::domain::time::duration::Duration;
use crate::domain::time::holidays::Holidays;
use crate::domain::time::timezone::TimeZone;

pub(super) fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

pub(super) fn language(text: &str) -> Language {
    Language::parse(text).expect("a language")
}

/// A step's text without errors.
pub(super) fn variant(subject: &str, body: &str) -> Variant {
    Variant {
        character: None,
        language: language("sv"),
        title: "En vecka utan bil".into(),
        subject: subject.into(),
        preheader: None,
        manager_note: None,
        film: None,
        questions: Vec::new(),
        body: body.into(),
        file: "journeys/miljo/resor.md".into(),
        body_line: 10,
        subject_line: 3,
    }
}

/// A library with one step, `miljo/resor`.
pub(super) fn library(variants: Vec<Variant>, templates: &[(&str, &str)]) -> Library {
    let step = Step {
        slug: slug("resor"),
        kind: Kind::Mission,
        pace: Pace::NextSlot,
        remind: vec![Duration::parse("5 workdays").expect("a duration")],
        wait: Wait::No,
        expires_after: None,
        catch_up: false,
        corrects: None,
        minutes: 5,
        focus: None,
        questions: Vec::new(),
        variants,
        hash: ContentHash([0; 32]),
    };
    let journey = Journey {
        slug: slug("miljo"),
        title: "Miljö och klimat".into(),
        titles: BTreeMap::from([(language("en"), "Environment and climate".into())]),
        cadence: Cadence::parse("30 8 * * Tue").expect("a cadence"),
        start: None,
        after: None,
        audience: Audience::default(),
        focus: Vec::new(),
        late_joiners: LateJoiners::FromStart,
        retired: Vec::new(),
        renamed: Vec::new(),
        reference_group: None,
        steps: vec![step],
    };
    let template = |(name, text): &(&str, &str)| TemplateSource {
        name: format!("email/{name}"),
        file: format!("templates/email/{name}.hbs"),
        text: (*text).into(),
    };
    Library {
        programme: programme(),
        journeys: vec![journey],
        templates: templates.iter().map(template).collect(),
        hash: ContentHash([0; 32]),
    }
}

fn programme() -> Programme {
    let character = |id: &str, name: &str, default| Character {
        id: slug(id),
        name: name.into(),
        about: "En väg in.".into(),
        default,
    };
    Programme {
        title: "Tillsammans ställer vi om".into(),
        organisation: "Ekdala kommun".into(),
        languages: vec![language("sv"), language("en")],
        zone: TimeZone::parse("Europe/Stockholm").expect("a zone"),
        privacy: Privacy {
            contact: None,
            purpose: "Kompetensutveckling i hållbarhet för alla anställda".into(),
            legal_basis: "Allmänt intresse".into(),
            visible_to: "Bara du ser dina svar.".into(),
            retention: "12 months".into(),
        },
        calendar: Calendar {
            workdays: [true, true, true, true, true, false, false],
            opens: NaiveTime::from_hms_opt(7, 0, 0).expect("a time"),
            closes: NaiveTime::from_hms_opt(17, 0, 0).expect("a time"),
            holidays: Holidays::Se,
            closed: Vec::new(),
            min_gap: Duration::parse("20 hours").expect("a duration"),
            minutes_per_month: 30,
        },
        focus: Vec::new(),
        characters: vec![character("natur", "Naturvännen", true), character("halsa", "Hälsohjälten", false)],
        translations: BTreeMap::from([(
            language("en"),
            ProgrammeWords { title: Some("Changing together".into()), ..ProgrammeWords::default() },
        )]),
    }
}

pub(super) fn person(first_name: &str) -> Person {
    Person {
        email: Some("asa.ek@ekdala.example".into()),
        ..Person::new("1042", (first_name, "Ek"), UnitId::new("u7"), language("sv"))
    }
}

pub(super) fn links() -> ReaderLinks {
    let links = ReaderLinks::sample("https://larresa.ekdala.example", "abc");
    ReaderLinks { answer: format!("{}?v=1&k=2", links.answer), web: String::new(), ..links }
}

/// The mail to one person of a library with one step.
pub(super) fn mail(renderer: &Renderer, person: &Person, round: u16) -> Result<RenderedEmail, RenderError> {
    renderer.mail(&request(person, round, (&slug("miljo"), &slug("resor")), &links()))
}

/// Its subject.
pub(super) fn subject(renderer: &Renderer, person: &Person) -> Result<String, RenderError> {
    renderer.subject(&request(person, 0, (&slug("miljo"), &slug("resor")), &links()))
}

fn request<'a>(
    person: &'a Person,
    round: u16,
    (journey, step): (&'a Slug, &'a Slug),
    links: &'a ReaderLinks,
) -> RenderRequest<'a> {
    let unit_name = "Hemtjänsten Öster";
    RenderRequest { journey, step, round, person, unit_name, character: None, first: false, links }
}

/// A renderer for a library with one step and no errors.
pub(super) fn ready(variants: Vec<Variant>, templates: &[(&str, &str)]) -> Renderer {
    let (renderer, found) = Renderer::new(&library(variants, templates), &[]);
    assert!(!found.iter().any(Diagnostic::is_error), "{}", shown(&found));
    renderer
}

/// HTML and text of a body for a person with that name, without a layout.
pub(super) fn body_for(first_name: &str, body: &str) -> (String, String) {
    let templates = [("layout.html", "{{mail.body}}\n"), ("layout.txt", "{{mail.text}}\n")];
    let renderer = ready(vec![variant("Hej", body)], &templates);
    let mail = mail(&renderer, &person(first_name), 0).expect("a mail");
    (mail.html, mail.text)
}

/// Every error in a body.
pub(super) fn faults_of(body: &str) -> String {
    let (_, found) = Renderer::new(&library(vec![variant("Hej", body)], &[]), &["Titel".to_owned()]);
    shown(&found)
}

/// Errors as the author sees them.
pub(super) fn shown(found: &[Diagnostic]) -> String {
    found.iter().map(|fault| format!("{fault}\n")).collect()
}
