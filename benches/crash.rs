//! The program killed at any moment while it hands mails to a relay that
//! listens here, and started again, as often as somebody wishes: in the end
//! everything must be as promised.
//!
//! `cargo bench --bench crash` kills it 1,000 times; `-- 10000` more often,
//! half of them with a relay on a bad day. A second number is the seed.

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
use random_kill::{Tally, Weather, hunt};

/// So many people have a mail due in each mailing.
const PEOPLE: usize = 1_400;

#[expect(clippy::print_stdout, reason = "a bench talks to the one who runs it")]
fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|n| n.parse::<u64>().ok());
    let kills = numbers.next().unwrap_or(1_000);
    let seed = numbers.next().unwrap_or(1);
    let watch = Stopwatch::start();
    for (weather, seed) in [(Weather::Fair, seed), (Weather::Foul, seed + 1)] {
        let half = usize::try_from(kills / 2).unwrap_or(usize::MAX);
        let Tally { kills, mailings, mails, copies, lost, resolved } = hunt(seed, half, PEOPLE, weather);
        println!(
            "{weather:?}: {kills} kills in {mailings} mailings of {mails} mails: {copies} copies, {lost} answers lost, {resolved} looked up; {} s",
            watch.elapsed().as_secs()
        );
    }
}
