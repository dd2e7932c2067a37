//! Bounces: reports as relays write them, processed by the engine as by the
//! command, for mails that were sent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use journey::domain::change::ChangeAuthor;
use journey::domain::model::ids::PersonId;
use journey::engine::bounce::{self, BounceOutcome};
use journey::engine::plan::pass::{Filter, Pass};
use journey::engine::tokens::Keys;
use journey::store::{BounceRecord, Store};

use super::rig::Rig;
use super::scenarios::script::Scenario;

const BOUNCES: &str = "bounces@ekdala.example";
const FIRST: &str = "2026-12-01 08:30";
const LATER: &str = "2026-12-02 10:00";
const NEXT: &str = "2026-12-08 08:30";

/// Two people who got the first of two mails, from files.
fn rig() -> Rig {
    let text = "min_gap = \"20 hours\"
=== journey j
cadence = \"30 8 * * Tue\"
start = 2026-12-01

[[step]]
id = \"a\"

[[step]]
id = \"b\"
=== people 1
ada,ada@ekdala.example,Ada,Ek,Norr,,,,,
bo,bo@ekdala.example,Bo,Ek,Norr,,,,,
";
    let mut rig = Scenario::parse(text).rig();
    let at = rig.at(FIRST);
    assert_eq!(rig.send(at).len(), 2);
    rig
}

fn act(rig: &Rig, civil: &str) -> ChangeAuthor {
    ChangeAuthor { at: rig.at(civil), by: "a mail server".to_owned(), why: None }
}

/// The delivery number, the return path and the Message-ID of Ada's first mail.
fn mail_to_ada(rig: &mut Rig) -> (i64, String, String) {
    let at = rig.at(FIRST);
    let store = rig.store(at);
    let deliveries = store.deliveries_to(&PersonId::new("ada")).expect("deliveries");
    let (delivery, _) = deliveries.into_iter().next().expect("a delivery");
    let keys = Keys::new(&store.secret().expect("a secret"));
    (delivery.number, keys.return_path(delivery.number, BOUNCES), delivery.message_id)
}

/// A report of the collection, about Ada's first mail.
fn report(rig: &mut Rig, name: &str) -> Vec<u8> {
    let (_, return_path, message_id) = mail_to_ada(rig);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bounces");
    let text = fs::read_to_string(folder.join(name)).expect("a report");
    let text = text.replace("{RETURN_PATH}", &return_path).replace("{ADDRESS}", "ada@ekdala.example");
    text.replace("{MESSAGE_ID}", &message_id).replace('\n', "\r\n").into_bytes()
}

fn take(rig: &mut Rig, bytes: &[u8]) -> BounceOutcome {
    let act = act(rig, LATER);
    let (_, store) = rig.running(act.at);
    bounce::take(store, bytes, None, &act).expect("a database")
}

fn take_report(rig: &mut Rig, name: &str) -> BounceOutcome {
    let bytes = report(rig, name);
    take(rig, &bytes)
}

/// The people who get the next mail, and the reasons of those who are held.
fn next(rig: &mut Rig) -> (Vec<String>, Vec<String>) {
    rig.stop();
    let at = rig.at(NEXT);
    let world = rig.look(at);
    let pass = Pass::at(&world, at, &Filter::default());
    let send = pass.send.iter().map(|due| due.person.id.to_string()).collect();
    let reasons = pass.held.iter().flat_map(|held| &held.held.reasons);
    (send, reasons.map(|reason| format!("{}: {}", reason.code(), reason.text())).collect())
}

/// The number of lines about bounces in tables and audit log.
fn traces(rig: &mut Rig) -> (u64, usize) {
    let at = rig.at(LATER);
    let store: &Store = rig.store(at);
    let audit = store.audit_entries(100).expect("the audit log");
    let noted = store.bounces_by_cause().expect("bounces").iter().map(|(_, n)| n).sum();
    (noted, audit.iter().filter(|line| line.action == "bounce").count())
}

fn is_held(taken: BounceOutcome) -> bool {
    matches!(taken, BounceOutcome::Bounced { kept: BounceRecord::PersonHeld, .. })
}

#[test]
fn a_permanent_bounce_holds_the_person_and_records_its_code() {
    for (name, code) in [
        ("hard-english.eml", "5.1.1"),
        ("hard-swedish.eml", "5.1.1"),
        ("hard-exchange.eml", "5.1.10"),
        ("hard-rfc6533.eml", "5.1.1"),
        ("unspecific.eml", "5.1.1"),
    ] {
        let mut rig = rig();
        assert!(is_held(take_report(&mut rig, name)), "{name}");
        let (send, held) = next(&mut rig);
        assert_eq!(send, ["bo"], "{name}: no further mail");
        let expected = format!("no_address: the relay says that there is no such mailbox: {code}");
        assert!(held.contains(&expected), "{name}: {held:?}");
        assert_eq!(traces(&mut rig), (1, 1), "{name}");
        let at = rig.at(LATER);
        let (delivery, reply) =
            rig.store(at).deliveries_to(&PersonId::new("ada")).expect("deliveries").remove(0);
        assert_eq!(delivery.state.as_str(), "sent", "{name}: a state never moves backwards");
        assert!(reply.is_some_and(|reply| reply.ends_with(&format!("; came back: {code}"))), "{name}");
    }
}

#[test]
fn an_admin_can_release_a_bounce_hold() {
    let mut rig = rig();
    assert!(is_held(take_report(&mut rig, "hard-english.eml")));
    let act = act(&rig, LATER);
    let (_, store) = rig.running(act.at);
    assert!(store.clear_bounce(&PersonId::new("ada"), &act).expect("written"));
    assert!(!store.clear_bounce(&PersonId::new("ada"), &act).expect("written"), "there is nothing left");
    assert_eq!(next(&mut rig).0, ["ada", "bo"]);
}

#[test]
fn an_out_of_office_reply_is_no_bounce_and_is_not_stored() {
    let mut rig = rig();
    assert_eq!(take_report(&mut rig, "away-with-headers.eml"), BounceOutcome::Automatic);
    assert_eq!(take_report(&mut rig, "away-without-headers.eml"), BounceOutcome::PersonalReply);
    assert_eq!(traces(&mut rig), (0, 0));
    let folder = rig.path("");
    for entry in fs::read_dir(folder).expect("the home") {
        let bytes = fs::read(entry.expect("a file").path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("sjukskriven") && !text.contains("rumsnummer"));
    }
    assert_eq!(next(&mut rig).0, ["ada", "bo"]);
}

#[test]
fn a_delivery_report_marked_auto_replied_is_still_processed() {
    let mut rig = rig();
    let bytes = report(&mut rig, "hard-english.eml");
    assert!(String::from_utf8_lossy(&bytes).contains("Auto-Submitted: auto-replied"));
    assert!(is_held(take(&mut rig, &bytes)));
}

#[test]
fn reports_of_delay_relaying_delivery_and_reading_change_nothing() {
    let mut rig = rig();
    let (delivery, ..) = mail_to_ada(&mut rig);
    for name in ["delayed.eml", "relayed.eml", "delivered.eml"] {
        assert_eq!(take_report(&mut rig, name), BounceOutcome::Delayed { delivery }, "{name}");
    }
    assert_eq!(take_report(&mut rig, "receipt.eml"), BounceOutcome::Automatic);
    assert_eq!(traces(&mut rig), (0, 0));
    assert_eq!(next(&mut rig).0, ["ada", "bo"]);
}

#[test]
fn a_forged_report_holds_nobody() {
    let mut rig = rig();
    for name in ["forged-without-token.eml", "forged-with-wrong-token.eml"] {
        assert_eq!(take_report(&mut rig, name), BounceOutcome::UnknownToken, "{name}");
    }
    // A token of another database, and one of a mail that was never sent.
    let (_, own, _) = mail_to_ada(&mut rig);
    let at = rig.at(LATER);
    let secret = rig.store(at).secret().expect("a secret");
    for other in [Keys::new(&[9; 32]).return_path(1, BOUNCES), Keys::new(&secret).return_path(4_711, BOUNCES)]
    {
        let text = String::from_utf8(report(&mut rig, "hard-english.eml")).expect("text");
        assert_eq!(take(&mut rig, text.replace(&own, &other).as_bytes()), BounceOutcome::UnknownToken);
    }
    assert_eq!(traces(&mut rig), (0, 0));
    assert_eq!(next(&mut rig).0, ["ada", "bo"]);
}

#[test]
fn a_report_about_a_mail_that_was_not_sent_is_ignored() {
    let mut rig = rig();
    rig.stop();
    let at = rig.at(NEXT);
    assert_eq!(rig.book_only(at), 2);
    rig.stop();
    let store = rig.store(at);
    let keys = Keys::new(&store.secret().expect("a secret"));
    let deliveries = store.deliveries_to(&PersonId::new("ada")).expect("deliveries");
    let booked = deliveries.last().expect("two").0.number;
    let (sent, own, _) = mail_to_ada(&mut rig);
    assert_ne!(booked, sent);
    let text = String::from_utf8(report(&mut rig, "hard-english.eml")).expect("text");
    let text = text.replace(&own, &keys.return_path(booked, BOUNCES));
    assert_eq!(take(&mut rig, text.as_bytes()), BounceOutcome::UnknownToken);
}

#[test]
fn an_upper_cased_return_path_token_still_matches() {
    let mut rig = rig();
    let (_, own, _) = mail_to_ada(&mut rig);
    let text = String::from_utf8(report(&mut rig, "hard-english.eml")).expect("text");
    assert!(is_held(take(&mut rig, text.replace(&own, &own.to_uppercase()).as_bytes())));
}

#[test]
fn in_a_report_about_two_recipients_only_ours_counts() {
    let mut rig = rig();
    let (delivery, ..) = mail_to_ada(&mut rig);
    assert_eq!(take_report(&mut rig, "two-other-failed.eml"), BounceOutcome::Delayed { delivery });
    assert_eq!(take_report(&mut rig, "two-strangers.eml"), BounceOutcome::OtherRecipient { delivery });
    assert_eq!(next(&mut rig).0, ["ada", "bo"]);
    assert!(is_held(take_report(&mut rig, "two-ours-failed.eml")));
    assert_eq!(next(&mut rig).0, ["bo"]);
}

#[test]
fn an_unparseable_report_is_reported_and_crashes_nothing() {
    let mut rig = rig();
    let whole = report(&mut rig, "hard-english.eml");
    let mut unread = 0;
    for end in 0..whole.len() {
        // Half a report may still hold its essential part, and then counts.
        let taken = take(&mut rig, &whole[..end]);
        assert!(
            !matches!(taken, BounceOutcome::OtherRecipient { .. } | BounceOutcome::Delayed { .. }),
            "{end}: {taken:?}"
        );
        unread += u64::from(taken == BounceOutcome::Unparseable);
    }
    let status = String::from_utf8_lossy(&whole).find("Original-Recipient").expect("there");
    assert_eq!(take(&mut rig, &whole[..status]), BounceOutcome::Unparseable);
    let binary: Vec<u8> = (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert_eq!(take(&mut rig, &binary), BounceOutcome::Unparseable);
    assert_eq!(take(&mut rig, b""), BounceOutcome::Unparseable);
    let at = rig.at(LATER);
    assert_eq!(rig.store(at).unparsed_bounces().expect("a number"), unread + 3, "each is counted");
    let mut nested = String::from("From: x@y.example\r\n");
    for level in 0..300 {
        nested += &format!("Content-Type: multipart/mixed; boundary=\"b{level}\"\r\n\r\n--b{level}\r\n");
    }
    assert_eq!(take(&mut rig, nested.as_bytes()), BounceOutcome::PersonalReply);
    let mut messages = String::from("From: x@y.example\r\n");
    for _ in 0..300 {
        messages += "Content-Type: message/rfc822\r\n\r\n";
    }
    assert_eq!(take(&mut rig, messages.as_bytes()), BounceOutcome::PersonalReply);
    let many: String = (0..5_000).map(|n| format!("To: x{n}@y.example\r\n")).collect();
    assert_eq!(
        take(&mut rig, format!("From: x@y.example\r\n{many}\r\n").as_bytes()),
        BounceOutcome::PersonalReply
    );
    let long = bounce::mail(std::io::repeat(b'x')).expect("read");
    assert_eq!(long, None, "a mail without an end is not read to one");
}

#[test]
fn a_status_code_about_the_relay_does_not_hold_the_person() {
    for name in ["channel.eml", "full.eml"] {
        let mut rig = rig();
        let taken = take_report(&mut rig, name);
        let BounceOutcome::Bounced { code, kept: BounceRecord::Recorded, .. } = taken else {
            panic!("{name}: {taken:?}")
        };
        assert_eq!(bounce::is_alarm(code), name == "channel.eml");
        assert_eq!(traces(&mut rig), (1, 0), "{name}");
        assert_eq!(next(&mut rig).0, ["ada", "bo"], "{name}");
    }
}

#[test]
fn the_same_report_twice_counts_once() {
    let mut rig = rig();
    assert!(is_held(take_report(&mut rig, "hard-english.eml")));
    let again = take_report(&mut rig, "hard-english.eml");
    assert!(matches!(again, BounceOutcome::Bounced { kept: BounceRecord::Duplicate, .. }), "{again:?}");
    assert_eq!(traces(&mut rig), (1, 1));
}

#[test]
fn a_new_address_releases_the_hold_and_ignores_late_reports_about_the_old_one() {
    let mut rig = rig();
    assert!(is_held(take_report(&mut rig, "hard-english.eml")));
    rig.edit("people-1.csv", "ada@ekdala.example", "ada.ek@ekdala.example");
    let at = rig.at("2026-12-03 10:00");
    rig.import(at, "people-1.csv");
    assert_eq!(next(&mut rig).0, ["ada", "bo"], "lifted by itself");
    // A second report about the mail to the old address, with another code.
    let late = take_report(&mut rig, "hard-exchange.eml");
    assert!(matches!(late, BounceOutcome::Bounced { kept: BounceRecord::Recorded, .. }), "{late:?}");
    assert_eq!(next(&mut rig).0, ["ada", "bo"], "old address only");
}

#[test]
fn an_import_with_the_same_address_releases_nothing() {
    let mut rig = rig();
    assert!(is_held(take_report(&mut rig, "hard-english.eml")));
    rig.edit("people-1.csv", "ada@ekdala.example,Ada,Ek", "Ada@ekdala.example,Ada,Ekman");
    let at = rig.at("2026-12-03 10:00");
    rig.import(at, "people-1.csv");
    assert_eq!(next(&mut rig).0, ["bo"]);
}

#[test]
fn the_bounce_command_reads_standard_input_and_sets_the_exit_code_for_mail_servers() {
    let mut rig = rig();
    let channel = report(&mut rig, "channel.eml");
    let report = report(&mut rig, "hard-english.eml");
    rig.stop();
    let file = rig.path("config.toml");
    let run = |input: &[u8], more: &[&str]| {
        let mail = rig.path("mail.eml");
        fs::write(&mail, input).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_journey"))
            .args(["--config", file.to_str().expect("a path"), "--at", "2026-12-02T10:00", "bounce"])
            .args(more)
            .stdin(fs::File::open(&mail).expect("a file"))
            .stdout(Stdio::piped())
            .output()
            .expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("text");
        assert!(!said.contains("ada@"), "no address in what is said: {said}");
        (output.status.code(), said)
    };
    let (code, said) = run(b"From: a@b.example\r\nSubject: hej\r\n\r\nhej\r\n", &[]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(b"\x00\x01\x02", &[]);
    assert!(code == Some(65) && said.contains("cannot be read"), "{said}");
    let (code, said) = run(&channel, &["-q"]);
    let alarm = "came back: 5.7.1, which is about the relay or the mail, and no reader\u{2019}s fault";
    assert!(code == Some(0) && said.contains(alarm), "relay problems are reported even with --quiet: {said}");
    let (code, said) = run(&report, &[]);
    assert!(code == Some(0) && said.contains("5.1.1; its reader is held"), "{said}");
    let (code, said) = run(&report, &[]);
    assert!(code == Some(0) && said.contains("that was known"), "{said}");
    let (code, said) = run(b"", &["--clear", "ada"]);
    assert!(code == Some(0) && said.contains("written to again"), "{said}");
    let (code, said) = run(b"", &["--clear", "ada"]);
    assert!(code == Some(1), "{said}");
    let status = journey_status(file.clone());
    let sums = "came back: 1 for want of a mailbox, 0 for a passing reason, 1 for the relay or the mail";
    assert!(status.contains(sums), "{status}");
    assert!(
        status.contains("  1 mail to the return path could not be read: look where they arrive"),
        "{status}"
    );
    let (code, said) = run(b"", &["--clear", "nobody"]);
    assert!(code == Some(2) && said.contains("nobody in the people file"), "{said}");
    fs::remove_file(rig.path("journey.db")).expect("gone");
    let (code, said) = run(b"", &["--clear", "ada"]);
    assert!(code == Some(1) && said.contains("nothing was ever sent"), "{said}");
    assert!(!rig.path("journey.db").exists(), "and nobody is imported for it");
}

/// What `journey status` prints afterwards.
fn journey_status(config: PathBuf) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_journey"));
    command.arg("--config").arg(config).args(["--at", "2026-12-02T10:00", "status"]);
    let output = command.output().expect("it runs");
    String::from_utf8(output.stdout).expect("text")
}
