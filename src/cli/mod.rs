//! The command line: parses arguments, calls the engine and prints the result.
//! Data goes to standard output, messages to standard error.

mod approve;
mod backup;
mod behalf;
mod bounce;
mod change;
mod check;
mod completions;
mod context;
mod daemon;
mod doctor;
mod error;
mod hold;
mod kept_back;
mod limits;
mod man;
mod matrix;
mod mishap;
mod moment;
mod pages;
mod pause;
mod people;
mod plan;
mod resolve;
mod restore;
mod select;
mod send;
mod signals;
mod status;
mod test;
mod unit;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use context::Context;
use error::CommandError;

/// Learning journeys by mail
///
/// Few, well-made mails, at the right moment, never twice, never lost. Authors
/// keep the words in `content/`, HR keeps the people in `people.csv`; journey
/// decides who gets what when, and says why.
#[derive(Parser, Debug)]
#[command(name = "journey", version, arg_required_else_help = true, after_help = BEGIN_WITH)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const BEGIN_WITH: &str = "\
Begin with:
  journey send --dry-run     what would leave now, what waits and why, what comes next
  journey check              every fault in configuration, content and people
  journey status             how it stands

Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 65 bad people file or
damaged database, 69 no relay, 73 cannot make a file, 74 cannot read or write,
75 another journey is at it, 77 not for this user, 78 bad configuration or
content, 80 a safety brake.";

/// What every command understands.
#[derive(clap::Args, Debug)]
struct Global {
    /// The configuration; else ./config.toml, else /etc/journey/config.toml
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Act as if it were then: 2026-12-01T08:30, 2026-12-01T07:30Z, or RFC 3339
    #[arg(long, global = true, value_name = "TIME")]
    at: Option<String>,
    /// No talk, only data
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Tell more
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    Check(check::Args),
    #[command(subcommand)]
    People(people::People),
    Send(send::Args),
    Test(test::Args),
    Plan(plan::Args),
    Why(why::Args),
    Status(status::Args),
    Approve(approve::Args),
    Hold(hold::Args),
    Resolve(resolve::Args),
    Daemon(daemon::Args),
    Doctor(doctor::Args),
    Pause(pause::Pause),
    Resume(pause::Resume),
    #[command(subcommand)]
    Unit(unit::Unit),
    Choose(behalf::Choose),
    Answer(behalf::Answer),
    Bounce(bounce::Args),
    Matrix(matrix::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the program: parses the arguments, runs the command, prints its error
/// if any, and returns the exit code.
pub fn main() -> ExitCode {
    mishap::set_up();
    crate::failpoint::set_up();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) => return context::show_usage(&asked),
    };
    let mut cx = Context::new(&cli.global);
    let outcome = run(cli.command, &mut cx);
    cx.finish(outcome)
}

fn run(command: Command, cx: &mut Context) -> Result<(), CommandError> {
    match command {
        Command::Check(args) => check::run(&args, cx),
        Command::People(people) => people::run(&people, cx),
        Command::Send(args) => send::run(&args, cx),
        Command::Test(args) => test::run(&args, cx),
        Command::Plan(args) => plan::run(&args, cx),
        Command::Why(args) => why::run(&args, cx),
        Command::Status(args) => status::run(&args, cx),
        Command::Approve(args) => approve::run(&args, cx),
        Command::Hold(args) => hold::run(&args, cx),
        Command::Resolve(args) => resolve::run(&args, cx),
        Command::Daemon(args) => daemon::run(&args, cx),
        Command::Doctor(args) => doctor::run(&args, cx),
        Command::Pause(args) => pause::pause(&args, cx),
        Command::Resume(args) => pause::resume(&args, cx),
        Command::Unit(unit) => unit::run(&unit, cx),
        Command::Choose(args) => behalf::choose(&args, cx),
        Command::Answer(args) => behalf::answer(&args, cx),
        Command::Bounce(args) => bounce::run(&args, cx),
        Command::Matrix(args) => matrix::run(&args, cx),
        Command::Backup(args) => backup::run(&args, cx),
        Command::Restore(args) => restore::run(&args, cx),
        Command::Completions(args) => completions::run(&args, cx),
        Command::Man(args) => man::run(&args, cx),
    }
}

/// The definition of all commands, for completions, manual pages and the reference.
pub fn tree() -> clap::Command {
    Cli::command()
}
