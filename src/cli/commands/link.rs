//! `journey link` and `journey links`: makes a link for the help desk, and ends links.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::lookup;
use crate::domain::diagnostic::visible;
use crate::engine::load::snapshot::LoadScope;
use crate::engine::pages::link;
use crate::engine::tokens::{self, Purpose};

/// Print a link for a person, or end the links of a person
///
/// For the help desk, when a person cannot find the mail. The audit log has
/// an entry, and the person's page says that a link was made.
///
/// Example: journey link 1042 miljo/resor
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<LinkCommand>,
    /// Employee id or mail address
    #[arg(required = true)]
    person: Option<String>,
    /// A step that the person has got, with its journey, like miljo/resor
    #[arg(required = true)]
    step: Option<String>,
    /// Which page
    #[arg(long, value_enum, default_value_t = PageName::Answer)]
    purpose: PageName,
}

#[derive(clap::Subcommand, Debug)]
enum LinkCommand {
    /// End all links of a person that exist now
    ///
    /// Mails that are sent from now on have links that work.
    ///
    /// Example: journey link revoke 1042 --reason "wrong address"
    Revoke {
        /// Employee id or mail address
        person: String,
        /// Why, for those who ask later
        #[arg(long)]
        reason: String,
    },
}

/// Commands about all links.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Links {
    /// End all links in all mails
    ///
    /// When links may be in wrong hands. People who open an old link can have a
    /// new one mailed to their own address.
    ///
    /// Example: journey links renew --reason "a copy of the database was lost"
    Renew {
        /// Why, for those who ask later
        #[arg(long)]
        reason: String,
    },
}

/// A page that a link can open.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum PageName {
    Answer,
    Pause,
    Character,
    Web,
    Journey,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    match (&args.command, &args.person, &args.step) {
        (Some(LinkCommand::Revoke { person, reason }), ..) => revoke(person, reason, cx),
        (None, Some(person), Some(step)) => show(person, step, args.purpose, cx),
        (None, ..) => Err(CommandError::usage("say whose link, and to which step")),
    }
}

fn show(person: &str, step: &str, page: PageName, cx: &mut Context) -> Result<(), CommandError> {
    let (mut store, snapshot, at) = cx.writing(LoadScope::ReferenceGroups)?;
    let step = lookup::step(&snapshot, step)?;
    let purpose = match page {
        PageName::Answer => Purpose::Answer,
        PageName::Pause => Purpose::Pause,
        PageName::Character => Purpose::Character,
        PageName::Web => Purpose::Web,
        PageName::Journey => Purpose::Journey,
    };
    let number = store.person_number(person)?.ok_or_else(|| lookup::no_such_person(person))?;
    let author = cx.act(at, None, None);
    match link::for_help_desk(&mut store, &snapshot, number, &step, purpose, &author)? {
        Some(url) => Ok(writeln!(cx.out, "{url}")?),
        None => Err(CommandError::usage(format!("the person has had no mail of {step}"))
            .hint(format!("see what they have had with `journey why {person}`"))),
    }
}

fn revoke(person: &str, reason: &str, cx: &mut Context) -> Result<(), CommandError> {
    let reason = given(reason)?;
    let (mut store, _, at) = cx.writing(LoadScope::ReferenceGroups)?;
    let number = store.person_number(person)?.ok_or_else(|| lookup::no_such_person(person))?;
    store.revoke_links(number, &cx.act(at, None, Some(reason)))?;
    let person = visible(person);
    Ok(writeln!(cx.out, "the links of {person} have ended; mails from now on have new ones")?)
}

pub(crate) fn renew(links: &Links, cx: &mut Context) -> Result<(), CommandError> {
    let Links::Renew { reason } = links;
    let reason = given(reason)?;
    let (mut store, _, at) = cx.writing(LoadScope::ReferenceGroups)?;
    let secret = tokens::generate_secret().map_err(anyhow::Error::from)?;
    store.renew_links(&secret, &cx.act(at, None, Some(reason)))?;
    Ok(writeln!(
        cx.out,
        "all links have ended; people who open an old one can have a new one mailed to them"
    )?)
}

fn given(reason: &str) -> Result<&str, CommandError> {
    match reason.trim() {
        "" => Err(CommandError::usage("--reason is empty").hint("write why, for those who ask later")),
        reason => Ok(reason),
    }
}
