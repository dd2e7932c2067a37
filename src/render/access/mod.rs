//! The mail with links that a person asks for: new ones if a link did not work any more, or one to
//! everything that is stored about them. It is no part of a journey, so authors do not write it.

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
    pub(crate) asked: AskedFor<'a>,
    /// Address of *my journey*.
    pub(crate) journey: &'a str,
}

/// What the person has asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AskedFor<'a> {
    /// A new link to a step; `answer` is the address of its answer page.
    Step { title: &'a str, answer: &'a str },
    /// A link to everything that is stored about them.
    OwnData { link: &'a str },
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
    /// Where the button leads to.
    first: &'a str,
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
        words.greeting, words.asked, words.open, words.first, words.everything, words.journey, words.not_you
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
    let programme = mail.programme_title;
    let (subject, asked, open, first) = match mail.asked {
        AskedFor::Step { title, answer } => (
            format!("Din nya länk: {title}"),
            format!("Du bad om en ny länk till {title} i {programme}. Här är den."),
            format!("Öppna {title}"),
            answer,
        ),
        AskedFor::OwnData { link } => (
            "Dina svar och uppgifter".to_owned(),
            format!(
                "Du bad om att få läsa dina svar och det som är sparat om dig i {programme}. \
                 Länken fungerar i 30 minuter."
            ),
            "Läs mina svar".to_owned(),
            link,
        ),
    };
    Words {
        language: "sv",
        subject,
        greeting: match mail.first_name {
            "" => "Hej!".to_owned(),
            name => format!("Hej {name}!"),
        },
        asked,
        open,
        everything: "Se allt som har kommit och det som kommer",
        not_you: "Var det inte du som bad om den? Då kan du slänga mejlet. Inget har ändrats.",
        first,
        journey: mail.journey,
    }
}

fn english<'a>(mail: &AccessMail<'a>) -> Words<'a> {
    let programme = mail.programme_title;
    let (subject, asked, open, first) = match mail.asked {
        AskedFor::Step { title, answer } => (
            format!("Your new link: {title}"),
            format!("You asked for a new link to {title} in {programme}. Here it is."),
            format!("Open {title}"),
            answer,
        ),
        AskedFor::OwnData { link } => (
            "Your answers and data".to_owned(),
            format!(
                "You asked to read your answers and what is stored about you in {programme}. \
                 The link works for 30 minutes."
            ),
            "Read my answers".to_owned(),
            link,
        ),
    };
    Words {
        language: "en",
        subject,
        greeting: match mail.first_name {
            "" => "Hello,".to_owned(),
            name => format!("Hello {name},"),
        },
        asked,
        open,
        everything: "See what has come and what comes next",
        not_you: "Was it not you who asked? Then you can delete this mail. Nothing has changed.",
        first,
        journey: mail.journey,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const STEP: AskedFor<'static> =
        AskedFor::Step { title: "En resa", answer: "https://larresa.ekdala.example/answer/abc" };

    fn mail(language: &Language, asked: AskedFor<'_>) -> RenderedEmail {
        let mail = AccessMail {
            language,
            first_name: "<Åsa>",
            programme_title: "Tillsammans & nu",
            asked,
            journey: "https://larresa.ekdala.example/journey/abc",
        };
        render(&mail).expect("a mail")
    }

    #[test]
    fn the_text_names_what_was_asked_for_and_what_to_do_if_it_was_not() {
        let swedish = mail(&Language::parse("sv").expect("a language"), STEP);
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
        let english = mail(&Language::parse("en-GB").expect("a language"), STEP);
        assert_eq!(english.subject, "Your new link: En resa");
    }

    #[test]
    fn the_mail_with_own_data_says_for_how_long_its_link_works() {
        let asked = AskedFor::OwnData { link: "https://larresa.ekdala.example/mine/abc" };
        let swedish = mail(&Language::parse("sv").expect("a language"), asked);
        assert_eq!(swedish.subject, "Dina svar och uppgifter");
        expect![[r#"
            Hej <Åsa>!

            Du bad om att få läsa dina svar och det som är sparat om dig i Tillsammans & nu. Länken fungerar i 30 minuter.

            Läs mina svar:
            https://larresa.ekdala.example/mine/abc

            Se allt som har kommit och det som kommer:
            https://larresa.ekdala.example/journey/abc

            Var det inte du som bad om den? Då kan du slänga mejlet. Inget har ändrats.
        "#]].assert_eq(&swedish.text);
    }

    #[test]
    fn names_are_escaped() {
        let html = mail(&Language::parse("sv").expect("a language"), STEP).html;
        assert!(html.contains("Hej &lt;Åsa&gt;!") && html.contains("Tillsammans &amp; nu"), "{html}");
    }
}
