//! What the last import noted about the people file: its version, and the rows that were set
//! aside.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Store, StoreError, codec};
use crate::domain::change::people_file::{PeopleFileNotes, PeopleFileVersion, RowProblem};

impl Store {
    /// What the last import noted.
    pub(crate) fn people_file_notes(&self) -> Result<PeopleFileNotes, StoreError> {
        let sql = "SELECT length, modified_ns, sha256 FROM people_file";
        let version = self.connection.prepare_cached(sql)?.query_row([], |row| {
            Ok(PeopleFileVersion { length: row.get(0)?, modified_ns: row.get(1)?, sha256: row.get(2)? })
        });
        let sql = "SELECT file, line, \"column\", message, hint FROM set_aside_row ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut problems = Vec::new();
        while let Some(row) = found.next()? {
            problems.push(RowProblem {
                file: codec::str(row, 0)?.to_owned(),
                line: row.get(1)?,
                column: row.get(2)?,
                message: codec::str(row, 3)?.to_owned(),
                hint: codec::maybe_str(row, 4)?.map(str::to_owned),
            });
        }
        Ok(PeopleFileNotes { version: version.optional()?, problems })
    }

    /// Replaces the notes after an import without changes.
    pub(crate) fn write_people_file_notes(&mut self, notes: &PeopleFileNotes) -> Result<(), StoreError> {
        let tx = self.write_transaction()?;
        write(&tx, notes)?;
        Ok(tx.commit()?)
    }
}

/// Replaces the notes.
pub(super) fn write(tx: &Transaction<'_>, notes: &PeopleFileNotes) -> Result<(), StoreError> {
    tx.execute("DELETE FROM people_file", [])?;
    if let Some(PeopleFileVersion { length, modified_ns, sha256 }) = notes.version {
        let sql = "INSERT INTO people_file (one, length, modified_ns, sha256) VALUES (1, ?1, ?2, ?3)";
        tx.execute(sql, params![length, modified_ns, sha256])?;
    }
    tx.execute("DELETE FROM set_aside_row", [])?;
    let sql = "INSERT INTO set_aside_row (file, line, \"column\", message, hint) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = tx.prepare_cached(sql)?;
    for problem in &notes.problems {
        insert.execute(params![problem.file, problem.line, problem.column, problem.message, problem.hint])?;
    }
    Ok(())
}
