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
use journey::store::{BounceRecord, Secrets, Store};

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
    let keys = Keys::new(&store.secrets().expect("the secrets"));
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

fn is_held(taken: &BounceOutcome) -> bool {
    matches!(taken, BounceOutcome::Bounced { kept: BounceRecord::PersonHeld, .. })
}

fn is_unread(taken: &BounceOutcome) -> bool {
    matches!(taken, BounceOutcome::Unparseable { .. })
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
        assert!(is_held(&take_report(&mut rig, name)), "{name}");
        let (send, held) = next(&mut rig);
        assert_eq!(send, ["bo"], "{name}: no further mail");
        let expected = format!("no_address: the mail server says that the mailbox does not exist: {code}");
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
    assert!(is_held(&take_report(&mut rig, "hard-english.eml")));
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
    assert!(is_held(&take(&mut rig, &bytes)));
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
    let secret = rig.store(at).secrets().expect("the secrets");
    for other in [
        Keys::new(&Secrets::first([9; 32])).return_path(1, BOUNCES),
        Keys::new(&secret).return_path(4_711, BOUNCES),
    ] {
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
    let keys = Keys::new(&store.secrets().expect("the secrets"));
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
    assert!(is_held(&take(&mut rig, text.replace(&own, &own.to_uppercase()).as_bytes())));
}

#[test]
fn in_a_report_about_two_recipients_only_ours_counts() {
    let mut rig = rig();
    let (delivery, ..) = mail_to_ada(&mut rig);
    assert_eq!(take_report(&mut rig, "two-other-failed.eml"), BounceOutcome::Delayed { delivery });
    assert_eq!(take_report(&mut rig, "two-strangers.eml"), BounceOutcome::OtherRecipient { delivery });
    assert_eq!(next(&mut rig).0, ["ada", "bo"]);
    assert!(is_held(&take_report(&mut rig, "two-ours-failed.eml")));
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
        unread += u64::from(is_unread(&taken));
    }
    let status = String::from_utf8_lossy(&whole).find("Original-Recipient").expect("there");
    assert!(is_unread(&take(&mut rig, &whole[..status])));
    let binary: Vec<u8> = (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert!(is_unread(&take(&mut rig, &binary)) && is_unread(&take(&mut rig, b"")));
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
    assert!(is_unread(&take(&mut rig, &long)), "a mail without an end is not read to one");
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
    assert!(is_held(&take_report(&mut rig, "hard-english.eml")));
    let again = take_report(&mut rig, "hard-english.eml");
    assert!(matches!(again, BounceOutcome::Bounced { kept: BounceRecord::Duplicate, .. }), "{again:?}");
    assert_eq!(traces(&mut rig), (1, 1));
}

#[test]
fn a_new_address_releases_the_hold_and_ignores_late_reports_about_the_old_one() {
    let mut rig = rig();
    assert!(is_held(&take_report(&mut rig, "hard-english.eml")));
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
    assert!(is_held(&take_report(&mut rig, "hard-english.eml")));
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
    let (code, said) = run(b"\x00\x01\x02", &["-q"]);
    assert!(code == Some(0) && said.contains("could not be read as a report: reference "), "{said}");
    let (code, said) = run(&channel, &["-q"]);
    let alarm = "came back: 5.7.1, which is about the mail server or the mail, not about the recipient";
    assert!(code == Some(0) && said.contains(alarm), "relay problems are reported even with --quiet: {said}");
    let (code, said) = run(&report, &[]);
    assert!(code == Some(0) && said.contains("5.1.1; its recipient gets no more mail"), "{said}");
    let (code, said) = run(&report, &[]);
    assert!(code == Some(0) && said.contains("this was reported before"), "{said}");
    let (code, said) = run(b"", &["--clear", "ada"]);
    assert!(code == Some(0) && said.contains("gets mail again"), "{said}");
    let (code, said) = run(b"", &["--clear", "ada"]);
    assert!(code == Some(1), "{said}");
    let status = journey_status(file.clone());
    let sums =
        "came back: 1 without a mailbox, 0 for a temporary reason, 1 because of the mail server or the mail";
    assert!(status.contains(sums), "{status}");
    assert!(
        status.contains("  1 mail to the return path could not be read: look where they arrive"),
        "{status}"
    );
    let (code, said) = run(b"", &["--clear", "nobody"]);
    assert!(code == Some(2) && said.contains("no person with the id or address"), "{said}");
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

/// Heads and texts of reports in older forms, to Ada's return path.
const OLD_FORMS: [(&str, &str, &str); 9] = [
    (
        "qmail",
        "5.1.1",
        "Return-Path: <>
Received: (qmail 30701 invoked for bounce); 1 Dec 2026 08:07:47 -0000
From: MAILER-DAEMON@mx.ekdala.example
To: {TO}
Subject: failure notice

Hi. This is the qmail-send program at mx.ekdala.example.
This is a permanent error; I have given up.

<ada@ekdala.example>:
Remote host said: 550 5.1.1 User unknown
",
    ),
    (
        "qmail with two recipients",
        "5.1.1",
        "Return-Path: <>
From: MAILER-DAEMON@mx.ekdala.example
To: {TO}
Subject: failure notice

Hi. This is the qmail-send program at mx.ekdala.example.

<kim@elsewhere.example>:
Remote host said: 552 5.2.2 mailbox full

<ada@ekdala.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Subject: 550 5.7.1
",
    ),
    (
        "qmail without a code",
        "5.1.1",
        "Return-Path: <>
From: MAILER-DAEMON@mx.ekdala.example
To: {TO}
Subject: failure notice

Hi. This is the qmail-send program at mx.ekdala.example.

<ada@ekdala.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 No such user here
Giving up on 192.0.2.1.
",
    ),
    (
        "Exim",
        "5.1.1",
        "Return-path: <>
X-Failed-Recipients: ada@ekdala.example
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.ekdala.example>
To: {TO}
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ada@ekdala.example
    host mx.elsewhere.example [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<ada@ekdala.example>:
    550 5.1.1 <ada@ekdala.example>: Recipient address rejected

------ This is a copy of the message, including all the headers. ------

Subject: 554 5.7.1
",
    ),
    (
        "plain text",
        "5.1.1",
        "Return-Path: <>
From: postmaster@mx.ekdala.example
To: {TO}
Subject: Undeliverable: Hej

Your message did not reach ada@ekdala.example: 550 5.1.1 User unknown
",
    ),
    (
        "HTML with plain text",
        "5.1.10",
        "Return-Path: <>
From: postmaster@mx.ekdala.example
To: {TO}
Subject: Undeliverable: Hej
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain

Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found'

--b
Content-Type: text/html

<p>550 5.1.10</p>
--b--
",
    ),
    (
        "delivery-status alone, without Action",
        "5.1.1",
        "Return-Path: <>
From: MAILER-DAEMON@mx.ekdala.example
To: {TO}
Subject: Returned mail
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.ekdala.example

Final-Recipient: rfc822; ada@ekdala.example
Status: 5.1.1

--b--
",
    ),
    (
        "delivery-status without Status and recipient",
        "5.1.1",
        "Return-Path: <>
From: MAILER-DAEMON@mx.ekdala.example
To: {TO}
Subject: Returned mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.ekdala.example

Action: failed
Diagnostic-Code: smtp; 550 #5.1.1 User unknown

--b--
",
    ),
    (
        "Exchange Online",
        "5.1.1",
        "Return-Path: <>
From: MAILER-DAEMON@relay.example
To: {TO}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; ada@ekdala.example
Action: failed
Status: 5.4.1
Diagnostic-Code: smtp; 550 5.4.1 Recipient address rejected: Access
 denied. AS(201806281) [DB5EUR03FT001.eop-EUR03.prod.protection.outlook.com]

--b--
",
    ),
];

fn to_ada(rig: &mut Rig, text: &str) -> Vec<u8> {
    let (_, return_path, _) = mail_to_ada(rig);
    text.replace("{TO}", &return_path).replace('\n', "\r\n").into_bytes()
}

#[test]
fn reports_in_older_and_looser_forms_are_read() {
    for (name, code, text) in OLD_FORMS {
        let mut rig = rig();
        let bytes = to_ada(&mut rig, text);
        let taken = take(&mut rig, &bytes);
        let BounceOutcome::Bounced { code: read, kept: BounceRecord::PersonHeld, .. } = taken else {
            panic!("{name}: {taken:?}")
        };
        assert_eq!(read.to_string(), code, "{name}");
        assert_eq!(next(&mut rig).0, ["bo"], "{name}");
        // The same words with a wrong token could be anybody's.
        let forged = String::from_utf8(bytes).expect("text").replace("bounces+", "bounces+x");
        assert_eq!(take(&mut rig, forged.as_bytes()), BounceOutcome::UnknownToken, "{name}");
    }
}

#[test]
fn reports_in_older_forms_hold_nobody_whom_they_do_not_concern() {
    let mut rig = rig();
    let (delivery, ..) = mail_to_ada(&mut rig);
    let (_, _, qmail) = OLD_FORMS[1];
    let others = to_ada(&mut rig, &qmail.replace("<ada@", "<eva@"));
    assert_eq!(take(&mut rig, &others), BounceOutcome::OtherRecipient { delivery });
    let warning = "Return-Path: <>
From: Mail Delivery System <Mailer-Daemon@mx.ekdala.example>
To: {TO}
Subject: Warning: message delayed 24 hours

A message that you sent has not yet been delivered to ada@ekdala.example.
Delivery attempts will continue; 450 4.1.1 or 550 5.1.1 may follow. No action is required.
";
    let bytes = to_ada(&mut rig, warning);
    assert_eq!(take(&mut rig, &bytes), BounceOutcome::Delayed { delivery });
    let full = OLD_FORMS[0].2.replace("550 5.1.1 User unknown", "552 5.2.2 Mailbox is full");
    let bytes = to_ada(&mut rig, &full);
    let taken = take(&mut rig, &bytes);
    assert!(matches!(taken, BounceOutcome::Bounced { kept: BounceRecord::Recorded, .. }), "{taken:?}");
    assert_eq!(next(&mut rig).0, ["ada", "bo"]);
}

/// An empty envelope sender is that of programs. What cannot be read is counted,
/// with a reference in the audit log, and holds no person.
#[test]
fn a_mail_with_an_empty_sender_is_never_a_letter() {
    let mut rig = rig();
    let (delivery, ..) = mail_to_ada(&mut rig);
    let text = "Return-Path: <>\nFrom: {FROM}\nTo: {TO}\nSubject: {SUBJECT}\n\nHej! 550 5.1.1 \u{e4}r mitt rumsnummer.\n";
    let mut references = std::collections::BTreeSet::new();
    for (from, subject, said) in [
        ("Ada Ek <ada@ekdala.example>", "Re: Hej", "Hej! 550 5.1.1 \u{e4}r mitt rumsnummer."),
        ("no-reply@mx.ekdala.example", "Meddelande", "Hej!"),
        ("MAILER-DAEMON@mx.ekdala.example", "failure notice", "Det gick inte."),
        ("postmaster@mx.ekdala.example", "", ""),
    ] {
        let text = text.replace("{FROM}", from).replace("{SUBJECT}", subject);
        let bytes = to_ada(&mut rig, &text.replace("Hej! 550 5.1.1 \u{e4}r mitt rumsnummer.", said));
        let taken = take(&mut rig, &bytes);
        let BounceOutcome::Unparseable { reference, delivery: of } = taken else {
            panic!("{from}: {taken:?}")
        };
        assert_eq!(of, Some(delivery));
        references.insert(reference);
    }
    let at = rig.at(LATER);
    let store = rig.store(at);
    assert_eq!((references.len(), store.unparsed_bounces().expect("a number")), (4, 4));
    let audit = store.audit_entries(100).expect("the audit log");
    let told: Vec<&str> =
        audit.iter().filter(|line| line.action == "bounce unread").map(|line| line.after.as_str()).collect();
    assert!(
        told.len() == 4 && references.iter().all(|one| told.iter().any(|told| told.ends_with(one))),
        "{told:?}"
    );
    assert_eq!(next(&mut rig).0, ["ada", "bo"]);
    // With an envelope sender a person wrote it, also as postmaster.
    let person = "Return-Path: <kim@ekdala.example>\nFrom: postmaster@ekdala.example\nTo: {TO}\nSubject: Hej\n\n550 5.1.1\n";
    let bytes = to_ada(&mut rig, person);
    assert_eq!(take(&mut rig, &bytes), BounceOutcome::PersonalReply);
    // Answers of programs are known by their headers.
    let away =
        "Return-Path: <>\nFrom: Ada Ek <ada@ekdala.example>\nTo: {TO}\nAuto-Submitted: auto-replied\n\nHej\n";
    let bytes = to_ada(&mut rig, away);
    assert_eq!(take(&mut rig, &bytes), BounceOutcome::Automatic);
}

/// After any other exit code than 75 a mail server throws the report away.
#[test]
fn every_error_that_can_pass_makes_the_mail_server_keep_the_report() {
    let mut rig = rig();
    let report = report(&mut rig, "hard-english.eml");
    rig.stop();
    let good = rig.read("config.toml");
    let home = rig.path("");
    let path = |name: &str| home.join(name);
    let write = |name: &str, bytes: &[u8]| fs::write(path(name), bytes).expect("written");
    let database = fs::read(path("journey.db")).expect("a database");
    let mail = path("mail.eml");
    fs::write(&mail, report).expect("written");
    let run = |config: &str, more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_journey"))
            .args(["--config", path(config).to_str().expect("a path"), "--at", "2026-12-02T10:00", "bounce"])
            .args(more)
            .stdin(fs::File::open(&mail).expect("a file"))
            .output()
            .expect("it runs");
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).expect("text"))
    };
    let keeps = |what: &str, (code, said): (Option<i32>, String)| {
        assert_eq!(code, Some(75), "{what}: {said}");
    };
    write("config.toml", format!("{good}\n[daemon]\nfirst_wawe = 10\n").as_bytes());
    let (code, said) = run("config.toml", &[]);
    assert!(said.contains("first_wawe") && said.contains("must keep this mail and try again"), "{said}");
    keeps("a wrong key", (code, said));
    write("config.toml", b"database = [");
    keeps("no TOML", run("config.toml", &[]));
    write("config.toml", good.as_bytes());
    keeps("no configuration", run("missing.toml", &[]));
    keeps("a wrong argument", run("config.toml", &["--tp", "x"]));
    write("journey.db", b"this is no database");
    keeps("no database", run("config.toml", &[]));
    fs::remove_file(path("journey.db")).expect("gone");
    keeps("a missing database", run("config.toml", &[]));
    fs::create_dir(path("journey.db")).expect("a folder");
    keeps("a folder", run("config.toml", &[]));
    fs::remove_dir(path("journey.db")).expect("gone");
    write("journey.db", &database);
    let newer = rusqlite::Connection::open(path("journey.db")).expect("a database");
    let version: i64 = newer.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a number");
    newer.execute_batch("PRAGMA user_version = 9999").expect("written");
    keeps("a newer database", run("config.toml", &[]));
    newer.execute_batch(&format!("PRAGMA user_version = {version}")).expect("written");
    drop(newer);
    // When it is put right, the report is taken.
    let (code, said) = run("config.toml", &[]);
    assert!(code == Some(0) && said.contains("5.1.1; its recipient gets no more mail"), "{said}");
}
