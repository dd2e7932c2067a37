//! Properties that hold for every programme, tested with random ones against
//! the real database and the real files: a dry run lists exactly what a run
//! sends, and a sender that sleeps until the next wake-up misses no mail. A
//! failing case prints its script; paste it into a test of its own.

mod random;
pub(crate) mod script;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use journey::domain::time::timezone::Timestamp;
use journey::engine::plan::pass::{Filter, Pass};
use journey::engine::plan::positions;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

use super::rig::{Leaving, Rig};
use super::transcripts::journey;
use random::story;
use script::Scenario;

/// Fixed, so that the test is reproducible. Other seeds are tried by changing
/// it; more cases with `JOURNEY_TEST_ALL`.
const SEED: u64 = 20_261_125;

fn cases(few: u32, many: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if all() { many } else { few },
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(SEED),
        ..ProptestConfig::default()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one variable that is about the tests themselves")]
pub(crate) fn all() -> bool {
    std::env::var_os("JOURNEY_TEST_ALL").is_some()
}

proptest! {
    #![proptest_config(cases(40, 160))]

    #[test]
    fn a_dry_run_lists_exactly_what_is_sent_and_a_second_run_sends_nothing(story in story()) {
        let found = live(&story);
        prop_assert!(found.is_ok(), "{}\n{}", found.unwrap_err(), story);
    }
}

/// Runs a script; each `send` is compared with its dry run.
fn live(text: &str) -> Result<(), String> {
    let story = Scenario::parse(text);
    let mut rig = story.rig();
    let mut now = rig.at("2026-11-23 00:00");
    for act in &story.acts {
        now = act.at(&mut rig, now);
        if act.is_send() {
            compare(&mut rig, now, &act.selection()).map_err(|what| format!("{now} {act:?}: {what}"))?;
        } else {
            act.happen(&mut rig, now);
        }
    }
    Ok(())
}

/// Asserts that what a dry run lists, what is sent, what is written and what is
/// enqueued are the same, and that a second run does nothing.
fn compare(rig: &mut Rig, at: Timestamp, selection: &Filter) -> Result<(), String> {
    let listed = rig.dry_run(at, selection);
    let sent = rig.send_only(at, selection);
    let same = |(listed, sent): (&Leaving, &Leaving)| {
        let name = listed.message_id.is_none() || listed.message_id == sent.message_id;
        name && Leaving { message_id: None, ..listed.clone() } == Leaving { message_id: None, ..sent.clone() }
    };
    if listed.len() != sent.len() || !listed.iter().zip(&sent).all(same) {
        return Err(format!("listed {listed:#?}\nsent {sent:#?}"));
    }
    written(rig, at, &sent)?;
    if selection.is_everything() && selection.limit.is_none() {
        let again = (rig.dry_run(at, selection), rig.send(at), rig.new_letters().len());
        if again != (Vec::new(), Vec::new(), 0) {
            return Err(format!("once more at the same instant: {again:#?}"));
        }
    }
    Ok(())
}

/// Each mail is a file for its person and a row of the database.
fn written(rig: &mut Rig, at: Timestamp, sent: &[Leaving]) -> Result<(), String> {
    let letters = rig.new_letters();
    let (world, _) = rig.running(at);
    let zone = world.content.library.programme.zone;
    let civil = zone.civil(at).format("%Y-%m-%d/%H%M");
    let expected: BTreeSet<_> = sent
        .iter()
        .map(|mail| {
            let person = world.roster.find(&mail.person).expect("a person");
            let name = format!("{civil}-{}-{}-{}.eml", person.id, mail.step.replace('/', "-"), mail.round);
            let name = if person.protected { None } else { Some(name) };
            let to = person.email.as_deref().unwrap_or_default().to_owned();
            (mail.message_id.clone().unwrap_or_default(), to, name)
        })
        .collect();
    let found: BTreeSet<_> = letters
        .iter()
        .map(|letter| {
            let name = Some(letter.name.clone()).filter(|name| !name.contains("-protected-"));
            (letter.message_id.clone(), letter.to.clone(), name)
        })
        .collect();
    if letters.len() != sent.len() || found != expected || letters.iter().any(|letter| letter.date != at) {
        return Err(format!("files {found:#?}\nexpected {expected:#?}"));
    }
    // An earlier pass at this instant may have enqueued some with a selection.
    let booked = rig.booked(at);
    let is_booked = |mail: &Leaving| {
        let id = mail.message_id.clone().unwrap_or_default();
        booked.contains(&(mail.person.clone(), mail.step.clone(), mail.round, mail.slot, id))
    };
    if sent.iter().all(is_booked) { Ok(()) } else { Err(format!("booked {booked:#?}")) }
}

proptest! {
    #![proptest_config(cases(8, 24))]

    #[test]
    fn sleeping_until_the_next_wake_up_misses_no_mail(story in story()) {
        let found = sleep(&story);
        prop_assert!(found.is_ok(), "{}\n{}", found.unwrap_err(), story);
    }
}

/// How long after the last action the test goes on.
const WEEKS: i64 = 3;

/// Runs a script and asks for every person every half hour: all who are due
/// then must be among those the database finds by position. Positions are
/// updated after sends, imports and decisions alone.
fn sleep(text: &str) -> Result<(), String> {
    let story = Scenario::parse(text);
    let mut rig = story.rig();
    let mut now = rig.at("2026-11-23 00:00");
    rig.running(now);
    rig.keep(now);
    for act in &story.acts {
        let then = act.at(&mut rig, now);
        while now < then {
            half_hour(&mut rig, now)?;
            now += TimeDelta::minutes(30);
        }
        now = then;
        if act.is_send() {
            rig.send_only(now, &act.selection());
        } else {
            act.happen(&mut rig, now);
        }
    }
    let end = now + TimeDelta::weeks(WEEKS);
    while now < end {
        half_hour(&mut rig, now)?;
        now += TimeDelta::minutes(30);
    }
    Ok(())
}

/// Asserts that the positions find everybody who is due, then sends.
fn half_hour(rig: &mut Rig, now: Timestamp) -> Result<(), String> {
    let (world, store) = rig.running(now);
    let pass = Pass::at(world, now, &Filter::default());
    let Some(found) =
        positions::due_people(&world.config, &world.content.library, store, now).expect("positions")
    else {
        return Err(format!("{now}: the positions are not those of this content"));
    };
    for due in &pass.send {
        if !due.number.is_some_and(|number| found.contains(&number)) {
            return Err(format!("{now}: {} misses {}/{}", due.person.id, due.journey.slug, due.step.slug));
        }
    }
    if !pass.send.is_empty() {
        drop(pass);
        rig.send(now);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(4, 8))]

    /// The same through the command line.
    #[test]
    fn the_commands_list_exactly_what_they_send(story in story()) {
        let found = typed(&story);
        prop_assert!(found.is_ok(), "{}\n{}", found.unwrap_err(), story);
    }
}

/// Runs a script through the command line.
fn typed(text: &str) -> Result<(), String> {
    let story = Scenario::parse(text);
    let mut rig = story.rig();
    let config = rig.path("config.toml").display().to_string();
    let mut now = rig.at("2026-11-23 00:00");
    for act in &story.acts {
        now = act.at(&mut rig, now);
        let at = rig.zone.rfc3339(now);
        let words = act.typed(&mut rig);
        let Some((command, more)) = words.split_first() else { continue };
        let run = |extra: &[&str]| {
            let typed: Vec<&str> = more.iter().map(String::as_str).chain(extra.iter().copied()).collect();
            journey(&[&["--config", &config, "--at", &at, command][..], &typed].concat())
        };
        if !act.is_send() {
            let output = run(&[]);
            if !matches!(output.status.code(), Some(0 | 2)) {
                return Err(format!("{act:?}: {}", String::from_utf8_lossy(&output.stderr)));
            }
            continue;
        }
        let mails = |extra: &[&str]| -> Result<Vec<Value>, String> {
            let output = run(&[&["--format", "json"], extra].concat());
            let value: Value = serde_json::from_slice(&output.stdout)
                .map_err(|_| format!("{act:?}: {}", String::from_utf8_lossy(&output.stderr)))?;
            let mut mails = value["send"].as_array().cloned().unwrap_or_default();
            for mail in &mut mails {
                mail["state"] = Value::Null;
                // People have no number before they are imported.
                mail["message_id"] = Value::Null;
            }
            Ok(mails)
        };
        // A person or step that does not exist is an error in both.
        if run(&["--dry-run"]).status.code() == Some(2) {
            continue;
        }
        let (listed, sent) = (mails(&["--dry-run"])?, mails(&[])?);
        let again = match act.selection() {
            selection if selection.is_everything() && selection.limit.is_none() => mails(&[])?.len(),
            _ => 0,
        };
        if listed != sent || again > 0 {
            return Err(format!("{now} {act:?}: listed {listed:#?}\nsent {sent:#?}\nagain {again}"));
        }
    }
    Ok(())
}
