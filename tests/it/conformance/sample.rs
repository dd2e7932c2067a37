//! Every mail of the sample: each journey, step, round, character and language,
//! to people with names of every kind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use journey::config::Config;
use journey::domain::history::History;
use journey::domain::model::ids::{Language, PersonId, Slug, UnitId};
use journey::domain::model::journey::Journey;
use journey::domain::model::person::{Person, Roster, Unit};
use journey::domain::model::step::{Step, Variant};
use journey::domain::time::timezone::Timestamp;
use journey::engine::load::active_content::ActiveContent;
use journey::engine::load::snapshot::Snapshot;
use journey::engine::message::{MessageBuilder, MessageMetadata};
use journey::engine::plan::pass::{self, DueEmail};
use journey::render::Renderer;
use journey::{content, domain::diagnostic::Diagnostic};

use super::mail::Source;

/// When the mails of the rounds are sent: one in winter, one in summer.
const AT: [&str; 2] = ["2026-12-01T07:30:00Z", "2027-06-08T06:30:00Z"];

/// The names.
pub(super) const NAMES: &[Name] = &[
    Name::good("Bo", "Ek"),
    // 60 characters with the blank between.
    Name::good("Anna-Karolina Wilhelmina Elisabeth", "von Sydow-Hagström-Lagercr"),
    Name::good("Åsa", "Öberg-Éłan"),
    Name::good("Seán D'Artagnan", "O'Brien"),
    Name::hostile("\"><script>alert(1)</script>", "Ek"),
    Name::hostile("[x](https://evil.example)", "Ek"),
    Name::hostile("{{person.email}}", "{{{link.pause}}}"),
    Name::hostile("=1+1", "@SUM(A1)"),
    Name::hostile("Eva\u{202e}nE\r\nBcc: fler@ekdala.example", "\u{1b}[31mEk\0"),
    Name::hostile(LONG_WORD, "Ek"),
];

/// Longer than a line of any mail.
const LONG_WORD: &str =
    "Abcdefghijklmnopqrstuvwxyzåäöabcdefghijklmnopqrstuvwxyzåäöabcdefghijklmnopqrstuvwxyzåäöabcdefghi";

/// A first and a last name.
#[derive(Clone, Copy)]
pub(super) struct Name {
    first: &'static str,
    last: &'static str,
    /// Not a real name; the mail may then be held, but must never be wrong.
    pub(super) hostile: bool,
}

impl Name {
    const fn good(first: &'static str, last: &'static str) -> Name {
        Name { first, last, hostile: false }
    }

    const fn hostile(first: &'static str, last: &'static str) -> Name {
        Name { first, last, hostile: true }
    }
}

/// A journey and its only step, with every Markdown construct: the sample's
/// authors need not use them all.
pub(super) const SHAPES: &str = "alla-former";
const EVERY_SHAPE: &str = "\
Hej {{person.first_name}} på {{person.unit}}!

Hållbara Ekdala skickar mejlen. Vi sparar ditt namn och dina svar. Undrar du något? Svara på mejlet.

En rad\\
och en till, med *stress*, **mer stress** och `kod`.

## Så gör du

1. Läs [så gjorde Ekdala](https://ekdala.example/hallbarhet?del=1&sida=2).
2. Skriv till [kansliet](mailto:hallbarhet@ekdala.example).

### Om du hinner

- en sak

- en sak till

> Det gick bättre än vi trodde.

    så här ser det ut

* * *

[Berätta hur det gick]({{link.answer}})

Det tar {{step.minutes}} minuter. Inte nu? [Pausa från alla former]({{link.pause}}).
";

/// The sample with readers of each kind: one for each name, language and
/// character.
pub(super) fn world() -> Snapshot {
    let mut config =
        Config::load(Some(Path::new("config.toml")), &BTreeMap::new()).expect("the sample's config");
    config.web.base_url = "https://larresa.ekdala.example".to_owned();
    let at = instant(0);
    let loaded = content::load(Path::new("content"), at.naive_utc().date());
    let mut library = loaded.library.expect("the sample's content");
    let shapes = every_shape(&library.journeys);
    library.journeys.push(shapes);
    let (renderer, faults) = Renderer::new(&library, &[]);
    assert!(!faults.iter().any(Diagnostic::is_error), "{faults:?}");
    let unit =
        Unit { id: UnitId::new("VO-102"), name: "Äldreboendet Björkgården & Åsen".into(), manager: None };
    let (mut people, mut memory) = (Vec::new(), History::default());
    for (number, name) in NAMES.iter().enumerate() {
        for language in &library.programme.languages {
            for character in &library.programme.characters {
                let id = PersonId::new(&format!("7{number:02}{language}-{}", character.id));
                memory.of_mut(&id).character = Some(character.id.clone());
                people.push(person(&id, *name, language));
            }
        }
    }
    let roster = Roster::new(people, vec![unit]);
    let content = ActiveContent {
        library,
        renderer,
        warnings: Vec::new(),
        files: content::Files::new(),
        broken: Vec::new(),
    };
    Snapshot { memory, ..Snapshot::without_database(config.into(), content.into(), roster) }
}

/// Replaces text in the step with every Markdown construct; the renderer keeps
/// its compiled text.
pub(super) fn write(world: &mut Snapshot, from: &str, to: &str) {
    let content = Arc::get_mut(&mut world.content).expect("the only holder");
    let steps = content.library.journeys.iter_mut().flat_map(|journey| &mut journey.steps);
    for variant in steps.filter(|step| step.slug.as_str() == SHAPES).flat_map(|step| &mut step.variants) {
        variant.body = variant.body.replace(from, to).into();
    }
}

/// A journey like `miljo`, with one step like `resor`, and another text.
fn every_shape(journeys: &[Journey]) -> Journey {
    let like = journeys.iter().find(|journey| journey.slug.as_str() == "miljo").expect("a journey");
    let step = like.steps.iter().find(|step| step.slug.as_str() == "resor").expect("a step");
    let words = Variant { title: "Alla former".into(), body: EVERY_SHAPE.into(), ..step.variants[0].clone() };
    let slug = Slug::parse(SHAPES).expect("a slug");
    let step = Step { slug: slug.clone(), variants: vec![words], ..step.clone() };
    Journey { slug, steps: vec![step], ..like.clone() }
}

fn person(id: &PersonId, name: Name, language: &Language) -> Person {
    Person {
        email: Some(format!("anstalld.{id}@ekdala.example").into()),
        department: Some(Arc::from("Vård och omsorg")),
        ..Person::new(id.as_str(), (name.first, name.last), UnitId::new("VO-102"), language.clone())
    }
}

/// Is the reader's name one that no person has?
pub(super) fn is_hostile(person: &Person) -> bool {
    let same = |name: &&Name| *name.first == *person.first_name && *name.last == *person.last_name;
    NAMES.iter().find(same).is_some_and(|name| name.hostile)
}

fn instant(round: u16) -> Timestamp {
    AT[usize::from(round).min(AT.len() - 1)].parse().expect("an instant")
}

/// Every mail, in order: reminders follow their mail.
pub(super) fn letters(world: &Snapshot) -> Vec<Source<'_>> {
    let mut letters = Vec::new();
    for journey in &world.content.library.journeys {
        for step in &journey.steps {
            for person in &world.roster.people {
                for round in 0..=u16::try_from(step.remind.len()).expect("few reminders") {
                    letters.push(letter(world, journey, step, person, round));
                }
            }
        }
    }
    letters
}

/// The mail of one round of a step to one reader.
pub(super) fn letter<'w>(
    world: &'w Snapshot,
    journey: &'w Journey,
    step: &'w Step,
    person: &'w Person,
    round: u16,
) -> Source<'w> {
    let past = world.memory.of(&person.id);
    let character = past.character.clone();
    let wanted = world.content.library.programme.serve(&person.language);
    let language = step.variant(wanted, character.as_ref()).language.clone();
    let slot = instant(round);
    let due = DueEmail {
        person,
        number: None,
        journey,
        step,
        first: past.enrolment(&journey.slug).mails().all(|mail| *mail.step == step.slug),
        round,
        slot,
        character,
        language,
        expires: None,
        subject: String::new(),
    };
    Source { world, due, links: pass::links(world), first: None }
}

/// The one place where a mail is built: its bytes as the program makes them, or
/// why it is held. `place` is its position in the pass.
pub(super) fn make(source: &Source<'_>, place: usize) -> Result<Vec<u8>, String> {
    let DueEmail { journey, step, round, slot, .. } = &source.due;
    let marks = MessageMetadata {
        booked: *slot,
        message_id: format!("<{}.{}.{round}.{place}@{}>", journey.slug, step.slug, source.domain()),
        in_reply_to: source.first.clone(),
        delivery: i64::try_from(place).ok(),
        links: source.links.clone(),
    };
    MessageBuilder::of(source.world).bytes(&source.due.letter(source.world, &marks.links), &marks)
}
