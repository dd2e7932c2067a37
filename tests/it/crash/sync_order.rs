//! The order of system calls, seen by `strace`: the commit that puts a mail in flight,
//! with the outcome of the mail before, is on the disk before the mail's first byte
//! leaves.

use std::fs;
use std::process::Command;

use super::daemon::{each_once, relay};
use super::home::Home;

const MAILS: usize = 12;

/// What a system call shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// A file is synced.
    Synced,
    /// The relay asks for the data.
    AsksForData,
    /// The relay has accepted a mail.
    Accepts,
    /// Bytes are sent to the relay.
    Sends,
}

/// A line of the trace; a call that another thread interrupts has two lines, and
/// counts when it is complete, or when it is begun if it sends.
fn call(line: &str) -> Option<Call> {
    let is_begun = line.contains("<unfinished ...>");
    if line.contains("sync") && !is_begun && line.ends_with("= 0") {
        return Some(Call::Synced);
    }
    if line.contains(" sendto(") {
        return Some(Call::Sends);
    }
    let is_received = line.contains("recvfrom") && !is_begun;
    if is_received && line.contains("354 ") {
        return Some(Call::AsksForData);
    }
    (is_received && line.contains("queued")).then_some(Call::Accepts)
}

#[test]
fn each_commit_is_synced_before_the_first_byte_of_the_mail_is_sent() {
    if Command::new("strace").arg("-V").output().is_err() {
        #[expect(clippy::disallowed_methods, reason = "the variable that asks for everything")]
        let all = std::env::var_os("JOURNEY_TEST_ALL");
        assert!(all.is_none(), "strace is missing, and JOURNEY_TEST_ALL requires it");
        println!("skipped: strace is missing");
        return;
    }
    let relay = relay(Vec::new());
    let home = Home::peopled(MAILS, relay.port());
    home.edit("config.toml", "connections = ", "connections = 1 # ");
    let program = home.command(&["send", "-q"]);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-s", "200", "-e", "trace=fsync,fdatasync,sendto,recvfrom", "-o", "trace"]);
    traced.arg(program.get_program()).args(program.get_args()).env_clear();
    traced.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    traced.env("PATH", "/usr/bin:/bin").current_dir(program.get_current_dir().expect("a folder"));
    let output = traced.output().expect("strace starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    each_once(&relay, MAILS);
    let trace = fs::read_to_string(home.path("trace")).expect("a trace");
    let calls: Vec<Call> = trace.lines().filter_map(call).collect();
    let (mut is_synced, mut is_asked, mut mails) = (false, false, 0);
    for call in &calls {
        match call {
            Call::Accepts => is_synced = false,
            Call::Synced => is_synced = true,
            Call::AsksForData => is_asked = true,
            Call::Sends if is_asked => {
                assert!(is_synced, "mail {mails} left before its commit: {calls:?}");
                (is_asked, mails) = (false, mails + 1);
            }
            Call::Sends => {}
        }
    }
    assert_eq!(mails, MAILS, "{calls:?}");
}
