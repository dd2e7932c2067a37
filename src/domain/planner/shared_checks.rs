//! The slot search and the hand-over agree: where one of the checks they share forbids a mail, both say no, and where
//! none does, neither.

use proptest::prelude::*;

use super::gate::Gate;
use super::properties::{cases, day, days, instant, story};
use super::script::{Pass, Script};
use super::send_policy::{self, EnqueuedMail, StepApproval};
use super::{ApprovalMode, PersonContext, Planner};
use crate::domain::history::progress::Progress;
use crate::domain::model::ids::ContentHash;
use crate::domain::verdict::Reason;

/// A decision or a change that blocks mails until someone acts.
fn blocking_event() -> impl Strategy<Value = String> {
    let event = prop_oneof![
        (0..5u8).prop_map(|step| format!("hold j/j{step}")),
        (0..5u8).prop_map(|step| format!("edit j/j{step}")),
        (0..5u8).prop_map(|step| format!("edit k/k{step}")),
        (0..3u8).prop_map(|person| format!("pause person p{person}")),
        day().prop_map(|until| format!("pause unit south until {until}")),
        days().prop_map(|days| format!("close north {days} moving")),
        Just("pause journey k".to_owned()),
        Just("hold all".to_owned()),
        Just("release".to_owned()),
    ];
    (instant(), event).prop_map(|(at, event)| format!("{at} {event}\n"))
}

/// Without the events that name a step the story does not have.
fn existing(story: &str, events: &[String]) -> String {
    let exists = |event: &&String| match event.split_once('/') {
        Some((_, step)) => story.contains(&format!("step {}", step.trim())),
        None => true,
    };
    events.iter().filter(exists).map(String::as_str).collect()
}

proptest! {
    #![proptest_config(cases(300, 1_000))]

    #[test]
    fn the_slot_search_and_the_hand_over_agree_on_what_they_share(
        story in story(),
        events in prop::collection::vec(blocking_event(), 0..6),
        (address, hour, at) in (0..4u8, 0..24u8, instant()),
    ) {
        let address = ["", "", " without address", " shares address"][usize::from(address)];
        let story = story.replace("person p2 of north", &format!("person p2 of north{address}"));
        let text = format!("{story}{}until {at}\n", existing(&story, &events));
        let mut script = Script::parse(&text);
        script.live(Pass::ByWakeUps);
        // The night is outside the hours in most stories: ask at another hour of the day, too.
        let zone = script.zone();
        let later = script.until + chrono::TimeDelta::hours(i64::from(hour));
        let roster = script.roster();
        let planner = Planner::new(&script.library, &roster, &script.settings, ApprovalMode::Recorded);
        for at in [script.until, later] {
            let progress = Progress::until(at, &script.library, &roster, &script.memory);
            let moment = planner.at(at, &script.memory, &progress);
            for person in roster.people.iter().filter(|person| !person.has_left(zone.date(at))) {
                let who = PersonContext::new(&moment, person, script.memory.of(&person.id));
                for route in &planner.routes {
                    for (index, step) in route.journey.steps.iter().enumerate() {
                        let asks = !moment.is_member(&who, route) && route.approved[index] != StepApproval::NotNeeded;
                        let slot_search = [
                            moment.person_block(&who, route),
                            moment.text_is_held(route, index, asks.then_some(Gate::Open)),
                            who.blocked(route, at).map(|blocked| blocked.reason).filter(|r| *r != Reason::MinGap),
                        ];
                        // As if its text had changed since it was enqueued, so that the approval counts.
                        let content = ContentHash([255; 32]);
                        let mail = EnqueuedMail { journey: route.journey, step, person, content };
                        let hand_over =
                            send_policy::hand_over_block(&mail, at, &script.settings, &script.library.programme);
                        prop_assert_eq!(
                            slot_search.iter().any(Option::is_some), hand_over.is_some(),
                            "{}{} {} at {}: the slot search says {:?}, the hand-over {:?}",
                            text, person.id, step.slug, at, slot_search, hand_over
                        );
                    }
                }
            }
        }
    }
}
