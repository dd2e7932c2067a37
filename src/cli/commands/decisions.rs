//! `journey decisions`: lists what operators decided and is in force.

use std::collections::BTreeMap;
use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::lookup;
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM};
use crate::domain::change::decision::{Decision, DecisionKind, DecisionTarget};
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::Timestamp;
use crate::engine::decisions::{self, DecisionFilter};
use crate::engine::load::snapshot::Snapshot;
use crate::view::decision::{DecisionView, DecisionsView};

/// List the decisions in force: since when, by whom, why, and how to end them
///
/// Pauses, holds, approvals, the shifts, closings and cadences of units, the
/// characters that people chose, and who has asked for no more mails.
///
/// Example: journey decisions --unit "Hemtjänsten Norr"
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only about this unit and its people, by id or name
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Also decisions that have ended
    #[arg(long)]
    all: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, at) = cx.snapshot()?;
    let unit = args.unit.as_ref().map(|unit| lookup::unit(&snapshot, unit)).transpose()?;
    let filter = DecisionFilter { unit, with_ended: args.all };
    let decisions = decisions::list(&snapshot, &filter, at)?;
    match args.format {
        Format::Json => Ok(output::print_json(&mut *cx.out, &DecisionsView::of(&snapshot, &decisions, at))?),
        Format::Text => text(cx, &snapshot, &decisions, at),
    }
}

fn text(
    cx: &mut Context,
    snapshot: &Snapshot,
    decisions: &[Decision],
    at: Timestamp,
) -> Result<(), CommandError> {
    if decisions.is_empty() {
        return Ok(writeln!(cx.out, "no decisions in force")?);
    }
    let mut is_first = true;
    for kind in DecisionKind::ALL {
        let of_kind: Vec<&Decision> = decisions.iter().filter(|decision| decision.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            writeln!(cx.out)?;
        }
        writeln!(cx.out, "{BOLD}{}{BOLD:#}", heading(kind))?;
        if kind == DecisionKind::Choice {
            choices_text(cx, &of_kind)?;
            continue;
        }
        for decision in of_kind {
            let view = DecisionView::of(snapshot, decision, at);
            let mut line = format!("  {}", subject(snapshot, decision));
            for part in [decision.effect(), since(snapshot, decision)] {
                if !part.is_empty() {
                    line += &format!(", {part}");
                }
            }
            if let Some(why) = view.why.as_ref().filter(|why| !why.is_empty()) {
                line += &format!(": {why}");
            }
            writeln!(cx.out, "{line}")?;
            if let Some(command) = &view.end_with {
                writeln!(cx.out, "    {DIM}to end it: {command}{DIM:#}")?;
            }
        }
    }
    Ok(())
}

/// Prints how many people chose each character.
fn choices_text(cx: &mut Context, choices: &[&Decision]) -> Result<(), CommandError> {
    let mut people: BTreeMap<&str, usize> = BTreeMap::new();
    for choice in choices {
        *people.entry(choice.value.as_deref().unwrap_or_default()).or_default() += 1;
    }
    for (character, people) in people {
        writeln!(cx.out, "  {}: {character}", output::count(people, "person", "people"))?;
    }
    Ok(())
}

fn heading(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Pause => "Paused",
        DecisionKind::Hold => "Stopped by hand",
        DecisionKind::Approval => "Approved",
        DecisionKind::Shift => "Shifted units",
        DecisionKind::Closing => "Closed units",
        DecisionKind::Cadence => "Units with a cadence of their own",
        DecisionKind::Choice => "Chosen characters",
        DecisionKind::Stop => "No more mails",
    }
}

fn subject(snapshot: &Snapshot, decision: &Decision) -> String {
    match &decision.target {
        DecisionTarget::All => "all sending".to_owned(),
        DecisionTarget::Person { protected: true, .. } => "a protected person".to_owned(),
        DecisionTarget::Person { id, .. } => match snapshot.roster.person(id) {
            Some(person) => format!("{} {} ({id})", person.first_name, person.last_name),
            None => id.to_string(),
        },
        DecisionTarget::Unit(id) => output::unit_label(snapshot, id),
        DecisionTarget::Journey(slug) => format!("journey {slug}"),
        DecisionTarget::Step(name) => name.to_string(),
    }
}

/// Since when, by whom, and when it ended.
fn since(snapshot: &Snapshot, decision: &Decision) -> String {
    let zone = snapshot.content.library.programme.zone;
    let since = decision.since.map(|at| format!("since {}", format_datetime(zone, at)));
    let by = decision.by.as_ref().map(|by| format!("by {by}"));
    let ended = decision.ended.map(|at| format!("ended {}", format_datetime(zone, at)));
    [since, by, ended].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
