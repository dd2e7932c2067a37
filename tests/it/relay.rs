//! The SMTP client against a scripted relay, fault by fault. Timeouts are short
//! here, so that no test waits long.

pub(crate) mod certificates;
pub(crate) mod server;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use journey::clock::Stopwatch;
use journey::domain::delivery::reply::{Outcome, Phase, RelayError, RelayErrorKind};
use journey::mail::smtp::{Connection, Envelope, Mechanism, Relay, SmtpAuth, Timeouts, TlsMode, TlsTrust};

use certificates::{Authority, self_signed};
use server::{BadDay, EventKind, Point, Rule, Script, line};

const FROM: &str = "larresa@ekdala.example";
const ANNA: &str = "anna@ekdala.example";
const SECRET: &str = "correct horse battery";

/// A timeout that is never reached, even on a busy machine.
const AMPLE: Duration = Duration::from_secs(20);

/// A timeout that is meant to be reached.
const SHORT: Duration = Duration::from_millis(100);

/// A client for a test relay.
fn client(relay: &server::Relay) -> Relay {
    Relay {
        timeouts: Timeouts::all(AMPLE),
        ehlo_name: Some("test.ekdala.example".to_owned()),
        ..Relay::at("127.0.0.1", relay.port())
    }
}

/// A client with a short timeout in one phase.
fn hasty(relay: &server::Relay, phase: Phase) -> Relay {
    let mut client = client(relay);
    let limits = &mut client.timeouts;
    *match phase {
        Phase::Connect => &mut limits.connect,
        Phase::Greeting => &mut limits.greeting,
        Phase::Ehlo => &mut limits.ehlo,
        Phase::Tls => &mut limits.tls,
        Phase::Auth => &mut limits.auth,
        Phase::Mail => &mut limits.mail,
        Phase::Rcpt => &mut limits.rcpt,
        Phase::Data => &mut limits.data,
        Phase::Body => &mut limits.block,
        Phase::EndOfData => &mut limits.dot,
    } = SHORT;
    client
}

fn connect(relay: &server::Relay) -> Connection {
    client(relay).connect().unwrap_or_else(|trouble| panic!("{}", trouble.why))
}

fn start(rules: Vec<Rule>) -> server::Relay {
    server::Relay::start(Script { rules, ..Script::default() })
}

/// Two relays with these rules: with pipelining, and without.
fn both(rules: &[Rule]) -> [server::Relay; 2] {
    ["PIPELINING", "8BITMIME"].map(|offer| {
        server::Relay::start(Script {
            offers: vec![offer.to_owned()],
            rules: rules.to_vec(),
            ..Script::default()
        })
    })
}

fn words(n: usize) -> Vec<u8> {
    format!("Message-ID: <{n}@ekdala.example>\r\nSubject: Hej\r\n\r\nHej {n}!\r\n").into_bytes()
}

fn hand_over(connection: &mut Connection, to: &str, words: &[u8]) -> Outcome {
    let envelope = Envelope { from: FROM, to, size: words.len() };
    match connection.begin_message(&envelope) {
        Ok(()) => connection.send_data(words, || {}),
        Err(outcome) => outcome,
    }
}

fn trouble(outcome: Outcome) -> RelayError {
    match outcome {
        Outcome::RelayFailed(trouble) => trouble,
        other => panic!("not the channel's: {other:?}"),
    }
}

fn refused(relay: &Relay) -> RelayError {
    relay.connect().err().expect("it cannot be reached")
}

fn is_sent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Sent(_))
}

#[test]
fn a_mail_takes_two_round_trips() {
    let relay = start(Vec::new());
    let mut connection = connect(&relay);
    let before = relay.turns();
    for n in 0..20 {
        assert!(is_sent(&hand_over(&mut connection, ANNA, &words(n))));
    }
    assert_eq!(relay.turns() - before, 40);
    connection.quit();
    let accepted = relay.accepted();
    assert_eq!(accepted.len(), 20);
    for (n, mail) in accepted.iter().enumerate() {
        assert_eq!((mail.connection, &*mail.from, &*mail.to, mail.told), (1, FROM, ANNA, true));
        assert_eq!(mail.message_id, format!("<{n}@ekdala.example>"));
        assert_eq!(mail.bytes, words(n));
    }
    assert!(accepted.is_sorted_by_key(|mail| mail.at));
    assert_eq!((relay.connections(), relay.most_connections(), relay.commands("QUIT")), (1, 1, 1));
    assert_eq!(relay.hellos(), ["test.ekdala.example"]);
}

#[test]
fn without_a_configured_name_ehlo_uses_the_host_name() {
    let relay = start(Vec::new());
    Relay { ehlo_name: None, ..client(&relay) }.connect().unwrap_or_else(|trouble| panic!("{}", trouble.why));
    let hello = relay.hellos().concat();
    assert!(hello == "[127.0.0.1]" || hello.contains('.') && !hello.contains('['), "{hello}");
}

#[test]
fn without_pipelining_each_command_waits_for_its_reply() {
    let [_, relay] = both(&[]);
    let mut connection = connect(&relay);
    let before = relay.turns();
    assert!(is_sent(&hand_over(&mut connection, ANNA, &words(1))));
    assert_eq!(relay.turns() - before, 4);
}

#[test]
fn a_null_return_path_is_supported() {
    let relay = start(Vec::new());
    let mut connection = connect(&relay);
    connection.begin_message(&Envelope { from: "", to: ANNA, size: 3 }).expect("it is asked for");
    assert!(is_sent(&connection.send_data(b"a\r\n", || {})));
    assert_eq!(relay.accepted()[0].from, "");
}

#[test]
fn a_late_reply_counts_as_sent() {
    let relay = start(vec![Rule::at(Point::Dot, EventKind::Late(3 * SHORT, line("250 2.0.0 at last")))]);
    let timeouts = Timeouts { data: 2 * SHORT, block: SHORT, ..Timeouts::all(AMPLE) };
    let mut connection = Relay { timeouts, ..client(&relay) }.connect().expect("a connection");
    assert!(is_sent(&hand_over(&mut connection, ANNA, &words(1))));
    assert!(connection.is_usable());
    assert_eq!(relay.accepted().len(), 1);
}

/// A reply of 250 after 599 s of silence counts as sent.
#[test]
fn the_reply_to_the_end_of_data_may_take_longer_than_599_s() {
    assert!(Timeouts::default().dot > Duration::from_secs(599));
    assert!(Relay::at("relay.example", 25).timeouts.dot > Duration::from_secs(599));
}

#[test]
fn a_silent_relay_before_a_mail_ends_with_the_phase_timeout() {
    let authority = Authority::new("Ekdala");
    for (point, phase, asked) in [
        (Point::Greeting, Phase::Greeting, "sent no greeting"),
        (Point::Ehlo, Phase::Ehlo, "did not answer EHLO"),
        (Point::Starttls, Phase::Tls, "did not answer TLS"),
        (Point::Auth, Phase::Auth, "did not answer AUTH"),
    ] {
        let relay = server::Relay::start(Script {
            rules: vec![Rule::at(point, EventKind::Silence)],
            tls: (point == Point::Starttls).then(|| authority.server(&["127.0.0.1"], 2100)),
            account: Some(("journey".to_owned(), SECRET.to_owned())),
            ..Script::default()
        });
        let tls = if point == Point::Starttls { TlsMode::Starttls } else { TlsMode::Plaintext };
        let trouble = refused(&Relay { tls, auth: Some(sign_in(Mechanism::Plain)), ..hasty(&relay, phase) });
        let why = format!("mail server 127.0.0.1:{} {asked} within 0.1 s", relay.port());
        assert_eq!(trouble, RelayError { kind: RelayErrorKind::Transient, phase, why });
    }
}

#[test]
fn a_connect_timeout_names_the_relay() {
    let relay = start(Vec::new());
    let trouble = refused(&Relay { timeouts: Timeouts::all(Duration::ZERO), ..client(&relay) });
    let why = format!("mail server 127.0.0.1:{} cannot be reached within 0 s", relay.port());
    assert_eq!(trouble, RelayError { kind: RelayErrorKind::Transient, phase: Phase::Connect, why });
}

#[test]
fn a_silent_relay_within_a_mail_ends_with_the_phase_timeout() {
    for (point, phase) in [(Point::Mail, Phase::Mail), (Point::Rcpt, Phase::Rcpt), (Point::Data, Phase::Data)]
    {
        for relay in both(&[Rule::at(point, EventKind::Silence)]) {
            let mut connection = hasty(&relay, phase).connect().expect("a connection");
            let trouble = trouble(hand_over(&mut connection, ANNA, &words(1)));
            let why = format!("mail server 127.0.0.1:{} did not answer {phase} within 0.1 s", relay.port());
            assert_eq!(trouble, RelayError { kind: RelayErrorKind::Transient, phase, why });
            assert!(!connection.is_usable());
            assert!(relay.accepted().is_empty());
        }
    }
}

#[test]
fn a_reply_that_trickles_in_does_not_extend_the_timeout() {
    let drip = EventKind::Drip(vec![b'2'; 1_000], Duration::from_millis(20));
    for relay in both(&[Rule::at(Point::Rcpt, drip)]) {
        let mut connection = hasty(&relay, Phase::Rcpt).connect().expect("a connection");
        let watch = Stopwatch::start();
        let trouble = trouble(hand_over(&mut connection, ANNA, &words(1)));
        assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Transient, Phase::Rcpt));
        assert!(trouble.why.contains("within 0.1 s"), "{}", trouble.why);
        assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
    }
}

#[test]
fn a_late_reply_is_never_taken_for_that_of_the_next_mail() {
    let relay = start(vec![
        Rule { mail: Some(1), ..Rule::at(Point::Dot, EventKind::Late(2 * SHORT, line("250 2.0.0 late"))) },
        Rule { mail: Some(2), ..Rule::at(Point::Dot, EventKind::say("554 5.6.0 no")) },
    ]);
    let mut connection = hasty(&relay, Phase::EndOfData).connect().expect("a connection");
    let outcome = hand_over(&mut connection, ANNA, &words(1));
    let why = format!("mail server 127.0.0.1:{} did not answer the final dot within 0.1 s", relay.port());
    assert_eq!(outcome, Outcome::InDoubt(why));
    assert!(!connection.is_usable());
    assert_eq!(trouble(hand_over(&mut connection, ANNA, &words(2))).kind, RelayErrorKind::StaleConnection);
    let mut connection = client(&relay).connect().expect("a connection");
    assert!(matches!(hand_over(&mut connection, ANNA, &words(2)), Outcome::MessageRejected(_)));
    assert!(connection.is_usable());
}

#[test]
fn a_reply_before_the_data_is_not_taken_for_its_reply() {
    let early = EventKind::Say([line("354 go ahead"), line("250 2.0.0 queued")].concat());
    for relay in both(&[Rule::at(Point::Data, early)]) {
        let mut connection = connect(&relay);
        let trouble = trouble(hand_over(&mut connection, ANNA, &words(1)));
        assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Transient, Phase::Data));
        assert!(!connection.is_usable());
    }
}

#[test]
fn greylisting_is_a_temporary_rejection() {
    let relay = server::Relay::start(Script { greylist: 1, ..Script::default() });
    let mut connection = connect(&relay);
    let Outcome::Deferred(reply) = hand_over(&mut connection, ANNA, &words(1)) else { panic!("deferred") };
    assert_eq!(reply.to_string(), "451 4.7.1 greylisted, come back later");
    assert!(connection.is_usable());
    assert!(is_sent(&hand_over(&mut connection, ANNA, &words(1))));
    assert_eq!((relay.accepted().len(), relay.connections()), (1, 1));
}

#[test]
fn a_421_ends_the_connection_and_affects_no_other_mail() {
    let closing = || EventKind::SayAndClose(line("421 4.3.0 closing"));
    let relay = start(vec![Rule::once(Point::Greeting, closing())]);
    let trouble_met = refused(&client(&relay));
    assert_eq!((trouble_met.kind, trouble_met.phase), (RelayErrorKind::Transient, Phase::Greeting));
    for point in [Point::Mail, Point::Rcpt, Point::Data, Point::Dot] {
        for relay in both(&[Rule::once(point, closing())]) {
            let mut connection = connect(&relay);
            let outcome = hand_over(&mut connection, ANNA, &words(1));
            match (point, outcome) {
                (Point::Rcpt | Point::Data | Point::Dot, Outcome::Limited(reply)) => {
                    assert_eq!(reply.code, 421);
                }
                (_, outcome) => assert_eq!(trouble(outcome).kind, RelayErrorKind::Transient, "{point:?}"),
            }
            assert!(!connection.is_usable());
            assert!(is_sent(&hand_over(&mut connect(&relay), ANNA, &words(1))));
            assert_eq!(relay.accepted().len(), 1);
        }
    }
}

#[test]
fn an_idle_connection_closed_by_the_relay_is_stale_and_no_error() {
    for what in [EventKind::Close, EventKind::Reset, EventKind::SayAndClose(line("421 4.4.2 idle"))] {
        for relay in both(&[Rule::once(Point::Idle, what.clone())]) {
            let mut connection = connect(&relay);
            assert!(is_sent(&hand_over(&mut connection, ANNA, &words(1))));
            assert!(connection.is_usable());
            let trouble = trouble(hand_over(&mut connection, ANNA, &words(2)));
            assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::StaleConnection, Phase::Mail));
            assert!(!connection.is_usable());
            assert!(is_sent(&hand_over(&mut connect(&relay), ANNA, &words(2))));
            assert_eq!(relay.accepted().len(), 2);
        }
    }
}

#[test]
fn a_new_connection_that_closes_is_an_error() {
    for relay in both(&[Rule::at(Point::Mail, EventKind::Close)]) {
        let mut connection = connect(&relay);
        let trouble = trouble(hand_over(&mut connection, ANNA, &words(1)));
        assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Transient, Phase::Mail));
    }
}

#[test]
fn a_connection_lost_within_the_data_leaves_no_doubt() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("Ekdala");
    // More than the socket buffers hold.
    let long = b"0123456789abcdef0123456789abcde\r\n".repeat(500_000);
    for what in [EventKind::ReadThenReset(100), EventKind::ReadThenEnd(100)] {
        let rules = [Rule::once(Point::Body, what)];
        let [at_once, by_steps] = both(&rules);
        let tls = Some(authority.server(&["127.0.0.1"], 2100));
        let offers = vec!["PIPELINING".to_owned()];
        let private = server::Relay::start(Script { rules: rules.into(), tls, offers, ..Script::default() });
        let under_tls = believer(&private, &authority, folder.path());
        for (relay, client) in
            [(&at_once, client(&at_once)), (&by_steps, client(&by_steps)), (&private, under_tls)]
        {
            let mut connection = client.connect().unwrap_or_else(|trouble| panic!("{}", trouble.why));
            let trouble = trouble(hand_over(&mut connection, ANNA, &long));
            let why = format!("mail server 127.0.0.1:{} closed the connection at the message", relay.port());
            assert_eq!(trouble, RelayError { kind: RelayErrorKind::Transient, phase: Phase::Body, why });
            assert!(!connection.is_usable());
            // The relay has no part of it as a mail, and the next one is not
            // affected.
            assert!(is_sent(&hand_over(&mut client.connect().expect("a connection"), ANNA, &words(2))));
            let accepted = relay.accepted();
            assert!(accepted.len() == 1 && accepted[0].bytes == words(2), "{} mails", accepted.len());
        }
    }
}

/// A short message is entirely in the socket buffers before the relay has read
/// any of it: if no reply comes, the client cannot know what the relay has.
#[test]
fn a_connection_lost_after_all_data_was_written_is_doubt() {
    for what in [EventKind::Close, EventKind::Reset, EventKind::ReadThenReset(10), EventKind::ReadThenEnd(10)]
    {
        for relay in both(&[Rule::once(Point::Body, what.clone())]) {
            let mut connection = connect(&relay);
            let outcome = hand_over(&mut connection, ANNA, &words(1));
            let why =
                format!("mail server 127.0.0.1:{} closed the connection at the final dot", relay.port());
            assert_eq!(outcome, Outcome::InDoubt(why));
            assert!(!connection.is_usable());
            assert!(relay.accepted().is_empty(), "half a mail is none");
        }
    }
}

#[test]
fn complete_data_without_a_reply_is_doubt() {
    for what in
        [EventKind::Close, EventKind::Reset, EventKind::lose(), EventKind::Accept(Box::new(EventKind::Reset))]
    {
        for relay in both(&[Rule::once(Point::Dot, what.clone())]) {
            let mut connection = connect(&relay);
            let outcome = hand_over(&mut connection, ANNA, &words(1));
            let why =
                format!("mail server 127.0.0.1:{} closed the connection at the final dot", relay.port());
            assert_eq!(outcome, Outcome::InDoubt(why));
            assert!(!connection.is_usable());
            assert!(relay.accepted().iter().all(|mail| !mail.told));
        }
    }
}

#[test]
fn a_batch_with_rejections_sends_the_others() {
    let rules = vec![
        Rule { to: Some("p07"), ..Rule::at(Point::Rcpt, EventKind::say("550 5.1.1 no such user")) },
        Rule { to: Some("p20"), ..Rule::at(Point::Rcpt, EventKind::say("552 5.2.2 mailbox full")) },
        Rule { to: Some("p33"), ..Rule::at(Point::Dot, EventKind::Close) },
    ];
    let relay = start(rules);
    let mut connection = connect(&relay);
    let mut sent = Vec::new();
    for n in 0..50 {
        match (n, hand_over(&mut connection, &format!("p{n:02}@ekdala.example"), &words(n))) {
            (7, Outcome::Rejected { hard: true, .. }) | (20, Outcome::Rejected { hard: false, .. }) => {
                assert!(connection.is_usable());
            }
            (33, Outcome::InDoubt(_)) => connection = connect(&relay),
            (_, Outcome::Sent(_)) => sent.push(format!("<{n}@ekdala.example>")),
            (_, other) => panic!("{n}: {other:?}"),
        }
    }
    assert_eq!(sent.len(), 47);
    let accepted: Vec<String> = relay.accepted().into_iter().map(|mail| mail.message_id).collect();
    assert_eq!(accepted, sent);
    assert_eq!((relay.connections(), relay.commands("RSET")), (2, 2));
}

#[test]
fn a_rejected_recipient_costs_one_round_trip() {
    let relay =
        start(vec![Rule { to: Some("none"), ..Rule::at(Point::Rcpt, EventKind::say("550 5.1.1 no")) }]);
    let mut connection = connect(&relay);
    let before = relay.turns();
    assert!(matches!(
        hand_over(&mut connection, "none@ekdala.example", &words(1)),
        Outcome::Rejected { hard: true, .. }
    ));
    assert!(is_sent(&hand_over(&mut connection, ANNA, &words(2))));
    assert_eq!(relay.turns() - before, 3);
}

#[test]
fn random_relay_faults_lose_nothing() {
    let bad_day = BadDay { seed: 7, tempfail: 100, permfail: 50, lose: 50, drop: 50 };
    let relay = server::Relay::start(Script { bad_day: Some(bad_day), ..Script::default() });
    let mut connection = connect(&relay);
    let (mut sent, mut in_doubt) = (Vec::new(), Vec::new());
    for n in 0..200 {
        match hand_over(&mut connection, ANNA, &words(n)) {
            Outcome::Sent(_) => sent.push(format!("<{n}@ekdala.example>")),
            Outcome::InDoubt(_) => in_doubt.push(format!("<{n}@ekdala.example>")),
            Outcome::Deferred(_) | Outcome::Rejected { .. } => {}
            other => panic!("{n}: {other:?}"),
        }
        if !connection.is_usable() {
            connection = connect(&relay);
        }
    }
    let told = |told| {
        let mails = relay.accepted().into_iter().filter(move |mail| mail.told == told);
        mails.map(|mail| mail.message_id).collect::<Vec<_>>()
    };
    assert_eq!(told(true), sent);
    assert!(!told(false).is_empty() && told(false).iter().all(|mail| in_doubt.contains(mail)));
    assert!(in_doubt.len() > told(false).len(), "some lines broke within the words");
}

fn sign_in(mechanism: Mechanism) -> SmtpAuth {
    let secret = Arc::new(|| Ok(SECRET.to_owned()));
    SmtpAuth { mechanism, username: "journey".to_owned(), secret, refused: Arc::new(|| {}) }
}

fn with_account(rules: Vec<Rule>) -> server::Relay {
    let account = Some(("journey".to_owned(), SECRET.to_owned()));
    server::Relay::start(Script { account, rules, ..Script::default() })
}

const MECHANISMS: [(Mechanism, &str); 3] =
    [(Mechanism::Plain, "PLAIN"), (Mechanism::Login, "LOGIN"), (Mechanism::Xoauth2, "XOAUTH2")];

#[test]
fn signing_in_works_with_each_mechanism() {
    for (mechanism, name) in MECHANISMS {
        let relay = with_account(Vec::new());
        let signed = Relay { auth: Some(sign_in(mechanism)), ..client(&relay) };
        let mut connection = signed.connect().unwrap_or_else(|trouble| panic!("{}", trouble.why));
        assert!(is_sent(&hand_over(&mut connection, ANNA, &words(1))));
        assert_eq!(relay.signed_in(), [format!("{name} journey")]);
        let shown = format!("{signed:?}");
        assert!(!shown.contains(SECRET) && !shown.contains("username"), "{shown}");
        let stranger = trouble(hand_over(&mut connect(&relay), ANNA, &words(1)));
        assert_eq!(stranger.kind, RelayErrorKind::Permanent);
    }
}

#[test]
fn a_wrong_password_is_reported_and_never_shown() {
    for (mechanism, _) in MECHANISMS {
        let relay = with_account(Vec::new());
        let wrong = SmtpAuth { secret: Arc::new(|| Ok("wrong horse".to_owned())), ..sign_in(mechanism) };
        let trouble = refused(&Relay { auth: Some(wrong), ..client(&relay) });
        assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Permanent, Phase::Auth));
        assert_eq!(
            trouble.why,
            format!(
                "mail server 127.0.0.1:{} refused the login (535 5.7.8 name or password is wrong): check `username` \
                 and the password file; Exchange Online needs `auth = \"xoauth2\"`",
                relay.port()
            )
        );
    }
}

#[test]
fn a_reply_that_contains_the_secret_is_not_quoted() {
    for said in [SECRET, "AGpvdXJuZXkAY29ycmVjdCBob3JzZSBiYXR0ZXJ5"] {
        let relay =
            with_account(vec![Rule::at(Point::Auth, EventKind::say(&format!("535 5.7.30 not {said}")))]);
        let trouble = refused(&Relay { auth: Some(sign_in(Mechanism::Plain)), ..client(&relay) });
        assert!(trouble.why.contains("(535 5.7.30):") && !trouble.why.contains(said), "{}", trouble.why);
    }
}

#[test]
fn a_mechanism_that_is_not_offered_is_not_tried() {
    let account = Some(("journey".to_owned(), SECRET.to_owned()));
    let relay =
        server::Relay::start(Script { account, auth: "LOGIN XOAUTH2".to_owned(), ..Script::default() });
    let trouble = refused(&Relay { auth: Some(sign_in(Mechanism::Plain)), ..client(&relay) });
    assert_eq!(trouble.kind, RelayErrorKind::Permanent);
    assert!(
        trouble.why.ends_with("does not accept a login with PLAIN; it offers LOGIN, XOAUTH2"),
        "{}",
        trouble.why
    );
    assert_eq!(relay.commands("AUTH"), 0);
}

#[test]
fn a_temporary_sign_in_failure_is_not_a_rejection() {
    let relay = with_account(vec![Rule::at(Point::Auth, EventKind::say("454 4.7.0 try again"))]);
    let trouble = refused(&Relay { auth: Some(sign_in(Mechanism::Plain)), ..client(&relay) });
    assert_eq!(trouble.kind, RelayErrorKind::Transient);
}

/// A client that trusts a test authority.
fn believer(relay: &server::Relay, authority: &Authority, folder: &Path) -> Relay {
    let file = folder.join("ca.pem");
    fs::write(&file, &authority.pem).expect("a file");
    Relay { tls: TlsMode::Starttls, trust: TlsTrust::new(Some(file)), ..client(relay) }
}

fn with_tls(tls: Arc<rustls::ServerConfig>, at_once: bool) -> server::Relay {
    let account = Some(("journey".to_owned(), SECRET.to_owned()));
    server::Relay::start(Script { account, tls: Some(tls), tls_at_once: at_once, ..Script::default() })
}

#[test]
fn tls_works_with_starttls_and_from_the_first_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("Ekdala");
    for tls in [TlsMode::Starttls, TlsMode::Tls] {
        let relay = with_tls(authority.server(&["127.0.0.1"], 2100), tls == TlsMode::Tls);
        let client = Relay {
            tls,
            auth: Some(sign_in(Mechanism::Plain)),
            ..believer(&relay, &authority, folder.path())
        };
        let mut connection = client.connect().unwrap_or_else(|trouble| panic!("{}", trouble.why));
        let before = relay.turns();
        for n in 0..3 {
            // Longer than a TLS record.
            let long = [words(n), b"0123456789abcde\r\n".repeat(9_000)].concat();
            assert!(is_sent(&hand_over(&mut connection, ANNA, &long)));
            assert_eq!(relay.accepted()[n].bytes, long);
        }
        assert_eq!(relay.turns() - before, 6);
        connection.quit();
        assert_eq!(relay.hellos().len(), if tls == TlsMode::Starttls { 2 } else { 1 });
    }
}

#[test]
fn without_starttls_nothing_is_sent_in_clear() {
    let relay = with_account(Vec::new());
    let client = Relay { tls: TlsMode::Starttls, auth: Some(sign_in(Mechanism::Plain)), ..client(&relay) };
    let trouble = refused(&client);
    assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Permanent, Phase::Tls));
    assert!(trouble.why.contains("does not offer STARTTLS"), "{}", trouble.why);
    assert_eq!((relay.commands("AUTH"), relay.commands("MAIL")), (0, 0));
}

#[test]
fn an_invalid_certificate_is_reported_and_nothing_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("Ekdala");
    for (tls, told) in [
        (authority.server(&["127.0.0.1"], 2025), "it was good until 2025-01-01, and today is 20"),
        (authority.server(&["mail.other.example"], 2100), "it is for mail.other.example, not for 127.0.0.1"),
        (self_signed(&["127.0.0.1"]), "not signed by a certificate authority that this machine trusts"),
        (
            Authority::new("Another").server(&["127.0.0.1"], 2100),
            "not signed by a certificate authority that this machine trusts",
        ),
        (
            Authority::new("Ekdala").server(&["127.0.0.1"], 2100),
            "its signature is not that of the CA it names",
        ),
    ] {
        for at_once in [false, true] {
            let relay = with_tls(tls.clone(), at_once);
            let client = Relay {
                tls: if at_once { TlsMode::Tls } else { TlsMode::Starttls },
                auth: Some(sign_in(Mechanism::Plain)),
                ..believer(&relay, &authority, folder.path())
            };
            let trouble = refused(&client);
            assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Permanent, Phase::Tls));
            assert!(trouble.why.contains(told), "{}", trouble.why);
            assert_eq!((relay.commands("AUTH"), relay.commands("MAIL")), (0, 0));
        }
    }
}

#[test]
fn tls_at_a_port_without_tls_is_reported() {
    let relay = start(Vec::new());
    let trouble = refused(&Relay { tls: TlsMode::Tls, ..client(&relay) });
    assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Permanent, Phase::Tls));
    assert!(trouble.why.contains("is this the port for `security = \"starttls\"`?"), "{}", trouble.why);
}

#[test]
fn a_ca_file_without_a_certificate_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    let relay = with_tls(Authority::new("Ekdala").server(&["127.0.0.1"], 2100), false);
    for text in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] {
        if let Some(text) = text {
            fs::write(&file, text).expect("a file");
        }
        let trust = TlsTrust::new(Some(file.clone()));
        let trouble = refused(&Relay { tls: TlsMode::Starttls, trust, ..client(&relay) });
        assert_eq!(trouble.kind, RelayErrorKind::Permanent);
        assert!(trouble.why.contains("cannot use ca_file"), "{}", trouble.why);
    }
}

#[test]
fn replies_injected_before_the_tls_handshake_are_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("Ekdala");
    let more = [line("220 go ahead"), line("250-relay.example"), line("250 AUTH PLAIN")].concat();
    let relay = server::Relay::start(Script {
        rules: vec![Rule::at(Point::Starttls, EventKind::Say(more))],
        tls: Some(authority.server(&["127.0.0.1"], 2100)),
        ..Script::default()
    });
    let trouble = refused(&believer(&relay, &authority, folder.path()));
    assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Permanent, Phase::Tls));
    assert!(trouble.why.contains("sent data before TLS began"), "{}", trouble.why);
    assert_eq!(relay.commands("EHLO"), 1);
}

#[test]
fn no_smtp_extension_is_required() {
    let offers = ["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8"];
    for missing in offers {
        let others = offers.iter().filter(|offer| **offer != missing).map(|offer| (*offer).to_owned());
        let relay = server::Relay::start(Script { offers: others.collect(), ..Script::default() });
        let mut connection = connect(&relay);
        let foreign = hand_over(&mut connection, "åsa@ekdala.example", &words(1));
        if missing == "SMTPUTF8" {
            let Outcome::Held(why) = foreign else { panic!("{foreign:?}") };
            assert!(why.contains("letters other than a–z") && why.contains("SMTPUTF8"), "{why}");
            assert_eq!(relay.commands("MAIL"), 0);
        } else {
            assert!(is_sent(&foreign));
        }
        assert!(is_sent(&hand_over(&mut connection, ANNA, &words(2))));
    }
}

#[test]
fn an_oversized_mail_is_known_before_it_is_sent() {
    let relay = server::Relay::start(Script { offers: vec!["SIZE 10000".to_owned()], ..Script::default() });
    let mut connection = connect(&relay);
    let outcome = hand_over(&mut connection, ANNA, &vec![b'a'; 61_204]);
    assert_eq!(outcome, Outcome::TooLarge("61 204 bytes, the mail server allows 10 000".to_owned()));
    assert_eq!(relay.commands("MAIL"), 0);
    assert!(is_sent(&hand_over(&mut connection, ANNA, &words(2))));
}

#[test]
fn only_250_counts_as_sent() {
    for (said, told) in [
        (line("299 2.0.0 fine"), "answered the final dot with 299 2.0.0 fine, not with 250"),
        (line("251 will do"), "answered the final dot with 251 will do, not with 250"),
        (line("354 go on"), "answered the final dot with 354 go on, not with 250"),
        (line("ok"), "gives a reply without a code at the final dot"),
        (line("\u{0}250 ok"), "gives a reply without a code at the final dot"),
        (line("25"), "gives a reply without a code at the final dot"),
        (line("250-ok\r\n550 no"), "gives a reply with two codes at the final dot"),
        (format!("250 {}\r\n", "a".repeat(1_000_000)).into_bytes(), "says more than any reply needs"),
    ] {
        let relay = start(vec![Rule::at(Point::Dot, EventKind::SayAndClose(said))]);
        let mut connection = connect(&relay);
        let outcome = hand_over(&mut connection, ANNA, &words(1));
        let Outcome::InDoubt(why) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains(told), "{why}");
        assert!(!connection.is_usable());
    }
    let relay = start(vec![Rule::at(Point::Dot, EventKind::say("250-2.0.0 this is\r\n250 2.0.0 fine"))]);
    let mut connection = connect(&relay);
    assert!(is_sent(&hand_over(&mut connection, ANNA, &words(1))));
    assert!(connection.is_usable());
}

#[test]
fn a_malformed_reply_before_the_data_ends_the_connection() {
    for point in [Point::Mail, Point::Rcpt, Point::Data] {
        for said in ["what?", "299 fine", "\u{0}\u{0}\u{0}"] {
            for relay in both(&[Rule::at(point, EventKind::say(said))]) {
                let mut connection = connect(&relay);
                let trouble = trouble(hand_over(&mut connection, ANNA, &words(1)));
                assert_eq!(trouble.kind, RelayErrorKind::Transient, "{said} at {point:?}");
                assert!(!connection.is_usable(), "{said} at {point:?}");
                assert!(relay.accepted().is_empty());
            }
        }
    }
}

#[test]
fn replies_are_safe_to_print() {
    let said = "550 5.1.1 \u{1b}[2J <berit@ekdala.example> is\u{7} no user";
    let relay = start(vec![Rule::at(Point::Rcpt, EventKind::say(said))]);
    let outcome = hand_over(&mut connect(&relay), ANNA, &words(1));
    let Outcome::Rejected { reply, hard: true } = outcome else { panic!("{outcome:?}") };
    assert_eq!(&*reply.text, "\\u{1b}[2J … is\\u{7} no user");
}

#[test]
fn a_connection_limit_is_distinguished_from_other_rejections() {
    let relay = server::Relay::start(Script { most_connections: Some(1), ..Script::default() });
    let _first = connect(&relay);
    assert_eq!(refused(&client(&relay)).kind, RelayErrorKind::TooManyConnections);
    for point in [Point::Mail, Point::Rcpt, Point::Dot] {
        let relay = start(vec![Rule::at(point, EventKind::say("432 4.3.2 concurrent connections"))]);
        let outcome = hand_over(&mut connect(&relay), ANNA, &words(1));
        assert_eq!(trouble(outcome).kind, RelayErrorKind::TooManyConnections, "{point:?}");
    }
}

#[test]
fn a_relay_that_reads_slowly_ends_with_a_timeout() {
    let script = Script {
        offers: Vec::new(),
        rules: vec![Rule::at(Point::Body, EventKind::Sip(Duration::from_millis(10)))],
        ..Script::default()
    };
    let relay = server::Relay::start(script);
    let mut connection = hasty(&relay, Phase::Body).connect().expect("a connection");
    let outcome = hand_over(&mut connection, ANNA, &b"0123456789abcde\r\n".repeat(2_000_000));
    let why = format!("mail server 127.0.0.1:{} stopped reading at the message for 0.1 s", relay.port());
    assert_eq!(trouble(outcome), RelayError { kind: RelayErrorKind::Transient, phase: Phase::Body, why });
    assert!(!connection.is_usable());
}

#[test]
fn an_unreachable_relay_is_reported() {
    let unknown = refused(&Relay { timeouts: Timeouts::all(AMPLE), ..Relay::at("no..such", 25) });
    assert_eq!((unknown.kind, unknown.phase), (RelayErrorKind::Transient, Phase::Connect));
    assert!(unknown.why.starts_with("mail server no..such:25 was not found: "), "{}", unknown.why);
    let gone = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let closed = refused(&Relay { timeouts: Timeouts::all(AMPLE), ..Relay::at("127.0.0.1", gone) });
    assert!(closed.why.contains("cannot be reached: Connection refused"), "{}", closed.why);
}

#[test]
fn the_first_reachable_address_is_used() {
    let relay = start(Vec::new());
    // If this name has an IPv6 address too, nothing listens there.
    let by_name = Relay { host: "localhost".to_owned(), ..client(&relay) };
    let mut connection = by_name.connect().unwrap_or_else(|trouble| panic!("{}", trouble.why));
    assert!(is_sent(&hand_over(&mut connection, ANNA, &words(1))));
}

#[test]
fn a_rejected_recipient_is_never_sent_to() {
    let rules = [
        Rule::at(Point::Rcpt, EventKind::say("550 5.1.1 no")),
        Rule::at(Point::Data, EventKind::say("354 go")),
    ];
    let [relay, _] = both(&rules);
    let mut connection = connect(&relay);
    let outcome = hand_over(&mut connection, ANNA, &words(1));
    assert!(matches!(outcome, Outcome::Rejected { hard: true, .. }), "{outcome:?}");
    assert!(!connection.is_usable());
    let after = connection.send_data(&words(1), || {});
    assert_eq!(trouble(after).kind, RelayErrorKind::Transient);
    assert!(relay.accepted().is_empty());
}

#[test]
fn a_rejected_sender_is_a_relay_error_and_keeps_the_connection() {
    for relay in both(&[Rule::once(Point::Mail, EventKind::say("550 5.7.60 not allowed to send as"))]) {
        let mut connection = connect(&relay);
        let trouble = trouble(hand_over(&mut connection, ANNA, &words(1)));
        assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Permanent, Phase::Mail));
        assert!(is_sent(&hand_over(&mut connection, ANNA, &words(2))));
    }
}

#[test]
fn a_rate_limit_of_the_relay_is_nobodys() {
    let relay = server::Relay::start(Script { per_minute: Some(2), ..Script::default() });
    let mut connection = connect(&relay);
    let mut outcomes = (0..3).map(|n| hand_over(&mut connection, ANNA, &words(n)));
    assert!(outcomes.by_ref().take(2).all(|outcome| is_sent(&outcome)));
    assert!(matches!(outcomes.next(), Some(Outcome::Limited(reply)) if reply.code == 450));
}

#[test]
fn a_token_is_fetched_again_and_a_missing_one_reported() {
    let relay = with_account(Vec::new());
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let secret = move || match counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 | 1 => Ok(SECRET.to_owned()),
        _ => Err("https://login.example/token did not answer".to_owned()),
    };
    let sign_in = SmtpAuth { secret: Arc::new(secret), ..sign_in(Mechanism::Xoauth2) };
    let client = Relay { auth: Some(sign_in), ..client(&relay) };
    assert!(client.connect().is_ok() && client.connect().is_ok());
    let trouble = refused(&client);
    assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Transient, Phase::Auth));
    assert!(trouble.why.ends_with("https://login.example/token did not answer"), "{}", trouble.why);
}

#[test]
fn leading_dots_arrive_unchanged() {
    for lenient in [false, true] {
        let relay = server::Relay::start(Script { lenient, ..Script::default() });
        let mut connection = connect(&relay);
        let mail = b"Message-ID: <1@e>\r\n\r\n.\r\n..\r\n.QUIT\r\nFrom a\r\n...\r\n\r\n.\r\n";
        assert!(is_sent(&hand_over(&mut connection, ANNA, mail)));
        assert_eq!(relay.accepted()[0].bytes, mail);
    }
}

#[test]
fn smtp_smuggling_is_impossible() {
    for lenient in [false, true] {
        let relay = server::Relay::start(Script { lenient, ..Script::default() });
        let mut connection = connect(&relay);
        for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n"] {
            let before = relay.accepted().len();
            let mail = format!("a{end}MAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\nb\r\n");
            assert!(is_sent(&hand_over(&mut connection, ANNA, mail.as_bytes())));
            assert!(is_sent(&hand_over(&mut connection, ANNA, &words(1))));
            let accepted = relay.accepted();
            assert_eq!(accepted.len() - before, 2, "{end:?}");
            let lines = "a\r\n.\r\nMAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\nb\r\n";
            assert_eq!(String::from_utf8_lossy(&accepted[before].bytes), lines, "{end:?}");
        }
    }
}

#[test]
fn an_endless_reply_is_cut_off() {
    for flood in [vec![b'2'; 4_096], b"250-and so on\r\n".repeat(100)] {
        for point in [Point::Greeting, Point::Ehlo] {
            let relay = start(vec![Rule::at(point, EventKind::Flood(flood.clone()))]);
            let trouble = refused(&client(&relay));
            assert_eq!(trouble.kind, RelayErrorKind::Transient);
            assert!(trouble.why.contains("says more than any reply needs"), "{}", trouble.why);
        }
        for point in [Point::Mail, Point::Rcpt, Point::Dot] {
            let relay = start(vec![Rule::at(point, EventKind::Flood(flood.clone()))]);
            let outcome = hand_over(&mut connect(&relay), ANNA, &words(1));
            let why = match outcome {
                Outcome::RelayFailed(RelayError { why, .. }) | Outcome::InDoubt(why) => why,
                other => panic!("{other:?}"),
            };
            assert!(why.contains("says more than any reply needs"), "{why}");
        }
    }
}
