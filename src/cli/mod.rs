//! The command line: parses arguments, calls the engine and prints the result.
//! Data goes to standard output, messages to standard error.

mod blocked;
mod change;
mod commands;
mod context;
mod deliveries;
mod error;
mod limits;
mod lookup;
mod output;
mod panic_hook;
mod pause_target;
mod signals;
mod style;
mod time_arg;
mod upcoming;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use context::Context;
use error::CommandError;

/// Learning journeys by mail
///
/// Few, well-made mails, at the right moment, never twice, never lost. Authors
/// write the texts in `content/`, and HR exports the people to `people.csv`.
/// journey decides who gets which mail when, and shows why.
#[derive(Parser, Debug)]
#[command(name = "journey", version, arg_required_else_help = true, after_help = START_HERE, max_term_width = 80)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const START_HERE: &str = "\
Start here:
  journey send --dry-run     what would be sent now, what waits and why
  journey check              errors in configuration, content and people file
  journey status             what you must do, and the state of everything

Exit codes: 0 done, 1 errors found or some mails refused, 2 wrong usage,
65 bad people file or damaged database, 69 mail server not available,
73 cannot create a file, 74 cannot read or write, 75 already running or try
again later, 77 no permission, 78 bad configuration or content, 80 stopped for
safety.";

/// What every command understands.
#[derive(clap::Args, Debug)]
struct Global {
    /// Configuration file [default: ./config.toml, then /etc/journey/config.toml]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Use this date and time instead of now, like 2026-12-01T08:30
    #[arg(long, global = true, value_name = "TIME")]
    at: Option<String>,
    /// Print results only; nothing if there is nothing to say
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print more detail
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    Check(commands::check::Args),
    #[command(subcommand)]
    People(commands::people::People),
    Send(commands::send::Args),
    Test(commands::test::Args),
    Plan(commands::plan::Args),
    Why(commands::why::Args),
    Link(commands::link::Args),
    /// End all links in all mails
    #[command(subcommand)]
    Links(commands::link::Links),
    Status(commands::status::Args),
    Health(commands::health::Args),
    Decisions(commands::decisions::Args),
    Approve(commands::approve::Args),
    Hold(commands::hold::Args),
    Resolve(commands::resolve::Args),
    Daemon(commands::daemon::Args),
    Doctor(commands::doctor::Args),
    Pause(commands::pause::Args),
    Resume(commands::resume::Args),
    #[command(subcommand)]
    Unit(commands::unit::Unit),
    Choose(commands::choose::Args),
    Answer(commands::answer::Args),
    #[command(subcommand)]
    Answers(commands::answers::Answers),
    #[command(subcommand)]
    Retention(commands::retention::Retention),
    Bounce(commands::bounce::Args),
    Matrix(commands::matrix::Args),
    Backup(commands::backup::Args),
    Restore(commands::restore::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
}

/// Runs the program: parses the arguments, runs the command, prints its error
/// if any, and returns the exit code.
pub fn main() -> ExitCode {
    panic_hook::install();
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
        Command::Check(args) => commands::check::run(&args, cx),
        Command::People(people) => commands::people::run(&people, cx),
        Command::Send(args) => commands::send::run(&args, cx),
        Command::Test(args) => commands::test::run(&args, cx),
        Command::Plan(args) => commands::plan::run(&args, cx),
        Command::Why(args) => commands::why::run(&args, cx),
        Command::Link(args) => commands::link::run(&args, cx),
        Command::Links(links) => commands::link::renew(&links, cx),
        Command::Status(args) => commands::status::run(&args, cx),
        Command::Health(args) => commands::health::run(&args, cx),
        Command::Decisions(args) => commands::decisions::run(&args, cx),
        Command::Approve(args) => commands::approve::run(&args, cx),
        Command::Hold(args) => commands::hold::run(&args, cx),
        Command::Resolve(args) => commands::resolve::run(&args, cx),
        Command::Daemon(args) => commands::daemon::run(&args, cx),
        Command::Doctor(args) => commands::doctor::run(&args, cx),
        Command::Pause(args) => commands::pause::run(&args, cx),
        Command::Resume(args) => commands::resume::run(&args, cx),
        Command::Unit(unit) => commands::unit::run(&unit, cx),
        Command::Choose(args) => commands::choose::run(&args, cx),
        Command::Answer(args) => commands::answer::run(&args, cx),
        Command::Answers(answers) => commands::answers::run(&answers, cx),
        Command::Retention(command) => commands::retention::run(&command, cx),
        Command::Bounce(args) => commands::bounce::run(&args, cx),
        Command::Matrix(args) => commands::matrix::run(&args, cx),
        Command::Backup(args) => commands::backup::run(&args, cx),
        Command::Restore(args) => commands::restore::run(&args, cx),
        Command::Completions(args) => commands::completions::run(&args, cx),
        Command::Man(args) => commands::man::run(&args, cx),
    }
}

/// The definition of all commands, for completions, manual pages and the reference.
pub fn tree() -> clap::Command {
    Cli::command()
}
