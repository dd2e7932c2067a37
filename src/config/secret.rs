//! What is never shown: a password, and where it comes from.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl Secret {
    /// The text itself, for the one who hands it over.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Where a password comes from. A file is read when it is needed, so that
/// authors who may not read it can still check their content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// A file with the password and nothing else.
    File(PathBuf),
    /// `JOURNEY_MAIL__SMTP__PASSWORD`
    Given(Secret),
}

impl Password {
    /// The password; of a file without the line break at its end.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub(crate) fn read(&self) -> io::Result<Secret> {
        match self {
            Password::File(file) => {
                let text = std::fs::read_to_string(file)?;
                Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            Password::Given(secret) => Ok(secret.clone()),
        }
    }
}
