//! `journey why`: explains what a person has received and will receive, when,
//! and why not earlier.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::lookup;
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM, ERROR, SUCCESS};
use crate::domain::change::settings::PauseTarget;
use crate::domain::model::ids::Slug;
use crate::domain::model::person::Person;
use crate::domain::time::format::{format_date, format_datetime, format_datetime_with_week};
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::{Ended, Reason, Verdict, Wait};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::explain::{
    self, EarlierReader, JourneyStatus, Leaver, MemberStatus, State, StepStatus, Why,
};
use crate::engine::plan::pass::HeldEmail;
use crate::engine::plan::subset::Subset;
use crate::engine::todo;
use crate::store::{Departed, PastMail};
use crate::view::explain::{EarlierTextView, ExplanationView, UnitExplanationView};

/// Show what a person got, what comes next, and why not earlier
///
/// With --step and --unit: one step for each person of a unit.
///
/// Example: journey why 1042
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Employee id or mail address
    #[arg(required_unless_present = "step", conflicts_with_all = ["step", "unit", "text"])]
    person: Option<String>,
    /// A step with its journey, like miljo/resor
    #[arg(long)]
    step: Option<String>,
    /// A unit (name or id)
    #[arg(long, requires = "step")]
    unit: Option<String>,
    /// Who got the step with an earlier text, and not with the text of now
    #[arg(long, requires = "step", value_name = "TEXT")]
    text: Option<StepText>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which text of a step.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum StepText {
    /// A text that was changed since
    Older,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, at) = match (&args.person, &args.unit, args.text) {
        (Some(person), _, _) => cx.snapshot_of(Subset::Person(person))?,
        (None, Some(unit), None) => cx.snapshot_of(Subset::Unit(unit))?,
        _ => cx.snapshot()?,
    };
    if let (Some(step), Some(StepText::Older)) = (&args.step, args.text) {
        return older(args, step, cx, &snapshot);
    }
    match (&args.person, &args.step, &args.unit) {
        (Some(person), _, _) => {
            if snapshot.roster.find(person).is_none()
                && let Some(leaver) = explain::leaver(&snapshot, person)?
            {
                return leaver_text(cx, &snapshot, &leaver, args.format);
            }
            let mut why = explain::of_person(&snapshot, lookup::person(&snapshot, person)?, at);
            explain::add_deliveries(&snapshot, &mut why, at)?;
            match args.format {
                Format::Json => Ok(output::print_json(&mut *cx.out, &ExplanationView::of(&snapshot, &why))?),
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
                        vec![output::person_label(member.person), state, summary(zone, member)]
                    };
                    Ok(output::print_table(&mut *cx.out, &people.iter().map(row).collect::<Vec<_>>(), &[])?)
                }
            }
        }
        (None, _, _) => Err(CommandError::usage("--step alone does not say for whom")
            .hint("add --unit UNIT, or --text older")),
    }
}

/// Lists who got an earlier text of a step.
fn older(args: &Args, step: &str, cx: &mut Context, snapshot: &Snapshot) -> Result<(), CommandError> {
    let step = lookup::step(snapshot, step)?;
    let unit = args.unit.as_ref().map(|unit| lookup::unit(snapshot, unit)).transpose()?;
    let readers = explain::earlier_readers(snapshot, &step, unit.as_ref())?;
    if args.format == Format::Json {
        return Ok(output::print_json(&mut *cx.out, &EarlierTextView::of(snapshot, &step, &readers))?);
    }
    let zone = snapshot.content.library.programme.zone;
    let people = output::count(readers.len(), "person has", "people have");
    writeln!(cx.out, "{BOLD}{step}{BOLD:#}  {people} had an earlier text and not the present one")?;
    let row = |reader: &EarlierReader<'_>| {
        let Person { protected, unit, .. } = reader.person;
        let unless_protected = |text: String| if *protected { String::new() } else { text };
        vec![
            output::person_label(reader.person),
            unless_protected(snapshot.roster.unit_name(unit).to_owned()),
            format_datetime(zone, reader.text.sent),
        ]
    };
    output::print_table(&mut *cx.out, &readers.iter().map(row).collect::<Vec<_>>(), &[])?;
    if !readers.is_empty() && !cx.quiet {
        writeln!(cx.out, "\n  to send them a correction: a step with {DIM}corrects = \"{step}\"{DIM:#}")?;
    }
    Ok(())
}

/// Prints what a person got who has left.
fn leaver_text(
    cx: &mut Context,
    snapshot: &Snapshot,
    leaver: &Leaver,
    format: Format,
) -> Result<(), CommandError> {
    let zone = snapshot.content.library.programme.zone;
    if format == Format::Json {
        return Ok(output::print_json(&mut *cx.out, &ExplanationView::of_leaver(zone, leaver))?);
    }
    let Departed { person, protected, at } = &leaver.departed;
    let person = if *protected { "protected" } else { person.as_str() };
    let left = format_date(zone.date(*at));
    writeln!(cx.out, "{BOLD}{person}{BOLD:#}  left on {left}: gets no more mails")?;
    if leaver.mails.is_empty() {
        return Ok(writeln!(cx.out, "  got no mail")?);
    }
    let mut journeys: Vec<&Slug> = leaver.mails.iter().map(|mail| &mail.step.journey).collect();
    journeys.sort();
    journeys.dedup();
    for journey in journeys {
        writeln!(cx.out, "\n{BOLD}{journey}{BOLD:#}")?;
        let mails = leaver.mails.iter().filter(|mail| mail.step.journey == *journey);
        let rows: Vec<Vec<String>> = mails.map(|mail| past_row(zone, mail, "")).collect();
        output::print_table(&mut *cx.out, &rows, &[])?;
    }
    Ok(())
}

/// A line about a mail whose step, or whose reader, is not there any more.
fn past_row(zone: TimeZone, mail: &PastMail, remark: &str) -> Vec<String> {
    let reminder = (mail.round > 0).then(|| format!("reminder {}", mail.round));
    let remark = (!remark.is_empty()).then(|| remark.to_owned());
    let remarks = [reminder, remark, mail.reply.clone()].into_iter().flatten();
    vec![
        mail.state.to_string(),
        mail.step.step.to_string(),
        format_datetime(zone, mail.settled.unwrap_or(mail.slot)),
        remarks.collect::<Vec<_>>().join(", "),
    ]
}

/// Prints what a person got of journeys that are no longer in the content.
fn gone_text(cx: &mut Context, snapshot: &Snapshot, why: &Why<'_>) -> Result<(), CommandError> {
    let zone = snapshot.content.library.programme.zone;
    let is_gone = |journey: &Slug| snapshot.content.library.journey(journey).is_none();
    let gone: BTreeSet<&Slug> =
        why.removed.iter().map(|mail| &mail.step.journey).filter(|journey| is_gone(journey)).collect();
    for journey in gone {
        writeln!(cx.out, "\n{BOLD}{journey}{BOLD:#}  not in the content any more")?;
        let mails = why.removed.iter().filter(|mail| mail.step.journey == *journey);
        let rows: Vec<Vec<String>> = mails.map(|mail| past_row(zone, mail, "")).collect();
        output::print_table(&mut *cx.out, &rows, &[])?;
    }
    Ok(())
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
        output::person_label(why.person),
        format_datetime(zone, at)
    )?;
    if snapshot.settings.stopped.contains(&why.person.id) {
        let config = cx.config_option();
        let command = if why.person.protected { "PERSON" } else { why.person.id.as_str() };
        writeln!(
            cx.out,
            "  has asked for no more mails; to undo it: {DIM}journey people stop{config} {command} --undo{DIM:#}"
        )?;
    }
    for status in &why.journeys {
        writeln!(cx.out, "\n{BOLD}{}{BOLD:#}  {}", status.journey.slug, status.stage)?;
        // A step sent now is printed below; one that is already in the outbox, here.
        let leaves_now = matches!(status.verdict, Verdict::Send(_));
        let gets_no_more = matches!(status.verdict, Verdict::Ended(end) if end != Ended::Finished);
        let is_listed = |state: State| match state {
            State::Next => false,
            State::Due => !leaves_now,
            State::Passed => !gets_no_more,
            State::Sent | State::Skipped | State::Later => true,
        };
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
        let removed = why.removed.iter().filter(|mail| mail.step.journey == status.journey.slug);
        let removed: Vec<Vec<String>> =
            removed.map(|mail| past_row(zone, mail, "the step is not in the journey any more")).collect();
        output::print_table(&mut *cx.out, &removed, &[])?;
        resolve_text(cx, status)?;
        next_text(cx, zone, status)?;
        to_do_text(cx, snapshot, why.person, status, at)?;
        pauses_text(cx, snapshot, status)?;
        if !later.is_empty() {
            let names: Vec<&str> = later.iter().map(|row| row[1].as_str()).collect();
            writeln!(cx.out, "  later    {DIM}{}{DIM:#}", names.join(", "))?;
        }
    }
    gone_text(cx, snapshot, why)
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
    remarks.extend(step.kept_back.as_ref().map(|reason| format!("waiting: {}", reason.text())));
    remarks.extend(step.reply.clone());
    remarks.extend(step.problem().map(|number| format!("delivery {number}")));
    remarks.join(", ")
}

/// Prints the command for each mail of which an operator must find out whether it arrived.
fn resolve_text(cx: &mut Context, status: &JourneyStatus<'_>) -> io::Result<()> {
    let config = cx.config_option();
    for number in status.steps.iter().filter_map(StepStatus::to_resolve) {
        writeln!(
            cx.out,
            "  to do    check whether delivery {number} arrived, then: \
             {DIM}journey resolve{config} {number} --as sent{DIM:#}, or {DIM}--as unsent{DIM:#}"
        )?;
    }
    Ok(())
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
            match wait.joins_late() {
                Some(start) => writeln!(cx.out, "  next     {}", start.step())?,
                None => writeln!(cx.out, "  next     {}{}", wait.step, reminder(wait.round))?,
            }
            writeln!(cx.out, "  when     {}", when(zone, wait))?;
            because_text(cx, &wait.reasons)?;
        }
        Verdict::Held(held) => {
            let step = held.step.as_ref().map_or(String::new(), ToString::to_string);
            writeln!(cx.out, "  next     {step}")?;
            writeln!(cx.out, "  when     {ERROR}stopped{ERROR:#}: you must do something")?;
            because_text(cx, &held.reasons)?;
        }
        Verdict::Ended(over) => writeln!(cx.out, "  {}", over.text())?,
    }
    Ok(())
}

/// Prints the command that ends what stops the next mail, unless it is a pause, which is told with its dates.
fn to_do_text(
    cx: &mut Context,
    snapshot: &Snapshot,
    person: &Person,
    status: &JourneyStatus<'_>,
    at: Timestamp,
) -> io::Result<()> {
    let Verdict::Held(held) = &status.verdict else { return Ok(()) };
    let has_delivery_to_resolve = status.steps.iter().any(|step| step.to_resolve().is_some());
    if has_delivery_to_resolve || matches!(held.reasons.first(), Some(Reason::Paused(_))) {
        return Ok(());
    }
    let holding = HeldEmail::single(person, status.journey, held.clone());
    match todo::command(snapshot, at, &holding) {
        Some(command) => {
            writeln!(cx.out, "  to do    {DIM}journey {command}{}{DIM:#}", cx.config_option())
        }
        None => Ok(()),
    }
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
pub(super) fn when(zone: TimeZone, wait: &Wait) -> String {
    if let Some(start) = wait.joins_late() {
        let joins = start.joins.map(|day| format!("not before {}", format_date(day)));
        return joins.unwrap_or_else(|| "when that step is known".to_owned());
    }
    let not_before = if wait.is_certain() { "" } else { "not before " };
    format!("{not_before}{}", format_datetime_with_week(zone, wait.until))
}

/// When a step was or will be sent, and why not earlier; for a later step, the
/// step that comes before it.
fn summary(zone: TimeZone, member: &MemberStatus<'_>) -> String {
    if let Some(sent) = member.step.sent {
        return format_datetime(zone, sent);
    }
    // It is in the outbox and not sent yet.
    if member.step.delivery.is_some() {
        let kept_back = member.step.kept_back.as_ref().map(|reason| format!("waiting: {}", reason.text()));
        return [kept_back, member.step.reply.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    }
    match &member.verdict {
        Verdict::Send(send) => format!("now: {}", send.step),
        Verdict::Wait(wait) => {
            let step = wait.known_step().map_or(String::new(), |step| format!(" {step}"));
            format!("{}{step}: {}", when(zone, wait), output::reasons_text(&wait.reasons))
        }
        Verdict::Held(held) => {
            let step = held.step.as_ref().map_or(String::new(), |step| format!(" {step}"));
            format!("held{step}: {}", output::reasons_text(&held.reasons))
        }
        Verdict::Ended(over) => over.text().to_owned(),
    }
}
