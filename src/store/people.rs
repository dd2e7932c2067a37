//! People and units: read at once or in batches.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Params, Row};

use super::undecided::{self, PersonRevision, SettingsRevision};
use super::{Store, StoreError};
use crate::domain::history::{History, PersonWithHistory};
use crate::domain::model::ids::{Language, PersonId, PersonNumber, UnitId};
use crate::domain::model::library::Library;
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
        Ok((Roster::new(people, self.units(UNITS_SQL, [])?), numbers))
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

    /// The people with these ascending numbers who have not left, with their history and their marks, as of one
    /// moment. `None` if the settings have another revision by then.
    pub(crate) fn batch_to_decide(
        &self,
        numbers: &[PersonNumber],
        settings: SettingsRevision,
    ) -> Result<Option<BatchToDecide>, StoreError> {
        // One read transaction.
        let _tx = self.connection.unchecked_transaction()?;
        if undecided::settings_revision(&self.connection)? != settings {
            return Ok(None);
        }
        self.people_by_number(numbers).map(Some)
    }

    /// The people with these ascending numbers who have not left, with their history and their marks.
    pub(crate) fn people_by_number(&self, numbers: &[PersonNumber]) -> Result<BatchToDecide, StoreError> {
        let wanted: HashSet<i64> = numbers.iter().map(|number| number.0).collect();
        let mut all = BatchToDecide::default();
        for run in numbers.chunk_by(|one, next| next.0 - one.0 <= NEIGHBOURS) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let batch = self.batch_in(&(first.0..=last.0))?;
            all.people.extend(batch.people.into_iter().filter(|(number, _)| wanted.contains(&number.0)));
            all.history.add(batch.history);
        }
        for (number, _) in &all.people {
            if let Some(revision) = undecided::revision_of(&self.connection, *number)? {
                all.revisions.insert(*number, revision);
            }
        }
        Ok(all)
    }

    /// The people of a unit who have not left, with their history.
    pub(crate) fn people_of_unit(&self, unit: &UnitId) -> Result<BatchToDecide, StoreError> {
        self.people_by_number(&self.numbers_of_unit(unit)?)
    }

    /// The people of a unit who have not left, in order of their numbers.
    pub(crate) fn numbers_of_unit(&self, unit: &UnitId) -> Result<Vec<PersonNumber>, StoreError> {
        let sql = "SELECT id FROM person
                   WHERE left_at IS NULL AND unit_id = (SELECT id FROM unit WHERE code = ?1) ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map([unit.as_str()], |row| row.get(0).map(PersonNumber))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The unit of a person.
    pub(crate) fn unit_of(&self, person: PersonNumber) -> Result<i64, StoreError> {
        let mut find = self.connection.prepare_cached("SELECT unit_id FROM person WHERE id = ?1")?;
        Ok(find.query_row([person.0], |row| row.get(0))?)
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
        Ok((Roster::new(people, self.units(UNITS_SQL, [])?), memory))
    }

    /// The first person who has not left and has that employee id, else that address.
    pub fn find_person(&self, id_or_address: &str) -> Result<Option<PersonId>, StoreError> {
        let id = PersonId::new(id_or_address);
        let with_id = "SELECT employee_id FROM person WHERE employee_id = ?1 AND left_at IS NULL";
        // Addresses have no index: they are looked up by hand only.
        let with_address =
            "SELECT employee_id FROM person WHERE email = ?1 COLLATE NOCASE AND left_at IS NULL
                            ORDER BY id LIMIT 1";
        let find = |sql: &str, text: &str| -> Result<Option<PersonId>, StoreError> {
            let mut find = self.connection.prepare_cached(sql)?;
            let found = find.query_row([text], |row| Ok(PersonId::new(row.get_ref(0)?.as_str()?)));
            Ok(found.optional()?)
        };
        match find(with_id, id.as_str())? {
            None if id_or_address.contains('@') => find(with_address, id_or_address),
            found => Ok(found),
        }
    }

    /// The codes of the units with that code or name.
    pub(crate) fn unit_codes(&self, code_or_name: &str) -> Result<Vec<UnitId>, StoreError> {
        let sql = "SELECT code FROM unit WHERE code = ?1 OR name = ?1 ORDER BY code <> ?1, id";
        self.all_rows(sql, [code_or_name], |row| Ok(UnitId::new(row.get_ref(0)?.as_str()?)))
    }

    /// Whether anyone is in a department.
    pub(crate) fn has_department(&self, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM person WHERE department = ?1 AND left_at IS NULL)";
        Ok(self.connection.prepare_cached(sql)?.query_row([name], |row| row.get(0))?)
    }

    /// Number of people who have not left.
    pub(crate) fn people_count(&self) -> Result<usize, StoreError> {
        let sql = "SELECT count(*) FROM person WHERE left_at IS NULL";
        let people: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(usize::try_from(people).unwrap_or_default())
    }

    /// The number of the first person who has not left and has that employee id or address.
    pub(crate) fn person_number(&self, id_or_address: &str) -> Result<Option<PersonNumber>, StoreError> {
        let Some(id) = self.find_person(id_or_address)? else { return Ok(None) };
        let sql = "SELECT id FROM person WHERE employee_id = ?1";
        let mut find = self.connection.prepare_cached(sql)?;
        Ok(find.query_row([id.as_str()], |row| row.get(0).map(PersonNumber)).optional()?)
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
        let sql_of_extra = "SELECT person_id, name, value FROM person_extra
                            WHERE person_id BETWEEN ?1 AND ?2 ORDER BY person_id, rank";
        let extra = self.extra_columns(sql_of_extra, [numbers.start(), numbers.end()])?;
        let mut interner = StringInterner::default();
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([numbers.start(), numbers.end()])?;
        while let Some(row) = found.next()? {
            take(known(row, &mut interner, &extra)?);
        }
        Ok(())
    }

    /// The additional columns of the people who have any: key, name and value, in order.
    pub(super) fn extra_columns(
        &self,
        sql: &str,
        parameters: impl Params,
    ) -> Result<ExtraColumns, StoreError> {
        let mut extra = ExtraColumns::new();
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query(parameters)?;
        while let Some(row) = found.next()? {
            let column = (codec::str(row, 1)?.into(), codec::str(row, 2)?.into());
            extra.entry(row.get(0)?).or_default().push(column);
        }
        Ok(extra)
    }

    /// Units: code, name, and employee id of the manager.
    pub(super) fn units(&self, sql: &str, parameters: impl Params) -> Result<Vec<Unit>, StoreError> {
        self.all_rows(sql, parameters, |row| {
            Ok(Unit {
                id: UnitId::new(row.get_ref(0)?.as_str()?),
                name: row.get_ref(1)?.as_str()?.into(),
                manager: row.get_ref(2)?.as_str_or_null()?.map(PersonId::new),
            })
        })
    }
}

/// A person in the database.
#[derive(Clone, Debug)]
pub(super) struct ExistingPerson {
    pub(super) number: PersonNumber,
    /// As the last import had them.
    pub(super) person: Person,
    /// Name of their unit at that time.
    pub(super) unit_name: String,
    /// Whether an import removed them.
    pub(super) has_left: bool,
}

/// The keys of all people.
pub(super) const ALL_KEYS: RangeInclusive<i64> = 1..=i64::MAX;

const UNITS_SQL: &str = include_str!("sql/units_there.sql");
/// People who have not left, with keys in a range, in the order of joining.
const PRESENT_SQL: &str = concat!(
    include_str!("sql/people.sql"),
    "WHERE person.left_at IS NULL AND person.id BETWEEN ?1 AND ?2 ORDER BY person.id"
);

/// A batch of people who have not left, with their history.
#[derive(Debug)]
pub struct PeopleBatch {
    /// In the order in which they joined.
    pub people: Vec<(PersonNumber, Person)>,
    pub(crate) history: History,
    /// The highest key of the batch; that person may have left meanwhile.
    pub(crate) last: PersonNumber,
}

/// People with numbers as close as this are read together: a few too many cost less than another query.
const NEIGHBOURS: i64 = 16;

/// People to be decided, with their history.
#[derive(Debug, Default)]
pub(crate) struct BatchToDecide {
    people: Vec<(PersonNumber, Person)>,
    history: History,
    revisions: HashMap<PersonNumber, i64>,
}

impl BatchToDecide {
    pub(crate) fn iter(&self) -> impl Iterator<Item = PersonWithHistory<'_>> {
        self.people.iter().map(|(number, person)| PersonWithHistory {
            person,
            past: self.history.of(&person.id),
            number: Some(*number),
        })
    }

    /// The mark of a person.
    pub(crate) fn revision(&self, person: PersonNumber) -> PersonRevision {
        self.revisions.get(&person).copied()
    }

    /// Gives steps that were renamed the names they have today.
    pub(crate) fn use_todays_names(&mut self, library: &Library) {
        self.history.use_todays_names(library);
    }

    /// The people and their history.
    pub(crate) fn into_parts(self) -> (Vec<(PersonNumber, Person)>, History) {
        (self.people, self.history)
    }
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
