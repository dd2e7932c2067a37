//! What each command gets: where to print, what time it is, and the world
//! when it asks for it.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

use super::Global;
use super::error::{CommandError, Kind};
use super::{moment, pages};
use crate::clock;
use crate::config::{self, Config, Transport};
use crate::domain::change::Act;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::verdict::moment as in_words;
use crate::domain::zone::{Timestamp, Zone};
use crate::engine::world::{self, InForce, Unusable, World};
use crate::engine::{import, keys};
use crate::store::Store;

/// For headings.
pub(super) const BOLD: Style = Style::new().bold();
/// For what is beside the point.
pub(super) const FAINT: Style = Style::new().dimmed();
/// For what somebody must mend.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// For what somebody should look at.
pub(super) const ODD: Style = AnsiColor::Yellow.on_default();
/// For what leaves.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();

/// [`World::of`] or [`World::of_members`].
pub(super) type OpenWorld = fn(Config, InForce, &Store) -> Result<World, Unusable>;

/// What each command gets.
pub(super) struct Context {
    /// Data. Coloured only on a terminal; `NO_COLOR` is honoured.
    pub(super) out: Box<dyn Write>,
    /// Talk.
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

    /// The configuration.
    pub(super) fn config(&self) -> Result<Config, CommandError> {
        self.read_config().map_err(|faults| CommandError::faults(Kind::BadContent, faults))
    }

    /// The same, with what is wrong with it as it is.
    pub(super) fn read_config(&self) -> Result<Config, Vec<Diagnostic>> {
        Config::load(self.config.as_deref(), &config::environment())
    }

    /// Where the database lies, also where the configuration has faults.
    pub(super) fn database(&self) -> PathBuf {
        Config::database_of(self.config.as_deref(), &config::environment())
    }

    /// The world, and the instant to act at. Says on standard error that
    /// something is worth knowing.
    pub(super) fn world(&mut self) -> Result<(World, Timestamp), CommandError> {
        let config = self.config()?;
        let content = InForce::read(&config, self.about()?)?;
        let world = World::open(config, content)?;
        let at = self.at(world.library.programme.zone)?;
        self.tell_broken(&world)?;
        if !self.quiet && !world.warnings.is_empty() {
            let warnings = pages::count(world.warnings.len(), "warning", "warnings");
            writeln!(self.err, "{ODD}{warnings}{ODD:#}: see `journey check`")?;
        }
        Ok((world, at))
    }

    /// The database to write in, the world it and the files make (`open`: with
    /// everybody in memory or without), and the instant to act at. People are
    /// imported into a database that has never seen any.
    pub(super) fn writing(&mut self, open: OpenWorld) -> Result<(Store, World, Timestamp), CommandError> {
        let config = self.config()?;
        let content = InForce::read(&config, self.about()?)?;
        let at = self.at(content.library.programme.zone)?;
        let mut store = self.store(&config, at)?;
        let act = self.act(at, None, None);
        let imported = match import::first(&config, &content.library, &mut store, &act) {
            // Another journey did, at the same moment.
            Err(_) if store.imported_at()?.is_some() => None,
            imported => imported?,
        };
        if let Some(people) = imported.filter(|_| !self.quiet) {
            let people = pages::count(people, "person", "people");
            writeln!(self.err, "imported {people} from {}", config.people.file.display())?;
        }
        let world = self.world_in(&mut store, config, content, at, open)?;
        Ok((store, world, at))
    }

    /// The world a database that is open makes with the files. Content that
    /// is good is kept in it.
    pub(super) fn world_in(
        &mut self,
        store: &mut Store,
        config: Config,
        content: InForce,
        at: Timestamp,
        open: OpenWorld,
    ) -> Result<World, CommandError> {
        let world = open(config, content, store)?;
        if world.broken.is_empty() {
            let files = world.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
            store.keep_content(world.library.hash, files, at)?;
        }
        self.tell_broken(&world)?;
        Ok(world)
    }

    /// The database to write in; made if there is none.
    pub(super) fn store(&self, config: &Config, at: Timestamp) -> Result<Store, CommandError> {
        self.may_write_at(config)?;
        let secret = keys::draw()?;
        Ok(Store::open(&config.database, at, || secret)?)
    }

    fn may_write_at(&self, config: &Config) -> Result<(), CommandError> {
        if self.at.is_some() && config.mail.transport != Transport::Files {
            let message = "--at can write only with `transport = \"files\"`: nobody gets a real mail at a time that is not";
            return Err(CommandError::usage(message).hint("leave --at away, or add --dry-run"));
        }
        Ok(())
    }

    /// The instant to act at, for a command that writes without opening the
    /// database.
    pub(super) fn writing_at(&self, config: &Config, zone: Zone) -> Result<Timestamp, CommandError> {
        self.may_write_at(config)?;
        self.at(zone)
    }

    /// Who acts, when and why.
    pub(super) fn act(&self, at: Timestamp, by: Option<&str>, why: Option<&str>) -> Act {
        let by = by.map_or_else(config::user, str::to_owned);
        Act { at, by, why: why.map(str::to_owned) }
    }

    /// Says what an operator should know, while something is under way.
    pub(super) fn warn(&mut self, words: &str) {
        // Where standard error is closed nobody is left to tell.
        let _ = writeln!(self.err, "{ODD}{words}{ODD:#}");
    }

    /// Says that the content folder is broken, if so: loudly, because mails
    /// go on with the last good content.
    fn tell_broken(&mut self, world: &World) -> io::Result<()> {
        if world.broken.is_empty() {
            return Ok(());
        }
        let zone = world.library.programme.zone;
        let since = world.remembered.as_ref().and_then(|remembered| remembered.content_since);
        let since = since.map_or(String::new(), |since| format!(" of {}", in_words(zone, since)));
        let errors = world.broken.iter().filter(|fault| fault.is_error()).count();
        writeln!(
            self.err,
            "{BAD}the content has {}{BAD:#}; the last good content{since} is in force: see `journey check{}`",
            pages::count(errors, "error", "errors"),
            self.typed_config()
        )
    }

    /// About the instant to act at, where the programme's zone is not known
    /// yet: near enough to look a year ahead from.
    pub(super) fn about(&self) -> Result<Timestamp, CommandError> {
        self.at(Zone::UTC)
    }

    /// The instant to act at: `--at`, else now.
    pub(super) fn at(&self, zone: Zone) -> Result<Timestamp, CommandError> {
        match &self.at {
            Some(text) => moment::parse(text, zone),
            None => Ok(clock::now()),
        }
    }

    /// The programme's zone, as far as it can be known: where a backup is put
    /// back there may be neither content nor a database.
    pub(super) fn zone(&self, config: &Config) -> Result<Zone, CommandError> {
        let library = world::library(config, self.about()?);
        Ok(library.map_or(Zone::UTC, |library| library.programme.zone))
    }

    /// The configuration as it must be typed again: nothing, or ` --config PATH`.
    pub(super) fn typed_config(&self) -> String {
        self.config.as_ref().map_or(String::new(), |path| format!(" --config {}", path.display()))
    }

    /// Is the instant to act at now, for want of `--at`?
    pub(super) fn is_now(&self) -> bool {
        self.at.is_none()
    }

    /// May a progress bar be drawn on standard error?
    pub(super) fn may_draw(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Ends the program: says what went wrong, and gives the exit code.
    pub(super) fn finish(mut self, outcome: Result<(), CommandError>) -> ExitCode {
        let outcome = outcome.and_then(|()| self.out.flush().map_err(untold));
        let Err(error) = outcome else { return ExitCode::SUCCESS };
        if error.kind != Kind::ClosedPipe {
            // Where even standard error is closed nobody is left to tell.
            let _ = self.out.flush();
            let _ = tell(&mut *self.err, &error);
        }
        ExitCode::from(error.kind.exit_code())
    }
}

/// It is done, and only the telling of it failed.
fn untold(error: io::Error) -> CommandError {
    let why = error.to_string();
    let error = CommandError::from(error);
    if error.kind == Kind::ClosedPipe {
        return error;
    }
    CommandError::new(Kind::Io, format!("standard output cannot be written: {why}"))
        .hint("what was asked for was done")
}

fn tell(err: &mut dyn Write, error: &CommandError) -> io::Result<()> {
    pages::faults(err, &error.faults)?;
    if !error.message.is_empty() {
        writeln!(err, "{BAD}error{BAD:#}: {}", error.message)?;
    }
    error.hints.iter().try_for_each(|hint| writeln!(err, "  {FAINT}hint:{FAINT:#} {hint}"))
}

/// Shows help, the version, or what was typed wrong.
pub(super) fn show_usage(asked: &clap::Error) -> ExitCode {
    // A closed pipe is nothing to complain about.
    let _ = asked.print();
    ExitCode::from(if asked.use_stderr() { Kind::Usage.exit_code() } else { 0 })
}
