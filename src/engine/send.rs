//! A pass that sends: what the planner says is due is booked, all of it,
//! before the first mail is handed over (`deliver`). Booking is the decision:
//! it is made once and for ever, and what comes after only delays it.

use anyhow::Context;

use super::deliver::{self, Delivered};
use super::letters::{self, Desk};
use super::pass::{Due, Pass, Selection};
use super::world::World;
use crate::domain::ids::StepName;
use crate::domain::zone::Timestamp;
use crate::mail::files::Folder;
use crate::store::{Booked, Booking, Recovered, Store};

/// So many are booked in one transaction.
const BATCH: usize = 4096;

/// What a pass did.
pub struct Sent<'w> {
    /// The pass, with the mails that were booked in `send`.
    pub pass: Pass<'w>,
    /// The number of each of them, in their order.
    pub numbers: Vec<i64>,
    /// Somebody changed the database meanwhile; what is not booked yet must
    /// be decided anew, and nothing was handed over.
    pub interrupted: bool,
    /// What an earlier run had left behind.
    pub recovered: Recovered,
    /// What handing over came to, of this pass and earlier ones.
    pub delivered: Delivered,
}

/// Books what is due at an instant, and writes what is booked to files.
/// `one_more` is told after each mail how many were booked, for a progress
/// bar.
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
    mut one_more: impl FnMut(usize),
) -> anyhow::Result<Sent<'w>> {
    let remembered = world.remembered.as_ref().context("there is no database to send from")?;
    let folder = Folder::open(&world.config.mail.folder)?;
    let recovered = store.begin_run(at, at + world.config.mail.in_doubt_wait)?;
    let mut sent = book(world, store, at, selection)?;
    sent.recovered = recovered;
    if !sent.interrupted {
        let booked = sent.numbers.len();
        let (desk, keys) = (Desk::of(world), &remembered.keys);
        sent.delivered = deliver::to_files(&desk, keys, store, at, &folder, || one_more(booked))?;
    }
    Ok(sent)
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
    let mut sent = Sent {
        numbers: Vec::with_capacity(due.len()),
        pass,
        interrupted: false,
        recovered: Recovered::default(),
        delivered: Delivered::default(),
    };
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
