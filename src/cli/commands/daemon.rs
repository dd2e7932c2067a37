//! `journey daemon`: sends on schedule until it receives a stop signal.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::signals::Signals;
use crate::clock;
use crate::daemon::{self, Control, RepeatedWorkerPanic};
use crate::engine::doctor;
use crate::engine::load::snapshot::LoadScope;
use crate::engine::send::lock::Lock;
use crate::web::Server;

/// Send on schedule, and serve the answer pages, until it is stopped
///
/// SIGHUP reads the configuration and the content again; files with errors
/// change nothing. SIGTERM and Ctrl-C stop it after the mails that are being
/// sent. Only one process can send at a time: while the daemon runs, `journey
/// send` is refused. All other commands work.
///
/// Example: journey --config /etc/journey/config.toml daemon
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(crate) fn run(_: &Args, cx: &mut Context) -> Result<(), CommandError> {
    if !cx.is_now() {
        let message = "the daemon lives in the time there is; --at is for `send` and for looking";
        return Err(CommandError::usage(message));
    }
    let signals = Signals::watch()?;
    let reload = signals.watch_reload()?;
    let (store, snapshot, at) = cx.writing(LoadScope::ReferenceGroups)?;
    let _lock =
        Lock::acquire_as_daemon(&snapshot.config.database, at, snapshot.content.library.programme.zone)?;
    let (config, content) = (snapshot.config, snapshot.content);
    // If standard error is closed the line is lost; that is no failure.
    let log = |line: &str| drop(writeln!(std::io::stderr(), "{line}"));
    doctor::open_secrets(&config).iter().for_each(|open| log(&open.in_a_line()));
    let server = match config.web.enabled {
        true => {
            let log = Box::new(|line: &str| drop(writeln!(std::io::stderr(), "{line}")));
            Some(
                Server::start(config.clone(), content.clone(), Box::new(clock::now), log)
                    .map_err(anyhow::Error::from)?,
            )
        }
        false => None,
    };
    let control = Control {
        stop: &|| signals.stop(),
        must_reload: &|| reload.asked(),
        take_reload: &|| reload.taken(),
        read_config: &|| cx.read_config(),
        content_changed: &|content| server.iter().for_each(|server| server.use_content(content.clone())),
        log: &log,
    };
    let outcome = daemon::run(config, content, store, control);
    outcome.map_err(|error| {
        if error.is::<RepeatedWorkerPanic>() {
            return CommandError::new(ErrorKind::Negative, error.to_string()).hint("systemd starts it again");
        }
        let error: CommandError = error.into();
        if error.kind == ErrorKind::Busy { error.hint("systemd starts it again") } else { error }
    })
}
