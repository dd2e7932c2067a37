//! Letters: what is due, rendered, made into mails and written to a folder.

use std::io;
use std::path::Path;

use super::pass::{self, Due, Holding, Pass};
use super::world::World;
use crate::domain::verdict::{Held, Reason};
use crate::domain::zone::Timestamp;
use crate::mail::compose::{self, Sending};
use crate::mail::{files, mime};

/// Writes every mail of a pass that is due into a folder, as
/// `<date>/<time>-<person>-<journey>-<step>-<round>.eml`; how many. One that
/// cannot be made for its person goes over to the held.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn write(
    world: &World,
    pass: &mut Pass<'_>,
    folder: &Path,
    mut one_more: impl FnMut(),
) -> io::Result<usize> {
    let mut written = 0;
    let mut sent = Vec::with_capacity(pass.send.len());
    for (place, due) in std::mem::take(&mut pass.send).into_iter().enumerate() {
        match bytes(world, &due, pass.at, place) {
            Ok(bytes) => {
                files::write(folder, &name(world, &due, pass.at, place), &bytes)?;
                written += 1;
                sent.push(due);
            }
            Err(why) => {
                let held = Held { step: Some(due.step.slug.clone()), because: vec![Reason::BadContent(why)] };
                pass.held.push(Holding { person: due.person, journey: due.journey, held });
            }
        }
        one_more();
    }
    pass.send = sent;
    Ok(written)
}

/// The mail as it would leave; `place` is where it stands in its pass.
///
/// # Errors
///
/// Why it cannot be made, in words.
pub fn bytes(world: &World, due: &Due<'_>, at: Timestamp, place: usize) -> Result<Vec<u8>, String> {
    let links = pass::links(world);
    let mail = world.renderer.mail(&due.letter(world, &links)).map_err(|fault| fault.to_string())?;
    let config = &world.config.mail;
    let domain = config.from.address.rsplit('@').next().unwrap_or("localhost");
    let key = key(due, place);
    let sending = Sending {
        from: &config.from,
        reply_to: &config.reply_to,
        name: &format!("{} {}", due.person.first_name, due.person.last_name),
        address: due.person.email.as_deref().unwrap_or_default(),
        date: at,
        offset_seconds: world.library.programme.zone.offset_seconds(at),
        message_id: &format!("<dry-run.{key}@{domain}>"),
        boundary: &format!("journey-dry-run-{place}"),
        journey: (&due.journey.slug, due.journey.title_in(&mail.language)),
        pause: &links.pause,
        delivery: None,
        first_message_id: None,
    };
    let email = compose::email(mail, &sending);
    mime::bytes(&email).map_err(|fault| fault.to_string())
}

/// What tells one mail of a dry run from another. It is not what the
/// Message-ID will be, which needs the database's key; and it names nobody.
fn key(due: &Due<'_>, place: usize) -> String {
    format!("{}.{}.{}.{place}", due.journey.slug, due.step.slug, due.round)
}

fn name(world: &World, due: &Due<'_>, at: Timestamp, place: usize) -> String {
    let civil = world.library.programme.zone.civil(at);
    let person = if due.person.protected {
        format!("protected{place}")
    } else {
        files::name_part(due.person.id.as_str())
    };
    let (date, time) = (civil.format("%Y-%m-%d"), civil.format("%H%M"));
    format!("{date}/{time}-{person}-{}-{}-{}.eml", due.journey.slug, due.step.slug, due.round)
}
