//! The JSON document of `send`. It lists every person of the pass, so it is built
//! only with `--format json`.

use serde_json::{Value, json};

use super::report::subject_of;
use crate::cli::{blocked, output};
use crate::domain::delivery::state::State;
use crate::domain::time::timezone::Timestamp;
use crate::engine::deliver::{Delivered, Outbox};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::message;
use crate::engine::plan::pass::{Due, Pass};

/// The part of the document about the outbox, which has mails of earlier passes, too.
#[derive(Clone, Copy)]
pub(super) enum Occasion<'a> {
    /// A dry run: the outbox as earlier passes left it.
    DryRun(&'a Outbox),
    /// A real run: the results of delivery.
    Real(&'a Delivered),
}

/// Collects the lists of `send --format json`.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) send: Vec<Value>,
    wait: Vec<Value>,
    held: Vec<Value>,
    over: usize,
}

impl Lists {
    /// Adds a pass or a part of one; its mails are in the given state.
    pub(super) fn add(&mut self, world: &Snapshot, pass: &Pass<'_>, state: State) {
        let zone = world.content.library.programme.zone;
        self.over += pass.over;
        self.send.extend(pass.send.iter().map(|due| due_value(world, due, state)));
        self.wait.extend(pass.wait.iter().map(|waiting| {
            json!({
                "person": output::display_id(waiting.person),
                "journey": waiting.journey.slug.as_str(),
                "step": waiting.wait.step.as_str(),
                "until": zone.rfc3339(waiting.wait.until),
                "because": output::reasons_value(&waiting.wait.reasons),
            })
        }));
        self.held.extend(pass.held.iter().map(|holding| {
            json!({
                "person": output::display_id(holding.person),
                "journey": holding.journey.slug.as_str(),
                "step": holding.held.step.as_ref().map(ToString::to_string),
                "because": output::reasons_value(&holding.held.reasons),
            })
        }));
    }

    /// The complete document.
    pub(super) fn value(self, world: &Snapshot, at: Timestamp, occasion: Occasion<'_>) -> Value {
        let Lists { send, wait, held, over } = self;
        let mut value = json!({
            "at": world.content.library.programme.zone.rfc3339(at),
            "dry_run": matches!(occasion, Occasion::DryRun(_)),
            "content": world.content.library.hash.to_string(),
            "totals": { "send": send.len(), "wait": wait.len(), "held": held.len(), "over": over },
            "send": send,
            "wait": wait,
            "held": held,
        });
        match occasion {
            Occasion::DryRun(outbox) => value["outbox"] = blocked::outbox_value(outbox),
            Occasion::Real(delivered) => value["delivered"] = delivered_value(delivered),
        }
        value
    }
}

fn due_value(world: &Snapshot, due: &Due<'_>, state: State) -> Value {
    json!({
        "person": output::display_id(due.person),
        "address": output::address_value(due.person),
        "unit": output::unit_value(due.person, world.roster.unit_name(&due.person.unit)),
        "journey": due.journey.slug.as_str(),
        "step": due.step.slug.as_str(),
        "round": due.round,
        "kind": due.step.kind.as_str(),
        "character": due.character.as_ref().map(ToString::to_string),
        "language": due.language.as_str(),
        "subject": subject_of(due),
        "slot": world.content.library.programme.zone.rfc3339(due.slot),
        "message_id": message::message_id(world, due, due.round),
        "state": state.as_str(),
    })
}

fn delivered_value(delivered: &Delivered) -> Value {
    json!({
        "sent": delivered.sent,
        "deferred": delivered.deferred,
        "rejected": delivered.rejected,
        "in_doubt": delivered.in_doubt,
        "held": delivered.held,
        "cancelled": delivered.cancelled,
        "expired": delivered.expired,
        "kept_back": blocked::value(&delivered.kept_back),
    })
}
