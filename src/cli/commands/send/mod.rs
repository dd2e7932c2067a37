//! `journey send`: sends what is due, or shows it with `--dry-run`.

mod observer;
mod report;
mod summary;

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::output::{self, Format};
use crate::cli::signals::Signals;
use crate::cli::style::WARNING;
use crate::cli::{blocked, lookup};
use crate::config::Config;
use crate::domain::delivery::send_block::{BlockKind, SendBlock};
use crate::domain::delivery::state::State;
use crate::domain::diagnostic::visible;
use crate::domain::time::timezone::Timestamp;
use crate::engine::deliver::limits::{self, Limits};
use crate::engine::deliver::{DeliverySummary, OutboxSummary};
use crate::engine::load::people_file::PeopleFileStatus;
use crate::engine::load::snapshot::{BATCH_SIZE, LoadScope, Snapshot};
use crate::engine::message::MessageBuilder;
use crate::engine::plan::pass::{Filter, Pass};
use crate::engine::send::lock::Lock;
use crate::engine::send::run::{Observer, RunOutcome, SendRun, Trigger};
use crate::engine::{doctor, message, transport};
use crate::store::{RecoveryReport, Store};
use crate::view::send::{DueEmailView, SendLists, SendView, Unsent};
use observer::{Collected, CommandObserver};
use report::Report;

/// Maximum number of mails that the report names because they did not leave.
const MAX_PROBLEMS: usize = 20;

/// Send the mails that are due, or show what would be sent
///
/// With --dry-run it shows who would get which mail at that time, who waits,
/// who is stopped, and why. A real run at that time sends exactly this. Nobody
/// gets a mail twice, however often you run it. The exit code is 0 also when
/// nothing is due.
///
/// Mails that an earlier run could not send are sent first; --only and --limit
/// apply to them too. Ctrl-C stops after the mails that are being sent; run
/// `journey send` again to continue.
///
/// Example: journey send --dry-run --at 2026-12-01T08:30 --only 1042 --out mails
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only show what would happen; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Only this unit, person or step; can be repeated
    #[arg(long, value_name = "STEP|UNIT|PERSON")]
    only: Vec<String>,
    /// Send at most this many mails
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,
    /// Write the mails to this folder as .eml files; only with --dry-run
    #[arg(long, value_name = "DIR", requires = "dry_run")]
    out: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Parses `--limit`. Zero would send nothing, so it is a typing error.
fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "write a number of mails, 1 or more".to_owned())
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    if args.dry_run { dry_run(args, cx) } else { send(args, cx) }
}

/// Says that the people file is another one than at the last import: the database counts until
/// the next import.
fn warn_changed_people_file(cx: &mut Context, config: &Config, people_file: &PeopleFileStatus) {
    if people_file.has_changed {
        let file = visible(&config.people.file.display().to_string());
        let option = cx.config_option();
        cx.warn(&format!("{file} has changed since the last import: run `journey people import{option}`"));
    }
}

fn dry_run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (mut snapshot, at) = cx.snapshot()?;
    let find = |text: &str| Ok(snapshot.roster.find(text).map(|person| person.id.clone()));
    let mut selection = lookup::only(&snapshot, &args.only, find)?;
    selection.limit = args.limit;
    let look = |store: &Store| OutboxSummary::read(store, &MessageBuilder::of(&snapshot), &selection, at);
    let outbox = Store::read_only(&snapshot.config.database, look)?.unwrap_or_default();
    let people_file = |store: &Store| PeopleFileStatus::read(&snapshot.config, store);
    let people_file = Store::read_only(&snapshot.config.database, people_file)?.unwrap_or_default();
    warn_changed_people_file(cx, &snapshot.config, &people_file);
    let mut pass = Pass::at(&snapshot, at, &outbox.remaining_filter(&selection));
    let written = match &args.out {
        Some(folder) => {
            let bar = progress(cx, pass.send.len());
            let written = message::write(&snapshot, &mut pass, folder, || bar.inc(1))?;
            bar.finish_and_clear();
            Some((folder, written))
        }
        None => None,
    };
    let mut lists = SendLists::default();
    let mut report = Report::new(cx, at);
    match args.format {
        Format::Json => lists.add(&snapshot, &pass, State::Planned),
        Format::Text => report.add(&pass),
    }
    // What comes next is what comes once these mails are sent.
    let mailed = pass.mailed();
    drop(pass);
    if outbox.blocked.mails() == 0 {
        snapshot.memory = std::mem::take(&mut snapshot.memory).with_empty_outbox();
    }
    for (person, journey, event) in mailed {
        snapshot.memory.record(&person, &journey, event);
    }
    selection.limit = None;
    let after = Pass::after(&snapshot, at, &selection);
    selection.limit = args.limit;
    match args.format {
        Format::Json => {
            lists.add_after(&snapshot, &after);
            output::print_json(&mut *cx.out, &SendView::dry_run(&snapshot, at, lists, &outbox))?;
        }
        Format::Text => {
            report.add_after(&after);
            report.outbox = outbox;
            report.text(cx, &snapshot, &selection, args)?;
        }
    }
    if let Some((folder, written)) = written.filter(|_| !cx.quiet) {
        let mails = output::count(written, "mail", "mails");
        // Print messages after the data they refer to.
        cx.out.flush()?;
        writeln!(cx.err, "{mails} written to {}", folder.display())?;
    }
    Ok(())
}

fn send(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (mut store, snapshot, at) = cx.writing(LoadScope::ReferenceGroups)?;
    warn_changed_people_file(cx, &snapshot.config, &PeopleFileStatus::read(&snapshot.config, &store)?);
    let zone = snapshot.content.library.programme.zone;
    let _lock = Lock::acquire(&snapshot.config.database, at, zone)?;
    for open in doctor::open_secrets(&snapshot.config) {
        cx.warn(&open.in_a_line());
    }
    let mut filter = lookup::only(&snapshot, &args.only, |text| store.find_person(text))?;
    filter.limit = args.limit;
    let (config, content) = (snapshot.config.clone(), snapshot.content.clone());
    // The run loads its own, now that nobody else sends.
    drop(snapshot);
    let transport = transport::from_config(&config)?;
    let signals = Signals::watch()?;
    signals.watch_hangup()?;
    let observer = CommandObserver::new(args.format, at, cx, &signals);
    let run = SendRun {
        config,
        content,
        transport: &transport,
        at,
        trigger: Trigger::Command(filter.clone()),
        batch_size: BATCH_SIZE,
        observer: &observer,
    };
    let executed = run.execute(&mut store);
    let now = observer.now();
    let mut collected = observer.finish();
    let outcome = executed.map_err(|error| match waiting(&store) {
        Ok(n) if n > 0 => CommandError::from(error).hint(wait_and_nothing_is_lost(n)),
        _ => error.into(),
    })?;
    if !outcome.blocks.is_empty() {
        return Err(sending_blocked(&outcome.blocks));
    }
    recovered_text(cx, &outcome.recovered)?;
    let selected = Filter { limit: None, ..filter.clone() };
    outcome.update_positions(&mut store, now)?;
    match &mut collected {
        Collected::Json { lists, .. } => {
            outcome.next_of_each(&store, now, &selected, |snapshot, pass| lists.add_after(snapshot, pass))?;
        }
        Collected::Text(report) if selected.is_everything() => {
            outcome.summary_of_next(&store, now, |_, pass| report.add_after(pass))?;
        }
        Collected::Text(report) => {
            outcome.next_of_each(&store, now, &selected, |_, pass| report.add_after(pass))?;
        }
    }
    // A mail that was refused by this run was settled after it began.
    let unsent = Unsent { waiting: waiting(&store)?, problems: store.problem_deliveries(at, MAX_PROBLEMS)? };
    if let Some(snapshot) = &outcome.snapshot {
        delivered_text(cx, snapshot, &outcome)?;
        if outcome.delivered.wait.is_some() {
            limits_text(cx, snapshot, &store, now)?;
        }
        match collected {
            Collected::Json { mut lists, mails } => {
                lists.send = with_current_states(&store, mails)?;
                let view = SendView::delivered(snapshot, at, lists, &outcome.delivered, &unsent);
                output::print_json(&mut *cx.out, &view)?;
            }
            Collected::Text(mut report) => {
                report.result = Some((outcome.delivered.clone(), unsent));
                report.text(cx, snapshot, &filter, args)?;
            }
        }
    }
    exit_status(&outcome.delivered, &store, signals.stop(), filter.is_everything())
}

/// Number of mails that wait in the outbox and leave by themselves.
fn waiting(store: &Store) -> Result<usize, CommandError> {
    let all = store.deliveries_by_state()?;
    let waits = |state: &State| !state.is_settled() && *state != State::Held;
    let waiting: u64 = all.iter().filter(|(state, _)| waits(state)).map(|(_, n)| n).sum();
    Ok(usize::try_from(waiting).unwrap_or(usize::MAX))
}

fn wait_and_nothing_is_lost(waiting: usize) -> String {
    format!("{}; nothing is lost", output::count(waiting, "mail waits", "mails wait"))
}

/// The result for the exit code, the worst first: the mail server failed; mails are to be tried
/// again; mails were refused or held. Mails that wait for a limit of our own are no error.
fn exit_status(
    delivered: &DeliverySummary,
    store: &Store,
    is_stopped: bool,
    is_everything: bool,
) -> Result<(), CommandError> {
    let waiting = waiting(store)?;
    if let Some(trouble) = &delivered.relay_error {
        return Err(CommandError::new(ErrorKind::Relay, trouble.why.clone()).hint(format!(
            "{}: run `journey send` again later. To find the cause: journey doctor",
            wait_and_nothing_is_lost(waiting)
        )));
    }
    if delivered.in_doubt > 0 {
        let mails = output::count(delivered.in_doubt, "mail", "mails");
        let message =
            format!("the mail server did not confirm {mails}: it is not known whether they arrived");
        return Err(CommandError::new(ErrorKind::Relay, message)
            .hint("which and why: `journey status`. They are sent once more later, the same to the byte"));
    }
    if is_stopped && waiting > 0 {
        let mails = output::count(waiting, "mail waits", "mails wait");
        let error = CommandError::new(ErrorKind::Busy, format!("stopped: {mails}"));
        return Err(error.hint("nothing is lost: `journey send` goes on"));
    }
    let before = if is_everything { deferred(store)? } else { 0 };
    let deferred = delivered.deferred.max(before);
    if deferred > 0 {
        let mails = output::count(deferred, "mail is", "mails are");
        let message = format!("{mails} to be tried again later, as the mail server asked");
        return Err(CommandError::new(ErrorKind::Busy, message)
            .hint("which, why and when: `journey status`; then run `journey send` again"));
    }
    match (delivered.rejected, delivered.held + delivered.too_large) {
        (0, 0) => Ok(()),
        (refused, held) => {
            let refused =
                (refused > 0).then(|| output::count(refused, "mail was refused", "mails were refused"));
            let held = (held > 0).then(|| output::count(held, "mail is held", "mails are held"));
            let message = refused.into_iter().chain(held).collect::<Vec<_>>().join(", ");
            Err(CommandError::new(ErrorKind::Negative, message).hint("which and why: `journey status`"))
        }
    }
}

/// Number of mails that a mail server asked to try again later.
fn deferred(store: &Store) -> Result<usize, CommandError> {
    let all = store.deliveries_by_state()?;
    let deferred: u64 = all.iter().filter(|(state, _)| *state == State::Deferred).map(|(_, n)| n).sum();
    Ok(usize::try_from(deferred).unwrap_or(usize::MAX))
}

/// The error if sending is blocked until an operator confirms.
fn sending_blocked(blocks: &[SendBlock]) -> CommandError {
    let messages: Vec<&str> = blocks.iter().map(|block| block.message.as_str()).collect();
    let error = CommandError::new(ErrorKind::SafetyLimit, messages.join("; "));
    match blocks.iter().any(|block| block.kind == BlockKind::OtherInstallation) {
        true => error.hint(
            "nothing was sent; when the other one is stopped: journey hold release --other-copy-is-stopped",
        ),
        false => error.hint("nothing was sent; check `journey status`, then run `journey hold release`"),
    }
}

/// Adds the current delivery state to the JSON of each enqueued mail. A mail that
/// is still unsent is shown as deferred.
fn with_current_states(
    store: &Store,
    mails: Vec<(i64, DueEmailView)>,
) -> Result<Vec<DueEmailView>, CommandError> {
    let numbers = || mails.iter().map(|(number, _)| *number);
    let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else { return Ok(Vec::new()) };
    let states: HashMap<i64, State> = store.states(first, last + 1)?.into_iter().collect();
    let now = |(number, mut mail): (i64, DueEmailView)| {
        let state = match states.get(&number).unwrap_or(&State::Sent) {
            State::Due => &State::Deferred,
            state => state,
        };
        mail.state = state.as_str();
        mail
    };
    Ok(mails.into_iter().map(now).collect())
}

/// Reports deliveries recovered from an interrupted run.
fn recovered_text(cx: &mut Context, recovered: &RecoveryReport) -> Result<(), CommandError> {
    let &RecoveryReport { in_doubt, held } = recovered;
    if cx.quiet {
        return Ok(());
    }
    if in_doubt > 0 {
        let mails = output::count(in_doubt, "mail", "mails");
        writeln!(
            cx.err,
            "it is not known whether {mails} of an earlier run arrived; they are sent once more, unchanged"
        )?;
    }
    if held > 0 {
        let mails = output::count(held, "mail", "mails");
        writeln!(
            cx.err,
            "{WARNING}it is still not known whether {mails} arrived{WARNING:#}: see `journey status`"
        )?;
    }
    Ok(())
}

/// Reports which rate limits mails wait for, and until when.
fn limits_text(
    cx: &mut Context,
    snapshot: &Snapshot,
    store: &Store,
    now: Timestamp,
) -> Result<(), CommandError> {
    let all = limits::limits_reached(store, &Limits::of(&snapshot.config.mail.smtp), now)?;
    if cx.quiet || all.is_empty() {
        return Ok(());
    }
    for reached in all {
        writeln!(cx.err, "{}", crate::cli::limits::line(snapshot.content.library.programme.zone, &reached))?;
    }
    Ok(writeln!(cx.err, "nothing is lost: `journey daemon` goes on by itself, or type `journey send` then")?)
}

/// Reports the results of delivery other than mails written to files.
fn delivered_text(cx: &mut Context, snapshot: &Snapshot, outcome: &RunOutcome) -> Result<(), CommandError> {
    if cx.quiet {
        return Ok(());
    }
    let delivered = &outcome.delivered;
    let mut tell = |n: usize, what: &str| match n {
        0 => Ok(()),
        n => writeln!(cx.err, "{} {what}", output::count(n, "mail", "mails")),
    };
    tell(delivered.cancelled, "not wanted any more: the person or the step is gone")?;
    tell(delivered.expired, "too late")?;
    tell(delivered.deferred, "deferred by the mail server; tried again later")?;
    tell(delivered.in_doubt, "in doubt: it is not known whether they arrived; sent once more later")?;
    tell(delivered.rejected, "refused by the mail server: see `journey status`")?;
    tell(delivered.held, "held: see `journey status`")?;
    Ok(output::print_table(&mut *cx.err, &blocked::rows(&delivered.blocked, &snapshot.settings), &[0])?)
}

fn progress(cx: &Context, mails: usize) -> indicatif::ProgressBar {
    if cx.is_interactive() {
        indicatif::ProgressBar::new(mails as u64)
    } else {
        indicatif::ProgressBar::hidden()
    }
}
