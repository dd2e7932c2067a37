//! Explains decisions: each step of each journey for one person, or one step
//! for all people of a unit.

use crate::domain::change::settings::Pause;
use crate::domain::delivery::state::{self, Delivery};
use crate::domain::history::position::Stage;
use crate::domain::history::{EventKind, PersonHistory, PersonWithHistory};
use crate::domain::model::ids::{ContentHash, Slug, StepName, UnitId};
use crate::domain::model::journey::Journey;
use crate::domain::model::person::Person;
use crate::domain::model::step::Step;
use crate::domain::planner::send_policy::{self, EnqueuedMail};
use crate::domain::planner::{ApprovalMode, Decision, Planner, PlannerAt};
use crate::domain::time::calendar::QuietDay;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Reason, Verdict};
use crate::engine::load::snapshot::{Snapshot, earlier_texts};
use crate::engine::plan::pass::DueEmail;
use crate::store::{Departed, EarlierText, PastMail, Store, StoreError};

/// A person with the status of each journey.
pub struct Why<'w> {
    pub(crate) person: &'w Person,
    /// One entry for each journey, in the order of the library.
    pub journeys: Vec<JourneyStatus<'w>>,
    /// Mails of steps and journeys that are not in the content any more.
    pub(crate) removed: Vec<PastMail>,
}

/// A person who has left, and what they got.
pub(crate) struct Leaver {
    pub(crate) departed: Departed,
    pub(crate) mails: Vec<PastMail>,
}

/// A person whom an import removed, by employee id or address.
pub(crate) fn leaver(snapshot: &Snapshot, id_or_address: &str) -> Result<Option<Leaver>, StoreError> {
    let look = |store: &Store| {
        let Some(departed) = store.departed(id_or_address)? else { return Ok(None) };
        Ok(Some(Leaver { mails: store.past_mails(&departed.person)?, departed }))
    };
    Ok(Store::read_only(&snapshot.config.database, look)?.flatten())
}

/// A person who got an earlier text of a step.
pub(crate) struct EarlierReader<'w> {
    pub(crate) person: &'w Person,
    pub(crate) text: EarlierText,
}

/// Who got an earlier text of a step and never today's, in the order of the people file.
pub(crate) fn earlier_readers<'w>(
    snapshot: &'w Snapshot,
    step: &StepName,
    unit: Option<&UnitId>,
) -> Result<Vec<EarlierReader<'w>>, StoreError> {
    let look = |store: &Store| earlier_texts(store, &snapshot.content.library, step);
    let texts = Store::read_only(&snapshot.config.database, look)?.unwrap_or_default();
    let reader =
        |text: EarlierText| Some(EarlierReader { person: snapshot.roster.person(&text.person)?, text });
    let is_listed = |reader: &EarlierReader<'_>| unit.is_none_or(|unit| reader.person.unit == *unit);
    Ok(texts.into_iter().filter_map(reader).filter(is_listed).collect())
}

/// Status of a journey for a person.
pub struct JourneyStatus<'w> {
    pub(crate) journey: &'w Journey,
    pub(crate) stage: Stage,
    /// All its steps, in order.
    pub steps: Vec<StepStatus<'w>>,
    /// The pauses in force for the person.
    pub(crate) pauses: Vec<&'w Pause>,
    /// The next step, or why there is none.
    pub(crate) verdict: Verdict,
}

/// Status of a step for a person.
pub struct StepStatus<'w> {
    pub(crate) step: &'w Step,
    /// The last round sent; 0 before the first reminder.
    pub(crate) round: u16,
    /// Where the person is with it.
    pub state: State,
    /// The slot it was or is planned for.
    pub(crate) planned: Option<Timestamp>,
    /// When its mail was sent.
    pub sent: Option<Timestamp>,
    pub(crate) answered: bool,
    /// Hash of the text it was sent with, or has now.
    pub(crate) content: ContentHash,
    /// State of its delivery, if there is one.
    pub(crate) delivery: Option<state::State>,
    /// The number of its delivery.
    pub(crate) number: Option<i64>,
    /// Why an enqueued mail is not sent now.
    pub kept_back: Option<Reason>,
    /// The last reply of the relay, or the file name, for the last round.
    pub reply: Option<String>,
}

impl StepStatus<'_> {
    /// The code used in output: the state of its delivery, if that is not simply
    /// sent.
    pub fn word(&self) -> &'static str {
        use state::State::{Cancelled, Deferred, Expired, Held, InDoubt, Rejected};
        match (self.state, self.delivery) {
            (
                State::Sent | State::Skipped | State::Due,
                Some(mail @ (Deferred | InDoubt | Held | Rejected | Expired | Cancelled)),
            ) => mail.as_str(),
            (state, _) => state.as_str(),
        }
    }

    /// The number of its delivery, if an operator must say what became of it.
    pub(crate) fn to_resolve(&self) -> Option<i64> {
        use state::State::{Held, InDoubt};
        self.number.filter(|_| matches!(self.delivery, Some(Held | InDoubt)))
    }

    /// The number of its delivery, if that did not simply leave.
    pub(crate) fn problem(&self) -> Option<i64> {
        use state::State::{Deferred, Held, InDoubt, Rejected};
        self.number.filter(|_| matches!(self.delivery, Some(Deferred | Held | InDoubt | Rejected)))
    }

    fn add(&mut self, snapshot: &Snapshot, of: (&Journey, &Person), mail: &Delivery, at: Timestamp) {
        if mail.round > 0 {
            return;
        }
        self.delivery = Some(mail.state);
        self.number = Some(mail.number);
        if mail.state != state::State::Sent {
            self.sent = None;
        }
        if mail.state == state::State::Due {
            let (journey, person) = of;
            let enqueued = EnqueuedMail { journey, step: self.step, person, content: mail.content };
            let programme = &snapshot.content.library.programme;
            self.kept_back = send_policy::hand_over_block(&enqueued, at, &snapshot.settings, programme);
        }
    }
}

/// Status of one step for a person of a unit.
pub(crate) struct MemberStatus<'w> {
    pub(crate) person: &'w Person,
    pub(crate) step: StepStatus<'w>,
    /// The next step in its journey, which may be an earlier one.
    pub(crate) verdict: Verdict,
}

/// State of a step for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its mail was sent.
    Sent,
    /// It expired.
    Skipped,
    /// It is due now, or enqueued and not sent yet.
    Due,
    /// It is the next step.
    Next,
    /// It comes after the next step.
    Later,
    /// The person joined, or went on, after it.
    Passed,
}

impl State {
    /// The code used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Sent => "sent",
            State::Skipped => "skipped",
            State::Due => "due",
            State::Next => "next",
            State::Later => "later",
            State::Passed => "passed",
        }
    }
}

/// Explains all journeys of one person at an instant.
pub fn of_person<'w>(snapshot: &'w Snapshot, person: &'w Person, at: Timestamp) -> Why<'w> {
    let decisions = decide(snapshot, person, at);
    let past = snapshot.memory.of(&person.id);
    let journeys = decisions.into_iter().map(|decision| {
        let journey = &snapshot.content.library.journeys[decision.journey];
        let enrolment = past.enrolment(&journey.slug);
        JourneyStatus {
            journey,
            stage: Stage::of(enrolment, &decision.verdict),
            steps: steps(journey, past, &decision),
            pauses: pauses(snapshot, person, journey, at),
            verdict: with_cause(snapshot, person, journey, decision.verdict, at),
        }
    });
    Why { person, journeys: journeys.collect(), removed: Vec::new() }
}

/// Adds the deliveries from the database: content, state, what blocks them, and
/// the reply. Changes nothing on disk.
pub fn add_deliveries(snapshot: &Snapshot, why: &mut Why<'_>, at: Timestamp) -> Result<(), StoreError> {
    let person = why.person;
    let library = &snapshot.content.library;
    let look = |store: &Store| Ok((store.deliveries_to(&person.id)?, store.past_mails(&person.id)?));
    let (deliveries, past) = Store::read_only(&snapshot.config.database, look)?.unwrap_or_default();
    let is_removed = |mail: &PastMail| library.step(&library.todays_name(&mail.step)).is_none();
    why.removed = past.into_iter().filter(is_removed).collect();
    for (mut mail, reply) in deliveries {
        mail.step = library.todays_name(&mail.step);
        let standing = why.journeys.iter_mut().find(|j| j.journey.slug == mail.step.journey);
        let Some(standing) = standing else { continue };
        let journey = standing.journey;
        if let Some(step) = standing.steps.iter_mut().find(|step| step.step.slug == mail.step.step) {
            step.add(snapshot, (journey, person), &mail, at);
            (step.content, step.reply) = (mail.content, reply);
        }
    }
    Ok(())
}

/// Like [`add_deliveries`], for the people of a unit.
pub(crate) fn add_deliveries_in_unit(
    snapshot: &Snapshot,
    name: &StepName,
    people: &mut [MemberStatus<'_>],
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(journey) = snapshot.content.library.journey(&name.journey) else { return Ok(()) };
    let look = |store: &Store| people.iter().map(|one| store.deliveries_to(&one.person.id)).collect();
    let found: Vec<_> = Store::read_only(&snapshot.config.database, look)?.unwrap_or_default();
    for (MemberStatus { person, step, .. }, mails) in people.iter_mut().zip(found) {
        let library = &snapshot.content.library;
        for (mail, reply) in mails.into_iter().filter(|(mail, _)| library.todays_name(&mail.step) == *name) {
            step.add(snapshot, (journey, person), &mail, at);
            (step.content, step.reply) = (mail.content, reply);
        }
    }
    Ok(())
}

/// Explains one step for each person of a unit at an instant.
pub(crate) fn of_unit<'w>(
    snapshot: &'w Snapshot,
    step: &StepName,
    unit: &UnitId,
    at: Timestamp,
) -> Vec<MemberStatus<'w>> {
    let Some(index) =
        snapshot.content.library.journeys.iter().position(|journey| journey.slug == step.journey)
    else {
        return Vec::new();
    };
    let planner =
        Planner::new(&snapshot.content.library, &snapshot.roster, &snapshot.settings, ApprovalMode::Recorded);
    let progress = snapshot.progress_after(at);
    let moment = planner.at(at, &snapshot.memory, &progress);
    let journey = &snapshot.content.library.journeys[index];
    let people = snapshot.roster.people.iter().filter(|person| person.unit == *unit);
    let standing = |person: &'w Person| {
        let past = snapshot.memory.of(&person.id);
        let decision = decide_as_sent(&moment, snapshot, person).swap_remove(index);
        let of_step = steps(journey, past, &decision).into_iter().find(|s| s.step.slug == step.step)?;
        let verdict = with_cause(snapshot, person, journey, decision.verdict, at);
        Some(MemberStatus { person, step: of_step, verdict })
    };
    people.filter_map(standing).collect()
}

/// The pauses in force for a person in a journey.
pub(crate) fn pauses<'w>(
    snapshot: &'w Snapshot,
    person: &Person,
    journey: &Journey,
    at: Timestamp,
) -> Vec<&'w Pause> {
    let zone = snapshot.content.library.programme.zone;
    let pauses = snapshot.settings.pauses.iter();
    pauses.filter(|pause| pause.of.includes(person, journey) && pause.holds(at, zone)).collect()
}

/// Puts what a person would call the cause first: a pause, or a closed period, that is in force. The planner names only
/// its consequence if the days of the pause move the pace beyond its end.
fn with_cause(
    snapshot: &Snapshot,
    person: &Person,
    journey: &Journey,
    mut verdict: Verdict,
    at: Timestamp,
) -> Verdict {
    let reasons = match &mut verdict {
        Verdict::Wait(wait) => &mut wait.reasons,
        Verdict::Held(held) => &mut held.reasons,
        Verdict::Send(_) | Verdict::Ended(_) => return verdict,
    };
    let programme = &snapshot.content.library.programme;
    let unit_closed = snapshot.settings.units.get(&person.unit).map_or(&[][..], |unit| &unit.closed);
    let day = programme.zone.date(at);
    let closed = match programme.calendar.quiet(day, unit_closed) {
        Some(QuietDay::Closed(period)) => Some(Reason::Closed(period.why)),
        Some(QuietDay::UnitClosed(period)) => Some(Reason::UnitClosed(period.why)),
        Some(QuietDay::NonWorkday(_) | QuietDay::Holiday(_)) | None => None,
    };
    let paused = pauses(snapshot, person, journey, at);
    let paused = paused.first().map(|pause| Reason::Paused(pause.reason.clone()));
    for cause in closed.into_iter().chain(paused) {
        reasons.retain(|reason| *reason != cause);
        reasons.insert(0, cause);
    }
    verdict
}

fn decide(snapshot: &Snapshot, person: &Person, at: Timestamp) -> Vec<Decision> {
    let planner =
        Planner::new(&snapshot.content.library, &snapshot.roster, &snapshot.settings, ApprovalMode::Recorded);
    let progress = snapshot.progress_after(at);
    decide_as_sent(&planner.at(at, &snapshot.memory, &progress), snapshot, person)
}

/// Decides as a pass does, which also holds a mail that cannot be rendered.
fn decide_as_sent(moment: &PlannerAt<'_>, snapshot: &Snapshot, person: &Person) -> Vec<Decision> {
    let somebody = PersonWithHistory { person, past: snapshot.memory.of(&person.id), number: None };
    moment.decide_with_veto(person, somebody.past, |journey, send| {
        DueEmail::of(snapshot, somebody, journey, send).1
    })
}

fn steps<'w>(journey: &'w Journey, past: &PersonHistory, decision: &Decision) -> Vec<StepStatus<'w>> {
    let enrolment = past.enrolment(&journey.slug);
    // No mail is enqueued after one that has not been sent, so it is the last one.
    let not_left = past.outbox.and(past.last_mail);
    let next: Option<(&Slug, Option<Timestamp>)> = match &decision.verdict {
        Verdict::Send(send) => Some((&send.step, Some(send.slot))),
        Verdict::Wait(wait) => wait.known_step().map(|step| (step, Some(wait.until))),
        Verdict::Held(held) => held.step.as_ref().map(|step| (step, None)),
        Verdict::Ended(_) => None,
    };
    let reached = next.and_then(|(slug, _)| journey.place(slug));
    let starts_anywhere = matches!(&decision.verdict, Verdict::Wait(wait) if wait.known_step().is_none());
    let standing = |(index, step): (usize, &'w Step)| {
        let mail = enrolment.events.iter().find_map(|event| match event.what {
            EventKind::Mailed { round: 0, slot } if event.step == step.slug => Some((slot, event.at)),
            EventKind::Mailed { .. } | EventKind::Skipped | EventKind::Answered | EventKind::Withdrawn => {
                None
            }
        });
        let skipped = enrolment.skipped(&step.slug).is_some()
            || decision.skipped.iter().any(|(skipped, _)| *skipped == index);
        let round = enrolment.last_round(&step.slug).unwrap_or(0);
        let sent = mail.map(|(_, at)| at).filter(|at| round > 0 || not_left != Some(*at));
        let state = match (mail, reached) {
            (Some(_), _) if sent.is_none() => State::Due,
            (Some(_), _) => State::Sent,
            _ if skipped => State::Skipped,
            (None, None) if starts_anywhere => State::Later,
            (None, Some(place)) if place == index && matches!(decision.verdict, Verdict::Send(_)) => {
                State::Due
            }
            (None, Some(place)) if place == index => State::Next,
            (None, Some(place)) if place < index => State::Later,
            (None, _) => State::Passed,
        };
        let planned = match (mail, state) {
            (Some((slot, _)), _) => Some(slot),
            (None, State::Due | State::Next) => next.and_then(|(_, at)| at),
            (None, _) => None,
        };
        let answered = enrolment.answered(&step.slug).is_some();
        StepStatus {
            step,
            round,
            state,
            planned,
            sent,
            answered,
            content: step.hash,
            delivery: None,
            number: None,
            kept_back: None,
            reply: None,
        }
    };
    journey.steps.iter().enumerate().map(standing).collect()
}
