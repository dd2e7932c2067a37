//! Whole content folders in, faults out.

use std::fmt::Write;

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::fixtures::{
    JOURNEY, LESSON, PROGRAMME, STEP, check, faults_in, folder, good, good_but, library, today, write,
};
use super::load;
use crate::domain::model::ids::Slug;

#[test]
fn good_content_has_no_fault() {
    assert_eq!(check(&good()), "");
}

#[test]
fn variants_are_complete_and_in_order() {
    let library = library(&good());
    let step = &library.journeys[0].steps[0];
    let mut text = String::new();
    for v in &step.variants {
        let (character, file) = (v.character.as_ref().map(Slug::as_str), v.file.rsplit('/').next());
        writeln!(
            text,
            "{} {character:?} {file:?} subject {} body {}",
            v.language, v.subject_line, v.body_line
        )
        .expect("text");
        writeln!(text, "  {} | {} | {:?} | {:?}", v.title, v.subject, v.preheader, v.manager_note)
            .expect("text");
        writeln!(text, "  {:?}", v.questions.iter().map(|q| &*q.text).collect::<Vec<_>>()).expect("text");
        writeln!(text, "  {:?} {:?}", v.questions[1].form, v.body).expect("text");
    }
    expect![[r#"
        sv None Some("resor.md") subject 3 body 20
          Uppdrag: en vecka utan bil | Uppdrag: en vecka utan bil | Some("Fem minuter att planera.") | Some("Prata på APT om hur ni reser.")
          ["Vad skulle göra det lättare?", "Hur reste du?"]
          Choice { options: ["gick", "cyklade"] } "Hej {{person.first_name}}!\n"
        sv Some("halsa") Some("resor@halsa.md") subject 2 body 4
          Uppdrag: en vecka utan bil | Låt benen ta en bit | Some("Fem minuter att planera.") | Some("Prata på APT om hur ni reser.")
          ["Vad skulle göra det lättare?", "Hur reste du?"]
          Choice { options: ["gick", "cyklade"] } "Hej, gå!\n"
        en None Some("resor.en.md") subject 2 body 11
          Mission: a week without the car | Mission: a week without the car | None | None
          ["What would help?", "How did you travel?"]
          Choice { options: ["walked", "cycled"] } "Hello!\n"
        en Some("halsa") Some("resor@halsa.en.md") subject 0 body 1
          Mission: a week without the car | Mission: a week without the car | None | None
          ["What would help?", "How did you travel?"]
          Choice { options: ["walked", "cycled"] } "Hello, walk!\n"
    "#]].assert_eq(&text);
}

#[test]
fn a_step_without_a_title_is_called_by_its_subject_or_else_its_slug() {
    let library = library(&good());
    let titles: Vec<&str> = library.journeys[0].steps.iter().map(|step| &*step.variants[0].title).collect();
    assert_eq!(titles, ["Uppdrag: en vecka utan bil", "Nar senast", "Workshop"]);
}

#[test]
fn the_programme_and_the_order_of_a_journey() {
    let library = library(&good());
    let mut text = format!("{:?}\n", library.programme.calendar);
    writeln!(text, "{:?}", library.programme.translations).expect("text");
    let journey = &library.journeys[0];
    writeln!(text, "{:?} {:?} {:?}", journey.slug, journey.cadence, journey.start).expect("text");
    writeln!(text, "{:?} {:?} {:?}", journey.audience, journey.late_joiners, journey.retired).expect("text");
    writeln!(text, "{:?} {:?}", journey.reference_group, journey.titles).expect("text");
    for step in &journey.steps {
        let (wait, expires) = (&step.wait, step.expires_after);
        writeln!(text, "{} {} {:?} {:?} {wait:?} {expires:?}", step.slug, step.kind, step.pace, step.remind)
            .expect("text");
    }
    writeln!(text, "{} {}", library.templates[0].name, library.templates[0].text).expect("text");
    expect![[r#"
        Calendar { workdays: [true, true, true, true, true, false, false], opens: 07:00:00, closes: 17:00:00, holidays: Se, closed: [ClosedPeriod { days: Period { from: 2026-12-21, to: 2027-01-06 }, why: "jul och nyår" }], min_gap: Duration { count: 20, unit: Hours }, minutes_per_month: 30 }
        {en: ProgrammeWords { title: Some("Changing Course Together"), purpose: None, legal_basis: None, visible_to: None, retention: None, focus: {energi: "An energy-efficient municipality"}, characters: {halsa: CharacterWords { name: Some("The Health Hero"), about: None }} }}
        miljo `30 8 * * Tue` Some(2026-09-01)
        Audience { departments: ["Vård och omsorg"], units: [], languages: [], people: [] } JoinUnit [gammalt-steg]
        Some(ReferenceGroup { people: [1007, 1042], lead: Duration { count: 10, unit: Workdays } }) {en: "Environment and Climate"}
        resor mission NextSlot [] No None
        nar-senast lesson After(Duration { count: 1, unit: Weeks }) [Duration { count: 5, unit: Workdays }] AtMost(Duration { count: 15, unit: Workdays }) Some(Duration { count: 4, unit: Weeks })
        workshop lesson On(2027-03-16T13:00:00) [] No None
        email/layout.html <p>{{{body}}}</p>
    "#]].assert_eq(&text);
}

#[test]
fn every_fault_of_programme_toml_in_one_run() {
    let programme = r#"titel        = "Tillsammans"
organisation = ""
languages    = ["sv", "sv", "e", 5]
time_zone    = "Stockholm"

[privacy]
purpose = "Kompetensutveckling"
legal_basis = 6
titel = "x"

[calendar]
workdays = "Fri-Mon"
hours    = "17:00-07:00"
holidays = "se"
closed   = [
  { from = 2027-01-06, to = 2026-12-21, why = "jul" },
  { from = "2026-12-21", to = 1926-01-06 },
]
min_gap  = "1 week"
minutes_per_month = "30"
organisation = "Ekdala"

[[focus]]
id    = "Cirkulär"
title = "En kommun"

[[focus]]
id = "natur"

[[focus]]
id = "natur"
title = "En gång till"

[[character]]
id      = "natur"
name    = "Natur-\nvännen"
about   = "Skog."
default = true

[[character]]
id    = "halsa"
name  = "Hälsohjälten"
about = "Må bra."
default = true

[translation.sv]
title = "x"

[translation.en]
titel = "x"

[translation.en.focus]
nature = "x"

[translation.en.character.halso]
name = "x"
"#;
    let journey = "title = \"T\"\ncadence = \"30 8 * * Tue\"\nstart = 2026-09-01\n[[step]]\nid = \"resor\"\n";
    expect![[r#"
        [unknown-key] programme.toml:1:1: error: unknown key `titel`; allowed are `title`, `organisation`, `languages`, `time_zone`, `privacy`, `calendar`, `focus`, `character`, `translation`
          hint: did you mean `title`?
        [empty-value] programme.toml:2:16: error: `organisation` is empty
          hint: write something, or leave the key out if it may be
        [duplicate-id] programme.toml:3:23: error: language `sv` stands here a second time
          hint: delete one of the two
        [bad-language] programme.toml:3:29: error: `e` is not a language code
          hint: for example `sv`, `en` or `pt-br`
        [wrong-type] programme.toml:3:34: error: `languages` has a number in it; texts in quotes are needed
          hint: write `languages = ["…", "…"]`
        [unknown-time-zone] programme.toml:4:16: error: `Stockholm` is not a time zone
          hint: did you mean `Europe/Stockholm`?
        [missing-key] programme.toml:6:1: error: `visible_to` in `[privacy]` is missing
          hint: add `visible_to = "…"`
        [missing-key] programme.toml:6:1: error: `retention` in `[privacy]` is missing
          hint: add `retention = "12 months"`
        [wrong-type] programme.toml:8:15: error: `legal_basis` in `[privacy]` is a number; text in quotes is needed
          hint: write `legal_basis = "…"`
        [unknown-key] programme.toml:9:1: error: unknown key `titel` in `[privacy]`; allowed are `purpose`, `legal_basis`, `visible_to`, `retention`
          hint: delete it
        [bad-workdays] programme.toml:12:12: error: `Fri-Mon` are no days of the week; allowed are `Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`
          hint: for example `Mon-Fri` or `Mon,Wed-Fri`
        [bad-hours] programme.toml:13:12: error: `hours` is `17:00-07:00`; the first time must be before the second
          hint: mail leaves within one day: the latest end is `23:59`
        [unknown-word] programme.toml:14:12: error: `holidays` in `[calendar]` is `se`; allowed are `SE`, `none`
          hint: did you mean `SE`?
        [bad-period] programme.toml:16:29: error: the closed period ends on 2026-12-21, before it begins on 2027-01-06
          hint: write the first day in `from`, the last in `to`
        [missing-key] programme.toml:17:3: error: `why` in `[[calendar.closed]]` is missing
          hint: add `why = "jul och nyår"`
        [wrong-type] programme.toml:17:12: error: `from` in `[[calendar.closed]]` is text; a date is needed
          hint: write `from = 2026-10-14`, without quotes
        [out-of-range] programme.toml:17:31: error: `to` in `[[calendar.closed]]` is 1926-01-06; years 2000 to 2100 are allowed
          hint: check the year
        [bad-duration] programme.toml:19:12: error: `min_gap` is `1 week`; minutes, hours and days are allowed
          hint: for example `20 hours` or `7 days`
        [wrong-type] programme.toml:20:21: error: `minutes_per_month` in `[calendar]` is text; a whole number is needed
          hint: write `minutes_per_month = 5`, without quotes
        [unknown-key] programme.toml:21:1: error: unknown key `organisation` in `[calendar]`; allowed are `workdays`, `hours`, `holidays`, `min_gap`, `minutes_per_month`, `closed`
          hint: `organisation` stands above the first line with `[…]`; move it there
        [bad-slug] programme.toml:24:9: error: `Cirkulär` cannot be an id; lower-case letters a-z, digits and `-` are allowed
          hint: write `cirkular`
        [missing-key] programme.toml:27:1: error: `title` in `[[focus]]` is missing
          hint: add `title = "…"`
        [control-character] programme.toml:36:11: error: `name` in `[[character]]` has the control character \u{a} in it
          hint: write it on one line, without control characters
        [default-character] programme.toml:44:1: error: `halsa` and `natur` are both `default`; exactly one may be
          hint: keep `default = true` for the one people have until they choose
        [unknown-key] programme.toml:50:1: error: unknown key `titel` in `[translation.en]`; allowed are `title`, `purpose`, `legal_basis`, `visible_to`, `retention`, `focus`, `character`
          hint: did you mean `title`?
        [unknown-character] programme.toml:55:27: error: there is no character `halso`; known: `natur`, `halsa`
          hint: did you mean `halsa`?
    "#]].assert_eq(&check(&[
        ("programme.toml", programme.to_owned()),
        ("journeys/miljo/journey.toml", journey.to_owned()),
        ("journeys/miljo/resor.md", LESSON.to_owned()),
    ]));
}

#[test]
fn every_fault_of_journey_toml_in_one_run() {
    let journey = r#"titel    = "Miljö"
cadence  = "30 8 * * 2"
start    = "2026-09-01"
after    = "grundn"
audience = { departments = [], unit = ["x"] }
focus    = ["energy", "energi"]
late_joiners = "from the start"
retired  = ["workshop"]

[reference_group]
people = []
lead   = "ten workdays"
late_joiners = "from start"

[[step]]
id = "resr"
on = 2026-12-03T08:30:00+01:00
after = "1 fortnight"

[[step]]
remind = ["2 weeks", "5 workdays"]
wait = "answer at most 3 days"

[[step]]
id = "nar-senast"
on = 2026-12-03
wait = "answer, at most 3 fortnights"
catch_up = "yes"

[[step]]
id = "nar-senast"

[[step]]
id = "workshop"
on = 2026-12-24T06:00:00

[translation.se]
title = "x"
"#;
    let grunden = JOURNEY.replace("nar-senast", "resor-2");
    let mut files = good_but(&[("journeys/miljo/journey.toml", journey)]);
    files.push(("journeys/grunden/journey.toml", grunden));
    files.push(("journeys/grunden/resor.md", LESSON.to_owned()));
    expect![[r#"
        [step-without-file] journeys/grunden/journey.toml:17:10: error: step `resor-2` has no file `journeys/grunden/resor-2.md`
          hint: write the file, or delete the step
        [step-without-file] journeys/grunden/journey.toml:25:6: error: step `workshop` has no file `journeys/grunden/workshop.md`
          hint: write the file, or delete the step
        [unknown-key] journeys/miljo/journey.toml:1:1: error: unknown key `titel`; allowed are `title`, `cadence`, `start`, `after`, `audience`, `focus`, `late_joiners`, `retired`, `reference_group`, `step`, `translation`
          hint: did you mean `title`?
        [bad-cadence] journeys/miljo/journey.toml:2:12: error: weekday `2` is a number; 1 is Sunday to some and Monday to others
          hint: write the weekday as Mon, Tue, Wed, Thu, Fri, Sat or Sun
        [wrong-type] journeys/miljo/journey.toml:3:12: error: `start` is text; a date is needed
          hint: write `start = 2026-10-14`, without quotes
        [unknown-journey] journeys/miljo/journey.toml:4:12: error: there is no journey `grundn`; known: `grunden`, `miljo`
          hint: did you mean `grunden`?
        [empty-value] journeys/miljo/journey.toml:5:28: error: `departments` in `[audience]` is an empty list
          hint: leave the key out, or name at least one
        [unknown-key] journeys/miljo/journey.toml:5:32: error: unknown key `unit` in `[audience]`; allowed are `departments`, `units`, `languages`, `people`
          hint: did you mean `units`?
        [unknown-focus] journeys/miljo/journey.toml:6:13: error: there is no focus area `energy`; known: `energi`
          hint: did you mean `energi`?
        [unknown-word] journeys/miljo/journey.toml:7:16: error: `late_joiners` is `from the start`; allowed are `from start`, `join unit`, `skip to current`
          hint: did you mean `from start`?
        [empty-value] journeys/miljo/journey.toml:11:10: error: `people` in `[reference_group]` is an empty list
          hint: leave the key out, or name at least one
        [bad-duration] journeys/miljo/journey.toml:12:10: error: `ten` is not a whole number above 0; write a number and one of minutes, hours, days, workdays, weeks, months
          hint: for example `1 week` or `5 workdays`
        [unknown-key] journeys/miljo/journey.toml:13:1: error: unknown key `late_joiners` in `[reference_group]`; allowed are `people`, `lead`
          hint: `late_joiners` stands above the first line with `[…]`; move it there
        [step-without-file] journeys/miljo/journey.toml:16:6: error: step `resr` has no file `journeys/miljo/resr.md`
          hint: did you mean `resor`? Its file is there, but no step of that name
        [on-with-after] journeys/miljo/journey.toml:17:1: error: `on` and `after` contradict each other
          hint: keep `on` for a moment of its own, or `after` for a distance from the step before
        [moment-with-offset] journeys/miljo/journey.toml:17:6: error: `on` in `[[step]]` has the offset `+01:00`; a moment is civil time in `time_zone`
          hint: leave the offset out: `2026-10-14T13:00:00`
        [bad-duration] journeys/miljo/journey.toml:18:9: error: `fortnight` is not a unit of time; write a number and one of minutes, hours, days, workdays, weeks, months
          hint: for example `1 week` or `5 workdays`
        [missing-key] journeys/miljo/journey.toml:20:1: error: `id` in `[[step]]` is missing
          hint: add `id = "valkommen"`
        [bad-reminder] journeys/miljo/journey.toml:21:22: error: reminder `5 workdays` does not come after reminder `2 weeks`
          hint: each delay counts from the mail; order them, the shortest first
        [bad-wait] journeys/miljo/journey.toml:22:8: error: `wait` is `answer at most 3 days`; `answer` is allowed, with `, at most` and a duration after it
          hint: for example `wait = "answer, at most 15 workdays"`
        [wrong-type] journeys/miljo/journey.toml:26:6: error: `on` in `[[step]]` is a date; a date with a time of day is needed
          hint: write `on = 2026-10-14T13:00:00`, without quotes
        [bad-duration] journeys/miljo/journey.toml:27:8: error: `fortnights` is not a unit of time; write a number and one of minutes, hours, days, workdays, weeks, months
          hint: for example `1 week` or `5 workdays`
        [wrong-type] journeys/miljo/journey.toml:28:12: error: `catch_up` in `[[step]]` is text; true or false is needed
          hint: write `catch_up = true`, without quotes
        [duplicate-id] journeys/miljo/journey.toml:31:6: error: step `nar-senast` stands here a second time
          hint: give one of the two another id, and its file too
        [retired-step] journeys/miljo/journey.toml:34:6: error: step `workshop` is `retired`: those who had it would never get it again
          hint: give the new step another id, and its file too
        [moment-unusable] journeys/miljo/journey.toml:35:6: warning: no mail may leave at 2026-12-24 06:00: closed for jul och nyår
          hint: it would leave at the next usable slot of the cadence; choose another moment
        [unknown-language] journeys/miljo/journey.toml:37:14: error: `se` is not one of `languages`: `sv`, `en`
          hint: delete it, or name the language in `languages`
        [unlisted-step] journeys/miljo/resor.en.md: warning: step `resor` is not in `journey.toml`, so nobody gets it
          hint: did you mean `resr`? Else add `[[step]]` with `id = "resor"`
        [unlisted-step] journeys/miljo/resor.md: warning: step `resor` is not in `journey.toml`, so nobody gets it
          hint: did you mean `resr`? Else add `[[step]]` with `id = "resor"`
        [unlisted-step] journeys/miljo/resor@halsa.en.md: warning: step `resor` is not in `journey.toml`, so nobody gets it
          hint: did you mean `resr`? Else add `[[step]]` with `id = "resor"`
        [unlisted-step] journeys/miljo/resor@halsa.md: warning: step `resor` is not in `journey.toml`, so nobody gets it
          hint: did you mean `resr`? Else add `[[step]]` with `id = "resor"`
    "#]].assert_eq(&check(&files));
}

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
        [duplicate-id] journeys/miljo/resor.md:17:8: error: question `hinder` stands here a second time
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
          hint: `minutes` stands above the first line with `[…]`; move it there
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
        [base-only-key] journeys/miljo/resor.en.md:2:1: error: `kind` stands in `resor.md` only
          hint: delete it here; a variant or translation has words only
        [missing-key] journeys/miljo/resor.en.md:2:1: error: `subject` is missing; a translation has its own
          hint: write `subject = "…"` between two lines `+++` at the top
        [untranslated] journeys/miljo/resor.en.md:2:1: warning: question `hinder` is not translated; it is shown in the first language
          hint: add it under `[[question]]` with `id = "hinder"`
        [base-only-key] journeys/miljo/resor.en.md:3:1: error: `minutes` stands in `resor.md` only
          hint: delete it here; a variant or translation has words only
        [film-refused] journeys/miljo/resor.en.md:4:8: error: `film` belongs to a step of kind `film`; `resor` is none
          hint: delete it, or change `kind` and add the film in the step's first file
        [unknown-question] journeys/miljo/resor.en.md:7:8: error: the step has no question `hindr`; it has `hinder`, `hur`
          hint: did you mean `hinder`?
        [base-only-key] journeys/miljo/resor.en.md:9:1: error: `type` stands in `resor.md` only
          hint: delete it here; only the words are translated
        [untranslated] journeys/miljo/resor.en.md:12:6: warning: `text` of question `hur` is not translated; it is shown in the first language
          hint: add it under `[[question]]` with `id = "hur"`
        [bad-question] journeys/miljo/resor.en.md:13:11: error: 1 `options`; the first language has 2
          hint: write as many, in the same order
        [wrong-question-key] journeys/miljo/resor.en.md:14:10: error: `labels` belongs to a question of type `scale`
          hint: delete it
        [duplicate-id] journeys/miljo/resor.en.md:17:6: error: question `hur` stands here a second time
          hint: keep one of the two
        [bad-file-name] journeys/miljo/resor.en@halsa.md: error: `resor.en@halsa.md` is not the name of a step's file
          hint: write `<step>.md`, `<step>@<character>.md`, `<step>.<language>.md` or `<step>@<character>.<language>.md`
        [unknown-language] journeys/miljo/resor.sv.md: error: `sv` is the first language; its words stand in `resor.md`
          hint: leave `.sv` out of the name, or delete the file
        [unknown-character] journeys/miljo/resor@halso.md: error: there is no character `halso`; known: `natur`, `halsa`
          hint: did you mean `halsa`?
        [base-only-key] journeys/miljo/resor@natur.md:2:1: error: `kind` stands in `resor.md` only
          hint: delete it here; a variant or translation has words only
        [base-only-key] journeys/miljo/resor@natur.md:3:1: error: `minutes` stands in `resor.md` only
          hint: delete it here; a variant or translation has words only
        [film-refused] journeys/miljo/resor@natur.md:4:8: error: `film` belongs to a step of kind `film`; `resor` is none
          hint: delete it, or change `kind` and add the film in the step's first file
        [unknown-question] journeys/miljo/resor@natur.md:7:8: error: the step has no question `hindr`; it has `hinder`, `hur`
          hint: did you mean `hinder`?
        [base-only-key] journeys/miljo/resor@natur.md:9:1: error: `type` stands in `resor.md` only
          hint: delete it here; only the words are translated
        [bad-question] journeys/miljo/resor@natur.md:13:11: error: 1 `options`; the first language has 2
          hint: write as many, in the same order
        [wrong-question-key] journeys/miljo/resor@natur.md:14:10: error: `labels` belongs to a question of type `scale`
          hint: delete it
        [duplicate-id] journeys/miljo/resor@natur.md:17:6: error: question `hur` stands here a second time
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
fn ignored_files_are_reported() {
    expect![[r#"
        [unlisted-step] journeys/miljo/Ny idé.md: warning: step `Ny idé` is not in `journey.toml`, so nobody gets it
          hint: if it is a step, call it `ny-ide`
        [unlisted-step] journeys/miljo/gammalt-steg.md: warning: step `gammalt-steg` is `retired`, so nobody gets it
          hint: delete the file
        [not-read] journeys/miljo/resor.MD: warning: not read: a step's file name ends in `.md`
          hint: rename it to `<step>.md`
        [not-read] journeys/miljo/steps.toml: warning: not read: a journey has one file `journey.toml`
          hint: rename it, or delete it
        [not-read] journeys/miljo/utkast/resor.md: warning: not read: it does not stand in a journey's folder
          hint: move it to `journeys/<journey>/`
        [unlisted-step] journeys/miljo/workshp.md: warning: step `workshp` is not in `journey.toml`, so nobody gets it
          hint: did you mean `workshop`? Else add `[[step]]` with `id = "workshp"`
        [not-read] journeys/resor.md: warning: not read: it does not stand in a journey's folder
          hint: move it to `journeys/<journey>/`
        [not-read] templates/email/lesson.html: warning: not read: a template's file name ends in `.hbs`
          hint: rename it, for example to `layout.html.hbs`
    "#]].assert_eq(&check(&good_but(&[
        ("journeys/miljo/gammalt-steg.md", LESSON),
        ("journeys/miljo/workshp.md", LESSON),
        ("journeys/miljo/Ny idé.md", LESSON),
        ("journeys/miljo/resor.MD", LESSON),
        ("journeys/miljo/utkast/resor.md", LESSON),
        ("journeys/miljo/utkast/readme.md", LESSON),
        ("journeys/miljo/resor.md~", LESSON),
        ("journeys/miljo/bild.png", "png"),
        ("journeys/miljo/steps.toml", "x"),
        ("journeys/resor.md", LESSON),
        ("journeys/README.md", LESSON),
        ("templates/email/lesson.html", "x"),
        ("notes.md", "x"),
    ])));
}

#[test]
fn folders_without_journey_file_are_reported() {
    expect![[r#"
        [bad-slug] journeys/Miljö 2: error: `Miljö 2` cannot be the name of a journey; lower-case letters a-z, digits and `-` are allowed
          hint: rename the folder to `miljo-2`
        [step-without-file] journeys/Miljö 2/journey.toml:17:10: error: step `nar-senast` has no file `journeys/Miljö 2/nar-senast.md`
          hint: write the file, or delete the step
        [step-without-file] journeys/Miljö 2/journey.toml:25:6: error: step `workshop` has no file `journeys/Miljö 2/workshop.md`
          hint: write the file, or delete the step
        [no-journey-file] journeys/social/journey.toml: error: there is no such file
          hint: rename `journy.toml` to `journey.toml`
    "#]].assert_eq(&check(&good_but(&[
        ("journeys/Miljö 2/journey.toml", JOURNEY),
        ("journeys/Miljö 2/resor.md", LESSON),
        ("journeys/social/journy.toml", JOURNEY),
        ("journeys/social/resor.md", LESSON),
        ("journeys/tom/bild.png", "x"),
    ])));
}

#[test]
fn an_empty_or_missing_folder_is_reported() {
    let dir = tempfile::tempdir().expect("a folder");
    expect![[r#"
        [no-journeys] journeys: warning: there is no journey, so nobody gets anything
          hint: make a folder `journeys/<journey>` with a `journey.toml`
        [no-programme] programme.toml: error: there is no such file
          hint: write it, or name the folder that holds it: the title, the languages and the calendar stand there
    "#]].assert_eq(&faults_in(dir.path()));
    let missing = load(&dir.path().join("content"), today());
    assert_eq!(missing.faults[0].code, "no-content");
    assert!(missing.library.is_none());
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
fn toml_faults_have_lines_and_columns() {
    let programme = PROGRAMME
        .replace("organisation = \"Ekdala kommun\"", "organisation = Ekdala kommun")
        .replace("hours    = \"07:00-17:00\"", "hours = \"07:00-17:00\nhours = \"08:00-16:00\"")
        .replace("holidays = \"SE\"", "holidays = \"SE\"\nholidays = \"none\"\nholiday = \"SE\"")
        .replace("[[focus]]", "[focus]\nx=[1,,2]\n[[focus]]");
    let step = STEP.replace("minutes   = 5", "minutes   = fem");
    expect![[r#"
        [toml] journeys/miljo/journey.toml:1:11: error: cannot be read as TOML: invalid basic string, expected `"`
          hint: text stands in quotes, one key to a line: `title = "Grunden"`
        [toml] journeys/miljo/journey.toml:3:4: error: cannot be read as TOML: key with no value, expected `=`
          hint: text stands in quotes, one key to a line: `title = "Grunden"`
        [toml] journeys/miljo/resor.md:5:13: error: cannot be read as TOML: invalid boolean, expected `false`
          hint: text stands in quotes, one key to a line: `title = "Grunden"`
        [toml] programme.toml:2:16: error: cannot be read as TOML: string values must be quoted, expected literal string
          hint: text stands in quotes, one key to a line: `title = "Grunden"`
        [toml] programme.toml:14:21: error: cannot be read as TOML: invalid basic string, expected `"`
          hint: text stands in quotes, one key to a line: `title = "Grunden"`
        [duplicate-key] programme.toml:15:1: error: `hours` stands here a second time
          hint: keep one of the two
        [duplicate-key] programme.toml:17:1: error: `holidays` stands here a second time
          hint: keep one of the two
        [unknown-key] programme.toml:18:1: error: unknown key `holiday` in `[calendar]`; allowed are `workdays`, `hours`, `holidays`, `min_gap`, `minutes_per_month`, `closed`
          hint: did you mean `holidays`?
        [wrong-type] programme.toml:23:1: error: `focus` is a table; a list of tables is needed
          hint: write `[[focus]]`, with two brackets, above each
        [toml] programme.toml:24:6: error: cannot be read as TOML: extra comma in array, expected value
          hint: text stands in quotes, one key to a line: `title = "Grunden"`
        [duplicate-key] programme.toml:25:3: error: `focus` stands here a second time
          hint: keep one of the two
    "#]].assert_eq(&check(&good_but(&[
        ("programme.toml", &programme),
        ("journeys/miljo/resor.md", &step),
        ("journeys/miljo/journey.toml", "title = \"x\n[[step]]\nid 5\n"),
    ])));
}

#[test]
fn impossible_cadences_are_errors_and_idle_ones_warnings() {
    let with = |cadence: &str| {
        let journey = JOURNEY.replace("30 8 * * Tue", cadence);
        let told = check(&good_but(&[("journeys/miljo/journey.toml", &journey)]));
        told.replace("journeys/miljo/journey.toml:2:12: ", "")
    };
    let told: String = [
        "0 8 31 2 *",
        "30 8 * * Sat,Sun",
        "0 5 * * *",
        "*/10 8 * * Tue",
        "30 8 24 12 *",
        "30 8 25 12 *",
        "30 8 1 7 *",
        "* * * * *",
        "* 0-6 * * *",
    ]
    .map(with)
    .concat();
    expect![[r#"
        [cadence-never] error: cadence `0 8 31 2 *` has no slot in the next 366 days
          hint: check day and month: `30 8 * * Tue` is every Tuesday at 08:30
        [cadence-unusable] warning: no mail will ever leave: none of its days is a workday
          hint: change the cadence, or `[calendar]` in `programme.toml`
        [cadence-unusable] warning: no mail will ever leave: none of its times lies within `hours`, 07:00-17:00
          hint: change the cadence, or `[calendar]` in `programme.toml`
        [cadence-often] warning: cadence `*/10 8 * * Tue` has 6 slots a day
          hint: one slot a day is enough: write one minute and one hour
        [cadence-unusable] warning: no mail will ever leave: none of its days is a workday
          hint: change the cadence, or `[calendar]` in `programme.toml`
        [cadence-unusable] warning: no mail will ever leave: none of its days is a workday
          hint: change the cadence, or `[calendar]` in `programme.toml`
        [cadence-often] warning: cadence `* * * * *` has 1440 slots a day
          hint: one slot a day is enough: write one minute and one hour
        [cadence-often] warning: cadence `* 0-6 * * *` has 420 slots a day
          hint: one slot a day is enough: write one minute and one hour
        [cadence-unusable] warning: no mail will ever leave: none of its times lies within `hours`, 07:00-17:00
          hint: change the cadence, or `[calendar]` in `programme.toml`
    "#]].assert_eq(&told);
}

#[test]
fn cycles_of_journeys_are_rejected() {
    let journey = |after: &str| {
        format!("title = \"T\"\ncadence = \"30 8 * * Tue\"\nafter = \"{after}\"\n[[step]]\nid = \"a\"\n")
    };
    let mut files = vec![("programme.toml", PROGRAMME.to_owned())];
    for (name, after) in [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "e"), ("f", "d")] {
        let [toml, step] = [format!("journeys/{name}/journey.toml"), format!("journeys/{name}/a.md")];
        files.push((toml.leak(), journey(after)));
        files.push((step.leak(), LESSON.to_owned()));
    }
    expect![[r#"
        [journey-cycle] journeys/a/journey.toml:3:9: error: journeys wait for each other in a circle: `a` after `b` after `c` after `a`
          hint: let one of them begin on a day: write `start = 2026-09-01` instead of `after`
        [journey-cycle] journeys/e/journey.toml:3:9: error: `e` waits for itself
          hint: let one of them begin on a day: write `start = 2026-09-01` instead of `after`
    "#]].assert_eq(&check(&files));
}

#[test]
fn negative_and_huge_delays_are_rejected() {
    let journey = JOURNEY
        .replace("\"1 week\"", "\"-1 weeks\"")
        .replace("\"4 weeks\"", "\"99999999999 weeks\"")
        .replace("\"10 workdays\"", "\"0 workdays\"");
    expect![[r#"
        [bad-duration] journeys/miljo/journey.toml:11:10: error: `0 workdays` is no time at all; leave the key out instead
          hint: for example `1 week` or `5 workdays`
        [bad-duration] journeys/miljo/journey.toml:18:10: error: `-1` is not a whole number above 0; write a number and one of minutes, hours, days, workdays, weeks, months
          hint: for example `1 week` or `5 workdays`
        [bad-duration] journeys/miljo/journey.toml:21:17: error: `99999999999` is not a whole number above 0; write a number and one of minutes, hours, days, workdays, weeks, months
          hint: for example `1 week` or `5 workdays`
    "#]].assert_eq(&check(&good_but(&[("journeys/miljo/journey.toml", &journey)])));
}

#[test]
fn years_outside_2000_to_2100_are_rejected() {
    let start = JOURNEY.lines().find(|line| line.starts_with("start")).expect("a start");
    let with = |start_at: &str| {
        let journey = JOURNEY.replacen(start, &format!("start = {start_at}"), 1);
        check(&good_but(&[("journeys/miljo/journey.toml", &journey)]))
    };
    assert!(!with("2038-01-19").contains("out-of-range"), "{}", with("2038-01-19"));
    assert!(!with("2100-12-31").contains("out-of-range"), "{}", with("2100-12-31"));
    for year in ["1999", "2101", "9999"] {
        let told = with(&format!("{year}-12-01"));
        let expected = format!("`start` is {year}-12-01; years 2000 to 2100 are allowed");
        assert!(told.contains(&expected), "{told}");
    }
}

#[test]
fn duplicate_journeys_are_impossible() {
    let told = check(&good_but(&[
        ("journeys/Miljo/journey.toml", JOURNEY),
        ("journeys/miljo\u{308}/journey.toml", JOURNEY),
        ("journeys/milj\u{f6}/journey.toml", JOURNEY),
    ]));
    let names: Vec<&str> = told.lines().filter(|line| line.starts_with("[bad-slug]")).collect();
    assert_eq!(names.len(), 3, "{told}");
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
          hint: open it in a drawing program and save it anew
    "#]].assert_eq(&faults_in(dir.path()));
}

#[test]
fn merge_conflicts_are_reported_without_consequential_errors() {
    let merged =
        STEP.replace("minutes   = 5\n", "<<<<<<< HEAD\nminutes = 5\n=======\nminutes = 6\n>>>>>>> other\n");
    expect![[r#"
        [merge-conflict] journeys/miljo/resor.md:5:1: error: merge conflict marker `<<<<<<<`: two versions stand here
          hint: choose one version, delete the marker lines and finish the merge
        [merge-conflict] journeys/miljo/resor.md:9:1: error: merge conflict marker `>>>>>>>`: two versions stand here
          hint: choose one version, delete the marker lines and finish the merge
    "#]].assert_eq(&check(&good_but(&[("journeys/miljo/resor.md", &merged)])));
}

#[test]
fn calendar_keys_may_be_left_out() {
    let start = PROGRAMME.find("[calendar]").expect("a table");
    let end = PROGRAMME.find("[[focus]]").expect("a list");
    let without = [&PROGRAMME[..start], &PROGRAMME[end..]].concat();
    let library = library(&good_but(&[("programme.toml", &without)]));
    expect!["Calendar { workdays: [true, true, true, true, true, false, false], opens: 07:00:00, closes: 17:00:00, holidays: None, closed: [], min_gap: Duration { count: 20, unit: Hours }, minutes_per_month: 30 }"].assert_eq(&format!("{:?}", library.programme.calendar));
}

#[test]
fn the_step_hash_depends_only_on_its_markdown() {
    let hash = |files: &[(&'static str, &str)]| library(&good_but(files)).journeys[0].steps[0].hash;
    let plain = hash(&[]);
    let crlf = STEP.replace('\n', "\r\n");
    let bom = format!("\u{feff}{STEP}");
    let journey = JOURNEY.replace("Miljö och klimat", "Miljö");
    assert_eq!(hash(&[("journeys/miljo/resor.md", &crlf)]), plain);
    assert_eq!(hash(&[("journeys/miljo/resor.md", &bom)]), plain);
    assert_eq!(hash(&[("journeys/miljo/journey.toml", &journey)]), plain);
    assert_eq!(hash(&[("templates/email/layout.html.hbs", "x")]), plain);
    assert_eq!(hash(&[("journeys/miljo/workshop@halsa.md", "Hej")]), plain);
    assert_ne!(hash(&[("journeys/miljo/resor@natur.md", "Hej")]), plain);
    assert_ne!(hash(&[("journeys/miljo/resor@halsa.en.md", "Hello, walk\n")]), plain);
    let whole = |files: &[(&'static str, &str)]| library(&good_but(files)).hash;
    assert_ne!(whole(&[("journeys/miljo/journey.toml", &journey)]), whole(&[]));
    assert_ne!(whole(&[("templates/email/layout.html.hbs", "x")]), whole(&[]));
    assert_eq!(whole(&[("journeys/miljo/resor.md", &crlf)]), whole(&[]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn every_byte_of_a_text_is_in_its_hash(body in "[a-zåäö\n ]{1,80}", at in any::<prop::sample::Index>(), c in "[A-ZÅÄÖ.!]") {
        let hash = |body: &str| {
            let text = format!("{LESSON}{body}");
            library(&good_but(&[("journeys/miljo/workshop.md", &text)])).journeys[0].steps[2].hash
        };
        let changed: Vec<char> = body.chars().collect();
        let i = at.index(changed.len());
        let changed: String = changed[..i].iter().chain(c.chars().collect::<Vec<_>>().iter()).chain(&changed[i + 1..]).collect();
        prop_assert_ne!(hash(&body), hash(&changed));
        prop_assert_eq!(hash(&body), hash(&body.replace('\n', "\r\n")));
    }
}
