//! `journey pause`: suspends mail to a person, a unit or a journey.

use crate::cli::change::{self, ChangeFlags, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::pause_target::PauseTargetArgs;
use crate::cli::time_arg;
use crate::domain::change::Change;

/// Pause mail to a person, a unit or a journey
///
/// Mails are not collected during a pause: afterwards each journey goes on
/// where it stopped. With --until, mail starts again on that day; without,
/// after `journey resume`.
///
/// Example: journey pause --unit "Hemtjänsten Norr" --until 2027-02-01 --reason "new rota"
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    target: PauseTargetArgs,
    /// The day on which mail starts again
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// The reason; `journey why` and `status` show it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    flags: ChangeFlags,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let until = args.until.as_deref().map(time_arg::parse_date).transpose()?;
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(CommandError::usage("--reason is empty").hint("write why, for those who ask later"));
    }
    change::run(cx, &args.flags, args.target.subset(), |snapshot, at| {
        let (target, about) = args.target.find(snapshot)?;
        if let Some(until) = until.filter(|until| *until <= snapshot.content.library.programme.zone.date(at))
        {
            let message = format!("--until {until} is not in the future");
            return Err(CommandError::usage(message).hint("it is the first day with mail again"));
        }
        let change = Change::Pause { of: target, until, reason: reason.into() };
        Ok(ProposedChange { change, about, why: Some(reason.to_owned()), by: None })
    })
}
