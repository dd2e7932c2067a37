//! What an operator must do: one entry per act, with the people it concerns and the command. What only follows from
//! another entry is not one of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;

use super::status::{OLD_BACKUP, Status};
use crate::config::Transport;
use crate::domain::change::settings::PauseTarget;
use crate::domain::delivery::send_block::BlockKind;
use crate::domain::delivery::state::State;
use crate::domain::model::ids::{PersonId, PersonNumber, Slug, StepName, UnitId};
use crate::domain::model::journey::Journey;
use crate::domain::model::person::Person;
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{MissingApproval, Reason};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::explain;
use crate::engine::plan::pass::HeldEmail;
use crate::store::WAL_WARN_BYTES;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Act {
    /// The word in JSON.
    pub(crate) code: &'static str,
    /// Number of people whose mails wait for it; 0 if it is about none in particular.
    pub(crate) people: usize,
    pub(crate) text: String,
    /// The command to type, without the name of the program and without `--config`.
    pub(crate) command: String,
}

/// Mails that are due for longer than this are not being sent.
const OVERDUE: TimeDelta = TimeDelta::minutes(10);

/// Why mails of people are stopped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    HeldStep(StepName),
    Approval { step: StepName, is_changed: bool },
    UnitPause(UnitId),
    JourneyPause(Slug),
    PersonalPauses,
    Answer(StepName),
    NoAddress,
    Undeliverable,
    SharedAddress,
    Text(StepName),
    NoSlot(Slug),
    Group(StepName),
}

/// What is to be done, the act that concerns most people first.
pub(crate) fn acts(snapshot: &Snapshot, status: &Status<'_>) -> Vec<Act> {
    let mut acts = of_sending(snapshot, status);
    acts.extend(of_people(snapshot, status));
    acts.extend(of_the_machine(snapshot, status));
    acts.sort_by_key(|act| Reverse(act.people));
    acts
}

/// What stops all mails, or mails that are enqueued.
fn of_sending(snapshot: &Snapshot, status: &Status<'_>) -> Vec<Act> {
    let zone = snapshot.content.library.programme.zone;
    let everybody = snapshot.people();
    let mut acts = Vec::new();
    if let Some(held) = &status.all_held {
        let why = held.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        acts.push(Act {
            code: "all_held",
            people: everybody,
            text: format!("All sending is held since {}{why}", format_datetime(zone, held.since)),
            command: "hold release".to_owned(),
        });
    }
    for guard in &status.guards {
        let copy = guard.kind == BlockKind::OtherInstallation;
        acts.push(Act {
            code: "sending_blocked",
            people: everybody,
            text: format!("Nothing is sent since {}: {}", format_datetime(zone, guard.at), guard.message),
            command: if copy { "hold release --other-copy-is-stopped" } else { "hold release" }.to_owned(),
        });
    }
    if let Some(failure) = &status.relay.failure {
        acts.push(Act {
            code: "relay",
            people: everybody,
            text: format!(
                "The mail server has accepted no mail since {}: {}",
                format_datetime(zone, failure.since),
                failure.why
            ),
            command: "doctor".to_owned(),
        });
    }
    let held = status.deliveries.iter().find(|(state, _)| *state == State::Held).map_or(0, |(_, n)| *n);
    if held > 0 {
        let held = usize::try_from(held).unwrap_or(usize::MAX);
        acts.push(Act {
            code: "held_mails",
            people: held,
            text: format!("{held} {} stopped one by one: the list is below", mails_are(held)),
            command: "resolve DELIVERY --as sent|unsent".to_owned(),
        });
    }
    // An interrupted run left them; a limit of our own is no reason to act.
    let queued = status.queued();
    if acts.is_empty() && queued > 0 && !status.is_sending && status.limits.is_empty() {
        acts.push(Act {
            code: "queued",
            people: queued,
            text: format!("{queued} {} queued, and nothing sends them", mails_are(queued)),
            command: "send".to_owned(),
        });
    }
    let overdue = |slot| status.at - slot > OVERDUE;
    let due: HashSet<&PersonId> =
        status.pass.send.iter().filter(|due| overdue(due.slot)).map(|due| &due.person.id).collect();
    if let Some(since) = status.pass.send.iter().map(|due| due.slot).min().filter(|slot| overdue(*slot)) {
        acts.push(Act {
            code: "overdue",
            people: due.len(),
            text: format!("Mails are due since {}, and nothing sends them", format_datetime(zone, since)),
            command: "send".to_owned(),
        });
    }
    acts
}

fn mails_are(n: usize) -> &'static str {
    if n == 1 { "mail is" } else { "mails are" }
}

/// What stops the mails of some people: each person counts once for a cause, in however many journeys.
fn of_people(snapshot: &Snapshot, status: &Status<'_>) -> Vec<Act> {
    let mut causes: BTreeMap<Cause, (HashSet<&PersonId>, HashSet<PersonNumber>)> = BTreeMap::new();
    for holding in &status.pass.held {
        let Some(cause) = cause(snapshot, status.at, holding) else { continue };
        let (single, alike) = causes.entry(cause).or_default();
        alike.extend(&holding.people);
        if holding.people.is_empty() {
            single.insert(&holding.person.id);
        }
    }
    let act = |(cause, (single, alike)): (Cause, (HashSet<_>, HashSet<_>))| {
        act(snapshot, status, &cause, single.len() + alike.len())
    };
    causes.into_iter().map(act).collect()
}

/// The cause of a held mail; `None` if it only follows from another act.
fn cause(snapshot: &Snapshot, at: Timestamp, holding: &HeldEmail<'_>) -> Option<Cause> {
    let HeldEmail { person, journey, held, .. } = holding;
    let step = || {
        let step = held.step.clone().or_else(|| journey.steps.first().map(|step| step.slug.clone()))?;
        Some(StepName { journey: journey.slug.clone(), step })
    };
    Some(match held.reasons.first()? {
        Reason::ManualHold if snapshot.settings.all_held => return None,
        Reason::ManualHold => Cause::HeldStep(step()?),
        Reason::NotApproved(missing) => {
            Cause::Approval { step: step()?, is_changed: *missing == MissingApproval::ContentChanged }
        }
        Reason::Paused(_) => pause(snapshot, at, person, journey),
        Reason::AwaitingAnswer(step) => {
            Cause::Answer(StepName { journey: journey.slug.clone(), step: step.clone() })
        }
        Reason::NoAddress => Cause::NoAddress,
        Reason::Undeliverable(_) => Cause::Undeliverable,
        Reason::SharedAddress => Cause::SharedAddress,
        // A mail that is held is an act of its own.
        Reason::BadContent(_) | Reason::InDoubt if snapshot.memory.of(&person.id).outbox.is_some() => {
            return None;
        }
        Reason::BadContent(_) => Cause::Text(step()?),
        Reason::ReferenceGroupFirst => Cause::Group(step()?),
        // The journey before it is held for this person, too; and the other employment gets the mails.
        Reason::PreviousJourney(_) | Reason::SecondEmployment => return None,
        _ => Cause::NoSlot(journey.slug.clone()),
    })
}

/// The pause without end that stops a mail; the one of most people if there are several.
fn pause(snapshot: &Snapshot, at: Timestamp, person: &Person, journey: &Journey) -> Cause {
    let zone = snapshot.content.library.programme.zone;
    let pauses = explain::pauses(snapshot, person, journey, at);
    let endless = pauses.into_iter().filter(|pause| pause.ends(zone).is_none()).map(|pause| &pause.of);
    let cause = |target: &PauseTarget| match target {
        PauseTarget::Journey(slug) => Cause::JourneyPause(slug.clone()),
        PauseTarget::Unit(unit) => Cause::UnitPause(unit.clone()),
        PauseTarget::Person(_) => Cause::PersonalPauses,
    };
    let rank = |target: &&PauseTarget| match target {
        PauseTarget::Journey(_) => 0,
        PauseTarget::Unit(_) => 1,
        PauseTarget::Person(_) => 2,
    };
    endless.min_by_key(rank).map_or(Cause::PersonalPauses, cause)
}

/// The command that ends what stops one mail; `None` if it only follows from something else.
pub(crate) fn command(snapshot: &Snapshot, at: Timestamp, holding: &HeldEmail<'_>) -> Option<String> {
    if snapshot.settings.all_held {
        return Some("hold release".to_owned());
    }
    Some(match cause(snapshot, at, holding)? {
        Cause::PersonalPauses if !holding.person.protected => {
            format!("resume --person {}", holding.person.id)
        }
        Cause::Answer(step) if !holding.person.protected => {
            format!("answer {} {step} --done", holding.person.id)
        }
        cause => command_of(snapshot, &cause),
    })
}

fn command_of(snapshot: &Snapshot, cause: &Cause) -> String {
    match cause {
        Cause::HeldStep(step) => format!("hold release {step}"),
        Cause::Approval { step, .. } => format!("approve {step} --by NAME"),
        Cause::UnitPause(unit) => format!("resume --unit \"{}\"", snapshot.roster.unit_name(unit)),
        Cause::JourneyPause(slug) => format!("resume --journey {slug}"),
        Cause::PersonalPauses => "decisions".to_owned(),
        Cause::Answer(step) => format!("answer PERSON {step} --done"),
        Cause::NoAddress | Cause::Undeliverable | Cause::SharedAddress => "people import".to_owned(),
        Cause::Text(step) => format!("send --dry-run --only {step}"),
        Cause::NoSlot(_) => "check".to_owned(),
        Cause::Group(_) => "status".to_owned(),
    }
}

fn act(snapshot: &Snapshot, status: &Status<'_>, cause: &Cause, people: usize) -> Act {
    let (code, text) = match cause {
        Cause::HeldStep(step) => {
            let held = status.held_steps.iter().find(|held| held.step == *step);
            let since = held.map_or(String::new(), |held| {
                let zone = snapshot.content.library.programme.zone;
                let why = held.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
                format!(" since {}{why}", format_datetime(zone, held.since))
            });
            ("held_by_hand", format!("Step {step} is held{since}"))
        }
        Cause::Approval { step, is_changed: true } => {
            ("not_approved", format!("{step} was changed after its approval: approve it again"))
        }
        Cause::Approval { step, is_changed: false } => ("not_approved", format!("{step} is not approved")),
        Cause::UnitPause(unit) => {
            ("paused", format!("{} is paused with no end date", snapshot.roster.unit_name(unit)))
        }
        Cause::JourneyPause(slug) => ("paused", format!("Journey {slug} is paused with no end date")),
        Cause::PersonalPauses => ("paused", "People are paused one by one, with no end date".to_owned()),
        Cause::Answer(step) => {
            ("awaiting_answer", format!("No answer to {step}, and the next step waits for it without end"))
        }
        Cause::NoAddress => ("no_address", "No mail address: HR must add it to the people file".to_owned()),
        Cause::Undeliverable => (
            "no_address",
            "Mails come back, there is no such mailbox: HR must correct the address".to_owned(),
        ),
        Cause::SharedAddress => (
            "shared_address",
            "Several people have the same mail address: HR must give each their own".to_owned(),
        ),
        Cause::Text(step) => {
            ("bad_content", format!("The text of {step} cannot be made into a mail for everybody"))
        }
        Cause::NoSlot(journey) => {
            ("no_slot", format!("Journey {journey} has no sending time within a year that can be used"))
        }
        Cause::Group(step) => {
            ("reference_group_first", format!("The reference group must get {step} first, and cannot get it"))
        }
    };
    Act { code, people, text, command: command_of(snapshot, cause) }
}

/// What is wrong with files and the machine.
fn of_the_machine(snapshot: &Snapshot, status: &Status<'_>) -> Vec<Act> {
    let zone = snapshot.content.library.programme.zone;
    let mut acts = Vec::new();
    let mut add = |code, text: String, command: &str| {
        acts.push(Act { code, people: 0, text, command: command.to_owned() });
    };
    if !status.broken.is_empty() {
        add("content", "The content has errors; the last content without errors is used".to_owned(), "check");
    }
    if status.people_file.has_changed {
        add("people_file", "The people file has changed since the last import".to_owned(), "people import");
    }
    match status.people_file.problems.len() {
        0 => {}
        1 => add(
            "people_file",
            "A row of the people file was not imported".to_owned(),
            "people import --dry-run",
        ),
        rows => {
            let text = format!("{rows} rows of the people file were not imported");
            add("people_file", text, "people import --dry-run");
        }
    }
    // A trial run that writes files needs no backup.
    if snapshot.stored.is_some() && snapshot.config.mail.transport != Transport::Files {
        match status.backup {
            None => add("backup", "There is no backup".to_owned(), "backup FILE"),
            Some(made) if status.at - made > OLD_BACKUP => {
                let text = format!("The last backup is old: {}", format_datetime(zone, made));
                add("backup", text, "backup FILE");
            }
            Some(_) => {}
        }
    }
    if status.log > WAL_WARN_BYTES {
        add("log", "The log of the database has grown too large".to_owned(), "doctor");
    }
    acts
}
