//! Converts rows into people. Values shared by many people are interned.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::change::set_aside::{SetAsideRow, SetAsideRows};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::address;
use crate::domain::model::ids::{Language, PersonId, UnitId};
use crate::domain::model::person::{Period, Person};
use crate::store::{RowOrigin, Store, StoreError};

use super::columns::{Column, Columns};
use super::csv::{Fields, Separator};
use super::dates;
use super::encoding::Encoding;
use super::faults::Faults;
use super::values::{self, Resemblance, ValueError};

/// Stages the rows of a file, before duplicates are merged and managers found.
pub(super) struct RowReader<'s> {
    store: &'s Store,
    units: Interner<UnitId>,
    unit_names: Interner<Arc<str>>,
    departments: Interner<Arc<str>>,
    languages: Interner<Language>,
    default_language: Language,
    /// The rows with errors.
    pub(super) set_aside: SetAsideRows,
    /// Number of rows, also with errors.
    pub(super) rows: u32,
    /// Number of rows with wrongly decoded text.
    pub(super) garbled: u32,
    /// Values that are probably mistakes: the line, the field, and what they look like.
    remarkable: Vec<(u32, Remark)>,
}

/// A value that is probably a mistake.
#[derive(Clone, Copy)]
struct Remark {
    heading: u32,
    resemblance: Resemblance,
}

/// Maximum number of remarks kept; the rest is only counted by kind in a summary.
const MAX_REMARKS: usize = 1_000;

/// Interned values in the order of first occurrence.
struct Interner<T> {
    /// Index by spelling; several spellings may map to one value.
    places: HashMap<Box<str>, u32>,
    values: Vec<T>,
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

impl<'s> RowReader<'s> {
    pub(super) fn new(store: &'s Store, default_language: Language) -> RowReader<'s> {
        RowReader {
            store,
            units: Interner::new(),
            unit_names: Interner::new(),
            departments: Interner::new(),
            languages: Interner::new(),
            default_language,
            set_aside: SetAsideRows::default(),
            rows: 0,
            garbled: 0,
            remarkable: Vec::new(),
        }
    }

    /// Parses one row and reports every invalid value.
    pub(super) fn add(&mut self, mut row: Row<'_>) -> Result<(), StoreError> {
        let id = row.required(Column::EmployeeId, values::employee_id);
        let email = row.optional(Column::Email, values::email);
        let first_name = row.name(Column::FirstName);
        let last_name = row.name(Column::LastName);
        if let (Some(""), Some("")) = (first_name.as_deref(), last_name.as_deref()) {
            let message = "is empty, and so is the last name; one of them is needed";
            row.refuse(Column::FirstName, ValueError::new("missing-value", message));
        }
        let unit_name = row.required(Column::Unit, |text| {
            self.unit_names.place_read(text, values::filled_text, |name| name.into())
        });
        let unit = row
            .optional(Column::UnitId, |text| self.units.place_read(text, values::unit_id, UnitId::new))
            .or_else(|| Some(self.units.place(&self.unit_names.values[unit_name? as usize], UnitId::new)));
        let department = row.optional(Column::Department, |text| {
            self.departments.place_read(text, values::filled_text, |name| name.into())
        });
        let language = row.optional(Column::Language, |text| self.language(text));
        let start = row.optional(Column::StartDate, dates::optional_date).flatten();
        let end = row.optional(Column::EndDate, dates::optional_date).flatten();
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            row.refuse(
                Column::EndDate,
                ValueError::new("date", format!("has {end}, which is before the start on {start}")),
            );
        }
        let leave = row.leave();
        let protected = row.optional(Column::Protected, values::flag).unwrap_or(false);
        let extra = row.extra();
        if row.refused {
            self.set_aside.add(row.set_aside(id, email));
            return Ok(());
        }
        // absent only if the header lacks the column, which is reported there
        let (Some(id), Some(first_name), Some(last_name), Some(unit_name), Some(unit)) =
            (id, first_name, last_name, unit_name, unit)
        else {
            return Ok(());
        };
        self.remark(&row);
        let manager = row.manager().map(manager);
        let origin = RowOrigin {
            line: row.line,
            unit_name: &self.unit_names.values[unit_name as usize],
            manager: manager.as_deref(),
            is_main: row.value(Column::Main).is_some_and(values::is_main),
        };
        let person = Person {
            id: PersonId::new(id),
            email,
            shared_address: false,
            second_employment: false,
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
        };
        self.store.stage(&person, origin)
    }

    /// Notes values that look like something else than a name.
    fn remark(&mut self, row: &Row<'_>) {
        const NAMES: [Column; 4] = [Column::FirstName, Column::LastName, Column::Unit, Column::Department];
        let fields = NAMES.into_iter().filter_map(|column| row.columns.field(column));
        let fields = fields.chain(row.columns.kept.iter().map(|&(_, field)| field));
        let mut is_garbled = false;
        for field in fields {
            let Some(resemblance) = Resemblance::of(row.fields.get(field)) else { continue };
            is_garbled |= resemblance == Resemblance::Garbled;
            if self.remarkable.len() < MAX_REMARKS {
                self.remarkable.push((row.line, Remark { heading: field as u32, resemblance }));
            }
        }
        self.garbled += u32::from(is_garbled);
    }

    /// Warns about values that look like something else than a name.
    pub(super) fn report_remarkable_values(&mut self, columns: &Columns, faults: &mut Faults) {
        let remarks = std::mem::take(&mut self.remarkable);
        faults.warnings(remarks, "values that are probably mistakes", |place, remark| {
            let Remark { heading, resemblance } = remark;
            let message = format!("`{}` {}", columns.headings[heading as usize], resemblance.message());
            Diagnostic::warning("remarkable-value", place, message)
                .hint("it is imported and shown as it is; if it is wrong, correct it in the HR system")
        });
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

/// The manager named in a row: an employee id, or an address. Not validated, because it counts
/// only if the file has that person.
fn manager(text: &str) -> Cow<'_, str> {
    let address = text.contains('@').then(|| address::parse(text).ok()).flatten();
    address.map_or(text.into(), |address| String::from(address).into())
}

fn boxed(text: Cow<'_, str>) -> Box<str> {
    text.into_owned().into_boxed_str()
}

/// One row of the file with its fields.
pub(super) struct Row<'a> {
    /// Its first line, from 1.
    pub(super) line: u32,
    pub(super) text: &'a str,
    pub(super) fields: Fields<'a>,
    pub(super) columns: &'a Columns,
    pub(super) separator: Separator,
    pub(super) encoding: Encoding,
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
            self.refuse(column, ValueError::new("missing-value", "is empty; every row needs it"));
            return None;
        }
        self.read(column, text, read)
    }

    /// One of the two names; it may be empty.
    fn name(&mut self, column: Column) -> Option<Cow<'a, str>> {
        let text = self.value(column)?;
        self.read(column, text, values::free_text)
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
        let value = values::printable(text, self.encoding).and_then(|()| read(text));
        value.map_err(|refusal| self.refuse(column, refusal)).ok()
    }

    /// Reads both formats of leave; a leave without an end is open-ended.
    fn leave(&mut self) -> Box<[Period]> {
        let mut periods = self.optional(Column::Leave, dates::leave).unwrap_or_default();
        let mut day = |column| match self.optional(column, dates::optional_date) {
            Some(date) => Some(date),
            None if self.value(column).is_some_and(|text| !text.is_empty()) => None,
            None => Some(None),
        };
        // a value with an error is reported already
        let (Some(from), Some(to)) = (day(Column::LeaveFrom), day(Column::LeaveTo)) else {
            return Box::default();
        };
        match (from, to) {
            (Some(from), Some(to)) => match dates::ordered(from, to) {
                Ok(period) => periods.push(period),
                Err(refusal) => self.refuse(Column::LeaveTo, refusal),
            },
            (Some(from), None) => periods.push(Period { from, to: dates::open_end() }),
            (None, Some(_)) => {
                let message = "has an end of leave, but there is no beginning";
                self.refuse(Column::LeaveTo, ValueError::new("leave", message));
            }
            (None, None) => {}
        }
        dates::in_order(periods)
    }

    /// The manager named in the row: by id, else by address.
    fn manager(&self) -> Option<&'a str> {
        let by = |column| self.value(column).filter(|text| !text.is_empty());
        by(Column::ManagerId).or_else(|| by(Column::ManagerEmail))
    }

    /// The values of the additional columns.
    fn extra(&mut self) -> Box<[(Arc<str>, Box<str>)]> {
        let columns = self.columns;
        let mut extra = Vec::with_capacity(columns.kept.len());
        for (name, field) in &columns.kept {
            let text = self.fields.get(*field);
            match values::printable(text, self.encoding).and_then(|()| values::free_text(text)) {
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
        let Row { line, text, separator, columns, .. } = *self;
        self.faults.row_error(|faults| {
            let place = faults.at_field(line, separator, text, field);
            let message = format!("`{}` {}", columns.headings[field], refusal.message);
            let fault = Diagnostic::error(refusal.code, place, message);
            match refusal.hint {
                Some(hint) => fault.hint(hint),
                None => fault,
            }
        });
    }

    /// What is known about a row with an error.
    fn set_aside(&self, id: Option<&str>, email: Option<Box<str>>) -> SetAsideRow {
        let is_known = id.is_some() || email.is_some();
        let values = if is_known {
            Vec::new()
        } else {
            self.fields.iter().filter(|value| !value.is_empty()).map(Into::into).collect()
        };
        SetAsideRow { line: self.line, id: id.map(Into::into), email, values }
    }
}
