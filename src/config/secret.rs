//! Passwords that are never printed, and where they come from.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::text::secret_file;

/// Text that `Debug` does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl Secret {
    /// The secret itself, for authentication.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The source of a password. A file is read only when the password is needed, so
/// that users without access to it can still check content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// A file that contains only the password.
    File(PathBuf),
    /// `JOURNEY_MAIL__SMTP__PASSWORD`
    Given(Secret),
}

impl Password {
    /// Returns the password; for a file its one line.
    pub(crate) fn read(&self) -> io::Result<Secret> {
        match self {
            Password::File(file) => secret_file::read_line(file).map(Secret),
            Password::Given(secret) => Ok(secret.clone()),
        }
    }
}
