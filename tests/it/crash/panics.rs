//! A panic while a mail is built for one person: that delivery is held, and the
//! others continue.

use std::process::Output;

use super::daemon::Running;
use super::home::{Home, until};
use super::server::{Relay, Script};

/// Text of a panic message that may contain personal data.
const NAME: &str = "Annaaaf";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The error reference that was printed; asserts that the log has it with a
/// source location, and without a name.
fn reference_in(said: &str) -> String {
    assert!(!said.contains(NAME), "{said}");
    let told = |line: &str| {
        let (reference, place) =
            line.strip_prefix("internal error, reference ")?.split_once(": panicked at src/")?;
        Some((reference.to_owned(), place.to_owned()))
    };
    let (reference, place) = said.lines().find_map(told).unwrap_or_else(|| panic!("{said}"));
    assert!(reference.len() == 10 && reference.starts_with("R-") && place.contains(".rs:"), "{said}");
    reference
}

#[test]
fn a_panic_while_building_a_mail_holds_it_and_the_daemon_continues() {
    let relay = Relay::start(Script::default());
    let home = Home::peopled(12, relay.port());
    let failpoints = format!("letters.make=7*off->1*return(no letter in {NAME} Berg)");
    let daemon = Running::start_with(&home, &["daemon"], &[("FAILPOINTS", &failpoints)]);
    until("the others are sent", || home.count("state = 'sent'") == 11);
    until("one is held", || home.count("state = 'held'") == 1);
    daemon.says("internal error, reference ");
    let told = format!("{}: the program could not make this mail", reference_in(&daemon.said()));
    assert_eq!((home.count("state = 'held' AND attempts = 0"), relay.count()), (1, 11));
    let status = said(&home.run(&["status"]));
    assert!(status.contains("1  held") && status.contains(&told) && !status.contains(NAME), "{status}");
    let log = daemon.stop();
    assert_eq!(log.matches("panicked").count(), 1, "{log}");
    // The operator has looked at it, and the bug is fixed.
    let number: i64 = home
        .sql()
        .query_row("SELECT id FROM delivery WHERE state = 'held'", [], |row| row.get(0))
        .expect("one");
    home.done(&["resolve", &number.to_string(), "--as", "unsent", "-q"]);
    home.done(&["send", "-q"]);
    assert_eq!((home.count("state = 'sent'"), relay.count()), (12, 12));
}

#[test]
fn a_panic_before_enqueueing_affects_no_other_mail() {
    let relay = Relay::start(Script::default());
    let home = Home::peopled(12, relay.port());
    let failpoints = format!("pass.subject=7*off->1*return(no letter in {NAME} Berg)");
    for dry in [true, false] {
        let arguments: &[&str] = if dry { &["send", "--dry-run"] } else { &["send"] };
        let output = home.command(arguments).env("FAILPOINTS", &failpoints).output().expect("it starts");
        let said = said(&output);
        let told = format!("internal error, reference {}: the program", reference_in(&said));
        assert!(said.contains(&told), "it is held, and why: {said}");
        assert_eq!(relay.count(), if dry { 0 } else { 11 });
    }
    home.done(&["send", "-q"]);
    assert_eq!(relay.count(), 12);
}
