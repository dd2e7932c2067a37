//! The last content that loaded without an error, file by file. It stays in
//! force while the content folder contains errors.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, answers, failpoints};
use crate::domain::model::ids::{ContentHash, Slug};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

impl Store {
    /// The hash of the saved content, and when it was saved.
    pub fn saved_content(&self) -> Result<Option<(ContentHash, Timestamp)>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT hash, taken_at FROM content")?;
        let mut found = statement.query([])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Ok(Some((codec::hash(row, 0)?, codec::get_time(row, 1)?)))
    }

    /// The saved files, by path relative to the content folder.
    pub fn saved_content_files(&self) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT path, bytes FROM content_file")?;
        let files = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(files.collect::<Result<_, _>>()?)
    }

    /// Saves content as the last valid one, unless it is saved already. The answers to renamed steps (journey,
    /// former and present name) get the present name.
    pub fn save_content<'f>(
        &mut self,
        hash: ContentHash,
        files: impl Iterator<Item = (&'f str, &'f [u8])>,
        renamed: &[(&Slug, &Slug, &Slug)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Unchanged content, the usual case, does not wait for other writers.
        let saved: Option<String> =
            self.connection.query_row("SELECT hash FROM content", [], |row| row.get(0)).optional()?;
        if saved.as_deref() == Some(hash.to_string().as_str()) {
            return Ok(());
        }
        let tx = self.write_transaction()?;
        tx.execute("DELETE FROM content_file", [])?;
        {
            let mut file = tx.prepare_cached("INSERT INTO content_file (path, bytes) VALUES (?1, ?2)")?;
            for (path, bytes) in files {
                file.execute(params![path, bytes])?;
            }
        }
        let content = "INSERT INTO content (one, hash, taken_at) VALUES (1, ?1, ?2)
                       ON CONFLICT (one) DO UPDATE SET hash = excluded.hash, taken_at = excluded.taken_at";
        tx.execute(content, params![hash.to_string(), codec::time(now)])?;
        for (journey, former, today) in renamed {
            answers::rename_step(&tx, journey, former, today)?;
        }
        failpoints::at("store.content.before")?;
        tx.commit()?;
        Ok(failpoints::at("store.content.after")?)
    }
}
