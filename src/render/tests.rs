//! Whole mails, and the errors of mails that cannot be rendered.

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::rig::{body_for, language, library, links, mail, person, ready, shown, slug, subject, variant};
use super::*;
use crate::render::compiled_text::escape_html;

const BODY: &str = "\
Hej {{person.first_name}}!

Den här veckan provar vi **en sak**. Den tar {{step.minutes}} minuter.

## Så gör du

1. Titta på [hur Ekdala gjorde](https://ekdala.example/resor).
2. Välj en dag.

[Berätta hur det gick]({{link.answer}})
";

#[test]
fn a_whole_mail() {
    let renderer = ready(vec![variant("{{person.first_name}}, en vecka utan bil?", BODY)], &[]);
    let mail = mail(&renderer, &person("Åsa"), 1).expect("a mail");
    expect![[r#"
        <!doctype html>
        <html lang="sv" style="color-scheme: light dark;"><head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="supported-color-schemes" content="light dark">
        <title>Påminnelse: Åsa, en vecka utan bil?</title>

        <style>
        :root { color-scheme: light dark; }
        @media (max-width: 480px) {
          .edge { padding: 12px 0 24px !important; }
          .words, .head, .band, .welcome, .below, .above, .transcript { padding-left: 20px !important; padding-right: 20px !important; }
          h1 { font-size: 27px !important; }
        }
        @media (prefers-color-scheme: dark) {
          .page { background-color: #141a17 !important; }
          .card { background-color: #1e2623 !important; }
          .text, h1, .below a { color: #e9eeeb !important; }
          .quiet, .below { color: #b5c0ba !important; }
          a, .label, .question { color: #f3ab85 !important; }
          hr { border-top-color: #46524c !important; }
          .quotation td, .task-words, .task-button, .tip .head, .ticket, .mark, .framed { border-color: #f3ab85 !important; }
          .task, .ticket, .tip .head { background-color: #38251b !important; }
          .framed { background-color: #1e2623 !important; }
          .button td, .task-label, .band, .chosen { background-color: #f3ab85 !important; }
          .button a, .task-label p, .band .label { color: #141a17 !important; }
          .still { background-color: #0c100e !important; }
          .still a { color: #ffffff !important; }
        }
        </style>
        </head>
        <body class="page" style="margin: 0;padding: 0;background-color: #f4f1ea;">
        <table class="page" role="presentation" cellspacing="0" width="100%" border="0" cellpadding="0" style="margin: 0;padding: 0;background-color: #f4f1ea;">
        <tbody><tr>
        <td class="edge" align="center" style="padding: 20px 12px 32px;">
        <!--[if mso]><table role="presentation" width="600" align="center" border="0" cellpadding="0" cellspacing="0"><tr><td><![endif]-->
        <table class="column" role="presentation" cellspacing="0" width="100%" border="0" cellpadding="0" style="max-width: 600px;">
        <tbody><tr>
        <td>
        <table class="card mission" role="presentation" cellspacing="0" width="100%" border="0" cellpadding="0" style="background-color: #ffffff;border-radius: 10px;">
        <tbody><tr>
        <td class="text band" align="left" style="font-family: 'Segoe UI', -apple-system, Roboto, Helvetica, Arial, sans-serif;font-size: 17px;line-height: 1.6;word-break: break-word;color: #22302a;background-color: #9a3b14;border-radius: 10px 10px 0 0;padding: 12px 28px;"><p class="label" style="margin: 0;color: #ffffff;font-weight: bold;">Påminnelse · Uppdrag · 5 minuter</p></td>
        </tr>
        <tr>
        <td class="text head" align="left" style="font-family: 'Segoe UI', -apple-system, Roboto, Helvetica, Arial, sans-serif;font-size: 17px;line-height: 1.6;word-break: break-word;color: #22302a;padding: 24px 28px 0;"><h1 style="line-height: 1.25;font-size: 30px;color: #22302a;margin: 0;">En vecka utan bil</h1></td>
        </tr>
        <tr>
        <td class="text words" align="left" style="font-family: 'Segoe UI', -apple-system, Roboto, Helvetica, Arial, sans-serif;font-size: 17px;line-height: 1.6;word-break: break-word;color: #22302a;padding: 20px 28px 0;"><p class="lead last" style="margin: 0;font-size: 19px;">Har du inte hunnit prova än? Det gör ingenting. Det här är det enda som behövs.</p></td>
        </tr>
        <tr>
        <td class="text words" align="left" style="font-family: 'Segoe UI', -apple-system, Roboto, Helvetica, Arial, sans-serif;font-size: 17px;line-height: 1.6;word-break: break-word;color: #22302a;padding: 20px 28px 0;">
        <p style="margin: 0 0 16px;">Hej Åsa!</p>
        <p style="margin: 0 0 16px;">Den här veckan provar vi <strong>en sak</strong>. Den tar 5 minuter.</p>
        <h2 style="margin: 0 0 12px;line-height: 1.3;font-size: 21px;">Så gör du</h2>
        <ol style="margin: 0 0 16px;margin-left: 24px;padding: 0;">
        <li style="margin: 0 0 8px;">Titta på <a href="https://ekdala.example/resor" style="color: #9a3b14;">hur Ekdala gjorde</a>.</li>
        <li style="margin: 0 0 8px;">Välj en dag.</li>
        </ol>
        <table class="button" role="presentation" cellspacing="0" border="0" cellpadding="0" style="margin: 0;"><tbody><tr><td style="background-color: #9a3b14;border-radius: 8px;padding: 2px 22px;"><a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2" style="color: #ffffff;display: block;font-weight: bold;line-height: 46px;text-decoration: none;">Berätta hur det gick</a></td></tr></tbody></table>
        </td>
        </tr>
        <tr>
        <td class="space" style="padding: 0;font-size: 16px;line-height: 1.5;">&nbsp;</td>
        </tr>
        </tbody></table>
        </td>
        </tr>
        <tr>
        <td class="text below" align="left" style="font-family: 'Segoe UI', -apple-system, Roboto, Helvetica, Arial, sans-serif;font-size: 16px;line-height: 1.6;word-break: break-word;color: #55615b;padding: 28px 28px 0;">
        <p style="margin: 0 0 16px;">Fullt upp just nu? När du kommer tillbaka är du kvar där du var. <a href="https://larresa.ekdala.example/p/abc" style="color: #22302a;">Till din paussida</a></p>
        <p style="margin: 0 0 16px;">Din väg in är Naturvännen. <a href="https://larresa.ekdala.example/c/abc" style="color: #22302a;">Byt väg in</a> när du vill.</p>
        <p style="margin: 0 0 16px;">Du får mejlet som anställd i Ekdala kommun. Det hör till Miljö och klimat i Tillsammans ställer vi om. Svara gärna: en människa läser.</p>
        <p style="margin: 0 0 16px;">Bara du ser dina svar. Svaren sparas i 12 månader.</p>
        </td>
        </tr>
        </tbody></table>
        <!--[if mso]></td></tr></table><![endif]-->
        </td>
        </tr>
        </tbody></table>


        </body></html>
    "#]].assert_eq(&mail.html);
    expect![[r#"
        Påminnelse · Uppdrag · 5 minuter

        En vecka utan bil

        Har du inte hunnit prova än? Det gör ingenting. Det här är det enda som
        behövs.

        Hej Åsa!

        Den här veckan provar vi en sak. Den tar 5 minuter.

        Så gör du

        1. Titta på hur Ekdala gjorde <https://ekdala.example/resor>.
        2. Välj en dag.

        Berätta hur det gick <https://larresa.ekdala.example/s/abc?v=1&k=2>

        ______

        Fullt upp just nu? När du kommer tillbaka är du kvar där du var. Till din
        paussida:
        <https://larresa.ekdala.example/p/abc>

        Din väg in är Naturvännen. Byt väg in när du vill:
        <https://larresa.ekdala.example/c/abc>

        Du får mejlet som anställd i Ekdala kommun. Det hör till Miljö och klimat i
        Tillsammans ställer vi om. Svara gärna: en människa läser.

        Bara du ser dina svar. Svaren sparas i 12 månader.
    "#]]
    .assert_eq(&mail.text);
    expect!["Påminnelse: Åsa, en vecka utan bil?"].assert_eq(&mail.subject);
}

#[test]
fn layout_and_text_are_in_the_same_language() {
    let mut english =
        variant("A week without a car", "Hello {{person.first_name}}, {{journey.title}}: {{step.kind}}.");
    english.language = language("en");
    let renderer = ready(vec![variant("En vecka", "Hej, {{journey.title}}: {{step.kind}}."), english], &[]);
    let mut reader = person("Ada");
    reader.language = language("en-gb");
    let mail_in_english = mail(&renderer, &reader, 1).expect("a mail");
    assert_eq!(mail_in_english.language, language("en"));
    assert_eq!(mail_in_english.subject, "Reminder: A week without a car");
    assert!(
        mail_in_english.text.contains("Hello Ada, Environment and climate: mission."),
        "{}",
        mail_in_english.text
    );
    assert!(mail_in_english.text.contains("Busy right now?"), "{}", mail_in_english.text);
    reader.language = language("fi");
    let mail_in_the_first = mail(&renderer, &reader, 0).expect("a mail");
    assert_eq!(mail_in_the_first.language, language("sv"));
    assert!(mail_in_the_first.text.contains("Hej, Miljö och klimat: uppdrag."));
}

#[test]
fn a_character_gets_its_own_text_and_name() {
    let mut own = variant("Gå", "Gå, {{character.name}}!");
    own.character = Some(slug("halsa"));
    let renderer = ready(vec![variant("Res", "Res, {{character.name}}!"), own], &[]);
    let (journey, step, chosen) = (slug("miljo"), slug("resor"), slug("halsa"));
    let (links, reader) = (links(), person("Åsa"));
    let mut letter = RenderRequest {
        journey: &journey,
        step: &step,
        round: 0,
        person: &reader,
        unit_name: "Öster",
        character: None,
        first: false,
        links: &links,
    };
    assert!(renderer.mail(&letter).expect("a mail").text.contains("Res, Naturvännen!"));
    letter.character = Some(&chosen);
    let mail = renderer.mail(&letter).expect("a mail");
    assert!(mail.text.contains("Gå, Hälsohjälten!"));
    assert_eq!(mail.character, Some(chosen.clone()));
    let email = renderer.mail(&letter).expect("a mail");
    assert_eq!((email.language, email.character.as_ref()), (language("sv"), Some(&chosen)));
    letter.step = &chosen;
    assert_eq!(renderer.subject(&letter), Err(RenderError::NoSuchStep { step: "miljo/halsa".into() }));
}

#[test]
fn an_empty_value_fails_one_mail_and_is_named() {
    let renderer = ready(vec![variant("Hej", "Ni i {{person.department}}!")], &[]);
    let fault = mail(&renderer, &person("Åsa"), 0).expect_err("a fault");
    expect!["`person.department` is empty for this person: fill it in, or write the sentence without it"]
        .assert_eq(&fault.to_string());
    let mut known = person("Åsa");
    known.department = Some("Vård".into());
    assert!(mail(&renderer, &known, 0).is_ok());
    let renderer = ready(vec![variant("{{person.first_name}}", "Hej!")], &[]);
    let mut nameless = person(" \t ");
    nameless.last_name = "".into();
    assert!(mail(&renderer, &nameless, 0).is_err());
}

#[test]
fn a_mail_too_long_for_one_recipient_fails_before_it_is_sent() {
    let renderer = ready(vec![variant("Hej", &"Hej {{person.first_name}}!\n\n".repeat(900))], &[]);
    assert!(subject(&renderer, &person("Bo")).is_ok(), "as the dry run sees it");
    assert!(mail(&renderer, &person("Bo"), 0).is_ok());
    let long = person(&"Bo-".repeat(30));
    let fault = mail(&renderer, &long, 0).expect_err("it would be clipped");
    assert!(matches!(fault, RenderError::TooLong { .. }), "{fault}");
    assert_eq!(subject(&renderer, &long), Err(fault));
}

#[test]
fn a_template_can_test_for_an_empty_value() {
    let html = ("layout.html", "{{#if person.department}}{{person.department}}{{else}}-{{/if}}{{mail.body}}");
    let careful = ready(vec![variant("Hej", "Hej!")], &[html, ("layout.txt", "{{mail.text}}")]);
    assert_eq!(mail(&careful, &person("Åsa"), 0).expect("a mail").html, "-<p>Hej!</p>");
    let html = ("layout.html", "{{person.department}}{{mail.body}}");
    let careless = ready(vec![variant("Hej", "Hej!")], &[html, ("layout.txt", "{{mail.text}}")]);
    let fault = RenderError::Empty { name: "person.department".into() };
    assert_eq!(mail(&careless, &person("Åsa"), 0), Err(fault.clone()));
    let (journey, step, links) = (slug("miljo"), slug("resor"), links());
    let reader = person("Åsa");
    let letter = RenderRequest {
        journey: &journey,
        step: &step,
        round: 0,
        person: &reader,
        unit_name: "Öster",
        character: None,
        first: false,
        links: &links,
    };
    assert_eq!(careless.subject(&letter), Err(fault));
}

#[test]
fn placeholders_work_in_text_link_code_and_subject() {
    let body = "*{{person.first_name}}* `{{ person.last_name }}` [svara]({{link.answer}}) \
                    [sök](https://x.example/?q={{person.unit}}) <https://y.example/{{step.minutes}}>";
    let (html, text) = body_for("Li & <Bo>", body);
    expect![[r#"<p><em>Li &amp; &lt;Bo&gt;</em> <code>Ek</code> <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">svara</a> <a href="https://x.example/?q=Hemtj%C3%A4nsten%20%C3%96ster">sök</a> <a href="https://y.example/5">https://y.example/5</a></p>"#]].assert_eq(&html);
    expect![[r#"
            Li & <Bo> Ek svara <https://larresa.ekdala.example/s/abc?v=1&k=2> sök
            <https://x.example/?q=Hemtj%C3%A4nsten%20%C3%96ster> https://y.example/5
        "#]]
    .assert_eq(&text);
}

#[test]
fn a_hostile_name_is_only_text_everywhere() {
    let names = [
        "[x](//evil.example)",
        "<b onclick=alert(1)>",
        "{{link.pause}}",
        "Eva\r\nBcc: alla@ekdala.example",
        "**Bo** `x` &amp; <mailto:x@evil.example>",
        "\u{F0000}\u{202e}",
    ];
    let body =
        "Hej {{person.first_name}}! [{{person.first_name}}]({{link.answer}})\n\n## {{person.first_name}}\n";
    let templates = [
        ("layout.html", "{{mail.subject}}|{{person.first_name}}|{{mail.body}}"),
        ("layout.txt", "{{person.first_name}}|{{mail.text}}"),
    ];
    let renderer = ready(vec![variant("Hej {{person.first_name}}", body)], &templates);
    let mut all = String::new();
    for name in names {
        let mail = mail(&renderer, &person(name), 0).expect("a mail");
        assert!(!mail.subject.chars().any(char::is_control));
        assert!(!mail.html.contains("evil.example\"") && !mail.html.contains("<b"), "{}", mail.html);
        all += &format!("{}\n{}\n{}\n", mail.subject, mail.html, mail.text);
    }
    expect![[r#"
        Hej [x](//evil.example)
        Hej [x](//evil.example)|[x](//evil.example)|<p>Hej [x](//evil.example)! <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">[x](//evil.example)</a></p>
        <h2>[x](//evil.example)</h2>
        [x](//evil.example)|
        Hej [x](//evil.example)! [x](//evil.example)
        <https://larresa.ekdala.example/s/abc?v=1&k=2>

        [x](//evil.example)

        Hej <b onclick=alert(1)>
        Hej &lt;b onclick=alert(1)&gt;|&lt;b onclick=alert(1)&gt;|<p>Hej &lt;b onclick=alert(1)&gt;! <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">&lt;b onclick=alert(1)&gt;</a></p>
        <h2>&lt;b onclick=alert(1)&gt;</h2>
        <b onclick=alert(1)>|
        Hej <b onclick=alert(1)>! <b onclick=alert(1)>
        <https://larresa.ekdala.example/s/abc?v=1&k=2>

        <b onclick=alert(1)>

        Hej {{link.pause}}
        Hej {{link.pause}}|{{link.pause}}|<p>Hej {{link.pause}}! <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">{{link.pause}}</a></p>
        <h2>{{link.pause}}</h2>
        {{link.pause}}|
        Hej {{link.pause}}! {{link.pause}}
        <https://larresa.ekdala.example/s/abc?v=1&k=2>

        {{link.pause}}

        Hej Eva Bcc: alla@ekdala.example
        Hej Eva Bcc: alla@ekdala.example|Eva Bcc: alla@ekdala.example|<p>Hej Eva Bcc: alla@ekdala.example! <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">Eva Bcc: alla@ekdala.example</a></p>
        <h2>Eva Bcc: alla@ekdala.example</h2>
        Eva Bcc: alla@ekdala.example|
        Hej Eva Bcc: alla@ekdala.example! Eva Bcc: alla@ekdala.example
        <https://larresa.ekdala.example/s/abc?v=1&k=2>

        Eva Bcc: alla@ekdala.example

        Hej **Bo** `x` &amp; <mailto:x@evil.example>
        Hej **Bo** `x` &amp;amp; &lt;mailto:x@evil.example&gt;|**Bo** `x` &amp;amp; &lt;mailto:x@evil.example&gt;|<p>Hej **Bo** `x` &amp;amp; &lt;mailto:x@evil.example&gt;! <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">**Bo** `x` &amp;amp; &lt;mailto:x@evil.example&gt;</a></p>
        <h2>**Bo** `x` &amp;amp; &lt;mailto:x@evil.example&gt;</h2>
        **Bo** `x` &amp; <mailto:x@evil.example>|
        Hej **Bo** `x` &amp; <mailto:x@evil.example>! **Bo** `x` &amp;
        <mailto:x@evil.example> <https://larresa.ekdala.example/s/abc?v=1&k=2>

        **Bo** `x` &amp; <mailto:x@evil.example>

        Hej 󰀀
        Hej 󰀀|󰀀|<p>Hej 󰀀! <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">󰀀</a></p>
        <h2>󰀀</h2>
        󰀀|
        Hej 󰀀! 󰀀 <https://larresa.ekdala.example/s/abc?v=1&k=2>

        󰀀

    "#]].assert_eq(&all);
}

#[test]
fn a_mail_address_never_leaves_in_a_link() {
    let renderer = ready(vec![variant("Hej", "[x](https://x.example/?q={{person.first_name}})")], &[]);
    let fault = mail(&renderer, &person("a@b.se"), 0).expect_err("a fault");
    assert_eq!(fault, RenderError::AddressInLink { name: "person.first_name".into() });
    assert_eq!(
        subject(&renderer, &person("a@b.se")),
        Err(fault),
        "a dry run, which asks for it alone, knows"
    );
}

#[test]
fn a_name_is_never_markup_or_a_link() {
    let renderer = ready(vec![variant("Hej", "Hej {{person.first_name}}!")], &[]);
    for name in
        ["[x](https://evil.example)", "www.evil.example", "<b>x</b>", "{{person.unit}}", "**x**", "&amp;"]
    {
        let mail = mail(&renderer, &person(name), 0).expect("a mail");
        assert!(mail.text.contains(&format!("Hej {name}!")), "{}", mail.text);
        assert!(mail.html.contains(&format!("Hej {}!", escape_html(name))), "{}", mail.html);
    }
}

#[test]
fn one_name_is_enough() {
    let renderer = ready(
        vec![variant(
            "{{person.first_name}} {{person.last_name}}?",
            "Hej {{person.first_name}} {{person.last_name}}!",
        )],
        &[],
    );
    let mut who = person("Åsa");
    who.last_name = "".into();
    assert!(mail(&renderer, &who, 0).expect("a mail").text.contains("Hej Åsa!"));
    who = person("");
    who.last_name = "Ek".into();
    let mail = mail(&renderer, &who, 0).expect("a mail");
    assert!(mail.text.contains("Hej Ek!"), "{}", mail.text);
    assert_eq!(mail.subject, "Ek?");
}

#[test]
fn a_subject_is_one_line_within_limits() {
    let renderer = ready(vec![variant("Hej  {{person.first_name}} ", "Hej!")], &[]);
    let subject = |name: &str| mail(&renderer, &person(name), 0).map(|mail| mail.subject);
    assert_eq!(subject("Eva\nEk").expect("a subject"), "Hej Eva Ek");
    assert!(subject(&"a".repeat(60)).is_ok());
    assert_eq!(subject("=?utf-8?q?x?=").expect("a subject"), "Hej =?utf-8?q?x?=");
    let long = subject(&"å".repeat(200)).expect("a subject");
    assert!(long.chars().count() <= 150 && long.ends_with('…'), "{long}");
    assert!(subject(&"ab ".repeat(60)).is_ok_and(|subject| subject.chars().count() <= 150));
}

#[test]
fn content_that_fails_for_all_is_reported_at_once() {
    let mut long = variant(&format!("{{{{person.first_name}}}} {}", "ord ".repeat(25)), "{{step.minutes}}");
    long.title = "Hej {{person.first_name}}".into();
    let mut broken = library(vec![long], &[]);
    broken.journeys[0].steps[0].minutes = 0;
    let (_, found) = Renderer::new(&broken, &[]);
    expect![[r#"
            journeys/miljo/resor.md:3:1: error: a placeholder in the title
              hint: the title is the plain name of the step, the same for everybody
        "#]]
    .assert_eq(&shown(&found));
    broken.journeys[0].steps[0].variants[0].title = "Hej".into();
    let (_, found) = Renderer::new(&broken, &[]);
    expect![[r#"
        journeys/miljo/resor.md: error: `step.minutes` is empty, so the mail cannot be written
          hint: give it a value, or leave the placeholder out
        journeys/miljo/resor.md: error: `step.minutes` is empty, so the reminder cannot be written
          hint: give it a value, or leave the placeholder out
    "#]]
    .assert_eq(&shown(&found));
}

#[test]
fn a_control_character_is_found_before_the_mail_is_due() {
    let mut odd = variant("Hej", "Hej!");
    odd.title = "Hej\u{7}".into();
    let (_, found) = Renderer::new(&library(vec![odd], &[]), &[]);
    assert_eq!(found.len(), 1, "{}", shown(&found));
}

#[test]
fn a_film_becomes_a_described_link() {
    let mut filmed = variant("Hej", "Se den.");
    filmed.film = Some(Film {
        url: "https://film.example/7".into(),
        title: "En bil mindre".into(),
        length: "2:25".into(),
        poster: None,
        transcript: Some("resor.txt".into()),
    });
    let renderer = ready(vec![filmed.clone()], &[]);
    let mail = mail(&renderer, &person("Åsa"), 0).expect("a mail");
    assert!(
        mail.text.contains("Se filmen ”En bil mindre” (2:25 minuter):\n<https://film.example/7>\n"),
        "{}",
        mail.text
    );
    assert!(!mail.html.contains("resor.txt"));
    filmed.film = filmed.film.map(|film| Film { url: "javascript:alert(1)".into(), ..film });
    let (_, found) = Renderer::new(&library(vec![filmed], &[]), &[]);
    assert_eq!(found.len(), 1, "{}", shown(&found));
}

#[test]
fn only_the_first_mail_explains_itself_in_full() {
    let renderer = ready(vec![variant("Hej", BODY)], &[]);
    let (journey, step, links, reader) = (slug("miljo"), slug("resor"), links(), person("Åsa"));
    let letter = |first| RenderRequest {
        journey: &journey,
        step: &step,
        round: 0,
        person: &reader,
        unit_name: "Öster",
        character: None,
        first,
        links: &links,
    };
    let [first, later] = [true, false].map(|first| renderer.mail(&letter(first)).expect("a mail"));
    for words in ["Vad sparas?", "Allmänt intresse", "Vem ser vad?", "En människa läser"] {
        assert!(first.html.contains(words) && first.text.contains(words), "{words}");
        assert!(!later.html.contains(words) && !later.text.contains(words), "{words}");
    }
    for mail in [first, later] {
        assert!(mail.html.contains(&links.pause) && mail.text.contains(&links.pause));
        assert!(mail.text.contains("Bara du ser dina svar."));
    }
}

#[test]
fn the_task_is_the_last_paragraph_with_a_bold_label() {
    let parts = [
        ("layout.html", "{{mail.before}}|{{mail.task}}|{{mail.after}}"),
        ("layout.txt", "{{mail.before}}\n|\n{{mail.task}}\n|\n{{mail.after}}\n"),
    ];
    let written = |body: &str| {
        let mail = mail(&ready(vec![variant("Hej", body)], &parts), &person("Åsa"), 0).expect("a mail");
        format!("{}\n{}", mail.html, mail.text)
    };
    let body =
        "Hej.\n\n**Först:** se.\n\n- **Nej:** i en lista.\n\n**Att göra**: [Gå]({{link.answer}}).\n\nSlut.";
    expect![[r#"
        <p>Hej.</p>
        <p><strong>Först:</strong> se.</p>
        <ul>
        <li><strong>Nej:</strong> i en lista.</li>
        </ul>|<p><strong>Att göra</strong>: <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">Gå</a>.</p>|<p>Slut.</p>
        Hej.

        Först: se.

        - Nej: i en lista.
        |
        Att göra: Gå <https://larresa.ekdala.example/s/abc?v=1&k=2>.
        |
        Slut.
    "#]]
    .assert_eq(&written(body));
    assert_eq!(written("**Hej** på dig."), "<p><strong>Hej</strong> på dig.</p>||\nHej på dig.\n|\n\n|\n");
}

#[test]
fn concurrent_rendering_works() {
    fn shared<T: Send + Sync>() {}
    shared::<Renderer>();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_text_for_any_name_is_rendered_or_refused(
        body in "([ -~åÅ\n]|\\{\\{person\\.first_name\\}\\}|\\]\\(\\{\\{link\\.answer\\}\\}\\)|[\\[\\](){}<>*_`>#-]){0,60}",
        name in "(\\PC|<script>|\\{\\{link.pause\\}\\}|\r\n){0,12}",
    ) {
        let words = vec![variant("Hej {{person.first_name}}", &body)];
        let (renderer, _) = Renderer::new(&library(words, &[]), &[]);
        let reader = person(&name);
        let first = mail(&renderer, &reader, 0);
        prop_assert_eq!(&first, &mail(&renderer, &reader, 0));
        let (journey, step, links) = (slug("miljo"), slug("resor"), links());
        let letter = RenderRequest {
            journey: &journey, step: &step, round: 0, person: &reader, unit_name: "Hemtjänsten Öster",
            character: None, first: false, links: &links,
        };
        prop_assert_eq!(renderer.subject(&letter).is_ok(), first.is_ok());
        if let Ok(mail) = first {
            prop_assert!(!mail.html.contains("<script"));
            prop_assert!(!mail.html.contains("%7B%7B"));
            prop_assert!(!mail.subject.chars().any(char::is_control));
            prop_assert!(!mail.text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(body in "\\PC{0,200}", raw in any::<String>()) {
        let _ = Renderer::new(&library(vec![variant(&raw, &body)], &[]), &[]);
    }
}
