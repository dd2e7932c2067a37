//! What `--only` and `--limit` select: of the mails enqueued now, and of those
//! that earlier passes left unsent.

use std::collections::HashSet;

use journey::config::Transport;
use journey::domain::change::Change;
use journey::domain::change::settings::PauseTarget;
use journey::domain::model::ids::PersonId;
use journey::domain::time::timezone::Timestamp;
use journey::engine::plan::explain;
use journey::engine::plan::pass::Filter;
use journey::engine::transport;

use super::mailing::Mailing;
use super::{MORNING, all_is_well, relay, to};
use crate::relay::server::{EventKind, Point, Rule};

fn at_most(limit: usize) -> Filter {
    Filter { limit: Some(limit), ..Filter::default() }
}

fn only(person: &str) -> Filter {
    Filter { people: HashSet::from([PersonId::new(person)]), ..Filter::default() }
}

/// Eight mails are enqueued, and the process ended before it sent one.
fn booked(transport: Transport) -> Mailing {
    let mut mailing = Mailing::of(8);
    mailing.rig.config.mail.transport = transport;
    let at = mailing.at(MORNING);
    assert_eq!(mailing.rig.book_only(at), 8);
    mailing.rig.stop();
    mailing
}

/// The people who got a step.
fn got(mailing: &Mailing, step: &str) -> Vec<String> {
    let sent = mailing.rows().into_iter().filter(|row| row.state.as_str() == "sent" && row.step == step);
    sent.map(|row| row.person).collect()
}

#[test]
fn limit_and_person_select_among_earlier_unsent_mails_too() {
    for transport in [Transport::Smtp, Transport::Files] {
        let mut mailing = booked(transport);
        let (at, relay) = (mailing.at(MORNING), relay(Vec::new()));
        mailing.pass_of(&relay, at, &at_most(3));
        assert_eq!(got(&mailing, "j/a"), ["p001", "p002", "p003"], "{transport:?}: the first ones");
        mailing.pass_of(&relay, at, &only("p006"));
        assert_eq!(mailing.states(), "due 4, sent 4", "{transport:?}");
        assert_eq!(got(&mailing, "j/a")[3], "p006");
        // Four are queued, and of the four that are due now two are enqueued.
        let next = mailing.at("2026-12-02 08:30");
        mailing.pass_of(&relay, next, &at_most(6));
        assert_eq!(mailing.states(), "sent 10", "{transport:?}");
        assert_eq!(got(&mailing, "j/b"), ["p001", "p002"]);
        if transport == Transport::Smtp {
            all_is_well(&mut mailing, 0);
        }
    }
}

/// What `why` prints about a person's first step.
fn why(mailing: &mut Mailing, at: Timestamp, person: &str) -> String {
    mailing.rig.stop();
    let world = mailing.rig.look(at);
    let person = world.roster.find(person).expect("a person");
    let mut why = explain::of_person(&world, person, at);
    explain::add_deliveries(&world, &mut why, at).expect("read");
    let step = &why.journeys[0].steps[0];
    assert_eq!(step.sent.is_some(), step.word() == "sent");
    let kept =
        step.kept_back.as_ref().map_or(String::new(), |reason| format!(", kept back: {}", reason.text()));
    let reply = step.reply.as_ref().map_or(String::new(), |reply| format!(" {reply}"));
    format!("{}{kept}{reply}", step.word())
}

/// A mail that was not sent is not reported as sent.
#[test]
fn why_reports_the_state_of_a_mail() {
    let mut mailing = booked(Transport::Smtp);
    let relay = relay(vec![
        to("p001", Rule::at(Point::Rcpt, EventKind::say("450 4.2.0 come back later"))),
        to("p002", Rule::at(Point::Rcpt, EventKind::say("550 5.1.1 no such user"))),
        to("p003", Rule::once(Point::Dot, EventKind::lose())),
    ]);
    let at = mailing.at(MORNING);
    mailing.pass(&relay, at);
    assert_eq!(why(&mut mailing, at, "p001"), "deferred 450 4.2.0 come back later");
    assert_eq!(why(&mut mailing, at, "p002"), "rejected 550 5.1.1 no such user");
    assert!(why(&mut mailing, at, "p003").starts_with("in_doubt "));
}

/// Many mails into files, which are fast, so that the stop comes in the middle.
#[test]
fn a_mailing_into_files_can_be_stopped_and_continued() {
    let mut mailing = Mailing::of(600);
    mailing.rig.config.mail.transport = Transport::Files;
    let at = mailing.at(MORNING);
    assert_eq!(mailing.rig.book_only(at), 600);
    let post = transport::from_config(&mailing.rig.config).expect("a folder");
    let stopped = mailing.hand_over_until(&post, at, None, &|mails| mails >= 100);
    assert_eq!((stopped.sent, mailing.states().as_str()), (256, "due 344, sent 256"), "a batch is ended");
    mailing.hand_over(&post, at, None);
    assert_eq!(mailing.states(), "sent 600");
}

#[test]
fn a_mail_returned_untried_still_counts_towards_the_limit() {
    let mut mailing = booked(Transport::Smtp);
    // The other one is answered after it, and then the relay works again.
    mailing.rig.config.mail.smtp.connections = 1;
    let relay = relay(vec![to("p001", Rule::once(Point::Rcpt, EventKind::say("421 4.3.2 busy")))]);
    let at = mailing.at(MORNING);
    mailing.pass_of(&relay, at, &at_most(2));
    assert_eq!(got(&mailing, "j/a"), ["p001", "p002"]);
    assert_eq!(mailing.states(), "due 6, sent 2");
    all_is_well(&mut mailing, 0);
}

/// Held mails are no reason to send nothing.
#[test]
fn blocked_mails_do_not_count_towards_the_limit() {
    let mut mailing = booked(Transport::Smtp);
    let (at, relay) = (mailing.at(MORNING), relay(Vec::new()));
    for person in ["p001", "p002"] {
        let of = PauseTarget::Person(PersonId::new(person));
        mailing.rig.decide(at, &Change::Pause { of, until: None, reason: "a long reason".into() });
    }
    let passed = mailing.pass_of(&relay, at, &at_most(3));
    assert_eq!(got(&mailing, "j/a"), ["p003", "p004", "p005"]);
    let kept: Vec<String> = passed
        .delivered
        .blocked
        .each()
        .map(|(step, reasons)| format!("{} {step} {}", reasons.count, reasons.text()))
        .collect();
    assert_eq!(kept, ["2 j/a paused: a long reason"]);
    assert_eq!(why(&mut mailing, at, "p001"), "due, kept back: paused: a long reason");
    assert_eq!(why(&mut mailing, at, "p003"), "sent 250 2.0.0 queued");
    all_is_well(&mut mailing, 0);
}
