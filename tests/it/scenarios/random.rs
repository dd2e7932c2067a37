//! Random scripts for `proptest`.

use chrono::NaiveDate;
use proptest::prelude::*;

/// A day in the weeks a script covers.
fn day() -> impl Strategy<Value = NaiveDate> {
    (0..70u64).prop_map(|n| NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date") + chrono::Days::new(n))
}

fn calendar() -> impl Strategy<Value = String> {
    let gap = prop_oneof![Just("20 hours"), Just("30 minutes"), Just("3 days")];
    let hours = prop_oneof![3 => Just("07:00-17:00"), 1 => Just("00:00-23:30")];
    let rest = prop_oneof![
        Just("holidays = \"SE\"\n"),
        Just("workdays = \"Mon-Sun\"\n"),
        Just("closed = [{ from = 2026-12-21, to = 2027-01-06, why = \"jul\" }]\n")
    ];
    let grace = prop_oneof![3 => Just("4 hours"), 1 => Just("30 hours"), 1 => Just("45 minutes")];
    (gap, hours, rest, grace).prop_map(|(gap, hours, rest, grace)| {
        format!("min_gap = \"{gap}\"\nhours = \"{hours}\"\n{rest}grace = \"{grace}\"\n")
    })
}

fn step() -> impl Strategy<Value = String> {
    let pace = prop_oneof![
        4 => Just(String::new()),
        3 => prop_oneof![Just("2 days"), Just("1 week"), Just("5 workdays"), Just("3 hours")]
            .prop_map(|d| format!("after = \"{d}\"\n")),
        1 => (day(), 7..17u32).prop_map(|(day, hour)| format!("on = {day}T{hour:02}:00:00\n")),
    ];
    let remind = prop_oneof![3 => Just(""), 1 => Just("remind = [\"2 workdays\"]\n"), 1 => Just("remind = [\"1 week\", \"2 weeks\"]\n")];
    let wait = prop_oneof![
        4 => Just(""),
        1 => Just("wait = \"answer, at most 3 workdays\"\n"),
        1 => Just("wait = \"answer\"\n")
    ];
    let expires = prop_oneof![3 => Just(""), 1 => Just("expires_after = \"1 week\"\n"), 1 => Just("expires_after = \"2 days\"\n")];
    let catch_up = prop_oneof![8 => Just(""), 1 => Just("catch_up = true\n")];
    (pace, remind, wait, expires, catch_up).prop_map(|(p, r, w, e, c)| format!("{p}{r}{w}{e}{c}"))
}

/// A journey `j`, `k` or `l`, of which the later may follow the first.
fn journey(name: &'static str) -> impl Strategy<Value = String> {
    let cadence = prop_oneof![
        Just("30 8 * * Tue"),
        Just("30 8 * * Mon-Fri"),
        Just("0 9,15 * * *"),
        Just("*/30 6-18 * * Mon,Thu"),
    ];
    let start = (day(), 0..3u8).prop_map(move |(day, follows)| match (name, follows) {
        ("k" | "l", 0) => "after = \"j\"\n".to_owned(),
        _ => format!("start = {day}\n"),
    });
    let late = prop_oneof![Just("from start"), Just("join unit"), Just("skip to current")];
    let audience = prop_oneof![
        4 => Just(""),
        1 => Just("audience = { units = [\"Norr\"] }\n"),
        1 => Just("audience = { departments = [\"Skolan\"] }\n")
    ];
    let group = prop_oneof![
        2 => Just(""),
        1 => Just("[reference_group]\npeople = [\"p0\"]\nlead = \"5 workdays\"\n"),
        1 => Just("[reference_group]\npeople = [\"p1\", \"p3\"]\nlead = \"20 hours\"\n")
    ];
    let steps = prop::collection::vec((step(), prop::bool::weighted(0.1)), 1..4);
    (cadence, start, late, audience, group, steps).prop_map(move |(cadence, start, late, audience, group, steps)| {
        let mut text = format!(
            "=== journey {name}\ncadence = \"{cadence}\"\n{start}late_joiners = \"{late}\"\n{audience}{group}"
        );
        for (number, (step, of_department)) in steps.iter().enumerate() {
            let of = if *of_department { "of-" } else { "" };
            text += &format!("\n[[step]]\nid = \"{of}{name}{number}\"\n{step}");
        }
        text
    })
}

fn person(number: usize) -> impl Strategy<Value = String> {
    let address = prop_oneof![8 => Just(format!("p{number}@ekdala.example")), 1 => Just("alla@ekdala.example".to_owned()), 1 => Just(String::new())];
    let unit = prop_oneof![Just("Norr"), Just("Söder")];
    let department = prop_oneof![2 => Just("Skolan"), 1 => Just("")];
    let start = prop_oneof![3 => Just(String::new()), 1 => day().prop_map(|d| d.to_string())];
    let end = prop_oneof![6 => Just(String::new()), 1 => day().prop_map(|d| d.to_string())];
    let leave = prop_oneof![4 => Just(String::new()), 1 => (day(), 0..12u64).prop_map(|(from, n)| format!("{from}/{}", from + chrono::Days::new(n)))];
    let protected = prop_oneof![5 => Just(""), 1 => Just("true")];
    (address, unit, department, start, end, leave, protected).prop_map(move |(a, u, d, s, e, l, p)| {
        // Nobody leaves before they join.
        let e = if !s.is_empty() && !e.is_empty() && e < s { s.clone() } else { e };
        let name = ["Ada", "Bo", "Cia", "Dan", "Eva"][number];
        format!("p{number},{a},{name},Ek,{u},{d},{s},{e},{l},{p}\n")
    })
}

/// A people file with some of five people.
fn people(number: usize) -> impl Strategy<Value = String> {
    let there = |likely| prop::bool::weighted(likely);
    let rows = (person(0), person(1), person(2), person(3), person(4));
    let likely = if number == 1 { 0.8 } else { 0.7 };
    (rows, prop::array::uniform5(there(likely))).prop_map(move |((a, b, c, d, e), mut there)| {
        there[0] |= !there.contains(&true);
        let rows: String =
            [a, b, c, d, e].into_iter().zip(there).filter_map(|(row, there)| there.then_some(row)).collect();
        format!("=== people {number}\n{rows}")
    })
}

fn step_name() -> impl Strategy<Value = String> {
    (prop_oneof![Just('j'), Just('k'), Just('l')], 0..3u8)
        .prop_map(|(journey, n)| format!("{journey}/{journey}{n}"))
}

/// A random decision.
fn decision() -> impl Strategy<Value = String> {
    let whom = prop_oneof![
        (0..5u8).prop_map(|p| format!("--person p{p}")),
        Just("--unit Norr".to_owned()),
        Just("--unit Söder".to_owned()),
        Just("--journey j".to_owned()),
        Just("--journey k".to_owned()),
    ];
    let pause = (whom.clone(), prop::option::of(day())).prop_map(|(whom, until)| match until {
        Some(until) => format!("pause {whom} --until {until} --reason x"),
        None => format!("pause {whom} --reason x"),
    });
    prop_oneof![
        6 => step_name().prop_map(|s| format!("approve {s} --by Eva")),
        2 => step_name().prop_map(|s| format!("hold {s}")),
        1 => Just("hold".to_owned()),
        1 => Just("hold release".to_owned()),
        2 => step_name().prop_map(|s| format!("hold release {s}")),
        3 => pause,
        2 => whom.prop_map(|w| format!("resume {w} --reason x")),
        1 => (1..4i8, prop::bool::ANY).prop_map(|(w, back)| format!("unit shift Norr --weeks {} --reason x", if back { -w } else { w })),
        1 => (day(), 0..9u64).prop_map(|(d, n)| format!("unit close Söder {d} {} --why x", d + chrono::Days::new(n))),
        1 => Just("unit cadence Söder \"0 13 * * Fri\" --reason x".to_owned()),
        1 => (0..5u8).prop_map(|p| format!("choose p{p} halsa")),
        4 => (0..5u8, step_name()).prop_map(|(p, s)| format!("answer p{p} {s} --done")),
    ]
}

fn edit() -> impl Strategy<Value = String> {
    let catch_up = prop_oneof![Just(""), Just(" catch_up")];
    prop_oneof![
        step_name().prop_map(|s| format!("edit {s}")),
        (step_name(), 5..8u8, catch_up).prop_map(|(s, n, c)| format!("insert {}{n} {}{c}", &s[..3], &s[2..])),
        step_name().prop_map(|s| format!("take {s}")),
    ]
}

fn send() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just("send".to_owned()),
        1 => (0..3u8).prop_map(|n| format!("send --limit {n}")),
        1 => (0..5u8).prop_map(|p| format!("send --only p{p}")),
        1 => Just("send --only Norr".to_owned()),
        1 => step_name().prop_map(|s| format!("send --only {s}")),
    ]
}

fn act() -> impl Strategy<Value = String> {
    let minutes = prop_oneof![
        2 => Just(0i64),
        2 => (1..5i64).prop_map(|n| n * 30),
        2 => (1..12i64).prop_map(|n| n * 24 * 60),
        1 => 1..3000i64,
    ];
    prop_oneof![
        8 => send().prop_map(|what| format!("wake {what}\n")),
        2 => (minutes.clone(), send()).prop_map(|(m, what)| format!("+{m} {what}\n")),
        6 => (minutes.clone(), decision()).prop_map(|(m, what)| format!("+{m} {what}\n")),
        1 => (minutes.clone(), edit()).prop_map(|(m, what)| format!("+{m} {what}\n")),
        1 => (minutes, 1..4u8).prop_map(|(m, n)| format!("+{m} import {n}\n")),
    ]
}

/// A programme, its people and what happens over some weeks.
pub(super) fn story() -> impl Strategy<Value = String> {
    let journeys = (journey("j"), prop::option::of(journey("k")), prop::option::weighted(0.3, journey("l")));
    let people = (people(1), people(2), people(3));
    let acts = prop::collection::vec(act(), 4..16);
    (calendar(), journeys, people, acts).prop_map(|(calendar, (j, k, l), (a, b, c), acts)| {
        let (k, l) = (k.unwrap_or_default(), l.unwrap_or_default());
        format!("{calendar}{j}{k}{l}{a}{b}{c}=== acts\n{}", acts.concat())
    })
}
