//! The program as it runs, with its own clock, while it hands mails to a
//! relay: killed, stopped, started twice, kept waiting. What leaves is what
//! was promised, whatever happens to the process.

mod clocks;
mod daemon;
pub(crate) mod home;
mod hunt;
mod load;
mod mishap;
mod moments;
mod points;
mod scenes;
mod soak;
mod systemd;
mod upgrades;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::relay::server;
use hunt::{Mailing, Tally, Weather, hunt};
use soak::{Need, soak};

/// More where everything must be tested.
fn so_many(few: usize, many: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "the variable that asks for everything")]
    let everything = std::env::var_os("JOURNEY_TEST_ALL").is_some();
    if everything { many } else { few }
}

#[expect(clippy::print_stdout, reason = "the figures, for whoever runs it with --nocapture")]
fn told(tally: &Tally) {
    let Tally { kills, mailings, mails, copies, lost, resolved } = tally;
    println!(
        "{kills} kills in {mailings} mailings of {mails} mails: {copies} copies, {lost} answers lost, {resolved} looked up"
    );
}

#[test]
fn f01_killed_at_any_moment_it_loses_nothing_and_repeats_no_more_than_a_mail_a_connection() {
    let tally = hunt(1, so_many(10, 100), 300, Weather::Fair);
    told(&tally);
    assert_eq!(tally.lost, 0);
}

#[test]
fn f01_the_same_with_a_relay_on_a_bad_day() {
    let tally = hunt(2, so_many(10, 100), 300, Weather::Foul);
    told(&tally);
    assert!(tally.lost > 0, "the day is no bad one");
}

#[test]
fn everything_at_once_for_a_while_leaves_everything_as_promised() {
    let length = Duration::from_secs(so_many(4, 8) as u64);
    let happened = soak(length, 3, &mut |need| {
        let Need { after, process, memory_kb, most_memory_kb, open_files, mails } = need;
        println!(
            "{after:?}: process {process} has {memory_kb} of {most_memory_kb} kB, {open_files} files; {mails} mails"
        );
        assert!(open_files < 40, "I18: {open_files} open files");
    });
    println!("{happened:?}");
    assert!(happened.mails >= 60 && happened.imports > 0 && happened.reloads > 0, "{happened:?}");
}

#[test]
fn f16_more_than_a_million_mails_are_taken_up_within_seconds() {
    if so_many(0, 1) > 0 {
        load::f16_more_than_a_million_mails();
    }
}

#[test]
fn f62_backups_cost_a_mailing_less_than_a_fifth_of_its_rate() {
    if so_many(0, 1) > 0 {
        load::f62_backups_cost_less_than_a_fifth_of_the_rate();
    }
}

/// Each promise is looked at by something that can say no.
#[test]
fn a_promise_that_is_broken_is_noticed() {
    let said = |kills: usize, sql: &str, again: bool| {
        let mut mailing = Mailing::new(10, Weather::Fair, 1);
        mailing.finish();
        mailing.kills = kills;
        let unlocked = format!("DROP TRIGGER delivery_never_moves_back; {sql}");
        mailing.home.sql().execute_batch(&unlocked).expect("it is written");
        if again {
            // It knows nothing of what it sent.
            std::fs::remove_file(mailing.home.path("journey.sent")).expect("a journal");
            mailing.finish();
        }
        let noticed = catch_unwind(AssertUnwindSafe(|| mailing.check(&mut Tally::default())));
        noticed.err().map(|said| *said.downcast::<String>().expect("words"))
    };
    for (promise, sql) in [
        ("I2: everybody", "UPDATE delivery SET state = 'held', settled_at = NULL WHERE id = 7"),
        ("I3: the relay never took", "UPDATE delivery SET message_id = '<other>' WHERE id = 7"),
        ("I3: ", "UPDATE delivery SET settled_at = '2026-01-01T00:00:00Z' WHERE id = 7"),
        (
            "assertion `left == right` failed: I9",
            "UPDATE person SET email = 'other@ekdala.example' WHERE id = 7",
        ),
    ] {
        let said = said(0, sql, false).expect(promise);
        assert!(said.contains(promise), "{said}");
    }
    let all_again = "UPDATE delivery SET state = 'due', settled_at = NULL";
    let too_many = said(2, all_again, true).expect("ten copies are too many for two kills");
    assert!(too_many.starts_with("I4"), "{too_many}");
    assert_eq!(said(3, all_again, true), None, "ten copies of three kills are what was promised");
}
