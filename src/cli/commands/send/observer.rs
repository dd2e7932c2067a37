//! What `journey send` does around a send run: signals, the progress bar, and the collection of what it prints.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};

use anstream::AutoStream;
use indicatif::ProgressBar;

use super::report::Report;
use crate::cli::context::Context;
use crate::cli::output::{self, Format};
use crate::cli::signals::Signals;
use crate::clock;
use crate::domain::delivery::send_block::Clocks;
use crate::domain::delivery::state::State;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::pass::Pass;
use crate::engine::send::run::Observer;
use crate::view::send::{DueEmailView, SendLists};

/// Observes one run of `journey send`.
pub(super) struct CommandObserver<'a> {
    signals: &'a Signals,
    clock: CommandClock,
    bar: ProgressBar,
    is_quiet: bool,
    has_confirmed_stop: Cell<bool>,
    collected: RefCell<Collected>,
}

/// The time while mails are sent.
#[derive(Clone, Copy)]
enum CommandClock {
    /// `--at`: the clock stands still; mails are written to files then.
    Fixed(Timestamp),
    /// Changes of the system clock while sending are ignored.
    RunningSince(Clocks),
}

/// What is printed at the end, in the format that was asked for.
pub(super) enum Collected {
    Text(Box<Report>),
    Json {
        lists: SendLists,
        /// The delivery number of each mail enqueued.
        mails: Vec<(i64, DueEmailView)>,
    },
}

impl<'a> CommandObserver<'a> {
    pub(super) fn new(
        format: Format,
        at: Timestamp,
        cx: &Context,
        signals: &'a Signals,
    ) -> CommandObserver<'a> {
        let collected = match format {
            Format::Text => Collected::Text(Box::new(Report::new(cx, at))),
            Format::Json => Collected::Json { lists: SendLists::default(), mails: Vec::new() },
        };
        CommandObserver {
            signals,
            clock: if cx.is_now() {
                CommandClock::RunningSince(clock::both())
            } else {
                CommandClock::Fixed(at)
            },
            bar: super::progress(cx, 0),
            is_quiet: cx.quiet,
            has_confirmed_stop: Cell::new(false),
            collected: RefCell::new(collected),
        }
    }

    /// Removes the progress bar and returns what was collected.
    pub(super) fn finish(self) -> Collected {
        self.bar.finish_and_clear();
        self.collected.into_inner()
    }
}

impl Observer for CommandObserver<'_> {
    fn now(&self) -> Timestamp {
        match self.clock {
            CommandClock::Fixed(at) => at,
            CommandClock::RunningSince(clocks) => clock::since(clocks),
        }
    }

    fn should_stop(&self) -> bool {
        let must_stop = self.signals.stop();
        if must_stop && !self.has_confirmed_stop.replace(true) && !self.is_quiet {
            self.bar.suspend(confirm_stop);
        }
        must_stop
    }

    fn enqueued(&self, snapshot: &Snapshot, pass: &Pass<'_>, numbers: &[i64]) {
        match &mut *self.collected.borrow_mut() {
            Collected::Text(report) => report.add(pass),
            Collected::Json { lists, mails } => {
                lists.add(snapshot, pass, State::Due);
                mails.extend(numbers.iter().copied().zip(lists.send.drain(..)));
            }
        }
    }

    fn pass_ended(&self, enqueued: usize) {
        self.bar.set_length(enqueued as u64);
    }

    fn sent(&self) {
        self.bar.inc(1);
    }

    fn log(&self, message: String) {
        // If standard error is closed the line is lost; that is no failure.
        let print = || output::print_warning(&mut AutoStream::auto(io::stderr()), &message);
        drop(self.bar.suspend(print));
    }
}

/// Confirms a stop signal on standard error.
fn confirm_stop() {
    let words = "Finishing the mails that are being sent. Press Ctrl-C again to stop now; then it is not known whether those arrive";
    // If standard error is closed the line is lost; that is no failure.
    let _ = writeln!(io::stderr(), "{words}");
}
