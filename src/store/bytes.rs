//! The bytes of mails on their way, small: what differs from a pattern, the
//! mail of the same kind to nobody, which is kept once. So of a mail of 12 kB
//! some hundred bytes go to the disk before it leaves. The form is that of LZ4
//! with a dictionary; a hash of the mail finds whatever went wrong with either.

use std::collections::BTreeSet;
use std::sync::Arc;

use lz4_flex::block::{compress_prepend_size_with_dict, decompress_with_dict, uncompressed_size};
use ring::digest::{SHA256, digest};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Store, StoreError};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// Longer mails, in bytes, are kept as they are. No damage can make the
/// program ask for more memory than this.
const LONGEST: usize = 1 << 20;

/// What mails of one kind are kept against. It holds nobody's name.
#[derive(Debug, PartialEq, Eq)]
pub struct Pattern {
    bytes: Vec<u8>,
    sha256: [u8; 32],
}

impl Pattern {
    /// That of a mail to nobody.
    pub fn new(bytes: Vec<u8>) -> Pattern {
        Pattern { sha256: sha256(&bytes), bytes }
    }
}

/// The bytes of a mail as they are kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Packed {
    bytes: Vec<u8>,
    /// `None`: they are whole.
    pattern: Option<Arc<Pattern>>,
    /// Of the mail.
    sha256: [u8; 32],
}

impl Packed {
    /// A mail as it is kept: against the pattern, if that makes it smaller.
    pub fn new(mail: &[u8], pattern: Option<Arc<Pattern>>) -> Packed {
        let pattern = pattern.filter(|_| mail.len() <= LONGEST);
        let packed = pattern.map(|p| (compress_prepend_size_with_dict(mail, &p.bytes), p));
        match packed.filter(|(bytes, _)| bytes.len() < mail.len()) {
            Some((bytes, pattern)) => Packed { bytes, pattern: Some(pattern), sha256: sha256(mail) },
            None => Packed { bytes: mail.to_vec(), pattern: None, sha256: sha256(mail) },
        }
    }

    /// Of the mail.
    pub(super) fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

/// What is kept of a mail that was handed over before, and must be again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredMessage {
    /// Nothing: it was not, or was refused in so many words.
    Nothing,
    /// The mail, to the byte the same.
    Whole(Arc<[u8]>),
    /// Something, and it is not that mail any more: the disk, or a hand.
    Damaged,
}

/// Of a row: the bytes as they are kept, those of the pattern if there is one,
/// and the hash of the mail, in columns that follow each other.
pub(super) fn read(row: &Row<'_>, first: usize) -> Result<StoredMessage, StoreError> {
    let blob = |at: usize| row.get_ref(at)?.as_blob_or_null().map_err(|_| codec::bad_column(at, "bytes"));
    let (kept, pattern, hash) = (blob(first)?, blob(first + 1)?, blob(first + 2)?);
    let Some(kept) = kept else { return Ok(StoredMessage::Nothing) };
    let mail = match pattern {
        None => Some(kept.into()),
        Some(pattern) => unpacked(kept, pattern),
    };
    let whole = mail.filter(|mail: &Vec<u8>| Some(&sha256(mail)[..]) == hash);
    Ok(whole.map_or(StoredMessage::Damaged, |mail| StoredMessage::Whole(mail.into())))
}

fn unpacked(kept: &[u8], pattern: &[u8]) -> Option<Vec<u8>> {
    let (length, kept) = uncompressed_size(kept).ok().filter(|(length, _)| *length <= LONGEST)?;
    decompress_with_dict(kept, length, pattern).ok()
}

/// Keeps the bytes of a mail, if none are kept.
pub(super) fn keep(whole: &Transaction<'_>, number: i64, packed: &Packed) -> Result<(), StoreError> {
    let pattern = packed.pattern.as_ref().map(|pattern| id_of(whole, pattern)).transpose()?;
    let sql = "INSERT INTO mail_bytes (delivery_id, bytes, pattern_id) VALUES (?1, ?2, ?3)
               ON CONFLICT (delivery_id) DO NOTHING";
    whole.prepare_cached(sql)?.execute(params![number, packed.bytes, pattern])?;
    Ok(())
}

/// The number of a pattern; it gets one if it has none.
fn id_of(whole: &Transaction<'_>, pattern: &Pattern) -> Result<i64, StoreError> {
    let sql = "SELECT id FROM mail_pattern WHERE sha256 = ?1";
    let known = whole.prepare_cached(sql)?.query_row([pattern.sha256], |row| row.get(0)).optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let sql = "INSERT INTO mail_pattern (sha256, bytes) VALUES (?1, ?2)";
    whole.prepare_cached(sql)?.execute(params![pattern.sha256, pattern.bytes])?;
    Ok(whole.last_insert_rowid())
}

/// Forgets the bytes of a mail if they are damaged: it is made anew then. A
/// pattern that is damaged is no longer taken for what it was.
pub(super) fn forget_damaged(whole: &Transaction<'_>, number: i64) -> Result<(), StoreError> {
    let sql = "SELECT mail_bytes.bytes, mail_pattern.bytes, delivery.sha256, mail_pattern.id
               FROM mail_bytes JOIN delivery ON delivery.id = mail_bytes.delivery_id
               LEFT JOIN mail_pattern ON mail_pattern.id = mail_bytes.pattern_id
               WHERE mail_bytes.delivery_id = ?1";
    let mut statement = whole.prepare_cached(sql)?;
    let mut found = statement.query([number])?;
    let Some(row) = found.next()? else { return Ok(()) };
    if read(row, 0)? != StoredMessage::Damaged {
        return Ok(());
    }
    let pattern: Option<(i64, Vec<u8>)> = row.get::<_, Option<i64>>(3)?.zip(row.get(1)?);
    if let Some((id, bytes)) = pattern {
        let sql = "UPDATE mail_pattern SET sha256 = randomblob(32) WHERE id = ?1 AND sha256 <> ?2";
        whole.prepare_cached(sql)?.execute(params![id, sha256(&bytes)])?;
    }
    whole.prepare_cached("DELETE FROM mail_bytes WHERE delivery_id = ?1")?.execute([number])?;
    Ok(())
}

impl Store {
    /// Deletes the bytes of mails of which it has been known since before an
    /// instant what became of them, and patterns that no mail needs any more;
    /// the mails' hashes stay. How many mails.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; then nothing is.
    pub fn forget_bytes(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        let whole = self.write_transaction()?;
        let (mut forgotten, mut patterns) = (0, BTreeSet::new());
        {
            let sql = "DELETE FROM mail_bytes WHERE delivery_id IN
                       (SELECT id FROM delivery WHERE settled_at < ?1) RETURNING pattern_id";
            let mut statement = whole.prepare_cached(sql)?;
            let mut found = statement.query([codec::time(before)])?;
            while let Some(row) = found.next()? {
                forgotten += 1;
                patterns.extend(row.get::<_, Option<i64>>(0)?);
            }
            // Mails of a kind lie close together: while one is left it is found
            // at once, and not all are gone through.
            let sql = "DELETE FROM mail_pattern
                       WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM mail_bytes WHERE pattern_id = ?1)";
            let mut unneeded = whole.prepare_cached(sql)?;
            for pattern in patterns {
                unneeded.execute([pattern])?;
            }
        }
        whole.commit()?;
        Ok(forgotten)
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn pattern() -> Arc<Pattern> {
        Arc::new(Pattern::new(b"To: Kim Ek\r\n\r\nA mail, to be read in a few minutes.\r\n".repeat(40)))
    }

    /// What comes back of it.
    fn back(packed: &Packed) -> Option<Vec<u8>> {
        let pattern = packed.pattern.as_ref();
        pattern.map_or(Some(packed.bytes.clone()), |pattern| unpacked(&packed.bytes, &pattern.bytes))
    }

    #[test]
    fn a_mail_like_its_pattern_is_small() {
        let mail = String::from_utf8(pattern().bytes.clone()).expect("text").replace("Kim Ek", "Åsa Björk");
        let packed = Packed::new(mail.as_bytes(), Some(pattern()));
        assert!(packed.bytes.len() < mail.len() / 10, "{}", packed.bytes.len());
        assert_eq!(back(&packed).as_deref(), Some(mail.as_bytes()));
    }

    #[test]
    fn what_would_not_be_smaller_or_is_very_long_is_whole() {
        assert_eq!(Packed::new(b"a", Some(pattern())).pattern, None);
        assert_eq!(Packed::new(&vec![b'a'; LONGEST + 1], Some(pattern())).pattern, None);
        assert_eq!(Packed::new(b"a mail", None).bytes, b"a mail");
    }

    #[test]
    fn damage_asks_for_no_memory() {
        assert_eq!(unpacked(&[0xff, 0xff, 0xff, 0xff, 0], b"a pattern"), None);
        assert_eq!(unpacked(&[1], b"a pattern"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn every_mail_comes_back(mail in any::<Vec<u8>>(), like in any::<Vec<u8>>(), times in 1..400_usize) {
            let mail = mail.repeat(times);
            let packed = Packed::new(&mail, Some(Arc::new(Pattern::new([like, mail[..mail.len() / 2].to_vec()].concat()))));
            prop_assert_eq!(back(&packed), Some(mail));
        }

        #[test]
        fn damage_is_no_panic(mut kept in any::<Vec<u8>>(), length in 0..2_000_u32, pattern in any::<Vec<u8>>()) {
            kept.splice(..0, length.to_le_bytes());
            let _ = unpacked(&kept, &pattern);
        }
    }
}
