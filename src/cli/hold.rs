//! `journey hold`: nothing more is sent, of a step or at all.

use super::change::{self, How, Proposed};
use super::context::Context;
use super::error::CommandError;
use super::select;
use crate::domain::change::Change;
use crate::domain::ids::StepName;
use crate::engine::world::World;

/// Holds a step, or all sending, until somebody releases it
///
/// Without a step all sending is held: the red button. What is held loses
/// nothing; it goes on when it is released, a mail a person and slot.
///
/// Example: journey hold miljo/resor
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    release: Option<Release>,
    #[command(flatten)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum Release {
    /// Lets what was held by hand leave again
    ///
    /// Example: journey hold release miljo/resor
    Release(What),
}

#[derive(clap::Args, Debug)]
struct What {
    /// A step with its journey: miljo/resor; else all sending
    step: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (what, make): (&What, fn(Option<StepName>) -> Change) = match &args.release {
        Some(Release::Release(what)) => (what, Change::Release),
        None => (&args.what, Change::Hold),
    };
    change::run(cx, &what.how, |world, _| {
        let step = what.step.as_deref().map(|step| named(world, step)).transpose()?;
        Ok(Proposed {
            about: step.as_ref().map_or("all sending".to_owned(), ToString::to_string),
            change: make(step),
            why: what.reason.clone(),
            by: None,
        })
    })
}

/// The step of that name, or one that is held and has gone since.
fn named(world: &World, text: &str) -> Result<StepName, CommandError> {
    let held = StepName::parse(text).filter(|name| world.settings.held_steps.contains(name));
    held.map_or_else(|| select::step(world, text), Ok)
}
