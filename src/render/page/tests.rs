//! Built-in pages have no errors and a limited size; the files of a programme replace them,
//! and errors in these have a line; nothing that people write is HTML.

use expect_test::{Expect, expect};

use super::Pages;
use super::gallery;
use super::views::{Given, Page};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::library::{Library, TemplateSource};
use crate::render::rig::{library, shown, variant};

/// Without images; the style sheet is loaded once.
const MAX_PAGE: usize = 15_000;

fn sample_library(files: &[(&str, &str)]) -> Library {
    let source = |(name, text): &(&str, &str)| TemplateSource {
        name: format!("page/{}", name.trim_end_matches(".hbs")),
        file: format!("templates/page/{name}"),
        text: (*text).into(),
    };
    Library { templates: files.iter().map(source).collect(), ..library(vec![variant("Hej", "Hej!")], &[]) }
}

fn pages(files: &[(&str, &str)]) -> (Library, Pages, Vec<Diagnostic>) {
    let library = sample_library(files);
    let mut found = Vec::new();
    let pages = Pages::new(&library, &mut found);
    (library, pages, found)
}

fn check(files: &[(&str, &str)], expected: &Expect) {
    expected.assert_eq(&shown(&pages(files).2));
}

/// One sample page in the first language.
fn page(pages: &Pages, library: &Library, name: &str) -> String {
    let samples = gallery::samples(library.programme.languages.iter());
    let sample = samples.into_iter().find(|sample| sample.name == name).expect("a sample");
    pages.render(&sample.frame, &sample.page).expect("a page")
}

#[test]
fn the_built_in_pages_have_no_errors_and_are_small() {
    let (library, pages, found) = pages(&[]);
    assert_eq!(shown(&found), "");
    let (_, css) = pages.css();
    for sample in gallery::samples(library.programme.languages.iter()) {
        let html = pages.render(&sample.frame, &sample.page).expect(sample.name);
        let size = html.len() + css.len();
        assert!(size <= MAX_PAGE, "{} has {size} bytes", sample.name);
    }
}

#[test]
fn a_page_without_a_step_has_no_kind() {
    let (library, pages, _) = pages(&[]);
    for name in ["paused", "pause", "bad-link"] {
        assert!(!page(&pages, &library, name).contains("class=\"band\""), "{name}");
    }
    assert!(page(&pages, &library, "answer-mission").contains("<p class=\"band\">Uppdrag · 5 minuter</p>"));
}

#[test]
fn a_step_without_a_translation_says_its_language() {
    let (library, pages, _) = pages(&[]);
    let [swedish, english] = [0, 1].map(|place| library.programme.languages[place].clone());
    let samples = gallery::samples(std::iter::once(&swedish));
    let marked = |name: &str, language| {
        let sample = samples.iter().find(|sample| sample.name == name).expect("a sample");
        let frame = super::views::Frame { language, ..sample.frame };
        let html = pages.render(&frame, &sample.page).expect("a page");
        let marked = html.lines().filter(|line| line.contains(" lang=") && !line.contains("hreflang"));
        marked.map(|line| format!("{line}\n")).collect::<String>()
    };
    let english = ["answer-mission", "answer-survey", "answer-wrong", "saved-done", "web", "journey"]
        .map(|name| format!("-- {name}\n{}", marked(name, &english)));
    let own = marked("answer-survey", &swedish);
    expect![[r##"
        -- answer-mission
        <html lang="en">
        <button name="lang" value="sv" lang="sv">Svenska</button>
        <button name="lang" value="en" lang="en" aria-current="true">English</button>
        <h1 lang="sv">En resa på ett annat sätt</h1>
        <div class="task" lang="sv">
        <label for="q-hinder"><span lang="sv">Vad skulle göra det lättare?</span> <span class="optional">(if you like)</span></label>
        -- answer-survey
        <html lang="en">
        <button name="lang" value="sv" lang="sv">Svenska</button>
        <button name="lang" value="en" lang="en" aria-current="true">English</button>
        <h1 lang="sv">Tre frågor till sist</h1>
        <legend lang="sv">Hur lätt är det att säga vad du tycker på ditt jobb?</legend>
        <div class="scale" lang="sv">
        <p class="ends" aria-hidden="true" lang="sv"><span>Mycket svårt</span> <span>Mycket lätt</span></p>
        <legend lang="sv">Vad har du haft mest nytta av?</legend>
        <div class="options" lang="sv">
        <label for="q-vana"><span lang="sv">Vilken vana vill du ta med dig?</span> <span class="optional">(if you like)</span></label>
        -- answer-wrong
        <html lang="en">
        <button name="lang" value="sv" lang="sv">Svenska</button>
        <button name="lang" value="en" lang="en" aria-current="true">English</button>
        <li><a href="#q-hinder"><span lang="sv">Vad skulle göra det lättare?</span> The answer has 2 417 characters and may have at most 2 000. Make it a little shorter.</a></li>
        <h1 lang="sv">En resa på ett annat sätt</h1>
        <div class="task" lang="sv">
        <label for="q-hinder"><span lang="sv">Vad skulle göra det lättare?</span> <span class="optional">(if you like)</span></label>
        <p class="wrong" id="q-hinder-error"><span lang="sv">Vad skulle göra det lättare?</span> The answer has 2 417 characters and may have at most 2 000. Make it a little shorter.</p>
        -- saved-done
        <html lang="en">
        <button name="lang" value="sv" lang="sv">Svenska</button>
        <button name="lang" value="en" lang="en" aria-current="true">English</button>
        <p class="lead">You have done: <span lang="sv">En resa på ett annat sätt</span></p>
        -- web
        <html lang="en">
        <button name="lang" value="sv" lang="sv">Svenska</button>
        <button name="lang" value="en" lang="en" aria-current="true">English</button>
        <h1 lang="sv">En resa på ett annat sätt</h1>
        <div lang="sv">
        -- journey
        <html lang="en">
        <button name="lang" value="sv" lang="sv">Svenska</button>
        <button name="lang" value="en" lang="en" aria-current="true">English</button>
        <h3 lang="sv">Varför vi gör det här</h3>
        <h3 lang="sv">När var du senast stolt?</h3>
        <p><a class="go" href="/answer/aebagbaf">Change the answer<span class="unseen">: <span lang="sv">När var du senast stolt?</span></span></a></p>
        <h3 lang="sv">En resa på ett annat sätt</h3>
        <p><a class="go" href="/answer/aebagbaf">Answer<span class="unseen">: <span lang="sv">En resa på ett annat sätt</span></span></a></p>
        <h3 lang="sv">Vi drar i gång</h3>
        <h3 lang="sv">Tre frågor till sist</h3>
        <h3 lang="sv">En resa på ett annat sätt</h3>
        <p><a class="go" href="/answer/aebagbaf">Answer<span class="unseen">: <span lang="sv">En resa på ett annat sätt</span></span></a></p>
        <h3 lang="sv">Varför vi gör det här</h3>
        <h3 lang="sv">Tre frågor till sist</h3>
        <label class="option"><input type="radio" name="language" value="sv" checked> <span lang="sv">Svenska</span></label>
        <label class="option"><input type="radio" name="language" value="en"> <span lang="en">English</span></label>
        -- in its own language
        <html lang="sv">
        <button name="lang" value="sv" lang="sv" aria-current="true">Svenska</button>
        <button name="lang" value="en" lang="en">English</button>
    "##]].assert_eq(&format!("{}-- in its own language\n{own}", english.concat()));
}

#[test]
fn what_people_write_is_escaped() {
    let (library, pages, _) = pages(&[]);
    let hostile = "<script>\"'&</textarea>";
    let mut samples = gallery::samples(library.programme.languages.iter());
    for sample in &mut samples {
        if let Some(reader) = &mut sample.frame.reader {
            reader.first_name = hostile;
            reader.unit_name = hostile;
        }
        match &mut sample.page {
            Page::Answer(page) => {
                page.step.title = hostile;
                page.token = hostile;
                for question in &mut page.questions {
                    question.text = hostile;
                    question.given = Given::Text(hostile);
                }
            }
            Page::Saved(page) => page.step.title = hostile,
            Page::Web(page) => page.step.title = hostile,
            Page::Removed { step } => step.title = hostile,
            Page::CharacterChosen { name } => *name = hostile,
            Page::BadLink { link, .. } => *link = hostile,
            Page::Error(page) => page.texts = vec![(hostile, hostile)],
            Page::Pause(page) => page.until = hostile,
            Page::Journey(page) => page.journeys.iter_mut().for_each(|journey| journey.title = hostile),
            _ => {}
        }
        let html = pages.render(&sample.frame, &sample.page).expect(sample.name);
        assert!(!html.contains("<script"), "{}", sample.name);
        assert!(!html.contains("\"'&<"), "{}", sample.name);
        assert!(html.matches("</textarea>").count() <= html.matches("<textarea").count(), "{}", sample.name);
    }
}

#[test]
fn a_programme_replaces_single_files_and_texts() {
    let (library, pages, found) = pages(&[
        ("resumed.html.hbs", "<p>Hej igen, {{reader.first_name}}.</p>\n"),
        ("words.sv.txt.hbs", "# Våra egna ord\ntitle_resumed = Nu kör vi < igen\n"),
        ("styles.css.hbs", "body { color: black }\n"),
        ("accessibility.sv.md", "Vår egen *text*.\n"),
    ]);
    assert_eq!(shown(&found), "");
    let resumed = page(&pages, &library, "resumed");
    assert!(resumed.contains("<h1>Nu kör vi &lt; igen</h1>"), "{resumed}");
    assert!(resumed.contains("<p>Hej igen, Marianne.</p>"), "{resumed}");
    assert!(resumed.contains("Pausa mejlen"), "{resumed}");
    assert!(page(&pages, &library, "accessibility").contains("<p>Vår egen <em>text</em>.</p>"));
    assert_eq!(pages.css().1, "body { color: black }\n");
    assert_ne!(pages.css().0, super::css_name(super::built_in::CSS));
}

#[test]
fn errors_in_templates_have_a_line() {
    check(
        &[
            ("saved.html.hbs", "<p>\n{{#if undo_untill}}x{{/if}} {{{next}}} {{> gone}}\n"),
            (
                "words.sv.txt.hbs",
                "\nbutton_sav = Spara\nsaved_next = {{nxt}}\nwho_reads_me = Alla läser.\nhej\n",
            ),
            ("svar.html.hbs", "x"),
        ],
        &expect![[r#"
            templates/page/words.sv.txt.hbs:5:1: error: a line without `key = text`
              hint: write one text a line, like `button_save = Spara`; `#` begins a comment
            templates/page/svar.html.hbs: error: `svar.html` is not the name of a page template
              hint: `docs/authoring.md` lists them
            templates/page/words.sv.txt.hbs:2:1: error: no page uses the text `button_sav`
              hint: did you mean `button_save`?
            templates/page/words.sv.txt.hbs:4:1: error: `who_reads_me` cannot be replaced: it says who can read an answer
              hint: delete the line
            templates/page/saved.html.hbs:2:1: error: no page has a value `undo_untill`
              hint: did you mean `undo_until`?
            templates/page/saved.html.hbs:2:29: error: `{{{next}}}` would be on the page unescaped
              hint: write it with two braces
            templates/page/words.sv.txt.hbs:3:1: error: no page has a value `nxt`
              hint: did you mean `next`?
        "#]],
    );
}

#[test]
fn the_built_in_texts_are_easy_to_read() {
    for (language, text) in super::built_in::WORDS {
        let words = super::words::read(language, text, &mut Vec::new());
        let lix = super::words::lix(&words).expect("enough sentences");
        assert!(lix <= 40, "{language}: {lix}");
    }
}

#[test]
fn a_programmes_own_texts_are_easy_to_read_too() {
    let long = "saved_will_do_text = Kommunikationsavdelningens hållbarhetskommunikatörer återkommer fortlöpande beträffande fortsättningen.\n".to_owned()
        + "pause_text = Informationsförmedlingens återupptagande avhänger individuella ställningstaganden.\n"
        + "saved_not_for_me_text = Verksamhetsutvecklingsprocessens delaktighetsfrämjande insatser fortskrider oförminskat inom samtliga förvaltningar.\n"
        + "resumed_text = Organisationsövergripande återkopplingsmekanismer säkerställer kontinuerlig kompetensförsörjning inom samtliga kärnverksamheter.\n"
        + "removed_text = Återkallandet registreras omedelbart inom svarshanteringssystemets gallringsfunktionalitet.\n";
    check(
        &[("words.sv.txt.hbs", &long)],
        &expect![[r#"
        templates/page/words.sv.txt.hbs: warning: the texts of the web pages are hard to read: LIX 96
          hint: use shorter sentences and words: LIX at most 40
    "#]],
    );
}

#[test]
fn a_language_without_built_in_texts_is_translated_by_the_programme() {
    let of = |own: &str| {
        let mut library = sample_library(&[("words.fi.txt.hbs", own)]);
        library.programme.languages.push(crate::render::rig::language("fi"));
        let mut found = Vec::new();
        let pages = Pages::new(&library, &mut found);
        (library, pages, shown(&found))
    };
    let (library, pages, found) = of("who_reads_me = Vain sinä luet sen.\nlanguage_name = suomi\n");
    expect![[r#"
        templates/page/words.fi.txt.hbs: warning: 216 of 218 texts of the web pages have no translation into `fi`, and are shown in English: `answered_on` …
          hint: translate `src/render/page/templates/words.en.txt` of the source into this file
    "#]].assert_eq(&found);
    let samples = gallery::samples(library.programme.languages.iter().skip(2));
    let sample = samples.iter().find(|sample| sample.name == "answer-mission").expect("a sample");
    let html = pages.render(&sample.frame, &sample.page).expect("a page");
    assert!(html.contains("Vain sinä luet sen."), "{html}");
    let all: String = super::words::read("", super::built_in::WORDS[1].1, &mut Vec::new())
        .iter()
        .map(|(key, word)| format!("{key} = {}\n", word.text))
        .collect();
    assert_eq!(of(&all).2, "");
}

#[test]
fn what_protects_people_cannot_be_dropped() {
    check(
        &[
            ("layout.html.hbs", "<h1>{{page.title}}</h1>\n{{page.body}}\n"),
            ("paused.html.hbs", "<form method=\"post\"></form>\n"),
            ("question.html.hbs", "<textarea name=\"{{name}}\"></textarea>\n"),
        ],
        &expect![[r#"
            templates/page/layout.html.hbs: error: the language switch is missing from the page
              hint: write `{{> language}}` before the page
            templates/page/layout.html.hbs: error: the link to the privacy text is missing from the page
              hint: write a link to `{{link.privacy}}`
            templates/page/question.html.hbs: error: who can read the answer is missing from the page
              hint: write `{{> who_reads_me}}` as in the built-in template
            templates/page/paused.html.hbs: error: the form token is missing from the page
              hint: write `{{> form}}` inside the form
        "#]],
    );
}

#[test]
fn a_value_of_another_page_is_an_error() {
    check(
        &[("resumed.html.hbs", "{{undo_until}}")],
        &expect![[r#"
        templates/page/resumed.html.hbs: error: the page cannot be written: the page template `resumed` cannot be filled: there is no `undo_until` on this page
    "#]],
    );
}
