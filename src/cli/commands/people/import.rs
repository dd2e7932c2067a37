//! `journey people import`: imports a people file, and prints what it changes and which rows have errors.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM, ERROR, SUCCESS};
use crate::config::Config;
use crate::domain::change::ChangeAuthor;
use crate::domain::change::import_diff::{ChangeKind, ImportDiff, PersonChange};
use crate::domain::diagnostic::{Diagnostic, Location, visible};
use crate::engine::forget;
use crate::engine::import::{
    ImportError, PeopleImport, Settlement, TooManyLeavers, guarded_hint, guarded_message,
};
use crate::engine::load::active_content::{self, ActiveContent};
use crate::engine::load::snapshot::LoadScope;
use crate::engine::load::{open, people_file};
use crate::engine::plan::decide;
use crate::roster::{Column, FileReading};
use crate::store::Store;
use crate::view::import::ImportView;

/// Import a people file: who joined, left, moved or changed
///
/// A row with an error is not imported; its person stays as before, and all
/// other rows are imported (exit code 1). If too many rows have errors, nothing
/// is imported (exit code 65). If more people would leave than config.toml
/// allows, it stops and says what to type (exit code 80). People who leave and
/// come back never get the same mail again.
///
/// Example: journey people import --dry-run people.csv
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The people file [default: the one in config.toml]
    file: Option<PathBuf>,
    /// Only show what would change; import nothing
    #[arg(long)]
    dry_run: bool,
    /// Import nothing if any row has an error
    #[arg(long)]
    strict: bool,
    /// Allow this many people to leave
    #[arg(long, value_name = "N", value_parser = leaver_count)]
    allow_leavers: Option<usize>,
    /// A unit was renamed: its pauses, shifts, closings and cadence move along
    #[arg(long, value_name = "OLD=NEW", value_parser = renamed)]
    move_decisions: Vec<Settlement>,
    /// A unit is gone: its pauses, shifts, closings and cadence end
    #[arg(long, value_name = "OLD")]
    drop_decisions: Vec<String>,
    /// Import a person who was forgotten, as a new one
    #[arg(long, value_name = "ID")]
    readmit: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Maximum number of people named for each kind of change.
const MAX_NAMES: usize = 20;

fn leaver_count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "write how many people may leave, like 12".to_owned())
}

fn renamed(text: &str) -> Result<Settlement, String> {
    match text.split_once('=').map(|(from, to)| (from.trim(), to.trim())) {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => {
            Ok(Settlement::Move { from: from.to_owned(), to: to.to_owned() })
        }
        _ => Err("write the old and the new name of the unit, like \"Ward A=Ward A1\"".to_owned()),
    }
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let config = cx.config()?;
    let library = active_content::library(&config, cx.provisional_time()?)?;
    let file = args.file.as_ref().unwrap_or(&config.people.file);
    let dropped = args.drop_decisions.iter().cloned().map(Settlement::Drop);
    let settlements: Vec<Settlement> = args.move_decisions.iter().cloned().chain(dropped).collect();
    let import = PeopleImport {
        file,
        is_strict: args.strict,
        allowed_leavers: args.allow_leavers,
        settlements: &settlements,
        max_names: if cx.verbose { usize::MAX } else { MAX_NAMES },
        ..PeopleImport::of(&config, &library)
    };
    let at = cx.at(library.programme.zone)?;
    // A file that is refused must not create a database.
    let preview = (args.dry_run || !config.database.exists()).then(|| import.preview(at)).transpose()?;
    let (outcome, imported) = match preview {
        Some(preview) if args.dry_run || !preview.is_allowed() => (preview, None),
        Some(_) | None => {
            let mut store = cx.store(&config, at)?;
            readmit(args, &mut store, &cx.act(at, None, None))?;
            let seen = store.data_version()?;
            let outcome = import.apply(&mut store, seen, &cx.act(at, None, None))?;
            let imported = outcome.is_stored.then_some(store);
            (outcome, imported)
        }
    };
    if people_file::is_unread(&outcome.reading.faults) {
        return Err(CommandError::faults(ErrorKind::Io, outcome.reading.faults));
    }
    if args.format == Format::Json {
        output::print_json(&mut *cx.out, &ImportView::of(&outcome, args.dry_run))?;
    }
    if outcome.forgotten > 0 && args.format == Format::Text {
        let rows = output::count(outcome.forgotten as usize, "row", "rows");
        writeln!(cx.out, "{rows} skipped: forgotten")?;
    }
    let reading = &outcome.reading;
    let Some(diff) = &outcome.diff else { return refused(args, cx, file, reading) };
    if args.format == Format::Text {
        text(cx, args, &file.display().to_string(), reading, diff)?;
    }
    if let Some(mut store) = imported {
        let content = ActiveContent::read(&config, at)?;
        let scope = LoadScope::ReferenceGroups;
        let snapshot = open::snapshot(config.clone(), content, &mut store, scope, at)?;
        cx.warn_broken_content(&snapshot)?;
        decide::update(&snapshot, &mut store, at)?;
    }
    match outcome.too_many_leavers {
        Some(too_many) => Err(too_many_leavers_error(args, &config, too_many)),
        None => left_out(reading, diff, file),
    }
}

/// Takes the tombstones of people away who are to be imported again.
fn readmit(args: &Args, store: &mut Store, author: &ChangeAuthor) -> Result<(), CommandError> {
    for id in &args.readmit {
        if !forget::readmit(store, id.trim(), author)? {
            let message = format!("no person with the id `{}` is forgotten", visible(id));
            return Err(CommandError::usage(message).hint("leave out --readmit, or correct the id"));
        }
    }
    Ok(())
}

fn too_many_leavers_error(args: &Args, config: &Config, too_many: TooManyLeavers) -> CommandError {
    let TooManyLeavers { leavers, people } = too_many;
    let limit = match args.allow_leavers {
        Some(allowed) => format!("--allow-leavers {allowed}"),
        None => format!("`max_leavers` is {}", config.people.max_leavers),
    };
    let message = format!(
        "{} of {} people would leave ({limit}); nothing is imported",
        output::thousands(leavers),
        output::thousands(people)
    );
    CommandError::new(ErrorKind::SafetyLimit, message)
        .hint(format!("if this is right, run again with --allow-leavers {leavers}"))
}

impl From<ImportError> for CommandError {
    fn from(error: ImportError) -> CommandError {
        match error {
            ImportError::Store(error) => error.into(),
            ImportError::Settlement { message, hint } => CommandError::usage(message).hint(hint),
        }
    }
}

/// Exit code 1 if something in the file was not imported.
fn left_out(reading: &FileReading, diff: &ImportDiff, file: &Path) -> Result<(), CommandError> {
    let bad = reading.set_aside.count() as usize;
    let guarded = diff.guarded_people();
    let file = visible(&file.display().to_string());
    let of = output::count(reading.notes.lines as usize, "row", "rows");
    let mut parts = Vec::new();
    if bad > 0 {
        let rows = if bad == 1 { "row is" } else { "rows are" };
        parts.push(format!("{} {rows} not imported because of errors", output::thousands(bad)));
    }
    if guarded > 0 {
        parts
            .push(format!("{} not moved to another unit", output::count(guarded, "person is", "people are")));
    }
    if parts.is_empty() {
        return Ok(());
    }
    let error = CommandError::new(ErrorKind::Negative, format!("{file}, {of}: {}", parts.join("; ")));
    Err(match bad {
        0 => error.hint("settle the decisions about the unit as shown above, and import again"),
        _ => {
            error.hint("correct these rows in the HR system and import the new file; all other rows are done")
        }
    })
}

/// Reports a file that cannot be imported: all diagnostics.
fn refused(args: &Args, cx: &mut Context, file: &Path, reading: &FileReading) -> Result<(), CommandError> {
    match args.format {
        Format::Json => {}
        Format::Text => {
            // Print errors last, where they are seen.
            let (errors, warnings): (Vec<_>, Vec<_>) =
                reading.faults.iter().cloned().partition(Diagnostic::is_error);
            output::print_diagnostics(&mut *cx.out, &warnings)?;
            output::print_diagnostics(&mut *cx.out, &errors)?;
        }
    }
    let errors = reading.faults.iter().filter(|fault| fault.is_error()).count();
    let errors = output::count(errors, "error", "errors");
    let file = visible(&file.display().to_string());
    Err(CommandError::new(ErrorKind::BadData, format!("{errors} in {file}; nothing is imported"))
        .hint("correct them in the HR system, export again and import the new file"))
}

fn text(
    cx: &mut Context,
    args: &Args,
    file: &str,
    reading: &FileReading,
    diff: &ImportDiff,
) -> Result<(), CommandError> {
    let notes = &reading.notes;
    writeln!(
        cx.out,
        "{BOLD}{}{BOLD:#}  {}, {}, separated by {}",
        visible(file),
        output::count(notes.lines as usize, "row", "rows"),
        notes.encoding,
        notes.separator
    )?;
    if args.dry_run {
        writeln!(cx.out, "{DIM}Dry run: nothing is imported or saved{DIM:#}")?;
    }
    writeln!(cx.out)?;
    let joined_or_returned = diff.count(ChangeKind::Joined) + diff.count(ChangeKind::Returned);
    let same = notes.counts.people as usize - joined_or_returned - diff.changed() - diff.guarded_people();
    let lines = [
        (ChangeKind::Joined, "joined"),
        (ChangeKind::Returned, "came back"),
        (ChangeKind::Left, "left"),
        (ChangeKind::Moved, "moved to another unit"),
        (ChangeKind::NewAddress, "have a new mail address"),
        (ChangeKind::Changed, "changed in another way"),
    ];
    for (kind, what) in lines {
        let n = diff.count(kind);
        let style = if n > 0 { SUCCESS } else { DIM };
        writeln!(cx.out, "  {style}{:>6}{style:#}  {what}", output::thousands(n))?;
    }
    writeln!(cx.out, "  {DIM}{:>6}{DIM:#}  unchanged", output::thousands(same))?;
    if diff.kept > 0 {
        let kept = output::thousands(diff.kept);
        writeln!(cx.out, "  {ERROR}{kept:>6}{ERROR:#}  stay as they were: their row is not imported")?;
    }
    writeln!(cx.out)?;
    summary(cx, reading)?;
    if cx.verbose {
        let row = |(column, heading): &(Column, String)| vec![column.name().to_owned(), heading.clone()];
        writeln!(cx.out, "\n{BOLD}Columns{BOLD:#}")?;
        output::print_table(&mut *cx.out, &notes.columns.iter().map(row).collect::<Vec<_>>(), &[])?;
    }
    who_text(cx, diff)?;
    problems_text(cx, file, reading, diff)
}

/// Prints warnings, then what was not imported, then what to do: the last lines are seen first.
fn problems_text(
    cx: &mut Context,
    file: &str,
    reading: &FileReading,
    diff: &ImportDiff,
) -> Result<(), CommandError> {
    let (mut errors, warnings): (Vec<_>, Vec<_>) =
        reading.faults.iter().cloned().partition(Diagnostic::is_error);
    let of_units = diff.guarded.iter().map(|guarded| {
        Diagnostic::error("unit-decisions", Location::file(file), guarded_message(guarded))
            .hint(guarded_hint(guarded))
    });
    errors.extend(of_units);
    for found in [warnings, errors] {
        if !found.is_empty() {
            writeln!(cx.out)?;
            output::print_diagnostics(&mut *cx.out, &found)?;
        }
    }
    Ok(())
}

/// Names the people who join, come back, leave, move or change; not at the first import.
fn who_text(cx: &mut Context, diff: &ImportDiff) -> Result<(), CommandError> {
    for settled in &diff.settled {
        let what = match &settled.moved_to {
            Some(unit) => format!("moved from the unit `{}` to `{}`", settled.unit, unit.name),
            None => format!("of the unit `{}` ended", settled.unit),
        };
        writeln!(cx.out, "\nDecisions {}: {}", visible(&what), visible(&settled.decisions.join("; ")))?;
    }
    if diff.before == 0 {
        return Ok(());
    }
    for (before, now) in &diff.renamed_units {
        writeln!(cx.out, "\nThe unit `{}` is now called `{}`", visible(before), visible(now))?;
    }
    names(cx, diff, "Joined", ChangeKind::Joined)?;
    names(cx, diff, "Came back", ChangeKind::Returned)?;
    let left = if diff.unidentified.is_empty() { "Left" } else { "Not in the file" };
    names(cx, diff, left, ChangeKind::Left)?;
    names(cx, diff, left, ChangeKind::NotRemoved)?;
    if diff.count(ChangeKind::NotRemoved) > 0 {
        let lines: Vec<String> = diff.unidentified.iter().take(5).map(u32::to_string).collect();
        let lines = if let [line] = &lines[..] {
            format!("line {line}")
        } else {
            format!("lines {}", lines.join(", "))
        };
        writeln!(
            cx.out,
            "  {ERROR}They are not removed: {lines} of the file cannot be read and may be about any of them{ERROR:#}"
        )?;
    }
    names(cx, diff, "Moved", ChangeKind::Moved)?;
    names(cx, diff, "New mail address", ChangeKind::NewAddress)?;
    names(cx, diff, "Changed", ChangeKind::Changed)
}

/// Prints the people with one kind of change under a heading.
fn names(cx: &mut Context, diff: &ImportDiff, heading: &str, kind: ChangeKind) -> Result<(), CommandError> {
    let rows: Vec<Vec<String>> =
        diff.named.iter().filter(|change| change.kind == kind).map(name_row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let more = diff.count(kind) - rows.len();
    writeln!(cx.out, "\n{BOLD}{heading}{BOLD:#}")?;
    output::print_table(&mut *cx.out, &rows, &[])?;
    if more > 0 {
        writeln!(cx.out, "  {DIM}and {} more; -v shows all{DIM:#}", output::thousands(more))?;
    }
    Ok(())
}

/// A person, and what changes.
fn name_row(change: &PersonChange) -> Vec<String> {
    if change.protected {
        return vec!["protected".to_owned(), String::new(), String::new()];
    }
    let visible = |text: &Option<String>| visible(text.as_deref().unwrap_or_default());
    let what = match change.kind {
        ChangeKind::Joined | ChangeKind::Returned => visible(&change.unit),
        ChangeKind::Left | ChangeKind::NotRemoved => visible(&change.unit_before),
        ChangeKind::Moved => format!("{} → {}", visible(&change.unit_before), visible(&change.unit)),
        ChangeKind::NewAddress if change.email.is_none() => "no address".to_owned(),
        ChangeKind::NewAddress => visible(&change.email),
        ChangeKind::Changed | ChangeKind::UnitRenamed => change.columns.clone(),
    };
    vec![change.id.to_string(), crate::domain::diagnostic::visible(&change.name), what]
}

/// Prints counts of the people in the file, and which parts of it were ignored.
fn summary(cx: &mut Context, reading: &FileReading) -> Result<(), CommandError> {
    let notes = &reading.notes;
    let counts = &notes.counts;
    writeln!(
        cx.out,
        "  {} in {}; {} with leave, {} with an end date, {} protected",
        output::count(counts.units as usize, "unit", "units"),
        output::count(counts.departments as usize, "department", "departments"),
        output::thousands(counts.with_leave as usize),
        output::thousands(counts.with_end as usize),
        output::thousands(counts.protected as usize),
    )?;
    let languages = counts.languages.iter();
    let languages: Vec<String> =
        languages.map(|(tag, n)| format!("{tag} {}", output::thousands(*n as usize))).collect();
    writeln!(cx.out, "  languages: {}", languages.join(", "))?;
    let held = [
        (counts.without_address, "without a mail address: they get no mail"),
        (counts.shared_address, "share a mail address with another person: they get no mail"),
    ];
    for (count, what) in held.into_iter().filter(|&(count, _)| count > 0) {
        writeln!(cx.out, "  {ERROR}{}{ERROR:#} {what}", output::thousands(count as usize))?;
    }
    if counts.second_employments > 0 {
        let rows = output::count(counts.second_employments as usize, "row is", "rows are");
        writeln!(cx.out, "  {rows} another employment of a person who gets mail already")?;
    }
    let repeated =
        |is_employment: bool| notes.repeated.iter().filter(move |row| row.is_employment == is_employment);
    for row in repeated(false).take(MAX_NAMES) {
        writeln!(cx.out, "  line {} says the same as line {}: one person", row.line, row.used)?;
    }
    for row in repeated(true).take(MAX_NAMES) {
        writeln!(
            cx.out,
            "  lines {} and {} are one person with two employments: line {1} counts",
            row.line, row.used
        )?;
    }
    if !notes.dropped.is_empty() {
        writeln!(cx.out, "  columns not read: {}", visible(&notes.dropped.join(", ")))?;
    }
    Ok(())
}
