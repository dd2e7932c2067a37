//! The rules of the planner one by one: a small story in, the mails out.

use expect_test::{Expect, expect};

use super::script::{Pass, Script, told};

/// The mails, one per line.
pub(super) fn check(story: &str, expected: &Expect) {
    let mut script = Script::parse(story);
    let sent = script.live(Pass::ByWakeUps);
    expected.assert_eq(&told(script.zone(), &sent));
}

/// What `why` shows for ada at an instant, after running the story until then.
fn why(story: &str, at: &str, expected: &Expect) {
    let mut script = Script::parse(&format!("until {at}\n{story}"));
    script.live(Pass::ByWakeUps);
    let now = script.until;
    expected.assert_eq(&script.why(now, "ada"));
}

#[test]
fn a_closed_period_moves_the_step_not_the_rhythm() {
    check(
        "
        cadence 30 8 * * Tue,Thu
        holidays SE
        closed 2026-12-28..2027-01-03 year-end
        journey j start 2026-12-16
        step welcome
        step mission; after 2 workdays
        step reflection; after 2 workdays; wait
        step end
        person ada
        ",
        &expect![[r#"
            Thu 17 Dec 2026 08:30  ada  welcome
            Tue 22 Dec 2026 08:30  ada  mission
            Tue 5 Jan 2027 08:30  ada  reflection
        "#]],
    );
}

#[test]
fn no_slot_before_the_start_and_the_first_on_or_after_it() {
    check(
        "journey j start 2026-12-01\nstep a\nperson ada",
        &expect![[r#"
        Tue 1 Dec 2026 08:30  ada  a
    "#]],
    );
    check(
        "journey j start 2026-12-02\nstep a\nperson ada",
        &expect![[r#"
        Tue 8 Dec 2026 08:30  ada  a
    "#]],
    );
}

#[test]
fn enrolment_is_the_latest_of_start_own_start_and_import() {
    check(
        "
        journey j start 2026-12-01
        step a
        person ada
        person bo start 2026-12-10
        person cy entered 2026-11-30T09:00
        person di entered 2026-12-15T09:00
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 1 Dec 2026 08:30  cy  a
            Tue 15 Dec 2026 08:30  bo  a
            Tue 22 Dec 2026 08:30  di  a
        "#]],
    );
}

#[test]
fn on_is_the_moment_instead_of_a_slot() {
    check(
        "journey j start 2026-12-01\nstep a\nstep b; on 2026-12-09 13:00\nstep c\nperson ada",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Wed 9 Dec 2026 13:00  ada  b
            Tue 15 Dec 2026 08:30  ada  c
        "#]],
    );
}

#[test]
fn on_that_is_unusable_falls_to_the_first_usable_slot_after_it() {
    check(
        "
        closed 2026-12-07..2026-12-15 moving house
        journey j start 2026-12-01
        step a; on 2026-12-09 13:00
        person ada
        person bo leave 2026-12-22..2026-12-28
        ",
        &expect![[r#"
            Tue 22 Dec 2026 08:30  ada  a
            Tue 29 Dec 2026 08:30  bo  a
        "#]],
    );
}

#[test]
fn days_count_from_the_date_the_mail_left_and_hours_from_its_slot() {
    check(
        "
        gap 1 hours
        cadence 0 8-16 * * Mon-Fri
        journey hours start 2026-12-01
        step a
        step b; after 2 hours
        journey days start 2026-12-08
        step a
        step b; after 2 days
        person ada
        until 2026-12-12 00:00
        down 2026-12-01 07:00 to 2026-12-01 08:34
        down 2026-12-08 07:00 to 2026-12-08 16:34
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:34  ada  a (slot Tue 1 Dec 2026 08:00)
            Tue 1 Dec 2026 10:00  ada  b
            Tue 8 Dec 2026 16:34  ada  a (slot Tue 8 Dec 2026 13:00)
            Thu 10 Dec 2026 08:00  ada  b
        "#]],
    );
}

#[test]
fn the_first_step_counts_from_enrolment() {
    check(
        "journey j start 2026-12-01\nstep a; after 2 weeks\nperson ada",
        &expect![[r#"
        Tue 15 Dec 2026 08:30  ada  a
    "#]],
    );
}

#[test]
fn a_journey_after_another_begins_when_its_last_wait_is_over() {
    check(
        "
        journey first start 2026-12-01
        step a; wait 10 workdays
        journey then after first
        step b
        person ada
        person bo
        2026-12-02 10:00 answer bo first a
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 1 Dec 2026 08:30  bo  a
            Tue 8 Dec 2026 08:30  bo  b
            Tue 15 Dec 2026 08:30  ada  b
        "#]],
    );
}

#[test]
fn people_outside_the_first_audience_start_at_a_start() {
    check(
        "
        journey first start 2026-12-08 for ada
        step a
        journey own after first start 2027-01-12
        step b
        journey theirs after first
        step c
        person ada
        person bo
        ",
        &expect![[r#"
            Tue 8 Dec 2026 08:30  ada  a
            Tue 8 Dec 2026 08:30  bo  c
            Tue 15 Dec 2026 08:30  ada  c
            Tue 12 Jan 2027 08:30  ada  b
            Tue 12 Jan 2027 08:30  bo  b
        "#]],
    );
}

#[test]
fn a_later_step_waits_for_an_earlier_one_approved_or_not() {
    check(
        "
        journey j start 2026-12-01 group gro lead 5 workdays
        step a
        step b
        person gro
        person ada
        2026-11-25 09:00 approve j/b
        2026-12-10 09:00 approve j/a
        until 2027-01-01 00:00
        ",
        &expect![[r#"
            Tue 24 Nov 2026 08:30  gro  a
            Tue 1 Dec 2026 08:30  gro  b
            Tue 15 Dec 2026 08:30  ada  a
            Tue 22 Dec 2026 08:30  ada  b
        "#]],
    );
}

#[test]
fn two_journeys_one_slot_the_one_due_longest_then_the_first_to_start_then_the_slug() {
    check(
        "
        journey b start 2026-12-01
        step b1
        journey a start 2026-12-01
        step a1
        journey older start 2026-11-24
        step o1
        step o2
        person ada
        ",
        &expect![[r#"
            Tue 24 Nov 2026 08:30  ada  o1
            Tue 1 Dec 2026 08:30  ada  o2
            Tue 8 Dec 2026 08:30  ada  a1
            Tue 15 Dec 2026 08:30  ada  b1
        "#]],
    );
}

#[test]
fn late_joiners_begin_where_the_journey_says() {
    check(
        "
        cadence 30 8 * * Mon-Fri
        journey start start 2026-12-01
        step a
        step b
        step c
        journey unit start 2026-12-01 join unit
        step d
        step e
        step f
        journey current start 2026-12-01 skip to current
        step g
        step h
        step i
        person ada of north
        person bo of north start 2026-12-15
        person cy of south start 2026-12-15
        until 2027-01-20 00:00
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  g
            Wed 2 Dec 2026 08:30  ada  a
            Thu 3 Dec 2026 08:30  ada  d
            Fri 4 Dec 2026 08:30  ada  h
            Mon 7 Dec 2026 08:30  ada  b
            Tue 8 Dec 2026 08:30  ada  e
            Wed 9 Dec 2026 08:30  ada  i
            Thu 10 Dec 2026 08:30  ada  c
            Fri 11 Dec 2026 08:30  ada  f
            Tue 15 Dec 2026 08:30  bo  i
            Tue 15 Dec 2026 08:30  cy  i
            Wed 16 Dec 2026 08:30  bo  a
            Wed 16 Dec 2026 08:30  cy  a
            Thu 17 Dec 2026 08:30  bo  b
            Thu 17 Dec 2026 08:30  cy  d
            Fri 18 Dec 2026 08:30  bo  c
            Fri 18 Dec 2026 08:30  cy  b
            Mon 21 Dec 2026 08:30  cy  e
            Tue 22 Dec 2026 08:30  cy  c
            Wed 23 Dec 2026 08:30  cy  f
        "#]],
    );
}

#[test]
fn the_reference_group_gets_it_the_lead_before() {
    check(
        "
        journey j start 2026-12-15 group gro lead 10 workdays
        step a
        step b; on 2027-01-20 13:00
        person gro
        person ada
        2026-12-02 09:00 approve j/a
        2026-12-02 09:00 approve j/b
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  gro  a
            Tue 15 Dec 2026 08:30  ada  a
            Wed 6 Jan 2027 13:00  gro  b
            Wed 20 Jan 2027 13:00  ada  b
        "#]],
    );
}

#[test]
fn all_others_need_the_approval_and_the_lead() {
    let story = "
        journey j start 2026-12-15 group gro lead 10 workdays
        step a
        person gro leave 2026-12-01..2026-12-10
        person ada
        2026-12-02 09:00 approve j/a
        ";
    check(
        story,
        &expect![[r#"
        Tue 15 Dec 2026 08:30  gro  a
        Tue 29 Dec 2026 08:30  ada  a
    "#]],
    );
    why(
        story,
        "2026-12-15 08:30",
        &expect![[r#"
        j: wait for a until Tue 29 Dec 2026 08:30: reference_group_first (the reference group tries it first)
    "#]],
    );
    why(
        &story.replace("2026-12-02 09:00 approve j/a", ""),
        "2026-12-15 08:30",
        &expect![[r#"
        j: held a: not_approved (not approved)
    "#]],
    );
    why(
        &story.replace("2026-12-02 09:00 approve j/a", ""),
        "2026-12-14 08:30",
        &expect![[r#"
            j: wait for a until Tue 29 Dec 2026 08:30: not_started (starts on Tue 15 Dec 2026), reference_group_first (the reference group tries it first), not_approved (not approved)
        "#]],
    );
}

#[test]
fn if_no_member_can_be_reached_the_approval_alone_is_enough() {
    check(
        "
        journey j start 2026-12-15 group gone,gro lead 10 workdays
        step a
        person gro without address
        person ada
        2026-12-02 09:00 approve j/a
        ",
        &expect![[r#"
            Tue 15 Dec 2026 08:30  ada  a
        "#]],
    );
}

#[test]
fn editing_the_text_holds_it_again_for_those_who_have_not_had_it() {
    let story = "
        journey j start 2026-12-01 group gro lead 5 workdays
        step a
        person gro
        person ada
        person bo leave 2026-12-01..2026-12-04
        2026-11-25 09:00 approve j/a
        2026-12-07 09:00 edit j/a
        2026-12-15 09:00 approve j/a
        ";
    check(
        story,
        &expect![[r#"
        Tue 24 Nov 2026 08:30  gro  a
        Tue 1 Dec 2026 08:30  ada  a
        Tue 15 Dec 2026 09:00  bo  a (slot Tue 15 Dec 2026 08:30)
    "#]],
    );
    why(
        &story.replace("person ada\n", "").replace("person bo", "person ada"),
        "2026-12-08 09:00",
        &expect![[r#"
            j: held a: not_approved (the text was changed after approval: approve it again)
        "#]],
    );
}

#[test]
fn wait_counts_from_the_mail_and_after_must_hold_too() {
    check(
        "
        cadence 30 8 * * Mon-Fri
        journey j start 2026-12-01
        step a; wait 10 workdays
        step b; after 1 weeks
        person ada
        2026-12-02 10:00 answer ada j a
        person bo
        person cy
        2026-12-10 08:00 answer cy j a
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 1 Dec 2026 08:30  bo  a
            Tue 1 Dec 2026 08:30  cy  a
            Tue 8 Dec 2026 08:30  ada  b
            Thu 10 Dec 2026 08:30  cy  b
            Tue 15 Dec 2026 08:30  bo  b
        "#]],
    );
}

#[test]
fn a_wait_without_end_is_held_until_the_answer() {
    let story = "
        journey j start 2026-12-01
        step a; wait
        step b
        person ada
        2027-01-12 09:00 answer ada j a
        ";
    check(
        story,
        &expect![[r#"
        Tue 1 Dec 2026 08:30  ada  a
        Tue 12 Jan 2027 09:00  ada  b (slot Tue 12 Jan 2027 08:30)
    "#]],
    );
    why(
        story,
        "2026-12-24 08:00",
        &expect![[r#"
        j: held b: awaiting_answer (waiting for an answer to `a`)
    "#]],
    );
}

#[test]
fn a_wait_goes_on_after_an_answer_is_withdrawn() {
    let story = "
        journey j start 2026-12-01
        step a; wait
        step b
        person ada
        2026-12-02 09:00 answer ada j a
        2026-12-03 09:00 withdraw ada j a
        2027-01-12 09:00 answer ada j a
        ";
    check(
        story,
        &expect![[r#"
        Tue 1 Dec 2026 08:30  ada  a
        Tue 12 Jan 2027 09:00  ada  b (slot Tue 12 Jan 2027 08:30)
    "#]],
    );
    why(
        story,
        "2026-12-24 08:00",
        &expect![[r#"
        j: held b: awaiting_answer (waiting for an answer to `a`)
    "#]],
    );
}

#[test]
fn reminders_count_from_the_mail_and_fall_away_on_an_answer() {
    check(
        "
        journey j start 2026-12-01
        step a; remind 5 workdays, 15 workdays; wait
        step b
        person ada
        person bo
        2026-12-10 09:00 answer bo j a
        until 2027-01-15 00:00
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 1 Dec 2026 08:30  bo  a
            Tue 8 Dec 2026 08:30  ada  a reminder 1
            Tue 8 Dec 2026 08:30  bo  a reminder 1
            Tue 15 Dec 2026 08:30  bo  b
            Tue 22 Dec 2026 08:30  ada  a reminder 2
        "#]],
    );
}

#[test]
fn a_reminder_falls_away_at_the_waits_end_and_the_next_step_goes_first() {
    check(
        "
        journey j start 2026-12-01
        step a; remind 5 workdays, 9 workdays; wait 9 workdays
        step b; remind 1 week
        step c
        person ada
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 8 Dec 2026 08:30  ada  a reminder 1
            Tue 15 Dec 2026 08:30  ada  b
            Tue 22 Dec 2026 08:30  ada  c
        "#]],
    );
}

#[test]
fn expired_is_skipped_always_and_the_next_counts_from_the_last_mail_got() {
    check(
        "
        journey j start 2026-12-01
        step a
        step b; expires 1 weeks
        step c; after 2 weeks
        person ada leave 2026-12-05..2026-12-21
        person bo
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 1 Dec 2026 08:30  bo  a
            Tue 8 Dec 2026 08:30  bo  b
            Tue 22 Dec 2026 08:30  bo  c
            Tue 5 Jan 2027 08:30  ada  c
        "#]],
    );
}

#[test]
fn expiry_counts_from_the_approval_not_from_before() {
    check(
        "
        journey j start 2026-12-01 group gro lead 5 workdays
        step a; expires 1 weeks
        step b
        person gro
        person ada
        2027-01-11 09:00 approve j/a
        2027-01-11 09:00 approve j/b
        ",
        &expect![[r#"
            Tue 24 Nov 2026 08:30  gro  a
            Tue 1 Dec 2026 08:30  gro  b
            Tue 12 Jan 2027 08:30  ada  a
            Tue 19 Jan 2027 08:30  ada  b
        "#]],
    );
}

#[test]
fn leave_and_closed_periods_include_both_their_days_and_end_is_the_last_day_with_mail() {
    check(
        "
        cadence 30 8 * * Mon-Fri
        journey j start 2026-12-01
        step a
        person ada leave 2026-12-01..2026-12-02
        person bo end 2026-12-01
        person cy end 2026-11-30
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  bo  a
            Thu 3 Dec 2026 08:30  ada  a
        "#]],
    );
}

#[test]
fn until_allows_mail_on_that_day() {
    check(
        "
        cadence 30 8 * * Mon-Fri
        journey j start 2026-12-01
        step a
        person ada
        2026-11-25 09:00 pause person ada until 2026-12-03
        person bo
        2026-11-25 09:00 pause person bo
        2026-12-08 10:00 resume
        ",
        &expect![[r#"
            Thu 3 Dec 2026 08:30  ada  a
            Tue 8 Dec 2026 10:00  bo  a (slot Tue 8 Dec 2026 08:30)
        "#]],
    );
}

#[test]
fn days_of_leave_and_pause_count_for_no_duration() {
    check(
        "
        cadence 30 8 * * Mon-Fri
        journey j start 2026-12-01
        step a
        step b; after 1 weeks
        person ada leave 2026-12-03..2026-12-05
        person bo
        2026-12-02 09:00 pause person bo until 2026-12-04
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 1 Dec 2026 08:30  bo  a
            Thu 10 Dec 2026 08:30  bo  b
            Fri 11 Dec 2026 08:30  ada  b
        "#]],
    );
}

#[test]
fn hours_are_start_inclusive_end_exclusive() {
    check(
        "
        grace 1 hours
        cadence 0 7,17 * * Mon-Fri
        journey j start 2026-12-01
        step a
        person ada
        ",
        &expect![[r#"
            Tue 1 Dec 2026 07:00  ada  a
        "#]],
    );
}

#[test]
fn a_unit_shift_moves_start_on_and_once_the_awaited_after() {
    check(
        "
        journey j start 2026-12-01
        step a
        step b; after 1 weeks
        step c; after 1 weeks
        step d; on 2027-01-20 13:00
        person ada of north
        person bo of south
        2026-11-24 09:00 shift north +1
        2026-12-10 09:00 shift north +2
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  bo  a
            Tue 8 Dec 2026 08:30  ada  a
            Tue 8 Dec 2026 08:30  bo  b
            Tue 15 Dec 2026 08:30  bo  c
            Tue 29 Dec 2026 08:30  ada  b
            Tue 5 Jan 2027 08:30  ada  c
            Wed 20 Jan 2027 13:00  bo  d
            Wed 10 Feb 2027 13:00  ada  d
        "#]],
    );
}

#[test]
fn a_shift_back_never_goes_before_the_mail_before_it() {
    check(
        "
        journey j start 2026-12-01
        step a
        step b; after 4 weeks
        person ada of north
        2026-12-02 09:00 shift north -6
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 8 Dec 2026 08:30  ada  b
        "#]],
    );
}

#[test]
fn a_unit_may_be_closed_and_have_its_own_cadence() {
    check(
        "
        journey j start 2026-12-01
        step a
        step b
        step c
        person ada of north
        person bo of south
        2026-11-24 09:00 cadence north 0 13 * * Fri
        2026-11-24 09:00 close north 2026-12-11..2026-12-11 stocktaking
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  bo  a
            Fri 4 Dec 2026 13:00  ada  a
            Tue 8 Dec 2026 08:30  bo  b
            Tue 15 Dec 2026 08:30  bo  c
            Fri 18 Dec 2026 13:00  ada  b
            Fri 25 Dec 2026 13:00  ada  c
        "#]],
    );
}

#[test]
fn a_slot_is_used_until_strictly_less_than_the_grace_after_it() {
    check(
        "
        journey j start 2026-12-01
        step a
        step b
        person ada
        down 2026-12-01 08:00 to 2026-12-01 12:29
        down 2026-12-08 08:00 to 2026-12-08 12:30
        ",
        &expect![[r#"
            Tue 1 Dec 2026 12:29  ada  a (slot Tue 1 Dec 2026 08:30)
            Tue 15 Dec 2026 08:30  ada  b
        "#]],
    );
}

#[test]
fn grace_serves_whatever_caused_the_delay() {
    check(
        "
        journey j start 2026-12-01
        step a
        person ada
        2026-11-30 09:00 pause unit north
        2026-12-01 10:15 resume
        ",
        &expect![[r#"
            Tue 1 Dec 2026 10:15  ada  a (slot Tue 1 Dec 2026 08:30)
        "#]],
    );
}

#[test]
fn after_an_outage_mails_leave_one_per_gap_oldest_first() {
    check(
        "
        cadence 30 8 * * Mon-Fri
        journey j start 2026-12-01
        step a
        step b
        step c
        step d
        person ada
        down 2026-12-02 08:00 to 2026-12-07 10:00
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Mon 7 Dec 2026 10:00  ada  b (slot Mon 7 Dec 2026 08:30)
            Tue 8 Dec 2026 08:30  ada  c
            Wed 9 Dec 2026 08:30  ada  d
        "#]],
    );
}

#[test]
fn an_inserted_step_is_not_sent_to_people_past_it_unless_it_says_catch_up() {
    check(
        "
        journey j start 2026-12-01
        step a
        step b
        step c
        person ada
        person bo start 2026-12-14
        2026-12-09 09:00 insert j/new before b
        2026-12-16 09:00 insert catch-up j/late before a
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 8 Dec 2026 08:30  ada  b
            Tue 15 Dec 2026 08:30  ada  c
            Tue 15 Dec 2026 08:30  bo  a
            Tue 22 Dec 2026 08:30  ada  late
            Tue 22 Dec 2026 08:30  bo  late
            Tue 29 Dec 2026 08:30  bo  new
            Tue 5 Jan 2027 08:30  bo  b
            Tue 12 Jan 2027 08:30  bo  c
        "#]],
    );
}

#[test]
fn a_removed_step_leaves_a_gap_in_the_order() {
    check(
        "
        journey j start 2026-12-01
        step a
        step b
        step c
        person ada
        person bo start 2026-12-07
        2026-12-09 09:00 remove j/b
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Tue 8 Dec 2026 08:30  ada  b
            Tue 8 Dec 2026 08:30  bo  a
            Tue 15 Dec 2026 08:30  ada  c
            Tue 15 Dec 2026 08:30  bo  c
        "#]],
    );
}

#[test]
fn a_person_who_moves_takes_the_overrides_of_the_new_unit_and_keeps_the_position() {
    check(
        "
        journey j start 2026-12-01
        step a
        step b
        step c
        person ada of north
        person bo of south
        2026-11-24 09:00 cadence south 0 13 * * Fri
        2026-12-02 09:00 move ada to south
        ",
        &expect![[r#"
            Tue 1 Dec 2026 08:30  ada  a
            Fri 4 Dec 2026 13:00  ada  b
            Fri 4 Dec 2026 13:00  bo  a
            Fri 11 Dec 2026 13:00  ada  c
            Fri 11 Dec 2026 13:00  bo  b
            Fri 18 Dec 2026 13:00  bo  c
        "#]],
    );
}

#[test]
fn slots_at_both_clock_changes() {
    check(
        "
        hours 00:00-23:59
        workdays all
        cadence 30 2 * * *
        journey j start 2027-03-27
        step a
        step b
        step c
        journey k start 2027-10-30
        step d
        step e
        step f
        person ada
        from 2027-03-20 00:00
        until 2027-11-10 00:00
        ",
        &expect![[r#"
            Sat 27 Mar 2027 02:30  ada  a
            Sun 28 Mar 2027 03:00  ada  b
            Mon 29 Mar 2027 02:30  ada  c
            Sat 30 Oct 2027 02:30  ada  d
            Sun 31 Oct 2027 02:30  ada  e
            Mon 1 Nov 2027 02:30  ada  f
        "#]],
    );
}

#[test]
fn verdicts_that_need_someone_to_act() {
    let story = "journey j start 2026-12-01\nstep a\nstep b\n";
    why(
        &format!("{story}person ada without address"),
        "2026-12-24 08:00",
        &expect![[r#"
        j: held a: no_address (no mail address)
    "#]],
    );
    why(
        &format!("{story}person ada shares address"),
        "2026-12-24 08:00",
        &expect![[r#"
        j: held a: shared_address (shares a mail address with another person)
    "#]],
    );
    why(
        &format!("{story}person ada\n2026-11-25 09:00 hold all"),
        "2026-12-24 08:00",
        &expect![[r#"
        j: held a: held_by_hand (stopped by hand)
    "#]],
    );
    why(
        &format!("{story}person ada\n2026-11-25 09:00 hold j/a"),
        "2026-12-01 08:30",
        &expect![[r#"
        j: held a: held_by_hand (stopped by hand)
    "#]],
    );
    why(
        &format!("{story}person ada\n2026-11-25 09:00 pause journey j"),
        "2026-12-24 08:00",
        &expect![[r#"
        j: held a: paused (paused: asked)
    "#]],
    );
    why(
        &format!("{story}person ada leave 2026-11-20..2099-12-31"),
        "2026-12-24 08:00",
        &expect![[r#"
        j: wait for a until Tue 5 Jan 2100 08:30: leave (on leave through Thu 31 Dec 2099)
    "#]],
    );
    why(
        &format!("{story}person ada end 2026-11-30"),
        "2026-11-30 08:00",
        &expect![[r#"
            j: wait for a until Tue 1 Dec 2026 00:00: not_started (starts on Tue 1 Dec 2026), left (the person leaves before that)
        "#]],
    );
}

/// A month without that day has no slot on it (`docs/authoring.md`); a year after a leap day in days is one day short
/// of the same date.
#[test]
fn leap_days_and_the_31st() {
    check(
        "
        from 2028-02-28 00:00
        until 2032-03-15
        workdays
        cadence 30 8 29 2 *
        journey leap start 2028-02-01
        step a
        step b
        person ada
        ",
        &expect![[r#"
            Tue 29 Feb 2028 08:30  ada  a
            Sun 29 Feb 2032 08:30  ada  b
        "#]],
    );
    check(
        "
        from 2028-01-01 00:00
        until 2028-09-01
        workdays
        cadence 30 8 31 * *
        journey last start 2028-01-15
        step a
        step b
        step c
        step d
        person ada
        ",
        &expect![[r#"
            Mon 31 Jan 2028 08:30  ada  a
            Fri 31 Mar 2028 08:30  ada  b
            Wed 31 May 2028 08:30  ada  c
            Mon 31 Jul 2028 08:30  ada  d
        "#]],
    );
    check(
        "
        from 2028-02-28 00:00
        until 2030-06-01
        workdays
        cadence 30 8 * * *
        journey j start 2028-02-29
        step a
        step b; after 365 days
        step c; after 12 months
        person ada
        person bo start 2028-02-29
        ",
        &expect![[r#"
            Tue 29 Feb 2028 08:30  ada  a
            Tue 29 Feb 2028 08:30  bo  a
            Wed 28 Feb 2029 08:30  ada  b
            Wed 28 Feb 2029 08:30  bo  b
            Thu 28 Feb 2030 08:30  ada  c
            Thu 28 Feb 2030 08:30  bo  c
        "#]],
    );
}

#[test]
fn of_two_mails_at_one_time_the_second_is_not_planned_for_it() {
    why(
        "
        journey j start 2026-12-01
        step a
        journey k start 2026-12-01
        step b
        person ada
        ",
        "2026-11-24 10:00",
        &expect![[r#"
            j: wait for a until Tue 1 Dec 2026 08:30: not_started (starts on Tue 1 Dec 2026)
            k: wait for b until Tue 8 Dec 2026 08:30: not_started (starts on Tue 1 Dec 2026), min_gap (too soon after the previous mail)
        "#]],
    );
}
