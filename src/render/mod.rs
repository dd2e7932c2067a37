//! How it reads. Pure: strings in, strings out; no file, clock or chance.
//! Everything an author wrote is parsed once, when the library is loaded;
//! per person only holes are filled. The engine asks for subjects and mails,
//! the checker for what is wrong with the words.

mod context;
mod faults;
mod lint;
mod markdown;
mod parts;
mod pieces;
mod placeholder;
mod plain;
mod prose;
#[cfg(test)]
mod rig;
mod starter;
mod subject;
mod target;
mod templates;
#[cfg(test)]
mod tests;
mod trial;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::diagnostic::Diagnostic;
use crate::domain::ids::{Language, Slug, StepName};
use crate::domain::library::{Library, Privacy, Programme};
use crate::domain::person::Person;
use crate::domain::step::{Film, Kind, Step, Variant};

pub use context::{NAMES, NameEntry};

use context::{MailContext, Name, Values, Words};
use faults::Faults;
use markdown::Body;
use pieces::Pieces;
use templates::{Format, Templates};

/// A mail program that clips long mails does so near 102 kB (E23).
const LONGEST_MAIL: usize = 100_000;

/// One mail to one person.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The journey.
    pub journey: &'a Slug,
    /// The step.
    pub step: &'a Slug,
    /// 0 is the mail, 1… the reminders.
    pub round: u16,
    /// Who reads it.
    pub person: &'a Person,
    /// What the person's unit is called.
    pub unit_name: &'a str,
    /// What the person has chosen; `None`: the programme's default.
    pub character: Option<&'a Slug>,
    /// The person's own pages.
    pub links: &'a Links,
}

/// The reader's own pages, as whole addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// To answer the step.
    pub answer: String,
    /// To take a pause.
    pub pause: String,
    /// To choose a way in.
    pub character: String,
    /// This mail as a page; may be empty.
    pub web: String,
}

/// A mail as it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// One line; empty where the author wrote none.
    pub preheader: String,
    /// The whole page, lines ended by `\n`.
    pub html: String,
    /// The same in plain text, lines ended by `\n`.
    pub text: String,
    /// Which language it is in.
    pub language: Language,
    /// Whose variant it is; `None`: the words for everybody.
    pub character: Option<Slug>,
}

/// Why one letter cannot be written. One line, without an address or a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderFault {
    /// A placeholder has no value for this person.
    #[error("`{name}` is empty for this person: fill it in, or write the sentence without it")]
    Empty {
        /// The placeholder.
        name: String,
    },
    /// A value that holds a mail address stands in a link to somewhere else.
    #[error(
        "`{name}` holds a mail address for this person and would leave in a link: take it out of the link"
    )]
    AddressInLink {
        /// The placeholder.
        name: String,
    },
    /// A person is called something that mail programs make a link of (E26).
    #[error("`{name}` holds a web address for this person, and nobody is called that: correct the name")]
    LinkInName {
        /// The placeholder.
        name: String,
    },
    /// A value in the subject has a word no relay can be trusted with.
    #[error("`{name}` has a word of more than 60 characters for this person and stands in the subject")]
    LongWord {
        /// The placeholder.
        name: String,
    },
    /// The subject cannot be one.
    #[error("the subject {why}")]
    Subject {
        /// What is wrong with it.
        why: String,
    },
    /// The mail would be clipped.
    #[error("the mail has {kilobytes} kB of HTML, and at most 100 kB are shown: shorten it")]
    TooLong {
        /// Its size.
        kilobytes: usize,
    },
    /// The library has no such step.
    #[error("there is no step `{step}` in the content")]
    NoSuchStep {
        /// Its name.
        step: String,
    },
    /// The words for this reader have faults that `check` tells.
    #[error("the words of `{step}` have faults: `journey check` tells them")]
    Broken {
        /// Its name.
        step: String,
    },
    /// A template cannot be filled.
    #[error("the mail template `{template}` cannot be filled: {why}")]
    Template {
        /// Its name.
        template: String,
        /// What the template engine says.
        why: String,
    },
}

/// All words of a library, ready to be filled.
#[derive(Debug)]
pub struct Renderer {
    programme: Programme,
    languages: BTreeMap<Language, LanguageWords>,
    journeys: BTreeMap<Slug, PreparedJourney>,
    templates: Templates,
}

/// The programme's own words in one language.
#[derive(Debug)]
struct LanguageWords {
    title: String,
    privacy: Privacy,
    characters: BTreeMap<Slug, String>,
    kinds: BTreeMap<Kind, String>,
}

#[derive(Debug)]
struct PreparedJourney {
    titles: BTreeMap<Language, String>,
    steps: BTreeMap<Slug, PreparedStep>,
}

#[derive(Debug)]
struct PreparedStep {
    step: Step,
    minutes: String,
    /// In the order of the step's variants; `None` where there are errors.
    variants: Vec<Option<Prepared>>,
}

/// The words of one variant.
#[derive(Debug)]
struct Prepared {
    subject: Pieces,
    preheader: Pieces,
    body: Body,
    film: Option<Film>,
    /// Every name that must have a value.
    names: BTreeSet<Name>,
}

impl Renderer {
    /// Prepares all words of a library. Every fault is in the list; a letter
    /// whose words have errors cannot be written, the others can.
    /// `kept_columns` are the columns of the people file that are kept.
    pub fn new(library: &Library, kept_columns: &[String]) -> (Renderer, Vec<Diagnostic>) {
        let mut found = Vec::new();
        let templates = templates::compile(library, kept_columns, &mut found);
        let programme = library.programme.clone();
        let words = |language: &Language| language_words(&programme, language, &templates, &mut found);
        let languages =
            programme.languages.iter().cloned().zip(programme.languages.iter().map(words)).collect();
        let mut journeys = BTreeMap::new();
        for journey in &library.journeys {
            let titles = programme.languages.iter().map(|l| (l.clone(), journey.title_in(l).to_owned()));
            let steps = journey.steps.iter().map(|step| {
                let prepared = prepare_step(step, kept_columns, &mut found);
                (step.slug.clone(), prepared)
            });
            let prepared = PreparedJourney { titles: titles.collect(), steps: steps.collect() };
            journeys.insert(journey.slug.clone(), prepared);
        }
        let renderer = Renderer { programme, languages, journeys, templates };
        found.extend(trial::faults(&renderer, kept_columns));
        (renderer, found)
    }

    /// The subject of a letter. Fails wherever [`Renderer::mail`] would for
    /// want of a value, so that a dry run lists what a run sends, at a
    /// fraction of its price.
    pub fn subject(&self, letter: &Letter<'_>) -> Result<String, RenderFault> {
        if self.templates.ask_for_more {
            return self.mail(letter).map(|mail| mail.subject);
        }
        let page = self.page(letter)?;
        let values = page.values(letter);
        for name in &page.prepared.names {
            pieces::present(name, &values)?;
        }
        self.subject_line(&page, &values, letter.round)
    }

    /// A letter, written. The same letter is the same bytes.
    pub fn mail(&self, letter: &Letter<'_>) -> Result<Rendered, RenderFault> {
        let page = self.page(letter)?;
        let values = page.values(letter);
        let Prepared { preheader, body, .. } = page.prepared;
        let subject = self.subject_line(&page, &values, letter.round)?;
        let preheader = subject::fill(preheader, &values)?;
        let mut html = String::with_capacity(body.html.ready_len() + 512);
        body.html.fill(&values, &mut html)?;
        within(&html)?;
        let text = plain::fill(&body.text, &values)?;
        let mail = MailContext {
            subject: &subject,
            preheader: &preheader,
            language: page.language.as_str(),
            kind: page.words.kind_in_words,
            reminder: letter.round > 0,
            body: html.trim_end(),
            text: text.trim_end(),
        };
        let context = Templates::context(&values.context(mail))?;
        let whole_html = self.templates.render(page.language, Format::Html, templates::LAYOUT, &context)?;
        let whole_text = self.templates.render(page.language, Format::Text, templates::LAYOUT, &context)?;
        within(&whole_html)?;
        Ok(Rendered {
            html: whole_html,
            text: plain::tidy_around(&whole_text, text.trim_end()),
            subject,
            preheader,
            language: page.language.clone(),
            character: page.character.cloned(),
        })
    }

    /// The language and the character a letter would be written in; `None`
    /// for the words for everybody.
    pub fn chosen(&self, letter: &Letter<'_>) -> Result<(&Language, Option<&Slug>), RenderFault> {
        self.page(letter).map(|page| (page.language, page.character))
    }

    fn subject_line(&self, page: &Page<'_>, values: &Values<'_>, round: u16) -> Result<String, RenderFault> {
        let mut line = subject::fill(&page.prepared.subject, values)?;
        if round > 0 && self.templates.has(page.language, templates::SUBJECT_REMINDER) {
            let mail = MailContext {
                subject: &line,
                language: page.language.as_str(),
                reminder: true,
                ..MailContext::default()
            };
            let context = Templates::context(&values.context(mail))?;
            line =
                self.templates.render(page.language, Format::Text, templates::SUBJECT_REMINDER, &context)?;
            line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        subject::check(&line)?;
        Ok(line)
    }

    /// Finds the words for a letter.
    fn page(&self, letter: &Letter<'_>) -> Result<Page<'_>, RenderFault> {
        let name = || StepName { journey: letter.journey.clone(), step: letter.step.clone() }.to_string();
        let no_such = || RenderFault::NoSuchStep { step: name() };
        let journey = self.journeys.get(letter.journey).ok_or_else(no_such)?;
        let prepared_step = journey.steps.get(letter.step).ok_or_else(no_such)?;
        let step = &prepared_step.step;
        let wanted = self.programme.serve(&letter.person.language);
        let character = letter.character.or_else(|| self.programme.default_character().map(|c| &c.id));
        let variant = step.variant(wanted, character);
        let index = step.variants.iter().position(|v| std::ptr::eq(v, variant)).unwrap_or_default();
        let broken = || RenderFault::Broken { step: name() };
        let prepared = prepared_step.variants.get(index).and_then(Option::as_ref).ok_or_else(broken)?;
        // The mail is in the language of its words, layout and all.
        let language = &variant.language;
        let own = self.languages.get(language).ok_or_else(broken)?;
        let words = Words {
            title: &variant.title,
            kind: step.kind,
            kind_in_words: own.kinds.get(&step.kind).map_or(step.kind.as_str(), String::as_str),
            minutes: step.minutes,
            minutes_text: &prepared_step.minutes,
            journey_title: journey.titles.get(language).map_or("", String::as_str),
            character_name: character.and_then(|c| own.characters.get(c)).map_or("", String::as_str),
            programme_title: &own.title,
            organisation: &self.programme.organisation,
            privacy: &own.privacy,
            film: prepared.film.as_ref(),
        };
        Ok(Page { language, character: variant.character.as_ref(), prepared, words })
    }
}

/// Is it short enough not to be clipped?
fn within(html: &str) -> Result<(), RenderFault> {
    let kilobytes = html.len() / 1000;
    if html.len() > LONGEST_MAIL { Err(RenderFault::TooLong { kilobytes }) } else { Ok(()) }
}

/// The words found for a letter.
struct Page<'r> {
    language: &'r Language,
    character: Option<&'r Slug>,
    prepared: &'r Prepared,
    words: Words<'r>,
}

impl<'r> Page<'r> {
    fn values<'l>(&self, letter: &Letter<'l>) -> Values<'l>
    where
        'r: 'l,
    {
        Values::new(self.words, letter.person, letter.unit_name, letter.links)
    }
}

fn language_words(
    programme: &Programme,
    language: &Language,
    templates: &Templates,
    found: &mut Vec<Diagnostic>,
) -> LanguageWords {
    let translated = programme.translations.get(language);
    let or_first = |own: Option<&String>, first: &str| own.map_or_else(|| first.to_owned(), Clone::clone);
    let words = translated.cloned().unwrap_or_default();
    let privacy = Privacy {
        purpose: or_first(words.purpose.as_ref(), &programme.privacy.purpose),
        legal_basis: or_first(words.legal_basis.as_ref(), &programme.privacy.legal_basis),
        visible_to: or_first(words.visible_to.as_ref(), &programme.privacy.visible_to),
        retention: or_first(words.retention.as_ref(), &programme.privacy.retention),
    };
    let characters = programme.characters.iter().map(|character| {
        let own = words.characters.get(&character.id).and_then(|c| c.name.as_ref());
        (character.id.clone(), or_first(own, &character.name))
    });
    LanguageWords {
        title: or_first(words.title.as_ref(), &programme.title),
        privacy,
        characters: characters.collect(),
        kinds: trial::kinds(templates, language, found),
    }
}

fn prepare_step(step: &Step, kept_columns: &[String], found: &mut Vec<Diagnostic>) -> PreparedStep {
    let variants =
        step.variants.iter().map(|variant| prepare_variant(variant, kept_columns, found)).collect();
    let minutes = if step.minutes == 0 { String::new() } else { step.minutes.to_string() };
    PreparedStep { step: step.clone(), minutes, variants }
}

fn prepare_variant(
    variant: &Variant,
    kept_columns: &[String],
    found: &mut Vec<Diagnostic>,
) -> Option<Prepared> {
    let mut front = Faults::on_line(&variant.file, variant.subject_line);
    let subject = subject::prepare(&variant.subject, kept_columns, &mut front);
    let preheader = variant.preheader.as_deref().unwrap_or_default();
    let preheader = subject::prepare(preheader, kept_columns, &mut front);
    if variant.title.contains("{{") {
        let hint = "the title is the plain name of the step, the same for everybody";
        front.error("placeholder-in-title", 0, "a placeholder in the title", hint);
    }
    let film = variant.film.clone().map(|film| check_film(film, &mut front));
    let mut text = Faults::in_text(&variant.file, &variant.body, variant.body_line);
    let body = markdown::prepare(&variant.body, kept_columns, &mut text);
    let usable = !front.any_error() && !text.any_error();
    found.extend(front.into_found());
    found.extend(text.into_found());
    let names = subject.names().chain(preheader.names()).chain(body.names()).cloned().collect();
    usable.then_some(Prepared { subject, preheader, body, film, names })
}

/// A film is a link like any other. Its transcript is linked where it is an
/// address.
fn check_film(mut film: Film, faults: &mut Faults<'_>) -> Film {
    let links = |address: &str| address.starts_with("https://") && !address.contains(char::is_whitespace);
    if !links(&film.url) {
        faults.error(
            "bad-link",
            0,
            "a film without an `https://` address",
            "write `film = { url = \"https://…\" … }`",
        );
    }
    film.transcript = film.transcript.filter(|transcript| links(transcript));
    film
}
