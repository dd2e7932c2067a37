//! The messages that workers are sending, and those that may have arrived. A
//! message in flight is compressed with LZ4 against the first message of its kind
//! in this run, so that a few hundred bytes reach the disk before it leaves. If
//! its outcome stays unknown, it is stored whole: another attempt sends the same
//! bytes. A hash detects whatever goes wrong with either.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lz4_flex::block::{compress_prepend_size_with_dict, decompress_with_dict, uncompressed_size};
use ring::digest::{SHA256, digest};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{StoreError, codec};
use crate::domain::delivery::state::State;

/// Longer messages, in bytes, are not compressed. No damage can make the program
/// ask for more memory than this.
const MAX_COMPRESSED: usize = 1 << 20;

/// A message that others of its kind are compressed against. It is in the
/// database only while its run lasts, because it names its recipient.
#[derive(Debug)]
pub struct MessageBase {
    id: i64,
    bytes: Arc<[u8]>,
    is_stored: AtomicBool,
}

impl MessageBase {
    /// A base; no other of this run has the same id.
    pub fn new(id: i64, bytes: Arc<[u8]>) -> MessageBase {
        MessageBase { id, bytes, is_stored: AtomicBool::new(false) }
    }
}

/// A message in the form in which it is stored while it is sent.
#[derive(Debug)]
pub struct PackedMessage {
    bytes: Vec<u8>,
    /// `None` if it is not compressed.
    base: Option<Arc<MessageBase>>,
    sha256: [u8; 32],
}

impl PackedMessage {
    /// Compresses a message, if that makes it smaller.
    pub fn new(message: &[u8], base: Option<Arc<MessageBase>>) -> PackedMessage {
        let base = base.filter(|_| message.len() <= MAX_COMPRESSED);
        let packed = base.map(|base| (compress_prepend_size_with_dict(message, &base.bytes), base));
        let (bytes, base) = match packed.filter(|(bytes, _)| bytes.len() < message.len()) {
            Some((bytes, base)) => (bytes, Some(base)),
            None => (message.to_vec(), None),
        };
        PackedMessage { bytes, base, sha256: sha256(message) }
    }
}

/// A mail that a worker is about to send.
#[derive(Debug)]
pub struct InFlight {
    /// The worker; it has one mail in flight at a time.
    pub worker: i64,
    /// The number of the delivery.
    pub number: i64,
    /// The state it is expected to be in.
    pub state: State,
    /// The message.
    pub message: Arc<PackedMessage>,
}

/// The message of an earlier attempt, which another attempt must repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredMessage {
    /// There is none: the mail was never sent, or its rejection is known.
    None,
    /// The same bytes.
    Intact(Arc<[u8]>),
    /// It does not match its hash.
    Corrupt,
}

/// Reads a message from three columns in a row: its bytes, the base they are
/// compressed against, if any, and the hash.
pub(super) fn read(row: &Row<'_>, first: usize) -> Result<StoredMessage, StoreError> {
    let blob = |at: usize| row.get_ref(at)?.as_blob_or_null().map_err(|_| codec::bad_column(at, "bytes"));
    let (stored, base, hash) = (blob(first)?, blob(first + 1)?, blob(first + 2)?);
    let Some(stored) = stored else { return Ok(StoredMessage::None) };
    let message = match base {
        None => Some(stored.to_vec()),
        Some(base) => decompress(stored, base),
    };
    let intact = message.filter(|message| Some(&sha256(message)[..]) == hash);
    Ok(intact.map_or(StoredMessage::Corrupt, |message| StoredMessage::Intact(message.into())))
}

fn decompress(packed: &[u8], base: &[u8]) -> Option<Vec<u8>> {
    let (length, packed) = uncompressed_size(packed).ok().filter(|(length, _)| *length <= MAX_COMPRESSED)?;
    decompress_with_dict(packed, length, base).ok()
}

/// Replaces what a worker has in flight. Returns `false`, and leaves the worker
/// with nothing in flight, if the delivery is not in the expected state.
pub(super) fn replace(tx: &Transaction<'_>, mail: &InFlight) -> Result<bool, StoreError> {
    let PackedMessage { bytes, base, sha256 } = &*mail.message;
    if let Some(base) = base.as_ref().filter(|base| !base.is_stored.load(Ordering::Relaxed)) {
        let sql = "INSERT OR REPLACE INTO in_flight_base (id, bytes) VALUES (?1, ?2)";
        tx.prepare_cached(sql)?.execute(params![base.id, base.bytes])?;
    }
    let sql = "INSERT OR REPLACE INTO in_flight (worker, delivery_id, sha256, base_id, bytes)
               SELECT ?1, id, ?4, ?5, ?6 FROM delivery WHERE id = ?2 AND state = ?3";
    let base = base.as_ref().map(|base| base.id);
    let values = params![mail.worker, mail.number, mail.state.as_str(), sha256, base, bytes];
    let is_written = tx.prepare_cached(sql)?.execute(values)? == 1;
    if !is_written {
        clear(tx, mail.worker)?;
    }
    Ok(is_written)
}

/// Remembers that the bases of these mails are committed.
pub(super) fn mark_bases_stored(mails: &[InFlight]) {
    let bases = mails.iter().filter_map(|mail| mail.message.base.as_ref());
    bases.for_each(|base| base.is_stored.store(true, Ordering::Relaxed));
}

/// A worker has nothing in flight.
pub(super) fn clear(tx: &Transaction<'_>, worker: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM in_flight WHERE worker = ?1")?.execute([worker])?;
    Ok(())
}

/// No worker has anything in flight.
pub(super) fn clear_all(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute("DELETE FROM in_flight", [])?;
    tx.execute("DELETE FROM in_flight_base", [])?;
    Ok(())
}

/// Deletes the bases that nothing in flight is compressed against.
pub(super) fn drop_unused_bases(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let sql = "DELETE FROM in_flight_base
               WHERE NOT EXISTS (SELECT 1 FROM in_flight WHERE base_id = in_flight_base.id)";
    tx.execute(sql, [])?;
    Ok(())
}

/// Deliveries in flight that have no outcome, with their states and how often they
/// were in doubt.
pub(super) fn unfinished(tx: &Transaction<'_>) -> Result<Vec<(i64, State, u32)>, StoreError> {
    let sql = "SELECT delivery.id, delivery.state, delivery.doubts
               FROM in_flight JOIN delivery ON delivery.id = in_flight.delivery_id
               WHERE delivery.settled_at IS NULL ORDER BY delivery.id";
    let mut statement = tx.prepare_cached(sql)?;
    let mut found = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        let state = State::parse(codec::str(row, 1)?).ok_or_else(|| codec::bad_column(1, "a state"))?;
        all.push((row.get(0)?, state, row.get(2)?));
    }
    Ok(all)
}

/// Whether a worker has a delivery in flight.
pub(super) fn is_in_flight(tx: &Transaction<'_>, number: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM in_flight WHERE delivery_id = ?1)";
    Ok(tx.prepare_cached(sql)?.query_row([number], |row| row.get(0))?)
}

/// Keeps the message of a delivery in flight whose outcome is unknown, unless one
/// of an earlier attempt is kept.
pub(super) fn keep(tx: &Transaction<'_>, number: i64) -> Result<(), StoreError> {
    let sql = "SELECT in_flight.bytes, in_flight_base.bytes, in_flight.sha256
               FROM in_flight LEFT JOIN in_flight_base ON in_flight_base.id = in_flight.base_id
               WHERE in_flight.delivery_id = ?1";
    let mut statement = tx.prepare_cached(sql)?;
    let mut found = statement.query([number])?;
    let Some(row) = found.next()? else { return Ok(()) };
    let hash: [u8; 32] = row.get(2)?;
    let bytes = match read(row, 0)? {
        StoredMessage::Intact(bytes) => bytes,
        // Empty bytes have another hash, so this stays corrupt.
        StoredMessage::Corrupt | StoredMessage::None => Arc::default(),
    };
    let sql = "INSERT INTO mail_bytes (delivery_id, sha256, bytes) VALUES (?1, ?2, ?3)
               ON CONFLICT (delivery_id) DO NOTHING";
    tx.prepare_cached(sql)?.execute(params![number, hash, bytes])?;
    Ok(())
}

/// Deletes the kept message of a delivery if it is corrupt; the next attempt
/// builds another one.
pub(super) fn drop_corrupt(tx: &Transaction<'_>, number: i64) -> Result<(), StoreError> {
    let sql = "SELECT bytes, base, sha256 FROM mail_bytes WHERE delivery_id = ?1";
    let stored = tx.prepare_cached(sql)?.query_row([number], |row| Ok(read(row, 0))).optional()?;
    if stored.transpose()? == Some(StoredMessage::Corrupt) {
        tx.prepare_cached("DELETE FROM mail_bytes WHERE delivery_id = ?1")?.execute([number])?;
    }
    Ok(())
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn base(bytes: &[u8]) -> Option<Arc<MessageBase>> {
        Some(Arc::new(MessageBase::new(1, bytes.into())))
    }

    fn page() -> Vec<u8> {
        b"To: Kim Ek\r\n\r\nA mail, to be read in a few minutes.\r\n".repeat(40)
    }

    /// What is read back.
    fn unpacked(packed: &PackedMessage) -> Option<Vec<u8>> {
        let base = packed.base.as_ref();
        base.map_or(Some(packed.bytes.clone()), |base| decompress(&packed.bytes, &base.bytes))
    }

    #[test]
    fn a_message_like_its_base_is_small() {
        let message = String::from_utf8(page()).expect("text").replace("Kim Ek", "Åsa Björk");
        let packed = PackedMessage::new(message.as_bytes(), base(&page()));
        assert!(packed.bytes.len() < message.len() / 10, "{}", packed.bytes.len());
        assert_eq!(unpacked(&packed).as_deref(), Some(message.as_bytes()));
    }

    #[test]
    fn what_would_not_be_smaller_or_is_very_long_is_not_compressed() {
        assert!(PackedMessage::new(b"a", base(&page())).base.is_none());
        assert!(PackedMessage::new(&vec![b'a'; MAX_COMPRESSED + 1], base(&page())).base.is_none());
        assert_eq!(PackedMessage::new(b"a mail", None).bytes, b"a mail");
    }

    #[test]
    fn damage_asks_for_no_memory() {
        assert_eq!(decompress(&[0xff, 0xff, 0xff, 0xff, 0], b"a base"), None);
        assert_eq!(decompress(&[1], b"a base"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn every_message_is_read_back(message in any::<Vec<u8>>(), like in any::<Vec<u8>>(), times in 1..400_usize) {
            let message = message.repeat(times);
            let packed = PackedMessage::new(&message, base(&[like, message[..message.len() / 2].to_vec()].concat()));
            prop_assert_eq!(unpacked(&packed), Some(message));
        }

        #[test]
        fn damage_is_no_panic(mut stored in any::<Vec<u8>>(), length in 0..2_000_u32, base in any::<Vec<u8>>()) {
            stored.splice(..0, length.to_le_bytes());
            let _ = decompress(&stored, &base);
        }
    }
}
