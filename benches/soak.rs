//! Everything at once for a long time: a daemon and sends against a relay on a
//! bad day, killed, reloaded, held, with people that come and go. In the end
//! everything must be as promised; on the way it prints what the daemon needs,
//! so that one sees whether that stays what it is.
//!
//! `cargo bench --bench soak` for a minute; `-- --minutes 60` for an hour. In
//! the first half it is killed again and again, in the second one process
//! lives to the end.

#[path = "../tests/it/kills/home.rs"]
mod home;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/kills/hunt.rs"]
mod hunt;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/relay/server.rs"]
mod server;
#[path = "../tests/it/kills/soak.rs"]
mod soak;

use std::time::Duration;

use soak::{Happened, Need, soak};

#[expect(clippy::print_stdout, reason = "a bench talks to the one who runs it")]
fn main() {
    let mut arguments = std::env::args().skip_while(|word| word != "--minutes").skip(1);
    let minutes: f64 = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1.0);
    println!("  after  process  memory kB  most kB  open files   mails");
    let happened = soak(Duration::from_secs_f64(60.0 * minutes), 1, &mut |need| {
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
}
