//! `journey send`: who gets what now, who waits and why, what comes next.

mod lists;
mod report;

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::{Context, ODD};
use super::error::{CommandError, Kind};
use super::pages::{self, Format};
use super::select;
use super::signals::Signals;
use crate::clock;
use crate::config::Transport;
use crate::domain::delivery::State;
use crate::domain::guard::{Guard, GuardKind};
use crate::domain::zone::Timestamp;
use crate::engine::deliver::Delivered;
use crate::engine::deliver::limits::{self, Limits};
use crate::engine::lock::Lock;
use crate::engine::pass::Pass;
use crate::engine::send::Talk;
use crate::engine::world::World;
use crate::engine::{letters, positions, send as engine};
use crate::store::{Recovered, Store};
use lists::Lists;
use report::Report;

/// Sends what is due now, or shows what one pass would send
///
/// What --dry-run lists at a time is what a pass at that time sends: who gets
/// what, who waits and who is held, and why. Nobody gets anything twice,
/// however often it is typed. Exit code 0 also when nothing is due.
///
/// What was booked by an earlier pass and has not left yet leaves too,
/// whatever --only and --limit say; `journey status` tells how much that is.
///
/// Example: journey send --dry-run --at 2026-12-01T08:30 --only 1042 --out mails
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only show; nothing changes anywhere
    #[arg(long)]
    dry_run: bool,
    /// Book only for this step, unit or person; may be given several times
    #[arg(long, value_name = "STEP|UNIT|PERSON")]
    only: Vec<String>,
    /// Book at most so many mails
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write the mails into this folder, as .eml files; only with --dry-run
    #[arg(long, value_name = "DIR", requires = "dry_run")]
    out: Option<PathBuf>,
    /// How to tell
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How often a pass begins again because somebody changed something.
const PASSES: u32 = 10;

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    if args.dry_run { dry_run(args, cx) } else { send(args, cx) }
}

fn dry_run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (world, at) = cx.world()?;
    let find = |text: &str| Ok(world.roster.find(text).map(|person| person.id.clone()));
    let mut selection = select::only(&world, &args.only, find)?;
    selection.limit = args.limit;
    let mut pass = Pass::at(&world, at, &selection);
    let written = match &args.out {
        Some(folder) => {
            let bar = progress(cx, pass.send.len());
            let written = letters::write(&world, &mut pass, folder, || bar.inc(1))?;
            bar.finish_and_clear();
            Some((folder, written))
        }
        None => None,
    };
    match args.format {
        Format::Json => {
            let mut lists = Lists::default();
            lists.add(&world, &pass, State::Planned);
            pages::json(&mut *cx.out, &lists.value(&world, at, true))?;
        }
        Format::Text => {
            let mut report = Report::new(at, cx.verbose);
            report.add(&pass);
            report.text(cx, &world, &selection, args)?;
            booked_earlier_text(cx, &world)?;
        }
    }
    if let Some((folder, written)) = written.filter(|_| !cx.quiet) {
        let mails = pages::count(written, "mail", "mails");
        // Talk after the data it is about.
        cx.out.flush()?;
        writeln!(cx.err, "{mails} written to {}", folder.display())?;
    }
    Ok(())
}

fn send(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (mut store, mut world, at) = cx.writing(World::of_members)?;
    let zone = world.library.programme.zone;
    let _lock = Lock::take(&world.config.database, at, zone)?;
    let mut selection = select::only(&world, &args.only, |text| store.find(text))?;
    selection.limit = args.limit;
    let typed = !cx.is_now();
    let now = || if typed { at } else { clock::now() };
    let signals = Signals::watch()?;
    // What left before somebody changed something; for JSON each mail of it.
    let (mut before, mut mails): (usize, Vec<(i64, Value)>) = (0, Vec::new());
    for _ in 0..PASSES {
        // What happened between reading the world and taking the lock, and
        // while it was decided.
        world.refresh(&store)?;
        let bar = progress(cx, 0);
        let (mut report, mut lists) = (Report::new(at, cx.verbose), Lists::default());
        let talk = Talk {
            booked: &mut |pass, numbers| match args.format {
                Format::Text => report.add(pass),
                Format::Json => {
                    lists.add(&world, pass, State::Due);
                    mails.extend(numbers.iter().copied().zip(lists.send.drain(..)));
                }
            },
            one_more: &mut |booked| {
                bar.set_length(booked as u64);
                bar.inc(1);
            },
            say: &mut |words| bar.suspend(|| cx.warn(&words)),
            stop: &|| signals.stop(),
            // With `--at` it stands still; mails become files then.
            now: &now,
        };
        let sent = engine::send(&world, &mut store, at, &selection, talk)?;
        bar.finish_and_clear();
        if !sent.guards.is_empty() {
            return Err(guarded(&sent.guards));
        }
        recovered_text(cx, &sent.recovered)?;
        if sent.interrupted {
            before += sent.booked;
            selection.limit = selection.limit.map(|limit| limit.saturating_sub(sent.booked));
            continue;
        }
        delivered_text(cx, &world, &sent.delivered)?;
        if sent.delivered.wait.is_some() {
            limits_text(cx, &world, &store, now())?;
        }
        match args.format {
            Format::Json => {
                lists.send = as_they_are(&store, mails)?;
                pages::json(&mut *cx.out, &lists.value(&world, at, false))?;
            }
            Format::Text => {
                if before > 0 {
                    let mails = pages::count(before, "mail", "mails");
                    writeln!(
                        cx.err,
                        "{mails} were booked before the database was changed, and what follows after"
                    )?;
                }
                report.text(cx, &world, &selection, args)?;
            }
        }
        world.refresh(&store)?;
        if signals.stop() {
            stopped_text(cx, &store)?;
        }
        positions::keep(&world, &mut store, at)?;
        return came_to(&sent.delivered, &store);
    }
    let message = "the database is changed again and again; what left is remembered";
    Err(CommandError::new(Kind::Busy, message).hint("type it again in a moment"))
}

/// What no pass decides any more, and leaves with the next one all the same.
fn booked_earlier_text(cx: &mut Context, world: &World) -> Result<(), CommandError> {
    let look = |store: &Store| store.deliveries_by_state();
    let states = Store::look(&world.config.database, look)?.unwrap_or_default();
    let due = states.iter().find(|(state, _)| *state == State::Due).map_or(0, |(_, n)| *n);
    if due > 0 {
        let mails = pages::count(usize::try_from(due).unwrap_or(usize::MAX), "mail", "mails");
        writeln!(cx.out, "\nBooked earlier\n  {mails}: not handed over yet, and first to leave")?;
    }
    Ok(())
}

/// Somebody stopped it: what was left is gone on with when they like.
fn stopped_text(cx: &mut Context, store: &Store) -> Result<(), CommandError> {
    match waiting(store)? {
        0 => Ok(()),
        n => {
            let mails = pages::count(n, "mail waits", "mails wait");
            Ok(writeln!(cx.err, "stopped: {mails}; nothing is lost: `journey send` goes on")?)
        }
    }
}

/// How many mails are booked, and neither gone nor given up.
fn waiting(store: &Store) -> Result<usize, CommandError> {
    let all = store.deliveries_by_state()?;
    let waiting: u64 = all.iter().filter(|(state, _)| !state.is_settled()).map(|(_, n)| n).sum();
    Ok(usize::try_from(waiting).unwrap_or(usize::MAX))
}

/// How it ended, for the exit code: a relay that takes nothing, or mails that
/// were refused.
fn came_to(delivered: &Delivered, store: &Store) -> Result<(), CommandError> {
    if let Some(trouble) = &delivered.trouble {
        let waiting = pages::count(waiting(store)?, "mail waits", "mails wait");
        return Err(CommandError::new(Kind::Relay, trouble.why.clone()).hint(format!(
            "{waiting}; nothing is lost: type it again later. What is the matter says: journey doctor"
        )));
    }
    match delivered.rejected + delivered.held {
        0 => Ok(()),
        refused => {
            let mails = pages::count(refused, "mail was", "mails were");
            let error = CommandError::new(Kind::No, format!("{mails} refused"));
            Err(error.hint("which and why: `journey status`"))
        }
    }
}

/// Something keeps the database from sending.
fn guarded(guards: &[Guard]) -> CommandError {
    let messages: Vec<&str> = guards.iter().map(|guard| guard.message.as_str()).collect();
    let error = CommandError::new(Kind::Brake, messages.join("; "));
    match guards.iter().any(|guard| guard.kind == GuardKind::OtherInstallation) {
        true => error.hint(
            "nothing was sent; when the other one is stopped: journey hold release --other-copy-is-stopped",
        ),
        false => error.hint("nothing was sent; look at `journey status`, then: journey hold release"),
    }
}

/// Mails that were booked, each with where it is now.
fn as_they_are(store: &Store, mails: Vec<(i64, Value)>) -> Result<Vec<Value>, CommandError> {
    let numbers = || mails.iter().map(|(number, _)| *number);
    let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else { return Ok(Vec::new()) };
    let states: HashMap<i64, State> = store.states(first, last + 1)?.into_iter().collect();
    let now = |(number, mut mail): (i64, Value)| {
        mail["state"] = json!(states.get(&number).unwrap_or(&State::Sent).as_str());
        mail
    };
    Ok(mails.into_iter().map(now).collect())
}

/// What an earlier run had left behind.
fn recovered_text(cx: &mut Context, recovered: &Recovered) -> Result<(), CommandError> {
    let &Recovered { returned, in_doubt, held } = recovered;
    if cx.quiet {
        return Ok(());
    }
    if returned > 0 {
        let mails = pages::count(returned, "mail", "mails");
        writeln!(cx.err, "an earlier run had begun {mails}, and nothing of them had left: they leave now")?;
    }
    if in_doubt > 0 {
        let mails = pages::count(in_doubt, "mail", "mails");
        writeln!(
            cx.err,
            "nobody knows whether {mails} of an earlier run arrived; the same bytes are handed over once more"
        )?;
    }
    if held > 0 {
        let mails = pages::count(held, "mail", "mails");
        writeln!(
            cx.err,
            "{ODD}nobody knows, for the second time, whether {mails} arrived{ODD:#}: see `journey status`"
        )?;
    }
    Ok(())
}

/// What waits for a limit of the day, and until when.
fn limits_text(cx: &mut Context, world: &World, store: &Store, now: Timestamp) -> Result<(), CommandError> {
    let all = limits::reached(store, &Limits::of(&world.config.mail.smtp), now)?;
    if cx.quiet || all.is_empty() {
        return Ok(());
    }
    for reached in all {
        writeln!(cx.err, "{}", super::limits::line(world.library.programme.zone, &reached))?;
    }
    Ok(writeln!(cx.err, "nothing is lost: `journey daemon` goes on by itself, or type `journey send` then")?)
}

/// What became of mails that did not simply leave.
fn delivered_text(cx: &mut Context, world: &World, delivered: &Delivered) -> Result<(), CommandError> {
    if cx.quiet {
        return Ok(());
    }
    let mut tell = |n: usize, what: &str| match n {
        0 => Ok(()),
        n => writeln!(cx.err, "{} {what}", pages::count(n, "mail", "mails")),
    };
    if world.config.mail.transport != Transport::Files {
        tell(delivered.sent, "handed over")?;
    }
    tell(delivered.kept_back, "kept back by a hold, a pause, another text, a missing address or the hour")?;
    tell(delivered.cancelled, "not wanted any more: the person or the step is gone")?;
    tell(delivered.expired, "too late")?;
    tell(delivered.deferred, "put off by the relay; tried again later")?;
    tell(
        delivered.in_doubt,
        "in doubt: nobody knows whether the relay took them; handed over once more later",
    )?;
    tell(delivered.rejected, "refused by the relay: see `journey status`")?;
    Ok(tell(delivered.held, "held: see `journey status`")?)
}

fn progress(cx: &Context, mails: usize) -> indicatif::ProgressBar {
    if cx.may_draw() { indicatif::ProgressBar::new(mails as u64) } else { indicatif::ProgressBar::hidden() }
}
