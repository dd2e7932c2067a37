//! Parses the header: which field of a line is which column.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::domain::diagnostic::{Diagnostic, closest_match, visible};

use super::csv::Fields;
use super::faults::Faults;
use super::identity::IdNumberCounter;

/// The columns that the program reads from a people file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// The id of a person.
    EmployeeId,
    /// The mail address.
    Email,
    FirstName,
    LastName,
    /// The name of the unit.
    Unit,
    /// The id of the unit, if HR has one.
    UnitId,
    /// The name of the department.
    Department,
    /// The manager, by employee id.
    ManagerId,
    /// The manager, by address.
    ManagerEmail,
    /// The preferred language.
    Language,
    /// First day with mail.
    StartDate,
    /// Last day with mail.
    EndDate,
    /// First day of leave.
    LeaveFrom,
    /// Last day of leave.
    LeaveTo,
    /// Several periods of leave.
    Leave,
    /// The person must not be shown.
    Protected,
    /// Which of several employments is the main one.
    Main,
}

impl Column {
    /// All columns, in the documented order.
    pub(crate) const ALL: [Column; 17] = [
        Column::EmployeeId,
        Column::Email,
        Column::FirstName,
        Column::LastName,
        Column::Unit,
        Column::UnitId,
        Column::Department,
        Column::ManagerId,
        Column::ManagerEmail,
        Column::Language,
        Column::StartDate,
        Column::EndDate,
        Column::LeaveFrom,
        Column::LeaveTo,
        Column::Leave,
        Column::Protected,
        Column::Main,
    ];

    /// The documented name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Column::EmployeeId => "employee_id",
            Column::Email => "email",
            Column::FirstName => "first_name",
            Column::LastName => "last_name",
            Column::Unit => "unit",
            Column::UnitId => "unit_id",
            Column::Department => "department",
            Column::ManagerId => "manager_id",
            Column::ManagerEmail => "manager_email",
            Column::Language => "language",
            Column::StartDate => "start_date",
            Column::EndDate => "end_date",
            Column::LeaveFrom => "leave_from",
            Column::LeaveTo => "leave_to",
            Column::Leave => "leave",
            Column::Protected => "protected",
            Column::Main => "main",
        }
    }

    /// The accepted headings, normalised by [`alike`].
    fn headings(self) -> &'static [&'static str] {
        match self {
            Column::EmployeeId => &["employee id", "anställningsnummer", "id"],
            Column::Email => &["email", "e post", "epost", "mejl", "e mail", "e postadress", "mejladress"],
            Column::FirstName => &["first name", "förnamn"],
            Column::LastName => &["last name", "efternamn"],
            Column::Unit => &["unit", "enhet", "unit name"],
            Column::UnitId => &["unit id", "enhetskod"],
            Column::Department => &["department", "förvaltning", "avdelning"],
            Column::ManagerId => &["manager id", "chef"],
            Column::ManagerEmail => &["manager email", "chefens e post", "chefens epost"],
            Column::Language => &["language", "språk"],
            Column::StartDate => &["start date", "anställd från"],
            Column::EndDate => &["end date", "anställd till"],
            Column::LeaveFrom => &["leave from", "tjänstledig från"],
            Column::LeaveTo => &["leave to", "tjänstledig till"],
            Column::Leave => &["leave", "ledighet"],
            Column::Protected => &["protected", "skyddad", "skyddade uppgifter"],
            Column::Main => &["main", "huvudanställning", "main employment"],
        }
    }

    /// Returns true if every people file must have the column.
    pub(crate) fn is_required(self) -> bool {
        matches!(
            self,
            Column::EmployeeId | Column::Email | Column::FirstName | Column::LastName | Column::Unit
        )
    }

    /// The column with that documented name.
    pub(crate) fn named(name: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|column| column.name() == name)
    }

    fn called(heading: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|column| column.headings().contains(&heading))
    }

    /// The column of a heading (see [`alike`]): as the configuration says, else a known one.
    fn of_heading(heading: &str, configured: &Configured) -> Option<Column> {
        let found = configured.iter().find(|(_, name)| alike(name) == heading);
        found.map(|&(column, _)| column).or_else(|| {
            let is_configured = |column: &Column| configured.iter().any(|(other, _)| other == column);
            Column::called(heading).filter(|column| !is_configured(column))
        })
    }
}

/// Headings that stand for a column in this file (`[people.columns]`).
type Configured = [(Column, String)];

/// Normalises a heading for comparison: NFC, lower case, and blanks, underscores
/// and hyphens are equal.
fn alike(heading: &str) -> String {
    let normalize: String = heading.nfc().collect::<String>().to_lowercase();
    normalize
        .split([' ', '_', '-', '\u{a0}', '\n', '\r'])
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The parsed header: the field of each column, and the ignored headings.
pub(super) struct Columns {
    /// Number of fields each line must have.
    pub(super) width: usize,
    /// The headings as in the file.
    pub(super) headings: Vec<String>,
    /// The field of each column, in the order of [`Column::ALL`].
    fields: [Option<usize>; Column::ALL.len()],
    /// Columns kept on purpose: their names as the configuration has them, and fields.
    pub(super) kept: Vec<(Arc<str>, usize)>,
    /// How often each field looks like a personal identity number.
    tallies: Vec<IdNumberCounter>,
}

impl Columns {
    /// How many columns are known to the program in a header cut this way:
    /// the separator that finds most is the right one.
    pub(super) fn known(fields: Fields<'_>, configured: &Configured) -> usize {
        fields.iter().filter(|heading| Column::of_heading(&alike(heading), configured).is_some()).count()
    }

    /// Parses the header; missing, duplicate and unknown columns are reported.
    pub(super) fn read(
        fields: Fields<'_>,
        configured: &Configured,
        keep: &[String],
        line: u32,
        faults: &mut Faults,
    ) -> Columns {
        let mut columns = Columns {
            width: fields.len(),
            headings: fields.iter().map(|heading| visible(&one_line(heading))).collect(),
            fields: [None; Column::ALL.len()],
            kept: Vec::new(),
            tallies: vec![IdNumberCounter::default(); fields.len()],
        };
        let alikes: Vec<String> = fields.iter().map(alike).collect();
        columns.find(&alikes, configured, line, faults);
        let is_read = |heading: &str| Column::of_heading(heading, configured).is_some();
        columns.keep(&alikes, keep, is_read, line, faults);
        columns.miss(&alikes, configured, line, faults);
        columns
    }

    /// Why a row cannot be matched with the header, if so. Spreadsheets leave out empty cells at
    /// the end of a row, or add some.
    pub(super) fn misfit(&self, fields: Fields<'_>) -> Option<String> {
        let (found, width) = (fields.len(), self.width);
        let has_more = (width..found).any(|field| !fields.get(field).is_empty());
        let is_missing = |column: &Column| self.field(*column).is_some_and(|field| field >= found);
        let misses_required =
            Column::ALL.into_iter().filter(|column| column.is_required()).any(|c| is_missing(&c));
        (has_more || misses_required).then(|| {
            let fields = if found == 1 { "field" } else { "fields" };
            format!("the row has {found} {fields}, the header has {width}")
        })
    }

    fn find(&mut self, alikes: &[String], configured: &Configured, line: u32, faults: &mut Faults) {
        for (field, heading) in alikes.iter().enumerate() {
            let shown = &self.headings[field];
            let Some(column) = Column::of_heading(heading, configured) else { continue };
            match self.fields[column as usize] {
                None => self.fields[column as usize] = Some(field),
                Some(first) => {
                    let message = format!(
                        "columns {} (`{}`) and {} (`{shown}`) are both headings of `{}`",
                        first + 1,
                        self.headings[first],
                        field + 1,
                        column.name()
                    );
                    let hint = "keep one of them, or name the right one in config.toml, `[people.columns]`";
                    faults.file_error(
                        Diagnostic::error("duplicate-column", faults.at(line, 1), message).hint(hint),
                    );
                }
            }
        }
    }

    /// Finds the columns that the configuration keeps.
    fn keep(
        &mut self,
        alikes: &[String],
        keep: &[String],
        is_read: impl Fn(&str) -> bool,
        line: u32,
        faults: &mut Faults,
    ) {
        for name in keep {
            let wanted = alike(name);
            let found: Vec<usize> = (0..alikes.len()).filter(|&field| alikes[field] == wanted).collect();
            let message = match found[..] {
                _ if is_read(&wanted) => {
                    format!("`keep` names `{name}`, a column that is always read; remove it from `keep`")
                }
                [field] => {
                    self.kept.push((name.as_str().into(), field));
                    continue;
                }
                [] => format!("`keep` names `{name}`, but the file has no such column"),
                _ => {
                    format!("`keep` names `{name}`, but the file has {} columns with that name", found.len())
                }
            };
            let fault = Diagnostic::error("keep", faults.at(line, 1), message);
            let unknown = alikes.iter().map(String::as_str).filter(|heading| !is_read(heading));
            faults.file_error(match closest_match(&wanted, unknown) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault,
            });
        }
    }

    /// Reports missing columns, and which heading may stand for each. A misspelt `protected`
    /// would show people who must not be shown.
    fn miss(&self, alikes: &[String], configured: &Configured, line: u32, faults: &mut Faults) {
        let absent = |column: &Column| self.field(*column).is_none();
        let resembles = self.resemblances(alikes);
        for column in Column::ALL.into_iter().filter(absent) {
            let near = resembles.iter().find(|&&(_, resembled)| resembled == column);
            let near = near.map(|&(field, _)| self.headings[field].as_str());
            let also = column.headings()[1..].join("`, `");
            if let Some((_, heading)) = configured.iter().find(|(mapped, _)| *mapped == column) {
                let message = format!(
                    "config.toml, `[people.columns]`, says that `{}` is called `{heading}`, but the file has no \
                     such heading",
                    column.name()
                );
                let fault = Diagnostic::error("missing-column", faults.at(line, 1), message);
                let wanted = alike(heading);
                faults.file_error(match closest_match(&wanted, alikes.iter().map(String::as_str)) {
                    Some(near) => fault.hint(format!("did you mean `{near}`?")),
                    None => fault.hint("write the heading as it stands in the file"),
                });
            } else if column.is_required() {
                let message = format!("the column `{}` is missing (also accepted: `{also}`)", column.name());
                let fault = Diagnostic::error("missing-column", faults.at(line, 1), message);
                faults.file_error(match near {
                    Some(near) => fault.hint(format!(
                        "if it is the column `{near}`, write `{} = \"{near}\"` under `[people.columns]` in config.toml",
                        column.name()
                    )),
                    None => fault.hint(format!(
                        "add it, or write `{} = \"…\"` under `[people.columns]` in config.toml",
                        column.name()
                    )),
                });
            } else if let Some(near) = near {
                let message = format!("the column `{near}` is not known and is not read");
                let fault = Diagnostic::warning("unknown-column", faults.at(line, 1), message);
                faults.warning(fault.hint(format!("did you mean `{}` (or `{also}`)?", column.name())));
            }
        }
    }

    /// Which absent column each unknown heading probably means.
    fn resemblances(&self, alikes: &[String]) -> Vec<(usize, Column)> {
        let absent = Column::ALL.into_iter().filter(|&column| self.field(column).is_none());
        let headings: Vec<&str> = absent.flat_map(Column::headings).copied().collect();
        let unknown =
            (0..self.width).filter(|&field| !self.is_read(field) && alikes[field].chars().count() > 2);
        unknown
            .filter_map(|field| {
                let near = closest_match(&alikes[field], headings.iter().copied())?;
                Some((field, Column::called(near)?))
            })
            .collect()
    }

    /// The field of a column, from 0.
    pub(super) fn field(&self, column: Column) -> Option<usize> {
        self.fields[column as usize]
    }

    /// The columns found, each with its heading.
    pub(super) fn found(&self) -> Vec<(Column, String)> {
        let found = |column: Column| Some((column, self.headings[self.field(column)?].clone()));
        Column::ALL.into_iter().filter_map(found).collect()
    }

    /// The headings of ignored columns.
    pub(super) fn dropped(&self) -> Vec<String> {
        let read = |field| self.is_read(field) || self.headings[field].is_empty();
        (0..self.width).filter(|&field| !read(field)).map(|field| self.headings[field].clone()).collect()
    }

    fn is_read(&self, field: usize) -> bool {
        self.fields.contains(&Some(field)) || self.kept.iter().any(|&(_, kept)| kept == field)
    }

    /// Counts values that look like personal identity numbers.
    pub(super) fn count_identity_numbers(&mut self, fields: Fields<'_>) {
        for (tally, value) in self.tallies.iter_mut().zip(fields.iter()) {
            tally.count(value);
        }
    }

    /// Reports columns that hold personal identity numbers, after all rows are read. If the
    /// import needs such a column, nothing can be imported. An additional column is not kept:
    /// its index is returned.
    pub(super) fn report_identity_numbers(&mut self, line: u32, faults: &mut Faults) -> Vec<usize> {
        let mut dropped = Vec::new();
        let found: Vec<usize> = (0..self.width).filter(|&field| self.tallies[field].most()).collect();
        for field in found {
            let what = match self.headings[field].as_str() {
                "" => format!("column {}", field + 1),
                heading => format!("the column `{heading}`"),
            };
            let hint = "remove the column in the HR system's export, so that the numbers are not passed on";
            let managers = [Column::ManagerId, Column::ManagerEmail].map(|column| self.field(column));
            if let Some(kept) = self.kept.iter().position(|&(_, kept)| kept == field) {
                dropped.push(kept);
            } else if self.fields.contains(&Some(field)) && !managers.contains(&Some(field)) {
                let message = format!("{what} has personal identity numbers, which are never stored");
                let hint = "export another column instead; people are identified by their employee id";
                faults
                    .file_error(Diagnostic::error("identity-number", faults.at(line, 1), message).hint(hint));
                continue;
            }
            let message = format!("{what} seems to have personal identity numbers; it is not kept");
            faults.warning(Diagnostic::warning("identity-number", faults.at(line, 1), message).hint(hint));
        }
        dropped.sort_unstable();
        for &kept in dropped.iter().rev() {
            self.kept.remove(kept);
        }
        dropped
    }
}

/// A heading with a line break in one line.
fn one_line(heading: &str) -> String {
    heading.split_whitespace().collect::<Vec<_>>().join(" ")
}
