//! `journey why`: explains what a person has received and will receive, when,
//! and why not earlier.

use std::io::{self, Write};

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::lookup;
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM, ERROR, SUCCESS};
use crate::domain::change::settings::PauseTarget;
use crate::domain::time::format::{format_date, format_datetime};
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::{Reason, Verdict, Wait};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::explain::{self, JourneyStatus, MemberStatus, State, StepStatus, Why};
use crate::view::explain::{ExplanationView, UnitExplanationView, over_text};

/// Says why somebody gets what they get, and when
///
/// For a person: each step of each journey, what is next, when, and why not
/// earlier. With --step and --unit: the same for each person of a unit.
///
/// Example: journey why 1042
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// An employee id or a mail address
    #[arg(required_unless_present = "step", conflicts_with_all = ["step", "unit"])]
    person: Option<String>,
    /// A step with its journey: miljo/resor
    #[arg(long, requires = "unit")]
    step: Option<String>,
    /// A unit, by id or name
    #[arg(long, requires = "step")]
    unit: Option<String>,
    /// How to tell
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, at) = cx.snapshot()?;
    match (&args.person, &args.step, &args.unit) {
        (Some(person), _, _) => {
            let mut why = explain::of_person(&snapshot, lookup::person(&snapshot, person)?, at);
            explain::add_deliveries(&snapshot, &mut why, at)?;
            match args.format {
                Format::Json => Ok(output::print_json(
                    &mut *cx.out,
                    &ExplanationView::of(snapshot.content.library.programme.zone, &why),
                )?),
                Format::Text => person_text(cx, &snapshot, &why, at),
            }
        }
        (None, Some(step), Some(unit)) => {
            let (step, unit) = (lookup::step(&snapshot, step)?, lookup::unit(&snapshot, unit)?);
            let mut people = explain::of_unit(&snapshot, &step, &unit, at);
            explain::add_deliveries_in_unit(&snapshot, &step, &mut people, at)?;
            let zone = snapshot.content.library.programme.zone;
            match args.format {
                Format::Json => {
                    let value = UnitExplanationView::of(&snapshot, &step, &unit, &people);
                    Ok(output::print_json(&mut *cx.out, &value)?)
                }
                Format::Text => {
                    writeln!(cx.out, "{BOLD}{step}{BOLD:#} in {}", snapshot.roster.unit_name(&unit))?;
                    let row = |member: &MemberStatus<'_>| {
                        let state = member.step.word().to_owned();
                        vec![output::display_id(member.person).to_owned(), state, summary(zone, member)]
                    };
                    Ok(output::print_table(&mut *cx.out, &people.iter().map(row).collect::<Vec<_>>(), &[])?)
                }
            }
        }
        (None, _, _) => Err(CommandError::usage("name a person, or a step and a unit")),
    }
}

fn person_text(
    cx: &mut Context,
    snapshot: &Snapshot,
    why: &Why<'_>,
    at: Timestamp,
) -> Result<(), CommandError> {
    let zone = snapshot.content.library.programme.zone;
    let unit = snapshot.roster.unit_name(&why.person.unit);
    let unit = if why.person.protected { "" } else { unit };
    writeln!(
        cx.out,
        "{BOLD}{}{BOLD:#}  {unit}  {DIM}{}{DIM:#}",
        output::display_id(why.person),
        format_datetime(zone, at)
    )?;
    for status in &why.journeys {
        writeln!(cx.out, "\n{BOLD}{}{BOLD:#}  {}", status.journey.slug, status.stage)?;
        // A step sent now is printed below; one that is already in the outbox, here.
        let leaves_now = matches!(status.verdict, Verdict::Send(_));
        let is_listed = |state: State| state != State::Next && (state != State::Due || !leaves_now);
        let rows: Vec<Vec<String>> = status
            .steps
            .iter()
            .filter(|step| is_listed(step.state))
            .map(|step| {
                let when = step.sent.or(step.planned).map_or(String::new(), |at| format_datetime(zone, at));
                vec![
                    step.word().to_owned(),
                    step.step.slug.to_string(),
                    step.step.kind.to_string(),
                    when,
                    remarks(step),
                ]
            })
            .collect();
        let (later, before): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row[0] == "later");
        output::print_table(&mut *cx.out, &before, &[])?;
        next_text(cx, zone, status)?;
        pauses_text(cx, snapshot, status)?;
        if !later.is_empty() {
            let names: Vec<&str> = later.iter().map(|row| row[1].as_str()).collect();
            writeln!(cx.out, "  later    {DIM}{}{DIM:#}", names.join(", "))?;
        }
    }
    Ok(())
}

/// Remarks on a step that was enqueued or sent.
fn remarks(step: &StepStatus<'_>) -> String {
    let mut remarks = Vec::new();
    if step.round > 0 {
        remarks.push(format!("reminder {}", step.round));
    }
    if step.answered {
        remarks.push("answered".to_owned());
    }
    if step.content != step.step.hash {
        remarks.push("with another text than now".to_owned());
    }
    remarks.extend(step.kept_back.as_ref().map(|reason| format!("kept back: {}", reason.text())));
    remarks.extend(step.reply.clone());
    remarks.join(", ")
}

/// Prints the next step of a journey, its time, and why not earlier.
fn next_text(cx: &mut Context, zone: TimeZone, status: &JourneyStatus<'_>) -> Result<(), CommandError> {
    let reminder = |round: u16| if round == 0 { String::new() } else { format!(", reminder {round}") };
    match &status.verdict {
        Verdict::Send(send) => {
            let slot = format_datetime(zone, send.slot);
            writeln!(
                cx.out,
                "  {SUCCESS}now{SUCCESS:#}      {}{}  (slot {slot})",
                send.step,
                reminder(send.round)
            )?;
        }
        Verdict::Wait(wait) => {
            writeln!(cx.out, "  next     {}{}", wait.step, reminder(wait.round))?;
            writeln!(cx.out, "  when     {}", when(zone, wait))?;
            because_text(cx, &wait.reasons)?;
        }
        Verdict::Held(held) => {
            let step = held.step.as_ref().map_or(String::new(), ToString::to_string);
            writeln!(cx.out, "  next     {step}")?;
            writeln!(cx.out, "  when     {ERROR}held{ERROR:#}: somebody must act")?;
            because_text(cx, &held.reasons)?;
        }
        Verdict::Ended(over) => writeln!(cx.out, "  {}", over_text(*over))?,
    }
    Ok(())
}

/// Prints since when and until when pauses are in force, and the command that ends them.
fn pauses_text(cx: &mut Context, snapshot: &Snapshot, status: &JourneyStatus<'_>) -> io::Result<()> {
    if matches!(status.verdict, Verdict::Ended(_)) {
        return Ok(());
    }
    let zone = snapshot.content.library.programme.zone;
    for pause in &status.pauses {
        let since = format_datetime(zone, pause.from);
        let until = match pause.until {
            Some(day) => format!("until {}", format_date(day)),
            None => "with no end date".to_owned(),
        };
        let whom = match &pause.of {
            PauseTarget::Person(id) => format!("--person {id}"),
            PauseTarget::Unit(unit) => format!("--unit \"{}\"", snapshot.roster.unit_name(unit)),
            PauseTarget::Journey(journey) => format!("--journey {journey}"),
        };
        let config = cx.config_option();
        writeln!(
            cx.out,
            "  paused   since {since}, {until}; to end it: {DIM}journey resume{config} {whom}{DIM:#}"
        )?;
    }
    Ok(())
}

fn because_text(cx: &mut Context, reasons: &[Reason]) -> Result<(), CommandError> {
    for (index, reason) in reasons.iter().enumerate() {
        let label = if index == 0 { "because" } else { "" };
        writeln!(cx.out, "  {label:<7}  {}", reason.text())?;
    }
    Ok(())
}

/// The time of the next mail; with `not before` if it depends on another event.
fn when(zone: TimeZone, wait: &Wait) -> String {
    let not_before = if wait.is_certain() { "" } else { "not before " };
    format!("{not_before}{}", format_datetime(zone, wait.until))
}

/// When a step was or will be sent, and why not earlier; for a later step, the
/// step that comes before it.
fn summary(zone: TimeZone, member: &MemberStatus<'_>) -> String {
    if let Some(sent) = member.step.sent {
        return format_datetime(zone, sent);
    }
    // It is in the outbox and not sent yet.
    if member.step.delivery.is_some() {
        let kept_back = member.step.kept_back.as_ref().map(|reason| format!("kept back: {}", reason.text()));
        return [kept_back, member.step.reply.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    }
    match &member.verdict {
        Verdict::Send(send) => format!("now: {}", send.step),
        Verdict::Wait(wait) => {
            format!("{} {}: {}", when(zone, wait), wait.step, output::reasons_text(&wait.reasons))
        }
        Verdict::Held(held) => {
            let step = held.step.as_ref().map_or(String::new(), |step| format!(" {step}"));
            format!("held{step}: {}", output::reasons_text(&held.reasons))
        }
        Verdict::Ended(over) => over_text(*over).to_owned(),
    }
}
