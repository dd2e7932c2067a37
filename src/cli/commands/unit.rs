//! `journey unit`: shifts a unit, closes it, or gives it a cadence of its own.

use crate::cli::change::{self, ChangeFlags, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::{lookup, output, time_arg};
use crate::domain::change::Change;
use crate::domain::model::ids::UnitId;
use crate::domain::model::person::Period;
use crate::domain::planner;
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::subset::Subset;

/// Move a unit in time, close it, or give it its own cadence
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Unit {
    Shift(Shift),
    Close(Close),
    Cadence(CadenceArgs),
}

/// Move all mails of a unit by some weeks
///
/// Several moves add up.
///
/// Example: journey unit shift "Hemtjänsten Norr" --weeks 2 --reason "short of staff"
#[derive(clap::Args, Debug)]
pub(crate) struct Shift {
    /// A unit (name or id)
    unit: String,
    /// Number of weeks later; negative for earlier
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = weeks)]
    weeks: i32,
    /// The reason
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    flags: ChangeFlags,
}

/// Send a unit no mail from one day to another; both days are included
///
/// Example: journey unit close "Centralköket" 2027-02-22 2027-02-26 --why "rebuilding"
#[derive(clap::Args, Debug)]
pub(crate) struct Close {
    /// A unit (name or id)
    unit: String,
    /// The first day without mail
    from: String,
    /// The last day without mail
    to: String,
    /// The reason; `journey why` and `status` show it
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    flags: ChangeFlags,
}

/// Give a unit its own sending times
///
/// They are used instead of the cadence of each journey.
///
/// Example: journey unit cadence "Nattpatrullen" "0 15 * * Wed"
#[derive(clap::Args, Debug)]
pub(crate) struct CadenceArgs {
    /// A unit (name or id)
    unit: String,
    /// Minute, hour, day, month, weekday; `journey` for the cadence of each journey
    cadence: String,
    /// The reason
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

fn weeks(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| "write a number of weeks, like 2 or -1".to_owned())
}

/// Longest accepted shift in weeks; more is a typing error.
const MAX_WEEKS: i32 = 104;

pub(crate) fn run(unit: &Unit, cx: &mut Context) -> Result<(), CommandError> {
    match unit {
        Unit::Shift(args) => shift(args, cx),
        Unit::Close(args) => close(args, cx),
        Unit::Cadence(args) => cadence(args, cx),
    }
}

fn shift(args: &Shift, cx: &mut Context) -> Result<(), CommandError> {
    if args.weeks == 0 || args.weeks.abs() > MAX_WEEKS {
        let message = format!("--weeks {} is 0 or too large", args.weeks);
        return Err(CommandError::usage(message).hint(format!("write 1 to {MAX_WEEKS}, or -1 and so on")));
    }
    change::run(cx, &args.flags, Subset::ChangedUnit(&args.unit), |snapshot, _| {
        let unit = lookup::unit(snapshot, &args.unit)?;
        let about = format!("unit {}", output::unit_label(snapshot, &unit));
        let change = Change::Shift { unit, weeks: args.weeks };
        Ok(ProposedChange { change, about, why: Some(args.reason.clone()), by: None })
    })
}

fn close(args: &Close, cx: &mut Context) -> Result<(), CommandError> {
    let days = Period { from: time_arg::parse_date(&args.from)?, to: time_arg::parse_date(&args.to)? };
    if days.to < days.from {
        let message = format!("{} comes before {}", args.to, args.from);
        return Err(CommandError::usage(message).hint("the first day comes first; both are closed"));
    }
    let why = args.why.trim();
    if why.is_empty() {
        return Err(CommandError::usage("--why is empty").hint("write why, for those who ask later"));
    }
    change::run(cx, &args.flags, Subset::ChangedUnit(&args.unit), |snapshot, _| {
        let unit = lookup::unit(snapshot, &args.unit)?;
        let about = format!("unit {}", output::unit_label(snapshot, &unit));
        let change = Change::CloseUnit { unit, period: ClosedPeriod { days, why: why.into() } };
        Ok(ProposedChange { change, about, why: Some(why.to_owned()), by: None })
    })
}

fn cadence(args: &CadenceArgs, cx: &mut Context) -> Result<(), CommandError> {
    let cadence = match args.cadence.as_str() {
        "journey" => None,
        text => {
            let refused = |message, hint| CommandError::usage(message).hint(hint);
            Some(Cadence::parse(text).map_err(|fault| refused(fault.message, fault.hint))?)
        }
    };
    change::run(cx, &args.flags, Subset::ChangedUnit(&args.unit), |snapshot, at| {
        let today = snapshot.content.library.programme.zone.date(at);
        if cadence.as_ref().is_some_and(|cadence| !cadence.has_slot_in_the_year_from(today)) {
            let message = format!("`{}` has no slot in the next 366 days", args.cadence);
            return Err(CommandError::usage(message).hint("check day, month and weekday"));
        }
        let unit = lookup::unit(snapshot, &args.unit)?;
        if let Some(cadence) = &cadence {
            check_sends(snapshot, &unit, cadence, at)?;
        }
        let about = format!("unit {}", output::unit_label(snapshot, &unit));
        let change = Change::SetCadence { unit, cadence: cadence.clone() };
        Ok(ProposedChange { change, about, why: args.reason.clone(), by: None })
    })
}

/// Refuses a cadence none of whose times are times with mail.
fn check_sends(
    snapshot: &Snapshot,
    unit: &UnitId,
    cadence: &Cadence,
    at: Timestamp,
) -> Result<(), CommandError> {
    let programme = &snapshot.content.library.programme;
    let closed = snapshot.settings.units.get(unit).map_or(&[][..], |unit| &unit.closed);
    let first = planner::first_usable_slot(cadence, at, snapshot.settings.grace, programme, closed);
    let Err(reason) = first else { return Ok(()) };
    let reason = reason.map_or(String::new(), |reason| format!(": {}", reason.text()));
    let calendar = &programme.calendar;
    let message = format!("`{}` would never send a mail{reason}", cadence.as_str());
    Err(CommandError::usage(message).hint(format!(
        "mails can leave on workdays from {} until {}",
        calendar.opens.format("%H:%M"),
        calendar.closes.format("%H:%M")
    )))
}
