//! Decides for the people who may have something due, enqueues what is due, and stores where each of them stands, in
//! one transaction per batch. The cost depends on the number of these people only.
//!
//! A person is read if a change has marked them or if their stored position says that something may be due. A change
//! that arrives between reading a person and storing the decision marks that person again; only they are decided once
//! more.

use super::late_joiners;
use super::pass::{self, DueEmail, Filter, Pass};
use super::positions;
use crate::domain::history::progress::Progress;
use crate::domain::history::{Event, EventKind, PersonWithHistory};
use crate::domain::model::ids::{PersonNumber, StepName};
use crate::domain::planner::{ApprovalMode, Planner, PlannerAt};
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::message;
use crate::store::{BatchToDecide, DecidedPerson, NewDelivery, PositionUpdate, Store, StoreError};

/// Called for each batch once it is stored, with its verdicts and the delivery number of each mail in `send`.
pub type OnBatch<'a> = &'a mut dyn FnMut(&Snapshot, &Pass<'_>, &[i64]);

/// How often people whom a change concerns meanwhile are decided again in one run. Who is left then is decided by the
/// next one.
const MAX_ROUNDS: u32 = 5;

/// More people than this are left to the next pass: a command must not take long.
const MOST_AT_ONCE: usize = 10_000;

/// Enqueues the due mails that a filter selects, and returns their number. The snapshot needs no people but the
/// reference groups; it is read again if settings change meanwhile.
pub fn enqueue(
    snapshot: &mut Snapshot,
    store: &mut Store,
    at: Timestamp,
    filter: &Filter,
    on_batch: OnBatch<'_>,
) -> Result<usize, StoreError> {
    positions::mark_if_inputs_changed(snapshot, store, at)?;
    save_gates(snapshot, store, at)?;
    let mut filter = filter.clone();
    let mut people = store.people_to_decide(at)?;
    let mut enqueued = 0;
    for _ in 0..MAX_ROUNDS {
        let decided = decide_people(snapshot, store, at, &mut filter, &people, on_batch)?;
        enqueued += decided.mails;
        people = decided.changed_meanwhile;
        if people.is_empty() {
            break;
        }
    }
    // The mails of the reference groups can change when others get a step, from the next pass on.
    snapshot.refresh(store)?;
    update_marked(snapshot, store, at)?;
    Ok(enqueued)
}

/// Brings the positions of people whom a change concerns up to date, after that change.
pub fn update(snapshot: &Snapshot, store: &mut Store, at: Timestamp) -> Result<(), StoreError> {
    let (config, content) = (snapshot.config.clone(), snapshot.content.clone());
    let mut groups = Snapshot::of_reference_groups(config, content, store)?;
    groups.batch_size = snapshot.batch_size;
    positions::mark_if_inputs_changed(&groups, store, at)?;
    update_marked(&mut groups, store, at)
}

/// Decides for everyone who is marked, and enqueues nothing.
fn update_marked(snapshot: &mut Snapshot, store: &mut Store, at: Timestamp) -> Result<(), StoreError> {
    save_gates(snapshot, store, at)?;
    let people = store.undecided_people()?;
    if people.len() <= MOST_AT_ONCE {
        let mut nothing = Filter { limit: Some(0), ..Filter::default() };
        decide_people(snapshot, store, at, &mut nothing, &people, &mut |_, _, _| {})?;
    }
    Ok(())
}

/// What was decided.
#[derive(Default)]
struct Decided {
    mails: usize,
    /// People who were marked again since they were read; nothing of them is stored.
    changed_meanwhile: Vec<PersonNumber>,
}

/// Decides for people in batches. The limit of the filter falls by the mails that are enqueued.
fn decide_people(
    snapshot: &mut Snapshot,
    store: &mut Store,
    at: Timestamp,
    filter: &mut Filter,
    people: &[PersonNumber],
    on_batch: OnBatch<'_>,
) -> Result<Decided, StoreError> {
    let mut all = Decided::default();
    for numbers in people.chunks(snapshot.batch_size) {
        let mut batch = loop {
            match store.batch_to_decide(numbers, snapshot.settings_revision())? {
                Some(batch) => break batch,
                // A setting has changed since the snapshot was read.
                None => snapshot.refresh(store)?,
            }
        };
        batch.use_todays_names(&snapshot.content.library);
        let decided = decide_batch(snapshot, store, at, filter, &batch, on_batch)?;
        filter.limit = filter.limit.map(|limit| limit.saturating_sub(decided.mails));
        all.mails += decided.mails;
        all.changed_meanwhile.extend(decided.changed_meanwhile);
    }
    Ok(all)
}

fn decide_batch(
    snapshot: &Snapshot,
    store: &mut Store,
    at: Timestamp,
    filter: &Filter,
    batch: &BatchToDecide,
    on_batch: OnBatch<'_>,
) -> Result<Decided, StoreError> {
    let progress = late_joiners::progress(snapshot, store, at, batch)?;
    let planner = planner(snapshot);
    let planner_at = planner.at(at, &snapshot.memory, &progress);
    let mut pass = Pass::empty(at);
    let mut decided = Vec::new();
    let mut number = store.next_delivery()?;
    for person in batch.iter().filter(|person| filter.has_person(person.person)) {
        let (decisions, made) = pass::decide(snapshot, &planner_at, person);
        let mut positions = match person.past.as_if_sent(at) {
            Some(past) => {
                positions_of(snapshot, &planner_at, PersonWithHistory { past: &past, ..person }, at)
            }
            None => positions::updates(snapshot, person, &decisions, at),
        };
        let due = pass.send.len();
        pass.add_person(snapshot, person, decisions, made, filter);
        let mut mail = None;
        if let Some(due) = pass.send.get(due) {
            let why = || "internal error: a mail has no recipient in the database".to_owned();
            mail =
                Some(to_delivery(snapshot, due, number).ok_or_else(|| StoreError::Corrupt { why: why() })?);
            number += 1;
            positions = positions_after(snapshot, &planner_at, person, due, at);
        }
        let Some(person) = person.number else { continue };
        decided.push(DecidedPerson { person, revision: batch.revision(person), mail, positions });
    }
    let begun = late_joiners::begun(&pass);
    let is_stored = store.record_decisions(&decided, &begun, at)?;
    let mut numbers = Vec::new();
    let mut of_mail = decided.iter().zip(&is_stored).filter(|(one, _)| one.mail.is_some());
    pass.send.retain(|_| {
        let Some((one, is_stored)) = of_mail.next() else { return false };
        numbers.extend(one.mail.iter().filter(|_| *is_stored).map(|mail| mail.number));
        *is_stored
    });
    on_batch(snapshot, &pass, &numbers);
    let changed = decided.iter().zip(&is_stored).filter(|(_, is_stored)| !**is_stored);
    Ok(Decided { mails: numbers.len(), changed_meanwhile: changed.map(|(one, _)| one.person).collect() })
}

fn planner(snapshot: &Snapshot) -> Planner<'_> {
    Planner::new(&snapshot.content.library, &snapshot.roster, &snapshot.settings, ApprovalMode::Recorded)
}

/// Where a person stands once a mail has left. If it leaves much later, or not at all, its recipient is decided again.
fn positions_after(
    snapshot: &Snapshot,
    planner_at: &PlannerAt<'_>,
    person: PersonWithHistory<'_>,
    due: &DueEmail<'_>,
    at: Timestamp,
) -> Vec<PositionUpdate> {
    let mut past = person.past.clone();
    let what = EventKind::Mailed { round: due.round, slot: due.slot };
    past.record(&due.journey.slug, Event { at, step: due.step.slug.clone(), what });
    positions_of(snapshot, planner_at, PersonWithHistory { past: &past, ..person }, at)
}

fn positions_of(
    snapshot: &Snapshot,
    planner_at: &PlannerAt<'_>,
    person: PersonWithHistory<'_>,
    at: Timestamp,
) -> Vec<PositionUpdate> {
    let (decisions, _) = pass::decide(snapshot, planner_at, person);
    positions::updates(snapshot, person, &decisions, at)
}

fn to_delivery(snapshot: &Snapshot, due: &DueEmail<'_>, number: i64) -> Option<NewDelivery> {
    Some(NewDelivery {
        number,
        person: due.number?,
        step: StepName { journey: due.journey.slug.clone(), step: due.step.slug.clone() },
        round: due.round,
        slot: due.slot,
        content: due.step.hash,
        message_id: message::message_id(snapshot, due, due.round)?,
        expires: due.expires,
    })
}

/// Stores when the reference groups let each step go. Those who come to a step next are marked if that has changed.
fn save_gates(snapshot: &Snapshot, store: &mut Store, at: Timestamp) -> Result<(), StoreError> {
    let library = &snapshot.content.library;
    let progress = Progress::until(at, library, &snapshot.roster, &snapshot.memory);
    let planner = planner(snapshot);
    let gates = planner.at(at, &snapshot.memory, &progress).gate_states();
    store.save_gates(&gates)
}

/// The number of mails that are due at an instant.
pub(crate) fn count_due(snapshot: &Snapshot, store: &Store, at: Timestamp) -> Result<usize, StoreError> {
    let people = match positions::due_people(&snapshot.config, &snapshot.content.library, store, at)? {
        Some(people) => people,
        None => store.all_people()?,
    };
    let mut due = 0;
    for numbers in people.chunks(snapshot.batch_size) {
        let mut batch = store.people_by_number(numbers)?;
        batch.use_todays_names(&snapshot.content.library);
        let progress = late_joiners::progress(snapshot, store, at, &batch)?;
        let planner = planner(snapshot);
        let planner_at = planner.at(at, &snapshot.memory, &progress);
        due += Pass::of(snapshot, &planner_at, at, batch.iter(), &Filter::default()).send.len();
    }
    Ok(due)
}
