//! The import of a people file that is staged: compares it with the people in the database, and
//! writes the differences in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Row, Transaction, params};

use super::audit::{self, AuditRecord};
use super::undecided;
use super::{CACHE_KIB, DataVersion, IMPORT_CACHE_KIB, Store, StoreError, codec, failpoints, people_file};
use crate::domain::change::ChangeAuthor;
use crate::domain::change::import_diff::{ChangeKind, GuardedUnit, ImportDiff, PersonChange, SettledUnit};
use crate::domain::change::set_aside::{SetAsidePeople, SetAsideRows};
use crate::domain::model::ids::{Language, PersonId, UnitId};
use crate::domain::model::library::Library;
use crate::domain::model::person::Person;

impl Store {
    /// Finds what the staged file changes. `guarded`: units that must not lose all their people,
    /// because decisions about them are in force. Names at most `most` people of each kind.
    pub(crate) fn compare(
        &self,
        set_aside: &SetAsideRows,
        guarded: &BTreeSet<UnitId>,
        most: usize,
    ) -> Result<ImportDiff, StoreError> {
        let mut diff = ImportDiff::default();
        let sql = "SELECT count(*) FROM person WHERE left_at IS NULL";
        diff.before = self.connection.query_row(sql, [], |row| row.get::<_, u32>(0))? as usize;
        self.find_known_rows()?;
        self.connection.execute(include_str!("sql/find_changes.sql"), [])?;
        self.connection.execute(include_str!("sql/find_new_people.sql"), [])?;
        let keeping = self.find_absent_people(set_aside, guarded, &mut diff)?;
        for unit in guarded.difference(&keeping) {
            self.keep_guarded_unit(unit, &mut diff)?;
        }
        let sql = "SELECT kind, count(*) FROM person_change GROUP BY kind";
        let counts = self.all_rows(sql, [], |row| Ok((change_kind(row)?, row.get::<_, u32>(1)? as usize)))?;
        diff.counts = counts.into_iter().collect();
        diff.renamed_units = self.renamed_units()?;
        // At the first import everyone joins.
        if diff.before > 0 {
            diff.named = self.named_changes(most)?;
        }
        Ok(diff)
    }

    /// Finds the people of the file in the database. History belongs to the person, so that
    /// another employment never brings a mail again: two rows exchange their people where another
    /// employment counts from now on.
    fn find_known_rows(&self) -> Result<(), StoreError> {
        let batch = "DELETE FROM known_row; DELETE FROM renumbered; DELETE FROM person_change;
                     INSERT INTO known_row SELECT id, line FROM person JOIN incoming USING (employee_id) ORDER BY id";
        self.connection.execute_batch(batch)?;
        let mut exchanged = BTreeSet::new();
        let sql = include_str!("sql/other_employments.sql");
        let others: Vec<(String, String)> = self.all_rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (so_far, new) in others {
            if exchanged.contains(&so_far) || exchanged.contains(&new) {
                continue;
            }
            let sql = "DELETE FROM known_row WHERE person_id IN
                       (SELECT id FROM person WHERE employee_id IN (?1, ?2))";
            self.connection.execute(sql, [&so_far, &new])?;
            for [from, to] in [[&so_far, &new], [&new, &so_far]] {
                let sql = "INSERT INTO renumbered SELECT id, ?2 FROM person WHERE employee_id = ?1";
                self.connection.execute(sql, [from, to])?;
                let sql = "INSERT INTO known_row SELECT id, line FROM person, incoming
                           WHERE person.employee_id = ?1 AND incoming.employee_id = ?2";
                self.connection.execute(sql, [from, to])?;
            }
            exchanged.extend([so_far, new]);
        }
        Ok(())
    }

    /// Finds people who are not in the file: they leave, unless a row that is set aside may be
    /// theirs. Returns the guarded units that keep a person for that reason.
    fn find_absent_people(
        &self,
        set_aside: &SetAsideRows,
        guarded: &BTreeSet<UnitId>,
        diff: &mut ImportDiff,
    ) -> Result<BTreeSet<UnitId>, StoreError> {
        let mut keeping = BTreeSet::new();
        let mut set_aside = SetAsidePeople::new(set_aside);
        let sql = "SELECT person.id, employee_id, email, unit.code, left_at IS NOT NULL
                   FROM person JOIN unit ON unit.id = unit_id
                   WHERE NOT EXISTS (SELECT 1 FROM known_row WHERE person_id = person.id) ORDER BY person.id";
        let mut statement = self.connection.prepare(sql)?;
        let mut found = statement.query([])?;
        let mut write = self.connection.prepare("INSERT INTO person_change VALUES (?1, NULL, 'left', '')")?;
        while let Some(row) = found.next()? {
            let is_set_aside = set_aside.includes(codec::str(row, 1)?, codec::maybe_str(row, 2)?);
            let has_left: bool = row.get(4)?;
            if !has_left && is_set_aside {
                diff.kept += 1;
                keeping.extend(guarded.get(&UnitId::new(codec::str(row, 3)?)).cloned());
            } else if !has_left {
                write.execute([row.get::<_, i64>(0)?])?;
            }
        }
        diff.unidentified = set_aside.unidentified();
        if !diff.unidentified.is_empty() {
            let sql = "UPDATE person_change SET kind = 'not removed' WHERE kind = 'left'";
            self.connection.execute(sql, [])?;
        }
        Ok(keeping)
    }

    /// The people of a unit with decisions in force stay there if the file has no people for it.
    fn keep_guarded_unit(&self, unit: &UnitId, diff: &mut ImportDiff) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(include_str!("sql/guarded_people.sql"))?;
        let mut found = statement.query([unit.as_str()])?;
        let mut kept: Option<GuardedUnit> = None;
        while let Some(row) = found.next()? {
            let guarded = kept.get_or_insert(GuardedUnit {
                unit: unit.clone(),
                name: row.get(0)?,
                new_units: BTreeMap::new(),
                decisions: Vec::new(),
            });
            let people = row.get::<_, u32>(2)? as usize;
            diff.kept += people;
            *guarded.new_units.entry(row.get(1)?).or_default() += people;
        }
        diff.guarded.extend(kept);
        let sql = "DELETE FROM person_change WHERE kind = 'moved' AND person_id IN
                   (SELECT person.id FROM unit JOIN person ON unit_id = unit.id WHERE code = ?1)
                   AND NOT EXISTS (SELECT 1 FROM incoming_unit WHERE code = ?1)";
        self.connection.execute(sql, [unit.as_str()])?;
        Ok(())
    }

    fn renamed_units(&self) -> Result<BTreeSet<(String, String)>, StoreError> {
        let sql = "SELECT DISTINCT unit.name, incoming_unit.name
                   FROM unit JOIN incoming_unit USING (code)
                   JOIN person ON unit_id = unit.id AND left_at IS NULL
                   JOIN known_row ON person_id = person.id
                   JOIN incoming ON incoming.line = known_row.line AND incoming.unit = unit.code
                   WHERE unit.name <> incoming_unit.name";
        Ok(self.all_rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
    }

    fn named_changes(&self, most: usize) -> Result<Vec<PersonChange>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.all_rows(include_str!("sql/named_changes.sql"), [most], |row| {
            Ok(PersonChange {
                kind: change_kind(row)?,
                id: PersonId::new(row.get_ref(1)?.as_str()?),
                name: row.get(2)?,
                protected: row.get(3)?,
                unit_before: row.get(4)?,
                unit: row.get(5)?,
                email: row.get(6)?,
                columns: row.get(7)?,
            })
        })
    }

    /// Writes what [`Store::compare`] has found, in one transaction. Afterwards `person_change`
    /// has everyone who is new, or changed in anything.
    ///
    /// # Errors
    ///
    /// [`StoreError::Changed`] if another connection has written since `compared`.
    pub fn import(
        &mut self,
        diff: &ImportDiff,
        library: &Library,
        compared: DataVersion,
        act: &ChangeAuthor,
    ) -> Result<(), StoreError> {
        let at = codec::time(act.at);
        self.connection.pragma_update(None, "cache_size", IMPORT_CACHE_KIB)?;
        let tx = self.write_transaction()?;
        if super::data_version(&tx)? != compared {
            return Err(StoreError::Changed);
        }
        // Enrolments are written before new people.
        tx.pragma_update(None, "defer_foreign_keys", true)?;
        write_enrolments(&tx, library, &at)?;
        tx.execute_batch(include_str!("sql/renumber.sql"))?;
        tx.execute(include_str!("sql/write_units.sql"), [])?;
        tx.execute(include_str!("sql/write_people.sql"), [&at])?;
        let sql = "DELETE FROM person_extra WHERE person_id IN
                   (SELECT person_id FROM person_change WHERE kind NOT IN ('left', 'not removed', 'unit renamed'))";
        tx.execute(sql, [])?;
        tx.execute(include_str!("sql/write_extra.sql"), [])?;
        let sql = "UPDATE person SET left_at = ?1 WHERE id IN
                   (SELECT person_id FROM person_change WHERE kind = 'left')";
        tx.execute(sql, [&at])?;
        tx.execute(include_str!("sql/write_managers.sql"), [])?;
        settle_unit_decisions(&tx, &diff.settled, act)?;
        people_file::write(&tx, &diff.notes)?;
        tx.execute("UPDATE instance SET imported_at = ?1", [&at])?;
        undecided::mark_imported(&tx, diff)?;
        let record = AuditRecord {
            action: "people import",
            subject: "people",
            person: None,
            before: &format!("{} people", diff.before),
            after: &format!(
                "{} joined, {} returned, {} left, {} changed",
                diff.count(ChangeKind::Joined),
                diff.count(ChangeKind::Returned),
                diff.count(ChangeKind::Left),
                diff.changed()
            ),
        };
        audit::write(&tx, act, &record)?;
        failpoints::at("store.import.before")?;
        tx.commit()?;
        // After an error the command ends, so the cache need not be reset.
        self.connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        Ok(failpoints::at("store.import.after")?)
    }
}

fn change_kind(row: &Row<'_>) -> rusqlite::Result<ChangeKind> {
    let text = row.get_ref(0)?.as_str()?;
    let kind = ChangeKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    kind.ok_or(rusqlite::Error::InvalidQuery)
}

/// Records who comes into a journey's audience for the first time, which sets the start of the
/// enrolment, and who drops out, so that coming back is not a first time. The first import of a
/// database enrols no one as a late joiner.
fn write_enrolments(tx: &Transaction<'_>, library: &Library, at: &str) -> Result<(), StoreError> {
    let is_first = "SELECT imported_at IS NULL FROM instance";
    if tx.query_row(is_first, [], |row| row.get(0))? {
        return Ok(());
    }
    let mut statement = tx.prepare(include_str!("sql/audience_changes.sql"))?;
    let sql = "INSERT INTO enrolment (person_id, journey, entered_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (person_id, journey) DO NOTHING";
    let mut enrol = tx.prepare(sql)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (before, after) = (audience_member(row, 1)?, audience_member(row, 6)?);
        for journey in &library.journeys {
            let includes = |member: &Option<(Person, String)>| {
                member.as_ref().is_some_and(|(person, unit)| journey.audience.includes(person, unit))
            };
            let entered_at = match (includes(&before), includes(&after)) {
                (false, true) => Some(at),
                (true, false) => None,
                (true, true) | (false, false) => continue,
            };
            enrol.execute(params![row.get::<_, i64>(0)?, journey.slug.as_str(), entered_at])?;
        }
    }
    Ok(())
}

/// A person with what decides about audiences, and the name of the unit; `None` if there is none.
fn audience_member(row: &Row<'_>, from: usize) -> Result<Option<(Person, String)>, StoreError> {
    let Some(id) = codec::maybe_str(row, from)? else { return Ok(None) };
    let language = Language::parse(codec::str(row, from + 2)?);
    let language = language.ok_or_else(|| codec::bad_column(from + 2, "a language"))?;
    let unit = UnitId::new(codec::str(row, from + 3)?);
    let department = codec::maybe_str(row, from + 1)?.map(Into::into);
    let person = Person { department, ..Person::new(id, ("", ""), unit, language) };
    Ok(Some((person, codec::str(row, from + 4)?.to_owned())))
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
                tx.execute(&sql, [unit, new.id.as_str()])?;
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
            after: &moved_to.as_ref().map_or_else(|| "ended".to_owned(), |new| format!("unit {}", new.id)),
        };
        audit::write(tx, act, &record)?;
    }
    Ok(())
}
