//! `journey status`: prints the state of journeys, deliveries, holds and the relay.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM, ERROR, SUCCESS};
use crate::cli::{blocked, limits};
use crate::domain::delivery::bounce::BounceCause;
use crate::domain::history::position::Stage;
use crate::domain::model::ids::PersonId;
use crate::domain::time::timezone::TimeZone;
use crate::domain::verdict::{Reason, moment};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::pass::Holding;
use crate::engine::status::{self, Ledger, OLD_BACKUP, Status};
use crate::store::{Stuck, WAL_WARN_BYTES};

/// Shows how it stands: journeys, deliveries, what is held and why, what is next
///
/// Example: journey status
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How to tell
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Maximum number of lines about held enrolments.
const MAX_HELD_LINES: usize = 8;

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (world, at) = cx.world()?;
    let status = status::status(&world, Ledger::read(&world, at)?, at);
    match args.format {
        Format::Json => Ok(output::print_json(&mut *cx.out, &value(&world, &status))?),
        Format::Text => text(cx, &world, &status),
    }
}

fn text(cx: &mut Context, world: &Snapshot, status: &Status<'_>) -> Result<(), CommandError> {
    let programme = &world.content.library.programme;
    let zone = programme.zone;
    writeln!(cx.out, "{BOLD}{}{BOLD:#}  {DIM}{} {zone}{DIM:#}\n", programme.title, moment(zone, status.at))?;
    if let Some(held) = &status.all_held {
        let why = held.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let since = moment(zone, held.since);
        writeln!(cx.out, "{ERROR}All sending is held{ERROR:#} since {since}{why}; journey hold release\n")?;
    }
    for guard in &status.guards {
        writeln!(
            cx.out,
            "{ERROR}Nothing is sent{ERROR:#} since {}: {}\n",
            moment(zone, guard.at),
            guard.message
        )?;
    }
    for held in &status.held_steps {
        let why = held.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        writeln!(
            cx.out,
            "{ERROR}Step {} is held{ERROR:#} since {}{why}; journey hold release {}\n",
            held.step,
            moment(zone, held.since),
            held.step
        )?;
    }
    writeln!(cx.out, "{BOLD}Journeys{BOLD:#}  enrolments by stage")?;
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(Stage::ALL.iter().map(ToString::to_string));
    for (journey, stages) in &status.stages {
        let mut row = vec![journey.to_string()];
        row.extend(stages.iter().map(|n| output::thousands(*n)));
        rows.push(row);
    }
    output::print_table(&mut *cx.out, &rows, &[1, 2, 3, 4, 5])?;
    deliveries_text(cx, world, status)?;
    held_text(cx, &status.pass.held)?;
    writeln!(cx.out)?;
    next_text(cx, zone, status)
}

/// Prints what `journey send` would send now, or when the next mail is due.
fn next_text(cx: &mut Context, zone: TimeZone, status: &Status<'_>) -> Result<(), CommandError> {
    let due = output::count(status.pass.send.len(), "mail is", "mails are");
    let booked = output::count(status.outbox.ready, "mail is", "mails are");
    let what = match (status.pass.send.len(), status.outbox.ready) {
        (0, 0) => {
            let next = status.next_wake.map(|next| moment(zone, next));
            let next = next.unwrap_or_else(|| "nothing, until somebody acts".to_owned());
            return Ok(writeln!(cx.out, "{BOLD}Next{BOLD:#}  {next}")?);
        }
        (_, 0) => format!("{due} due"),
        (0, _) => format!("{booked} booked, and may be handed over"),
        (_, _) => format!("{due} due; {booked} booked earlier, and leave first"),
    };
    let config = cx.config_option();
    Ok(writeln!(
        cx.out,
        "{BOLD}Next{BOLD:#}  {SUCCESS}now{SUCCESS:#}: {what}; send with `journey send{config}`"
    )?)
}

fn deliveries_text(cx: &mut Context, world: &Snapshot, status: &Status<'_>) -> Result<(), CommandError> {
    let zone = world.content.library.programme.zone;
    writeln!(cx.out, "\n{BOLD}Deliveries{BOLD:#}")?;
    if status.deliveries.is_empty() {
        writeln!(cx.out, "  none yet")?;
    }
    let row = |(state, n): &(crate::domain::delivery::state::State, u64)| {
        vec![output::thousands(usize::try_from(*n).unwrap_or(usize::MAX)), state.to_string()]
    };
    output::print_table(&mut *cx.out, &status.deliveries.iter().map(row).collect::<Vec<_>>(), &[0])?;
    let [mailbox, passing, channel] = BounceCause::ALL.map(|blame| came_back(status, blame));
    if mailbox + passing + channel > 0 {
        writeln!(
            cx.out,
            "  came back: {mailbox} for want of a mailbox, {passing} for a passing reason, {channel} for the relay or the mail"
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
        let last = moment(zone, last);
        writeln!(cx.out, "  the last was handed over {last}; in the last hour {hour}{most}")?;
    }
    relay_text(cx, world, status)?;
    for reached in &status.limits {
        writeln!(cx.out, "  {}", limits::line(zone, reached))?;
    }
    for pausing in &status.pausing {
        writeln!(
            cx.out,
            "  the first mails of {} have left; the daemon waits with the rest until {}",
            pausing.step,
            moment(zone, pausing.opens)
        )?;
    }
    output::print_table(&mut *cx.out, &blocked::rows(&status.outbox.kept_back, &world.settings), &[0])?;
    problems_text(cx, world, status)?;
    match status.imported {
        Some(imported) => writeln!(cx.out, "  people were imported {}", moment(zone, imported))?,
        None => writeln!(cx.out, "  people have never been imported: the people file is read each time")?,
    }
    if world.stored.is_some() {
        backup_text(cx, zone, status)?;
    }
    if status.log > WAL_WARN_BYTES {
        writeln!(
            cx.out,
            "  {ERROR}the log of the database has grown to {} MB{ERROR:#}: somebody reads it without end; what to do: journey doctor{}",
            status.log / 1_000_000,
            cx.config_option()
        )?;
    }
    Ok(())
}

/// Prints problems of the relay: fewer connections, or no delivery at all.
fn relay_text(cx: &mut Context, world: &Snapshot, status: &Status<'_>) -> Result<(), CommandError> {
    let zone = world.content.library.programme.zone;
    if let Some(fewer) = status.relay.connection_cap.and_then(|fewer| fewer.if_active(status.at)) {
        writeln!(
            cx.out,
            "  the relay had more connections than it takes: {} at a time until {}",
            fewer.connections,
            moment(zone, fewer.until)
        )?;
    }
    let Some(trouble) = &status.relay.failure else { return Ok(()) };
    let taken = status.relay.success;
    let taken = taken.map_or("it never took a mail".to_owned(), |at| {
        format!("no mail was taken since {}", moment(zone, at))
    });
    let (since, retry) = (moment(zone, trouble.since), moment(zone, trouble.retry));
    writeln!(cx.out, "  {ERROR}the relay takes nothing{ERROR:#} since {since}: {}", trouble.why)?;
    Ok(writeln!(
        cx.out,
        "  {taken}; tried again {retry}; what is the matter: journey doctor{}",
        cx.config_option()
    )?)
}

/// Prints each delivery that waits for a retry or needs `journey resolve`.
fn problems_text(cx: &mut Context, world: &Snapshot, status: &Status<'_>) -> Result<(), CommandError> {
    let zone = world.content.library.programme.zone;
    let row = |stuck: &Stuck| {
        let next = stuck.next.map_or("journey resolve".to_owned(), |at| moment(zone, at));
        let round = if stuck.round == 0 { String::new() } else { format!(" reminder {}", stuck.round) };
        vec![
            stuck.number.to_string(),
            stuck.person.as_ref().map_or("protected", PersonId::as_str).to_owned(),
            format!("{}{round}", stuck.step),
            stuck.state.to_string(),
            next,
            stuck.reply.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = status.stuck.iter().map(row).collect();
    Ok(output::print_table(&mut *cx.out, &rows, &[0])?)
}

/// Number of bounces with that cause.
fn came_back(status: &Status<'_>, blame: BounceCause) -> u64 {
    status.bounces.iter().filter(|(of, _)| *of == blame).map(|(_, n)| n).sum()
}

/// Prints the time of the last backup; highlighted if it is too old or missing.
fn backup_text(cx: &mut Context, zone: TimeZone, status: &Status<'_>) -> Result<(), CommandError> {
    let Some(made) = status.backup else {
        return Ok(writeln!(cx.out, "  {ERROR}there is no backup{ERROR:#}: journey backup FILE")?);
    };
    let age = status.at - made;
    write!(cx.out, "  the last backup was made {}", moment(zone, made))?;
    if age > OLD_BACKUP {
        write!(cx.out, ", {ERROR}{} ago{ERROR:#}", output::format_age(age))?;
    }
    Ok(writeln!(cx.out)?)
}

/// Prints held enrolments: a row per journey, step and reason.
fn held_text(cx: &mut Context, held: &[Holding<'_>]) -> Result<(), CommandError> {
    if held.is_empty() {
        return Ok(());
    }
    writeln!(
        cx.out,
        "\n{BOLD}Held{BOLD:#}  {ERROR}{}{ERROR:#}: somebody must act",
        output::count(held.len(), "enrolment", "enrolments")
    )?;
    let mut sums: BTreeMap<(String, &'static str, String), usize> = BTreeMap::new();
    for holding in held {
        let step = holding.held.step.as_ref().map_or("…", |step| step.as_str());
        let name = format!("{}/{step}", holding.journey.slug);
        if let Some(reason) = holding.held.reasons.first() {
            *sums.entry((name, reason.code(), reason.text())).or_default() += 1;
        }
    }
    let row = |((step, code, text), n): ((String, &str, String), usize)| {
        vec![output::thousands(n), step, code.to_owned(), text]
    };
    let mut rows: Vec<Vec<String>> = sums.into_iter().map(row).collect();
    let more = rows.len().saturating_sub(MAX_HELD_LINES);
    rows.truncate(MAX_HELD_LINES);
    output::print_table(&mut *cx.out, &rows, &[0])?;
    if more > 0 {
        writeln!(cx.out, "  {DIM}and {} more{DIM:#}", output::count(more, "line", "lines"))?;
    }
    Ok(())
}

fn value(world: &Snapshot, status: &Status<'_>) -> Value {
    let zone = world.content.library.programme.zone;
    let stages = |stages: &[usize; 5]| -> serde_json::Map<String, Value> {
        Stage::ALL.iter().zip(stages).map(|(stage, n)| (stage.to_string(), json!(n))).collect()
    };
    let journeys: Vec<Value> = status
        .stages
        .iter()
        .map(|(journey, n)| json!({ "journey": journey.as_str(), "enrolments": stages(n) }))
        .collect();
    let deliveries: serde_json::Map<String, Value> =
        status.deliveries.iter().map(|(state, n)| (state.to_string(), json!(n))).collect();
    let mut sums: BTreeMap<(&str, &str, &'static str), usize> = BTreeMap::new();
    for holding in &status.pass.held {
        let step = holding.held.step.as_ref().map_or("", |step| step.as_str());
        let code = holding.held.reasons.first().map_or("", Reason::code);
        *sums.entry((holding.journey.slug.as_str(), step, code)).or_default() += 1;
    }
    let held: Vec<Value> = sums
        .into_iter()
        .map(|((journey, step, code), n)| {
            let step = (!step.is_empty()).then_some(step);
            json!({ "journey": journey, "step": step, "because": code, "enrolments": n })
        })
        .collect();
    json!({
        "at": zone.rfc3339(status.at),
        "content": world.content.library.hash.to_string(),
        "content_faults": status.broken.iter().map(super::check::value).collect::<Vec<_>>(),
        "all_held": status.all_held.is_some(),
        "hold": status.all_held.as_ref().map(|held| json!({
            "since": zone.rfc3339(held.since), "why": held.why,
        })),
        "imported": status.imported.map(|at| zone.rfc3339(at)),
        "log_bytes": status.log,
        "backup": status.backup.map(|at| zone.rfc3339(at)),
        "journeys": journeys,
        "deliveries": deliveries,
        "relay": relay_value(zone, status),
        "limits": status.limits.iter().map(|reached| limits::value(zone, reached)).collect::<Vec<_>>(),
        "guards": status.guards.iter().map(|guard| json!({
            "kind": guard.kind.as_str(), "since": zone.rfc3339(guard.at), "message": guard.message,
        })).collect::<Vec<_>>(),
        "held_steps": status.held_steps.iter().map(|held| json!({
            "journey": held.step.journey.as_str(), "step": held.step.step.as_str(),
            "since": zone.rfc3339(held.since), "why": held.why,
        })).collect::<Vec<_>>(),
        "stuck": status.stuck.iter().map(|stuck| stuck_value(zone, stuck)).collect::<Vec<_>>(),
        "came_back": BounceCause::ALL.iter().map(|blame| (blame.as_str().to_owned(), json!(came_back(status, *blame)))).collect::<serde_json::Map<_, _>>(),
        "unparsed": status.unparsed,
        "last_sent": status.last_sent.map(|at| zone.rfc3339(at)),
        "last_hour": status.last_hour,
        "rate": status.rate.iter().map(|limit| json!({
            "mails": limit.mails, "seconds": limit.per.as_secs(),
        })).collect::<Vec<_>>(),
        "due": status.pass.send.len(),
        "outbox": blocked::outbox_value(&status.outbox),
        "pausing": status.pausing.iter().map(|pausing| json!({
            "journey": pausing.step.journey.as_str(), "step": pausing.step.step.as_str(),
            "rest_follows": zone.rfc3339(pausing.opens),
        })).collect::<Vec<_>>(),
        "held": held,
        "next_wake": status.next_wake.map(|at| zone.rfc3339(at)),
    })
}

fn relay_value(zone: TimeZone, status: &Status<'_>) -> Value {
    let trouble = status.relay.failure.as_ref();
    let fewer = status.relay.connection_cap.and_then(|fewer| fewer.if_active(status.at));
    json!({
        "last_success": status.relay.success.map(|at| zone.rfc3339(at)),
        "trouble": trouble.map(|trouble| trouble.why.as_str()),
        "since": trouble.map(|trouble| zone.rfc3339(trouble.since)),
        "failures": trouble.map_or(0, |trouble| trouble.failures),
        "retry": trouble.map(|trouble| zone.rfc3339(trouble.retry)),
        "connections": fewer.map(|fewer| fewer.connections),
        "fewer_until": fewer.map(|fewer| zone.rfc3339(fewer.until)),
    })
}

fn stuck_value(zone: TimeZone, stuck: &Stuck) -> Value {
    json!({
        "delivery": stuck.number,
        "person": stuck.person.as_ref().map_or("protected", PersonId::as_str),
        "journey": stuck.step.journey.as_str(),
        "step": stuck.step.step.as_str(),
        "round": stuck.round,
        "state": stuck.state.as_str(),
        "attempts": stuck.attempts,
        "next": stuck.next.map(|at| zone.rfc3339(at)),
        "reply": stuck.reply,
    })
}
