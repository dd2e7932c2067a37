//! `journey health`: one line and an exit code, for a program that monitors.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::output::{self, Format};
use crate::engine::plan::subset::Subset;
use crate::engine::status::{self, DatabaseStatus};
use crate::engine::todo;
use crate::view::health::HealthView;

/// Says in one line whether there is something to do
///
/// For a program that monitors: exit code 0 if all is well, 1 if there is
/// something to do or if it cannot be found out. It changes nothing. What there
/// is to do is listed by `journey status`.
///
/// Example: journey health
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let health = match read(cx) {
        Ok(health) => health,
        Err(error) => HealthView::unknown(error.in_a_line()),
    };
    match args.format {
        Format::Json => output::print_json(&mut *cx.out, &health)?,
        Format::Text if cx.quiet && health.is_ok() => {}
        Format::Text => writeln!(cx.out, "{}", health.line())?,
    }
    match health.is_ok() {
        true => Ok(()),
        false => Err(CommandError::new(ErrorKind::Negative, "")),
    }
}

fn read(cx: &Context) -> Result<HealthView, CommandError> {
    let (snapshot, at) = cx.snapshot_of_without_warnings(Subset::Groups)?;
    let status = status::status(&snapshot, DatabaseStatus::read(&snapshot, at)?, at);
    let zone = snapshot.content.library.programme.zone;
    Ok(HealthView::of(zone.rfc3339(at), &todo::acts(&snapshot, &status)))
}
