//! Measures how fast mails are built: `cargo bench --bench mail`. The figures are in
//! `docs/performance.md`; run two versions in turn to compare them, because
//! machines are noisy.

use std::path::Path;

use chrono::NaiveDate;
use journey::content;
use journey::domain::model::email::Mailbox;
use journey::domain::model::ids::UnitId;
use journey::domain::model::library::Library;
use journey::domain::model::person::Person;
use journey::mail::message::compose::{self, ComposeOptions};
use journey::mail::message::mime;
use journey::render::{ReaderLinks, RenderRequest, Renderer};

fn main() {
    divan::main();
}

fn sample() -> Library {
    let today = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
    content::load(Path::new("content"), today).library.expect("the sample's content")
}

/// The sample reader.
fn reader(library: &Library) -> Person {
    let language = library.programme.default_language().clone();
    Person {
        email: Some("asa.bjork@ekdala.example".into()),
        department: Some("Vård och omsorg".into()),
        ..Person::new("1042", ("Åsa", "Björk"), UnitId::new("u7"), language)
    }
}

/// Links of realistic length.
fn links() -> ReaderLinks {
    ReaderLinks::sample("https://larresa.ekdala.example", "k7m2q5xw3n8t4v6b.9d2f5h7j3k6m8p4r")
}

/// Loads the sample's texts: Markdown, layout and styles are compiled, and every
/// mail is rendered once. The program does this once in a run.
#[divan::bench(sample_count = 20)]
fn prepare_the_sample(bencher: divan::Bencher) {
    let library = sample();
    bencher.bench_local(|| Renderer::new(&library, &[]));
}

/// Every mail of the sample without a picture in it, in turn, as text and page.
#[divan::bench]
fn words(bencher: divan::Bencher) {
    let (library, links) = (sample(), links());
    let (renderer, _) = Renderer::new(&library, &[]);
    let reader = reader(&library);
    let letters = letters(&library, &reader, &links);
    bencher.counter(divan::counter::ItemsCount::new(letters.len())).bench_local(|| {
        letters.iter().map(|letter| renderer.mail(letter).expect("a mail").html.len()).sum::<usize>()
    });
}

/// The same, with headers, as bytes for the relay.
#[divan::bench]
fn words_and_bytes(bencher: divan::Bencher) {
    let (library, links) = (sample(), links());
    let (renderer, _) = Renderer::new(&library, &[]);
    let reader = reader(&library);
    let letters = letters(&library, &reader, &links);
    let from = Mailbox { name: "Hållbara Ekdala".into(), address: "larresa@ekdala.example".into() };
    let reply_to = Mailbox { name: String::new(), address: "hallbarhet@ekdala.example".into() };
    bencher.counter(divan::counter::ItemsCount::new(letters.len())).bench_local(|| {
        let bytes = |letter: &RenderRequest<'_>| {
            let sending = ComposeOptions {
                from: &from,
                reply_to: &reply_to,
                name: "Åsa Björk",
                address: "asa.bjork@ekdala.example",
                date: "2026-12-01T07:30:00Z".parse().expect("an instant"),
                offset_seconds: 3600,
                message_id: "<k7m2q5xw3n8t4v6b9d2f5h7j3k6m8p4r@ekdala.example>",
                boundary: "journey-k7m2q5xw3n8t4v6b9d2f5h7j",
                journey: (letter.journey, "Miljö och klimat"),
                pause: &links.pause,
                delivery: Some(17),
                first_message_id: None,
            };
            let email = compose::email(renderer.mail(letter).expect("a mail"), &sending);
            mime::bytes(&email).expect("bytes").len()
        };
        letters.iter().map(bytes).sum::<usize>()
    });
}

/// A render request for each step without a film.
fn letters<'a>(library: &'a Library, person: &'a Person, links: &'a ReaderLinks) -> Vec<RenderRequest<'a>> {
    let journeys = library.journeys.iter();
    let steps = journeys.flat_map(|journey| journey.steps.iter().map(move |step| (&journey.slug, step)));
    steps
        .filter(|(_, step)| step.variants[0].film.is_none())
        .map(|(journey, step)| RenderRequest {
            journey,
            step: &step.slug,
            round: 0,
            person,
            unit_name: "Hemtjänsten Öster",
            character: None,
            first: false,
            links,
        })
        .collect()
}
