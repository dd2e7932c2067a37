//! `journey people import`: imports a people file, and prints what it changes and which lines have errors.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM, ERROR, SUCCESS};
use crate::domain::change::import_diff::{Import as Changes, Leaver};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::person::{Person, Roster};
use crate::engine::import::{self as engine, ImportOutcome, PeopleImport, TooManyLeavers};
use crate::engine::load::active_content::{self, ActiveContent};
use crate::engine::load::snapshot::LoadScope;
use crate::engine::load::{open, people_file};
use crate::engine::plan::positions;
use crate::roster::RosterResult;
use crate::view::import::ImportView;

/// Takes over a people file: every bad line, who joins, leaves, moves, changes
///
/// All or nothing: with one bad line nobody is imported (exit code 65). Where
/// more would leave than config.toml allows, it stops and says what to type
/// (exit code 80). What somebody already got they never get again, however
/// often they leave and return.
///
/// Example: journey people import --dry-run people.csv
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The people file; else that of config.toml
    file: Option<PathBuf>,
    /// Only show; nothing changes anywhere
    #[arg(long)]
    dry_run: bool,
    /// At most so many may leave, whatever config.toml says
    #[arg(long, value_name = "N", value_parser = leaver_count)]
    allow_leavers: Option<usize>,
    /// How to tell
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn leaver_count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "write how many people may leave, like 12".to_owned())
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let config = cx.config()?;
    let library = active_content::library(&config, cx.provisional_time()?)?;
    let file = args.file.as_ref().unwrap_or(&config.people.file);
    let reading = engine::read(&config, file, &library);
    if people_file::is_unread(&reading.faults) {
        return Err(CommandError::faults(ErrorKind::Io, reading.faults));
    }
    let Some(roster) = &reading.roster else { return refused(args, cx, file, &reading) };
    let import = PeopleImport {
        config: &config,
        library: &library,
        roster,
        allowed_leavers: args.allow_leavers,
        record_unchanged: true,
    };
    let mut outcome = import.preview()?;
    let mut imported = None;
    if !args.dry_run && outcome.too_many_leavers.is_none() {
        let at = cx.at(library.programme.zone)?;
        let mut store = cx.store(&config, at)?;
        // Compare again with the open database: another process may have
        // imported since.
        let seen = store.data_version()?;
        outcome = import.apply(&mut store, seen, &cx.act(at, None, None))?;
        imported = outcome.is_stored.then_some((store, at));
    }
    let ImportOutcome { diff, too_many_leavers, .. } = outcome;
    match args.format {
        Format::Json => {
            output::print_json(&mut *cx.out, &ImportView::of(&reading, Some((roster, &diff)), args.dry_run))?;
        }
        Format::Text => text(cx, args, &file.display().to_string(), &reading, roster, &diff)?,
    }
    if let Some((mut store, at)) = imported {
        // Free the people of the file: all people may not fit in memory twice.
        drop(reading);
        let content = ActiveContent::read(&config, at)?;
        let scope = LoadScope::ReferenceGroups;
        let snapshot = open::snapshot(config.clone(), content, &mut store, scope, at)?;
        cx.warn_broken_content(&snapshot)?;
        positions::update_positions(&snapshot, &mut store, at)?;
    }
    let Some(TooManyLeavers { leavers, people }) = too_many_leavers else { return Ok(()) };
    let limit = match args.allow_leavers {
        Some(allowed) => format!("--allow-leavers {allowed}"),
        None => format!("limit {}", config.people.max_leavers),
    };
    let message = format!(
        "{} of {} people would leave ({limit}); nothing is imported",
        output::thousands(leavers),
        output::thousands(people)
    );
    Err(CommandError::new(ErrorKind::SafetyLimit, message)
        .hint(format!("if intended: --allow-leavers {leavers}")))
}

/// Reports a file with invalid lines: all diagnostics, and no import.
fn refused(args: &Args, cx: &mut Context, file: &Path, reading: &RosterResult) -> Result<(), CommandError> {
    match args.format {
        Format::Json => output::print_json(&mut *cx.out, &ImportView::of(reading, None, args.dry_run))?,
        Format::Text => {
            // Print errors last, where they are seen.
            let (errors, warnings): (Vec<_>, Vec<_>) =
                reading.faults.iter().cloned().partition(Diagnostic::is_error);
            output::print_diagnostics(&mut *cx.out, &warnings)?;
            output::print_diagnostics(&mut *cx.out, &errors)?;
        }
    }
    let errors = reading.faults.iter().filter(|fault| fault.is_error()).count();
    let faults = output::count(errors, "fault", "faults");
    Err(CommandError::new(ErrorKind::BadData, format!("{faults} in {}; nothing is imported", file.display()))
        .hint("mend them where the file is made, and import it again; all lines or none are taken"))
}

fn text(
    cx: &mut Context,
    args: &Args,
    file: &str,
    reading: &RosterResult,
    roster: &Roster,
    import: &Changes<'_>,
) -> Result<(), CommandError> {
    let notes = &reading.notes;
    writeln!(
        cx.out,
        "{BOLD}{file}{BOLD:#}  {} with a person, {}, separated by {}",
        output::count(notes.lines as usize, "line", "lines"),
        notes.encoding,
        notes.separator
    )?;
    if args.dry_run {
        writeln!(cx.out, "{DIM}a dry run: nothing is imported, nothing is remembered{DIM:#}")?;
    }
    writeln!(cx.out)?;
    let moved = import.moved();
    let lines = [
        (import.joined.len(), "joined"),
        (import.returned.len(), "returned"),
        (import.left.len(), "left"),
        (moved, "moved to another unit"),
        (import.changed.len() - moved, "changed otherwise"),
    ];
    for (n, what) in lines {
        let style = if n > 0 { SUCCESS } else { DIM };
        writeln!(cx.out, "  {style}{:>6}{style:#}  {what}", output::thousands(n))?;
    }
    let same = roster.people.len() - import.joined.len() - import.returned.len() - import.changed.len();
    writeln!(cx.out, "  {DIM}{:>6}{DIM:#}  as before\n", output::thousands(same))?;
    summary(cx, reading, roster)?;
    if cx.verbose {
        let row = |(column, heading): &(crate::roster::Column, String)| {
            vec![column.name().to_owned(), heading.clone()]
        };
        writeln!(cx.out, "\n{BOLD}Columns{BOLD:#}")?;
        output::print_table(&mut *cx.out, &notes.columns.iter().map(row).collect::<Vec<_>>(), &[])?;
        who_text(cx, import)?;
    }
    if !reading.faults.is_empty() {
        writeln!(cx.out)?;
        output::print_diagnostics(&mut *cx.out, &reading.faults)?;
    }
    Ok(())
}

/// Lists the people who join, return, leave or change; not at the first import.
fn who_text(cx: &mut Context, import: &Changes<'_>) -> Result<(), CommandError> {
    if import.before == 0 {
        return Ok(());
    }
    let row = |person: &Person, what: String| vec![output::display_id(person).to_owned(), what];
    let mut rows: Vec<Vec<String>> = Vec::new();
    rows.extend(import.joined.iter().map(|person| row(person, "joined".to_owned())));
    rows.extend(import.returned.iter().map(|(_, person)| row(person, "returned".to_owned())));
    let left = |left: &Leaver| if left.protected { "protected".to_owned() } else { left.id.to_string() };
    rows.extend(import.left.iter().map(|gone| vec![left(gone), "left".to_owned()]));
    rows.extend(import.changed.iter().map(|changed| row(changed.person, changed.columns.join(", "))));
    if !rows.is_empty() {
        writeln!(cx.out, "\n{BOLD}Who{BOLD:#}")?;
        output::print_table(&mut *cx.out, &rows, &[])?;
    }
    Ok(())
}

/// Prints counts of the people in the file, and which parts of it were ignored.
fn summary(cx: &mut Context, reading: &RosterResult, roster: &Roster) -> Result<(), CommandError> {
    let notes = &reading.notes;
    let people = &roster.people;
    let departments: std::collections::BTreeSet<_> =
        people.iter().filter_map(|p| p.department.as_ref()).collect();
    let how_many = |what: &dyn Fn(&crate::domain::model::person::Person) -> bool| {
        people.iter().filter(|p| what(p)).count()
    };
    writeln!(
        cx.out,
        "  {} in {}; {} with leave, {} with a last day, {} protected",
        output::count(roster.units.len(), "unit", "units"),
        output::count(departments.len(), "department", "departments"),
        output::thousands(how_many(&|p| !p.leave.is_empty())),
        output::thousands(how_many(&|p| p.end.is_some())),
        output::thousands(how_many(&|p| p.protected)),
    )?;
    let mut languages: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    people.iter().for_each(|person| *languages.entry(person.language.as_str()).or_default() += 1);
    let read: Vec<String> =
        languages.iter().map(|(tag, n)| format!("{tag} {}", output::thousands(*n))).collect();
    writeln!(cx.out, "  read: {}", read.join(", "))?;
    if notes.without_address > 0 {
        writeln!(
            cx.out,
            "  {ERROR}{}{ERROR:#} without an address: held",
            output::thousands(notes.without_address as usize)
        )?;
    }
    if notes.shared_address > 0 {
        writeln!(
            cx.out,
            "  {ERROR}{}{ERROR:#} who share an address: held",
            output::thousands(notes.shared_address as usize)
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
