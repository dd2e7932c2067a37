//! A pass that sends: what the planner says is due is booked, all of it,
//! before the first mail is handed over (`deliver`). Booking is the decision:
//! it is made once and for ever, and what comes after only delays it.

use std::time::Duration;

use anyhow::Context;

use super::begin;
use super::deliver::{Delivered, Hooks};
use super::letters::{self, Desk};
use super::pass::{Due, Pass, Selection};
use super::post::Post;
use super::world::World;
use crate::clock;
use crate::domain::guard::Guard;
use crate::domain::ids::StepName;
use crate::domain::zone::Timestamp;
use crate::store::{Booked, Booking, Reconciled, Recovered, Store};

/// So many are booked in one transaction.
const BATCH: usize = 4096;

/// A mailing that a limit keeps waiting for longer than this ends here, and is
/// gone on with by the next run: a limit of the day, say. One of the minute or
/// the hour is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// Whoever looks on is told of a wait that is longer than this.
const WORTH_A_WORD: Duration = Duration::from_secs(2 * 60);

/// What a pass did.
pub struct Sent<'w> {
    /// The pass, with the mails that were booked in `send`.
    pub pass: Pass<'w>,
    /// The number of each of them, in their order.
    pub numbers: Vec<i64>,
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
    /// Told after each mail how many were booked, for a progress bar.
    pub one_more: &'a mut dyn FnMut(usize),
    /// Told what an operator should know.
    pub say: &'a mut dyn FnMut(String),
    /// Shall nothing more be begun?
    pub stop: &'a dyn Fn() -> bool,
    /// What the clock shows while mails leave.
    pub now: &'a dyn Fn() -> Timestamp,
}

/// Books what is due at an instant, and hands over what is booked, as fast as
/// the rate allows.
///
/// # Errors
///
/// Where the database or a file cannot be written. What was booked then is
/// handed over by the next run.
pub fn send<'w>(
    world: &'w World,
    store: &mut Store,
    at: Timestamp,
    selection: &Selection,
    talk: Talk<'_>,
) -> anyhow::Result<Sent<'w>> {
    let remembered = world.remembered.as_ref().context("there is no database to send from")?;
    let post = Post::of(&world.config)?;
    let begun = begin::begin(store, &world.config, at)?;
    if !begun.guards.is_empty() {
        return Ok(Sent { guards: begun.guards, ..Sent::nothing(at) });
    }
    let mut sent = book(world, store, at, selection)?;
    (sent.recovered, sent.reconciled) = (begun.recovered, begun.reconciled);
    let mut journal = begun.journal;
    if sent.interrupted {
        return Ok(sent);
    }
    let Talk { one_more, say, stop, now } = talk;
    let (desk, booked) = (Desk::of(world), sent.numbers.len());
    loop {
        let hooks = Hooks { now, one_more: &mut || one_more(booked), say, stop };
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
/// first is handed over.
///
/// # Errors
///
/// Where the database cannot be written.
pub fn book<'w>(
    world: &'w World,
    store: &mut Store,
    at: Timestamp,
    selection: &Selection,
) -> anyhow::Result<Sent<'w>> {
    let remembered = world.remembered.as_ref().context("there is no database to send from")?;
    let mut pass = Pass::at(world, at, selection);
    let mut due = std::mem::take(&mut pass.send);
    let mut sent = Sent { numbers: Vec::with_capacity(due.len()), pass, ..Sent::nothing(at) };
    let mut number = store.next_delivery()?;
    loop {
        let rest = due.split_off(due.len().min(BATCH));
        let bookings = due.iter().zip(number..).map(|(due, number)| booking(world, due, number));
        let bookings: Option<Vec<Booking>> = bookings.collect();
        let bookings = bookings.context("the database does not know somebody it has told of")?;
        if store.book(remembered.seen, &bookings, at)? == Booked::Changed {
            sent.interrupted = true;
            return Ok(sent);
        }
        number += due.len() as i64;
        sent.numbers.extend(bookings.iter().map(|booking| booking.number));
        sent.pass.send.append(&mut due);
        due = rest;
        if due.is_empty() {
            return Ok(sent);
        }
    }
}

impl Sent<'_> {
    fn nothing(at: Timestamp) -> Self {
        Sent {
            pass: Pass::empty(at),
            numbers: Vec::new(),
            interrupted: false,
            guards: Vec::new(),
            recovered: Recovered::default(),
            reconciled: Reconciled::default(),
            delivered: Delivered::default(),
        }
    }
}

fn booking(world: &World, due: &Due<'_>, number: i64) -> Option<Booking> {
    let place = world.roster.place(&due.person.id)?;
    Some(Booking {
        number,
        person: world.remembered.as_ref()?.number(place)?,
        step: StepName { journey: due.journey.slug.clone(), step: due.step.slug.clone() },
        round: due.round,
        slot: due.slot,
        content: due.step.hash,
        message_id: letters::message_id(world, due, due.round)?,
        expires: due.expires,
    })
}
