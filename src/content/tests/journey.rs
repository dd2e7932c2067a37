//! Errors of `journey.toml`: order, cadence, delays, references between journeys.

use expect_test::expect;

use crate::content::fixtures::{JOURNEY, LESSON, PROGRAMME, check, good_but};

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
        [unknown-key] journeys/miljo/journey.toml:1:1: error: unknown key `titel`; allowed are `title`, `cadence`, `start`, `after`, `audience`, `focus`, `late_joiners`, `retired`, `reference_group`, `step`, `translation`, `renamed`
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
          hint: `late_joiners` must be above the first line with `[…]`; move it there
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
        [duplicate-id] journeys/miljo/journey.toml:31:6: error: step `nar-senast` is written twice
          hint: give one of the two another id, and its file too
        [retired-step] journeys/miljo/journey.toml:34:6: error: step `workshop` is `retired`: those who had it would never get it again
          hint: give the new step another id, and its file too
        [moment-unusable] journeys/miljo/journey.toml:35:6: warning: no mail may leave at 2026-12-24 06:00: closed for jul och nyår
          hint: it would leave at the next usable slot of the cadence; choose another moment
        [unknown-language] journeys/miljo/journey.toml:37:14: error: `se` is not one of `languages`: `sv`, `en`
          hint: delete it, or name the language in `languages`
        [unlisted-step] journeys/miljo/resor.en.md: warning: step `resor` is not in `journey.toml`, so it is never sent
          hint: did you mean `resr`? Else add `[[step]]` with `id = "resor"`
        [unlisted-step] journeys/miljo/resor.md: warning: step `resor` is not in `journey.toml`, so it is never sent
          hint: did you mean `resr`? Else add `[[step]]` with `id = "resor"`
        [unlisted-step] journeys/miljo/resor@halsa.en.md: warning: step `resor` is not in `journey.toml`, so it is never sent
          hint: did you mean `resr`? Else add `[[step]]` with `id = "resor"`
        [unlisted-step] journeys/miljo/resor@halsa.md: warning: step `resor` is not in `journey.toml`, so it is never sent
          hint: did you mean `resr`? Else add `[[step]]` with `id = "resor"`
    "#]].assert_eq(&check(&files));
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
        [cadence-unusable] warning: no mail will ever leave: none of its times is within `hours`, 07:00-17:00
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
        [cadence-unusable] warning: no mail will ever leave: none of its times is within `hours`, 07:00-17:00
          hint: change the cadence, or `[calendar]` in `programme.toml`
    "#]]
    .assert_eq(&told);
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
        [bad-duration] journeys/miljo/journey.toml:11:10: error: `0 workdays` is 0; leave the key out instead
          hint: for example `1 week` or `5 workdays`
        [bad-duration] journeys/miljo/journey.toml:18:10: error: `-1` is not a whole number above 0; write a number and one of minutes, hours, days, workdays, weeks, months
          hint: for example `1 week` or `5 workdays`
        [bad-duration] journeys/miljo/journey.toml:21:17: error: `99999999999` is not a whole number above 0; write a number and one of minutes, hours, days, workdays, weeks, months
          hint: for example `1 week` or `5 workdays`
    "#]].assert_eq(&check(&good_but(&[("journeys/miljo/journey.toml", &journey)])));
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
