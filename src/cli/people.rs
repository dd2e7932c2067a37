//! `journey people`: who there is.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::{BAD, BOLD, Context, FAINT, GOOD};
use super::error::{CommandError, Kind};
use super::pages::{self, Format};
use crate::domain::person::Roster;
use crate::engine::world;
use crate::roster::Reading;

/// Reads and shows who there is
#[derive(clap::Subcommand, Debug)]
pub(super) enum People {
    Import(Import),
}

/// Shows what a people file would mean: every bad line, who joins, who is held
///
/// Nothing is imported or remembered yet: this version reads the file anew
/// each time, and shows what an import would do. All or nothing: with one bad
/// line there are no people. Exit code 65 if a line is bad.
///
/// Example: journey people import --dry-run people.csv
#[derive(clap::Args, Debug)]
pub(super) struct Import {
    /// The people file; else that of config.toml
    file: Option<PathBuf>,
    /// Only show; nothing changes anywhere
    #[arg(long)]
    dry_run: bool,
    /// How to tell
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(people: People, cx: &mut Context) -> Result<(), CommandError> {
    match people {
        People::Import(args) => import(&args, cx),
    }
}

fn import(args: &Import, cx: &mut Context) -> Result<(), CommandError> {
    if !args.dry_run {
        let message = "nothing can be imported yet: this version only shows what an import would do";
        return Err(CommandError::usage(message).hint("journey people import --dry-run"));
    }
    let config = cx.config()?;
    let library = world::library(&config, cx.about()?)?;
    let file = args.file.as_ref().unwrap_or(&config.people.file);
    let reading = world::people(&config, file, library.programme.default_language());
    if world::is_unread(&reading.faults) {
        return Err(CommandError::faults(Kind::Io, reading.faults));
    }
    match (args.format, &reading.roster) {
        (Format::Json, roster) => pages::json(&mut *cx.out, &value(&reading, roster.as_ref()))?,
        (Format::Text, Some(roster)) => text(cx, &file.display().to_string(), &reading, roster)?,
        (Format::Text, None) => pages::faults(&mut *cx.out, &reading.faults)?,
    }
    if reading.roster.is_some() {
        return Ok(());
    }
    let errors = reading.faults.iter().filter(|fault| fault.is_error()).count();
    let faults = pages::count(errors, "fault", "faults");
    Err(CommandError::new(Kind::BadData, format!("{faults} in {}; nothing is imported", file.display()))
        .hint("mend them where the file is made, and import it again; all lines or none are taken"))
}

fn text(cx: &mut Context, file: &str, reading: &Reading, roster: &Roster) -> Result<(), CommandError> {
    let notes = &reading.notes;
    writeln!(
        cx.out,
        "{BOLD}{file}{BOLD:#}  {} with a person, {}, separated by {}",
        pages::count(notes.lines as usize, "line", "lines"),
        notes.encoding,
        notes.separator
    )?;
    writeln!(cx.out, "{FAINT}a dry run: nothing is imported, nothing is remembered{FAINT:#}\n")?;
    let joined = roster.people.len();
    writeln!(
        cx.out,
        "  {GOOD}{:>6}{GOOD:#}  joined (there is no database yet: everybody does)",
        pages::thousands(joined)
    )?;
    writeln!(cx.out, "  {:>6}  left", 0)?;
    writeln!(cx.out, "  {:>6}  moved", 0)?;
    writeln!(cx.out, "  {:>6}  changed", 0)?;
    writeln!(cx.out, "  {:>6}  refused\n", 0)?;
    summary(cx, reading, roster)?;
    if cx.verbose {
        let row = |(column, heading): &(crate::roster::Column, String)| {
            vec![column.name().to_owned(), heading.clone()]
        };
        writeln!(cx.out, "\n{BOLD}Columns{BOLD:#}")?;
        pages::columns(&mut *cx.out, &notes.columns.iter().map(row).collect::<Vec<_>>(), &[])?;
    }
    if !reading.faults.is_empty() {
        writeln!(cx.out)?;
        pages::faults(&mut *cx.out, &reading.faults)?;
    }
    Ok(())
}

/// What the people are, in numbers, and what of the file was left out.
fn summary(cx: &mut Context, reading: &Reading, roster: &Roster) -> Result<(), CommandError> {
    let notes = &reading.notes;
    let people = &roster.people;
    let departments: std::collections::BTreeSet<_> =
        people.iter().filter_map(|p| p.department.as_ref()).collect();
    let how_many =
        |what: &dyn Fn(&crate::domain::person::Person) -> bool| people.iter().filter(|p| what(p)).count();
    writeln!(
        cx.out,
        "  {} in {}; {} with leave, {} with a last day, {} protected",
        pages::count(roster.units.len(), "unit", "units"),
        pages::count(departments.len(), "department", "departments"),
        pages::thousands(how_many(&|p| !p.leave.is_empty())),
        pages::thousands(how_many(&|p| p.end.is_some())),
        pages::thousands(how_many(&|p| p.protected)),
    )?;
    let mut languages: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    people.iter().for_each(|person| *languages.entry(person.language.as_str()).or_default() += 1);
    let read: Vec<String> =
        languages.iter().map(|(tag, n)| format!("{tag} {}", pages::thousands(*n))).collect();
    writeln!(cx.out, "  read: {}", read.join(", "))?;
    if notes.without_address > 0 {
        writeln!(
            cx.out,
            "  {BAD}{}{BAD:#} without an address: held",
            pages::thousands(notes.without_address as usize)
        )?;
    }
    if notes.shared_address > 0 {
        writeln!(
            cx.out,
            "  {BAD}{}{BAD:#} who share an address: held",
            pages::thousands(notes.shared_address as usize)
        )?;
    }
    for identical in &notes.identical {
        writeln!(cx.out, "  line {} says the same as line {}: one person", identical.line, identical.first)?;
    }
    if !notes.dropped.is_empty() {
        writeln!(cx.out, "  columns not read: {}", notes.dropped.join(", "))?;
    }
    Ok(())
}

fn value(reading: &Reading, roster: Option<&Roster>) -> Value {
    let notes = &reading.notes;
    let faults: Vec<Value> = reading.faults.iter().map(super::check::value).collect();
    let columns: serde_json::Map<String, Value> =
        notes.columns.iter().map(|(column, heading)| (column.name().to_owned(), json!(heading))).collect();
    json!({
        "dry_run": true,
        "joined": roster.map_or(0, |roster| roster.people.len()),
        "left": 0,
        "moved": 0,
        "changed": 0,
        "refused": reading.faults.iter().filter(|fault| fault.is_error()).count(),
        "units": roster.map_or(0, |roster| roster.units.len()),
        "without_address": notes.without_address,
        "shared_address": notes.shared_address,
        "encoding": notes.encoding.to_string(),
        "separator": notes.separator.to_string(),
        "columns": columns,
        "dropped": notes.dropped,
        "faults": faults,
    })
}
