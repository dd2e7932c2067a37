//! Every mail of the sample, for sample readers: one for each step, character
//! and language with its own text, the reminders, and the first mail of each
//! journey. Input of the tests of mails.

use std::path::Path;

use chrono::NaiveDate;
use journey::content;
use journey::domain::model::email::{Email, Mailbox};
use journey::domain::model::ids::{Language, Slug, UnitId};
use journey::domain::model::person::Person;
use journey::domain::model::step::Kind;
use journey::mail::message::compose::{self, ComposeOptions};
use journey::render::{ReaderLinks, RenderRequest, Renderer};

pub(crate) struct Sample {
    /// `miljo-resor@halsa.sv`, then `-first` or `-reminder`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) language: Language,
    pub(crate) round: u16,
    /// Text the reader must never see.
    pub(crate) manager_note: Option<String>,
    pub(crate) email: Email,
}

/// All of them, by name.
pub(crate) fn sample() -> Vec<Sample> {
    let today = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
    let library = content::load(Path::new("content"), today).library.expect("the sample's content");
    let (renderer, faults) = Renderer::new(&library, &[]);
    assert_eq!(faults, [], "the sample's words have no faults");
    let links = links();
    let from = Mailbox { name: "Hållbara Ekdala".into(), address: "larresa@ekdala.example".into() };
    let reply_to = Mailbox { name: String::new(), address: "hallbarhet@ekdala.example".into() };
    let mut mails = Vec::new();
    for journey in &library.journeys {
        for (place, step) in journey.steps.iter().enumerate() {
            for variant in &step.variants {
                let reader = reader(&variant.language);
                let mut occasions = vec![(0, place == 0)];
                occasions.extend((!step.remind.is_empty()).then_some((1, false)));
                for (round, first) in occasions {
                    let letter = RenderRequest {
                        journey: &journey.slug,
                        step: &step.slug,
                        round,
                        person: &reader,
                        unit_name: "Hemtjänsten Öster",
                        character: variant.character.as_ref(),
                        first,
                        links: &links,
                    };
                    let words = renderer.mail(&letter).expect("a mail");
                    let name = name(&journey.slug, &step.slug, variant, round, first);
                    let sending = ComposeOptions {
                        from: &from,
                        reply_to: &reply_to,
                        name: "Åsa Björk",
                        address: "asa.bjork@ekdala.example",
                        date: "2026-12-01T07:30:00Z".parse().expect("an instant"),
                        offset_seconds: 3600,
                        message_id: &format!("<{}@ekdala.example>", name.replace('@', ".")),
                        boundary: "journey-abcdefgh234567",
                        journey: (&journey.slug, journey.title_in(&words.language)),
                        pause: &links.pause,
                        delivery: Some(17),
                        first_message_id: (round > 0).then_some("<first234567@ekdala.example>"),
                    };
                    let language = words.language.clone();
                    mails.push(Sample {
                        name,
                        kind: step.kind,
                        manager_note: variant.manager_note.clone(),
                        language,
                        round,
                        email: compose::email(words, &sending),
                    });
                }
            }
        }
    }
    mails.sort_by(|a, b| a.name.cmp(&b.name));
    mails
}

fn name(
    journey: &Slug,
    step: &Slug,
    variant: &journey::domain::model::step::Variant,
    round: u16,
    first: bool,
) -> String {
    let character = variant.character.as_ref().map(|c| format!("@{c}")).unwrap_or_default();
    let occasion = match (round, first) {
        (0, true) => "-first",
        (0, false) => "",
        (_, _) => "-reminder",
    };
    format!("{journey}-{step}{character}.{}{occasion}", variant.language)
}

/// The reader's own links, in their real length.
fn links() -> ReaderLinks {
    ReaderLinks::sample("https://larresa.ekdala.example", "k7m2q5xw3n8t4v6b.9d2f5h7j3k6m8p4r")
}

fn reader(language: &Language) -> Person {
    Person {
        email: Some("asa.bjork@ekdala.example".into()),
        department: Some("Vård och omsorg".into()),
        ..Person::new("1042", ("Åsa", "Björk"), UnitId::new("u7"), language.clone())
    }
}
