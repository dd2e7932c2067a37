//! Only one process may send from a database: a file lock, which the kernel
//! releases when its holder exits or crashes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::domain::time::timezone::{TimeZone, Timestamp};

/// The lock for sending; released on drop.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the lock was not acquired.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another journey ({holder}) holds {}; stop it, or let it send", path.display())]
    Held {
        /// Process id and start time of the holder.
        holder: String,
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file cannot be created or locked.
    #[error("cannot lock {}: {why}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
}

impl Lock {
    /// Acquires the lock of a database, without waiting.
    pub fn acquire(database: &Path, now: Timestamp, zone: TimeZone) -> Result<Lock, LockError> {
        Lock::acquire_as("", database, now, zone)
    }

    /// The same for the daemon, which sends by itself as long as it holds the lock.
    pub fn acquire_as_daemon(database: &Path, now: Timestamp, zone: TimeZone) -> Result<Lock, LockError> {
        Lock::acquire_as(DAEMON, database, now, zone)
    }

    fn acquire_as(who: &str, database: &Path, now: Timestamp, zone: TimeZone) -> Result<Lock, LockError> {
        let path = file(database);
        let io = |why| LockError::Io { path: path.clone(), why };
        // Not truncated before it is locked: it names the holder.
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { holder: read_holder(&file), path });
            }
            Err(TryLockError::Error(why)) => return Err(io(why)),
        }
        let started = zone.civil(now).format("%Y-%m-%d %H:%M");
        let mut name = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{who}pid {}, started {started}", std::process::id())
        };
        name().map_err(io)?;
        Ok(Lock { _file: file })
    }
}

/// What the daemon writes before its process id.
const DAEMON: &str = "the daemon, ";

/// Whether the daemon runs. What cannot be read is no daemon.
pub(crate) fn is_daemon_running(database: &Path) -> bool {
    matches!(holder(database), Ok(Some(holder)) if holder.starts_with(DAEMON))
}

/// Path of the lock file.
pub(crate) fn file(database: &Path) -> PathBuf {
    database.with_extension("lock")
}

/// The current holder of the lock, if any. Changes nothing.
pub(crate) fn holder(database: &Path) -> Result<Option<String>, LockError> {
    let path = file(database);
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(LockError::Io { path, why }),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_holder(&lock))),
        Err(TryLockError::Error(why)) => Err(LockError::Io { path, why }),
    }
}

/// What the holder wrote into the file.
fn read_holder(file: &File) -> String {
    let mut holder = String::new();
    let read = file.take(100).read_to_string(&mut holder);
    let known = read.is_ok() && !holder.trim().is_empty();
    if known { holder.trim().to_owned() } else { "just started".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_sender_gets_the_holder_of_the_lock() {
        let home = tempfile::tempdir().expect("a folder");
        let database = home.path().join("journey.db");
        let now = "2026-12-01T07:00:00Z".parse().expect("an instant");
        let zone = TimeZone::parse("Europe/Stockholm").expect("a zone");
        let first = Lock::acquire(&database, now, zone).expect("the first has it");
        let second = Lock::acquire(&database, now, zone).expect_err("the second has not").to_string();
        let holder = format!("pid {}, started 2026-12-01 08:00", std::process::id());
        assert!(second.contains(&holder) && second.contains("journey.lock"), "{second}");
        assert!(!is_daemon_running(&database));
        drop(first);
        let daemon = Lock::acquire_as_daemon(&database, now, zone).expect("f11: let go, it is free at once");
        assert!(is_daemon_running(&database));
        drop(daemon);
        assert!(!is_daemon_running(&database), "what is written in it is not enough");
    }
}
