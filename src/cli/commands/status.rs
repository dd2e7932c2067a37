//! `journey status`: prints the state of journeys, deliveries, holds and the relay.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM, ERROR, SUCCESS};
use crate::cli::upcoming::{self, Outlook};
use crate::cli::{blocked, deliveries, limits};
use crate::domain::delivery::bounce::BounceCause;
use crate::domain::history::position::Stage;
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::TimeZone;
use crate::engine::load::people_file::PeopleFileStatus;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::subset::Subset;
use crate::engine::plan::upcoming::Upcoming;
use crate::engine::status::{self, DatabaseStatus, OLD_BACKUP, Status};
use crate::engine::todo::{self, Act};
use crate::store::WAL_WARN_BYTES;
use crate::view::status::{StatusView, bounces};

/// Show the state of everything: what to do, journeys, mails, and what is next
///
/// Example: journey status
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Maximum number of problems of the people file that are shown.
const MAX_PEOPLE_FILE_LINES: usize = 5;

/// Maximum number of lines about the next mails.
const MAX_NEXT_LINES: usize = 3;

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, at) = cx.snapshot_of(Subset::Groups)?;
    let status = status::status(&snapshot, DatabaseStatus::read(&snapshot, at)?, at);
    match args.format {
        Format::Json => Ok(output::print_json(&mut *cx.out, &StatusView::of(&snapshot, &status))?),
        Format::Text => text(cx, &snapshot, &status),
    }
}

fn text(cx: &mut Context, snapshot: &Snapshot, status: &Status<'_>) -> Result<(), CommandError> {
    let programme = &snapshot.content.library.programme;
    let zone = programme.zone;
    if cx.quiet {
        let acts = todo::acts(snapshot, status);
        return if acts.is_empty() { Ok(()) } else { todo_text(cx, &acts) };
    }
    writeln!(
        cx.out,
        "{BOLD}{}{BOLD:#}  {DIM}{} {zone}{DIM:#}\n",
        programme.title,
        format_datetime(zone, status.at)
    )?;
    todo_text(cx, &todo::acts(snapshot, status))?;
    writeln!(cx.out)?;
    people_file_text(cx, &status.people_file)?;
    writeln!(cx.out, "{BOLD}Journeys{BOLD:#}  enrolments by stage")?;
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(Stage::ALL.iter().map(ToString::to_string));
    for (journey, stages) in &status.stages {
        let mut row = vec![journey.to_string()];
        row.extend(stages.iter().map(|n| output::thousands(*n)));
        rows.push(row);
    }
    output::print_table(&mut *cx.out, &rows, &[1, 2, 3, 4, 5])?;
    deliveries_text(cx, snapshot, status)?;
    writeln!(cx.out)?;
    next_text(cx, zone, status)
}

/// Prints what the last import of people did not import.
fn people_file_text(cx: &mut Context, people_file: &PeopleFileStatus) -> Result<(), CommandError> {
    if people_file.problems.is_empty() {
        return Ok(());
    }
    writeln!(cx.out, "{ERROR}Not everything in the people file was imported{ERROR:#}")?;
    for problem in people_file.problems.iter().take(MAX_PEOPLE_FILE_LINES) {
        let place = match problem.line {
            0 => String::new(),
            line => format!("line {line}: "),
        };
        writeln!(cx.out, "  {place}{}", problem.message)?;
        for hint in problem.hint.iter().flat_map(|hint| hint.lines()) {
            writeln!(cx.out, "    {DIM}{hint}{DIM:#}")?;
        }
    }
    let more = people_file.problems.len().saturating_sub(MAX_PEOPLE_FILE_LINES);
    if more > 0 {
        writeln!(cx.out, "  {DIM}and {more} more: journey people import --dry-run{DIM:#}")?;
    }
    Ok(writeln!(cx.out)?)
}

/// Prints what `journey send` would send now, or when the next mail is due.
fn next_text(cx: &mut Context, zone: TimeZone, status: &Status<'_>) -> Result<(), CommandError> {
    let due = output::count(status.pass.send.len(), "mail is", "mails are");
    let queued = output::count(status.queued(), "mail is", "mails are");
    let what = match (status.pass.send.len(), status.queued()) {
        (0, 0) => {
            let outlook = Outlook {
                all_held: status.all_held.is_some(),
                is_waiting: !status.pass.wait.is_empty(),
                max_lines: MAX_NEXT_LINES,
            };
            return Ok(upcoming::text(cx, zone, &Upcoming::of(&status.pass), &outlook)?);
        }
        (_, 0) => format!("{due} due"),
        (0, _) => format!("{queued} queued and can be sent"),
        (_, _) => format!("{due} due; {queued} queued earlier are sent first"),
    };
    let opens = status.rollouts().iter().map(|rollout| rollout.opens).min();
    let how = match (status.daemon, opens) {
        (true, Some(opens)) => format!("the daemon sends them from {}", format_datetime(zone, opens)),
        (true, None) => "the daemon sends them".to_owned(),
        (false, _) => format!("send with `journey send{}`", cx.config_option()),
    };
    Ok(writeln!(cx.out, "{BOLD}Next{BOLD:#}  {SUCCESS}now{SUCCESS:#}: {what}; {how}")?)
}

fn deliveries_text(cx: &mut Context, snapshot: &Snapshot, status: &Status<'_>) -> Result<(), CommandError> {
    let zone = snapshot.content.library.programme.zone;
    writeln!(cx.out, "\n{BOLD}Deliveries{BOLD:#}")?;
    if status.deliveries.is_empty() {
        writeln!(cx.out, "  none yet")?;
    }
    // Several states have the same word here.
    let mut sums: Vec<(&str, u64)> = Vec::new();
    for (state, n) in &status.deliveries {
        match sums.iter_mut().find(|(words, _)| *words == state.words()) {
            Some((_, sum)) => *sum += n,
            None => sums.push((state.words(), *n)),
        }
    }
    let row = |(words, n): (&str, u64)| {
        vec![output::thousands(usize::try_from(n).unwrap_or(usize::MAX)), words.to_owned()]
    };
    output::print_table(&mut *cx.out, &sums.into_iter().map(row).collect::<Vec<_>>(), &[0])?;
    let [mailbox, passing, channel] = BounceCause::ALL.map(|blame| bounces(status, blame));
    if mailbox + passing + channel > 0 {
        writeln!(
            cx.out,
            "  came back: {mailbox} without a mailbox, {passing} for a temporary reason, {channel} because of the mail server or the mail"
        )?;
    }
    if status.unparsed > 0 {
        let came = output::count(usize::try_from(status.unparsed).unwrap_or(usize::MAX), "mail", "mails");
        writeln!(
            cx.out,
            "  {ERROR}{came} to the return path could not be read{ERROR:#}: look where they arrive"
        )?;
    }
    if let Some(last) = status.last_sent {
        let hour = output::thousands(usize::try_from(status.last_hour).unwrap_or(usize::MAX));
        let most: Vec<String> = status.rate.iter().map(ToString::to_string).collect();
        let most = if most.is_empty() { String::new() } else { format!(", at most {}", most.join(" and ")) };
        let last = format_datetime(zone, last);
        writeln!(cx.out, "  last mail sent {last}; {hour} in the last hour{most}")?;
    }
    relay_text(cx, snapshot, status)?;
    for reached in &status.limits {
        writeln!(cx.out, "  {}", limits::line(zone, reached))?;
    }
    for pausing in status.rollouts() {
        writeln!(
            cx.out,
            "  the first mails of {} are sent; the daemon sends the rest at {}",
            pausing.step,
            format_datetime(zone, pausing.opens)
        )?;
    }
    output::print_table(&mut *cx.out, &blocked::rows(&status.outbox.blocked, &snapshot.settings), &[0])?;
    problems_text(cx, snapshot, status)?;
    if let Some(line) = output::stopped_text(snapshot) {
        writeln!(cx.out, "  {line}")?;
    }
    match status.imported {
        Some(imported) => writeln!(cx.out, "  people were imported {}", format_datetime(zone, imported))?,
        None => writeln!(cx.out, "  people have never been imported: the people file is read each time")?,
    }
    if snapshot.stored.is_some() {
        backup_text(cx, zone, status)?;
    }
    if status.log > WAL_WARN_BYTES {
        writeln!(
            cx.out,
            "  {ERROR}the log of the database has grown to {} MB{ERROR:#}: some program keeps the database open; run `journey doctor{}`",
            status.log / 1_000_000,
            cx.config_option()
        )?;
    }
    Ok(())
}

/// Prints problems of the relay: fewer connections, or no delivery at all.
fn relay_text(cx: &mut Context, snapshot: &Snapshot, status: &Status<'_>) -> Result<(), CommandError> {
    let zone = snapshot.content.library.programme.zone;
    if let Some(fewer) = status.relay.connection_cap.and_then(|fewer| fewer.if_active(status.at)) {
        writeln!(
            cx.out,
            "  the mail server had too many connections: {} at a time until {}",
            fewer.connections,
            format_datetime(zone, fewer.until)
        )?;
    }
    let Some(trouble) = &status.relay.failure else { return Ok(()) };
    let sent = status.relay.success;
    let sent = sent.map_or("no mail was ever sent".to_owned(), |at| {
        format!("the last mail was sent {}", format_datetime(zone, at))
    });
    let since = format_datetime(zone, trouble.since);
    let config = cx.config_option();
    let next = match status.daemon {
        true => format!("the daemon tries again {}", format_datetime(zone, trouble.retry)),
        false => format!("to try again: journey send{config}"),
    };
    writeln!(cx.out, "  {ERROR}sending fails{ERROR:#} since {since}: {}", trouble.why)?;
    Ok(writeln!(cx.out, "  {sent}; {next}; to find the cause: journey doctor{config}")?)
}

/// Prints each delivery that waits for a retry or an operator, or was refused.
fn problems_text(cx: &mut Context, snapshot: &Snapshot, status: &Status<'_>) -> Result<(), CommandError> {
    let rows = deliveries::rows(snapshot.content.library.programme.zone, &status.stuck);
    Ok(output::print_table(&mut *cx.out, &rows, &[0])?)
}

/// Prints the time of the last backup; highlighted if it is too old or missing.
fn backup_text(cx: &mut Context, zone: TimeZone, status: &Status<'_>) -> Result<(), CommandError> {
    let Some(made) = status.backup else {
        return Ok(writeln!(cx.out, "  {ERROR}there is no backup{ERROR:#}: journey backup FILE")?);
    };
    let age = status.at - made;
    write!(cx.out, "  the last backup was made {}", format_datetime(zone, made))?;
    if age > OLD_BACKUP {
        write!(cx.out, ", {ERROR}{} ago{ERROR:#}", output::format_age(age))?;
    }
    Ok(writeln!(cx.out)?)
}

/// Prints what there is to do: a line per act, with the command.
fn todo_text(cx: &mut Context, acts: &[Act]) -> Result<(), CommandError> {
    if acts.is_empty() {
        return Ok(writeln!(cx.out, "{SUCCESS}All is well{SUCCESS:#}")?);
    }
    writeln!(cx.out, "{ERROR}To do: {}{ERROR:#}", acts.len())?;
    let config = cx.config_option();
    let row = |act: &Act| {
        let people = match act.people {
            0 => String::new(),
            people => output::count(people, "person", "people"),
        };
        vec![people, act.text.clone(), format!("journey {}{config}", act.command)]
    };
    Ok(output::print_table(&mut *cx.out, &acts.iter().map(row).collect::<Vec<_>>(), &[0])?)
}
