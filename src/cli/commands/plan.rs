//! `journey plan`: forecasts which mails are sent when, and the minutes they take.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::{Datelike, NaiveDate, TimeDelta};
use icalendar::{Calendar, Component, Event, EventLike};

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::style::{BOLD, DIM, WARNING};
use crate::cli::{lookup, output, time_arg};
use crate::domain::forecast::Row;
use crate::domain::time::format::format_date_with_week;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::forecast::{self, Scope};
use crate::view::plan::{PlannedMailView, assumptions};

/// Show who gets which mail when, in the coming weeks
///
/// It uses the same rules as `journey send`. It assumes that approvals come in
/// time and that people answer the day they get a mail, and marks the mails for
/// which this matters. It also shows how many minutes each person needs in each
/// month. In a CSV file, a value that looks like a formula has an apostrophe
/// before it.
///
/// Example: journey plan --unit "Hemtjänsten Norr" --format ics > norr.ics
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The last day [default: in twelve weeks]
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Only this unit (name or id)
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Only this journey
    #[arg(long, value_name = "JOURNEY")]
    journey: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Separator of the columns in CSV
    #[arg(long, value_enum, default_value_t)]
    separator: Separator,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Separator {
    /// `;`, for Excel in countries with a decimal comma
    #[default]
    Semicolon,
    /// `,`
    Comma,
    Tab,
}

impl Separator {
    fn byte(self) -> u8 {
        match self {
            Separator::Semicolon => b';',
            Separator::Comma => b',',
            Separator::Tab => b'\t',
        }
    }
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// A calendar to read
    #[default]
    Text,
    /// For programs, one object for each mail
    Json,
    /// For spreadsheets, one row for each mail
    Csv,
    /// For calendar programs, one entry for each mailing
    Ics,
}

/// Default length of a plan in weeks.
const WEEKS: i64 = 12;

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, at) = cx.snapshot()?;
    let zone = snapshot.content.library.programme.zone;
    let last = match &args.until {
        Some(text) => time_arg::parse_date(text)?,
        None => zone.date(at) + TimeDelta::weeks(WEEKS),
    };
    let end = last.succ_opt().map_or(at, |day| zone.midnight(day));
    if end <= at {
        return Err(CommandError::usage(format!("--until {last} has passed")).hint("name a later day"));
    }
    let scope = Scope {
        units: args.unit.iter().map(|unit| lookup::unit(&snapshot, unit)).collect::<Result<_, _>>()?,
        journeys: args
            .journey
            .iter()
            .map(|slug| lookup::journey(&snapshot, slug))
            .collect::<Result<_, _>>()?,
    };
    let bar = progress(cx, at, end);
    let rows = forecast::rows(&snapshot, at..end, &scope, |now| {
        bar.set_position((now - at).num_days().unsigned_abs());
    });
    bar.finish_and_clear();
    match args.format {
        Format::Text => text(cx, &snapshot, &rows, at, last)?,
        Format::Json => json_rows(&mut *cx.out, &snapshot, &rows)?,
        Format::Csv => csv_rows(&mut *cx.out, &snapshot, &rows, args.separator)?,
        Format::Ics => write!(cx.out, "{}", ics(&snapshot, &rows, at))?,
    }
    Ok(())
}

fn progress(cx: &Context, at: Timestamp, end: Timestamp) -> indicatif::ProgressBar {
    let days = (end - at).num_days().unsigned_abs();
    if cx.is_interactive() { indicatif::ProgressBar::new(days) } else { indicatif::ProgressBar::hidden() }
}

/// The mails of one step and round at one instant.
#[derive(Default)]
struct Mailing {
    mails: usize,
    assumes_approval: bool,
    assumes_answer: bool,
}

/// Mailings by instant, journey, step and round.
type Mailings = BTreeMap<(Timestamp, usize, usize, u16), Mailing>;

fn mailings(rows: &[Row]) -> Mailings {
    let mut mailings = Mailings::new();
    for row in rows {
        let mailing = mailings.entry((row.at, row.journey, row.step, row.round)).or_default();
        mailing.mails += 1;
        mailing.assumes_approval |= row.assumes_approval;
        mailing.assumes_answer |= row.assumes_answer;
    }
    mailings
}

fn text(
    cx: &mut Context,
    snapshot: &Snapshot,
    rows: &[Row],
    at: Timestamp,
    last: NaiveDate,
) -> Result<(), CommandError> {
    let zone = snapshot.content.library.programme.zone;
    writeln!(
        cx.out,
        "{BOLD}{}{BOLD:#}  {} to {}",
        snapshot.content.library.programme.title,
        format_date_with_week(zone.date(at)),
        format_date_with_week(last)
    )?;
    let mailings = mailings(rows);
    if mailings.is_empty() {
        writeln!(cx.out, "\nNo mail is planned for this time")?;
        return Ok(());
    }
    let mut months: BTreeMap<NaiveDate, Vec<Vec<String>>> = BTreeMap::new();
    for ((at, journey, step, round), mailing) in &mailings {
        let civil = zone.civil(*at);
        let month = civil.date().with_day(1).unwrap_or(civil.date());
        months.entry(month).or_default().push(vec![
            format!("{}, week {}", civil.format("%a %e %b"), civil.iso_week().week()),
            civil.format("%H:%M").to_string(),
            output::thousands(mailing.mails),
            step_name(snapshot, *journey, *step, *round),
            snapshot.content.library.journeys[*journey].steps[*step].kind.to_string(),
            marks(mailing),
        ]);
    }
    for (month, rows) in &months {
        writeln!(cx.out, "\n{BOLD}{}{BOLD:#}", month.format("%B %Y"))?;
        output::print_table(&mut *cx.out, rows, &[2])?;
    }
    if mailings.values().any(|mailing| mailing.assumes_approval || mailing.assumes_answer) {
        writeln!(
            cx.out,
            "\n  {DIM}* if it is approved in time  ? if people answer the day they get a mail{DIM:#}"
        )?;
    }
    minutes_text(cx, snapshot, rows)
}

fn step_name(snapshot: &Snapshot, journey: usize, step: usize, round: u16) -> String {
    let journey = &snapshot.content.library.journeys[journey];
    let name = format!("{}/{}", journey.slug, journey.steps[step].slug);
    if round == 0 { name } else { format!("{name} reminder {round}") }
}

fn marks(mailing: &Mailing) -> String {
    let mark = |assumed: bool, mark: &'static str| if assumed { mark } else { "" };
    format!("{}{}", mark(mailing.assumes_approval, "*"), mark(mailing.assumes_answer, "?"))
}

/// Prints the minutes per person and month.
fn minutes_text(cx: &mut Context, snapshot: &Snapshot, rows: &[Row]) -> Result<(), CommandError> {
    let limit = snapshot.content.library.programme.calendar.minutes_per_month;
    let minutes = forecast::minutes(snapshot, rows);
    writeln!(cx.out, "\n{BOLD}Minutes asked of each person{BOLD:#}")?;
    let mut table: Vec<Vec<String>> = vec![["", "people", "usual", "most"].map(str::to_owned).to_vec()];
    for (month, minutes) in &minutes {
        table.push(vec![
            month.format("%b %Y").to_string(),
            output::thousands(minutes.people as usize),
            minutes.usual.to_string(),
            minutes.most.to_string(),
        ]);
    }
    output::print_table(&mut *cx.out, &table, &[1, 2, 3])?;
    for (month, minutes) in minutes.iter().filter(|(_, minutes)| minutes.above > 0) {
        let people = output::count(minutes.above as usize, "person is", "people are");
        writeln!(
            cx.err,
            "{WARNING}warning{WARNING:#}: {people} asked more than {limit} minutes in {} (`minutes_per_month`)",
            month.format("%B %Y")
        )?;
    }
    Ok(())
}

/// Writes a JSON array row by row, so that a plan of years is not held as JSON in
/// memory.
fn json_rows(out: &mut dyn Write, snapshot: &Snapshot, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "[")?;
    for (index, row) in rows.iter().enumerate() {
        let comma = if index + 1 == rows.len() { "" } else { "," };
        write!(out, "  ")?;
        serde_json::to_writer(&mut *out, &PlannedMailView::of(snapshot, row))?;
        writeln!(out, "{comma}")?;
    }
    writeln!(out, "]")
}

/// Names stand beside ids, and times are local, so that a spreadsheet knows them as times. The byte order mark tells
/// Excel that it is UTF-8.
fn csv_rows(out: &mut dyn Write, snapshot: &Snapshot, rows: &[Row], separator: Separator) -> io::Result<()> {
    let zone = snapshot.content.library.programme.zone;
    // Write into memory first: the CSV writer would hide a closed pipe.
    let mut writer =
        csv::WriterBuilder::new().delimiter(separator.byte()).from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record([
        "person",
        "name",
        "unit",
        "journey",
        "journey_title",
        "step",
        "step_title",
        "round",
        "at",
        "minutes",
        "assumes",
    ])?;
    for row in rows {
        let journey = &snapshot.content.library.journeys[row.journey];
        let person = &snapshot.roster.people[row.person];
        let step = &journey.steps[row.step];
        let (name, unit) = match person.protected {
            true => (String::new(), ""),
            false => (
                format!("{} {}", person.first_name, person.last_name),
                snapshot.roster.unit_name(&person.unit),
            ),
        };
        let title = step.variants.first().map_or("", |variant| variant.title.as_str());
        writer.write_record([
            cell(output::display_id(person)).as_str(),
            cell(name.trim()).as_str(),
            cell(unit).as_str(),
            journey.slug.as_str(),
            cell(&journey.title).as_str(),
            step.slug.as_str(),
            cell(title).as_str(),
            &row.round.to_string(),
            &zone.civil(row.at).format("%Y-%m-%d %H:%M").to_string(),
            &row.minutes.to_string(),
            &assumptions(row).join(" "),
        ])?;
    }
    let text = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&text)
}

/// Escapes a cell that a spreadsheet would run as a formula (OWASP ASVS 1.2.10). Apostrophes before
/// the sign count as part of it, so that removing one apostrophe always gives the value back.
fn cell(text: &str) -> String {
    let formula = text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '\0']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

/// A title as part of an identifier: letters and digits, in lower case.
fn identifier(title: &str) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Escapes a text value (RFC 5545, 3.3.11).
fn escape_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n")
}

/// An iCalendar file with one event per mailing: time, step, number of mails.
fn ics(snapshot: &Snapshot, rows: &[Row], stamp: Timestamp) -> String {
    let mut calendar = Calendar::empty();
    for (name, value) in [("VERSION", "2.0"), ("PRODID", "-//journey//plan//EN"), ("CALSCALE", "GREGORIAN")] {
        calendar.append_property(icalendar::Property::new(name, value));
    }
    // The package escapes the value of X-WR-CALNAME, but not that of NAME (icalendar 0.17).
    let title = &snapshot.content.library.programme.title;
    calendar.append_property(icalendar::Property::new("NAME", escape_text(title)));
    calendar.append_property(icalendar::Property::new("X-WR-CALNAME", title));
    let programme = identifier(title);
    let mailings = mailings(rows);
    let mut largest: BTreeMap<(usize, usize, u16), (usize, Timestamp)> = BTreeMap::new();
    for ((at, journey, step, round), mailing) in &mailings {
        let most = largest.entry((*journey, *step, *round)).or_insert((mailing.mails, *at));
        if mailing.mails > most.0 {
            *most = (mailing.mails, *at);
        }
    }
    for ((at, journey, step, round), mailing) in mailings {
        let name = step_name(snapshot, journey, step, round);
        let slugs = &snapshot.content.library.journeys[journey];
        let mut uid = format!("{programme}-{}-{}-{round}", slugs.slug, slugs.steps[step].slug);
        // Some people get a step at another time. The entry of most people keeps its identifier when it moves.
        if largest[&(journey, step, round)].1 != at {
            uid += &format!("-{}", at.format("%Y%m%dT%H%M"));
        }
        uid += "@journey";
        let minutes = i64::from(snapshot.content.library.journeys[journey].steps[step].minutes);
        let mails = output::count(mailing.mails, "mail", "mails");
        let mut event = Event::new();
        event
            .uid(&uid)
            .timestamp(stamp)
            .starts(at)
            .ends(at + TimeDelta::minutes(minutes))
            .summary(&format!("{name}: {mails}"));
        if mailing.assumes_approval || mailing.assumes_answer {
            event.description("If approvals come in time and people answer the day they get a mail.");
        }
        calendar.push(event.done());
    }
    calendar.done().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_calendars_and_spreadsheets_are_escaped() {
        assert_eq!(escape_text("a, b; c\\d\ne"), "a\\, b\\; c\\\\d\\ne");
        let cells = ["=1+1", "+46", "-x", "@a", "Åsa", "a=b"].map(cell);
        assert_eq!(cells, ["'=1+1", "'+46", "'-x", "'@a", "Åsa", "a=b"]);
        assert_eq!(identifier("Miljö, klimat & \"vatten\"\r\n2027"), "miljö-klimat-vatten-2027");
    }
}
