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

/// Read a mail that came back, from standard input
///
/// The mail server calls it for each mail to the address in `[mail] bounce`. If
/// the report says that the mailbox does not exist, the person gets no more
/// mail until the HR system has another address. Only a report with the token
/// of the mail itself is accepted. Personal replies are not kept.
///
/// Example: journey bounce --to bounces+k7m2…@ekdala.example < report.eml
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The address that the mail server delivered to; it counts before the headers
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    to: Option<String>,
    /// Send to this person again, at the address that did not work
    #[arg(long, value_name = "PERSON", conflicts_with = "to")]
    clear: Option<String>,
    /// The reason, for the audit log
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
            "{ERROR}delivery {delivery} came back: {code}{ERROR:#}, which is about the mail server or the mail, not about the recipient"
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
            "delivery {delivery} came back: {code}; {WARNING}its recipient gets no more mail{WARNING:#} until the HR system has another address"
        )?,
        BounceOutcome::Bounced { delivery, code, kept: BounceRecord::Recorded } => {
            writeln!(
                out,
                "delivery {delivery} came back: {code}; it is recorded, and mails to this person go on"
            )?;
        }
        BounceOutcome::Bounced { delivery, code, kept: BounceRecord::Duplicate } => {
            writeln!(out, "delivery {delivery} came back: {code}; this was reported before")?;
        }
        BounceOutcome::Delayed { delivery } => {
            writeln!(out, "delivery {delivery} is delayed or has arrived; nothing changes")?;
        }
        BounceOutcome::OtherRecipient { delivery } => {
            writeln!(out, "delivery {delivery}: the report is about another recipient; nothing changes")?;
        }
        BounceOutcome::UnknownToken => {
            writeln!(out, "a report without the token of a mail of ours; nothing changes")?;
        }
        BounceOutcome::Automatic => writeln!(out, "an automatic reply; it is not kept")?,
        BounceOutcome::PersonalReply => writeln!(out, "a personal reply, not a report; it is not kept")?,
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
        return Err(CommandError::new(
            ErrorKind::Negative,
            "no mail to this person has come back permanently",
        ));
    }
    if !cx.quiet {
        writeln!(cx.out, "this person gets mail again from the next run")?;
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
