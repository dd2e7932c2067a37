//! Checks files and folders: whether everything the program writes is writable,
//! how much free space there is, and who can read secrets.

use std::io;
use std::path::{Path, PathBuf};

use super::database::disk_size;
use super::{Finding, Level};
use crate::config::{Config, Password, TokenConfig, Transport};
use crate::engine::send::lock;
use crate::store::file::disk;

/// Below this much free space a mailing may stop half-way: an error.
const LOW_SPACE_ERROR: u64 = 100_000_000;
/// Below this much free space: a warning.
const LOW_SPACE_WARNING: u64 = 1_000_000_000;

/// Permission bits of others, and of the group.
const OTHERS: u32 = 0o007;
const GROUP_WRITES: u32 = 0o020;
const GROUP_READS: u32 = 0o040;
const OTHERS_WRITE: u32 = 0o002;

/// Checks files and folders.
pub(super) fn examine(config: &Config, tell: &mut dyn FnMut(Finding)) {
    let mut folders = vec![existing(disk::parent_folder(&config.database))];
    if config.mail.transport == Transport::Files {
        folders.push(existing(&config.mail.folder));
    }
    // Report each disk once; report failures as they are.
    folders.dedup_by(|one, other| {
        one == other || disk::device(one).ok().is_some_and(|device| disk::device(other).ok() == Some(device))
    });
    folders.iter().for_each(|folder| tell(room(folder, disk::free_space(folder))));
    for (path, what) in written(config) {
        tell(writable(&path, what, may_write(&path)));
    }
    private(config).into_iter().for_each(&mut *tell);
    for (path, what) in secrets(config) {
        tell(secret(&path, what, disk::permissions(&path), readable(&path)));
    }
}

/// Secrets that others can read. Senders print this as a warning and continue,
/// because in a container the mode may not be changeable.
pub(crate) fn open_secrets(config: &Config) -> Vec<Finding> {
    let look = |(path, what): (PathBuf, &'static str)| secret(&path, what, disk::permissions(&path), Ok(()));
    secrets(config).into_iter().map(look).filter(|finding| finding.level == Level::Fault).collect()
}

/// All paths the program writes by default.
fn written(config: &Config) -> Vec<(PathBuf, &'static str)> {
    let database = &config.database;
    let mut all = vec![
        (database.clone(), "what has happened; -wal and -shm beside it"),
        (lock::file(database), "who sends"),
        (database.with_extension("id"), "used to notice if the folder is copied"),
    ];
    match config.mail.transport {
        Transport::Files => all.push((config.mail.folder.clone(), "mails")),
        Transport::Smtp | Transport::Sendmail => {
            all.push((database.with_extension("sent"), "the send journal"));
        }
    }
    all
}

/// Whether a path is writable: the file, and the folder it is or would be in,
/// because SQLite creates files next to its own. Nothing is written.
fn may_write(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return disk::check_writable(path);
    }
    if path.exists() {
        disk::check_writable(path)?;
    }
    disk::check_writable(&existing(disk::parent_folder(path)))
}

/// The folder, or its nearest existing parent.
fn existing(folder: &Path) -> PathBuf {
    let there = folder.ancestors().find(|above| above.is_dir());
    match there {
        Some(there) if !there.as_os_str().is_empty() => there.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn writable(path: &Path, what: &str, may: io::Result<()>) -> Finding {
    let shown = path.display();
    match may {
        Ok(()) => Finding::good("writes", format!("{shown}: {what}")),
        Err(error) => Finding::fault("writes", format!("{shown} cannot be written: {error}"))
            .hint("give the user that runs journey the folder, not only the file"),
    }
}

fn room(folder: &Path, free: io::Result<u64>) -> Finding {
    let shown = folder.display();
    match free {
        Ok(free) => {
            let message = format!("{} free in {shown}", disk_size(free));
            if free < LOW_SPACE_ERROR {
                return Finding::fault("disk", message)
                    .hint("make room: a full disk stops a mailing half-way");
            }
            if free < LOW_SPACE_WARNING {
                return Finding::warning("disk", message).hint("make room before it is needed");
            }
            Finding::good("disk", message)
        }
        Err(error) => Finding::warning("disk", format!("{shown} does not say how much is free: {error}")),
    }
}

/// Private files that other users can access.
fn private(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let database = &config.database;
    if let Ok(mode) = disk::permissions(database)
        && mode & 0o077 != 0
    {
        let message = format!("{} can be read by others (mode {mode:04o})", database.display());
        let hint = format!("chmod 600 {}; the next command that writes does it too", database.display());
        found.push(Finding::warning("private", message).hint(hint));
    }
    let mut folders = vec![disk::parent_folder(database)];
    if config.mail.transport == Transport::Files {
        folders.push(&config.mail.folder);
    }
    for folder in folders {
        let Ok(mode) = disk::permissions(folder) else { continue };
        let outbox = folder == config.mail.folder;
        let shown = folder.display();
        if mode & OTHERS_WRITE != 0 {
            let message = format!("{shown} can be written by everybody (mode {mode:04o})");
            found.push(Finding::fault("private", message).hint(format!("chmod 700 {shown}")));
        } else if outbox && mode & 0o077 != 0 {
            let message = format!("{shown} can be read by others (mode {mode:04o}), and mails name people");
            found.push(Finding::warning("private", message).hint(format!("chmod 700 {shown}")));
        }
    }
    found
}

/// Files that contain a secret.
fn secrets(config: &Config) -> Vec<(PathBuf, &'static str)> {
    let smtp = &config.mail.smtp;
    let mut all = Vec::new();
    if let Some(Password::File(file)) = &smtp.password {
        all.push((file.clone(), "the password of the mail server"));
    }
    match &smtp.token {
        Some(TokenConfig::File(file)) => all.push((file.clone(), "the access token")),
        Some(TokenConfig::Endpoint { client_secret: Password::File(file), .. }) => {
            all.push((file.clone(), "the secret for the token endpoint"));
        }
        Some(TokenConfig::Command(_) | TokenConfig::Endpoint { .. }) | None => {}
    }
    if let Some(dkim) = &config.mail.dkim {
        all.push((dkim.key_file.clone(), "the key of the signature"));
    }
    all
}

fn readable(path: &Path) -> io::Result<()> {
    std::fs::File::open(path).map(drop)
}

/// A secret must not be readable by others. Access for the group is only a
/// warning: it may be a service group, and systemd hands over credentials that
/// way.
fn secret(path: &Path, what: &str, mode: io::Result<u32>, readable: io::Result<()>) -> Finding {
    let shown = path.display();
    let mode = match readable.and(mode) {
        Ok(mode) => mode,
        Err(error) => {
            return Finding::fault("secret", format!("{shown}, {what}, cannot be read: {error}")).hint(
                "the user that runs journey must be able to read it; under systemd use LoadCredential=",
            );
        }
    };
    let hint = format!("chmod 600 {shown}");
    if mode & (OTHERS | GROUP_WRITES) != 0 {
        let message = format!("{shown}, {what}, is open to others (mode {mode:04o})");
        return Finding::fault("secret", message)
            .hint(format!("{hint}; and change the secret, if others were here"));
    }
    if mode & GROUP_READS != 0 && !path.starts_with("/run/credentials") {
        let message = format!("{shown}, {what}, can be read by its group (mode {mode:04o})");
        return Finding::warning("secret", message)
            .hint(format!("{hint}, unless no other user is in that group"));
    }
    Finding::good("secret", format!("{shown}, {what}, is for its owner alone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_readable_by_others_are_reported() {
        let level = |path: &str, mode: u32| secret(Path::new(path), "a key", Ok(mode), Ok(())).level;
        assert_eq!(level("key", 0o600), Level::Good);
        assert_eq!(level("key", 0o400), Level::Good);
        assert_eq!(level("key", 0o640), Level::Warning);
        assert_eq!(level("/run/credentials/journey.service/key", 0o440), Level::Good);
        assert_eq!(level("key", 0o644), Level::Fault);
        assert_eq!(level("key", 0o604), Level::Fault);
        assert_eq!(level("key", 0o660), Level::Fault);
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(secret(Path::new("key"), "a key", Ok(0o600), Err(denied())).level, Level::Fault);
        assert_eq!(secret(Path::new("key"), "a key", Err(denied()), Ok(())).level, Level::Fault);
    }

    #[test]
    fn low_disk_space_warns_then_fails() {
        let level = |free| room(Path::new("."), Ok(free)).level;
        assert_eq!(
            [level(5_000_000), level(500_000_000), level(5_000_000_000)],
            [Level::Fault, Level::Warning, Level::Good]
        );
        assert_eq!(room(Path::new("."), Ok(5_400_000_000)).message, "5.4 GB free in .");
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let may_not = Err(io::ErrorKind::ReadOnlyFilesystem.into());
        let found = writable(Path::new("journey.db"), "what has happened", may_not);
        assert_eq!((found.level, found.about), (Level::Fault, "writes"));
    }

    #[test]
    fn what_is_not_there_is_asked_of_the_folder_it_would_be_made_in() {
        let home = tempfile::tempdir().expect("a folder");
        assert_eq!(existing(&home.path().join("a/b")), home.path());
        assert_eq!(existing(Path::new("")), Path::new("."));
        may_write(&home.path().join("a/journey.db")).expect("it could be made");
        assert_eq!(std::fs::read_dir(home.path()).expect("a folder").count(), 0, "nothing is tried");
    }
}
