//! Crash and shutdown tests: the built program, with the system clock, is
//! killed, stopped, started twice or blocked while it hands mails to a relay.
//! The delivery guarantees must hold whatever happens to the process.

mod clocks;
mod consistency;
pub(crate) mod daemon;
mod failpoints;
pub(crate) mod home;
mod load;
mod panics;
mod random_kill;
mod scenes;
mod soak;
mod sync_order;
mod systemd;
mod upgrades;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::relay::server;
use random_kill::{Counters, Mailing, RelayFaults, run_random_kills};
use soak::{Need, soak};

/// The larger number where `JOURNEY_TEST_ALL` asks for the full test run.
pub(crate) fn iterations(few: usize, many: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "the variable that asks for everything")]
    let everything = std::env::var_os("JOURNEY_TEST_ALL").is_some();
    if everything { many } else { few }
}

#[expect(clippy::print_stdout, reason = "the figures, for whoever runs it with --nocapture")]
fn print_report(tally: &Counters) {
    let Counters { kills, mailings, mails, copies, lost, resolved } = tally;
    println!(
        "{kills} kills in {mailings} mailings of {mails} mails: {copies} copies, {lost} answers lost, {resolved} looked up"
    );
}

#[test]
fn killed_at_random_moments_it_loses_nothing_and_repeats_at_most_one_mail_per_connection() {
    let tally = run_random_kills(1, iterations(10, 100), 300, RelayFaults::None);
    print_report(&tally);
    assert_eq!(tally.lost, 0);
}

#[test]
fn killed_at_random_moments_with_a_faulty_relay_it_keeps_the_guarantees() {
    let tally = run_random_kills(2, iterations(10, 100), 300, RelayFaults::Random);
    print_report(&tally);
    assert!(tally.lost > 0, "the day is no bad one");
}

#[test]
fn a_soak_run_keeps_the_delivery_guarantees() {
    let length = Duration::from_secs(iterations(4, 8) as u64);
    let happened = soak(length, 3, &mut |need| {
        let Need { after, process, memory_kb, most_memory_kb, open_files, mails } = need;
        println!(
            "{after:?}: process {process} has {memory_kb} of {most_memory_kb} kB, {open_files} files; {mails} mails"
        );
        assert!(open_files < 40, "{open_files} open files");
    });
    println!("{happened:?}");
    assert!(happened.mails >= 60 && happened.imports > 0 && happened.reloads > 0, "{happened:?}");
}

#[test]
fn sending_starts_soon_with_a_quarter_of_a_million_mails_queued() {
    if iterations(0, 1) > 0 {
        load::a_quarter_of_a_million_mails();
    }
}

#[test]
fn backups_during_a_mailing_stop_no_mail() {
    load::a_mailing_beside_backups();
}

/// Each delivery guarantee is checked by an assertion that can fail.
#[test]
fn a_broken_guarantee_is_detected() {
    let said = |kills: usize, sql: &str, again: bool| {
        let mut mailing = Mailing::new(10, RelayFaults::None, 1);
        mailing.finish();
        mailing.kills = kills;
        let unlocked = format!("DROP TRIGGER delivery_never_moves_back; {sql}");
        mailing.home.sql().execute_batch(&unlocked).expect("it is written");
        if again {
            // Without the send journal the program has no record of what it
            // sent.
            std::fs::remove_file(mailing.home.path("journey.sent")).expect("a journal");
            mailing.finish();
        }
        let noticed = catch_unwind(AssertUnwindSafe(|| mailing.check(&mut Counters::default())));
        noticed.err().map(|said| *said.downcast::<String>().expect("words"))
    };
    for (promise, sql) in [
        ("everybody has it", "UPDATE delivery SET state = 'held', settled_at = NULL WHERE id = 7"),
        ("sent, but never accepted", "UPDATE delivery SET message_id = '<other>' WHERE id = 7"),
        (
            "recorded as sent before it was accepted",
            "UPDATE delivery SET settled_at = '2026-01-01T00:00:00Z' WHERE id = 7",
        ),
        (
            "assertion `left == right` failed: wrong recipient",
            "UPDATE person SET email = 'other@ekdala.example' WHERE id = 7",
        ),
    ] {
        let said = said(0, sql, false).expect(promise);
        assert!(said.contains(promise), "{said}");
    }
    let all_again = "UPDATE delivery SET state = 'due', settled_at = NULL";
    let too_many = said(2, all_again, true).expect("ten copies are too many for two kills");
    assert!(too_many.contains(" copies"), "{too_many}");
    assert_eq!(said(3, all_again, true), None, "ten copies of three kills are what was promised");
}
