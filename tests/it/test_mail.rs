//! `journey test`: a marked mail reaches a tester the way real mails do, no
//! other person gets one, and nothing is recorded.

use std::fs;
use std::net::TcpListener;

use super::crash::home::Home;
use super::relay::server::{self, EventKind, Point, Rule, Script};
use super::transcripts::files;

const EVA: &str = "eva.lind@ekdala.example";
const TEST: [&str; 4] = ["test", "host/ett", "--to", EVA];

/// Three imported people; the last is protected. Eva is a tester and none of
/// them.
fn home(port: u16) -> Home {
    let home = Home::new(3, port);
    let testers = format!(
        "[mail]\ntesters = [\"{EVA}\", \"p1001@ekdala.example\"]\nbounce = \"bounces@ekdala.example\""
    );
    home.edit("config.toml", "[mail]", &testers);
    let people = fs::read_to_string(home.path("people.csv")).expect("people");
    let mut lines: Vec<String> = people.lines().map(|line| format!("{line},")).collect();
    lines[0] += "protected";
    lines[3] += "ja";
    home.write("people.csv", &lines.join("\n"));
    home.done(&["people", "import", "-q"]);
    home
}

/// Runs it, asserts the exit code, and returns the output.
fn said(home: &Home, arguments: &[&str], code: i32) -> String {
    let before = files(&home.path(""));
    let output = home.run(arguments);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(files(&home.path("")) == before, "{arguments:?}: a file appeared, changed or went");
    said
}

fn text(mail: &server::Accepted) -> String {
    let parsed = mail_parser::MessageParser::new().parse(&mail.bytes).expect("a mail");
    parsed.body_text(0).expect("text").into_owned()
}

fn subject(mail: &server::Accepted) -> String {
    let parsed = mail_parser::MessageParser::new().parse(&mail.bytes).expect("a mail");
    parsed.subject().expect("a subject").to_owned()
}

#[test]
fn a_tester_gets_a_marked_mail_and_nothing_is_recorded() {
    let relay = server::Relay::start(Script::default());
    let home = home(relay.port());
    let told = said(&home, &TEST, 0);
    assert!(told.contains(&format!("sent by the mail server 127.0.0.1:{}: 250 ", relay.port())), "{told}");
    let [mail] = &relay.accepted()[..] else { panic!("one mail") };
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("bounces@ekdala.example", EVA));
    assert_eq!(subject(mail), "[Test] Ett tips till Kim");
    let text = text(mail);
    assert!(text.contains("Hej Kim!") && text.contains("Enhet 0"), "{text}");
    assert!(mail.message_id.starts_with("<test."), "{}", mail.message_id);
    let links: Vec<&str> = text.split(['<', '>', '\n']).filter(|word| word.contains("://")).collect();
    assert!(!links.is_empty());
    assert!(links.iter().all(|link| link.contains("/test/")), "they can answer for nobody: {links:?}");
    assert_eq!((relay.connections(), relay.commands("QUIT"), home.count("1")), (1, 1, 0));
}

#[test]
fn a_test_mail_is_rendered_for_the_expected_reader() {
    let relay = server::Relay::start(Script::default());
    let home = home(relay.port());
    // Testers in the people file get the mail with their own data.
    said(&home, &["test", "host/ett", "--to", "P1001@ekdala.example"], 0);
    said(&home, &[&TEST[..], &["--as", "1000"]].concat(), 0);
    said(&home, &[&TEST[..], &["--as", "p1001@ekdala.example"]].concat(), 0);
    let subjects: Vec<(String, String)> =
        relay.accepted().iter().map(|mail| (mail.to.clone(), subject(mail))).collect();
    let to = |to: &str, name: &str| (to.to_owned(), format!("[Test] Ett tips till {name}"));
    let expected = [to("p1001@ekdala.example", "Annaaab"), to(EVA, "Annaaaa"), to(EVA, "Annaaab")];
    assert_eq!(subjects, expected);
}

#[test]
fn only_testers_get_test_mails() {
    let relay = server::Relay::start(Script::default());
    let home = home(relay.port());
    let told = said(&home, &["test", "host/ett", "--to", "p1000@ekdala.example"], 2);
    assert!(told.contains("`p1000@ekdala.example` is no tester"), "{told}");
    assert!(told.contains(&format!("testers are {EVA}, p1001@ekdala.example")), "{told}");
    assert!(told.contains("add it to `testers` under [mail] in config.toml"), "{told}");
    home.edit("config.toml", "testers = [", "testers = []\n# testers = [");
    let told = said(&home, &TEST, 2);
    assert!(told.contains("there are no testers yet"), "{told}");
    assert_eq!(relay.connections(), 0);
}

#[test]
fn invalid_arguments_are_reported() {
    let home = home(1);
    let with = |more: &[&'static str]| [&TEST[..], more].concat();
    assert!(said(&home, &["test", "ett", "--to", EVA], 2).contains("did you mean `host/ett`?"));
    assert!(said(&home, &["test", "host/ett"], 2).contains("--to <ADDRESS>"));
    assert!(said(&home, &with(&["--as", "4711"]), 2).contains("no person with the id or address `4711`"));
    assert!(said(&home, &with(&["--as", "1002"]), 2).contains("this person is protected"));
    assert!(said(&home, &with(&["--at", "2026-12-01"]), 2).contains("remove --at"));
    home.edit("content/journeys/host/ett.md", "{{person.unit}}", "{{person.nosuch}}");
    fs::remove_file(home.database()).expect("no earlier content is kept");
    let told = said(&home, &TEST, 78);
    assert!(told.contains("ett.md:") && told.contains("person.nosuch"), "its faults are told: {told}");
}

#[test]
fn a_text_with_errors_is_not_replaced_by_an_older_version() {
    let relay = server::Relay::start(Script::default());
    let home = home(relay.port());
    home.done(&["send", "-q", "--limit", "1"]);
    let before = relay.count();
    home.edit("content/journeys/host/ett.md", "{{person.unit}}", "{{person.nosuch}}");
    let told = said(&home, &TEST, 78);
    assert!(told.contains("a test would show the text before them"), "{told}");
    assert_eq!(relay.count(), before);
}

#[test]
fn the_reply_of_the_relay_decides_the_exit_code() {
    let rule =
        |point, answer| Script { rules: vec![Rule::at(point, EventKind::say(answer))], ..Script::default() };
    for (script, code, words) in [
        (rule(Point::Rcpt, "550 5.1.1 no such user"), 1, "refused: 550 5.1.1 no such user"),
        (rule(Point::Rcpt, "451 4.7.1 come back later"), 1, "not taken now: 451 4.7.1 come back later"),
        (rule(Point::Dot, "554 5.6.0 bad mail"), 1, "refused: 554 5.6.0 bad mail"),
        (rule(Point::Mail, "530 5.7.0 sign in first"), 69, "journey doctor"),
        (
            Script { rules: vec![Rule::at(Point::Dot, EventKind::lose())], ..Script::default() },
            69,
            "it is not known whether it arrived",
        ),
    ] {
        let relay = server::Relay::start(script);
        let told = said(&home(relay.port()), &TEST, code);
        assert!(told.contains(words), "{words}: {told}");
    }
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let told = said(&home(port), &TEST, 69);
    assert!(told.contains("cannot be reached") && told.contains("journey doctor"), "{told}");
}

#[test]
fn a_dry_run_contacts_no_relay_and_files_are_written() {
    let home = home(1);
    let told = said(&home, &[&TEST[..], &["--dry-run"]].concat(), 0);
    assert!(told.contains("Subject: [Test] Ett tips till Kim") && told.contains("Hej Kim!"), "{told}");
    assert!(told.contains("it would go by the mail server 127.0.0.1:1"), "{told}");
    home.edit("config.toml", "transport = \"smtp\"", "transport = \"files\"\nfolder = \"outbox\"");
    let before = files(&home.path(""));
    home.done(&[&TEST[..], &["--at", "2026-12-01T08:30"]].concat());
    let mut after = files(&home.path(""));
    after.retain(|name, _| !before.contains_key(name) && !name.ends_with('/'));
    let names: Vec<&str> = after.keys().map(String::as_str).collect();
    assert_eq!(names, ["outbox/2026-12-01/0830-test-eva.lind-host-ett.eml"]);
}

#[test]
fn a_test_mail_is_signed_and_supports_sendmail() {
    let relay = server::Relay::start(Script::default());
    let home = home(relay.port());
    let key = fs::read_to_string("tests/fixtures/dkim/test-key-rsa-2048.pem").expect("a key");
    home.write("dkim.pem", &key);
    let config = fs::read_to_string(home.path("config.toml")).expect("a configuration");
    let dkim =
        "\n[mail.dkim]\ndomain = \"ekdala.example\"\nselector = \"journey\"\nkey_file = \"dkim.pem\"\n";
    home.write("config.toml", &(config + dkim));
    said(&home, &TEST, 0);
    let head = b"DKIM-Signature: v=1; a=rsa-sha256;";
    assert!(relay.accepted()[0].bytes.starts_with(head));
    home.edit("config.toml", "transport = \"smtp\"", "transport = \"sendmail\"\nsendmail = \"./post\"");
    home.write("post", "#!/bin/sh\nexec cat > taken\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(home.path("post"), mode).expect("permissions");
    let output = home.run(&TEST);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("sent by ./post: 250 accepted by sendmail"), "{told}");
    assert!(fs::read(home.path("taken")).expect("it has it").starts_with(head));
}
