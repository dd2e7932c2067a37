//! What a pass sends, what waits and what is held: the document of `send`. It
//! lists every person, so it is built only if asked for.

use std::collections::HashSet;

use serde::Serialize;

use super::outbox::{BlockedMailsView, OutboxView, ProblemDeliveryView};
use super::person::{display_address, display_id};
use super::reason::ReasonView;
use crate::domain::delivery::state::State;
use crate::domain::model::ids::{PersonId, Slug};
use crate::domain::model::journey::Journey;
use crate::domain::model::person::Person;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::deliver::{DeliverySummary, OutboxSummary};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::message;
use crate::engine::plan::pass::{DueEmail, HeldEmail, Pass, WaitingEmail};
use crate::store::ProblemDelivery;

/// The result of a pass, real or dry.
#[derive(Debug, Serialize)]
pub(crate) struct SendView {
    at: String,
    dry_run: bool,
    content: String,
    totals: SendTotals,
    send: Vec<DueEmailView>,
    wait: Vec<WaitingEmailView>,
    held: Vec<HeldEmailView>,
    #[serde(flatten)]
    outbox: OutboxResultView,
}

#[derive(Debug, Default, Serialize)]
struct SendTotals {
    send: usize,
    wait: usize,
    held: usize,
    over: usize,
}

/// The part about the outbox, which has mails of earlier passes, too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum OutboxResultView {
    /// A dry run: the outbox as earlier passes left it.
    Outbox(OutboxView),
    /// A real run: the results of delivery.
    Delivered(DeliveredView),
}

/// Collects the lists of a [`SendView`] while a pass is decided part by part.
#[derive(Debug, Default)]
pub(crate) struct SendLists {
    pub(crate) send: Vec<DueEmailView>,
    wait: Vec<WaitingEmailView>,
    held: Vec<HeldEmailView>,
    over: usize,
    /// The enrolments that are listed already, by person and journey.
    listed: HashSet<(PersonId, Slug)>,
}

/// A mail that is sent in this pass.
#[derive(Debug, Serialize)]
pub(crate) struct DueEmailView {
    person: String,
    address: Option<String>,
    unit: Option<String>,
    journey: String,
    step: String,
    round: u16,
    kind: &'static str,
    character: Option<String>,
    language: String,
    subject: Option<String>,
    slot: String,
    message_id: Option<String>,
    /// State of the delivery.
    pub(crate) state: &'static str,
}

#[derive(Debug, Serialize)]
struct WaitingEmailView {
    person: String,
    journey: String,
    step: Option<String>,
    until: String,
    because: Vec<ReasonView>,
}

#[derive(Debug, Serialize)]
struct HeldEmailView {
    person: String,
    journey: String,
    step: Option<String>,
    because: Vec<ReasonView>,
}

#[derive(Debug, Serialize)]
struct DeliveredView {
    sent: usize,
    deferred: usize,
    rejected: usize,
    in_doubt: usize,
    held: usize,
    cancelled: usize,
    expired: usize,
    kept_back: Vec<BlockedMailsView>,
    waiting: usize,
    trouble: Option<String>,
    not_sent: Vec<ProblemDeliveryView>,
}

/// What is in the outbox at the end of a run.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    /// Number of mails that wait.
    pub(crate) waiting: usize,
    /// Mails that were refused, held or deferred, or that are in doubt; the first few.
    pub(crate) problems: Vec<ProblemDelivery>,
}

impl SendLists {
    /// Adds the mails of a pass or a part of one, which are in the given state.
    pub(crate) fn add(&mut self, snapshot: &Snapshot, pass: &Pass<'_>, state: State) {
        let enrolment = |due: &DueEmail<'_>| (due.person.id.clone(), due.journey.slug.clone());
        self.listed.extend(pass.send.iter().map(enrolment));
        let held = |held: &HeldEmail<'_>| (held.person.id.clone(), held.journey.slug.clone());
        self.listed.extend(pass.unrenderable().map(held));
        self.held.extend(pass.unrenderable().map(HeldEmailView::of));
        self.send.extend(pass.send.iter().map(|due| DueEmailView::of(snapshot, due, state)));
    }

    /// Adds how it stands once those mails are sent, or a part of it. An enrolment that got a mail is only in `send`.
    pub(crate) fn add_after(&mut self, snapshot: &Snapshot, pass: &Pass<'_>) {
        let zone = snapshot.content.library.programme.zone;
        let is_listed = |person: &Person, journey: &Journey| {
            !self.listed.is_empty() && self.listed.contains(&(person.id.clone(), journey.slug.clone()))
        };
        self.over += pass.over;
        let waiting = pass.wait.iter().filter(|waiting| !is_listed(waiting.person, waiting.journey));
        self.wait.extend(waiting.map(|waiting| WaitingEmailView::of(zone, waiting)));
        let held = pass.held.iter().filter(|held| !is_listed(held.person, held.journey));
        self.held.extend(held.map(HeldEmailView::of));
    }
}

impl SendView {
    /// The document of a dry run; `outbox` is as earlier passes left it.
    pub(crate) fn dry_run(
        snapshot: &Snapshot,
        at: Timestamp,
        lists: SendLists,
        outbox: &OutboxSummary,
    ) -> SendView {
        SendView::new(snapshot, at, lists, OutboxResultView::Outbox(OutboxView::of(outbox)))
    }

    /// The document of a real run, with the results of delivery.
    pub(crate) fn delivered(
        snapshot: &Snapshot,
        at: Timestamp,
        lists: SendLists,
        delivered: &DeliverySummary,
        unsent: &Unsent,
    ) -> SendView {
        let zone = snapshot.content.library.programme.zone;
        let delivered = DeliveredView::of(zone, delivered, unsent);
        SendView::new(snapshot, at, lists, OutboxResultView::Delivered(delivered))
    }

    fn new(snapshot: &Snapshot, at: Timestamp, lists: SendLists, outbox: OutboxResultView) -> SendView {
        let SendLists { send, wait, held, over, listed: _ } = lists;
        SendView {
            at: snapshot.content.library.programme.zone.rfc3339(at),
            dry_run: matches!(outbox, OutboxResultView::Outbox(_)),
            content: snapshot.content.library.hash.to_string(),
            totals: SendTotals { send: send.len(), wait: wait.len(), held: held.len(), over },
            send,
            wait,
            held,
            outbox,
        }
    }
}

impl DueEmailView {
    fn of(snapshot: &Snapshot, due: &DueEmail<'_>, state: State) -> DueEmailView {
        let person = due.person;
        let unless_protected = |value: &str| (!person.protected).then(|| value.to_owned());
        DueEmailView {
            person: display_id(person).to_owned(),
            address: display_address(person).map(str::to_owned),
            unit: unless_protected(snapshot.roster.unit_name(&person.unit)),
            journey: due.journey.slug.to_string(),
            step: due.step.slug.to_string(),
            round: due.round,
            kind: due.step.kind.as_str(),
            character: due.character.as_ref().map(ToString::to_string),
            language: due.language.to_string(),
            subject: display_subject(due).map(str::to_owned),
            slot: snapshot.content.library.programme.zone.rfc3339(due.slot),
            message_id: message::message_id(snapshot, due, due.round),
            state: state.as_str(),
        }
    }
}

/// The subject, or `None` for a protected person, whose name it may contain.
pub(crate) fn display_subject<'d>(due: &'d DueEmail<'_>) -> Option<&'d str> {
    (!due.person.protected).then_some(due.subject.as_str())
}

impl WaitingEmailView {
    fn of(zone: TimeZone, waiting: &WaitingEmail<'_>) -> WaitingEmailView {
        WaitingEmailView {
            person: display_id(waiting.person).to_owned(),
            journey: waiting.journey.slug.to_string(),
            step: waiting.wait.known_step().map(ToString::to_string),
            until: zone.rfc3339(waiting.wait.until),
            because: ReasonView::of_all(&waiting.wait.reasons),
        }
    }
}

impl HeldEmailView {
    fn of(holding: &HeldEmail<'_>) -> HeldEmailView {
        HeldEmailView {
            person: display_id(holding.person).to_owned(),
            journey: holding.journey.slug.to_string(),
            step: holding.held.step.as_ref().map(ToString::to_string),
            because: ReasonView::of_all(&holding.held.reasons),
        }
    }
}

impl DeliveredView {
    fn of(zone: TimeZone, delivered: &DeliverySummary, unsent: &Unsent) -> DeliveredView {
        DeliveredView {
            sent: delivered.sent,
            deferred: delivered.deferred,
            rejected: delivered.rejected,
            in_doubt: delivered.in_doubt,
            held: delivered.held,
            cancelled: delivered.cancelled,
            expired: delivered.expired,
            kept_back: BlockedMailsView::of_all(&delivered.blocked),
            waiting: unsent.waiting,
            trouble: delivered.relay_error.as_ref().map(|trouble| trouble.why.clone()),
            not_sent: ProblemDeliveryView::of_all(zone, &unsent.problems),
        }
    }
}
