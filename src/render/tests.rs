//! Whole mails, and what is said of one that cannot be made.

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::rig::{body_for, language, library, links, mail, person, ready, shown, slug, variant};
use super::*;

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
            <html lang="sv">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="supported-color-schemes" content="light dark">
            <title>Påminnelse: Åsa, en vecka utan bil?</title>
            <style>
            :root { color-scheme: light dark; }
            h2, h3 { margin: 28px 0 8px; line-height: 1.3; }
            h2 { font-size: 20px; }
            h3 { font-size: 17px; }
            p, ul, ol, blockquote, pre { margin: 0 0 16px; }
            li { margin: 0 0 6px; }
            blockquote { padding: 2px 0 2px 16px; border-left: 3px solid #0b5f4a; }
            pre { white-space: pre-wrap; font-size: 15px; }
            hr { border: 0; border-top: 1px solid #d9d4c7; margin: 24px 0; }
            a { color: #0b5f4a; }
            .button { margin: 8px 0 24px; }
            .button td { background-color: #0b5f4a; border-radius: 6px; padding: 12px 24px; }
            .button a { color: #ffffff; font-weight: bold; text-decoration: none; }
            @media (prefers-color-scheme: dark) {
              .page { background-color: #141a17 !important; }
              .card { background-color: #1e2623 !important; color: #e9eeeb !important; }
              .quiet { color: #b5c0ba !important; }
              a { color: #8fd8bf !important; }
              hr { border-top-color: #46524c !important; }
              blockquote { border-left-color: #8fd8bf !important; }
              .button td { background-color: #8fd8bf !important; }
              .button a { color: #10231c !important; }
            }
            </style>
            </head>
            <body class="page" style="margin:0;padding:0;background-color:#f4f1ea;">
            <table role="presentation" class="page" width="100%" border="0" cellpadding="0" cellspacing="0" style="background-color:#f4f1ea;">
            <tr>
            <td align="center" style="padding:16px 8px;">
            <!--[if mso]><table role="presentation" width="600" border="0" cellpadding="0" cellspacing="0"><tr><td><![endif]-->
            <table role="presentation" class="card" width="100%" border="0" cellpadding="0" cellspacing="0" style="max-width:600px;background-color:#ffffff;border-radius:8px;color:#22302a;">
            <tr>
            <td align="left" style="padding:28px 28px 8px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;">
            <p class="quiet" style="margin:0 0 4px;color:#55615b;">Uppdrag · 5 minuter</p>
            <h1 style="margin:0 0 12px;font-size:26px;line-height:1.25;">En vecka utan bil</h1>
            <p style="margin:0 0 20px;"><strong>En vänlig påminnelse: har du inte hunnit än är det inte för sent.</strong></p>
            <p>Hej Åsa!</p>
            <p>Den här veckan provar vi <strong>en sak</strong>. Den tar 5 minuter.</p>
            <h2>Så gör du</h2>
            <ol>
            <li>Titta på <a href="https://ekdala.example/resor">hur Ekdala gjorde</a>.</li>
            <li>Välj en dag.</li>
            </ol>
            <table role="presentation" class="button" border="0" cellpadding="0" cellspacing="0"><tr><td><a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">Berätta hur det gick</a></td></tr></table>
            </td>
            </tr>
            <tr>
            <td class="quiet" align="left" style="padding:16px 28px 28px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#55615b;">
            <hr style="border:0;border-top:1px solid #d9d4c7;margin:0 0 16px;">
            <p>Mycket annat just nu? <a href="https://larresa.ekdala.example/p/abc">Till din paussida</a>. När du kommer tillbaka är du kvar där du var.</p>
            <p>Din väg in är Naturvännen. <a href="https://larresa.ekdala.example/c/abc">Välj en annan väg in</a>.</p>
            <p>Du får mejlet som anställd i Ekdala kommun. Det hör till Tillsammans ställer vi om. Undrar du något? Svara på mejlet, så läser en människa det.</p>
            <p><strong>Vem ser vad?</strong> Bara du ser dina svar.</p>
            <p><strong>Dina uppgifter.</strong> Ändamål: Kompetensutveckling i hållbarhet för alla anställda. Rättslig grund: Allmänt intresse. Svaren sparas i 12 månader.</p>
            </td>
            </tr>
            </table>
            <!--[if mso]></td></tr></table><![endif]-->
            </td>
            </tr>
            </table>
            </body>
            </html>
        "#]].assert_eq(&mail.html);
    expect![[r#"
            Uppdrag · 5 minuter

            En vecka utan bil

            En vänlig påminnelse: har du inte hunnit än är det inte för sent.

            Hej Åsa!

            Den här veckan provar vi en sak. Den tar 5 minuter.

            Så gör du

            1. Titta på hur Ekdala gjorde <https://ekdala.example/resor>.
            2. Välj en dag.

            Berätta hur det gick <https://larresa.ekdala.example/s/abc?v=1&k=2>

            ______

            Mycket annat just nu? När du kommer tillbaka är du kvar där du var. Till din
            paussida:
            <https://larresa.ekdala.example/p/abc>

            Din väg in är Naturvännen. Välj en annan väg in:
            <https://larresa.ekdala.example/c/abc>

            Du får mejlet som anställd i Ekdala kommun. Det hör till Tillsammans ställer
            vi om. Undrar du något? Svara på mejlet, så läser en människa det.

            Vem ser vad? Bara du ser dina svar.

            Dina uppgifter. Ändamål: Kompetensutveckling i hållbarhet för alla anställda.
            Rättslig grund: Allmänt intresse. Svaren sparas i 12 månader.
        "#]]
    .assert_eq(&mail.text);
    expect!["Påminnelse: Åsa, en vecka utan bil?"].assert_eq(&mail.subject);
}

#[test]
fn a_mail_is_in_the_language_of_its_words_layout_and_all() {
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
    assert!(mail_in_english.text.contains("Too much else right now?"), "{}", mail_in_english.text);
    reader.language = language("fi");
    let mail_in_the_first = mail(&renderer, &reader, 0).expect("a mail");
    assert_eq!(mail_in_the_first.language, language("sv"));
    assert!(mail_in_the_first.text.contains("Hej, Miljö och klimat: uppdrag."));
}

#[test]
fn a_character_gets_its_own_words_and_its_name() {
    let mut own = variant("Gå", "Gå, {{character.name}}!");
    own.character = Some(slug("halsa"));
    let renderer = ready(vec![variant("Res", "Res, {{character.name}}!"), own], &[]);
    let (journey, step, chosen) = (slug("miljo"), slug("resor"), slug("halsa"));
    let (links, reader) = (links(), person("Åsa"));
    let mut letter = Letter {
        journey: &journey,
        step: &step,
        round: 0,
        person: &reader,
        unit_name: "Öster",
        character: None,
        links: &links,
    };
    assert!(renderer.mail(&letter).expect("a mail").text.contains("Res, Naturvännen!"));
    letter.character = Some(&chosen);
    let mail = renderer.mail(&letter).expect("a mail");
    assert!(mail.text.contains("Gå, Hälsohjälten!"));
    assert_eq!(mail.character, Some(chosen.clone()));
    assert_eq!(renderer.chosen(&letter), Ok((&language("sv"), Some(&chosen))));
    letter.step = &chosen;
    assert_eq!(renderer.subject(&letter), Err(RenderFault::NoSuchStep { step: "miljo/halsa".into() }));
}

#[test]
fn f92_an_empty_value_holds_the_one_letter_and_says_which() {
    let renderer = ready(vec![variant("Hej", "Ni i {{person.department}}!")], &[]);
    let fault = mail(&renderer, &person("Åsa"), 0).expect_err("a fault");
    expect!["`person.department` is empty for this person: fill it in, or write the sentence without it"]
        .assert_eq(&fault.to_string());
    let mut known = person("Åsa");
    known.department = Some("Vård".into());
    assert!(mail(&renderer, &known, 0).is_ok());
    let renderer = ready(vec![variant("{{person.first_name}}", "Hej!")], &[]);
    assert!(mail(&renderer, &person(" \t "), 0).is_err());
}

#[test]
fn f92_a_template_asks_before_it_prints_what_may_be_empty() {
    let html = ("layout.html", "{{#if person.department}}{{person.department}}{{else}}-{{/if}}{{mail.body}}");
    let careful = ready(vec![variant("Hej", "Hej!")], &[html, ("layout.txt", "{{mail.text}}")]);
    assert_eq!(mail(&careful, &person("Åsa"), 0).expect("a mail").html, "-<p>Hej!</p>");
    let html = ("layout.html", "{{person.department}}{{mail.body}}");
    let careless = ready(vec![variant("Hej", "Hej!")], &[html, ("layout.txt", "{{mail.text}}")]);
    let fault = RenderFault::Empty { name: "person.department".into() };
    assert_eq!(mail(&careless, &person("Åsa"), 0), Err(fault.clone()));
    let (journey, step, links) = (slug("miljo"), slug("resor"), links());
    let reader = person("Åsa");
    let letter = Letter {
        journey: &journey,
        step: &step,
        round: 0,
        person: &reader,
        unit_name: "Öster",
        character: None,
        links: &links,
    };
    assert_eq!(careless.subject(&letter), Err(fault));
}

#[test]
fn f94_a_placeholder_stands_in_text_target_code_and_subject() {
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
fn f76_a_hostile_name_is_a_name_everywhere() {
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
            Hej &lt;b onclick&#x3D;alert(1)&gt;|&lt;b onclick&#x3D;alert(1)&gt;|<p>Hej &lt;b onclick=alert(1)&gt;! <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">&lt;b onclick=alert(1)&gt;</a></p>
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
            Hej **Bo** &#x60;x&#x60; &amp;amp; &lt;mailto:x@evil.example&gt;|**Bo** &#x60;x&#x60; &amp;amp; &lt;mailto:x@evil.example&gt;|<p>Hej **Bo** `x` &amp;amp; &lt;mailto:x@evil.example&gt;! <a href="https://larresa.ekdala.example/s/abc?v=1&amp;k=2">**Bo** `x` &amp;amp; &lt;mailto:x@evil.example&gt;</a></p>
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
fn f98_a_mail_address_never_leaves_in_a_link() {
    let renderer = ready(vec![variant("Hej", "[x](https://x.example/?q={{person.first_name}})")], &[]);
    let fault = mail(&renderer, &person("a@b.se"), 0).expect_err("a fault");
    assert_eq!(fault, RenderFault::AddressInLink { name: "person.first_name".into() });
}

#[test]
fn e26_nobody_is_called_like_a_web_address() {
    let renderer = ready(vec![variant("Hej", "Hej {{person.first_name}}!")], &[]);
    for name in ["[x](https://evil.example)", "www.evil.example"] {
        let fault = mail(&renderer, &person(name), 0).expect_err("a fault");
        assert_eq!(fault, RenderFault::LinkInName { name: "person.first_name".into() });
    }
    assert!(mail(&renderer, &person("Åsa J. M."), 0).is_ok());
}

#[test]
fn e5_a_subject_is_one_line_within_bounds() {
    let renderer = ready(vec![variant("Hej  {{person.first_name}} ", "Hej!")], &[]);
    let subject = |name: &str| mail(&renderer, &person(name), 0).map(|mail| mail.subject);
    assert_eq!(subject("Eva\nEk").expect("a subject"), "Hej Eva Ek");
    assert!(subject(&"a".repeat(60)).is_ok());
    assert!(matches!(subject(&"a".repeat(61)), Err(RenderFault::LongWord { .. })));
    assert!(matches!(subject("=?utf-8?q?x?="), Err(RenderFault::Subject { .. })));
    assert!(matches!(subject(&"ab ".repeat(60)), Err(RenderFault::Subject { .. })));
}

#[test]
fn what_cannot_be_written_for_anybody_is_told_at_once() {
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
            journeys/miljo/resor.md:3:1: error: the mail cannot be written: the subject has 159 characters, and at most 150 are allowed
              hint: it is tried with a name of 60 characters: say the thing in fewer words
            journeys/miljo/resor.md:3:1: error: the reminder cannot be written: the subject has 171 characters, and at most 150 are allowed
              hint: it is tried with a name of 60 characters: say the thing in fewer words
            journeys/miljo/resor.md: error: `step.minutes` is empty, so the mail cannot be written
              hint: give it a value, or leave the placeholder out
            journeys/miljo/resor.md: error: `step.minutes` is empty, so the reminder cannot be written
              hint: give it a value, or leave the placeholder out
        "#]].assert_eq(&shown(&found));
}

#[test]
fn e21_a_control_character_is_found_before_the_mail_is_due() {
    let mut odd = variant("Hej", "Hej!");
    odd.title = "Hej\u{7}".into();
    let (_, found) = Renderer::new(&library(vec![odd], &[]), &[]);
    assert_eq!(found.len(), 1, "{}", shown(&found));
}

#[test]
fn a_film_becomes_a_link_in_words() {
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
        mail.text.contains("Se filmen ”En bil mindre” (2:25 minuter)\n<https://film.example/7>\n"),
        "{}",
        mail.text
    );
    assert!(!mail.html.contains("resor.txt"));
    filmed.film = filmed.film.map(|film| Film { url: "javascript:alert(1)".into(), ..film });
    let (_, found) = Renderer::new(&library(vec![filmed], &[]), &[]);
    assert_eq!(found.len(), 1, "{}", shown(&found));
}

#[test]
fn many_threads_may_write_at_once() {
    fn shared<T: Send + Sync>() {}
    shared::<Renderer>();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn any_words_for_any_name_are_written_or_refused(
        body in "([ -~åÅ\n]|\\{\\{person\\.first_name\\}\\}|\\]\\(\\{\\{link\\.answer\\}\\}\\)|[\\[\\](){}<>*_`>#-]){0,60}",
        name in "(\\PC|<script>|\\{\\{link.pause\\}\\}|\r\n){0,12}",
    ) {
        let words = vec![variant("Hej {{person.first_name}}", &body)];
        let (renderer, _) = Renderer::new(&library(words, &[]), &[]);
        let reader = person(&name);
        let first = mail(&renderer, &reader, 0);
        prop_assert_eq!(&first, &mail(&renderer, &reader, 0));
        let (journey, step, links) = (slug("miljo"), slug("resor"), links());
        let letter = Letter {
            journey: &journey, step: &step, round: 0, person: &reader, unit_name: "Hemtjänsten Öster",
            character: None, links: &links,
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
    fn any_text_at_all_is_read_without_a_panic(body in "\\PC{0,200}", raw in any::<String>()) {
        let _ = Renderer::new(&library(vec![variant(&raw, &body)], &[]), &[]);
    }
}
