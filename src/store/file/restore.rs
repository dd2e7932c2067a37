//! Restore: replaces the database by a backup. The old database is kept beside
//! it. If the process is killed at any moment, either the old or the new
//! database is in place, or a placeholder that every command refuses until the
//! restore is repeated.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::backup::{BackupError, Half, is_whole, size};
use super::disk;
use crate::domain::change::Act;
use crate::domain::time::timezone::Timestamp;
use crate::store::decisions::write_audit;
use crate::store::{
    APPLICATION_ID, Manner, PATIENCE, Store, StoreError, beside, check_user, codec, migrate, points,
};

/// Content of the placeholder that stands in place of the database while a
/// corrupt one is moved away. No command accepts it as a database.
const PLUG: &str = "a restore was interrupted here; type it again: journey restore FILE\n";

/// What to do with a plain copy of a database file, which may be incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainCopy {
    /// Refuse it; the user is asked.
    Refused,
    /// Accept it; the user has confirmed it.
    Accepted,
}

/// A backup that has been verified.
pub(crate) struct Copy {
    store: Store,
    /// When it was made; `None` if `journey backup` did not make it, or its
    /// schema is older.
    pub(crate) made: Option<Timestamp>,
    /// The latest instant recorded in it.
    pub(crate) newest: Option<Timestamp>,
    /// The space that the restored database needs, in bytes.
    needed: u64,
}

/// The result of a restore.
#[derive(Debug)]
pub(crate) struct Restored {
    /// The new path of the old database; `None` if there was none.
    pub(crate) aside: Option<PathBuf>,
}

impl Copy {
    /// Opens a backup and verifies every page. Changes nothing.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is corrupt, belongs to another program or a newer
    /// version, or is a plain copy that is not accepted.
    pub(crate) fn open(file: &Path, plain: PlainCopy) -> Result<Copy, BackupError> {
        let manner = Manner::leaving_no_trace(file);
        let store = Store::unheard(file, manner)?;
        is_whole(&store)?;
        let newest = store.newest()?;
        if plain == PlainCopy::Refused && manner == Manner::Whole && wants_a_log(file)? {
            return Err(BackupError::PlainCopy { path: file.to_owned(), newest });
        }
        let is_current = migrate::version(&store.connection)? == migrate::newest();
        let made = if is_current { store.backed_up_at()? } else { None };
        let needed = size(&store.connection)?;
        Ok(Copy { store, made, newest, needed })
    }

    /// Checks whether this backup can replace a database. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the database belongs to another user or another program, or its
    /// folder is not writable or has too little free space.
    pub(crate) fn could_replace(&self, database: &Path) -> Result<(), BackupError> {
        let cannot = |why| BackupError::Target { path: database.to_owned(), why };
        let folder = disk::folder_of(database);
        check_user(if database.exists() { database } else { folder })?;
        disk::may_write(folder).map_err(cannot)?;
        if fs::canonicalize(database)
            .is_ok_and(|it| fs::canonicalize(self.store.path()).is_ok_and(|us| us == it))
        {
            let why = "is the database itself".to_owned();
            return Err(BackupError::InTheWay { path: database.to_owned(), why });
        }
        if let There::OfAnother = There::at(database)? {
            let why = "is a database of another program".to_owned();
            return Err(BackupError::InTheWay { path: database.to_owned(), why });
        }
        let free = disk::free(folder).map_err(cannot)?;
        if free < self.needed {
            return Err(BackupError::Room { path: database.to_owned(), needed: self.needed, free });
        }
        Ok(())
    }

    /// Replaces the database by this backup. All sending is held until an
    /// operator releases it, because mails that were sent after the backup are
    /// not in it. The caller must hold the lock of the sender.
    pub(crate) fn put_in_place(&self, database: &Path, act: &Act) -> Result<Restored, BackupError> {
        self.could_replace(database)?;
        // If the path is a symbolic link, its target is replaced.
        let followed = if database.is_symlink() { fs::canonicalize(database).ok() } else { None };
        let database = followed.as_deref().unwrap_or(database);
        let half = Half::claim(&beside(database, ".restored"))?;
        half.fill(&self.store.connection, self.needed)?;
        half.change(|copy| hold_all(copy, act))?;
        half.check()?;
        let aside = name_aside(database, act.at);
        match There::at(database)? {
            There::Nothing if !beside(database, "-wal").exists() => {
                half.give_its_name(database)?;
                Ok(Restored { aside: None })
            }
            There::Ours => match Shut::the(database)? {
                Some(shut) => {
                    points::at("restore.shut")?;
                    link(database, &aside)?;
                    points::at("restore.aside")?;
                    half.give_its_name(database)?;
                    drop(shut);
                    Ok(Restored { aside: Some(aside) })
                }
                None => move_away(database, &aside, &half),
            },
            There::Nothing | There::Plug | There::Nonsense => move_away(database, &aside, &half),
            There::OfAnother => Err(BackupError::InTheWay {
                path: database.to_owned(),
                why: "is a database of another program".to_owned(),
            }),
        }
    }
}

/// Whether the header of a database file says that it is in WAL mode. This is
/// not the case for the output of `VACUUM INTO`, and so not for a backup.
fn wants_a_log(file: &Path) -> Result<bool, StoreError> {
    let head = head(file)?;
    Ok(head.get(18) == Some(&2))
}

fn head(file: &Path) -> Result<Vec<u8>, StoreError> {
    let mut head = Vec::with_capacity(100);
    let read = File::open(file).and_then(|file| file.take(100).read_to_end(&mut head));
    read.map_err(|why| StoreError::Io { what: "read", path: file.to_owned(), why })?;
    Ok(head)
}

/// What exists at the path of the database.
enum There {
    Nothing,
    /// A database of this program, possibly corrupt.
    Ours,
    /// The placeholder of an interrupted restore.
    Plug,
    /// A file that is not a database.
    Nonsense,
    /// A database of another program.
    OfAnother,
}

impl There {
    fn at(database: &Path) -> Result<There, StoreError> {
        if !database.exists() {
            return Ok(There::Nothing);
        }
        let head = head(database)?;
        Ok(if head.starts_with(PLUG.as_bytes()) {
            There::Plug
        } else if head.len() < 100 || !head.starts_with(b"SQLite format 3\0") {
            There::Nonsense
        } else if head[68..72] == APPLICATION_ID.to_be_bytes() {
            There::Ours
        } else {
            There::OfAnother
        })
    }
}

/// A database that is locked exclusively and has no log, so that its one file
/// is complete.
struct Shut {
    _connection: Connection,
}

impl Shut {
    /// Locks a database; `None` if it is corrupt.
    fn the(database: &Path) -> Result<Option<Shut>, BackupError> {
        match Shut::try_the(database) {
            Ok(shut) => Ok(shut),
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(StoreError::Busy) => Err(BackupError::InUse { path: database.to_owned() }),
            Err(error) => Err(error.into()),
        }
    }

    fn try_the(database: &Path) -> Result<Option<Shut>, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database, flags)?;
        connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
        let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Ok(None);
        }
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))?;
        match mode.as_str() {
            "delete" => Ok(Some(Shut { _connection: connection })),
            _ => Err(StoreError::from(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error { code: ErrorCode::DatabaseBusy, extended_code: 5 },
                None,
            ))),
        }
    }
}

/// Moves a corrupt database and its log away, byte for byte. The files are
/// hard-linked to their new names first; then a placeholder takes the path of
/// the database until the backup is in place.
fn move_away(database: &Path, aside: &Path, half: &Half) -> Result<Restored, BackupError> {
    let io = |what| move |why| StoreError::Io { what, path: database.to_owned(), why };
    let interrupted = matches!(There::at(database)?, There::Plug);
    let parts = ["", "-wal", "-shm"].map(|end| (beside(database, end), beside(aside, end)));
    let mut kept = false;
    for (part, aside) in parts.iter().filter(|(part, _)| part.exists() && !interrupted) {
        link(part, aside)?;
        kept = true;
    }
    points::at("restore.kept")?;
    let plug = beside(database, ".plug");
    let put = File::create(&plug).and_then(|mut file| {
        file.write_all(PLUG.as_bytes())?;
        file.sync_all()
    });
    put.and_then(|()| fs::rename(&plug, database)).map_err(io("replace"))?;
    disk::sync_folder(disk::folder_of(database)).map_err(io("replace"))?;
    points::at("restore.plugged")?;
    for (part, _) in parts.iter().skip(1).filter(|(part, _)| part.exists()) {
        fs::remove_file(part).map_err(io("move away what lies beside"))?;
    }
    points::at("restore.cleared")?;
    half.give_its_name(database)?;
    Ok(Restored { aside: kept.then(|| aside.to_owned()) })
}

fn link(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::hard_link(from, to).map_err(|why: io::Error| StoreError::Io {
        what: "keep",
        path: from.to_owned(),
        why,
    })
}

/// An unused path for the old database, such as
/// `journey.db.before-restore-2026-12-01T073000Z`.
fn name_aside(database: &Path, at: Timestamp) -> PathBuf {
    let name = beside(database, &format!(".before-restore-{}", at.format("%Y-%m-%dT%H%M%SZ")));
    let more = (2..).map(|n| beside(&name, &format!("-{n}")));
    std::iter::once(name.clone()).chain(more).find(|name| !name.exists()).unwrap_or(name)
}

/// Holds all sending, and records the reason in the audit log.
fn hold_all(copy: &mut Connection, act: &Act) -> Result<(), StoreError> {
    let whole = copy.transaction()?;
    let nothing = rusqlite::types::Null;
    whole
        .execute(include_str!("../sql/hold.sql"), rusqlite::params![nothing, nothing, codec::time(act.at)])?;
    write_audit(
        &whole,
        act,
        "restore",
        "the database",
        None,
        "",
        "put back from a backup; all sending is held",
    )?;
    Ok(whole.commit()?)
}
