//! `journey hold` and `journey hold release`: stop sending a step, or all
//! sending, and allow it again.

use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use crate::cli::change::{self, ChangeFlags, ChangeReport, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::{lookup, output};
use crate::config::Config;
use crate::domain::change::Change;
use crate::domain::delivery::send_block::BlockKind;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::ids::StepName;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::subset::Subset;
use crate::engine::send::startup;
use crate::engine::{change as engine, tokens};
use crate::store::{AuditRecord, Store};

/// Stop a step, or all sending, until you release it
///
/// Without a step, all sending stops: the emergency stop. It also works while
/// the configuration or the content has errors, because it needs the database
/// only. Nothing is lost; after the release each person gets one mail at a
/// time.
///
/// Example: journey hold miljo/resor
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    release: Option<Release>,
    #[command(flatten)]
    target: HoldTarget,
}

#[derive(clap::Subcommand, Debug)]
enum Release {
    /// Start sending again after a hold
    ///
    /// With a step: also a step that the program stopped because its mails are
    /// larger than the mail server accepts. Without a step: also if the program
    /// stopped by itself, after an outage, because of a wrong clock, or because the
    /// database was restored or comes from another installation.
    ///
    /// Example: journey hold release miljo/resor
    Release(Released),
}

#[derive(clap::Args, Debug)]
struct Released {
    #[command(flatten)]
    target: HoldTarget,
    /// Confirm that no other installation sends from this database
    #[arg(long)]
    other_copy_is_stopped: bool,
}

#[derive(clap::Args, Debug)]
struct HoldTarget {
    /// A step with its journey, like miljo/resor [default: all sending]
    step: Option<String>,
    /// The reason
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    match &args.release {
        Some(Release::Release(released)) if released.target.step.is_none() => {
            if release_blocks(released, cx)? {
                all_sending(&released.target, Change::Release(None), cx)
            } else {
                Ok(())
            }
        }
        Some(Release::Release(released)) => one_step(&released.target, Change::Release, cx),
        None if args.target.step.is_none() => all_sending(&args.target, Change::Hold(None), cx),
        None => one_step(&args.target, Change::Hold, cx),
    }
}

fn one_step(
    target: &HoldTarget,
    make: fn(Option<StepName>) -> Change,
    cx: &mut Context,
) -> Result<(), CommandError> {
    let subset = target.step.as_deref().map_or(Subset::Everyone, Subset::ChangedStep);
    change::run(cx, &target.flags, subset, |snapshot, _| {
        let step = target.step.as_deref().map(|step| step_or_held_step(snapshot, step)).transpose()?;
        let about = step.as_ref().map_or(String::new(), ToString::to_string);
        Ok(ProposedChange { about, change: make(step), why: target.reason.clone(), by: None })
    })
}

/// Holds or releases all sending. Needs the database only: with an error in
/// configuration or content the daemon may still be sending, and it must be
/// possible to stop it.
fn all_sending(target: &HoldTarget, change: Change, cx: &mut Context) -> Result<(), CommandError> {
    let (about, why) = ("all sending".to_owned(), target.reason.clone());
    let proposed = ProposedChange { about, change, why, by: None };
    if has_people(cx) {
        return change::run(cx, &target.flags, Subset::Everyone, |_, _| Ok(proposed));
    }
    let (config, at) = (cx.read_config(), cx.provisional_time()?);
    let database = database(cx, &config)?;
    let is_held = |store: &Store| Ok(store.settings(TimeDelta::zero())?.all_held);
    let preview =
        engine::shown_of_all(Store::read_only(&database, is_held)?.unwrap_or_default(), &proposed.change);
    if !target.flags.dry_run && !preview.is_nothing {
        let author = cx.act(at, None, proposed.why.as_deref());
        store(cx, &config, &database, at)?.record_decision(
            &proposed.change,
            &author,
            &preview.before,
            &preview.after,
        )?;
    }
    ChangeReport { proposed, preview, effects: None, zone: TimeZone::UTC, at }.print(cx, &target.flags)?;
    if let Err(faults) = &config {
        let faults = output::count(faults.len(), "error", "errors");
        cx.warn(&format!(
            "the configuration has {faults}; this command used {}: run `journey check{}`",
            database.display(),
            cx.config_option()
        ));
    }
    Ok(())
}

/// Whether people have been imported and configuration and content are valid,
/// so that the affected enrolments can be listed. Imports nothing.
fn has_people(cx: &Context) -> bool {
    let imported = |store: &Store| store.imported_at();
    let Ok((config, at)) = cx.config().and_then(|config| Ok((config, cx.provisional_time()?))) else {
        return false;
    };
    let was_imported = matches!(Store::read_only(&config.database, imported), Ok(Some(Some(_))));
    was_imported && ActiveContent::read(&config, at).is_ok()
}

/// Path of the database; if the configuration has errors it must exist already.
fn database(cx: &Context, config: &Result<Config, Vec<Diagnostic>>) -> Result<PathBuf, CommandError> {
    let database = cx.database();
    match config {
        Err(faults) if !database.exists() => {
            let error = CommandError::faults(ErrorKind::BadContent, faults.clone());
            Err(error.hint("or name the database alone: JOURNEY_DATABASE=/path/to/journey.db journey hold"))
        }
        _ => Ok(database),
    }
}

/// Opens the database for writing, also if the configuration has errors.
fn store(
    cx: &Context,
    config: &Result<Config, Vec<Diagnostic>>,
    database: &Path,
    at: Timestamp,
) -> Result<Store, CommandError> {
    match config {
        Ok(config) => cx.store(config, at),
        Err(faults) if !cx.is_now() => {
            Err(CommandError::faults(ErrorKind::BadContent, faults.clone()).hint("it works without --at"))
        }
        Err(_) => {
            let secret = tokens::generate_secret().map_err(anyhow::Error::from)?;
            Ok(Store::open(database, at, || secret)?)
        }
    }
}

/// Releases what the program itself blocked. Returns true if the manual hold
/// must be released, too: there is one, or there was nothing else to release.
fn release_blocks(released: &Released, cx: &mut Context) -> Result<bool, CommandError> {
    let config = cx.read_config();
    let database = database(cx, &config)?;
    let look = |store: &Store| Ok((store.send_blocks()?, store.settings(TimeDelta::zero())?.all_held));
    let (guards, by_hand) = Store::read_only(&database, look)?.unwrap_or_default();
    if guards.is_empty() {
        return Ok(true);
    }
    let twin = guards.iter().any(|guard| guard.kind == BlockKind::OtherInstallation);
    if twin && !released.other_copy_is_stopped {
        let message = "this database was last used by another installation; if both send, everybody gets everything twice";
        let hint = "stop the other one for good, then: journey hold release --other-copy-is-stopped";
        return Err(CommandError::new(ErrorKind::SafetyLimit, message).hint(hint));
    }
    if !released.target.flags.dry_run {
        let at = cx.provisional_time()?;
        let mut store = store(cx, &config, &database, at)?;
        startup::release(&mut store, &database, &guards, at)?;
        let act = cx.act(at, None, released.target.reason.as_deref());
        for guard in &guards {
            let record = AuditRecord {
                action: "hold release",
                subject: guard.kind.as_str(),
                person: None,
                before: &guard.message,
                after: "released",
            };
            store.record_action(&act, &record)?;
        }
    }
    let word = if released.target.flags.dry_run { "would be released" } else { "released" };
    guards.iter().try_for_each(|guard| writeln!(cx.err, "{word}: {}", guard.message))?;
    Ok(by_hand)
}

/// Finds the step of that name; also one that is held but no longer in the content.
fn step_or_held_step(snapshot: &Snapshot, text: &str) -> Result<StepName, CommandError> {
    let held = StepName::parse(text).filter(|name| snapshot.settings.held_steps.contains(name));
    held.map_or_else(|| lookup::step(snapshot, text), Ok)
}
