//! A copy of the whole database as of one moment, while others write (F62):
//! made beside its target, checked, and only then given its name. Whatever
//! goes wrong, the backup that was there before stays (F64).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};

use super::disk;
use crate::domain::time::timezone::Timestamp;
use crate::store::{Manner, Store, StoreError, beside, codec, migrate, points};

/// Why there is no new backup, or nothing was put back. Nothing that was
/// there has changed then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// The target cannot be made.
    #[error("cannot make {}: {why}", path.display())]
    Target {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// Something else has that name.
    #[error("{} {why}; it is left as it is", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// It would not fit.
    #[error("no room for {}: it needs {needed} bytes, {free} are free; nothing was changed", path.display())]
    Room {
        /// The file.
        path: PathBuf,
        /// What it takes.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// Somebody else makes the same file.
    #[error("another journey is writing {} at this moment", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// It was made and cannot be read back as it should be.
    #[error("the copy {} is not whole ({why}); nothing was changed", path.display())]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Not a file that `journey backup` made: it may lack what was last
    /// written (F63).
    #[error("{} is a plain copy of a database file, without its log: if it was copied while journey ran, what was last written is missing{}", path.display(), newest.map_or(String::new(), |at| format!("; the last it knows is of {}", codec::time(at))))]
    PlainCopy {
        /// The file.
        path: PathBuf,
        /// The last instant that it knows.
        newest: Option<Timestamp>,
    },
    /// Somebody has the database open that is to be replaced.
    #[error("somebody has {} open; nothing was changed", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The backup is good, and when it was made could not be remembered.
    #[error("the backup {} is good, but that it was made could not be written down: {why}", path.display())]
    NotRemembered {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: StoreError,
    },
    /// What is wrong with the database, or with the backup that was read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> BackupError {
        BackupError::Store(error.into())
    }
}

/// Where a backup goes, looked at and found good.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The file, with links followed.
    pub(crate) path: PathBuf,
    /// There is an earlier backup under that name.
    pub(crate) replaces: bool,
    /// How large the copy will be at most.
    needed: u64,
}

impl Store {
    /// When the last good backup was made; `None`: never.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn backed_up_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT backed_up_at FROM instance")?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Looks whether a backup can be made there. Changes nothing.
    ///
    /// # Errors
    ///
    /// Why it cannot: no such folder, no right, no room; something else of
    /// that name, or a backup that knows more than this database.
    pub(crate) fn plan_backup(&self, to: &Path) -> Result<Plan, BackupError> {
        let path = self.target(to)?;
        let folder = disk::folder_of(&path);
        let cannot = |why| BackupError::Target { path: path.clone(), why };
        disk::may_write(folder).map_err(cannot)?;
        let replaces = self.may_replace(&path)?;
        let needed = size(&self.connection)?;
        let free = disk::free(folder).map_err(cannot)?;
        if free < needed {
            return Err(BackupError::Room { path, needed, free });
        }
        Ok(Plan { path, replaces, needed })
    }

    /// Makes a backup: whole under its name, or nothing of it.
    ///
    /// # Errors
    ///
    /// Why there is none. Where one was there before, it still is.
    pub(crate) fn back_up(&mut self, plan: &Plan, now: Timestamp) -> Result<(), BackupError> {
        let half = Half::claim(&plan.path)?;
        half.fill(&self.connection, plan.needed)?;
        half.change(|copy| {
            copy.execute("UPDATE instance SET backed_up_at = ?1", [codec::time(now)])?;
            Ok(())
        })?;
        half.check()?;
        half.give_its_name(&plan.path)?;
        let remembered = self.begin().and_then(|whole| {
            whole.execute("UPDATE instance SET backed_up_at = ?1", [codec::time(now)])?;
            points::at("backup.remember")?;
            Ok(whole.commit()?)
        });
        remembered.map_err(|why| BackupError::NotRemembered { path: plan.path.clone(), why })
    }

    /// The file that is meant: with links followed, in a folder that is there.
    fn target(&self, to: &Path) -> Result<PathBuf, BackupError> {
        let cannot = |why| BackupError::Target { path: to.to_owned(), why };
        let path = match fs::canonicalize(to) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = to.file_name().ok_or(error).map_err(cannot)?;
                fs::canonicalize(disk::folder_of(to)).map_err(cannot)?.join(name)
            }
            Err(error) => return Err(cannot(error)),
        };
        let own = fs::canonicalize(&self.path).map_err(cannot)?;
        let of_its_own = ["", "-wal", "-shm", "-journal"].iter().any(|end| path == beside(&own, end));
        if of_its_own || path == own.with_extension("lock") {
            let why = "belongs to the database itself".to_owned();
            return Err(BackupError::InTheWay { path, why });
        }
        Ok(path)
    }

    /// Is there an earlier backup of this database under that name? Nothing
    /// else is ever replaced.
    fn may_replace(&self, path: &Path) -> Result<bool, BackupError> {
        let in_the_way =
            |why: &str| Err(BackupError::InTheWay { path: path.to_owned(), why: why.to_owned() });
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(why) => return Err(BackupError::Target { path: path.to_owned(), why }),
        };
        if metadata.is_dir() {
            return in_the_way("is a folder, and the name of a file is asked for");
        }
        if !metadata.is_file() {
            return in_the_way("is no plain file");
        }
        if metadata.len() == 0 {
            return Ok(false);
        }
        let manner = Manner::leaving_no_trace(path);
        let earlier = match Store::unheard(path, manner)
            .and_then(|earlier| Ok((earlier.secret()?, earlier.reach()?)))
        {
            Ok(earlier) => earlier,
            Err(StoreError::Newer { .. }) => return in_the_way("is a backup by a newer journey"),
            Err(StoreError::Io { why, .. }) => {
                return Err(BackupError::Target { path: path.to_owned(), why });
            }
            Err(_) => return in_the_way("is there already, and is no backup of this database"),
        };
        if earlier.0 != self.secret()? {
            return in_the_way("is a backup of another database");
        }
        if !self.reach()?.holds(earlier.1) {
            return in_the_way("is a backup that knows more than the database does now");
        }
        Ok(true)
    }

    /// How far it has come.
    fn reach(&self) -> Result<Reach, StoreError> {
        let sql =
            "SELECT (SELECT coalesce(max(id), 0) FROM event), (SELECT coalesce(max(id), 0) FROM delivery),
                   (SELECT coalesce(max(id), 0) FROM audit), epoch FROM instance";
        Ok(self
            .connection
            .query_row(sql, [], |row| Ok(Reach([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])))?)
    }

    /// The last instant that stands in it: of an event, a delivery or a
    /// decision.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(crate) fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare(include_str!("../sql/newest.sql"))?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }
}

/// The highest numbers of what only grows: events, deliveries, lines of the
/// audit log, runs of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach([i64; 4]);

impl Reach {
    /// Has this come at least as far in everything?
    fn holds(self, other: Reach) -> bool {
        self.0.iter().zip(other.0).all(|(ours, theirs)| *ours >= theirs)
    }
}

/// What a copy of a database takes.
pub(crate) fn size(connection: &Connection) -> Result<u64, StoreError> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let bytes = pragma("page_count")? * pragma("page_size")?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// A copy that has no name of its own yet. This process alone has it; it is
/// removed unless it is given its name.
pub(crate) struct Half {
    path: PathBuf,
    target: PathBuf,
    /// Locked while this is there.
    _file: File,
    done: std::cell::Cell<bool>,
}

impl Half {
    /// Makes it beside its target, for its owner alone. What one that was
    /// killed has left behind is taken over.
    pub(crate) fn claim(target: &Path) -> Result<Half, BackupError> {
        let path = beside(target, ".half");
        let cannot = |why| BackupError::Target { path: path.clone(), why };
        let file = loop {
            let file = private_file(&path).map_err(cannot)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => return Err(BackupError::Taken { path }),
                Err(fs::TryLockError::Error(why)) => return Err(cannot(why)),
            }
            // Another may have finished it, or thrown it away, meanwhile.
            if is_named(&file, &path) {
                break file;
            }
        };
        file.set_len(0).map_err(cannot)?;
        Ok(Half { target: target.to_owned(), _file: file, done: std::cell::Cell::new(false), path })
    }

    /// Copies a database into it, as of one moment.
    pub(crate) fn fill(&self, from: &Connection, needed: u64) -> Result<(), BackupError> {
        points::at("copy.fill")?;
        let filled = from.execute("VACUUM INTO ?1", [as_text(self.path.as_os_str())]);
        filled.map(drop).map_err(|error| match StoreError::from(error) {
            StoreError::Full => {
                let free = disk::free(disk::folder_of(&self.path)).unwrap_or(0);
                BackupError::Room { path: self.target.clone(), needed, free }
            }
            error => error.into(),
        })
    }

    /// Writes something into it that the database has not.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut Connection) -> Result<(), StoreError>,
    ) -> Result<(), BackupError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(&self.path, flags)?;
        copy.pragma_update_and_check(None, "journal_mode", "memory", |_| Ok(()))?;
        change(&mut copy)?;
        points::at("copy.change")?;
        copy.close().map_err(|(_, error)| error)?;
        Ok(())
    }

    /// Reads it back, all of it.
    pub(crate) fn check(&self) -> Result<(), BackupError> {
        let whole = Store::unheard(&self.path, Manner::Whole).and_then(|copy| is_whole(&copy));
        whole.map_err(|error| BackupError::NotWhole { path: self.target.clone(), why: error.to_string() })
    }

    /// Gives it its name; what has it now is replaced.
    pub(crate) fn give_its_name(&self, name: &Path) -> Result<(), BackupError> {
        let cannot = |why| BackupError::Target { path: self.target.clone(), why };
        self._file.sync_all().map_err(cannot)?;
        points::at("copy.name")?;
        fs::rename(&self.path, name).map_err(cannot)?;
        self.done.set(true);
        points::at("copy.named")?;
        disk::sync_folder(disk::folder_of(name)).map_err(cannot)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if !self.done.get() {
            // If it cannot be removed, the next one takes it over.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Does every page of a database fit, and is each migration ours?
pub(crate) fn is_whole(store: &Store) -> Result<(), StoreError> {
    let said: String = store.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return Err(StoreError::Damaged { why: format!("integrity check failed: {said}") });
    }
    migrate::knows_ours(&store.connection)
}

/// A file for its owner alone, whether it is there or not.
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

/// Is that the file that has this name now?
#[cfg(unix)]
fn is_named(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata().map(|file| (file.dev(), file.ino()));
    let named = fs::metadata(path).map(|file| (file.dev(), file.ino()));
    ours.is_ok_and(|ours| named.is_ok_and(|named| named == ours))
}

#[cfg(not(unix))]
fn is_named(_: &File, path: &Path) -> bool {
    path.exists()
}

/// A path as SQLite is told it: byte for byte.
fn as_text(path: &OsStr) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(path.as_encoded_bytes()))
}
