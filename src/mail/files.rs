//! Writes mails as files, atomically, under descriptive names.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failpoint;

/// An open folder for mails.
#[derive(Debug)]
pub struct MailDirectory {
    path: PathBuf,
    file: File,
}

impl MailDirectory {
    /// Opens a folder, and creates it if needed.
    ///
    /// # Errors
    ///
    /// If it cannot be created or opened.
    pub(crate) fn open(path: &Path) -> io::Result<MailDirectory> {
        let told = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot write to {}: {error}", path.display()))
        };
        private_folder(path).map_err(told)?;
        Ok(MailDirectory { path: path.to_owned(), file: File::open(path).map_err(told)? })
    }

    /// Writes a mail atomically; see [`write()`].
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        write(&self.path, name, bytes)
    }

    /// Makes everything written so far durable. One call for a batch, because one fsync
    /// per mail would take longer than the mails.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let synced = failpoint::at("files.sync").and_then(|()| Ok(rustix::fs::syncfs(&self.file)?));
        synced.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot write to {}: {error}", self.path.display()))
        })
    }
}

/// Writes a file below a folder atomically, by way of a temporary name. `name` may
/// contain folders, separated by `/`.
///
/// # Errors
///
/// If a folder or the file cannot be created, with the path in the message.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    let place = path.parent().unwrap_or(folder);
    let told =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    private_folder(place).map_err(told)?;
    let half = path.with_extension("half");
    let written = failpoint::at("files.write").and_then(|()| private_file(&half)).and_then(|mut file| {
        failpoint::at("files.half")?;
        file.write_all(bytes)
    });
    let named = written.and_then(|()| failpoint::at("files.name")).and_then(|()| fs::rename(&half, &path));
    named.and_then(|()| failpoint::at("files.named")).map_err(|error| {
        // Remove the partial file. If that fails too, the first error is the one to
        // report.
        let _ = fs::remove_file(&half);
        told(error)
    })
}

/// Creates a folder and its parents, readable by the owner only: file names contain
/// employee ids, and the mails contain names and addresses.
#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<File> {
    File::create(path)
}

/// A text as part of a file name: letters, digits, `.`, `_` and `-` stay,
/// everything else becomes `_`.
pub(crate) fn sanitize_filename(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let part: String = text.chars().take(64).map(safe).collect();
    part.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_never_leaves_its_folder() {
        assert_eq!(sanitize_filename("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(sanitize_filename("12 å/3"), "12___3");
    }

    #[cfg(unix)]
    #[test]
    fn mails_are_readable_by_the_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = folder.path().join("outbox");
        write(&outbox, "2026-12-01/a.eml", b"mail").expect("it can be written");
        let mode =
            |path: &str| fs::metadata(outbox.join(path)).expect("it is there").permissions().mode() & 0o777;
        assert_eq!([mode(""), mode("2026-12-01"), mode("2026-12-01/a.eml")], [0o700, 0o700, 0o600]);
    }

    #[test]
    fn no_partial_file_is_left_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "2026-12-01/a.eml", b"mail").expect("it can be written");
        write(folder.path(), "2026-12-01", b"mail").expect_err("a folder is in the way");
        let names: Vec<_> =
            fs::read_dir(folder.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["2026-12-01"]);
    }
}
