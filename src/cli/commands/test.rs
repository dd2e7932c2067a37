//! `journey test`: sends one step to a tester, rendered for a chosen person.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::style::{DIM, SUCCESS};
use crate::cli::{lookup, output};
use crate::config::Transport;
use crate::domain::delivery::reply::{Outcome, RelayErrorKind};
use crate::domain::diagnostic::visible;
use crate::domain::model::person::Person;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::test_mail;
use crate::engine::transport;
use crate::mail::transport::SendResult;

/// Send a test mail of a step to one of the testers
///
/// Only addresses in `testers` (config.toml) can get test mails. The subject is
/// marked as a test. If the people file has the tester's address, the mail is
/// made for the tester; otherwise for an example person, or for PERSON. It is
/// sent like a real mail, by the same mail server and with the same signature,
/// also if the step is not approved, stopped or paused. Its links do not work,
/// nothing is recorded, and nobody's next mail changes.
///
/// Example: journey test miljo/resor --to eva.lind@ekdala.example --as 1042
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A step with its journey, like miljo/resor
    step: String,
    /// Address of a tester
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// Make the mail for this person (employee id or mail address)
    #[arg(long = "as", value_name = "PERSON")]
    reader: Option<String>,
    /// Only show the mail; send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, at) = cx.snapshot()?;
    if !snapshot.content.broken.is_empty() {
        let message = "the content has errors, and a test would show the text before them";
        let error = CommandError::new(ErrorKind::BadContent, message);
        return Err(error.hint(format!("correct what `journey check{}` lists", cx.config_option())));
    }
    if !args.dry_run {
        cx.writing_at(&snapshot.config, snapshot.content.library.programme.zone)?;
    }
    let step = lookup::step(&snapshot, &args.step)?;
    let to = tester(&snapshot, &args.to)?;
    let reader = match &args.reader {
        Some(text) => reader(&snapshot, text)?,
        None => test_mail::reader(&snapshot, to),
    };
    let mail = test_mail::make(&snapshot, &step, &reader, to, at).map_err(|why| {
        CommandError::new(ErrorKind::Negative, format!("`{step}` cannot be written for this reader: {why}"))
            .hint("name another person with --as, or correct the text")
    })?;
    if !cx.quiet {
        let whom = match snapshot.roster.person(&reader.id) {
            Some(person) => format!("as person {} gets it", output::display_id(person)),
            None => {
                format!("as {} {} would get it, who is made up", reader.first_name, reader.last_name)
            }
        };
        writeln!(cx.out, "{step}  {whom}")?;
        writeln!(cx.out, "  To:      {to}\n  Subject: {}\n", mail.subject)?;
    }
    if args.dry_run {
        writeln!(cx.out, "{}", mail.text.trim_end())?;
        let destination = destination(&snapshot);
        return Ok(writeln!(cx.out, "\n{DIM}a dry run: nothing is sent; it would go {destination}{DIM:#}")?);
    }
    let transport = transport::from_config(&snapshot.config)?;
    match test_mail::hand_over(&snapshot, &transport, &mail)? {
        SendResult::File(name) => {
            let path = snapshot.config.mail.folder.join(name);
            Ok(writeln!(cx.out, "{SUCCESS}written{SUCCESS:#} to {}", path.display())?)
        }
        SendResult::Outcome(outcome) => print_outcome(cx, &snapshot, outcome),
    }
}

/// Finds the configured tester with that address.
fn tester<'w>(snapshot: &'w Snapshot, text: &str) -> Result<&'w str, CommandError> {
    test_mail::tester(snapshot, text).ok_or_else(|| {
        let error =
            CommandError::usage(format!("`{}` is no tester, and tests go to nobody else", visible(text)));
        let add = format!("add it to `testers` under [mail] in {}", snapshot.config.file.display());
        match snapshot.config.mail.testers.join(", ") {
            none if none.is_empty() => error.hint(format!("there are no testers yet: {add}")),
            known => error.hint(format!("testers are {known}; {add}")),
        }
    })
}

/// Finds the person to render for. Protected people are refused: their data must
/// not reach a tester.
fn reader(snapshot: &Snapshot, text: &str) -> Result<Person, CommandError> {
    let person = lookup::person(snapshot, text)?;
    if person.protected {
        let message = "this person is protected: what is known of them goes to no tester";
        return Err(CommandError::usage(message).hint("name another person, or remove --as"));
    }
    Ok(person.clone())
}

/// The destination as text: folder, relay or program.
fn destination(snapshot: &Snapshot) -> String {
    let mail = &snapshot.config.mail;
    match mail.transport {
        Transport::Files => format!("to {}", mail.folder.display()),
        Transport::Smtp => format!("by the mail server {}:{}", mail.smtp.host, mail.smtp.port),
        Transport::Sendmail => format!("by {}", mail.sendmail.display()),
    }
}

/// Prints the outcome of the delivery, or returns it as an error.
fn print_outcome(cx: &mut Context, snapshot: &Snapshot, outcome: Outcome) -> Result<(), CommandError> {
    let destination = destination(snapshot);
    let doctor = format!("nothing was recorded; run `journey doctor{}` to see why", cx.config_option());
    match outcome {
        Outcome::Sent(reply) => Ok(writeln!(cx.out, "{SUCCESS}sent{SUCCESS:#} {destination}: {reply}")?),
        Outcome::Deferred(reply) | Outcome::Limited(reply) => {
            let message = format!("not taken now: {reply}");
            Err(CommandError::new(ErrorKind::Negative, message)
                .hint("some mail servers accept a mail only at the second try: run the command again later"))
        }
        Outcome::Rejected { reply, .. } | Outcome::MessageRejected(reply) => {
            Err(CommandError::new(ErrorKind::Negative, format!("refused: {reply}")).hint(doctor))
        }
        Outcome::TooLarge(why) | Outcome::Held(why) => {
            Err(CommandError::new(ErrorKind::Negative, why).hint(doctor))
        }
        Outcome::RelayFailed(trouble) => {
            let hint = match trouble.kind {
                RelayErrorKind::TooManyConnections => {
                    "a mailing uses all connections; run the command again later".to_owned()
                }
                RelayErrorKind::StaleConnection | RelayErrorKind::Transient | RelayErrorKind::Permanent => {
                    doctor
                }
            };
            Err(CommandError::new(ErrorKind::Relay, trouble.why).hint(hint))
        }
        Outcome::InDoubt(why) => {
            Err(CommandError::new(ErrorKind::Relay, format!("{why}: it is not known whether it arrived"))
                .hint("look in the mailbox before you run the command again"))
        }
    }
}
