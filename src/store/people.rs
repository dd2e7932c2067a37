//! People and units: read at once or in batches, and replaced by an import in
//! one transaction.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::audit::{self, AuditRecord};
use super::{CACHE_KIB, DataVersion, IMPORT_CACHE_KIB, Store, StoreError, failpoints, people_file};
use crate::domain::change::ChangeAuthor;
use crate::domain::change::import_diff::{ExistingPerson, Import, SettledUnit};
use crate::domain::history::{History, PersonWithHistory};
use crate::domain::model::ids::{Language, PersonId, PersonNumber, UnitId};
use crate::domain::model::person::{Person, Roster, Unit};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

impl Store {
    /// All people who have not left, in the order in which they joined, and their
    /// keys in the database.
    pub fn roster(&self) -> Result<(Roster, Vec<PersonNumber>), StoreError> {
        let mut people = Vec::new();
        let mut numbers = Vec::new();
        self.read_people(PRESENT_SQL, &ALL_KEYS, |known| {
            people.push(known.person);
            numbers.push(known.number);
        })?;
        Ok((Roster::new(people, self.units()?), numbers))
    }

    /// The next batch of at most `most` people who have not left, with their
    /// history; `None` after the last one. Keeps memory use independent of the
    /// number of people.
    pub fn people_batch(
        &self,
        after: Option<PersonNumber>,
        most: usize,
    ) -> Result<Option<PeopleBatch>, StoreError> {
        let after = after.map_or(0, |number| number.0);
        let sql = "SELECT max(id) FROM
                   (SELECT id FROM person WHERE id > ?1 AND left_at IS NULL ORDER BY id LIMIT ?2)";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let last: Option<i64> =
            self.connection.prepare_cached(sql)?.query_row([after, most], |row| row.get(0))?;
        last.map(|last| self.batch_in(&(after + 1..=last))).transpose()
    }

    fn batch_in(&self, numbers: &RangeInclusive<i64>) -> Result<PeopleBatch, StoreError> {
        let mut people = Vec::new();
        self.read_people(PRESENT_SQL, numbers, |known| people.push((known.number, known.person)))?;
        Ok(PeopleBatch { people, history: self.history_of(numbers)?, last: PersonNumber(*numbers.end()) })
    }

    /// All units, the people with the given ids who have not left, and the
    /// history of these people.
    pub fn people_by_id<'i>(
        &self,
        ids: impl Iterator<Item = &'i PersonId>,
    ) -> Result<(Roster, History), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM person WHERE employee_id = ?1 AND left_at IS NULL")?;
        let (mut people, mut memory) = (Vec::new(), History::default());
        for id in ids.collect::<BTreeSet<_>>() {
            let number = statement.query_row([id.as_str()], |row| row.get::<_, i64>(0)).optional()?;
            let Some(number) = number else { continue };
            let slice = self.batch_in(&(number..=number))?;
            people.extend(slice.people.into_iter().map(|(_, person)| person));
            memory.add(slice.history);
        }
        Ok((Roster::new(people, self.units()?), memory))
    }

    /// The first person who has not left and has that employee id or address.
    pub fn find_person(&self, id_or_address: &str) -> Result<Option<PersonId>, StoreError> {
        let sql = "SELECT employee_id FROM person
                   WHERE left_at IS NULL AND (employee_id = ?1 OR email = ?2 COLLATE NOCASE)
                   ORDER BY employee_id <> ?1, id LIMIT 1";
        let id = PersonId::new(id_or_address);
        let found = self.connection.query_row(sql, [id.as_str(), id_or_address], |row| {
            row.get_ref(0).and_then(|id| Ok(PersonId::new(id.as_str()?)))
        });
        Ok(found.optional()?)
    }

    /// Calls `meet` for all people, including those who have left. One at a
    /// time, because two copies of all people might not fit in memory.
    pub fn for_each_person(&self, compare: impl FnMut(ExistingPerson)) -> Result<(), StoreError> {
        self.read_people(ALL_SQL, &ALL_KEYS, compare)
    }

    /// The codes of the units with that code or name.
    pub(crate) fn unit_codes(&self, code_or_name: &str) -> Result<Vec<UnitId>, StoreError> {
        let sql = "SELECT code FROM unit WHERE code = ?1 OR name = ?1 ORDER BY code <> ?1, id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([code_or_name])?;
        let mut codes = Vec::new();
        while let Some(row) = found.next()? {
            codes.push(UnitId::new(codec::str(row, 0)?));
        }
        Ok(codes)
    }

    /// People with several employments as the last import had them: employee id, address, and whether
    /// they are held because another employment counts.
    pub(crate) fn employments(&self) -> Result<Vec<Employment>, StoreError> {
        let sql = "SELECT employee_id, lower(email), second_employment FROM person
                   WHERE left_at IS NULL AND lower(email) IN
                         (SELECT lower(email) FROM person WHERE second_employment = 1 AND left_at IS NULL)
                   ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut employments = Vec::new();
        while let Some(row) = found.next()? {
            let (id, address) = (PersonId::new(codec::str(row, 0)?), codec::str(row, 1)?.to_owned());
            employments.push(Employment { id, address, is_held: row.get(2)? });
        }
        Ok(employments)
    }

    /// Whether a person is there; `Some(true)`: held because another employment counts.
    pub(crate) fn is_second_employment(&self, id: &PersonId) -> Result<Option<bool>, StoreError> {
        let sql = "SELECT second_employment FROM person WHERE employee_id = ?1 AND left_at IS NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([id.as_str()], |row| row.get(0)).optional()?)
    }

    /// When people were last imported; `None` if never.
    pub fn imported_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT imported_at FROM instance")?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    fn read_people(
        &self,
        sql: &str,
        numbers: &RangeInclusive<i64>,
        mut take: impl FnMut(ExistingPerson),
    ) -> Result<(), StoreError> {
        let extra = self.extra_columns(numbers)?;
        let mut interner = StringInterner::default();
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([numbers.start(), numbers.end()])?;
        while let Some(row) = found.next()? {
            take(known(row, &mut interner, &extra)?);
        }
        Ok(())
    }

    /// The additional columns of the people who have any.
    fn extra_columns(&self, numbers: &RangeInclusive<i64>) -> Result<ExtraColumns, StoreError> {
        let mut extra = ExtraColumns::new();
        let sql = "SELECT person_id, name, value FROM person_extra
                   WHERE person_id BETWEEN ?1 AND ?2 ORDER BY person_id, rank";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([numbers.start(), numbers.end()])?;
        while let Some(row) = found.next()? {
            let column = (codec::str(row, 1)?.into(), codec::str(row, 2)?.into());
            extra.entry(row.get(0)?).or_default().push(column);
        }
        Ok(extra)
    }

    fn units(&self) -> Result<Vec<Unit>, StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/units_there.sql"))?;
        let mut found = statement.query([])?;
        let mut units = Vec::new();
        while let Some(row) = found.next()? {
            units.push(Unit {
                id: UnitId::new(codec::str(row, 0)?),
                name: codec::str(row, 1)?.into(),
                manager: codec::maybe_str(row, 2)?.map(PersonId::new),
            });
        }
        Ok(units)
    }

    /// Imports a people file, in one transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] if another connection has written since the
    /// people file was compared with the database.
    pub fn import(
        &mut self,
        import: &Import<'_>,
        roster: &Roster,
        compared: DataVersion,
        act: &ChangeAuthor,
    ) -> Result<(), StoreError> {
        let first = self.imported_at()?.is_none();
        let at = codec::time(act.at);
        self.connection.pragma_update(None, "cache_size", IMPORT_CACHE_KIB)?;
        let tx = self.write_transaction()?;
        if super::data_version(&tx)? != compared {
            return Err(StoreError::Changed);
        }
        {
            renumber(&tx, &import.renumbered)?;
            let units = write_units(&tx, roster)?;
            let mut write = tx.prepare_cached(include_str!("sql/write_person.sql"))?;
            for (person, number) in import.joined.iter().zip(next_number(&tx)?..) {
                write_person(&mut write, number, person, &units, &at)?;
                write_extra(&tx, number, person)?;
            }
            let returned = import.returned.iter().copied();
            let changed = import.changed.iter().map(|changed| (changed.number, changed.person));
            for (number, person) in returned.chain(changed) {
                write_person(&mut write, number.0, person, &units, &at)?;
                tx.prepare_cached("DELETE FROM person_extra WHERE person_id = ?1")?
                    .execute(params![number.0])?;
                write_extra(&tx, number.0, person)?;
            }
            let mut leave = tx.prepare_cached("UPDATE person SET left_at = ?2 WHERE id = ?1")?;
            for left in &import.left {
                leave.execute(params![left.number.0, at])?;
            }
            write_managers(&tx, roster)?;
            settle_unit_decisions(&tx, &import.settled, act)?;
            people_file::write(&tx, &import.notes)?;
            let entered_at = if first { None } else { Some(at.as_str()) };
            let mut enrol = tx.prepare_cached(include_str!("sql/enrol.sql"))?;
            for (person, journey) in &import.entered {
                enrol.execute(params![person.as_str(), journey.as_str(), entered_at])?;
            }
            for (person, journey) in &import.out_of_audience {
                enrol.execute(params![person.as_str(), journey.as_str(), None::<&str>])?;
            }
            tx.execute("UPDATE instance SET imported_at = ?1, decided_with = NULL", [&at])?;
            let before = format!("{} people", import.before);
            let after = format!(
                "{} joined, {} returned, {} left, {} changed",
                import.joined.len(),
                import.returned.len(),
                import.left.len(),
                import.changed.len()
            );
            let record = AuditRecord {
                action: "people import",
                subject: "people",
                person: None,
                before: &before,
                after: &after,
            };
            audit::write(&tx, act, &record)?;
        }
        failpoints::at("store.import.before")?;
        tx.commit()?;
        // After an error the command ends, so the cache need not be reset.
        self.connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        Ok(failpoints::at("store.import.after")?)
    }
}

/// One employment of a person who has several.
pub(crate) struct Employment {
    pub(crate) id: PersonId,
    /// In lower case.
    pub(crate) address: String,
    pub(crate) is_held: bool,
}

/// The keys of all people.
pub(super) const ALL_KEYS: RangeInclusive<i64> = 1..=i64::MAX;

/// People who have not left, with keys in a range, in the order of joining.
const PRESENT_SQL: &str = concat!(
    include_str!("sql/people.sql"),
    "WHERE person.left_at IS NULL AND person.id BETWEEN ?1 AND ?2 ORDER BY person.id"
);
/// People with keys in a range, including those who have left.
const ALL_SQL: &str =
    concat!(include_str!("sql/people.sql"), "WHERE person.id BETWEEN ?1 AND ?2 ORDER BY person.id");

/// A batch of people who have not left, with their history.
#[derive(Debug)]
pub struct PeopleBatch {
    /// In the order in which they joined.
    pub people: Vec<(PersonNumber, Person)>,
    pub(crate) history: History,
    /// The highest key of the batch; that person may have left meanwhile.
    pub(crate) last: PersonNumber,
}

impl PeopleBatch {
    pub fn iter(&self) -> impl Iterator<Item = PersonWithHistory<'_>> {
        self.people.iter().map(|(number, person)| PersonWithHistory {
            person,
            past: self.history.of(&person.id),
            number: Some(*number),
        })
    }
}

/// Name and value of an additional column.
type Kept = (Arc<str>, Box<str>);

/// Additional columns by the key of the person.
pub(super) type ExtraColumns = HashMap<i64, Vec<Kept>>;

/// The key of the next person who joins.
fn next_number(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    Ok(tx.query_row("SELECT coalesce(max(id), 0) + 1 FROM person", [], |row| row.get(0))?)
}

/// Interns strings that many people share.
#[derive(Default)]
pub(super) struct StringInterner {
    texts: BTreeSet<Arc<str>>,
    units: HashMap<String, UnitId>,
    languages: HashMap<String, Language>,
}

impl StringInterner {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(kept) = self.texts.get(text) {
            return kept.clone();
        }
        let kept: Arc<str> = text.into();
        self.texts.insert(kept.clone());
        kept
    }

    fn unit(&mut self, code: &str) -> UnitId {
        if let Some(kept) = self.units.get(code) {
            return kept.clone();
        }
        let kept = UnitId::new(code);
        self.units.insert(code.to_owned(), kept.clone());
        kept
    }

    fn language(&mut self, tag: &str) -> Option<Language> {
        if let Some(kept) = self.languages.get(tag) {
            return Some(kept.clone());
        }
        let kept = Language::parse(tag)?;
        self.languages.insert(tag.to_owned(), kept.clone());
        Some(kept)
    }
}

/// Reads a person from the columns of `people.sql`.
pub(super) fn known(
    row: &Row<'_>,
    interner: &mut StringInterner,
    extra: &ExtraColumns,
) -> Result<ExistingPerson, StoreError> {
    let number: i64 = row.get(0)?;
    let department = codec::maybe_str(row, 7)?.map(|name| interner.text(name));
    let address_use: u8 = row.get(3)?;
    let language =
        interner.language(codec::str(row, 8)?).ok_or_else(|| codec::bad_column(8, "a language"))?;
    let person = Person {
        id: PersonId::new(codec::str(row, 1)?),
        email: codec::maybe_str(row, 2)?.map(Into::into),
        shared_address: address_use & 1 != 0,
        second_employment: address_use & 2 != 0,
        undeliverable: codec::maybe_status(row, 15)?,
        first_name: codec::str(row, 4)?.into(),
        last_name: codec::str(row, 5)?.into(),
        unit: interner.unit(codec::str(row, 6)?),
        department,
        language,
        start: codec::maybe_date(row, 9)?,
        end: codec::maybe_date(row, 10)?,
        leave: codec::get_periods(row, 11)?,
        protected: row.get(12)?,
        extra: extra.get(&number).map(|kept| kept.clone().into()).unwrap_or_default(),
    };
    let unit_name = codec::str(row, 13)?.to_owned();
    let has_left = codec::maybe_str(row, 14)?.is_some();
    Ok(ExistingPerson { number: PersonNumber(number), person, unit_name, has_left })
}

fn write_person(
    write: &mut rusqlite::CachedStatement<'_>,
    number: i64,
    person: &Person,
    units: &HashMap<&UnitId, i64>,
    at: &str,
) -> Result<(), StoreError> {
    write.execute(params![
        number,
        person.id.as_str(),
        person.email.as_deref(),
        person.shared_address,
        &*person.first_name,
        &*person.last_name,
        units.get(&person.unit).copied(),
        person.department.as_deref(),
        person.language.as_str(),
        person.start.map(codec::date),
        person.end.map(codec::date),
        codec::periods(&person.leave),
        person.protected,
        at,
        person.second_employment,
    ])?;
    Ok(())
}

/// Stores the additional columns of a person who has none stored.
fn write_extra(tx: &Transaction<'_>, number: i64, person: &Person) -> Result<(), StoreError> {
    if person.extra.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO person_extra (person_id, rank, name, value) VALUES (?1, ?2, ?3, ?4)";
    let mut write = tx.prepare_cached(sql)?;
    for (rank, (name, value)) in person.extra.iter().enumerate() {
        write.execute(params![number, rank as i64, &**name, &**value])?;
    }
    Ok(())
}

/// Stores the units of a roster, and returns their ids.
fn write_units<'r>(tx: &Transaction<'_>, roster: &'r Roster) -> Result<HashMap<&'r UnitId, i64>, StoreError> {
    let mut write = tx.prepare_cached(include_str!("sql/write_unit.sql"))?;
    let mut find = tx.prepare_cached("SELECT id FROM unit WHERE code = ?1")?;
    let mut found = HashMap::with_capacity(roster.units.len());
    for unit in &roster.units {
        write.execute(params![unit.id.as_str(), &*unit.name])?;
        found.insert(&unit.id, find.query_row([unit.id.as_str()], |row| row.get(0))?);
    }
    Ok(found)
}

/// Stores the managers of units; after the people, because managers are people.
fn write_managers(tx: &Transaction<'_>, roster: &Roster) -> Result<(), StoreError> {
    let mut write = tx.prepare_cached(include_str!("sql/write_manager.sql"))?;
    for unit in &roster.units {
        write.execute(params![unit.id.as_str(), unit.manager.as_ref().map(PersonId::as_str)])?;
    }
    Ok(())
}

/// Gives people other employee ids. Two of them may exchange theirs, so that all are freed first.
fn renumber(tx: &Transaction<'_>, people: &[(PersonNumber, PersonId)]) -> Result<(), StoreError> {
    for (number, _) in people {
        // no employee id has a blank
        tx.execute("UPDATE person SET employee_id = 'was ' || id WHERE id = ?1", [number.0])?;
    }
    for (number, id) in people {
        tx.execute("UPDATE person SET employee_id = ?2 WHERE id = ?1", params![number.0, id.as_str()])?;
    }
    Ok(())
}

/// Moves decisions about units to other units, or ends them.
fn settle_unit_decisions(
    tx: &Transaction<'_>,
    settled: &[SettledUnit],
    act: &ChangeAuthor,
) -> Result<(), StoreError> {
    let at = codec::time(act.at);
    for SettledUnit { unit, moved_to, decisions } in settled {
        let unit = unit.as_str();
        if let Some(new) = moved_to {
            for table in ["pause", "unit_shift", "unit_closed", "unit_cadence"] {
                let in_force = match table {
                    "pause" => "AND resumed_at IS NULL",
                    "unit_cadence" => "",
                    _ => "AND ended_at IS NULL",
                };
                let sql = format!(
                    "UPDATE {table} SET decided_for = coalesce(decided_for, unit), unit = ?2
                     WHERE unit = ?1 {in_force}"
                );
                tx.execute(&sql, [unit, new.as_str()])?;
            }
        } else {
            tx.execute(
                "UPDATE pause SET resumed_at = ?2 WHERE unit = ?1 AND resumed_at IS NULL",
                [unit, &at],
            )?;
            tx.execute(
                "UPDATE unit_shift SET ended_at = ?2 WHERE unit = ?1 AND ended_at IS NULL",
                [unit, &at],
            )?;
            tx.execute(
                "UPDATE unit_closed SET ended_at = ?2 WHERE unit = ?1 AND ended_at IS NULL",
                [unit, &at],
            )?;
            tx.execute("DELETE FROM unit_cadence WHERE unit = ?1", [unit])?;
        }
        let record = AuditRecord {
            action: if moved_to.is_some() { "move decisions" } else { "drop decisions" },
            subject: &format!("unit {unit}"),
            person: None,
            before: &decisions.join("; "),
            after: &moved_to.as_ref().map_or_else(|| "ended".to_owned(), |new| format!("unit {new}")),
        };
        audit::write(tx, act, &record)?;
    }
    Ok(())
}
