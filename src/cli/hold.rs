//! `journey hold`: nothing more is sent, of a step or at all.

use std::io::Write;

use super::change::{self, How, Proposed};
use super::context::Context;
use super::error::{CommandError, Kind};
use super::select;
use crate::domain::change::Change;
use crate::domain::guard::GuardKind;
use crate::domain::ids::StepName;
use crate::engine::begin;
use crate::engine::world::World;
use crate::store::Store;

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
    /// Lets what is held leave again
    ///
    /// With a step also one that the program held because its mails are larger
    /// than the relay takes. Without a step also what else it held by itself:
    /// after an outage, with a clock that cannot be right, with a database that
    /// was restored, or that comes from another installation.
    ///
    /// Example: journey hold release miljo/resor
    Release(Freed),
}

#[derive(clap::Args, Debug)]
struct Freed {
    #[command(flatten)]
    what: What,
    /// This is the only installation that sends from this database
    #[arg(long)]
    other_copy_is_stopped: bool,
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
        Some(Release::Release(freed)) => {
            if freed.what.step.is_none() && !release_guards(freed, cx)? {
                return Ok(());
            }
            (&freed.what, Change::Release)
        }
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

/// Lets the database send as far as the program itself held it. Is there
/// something held by hand, too, or nothing at all to release?
fn release_guards(freed: &Freed, cx: &mut Context) -> Result<bool, CommandError> {
    let config = cx.config()?;
    let look = |store: &Store| Ok((store.guards()?, store.settings(config.limits.grace)?.all_held));
    let (guards, by_hand) = Store::look(&config.database, look)?.unwrap_or_default();
    if guards.is_empty() {
        return Ok(true);
    }
    let twin = guards.iter().any(|guard| guard.kind == GuardKind::OtherInstallation);
    if twin && !freed.other_copy_is_stopped {
        let message = "this database was last used by another installation; if both send, everybody gets everything twice";
        let hint = "stop the other one for good, then: journey hold release --other-copy-is-stopped";
        return Err(CommandError::new(Kind::Brake, message).hint(hint));
    }
    if !freed.what.how.dry_run {
        let at = cx.about()?;
        let mut store = cx.store(&config, at)?;
        begin::release(&mut store, &config.database, &guards, at)?;
        let act = cx.act(at, None, freed.what.reason.as_deref());
        for guard in &guards {
            store.note(&act, "hold release", guard.kind.as_str(), &guard.message, "released")?;
        }
    }
    let word = if freed.what.how.dry_run { "would be released" } else { "released" };
    guards.iter().try_for_each(|guard| writeln!(cx.err, "{word}: {}", guard.message))?;
    Ok(by_hand)
}

/// The step of that name, or one that is held and has gone since.
fn named(world: &World, text: &str) -> Result<StepName, CommandError> {
    let held = StepName::parse(text).filter(|name| world.settings.held_steps.contains(name));
    held.map_or_else(|| select::step(world, text), Ok)
}
