//! `journey approve`: approves the current text of a step for all its recipients.

use crate::cli::change::{self, ChangeFlags, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::lookup;
use crate::domain::change::Change;
use crate::engine::plan::subset::Subset;

/// Approve a step for everybody, after the reference group has tried it
///
/// The approval is for the text as it is now, in all characters and languages.
/// If the text is changed, people who have not had it wait for a new approval.
///
/// Example: journey approve grunden/kickoff --by "Eva Lind" --note "tested by nine"
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A step with its journey, like grunden/kickoff
    step: String,
    /// Who approves it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// A note
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    change::run(cx, &args.flags, Subset::ChangedStep(&args.step), |snapshot, _| {
        let name = lookup::step(snapshot, &args.step)?;
        let journey = snapshot.content.library.journey(&name.journey);
        let step = journey.and_then(|journey| journey.step(&name.step));
        let (Some(journey), Some(step)) = (journey, step) else {
            return Err(CommandError::usage(format!("there is no step `{name}`")));
        };
        if journey.reference_group.is_none() {
            let message = format!("`{name}` needs no approval: its journey has no reference group");
            return Err(CommandError::usage(message).hint("add [reference_group] to its journey.toml"));
        }
        if args.by.trim().is_empty() {
            return Err(CommandError::usage("--by is empty").hint("write who approves it"));
        }
        Ok(ProposedChange {
            about: name.to_string(),
            change: Change::Approve { step: name, content: step.hash },
            why: args.note.clone(),
            by: Some(args.by.trim().to_owned()),
        })
    })
}
