//! Checks the database: that it exists, is ours, intact and on a local disk;
//! that its positions agree with its events; which process sends from it, and
//! what blocks sending.

use std::path::Path;

use super::Finding;
use crate::config::Config;
use crate::domain::delivery::send_block::{BlockKind, SendBlock};
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::positions::{self, PositionAudit};
use crate::engine::send::lock;
use crate::store::file::disk;
use crate::store::{IntegrityReport, SqliteLibrary, Store, StoreError, WAL_WARN_BYTES};

/// Checks the database.
pub(super) fn examine(
    config: &Config,
    snapshot: Option<&Snapshot>,
    at: Timestamp,
    tell: &mut dyn FnMut(Finding),
) {
    let path = &config.database;
    tell(sqlite(Store::sqlite()));
    let examined = Store::examine(path);
    let is_there = matches!(examined, Ok(Some(_)));
    tell(database(path, examined));
    if let Some(name) = disk::network_file_system(disk::parent_folder(path)).ok().flatten() {
        tell(on_network(path, name));
    }
    let holder = lock::holder(path);
    let sends = !matches!(holder, Ok(None));
    if is_there {
        if let Some(snapshot) = snapshot {
            tell(compare(path, snapshot, at, sends));
        }
        let zone = snapshot.map_or(TimeZone::UTC, |snapshot| snapshot.content.library.programme.zone);
        let held = Store::read_only(path, |store| {
            Ok((store.send_blocks()?, store.settings(config.limits.grace)?.all_held))
        });
        let (guards, all_held) = held.ok().flatten().unwrap_or_default();
        guards.iter().for_each(|guard| tell(guarded(zone, guard)));
        if all_held {
            let message = "all sending is stopped by hand";
            tell(Finding::warning("sending", message).hint("if that is over: journey hold release"));
        }
    }
    tell(match holder {
        Ok(Some(holder)) => Finding::good("sender", format!("{holder}, has the right to send")),
        Ok(None) => Finding::good("sender", "no journey is sending just now"),
        Err(error) => Finding::fault("sender", error.to_string()).hint("the file must be this user's own"),
    });
}

fn sqlite(SqliteLibrary { version, is_safe }: SqliteLibrary) -> Finding {
    match is_safe {
        true => Finding::good("SQLite", version),
        false => Finding::fault("SQLite", format!("{version} may damage a database; 3.51.3 is needed"))
            .hint("install a journey that was built with a newer one"),
    }
}

fn database(path: &Path, examined: Result<Option<IntegrityReport>, StoreError>) -> Finding {
    let shown = path.display();
    match examined {
        Ok(None) => Finding::good(
            "database",
            format!("there is no {shown} yet; the first `journey send` or `journey people import` makes it"),
        ),
        Ok(Some(IntegrityReport { damage: Some(why), .. })) => {
            Finding::fault("database", format!("{shown}: integrity check failed: {why}"))
                .hint("stop what uses it, then put back the newest good backup: journey restore FILE")
        }
        Ok(Some(IntegrityReport { log, .. })) if log > WAL_WARN_BYTES => {
            let log = disk_size(log);
            Finding::warning("database", format!("{shown} is whole, but its log has grown to {log}")).hint(
                "some program keeps the database open; close every `sqlite3` shell and stop copies that hang",
            )
        }
        Ok(Some(IntegrityReport { schema, size, log, .. })) => {
            let size = disk_size(size + log);
            Finding::good("database", format!("{shown} is whole: {size}, schema {schema}"))
        }
        Err(StoreError::OlderSchema { found, known }) => {
            Finding::warning("database", format!("{shown} has schema {found}, this program makes it {known}"))
                .hint("the next command that writes does, and keeps a copy; make a backup before")
        }
        Err(error) => {
            let hint = match &error {
                StoreError::NewerSchema { .. } | StoreError::MigrationMismatch { .. } => {
                    "install the journey that made it, or a newer one"
                }
                StoreError::Corrupt { .. } => {
                    "nothing was changed; put back the newest good backup: journey restore FILE"
                }
                StoreError::Io { .. } => "give this user the file and its folder",
                StoreError::WrongUser => "run it as the user the database belongs to: sudo -u journey …",
                _ => "run the command again in a moment",
            };
            Finding::fault("database", error.to_string()).hint(hint)
        }
    }
}

fn on_network(path: &Path, name: &str) -> Finding {
    let message = format!(
        "{} is on {name}, perhaps on another machine, where file locks are not reliable",
        path.display()
    );
    Finding::warning("database", message).hint("keep it on a local disk; `database` in config.toml names it")
}

/// Compares the positions with the events. With `sends`, another process may be
/// between writing the one and the other.
fn compare(path: &Path, snapshot: &Snapshot, at: Timestamp, sends: bool) -> Finding {
    let read = |store: &Store| {
        let marked = store.undecided_people()?.into_iter().collect();
        Ok((store.stored_positions()?, marked, store.positions_fingerprint()?))
    };
    match Store::read_only(path, read) {
        Ok(Some((kept, marked, with))) => {
            positions(positions::compare(snapshot, &kept, &marked, with.as_deref(), at), sends)
        }
        Ok(None) => Finding::good("positions", "none yet"),
        Err(error) => {
            Finding::fault("positions", error.to_string()).hint("correct the problem with the database first")
        }
    }
}

fn positions(compared: PositionAudit, sends: bool) -> Finding {
    let PositionAudit { enrolments, stale, mismatched, recompute_pending } = compared;
    let hint = "`journey send` calculates them again once a day; nothing wrong can be sent meanwhile";
    if recompute_pending {
        return Finding::good("positions", "the next run calculates them again");
    }
    if stale > 0 && !sends {
        let message =
            format!("{stale} of {enrolments} name a time that is too late: these mails would be missed");
        return Finding::fault("positions", message).hint(hint);
    }
    if stale + mismatched > 0 {
        let message = format!("{} of {enrolments} do not agree with the events", stale + mismatched);
        let hint =
            if sends { "another `journey` is sending now; check again when it has finished" } else { hint };
        return Finding::warning("positions", message).hint(hint);
    }
    Finding::good("positions", format!("{enrolments} agree with the events"))
}

fn guarded(zone: TimeZone, guard: &SendBlock) -> Finding {
    let message =
        format!("nothing has been sent since {}: {}", format_datetime(zone, guard.at), guard.message);
    let hint = match guard.kind {
        BlockKind::OtherInstallation => {
            "when the other one is stopped for good: journey hold release --other-copy-is-stopped"
        }
        BlockKind::Restored | BlockKind::Clock | BlockKind::Outage => {
            "check `journey status`, then run `journey hold release`"
        }
    };
    Finding::fault("sending", message).hint(hint)
}

/// `1.5 MB`
pub(super) fn disk_size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let unit = units.iter().find(|(_, size)| bytes >= *size);
    match unit {
        Some((name, size)) => format!("{}.{} {name}", bytes / size, bytes % size * 10 / size),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::doctor::Level;

    fn whole() -> IntegrityReport {
        IntegrityReport { schema: 4, damage: None, size: 1_540_000, log: 0 }
    }

    #[test]
    fn what_is_said_of_a_database() {
        let path = Path::new("journey.db");
        let of = |examined| {
            let Finding { level, message, .. } = database(path, examined);
            (level, message)
        };
        assert_eq!(of(Ok(Some(whole()))), (Level::Good, "journey.db is whole: 1.5 MB, schema 4".to_owned()));
        assert_eq!(of(Ok(None)).0, Level::Good);
        let damaged = IntegrityReport { damage: Some("row 3 missing from index x".to_owned()), ..whole() };
        assert_eq!(of(Ok(Some(damaged))).0, Level::Fault);
        let (level, message) = of(Ok(Some(IntegrityReport { log: 300_000_000, ..whole() })));
        assert_eq!((level, message.ends_with("grown to 300.0 MB")), (Level::Warning, true), "f61: {message}");
        assert_eq!(of(Err(StoreError::OlderSchema { found: 3, known: 4 })).0, Level::Warning);
        assert_eq!(of(Err(StoreError::NewerSchema { found: 5, known: 4 })).0, Level::Fault);
    }

    #[test]
    fn sqlite_versions_with_the_wal_reset_bug_are_reported() {
        assert_eq!(sqlite(Store::sqlite()).level, Level::Good);
        let old = sqlite(SqliteLibrary { version: "3.50.2", is_safe: false });
        assert_eq!((old.level, old.message.contains("3.50.2")), (Level::Fault, true));
    }

    #[test]
    fn network_file_systems_are_reported() {
        assert!(on_network(Path::new("journey.db"), "NFS").message.contains("journey.db is on NFS"));
    }

    #[test]
    fn a_late_position_is_a_fault_unless_somebody_sends() {
        let stale = PositionAudit { enrolments: 10, stale: 1, mismatched: 0, recompute_pending: false };
        assert_eq!(positions(stale, false).level, Level::Fault);
        assert_eq!(positions(stale, true).level, Level::Warning);
        assert_eq!(positions(PositionAudit { recompute_pending: true, ..stale }, false).level, Level::Good);
        let mismatched = PositionAudit { stale: 0, mismatched: 2, ..stale };
        assert_eq!(positions(mismatched, false).level, Level::Warning);
        assert_eq!(positions(PositionAudit { stale: 0, ..stale }, false).message, "10 agree with the events");
    }
}
