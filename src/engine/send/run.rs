//! The send pass: enqueues everything that is due, one batch of people at a
//! time, and then delivers what is queued (`deliver`). Enqueueing is the
//! decision. It is made once; anything later can only delay a mail.

use std::time::Duration;

use anyhow::Context;

use crate::clock;
use crate::domain::delivery::send_block::SendBlock;
use crate::domain::model::ids::StepName;
use crate::domain::planner::{ApprovalMode, Planner};
use crate::domain::time::timezone::Timestamp;
use crate::engine::deliver::{Chosen, Delivered, Hooks, Outbox};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::message::{self, Desk};
use crate::engine::plan::pass::{Due, Pass, Selection};
use crate::engine::plan::people_batches::{self, Slices};
use crate::engine::post::{self, MailSender};
use crate::engine::send::startup;
use crate::store::{Booked, Booking, JournalReconciliation, Recovered, Store, StoreError};

/// A rate limit that blocks longer than this (a daily limit) ends the run; a
/// later run continues. Shorter waits (per minute or hour) are waited out.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// A wait longer than this is reported.
const WORTH_A_WORD: Duration = Duration::from_secs(2 * 60);

/// Result of a send pass.
#[derive(Default)]
pub struct Sent {
    /// Number of mails enqueued.
    pub booked: usize,
    /// The database changed while mails were enqueued. The rest must be decided
    /// again, and nothing was delivered.
    pub interrupted: bool,
    /// Blocks that prevent sending; if there are any, nothing was done.
    pub guards: Vec<SendBlock>,
    /// What was recovered from an earlier run.
    pub recovered: Recovered,
    /// Entries of the send journal that were missing in the database.
    pub reconciled: JournalReconciliation,
    /// Deliveries of this pass and of earlier ones.
    pub delivered: Delivered,
}

/// Callbacks during a send pass.
pub struct Talk<'a> {
    /// Called for each batch once it is enqueued.
    pub booked: Listener<'a>,
    /// Called after each delivered mail with the number of enqueued mails, for a
    /// progress bar.
    pub one_more: &'a mut dyn FnMut(usize),
    /// Receives messages for the operator.
    pub say: &'a mut dyn FnMut(String),
    /// Returns true to stop starting new work.
    pub stop: &'a dyn Fn() -> bool,
    /// The current time while mails are sent.
    pub now: &'a dyn Fn() -> Timestamp,
}

/// Called for each batch once it is enqueued, with its verdicts and the
/// delivery number of each mail in `send`.
pub type Listener<'a> = &'a mut dyn FnMut(&Pass<'_>, &[i64]);

/// Enqueues what is due at an instant, and delivers what is queued as fast as
/// the rate limits allow. If it fails, the next run delivers what was enqueued.
pub fn send(
    world: &Snapshot,
    store: &mut Store,
    at: Timestamp,
    selection: &Selection,
    talk: Talk<'_>,
) -> anyhow::Result<Sent> {
    let stored = world.stored.as_ref().context("there is no database to send from")?;
    let transport = post::transport(&world.config)?;
    let begun = startup::begin(store, &world.config, at)?;
    if !begun.guards.is_empty() {
        return Ok(Sent { guards: begun.guards, ..Sent::default() });
    }
    let Talk { booked, one_more, say, stop, now } = talk;
    let (desk, mut chosen) = (Desk::of(world), Chosen::of(selection));
    // Mails enqueued by earlier passes are sent first and count towards the limit.
    let selection = match selection.limit {
        Some(_) => Outbox::read(store, &desk, selection, now())?.goes_before(selection),
        None => selection.clone(),
    };
    let mut sent = book(world, store, at, &selection, booked)?;
    (sent.recovered, sent.reconciled) = (begun.recovered, begun.reconciled);
    let mut journal = begun.journal;
    if sent.interrupted {
        return Ok(sent);
    }
    let booked = sent.booked;
    let sender = MailSender { transport: &transport, desk: &desk, keys: &stored.keys, wave: None };
    loop {
        let hooks =
            Hooks { chosen: &mut chosen, now, one_more: &mut || one_more(booked), say, stop, ends: stop };
        let delivered = sender.deliver(store, journal.as_mut(), hooks)?;
        let wait = delivered.wait;
        sent.delivered.add(delivered);
        let Some(wait) = wait.filter(|wait| *wait <= LONGEST_WAIT && !stop()) else { return Ok(sent) };
        if wait > WORTH_A_WORD {
            say(format!(
                "the limits let the next mail leave in {} minutes; this waits",
                wait.as_secs().div_ceil(60)
            ));
        }
        clock::sleep(wait, stop);
    }
}

/// Decides what is due at an instant and enqueues all of it before anything is
/// delivered. If the database changes meanwhile, mails already enqueued stay so
/// and no more are added.
pub fn book(
    world: &Snapshot,
    store: &mut Store,
    at: Timestamp,
    selection: &Selection,
    told: Listener<'_>,
) -> anyhow::Result<Sent> {
    let stored = world.stored.as_ref().context("there is no database to send from")?;
    let [progress] = people_batches::progress(world, store, [at])?;
    let planner =
        Planner::new(&world.content.library, &world.roster, &world.settings, ApprovalMode::Recorded);
    let moment = planner.at(at, &world.memory, &progress);
    let mut sent = Sent::default();
    let mut selection = selection.clone();
    let mut number = store.next_delivery()?;
    let mut slices = Slices::of(world);
    while let Some(slice) = slices.next(store)? {
        let pass = Pass::of(world, &moment, at, slice.iter(), &selection);
        let bookings = pass.send.iter().zip(number..).map(|(due, number)| booking(world, due, number));
        let bookings: Option<Vec<Booking>> = bookings.collect();
        let bookings = bookings.context("the database does not know somebody it has told of")?;
        let changed = match bookings.is_empty() {
            true => store.data_version()? != stored.seen,
            false => store.book(stored.seen, &bookings, at)? == Booked::Changed,
        };
        if changed {
            sent.interrupted = true;
            break;
        }
        let numbers: Vec<i64> = bookings.iter().map(|booking| booking.number).collect();
        told(&pass, &numbers);
        number += numbers.len() as i64;
        sent.booked += numbers.len();
        selection.limit = selection.limit.map(|limit| limit.saturating_sub(numbers.len()));
    }
    Ok(sent)
}

/// Number of mails that are due at an instant.
pub(crate) fn due(world: &Snapshot, store: &Store, at: Timestamp) -> Result<usize, StoreError> {
    let [progress] = people_batches::progress(world, store, [at])?;
    let planner =
        Planner::new(&world.content.library, &world.roster, &world.settings, ApprovalMode::Recorded);
    let moment = planner.at(at, &world.memory, &progress);
    let (mut due, mut slices) = (0, Slices::of(world));
    while let Some(slice) = slices.next(store)? {
        due += Pass::of(world, &moment, at, slice.iter(), &Selection::default()).send.len();
    }
    Ok(due)
}

fn booking(world: &Snapshot, due: &Due<'_>, number: i64) -> Option<Booking> {
    Some(Booking {
        number,
        person: due.number?,
        step: StepName { journey: due.journey.slug.clone(), step: due.step.slug.clone() },
        round: due.round,
        slot: due.slot,
        content: due.step.hash,
        message_id: message::message_id(world, due, due.round)?,
        expires: due.expires,
    })
}
