//! A mail that did not leave is never silent: it is in the report of `journey
//! send`, on standard error, in `status`, and in the exit code.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use journey::clock;
use journey::domain::time::timezone::TimeZone;
use journey::engine::send::lock::Lock;

use super::{relay, to};
use crate::crash::home::Home;
use crate::relay::server::{EventKind, Point, Rule, line};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `journey send` left behind: exit code, report, standard error, status.
struct Seen {
    code: Option<i32>,
    out: String,
    err: String,
    status: String,
}

fn send(home: &Home) -> Seen {
    let Output { status, stdout, stderr } = home.run(&["send"]);
    let shown = home.run(&["status"]);
    let (out, err) = (text(&stdout), text(&stderr));
    Seen { code: status.code(), out, err, status: text(&shown.stdout) }
}

impl Seen {
    /// Asserts the exit code, the heading of the report, and that a reason is
    /// in the report, on standard error and in the status.
    fn shows(&self, what: &str, code: i32, heading: &str, why: &str) {
        let all = format!("{what}\n--- out\n{}--- err\n{}--- status\n{}", self.out, self.err, self.status);
        assert_eq!(self.code, Some(code), "{all}");
        assert!(self.out.contains(heading), "{heading}: {all}");
        for (place, text) in [("report", &self.out), ("status", &self.status)] {
            assert!(text.contains(why), "{why} in the {place}: {all}");
        }
        assert!(self.err.contains("error: "), "{all}");
        assert!(!self.status.contains("claimed") && !self.status.contains("in_flight"), "{all}");
    }
}

/// People whose mails a script takes.
fn home_with(people: usize, script: &str, mode: u32) -> Home {
    let home = Home::peopled(people, 1);
    home.edit("config.toml", "transport = \"smtp\"", "transport = \"sendmail\"\nsendmail = \"./post\"");
    if !script.is_empty() {
        home.write("post", script);
        fs::set_permissions(home.path("post"), fs::Permissions::from_mode(mode)).expect("permissions");
    }
    home
}

#[test]
fn each_way_sendmail_can_fail_is_told() {
    let none = "Sent  0 mails, 2 wait\n";
    for (script, mode, code, heading, why) in [
        ("#!/bin/sh\ncat > /dev/null\nexit 1\n", 0o755, 69, none, "ended with exit code 1"),
        ("#!/bin/sh\ncat > /dev/null\nexit 70\n", 0o755, 69, none, "ended with exit code 70"),
        ("#!/bin/sh\nexit 69\n", 0o755, 69, none, "ended with exit code 69"),
        ("#!/bin/sh\nexit 78\n", 0o755, 69, none, "ended with exit code 78"),
        (
            "#!/bin/sh\ncat > /dev/null\nprintf '\\033[31mno route\\nmore\\n' >&2\nexit 71\n",
            0o755,
            69,
            none,
            "ended with exit code 71: [31mno route",
        ),
        ("#!/bin/sh\nkill -9 $$\n", 0o755, 69, none, "was killed by signal 9"),
        ("#!/bin/sh\nexit 0\n", 0o755, 69, none, "did not read the whole mail"),
        ("#!/bin/sh\nexec 0<&-\nexit 0\n", 0o755, 69, none, "did not read the whole mail"),
        ("", 0, 69, none, "cannot be started: No such file"),
        ("#!/bin/sh\n", 0o644, 69, none, "cannot be started: Permission denied"),
        ("#!/nowhere/sh\n", 0o755, 69, none, "cannot be started: No such file"),
        ("#!/bin/sh\ncat > /dev/null\nkill -9 $$\n", 0o755, 69, none, "was killed by signal 9 after it had"),
        ("#!/bin/sh\ncat > /dev/null\necho busy >&2\nexit 75\n", 0o755, 75, none, "busy"),
        ("#!/bin/sh\ncat > /dev/null\necho who? >&2\nexit 67\n", 0o755, 1, "Sent  0 mails\n", "5.1.1 who?"),
    ] {
        let home = home_with(2, script, mode);
        let seen = send(&home);
        seen.shows(script, code, heading, why);
        if code == 69 {
            assert!(seen.err.contains(why) || seen.err.contains("did not confirm 2 mails"), "{}", seen.err);
        }
        if code == 69 && !why.contains("after it had") {
            assert!(seen.err.contains("2 mails wait; nothing is lost"), "{}", seen.err);
            assert_eq!(home.count("state = 'due' AND attempts = 0"), 2);
            // When it works again, nothing was lost.
            home.write("post", "#!/bin/sh\ncat >> taken\n");
            fs::set_permissions(home.path("post"), fs::Permissions::from_mode(0o755)).expect("permissions");
            let seen = send(&home);
            assert_eq!(seen.code, Some(0), "{}{}", seen.out, seen.err);
            assert!(seen.out.contains("Sent  2 mails\n"), "{}", seen.out);
            assert!(!seen.status.contains("sending fails"), "{}", seen.status);
        }
    }
}

/// One mail that the program does not take stops no other.
#[test]
fn sendmail_that_fails_for_one_recipient_takes_the_others() {
    for code in [1, 69, 78] {
        let script =
            format!("#!/bin/sh\ncat > /dev/null\ncase \"$*\" in *p1000@*) exit {code};; esac\nexit 0\n");
        let home = home_with(5, &script, 0o755);
        let why = format!("ended with exit code {code}");
        send(&home).shows(&script, 69, "Sent  4 mails, 1 waits\n", &why);
        assert_eq!(home.count("state = 'sent'"), 4);
    }
}

#[test]
fn each_way_a_session_can_end_is_told() {
    for (point, what, why) in [
        (Point::Greeting, EventKind::say("554 5.3.2 closed"), "554 5.3.2 closed"),
        (Point::Greeting, EventKind::Close, "closed the connection at the greeting"),
        (Point::Mail, EventKind::Close, "closed the connection at MAIL"),
        (Point::Mail, EventKind::say("451 4.7.1 reconnect"), "451 4.7.1 reconnect"),
        (Point::Rcpt, EventKind::Close, "closed the connection at RCPT"),
        (Point::Rcpt, EventKind::SayAndClose(line("421 4.3.2 bye")), "421 4.3.2 bye"),
        (Point::Rcpt, EventKind::say("452 4.5.3 Too many messages"), "452 4.5.3 Too many messages"),
        (Point::Data, EventKind::Reset, "at DATA"),
        (Point::Dot, EventKind::say("451 4.7.0 limit"), "451 4.7.0 limit"),
    ] {
        for people in [1, 2, 7] {
            let relay = relay(vec![Rule::at(point, what.clone())]);
            let home = Home::peopled(people, relay.port());
            let wait = if people == 1 { "1 waits".to_owned() } else { format!("{people} wait") };
            let seen = send(&home);
            seen.shows(why, 69, &format!("Sent  0 mails, {wait}\n"), why);
            assert!(seen.err.contains(why) && seen.err.contains("nothing is lost"), "{}", seen.err);
            assert_eq!(home.count("state = 'due' AND attempts = 0"), people, "{why}");
        }
    }
    let lost = relay(vec![Rule::at(Point::Dot, EventKind::Close)]);
    let home = Home::peopled(1, lost.port());
    let seen = send(&home);
    seen.shows("no reply", 69, "Sent  0 mails, 1 waits\n", "closed the connection at the final dot");
    assert!(seen.err.contains("did not confirm 1 mail"), "{}", seen.err);
}

#[test]
fn a_refused_a_held_and_a_deferred_mail_are_named() {
    let says = |person, point, answer| to(person, Rule::at(point, EventKind::say(answer)));
    for (rule, code, state, answer) in [
        (says("p1001", Point::Rcpt, "550 5.7.1 not you"), 1, "refused", "550 5.7.1 not you"),
        (says("p1001", Point::Dot, "554 5.6.0 bad words"), 1, "held", "554 5.6.0 bad words"),
        (says("p1001", Point::Rcpt, "450 4.2.0 later"), 75, "to be tried again", "450 4.2.0 later"),
    ] {
        let relay = relay(vec![rule]);
        let home = Home::peopled(3, relay.port());
        let seen = send(&home);
        let wait = if code == 75 { ", 1 waits" } else { "" };
        seen.shows(answer, code, &format!("Sent  2 mails{wait}\n"), answer);
        let number: i64 = {
            let sql = "SELECT id FROM delivery WHERE state <> 'sent'";
            home.sql().query_row(sql, [], |row| row.get(0)).expect("one")
        };
        for shown in [&seen.out, &seen.status] {
            let row = shown.lines().find(|line| line.contains(answer)).expect("a row");
            assert!(
                row.contains(state) && row.contains("1001 ") && row.contains(&number.to_string()),
                "{row}"
            );
        }
        let why = text(&home.run(&["why", "1001"]).stdout);
        assert!(why.contains(&format!("delivery {number}")) && why.contains(answer), "{why}");
        assert_eq!(why.contains(&format!("journey resolve {number} --as sent")), state == "held", "{why}");
        // The same in JSON, of the next run.
        let json = home.run(&["send", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
        assert_eq!(json["delivered"]["trouble"], serde_json::Value::Null, "{json}");
        if state != "refused" {
            assert_eq!(json["delivered"]["not_sent"][0]["delivery"], number, "{json}");
            assert_eq!(json["delivered"]["not_sent"][0]["reply"], answer, "{json}");
        }
        // What the mail server asked for still waits.
        let again = send(&home);
        assert_eq!(again.code, Some(if code == 75 { 75 } else { 0 }), "{}", again.err);
    }
}

/// Only the daemon sends by itself.
#[test]
fn status_speaks_of_the_daemon_only_while_it_runs() {
    // One mail leaves, and then the mail server is gone.
    let relay = relay(vec![
        Rule { after: 1, ..Rule::at(Point::Mail, EventKind::say("451 4.3.0 down")) },
        Rule { connection: Some(2), ..Rule::at(Point::Greeting, EventKind::Close) },
    ]);
    let home = Home::peopled(3, relay.port());
    home.edit("config.toml", "connections = 4", "connections = 1");
    let seen = send(&home);
    seen.shows("down", 69, "Sent  1 mail, 2 wait\n", "closed the connection");
    assert!(!seen.status.contains("daemon"), "{}", seen.status);
    assert!(seen.status.contains("to try again: journey send"), "{}", seen.status);
    assert!(seen.status.contains("2 mails are queued and can be sent; send with `journey send`"));
    let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
    let running = Lock::acquire_as_daemon(&home.database(), clock::now(), zone).expect("it is free");
    let status = text(&home.run(&["status"]).stdout);
    assert!(
        status.contains("the daemon tries again") && status.contains("the daemon sends them"),
        "{status}"
    );
    assert!(!status.contains("send with `journey send`"), "{status}");
    let refused = home.run(&["send"]);
    assert_eq!(refused.status.code(), Some(75));
    assert!(text(&refused.stderr).contains("(the daemon, pid "), "{}", text(&refused.stderr));
    drop(running);
}
