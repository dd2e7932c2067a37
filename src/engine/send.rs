//! A pass that sends: what the planner says is due is booked, handed over and
//! settled, a batch at a time. A batch is booked in the database before its
//! first mail is written, and settled with the booking of the next; so a
//! process that dies leaves at most one batch, which the next run hands over
//! again, under the same names.

use anyhow::Context;

use super::letters::{self, Marks};
use super::pass::{Due, Holding, Pass, Selection};
use super::world::{Remembered, World};
use crate::domain::delivery::{Delivery, State};
use crate::domain::ids::StepName;
use crate::domain::settings::BookedMail;
use crate::domain::verdict::Reason;
use crate::domain::zone::Timestamp;
use crate::mail::files::Folder;
use crate::store::{Booked, Booking, Handed, Store};

/// So many mails are in memory at once, and between two commits.
const BATCH: usize = 256;

/// What a pass did.
pub struct Sent<'w> {
    /// What was due, with the mails that were handed over in `send`.
    pub pass: Pass<'w>,
    /// What an earlier run had booked and not finished.
    pub finished: usize,
    /// Of these, what is not wanted any more.
    pub cancelled: usize,
    /// What an earlier run had booked, and a hold, a pause, another text or a
    /// missing address keeps back; it leaves when that is over.
    pub kept_back: usize,
    /// Somebody changed the database meanwhile; what is not sent yet must be
    /// decided anew.
    pub interrupted: bool,
}

/// Sends what is due at an instant to files. `one_more` is told after each mail
/// how many there are, for a progress bar.
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
    store.begin_run()?;
    let Finished { finished, cancelled, kept_back } = finish(world, remembered, store, at, &folder)?;
    let mut pass = Pass::at(world, at, selection);
    let mut interrupted = false;
    let mut sent = Vec::with_capacity(pass.send.len());
    let mut handed = Vec::new();
    let mut number = store.next_delivery()?;
    let all = pass.send.len();
    let mut due = std::mem::take(&mut pass.send).into_iter().peekable();
    while due.peek().is_some() {
        let mut batch = Vec::with_capacity(BATCH);
        for due in due.by_ref().take(BATCH) {
            match Ready::make(world, remembered, due, at, number) {
                Ok(ready) => {
                    number += 1;
                    batch.push(ready);
                }
                Err(holding) => pass.held.push(*holding),
            }
        }
        let bookings: Vec<Booking> = batch.iter().map(|ready| ready.booking.clone()).collect();
        let booked = store.settle_and_book(&handed, remembered.seen, &bookings, at)?;
        handed.clear();
        if booked == Booked::Changed {
            interrupted = true;
            break;
        }
        for ready in &batch {
            folder.write(&ready.file.name, &ready.file.bytes)?;
            let reply = ready.file.reply();
            handed.push(Handed { number: ready.booking.number, state: State::Sent, reply });
            one_more(all);
        }
        folder.sync()?;
        sent.extend(batch.into_iter().map(|ready| ready.due));
    }
    store.settle(&handed, at)?;
    pass.send = sent;
    Ok(Sent { pass, finished, cancelled, kept_back, interrupted })
}

/// A mail, made, and how it will be booked.
struct Ready<'w> {
    due: Due<'w>,
    booking: Booking,
    file: MailFile,
}

/// A mail as a file.
struct MailFile {
    name: String,
    bytes: Vec<u8>,
}

impl MailFile {
    /// The mail of a delivery; `Err` says in words why it cannot be made.
    fn of(
        world: &World,
        remembered: &Remembered,
        due: &Due<'_>,
        number: i64,
        booked: Timestamp,
        ids: (String, Option<String>),
    ) -> Result<MailFile, String> {
        let (message_id, in_reply_to) = ids;
        let links = remembered.keys.links(&world.config.web.base_url, number, booked);
        let marks = Marks { booked, message_id, in_reply_to, delivery: Some(number), links };
        let name = letters::file_name(world, due, booked, &format!("protected-{number}"));
        Ok(MailFile { name, bytes: letters::bytes(world, due, &marks)? })
    }

    /// What is said of it in the database: its day, without the employee id.
    fn reply(&self) -> String {
        format!("file {}", self.name.split('/').next().unwrap_or_default())
    }
}

impl<'w> Ready<'w> {
    fn make(
        world: &World,
        remembered: &Remembered,
        due: Due<'w>,
        at: Timestamp,
        number: i64,
    ) -> Result<Ready<'w>, Box<Holding<'w>>> {
        let held = |due: &Due<'w>, why| Box::new(letters::held(due, why));
        let person = world.roster.place(&due.person.id).and_then(|place| remembered.number(place));
        let message_id = letters::message_id(world, &due, due.round);
        let (Some(person), Some(message_id)) = (person, message_id) else {
            return Err(held(&due, "the database does not know this person".to_owned()));
        };
        let first = (due.round > 0).then(|| letters::message_id(world, &due, 0)).flatten();
        let file = MailFile::of(world, remembered, &due, number, at, (message_id.clone(), first))
            .map_err(|why| held(&due, why))?;
        let booking = Booking {
            number,
            person,
            step: StepName { journey: due.journey.slug.clone(), step: due.step.slug.clone() },
            round: due.round,
            slot: due.slot,
            content: due.step.hash,
            message_id,
        };
        Ok(Ready { due, booking, file })
    }
}

/// What became of what an earlier run had booked; see [`Sent`].
struct Finished {
    finished: usize,
    cancelled: usize,
    kept_back: usize,
}

/// Hands over what an earlier run booked and did not finish, except what
/// somebody has stopped since.
fn finish(
    world: &World,
    remembered: &Remembered,
    store: &mut Store,
    at: Timestamp,
    folder: &Folder,
) -> anyhow::Result<Finished> {
    let mut left = store.due()?;
    let all = left.len();
    left.retain(|delivery| !is_kept_back(world, delivery, at));
    let kept_back = all - left.len();
    let mut cancelled = 0;
    for batch in left.chunks(BATCH) {
        store.claim(batch.iter().map(|delivery| delivery.number))?;
        let mut handed = Vec::with_capacity(batch.len());
        for delivery in batch {
            let (state, reply) = match made(world, remembered, delivery) {
                Some(Ok(file)) => {
                    folder.write(&file.name, &file.bytes)?;
                    (State::Sent, file.reply())
                }
                Some(Err(why)) => (State::Held, why),
                None => (State::Cancelled, "the person or the step is gone".to_owned()),
            };
            cancelled += usize::from(state == State::Cancelled);
            handed.push(Handed { number: delivery.number, state, reply });
        }
        folder.sync()?;
        store.settle(&handed, at)?;
    }
    Ok(Finished { finished: left.len(), cancelled, kept_back })
}

/// Does something decided since it was booked keep a mail back?
fn is_kept_back(world: &World, delivery: &Delivery, at: Timestamp) -> bool {
    let Some(person) = world.roster.person(&delivery.person) else { return false };
    let Some(journey) = world.library.journey(&delivery.step.journey) else { return false };
    let Some(step) = journey.step(&delivery.step.step) else { return false };
    let booked = BookedMail { journey, step, person, content: delivery.content };
    world.settings.keeps_back(&booked, at, world.library.programme.zone)
}

/// A booked mail, made again. `None` where there is nobody to write to, or
/// nothing to write, any more.
fn made(world: &World, remembered: &Remembered, delivery: &Delivery) -> Option<Result<MailFile, String>> {
    let person = world.roster.person(&delivery.person)?;
    let journey = world.library.journey(&delivery.step.journey)?;
    let step = journey.step(&delivery.step.step)?;
    let due = match Due::new(world, person, journey, step, delivery.round, delivery.slot) {
        Ok(due) => due,
        Err(held) => return Some(Err(held.because.iter().map(Reason::text).collect())),
    };
    let ids = (delivery.message_id.clone(), delivery.in_reply_to.clone());
    Some(MailFile::of(world, remembered, &due, delivery.number, delivery.booked, ids))
}
