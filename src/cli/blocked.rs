//! Prints the mails in the outbox that are not handed over yet: how many may be
//! sent, and the blocked ones by step and reason with the command that helps.
//! Used by `send` and `status`.

use crate::cli::output;
use crate::domain::change::settings::Settings;
use crate::domain::model::ids::StepName;
use crate::domain::verdict::{Reason, ReasonSummary};
use crate::engine::deliver::BlockedCounts;

/// One row per step and reason: number of mails, step, reason.
pub(super) fn rows(kept: &BlockedCounts, settings: &Settings) -> Vec<Vec<String>> {
    let row = |(step, reasons): (&StepName, &ReasonSummary)| {
        let what = what_to_type(step, reasons.example(), settings);
        let what = what.map_or(String::new(), |command| format!("; {command}"));
        let text = format!("waiting: {}{what}", reasons.text());
        vec![output::thousands(reasons.count), step.to_string(), text]
    };
    kept.each().map(row).collect()
}

/// The command that unblocks these mails, if one is needed.
fn what_to_type(step: &StepName, reason: &Reason, settings: &Settings) -> Option<String> {
    match reason {
        Reason::ManualHold if settings.all_held => Some("journey hold release".to_owned()),
        Reason::ManualHold => Some(format!("journey hold release {step}")),
        Reason::NotApproved(_) => Some(format!("journey approve {step} --by NAME")),
        _ => None,
    }
}
