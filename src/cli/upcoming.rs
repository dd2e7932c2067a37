//! Prints the mails that come next, for `send` and `status`.

use std::io::{self, Write};

use super::context::Context;
use super::output;
use super::style::{BOLD, DIM};
use crate::domain::time::format::format_datetime_with_week;
use crate::domain::time::timezone::TimeZone;
use crate::engine::plan::upcoming::{Condition, Upcoming, UpcomingMails};

/// What else is known about the next mails.
pub(super) struct Outlook {
    /// All sending is held.
    pub(super) all_held: bool,
    /// At least one person waits for a mail.
    pub(super) is_waiting: bool,
    /// Maximum number of lines.
    pub(super) max_lines: usize,
}

/// Prints the next mails under a heading: a line per time and step.
pub(super) fn text(
    cx: &mut Context,
    zone: TimeZone,
    upcoming: &Upcoming,
    outlook: &Outlook,
) -> io::Result<()> {
    if outlook.all_held {
        let config = cx.config_option();
        return writeln!(
            cx.out,
            "{BOLD}Next{BOLD:#}  nothing, until released: {DIM}journey hold release{config}{DIM:#}"
        );
    }
    let mut mails = upcoming.iter();
    let rows: Vec<Vec<String>> =
        mails.by_ref().take(outlook.max_lines).map(|mails| row(zone, mails)).collect();
    if rows.is_empty() {
        let nothing =
            if outlook.is_waiting { "no mail has a date yet" } else { "nothing, until you do something" };
        return writeln!(cx.out, "{BOLD}Next{BOLD:#}  {nothing}");
    }
    writeln!(cx.out, "{BOLD}Next{BOLD:#}")?;
    output::print_table(&mut *cx.out, &rows, &[1])?;
    let later: usize = mails.map(|mails| mails.mails).sum();
    if later > 0 {
        writeln!(cx.out, "  {DIM}and {} later{DIM:#}", output::thousands(later))?;
    }
    Ok(())
}

fn row(zone: TimeZone, mails: &UpcomingMails) -> Vec<String> {
    let reminder = if mails.round == 0 { String::new() } else { format!(" reminder {}", mails.round) };
    let condition = match mails.condition {
        Some(Condition::Approval) => "if approved",
        Some(Condition::Release) => "if released",
        None => "",
    };
    vec![
        format_datetime_with_week(zone, mails.at),
        output::thousands(mails.mails),
        format!("{}{reminder}", mails.step),
        mails.kind.to_string(),
        condition.to_owned(),
    ]
}
