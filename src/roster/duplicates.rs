//! Repeated employee ids and addresses: the same row twice, one person with several
//! employments, or two people.

use std::io;

use crate::domain::change::set_aside::{SetAsideRow, SetAsideRows};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::address;
use crate::store::{RepeatedId, Store};

use super::columns::{Column, Columns};
use super::faults::Faults;

/// A row about the same employee id as another one, which is the one that is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RepeatedRow {
    /// The line of the row.
    pub(crate) line: u32,
    /// The line of the row that is used.
    pub(crate) used: u32,
    /// Whether it is another employment of that person; otherwise it says the same.
    pub(crate) is_employment: bool,
}

/// The columns of [`RepeatedId::values`]; the last one stands for the additional columns.
const COMPARED: [Column; 13] = [
    Column::Email,
    Column::FirstName,
    Column::LastName,
    Column::Unit,
    Column::UnitId,
    Column::Department,
    Column::ManagerId,
    Column::Language,
    Column::StartDate,
    Column::EndDate,
    Column::Leave,
    Column::Protected,
    Column::EmployeeId,
];

/// Leaves one row for each employee id: rows that say the same are one, and of several
/// employments of one person the main one, else the first, is used. Rows with the same id
/// and other data are all set aside.
pub(super) fn settle_repeated_ids(
    store: &Store,
    columns: &Columns,
    set_aside: &mut SetAsideRows,
    faults: &mut Faults,
) -> io::Result<Vec<RepeatedRow>> {
    let mut repeated = Vec::new();
    let mut removed = Vec::new();
    store.for_each_repeated_id(|rows| {
        let (first, others) = (&rows[0], &rows[1..]);
        let is_same = others.iter().all(|row| row.values == first.values);
        let has_several_units = others.iter().any(|row| row.values[4] != first.values[4]);
        if is_same || (is_one_person(rows) && has_several_units) {
            let used = rows.iter().find(|row| row.is_main).unwrap_or(first);
            for row in rows.iter().filter(|row| row.line != used.line) {
                let is_employment = row.values != used.values;
                repeated.push(RepeatedRow { line: row.line, used: used.line, is_employment });
                removed.push(row.line);
            }
            return;
        }
        for row in rows {
            set_aside.add(SetAsideRow {
                line: row.line,
                id: Some(row.id.as_str().into()),
                email: row.values[0].as_deref().map(Into::into),
                values: Vec::new(),
            });
            removed.push(row.line);
            faults.row_error(|faults| {
                let others: Vec<&RepeatedId> = rows.iter().filter(|other| other.line != row.line).collect();
                let named = differing_columns(row, &others, columns).join("`, `");
                let lines: Vec<u32> = others.iter().map(|other| other.line).collect();
                let message = format!("the same employee id as on {}, but another `{named}`", list(&lines));
                let fault = Diagnostic::error("duplicate-person", faults.at(row.line, 1), message);
                fault.hint("keep one row for each person; all rows with this id are left out until then")
            });
        }
    })?;
    store.unstage(&removed)?;
    repeated.sort_unstable_by_key(|row| row.line);
    Ok(repeated)
}

/// Whether rows are about one person: the same name, and no two addresses.
fn is_one_person(rows: &[RepeatedId]) -> bool {
    let mut addresses = rows.iter().filter_map(|row| row.values[0].as_deref());
    let address = addresses.next();
    rows.iter().all(|row| row.name == rows[0].name)
        && addresses.all(|other| address.is_some_and(|one| address::same(one, other)))
}

/// The headings of the columns in which a row differs from others with its id.
fn differing_columns<'c>(row: &RepeatedId, others: &[&RepeatedId], columns: &'c Columns) -> Vec<&'c str> {
    let mut headings = Vec::new();
    for other in others {
        let values = row.values.iter().zip(&other.values);
        for (column, _) in COMPARED.into_iter().zip(values).filter(|(_, (one, other))| one != other) {
            let heading = match (column, columns.field(column)) {
                (Column::EmployeeId, _) => "kept columns",
                (_, Some(field)) => &columns.headings[field],
                (_, None) => continue,
            };
            if !headings.contains(&heading) {
                headings.push(heading);
            }
        }
    }
    headings
}

/// Marks people who share an address; they get no mail until each has their own. An address
/// in a row that is set aside counts too.
pub(super) fn mark_shared_addresses(
    store: &Store,
    set_aside: &SetAsideRows,
    faults: &mut Faults,
) -> io::Result<()> {
    let mut shared: Vec<(u32, Vec<u32>)> =
        store.mark_shared_addresses()?.into_iter().map(|lines| (lines[0], lines[1..].to_vec())).collect();
    for row in &set_aside.rows {
        let (Some(email), Some(id)) = (row.email.as_deref(), row.id.as_deref()) else { continue };
        shared.extend(store.mark_shared_address(email, id)?.map(|line| (line, vec![row.line])));
    }
    faults.warnings(shared, "shared addresses", |place, others| {
        let message = format!("the same mail address as on {}; none of them gets mail", list(&others));
        let hint = "their answers would be mixed up; give each person their own address, or none";
        Diagnostic::warning("shared-address", place, message).hint(hint)
    });
    Ok(())
}

/// `line 4`, `lines 4 and 9`, `lines 4, 9, 12 and 30 more`
pub(super) fn list(lines: &[u32]) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> = lines.iter().take(MOST).map(u32::to_string).collect();
    match (shown.split_last(), lines.len().saturating_sub(MOST)) {
        (Some((one, [])), 0) => format!("line {one}"),
        (Some((last, before)), 0) => format!("lines {} and {last}", before.join(", ")),
        (_, more) => format!("lines {} and {more} more", shown.join(", ")),
    }
}
