//! Long-running test: a daemon and sends against an unreliable relay, with kills,
//! reloads, holds, and people who join and leave. At the end all guarantees are
//! checked; meanwhile it prints the resources that the daemon uses, to show
//! whether they grow.
//!
//! `cargo bench --bench soak` for a minute; `-- --minutes 60` for an hour. In
//! the first half it is killed again and again, in the second one process
//! lives to the end. `-- --years 3` simulates that many years instead, with a
//! given clock and a process for each pass.

#[path = "../tests/it/crash/home.rs"]
mod home;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/deliver/mailing.rs"]
mod mailing;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/crash/random_kill.rs"]
mod random_kill;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/rig.rs"]
mod rig;
#[path = "../tests/it/rng.rs"]
mod rng;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/scenarios/script.rs"]
mod script;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/relay/server.rs"]
mod server;
#[path = "../tests/it/deliver/simulation.rs"]
mod simulation;
#[path = "../tests/it/crash/soak.rs"]
mod soak;

/// Where the tests have it.
mod scenarios {
    pub(crate) use super::script;
}
/// Where the tests have it.
mod relay {
    pub(crate) use super::server;
}

use std::time::Duration;

use journey::clock::Stopwatch;
use simulation::{EventCounts, live};
use soak::{Happened, Need, soak, stayed};

#[expect(clippy::print_stdout, reason = "a bench talks to the one who runs it")]
fn main() {
    if let Some(years) = asked("--years") {
        return years_of_mails(years);
    }
    let minutes = asked("--minutes").unwrap_or(1.0);
    println!("  after  process  memory kB  most kB  open files   mails");
    let mut needs = Vec::new();
    let happened = soak(Duration::from_secs_f64(60.0 * minutes), 1, &mut |need| {
        needs.push(need);
        let Need { after, process, memory_kb, most_memory_kb, open_files, mails } = need;
        println!(
            "{:5} s  {process:7}  {memory_kb:9}  {most_memory_kb:7}  {open_files:10}  {mails:6}",
            after.as_secs()
        );
    });
    let Happened { kills, stops, sends, imports, reloads, holds, mails, copies, cancelled, resolved } =
        happened;
    println!(
        "{kills} kills, {stops} stops, {sends} sends, {imports} imports, {reloads} reloads, {holds} holds"
    );
    println!("{mails} mails as promised: {copies} copies, {cancelled} cancelled, {resolved} looked up");
    match stayed(&needs) {
        Ok(()) => println!("memory and open files stayed what they were"),
        Err(grew) => panic!("{grew}"),
    }
}

/// The number after a key.
fn asked(word: &str) -> Option<f64> {
    std::env::args().skip_while(|said| said != word).nth(1)?.parse().ok()
}

#[expect(clippy::print_stdout, reason = "a bench talks to the one who runs it")]
fn years_of_mails(years: f64) {
    let watch = Stopwatch::start();
    println!("by then      passes  deaths  imports  texts  decisions  mails  copies  open files");
    let mut weeks = 0;
    let tell = &mut |at: journey::domain::time::timezone::Timestamp, lived: EventCounts| {
        weeks += 1;
        if weeks % 13 != 0 {
            return;
        }
        let EventCounts { passes, deaths, imports, texts, decisions, mails, copies, .. } = lived;
        println!(
            "{}  {passes:7}  {deaths:6}  {imports:7}  {texts:5}  {decisions:9}  {mails:5}  {copies:6}  {:10}",
            at.format("%Y-%m-%d"),
            std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
        );
    };
    #[expect(clippy::cast_possible_truncation, reason = "some thousand days")]
    let days = (years * 365.25) as i64;
    let lived = live(days, 1, tell);
    println!("{lived:?}");
    println!("{years} years in {} s", watch.elapsed().as_secs());
}
