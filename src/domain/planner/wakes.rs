//! Wake-ups: sleeping until the planner's next check and checking every half hour send the same.

use expect_test::{Expect, expect};

use super::script::{Pass, Script};
use super::timelines::check;

/// Runs the story by wake-ups and by checking every half hour, and compares.
fn check_both(story: &str, expected: &Expect) {
    check(story, expected);
    let slots = |pass| {
        let sent = Script::parse(story).live(pass);
        sent.into_iter().map(|mail| (mail.person, mail.step, mail.slot)).collect::<Vec<_>>()
    };
    assert_eq!(slots(Pass::ByWakeUps), slots(Pass::Every(30)));
}

#[test]
fn a_manually_held_step_wakes_when_it_expires() {
    check_both(
        "
        cadence 30 8,9 * * Tue
        journey j start 2026-12-01
        step a
        step b; after 1 week; expires 1 week
        step c
        person ada
        2026-12-02 10:00 hold j/b
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 15 Dec 2026 08:30  ada  c (slot Tue 15 Dec 2026 08:30)
        "#]],
    );
}

#[test]
fn a_step_that_expires_for_a_reference_member_opens_the_gate() {
    check_both(
        "
        cadence 30 8,9 * * Tue
        journey j start 2026-12-15 group ada lead 5 workdays
        step a; expires 1 week
        person ada
        person bo
        2026-12-01 08:00 approve j/a
        2026-12-02 10:00 pause person ada
        ",
        &expect![[r#"
            Tue 15 Dec 2026 08:30  bo  a (slot Tue 15 Dec 2026 08:30)
        "#]],
    );
}

#[test]
fn a_held_reference_member_who_leaves_opens_the_gate() {
    check_both(
        "
        cadence 30 8,9 * * Tue
        journey j start 2026-12-15 group ada lead 5 workdays
        step a
        person ada end 2026-12-20
        person bo
        2026-12-01 08:00 approve j/a
        2026-12-02 10:00 pause person ada
        ",
        &expect![[r#"
            Tue 22 Dec 2026 08:30  bo  a
        "#]],
    );
}

#[test]
fn a_step_with_its_own_date_does_not_wait_for_the_cadence_after_the_previous_journey() {
    check_both(
        "
        journey j start 2026-12-01
        step a; wait 3 workdays
        journey k after j
        step b; on 2026-12-04 09:00
        person ada
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Fri 4 Dec 2026 09:00  ada  b
        "#]],
    );
}

#[test]
fn a_journey_begins_when_the_last_step_of_a_paused_previous_one_expires() {
    check_both(
        "
        cadence 30 8,9 * * Tue
        journey j start 2026-12-01
        step a; expires 1 week
        journey k after j
        step b
        person ada
        2026-11-24 10:00 pause journey j
        ",
        &expect![[r#"
            Tue 8 Dec 2026 08:30  ada  b (slot Tue 8 Dec 2026 08:30)
        "#]],
    );
}

#[test]
fn a_year_without_a_slot_is_followed_by_the_next_in_time() {
    check_both(
        "
        until 2028-06-01 00:00
        closed 2026-12-02..2028-03-01 a long rebuilding
        journey j start 2026-12-01
        step a
        step b
        person ada
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 7 Mar 2028 08:30  ada  b
        "#]],
    );
}

#[test]
fn half_past_midnight_belongs_to_the_local_day() {
    check(
        "
        until 2026-12-14
        hours 00:00-23:59
        cadence 30 0 * * Tue
        journey j start 2026-12-01
        step a
        step b
        person ada
        person bo leave 2026-11-20..2026-11-30
        person cy start 2026-12-08
        person di end 2026-12-07
        person eva leave 2026-12-01..2026-12-01
        ",
        &expect![[r#"
            Tue 1 Dec 2026 00:30  ada  a
            Tue 1 Dec 2026 00:30  bo  a
            Tue 1 Dec 2026 00:30  di  a
            Tue 8 Dec 2026 00:30  ada  b
            Tue 8 Dec 2026 00:30  bo  b
            Tue 8 Dec 2026 00:30  cy  a
            Tue 8 Dec 2026 00:30  eva  a
        "#]],
    );
}
