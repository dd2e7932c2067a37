//! The mail with new links, for a person whose link did not work any more. It is no part of a
//! journey, so authors do not write it.

use handlebars::Handlebars;
use serde::Serialize;

use super::{RenderError, RenderedEmail};
use crate::domain::model::ids::Language;

/// What the mail says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessMail<'a> {
    /// One of the programme's languages.
    pub(crate) language: &'a Language,
    pub(crate) first_name: &'a str,
    pub(crate) programme_title: &'a str,
    pub(crate) step_title: &'a str,
    /// Address of the answer page of the step.
    pub(crate) answer: &'a str,
    /// Address of *my journey*.
    pub(crate) journey: &'a str,
}

#[derive(Serialize)]
struct Words<'a> {
    language: &'a str,
    subject: String,
    greeting: String,
    asked: String,
    open: String,
    everything: &'static str,
    not_you: &'static str,
    answer: &'a str,
    journey: &'a str,
}

const HTML: &str = include_str!("mail.html.hbs");

/// Renders the mail: in Swedish for Swedish, else in English.
pub(crate) fn render(mail: &AccessMail<'_>) -> Result<RenderedEmail, RenderError> {
    let words = if mail.language.as_str().starts_with("sv") { swedish(mail) } else { english(mail) };
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    let html = templates
        .render_template(HTML, &words)
        .map_err(|error| RenderError::Template { template: "access".to_owned(), why: error.to_string() })?;
    let text = format!(
        "{}\n\n{}\n\n{}:\n{}\n\n{}:\n{}\n\n{}\n",
        words.greeting, words.asked, words.open, words.answer, words.everything, words.journey, words.not_you
    );
    Ok(RenderedEmail {
        subject: words.subject,
        preheader: String::new(),
        html,
        text,
        pictures: Vec::new(),
        language: mail.language.clone(),
        character: None,
    })
}

fn swedish<'a>(mail: &AccessMail<'a>) -> Words<'a> {
    Words {
        language: "sv",
        subject: format!("Din nya länk: {}", mail.step_title),
        greeting: match mail.first_name {
            "" => "Hej!".to_owned(),
            name => format!("Hej {name}!"),
        },
        asked: format!(
            "Du bad om en ny länk till {} i {}. Här är den.",
            mail.step_title, mail.programme_title
        ),
        open: format!("Öppna {}", mail.step_title),
        everything: "Se allt som har kommit och det som kommer",
        not_you: "Var det inte du som bad om den? Då kan du slänga mejlet. Inget har ändrats.",
        answer: mail.answer,
        journey: mail.journey,
    }
}

fn english<'a>(mail: &AccessMail<'a>) -> Words<'a> {
    Words {
        language: "en",
        subject: format!("Your new link: {}", mail.step_title),
        greeting: match mail.first_name {
            "" => "Hello,".to_owned(),
            name => format!("Hello {name},"),
        },
        asked: format!(
            "You asked for a new link to {} in {}. Here it is.",
            mail.step_title, mail.programme_title
        ),
        open: format!("Open {}", mail.step_title),
        everything: "See what has come and what comes next",
        not_you: "Was it not you who asked? Then you can delete this mail. Nothing has changed.",
        answer: mail.answer,
        journey: mail.journey,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn mail(language: &Language) -> RenderedEmail {
        let mail = AccessMail {
            language,
            first_name: "<Åsa>",
            programme_title: "Tillsammans & nu",
            step_title: "En resa",
            answer: "https://larresa.ekdala.example/answer/abc",
            journey: "https://larresa.ekdala.example/journey/abc",
        };
        render(&mail).expect("a mail")
    }

    #[test]
    fn the_text_names_what_was_asked_for_and_what_to_do_if_it_was_not() {
        let swedish = mail(&Language::parse("sv").expect("a language"));
        expect![[r#"
            Hej <Åsa>!

            Du bad om en ny länk till En resa i Tillsammans & nu. Här är den.

            Öppna En resa:
            https://larresa.ekdala.example/answer/abc

            Se allt som har kommit och det som kommer:
            https://larresa.ekdala.example/journey/abc

            Var det inte du som bad om den? Då kan du slänga mejlet. Inget har ändrats.
        "#]]
        .assert_eq(&swedish.text);
        let english = mail(&Language::parse("en-GB").expect("a language"));
        assert_eq!(english.subject, "Your new link: En resa");
    }

    #[test]
    fn names_are_escaped() {
        let html = mail(&Language::parse("sv").expect("a language")).html;
        assert!(html.contains("Hej &lt;Åsa&gt;!") && html.contains("Tillsammans &amp; nu"), "{html}");
    }
}
