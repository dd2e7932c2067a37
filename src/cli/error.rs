//! The error of a command: kind, message and hints, and the exit code of each
//! kind. The codes from 64 to 78 are those of `sysexits.h`.

use std::io;

use crate::domain::diagnostic::{Diagnostic, NO_PERMISSION};
use crate::engine::load::error::LoadError;
use crate::engine::load::people_file;
use crate::engine::send::lock::LockError;
use crate::store::{BackupError, StoreError};

/// What to do where there is no room on the disk.
const FREE_SPACE: &str = "free some disk space, then run the command again";

/// The error a command ends with.
#[derive(Debug)]
pub(super) struct CommandError {
    pub(super) kind: ErrorKind,
    /// What happened; empty if `faults` says it all.
    pub(super) message: String,
    /// What the user can do about it.
    pub(super) hints: Vec<String>,
    /// Diagnostics about files, printed one by one before the message.
    pub(super) faults: Vec<Diagnostic>,
}

/// The kind of an error; it decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    /// The command worked and its result is negative: `check` found errors, a mail was rejected.
    Negative,
    /// Invalid arguments.
    Usage,
    /// Invalid input data: people file, bounce mail, damaged database.
    BadData,
    /// The output file cannot be created.
    CannotMake,
    /// A file cannot be read or written.
    Io,
    /// Another process holds a lock, or changed the database; a retry may succeed.
    Busy,
    /// Permission denied.
    Permission,
    /// The relay is unavailable.
    Relay,
    /// Stopped by a safety limit until the user confirms.
    SafetyLimit,
    /// The reader of standard output closed the pipe: `journey … | head`.
    ClosedPipe,
    /// Invalid configuration or content.
    BadContent,
}

impl ErrorKind {
    pub(super) fn exit_code(self) -> u8 {
        match self {
            ErrorKind::ClosedPipe => 0,
            ErrorKind::Negative => 1,
            ErrorKind::Usage => 2,
            ErrorKind::BadData => 65,
            ErrorKind::Relay => 69,
            ErrorKind::CannotMake => 73,
            ErrorKind::Io => 74,
            ErrorKind::Busy => 75,
            ErrorKind::Permission => 77,
            ErrorKind::BadContent => 78,
            ErrorKind::SafetyLimit => 80,
        }
    }
}

impl CommandError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> CommandError {
        CommandError { kind, message: message.into(), hints: Vec::new(), faults: Vec::new() }
    }

    pub(super) fn usage(message: impl Into<String>) -> CommandError {
        CommandError::new(ErrorKind::Usage, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> CommandError {
        self.hints.push(hint.into());
        self
    }

    /// The message, or the first diagnostic, in one line.
    pub(super) fn in_a_line(&self) -> String {
        let first = self.faults.iter().find(|fault| fault.is_error()).or(self.faults.first());
        let message = match first {
            Some(fault) if self.message.is_empty() => format!("{}: {}", fault.place, fault.message),
            _ => self.message.clone(),
        };
        message.lines().collect::<Vec<_>>().join(" ")
    }

    /// An error that consists of diagnostics alone. If one of them is a missing
    /// permission to read a file, the kind is `Permission`, not `kind`.
    pub(super) fn faults(kind: ErrorKind, faults: Vec<Diagnostic>) -> CommandError {
        let denied = faults.iter().any(|fault| fault.is_error() && fault.code == NO_PERMISSION);
        let kind = if denied { ErrorKind::Permission } else { kind };
        CommandError { faults, ..CommandError::new(kind, "") }
    }
}

impl From<LoadError> for CommandError {
    fn from(unusable: LoadError) -> CommandError {
        match unusable {
            LoadError::Content(faults) => CommandError::faults(ErrorKind::BadContent, faults),
            LoadError::People(faults) if people_file::is_unread(&faults) => {
                CommandError::faults(ErrorKind::Io, faults)
            }
            LoadError::People(faults) => CommandError::faults(ErrorKind::BadData, faults),
            LoadError::Store(error) => error.into(),
            LoadError::NoRandomness(error) => anyhow::Error::from(error).into(),
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> CommandError {
        let message = error.to_string();
        let (kind, hint) = match &error {
            StoreError::NewerSchema { .. } => {
                (ErrorKind::BadContent, "install the journey that made it, or a newer one")
            }
            StoreError::OlderSchema { .. } => {
                (ErrorKind::BadContent, "a command that writes brings it up to date: journey send")
            }
            StoreError::MigrationMismatch { .. } => {
                (ErrorKind::BadContent, "install the journey that made it; this one would misread it")
            }
            StoreError::Corrupt { .. } => (
                ErrorKind::BadData,
                "nothing was changed; put back the newest good backup: journey restore FILE",
            ),
            StoreError::Io { why, .. } if why.kind() == io::ErrorKind::PermissionDenied => (
                ErrorKind::Permission,
                "SQLite writes files beside the database: the folder must be writable too",
            ),
            StoreError::Io { .. } => (ErrorKind::Io, "the database is named in config.toml, `database`"),
            StoreError::DiskFull => (ErrorKind::Io, FREE_SPACE),
            StoreError::Changed => (ErrorKind::Busy, "run the command again in a moment"),
            StoreError::Busy => (ErrorKind::Busy, "nothing is lost; run the command again in a moment"),
            StoreError::WrongUser => {
                (ErrorKind::Permission, "run it as the user the database belongs to: sudo -u journey …")
            }
            StoreError::Sealed => (ErrorKind::Usage, "it was given more than seven days ago"),
            // Earlier commits remain: mails may have been sent.
            StoreError::Sqlite(_) => {
                (ErrorKind::Io, "nothing is lost; check the disk, then run the command again")
            }
        };
        CommandError::new(kind, message).hint(hint)
    }
}

impl From<BackupError> for CommandError {
    fn from(error: BackupError) -> CommandError {
        let message = error.to_string();
        let (kind, hint) = match error {
            BackupError::Store(error) => return error.into(),
            BackupError::CannotCreate { why, .. } => match why.kind() {
                io::ErrorKind::NotFound => {
                    (ErrorKind::CannotMake, "create the folder, then run the command again")
                }
                io::ErrorKind::PermissionDenied => {
                    (ErrorKind::Permission, "the folder must be writable for the user that types this")
                }
                _ => (ErrorKind::CannotMake, "name a file in a folder that can be written"),
            },
            BackupError::TargetOccupied { .. } => {
                (ErrorKind::CannotMake, "name another file, or move that one away")
            }
            BackupError::NoSpace { .. } => (ErrorKind::Io, FREE_SPACE),
            BackupError::InProgress { .. } => (ErrorKind::Busy, "let it finish"),
            BackupError::Unverified { .. } => (ErrorKind::Io, "check the disk; the earlier file is kept"),
            BackupError::PlainCopy { .. } => (
                ErrorKind::SafetyLimit,
                "take a file that `journey backup` made; if this is all there is, add --plain-copy",
            ),
            BackupError::InUse { .. } => (
                ErrorKind::Busy,
                "stop the programs that use it (the daemon, a `sqlite3` shell), then run the command again",
            ),
            BackupError::NotRecorded { .. } => {
                (ErrorKind::Io, "`journey status` still shows the age of the one before")
            }
        };
        CommandError::new(kind, message).hint(hint)
    }
}

impl From<LockError> for CommandError {
    fn from(error: LockError) -> CommandError {
        let kind = match &error {
            LockError::Held { .. } => ErrorKind::Busy,
            LockError::Io { why, .. } if why.kind() == io::ErrorKind::PermissionDenied => {
                ErrorKind::Permission
            }
            LockError::Io { .. } => ErrorKind::Io,
        };
        CommandError::new(kind, error.to_string())
    }
}

/// Recognises the error types that have a kind of their own; the rest is `Io`.
impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> CommandError {
        // The alternate format includes the context of the error.
        let message = format!("{error:#}");
        let known: CommandError = match error.downcast::<StoreError>() {
            Ok(error) => error.into(),
            Err(error) => match error.downcast::<io::Error>() {
                Ok(error) => error.into(),
                Err(_) => CommandError::new(ErrorKind::Io, ""),
            },
        };
        match known.kind {
            ErrorKind::ClosedPipe => known,
            _ => CommandError { message, ..known },
        }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> CommandError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CommandError::new(ErrorKind::ClosedPipe, ""),
            io::ErrorKind::PermissionDenied => CommandError::new(ErrorKind::Permission, error.to_string()),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                CommandError::new(ErrorKind::Io, error.to_string()).hint(FREE_SPACE)
            }
            _ => CommandError::new(ErrorKind::Io, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_a_hint_wherever_it_is_met() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let met = anyhow::Error::from(io::Error::from(kind)).context("cannot write outbox/a.eml");
            let error = CommandError::from(met);
            assert_eq!((error.kind, error.hints), (ErrorKind::Io, vec![FREE_SPACE.to_owned()]));
            assert!(error.message.starts_with("cannot write outbox/a.eml: "), "{}", error.message);
        }
        assert_eq!(CommandError::from(StoreError::DiskFull).hints, [FREE_SPACE]);
    }
}
