//! A pass that sends: what the planner says is due is booked, all of it, a
//! slice of the people at a time, before the first mail is handed over
//! (`deliver`). Booking is the decision: it is made once and for ever, and what
//! comes after only delays it.

use std::time::Duration;

use anyhow::Context;

use super::begin;
use super::deliver::{Chosen, Delivered, Hooks, Outbox};
use super::letters::{self, Desk};
use super::pass::{Due, Pass, Selection};
use super::post::Post;
use super::slices::{self, Slices};
use super::world::World;
use crate::clock;
use crate::domain::guard::Guard;
use crate::domain::ids::StepName;
use crate::domain::planner::{Approvals, Planner};
use crate::domain::zone::Timestamp;
use crate::store::{Booked, Booking, Reconciled, Recovered, Store, StoreError};

/// A mailing that a limit keeps waiting for longer than this ends here, and is
/// gone on with by the next run: a limit of the day, say. One of the minute or
/// the hour is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// Whoever looks on is told of a wait that is longer than this.
const WORTH_A_WORD: Duration = Duration::from_secs(2 * 60);

/// What a pass did.
#[derive(Default)]
pub struct Sent {
    /// How many mails were booked.
    pub booked: usize,
    /// Somebody changed the database meanwhile; what is not booked yet must
    /// be decided anew, and nothing was handed over.
    pub interrupted: bool,
    /// What keeps the database from sending; nothing was done then.
    pub guards: Vec<Guard>,
    /// What an earlier run had left behind.
    pub recovered: Recovered,
    /// What the send journal knew and the database did not.
    pub reconciled: Reconciled,
    /// What handing over came to, of this pass and earlier ones.
    pub delivered: Delivered,
}

/// What is told and asked on the way.
pub struct Talk<'a> {
    /// Told of each part of the pass when it is booked.
    pub booked: Listener<'a>,
    /// Told after each mail how many were booked, for a progress bar.
    pub one_more: &'a mut dyn FnMut(usize),
    /// Told what an operator should know.
    pub say: &'a mut dyn FnMut(String),
    /// Shall nothing more be begun?
    pub stop: &'a dyn Fn() -> bool,
    /// What the clock shows while mails leave.
    pub now: &'a dyn Fn() -> Timestamp,
}

/// Told of each part of a pass when it is booked: the verdicts, and the number
/// of each mail in its `send`.
pub type Listener<'a> = &'a mut dyn FnMut(&Pass<'_>, &[i64]);

/// Books what is due at an instant, and hands over what is booked, as fast as
/// the rate allows.
///
/// # Errors
///
/// Where the database or a file cannot be written. What was booked then is
/// handed over by the next run.
pub fn send(
    world: &World,
    store: &mut Store,
    at: Timestamp,
    selection: &Selection,
    talk: Talk<'_>,
) -> anyhow::Result<Sent> {
    let remembered = world.remembered.as_ref().context("there is no database to send from")?;
    let post = Post::of(&world.config)?;
    let begun = begin::begin(store, &world.config, at)?;
    if !begun.guards.is_empty() {
        return Ok(Sent { guards: begun.guards, ..Sent::default() });
    }
    let Talk { booked, one_more, say, stop, now } = talk;
    let (desk, mut chosen) = (Desk::of(world), Chosen::of(selection));
    // What earlier passes booked leaves first, and counts for the limit.
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
    loop {
        let hooks =
            Hooks { chosen: &mut chosen, now, one_more: &mut || one_more(booked), say, stop, ends: stop };
        let delivered = post.deliver(&desk, &remembered.keys, store, journal.as_mut(), None, hooks)?;
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

/// Decides what is due at an instant, and books it, all of it before the
/// first is handed over. Where somebody changes the database meanwhile, what is
/// booked already stays so, and nothing more is.
///
/// # Errors
///
/// Where the database cannot be read or written.
pub fn book(
    world: &World,
    store: &mut Store,
    at: Timestamp,
    selection: &Selection,
    told: Listener<'_>,
) -> anyhow::Result<Sent> {
    let remembered = world.remembered.as_ref().context("there is no database to send from")?;
    let [progress] = slices::progress(world, store, [at])?;
    let planner = Planner::new(&world.library, &world.roster, &world.settings, Approvals::AsGiven);
    let moment = planner.at(at, &world.memory, &progress);
    let mut sent = Sent::default();
    let mut selection = selection.clone();
    let mut number = store.next_delivery()?;
    let mut slices = Slices::of(world);
    while let Some(slice) = slices.next(store)? {
        let pass = Pass::of(world, &moment, at, slice.everybody(), &selection);
        let bookings = pass.send.iter().zip(number..).map(|(due, number)| booking(world, due, number));
        let bookings: Option<Vec<Booking>> = bookings.collect();
        let bookings = bookings.context("the database does not know somebody it has told of")?;
        let changed = match bookings.is_empty() {
            true => store.seen()? != remembered.seen,
            false => store.book(remembered.seen, &bookings, at)? == Booked::Changed,
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

/// How many mails are due at an instant.
///
/// # Errors
///
/// Where people cannot be read.
pub fn due(world: &World, store: &Store, at: Timestamp) -> Result<usize, StoreError> {
    let [progress] = slices::progress(world, store, [at])?;
    let planner = Planner::new(&world.library, &world.roster, &world.settings, Approvals::AsGiven);
    let moment = planner.at(at, &world.memory, &progress);
    let (mut due, mut slices) = (0, Slices::of(world));
    while let Some(slice) = slices.next(store)? {
        due += Pass::of(world, &moment, at, slice.everybody(), &Selection::default()).send.len();
    }
    Ok(due)
}

fn booking(world: &World, due: &Due<'_>, number: i64) -> Option<Booking> {
    Some(Booking {
        number,
        person: due.number?,
        step: StepName { journey: due.journey.slug.clone(), step: due.step.slug.clone() },
        round: due.round,
        slot: due.slot,
        content: due.step.hash,
        message_id: letters::message_id(world, due, due.round)?,
        expires: due.expires,
    })
}
