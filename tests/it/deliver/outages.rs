//! Days without a relay or without a process: afterwards everything is sent in
//! order, at the right distance, and nothing that has expired.

use chrono::TimeDelta;
use journey::domain::change::Change;
use journey::domain::delivery::state::State;
use journey::domain::model::ids::Slug;
use journey::domain::time::timezone::Timestamp;
use journey::engine::change;
use journey::engine::plan::decide;
use journey::engine::plan::pass::Filter;
use journey::engine::status::{self, DatabaseStatus};
use journey::engine::transport;

use super::mailing::{DAILY, Mailing};
use super::{MORNING, all_is_well, minutes, relay};
use crate::relay::server::{EventKind, Point, Relay, Rule, Script};

/// A relay that accepts connections and answers with 421.
fn down() -> Relay {
    relay(vec![Rule::at(Point::Greeting, EventKind::Reset)])
}

/// Half past eight, noon and four o'clock on this many days.
fn times(mailing: &Mailing, from: &str, days: i64) -> Vec<Timestamp> {
    let mornings = mailing.mornings(from, days);
    mornings.iter().flat_map(|at| [0, 210, 450].map(|later| *at + minutes(later))).collect()
}

#[test]
fn after_days_without_a_relay_all_steps_arrive_in_order_with_their_gap() {
    // Five days, and the length of a holiday week.
    for days in [5, 9] {
        let mut mailing = Mailing::of(30);
        let down = down();
        for at in times(&mailing, "2026-12-01", days) {
            let passed = mailing.pass(&down, at);
            assert_eq!(passed.delivered.rejected + passed.delivered.deferred + passed.delivered.held, 0);
        }
        assert!(mailing.rows().iter().all(|row| row.attempts == 0), "no person is blamed");
        assert_eq!(mailing.states(), "due 30", "nothing is booked behind what has not left");
        let up = relay(Vec::new());
        let first = mailing.mornings("2026-12-01", days + 1)[usize::try_from(days).expect("few")];
        // Every hour in which mails may be sent, and one more.
        let mut complete = None;
        for hours in (0..12 * 24).filter(|hour| hour % 24 < 10) {
            mailing.pass(&up, first + TimeDelta::hours(hours));
            if complete.is_none() && mailing.taken.len() >= 120 {
                complete = Some(hours);
            }
            if complete.is_some_and(|complete| hours > complete + 24) {
                break;
            }
        }
        assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 120", 120), "{days} days");
        all_is_well(&mut mailing, 0);
    }
}

/// No reply for six days, and then every recipient is deferred for five
/// minutes, as a greylist does with a sender it has not seen.
#[test]
fn a_recipient_deferred_after_days_without_a_relay_is_not_given_up() {
    let mut mailing = Mailing::of(3);
    let (at, down) = (mailing.at(MORNING), down());
    mailing.pass(&down, at);
    let later = mailing.at("2026-12-07 08:30");
    mailing.pass(&down, later);
    let grey = Relay::start(Script { greylist: 1, ..Script::default() });
    mailing.pass(&grey, later + minutes(15));
    assert_eq!(mailing.states(), "deferred 3");
    mailing.pass(&grey, later + minutes(20));
    assert_eq!(mailing.states(), "sent 3");
    all_is_well(&mut mailing, 0);
}

/// A recipient who is deferred again and again is given up after five days, and
/// the next step follows.
#[test]
fn a_recipient_deferred_for_five_days_misses_only_that_step() {
    let mut mailing = Mailing::of(3);
    let later = Rule::at(Point::Rcpt, EventKind::say("450 4.2.0 come back later"));
    let relay = relay(vec![super::to("p002", Rule { times: 9, ..later })]);
    for at in times(&mailing, "2026-12-01", 12) {
        mailing.pass(&relay, at);
    }
    assert_eq!(mailing.states(), "sent 12", "nine times within three days");
    assert_eq!(mailing.row("p002", "j/a").attempts, 10);
    all_is_well(&mut mailing, 0);
    let mut mailing = Mailing::of(3);
    let later = Rule::at(Point::Rcpt, EventKind::say("450 4.2.0 come back later"));
    let relay = super::relay(vec![super::to("p002", Rule { times: 16, ..later })]);
    for at in times(&mailing, "2026-12-01", 16) {
        mailing.pass(&relay, at);
    }
    assert_eq!(mailing.row("p002", "j/a").state, State::Expired);
    assert_eq!(mailing.row("p002", "j/b").state, State::Sent);
    all_is_well(&mut mailing, 0);
}

/// No process from Tuesday's mail until after the weekend.
#[test]
fn days_without_a_process_leave_one_mail_due_and_not_three() {
    let mut mailing = Mailing::of(5);
    let at = mailing.at(MORNING);
    let monday = mailing.at("2026-12-07 10:00");
    mailing.good_passes([at, monday, monday + minutes(1), monday + minutes(300)]);
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 10", 10));
    all_is_well(&mut mailing, 0);
}

/// Everything is held for four weeks.
#[test]
fn a_release_after_weeks_sends_no_burst() {
    let mut mailing = Mailing::of(5);
    let relay = relay(Vec::new());
    let at = mailing.at(MORNING);
    mailing.pass(&relay, at);
    mailing.rig.decide(at + minutes(60), &Change::Hold(None));
    for at in mailing.mornings("2026-12-02", 28) {
        mailing.pass(&relay, at);
    }
    assert_eq!(mailing.taken.len(), 5);
    let goes_on = mailing.at("2026-12-30 08:00");
    // The preview of the release shows everybody's next step, once.
    let effects = change::effect(&mailing.rig.look(goes_on), &Change::Release(None), goes_on).list;
    let [effect] = &effects[..] else { panic!("one: {effects:?}") };
    assert_eq!((effect.before.why, effect.enrolments), (Some("held_by_hand"), 5), "{effect:?}");
    let (after, first) = (&effect.after, mailing.at("2026-12-30 08:30"));
    assert_eq!((after.step.as_ref().map(Slug::as_str), after.at), (Some("b"), Some(first)), "{effect:?}");
    mailing.rig.decide(goes_on, &Change::Release(None));
    for at in times(&mailing, "2026-12-30", 9) {
        mailing.pass(&relay, at);
    }
    assert_eq!((mailing.states().as_str(), mailing.taken.len()), ("sent 20", 20));
    all_is_well(&mut mailing, 0);
}

/// A step that expires after a day, and a relay that defers it.
#[test]
fn a_mail_deferred_beyond_its_expiry_expires_and_the_next_step_follows() {
    let order = DAILY.replacen("id = \"a\"\n", "id = \"a\"\nexpires_after = \"1 day\"\n", 1);
    let mut mailing = Mailing::with(&format!("=== journey j\n{order}"), 4);
    let later = Rule::at(Point::Rcpt, EventKind::say("450 4.2.0 come back later"));
    let relay = relay(vec![super::to("p003", Rule { times: 4, ..later })]);
    for at in times(&mailing, "2026-12-01", 8) {
        mailing.pass(&relay, at);
    }
    assert_eq!(mailing.row("p003", "j/a").state, State::Expired);
    let order: Vec<(String, State)> = mailing
        .rows()
        .into_iter()
        .filter(|row| row.person == "p003")
        .map(|row| (row.step, row.state))
        .collect();
    let expected =
        [("j/a", State::Expired), ("j/b", State::Sent), ("j/c", State::Sent), ("j/d", State::Sent)];
    assert_eq!(order, expected.map(|(step, state)| (step.to_owned(), state)));
    assert_eq!(mailing.states(), "expired 1, sent 15");
    all_is_well(&mut mailing, 0);
}

/// The first mails of a mailing are sent, and the rest half an hour later; or,
/// if held meanwhile, not at all.
#[test]
fn a_staged_mailing_sends_the_first_few_and_the_rest_after_a_pause() {
    for held in [false, true] {
        let mut mailing = Mailing::of(20);
        let (at, relay) = (mailing.at(MORNING), relay(Vec::new()));
        mailing.rig.config.mail.smtp.port = relay.port();
        mailing.rig.config.daemon.first_wave = 5;
        {
            let (world, store) = mailing.rig.running(at);
            decide::enqueue(world, store, at, &Filter::default(), &mut |_, _, _| {}).expect("booked");
        }
        for (later, expected) in [(0, 5), (10, 5), (29, 5), (30, 20), (31, 20)] {
            if held && later == 10 {
                mailing.rig.decide(at + minutes(10), &Change::Hold(None));
            }
            let expected = if held { 5 } else { expected };
            let now = at + minutes(later);
            let post = transport::from_config(&mailing.rig.config).expect("a relay");
            let delivered = mailing.hand_over(&post, now, Some((5, TimeDelta::minutes(30))));
            assert_eq!(relay.accepted().len(), expected, "after {later} minutes: {delivered:?}");
            if later == 0 {
                assert_eq!(delivered.rollout, Some(at + minutes(30)), "it says when the rest follows");
            }
            let (world, _) = mailing.rig.running(now);
            let status = status::status(world, DatabaseStatus::read(world, now).expect("a ledger"), now);
            let rest = status.pausing.iter().map(|pausing| (pausing.step.to_string(), pausing.opens));
            let expected = (later < 30).then(|| ("j/a".to_owned(), at + minutes(30)));
            assert_eq!(rest.collect::<Vec<_>>(), Vec::from_iter(expected), "after {later} minutes");
            assert_eq!(status.outbox.ready + status.outbox.blocked.mails(), 20 - relay.accepted().len());
        }
    }
}
