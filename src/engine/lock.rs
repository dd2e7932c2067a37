//! One sender a database: a file that the kernel locks, and lets go when its
//! holder dies, however it dies (F10, F11).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::domain::zone::{Timestamp, Zone};

/// The right to send; let go when it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no right to send.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("another journey ({holder}) holds {}; stop it, or let it send", path.display())]
    Held {
        /// Who, in words.
        holder: String,
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made or locked.
    #[error("cannot lock {}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

impl Lock {
    /// Takes the right to send from a database.
    ///
    /// # Errors
    ///
    /// Where another process has it, or the file cannot be made.
    pub fn take(database: &Path, now: Timestamp, zone: Zone) -> Result<Lock, LockError> {
        let path = file(database);
        let io = |why| LockError::Io { path: path.clone(), why };
        // Never truncated before it is ours: it names the holder.
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { holder: name_in(&file), path }),
            Err(TryLockError::Error(why)) => return Err(io(why)),
        }
        let started = zone.civil(now).format("%Y-%m-%d %H:%M");
        let mut name = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "pid {}, started {started}", std::process::id())
        };
        name().map_err(io)?;
        Ok(Lock { _file: file })
    }
}

/// The file that is locked.
pub fn file(database: &Path) -> PathBuf {
    database.with_extension("lock")
}

/// Who has the right to send at this moment, if anybody has. Changes nothing.
///
/// # Errors
///
/// Where the file is there and cannot be read.
pub fn holder(database: &Path) -> Result<Option<String>, LockError> {
    let path = file(database);
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(LockError::Io { path, why }),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(name_in(&lock))),
        Err(TryLockError::Error(why)) => Err(LockError::Io { path, why }),
    }
}

/// What the holder wrote into the file.
fn name_in(file: &File) -> String {
    let mut holder = String::new();
    let read = file.take(100).read_to_string(&mut holder);
    let known = read.is_ok() && !holder.trim().is_empty();
    if known { holder.trim().to_owned() } else { "just started".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f10_a_second_sender_is_told_who_the_first_is() {
        let home = tempfile::tempdir().expect("a folder");
        let database = home.path().join("journey.db");
        let now = "2026-12-01T07:00:00Z".parse().expect("an instant");
        let zone = Zone::parse("Europe/Stockholm").expect("a zone");
        let first = Lock::take(&database, now, zone).expect("the first has it");
        let second = Lock::take(&database, now, zone).expect_err("the second has not").to_string();
        let holder = format!("pid {}, started 2026-12-01 08:00", std::process::id());
        assert!(second.contains(&holder) && second.contains("journey.lock"), "{second}");
        drop(first);
        Lock::take(&database, now, zone).expect("f11: let go, it is free at once");
    }
}
