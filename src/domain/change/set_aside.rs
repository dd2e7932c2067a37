//! The rows that are not imported because they have an error, and whom they are about:
//! their people must not be taken for people who left.

use std::collections::HashMap;

/// Maximum number of rows that are remembered one by one. A file with more bad rows is
/// refused with any sensible limit, and memory must stay bounded.
const MAX_ROWS: usize = 50_000;

/// Maximum length of a line whose values are kept, in bytes.
const MAX_LENGTH: usize = 64 * 1024;

/// The rows of a file that are set aside.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetAsideRows {
    /// In the order in which their errors were found; not all if there are very many.
    pub(crate) rows: Vec<SetAsideRow>,
    more: u32,
}

impl SetAsideRows {
    pub(crate) fn add(&mut self, row: SetAsideRow) {
        if self.rows.len() < MAX_ROWS {
            self.rows.push(row);
        } else {
            self.more += 1;
        }
    }

    /// The number of rows.
    pub(crate) fn count(&self) -> u32 {
        self.rows.len() as u32 + self.more
    }
}

/// A row that is set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetAsideRow {
    /// The first line of the row, from 1.
    pub(crate) line: u32,
    /// The employee id, if it can be read.
    pub(crate) id: Option<Box<str>>,
    /// The mail address, if it can be read.
    pub(crate) email: Option<Box<str>>,
    /// If neither the id nor the fields can be read: all values, one of which may be the
    /// id or the address.
    pub(crate) values: Vec<Box<str>>,
}

impl SetAsideRow {
    /// A row that cannot be split into the fields of the header.
    pub(crate) fn unreadable(line: u32, text: &str) -> SetAsideRow {
        let text = if text.len() <= MAX_LENGTH { text } else { "" };
        let values = text.split([',', ';', '\t', '"', '\n']).map(str::trim).filter(|value| !value.is_empty());
        SetAsideRow { line, id: None, email: None, values: values.map(Into::into).collect() }
    }
}

/// Finds the people of the rows that are set aside among the people who are known.
pub(crate) struct SetAsidePeople<'a> {
    rows: &'a SetAsideRows,
    /// The rows by each value that may identify a person, in lower case.
    by_value: HashMap<String, Vec<usize>>,
    /// By row: its person is known.
    is_identified: Vec<bool>,
}

impl<'a> SetAsidePeople<'a> {
    pub(crate) fn new(rows: &'a SetAsideRows) -> SetAsidePeople<'a> {
        let mut by_value: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, row) in rows.rows.iter().enumerate() {
            for value in row.id.iter().chain(&row.email).chain(&row.values) {
                by_value.entry(value.to_lowercase()).or_default().push(place);
            }
        }
        let is_identified = rows.rows.iter().map(|row| row.id.is_some()).collect();
        SetAsidePeople { rows, by_value, is_identified }
    }

    /// Whether a person who is not in the file otherwise has a row that is set aside. An
    /// address counts only where the row has no id.
    pub(crate) fn includes(&mut self, id: &str, email: Option<&str>) -> bool {
        let by_id = self.by_value.get(&id.to_lowercase());
        let email = email.map(str::to_lowercase);
        let by_email = email.and_then(|email| self.by_value.get(&email));
        let has_id = |&row: &usize| self.rows.rows[row].id.is_some();
        let is_that_id = |row: &usize| self.rows.rows[*row].id.as_deref().is_none_or(|own| own == id);
        let found: Vec<usize> = by_id
            .into_iter()
            .flatten()
            .copied()
            .filter(is_that_id)
            .chain(by_email.into_iter().flatten().copied().filter(|row| !has_id(row)))
            .collect();
        for &row in &found {
            self.is_identified[row] = true;
        }
        !found.is_empty()
    }

    /// The lines of rows that may be about any person.
    pub(crate) fn unidentified(&self) -> Vec<u32> {
        let rows = self.rows.rows.iter().zip(&self.is_identified);
        rows.filter(|&(_, is_identified)| !is_identified).map(|(row, _)| row.line).collect()
    }
}
