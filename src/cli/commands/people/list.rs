//! `journey people list`: protected people are counted, not shown.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::lookup;
use crate::cli::output::{self, Format};
use crate::cli::style::BOLD;
use crate::domain::model::person::Person;
use crate::view::person::{PeopleView, periods_text};

/// List the people
///
/// Example: journey people list --unit "Hemtjänsten Norr"
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// Only this unit (name or id)
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, _) = cx.snapshot()?;
    let unit = args.unit.as_deref().map(|text| lookup::unit(&snapshot, text)).transpose()?;
    let of_unit = |person: &&Person| unit.as_ref().is_none_or(|unit| person.unit == *unit);
    let people: Vec<&Person> = snapshot.roster.people.iter().filter(of_unit).collect();
    let (protected, shown): (Vec<&Person>, Vec<&Person>) =
        people.into_iter().partition(|person| person.protected);
    if args.format == Format::Json {
        let value = PeopleView::of(&snapshot, &shown, protected.len());
        return Ok(output::print_json(&mut *cx.out, &value)?);
    }
    let row = |person: &&Person| {
        vec![
            person.id.to_string(),
            format!("{} {}", person.first_name, person.last_name),
            snapshot.roster.unit_name(&person.unit).to_owned(),
            person.language.to_string(),
            notes(person),
        ]
    };
    output::print_table(&mut *cx.out, &shown.iter().map(row).collect::<Vec<_>>(), &[])?;
    let people = output::count(shown.len(), "person", "people");
    let hidden = match protected.len() {
        0 => String::new(),
        n => format!(", and {} protected", output::thousands(n)),
    };
    Ok(writeln!(cx.out, "\n{BOLD}{people}{BOLD:#}{hidden}")?)
}

/// Short remarks on a person: address problems, first and last day, leave.
fn notes(person: &Person) -> String {
    let mut notes = Vec::new();
    if person.email.is_none() {
        notes.push("no address".to_owned());
    }
    if let Some(code) = person.undeliverable {
        notes.push(format!("no such mailbox: {code}"));
    }
    if person.shared_address {
        notes.push("shares an address".to_owned());
    }
    if person.second_employment {
        notes.push("gets mail for another employment".to_owned());
    }
    if let Some(start) = person.start {
        notes.push(format!("from {start}"));
    }
    if let Some(end) = person.end {
        notes.push(format!("until {end}"));
    }
    if !person.leave.is_empty() {
        notes.push(format!("leave {}", periods_text(&person.leave)));
    }
    notes.join(", ")
}
