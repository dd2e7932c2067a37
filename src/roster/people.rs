//! Converts lines into people. Values shared by many people are interned.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::address;
use crate::domain::model::ids::{Language, PersonId, UnitId};
use crate::domain::model::person::{Period, Person};

use super::columns::{Column, Columns};
use super::csv::{self, Fields, Separator};
use super::dates;
use super::faults::Faults;
use super::values::{self, ValueError};

/// The parsed file, before duplicates are merged and managers resolved.
pub(super) struct People {
    pub(super) people: Vec<Person>,
    /// For each person, working data needed until the end of the import.
    pub(super) origins: Vec<Origin>,
    pub(super) units: Interner<UnitId>,
    pub(super) unit_names: Interner<Arc<str>>,
    pub(super) managers: Interner<Manager>,
    departments: Interner<Arc<str>>,
    languages: Interner<Language>,
    default_language: Language,
}

/// The origin of a person; the numbers are indexes of interned values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) line: u32,
    pub(super) unit: u32,
    pub(super) unit_name: u32,
    /// [`NO_MANAGER`] if the line names no manager.
    pub(super) manager: u32,
}

/// No manager is named.
pub(super) const NO_MANAGER: u32 = u32::MAX;

/// The manager named on a line. Not validated, because it is kept only if the file
/// contains that person.
#[derive(Clone)]
pub(super) enum Manager {
    Id(PersonId),
    Address(Box<str>),
}

impl Manager {
    fn named(text: &str) -> Manager {
        if text.contains('@') {
            Manager::Address(address::parse(text).unwrap_or_else(|_| text.into()))
        } else {
            Manager::Id(PersonId::new(text))
        }
    }
}

/// Interned values in the order of first occurrence.
pub(super) struct Interner<T> {
    /// Index by spelling; several spellings may map to one value.
    places: HashMap<Box<str>, u32>,
    pub(super) values: Vec<T>,
}

impl<T: Clone> Interner<T> {
    fn new() -> Interner<T> {
        Interner { places: HashMap::new(), values: Vec::new() }
    }

    /// The index of a value, which is created on its first occurrence.
    fn place(&mut self, text: &str, make: impl FnOnce(&str) -> T) -> u32 {
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = self.values.len() as u32;
        self.values.push(make(text));
        self.places.insert(text.into(), place);
        place
    }

    /// The index of a text of the file, which is parsed and possibly rejected only on
    /// its first occurrence.
    fn place_read<'a>(
        &mut self,
        text: &'a str,
        read: impl FnOnce(&'a str) -> Result<Cow<'a, str>, ValueError>,
        make: impl FnOnce(&str) -> T,
    ) -> Result<u32, ValueError> {
        if let Some(&place) = self.places.get(text) {
            return Ok(place);
        }
        let value = read(text)?;
        let place = self.place(&value, make);
        if *value != *text {
            self.places.insert(text.into(), place);
        }
        Ok(place)
    }
}

impl People {
    pub(super) fn new(default_language: Language) -> People {
        People {
            people: Vec::new(),
            origins: Vec::new(),
            units: Interner::new(),
            unit_names: Interner::new(),
            managers: Interner::new(),
            departments: Interner::new(),
            languages: Interner::new(),
            default_language,
        }
    }

    /// Parses one line and reports every invalid value.
    pub(super) fn add(&mut self, mut row: Row<'_>) {
        let id = row.required(Column::EmployeeId, values::employee_id).map(PersonId::new);
        let email = row.optional(Column::Email, values::email);
        let first_name = row.required(Column::FirstName, values::name);
        let last_name = row.required(Column::LastName, values::name);
        let unit_name = row.required(Column::Unit, |text| {
            self.unit_names.place_read(text, values::place_name, |name| name.into())
        });
        let unit = row
            .optional(Column::UnitId, |text| self.units.place_read(text, values::unit_id, UnitId::new))
            .or_else(|| Some(self.units.place(&self.unit_names.values[unit_name? as usize], UnitId::new)));
        let department = row.optional(Column::Department, |text| {
            self.departments.place_read(text, values::place_name, |name| name.into())
        });
        let language = row.optional(Column::Language, |text| self.language(text));
        let start = row.optional(Column::StartDate, dates::date);
        let end = row.optional(Column::EndDate, dates::date);
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            row.refuse(
                Column::EndDate,
                ValueError::new("date", format!("has {end}, before the start {start}")),
            );
        }
        let leave = row.leave();
        let protected = row.optional(Column::Protected, values::flag).unwrap_or(false);
        let extra = row.extra();
        if row.refused {
            return;
        }
        // absent only if the header lacks the column, which is reported there
        let (Some(id), Some(first_name), Some(last_name), Some(unit_name), Some(unit)) =
            (id, first_name, last_name, unit_name, unit)
        else {
            return;
        };
        let manager = row.manager().map_or(NO_MANAGER, |text| self.managers.place(text, Manager::named));
        self.origins.push(Origin { line: row.line, unit, unit_name, manager });
        self.people.push(Person {
            id,
            email,
            shared_address: false,
            undeliverable: None,
            first_name: boxed(first_name),
            last_name: boxed(last_name),
            unit: self.units.values[unit as usize].clone(),
            department: department.map(|place| self.departments.values[place as usize].clone()),
            language: language.unwrap_or_else(|| self.default_language.clone()),
            start,
            end,
            leave,
            protected,
            extra,
        });
    }

    /// The people without the working data.
    pub(super) fn only_people(self) -> Vec<Person> {
        self.people
    }

    /// Parses a language; results are cached because few languages occur.
    fn language(&mut self, text: &str) -> Result<Language, ValueError> {
        if let Some(&place) = self.languages.places.get(text) {
            return Ok(self.languages.values[place as usize].clone());
        }
        let language = values::language(text)?;
        self.languages.place(text, |_| language.clone());
        Ok(language)
    }
}

fn boxed(text: Cow<'_, str>) -> Box<str> {
    text.into_owned().into_boxed_str()
}

/// One line of the file with its fields.
pub(super) struct Row<'a> {
    pub(super) line: u32,
    pub(super) text: &'a str,
    pub(super) fields: Fields<'a>,
    pub(super) columns: &'a Columns,
    pub(super) separator: Separator,
    pub(super) faults: &'a mut Faults,
    pub(super) refused: bool,
}

impl<'a> Row<'a> {
    /// The text of a column; `None` if the file has no such column.
    fn value(&self, column: Column) -> Option<&'a str> {
        self.columns.field(column).map(|field| self.fields.get(field))
    }

    /// A required value. `None` if it is invalid, empty, or the column is missing.
    fn required<T>(
        &mut self,
        column: Column,
        read: impl FnOnce(&'a str) -> Result<T, ValueError>,
    ) -> Option<T> {
        let text = self.value(column)?;
        if text.is_empty() {
            self.refuse(column, ValueError::new("missing-value", "is empty; it is required"));
            return None;
        }
        self.read(column, text, read)
    }

    /// An optional value.
    fn optional<T>(
        &mut self,
        column: Column,
        read: impl FnOnce(&'a str) -> Result<T, ValueError>,
    ) -> Option<T> {
        let text = self.value(column).filter(|text| !text.is_empty())?;
        self.read(column, text, read)
    }

    fn read<T>(
        &mut self,
        column: Column,
        text: &'a str,
        read: impl FnOnce(&'a str) -> Result<T, ValueError>,
    ) -> Option<T> {
        read(text).map_err(|refusal| self.refuse(column, refusal)).ok()
    }

    /// Reads both formats of leave; a leave without an end is open-ended.
    fn leave(&mut self) -> Box<[Period]> {
        let mut periods = self.optional(Column::Leave, dates::leave).unwrap_or_default();
        let from = self.optional(Column::LeaveFrom, dates::date);
        let to = self.optional(Column::LeaveTo, dates::date);
        let has = |column| self.value(column).is_some_and(|text| !text.is_empty());
        match (from, to) {
            (Some(from), Some(to)) => match dates::ordered(from, to) {
                Ok(period) => periods.push(period),
                Err(refusal) => self.refuse(Column::LeaveTo, refusal),
            },
            (Some(from), None) => periods.push(Period { from, to: dates::open_end() }),
            (None, Some(_)) if !has(Column::LeaveFrom) => {
                self.refuse(
                    Column::LeaveTo,
                    ValueError::new("leave", "has an end, and the leave has no beginning"),
                );
            }
            (None, _) => {}
        }
        dates::in_order(periods)
    }

    /// The manager named on the line: by id, else by address.
    fn manager(&self) -> Option<&'a str> {
        let by = |column| self.value(column).filter(|text| !text.is_empty());
        by(Column::ManagerId).or_else(|| by(Column::ManagerEmail))
    }

    /// The values of the additional columns.
    fn extra(&mut self) -> Box<[(Arc<str>, Box<str>)]> {
        let columns = self.columns;
        let mut extra = Vec::with_capacity(columns.kept.len());
        for (name, field) in &columns.kept {
            match values::extra(self.fields.get(*field)) {
                Ok(text) => extra.push((name.clone(), boxed(text))),
                Err(refusal) => self.refuse_field(*field, refusal),
            }
        }
        extra.into_boxed_slice()
    }

    fn refuse(&mut self, column: Column, refusal: ValueError) {
        if let Some(field) = self.columns.field(column) {
            self.refuse_field(field, refusal);
        }
    }

    fn refuse_field(&mut self, field: usize, refusal: ValueError) {
        self.refused = true;
        if !self.faults.has_room(self.line) {
            return;
        }
        let place = self.faults.at(self.line, csv::column(self.separator, self.text, field));
        let message = format!("`{}` {}", self.columns.headings[field], refusal.message);
        let fault = Diagnostic::error(refusal.code, place, message);
        self.faults.error(match refusal.hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        });
    }
}
