//! Errors and defaults of `programme.toml`.

use expect_test::expect;

use crate::content::fixtures::{JOURNEY, LESSON, PROGRAMME, check, good_but, library};

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
        [duplicate-id] programme.toml:3:23: error: language `sv` is written twice
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
        [unknown-key] programme.toml:9:1: error: unknown key `titel` in `[privacy]`; allowed are `purpose`, `legal_basis`, `visible_to`, `retention`, `contact`
          hint: delete it
        [bad-workdays] programme.toml:12:12: error: `Fri-Mon` is not a list of weekdays; allowed are `Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`
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
          hint: `organisation` must be above the first line with `[…]`; move it there
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
fn calendar_keys_may_be_left_out() {
    let start = PROGRAMME.find("[calendar]").expect("a table");
    let end = PROGRAMME.find("[[focus]]").expect("a list");
    let without = [&PROGRAMME[..start], &PROGRAMME[end..]].concat();
    let library = library(&good_but(&[("programme.toml", &without)]));
    expect!["Calendar { workdays: [true, true, true, true, true, false, false], opens: 07:00:00, closes: 17:00:00, holidays: None, closed: [], min_gap: Duration { count: 20, unit: Hours }, minutes_per_month: 30 }"].assert_eq(&format!("{:?}", library.programme.calendar));
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
