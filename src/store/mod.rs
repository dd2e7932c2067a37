//! The database: people, their history, operators' decisions, and the outbox.
//! This is the only module that contains SQL. It takes no decisions about who
//! gets which mail: the engine calls it and passes the time as an argument.
//!
//! [`Store`] is the handle. Its methods are grouped by subject:
//!
//! | module | subject |
//! |---|---|
//! | `staging`, `import` | a people file that is read; its comparison with the people, and the import |
//! | `people`, `history`, `positions` | people and units; their events; the stored progress of each enrolment |
//! | `undecided` | who must be decided again because something has changed |
//! | `answers`, `saved_answers`, `sealing`, `retention` | answers: how they are saved, read, cut from people, and deleted |
//! | `decisions`, `audit`, `content` | settings; the audit log; the last valid content |
//! | `links` | whose a link is; which links are valid |
//! | `personal_data`, `forget` | everything about one person; deleting it |
//! | `deliveries`, `outbox`, `transition`, `messages` | deliveries and their states; messages in flight or in doubt |
//! | `journal`, `bounces` | reconciliation with the send journal; bounces |
//! | `relay_health`, `send_blocks`, `instance` | state of the sender and of this database |
//! | `file` | what only a database in a file has: opening, integrity check, backup, restore, disk |
//! | `migrate`, `codec`, `failpoints` | schema; encoding of values; failures for tests |
//!
//! A method belongs here if it reads or writes tables and needs no rule of the
//! domain. A second database would implement the methods of all modules except
//! `file`, `migrate` and `codec` beside the present ones, take their row structs,
//! [`StoreError`] and [`DataVersion`] over, and run the tests of `tests/it/store`.
//! Callers outside this module use `file` only to start, back up, restore and
//! check a database.

mod answers;
mod audit;
mod bounces;
mod codec;
mod content;
mod decisions;
mod deliveries;
mod error;
mod failpoints;
pub(crate) mod file;
mod forget;
mod history;
mod import;
mod instance;
mod journal;
mod links;
mod messages;
mod migrate;
mod outbox;
mod people;
mod people_file;
mod personal_data;
mod positions;
mod relay_health;
mod retention;
mod saved_answers;
mod sealing;
mod send_blocks;
mod staging;
#[cfg(test)]
mod tests;
mod transition;
mod undecided;

use std::path::PathBuf;

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use answers::{AnswersOfStep, NewAnswer, SaveOutcome, WithdrawOutcome};
pub(crate) use audit::AuditRecord;
pub use bounces::BounceRecord;
pub(crate) use bounces::DeliveryRecipient;
pub(crate) use decisions::{GlobalHold, HeldStep};
pub use deliveries::NewDelivery;
pub(crate) use deliveries::{Departed, EarlierText, PastMail};
pub use error::StoreError;
pub(crate) use file::backup::{BackupError, BackupPlan};
pub(crate) use file::integrity::{IntegrityReport, SqliteLibrary, WAL_WARN_BYTES};
pub(crate) use file::restore::{BackupFile, PlainCopy};
pub use forget::{ForgetCounts, ForgetOutcome, Forgetting, TombstoneKey};
pub(crate) use forget::{Forgotten, ForgottenPeople};
pub use history::SkippedStep;
pub use instance::Secrets;
pub use journal::{JournalEntry, JournalReconciliation};
pub(crate) use links::{AccessKind, LinkReader};
pub use messages::{InFlight, MessageBase, PackedMessage, StoredMessage};
pub(crate) use outbox::{OutboundDelivery, ProblemDelivery};
pub use outbox::{OutboxCommit, RecoveryReport, WriteResult};
pub(crate) use people::{BatchToDecide, PeopleBatch};
#[cfg(test)]
pub(crate) use positions::StoredPosition;
pub(crate) use positions::StoredPositions;
pub use positions::{DecidedPerson, PositionUpdate};
pub use relay_health::{RelayFailure, RelayHealth};
pub use retention::{Expired, RetentionLimits};
pub use saved_answers::{OwnAnswer, SavedAnswer, StepAnswers, TextCount, ValueCount};
pub(crate) use staging::{RepeatedId, RowOrigin, StagedCounts};
pub use transition::Transition;
pub use undecided::{PersonRevision, SettingsRevision};

/// Size of the page cache; SQLite reads a negative number as KiB. A mailing
/// writes rows in sequence and does not revisit them, so a larger cache would
/// not make it faster.
const CACHE_KIB: i64 = -2_048;
/// Size of the page cache during an import. Pages that do not fit are spilled to
/// the write-ahead log.
const IMPORT_CACHE_KIB: i64 = -8_192;

/// A version of the database as one connection sees it. It differs from an
/// earlier one if another connection has written since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataVersion(i64);

/// An open database.
///
/// Every method that writes does so in one transaction: if it returns an error,
/// nothing was written.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Starts a transaction that takes the write lock at once, so that it cannot
    /// fail later because another process holds the lock.
    fn write_transaction(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// The version of the database that this connection sees. It changes when
    /// another connection writes.
    pub fn data_version(&self) -> Result<DataVersion, StoreError> {
        data_version(&self.connection)
    }
}

fn data_version(connection: &Connection) -> Result<DataVersion, StoreError> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    Ok(DataVersion(statement.query_row([], |row| row.get(0))?))
}
