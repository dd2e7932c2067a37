//! Renders every mail once for sample recipients, so that content that passes the check
//! does not fail when it is due.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{MailContext, StepText};
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::email::has_control;
use crate::domain::model::ids::{Language, Slug, UnitId};
use crate::domain::model::library::Privacy;
use crate::domain::model::person::Person;
use crate::domain::model::step::{Kind, Variant};
use crate::render::format::TemplateFormat;
use crate::render::templates::{KIND, Templates};
use crate::render::{ReaderLinks, RenderError, RenderRequest, RenderedEmail, Renderer};

/// A long name, a short one, and one with special characters.
const SAMPLE_NAMES: [(&str, &str); 3] = [
    ("Anna-Karolina Wilhelmina Elisabeth Margareta Sofia Birgitta", "von Sydow-Östergren Hagström"),
    ("Bo", "Ek"),
    ("Åsa D'Artagnan", "O'Brien & Ångström"),
];

/// Every rendering error, once.
pub(crate) fn render_all_samples(renderer: &Renderer, kept_columns: &[String]) -> Vec<Diagnostic> {
    if renderer.templates.invalid {
        return Vec::new();
    }
    let links = ReaderLinks::sample("https://larresa.example.org", &"a".repeat(60));
    let people: Vec<Person> = renderer
        .programme
        .languages
        .iter()
        .flat_map(|language| SAMPLE_NAMES.iter().map(|name| person(*name, language, kept_columns)))
        .collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (journey, prepared) in &renderer.journeys {
        for (step, prepared) in &prepared.steps {
            let rounds = u16::from(!prepared.step.remind.is_empty());
            for person in &people {
                for character in characters(renderer) {
                    let variant = prepared.step.variant(&person.language, character);
                    // Only recipients of the variant's own language.
                    if variant.language != person.language {
                        continue;
                    }
                    for (round, first) in (0..=rounds).map(|round| (round, false)).chain([(0, true)]) {
                        let unit_name = "Hemtjänsten Östra & Västra";
                        let links = &links;
                        let request = RenderRequest {
                            journey,
                            step,
                            round,
                            person,
                            unit_name,
                            character,
                            first,
                            links,
                        };
                        found.extend(
                            fault(renderer, &request, variant)
                                .filter(|f| seen.insert((f.place.clone(), f.message.clone()))),
                        );
                    }
                }
            }
        }
    }
    found
}

/// All characters, and no character.
fn characters(renderer: &Renderer) -> Vec<Option<&Slug>> {
    let all: Vec<Option<&Slug>> = renderer.programme.characters.iter().map(|c| Some(&c.id)).collect();
    if all.is_empty() { vec![None] } else { all }
}

fn fault(renderer: &Renderer, request: &RenderRequest<'_>, variant: &Variant) -> Option<Diagnostic> {
    let fault = match renderer.mail(request) {
        Ok(mail) => return check_control_characters(&mail, variant),
        Err(fault) => fault,
    };
    let (code, hint) = match &fault {
        // Already reported, with its location.
        RenderError::Broken { .. } => return None,
        RenderError::Empty { .. } => ("empty-name", "give it a value, or leave the placeholder out"),
        RenderError::Subject { .. } => {
            ("subject", "it was tried with a name of 60 characters: make it shorter")
        }
        RenderError::TooLong { .. } => ("too-long", "a mail is read in a few minutes"),
        RenderError::AddressInLink { .. }
        | RenderError::NoSuchStep { .. }
        | RenderError::PageTemplate { .. }
        | RenderError::Template { .. } => ("cannot-render", "the templates are in `templates/email`"),
    };
    let round = if request.round > 0 { "the reminder" } else { "the mail" };
    let message = match &fault {
        RenderError::Empty { name } => format!("`{name}` is empty, so {round} cannot be written"),
        other => format!("{round} cannot be written: {other}"),
    };
    let place = match (&fault, variant.subject_line) {
        (RenderError::Subject { .. }, line @ 1..) => Location::at(&variant.file, line, 1),
        _ => Location::file(&variant.file),
    };
    Some(Diagnostic::error(code, place, message).hint(hint))
}

/// A control character in a title or name of the programme would stop every mail when it
/// is sent.
fn check_control_characters(mail: &RenderedEmail, variant: &Variant) -> Option<Diagnostic> {
    (has_control(&mail.html) || has_control(&mail.text)).then(|| {
        let message = "the mail would have a control character, which no mail server accepts";
        let hint = "look for it in the title, in the names of the programme and in the templates";
        Diagnostic::error("control-character", Location::file(&variant.file), message).hint(hint)
    })
}

/// A sample recipient with all values.
fn person(name: (&str, &str), language: &Language, kept_columns: &[String]) -> Person {
    Person {
        department: Some("Vård & omsorg".into()),
        extra: kept_columns.iter().map(|column| (column.as_str().into(), "Värde".into())).collect(),
        ..Person::new("trial", name, UnitId::new("trial"), language.clone())
    }
}

/// The name of each kind of step, from the template of a language, or else the built-in
/// word.
pub(crate) fn kind_names(
    templates: &Templates,
    language: &Language,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<Kind, String> {
    let mut names = BTreeMap::new();
    if !templates.has(language, KIND) {
        return names;
    }
    let privacy = Privacy::default();
    for kind in Kind::ALL {
        let words = StepText {
            title: "",
            kind,
            kind_name: "",
            minutes: 0,
            minutes_text: "",
            questions: 0,
            question: "",
            journey_title: "",
            character_name: "",
            programme_title: "",
            organisation: "",
            privacy: &privacy,
            film: None,
            poster: "",
        };
        let context = words.context(MailContext::default());
        let rendered = templates.render(language, TemplateFormat::Text, KIND, &context);
        match rendered {
            Ok(word) => {
                names.insert(kind, word.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            Err(fault) => {
                let place = Location::file(format!("templates/email/{KIND}.{language}.txt.hbs"));
                found.push(Diagnostic::error("cannot-render", place, fault.to_string()));
                return names;
            }
        }
    }
    names
}
