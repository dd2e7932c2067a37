//! `journey doctor`: every problem it can find is produced once, and is
//! reported with a remedy. Runs the built program against a scripted relay.

mod dns;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use journey::clock::Stopwatch;
use journey::domain::time::timezone::Timestamp;
use journey::engine::doctor::{self, Level};
use journey::mail::smtp::{Relay, Timeouts};
use serde_json::Value;

use super::crash::home::Home;
use super::relay::certificates::{Authority, self_signed};
use super::relay::server::{self, EventKind, Point, Rule, Script};
use super::transcripts::files;

const SECRET: &str = "correct horse battery";
const KEY: &str = "tests/fixtures/dkim/test-key-rsa-2048.pem";

/// Two imported people, and a relay with TLS and authentication.
fn home(port: u16, authority: &Authority) -> Home {
    let home = Home::new(2, port);
    let signed_in = "security = \"starttls\"\nca_file = \"ca.pem\"\nauth = \"plain\"\nusername = \"journey\"\npassword_file = \"password\"";
    home.edit("config.toml", "security = \"none\"", signed_in);
    let config = fs::read_to_string(home.path("config.toml")).expect("a configuration");
    let more = "\n[mail.dkim]\ndomain = \"ekdala.example\"\nselector = \"journey\"\nkey_file = \"dkim.pem\"\n
[web]\nlisten = \"127.0.0.1:0\"\nbase_url = \"https://larresa.ekdala.example\"\n";
    home.write("config.toml", &(config + more));
    home.write("ca.pem", &authority.pem);
    secret(&home, "password", &format!("{SECRET}\n"));
    secret(&home, "dkim.pem", &fs::read_to_string(KEY).expect("a key"));
    home.done(&["people", "import", "-q"]);
    home
}

/// A file only its owner can read.
fn secret(home: &Home, name: &str, text: &str) {
    home.write(name, text);
    mode(&home.path(name), 0o600);
}

fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}

fn script(authority: &Authority) -> Script {
    Script {
        tls: Some(authority.server(&["127.0.0.1"], 2100)),
        account: Some(("journey".to_owned(), SECRET.to_owned())),
        ..Script::default()
    }
}

/// The findings, one a line, without what differs from machine to machine.
fn seen(home: &Home, relay: Option<&server::Relay>, more: &[&str]) -> String {
    let before = files(&home.path(""));
    let output = home.run(&[&["doctor", "--format", "json"], more].concat());
    assert!(files(&home.path("")) == before, "a file appeared, changed or went");
    let said = String::from_utf8([output.stdout.clone(), output.stderr].concat()).expect("text");
    assert!(!said.contains(SECRET) && !said.contains("PRIVATE"), "no secret is shown: {said}");
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = value["findings"].as_array().expect("a list");
    let has_fault = findings.iter().any(|finding| finding["level"] == "fail");
    assert_eq!(output.status.code(), Some(i32::from(has_fault)), "{said}");
    let mut text = String::new();
    for finding in findings {
        let of = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        if matches!(of("about").as_str(), "disk" | "clock" | "time zone" | "SQLite") {
            continue;
        }
        text += &format!("{} {}: {}\n", of("level"), of("about"), of("message"));
        if !of("hint").is_empty() {
            text += &format!("  hint: {}\n", of("hint"));
        }
    }
    if let Some((before, after)) = text.split_once(" is whole: ") {
        // The size and schema version do not matter to these tests.
        let after = after.split_once('\n').map_or("", |(_, after)| after);
        text = format!("{before} is whole\n{after}");
    }
    match relay {
        Some(relay) => text.replace(&format!(":{}", relay.port()), ":PORT"),
        None => text,
    }
}

/// The findings about one subject.
fn about<'t>(seen: &'t str, what: &str) -> Vec<&'t str> {
    let is_of = |line: &&str| line.split(' ').skip(1).collect::<Vec<_>>().join(" ").starts_with(what);
    seen.lines().filter(is_of).collect()
}

#[test]
fn doctor_without_problems_lists_what_it_checked() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    expect![[r#"
        ok configuration: config.toml has no errors
        ok content: 1 journey with 1 step; 1 warning
        ok people: 2 people imported
        ok database: journey.db is whole
        ok positions: 2 agree with the events
        ok sender: no journey is sending just now
        ok writes: journey.db: what has happened; -wal and -shm beside it
        ok writes: journey.lock: who sends
        ok writes: journey.id: used to notice if the folder is copied
        ok writes: journey.sent: the send journal
        ok secret: password, the password of the mail server, is for its owner alone
        ok secret: dkim.pem, the key of the signature, is for its owner alone
        ok relay: 127.0.0.1:PORT, TLS 1.3, certificate until 2100-01-01, mails up to 10.0 MB, PIPELINING, AUTH PLAIN LOGIN XOAUTH2
        ok certificate: rcgen self signed cert, signed by Ekdala CA, good from 2020-01-01 until 2100-01-01
        ok sign-in: accepted, by PLAIN
        ok signature: journey._domainkey.ekdala.example, RSA with 2048 bits
        ok web: links begin with https://larresa.ekdala.example
    "#]]
    .assert_eq(&seen(&home, Some(&relay), &[]));
    assert_eq!((relay.count(), relay.commands("MAIL")), (0, 0), "no mail is said");
    assert_eq!((relay.connections(), relay.commands("QUIT")), (2, 2), "it takes its leave");
}

#[test]
fn doctor_respects_its_timeout() {
    let patience = Duration::from_millis(100);
    for point in [Point::Greeting, Point::Ehlo] {
        let silent = server::Relay::start(Script {
            rules: vec![Rule::at(point, EventKind::Silence)],
            ..Script::default()
        });
        let client = Relay { timeouts: Timeouts::all(patience), ..Relay::at("127.0.0.1", silent.port()) };
        let watch = Stopwatch::start();
        let mut found = Vec::new();
        let at: Timestamp = "2026-12-01T07:30:00Z".parse().expect("an instant");
        doctor::probe(&client, true, at, &mut |finding| found.push(finding));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].level, Level::Fault);
        assert!(found[0].message.contains("within 0.1 s"), "{}", found[0].message);
        assert!(watch.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn an_unreachable_relay_hides_no_other_finding() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let authority = Authority::new("Ekdala CA");
    let home = home(port, &authority);
    let seen = seen(&home, None, &[]);
    let relay = about(&seen, "relay");
    assert!(relay[0].starts_with("fail relay") && relay[0].contains("Connection refused"), "{seen}");
    assert!(about(&seen, "certificate").is_empty() && about(&seen, "sign-in").is_empty());
    assert_eq!((about(&seen, "signature").len(), about(&seen, "web").len()), (1, 1), "{seen}");
    assert!(seen.contains("hint: are `host` and `port` right"), "{seen}");
}

#[test]
fn each_invalid_certificate_is_named_with_its_fault() {
    let authority = Authority::new("Ekdala CA");
    for (tls, told) in [
        (authority.server(&["127.0.0.1"], 2021), "it was good until 2021-01-01"),
        (authority.server(&["relay.example"], 2100), "it is for relay.example, not for 127.0.0.1"),
        (
            Authority::new("Another").server(&["127.0.0.1"], 2100),
            "not signed by a certificate authority that this machine trusts",
        ),
        (self_signed(&["127.0.0.1"]), "its certificate is refused"),
    ] {
        let relay = server::Relay::start(Script { tls: Some(tls), ..script(&authority) });
        let seen = seen(&home(relay.port(), &authority), Some(&relay), &[]);
        let found = about(&seen, "relay");
        assert!(found[0].starts_with("fail") && found[0].contains(told), "{told}: {seen}");
    }
}

#[test]
fn a_certificate_that_expires_soon_is_a_warning() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    fs::remove_file(home.database()).expect("a new one");
    let seen = seen(&home, Some(&relay), &["--at", "2099-12-20"]);
    let found = about(&seen, "certificate");
    assert!(found[0].starts_with("warn") && found[0].ends_with("12 days are left"), "{seen}");
}

#[test]
fn a_rejected_sign_in_is_reported_beside_the_properties_of_the_relay() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(Script {
        account: Some(("journey".to_owned(), "another".to_owned())),
        ..script(&authority)
    });
    let home = home(relay.port(), &authority);
    let told = seen(&home, Some(&relay), &[]);
    assert!(about(&told, "relay")[0].starts_with("ok"), "{told}");
    let found = about(&told, "sign-in");
    assert!(found[0].starts_with("fail") && found[0].contains("refused the login (535"), "{told}");

    let token = "token_command = [\"/nonexistent/token\"]";
    home.edit("config.toml", "password_file = \"password\"", token);
    home.edit("config.toml", "auth = \"plain\"", "auth = \"xoauth2\"");
    let told = seen(&home, Some(&relay), &[]);
    assert!(about(&told, "token")[0].starts_with("fail token: `/nonexistent/token`"), "{told}");
    assert!(about(&told, "relay")[0].starts_with("ok") && about(&told, "sign-in").is_empty(), "{told}");
}

#[test]
fn a_secret_readable_by_others_is_an_error() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    mode(&home.path("password"), 0o644);
    mode(&home.path("dkim.pem"), 0o640);
    fs::remove_file(home.path("ca.pem")).expect("it was there");
    mode(&home.database(), 0o644);
    let told = seen(&home, Some(&relay), &[]);
    let found = about(&told, "secret");
    assert!(found[0].starts_with("fail") && found[0].contains("open to others (mode 0644)"), "{told}");
    assert!(found[1].starts_with("warn") && found[1].contains("by its group (mode 0640)"), "{told}");
    assert!(about(&told, "private")[0].starts_with("warn private: journey.db"), "{told}");
    assert!(about(&told, "relay")[0].contains("cannot use ca_file ca.pem"), "{told}");
}

#[test]
fn a_key_that_cannot_sign_is_an_error() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    secret(
        &home,
        "dkim.pem",
        &fs::read_to_string("tests/fixtures/dkim/test-key-rsa-1024.pem").expect("a key"),
    );
    let told = seen(&home, Some(&relay), &[]);
    assert!(about(&told, "signature")[0].contains("fewer than 2048 bits"), "{told}");
    home.edit("config.toml", "domain = \"ekdala.example\"", "domain = \"other.example\"");
    secret(&home, "dkim.pem", &fs::read_to_string(KEY).expect("a key"));
    let told = seen(&home, Some(&relay), &[]);
    assert!(about(&told, "signature")[0].starts_with("warn"), "{told}");
    assert!(about(&told, "signature")[0].ends_with("but mails are from ekdala.example"), "{told}");
}

#[test]
fn broken_content_and_a_missing_people_file_are_reported() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    home.done(&["send", "-q", "--limit", "1"]);
    home.edit("content/journeys/host/ett.md", "{{person.unit}}", "{{person.nosuch}}");
    let told = seen(&home, Some(&relay), &[]);
    let last_good = "fail content: 1 error; the last good content is in force";
    assert_eq!(about(&told, "content"), [last_good], "{told}");
    fs::remove_file(home.database()).expect("a new one");
    let told = seen(&home, Some(&relay), &[]);
    assert!(about(&told, "content")[0].ends_with("nothing can be sent"), "{told}");
    home.edit("content/journeys/host/ett.md", "{{person.nosuch}}", "{{person.unit}}");
    fs::remove_file(home.path("people.csv")).expect("it was there");
    let told = seen(&home, Some(&relay), &[]);
    assert!(about(&told, "people")[0].contains("there is no such file"), "{told}");
    assert!(about(&told, "relay")[0].starts_with("ok"), "everything else is looked at: {told}");
}

#[test]
fn stale_or_missing_positions_are_counted_and_send_repairs_them() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    home.done(&["send", "-q", "--limit", "1"]);
    let agree = |told: &str| about(told, "positions")[0].starts_with("ok positions: 2 agree");
    assert!(agree(&seen(&home, Some(&relay), &[])));
    let late = "UPDATE position SET next_at = '2090-01-01T00:00:00Z' WHERE last_step IS NULL";
    let missing = "DELETE FROM position WHERE last_step IS NULL";
    for wrong in [late, missing] {
        assert_eq!(home.sql().execute(wrong, []).expect("it is written"), 1);
        let told = seen(&home, Some(&relay), &[]);
        let expected = "fail positions: 1 of 2 name a time that is too late: these mails would be missed";
        assert_eq!(about(&told, "positions"), [expected], "{told}");
        // A day later.
        home.sql()
            .execute("UPDATE instance SET decided_at = '2020-01-01T00:00:00Z'", [])
            .expect("it is written");
        home.done(&["send", "-q", "--only", "1000"]);
        assert!(agree(&seen(&home, Some(&relay), &[])));
    }
    let untrue = "UPDATE position SET last_at = '2020-01-01T00:00:00Z' WHERE last_step IS NOT NULL";
    assert_eq!(home.sql().execute(untrue, []).expect("it is written"), 1);
    let told = seen(&home, Some(&relay), &[]);
    assert_eq!(about(&told, "positions"), ["warn positions: 1 of 2 do not agree with the events"]);
}

/// `send` warns each time and still sends: a container may have no other way to
/// hold its secrets.
#[test]
fn send_warns_about_a_secret_readable_by_others() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    let open = "password, the password of the mail server, is open to others (mode 0644): chmod 600 password";
    for (of_password, told) in [(0o644, true), (0o600, false)] {
        mode(&home.path("password"), of_password);
        let output = home.run(&["send"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(open) == told, "{said}");
    }
}

#[test]
fn a_damaged_database_and_send_blocks_are_reported() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    home.done(&["hold", "-q"]);
    let guard = "INSERT INTO guard (kind, at, message) VALUES ('restored', '2026-11-01T07:30:00Z', 'so')";
    home.sql().execute(guard, []).expect("it is written");
    let told = seen(&home, Some(&relay), &[]);
    let found = about(&told, "sending");
    assert!(
        found[0].starts_with("fail sending: nothing has been sent since") && found[0].ends_with(": so"),
        "{told}"
    );
    assert_eq!(found[1], "warn sending: all sending is stopped by hand", "{told}");
    let mut bytes = fs::read(home.database()).expect("a database");
    let page = bytes.len() / 2 / 4096 * 4096;
    bytes[page..page + 4096].fill(0xff);
    fs::write(home.database(), bytes).expect("it is damaged");
    let told = seen(&home, Some(&relay), &[]);
    assert!(about(&told, "database")[0].starts_with("fail"), "{told}");
    assert!(told.contains("journey restore FILE") && told.contains("ok sign-in"), "{told}");
    fs::write(home.database(), "no database").expect("it is overwritten");
    let told = seen(&home, Some(&relay), &[]);
    assert!(about(&told, "database")[0].contains("is not an SQLite database"), "{told}");
}

#[test]
fn a_clock_before_the_last_send_is_an_error() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    home.done(&["send", "-q"]);
    let output = home.run(&["doctor", "-q", "--at", "2026-01-05T08:00:00Z"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("FAIL clock         the system clock shows 2026-01-05T08:00Z"), "{told}");
    assert!(!told.contains("ok "), "quiet, it tells only what is amiss: {told}");
}

#[test]
fn transports_other_than_smtp_are_checked_too() {
    let authority = Authority::new("Ekdala CA");
    let home = home(1, &authority);
    home.edit("config.toml", "transport = \"smtp\"", "transport = \"sendmail\"\nsendmail = \"nothing\"");
    let told = seen(&home, None, &[]);
    assert!(about(&told, "transport")[0].starts_with("fail transport: nothing cannot be started"), "{told}");
    home.edit("config.toml", "sendmail = \"nothing\"", "sendmail = \"/bin/sh\"");
    let told = seen(&home, None, &[]);
    assert!(about(&told, "transport")[0].starts_with("ok transport: /bin/sh takes mails"), "{told}");
    home.edit("config.toml", "transport = \"sendmail\"", "transport = \"files\"");
    let told = seen(&home, None, &[]);
    assert!(about(&told, "transport")[0].contains("no mail server was asked"), "{told}");
    home.edit("config.toml", "base_url = \"https", "base_ulr = \"https");
    let told = seen(&home, None, &[]);
    assert!(told.contains("did you mean `base_url`?") && told.lines().count() == 2, "{told}");
}
