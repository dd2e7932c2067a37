//! `journey bounce`: reads a mail that arrived at a return path, piped in by the
//! mail server; `--clear` makes a person deliverable again.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::lookup;
use crate::cli::style::{ERROR, WARNING};
use crate::config::Config;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::bounce::{self, BounceOutcome};
use crate::store::{BounceRecord, Store};

/// Takes a mail that came back, on standard input
///
/// For the mail server to call, with every mail to the address of `[mail]
/// bounce`. A report that there is no such mailbox holds the person until HR's
/// file brings another address; only a report with the token of the mail itself
/// is believed. Nothing is kept of answers and letters.
///
/// Example: journey bounce --to bounces+k7m2…@ekdala.example < report.eml
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// To whom the server was told to hand it; goes before what the mail says
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    to: Option<String>,
    /// Write to this person again, at the address that a mail came back from
    #[arg(long, value_name = "PERSON", conflicts_with = "to")]
    clear: Option<String>,
    /// Why; it stands in the audit log
    #[arg(long, value_name = "TEXT", requires = "clear")]
    reason: Option<String>,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    match &args.clear {
        Some(person) => clear(person, args, cx),
        None => process(args, cx).map_err(keep_the_mail),
    }
}

/// A mail server keeps a mail and tries again only after this exit code; after any other one the
/// report is lost. Every error here can pass: in the configuration, the database, the disk.
fn keep_the_mail(error: CommandError) -> CommandError {
    match error.kind {
        ErrorKind::ClosedPipe => error,
        _ => CommandError { kind: ErrorKind::Busy, ..error }
            .hint("the mail server must keep this mail and try again: exit code 75"),
    }
}

fn process(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let config = cx.config()?;
    let at = cx.at(TimeZone::UTC)?;
    let bytes = bounce::mail(std::io::stdin().lock())?;
    let mut store = open(cx, &config, at)?;
    let act = cx.act(at, Some("a mail server"), None);
    let taken = bounce::take(&mut store, &bytes, args.to.as_deref(), &act)?;
    if let BounceOutcome::Unparseable { reference, delivery } = &taken {
        // Also with --quiet: the log of the mail server is where it is looked for.
        let of =
            delivery.map_or(String::new(), |delivery| format!(" to the return path of delivery {delivery}"));
        writeln!(
            cx.err,
            "{WARNING}a mail{of} could not be read as a report{WARNING:#}: reference {reference}; \
             it is counted in `journey status`, and nothing else was changed"
        )?;
        return Ok(());
    }
    if let BounceOutcome::Bounced { delivery, code, kept: BounceRecord::Recorded | BounceRecord::PersonHeld } =
        taken
        && bounce::is_alarm(code)
    {
        writeln!(
            cx.err,
            "{ERROR}delivery {delivery} came back: {code}{ERROR:#}, which is about the relay or the mail, and no reader\u{2019}s fault"
        )?;
        return Ok(());
    }
    if !cx.quiet {
        print_outcome(cx, &taken)?;
    }
    Ok(())
}

fn print_outcome(cx: &mut Context, taken: &BounceOutcome) -> Result<(), CommandError> {
    let out = &mut cx.out;
    match taken {
        BounceOutcome::Bounced { delivery, code, kept: BounceRecord::PersonHeld } => writeln!(
            out,
            "delivery {delivery} came back: {code}; {WARNING}its reader is held{WARNING:#} until HR\u{2019}s file has another address"
        )?,
        BounceOutcome::Bounced { delivery, code, kept: BounceRecord::Recorded } => {
            writeln!(out, "delivery {delivery} came back: {code}; it is noted, and nobody is held for it")?;
        }
        BounceOutcome::Bounced { delivery, code, kept: BounceRecord::Duplicate } => {
            writeln!(out, "delivery {delivery} came back: {code}; that was known")?;
        }
        BounceOutcome::Delayed { delivery } => {
            writeln!(out, "delivery {delivery} is under way or has arrived; nothing changes")?;
        }
        BounceOutcome::OtherRecipient { delivery } => {
            writeln!(out, "delivery {delivery}: the report is not about its reader; nothing changes")?;
        }
        BounceOutcome::UnknownToken => {
            writeln!(out, "a report without the token of a mail of ours; nothing changes")?;
        }
        BounceOutcome::Automatic => writeln!(out, "an automatic answer; nothing is kept of it")?,
        BounceOutcome::PersonalReply => writeln!(out, "a letter, and no report; nothing is kept of it")?,
        BounceOutcome::Unparseable { .. } => {}
    }
    Ok(())
}

fn clear(person: &str, args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let config = cx.config()?;
    let at = cx.at(cx.zone(&config)?)?;
    let mut store = open(cx, &config, at)?;
    let person = store.find_person(person)?.ok_or_else(|| lookup::no_such_person(person))?;
    if !store.clear_bounce(&person, &cx.act(at, None, args.reason.as_deref()))? {
        return Err(CommandError::new(ErrorKind::Negative, "no mail to this person came back for good"));
    }
    if !cx.quiet {
        writeln!(cx.out, "written to again, from the next pass on")?;
    }
    Ok(())
}

/// Opens the existing database for writing; does not create one or import people.
fn open(cx: &Context, config: &Config, at: Timestamp) -> Result<Store, CommandError> {
    if !config.database.exists() {
        let message = format!("there is no database {}: nothing was ever sent", config.database.display());
        return Err(CommandError::new(ErrorKind::Negative, message));
    }
    cx.store(config, at)
}
