//! Being asked to stop: Ctrl-C, SIGTERM and the end of the terminal end a
//! mailing after the mails that are on their way. A second one ends it at once; what was on its way then is
//! in doubt.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether somebody asked.
pub(super) struct Signals(Arc<AtomicBool>);

impl Signals {
    /// Looks out for it from now on.
    pub(super) fn watch() -> io::Result<Signals> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first sets the flag, the second finds it set.
            flag::register_conditional_default(signal, asked.clone())?;
            flag::register(signal, asked.clone())?;
        }
        Ok(Signals(asked))
    }

    /// Looks out for the end of its terminal, too, which ends a mailing like
    /// Ctrl-C; not where somebody said that it shall outlast it (`nohup`).
    pub(super) fn watch_hangup(&self) -> io::Result<()> {
        if !is_ignored(SIGHUP) {
            flag::register(SIGHUP, self.0.clone())?;
        }
        Ok(())
    }

    /// Looks out for being asked to read everything anew.
    pub(super) fn watch_reload(&self) -> io::Result<Reload> {
        let asked = Arc::new(AtomicUsize::new(0));
        // A flag that is a number: the same value each time, until it is read.
        flag::register_usize(SIGHUP, asked.clone(), 1)?;
        Ok(Reload(asked))
    }

    /// Did somebody ask to stop?
    pub(super) fn stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Was this process begun with a signal ignored? Only Linux tells.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (signal - 1)) != 0
}

/// Whether somebody asked to read everything anew.
pub(super) struct Reload(Arc<AtomicUsize>);

impl Reload {
    /// Did somebody, since this was last answered with yes?
    pub(super) fn taken(&self) -> bool {
        self.0.swap(0, Ordering::Relaxed) > 0
    }

    /// Did somebody? It stays asked.
    pub(super) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}
