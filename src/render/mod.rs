//! Renders mails. Pure: no file, clock or randomness. The authors' text is parsed,
//! combined and styled once when the library is loaded; per recipient only slots are filled.
//! The engine requests subjects and mails, `check` the errors in the text.

pub(crate) mod access;
mod compiled_text;
pub(crate) mod email;
mod faults;
mod format;
mod markdown;
pub(crate) mod page;
mod partials;
pub(crate) mod personal_data;
mod placeholder;
mod plain;
#[cfg(test)]
mod rig;
mod sentinels;
mod starter;
mod styles;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::email::Inline;
use crate::domain::model::ids::{Language, Slug, StepName};
use crate::domain::model::journey::Journey;
use crate::domain::model::library::{Library, Privacy, Programme};
use crate::domain::model::person::Person;
use crate::domain::model::step::{Film, Kind, Step, Variant};

pub use crate::render::email::names::NAMES;

use crate::render::compiled_text::CompiledText;
use crate::render::email::compiled_email::{CompileInput, CompiledEmail, EmailVariant};
use crate::render::email::context::StepText;
use crate::render::email::values::RenderValues;
use faults::Faults;
use markdown::Body;
use page::Pages;
use page::views::WebText;
use templates::Templates;

/// Webmail clips mails near 102 kB.
const MAX_EMAIL_HTML: usize = 100_000;

/// Content id of a film's picture; only has to be unique within a mail.
const POSTER: &str = "poster@journey";

/// A request for one mail to one person.
#[derive(Clone, Copy, Debug)]
pub struct RenderRequest<'a> {
    /// The journey of the step.
    pub journey: &'a Slug,
    /// The step, by its name within the journey.
    pub step: &'a Slug,
    /// 0 is the mail, 1 and up the reminders.
    pub round: u16,
    /// The recipient.
    pub person: &'a Person,
    /// Name of the recipient's unit.
    pub unit_name: &'a str,
    /// The recipient's choice; `None` for the programme's default.
    pub character: Option<&'a Slug>,
    /// Whether it is the recipient's first mail of the journey, which explains itself.
    pub first: bool,
    /// Addresses of the pages for this reader.
    pub links: &'a ReaderLinks,
}

/// The recipient's own pages, as absolute URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderLinks {
    /// The answer page of the step.
    pub answer: String,
    /// The page for a pause.
    pub pause: String,
    /// The page for choosing a character.
    pub character: String,
    /// The mail as a web page; may be empty.
    pub web: String,
}

impl ReaderLinks {
    /// Links of a preview: they lead to pages without a reader, which accept no answer.
    pub(crate) fn preview(base_url: &str) -> ReaderLinks {
        let to = |page: &str| format!("{base_url}/{page}");
        ReaderLinks { answer: to("answer"), pause: to("pause"), character: to("character"), web: to("web") }
    }

    /// Links of a sample: they look like those of a real mail.
    pub fn sample(base_url: &str, token: &str) -> ReaderLinks {
        let to = |page: &str| format!("{base_url}/{page}/{token}");
        ReaderLinks { answer: to("s"), pause: to("p"), character: to("c"), web: to("w") }
    }
}

/// A rendered mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedEmail {
    /// One line.
    pub(crate) subject: String,
    /// One line; empty if the author wrote none.
    pub(crate) preheader: String,
    /// The whole page, with `\n` line ends.
    pub html: String,
    /// The plain text, with `\n` line ends.
    pub(crate) text: String,
    /// The pictures in the page.
    pub(crate) pictures: Vec<Inline>,
    /// Language of the text, for `lang` and `Content-Language`.
    pub language: Language,
    /// The character of the variant; `None` for the text for everyone.
    pub(crate) character: Option<Slug>,
}

/// A page with sample values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSample {
    /// The page and its state: `answer-mission`.
    pub name: &'static str,
    pub language: Language,
    pub html: String,
}

/// Why a mail cannot be rendered. One line, without an address or a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A placeholder has no value for this person.
    #[error("`{name}` is empty for this person: fill it in, or write the sentence without it")]
    Empty {
        /// The placeholder.
        name: String,
    },
    /// A value with a mail address is in a link to another host.
    #[error(
        "`{name}` holds a mail address for this person and would leave in a link: take it out of the link"
    )]
    AddressInLink {
        /// The placeholder.
        name: String,
    },
    /// The subject is not valid.
    #[error("the subject {why}")]
    Subject {
        /// What is wrong.
        why: String,
    },
    /// Webmail would clip the mail.
    #[error("the mail has {kilobytes} kB of HTML, and at most 100 kB are shown: shorten it")]
    TooLong {
        /// Size of the HTML.
        kilobytes: usize,
    },
    /// The library has no such step.
    #[error("there is no step `{step}` in the content")]
    NoSuchStep {
        /// Journey and step.
        step: String,
    },
    /// The text for this recipient has errors that `check` reports.
    #[error("the text of `{step}` has errors: run `journey check`")]
    Broken {
        /// Journey and step.
        step: String,
    },
    /// The template of a web page cannot be rendered.
    #[error("the page template `{template}` cannot be filled: {why}")]
    PageTemplate {
        /// Name of the template.
        template: String,
        /// The message of the template engine.
        why: String,
    },
    /// A template cannot be rendered.
    #[error("the mail template `{template}` cannot be filled: {why}")]
    Template {
        /// Name of the template.
        template: String,
        /// The message of the template engine.
        why: String,
    },
}

/// The compiled text of a library.
#[derive(Debug)]
pub struct Renderer {
    programme: Programme,
    languages: BTreeMap<Language, LanguageTexts>,
    journeys: BTreeMap<Slug, CompiledJourney>,
    templates: Templates,
    pages: Pages,
}

/// The programme's own text in one language.
#[derive(Debug)]
struct LanguageTexts {
    title: String,
    privacy: Privacy,
    characters: BTreeMap<Slug, String>,
    kinds: BTreeMap<Kind, String>,
}

#[derive(Debug)]
struct CompiledJourney {
    titles: BTreeMap<Language, String>,
    steps: BTreeMap<Slug, CompiledStep>,
}

#[derive(Debug)]
struct CompiledStep {
    step: Step,
    minutes: String,
    /// In the order of the step's variants; `None` for one with errors.
    variants: Vec<Option<CompiledVariant>>,
}

/// The text of one variant, and the mails compiled from it.
#[derive(Debug)]
struct CompiledVariant {
    words: CompiledStepText,
    first: Result<CompiledEmail, RenderError>,
    mail: Result<CompiledEmail, RenderError>,
    /// `None` if the step has no reminders.
    reminder: Option<Result<CompiledEmail, RenderError>>,
}

/// The text of one variant.
#[derive(Debug)]
struct CompiledStepText {
    subject: CompiledText,
    preheader: CompiledText,
    body: Body,
    film: Option<Film>,
    /// `cid:` and the content id of the film's picture; empty for none.
    poster: String,
}

impl Renderer {
    /// Compiles the text of a library and returns every error. Mails whose text has errors
    /// cannot be rendered, the others can. `kept_columns` are the columns of the people file
    /// that are kept.
    pub fn new(library: &Library, kept_columns: &[String]) -> (Renderer, Vec<Diagnostic>) {
        let mut found = Vec::new();
        let templates = templates::compile(library, kept_columns, &mut found);
        let programme = library.programme.clone();
        let words = |language: &Language| language_texts(&programme, language, &templates, &mut found);
        let languages =
            programme.languages.iter().cloned().zip(programme.languages.iter().map(words)).collect();
        let pages = Pages::new(library, &mut found);
        let mut renderer = Renderer { programme, languages, journeys: BTreeMap::new(), templates, pages };
        for journey in &library.journeys {
            let prepared = renderer.compile_journey(journey, kept_columns, &mut found);
            renderer.journeys.insert(journey.slug.clone(), prepared);
        }
        found.extend(email::sample_check::render_all_samples(&renderer, kept_columns));
        (renderer, found)
    }

    /// The subject of a mail. Fails whenever [`Renderer::mail`] would, so that a dry run lists
    /// exactly what a real run sends.
    pub(crate) fn subject(&self, request: &RenderRequest<'_>) -> Result<String, RenderError> {
        let resolved = self.resolve(request)?;
        let values = resolved.values(request);
        resolved.prepared.words.preheader.check(&values)?;
        let compiled = resolved.compiled_email(request)?;
        compiled.check(&values)?;
        // Values of one recipient can make the mail too long.
        check_size(&compiled.html(&values)?)?;
        fill_subject(compiled, &values)
    }

    /// Renders a mail. The same request always gives the same bytes.
    pub fn mail(&self, request: &RenderRequest<'_>) -> Result<RenderedEmail, RenderError> {
        let resolved = self.resolve(request)?;
        let values = resolved.values(request);
        let compiled = resolved.compiled_email(request)?;
        let subject = fill_subject(compiled, &values)?;
        let preheader = email::subject::fill(&resolved.prepared.words.preheader, &values, usize::MAX)?;
        let html = compiled.html(&values)?;
        check_size(&html)?;
        Ok(RenderedEmail {
            text: compiled.text(&values)?,
            pictures: pictures(resolved.prepared.words.film.as_ref(), &html),
            html,
            subject,
            preheader,
            language: resolved.language.clone(),
            character: resolved.character.cloned(),
        })
    }

    /// The title of the programme in one of its languages.
    pub(crate) fn programme_title(&self, language: &Language) -> &str {
        self.languages.get(language).map_or(&self.programme.title, |texts| &texts.title)
    }

    /// The title of a journey in a language.
    pub(crate) fn journey_title(&self, journey: &Slug, language: &Language) -> &str {
        let title = self.journeys.get(journey).and_then(|journey| journey.titles.get(language));
        title.map_or("", String::as_str)
    }

    /// The page templates.
    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Every page in every state and language, with sample values: for previews and tests.
    pub fn page_samples(&self) -> Result<Vec<PageSample>, RenderError> {
        let samples = page::gallery::samples(self.programme.languages.iter());
        let rendered = samples.into_iter().map(|sample| {
            let html = self.pages.render(&sample.frame, &sample.page)?;
            Ok(PageSample { name: sample.name, language: sample.frame.language.clone(), html })
        });
        rendered.collect()
    }

    /// The style sheet of the pages, which the samples link as `/static/style.css`.
    pub fn page_css(&self) -> &str {
        self.pages.css().1
    }

    /// The text of a step as HTML of a page, without the layout.
    pub(crate) fn web(&self, request: &RenderRequest<'_>) -> Result<WebText, RenderError> {
        let resolved = self.resolve(request)?;
        let values = resolved.values(request);
        page::step_text::html(&resolved.prepared.words.body, &values)
    }

    fn compile_journey(
        &self,
        journey: &Journey,
        kept_columns: &[String],
        found: &mut Vec<Diagnostic>,
    ) -> CompiledJourney {
        let titles: BTreeMap<Language, String> =
            self.programme.languages.iter().map(|l| (l.clone(), journey.title_in(l).to_owned())).collect();
        let mut steps = BTreeMap::new();
        for step in &journey.steps {
            let minutes = if step.minutes == 0 { String::new() } else { step.minutes.to_string() };
            let mut prepared = CompiledStep { step: step.clone(), minutes, variants: Vec::new() };
            for variant in &step.variants {
                let words = compile_step_text(variant, kept_columns, found);
                let pages = words.map(|words| self.compile_emails(words, &prepared, variant, &titles));
                prepared.variants.push(pages);
            }
            steps.insert(step.slug.clone(), prepared);
        }
        CompiledJourney { titles, steps }
    }

    /// Compiles the text and the layout of all mails of a step.
    fn compile_emails(
        &self,
        words: CompiledStepText,
        step: &CompiledStep,
        variant: &Variant,
        titles: &BTreeMap<Language, String>,
    ) -> CompiledVariant {
        let page = |email_variant| {
            let all = self.step_text(step, variant, titles, &words, None)?;
            let input = CompileInput {
                language: &variant.language,
                words: all,
                subject: &words.subject,
                preheader: &words.preheader,
                body: &words.body,
                email_variant,
            };
            CompiledEmail::new(&self.templates, &input)
        };
        let (first, mail) = (page(EmailVariant::First), page(EmailVariant::Mail));
        let reminder = (!step.step.remind.is_empty()).then(|| page(EmailVariant::Reminder));
        CompiledVariant { first, mail, reminder, words }
    }

    /// The values shared by all recipients of this text.
    fn step_text<'a>(
        &'a self,
        step: &'a CompiledStep,
        variant: &'a Variant,
        titles: &'a BTreeMap<Language, String>,
        prepared: &'a CompiledStepText,
        character: Option<&Slug>,
    ) -> Result<StepText<'a>, RenderError> {
        let language = &variant.language;
        let CompiledStep { step, minutes, .. } = step;
        let own = self
            .languages
            .get(language)
            .ok_or_else(|| RenderError::Broken { step: step.slug.to_string() })?;
        let answered = matches!(step.kind, Kind::Mission | Kind::Reflection | Kind::Survey);
        Ok(StepText {
            title: &variant.title,
            kind: step.kind,
            kind_name: own.kinds.get(&step.kind).map_or(step.kind.as_str(), String::as_str),
            minutes: step.minutes,
            minutes_text: minutes,
            questions: step.questions.len().max(usize::from(answered)),
            question: variant.questions.first().map_or("", |question| &question.text),
            journey_title: titles.get(language).map_or("", String::as_str),
            character_name: character.and_then(|c| own.characters.get(c)).map_or("", String::as_str),
            programme_title: &own.title,
            organisation: &self.programme.organisation,
            privacy: &own.privacy,
            film: prepared.film.as_ref(),
            poster: &prepared.poster,
        })
    }

    /// Finds the compiled text for a request.
    fn resolve<'r>(&'r self, request: &RenderRequest<'_>) -> Result<Resolved<'r>, RenderError> {
        let name = || StepName { journey: request.journey.clone(), step: request.step.clone() }.to_string();
        let no_such = || RenderError::NoSuchStep { step: name() };
        let journey = self.journeys.get(request.journey).ok_or_else(no_such)?;
        let step = journey.steps.get(request.step).ok_or_else(no_such)?;
        let wanted = self.programme.serve(&request.person.language);
        let default = self.programme.default_character().map(|c| &c.id);
        let variant = step.step.variant(wanted, request.character.or(default));
        let index = step.step.variants.iter().position(|v| std::ptr::eq(v, variant)).unwrap_or_default();
        let broken = || RenderError::Broken { step: name() };
        let prepared = step.variants.get(index).and_then(Option::as_ref).ok_or_else(broken)?;
        let character = request.character.or(default);
        let words = self.step_text(step, variant, &journey.titles, &prepared.words, character)?;
        // Layout and text are in the language of the text.
        Ok(Resolved { language: &variant.language, character: variant.character.as_ref(), prepared, words })
    }
}

/// The subject for one recipient.
fn fill_subject(compiled: &CompiledEmail, values: &RenderValues<'_>) -> Result<String, RenderError> {
    let line = email::subject::fill(compiled.subject(), values, email::subject::MAX_SUBJECT)?;
    email::subject::check(&line)?;
    Ok(line)
}

/// The pictures that a page shows; others are not attached.
fn pictures(film: Option<&Film>, html: &str) -> Vec<Inline> {
    let poster = film.and_then(|film| film.poster.as_ref());
    let shown = poster.filter(|_| html.contains(POSTER));
    shown
        .map(|poster| Inline { id: POSTER.to_owned(), picture: poster.picture.clone() })
        .into_iter()
        .collect()
}

/// Checks the length against the limit of webmail.
fn check_size(html: &str) -> Result<(), RenderError> {
    let kilobytes = html.len() / 1000;
    if html.len() > MAX_EMAIL_HTML { Err(RenderError::TooLong { kilobytes }) } else { Ok(()) }
}

/// The compiled text for a request.
struct Resolved<'r> {
    language: &'r Language,
    character: Option<&'r Slug>,
    prepared: &'r CompiledVariant,
    words: StepText<'r>,
}

impl<'r> Resolved<'r> {
    fn values<'l>(&self, request: &RenderRequest<'l>) -> RenderValues<'l>
    where
        'r: 'l,
    {
        RenderValues::new(self.words, request.person, request.unit_name, request.links)
    }

    fn compiled_email(&self, request: &RenderRequest<'_>) -> Result<&'r CompiledEmail, RenderError> {
        let page = match (&self.prepared.reminder, request.round, request.first) {
            (Some(reminder), 1.., _) => reminder,
            // A reminder that was removed from the step after it was booked.
            (None, 1.., _) | (_, 0, false) => &self.prepared.mail,
            (_, 0, true) => &self.prepared.first,
        };
        page.as_ref().map_err(Clone::clone)
    }
}

fn language_texts(
    programme: &Programme,
    language: &Language,
    templates: &Templates,
    found: &mut Vec<Diagnostic>,
) -> LanguageTexts {
    let translated = programme.translations.get(language);
    let or_first = |own: Option<&String>, first: &str| own.map_or_else(|| first.to_owned(), Clone::clone);
    let words = translated.cloned().unwrap_or_default();
    let privacy = Privacy {
        contact: programme.privacy.contact.clone(),
        purpose: or_first(words.purpose.as_ref(), &programme.privacy.purpose),
        legal_basis: or_first(words.legal_basis.as_ref(), &programme.privacy.legal_basis),
        visible_to: or_first(words.visible_to.as_ref(), &programme.privacy.visible_to),
        retention: or_first(words.retention.as_ref(), &programme.privacy.retention),
    };
    let characters = programme.characters.iter().map(|character| {
        let own = words.characters.get(&character.id).and_then(|c| c.name.as_ref());
        (character.id.clone(), or_first(own, &character.name))
    });
    LanguageTexts {
        title: or_first(words.title.as_ref(), &programme.title),
        privacy,
        characters: characters.collect(),
        kinds: email::sample_check::kind_names(templates, language, found),
    }
}

fn compile_step_text(
    variant: &Variant,
    kept_columns: &[String],
    found: &mut Vec<Diagnostic>,
) -> Option<CompiledStepText> {
    let mut front = Faults::on_line(&variant.file, variant.subject_line);
    let subject = email::subject::compile(&variant.subject, kept_columns, &mut front);
    let preheader = variant.preheader.as_deref().unwrap_or_default();
    let preheader = email::subject::compile(preheader, kept_columns, &mut front);
    if variant.title.contains("{{") {
        let hint = "the title is the plain name of the step, the same for everybody";
        front.error("placeholder-in-title", 0, "a placeholder in the title", hint);
    }
    let film = variant.film.clone().map(|film| check_film(film, &mut front));
    let mut text = Faults::in_text(&variant.file, &variant.body, variant.body_line);
    let body = markdown::compile(&variant.body, kept_columns, &mut text);
    let usable = !front.any_error() && !text.any_error();
    found.extend(front.into_found());
    found.extend(text.into_found());
    let has_poster = film.as_ref().is_some_and(|film| film.poster.is_some());
    let poster = if has_poster { format!("cid:{POSTER}") } else { String::new() };
    usable.then_some(CompiledStepText { subject, preheader, body, film, poster })
}

/// A film is checked like any other link. A transcript is linked if it is a URL.
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
