//! Properties of the planner that hold for every programme, over random ones. A failing case is printed in the
//! timeline notation, ready for `timelines.rs`.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::script::{Pass, Script, Sent, told};
use super::{ApprovalMode, Planner};
use crate::domain::forecast::forecast;
use crate::domain::history::progress::Progress;
use crate::domain::verdict::Verdict;

/// A day in the weeks of a story.
pub(super) fn day() -> impl Strategy<Value = NaiveDate> {
    (0..70u64).prop_map(|n| NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date") + chrono::Days::new(n))
}

pub(super) fn days() -> impl Strategy<Value = String> {
    (day(), 0..12u64).prop_map(|(from, n)| format!("{from}..{}", from + chrono::Days::new(n)))
}

/// An instant on the half hour.
pub(super) fn instant() -> impl Strategy<Value = String> {
    (day(), 0..48u32).prop_map(|(day, half)| format!("{day} {:02}:{}0", half / 2, 3 * (half % 2)))
}

fn pace() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => prop_oneof![Just("2 days"), Just("1 week"), Just("5 workdays"), Just("3 hours"), Just("1 month")]
            .prop_map(|d| format!("; after {d}")),
        1 => (day(), 7..17u32).prop_map(|(day, hour)| format!("; on {day} {hour:02}:00")),
    ]
}

fn extras() -> impl Strategy<Value = String> {
    let wait = prop_oneof![3 => Just(""), 1 => Just("; wait 3 workdays"), 1 => Just("; wait 1 week")];
    let remind =
        prop_oneof![3 => Just(""), 1 => Just("; remind 2 workdays"), 1 => Just("; remind 1 week, 2 weeks")];
    let expires = prop_oneof![4 => Just(""), 1 => Just("; expires 1 week"), 1 => Just("; expires 3 days")];
    let catch_up = prop_oneof![6 => Just(""), 1 => Just("; catch up")];
    (wait, remind, expires, catch_up).prop_map(|(w, r, e, c)| format!("{w}{r}{e}{c}"))
}

fn journey(name: &'static str) -> impl Strategy<Value = String> {
    let cadence = prop_oneof![
        Just("30 8 * * Tue"),
        Just("30 8 * * Mon-Fri"),
        Just("0 9,15 * * *"),
        Just("*/30 6-18 * * Mon,Thu"),
        Just("0 23 * * Sun"),
        Just("30 2 1,15 * *"),
    ];
    let late = prop_oneof![Just(""), Just(" join unit"), Just(" skip to current")];
    let group = prop_oneof![3 => Just(""), 1 => Just(" group p0 lead 5 workdays"), 1 => Just(" group p1 lead 2 days")];
    let after = if name == "k" {
        prop_oneof![2 => Just(""), 1 => Just(" after j")].boxed()
    } else {
        Just("").boxed()
    };
    let steps = prop::collection::vec((pace(), extras()), 1..5);
    (cadence, day(), late, group, after, steps).prop_map(
        move |(cadence, start, late, group, after, steps)| {
            let mut text = format!("cadence {cadence}\njourney {name} start {start}{late}{group}{after}\n");
            for (number, (pace, extras)) in steps.iter().enumerate() {
                text += &format!("step {name}{number}{pace}{extras}\n");
            }
            text
        },
    )
}

fn person(number: usize) -> impl Strategy<Value = String> {
    let unit = prop_oneof![Just("north"), Just("south")];
    let start = prop_oneof![3 => Just(String::new()), 1 => day().prop_map(|d| format!(" start {d}"))];
    let end = prop_oneof![6 => Just(String::new()), 1 => day().prop_map(|d| format!(" end {d}"))];
    let leave = prop_oneof![2 => Just(String::new()), 1 => days().prop_map(|d| format!(" leave {d}"))];
    (unit, start, end, leave).prop_map(move |(u, s, e, l)| format!("person p{number} of {u}{s}{e}{l}\n"))
}

/// An event that ends by itself.
fn act() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        (0..3u8, 0..5u8).prop_map(|(p, s)| format!("answer p{p} j j{s}")),
        (0..3u8, day()).prop_map(|(p, d)| format!("pause person p{p} until {d}")),
        day().prop_map(|d| format!("pause unit north until {d}")),
        day().prop_map(|d| format!("pause journey j until {d}")),
        (-3..4i8).prop_map(|w| format!("shift north {w}")),
        days().prop_map(|d| format!("close south {d} stocktaking")),
        Just("cadence south 0 13 * * Fri".to_owned()),
        Just("resume".to_owned()),
    ];
    (instant(), what).prop_map(|(at, what)| format!("{at} {what}\n"))
}

fn settings() -> impl Strategy<Value = String> {
    let gap = prop_oneof![Just("20 hours"), Just("30 minutes"), Just("3 days"), Just("1 hours")];
    let grace = prop_oneof![Just("4 hours"), Just("30 minutes"), Just("30 hours")];
    let closed = prop_oneof![Just(String::new()), days().prop_map(|d| format!("closed {d} autumn\n"))];
    let hours = prop_oneof![Just("07:00-17:00"), Just("00:00-23:30"), Just("08:30-09:00")];
    let holidays = prop_oneof![Just(""), Just("holidays SE\n"), Just("workdays all\n")];
    (gap, grace, closed, hours, holidays).prop_map(|(gap, grace, closed, hours, h)| {
        format!("gap {gap}\ngrace {grace}\nhours {hours}\n{closed}{h}")
    })
}

fn outage() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        1 => (day(), 0..20u64, 0..24u32).prop_map(|(from, n, hour)| {
            format!("down {from} 00:00 to {} {hour:02}:00\n", from + chrono::Days::new(n))
        }),
    ]
}

/// A programme, three people and ten weeks of events, then thirty weeks without any.
pub(super) fn story() -> impl Strategy<Value = String> {
    let people = (person(0), person(1), person(2));
    let acts = prop::collection::vec(act(), 0..6);
    (settings(), journey("j"), journey("k"), people, acts, outage()).prop_map(|(s, j, k, p, acts, outage)| {
        let approvals: String = (0..5)
            .flat_map(|n| [format!("j/j{n}"), format!("k/k{n}")])
            .filter(|step| format!("{j}{k}").contains(&format!("step {}", &step[2..])))
            .map(|step| format!("2026-11-24 09:00 approve {step}\n"))
            .collect();
        format!("until 2027-09-01 00:00\n{s}{j}{k}{}{}{}{approvals}{}{outage}", p.0, p.1, p.2, acts.concat())
    })
}

/// `few` cases, or `many` with `JOURNEY_TEST_ALL`.
pub(super) fn cases(few: u32, many: u32) -> ProptestConfig {
    #[expect(clippy::disallowed_methods, reason = "the variable that asks for everything")]
    let all = std::env::var_os("JOURNEY_TEST_ALL").is_some();
    // A fixed seed, so that no test fails at random. Change it by hand to try others.
    ProptestConfig {
        cases: if all { many } else { few },
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_123),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(2_500, 10_000))]

    /// Never twice, never at a quiet time, never within `min_gap`, in order.
    #[test]
    fn no_mail_leaves_twice_out_of_order_or_at_a_forbidden_time(story in story()) {
        let mut script = Script::parse(&story);
        let sent = script.live(Pass::ByWakeUps);
        prop_assert_eq!(faults(&script, &sent), Vec::<String>::new(), "{}\n{}", story, told(script.zone(), &sent));
    }
}

proptest! {
    #![proptest_config(cases(1_000, 2_000))]

    /// A second pass at the same instant sends nothing.
    #[test]
    fn a_second_pass_at_the_same_instant_sends_nothing(story in story(), at in instant()) {
        let mut script = Script::parse(&format!("{story}until {at}\n"));
        script.live(Pass::ByWakeUps);
        let now = script.until;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        script.pass(now, &mut first);
        script.pass(now, &mut second);
        prop_assert_eq!(second, Vec::<Sent>::new(), "{}after {:?}", story, first);
    }

    /// Once nothing blocks it, every mail leaves.
    #[test]
    fn every_mail_that_can_leave_does(story in story()) {
        // With a cadence that never fits the hours nothing would leave.
        let story = story
            .replace("hours 08:30-09:00", "hours 07:00-17:00")
            .replace("0 23 * * Sun", "0 14 * * Mon")
            .replace("30 2 1,15 * *", "30 9 1,15 * *");
        let mut script = Script::parse(&story);
        script.live(Pass::ByWakeUps);
        let roster = script.roster();
        for person in &roster.people {
            for (journey, verdict) in script.verdicts(script.until, person.id.as_str()) {
                prop_assert!(matches!(verdict, Verdict::Ended(_)), "{}{} in {}: {:?}", story, person.id, journey, verdict);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(300, 2_000))]

    /// A mail that needs nothing but time is the person's next one in the forecast, at that time and of that step,
    /// unless one comes before it that depends on something else.
    #[test]
    fn the_forecast_agrees_with_the_verdicts(story in story(), at in instant()) {
        // When a reference group gets a step is an estimate.
        let story = story.replace(" group p0 lead 5 workdays", "").replace(" group p1 lead 2 days", "");
        let mut script = Script::parse(&format!("{story}until {at}\n"));
        script.live(Pass::ByWakeUps);
        let now = script.until;
        script.pass(now, &mut Vec::new());
        let roster = script.roster();
        let memory = script.memory.clone();
        let span = now..now + chrono::TimeDelta::days(800);
        let rows = forecast(&script.library, &roster, &script.settings, memory, span, |_| {});
        let planner = Planner::new(&script.library, &roster, &script.settings, ApprovalMode::Recorded);
        let progress = Progress::after(now, &script.library, &roster, &script.memory);
        let moment = planner.at(now, &script.memory, &progress);
        for (index, person) in roster.people.iter().enumerate() {
            let certain: Vec<_> = moment
                .decide(person, script.memory.of(&person.id))
                .into_iter()
                .filter_map(|decision| match decision.verdict {
                    Verdict::Wait(wait) if wait.is_certain() => Some((decision.journey, wait)),
                    _ => None,
                })
                .collect();
            let Some(first) = certain.iter().map(|(_, wait)| wait.until).min() else { continue };
            let row = rows.iter().find(|row| row.person == index);
            let Some(row) = row else {
                return Err(TestCaseError::fail(format!("{story}{} gets nothing: {certain:?}", person.id)));
            };
            let told = format!("{story}until {at}\n{}: {row:?}\n{certain:?}", person.id);
            prop_assert!(row.at <= first, "{}", told);
            let all_certain = certain.len() == script.library.journeys.len();
            if all_certain {
                let journeys: Vec<usize> =
                    certain.iter().filter(|(_, wait)| wait.until == first).map(|(journey, _)| *journey).collect();
                prop_assert_eq!(journeys, vec![row.journey], "{}", told);
            }
            if let Some((_, wait)) = certain.iter().find(|(journey, _)| *journey == row.journey) {
                let step = &script.library.journeys[row.journey].steps[row.step].slug;
                prop_assert_eq!((row.at, step, row.round), (wait.until, &wait.step, wait.round), "{}", told);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(20, 60))]

    /// Checking every half hour and sleeping until the wake-up give the same; nothing is due before it.
    #[test]
    fn sleeping_until_the_wake_up_misses_nothing(story in story()) {
        // Mails of others may move the start of a late joiner just after the wake-up that sent them; the caller then
        // decides for late joiners again. And no slot may be missed within half an hour.
        let story = story
            .replace("until 2027-09-01 00:00", "until 2027-02-15 00:00")
            .replace("grace 30 minutes", "grace 2 hours")
            .replace("hours 08:30-09:00", "hours 07:00-17:00")
            .replace(" join unit", "")
            .replace(" skip to current", "");
        let mails = |pass| {
            let mut script = Script::parse(&story);
            script.live(pass).into_iter().map(|m| (m.person, m.journey, m.step, m.round, m.slot)).collect::<Vec<_>>()
        };
        let (mut asked, mut slept) = (mails(Pass::Every(30)), mails(Pass::ByWakeUps));
        asked.sort();
        slept.sort();
        prop_assert_eq!(asked, slept, "{}", story);
    }
}

/// Every rule that the mails of a story violate.
fn faults(script: &Script, sent: &[Sent]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = HashSet::new();
    let mut last: BTreeMap<&str, &Sent> = BTreeMap::new();
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let zone = script.zone();
    let calendar = &script.library.programme.calendar;
    for mail in sent {
        let mut fault =
            |what: &str| faults.push(format!("{what}: {}", told(zone, std::slice::from_ref(mail))));
        if !seen.insert((&mail.person, &mail.journey, &mail.step, mail.round)) {
            fault("twice");
        }
        let civil = zone.civil(mail.at);
        let person = script.people.iter().find(|p| p.id.as_str() == mail.person).expect("a person");
        let known = script.closings.iter().filter(|(at, unit, _)| *at <= mail.at && *unit == person.unit);
        let closed: Vec<_> = known.map(|(_, _, period)| period.clone()).collect();
        if calendar.quiet(civil.date(), &closed).is_some() {
            fault("on a quiet day");
        }
        if civil.time() < calendar.opens || civil.time() >= calendar.closes {
            fault("outside hours");
        }
        if person.leave.iter().any(|leave| leave.contains(civil.date())) {
            fault("on leave");
        }
        if person.start.is_some_and(|d| civil.date() < d) || person.end.is_some_and(|d| civil.date() > d) {
            fault("before the first or after the last day");
        }
        if mail.slot > mail.at || mail.at >= mail.slot + script.settings.grace {
            fault("outside the grace");
        }
        if let Some(before) = last.insert(&mail.person, mail) {
            let min_gap_block = zone.civil(mail.at) < calendar.gap_ends(zone.civil(before.at));
            if min_gap_block || mail.at <= before.at {
                fault("within min_gap");
            }
        }
        let journey =
            script.library.journeys.iter().find(|j| j.slug.as_str() == mail.journey).expect("a journey");
        let place = journey.steps.iter().position(|s| s.slug.as_str() == mail.step).expect("a step");
        let before = places.insert((&mail.person, &mail.journey), place);
        let in_order = match mail.round {
            0 => before.is_none_or(|before| before < place || journey.steps[place].catch_up),
            _ => before == Some(place),
        };
        if !in_order {
            fault("out of order");
        }
    }
    faults
}
