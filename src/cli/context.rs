//! The context passed to each command: output streams, global options, the
//! current time, and access to configuration, snapshot and database.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::AutoStream;

use super::Global;
use super::error::{CommandError, ErrorKind};
use super::style::{DIM, ERROR, WARNING};
use crate::cli::{output, time_arg};
use crate::clock;
use crate::config::{self, Config, Transport};
use crate::domain::change::ChangeAuthor;
use crate::domain::diagnostic::{Diagnostic, visible};
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::load::active_content::{self, ActiveContent};
use crate::engine::load::open::{self, OpenDatabase};
use crate::engine::load::snapshot::{LoadScope, Snapshot};
use crate::engine::plan::subset::{self, Subset};
use crate::store::Store;

/// The context passed to each command.
pub(super) struct Context {
    /// Standard output, for data. Coloured only on a terminal; `NO_COLOR` is honoured.
    pub(super) out: Box<dyn Write>,
    /// Standard error, for messages.
    pub(super) err: Box<dyn Write>,
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    config: Option<PathBuf>,
    at: Option<String>,
}

impl Context {
    pub(super) fn new(global: &Global) -> Context {
        Context {
            out: Box::new(BufWriter::new(AutoStream::auto(io::stdout()))),
            err: Box::new(AutoStream::auto(io::stderr())),
            quiet: global.quiet,
            verbose: global.verbose,
            config: global.config.clone(),
            at: global.at.clone(),
        }
    }

    /// Loads the configuration.
    pub(super) fn config(&self) -> Result<Config, CommandError> {
        self.read_config().map_err(|faults| CommandError::faults(ErrorKind::BadContent, faults))
    }

    /// Loads the configuration; returns the plain diagnostics on failure.
    pub(super) fn read_config(&self) -> Result<Config, Vec<Diagnostic>> {
        Config::load(self.config.as_deref(), &config::environment())
    }

    /// Path of the database, also if the configuration has errors.
    pub(super) fn database(&self) -> PathBuf {
        Config::database_of(self.config.as_deref(), &config::environment())
    }

    /// Loads a snapshot for reading, and the time to act at. Reports on standard
    /// error if the content is broken or there are warnings.
    pub(super) fn snapshot(&mut self) -> Result<(Snapshot, Timestamp), CommandError> {
        let (snapshot, at) = self.snapshot_without_warnings()?;
        self.report_warnings(&snapshot)?;
        Ok((snapshot, at))
    }

    /// The same with some people only, so that it costs no more the more people there are.
    pub(super) fn snapshot_of(&mut self, subset: Subset<'_>) -> Result<(Snapshot, Timestamp), CommandError> {
        let (snapshot, at) = self.snapshot_of_without_warnings(subset)?;
        self.report_warnings(&snapshot)?;
        Ok((snapshot, at))
    }

    fn report_warnings(&mut self, snapshot: &Snapshot) -> Result<(), CommandError> {
        self.warn_broken_content(snapshot)?;
        let errors = snapshot.warnings.iter().filter(|warning| warning.is_error()).count();
        if errors > 0 {
            self.warn(&left_out(errors, &snapshot.config, "journey check"));
        }
        let warnings = snapshot.warnings.len() - errors;
        if !self.quiet && warnings > 0 {
            let warnings = output::count(warnings, "warning", "warnings");
            writeln!(self.err, "{WARNING}{warnings}{WARNING:#}: see `journey check`")?;
        }
        Ok(())
    }

    /// A snapshot of some people; reports nothing.
    pub(super) fn snapshot_of_without_warnings(
        &self,
        subset: Subset<'_>,
    ) -> Result<(Snapshot, Timestamp), CommandError> {
        let config = self.config()?;
        let content = ActiveContent::read(&config, self.provisional_time()?)?;
        let at = self.at(content.library.programme.zone)?;
        Ok((subset::open(config.into(), content.into(), at, subset)?, at))
    }

    /// The same; reports nothing.
    pub(super) fn snapshot_without_warnings(&self) -> Result<(Snapshot, Timestamp), CommandError> {
        let config = self.config()?;
        let content = ActiveContent::read(&config, self.provisional_time()?)?;
        let snapshot = Snapshot::open(config, content)?;
        let at = self.at(snapshot.content.library.programme.zone)?;
        Ok((snapshot, at))
    }

    /// Opens the database for writing and loads a snapshot from it and the files;
    /// `scope` decides whether all people are loaded into memory. Imports the
    /// people file if the database has never had an import.
    pub(super) fn writing(&mut self, scope: LoadScope) -> Result<(Store, Snapshot, Timestamp), CommandError> {
        let config = self.config()?;
        let content = ActiveContent::read(&config, self.provisional_time()?)?;
        let at = self.at(content.library.programme.zone)?;
        self.may_write_at(&config)?;
        let author = self.act(at, None, None);
        let OpenDatabase { mut store, imported } = open::open_with_people(&config, &content, &author)?;
        if let Some(imported) = imported {
            if !self.quiet {
                let people = output::count(imported.people, "person", "people");
                writeln!(self.err, "Imported {people} from {}", config.people.file.display())?;
            }
            if !imported.problems.is_empty() {
                self.warn(&left_out(imported.problems.len(), &config, "journey status"));
            }
        }
        let snapshot = open::snapshot(config, content, &mut store, scope, at)?;
        self.warn_broken_content(&snapshot)?;
        Ok((store, snapshot, at))
    }

    /// Opens the database for writing; creates it if there is none.
    pub(super) fn store(&self, config: &Config, at: Timestamp) -> Result<Store, CommandError> {
        self.may_write_at(config)?;
        Ok(open::open(config, at)?)
    }

    fn may_write_at(&self, config: &Config) -> Result<(), CommandError> {
        if self.at.is_some() && config.mail.transport != Transport::Files {
            let message =
                "--at can write only with `transport = \"files\"`: real mails cannot be sent at another time";
            return Err(CommandError::usage(message).hint("remove --at, or add --dry-run"));
        }
        Ok(())
    }

    /// The time to act at, for a command that writes without opening the
    /// database.
    pub(super) fn writing_at(&self, config: &Config, zone: TimeZone) -> Result<Timestamp, CommandError> {
        self.may_write_at(config)?;
        self.at(zone)
    }

    /// Author, time and reason of a change, for the audit log.
    pub(super) fn act(&self, at: Timestamp, by: Option<&str>, why: Option<&str>) -> ChangeAuthor {
        let by = by.map_or_else(config::user, str::to_owned);
        ChangeAuthor { at, by, why: why.map(str::to_owned) }
    }

    /// Prints a warning for the operator on standard error.
    pub(super) fn warn(&mut self, words: &str) {
        // If standard error is closed the warning is lost; that is no failure.
        let _ = output::print_warning(&mut *self.err, words);
    }

    /// Reports prominently that the content folder has errors, because mails are
    /// still sent with the last valid content.
    pub(super) fn warn_broken_content(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        if snapshot.content.broken.is_empty() {
            return Ok(());
        }
        let zone = snapshot.content.library.programme.zone;
        let since = snapshot.stored.as_ref().and_then(|stored| stored.content_since);
        let since = since.map_or(String::new(), |since| format!(" of {}", format_datetime(zone, since)));
        let errors = snapshot.content.broken.iter().filter(|fault| fault.is_error()).count();
        writeln!(
            self.err,
            "{ERROR}the content has {}{ERROR:#}; the last good content{since} is in force: see `journey check{}`",
            output::count(errors, "error", "errors"),
            self.config_option()
        )
    }

    /// The time to act at, read as UTC because the programme's time zone is not
    /// known yet: precise enough for checks that look a year ahead.
    pub(super) fn provisional_time(&self) -> Result<Timestamp, CommandError> {
        self.at(TimeZone::UTC)
    }

    /// The time to act at: `--at`, else now.
    pub(super) fn at(&self, zone: TimeZone) -> Result<Timestamp, CommandError> {
        match &self.at {
            Some(text) => time_arg::parse_time(text, zone),
            None => Ok(clock::now()),
        }
    }

    /// The programme's time zone, or UTC if it cannot be read: when a backup is
    /// restored there may be neither content nor a database.
    pub(super) fn zone(&self, config: &Config) -> Result<TimeZone, CommandError> {
        let library = active_content::library(config, self.provisional_time()?);
        Ok(library.map_or(TimeZone::UTC, |library| library.programme.zone))
    }

    /// The `--config` option as a suggested command must repeat it: empty, or
    /// ` --config PATH`.
    pub(super) fn config_option(&self) -> String {
        self.config.as_ref().map_or(String::new(), |path| format!(" --config {}", path.display()))
    }

    /// Whether `--at` is absent, so that commands act at the current time.
    pub(super) fn is_now(&self) -> bool {
        self.at.is_none()
    }

    /// Whether a progress bar may be drawn on standard error.
    pub(super) fn is_interactive(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Flushes the output, prints the error if any, and returns the exit code.
    pub(super) fn finish(mut self, outcome: Result<(), CommandError>) -> ExitCode {
        let outcome = outcome.and_then(|()| self.out.flush().map_err(output_failed));
        let Err(error) = outcome else { return ExitCode::SUCCESS };
        if error.kind != ErrorKind::ClosedPipe {
            // If standard error is closed too, only the exit code remains.
            let _ = self.out.flush();
            let _ = print_error(&mut *self.err, &error);
        }
        ExitCode::from(error.kind.exit_code())
    }
}

/// The error for a command that succeeded but whose output could not be written.
fn output_failed(error: io::Error) -> CommandError {
    let why = error.to_string();
    let error = CommandError::from(error);
    if error.kind == ErrorKind::ClosedPipe {
        return error;
    }
    CommandError::new(ErrorKind::Io, format!("standard output cannot be written: {why}"))
        .hint("what was asked for was done")
}

fn print_error(err: &mut dyn Write, error: &CommandError) -> io::Result<()> {
    output::print_diagnostics(err, &error.faults)?;
    if !error.message.is_empty() {
        writeln!(err, "{ERROR}error{ERROR:#}: {}", error.message)?;
    }
    error.hints.iter().try_for_each(|hint| writeln!(err, "  {DIM}hint:{DIM:#} {hint}"))
}

/// Prints help, the version, or a usage error, and returns the exit code.
pub(super) fn show_usage(asked: &clap::Error) -> ExitCode {
    // The same word for advice as in all other errors. A closed pipe is not an error.
    let text = asked.render().ansi().to_string().replace("tip:", "hint:");
    let _ = match asked.use_stderr() {
        true => write!(AutoStream::auto(io::stderr()), "{text}"),
        false => write!(AutoStream::auto(io::stdout()), "{text}"),
    };
    // A mail server that calls it wrongly must keep the report until that is put right.
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let is_for_mail_server =
        words.iter().any(|word| word == "bounce") && !words.iter().any(|word| word == "--clear");
    let error = if is_for_mail_server { ErrorKind::Busy } else { ErrorKind::Usage };
    ExitCode::from(if asked.use_stderr() { error.exit_code() } else { 0 })
}

/// Says that rows of the people file have errors, and which command lists them.
fn left_out(errors: usize, config: &Config, command: &str) -> String {
    let errors = output::count(errors, "error", "errors");
    let file = visible(&config.people.file.display().to_string());
    format!("{errors} in {file}: these rows are left out; `{command}` lists them")
}
