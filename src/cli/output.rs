//! Output helpers shared by the commands: tables, numbers, diagnostics, JSON.

use std::io::{self, Write};

use chrono::TimeDelta;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::style::{DIM, ERROR, WARNING};
use crate::domain::diagnostic::{Diagnostic, Severity, visible};
use crate::domain::model::ids::UnitId;
use crate::domain::model::person::Person;
use crate::domain::verdict::Reason;
use crate::engine::load::snapshot::Snapshot;
pub(super) use crate::view::person::display_id;

/// Text or JSON, where something is listed.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// `1 mail`, `1,400 mails`.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// Prints a warning for the operator.
pub(super) fn print_warning(err: &mut dyn Write, message: &str) -> io::Result<()> {
    writeln!(err, "{WARNING}{message}{WARNING:#}")
}

/// `37 hours`, `4 days`.
pub(super) fn format_age(age: TimeDelta) -> String {
    let n = |n: i64| usize::try_from(n).unwrap_or(0);
    match age.num_hours() {
        hours @ ..72 => count(n(hours), "hour", "hours"),
        _ => count(n(age.num_days()), "day", "days"),
    }
}

/// `1,400`.
pub(super) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Prints an indented table with two spaces between the columns, which fits the terminal. `right`
/// lists the columns aligned to the right.
pub(super) fn print_table(out: &mut dyn Write, rows: &[Vec<String>], right: &[usize]) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 2 } else { 0 }, 2));
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{}", table.trim_fmt())
}

/// Prints diagnostics, each with its location and hint.
pub(super) fn print_diagnostics(out: &mut dyn Write, faults: &[Diagnostic]) -> io::Result<()> {
    for fault in faults {
        let style = match fault.severity {
            Severity::Error => ERROR,
            Severity::Warning => WARNING,
        };
        writeln!(out, "{}: {style}{}{style:#}: {}", fault.place, fault.severity, fault.message)?;
        if let Some(hint) = &fault.hint {
            writeln!(out, "  {DIM}hint:{DIM:#} {hint}")?;
        }
    }
    Ok(())
}

/// Id and name: `1042 Åsa Öberg`; `protected` for people who are not shown.
pub(super) fn person_label(person: &Person) -> String {
    match person.protected {
        true => display_id(person).to_owned(),
        false => visible(format!("{} {}", person.id, person.full_name()).trim_end()),
    }
}

/// `Hemtjänsten Norr (VO-11)`, or the name alone if it is also the id.
pub(super) fn unit_label(snapshot: &Snapshot, unit: &UnitId) -> String {
    let name = snapshot.roster.unit_name(unit);
    if name == unit.as_str() { name.to_owned() } else { format!("{name} ({unit})") }
}

/// How many people have asked for no more mails, if there are any. Those who have left count, too: they may come back.
pub(super) fn stopped_text(snapshot: &Snapshot) -> Option<String> {
    let stopped = snapshot.settings.stopped.len();
    let people = count(stopped, "person has", "people have");
    (stopped > 0).then(|| format!("{people} asked for no more mails"))
}

/// The texts of all reasons in one line.
pub(super) fn reasons_text(reasons: &[Reason]) -> String {
    reasons.iter().map(Reason::text).collect::<Vec<_>>().join("; ")
}

/// Prints a document as indented JSON.
pub(super) fn print_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}
