//! The program against a real Postfix, an independent implementation that
//! greets, encrypts, authenticates, defers, rejects and delivers. Only what is
//! behind it belongs to the test: accounts, a greylist, and mailboxes in a
//! folder.
//!
//! Needs root and Debian's package `postfix`. Without them the test is skipped
//! with a message, also with `JOURNEY_TEST_ALL`, because the machine's mail
//! server is not ours to decide (`apt-get install --no-install-recommends
//! postfix`, "No configuration").

mod instance;

use crate::crash::home::{Home, until};
use crate::relay::certificates::Authority;
use instance::{ACCOUNT, Given, Postfix, master};

/// A Postfix and a programme that sends through it; `None` where there is none.
fn ready(people: usize, given: &Given<'_>) -> Option<(Postfix, Home)> {
    let master = match master() {
        Ok(master) => master,
        Err(why) => {
            #[expect(clippy::print_stdout, reason = "a skip that nobody is told of looks like a success")]
            let () = println!("skipped: {why}");
            return None;
        }
    };
    let authority = Authority::new("Ekdala");
    let postfix = Postfix::start(&master, &authority, given);
    let home = Home::peopled(people, postfix.port);
    home.write("ca.pem", &authority.pem);
    home.write("secret", ACCOUNT.1);
    let signs_in = format!(
        "security = \"starttls\"\nca_file = \"ca.pem\"\nauth = \"plain\"\nusername = \"{}\"\npassword_file = \"secret\"\n",
        ACCOUNT.0
    );
    home.edit("config.toml", "security = \"none\"\n", &signs_in);
    Some((postfix, home))
}

/// The exit code of a `send` and its output.
fn send(home: &Home) -> (i32, String) {
    let output = home.run(&["send"]);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("it ends by itself"), String::from_utf8_lossy(&said).into_owned())
}

/// A mail as a mailbox has it: the return path, and the message as it was
/// handed over.
fn opened(mail: &str) -> (String, String) {
    let (return_path, rest) = mail.split_once('\n').expect("a line");
    let return_path = return_path.strip_prefix("Return-Path: <").and_then(|line| line.strip_suffix('>'));
    // Postfix puts its own lines before ours.
    let mut ours = rest;
    while let Some((line, more)) = ours.split_once('\n') {
        let theirs = ["X-Original-To:", "Delivered-To:", "Received:", "\t", " "];
        if !theirs.iter().any(|start| line.starts_with(start)) {
            break;
        }
        ours = more;
    }
    (return_path.expect("a return path").to_owned(), ours.replace('\n', "\r\n"))
}

/// The deliveries in the database: name, state, and hash of the bytes.
fn rows(home: &Home) -> Vec<(String, String, Option<Vec<u8>>)> {
    let sql = "SELECT substr(email, 1, instr(email, '@') - 1), state, sha256 FROM delivery
               JOIN enrolment ON enrolment.id = enrolment_id JOIN person ON person.id = person_id
               ORDER BY delivery.id";
    let database = home.sql();
    let mut statement = database.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

#[test]
fn postfix_defers_rejects_and_delivers_byte_for_byte() {
    let mailboxes = ["p1000", "p1001", "p1002", "p1004", "p1005"];
    let Some((postfix, home)) =
        ready(6, &Given { mailboxes: &mailboxes, greylisted: &["p1001", "p1004"], ..Given::default() })
    else {
        return;
    };
    home.edit("config.toml", "transport = ", "bounce = \"bounces@ekdala.example\"\ntransport = ");
    let (code, said) = send(&home);
    assert_eq!(code, 1, "one has no mailbox: {said}{}", postfix.log());
    assert!(said.contains("2 mails put off by the relay") && said.contains("1 mail refused"), "{said}");
    let state = |name: &str| rows(&home).into_iter().find(|row| row.0 == name).expect("booked").1;
    assert_eq!(
        (state("p1001"), state("p1003"), state("p1005")),
        ("deferred".into(), "rejected".into(), "sent".into())
    );
    let reply =
        home.sql().query_row("SELECT reply FROM delivery WHERE state = 'rejected'", [], |row| row.get(0));
    let reply: String = reply.expect("one");
    assert!(reply.starts_with("550 5.1.1"), "{reply}");
    // They are retried.
    home.hurry();
    let (code, said) = send(&home);
    assert_eq!((code, home.count("state = 'sent'")), (0, 5), "{said}{}", postfix.log());
    let mut return_paths = Vec::new();
    for (name, _, hash) in rows(&home).into_iter().filter(|row| row.1 == "sent") {
        until("it is in the mailbox", || !postfix.mailbox(&name).is_empty());
        let mails = postfix.mailbox(&name);
        assert_eq!(mails.len(), 1, "once");
        assert!(mails[0].contains("with ESMTPSA"), "encrypted, and signed in: {}", mails[0]);
        let (return_path, words) = opened(&mails[0]);
        let handed_over = ring::digest::digest(&ring::digest::SHA256, words.as_bytes());
        assert_eq!(Some(handed_over.as_ref()), hash.as_deref(), "to the byte");
        return_paths.push(return_path);
    }
    let token = |path: &String| path.starts_with("bounces+") && path.ends_with("@ekdala.example");
    assert!(return_paths.iter().all(token), "{return_paths:?}");
    return_paths.sort_unstable();
    return_paths.dedup();
    assert_eq!(return_paths.len(), 5, "each has its own");
    assert!(postfix.signed_in().iter().all(|how| how == "PLAIN journey"), "{:?}", postfix.signed_in());
    assert!(postfix.mailbox("p1003").is_empty());
}

#[test]
fn postfix_authenticates_the_program_and_the_program_verifies_its_certificate() {
    let Some((postfix, home)) = ready(2, &Given { mailboxes: &["p1000", "p1001"], ..Given::default() })
    else {
        return;
    };
    // The certificate is not trusted: no mail is sent.
    home.edit("config.toml", "ca_file = \"ca.pem\"\n", "");
    let (code, said) = send(&home);
    assert_eq!(code, 69, "{said}");
    home.edit("config.toml", "auth = \"plain\"\n", "auth = \"login\"\nca_file = \"ca.pem\"\n");
    home.write("secret", "wrong");
    let (code, said) = send(&home);
    assert_eq!((code, postfix.signed_in().len()), (69, 0), "{said}");
    assert!(said.contains("535"), "{said}");
    home.write("secret", ACCOUNT.1);
    let (code, said) = send(&home);
    assert_eq!((code, home.count("state = 'sent'")), (0, 2), "{said}{}", postfix.log());
    assert!(postfix.signed_in().iter().all(|how| how == "LOGIN journey"), "{:?}", postfix.signed_in());
    until("both are delivered", || ["p1000", "p1001"].iter().all(|name| postfix.mailbox(name).len() == 1));
}

#[test]
fn a_mail_too_large_for_postfix_holds_the_step() {
    let Some((postfix, home)) =
        ready(1, &Given { mailboxes: &["p1000"], largest: 4_000, ..Given::default() })
    else {
        return;
    };
    let (code, said) = send(&home);
    // The step is held, and not the mail of each person.
    assert_eq!((code, home.count("state = 'due'")), (0, 1), "{said}{}", postfix.log());
    let why = "SELECT why FROM audit WHERE action = 'hold' AND subject = 'host/ett'";
    let why: String = home.sql().query_row(why, [], |row| row.get(0)).expect("a reason");
    assert!(why.ends_with(" bytes, the mail server allows 4 000"), "{why}");
    assert_eq!(
        home.sql().query_row("SELECT undeliverable FROM person", [], |row| row.get(0)),
        Ok(None::<String>)
    );
    assert!(postfix.mailbox("p1000").is_empty());
}
