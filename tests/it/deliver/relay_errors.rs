//! A relay that is silent or rejects the sign-in: every mail stays queued, no
//! recipient is held for it, the relay is retried with backoff, and reports
//! name it and no secret.

use std::fs;
use std::process::Output;
use std::time::Duration;

use chrono::TimeDelta;
use journey::config::{Auth, Password, TokenConfig};
use journey::domain::delivery::reply::Phase;
use journey::domain::time::timezone::Timestamp;
use journey::engine::transport;
use journey::mail::smtp::{Timeouts, TlsMode};
use journey::mail::transport::Transport;
use journey::store::{RelayFailure, RelayHealth, Store};

use super::mailing::Mailing;
use super::{MORNING, all_is_well, minutes, relay};
use crate::crash::home::Home;
use crate::relay::server::{EventKind, Point, Relay, Rule, Script, line};

const SECRET: &str = "correct horse battery";

/// A deadline that is waited for in vain, so it is short.
const SHORT: Duration = Duration::from_millis(20);

/// Timeouts of which the one for this phase is short.
fn hasty(phase: Phase) -> Timeouts {
    let ample = Timeouts::all(Duration::from_secs(20));
    match phase {
        // No relay can be reached in zero time.
        Phase::Connect => Timeouts { connect: Duration::ZERO, ..ample },
        Phase::Greeting => Timeouts { greeting: SHORT, ..ample },
        Phase::Ehlo => Timeouts { ehlo: SHORT, ..ample },
        Phase::Tls => Timeouts { tls: SHORT, ..ample },
        Phase::Auth => Timeouts { auth: SHORT, ..ample },
        Phase::Mail => Timeouts { mail: SHORT, ..ample },
        Phase::Rcpt => Timeouts { rcpt: SHORT, ..ample },
        Phase::Data => Timeouts { data: SHORT, ..ample },
        Phase::Body => Timeouts { block: SHORT, ..ample },
        Phase::EndOfData => Timeouts { dot: SHORT, ..ample },
    }
}

/// The health of the relay, as the database has it.
fn state(mailing: &Mailing, at: Timestamp) -> RelayHealth {
    Store::open(&mailing.database(), at, || [7; 32]).expect("a database").relay_health().expect("read")
}

/// Asserts that every mail is still queued and that no recipient has a failure;
/// returns what is recorded about the relay.
fn nobody_is_blamed(mailing: &Mailing, at: Timestamp) -> RelayFailure {
    let rows = mailing.rows();
    assert_eq!(mailing.states(), format!("due {}", rows.len()));
    assert!(rows.iter().all(|row| row.attempts == 0 && row.reply.is_empty()), "{rows:?}");
    let blamed = "SELECT count(*) FROM person WHERE undeliverable IS NOT NULL";
    let blamed: i64 = mailing.connect().query_row(blamed, [], |row| row.get(0)).expect("a number");
    assert_eq!(blamed, 0);
    let state = state(mailing, at);
    assert_eq!(state.success, None);
    state.failure.expect("the relay is in trouble")
}

/// Asserts the time of the next attempt, with a jitter of a fifth.
fn is_left_alone(trouble: &RelayFailure, at: Timestamp, minutes: i64) {
    let wait = TimeDelta::minutes(minutes);
    let (least, most) = (wait * 4 / 5, wait * 6 / 5);
    let left = trouble.retry - at;
    assert!(left >= least && left <= most, "{left}: {trouble:?}");
}

/// Asserts that a secret is in none of the files: database, WAL and journal.
fn is_nowhere(mailing: &Mailing, secret: &str) {
    for name in ["journey.db", "journey.db-wal", "journey.sent"] {
        let bytes = fs::read(mailing.rig.path(name)).unwrap_or_default();
        let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "a secret is in {name}");
    }
}

/// Asserts that everybody gets the mail, once, when the relay works again.
fn ends_well(mailing: &mut Mailing, at: Timestamp, people: usize) {
    mailing.rig.config.mail.smtp.auth = Auth::None;
    mailing.pass(&relay(Vec::new()), at);
    assert_eq!((mailing.states(), mailing.taken.len()), (format!("sent {people}"), people));
    assert_eq!(state(mailing, at).failure, None);
    all_is_well(mailing, 0);
}

/// Each phase in turn in one morning: the backoff grows each time, and `status`
/// says since when.
#[test]
fn a_timeout_in_any_phase_is_reported_and_counts_against_no_recipient() {
    let mut mailing = Mailing::of(4);
    let at = mailing.at(MORNING);
    let mut later = 0;
    for (n, (point, phase, asked, left_alone)) in (1..).zip([
        (None, Phase::Connect, "cannot be reached", 1),
        (Some(Point::Greeting), Phase::Greeting, "sent no greeting", 2),
        (Some(Point::Ehlo), Phase::Ehlo, "did not answer EHLO", 5),
        (Some(Point::Starttls), Phase::Tls, "did not answer TLS", 10),
        (Some(Point::Auth), Phase::Auth, "did not answer AUTH", 15),
        (Some(Point::Mail), Phase::Mail, "did not answer MAIL", 15),
        (Some(Point::Rcpt), Phase::Rcpt, "did not answer RCPT", 15),
        (Some(Point::Data), Phase::Data, "did not answer DATA", 15),
    ]) {
        let silent = Relay::start(Script {
            offers: ["PIPELINING", "STARTTLS"].map(str::to_owned).into(),
            rules: point.into_iter().map(|point| Rule::at(point, EventKind::Silence)).collect(),
            account: (phase == Phase::Auth).then(|| ("journey".to_owned(), SECRET.to_owned())),
            ..Script::default()
        });
        let auth = if phase == Phase::Auth { Auth::Plain } else { Auth::None };
        signs_in(&mut mailing, auth, SECRET);
        mailing.rig.config.mail.smtp.port = silent.port();
        let mut relay = transport::relay(&mailing.rig.config.mail.smtp);
        relay.timeouts = hasty(phase);
        if phase == Phase::Tls {
            relay.tls = TlsMode::Starttls;
        }
        let now = at + minutes(later);
        let delivered = mailing.pass_by(&Transport::Smtp(Box::new(relay), None), now);
        let limit = if phase == Phase::Connect { "0" } else { "0.02" };
        let told = format!("mail server 127.0.0.1:{} {asked} within {limit} s", silent.port());
        assert_eq!(delivered.relay_error.map(|trouble| trouble.why), Some(told.clone()), "{phase}");
        let trouble = nobody_is_blamed(&mailing, now);
        assert_eq!((trouble.why.as_str(), trouble.failures, trouble.since), (told.as_str(), n, at));
        is_left_alone(&trouble, now, left_alone);
        assert_eq!(silent.count(), 0, "{phase}");
        later += left_alone * 2;
    }
    is_nowhere(&mailing, SECRET);
    ends_well(&mut mailing, at + minutes(later), 4);
}

/// A short message is in the socket buffers before the relay has read any of
/// it; so the reply is what times out, and the mail is in doubt. For a long
/// message see the test of slow reading in `relay`.
#[test]
fn a_relay_that_reads_slowly_does_not_block_a_mailing() {
    let mut mailing = Mailing::of(3);
    let at = mailing.at(MORNING);
    let sipping = Relay::start(Script {
        rules: vec![Rule::at(Point::Body, EventKind::Sip(Duration::from_millis(5)))],
        ..Script::default()
    });
    mailing.rig.config.mail.smtp.port = sipping.port();
    let mut relay = transport::relay(&mailing.rig.config.mail.smtp);
    relay.timeouts = hasty(Phase::EndOfData);
    let delivered = mailing.pass_by(&Transport::Smtp(Box::new(relay), None), at);
    assert_eq!((delivered.in_doubt, mailing.states().as_str()), (3, "in_doubt 3"));
    let why = format!("mail server 127.0.0.1:{} did not answer the final dot within 0.02 s", sipping.port());
    assert!(mailing.rows().iter().all(|row| row.reply == why), "{:?}", mailing.rows());
    assert_eq!(sipping.count(), 0);
    ends_well(&mut mailing, at + minutes(15), 3);
}

/// Configures a sign-in with a secret file.
fn signs_in(mailing: &mut Mailing, auth: Auth, secret: &str) {
    let file = mailing.rig.path("secret");
    fs::write(&file, format!("{secret}\n")).expect("written");
    let smtp = &mut mailing.rig.config.mail.smtp;
    (smtp.auth, smtp.username) = (auth, Some("journey".to_owned()));
    smtp.password = Some(Password::File(file));
}

#[test]
fn a_rejected_sign_in_stops_the_relay_and_shows_no_password() {
    let mut mailing = Mailing::of(6);
    let at = mailing.at(MORNING);
    signs_in(&mut mailing, Auth::Plain, "wrong horse");
    let account = || Some(("journey".to_owned(), SECRET.to_owned()));
    let wrong = Relay::start(Script { account: account(), ..Script::default() });
    let off = EventKind::say("535 5.7.30 basic authentication is not supported");
    let off = Relay::start(Script {
        account: account(),
        rules: vec![Rule::at(Point::Auth, off)],
        ..Script::default()
    });
    for (n, relay, said) in [
        (1, &wrong, "535 5.7.8 name or password is wrong"),
        (2, &off, "535 5.7.30 basic authentication is not supported"),
    ] {
        let now = at + minutes(80 * (n - 1));
        let passed = mailing.pass(relay, now);
        let told = format!(
            "mail server 127.0.0.1:{} refused the login ({said}): check `username` and the password file; \
             Exchange Online needs `auth = \"xoauth2\"`",
            relay.port()
        );
        assert_eq!(passed.delivered.relay_error.map(|trouble| trouble.why), Some(told.clone()));
        let trouble = nobody_is_blamed(&mailing, now);
        assert_eq!((trouble.why, trouble.since), (told, at));
        is_left_alone(&state(&mailing, now).failure.expect("trouble"), now, 60);
        assert_eq!((relay.commands("MAIL"), relay.count()), (0, 0));
        assert!(relay.commands("AUTH") <= 2, "a line asks once: {}", relay.commands("AUTH"));
    }
    is_nowhere(&mailing, "wrong horse");
    is_nowhere(&mailing, "d3JvbmcgaG9yc2");
    ends_well(&mut mailing, at + minutes(160), 6);
}

/// Notepad writes a byte order mark and CR LF.
#[test]
fn a_password_file_is_read_as_editors_write_it() {
    let account = || Some(("journey".to_owned(), SECRET.to_owned()));
    for written in [format!("\u{feff}{SECRET}\r"), format!("\u{feff}{SECRET}"), format!("{SECRET}\r\n\r")] {
        let mut mailing = Mailing::of(2);
        let at = mailing.at(MORNING);
        signs_in(&mut mailing, Auth::Plain, &written);
        let relay = Relay::start(Script { account: account(), ..Script::default() });
        let passed = mailing.pass(&relay, at);
        assert_eq!(mailing.states(), "sent 2", "{written:?}: {passed:?}");
    }
    let mut mailing = Mailing::of(2);
    let at = mailing.at(MORNING);
    signs_in(&mut mailing, Auth::Plain, "two\nlines");
    let relay = Relay::start(Script { account: account(), ..Script::default() });
    let why = mailing.pass(&relay, at).delivered.relay_error.expect("trouble").why;
    assert!(why.contains("the password file cannot be read: it has more than one line"), "{why}");
    assert_eq!(relay.commands("AUTH"), 0);
}

/// HELO offers no sign-in, and a password is not left out.
#[test]
fn helo_is_not_tried_where_a_sign_in_is_configured() {
    let mut mailing = Mailing::of(2);
    let at = mailing.at(MORNING);
    signs_in(&mut mailing, Auth::Plain, SECRET);
    let relay = relay(vec![Rule::at(Point::Ehlo, EventKind::say("502 5.5.1 not implemented"))]);
    let why = mailing.pass(&relay, at).delivered.relay_error.expect("trouble").why;
    assert!(why.contains("answered EHLO with 502 5.5.1 not implemented"), "{why}");
    assert_eq!((relay.commands("HELO"), mailing.states().as_str()), (0, "due 2"));
}

#[test]
fn an_unreachable_token_endpoint_stops_the_relay_and_shows_no_secret() {
    let mut mailing = Mailing::of(6);
    let at = mailing.at(MORNING);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/token", nobody.local_addr().expect("an address"));
    drop(nobody);
    signs_in(&mut mailing, Auth::Xoauth2, "hemlig-nyckel");
    let smtp = &mut mailing.rig.config.mail.smtp;
    smtp.token = Some(TokenConfig::Endpoint {
        url: url.clone(),
        client_id: "journey".to_owned(),
        client_secret: smtp.password.take().expect("a file"),
        scope: "https://outlook.example/.default".to_owned(),
    });
    let account = Some(("journey".to_owned(), SECRET.to_owned()));
    let relay = Relay::start(Script { account, ..Script::default() });
    for (n, later) in [(1, 0), (2, 2)] {
        let now = at + minutes(later);
        let passed = mailing.pass(&relay, now);
        let why = passed.delivered.relay_error.expect("trouble").why;
        let told =
            format!("cannot log in to mail server 127.0.0.1:{}: the token endpoint {url} ", relay.port());
        assert!(why.starts_with(&told) && why.contains("cannot be reached"), "{why}");
        let trouble = nobody_is_blamed(&mailing, now);
        assert_eq!((trouble.why.as_str(), trouble.since, trouble.failures), (why.as_str(), at, n));
        is_left_alone(&trouble, now, i64::from(n));
    }
    assert_eq!((relay.commands("AUTH"), relay.commands("MAIL")), (0, 0));
    is_nowhere(&mailing, "hemlig-nyckel");
    ends_well(&mut mailing, at + minutes(5), 6);
}

/// The daemon caches a token until it expires. One that was revoked earlier is
/// not used a second time.
#[test]
fn a_rejected_token_is_fetched_again() {
    let mut mailing = Mailing::in_order(3);
    let at = mailing.at(MORNING);
    let program = mailing.rig.path("token");
    fs::write(&program, "[ -e \"$0.asked\" ] && echo new || { touch \"$0.asked\"; echo old; }\n")
        .expect("written");
    signs_in(&mut mailing, Auth::Xoauth2, "");
    let account = Some(("journey".to_owned(), "new".to_owned()));
    let relay = Relay::start(Script { account, ..Script::default() });
    let smtp = &mut mailing.rig.config.mail.smtp;
    (smtp.password, smtp.port) = (None, relay.port());
    smtp.token = Some(TokenConfig::Command(vec!["/bin/sh".to_owned(), program.display().to_string()]));
    let post = transport::from_config(&mailing.rig.config).expect("a relay");
    let trouble = mailing.pass_by(&post, at).relay_error.expect("it is refused");
    assert!(trouble.why.contains("refused the login (535"), "{}", trouble.why);
    let trouble = nobody_is_blamed(&mailing, at);
    is_left_alone(&trouble, at, 60);
    let delivered = mailing.pass_by(&post, at + minutes(75));
    assert_eq!((delivered.sent, relay.count()), (3, 3), "{delivered:?}");
}

/// The standard output and standard error of a command.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The output on a terminal, with colours.
fn in_red(home: &Home, arguments: &[&str]) -> String {
    let mut command = home.command(arguments);
    command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
    said(&command.output().expect("it starts"))
}

#[test]
fn status_is_red_and_says_since_when_no_mail_was_accepted() {
    let closed = "554 5.3.2 closed for the week";
    let refusing = || relay(vec![Rule::at(Point::Greeting, EventKind::SayAndClose(line(closed)))]);
    let later = |reader| super::to(reader, Rule::at(Point::Rcpt, EventKind::say("450 4.2.0 later")));
    let (never, well, down) = (refusing(), relay(vec![later("p1001"), later("p1002")]), refusing());
    let home = Home::peopled(3, never.port());
    let output = home.run(&["send"]);
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    let why = format!("mail server 127.0.0.1:{} answered the greeting with {closed}", never.port());
    assert!(said(&output).contains(&why), "{}", said(&output));
    let status = said(&home.run(&["status"]));
    assert!(status.contains("sending fails since ") && status.contains(&why), "{status}");
    assert!(status.contains("no mail was ever sent; to try again: journey send"), "{status}");
    // It works for a while, and then fails again.
    let moves = |from: &Relay, to: &Relay| {
        home.edit("config.toml", &format!("port = {}", from.port()), &format!("port = {}", to.port()));
    };
    moves(&never, &well);
    home.run(&["send", "-q"]);
    assert!(!said(&home.run(&["status"])).contains("sending fails"));
    moves(&well, &down);
    home.hurry();
    assert_eq!(home.run(&["send", "-q"]).status.code(), Some(69));
    let status = in_red(&home, &["status"]);
    let red = "\u{1b}[1m\u{1b}[31msending fails\u{1b}[0m since ";
    assert!(status.contains(red) && status.contains("the last mail was sent "), "{status}");
    assert_eq!((well.count(), home.count("state = 'deferred' AND attempts = 1")), (1, 2));
}

/// Text about other people, and terminal control characters, are shown nowhere.
#[test]
fn relay_replies_are_shortened_and_escaped_everywhere() {
    let evil = "\u{1b}[2J\u{1b}]0;evil\u{7} <berit.berg@ekdala.example> is gone";
    let says = |code: &str| EventKind::say(&format!("{code} {evil} {}", "and so on ".repeat(100)));
    let relay = Relay::start(Script {
        rules: vec![
            super::to("p1000", Rule::at(Point::Rcpt, says("450 4.2.0"))),
            super::to("p1001", Rule::at(Point::Rcpt, says("550 5.1.1"))),
            super::to("p1002", Rule::at(Point::Dot, says("554 5.6.0"))),
            super::to("p1003", Rule::at(Point::Dot, says("250-2.0.0 fine\r\n299"))),
            super::to("p1004", Rule::at(Point::Dot, says("250 2.0.0"))),
        ],
        ..Script::default()
    });
    let home = Home::peopled(6, relay.port());
    let mut shown = said(&home.run(&["send"]));
    let closing = Relay::start(Script {
        rules: vec![Rule::at(Point::Greeting, says("421 4.3.0"))],
        ..Script::default()
    });
    home.edit("config.toml", &format!("port = {}", relay.port()), &format!("port = {}", closing.port()));
    home.hurry();
    shown += &said(&home.run(&["send"]));
    for arguments in [
        &["status"][..],
        &["status", "--format", "json"],
        &["why", "1000"],
        &["why", "1001"],
        &["why", "1002"],
        &["why", "1003"],
        &["why", "1004", "--format", "json"],
    ] {
        shown += &said(&home.run(arguments));
    }
    assert!(!shown.contains(['\u{1b}', '\u{7}']) && !shown.contains("berit"), "{shown}");
    assert!(shown.contains("550 5.1.1 \\u{1b}[2J") && shown.contains("… is gone and so on"), "{shown}");
    assert!(!shown.contains(&"and so on ".repeat(30)), "it is short: {shown}");
    let kept = "SELECT group_concat(coalesce(reply, '')) FROM delivery";
    let kept: String = home.sql().query_row(kept, [], |row| row.get(0)).expect("words");
    assert!(kept.contains("450 4.2.0") && !kept.contains(['\u{1b}', '\u{7}', '@']), "{kept}");
}
