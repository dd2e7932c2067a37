//! `journey restore`: replaces the database with a backup.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::output;
use crate::cli::style::{BOLD, DIM, SUCCESS, WARNING};
use crate::config::Config;
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::load::active_content;
use crate::engine::send::journal::Journal;
use crate::engine::send::lock::{self, Lock, LockError};
use crate::engine::tokens;
use crate::engine::{forget, retention};
use crate::store::{BackupError, BackupFile, ForgottenPeople, PlainCopy, Store, StoreError};

/// Replace the database with a backup
///
/// Stop the daemon first. The backup is checked before anything changes. The
/// present database is kept beside it, with the time in its name. Afterwards
/// all sending is stopped until you release it.
///
/// Example: journey restore /var/backups/journey/journey.db
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The backup file
    file: PathBuf,
    /// Only check whether it is possible; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Also accept a plain copy of a database file, which may lack the last changes
    #[arg(long)]
    plain_copy: bool,
    /// The reason
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let config = cx.config()?;
    let database = config.database.display();
    let zone = cx.zone(&config)?;
    let at = cx.writing_at(&config, zone)?;
    if !args.file.exists() {
        return Err(CommandError::new(ErrorKind::Io, format!("there is no file {}", args.file.display()))
            .hint("name a file that `journey backup` made"));
    }
    let plain = if args.plain_copy { PlainCopy::Accepted } else { PlainCopy::Refused };
    let copy = BackupFile::open(&args.file, plain).map_err(|error| backup_error(&args.file, error))?;
    copy.check_replace(&config.database)?;
    if args.dry_run {
        check_not_locked(&config)?;
        print_backup_time(cx, zone, &copy)?;
        writeln!(cx.out, "would put it in the place of {database}")?;
        return Ok(writeln!(cx.out, "{DIM}Dry run: nothing is changed or saved{DIM:#}")?);
    }
    let _lock = Lock::acquire(&config.database, at, zone)?;
    let act = cx.act(at, None, args.reason.as_deref());
    let forgotten = forget::forgotten(&config.database)?;
    let has_journal = forgotten.is_some();
    let people = ForgottenPeople { people: forgotten.unwrap_or_default(), key: &tokens::tombstone_of };
    let restored = copy.restore_to(&config.database, &people, &act)?;
    print_backup_time(cx, zone, &copy)?;
    writeln!(cx.out, "{SUCCESS}put in the place of{SUCCESS:#} {database}")?;
    if let Some(aside) = restored.aside {
        writeln!(cx.out, "  what was there is kept as {}", aside.display())?;
    }
    if restored.forgotten > 0 {
        let people = output::count(restored.forgotten, "person is", "people are");
        writeln!(cx.out, "  {people} forgotten again: the backup still had them")?;
    }
    if !has_journal {
        let journal = Journal::path(&config.database);
        writeln!(
            cx.out,
            "{WARNING}there is no send journal{WARNING:#} {}: anyone who was forgotten since the backup is\n  \
             here again; forget them once more with `journey people forget`",
            journal.display()
        )?;
    }
    delete_expired(cx, &config, at)?;
    let config = cx.config_option();
    writeln!(cx.out, "\n{BOLD}Now{BOLD:#}  all sending is held")?;
    writeln!(cx.out, "  look              journey status{config}")?;
    writeln!(cx.out, "  people since      journey people import{config} --dry-run")?;
    writeln!(cx.out, "  then release      journey hold release{config}")?;
    writeln!(
        cx.out,
        "  {DIM}mails sent since the backup are read from the send journal before anything is sent;\n  \
         pauses, approvals and answers since then must be entered again{DIM:#}"
    )?;
    Ok(())
}

/// Deletes the answers whose time is over since the backup. Without content it is not known which; the daemon
/// does it then.
fn delete_expired(cx: &mut Context, config: &Config, at: Timestamp) -> Result<(), CommandError> {
    let Ok(library) = active_content::library(config, at) else { return Ok(()) };
    let mut store = Store::connect(&config.database)?;
    let deleted = retention::run(&library.programme, &mut store, at)?;
    let texts = deleted.own_texts + deleted.programme_texts;
    if texts + deleted.leavers > 0 {
        let (texts, people) =
            (output::count(texts, "answer", "answers"), output::count(deleted.leavers, "person", "people"));
        writeln!(cx.out, "  deleted, because their time is over: {texts}, and those of {people} who left")?;
    }
    Ok(())
}

/// Maps an error about the backup file; a damaged file gets a message of its own.
fn backup_error(file: &Path, error: BackupError) -> CommandError {
    match error {
        BackupError::Store(StoreError::Corrupt { why }) => {
            let message = format!("{} cannot be put back: {why}", file.display());
            CommandError::new(ErrorKind::BadData, message).hint("nothing was changed; take another backup")
        }
        error => error.into(),
    }
}

/// Prints the time of the backup, or of the newest record in a plain copy.
fn print_backup_time(cx: &mut Context, zone: TimeZone, copy: &BackupFile) -> Result<(), CommandError> {
    match (copy.made, copy.newest) {
        (Some(made), _) => writeln!(cx.out, "a backup of {}", format_datetime(zone, made))?,
        (None, Some(newest)) => {
            writeln!(
                cx.out,
                "{WARNING}a copy{WARNING:#}; the last it knows is of {}",
                format_datetime(zone, newest)
            )?;
        }
        (None, None) => writeln!(cx.out, "{WARNING}a copy{WARNING:#} in which nothing has happened yet")?,
    }
    Ok(())
}

fn check_not_locked(config: &Config) -> Result<(), CommandError> {
    match lock::holder(&config.database)? {
        Some(holder) => Err(LockError::Held { holder, path: lock::file(&config.database) }.into()),
        None => Ok(()),
    }
}
