//! Errors of a folder and of any file in it: files that are not read, syntax, merge conflicts.

use expect_test::expect;

use crate::content::fixtures::{JOURNEY, LESSON, PROGRAMME, STEP, check, faults_in, good_but, today};
use crate::content::load;

#[test]
fn ignored_files_are_reported() {
    expect![[r#"
        [unlisted-step] journeys/miljo/Ny idé.md: warning: step `Ny idé` is not in `journey.toml`, so it is never sent
          hint: if it is a step, call it `ny-ide`
        [unlisted-step] journeys/miljo/gammalt-steg.md: warning: step `gammalt-steg` is `retired`, so it is never sent
          hint: delete the file
        [not-read] journeys/miljo/resor.MD: warning: not read: a step's file name ends in `.md`
          hint: rename it to `<step>.md`
        [not-read] journeys/miljo/steps.toml: warning: not read: a journey has one file `journey.toml`
          hint: rename it, or delete it
        [not-read] journeys/miljo/utkast/resor.md: warning: not read, because it is not in the folder of a journey
          hint: move it to `journeys/<journey>/`
        [unlisted-step] journeys/miljo/workshp.md: warning: step `workshp` is not in `journey.toml`, so it is never sent
          hint: did you mean `workshop`? Else add `[[step]]` with `id = "workshp"`
        [not-read] journeys/resor.md: warning: not read, because it is not in the folder of a journey
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
        [no-journeys] journeys: warning: there is no journey, so nothing is sent
          hint: make a folder `journeys/<journey>` with a `journey.toml`
        [no-programme] programme.toml: error: there is no such file
          hint: create it, or name its folder; it has the title, the languages and the calendar
    "#]]
    .assert_eq(&faults_in(dir.path()));
    let missing = load(&dir.path().join("content"), today());
    assert_eq!(missing.faults[0].code, "no-content");
    assert!(missing.library.is_none());
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
          hint: put the text in straight quotes, one key on each line: `title = "Grunden"`
        [toml] journeys/miljo/journey.toml:3:4: error: cannot be read as TOML: key with no value, expected `=`
          hint: put the text in straight quotes, one key on each line: `title = "Grunden"`
        [toml] journeys/miljo/resor.md:5:13: error: cannot be read as TOML: invalid boolean, expected `false`
          hint: put the text in straight quotes, one key on each line: `title = "Grunden"`
        [toml] programme.toml:2:16: error: cannot be read as TOML: string values must be quoted, expected literal string
          hint: put the text in straight quotes, one key on each line: `title = "Grunden"`
        [toml] programme.toml:14:21: error: cannot be read as TOML: invalid basic string, expected `"`
          hint: put the text in straight quotes, one key on each line: `title = "Grunden"`
        [duplicate-key] programme.toml:15:1: error: `hours` is written twice
          hint: keep one of the two
        [duplicate-key] programme.toml:17:1: error: `holidays` is written twice
          hint: keep one of the two
        [unknown-key] programme.toml:18:1: error: unknown key `holiday` in `[calendar]`; allowed are `workdays`, `hours`, `holidays`, `min_gap`, `minutes_per_month`, `closed`
          hint: did you mean `holidays`?
        [wrong-type] programme.toml:23:1: error: `focus` is a table; a list of tables is needed
          hint: write `[[focus]]`, with two brackets, above each
        [toml] programme.toml:24:6: error: cannot be read as TOML: extra comma in array, expected value
          hint: put the text in straight quotes, one key on each line: `title = "Grunden"`
        [duplicate-key] programme.toml:25:3: error: `focus` is written twice
          hint: keep one of the two
    "#]].assert_eq(&check(&good_but(&[
        ("programme.toml", &programme),
        ("journeys/miljo/resor.md", &step),
        ("journeys/miljo/journey.toml", "title = \"x\n[[step]]\nid 5\n"),
    ])));
}

#[test]
fn merge_conflicts_are_reported_without_consequential_errors() {
    let merged =
        STEP.replace("minutes   = 5\n", "<<<<<<< HEAD\nminutes = 5\n=======\nminutes = 6\n>>>>>>> other\n");
    expect![[r#"
        [merge-conflict] journeys/miljo/resor.md:5:1: error: merge conflict marker `<<<<<<<`: two versions are here
          hint: choose one version, delete the marker lines and finish the merge
        [merge-conflict] journeys/miljo/resor.md:9:1: error: merge conflict marker `>>>>>>>`: two versions are here
          hint: choose one version, delete the marker lines and finish the merge
    "#]].assert_eq(&check(&good_but(&[("journeys/miljo/resor.md", &merged)])));
}
