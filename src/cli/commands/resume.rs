//! `journey resume`: ends the pause of a person, a unit or a journey.

use crate::cli::change::{self, ChangeFlags, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::pause_target::PauseTargetArgs;
use crate::domain::change::Change;

/// End the pause of a person, a unit or a journey
///
/// Example: journey resume --unit "Hemtjänsten Norr"
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    target: PauseTargetArgs,
    /// The reason
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    change::run(cx, &args.flags, args.target.subset(), |snapshot, _| {
        let (target, about) = args.target.find(snapshot)?;
        Ok(ProposedChange { change: Change::Resume(target), about, why: args.reason.clone(), by: None })
    })
}
