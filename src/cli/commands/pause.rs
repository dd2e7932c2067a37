//! `journey pause` and `journey resume`: suspend mail to a person, a unit or a
//! journey, and resume it.

use crate::cli::change::{self, ChangeFlags, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::{lookup, output, time_arg};
use crate::domain::change::Change;
use crate::domain::change::settings::PauseTarget;
use crate::domain::model::ids::UnitId;
use crate::engine::load::snapshot::Snapshot;

/// Sends nothing to a person, a unit or a journey for a while
///
/// Days of a pause count for no duration: nobody comes back to a heap. With
/// --until mail is allowed again on that day; without, until `journey resume`.
///
/// Example: journey pause --unit "Hemtjänsten Norr" --until 2027-02-01 --reason "new rota"
#[derive(clap::Args, Debug)]
pub(crate) struct Pause {
    #[command(flatten)]
    of: Of,
    /// The first day with mail again
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Why; it is shown wherever somebody asks
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    flags: ChangeFlags,
}

/// Sends again to a person, a unit or a journey that was paused
///
/// Example: journey resume --unit "Hemtjänsten Norr"
#[derive(clap::Args, Debug)]
pub(crate) struct Resume {
    #[command(flatten)]
    of: Of,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Of {
    /// An employee id or a mail address
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// A unit, by id or name
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// A journey
    #[arg(long, value_name = "JOURNEY")]
    journey: Option<String>,
}

impl Of {
    fn find(&self, world: &Snapshot) -> Result<(PauseTarget, String), CommandError> {
        if let Some(text) = &self.person {
            let person = lookup::person(world, text)?;
            let about = format!("person {}", output::display_id(person));
            return Ok((PauseTarget::Person(person.id.clone()), about));
        }
        if let Some(text) = &self.unit {
            let unit = lookup::unit(world, text)?;
            let about = format!("unit {}", unit_label(world, &unit));
            return Ok((PauseTarget::Unit(unit), about));
        }
        let journey = lookup::journey(world, self.journey.as_deref().unwrap_or_default())?;
        let about = format!("journey {journey}");
        Ok((PauseTarget::Journey(journey), about))
    }
}

/// `Hemtjänsten Norr (VO-11)`, or the name alone if it is also the id.
pub(crate) fn unit_label(world: &Snapshot, unit: &UnitId) -> String {
    let name = world.roster.unit_name(unit);
    if name == unit.as_str() { name.to_owned() } else { format!("{name} ({unit})") }
}

pub(crate) fn pause(args: &Pause, cx: &mut Context) -> Result<(), CommandError> {
    let until = args.until.as_deref().map(time_arg::parse_date).transpose()?;
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(CommandError::usage("--reason is empty").hint("write why, for those who ask later"));
    }
    change::run(cx, &args.flags, |world, at| {
        let (of, about) = args.of.find(world)?;
        if let Some(until) = until.filter(|until| *until <= world.content.library.programme.zone.date(at)) {
            let message = format!("--until {until} is not in the future");
            return Err(CommandError::usage(message).hint("it is the first day with mail again"));
        }
        let change = Change::Pause { of, until, reason: reason.into() };
        Ok(ProposedChange { change, about, why: Some(reason.to_owned()), by: None })
    })
}

pub(crate) fn resume(args: &Resume, cx: &mut Context) -> Result<(), CommandError> {
    change::run(cx, &args.flags, |world, _| {
        let (of, about) = args.of.find(world)?;
        Ok(ProposedChange { change: Change::Resume(of), about, why: args.reason.clone(), by: None })
    })
}
