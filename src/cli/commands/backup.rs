//! `journey backup`: writes a verified copy of the database that `restore` accepts.

use std::io::Write;
use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::style::{DIM, SUCCESS};
use crate::store::{BackupError, Store};

/// Copy the database to a file, also while mails are sent
///
/// An earlier backup of the same database is replaced, but only after the new
/// copy was read back. So a nightly job can use one file name, or a name with
/// the date. Copy the file to another machine afterwards.
///
/// Example: journey backup /var/backups/journey/journey.db
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The backup file; its folder must exist
    file: PathBuf,
    /// Only check whether it is possible; change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let config = cx.config()?;
    let database = config.database.display();
    if !config.database.exists() {
        return Err(CommandError::new(ErrorKind::Io, format!("there is no database {database}")).hint(
            "the first `journey send` or `journey people import` makes it; config.toml names it, `database`",
        ));
    }
    let in_place_of = |plan: &crate::store::BackupPlan| match plan.replaces {
        true => ", in place of the earlier one",
        false => "",
    };
    if args.dry_run {
        let mut planned = None;
        Store::read_only(&config.database, |store| {
            planned = Some(store.plan_backup(&args.file));
            Ok(())
        })?;
        let plan = planned.unwrap_or_else(|| Err(BackupError::InUse { path: config.database.clone() }))?;
        let file = plan.path.display();
        writeln!(cx.out, "would back up {database} to {file}{}", in_place_of(&plan))?;
        return Ok(writeln!(cx.out, "{DIM}Dry run: nothing is changed or saved{DIM:#}")?);
    }
    let at = cx.at(cx.zone(&config)?)?;
    let mut store = cx.store(&config, at)?;
    let plan = store.plan_backup(&args.file)?;
    store.back_up(&plan, at)?;
    let file = args.file.display();
    Ok(writeln!(cx.out, "{SUCCESS}backed up{SUCCESS:#} {database} to {file}{}", in_place_of(&plan))?)
}
