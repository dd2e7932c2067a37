//! `journey resolve`: records the real outcome of a delivery that is in doubt or held.

use std::io::Write;

use clap::ValueEnum;

use crate::cli::change::ChangeFlags;
use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM, SUCCESS};
use crate::domain::delivery::state::{Delivery, DeliveryEvent, State};
use crate::engine::load::snapshot::LoadScope;
use crate::engine::plan::decide;
use crate::store::{AuditRecord, Store, Transition};
use crate::view::resolve::ResolutionView;

/// Mark a mail as sent or not sent when we cannot know
///
/// A mail is in doubt if the connection broke after the mail was given to the
/// mail server and before its answer. It is sent once more after a while, with
/// exactly the same content. If that fails too, look in the log of the mail
/// server or ask the person, and say what you found. `sent`: nothing more is
/// sent. `unsent`: the mail is sent again; also use this for a mail that the
/// mail server refused because of its content.
///
/// Example: journey resolve 1234 --as unsent
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Number of the delivery; `journey status` and `why` show it
    #[arg(value_parser = number)]
    delivery: i64,
    /// What you found
    #[arg(long = "as", value_enum, value_name = "sent|unsent")]
    outcome: Arrived,
    /// How you know
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Arrived {
    /// It arrived, or must not be sent any more
    Sent,
    /// It did not arrive; send it again
    Unsent,
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "write a number; `journey status` shows those in doubt or held".to_owned())
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let config = cx.config()?;
    let found = Store::read_only(&config.database, |store| store.delivery(args.delivery))?.flatten();
    let Some((delivery, doubts)) = found else {
        let message = format!("there is no delivery {}", args.delivery);
        return Err(CommandError::new(ErrorKind::Negative, message)
            .hint("`journey status` shows which are in doubt or held"));
    };
    let happened = DeliveryEvent::Resolved { sent: args.outcome == Arrived::Sent };
    let Some(after) = delivery.state.after(happened, doubts) else {
        let message = format!(
            "delivery {} is {}; only what is in doubt or held can be resolved",
            args.delivery, delivery.state
        );
        return Err(CommandError::new(ErrorKind::Negative, message));
    };
    if !args.flags.dry_run {
        let (mut store, snapshot, at) = cx.writing(LoadScope::ReferenceGroups)?;
        let made = Transition { doubts, ..Transition::new(delivery.number, delivery.state, happened) };
        let made =
            made.with_reply(format!("resolved as {}", if after == State::Sent { "sent" } else { "unsent" }));
        if store.write(&[made], at)? != [true] {
            let message = format!("delivery {} has moved on meanwhile", args.delivery);
            return Err(
                CommandError::new(ErrorKind::Busy, message).hint("check it again with `journey status`")
            );
        }
        let act = cx.act(at, None, args.reason.as_deref());
        let about = format!("delivery {}", delivery.number);
        let (before, after) = (delivery.state.as_str(), after.as_str());
        let record = AuditRecord { action: "resolve", subject: &about, person: None, before, after };
        store.record_action(&act, &record)?;
        decide::update(&snapshot, &mut store, at)?;
    }
    print_resolution(args, cx, &delivery, after)
}

fn print_resolution(
    args: &Args,
    cx: &mut Context,
    delivery: &Delivery,
    after: State,
) -> Result<(), CommandError> {
    if args.flags.format == Format::Json {
        let value = ResolutionView::of(delivery, after, args.reason.as_deref(), args.flags.dry_run);
        return Ok(output::print_json(&mut *cx.out, &value)?);
    }
    writeln!(cx.out, "{BOLD}delivery {}{BOLD:#}  {}", delivery.number, delivery.step)?;
    if args.flags.dry_run {
        writeln!(cx.out, "{DIM}Dry run: nothing is changed or saved{DIM:#}")?;
    }
    writeln!(cx.out, "  before  {}", delivery.state)?;
    let next = if after == State::Sent { "" } else { ": it leaves with the next pass" };
    Ok(writeln!(cx.out, "  after   {SUCCESS}{after}{SUCCESS:#}{next}")?)
}
