//! Errors of the files of a step: front matter, variants, translations, posters.

use expect_test::expect;

use crate::content::fixtures::{check, faults_in, folder, good_but, today, write};
use crate::content::load;

#[test]
fn every_fault_of_a_step_in_one_run() {
    let base = r#"+++
kind      = "misson"
title     = "{{person.first_name}}s resa"
subject   = "rad ett\nrad två"
minutes   = 0
focus     = "energie"
film      = { url = "http://film.example", title = "Film", length = "2:75", poster = "../secret.png" }
extra     = true

[[question]]
id   = "hinder"
text = "Vad?"
type = "text"
options = ["a", "b"]

[[question]]
id   = "hinder"
text = "Hur?"
type = "scale"
min  = 5
max  = 1
labels = ["bra"]

[[question]]
text = "Vilken?"
type = "choice"
options = ["a"]
min = 1
minutes = 5

[[question]]
id = "x"
type = "fritext"
options = ["a", "a"]
+++

"#;
    let film = "+++\nkind = \"film\"\nsubject = \"x\"\nminutes = 3\n+++\nHej!\n";
    let lesson = "+++\nkind = \"lesson\"\nsubject = \"x\"\nminutes = 3\nfilm = { url = \"https://x.example\", title = \"F\", length = \"1:02:25\", poster = \"still.png\" }\n+++\nHej!\n";
    expect![[r#"
        [missing-key] journeys/miljo/nar-senast.md:2:8: error: `film` is missing in a step of kind `film`
          hint: add `film = { url = "https://…", title = "…", length = "2:25" }`
        [unknown-word] journeys/miljo/resor.md:2:13: error: `kind` is `misson`; allowed are `lesson`, `tip`, `film`, `mission`, `reflection`, `survey`, `workshop`, `kickoff`
          hint: did you mean `mission`?
        [placeholder-in-title] journeys/miljo/resor.md:3:13: error: `title` has a placeholder; it names the step in lists, the same for everybody
          hint: write the title without `{{…}}`
        [control-character] journeys/miljo/resor.md:4:13: error: `subject` has the control character \u{a} in it
          hint: write it on one line, without control characters
        [out-of-range] journeys/miljo/resor.md:5:13: error: `minutes` is 0; 1 to 480 is allowed
          hint: write a number from 1 to 480
        [unknown-focus] journeys/miljo/resor.md:6:13: error: there is no focus area `energie`; known: `energi`
          hint: did you mean `energi`?
        [bad-link] journeys/miljo/resor.md:7:21: error: `url` is `http://film.example`; an address that begins with `https://` is needed
          hint: copy the whole address from the browser
        [bad-length] journeys/miljo/resor.md:7:69: error: `length` is `2:75`; minutes and seconds are needed
          hint: for example `2:25` or `1:02:25`
        [bad-poster] journeys/miljo/resor.md:7:86: error: `poster` is `../secret.png`; the name of a png or jpg file beside the step is needed
          hint: for example `poster = "film.jpg"`, without a path
        [unknown-key] journeys/miljo/resor.md:8:1: error: unknown key `extra`; allowed are `kind`, `minutes`, `focus`, `question`, `title`, `subject`, `preheader`, `manager_note`, `film`
          hint: delete it
        [wrong-question-key] journeys/miljo/resor.md:14:1: error: `options` belongs to a question of type `choice`
          hint: change `type`, or delete it
        [duplicate-id] journeys/miljo/resor.md:17:8: error: question `hinder` is written twice
          hint: give one of the two another id
        [bad-question] journeys/miljo/resor.md:21:8: error: a scale from 5 to 1; `min` must be less than `max`, with at most 11 steps
          hint: for example `min = 1` and `max = 5`
        [bad-question] journeys/miljo/resor.md:22:10: error: 1 `labels`; a scale has two, for its ends, or none
          hint: for example `labels = ["inte alls", "mycket"]`
        [missing-key] journeys/miljo/resor.md:24:1: error: `id` in `[[question]]` is missing
          hint: add `id = "hinder"`
        [bad-question] journeys/miljo/resor.md:27:11: error: one option; a choice has at least two
          hint: add another, or write `type = "done"`
        [wrong-question-key] journeys/miljo/resor.md:28:1: error: `min` belongs to a question of type `scale`
          hint: change `type`, or delete it
        [unknown-key] journeys/miljo/resor.md:29:1: error: unknown key `minutes` in `[[question]]`; allowed are `id`, `text`, `type`, `options`
          hint: `minutes` must be above the first line with `[…]`; move it there
        [missing-key] journeys/miljo/resor.md:31:1: error: `text` in `[[question]]` is missing
          hint: add `text = "…"`
        [unknown-word] journeys/miljo/resor.md:33:8: error: `type` in `[[question]]` is `fritext`; allowed are `text`, `scale`, `choice`, `done`, `pledge`
          hint: write one of them
        [empty-body] journeys/miljo/resor.md:36:1: error: there is no text
          hint: write the mail below the front matter
        [film-refused] journeys/miljo/workshop.md:5:1: error: `film` belongs to kind `film`; this step is a `lesson`
          hint: write `kind = "film"`, or link to the film in the text
        [missing-poster] journeys/miljo/workshop.md:5:79: error: there is no picture `still.png` beside the step
          hint: did you mean `stil.png`?
    "#]].assert_eq(&check(&good_but(&[
        ("journeys/miljo/resor.md", base),
        ("journeys/miljo/nar-senast.md", film),
        ("journeys/miljo/workshop.md", lesson),
        ("journeys/miljo/stil.png", "png"),
    ])));
}

#[test]
fn every_fault_of_variants_and_translations_in_one_run() {
    let version = r#"+++
kind = "lesson"
minutes = 5
film = { url = "https://x.example", title = "F", length = "2:25" }

[[question]]
id   = "hindr"
text = "What?"
type = "text"

[[question]]
id = "hur"
options = ["walked"]
labels = ["a", "b"]

[[question]]
id = "hur"
text = "How?"
+++
Hello!
"#;
    expect![[r#"
        [missing-key] journeys/miljo/nar-senast.en.md:1:1: error: `subject` is missing; a translation has its own
          hint: write `subject = "…"` between two lines `+++` at the top
        [unknown-language] journeys/miljo/resor.EN.md: error: `EN` is not a language of the programme; known: `sv`, `en`
          hint: did you mean `en`?
        [unknown-language] journeys/miljo/resor.de.md: error: `de` is not a language of the programme; known: `sv`, `en`
          hint: rename the file, or name the language in `programme.toml`
        [base-only-key] journeys/miljo/resor.en.md:2:1: error: `kind` is allowed only in `resor.md`
          hint: delete it here; a variant or a translation has only text
        [missing-key] journeys/miljo/resor.en.md:2:1: error: `subject` is missing; a translation has its own
          hint: write `subject = "…"` between two lines `+++` at the top
        [untranslated] journeys/miljo/resor.en.md:2:1: warning: question `hinder` is not translated; it is shown in the first language
          hint: add it under `[[question]]` with `id = "hinder"`
        [base-only-key] journeys/miljo/resor.en.md:3:1: error: `minutes` is allowed only in `resor.md`
          hint: delete it here; a variant or a translation has only text
        [film-refused] journeys/miljo/resor.en.md:4:8: error: `film` belongs to a step of kind `film`; `resor` is none
          hint: delete it, or change `kind` and add the film in the step's first file
        [unknown-question] journeys/miljo/resor.en.md:7:8: error: the step has no question `hindr`; it has `hinder`, `hur`
          hint: did you mean `hinder`?
        [base-only-key] journeys/miljo/resor.en.md:9:1: error: `type` is allowed only in `resor.md`
          hint: delete it here; only the text is translated
        [untranslated] journeys/miljo/resor.en.md:12:6: warning: `text` of question `hur` is not translated; it is shown in the first language
          hint: add it under `[[question]]` with `id = "hur"`
        [bad-question] journeys/miljo/resor.en.md:13:11: error: 1 `options`; the first language has 2
          hint: write as many, in the same order
        [wrong-question-key] journeys/miljo/resor.en.md:14:10: error: `labels` belongs to a question of type `scale`
          hint: delete it
        [duplicate-id] journeys/miljo/resor.en.md:17:6: error: question `hur` is written twice
          hint: keep one of the two
        [bad-file-name] journeys/miljo/resor.en@halsa.md: error: `resor.en@halsa.md` is not the name of a step's file
          hint: write `<step>.md`, `<step>@<character>.md`, `<step>.<language>.md` or `<step>@<character>.<language>.md`
        [unknown-language] journeys/miljo/resor.sv.md: error: `sv` is the first language; its text is in `resor.md`
          hint: leave `.sv` out of the name, or delete the file
        [unknown-character] journeys/miljo/resor@halso.md: error: there is no character `halso`; known: `natur`, `halsa`
          hint: did you mean `halsa`?
        [base-only-key] journeys/miljo/resor@natur.md:2:1: error: `kind` is allowed only in `resor.md`
          hint: delete it here; a variant or a translation has only text
        [base-only-key] journeys/miljo/resor@natur.md:3:1: error: `minutes` is allowed only in `resor.md`
          hint: delete it here; a variant or a translation has only text
        [film-refused] journeys/miljo/resor@natur.md:4:8: error: `film` belongs to a step of kind `film`; `resor` is none
          hint: delete it, or change `kind` and add the film in the step's first file
        [unknown-question] journeys/miljo/resor@natur.md:7:8: error: the step has no question `hindr`; it has `hinder`, `hur`
          hint: did you mean `hinder`?
        [base-only-key] journeys/miljo/resor@natur.md:9:1: error: `type` is allowed only in `resor.md`
          hint: delete it here; only the text is translated
        [bad-question] journeys/miljo/resor@natur.md:13:11: error: 1 `options`; the first language has 2
          hint: write as many, in the same order
        [wrong-question-key] journeys/miljo/resor@natur.md:14:10: error: `labels` belongs to a question of type `scale`
          hint: delete it
        [duplicate-id] journeys/miljo/resor@natur.md:17:6: error: question `hur` is written twice
          hint: keep one of the two
        [variant-without-translation] journeys/miljo/workshop@halsa.en.md: error: there is no `workshop.en.md` for it to build on
          hint: write the translation for everybody first
    "#]].assert_eq(&check(&good_but(&[
        ("journeys/miljo/resor.en.md", version),
        ("journeys/miljo/resor@natur.md", version),
        ("journeys/miljo/resor@halso.md", "Hej!"),
        ("journeys/miljo/resor.EN.md", "Hej!"),
        ("journeys/miljo/resor.sv.md", "Hej!"),
        ("journeys/miljo/resor.de.md", "Hallo!"),
        ("journeys/miljo/resor.en@halsa.md", "Hello!"),
        ("journeys/miljo/workshop@halsa.en.md", "Hello!"),
        ("journeys/miljo/nar-senast.en.md", "Hello!"),
        ("journeys/miljo/nar-senast@halsa.en.md", "Hello!"),
    ])));
}

#[test]
fn questions_without_a_translation_are_warned_of() {
    let version = "+++\nsubject = \"Mission\"\n[[question]]\nid = \"hur\"\ntext = \"How?\"\n+++\nHello!\n";
    expect![[r#"
        [untranslated] journeys/miljo/resor.en.md:2:1: warning: question `hinder` is not translated; it is shown in the first language
          hint: add it under `[[question]]` with `id = "hinder"`
        [untranslated] journeys/miljo/resor.en.md:4:6: warning: `options` of question `hur` is not translated; it is shown in the first language
          hint: add it under `[[question]]` with `id = "hur"`
    "#]].assert_eq(&check(&good_but(&[("journeys/miljo/resor.en.md", version)])));
}

#[test]
fn who_reads_a_text_and_its_length_are_checked() {
    let step = r#"+++
kind    = "survey"
subject = "x"
minutes = 3

[[question]]
id      = "ett"
text    = "Vad?"
type    = "text"
read_by = "unit"
max     = 2501

[[question]]
id      = "tva"
text    = "Vad?"
type    = "pledge"
read_by = "manager"
max     = 0

[[question]]
id      = "tre"
text    = "Hur?"
type    = "scale"
min     = 1
max     = 5
read_by = "me"

[[question]]
id      = "note"
text    = "Klart?"
type    = "done"
max     = 5

[[question]]
id      = "done"
text    = "Vad?"
type    = "text"
min     = 5
+++
Hej!
"#;
    expect![[r#"
        [unknown-word] journeys/miljo/workshop.md:10:11: error: `read_by` in `[[question]]` is `unit`; allowed are `me`, `programme`
          hint: write one of them
        [out-of-range] journeys/miljo/workshop.md:11:11: error: `max` in `[[question]]` is 2501; 1 to 2500 is allowed
          hint: write a number from 1 to 2500
        [unknown-word] journeys/miljo/workshop.md:17:11: error: `read_by` in `[[question]]` is `manager`; allowed are `me`, `programme`, `unit`
          hint: write one of them
        [out-of-range] journeys/miljo/workshop.md:18:11: error: `max` in `[[question]]` is 0; 1 to 2500 is allowed
          hint: write a number from 1 to 2500
        [wrong-question-key] journeys/miljo/workshop.md:26:1: error: `read_by` belongs to a question of type `text` or `pledge`
          hint: change `type`, or delete it
        [reserved-id] journeys/miljo/workshop.md:29:11: error: the id `note` is reserved for the text beside *done*
          hint: give the question another id
        [wrong-question-key] journeys/miljo/workshop.md:32:1: error: `max` belongs to a question of type `scale`, `text` or `pledge`
          hint: change `type`, or delete it
        [reserved-id] journeys/miljo/workshop.md:35:11: error: the id `done` is reserved for questions of type `done`
          hint: give the question another id
        [wrong-question-key] journeys/miljo/workshop.md:38:1: error: `min` belongs to a question of type `scale`
          hint: change `type`, or delete it
    "#]].assert_eq(&check(&good_but(&[("journeys/miljo/workshop.md", step)])));
}

#[test]
fn a_text_has_a_reader_and_a_length() {
    let question = |id: &str, more: &str| format!("[[question]]\nid = \"{id}\"\ntext = \"Vad?\"\n{more}\n");
    let questions = [
        question("ett", "type = \"text\""),
        question("tva", "type = \"text\"\nread_by = \"programme\"\nmax = 2500"),
        question("tre", "type = \"pledge\"\nread_by = \"unit\"\nmax = 1"),
    ];
    let step =
        format!("+++\nkind = \"survey\"\nsubject = \"x\"\nminutes = 3\n{}+++\nHej!\n", questions.concat());
    let dir = folder(&good_but(&[("journeys/miljo/workshop.md", &step)]));
    let library = load(dir.path(), today()).library.expect("content without an error");
    let mut steps = library.journeys.iter().flat_map(|journey| &journey.steps);
    let step = steps.find(|step| step.slug.as_str() == "workshop").expect("the step");
    let readers: Vec<_> = step.questions.iter().map(|asked| (asked.read_by.as_str(), asked.max)).collect();
    assert_eq!(readers, [("me", 2_000), ("programme", 2_500), ("unit", 1)]);
}

#[test]
fn front_matter_errors_are_reported() {
    expect![[r#"
        [front-matter] journeys/miljo/nar-senast.md:1:1: error: the front matter that begins here has no end
          hint: write a line `+++` between the keys and the text
        [front-matter] journeys/miljo/resor.md:1:1: error: no front matter; it says what kind of step this is
          hint: begin the file with a line `+++`, then `kind = "lesson"` and so on, then `+++` again
        [front-matter] journeys/miljo/resor@halsa.md:1:1: error: the front matter is TOML between two `+++` lines, found `---`
          hint: write `+++` above and below, and `key = "value"` between
        [front-matter] journeys/miljo/workshop.md:1:1: error: no front matter; it says what kind of step this is
          hint: begin the file with a line `+++`, then `kind = "lesson"` and so on, then `+++` again
    "#]].assert_eq(&check(&good_but(&[
        ("journeys/miljo/resor.md", "Hej!\n"),
        ("journeys/miljo/resor@halsa.md", "---\nsubject: x\n---\nHej!\n"),
        ("journeys/miljo/nar-senast.md", "+++\nkind = \"lesson\"\nHej!\n"),
        ("journeys/miljo/workshop.md", ""),
    ])));
}

#[test]
fn posters_outside_the_journey_are_rejected() {
    for poster in
        ["../grunden/still.png", "/etc/passwd.png", "a\\\\b.png", ".hidden.png", "c:still.png", "film.svg"]
    {
        let step = format!(
            "+++\nkind = \"film\"\nsubject = \"x\"\nminutes = 3\n[film]\nurl = \"https://x.example\"\ntitle = \"F\"\nlength = \"2:25\"\nposter = \"{poster}\"\n+++\nHej!\n"
        );
        let told = check(&good_but(&[("journeys/miljo/workshop.md", &step)]));
        assert!(told.starts_with("[bad-poster] journeys/miljo/workshop.md:9:10"), "{poster}: {told}");
    }
}

#[test]
fn posters_have_a_supported_format_and_size() {
    let step = "+++\nkind = \"film\"\nsubject = \"x\"\nminutes = 3\n[film]\nurl = \"https://x.example\"\ntitle = \"Filmen\"\nlength = \"2:25\"\nposter = \"still.png\"\n+++\nHej!\n";
    let dir = folder(&good_but(&[("journeys/miljo/workshop.md", step)]));
    let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x58\0\0\x01\x52\x08".to_vec();
    write(dir.path(), "journeys/miljo/still.png", &picture);
    let library = load(dir.path(), today()).library.expect("content without an error");
    let steps = library.journeys.iter().flat_map(|journey| &journey.steps);
    let film = steps.flat_map(|step| &step.variants).find_map(|variant| variant.film.as_ref());
    let poster = film.and_then(|film| film.poster.as_ref()).expect("a poster");
    assert_eq!(format!("{}: {:?}", poster.alt, poster.picture), "Filmen: image/png 600x338, 25 bytes");
    picture.resize(60_001, 0);
    write(dir.path(), "journeys/miljo/still.png", &picture);
    expect![[r#"
        [poster-too-large] journeys/miljo/workshop.md:9:10: error: `still.png` has 61 kB; at most 60 kB are allowed
          hint: save it smaller: 600 pixels wide are plenty
    "#]].assert_eq(&faults_in(dir.path()));
    write(dir.path(), "journeys/miljo/still.png", b"GIF89a");
    expect![[r#"
        [bad-poster] journeys/miljo/workshop.md:9:10: error: `still.png` cannot be read as a png or jpg picture
          hint: open it in an image editor and save it again
    "#]].assert_eq(&faults_in(dir.path()));
}
