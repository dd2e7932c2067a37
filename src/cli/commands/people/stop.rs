//! `journey people stop`: a person has asked for no more mails.

use crate::cli::change::{self, ChangeFlags, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::{lookup, output};
use crate::domain::change::Change;
use crate::engine::plan::subset::Subset;

/// Sends a person no more mails, because they asked for it
///
/// It holds until --undo, also after imports and if the person leaves and
/// comes back. No reason is stored. With --undo the person goes on after the
/// last step they got.
///
/// Example: journey people stop 1042
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// Employee id or mail address
    person: String,
    /// The person wants mails again
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    flags: ChangeFlags,
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    change::run(cx, &args.flags, Subset::ChangedPerson(&args.person), |snapshot, _| {
        let person = lookup::person(snapshot, &args.person)?;
        let about = format!("person {}", output::person_label(person));
        let id = person.id.clone();
        let change = if args.undo { Change::UndoStop(id) } else { Change::Stop(id) };
        Ok(ProposedChange { about, change, why: None, by: None })
    })
}
