//! The send journal: an append-only file next to the database, with one line
//! for each mail that the relay accepted, written before the database is
//! updated. It contains no personal data. It covers a crash between acceptance
//! and commit, and a database restored from an older backup.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::failpoint;
use crate::store::JournalEntry;

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Journal {
    /// Opens the journal of a database; creates it if it does not exist.
    pub(crate) fn open(database: &Path) -> io::Result<Journal> {
        let path = database.with_extension("sent");
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
