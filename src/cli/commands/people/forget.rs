//! `journey people forget`: deletes everything personal about one person.

use std::io::Write;

use super::one_person;
use crate::cli::change::ChangeFlags;
use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::lookup;
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM};
use crate::domain::diagnostic::visible;
use crate::domain::time::format::format_datetime;
use crate::engine::forget::{self, FORGOTTEN};
use crate::engine::load::snapshot::LoadScope;
use crate::engine::tokens::Keys;
use crate::store::{ForgetOutcome, Forgetting};
use crate::view::forget::ForgetView;

/// Delete everything personal about one person
///
/// Deletes name, address, answers, pauses and waiting mails. What remains is a
/// number that leads to no person, and a keyed hash of the employee id, so that
/// no import brings the person back. It cannot be undone. Answers that are
/// counted without the person cannot be found, and stay.
///
/// Example: journey people forget 1042 --dry-run
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// Employee id or mail address
    person: String,
    /// Why, for those who ask later; without a name
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (mut store, snapshot, at) = cx.writing(LoadScope::ReferenceGroups)?;
    let zone = snapshot.content.library.programme.zone;
    let key = Keys::new(&store.secrets()?).tombstone(args.person.trim());
    if let Some(since) = store.forgotten_at(&key)? {
        // A run that was killed may have left the texts in the log.
        warn_log(cx, store.truncate_log()?)?;
        let message = format!("this person was forgotten on {}", format_datetime(zone, since));
        return Err(CommandError::new(ErrorKind::Negative, message).hint("there is nothing left to delete"));
    }
    let number = one_person(&store, &args.person)?;
    let data = store.personal_data(number)?.ok_or_else(|| lookup::no_such_person(&args.person))?;
    let id = data.person.id.as_str();
    if id.starts_with(FORGOTTEN) {
        return Err(CommandError::usage("this person is already forgotten"));
    }
    let author = cx.act(at, None, args.reason.as_deref());
    let forgetting = if args.flags.dry_run { Forgetting::DryRun } else { Forgetting::Real };
    let (outcome, is_erased) = forget::forget(&mut store, number, id, &author, forgetting)?;
    warn_log(cx, is_erased)?;
    let counts = match outcome {
        ForgetOutcome::Forgotten(counts) => counts,
        ForgetOutcome::InFlight => {
            let message = "a mail to this person is being sent at this moment; nothing was changed";
            return Err(CommandError::new(ErrorKind::Busy, message).hint("run it again in a minute"));
        }
    };
    if args.flags.format == Format::Json {
        let view = ForgetView::of(&args.person, args.flags.dry_run, &counts);
        return Ok(output::print_json(&mut *cx.out, &view)?);
    }
    writeln!(cx.out, "{BOLD}person {}{BOLD:#}", visible(&args.person))?;
    if args.flags.dry_run {
        writeln!(cx.out, "{DIM}Dry run: nothing is changed or saved{DIM:#}")?;
    }
    let row = |count: usize, what: &str| vec![output::thousands(count), what.to_owned()];
    let (deleted, kept) = match forgetting {
        Forgetting::DryRun => ("would be deleted", "would be kept"),
        Forgetting::Real => ("deleted", "kept"),
    };
    writeln!(cx.out, "{deleted}: name, address and everything from HR, and")?;
    let rows = [
        row(counts.queued_mails, "waiting mails, cancelled"),
        row(counts.texts, "written answers"),
        row(counts.counted_answers, "counted answers"),
        row(counts.slips, "records of who answered"),
        row(counts.pauses, "pauses"),
        row(counts.bounces, "bounces"),
        row(counts.audit_texts, "texts in the audit log"),
    ];
    output::print_table(&mut *cx.out, &rows, &[0])?;
    writeln!(cx.out, "{kept}, under a number that leads to no person:")?;
    let rows = [
        row(counts.kept_enrolments, "enrolments"),
        row(counts.kept_mails, "mails, without text"),
        row(counts.kept_events, "events"),
    ];
    output::print_table(&mut *cx.out, &rows, &[0])?;
    if counts.kept_sealed > 0 {
        let answers = output::count(counts.kept_sealed, "answer is", "answers are");
        writeln!(cx.out, "{answers} counted without the person; after 7 days they cannot be traced back")?;
    }
    Ok(writeln!(
        cx.out,
        "imports skip this person from now on; delete the row in the HR export, too.\nBackups made before have the person until they are deleted; `journey restore` forgets them again"
    )?)
}

/// Another program that reads the database keeps the log from being truncated.
fn warn_log(cx: &mut Context, is_erased: bool) -> Result<(), CommandError> {
    if is_erased {
        return Ok(());
    }
    Ok(writeln!(
        cx.err,
        "warning: what was deleted is still in the log beside the database, because another program reads it;\n  \
         it goes when that program lets go"
    )?)
}
