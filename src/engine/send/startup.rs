//! Startup of a sender: reconciles the database with the send journal, checks
//! that no other installation sends from a copy of this database, and recovers
//! deliveries that an earlier run left claimed or in flight. If something is
//! wrong, nothing is sent until an operator confirms.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::journal::Journal;
use crate::config::{Config, Transport};
use crate::domain::delivery::send_block::{BlockKind, SendBlock};
use crate::domain::time::timezone::Timestamp;
use crate::engine::tokens;
use crate::failpoint;
use crate::store::{JournalReconciliation, RecoveryReport, Store};

/// Result of the startup.
pub struct Startup {
    /// The send journal; `None` if mails are written to files.
    pub journal: Option<Journal>,
    /// Journal entries that were missing in the database.
    pub reconciled: JournalReconciliation,
    /// What was recovered from an earlier run.
    pub recovered: RecoveryReport,
    /// Blocks that prevent sending; if there are any, nothing was recovered.
    pub blocks: Vec<SendBlock>,
}

/// Prepares sending. The caller must hold the lock.
pub fn start_sender(store: &mut Store, config: &Config, now: Timestamp) -> anyhow::Result<Startup> {
    let mut startup = Startup {
        journal: None,
        reconciled: JournalReconciliation::default(),
        recovered: RecoveryReport::default(),
        blocks: Vec::new(),
    };
    // Writing a file twice does no harm.
    if config.mail.transport != Transport::Files {
        startup.reconciled = reconcile(store, &mut startup.journal, config, now)?;
        check_fence(store, &config.database, now)?;
        startup.blocks = store.send_blocks()?;
    }
    if startup.blocks.is_empty() {
        startup.recovered = store.recover(now, now + config.mail.in_doubt_wait)?;
    }
    Ok(startup)
}

/// Applies journal entries that the database does not have. More of them than a
/// crash can explain mean that the database was restored from a backup.
fn reconcile(
    store: &mut Store,
    open: &mut Option<Journal>,
    config: &Config,
    now: Timestamp,
) -> anyhow::Result<JournalReconciliation> {
    let journal = open.insert(Journal::open(&config.database)?);
    let lines = journal.entries_from(store.reconciled_journal_bytes()?)?;
    let reconciled = store.reconcile(&lines, journal.length(), now)?;
    if reconciled.restored > 0 {
        let message = format!(
            "the send journal knows {} sends that this database does not: it was restored from a copy; they are marked as sent",
            reconciled.restored
        );
        store.add_send_block(&SendBlock { kind: BlockKind::Restored, at: now, message })?;
    }
    Ok(reconciled)
}

/// Detects that the database last sent from another installation: it may be a
/// copy while the original still sends.
fn check_fence(store: &mut Store, database: &Path, now: Timestamp) -> anyhow::Result<()> {
    let here = installation_fingerprint(database)?;
    match store.fence()? {
        None => {
            failpoint::at("fence.before")?;
            store.set_fence(&here)?;
            Ok(failpoint::at("fence.after")?)
        }
        Some(fence) if fence == here => Ok(()),
        Some(_) => {
            let message = "this database was last used by another installation: on another machine or in another folder; if both send, everybody gets everything twice";
            let message = message.to_owned();
            Ok(store.add_send_block(&SendBlock { kind: BlockKind::OtherInstallation, at: now, message })?)
        }
    }
}

/// Releases send blocks. After that, a copied database counts as the one that
/// sends.
pub fn release(
    store: &mut Store,
    database: &Path,
    blocks: &[SendBlock],
    now: Timestamp,
) -> anyhow::Result<()> {
    for block in blocks {
        if block.kind == BlockKind::OtherInstallation {
            store.set_fence(&installation_fingerprint(database)?)?;
        }
        store.release_send_block(block.kind, now)?;
    }
    Ok(())
}

/// A fingerprint of this machine and folder, hashed so that it does not reveal
/// them.
fn installation_fingerprint(database: &Path) -> anyhow::Result<String> {
    let machine = fs::read("/etc/machine-id").unwrap_or_default();
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let folder = folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
    let own = installation_id(database).context("cannot mark the database's folder as its own")?;
    let parts = [&machine[..], folder.as_os_str().as_encoded_bytes(), own.as_bytes()];
    Ok(tokens::sha256_base32(&parts.join(&0)))
}

/// The random id of the database's folder, stored in a file next to the
/// database.
fn installation_id(database: &Path) -> anyhow::Result<String> {
    let path: PathBuf = database.with_extension("id");
    match fs::read_to_string(&path) {
        Ok(id) if !id.is_empty() => return Ok(id),
        // A crash left the file empty.
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let id = tokens::sha256_base32(&tokens::generate_secret()?);
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&path).and_then(|mut file| {
        failpoint::at("fence.mark")?;
        file.write_all(id.as_bytes())?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(id)
}
