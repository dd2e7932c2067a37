//! The values that are the same for all recipients of a text, as templates see them. The
//! only file of this folder that uses serde.

use serde::Serialize;

use crate::domain::model::library::Privacy;
use crate::domain::model::step::{Film, Kind, Poster};

/// Pictures are shown at most as wide as a mail, in pixels.
const MAX_PICTURE_WIDTH: u32 = 600;

/// The values shared by all recipients of the same text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepText<'a> {
    pub(crate) title: &'a str,
    pub(crate) kind: Kind,
    pub(crate) kind_name: &'a str,
    pub(crate) minutes: u32,
    /// The same as text; empty if there is none.
    pub(crate) minutes_text: &'a str,
    /// Number of questions on the answer page.
    pub(crate) questions: usize,
    pub(crate) question: &'a str,
    pub(crate) journey_title: &'a str,
    pub(crate) character_name: &'a str,
    pub(crate) programme_title: &'a str,
    pub(crate) organisation: &'a str,
    pub(crate) privacy: &'a Privacy,
    pub(crate) film: Option<&'a Film>,
    /// The content id of the film's picture; empty if there is none.
    pub(crate) poster: &'a str,
}

impl<'a> StepText<'a> {
    /// The values for templates, except those that depend on the recipient. Empty values are
    /// left out, so that strict mode names them and `{{#if}}` can test for them.
    pub(crate) fn context<'b>(&'b self, mail: MailContext<'b>) -> Context<'b>
    where
        'a: 'b,
    {
        let privacy = self.privacy;
        let (number, unit) = privacy.retention.split_once(' ').unwrap_or_default();
        Context {
            step: StepContext {
                title: self.title,
                kind: self.kind.as_str(),
                minutes: self.minutes,
                questions: self.questions,
                question: self.question,
            },
            journey: TitleContext { title: self.journey_title },
            programme: TitleContext { title: self.programme_title },
            organisation: self.organisation,
            film: self.film.map(|film| FilmContext {
                url: &film.url,
                title: &film.title,
                length: &film.length,
                transcript: film.transcript.as_deref().unwrap_or_default(),
                poster: film.poster.as_ref().map(|poster| poster_context(poster, self.poster)),
            }),
            privacy: PrivacyContext {
                purpose: &privacy.purpose,
                legal_basis: &privacy.legal_basis,
                visible_to: &privacy.visible_to,
                retention: &privacy.retention,
                retention_number: number,
                retention_unit: unit,
            },
            mail,
        }
    }
}

/// The template context that is the same for all recipients.
#[derive(Serialize)]
pub(crate) struct Context<'a> {
    step: StepContext<'a>,
    journey: TitleContext<'a>,
    programme: TitleContext<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    organisation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    film: Option<FilmContext<'a>>,
    privacy: PrivacyContext<'a>,
    mail: MailContext<'a>,
}

/// The values about the mail itself.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct MailContext<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) subject: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) preheader: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) language: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) kind: &'a str,
    pub(crate) first: bool,
    pub(crate) reminder: bool,
    pub(crate) asks: bool,
    pub(crate) body: &'a str,
    pub(crate) text: &'a str,
    pub(crate) before: &'a str,
    pub(crate) task: &'a str,
    pub(crate) after: &'a str,
}

#[derive(Serialize)]
struct StepContext<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    minutes: u32,
    #[serde(skip_serializing_if = "is_default")]
    questions: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    question: &'a str,
}

#[derive(Serialize)]
struct TitleContext<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
}

#[derive(Serialize)]
struct FilmContext<'a> {
    url: &'a str,
    title: &'a str,
    length: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    transcript: &'a str,
    #[serde(flatten)]
    poster: Option<PosterContext<'a>>,
}

#[derive(Serialize)]
struct PosterContext<'a> {
    poster: &'a str,
    alt: &'a str,
    width: u32,
    height: u32,
}

fn poster_context<'a>(poster: &'a Poster, source: &'a str) -> PosterContext<'a> {
    let (width, height) = (poster.picture.width, poster.picture.height);
    let shown = width.min(MAX_PICTURE_WIDTH);
    let high = u64::from(height) * u64::from(shown) / u64::from(width.max(1));
    PosterContext {
        poster: source,
        alt: &poster.alt,
        width: shown,
        height: u32::try_from(high).unwrap_or(u32::MAX),
    }
}

#[derive(Serialize)]
struct PrivacyContext<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    purpose: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    legal_basis: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    visible_to: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    retention: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    retention_number: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    retention_unit: &'a str,
}

fn is_default<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::model::picture::{Media, Picture};
    use crate::render::email::names::{NAMES, Placeholder};

    #[test]
    fn a_large_picture_is_shown_as_wide_as_a_mail() {
        let picture = |width, height| Poster {
            alt: String::new(),
            picture: Picture { media: Media::Png, width, height, bytes: Arc::from([0]) },
        };
        let shown = |poster: &Poster| {
            let context = poster_context(poster, "");
            (context.width, context.height)
        };
        assert_eq!(shown(&picture(1200, 675)), (600, 337));
        assert_eq!(shown(&picture(320, 180)), (320, 180));
        assert_eq!(shown(&picture(u32::MAX, u32::MAX)), (600, 600));
    }

    #[test]
    fn templates_see_every_name_and_nothing_else() {
        let filled = StepText {
            title: "a",
            kind: Kind::Film,
            kind_name: "film",
            minutes: 3,
            minutes_text: "3",
            questions: 1,
            question: "q",
            journey_title: "b",
            character_name: "c",
            programme_title: "d",
            organisation: "e",
            privacy: &Privacy {
                contact: None,
                purpose: "f".into(),
                legal_basis: "g".into(),
                visible_to: "h".into(),
                retention: "12 months".into(),
            },
            film: Some(&Film {
                url: "i".into(),
                title: "j".into(),
                length: "k".into(),
                poster: Some(Poster {
                    alt: "t".into(),
                    picture: Picture { media: Media::Png, width: 1200, height: 675, bytes: Arc::from([0]) },
                }),
                transcript: Some("l".into()),
            }),
            poster: "cid:u",
        };
        let mail = MailContext {
            subject: "p",
            preheader: "q",
            language: "sv",
            kind: "film",
            task: "r",
            after: "s",
            ..MailContext::default()
        };
        let json = serde_json::to_value(filled.context(mail)).expect("JSON");
        let mut there = Vec::new();
        for (name, value) in json.as_object().expect("an object") {
            match value.as_object() {
                Some(inner) => there.extend(inner.keys().map(|key| format!("{name}.{key}"))),
                None => there.push(name.clone()),
            }
        }
        there.push("film".into());
        there.sort();
        // The others are filled for each recipient.
        let is_per_reader =
            |name: &str| Placeholder::parse(name, &[]).is_some_and(|name| name.is_per_reader());
        let mut promised: Vec<&str> =
            NAMES.iter().map(|entry| entry.name).filter(|name| !is_per_reader(name)).collect();
        promised.sort_unstable();
        assert_eq!(there, promised);
    }
}
