//! `journey people show`: personal data is hidden for a protected person.

use std::io::Write;

use crate::cli::commands::why;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::lookup;
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM};
use crate::domain::model::person::Person;
use crate::domain::time::format::format_date;
use crate::domain::verdict::Verdict;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::explain;
use crate::engine::plan::subset::Subset;
use crate::view::person::{PersonDetailsView, periods_text};

/// Show one person: data from HR, character, and the state of each journey
///
/// Example: journey people show 1042
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// Employee id or mail address
    person: String,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, at) = cx.snapshot_of(Subset::Person(&args.person))?;
    let person = lookup::person(&snapshot, &args.person)?;
    let why = explain::of_person(&snapshot, person, at);
    if args.format == Format::Json {
        return Ok(output::print_json(&mut *cx.out, &PersonDetailsView::of(&snapshot, &why))?);
    }
    let zone = snapshot.content.library.programme.zone;
    let character = character(&snapshot, person);
    let mut rows = vec![vec!["character".to_owned(), character]];
    if person.protected {
        writeln!(cx.out, "{BOLD}protected{BOLD:#}  {DIM}name, address and unit are shown nowhere{DIM:#}")?;
    } else {
        writeln!(cx.out, "{BOLD}{}{BOLD:#}  {} {}", person.id, person.first_name, person.last_name)?;
        let mut add = |what: &str, value: String| rows.push(vec![what.to_owned(), value]);
        add("address", person.email.as_deref().unwrap_or("none: held").to_owned());
        add("unit", snapshot.roster.unit_name(&person.unit).to_owned());
        if let Some(department) = &person.department {
            add("department", department.to_string());
        }
        add("language", person.language.to_string());
        person.start.into_iter().for_each(|day| add("start", format_date(day)));
        person.end.into_iter().for_each(|day| add("last day", format_date(day)));
        if !person.leave.is_empty() {
            add("leave", periods_text(&person.leave));
        }
        person.extra.iter().for_each(|(name, value)| add(&format!("extra.{name}"), value.to_string()));
    }
    if snapshot.settings.stopped.contains(&person.id) {
        rows.push(vec!["mails".to_owned(), "none: has asked for no more mails".to_owned()]);
    }
    for status in &why.journeys {
        let sent = status.steps.iter().filter(|step| step.sent.is_some()).count();
        let next = match &status.verdict {
            Verdict::Send(send) => format!("; now {}", send.step),
            Verdict::Wait(wait) => match wait.joins_late() {
                Some(start) => format!("; next {}, {}", start.step(), why::when(zone, wait)),
                None => format!("; next {} {}", wait.step, why::when(zone, wait)),
            },
            Verdict::Held(held) => {
                let step = held.step.as_ref().map_or(String::new(), |step| format!("; next {step}"));
                format!("{step}; stopped: {}", output::reasons_text(&held.reasons))
            }
            Verdict::Ended(_) => String::new(),
        };
        let progress = format!("{}, {sent} of {} steps got{next}", status.stage, status.steps.len());
        rows.push(vec![status.journey.slug.to_string(), progress]);
    }
    output::print_table(&mut *cx.out, &rows, &[])?;
    if !person.protected {
        writeln!(cx.out, "\n  why not earlier  journey why {}{}", person.id, cx.config_option())?;
    }
    Ok(())
}

fn character(snapshot: &Snapshot, person: &Person) -> String {
    let chosen = snapshot.memory.of(&person.id).character.as_ref();
    let default = snapshot.content.library.programme.default_character();
    match (chosen, default) {
        (Some(chosen), _) => chosen.to_string(),
        (None, Some(default)) => format!("{} (nothing chosen)", default.id),
        (None, None) => "nothing chosen".to_owned(),
    }
}
