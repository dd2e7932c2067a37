//! How a command ends badly: kind, message, hints; and the exit code of each
//! kind (contract, 12; the numbers above 63 are those of sysexits.h).

use std::io;

use crate::domain::diagnostic::Diagnostic;
use crate::engine::world::{self, Unusable};

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) struct CommandError {
    pub(super) kind: Kind,
    /// What happened; empty when the faults say it.
    pub(super) message: String,
    /// What to do now.
    pub(super) hints: Vec<String>,
    /// Faults in files, told one by one.
    pub(super) faults: Vec<Diagnostic>,
}

/// Which kind of ending it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The answer is no.
    No,
    /// Typed wrong.
    Usage,
    /// The people file is wrong.
    BadData,
    /// A file cannot be read or written.
    Io,
    /// Nobody reads what we print any more: `journey … | head`.
    ClosedPipe,
    /// Configuration or content is wrong.
    BadContent,
}

impl Kind {
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Kind::ClosedPipe => 0,
            Kind::No => 1,
            Kind::Usage => 2,
            Kind::BadData => 65,
            Kind::Io => 74,
            Kind::BadContent => 78,
        }
    }
}

impl CommandError {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> CommandError {
        CommandError { kind, message: message.into(), hints: Vec::new(), faults: Vec::new() }
    }

    pub(super) fn usage(message: impl Into<String>) -> CommandError {
        CommandError::new(Kind::Usage, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> CommandError {
        self.hints.push(hint.into());
        self
    }

    /// Faults in files, and nothing to add to them.
    pub(super) fn faults(kind: Kind, faults: Vec<Diagnostic>) -> CommandError {
        CommandError { faults, ..CommandError::new(kind, "") }
    }
}

impl From<Unusable> for CommandError {
    fn from(unusable: Unusable) -> CommandError {
        match unusable {
            Unusable::Content(faults) => CommandError::faults(Kind::BadContent, faults),
            Unusable::People(faults) if world::is_unread(&faults) => CommandError::faults(Kind::Io, faults),
            Unusable::People(faults) => CommandError::faults(Kind::BadData, faults),
        }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> CommandError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CommandError::new(Kind::ClosedPipe, ""),
            _ => CommandError::new(Kind::Io, error.to_string()),
        }
    }
}
