//! Detects changes of a file or a folder by polling names, sizes and times. A
//! change is reported once it is the same in two polls, so that a half-finished
//! checkout is not read. Symbolic links are followed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Watches a file, or a folder with everything below it.
pub(super) struct FileWatcher {
    path: PathBuf,
    known: Vec<FileState>,
    /// The last observed state, if it differs from the known one.
    moving: Option<Vec<FileState>>,
}

type FileState = (PathBuf, u64, Option<SystemTime>, ChangeTime);

/// The time of the last change of the inode (ctime). It also changes with the
/// mode, and when a copy keeps the modification time of its original.
type ChangeTime = (i64, i64);

impl FileWatcher {
    pub(super) fn of(path: &Path) -> FileWatcher {
        FileWatcher { path: path.to_owned(), known: file_states(path), moving: None }
    }

    /// Starts with no known state, so that the present one is reported as a change.
    pub(super) fn unseen(path: &Path) -> FileWatcher {
        FileWatcher { path: path.to_owned(), known: Vec::new(), moving: None }
    }

    /// Forgets the known state, so that the present one is reported as a change.
    pub(super) fn invalidate(&mut self) {
        self.known.clear();
    }

    /// Whether it has changed since the last report and is stable.
    pub(super) fn has_changed(&mut self) -> bool {
        let now = file_states(&self.path);
        if now == self.known {
            self.moving = None;
            return false;
        }
        if self.moving.as_ref() != Some(&now) {
            self.moving = Some(now);
            return false;
        }
        (self.known, self.moving) = (now, None);
        true
    }
}

/// An unreadable file counts as missing; the reader reports the error.
fn file_states(path: &Path) -> Vec<FileState> {
    let mut file_states = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(open_path) = open.pop() {
        let Ok(metadata) = fs::metadata(&open_path) else { continue };
        if !metadata.is_dir() {
            let change_time = change_time(&metadata);
            file_states.push((open_path, metadata.len(), metadata.modified().ok(), change_time));
        } else if open_path == path || !open_path.is_symlink() {
            // A link to a folder below could lead in a circle.
            open.extend(fs::read_dir(&open_path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    file_states.sort();
    file_states
}

#[cfg(unix)]
fn change_time(metadata: &fs::Metadata) -> ChangeTime {
    use std::os::unix::fs::MetadataExt;
    (metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn change_time(_: &fs::Metadata) -> ChangeTime {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_reported_once_and_only_when_stable() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("journeys/miljo/resor.md");
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, "one").expect("written");
        let mut watch = FileWatcher::of(home.path());
        assert!(!watch.has_changed());
        fs::write(&file, "half of").expect("written");
        assert!(!watch.has_changed(), "it may go on changing");
        fs::write(&file, "half of it").expect("written");
        assert!(!watch.has_changed(), "it did");
        assert!(watch.has_changed(), "now it is at rest");
        assert!(!watch.has_changed(), "and said once");
        fs::remove_file(&file).expect("removed");
        assert!(!watch.has_changed());
        assert!(watch.has_changed(), "what is gone has changed");
        fs::write(&file, "again").expect("written");
        let mut watch = FileWatcher::unseen(home.path());
        assert!(!watch.has_changed() && watch.has_changed(), "nothing was known of it");
        assert!(!watch.has_changed());
        watch.invalidate();
        assert!(!watch.has_changed() && watch.has_changed(), "that is forgotten");
    }

    #[cfg(unix)]
    #[test]
    fn a_change_is_seen_through_a_link_and_of_a_mode() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let home = tempfile::tempdir().expect("a folder");
        let (file, link) = (home.path().join("export-1.csv"), home.path().join("people.csv"));
        fs::write(&file, "one").expect("written");
        symlink(&file, &link).expect("a link");
        let mut watch = FileWatcher::of(&link);
        fs::write(&file, "one more").expect("written");
        assert!(!watch.has_changed() && watch.has_changed(), "what it leads to has changed");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("its owner's alone");
        assert!(!watch.has_changed() && watch.has_changed(), "who could not read it may try again");
        assert!(!watch.has_changed());
    }
}
