//! Backups: a consistent copy of the whole database, made while other processes
//! may write. The copy is written beside its target, verified, and only then
//! renamed. If anything fails, an earlier backup under that name stays.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};

use super::disk::{self, with_suffix};
use super::open::ReadMode;
use crate::domain::time::timezone::Timestamp;
use crate::store::{Store, StoreError, codec, failpoints, migrate};

/// Why a backup or a restore failed. Existing files are unchanged then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// The target file cannot be created.
    #[error("cannot make {}: {why}", path.display())]
    CannotCreate { path: PathBuf, why: io::Error },
    /// The target name is in use by something that must not be replaced.
    #[error("{} {why}; it is left as it is", path.display())]
    TargetOccupied { path: PathBuf, why: String },
    /// There is not enough free space.
    #[error("no room for {}: it needs {needed} bytes, {free} are free; nothing was changed", path.display())]
    NoSpace { path: PathBuf, needed: u64, free: u64 },
    /// Another process is writing the same file.
    #[error("another journey is writing {} at this moment", path.display())]
    InProgress { path: PathBuf },
    /// The copy was written, and verification failed.
    #[error("the copy {} is not whole ({why}); nothing was changed", path.display())]
    Unverified { path: PathBuf, why: String },
    /// The file is a plain copy of a database and was not made by `journey
    /// backup`. It may lack the last commits, because they were in the log.
    #[error("{} is a plain copy of a database file, without its log: if it was copied while journey ran, what was last written is missing{}", path.display(), newest.map_or(String::new(), |at| format!("; the last it knows is of {}", codec::time(at))))]
    PlainCopy { path: PathBuf, newest: Option<Timestamp> },
    /// Another process has the database open that is to be replaced.
    #[error("another program has {} open; nothing was changed", path.display())]
    InUse { path: PathBuf },
    /// The backup is good, but its time could not be stored in the database.
    #[error("the backup {} is good, but that it was made could not be written down: {why}", path.display())]
    NotRecorded { path: PathBuf, why: StoreError },
    /// An error of the database, or of the backup that was read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> BackupError {
        BackupError::Store(error.into())
    }
}

/// A target for a backup that has been checked.
#[derive(Debug)]
pub(crate) struct BackupPlan {
    /// The file, with symbolic links resolved.
    pub(crate) path: PathBuf,
    /// Whether it replaces an earlier backup.
    pub(crate) replaces: bool,
    /// The largest possible size of the copy, in bytes.
    needed: u64,
}

impl Store {
    /// When the last good backup was made; `None` if there is none.
    pub(crate) fn last_backup_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT backed_up_at FROM instance")?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Checks whether a backup can be written to a path. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the folder is missing, is not writable or has too little free space,
    /// or the file is not a backup of this database, or is a backup that is
    /// newer than this database.
    pub(crate) fn plan_backup(&self, to: &Path) -> Result<BackupPlan, BackupError> {
        let path = self.resolve_target(to)?;
        let folder = disk::parent_folder(&path);
        let cannot = |why| BackupError::CannotCreate { path: path.clone(), why };
        disk::check_writable(folder).map_err(cannot)?;
        let replaces = self.replaces_backup(&path)?;
        let needed = size(&self.connection)?;
        let free = disk::free_space(folder).map_err(cannot)?;
        if free < needed {
            return Err(BackupError::NoSpace { path, needed, free });
        }
        Ok(BackupPlan { path, replaces, needed })
    }

    /// Makes a backup: either a complete one appears under its name, or an
    /// earlier one stays.
    pub(crate) fn back_up(&mut self, plan: &BackupPlan, now: Timestamp) -> Result<(), BackupError> {
        let partial = PartialBackup::create(&plan.path)?;
        partial.copy_from(&self.connection, plan.needed)?;
        partial.modify(|copy| {
            copy.execute("UPDATE instance SET backed_up_at = ?1", [codec::time(now)])?;
            Ok(())
        })?;
        partial.verify()?;
        partial.rename_into_place(&plan.path)?;
        let remembered = self.write_transaction().and_then(|tx| {
            tx.execute("UPDATE instance SET backed_up_at = ?1", [codec::time(now)])?;
            failpoints::at("backup.remember")?;
            Ok(tx.commit()?)
        });
        remembered.map_err(|why| BackupError::NotRecorded { path: plan.path.clone(), why })
    }

    /// Resolves the target path, and refuses files of the database itself.
    fn resolve_target(&self, to: &Path) -> Result<PathBuf, BackupError> {
        let cannot = |why| BackupError::CannotCreate { path: to.to_owned(), why };
        let path = match fs::canonicalize(to) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = to.file_name().ok_or(error).map_err(cannot)?;
                fs::canonicalize(disk::parent_folder(to)).map_err(cannot)?.join(name)
            }
            Err(error) => return Err(cannot(error)),
        };
        let own = fs::canonicalize(&self.path).map_err(cannot)?;
        let of_its_own = ["", "-wal", "-shm", "-journal"].iter().any(|end| path == with_suffix(&own, end));
        if of_its_own || path == own.with_extension("lock") {
            let why = "belongs to the database itself".to_owned();
            return Err(BackupError::TargetOccupied { path, why });
        }
        Ok(path)
    }

    /// Whether there is an earlier backup of this database under that name. No
    /// other file is ever replaced.
    fn replaces_backup(&self, path: &Path) -> Result<bool, BackupError> {
        let in_the_way =
            |why: &str| Err(BackupError::TargetOccupied { path: path.to_owned(), why: why.to_owned() });
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(why) => return Err(BackupError::CannotCreate { path: path.to_owned(), why }),
        };
        if metadata.is_dir() {
            return in_the_way("is a folder, and the name of a file is asked for");
        }
        if !metadata.is_file() {
            return in_the_way("is not a regular file");
        }
        if metadata.len() == 0 {
            return Ok(false);
        }
        let mode = ReadMode::without_trace(path);
        let earlier = match Store::open_unchecked(path, mode)
            .and_then(|earlier| Ok((earlier.secret()?, earlier.coverage()?)))
        {
            Ok(earlier) => earlier,
            Err(StoreError::NewerSchema { .. }) => return in_the_way("is a backup by a newer journey"),
            Err(StoreError::Io { why, .. }) => {
                return Err(BackupError::CannotCreate { path: path.to_owned(), why });
            }
            Err(_) => return in_the_way("exists already and is not a backup of this database"),
        };
        if earlier.0 != self.secret()? {
            return in_the_way("is a backup of another database");
        }
        if !self.coverage()?.includes(earlier.1) {
            return in_the_way("is a backup that knows more than the database does now");
        }
        Ok(true)
    }

    /// How much this database contains.
    fn coverage(&self) -> Result<Coverage, StoreError> {
        let sql =
            "SELECT (SELECT coalesce(max(id), 0) FROM event), (SELECT coalesce(max(id), 0) FROM delivery),
                   (SELECT coalesce(max(id), 0) FROM audit),
                   (SELECT count(*) FROM delivery WHERE settled_at IS NOT NULL)";
        Ok(self
            .connection
            .query_row(sql, [], |row| Ok(Coverage([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])))?)
    }

    /// The latest instant recorded in the database: of an event, a delivery or a
    /// decision.
    pub(crate) fn latest_instant(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare(include_str!("../sql/newest.sql"))?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }
}

/// The highest ids of the tables that only grow: events, deliveries, audit log;
/// and the number of deliveries with an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Coverage([i64; 4]);

impl Coverage {
    /// Whether this contains at least as much of each as `other`.
    fn includes(self, other: Coverage) -> bool {
        self.0.iter().zip(other.0).all(|(ours, theirs)| *ours >= theirs)
    }
}

/// The size of a copy of a database, in bytes.
pub(crate) fn size(connection: &Connection) -> Result<u64, StoreError> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let bytes = pragma("page_count")? * pragma("page_size")?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// A copy under a temporary name, locked by this process. It is removed on drop
/// unless it has been renamed to its final name.
pub(crate) struct PartialBackup {
    path: PathBuf,
    target: PathBuf,
    /// Holds the lock.
    _file: File,
    done: std::cell::Cell<bool>,
}

impl PartialBackup {
    /// Creates the temporary file beside its target, with access for the owner
    /// only. A file that a killed process left is reused.
    pub(crate) fn create(target: &Path) -> Result<PartialBackup, BackupError> {
        let path = with_suffix(target, ".half");
        let cannot = |why| BackupError::CannotCreate { path: path.clone(), why };
        let file = loop {
            let file = private_file(&path).map_err(cannot)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => return Err(BackupError::InProgress { path }),
                Err(fs::TryLockError::Error(why)) => return Err(cannot(why)),
            }
            // Another process may have renamed or removed it meanwhile.
            if is_same_file(&file, &path) {
                break file;
            }
        };
        file.set_len(0).map_err(cannot)?;
        Ok(PartialBackup { target: target.to_owned(), _file: file, done: std::cell::Cell::new(false), path })
    }

    /// Copies a consistent snapshot of a database into the file.
    pub(crate) fn copy_from(&self, from: &Connection, needed: u64) -> Result<(), BackupError> {
        failpoints::at("copy.fill")?;
        let filled = from.execute("VACUUM INTO ?1", [path_parameter(self.path.as_os_str())]);
        filled.map(drop).map_err(|error| match StoreError::from(error) {
            StoreError::DiskFull => {
                let free = disk::free_space(disk::parent_folder(&self.path)).unwrap_or(0);
                BackupError::NoSpace { path: self.target.clone(), needed, free }
            }
            error => error.into(),
        })
    }

    /// Changes rows in the copy only.
    pub(crate) fn modify(
        &self,
        change: impl FnOnce(&mut Connection) -> Result<(), StoreError>,
    ) -> Result<(), BackupError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(&self.path, flags)?;
        copy.pragma_update_and_check(None, "journal_mode", "memory", |_| Ok(()))?;
        change(&mut copy)?;
        failpoints::at("copy.change")?;
        copy.close().map_err(|(_, error)| error)?;
        Ok(())
    }

    /// Verifies the copy by reading all of it.
    pub(crate) fn verify(&self) -> Result<(), BackupError> {
        let checked =
            Store::open_unchecked(&self.path, ReadMode::Immutable).and_then(|copy| check_intact(&copy));
        checked.map_err(|error| BackupError::Unverified { path: self.target.clone(), why: error.to_string() })
    }

    /// Renames the copy to its final name, replacing the file that has it.
    pub(crate) fn rename_into_place(&self, name: &Path) -> Result<(), BackupError> {
        let cannot = |why| BackupError::CannotCreate { path: self.target.clone(), why };
        self._file.sync_all().map_err(cannot)?;
        failpoints::at("copy.name")?;
        fs::rename(&self.path, name).map_err(cannot)?;
        self.done.set(true);
        failpoints::at("copy.named")?;
        disk::sync_folder(disk::parent_folder(name)).map_err(cannot)
    }
}

impl Drop for PartialBackup {
    fn drop(&mut self) {
        if !self.done.get() {
            // If it cannot be removed, the next backup reuses it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Checks that every page of a database is intact and that each of its
/// migrations is one of this program's.
pub(crate) fn check_intact(store: &Store) -> Result<(), StoreError> {
    let said: String = store.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return Err(StoreError::Corrupt { why: format!("integrity check failed: {said}") });
    }
    migrate::check_known_migrations(&store.connection)
}

/// Opens or creates a file with access for its owner only.
#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Whether the open file is the one that has this name now.
#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata().map(|file| (file.dev(), file.ino()));
    let named = fs::metadata(path).map(|file| (file.dev(), file.ino()));
    ours.is_ok_and(|ours| named.is_ok_and(|named| named == ours))
}

#[cfg(not(unix))]
fn is_same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

/// A path as an SQL parameter, byte for byte.
fn path_parameter(path: &OsStr) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(path.as_encoded_bytes()))
}
