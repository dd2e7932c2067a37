//! Being asked to stop: Ctrl-C, SIGTERM and the end of the terminal end a
//! mailing after the mails that are on their way. A second one ends it at
//! once; what was on its way then is in doubt. Many at the same time are one
//! (F09).

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Nobody has asked for so long: who asks now asks again.
const QUIET: Duration = Duration::from_millis(250);

/// Whether somebody asked.
pub(super) struct Signals(Arc<AtomicBool>);

impl Signals {
    /// Looks out for it from now on.
    pub(super) fn watch() -> io::Result<Signals> {
        let [asked, again] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let (hears, rings) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, again.clone())?;
            flag::register(signal, asked.clone())?;
            low_level::pipe::register(signal, rings.try_clone()?)?;
        }
        // On its own: whoever hangs must hear the second one, too.
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            when_quiet(hears);
            again.store(true, Ordering::Relaxed);
        })?;
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

/// Returns when it has rung, and is quiet again. Where that cannot be heard,
/// at once: who asks twice is then heard twice.
fn when_quiet(mut hears: UnixStream) {
    for patience in [None, Some(QUIET)] {
        if hears.set_read_timeout(patience).is_err() {
            return;
        }
        loop {
            match hears.read(&mut [0]) {
                Ok(1) if patience.is_none() => break,
                Ok(1) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn f09_rings_that_follow_each_other_are_one() {
        let (hears, mut rings) = UnixStream::pair().expect("two ends");
        let listens = thread::spawn(move || when_quiet(hears));
        for _ in 0..10 {
            rings.write_all(b"!").expect("it rings");
            thread::sleep(QUIET / 20);
        }
        assert!(!listens.is_finished(), "it is not quiet yet");
        listens.join().expect("it is quiet");
    }
}
