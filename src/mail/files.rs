//! Mails as files: whole or not at all, under a name that says what they are.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failpoint;

/// A folder into which many mails are written.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    file: File,
}

impl Folder {
    /// Opens a folder; it is made if it is not there.
    ///
    /// # Errors
    ///
    /// Where it cannot be made or opened.
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        let told = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot write to {}: {error}", path.display()))
        };
        private_folder(path).map_err(told)?;
        Ok(Folder { path: path.to_owned(), file: File::open(path).map_err(told)? })
    }

    /// Writes a mail, whole or not at all; see [`write()`].
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        write(&self.path, name, bytes)
    }

    /// Sees to it that everything written survives a power cut: one call for
    /// all, because one a mail would take longer than the mails.
    ///
    /// # Errors
    ///
    /// Where the disk refuses.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let synced = failpoint::at("files.sync").and_then(|()| Ok(rustix::fs::syncfs(&self.file)?));
        synced.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot write to {}: {error}", self.path.display()))
        })
    }
}

/// Writes a file below a folder, by way of a temporary name, so that nobody
/// ever sees half of it. `name` may have folders in it, with `/`.
///
/// # Errors
///
/// Where a folder or the file cannot be made, with the path in the message.
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
        // What is half there helps nobody; if it cannot be removed either,
        // the first error is still the one to tell.
        let _ = fs::remove_file(&half);
        told(error)
    })
}

/// Makes a folder, and those above it, for its owner alone: names of files
/// hold employee ids, and what is in them names and addresses.
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

/// The part of a file name that stands for a text: letters, digits, `.`, `_`
/// and `-` as they are, everything else as `_`.
pub(crate) fn name_part(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let part: String = text.chars().take(64).map(safe).collect();
    part.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_its_folder() {
        assert_eq!(name_part("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(name_part("12 å/3"), "12___3");
    }

    #[cfg(unix)]
    #[test]
    fn p20_a_mail_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = folder.path().join("outbox");
        write(&outbox, "2026-12-01/a.eml", b"mail").expect("it can be written");
        let mode =
            |path: &str| fs::metadata(outbox.join(path)).expect("it is there").permissions().mode() & 0o777;
        assert_eq!([mode(""), mode("2026-12-01"), mode("2026-12-01/a.eml")], [0o700, 0o700, 0o600]);
    }

    #[test]
    fn nothing_half_written_stays_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "2026-12-01/a.eml", b"mail").expect("it can be written");
        write(folder.path(), "2026-12-01", b"mail").expect_err("a folder is in the way");
        let names: Vec<_> =
            fs::read_dir(folder.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["2026-12-01"]);
    }
}
