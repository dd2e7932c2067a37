//! Kills the program at random moments while it hands mails to a relay, and
//! restarts it, as often as asked: the delivery guarantees must hold.
//!
//! `cargo bench --bench crash` kills it 1,000 times; `-- 10000` more often,
//! half of them with a faulty relay. A second number is the seed.

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/crash/home.rs"]
mod home;
#[path = "../tests/it/crash/random_kill.rs"]
mod random_kill;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/rng.rs"]
mod rng;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/relay/server.rs"]
mod server;

use journey::clock::Stopwatch;
use random_kill::{Counters, RelayFaults, run_random_kills};

/// The number of people with a mail due in each mailing.
const PEOPLE: usize = 1_400;

#[expect(clippy::print_stdout, reason = "a bench talks to the one who runs it")]
fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|n| n.parse::<u64>().ok());
    let kills = numbers.next().unwrap_or(1_000);
    let seed = numbers.next().unwrap_or(1);
    let watch = Stopwatch::start();
    for (faults, seed) in [(RelayFaults::None, seed), (RelayFaults::Random, seed + 1)] {
        let half = usize::try_from(kills / 2).unwrap_or(usize::MAX);
        let Counters { kills, mailings, mails, copies, lost, resolved } =
            run_random_kills(seed, half, PEOPLE, faults);
        println!(
            "{faults:?}: {kills} kills in {mailings} mailings of {mails} mails: {copies} copies, {lost} answers lost, {resolved} looked up; {} s",
            watch.elapsed().as_secs()
        );
    }
}
