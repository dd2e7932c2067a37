//! The send journal: an append-only file next to the database, with one line
//! for each mail that the relay accepted, written before the database is
//! updated. It contains no personal data. It covers a crash between acceptance
//! and commit, and a database restored from an older backup. For that it also has
//! a line for each person who was forgotten: a keyed hash, written before the
//! database is updated.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::domain::time::timezone::Timestamp;
use crate::failpoint;
use crate::store::{JournalEntry, TombstoneKey};

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Journal {
    /// The path of the journal of a database.
    pub(crate) fn path(database: &Path) -> PathBuf {
        database.with_extension("sent")
    }

    /// Opens the journal of a database; creates it if it does not exist.
    pub(crate) fn open(database: &Path) -> io::Result<Journal> {
        let path = Journal::path(database);
        let told = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot write the send journal {}: {error}", path.display()))
        };
        let mut options = File::options();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(told)?;
        let length = file.metadata().map_err(told)?.len();
        let mut journal = Journal { file, path: path.clone(), length };
        journal.terminate_partial_line().map_err(told)?;
        Ok(journal)
    }

    /// The entries from a byte offset on. Partial or malformed lines are skipped.
    pub(crate) fn entries_from(&mut self, byte: u64) -> io::Result<Vec<JournalEntry>> {
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(byte.min(self.length)))?;
        let mut lines = Vec::new();
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            lines.extend(line.strip_suffix(b"\n").and_then(read));
            line.clear();
        }
        Ok(lines)
    }

    /// Appends accepted mails. They survive a crash of this process at once; they
    /// need not survive a power failure before the database does.
    pub(crate) fn add(&mut self, sent: &[JournalEntry]) -> io::Result<()> {
        let mut text = String::new();
        for line in sent {
            let at = line.at.format("%Y-%m-%dT%H:%M:%SZ");
            let reply = line.reply.replace(['\t', '\n', '\r'], " ");
            text += &format!("{}\t{}\t{at}\t{reply}\n", line.number, line.message_id);
        }
        let added = failpoint::at("journal.before").and_then(|()| self.file.write_all(text.as_bytes()));
        added.and_then(|()| failpoint::at("journal.after")).map_err(|error| {
            let path = self.path.display();
            io::Error::new(error.kind(), format!("cannot write the send journal {path}: {error}"))
        })?;
        self.length += text.len() as u64;
        Ok(())
    }

    /// Records that a person is forgotten, or may be imported again. It survives a power failure.
    pub(crate) fn add_tombstone(
        &mut self,
        what: TombstoneLine,
        key: &TombstoneKey,
        at: Timestamp,
    ) -> io::Result<()> {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("{}\t{hex}\t{}\n", what.as_str(), at.format("%Y-%m-%dT%H:%M:%SZ"));
        let added = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        added.map_err(|error| {
            let path = self.path.display();
            io::Error::new(error.kind(), format!("cannot write the send journal {path}: {error}"))
        })?;
        self.length += text.len() as u64;
        Ok(())
    }

    /// The keys of all people who are forgotten.
    pub(crate) fn tombstones(&mut self) -> io::Result<Vec<TombstoneKey>> {
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(0))?;
        let mut keys = Vec::new();
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if let Some((what, key)) = line.strip_suffix(b"\n").and_then(read_tombstone) {
                keys.retain(|known| *known != key);
                if what == TombstoneLine::Forgotten {
                    keys.push(key);
                }
            }
            line.clear();
        }
        Ok(keys)
    }

    /// Terminates a partial last line that a crash left behind.
    fn terminate_partial_line(&mut self) -> io::Result<()> {
        let mut last = [b'\n'];
        if self.length > 0 {
            self.file.seek(SeekFrom::End(-1))?;
            self.file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            self.file.write_all(b"\n")?;
            self.length += 1;
        }
        Ok(())
    }

    /// Length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }
}

/// What a line about a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TombstoneLine {
    Forgotten,
    /// The next import brings the person back as a new one.
    Readmitted,
}

impl TombstoneLine {
    /// The first field; it is no number, so that it is not taken for a mail.
    fn as_str(self) -> &'static str {
        match self {
            TombstoneLine::Forgotten => "forgotten",
            TombstoneLine::Readmitted => "readmitted",
        }
    }
}

/// Parses a line about a person: word, key in hexadecimal digits, time.
fn read_tombstone(line: &[u8]) -> Option<(TombstoneLine, TombstoneKey)> {
    let mut fields = std::str::from_utf8(line).ok()?.split('\t');
    let (word, hex) = (fields.next()?, fields.next()?);
    let what = [TombstoneLine::Forgotten, TombstoneLine::Readmitted];
    let what = what.into_iter().find(|what| what.as_str() == word)?;
    let mut key = TombstoneKey::default();
    if hex.len() != 2 * key.len() || !hex.is_ascii() {
        return None;
    }
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
    }
    Some((what, key))
}

/// Parses a line: number, Message-ID, time and reply, separated by tabs.
fn read(line: &[u8]) -> Option<JournalEntry> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.splitn(4, '\t');
    let mut next = || fields.next();
    Some(JournalEntry {
        number: next()?.parse().ok()?,
        message_id: next()?.to_owned(),
        at: next()?.parse().ok()?,
        reply: next()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::timezone::Timestamp;

    fn line(number: i64) -> JournalEntry {
        JournalEntry {
            number,
            message_id: format!("<{number}@ekdala.example>"),
            at: "2026-12-01T07:30:00Z".parse::<Timestamp>().expect("an instant"),
            reply: "250 2.0.0 Ok".to_owned(),
        }
    }

    #[test]
    fn lines_about_people_are_no_mails_and_the_last_one_counts() {
        let home = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::open(&home.path().join("journey.db")).expect("a journal");
        let at = line(1).at;
        journal.add(&[line(1)]).expect("added");
        for (key, what) in [
            (1, TombstoneLine::Forgotten),
            (2, TombstoneLine::Forgotten),
            (2, TombstoneLine::Readmitted),
            (3, TombstoneLine::Readmitted),
            (3, TombstoneLine::Forgotten),
            (1, TombstoneLine::Forgotten),
        ] {
            journal.add_tombstone(what, &[key; 32], at).expect("added");
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(home.path().join("journey.sent"))
            .and_then(|mut file| file.write_all("forgotten\tåå\tx\nforgotten\n\nforgotten\t04".as_bytes()))
            .expect("damaged lines");
        assert_eq!(journal.tombstones().expect("keys"), [[3; 32], [1; 32]]);
        assert_eq!(journal.entries_from(0).expect("lines"), [line(1)]);
    }

    #[test]
    fn entries_are_read_back_and_partial_lines_skipped() {
        let home = tempfile::tempdir().expect("a folder");
        let database = home.path().join("journey.db");
        let mut journal = Journal::open(&database).expect("a journal");
        journal.add(&[line(1), line(2)]).expect("added");
        let known = journal.length();
        journal.add(&[line(3)]).expect("added");
        drop(journal);
        let path = home.path().join("journey.sent");
        let mut torn = std::fs::read(&path).expect("a file");
        torn.extend_from_slice(b"4\t<4@ekdala.exam");
        std::fs::write(&path, torn).expect("half a line");
        let mut journal = Journal::open(&database).expect("a journal");
        assert_eq!(journal.entries_from(0).expect("lines"), [line(1), line(2), line(3)]);
        assert_eq!(journal.entries_from(known).expect("lines"), [line(3)]);
        journal.add(&[line(5)]).expect("added");
        assert_eq!(journal.entries_from(known).expect("lines"), [line(3), line(5)]);
        assert!(journal.entries_from(u64::MAX).expect("lines").is_empty(), "of a journal that was lost");
    }
}
