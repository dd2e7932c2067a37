//! `journey backup`: writes a verified copy of the database that `restore` accepts.

use std::io::Write;
use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::style::{DIM, SUCCESS};
use crate::store::{BackupError, Store};

/// Copies the database to a file, whole, also while mails are sent
///
/// What the file held before is replaced only when the new copy has been read
/// back, and only if it is an earlier backup of the same database: so a job
/// may write to one name each night, or to a name with the date in it. Copy
/// the file off this machine afterwards.
///
/// Example: journey backup /var/backups/journey/journey.db
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where to; the folder must be there
    file: PathBuf,
    /// Only look whether it could be made; nothing changes anywhere
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
        return Ok(writeln!(cx.out, "{DIM}a dry run: nothing is changed{DIM:#}")?);
    }
    let at = cx.at(cx.zone(&config)?)?;
    let mut store = cx.store(&config, at)?;
    let plan = store.plan_backup(&args.file)?;
    store.back_up(&plan, at)?;
    let file = args.file.display();
    Ok(writeln!(cx.out, "{SUCCESS}backed up{SUCCESS:#} {database} to {file}{}", in_place_of(&plan))?)
}
