//! Parses the header: which field of a line is which column.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::domain::diagnostic::{Diagnostic, closest_match, visible};

use super::csv::Fields;
use super::faults::Faults;
use super::identity::IdNumberCounter;

/// The columns that the program reads from a people file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Column {
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
}

impl Column {
    /// All columns, in the documented order.
    pub(crate) const ALL: [Column; 16] = [
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
            Column::Protected => &["protected", "skyddad"],
        }
    }

    /// Returns true if every people file must have the column.
    pub(crate) fn is_required(self) -> bool {
        matches!(
            self,
            Column::EmployeeId | Column::Email | Column::FirstName | Column::LastName | Column::Unit
        )
    }

    fn called(heading: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|column| column.headings().contains(&heading))
    }
}

/// Normalises a heading for comparison: NFC, lower case, and blanks, underscores
/// and hyphens are equal.
fn alike(heading: &str) -> String {
    let normalize: String = heading.nfc().collect::<String>().to_lowercase();
    normalize.split([' ', '_', '-', '\u{a0}']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
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
    pub(super) fn known(fields: Fields<'_>) -> usize {
        fields.iter().filter(|heading| Column::called(&alike(heading)).is_some()).count()
    }

    /// Parses the header; missing, duplicate and unknown columns are reported.
    pub(super) fn read(fields: Fields<'_>, keep: &[String], line: u32, faults: &mut Faults) -> Columns {
        let mut columns = Columns {
            width: fields.len(),
            headings: fields.iter().map(str::to_owned).collect(),
            fields: [None; Column::ALL.len()],
            kept: Vec::new(),
            tallies: vec![IdNumberCounter::default(); fields.len()],
        };
        let alikes: Vec<String> = fields.iter().map(alike).collect();
        columns.find(&alikes, line, faults);
        columns.keep(&alikes, keep, line, faults);
        columns.miss(&alikes, line, faults);
        columns
    }

    fn find(&mut self, alikes: &[String], line: u32, faults: &mut Faults) {
        for (field, heading) in alikes.iter().enumerate() {
            let shown = &self.headings[field];
            let Some(column) = Column::called(heading) else { continue };
            match self.fields[column as usize] {
                None => self.fields[column as usize] = Some(field),
                Some(first) => faults.error(Diagnostic::error(
                    "duplicate-column",
                    faults.at(line, 1),
                    format!(
                        "`{}` and `{shown}`, columns {} and {}, both say `{}`; only one may",
                        self.headings[first],
                        first + 1,
                        field + 1,
                        column.name()
                    ),
                )),
            }
        }
    }

    /// Finds the columns that the configuration keeps.
    fn keep(&mut self, alikes: &[String], keep: &[String], line: u32, faults: &mut Faults) {
        for name in keep {
            let wanted = alike(name);
            let found: Vec<usize> = (0..alikes.len()).filter(|&field| alikes[field] == wanted).collect();
            let message = match found[..] {
                _ if Column::called(&wanted).is_some() => {
                    format!("`keep` names `{name}`, which is read anyway; take it out of `keep`")
                }
                [field] => {
                    self.kept.push((name.as_str().into(), field));
                    continue;
                }
                [] => format!("`keep` names `{name}`, and the file has no such column"),
                _ => format!("`keep` names `{name}`, and the file has {} columns of that name", found.len()),
            };
            let fault = Diagnostic::error("keep", faults.at(line, 1), message);
            let unknown =
                alikes.iter().map(String::as_str).filter(|heading| Column::called(heading).is_none());
            faults.error(match closest_match(&wanted, unknown) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault,
            });
        }
    }

    /// Tells what is not there, and what was perhaps meant to be it. A
    /// misspelt `protected` would show those who must not be shown.
    fn miss(&self, alikes: &[String], line: u32, faults: &mut Faults) {
        let absent = |column: &Column| self.field(*column).is_none();
        let resembles = self.resemblances(alikes);
        for column in Column::ALL.into_iter().filter(absent) {
            let near = resembles.iter().find(|&&(_, resembled)| resembled == column);
            let near = near.map(|&(field, _)| self.headings[field].as_str());
            let also = column.headings()[1..].join("`, `");
            if column.is_required() {
                let message = format!("the column `{}` is missing (also `{also}`)", column.name());
                let fault = Diagnostic::error("missing-column", faults.at(line, 1), message);
                faults.error(match near {
                    Some(near) => fault.hint(format!("did you mean it by `{near}`?")),
                    None => fault,
                });
            } else if let Some(near) = near {
                let message = format!("the column `{near}` is not known and is dropped");
                let fault = Diagnostic::warning("unknown-column", faults.at(line, 1), message);
                faults.warning(fault.hint(format!("did you mean `{}`, or `{also}`?", column.name())));
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
        let found = |column: Column| Some((column, visible(&self.headings[self.field(column)?])));
        Column::ALL.into_iter().filter_map(found).collect()
    }

    /// The headings of ignored columns.
    pub(super) fn dropped(&self) -> Vec<String> {
        let read = |field| self.is_read(field) || self.headings[field].is_empty();
        (0..self.width).filter(|&field| !read(field)).map(|field| visible(&self.headings[field])).collect()
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

    /// Reports columns that hold personal identity numbers, after all lines are read.
    pub(super) fn report_identity_numbers(&self, line: u32, faults: &mut Faults) {
        for (field, _) in self.tallies.iter().enumerate().filter(|(_, tally)| tally.most()) {
            let what = match self.headings[field].as_str() {
                "" => format!("column {}", field + 1),
                heading => format!("the column `{heading}`"),
            };
            if self.is_read(field) {
                let message = format!("{what} holds personal identity numbers, which are never stored");
                let hint =
                    "drop the column at the source, and use the employee id where a person must be named";
                faults.error(Diagnostic::error("identity-number", faults.at(line, 1), message).hint(hint));
            } else {
                let message = format!("{what} looks like personal identity numbers; it was not read");
                let hint = "drop the column at the source, so that the numbers do not travel";
                faults
                    .warning(Diagnostic::warning("identity-number", faults.at(line, 1), message).hint(hint));
            }
        }
    }
}
