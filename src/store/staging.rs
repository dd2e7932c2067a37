//! The people of a file that is read, in temporary tables of the connection: checks across all
//! rows and the comparison with the people in the database are queries, so that memory does not
//! grow with the file.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::people::{StringInterner, known};
use super::{Store, StoreError, codec};
use crate::domain::model::ids::PersonId;
use crate::domain::model::person::{Person, Roster, Unit};

/// What is known about the row of a person only while the file is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowOrigin<'a> {
    pub(crate) line: u32,
    pub(crate) unit_name: &'a str,
    /// Employee id or address of the manager.
    pub(crate) manager: Option<&'a str>,
    /// Whether the row is marked as the main employment.
    pub(crate) is_main: bool,
}

/// A row whose employee id stands in several rows.
pub(crate) struct RepeatedId {
    pub(crate) line: u32,
    pub(crate) id: String,
    pub(crate) is_main: bool,
    /// Both names, in lower case.
    pub(crate) name: String,
    /// Address, names, unit name, unit, department, manager, language, start, end, leave,
    /// protected, and the additional columns.
    pub(crate) values: Vec<Option<String>>,
}

/// Numbers of people in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StagedCounts {
    pub(crate) people: u32,
    pub(crate) units: u32,
    pub(crate) departments: u32,
    pub(crate) with_leave: u32,
    pub(crate) with_end: u32,
    pub(crate) protected: u32,
    pub(crate) without_address: u32,
    pub(crate) shared_address: u32,
    pub(crate) second_employments: u32,
    /// By language, in the order of the tags.
    pub(crate) languages: Vec<(String, u32)>,
}

impl Store {
    /// An empty database that ends with this value; in a private temporary file if it is large.
    pub(crate) fn temporary() -> Result<Store, StoreError> {
        let connection = Connection::open("")?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(include_str!("schema.sql"))?;
        Ok(Store { connection, path: Default::default() })
    }

    /// Calls `read` to stage the rows of a file, with [`Store::stage`].
    pub(crate) fn stage_file<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let batch = |sql| self.connection.execute_batch(sql).map_err(StoreError::from);
        self.drop_staged()?;
        batch(include_str!("sql/stage.sql"))?;
        // One transaction: it writes only to temporary tables, and may be part of another one.
        batch("SAVEPOINT staging")?;
        let found = read();
        let released = batch("RELEASE staging");
        let found = found?;
        released?;
        batch("CREATE INDEX temp.incoming_id ON incoming (employee_id)")?;
        batch("CREATE INDEX temp.incoming_email ON incoming (email COLLATE NOCASE)")?;
        Ok(found)
    }

    /// Drops what is staged.
    pub(crate) fn drop_staged(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch(include_str!("sql/drop_staged.sql"))?)
    }

    /// Adds one row.
    pub(crate) fn stage(&self, person: &Person, origin: RowOrigin<'_>) -> Result<(), StoreError> {
        let name = format!("{}\u{1f}{}", person.first_name, person.last_name).to_lowercase();
        self.connection.prepare_cached(include_str!("sql/stage_row.sql"))?.execute(params![
            origin.line,
            person.id.as_str(),
            person.email.as_deref(),
            person.shared_address,
            person.second_employment,
            &*person.first_name,
            &*person.last_name,
            person.unit.as_str(),
            origin.unit_name,
            person.department.as_deref(),
            origin.manager,
            person.language.as_str(),
            person.start.map(codec::date),
            person.end.map(codec::date),
            codec::periods(&person.leave),
            person.protected,
            origin.is_main,
            name,
        ])?;
        for (rank, (name, value)) in person.extra.iter().enumerate() {
            let sql = "INSERT INTO incoming_extra (line, rank, name, value) VALUES (?1, ?2, ?3, ?4)";
            let mut write = self.connection.prepare_cached(sql)?;
            write.execute(params![origin.line, rank as i64, &**name, &**value])?;
        }
        Ok(())
    }

    /// Stages people who were not read from a file.
    pub(crate) fn stage_roster(&self, roster: &Roster) -> Result<(), StoreError> {
        self.stage_file(|| {
            for (person, line) in roster.people.iter().zip(1..) {
                let unit = roster.unit(&person.unit);
                let manager = unit.and_then(|unit| unit.manager.as_ref());
                let origin = RowOrigin {
                    line,
                    unit_name: roster.unit_name(&person.unit),
                    manager: manager.map(PersonId::as_str),
                    is_main: false,
                };
                self.stage(person, origin)?;
            }
            Ok::<(), StoreError>(())
        })?;
        self.find_staged_units()
    }

    /// The people of the file and their units.
    pub(crate) fn staged_roster(&self) -> Result<Roster, StoreError> {
        let extra =
            self.extra_columns("SELECT line, name, value FROM incoming_extra ORDER BY line, rank", [])?;
        let mut interner = StringInterner::default();
        let mut people = Vec::new();
        let mut statement = self.connection.prepare_cached(include_str!("sql/incoming_people.sql"))?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            people.push(known(row, &mut interner, &extra)?.person);
        }
        let sql = "SELECT code, name, manager FROM incoming_unit ORDER BY first_line";
        Ok(Roster::new(people, self.units(sql, [])?))
    }

    /// The units of the file with that code or name.
    pub(crate) fn staged_units_called(&self, code_or_name: &str) -> Result<Vec<Unit>, StoreError> {
        let sql =
            "SELECT code, name, manager FROM incoming_unit WHERE ?1 IN (code, name) ORDER BY first_line";
        self.units(sql, [code_or_name])
    }

    /// Numbers of people, after all checks.
    pub(crate) fn staged_counts(&self) -> Result<StagedCounts, StoreError> {
        let sql = "SELECT count(*), count(DISTINCT unit), count(DISTINCT department),
                          count(*) FILTER (WHERE leave <> ''), count(end_date), total(protected),
                          count(*) - count(email), total(shared_address), total(second_employment)
                   FROM incoming";
        let total = |row: &Row<'_>, column| row.get::<_, f64>(column).map(|total| total as u32);
        let counts = self.connection.query_row(sql, [], |row| {
            Ok(StagedCounts {
                people: row.get(0)?,
                units: row.get(1)?,
                departments: row.get(2)?,
                with_leave: row.get(3)?,
                with_end: row.get(4)?,
                protected: total(row, 5)?,
                without_address: row.get(6)?,
                shared_address: total(row, 7)?,
                second_employments: total(row, 8)?,
                languages: Vec::new(),
            })
        })?;
        let sql = "SELECT language, count(*) FROM incoming GROUP BY language";
        let languages = self.all_rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(StagedCounts { languages, ..counts })
    }

    /// Calls `meet` with the rows of each employee id that stands in several rows.
    pub(crate) fn for_each_repeated_id(&self, mut meet: impl FnMut(&[RepeatedId])) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(include_str!("sql/repeated_rows.sql"))?;
        let mut found = statement.query([])?;
        let mut rows: Vec<RepeatedId> = Vec::new();
        while let Some(row) = found.next()? {
            let id = codec::str(row, 1)?;
            if rows.first().is_some_and(|first| first.id != id) {
                meet(&rows);
                rows.clear();
            }
            rows.push(RepeatedId {
                line: row.get(0)?,
                id: id.to_owned(),
                is_main: row.get(2)?,
                name: codec::str(row, 3)?.to_owned(),
                values: (4..17).map(|column| row.get(column)).collect::<Result<_, _>>()?,
            });
        }
        if !rows.is_empty() {
            meet(&rows);
        }
        Ok(())
    }

    /// Removes rows.
    pub(crate) fn unstage(&self, lines: &[u32]) -> Result<(), StoreError> {
        for line in lines {
            self.connection.prepare_cached("DELETE FROM incoming WHERE line = ?1")?.execute([line])?;
            self.connection.prepare_cached("DELETE FROM incoming_extra WHERE line = ?1")?.execute([line])?;
        }
        Ok(())
    }

    /// Removes additional values by the index of their column.
    pub(crate) fn unstage_extra(&self, columns: &[usize]) -> Result<(), StoreError> {
        for column in columns {
            self.connection.execute("DELETE FROM incoming_extra WHERE rank = ?1", [*column as i64])?;
        }
        Ok(())
    }

    /// Marks all but one of the people with one name and address.
    pub(crate) fn mark_second_employments(&self) -> Result<(), StoreError> {
        self.connection.execute(include_str!("sql/mark_second_employments.sql"), [])?;
        Ok(())
    }

    /// Marks people who share an address; returns the lines for each address.
    pub(crate) fn mark_shared_addresses(&self) -> Result<Vec<Vec<u32>>, StoreError> {
        self.connection.execute(include_str!("sql/mark_shared_addresses.sql"), [])?;
        let sql = "SELECT group_concat(line, ' ' ORDER BY line) FROM incoming WHERE shared_address
                   GROUP BY email COLLATE NOCASE";
        self.all_rows(sql, [], |row| Ok(numbers(row.get_ref(0)?.as_str()?)))
    }

    /// Marks the first person with an address and another employee id; returns the line.
    pub(crate) fn mark_shared_address(&self, email: &str, id: &str) -> Result<Option<u32>, StoreError> {
        let sql = "UPDATE incoming SET shared_address = 1 WHERE line =
                       (SELECT min(line) FROM incoming WHERE email = ?1 COLLATE NOCASE AND employee_id <> ?2)
                   RETURNING line";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([email, id], |row| row.get(0)).optional()?)
    }

    /// Managers who are not in the file, each with the lines that name them.
    pub(crate) fn missing_managers(&self) -> Result<Vec<(String, Vec<u32>)>, StoreError> {
        let sql = "SELECT group_concat(incoming.line, ' ' ORDER BY incoming.line), manager
                   FROM incoming JOIN incoming_manager USING (manager)
                   WHERE incoming_manager.line IS NULL GROUP BY manager";
        self.all_rows(sql, [], |row| Ok((row.get(1)?, numbers(row.get_ref(0)?.as_str()?))))
    }

    /// The managers who name a manager: their line, and that of theirs. People who name
    /// themselves are among them.
    pub(crate) fn managers_of_managers(&self) -> Result<Vec<(u32, u32)>, StoreError> {
        let sql = "SELECT incoming.line, theirs.line
                   FROM incoming JOIN incoming_manager AS theirs USING (manager)
                   WHERE theirs.line IS NOT NULL AND incoming.line IN (SELECT line FROM incoming_manager)
                   ORDER BY incoming.line";
        self.all_rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Finds the people who are named as managers, and the units.
    pub(crate) fn find_staged_units(&self) -> Result<(), StoreError> {
        self.connection.execute(include_str!("sql/find_managers.sql"), [])?;
        self.connection.execute(include_str!("sql/find_units.sql"), [])?;
        Ok(())
    }

    /// All rows of a query; for few rows.
    pub(super) fn all_rows<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map(parameters, read)?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

/// Line numbers with blanks between them.
fn numbers(text: &str) -> Vec<u32> {
    text.split(' ').filter_map(|number| number.parse().ok()).collect()
}
