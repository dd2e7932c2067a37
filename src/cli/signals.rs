//! Signal handling: SIGINT, SIGTERM and SIGHUP of the terminal stop a run after
//! the mails in flight. A second signal ends the process at once, and mails in
//! flight are then in doubt. A burst of signals counts as one, so that it stops the
//! run cleanly.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Signals closer together than this count as one.
const DEBOUNCE: Duration = Duration::from_millis(250);

/// The stop request, set by a signal handler.
pub(super) struct Signals(Arc<AtomicBool>);

impl Signals {
    /// Installs the handlers for SIGINT and SIGTERM.
    pub(super) fn watch() -> io::Result<Signals> {
        let [asked, again] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let (receiver, sender) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, again.clone())?;
            flag::register(signal, asked.clone())?;
            low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        // In a thread: a second signal must end a process that hangs, too.
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            after_debounce(receiver);
            again.store(true, Ordering::Relaxed);
        })?;
        Ok(Signals(asked))
    }

    /// Also stops when the terminal closes (SIGHUP), unless the signal is ignored
    /// because the process was started with `nohup`.
    pub(super) fn watch_hangup(&self) -> io::Result<()> {
        if !is_ignored(SIGHUP) {
            flag::register(SIGHUP, self.0.clone())?;
        }
        Ok(())
    }

    /// Uses SIGHUP as a request to reload configuration and content.
    pub(super) fn watch_reload(&self) -> io::Result<ReloadRequest> {
        let asked = Arc::new(AtomicUsize::new(0));
        // A number used as a flag: the handler stores 1 until it is read.
        flag::register_usize(SIGHUP, asked.clone(), 1)?;
        Ok(ReloadRequest(asked))
    }

    /// Whether a stop was requested.
    pub(super) fn stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether a signal is ignored in this process. Known on Linux only; false elsewhere.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (signal - 1)) != 0
}

/// Waits for the first signal and then for a pause of `DEBOUNCE`. Returns at once if
/// the pipe fails; then each signal counts.
fn after_debounce(mut receiver: UnixStream) {
    for patience in [None, Some(DEBOUNCE)] {
        if receiver.set_read_timeout(patience).is_err() {
            return;
        }
        loop {
            match receiver.read(&mut [0]) {
                Ok(1) if patience.is_none() => break,
                Ok(1) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

/// The reload request, set by the handler of SIGHUP.
pub(super) struct ReloadRequest(Arc<AtomicUsize>);

impl ReloadRequest {
    /// Whether a reload was requested; clears the request.
    pub(super) fn taken(&self) -> bool {
        self.0.swap(0, Ordering::Relaxed) > 0
    }

    /// Whether a reload was requested; keeps the request.
    pub(super) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn signals_in_quick_succession_count_as_one() {
        let (receiver, mut sender) = UnixStream::pair().expect("two ends");
        let waiter = thread::spawn(move || after_debounce(receiver));
        for _ in 0..10 {
            sender.write_all(b"!").expect("it is written");
            thread::sleep(DEBOUNCE / 20);
        }
        assert!(!waiter.is_finished(), "it is not quiet yet");
        waiter.join().expect("it is quiet");
    }
}
