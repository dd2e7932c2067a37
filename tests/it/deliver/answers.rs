//! Whom an answer of the mail server concerns: one recipient, all of them, or
//! none because it is a limit of the session.

use journey::domain::delivery::reply::RelayErrorKind;
use journey::domain::delivery::state::State;

use super::mailing::Mailing;
use super::{MORNING, all_is_well, minutes, relay, to};
use crate::relay::server::{EventKind, Point, Relay, Rule, Script, line};

/// A relay with these rules, with or without pipelining.
fn relay_with(rules: Vec<Rule>, pipelining: bool) -> Relay {
    let offers = if pipelining { vec!["PIPELINING".to_owned()] } else { Vec::new() };
    Relay::start(Script { offers, rules, ..Script::default() })
}

/// The people who get no mail any more, by their stored code.
fn unreachable(mailing: &Mailing) -> Vec<(String, String)> {
    let sql = "SELECT employee_id, undeliverable FROM person WHERE undeliverable IS NOT NULL ORDER BY 1";
    let database = mailing.connect();
    let mut statement = database.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Only mails that were sent have an attempt.
fn no_attempt_is_counted(mailing: &Mailing) {
    for row in mailing.rows() {
        assert_eq!(row.attempts, u32::from(row.state == State::Sent), "{row:?}");
    }
}

#[test]
fn a_refusal_of_one_recipient_stops_nobody_else() {
    for (point, answer) in [
        (Point::Rcpt, "550 5.7.134 RESOLVER.RST.SenderNotAuthenticatedForMailbox; authentication required"),
        (Point::Rcpt, "550 5.7.1 policy"),
        (Point::Rcpt, "554 5.7.1 <p003@ekdala.example>: Relay access denied"),
        (Point::Rcpt, "550 no"),
        (Point::Rcpt, "500 what?"),
        (Point::Rcpt, "501 5.5.4 bad arguments"),
        (Point::Rcpt, "503 5.5.1 not now"),
        (Point::Rcpt, "553 5.1.0 address rejected"),
        (Point::Rcpt, "550 5.2.0 mailbox unavailable"),
        (Point::Data, "554 5.7.1 no"),
        (Point::Dot, "550 5.7.1 content rejected"),
        (Point::Dot, "554 no"),
        (Point::Dot, "554 5.2.0 STOREDRV.Deliver.Exception:ConversionFailedException"),
        (Point::Dot, "500 what?"),
    ] {
        for refused in ["p001", "p003", "p012"] {
            for pipelining in [true, false] {
                let mut mailing = Mailing::in_order(12);
                let at = mailing.at(MORNING);
                // RCPT names the recipient, so that the rule for DATA and the dot matches, too.
                let rule = to(refused, Rule::at(point, EventKind::say(answer)));
                let relay = relay_with(vec![rule], pipelining);
                let passed = mailing.pass(&relay, at);
                assert_eq!(mailing.states(), "rejected 1, sent 11", "{answer} to {refused}: {passed:?}");
                let row = mailing.row(refused, "j/a");
                assert_eq!(row.state, State::Rejected, "{answer}");
                assert!(row.reply.starts_with(&answer[..3]), "{row:?}");
                assert!(passed.delivered.relay_error.is_none(), "{answer}: {passed:?}");
                assert_eq!(unreachable(&mailing), [], "{answer}");
            }
        }
    }
}

/// Three adjacent rows of the people file, as of one unit that was closed.
#[test]
fn refusals_of_adjacent_recipients_stop_nobody_else() {
    for answer in ["550 5.1.1 no such user", "550 5.7.1 policy", "550"] {
        let mut mailing = Mailing::in_order(12);
        let at = mailing.at(MORNING);
        let rules =
            ["p001", "p002", "p003", "p004"].map(|id| to(id, Rule::at(Point::Rcpt, EventKind::say(answer))));
        let passed = mailing.pass(&relay(rules.into()), at);
        assert_eq!(mailing.states(), "rejected 4, sent 8", "{answer}: {passed:?}");
        assert_eq!(unreachable(&mailing).len(), if answer.contains("5.1.1") { 4 } else { 0 });
        all_is_well(&mut mailing, 0);
    }
}

#[test]
fn the_same_refusal_for_three_in_a_row_is_recorded_for_nobody() {
    for (point, answer) in [
        (Point::Rcpt, "550 5.7.1 relaying denied"),
        (Point::Rcpt, "550 5.1.1 no such user"),
        (Point::Rcpt, "550"),
        (Point::Rcpt, "503 5.5.1 not now"),
        (Point::Dot, "554 5.7.1 spam"),
        (Point::Dot, "554 5.6.0 content"),
    ] {
        for connections in [1, 3] {
            let mut mailing = Mailing::of(12);
            mailing.rig.config.mail.smtp.connections = connections;
            let at = mailing.at(MORNING);
            let refusing = relay(vec![Rule::at(point, EventKind::say(answer))]);
            let passed = mailing.pass(&refusing, at);
            let trouble = passed.delivered.relay_error.expect("trouble");
            assert_eq!(trouble.kind, RelayErrorKind::Permanent, "{answer}");
            assert!(
                trouble.why.contains("3 different recipients in a row: ") && trouble.why.contains(answer)
            );
            assert_eq!(mailing.states(), "due 12", "{answer}");
            assert!(refusing.commands("RCPT") < 3 + usize::from(connections), "{answer}");
            no_attempt_is_counted(&mailing);
            assert_eq!(unreachable(&mailing), [], "{answer}");
            mailing.pass(&relay(Vec::new()), at + minutes(60));
            assert_eq!(mailing.states(), "sent 12", "{answer}");
            all_is_well(&mut mailing, 0);
        }
    }
}

#[test]
fn an_answer_about_the_sender_concerns_no_recipient() {
    for answer in [
        "550 5.1.0 <larresa@ekdala.example> sender rejected. AUP#In-1310",
        "550 5.1.0 <larresa@ekdala.example>: Sender address rejected: User unknown",
        "550 5.1.0 return path is not valid",
        "550 5.1.7 invalid address of the sender",
        "550 5.1.8 Access denied, bad outbound sender",
        "550 5.7.705 Access denied, tenant has exceeded threshold",
        "550 5.7.30 Basic authentication is not supported",
        "554 5.2.252 SendAsDenied",
        "554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException",
        "553 5.7.1 <larresa@ekdala.example>: Sender address rejected: not owned by user",
        "550 Sender rejected",
    ] {
        let mut mailing = Mailing::in_order(4);
        let at = mailing.at(MORNING);
        let refusing = relay(vec![to("p002", Rule::at(Point::Rcpt, EventKind::say(answer)))]);
        let passed = mailing.pass(&refusing, at);
        assert!(passed.delivered.relay_error.is_some(), "{answer}: {passed:?}");
        assert_eq!((mailing.states().as_str(), refusing.commands("RCPT")), ("due 3, sent 1", 2), "{answer}");
        no_attempt_is_counted(&mailing);
        assert_eq!(unreachable(&mailing), [], "{answer}");
    }
}

#[test]
fn exchange_online_says_no_such_mailbox_with_a_code_of_its_own() {
    let mut mailing = Mailing::in_order(4);
    let at = mailing.at(MORNING);
    let answer = "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)";
    mailing.pass(&relay(vec![to("p002", Rule::at(Point::Rcpt, EventKind::say(answer)))]), at);
    assert_eq!(mailing.states(), "rejected 1, sent 3");
    assert_eq!(unreachable(&mailing), [("p002".to_owned(), "5.1.1".to_owned())]);
}

#[test]
fn a_limit_of_the_session_is_answered_with_a_new_connection() {
    let limits = [
        (Point::Mail, "451 4.7.1 reconnect"),
        (Point::Mail, "452 4.5.3 too many messages"),
        (Point::Mail, "421 4.7.0 too many messages"),
        (Point::Mail, "554 too many messages in this session"),
        (Point::Rcpt, "452 4.5.3 Too many messages in this session"),
        (Point::Rcpt, "450 4.7.1 you send too fast"),
        (Point::Rcpt, "451 4.7.0 limit"),
        (Point::Rcpt, "452 too many recipients"),
        (Point::Rcpt, "421 4.7.0 closing"),
        (Point::Rcpt, "554 Too many messages in this session"),
        (Point::Data, "452 4.5.3 too many"),
        (Point::Data, "421 4.3.2 closing"),
        (Point::Dot, "452 4.5.3 too many"),
        (Point::Dot, "451 4.7.1 reconnect"),
        (Point::Dot, "421 4.3.2 closing"),
    ];
    for (point, answer) in limits {
        for (connections, pipelining, closes) in [(1, false, false), (1, true, false), (2, true, true)] {
            let mut mailing = Mailing::of(9);
            mailing.rig.config.mail.smtp.connections = connections;
            let at = mailing.at(MORNING);
            let what = match closes {
                true => EventKind::SayAndClose(line(answer)),
                false => EventKind::say(answer),
            };
            let relay = relay_with(vec![Rule { after: 2, ..Rule::at(point, what) }], pipelining);
            let passed = mailing.pass(&relay, at);
            assert_eq!(mailing.states(), "sent 9", "{answer} to {point:?}: {passed:?}");
            assert!(passed.delivered.relay_error.is_none() && relay.connections() >= 5, "{answer}");
            no_attempt_is_counted(&mailing);
            all_is_well(&mut mailing, 0);
        }
    }
}

#[test]
fn a_limit_of_the_account_counts_against_nobody() {
    for (point, answer) in [
        (Point::Rcpt, "450 4.7.1 daily limit exceeded"),
        (Point::Rcpt, "452 4.5.3 too many messages"),
        (Point::Rcpt, "421 4.7.0 unusual rate"),
        (Point::Dot, "451 4.7.0 throttled"),
        (Point::Rcpt, "554 too many messages"),
    ] {
        // With fewer than three mails, too.
        for people in [1, 2, 12] {
            let mut mailing = Mailing::in_order(people);
            let at = mailing.at(MORNING);
            let limited = relay(vec![Rule::at(point, EventKind::say(answer))]);
            let passed = mailing.pass(&limited, at);
            assert!(passed.delivered.relay_error.is_some(), "{answer}: {passed:?}");
            assert_eq!(mailing.states(), format!("due {people}"), "{answer}");
            assert!(limited.commands("RCPT") <= 3, "{answer}");
            no_attempt_is_counted(&mailing);
        }
    }
}

/// A mail server that answers one recipient like this accepts the others.
#[test]
fn a_limit_that_others_pass_is_that_recipients() {
    for answer in ["450 4.7.1 not for you", "421 4.7.0 no", "452 4.5.3 too many"] {
        let mut mailing = Mailing::in_order(12);
        let at = mailing.at(MORNING);
        let limited = relay(vec![to("p001", Rule::at(Point::Rcpt, EventKind::say(answer)))]);
        for later in [0, 1] {
            let passed = mailing.pass(&limited, at + minutes(later));
            assert_eq!(mailing.states(), "deferred 1, sent 11", "{answer}: {passed:?}");
            assert!(passed.delivered.relay_error.is_none(), "{answer}: {passed:?}");
        }
    }
}

#[test]
fn a_greylist_defers_all_recipients_together() {
    for answer in [
        "450 4.7.1 <p@ekdala.example>: Recipient address rejected: Greylisted",
        "451 4.7.1 Please try again later",
        "451 graylisted, come back in five minutes",
        "450 4.2.0 Greylisted: 300 seconds; new connections are limited",
    ] {
        let mut mailing = Mailing::in_order(12);
        let at = mailing.at(MORNING);
        let passed = mailing.pass(&relay(vec![Rule::at(Point::Rcpt, EventKind::say(answer))]), at);
        assert_eq!(mailing.states(), "deferred 12", "{answer}: {passed:?}");
        assert!(passed.delivered.relay_error.is_none(), "{answer}: {passed:?}");
        mailing.pass(&relay(Vec::new()), at + minutes(5));
        assert_eq!(mailing.states(), "sent 12", "{answer}");
    }
}

/// Each of these mails may arrive twice, so there must not be many of them.
#[test]
fn a_mail_server_that_never_replies_stops_the_run() {
    let mut mailing = Mailing::in_order(40);
    let at = mailing.at(MORNING);
    let passed = mailing.pass(&relay(vec![Rule::at(Point::Dot, EventKind::lose())]), at);
    assert_eq!(mailing.states(), "due 37, in_doubt 3", "{passed:?}");
    assert!(passed.delivered.relay_error.is_some());
}

#[test]
fn a_mail_server_without_ehlo_is_greeted_with_helo() {
    for answer in ["502 5.5.1 not implemented", "500 what?", "504 5.5.1 no", "550 no EHLO here"] {
        for pipelining in [true, false] {
            let mut mailing = Mailing::of(4);
            let at = mailing.at(MORNING);
            let relay = relay_with(vec![Rule::at(Point::Ehlo, EventKind::say(answer))], pipelining);
            let passed = mailing.pass(&relay, at);
            assert_eq!(mailing.states(), "sent 4", "{answer}: {passed:?}");
            assert_eq!(relay.commands("HELO"), relay.connections());
            all_is_well(&mut mailing, 0);
        }
    }
    // Both are unknown, or it is no answer to the command.
    for (ehlo, helo) in [("502 no", "502 no"), ("554 go away", "250 relay.example"), ("450 later", "250 ok")]
    {
        let mut mailing = Mailing::of(4);
        let at = mailing.at(MORNING);
        let rules =
            vec![Rule::at(Point::Ehlo, EventKind::say(ehlo)), Rule::at(Point::Helo, EventKind::say(helo))];
        let passed = mailing.pass(&relay(rules), at);
        let why = passed.delivered.relay_error.expect("trouble").why;
        assert!(why.contains(&format!("answered EHLO with {ehlo}")), "{why}");
        assert_eq!(mailing.states(), "due 4");
    }
}
