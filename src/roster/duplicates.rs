//! Detects repeated employee ids and addresses: the same row twice, one person with several
//! employments, or two people. It sorts hashes instead of building a second table of strings,
//! to save memory for 1.2 million people.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::domain::change::set_aside::{SetAsideRow, SetAsideRows};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::address;
use crate::domain::model::person::Person;

use super::columns::{Column, Columns};
use super::faults::Faults;
use super::people::{Origin, People};

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

/// Leaves one row for each employee id: rows that say the same are one, and of several
/// employments of one person the main one, else the first, is used. Rows with the same id
/// and other data are all set aside.
pub(super) fn settle_repeated_ids(
    people: &mut People,
    columns: &Columns,
    faults: &mut Faults,
) -> Vec<RepeatedRow> {
    let mut repeated = Vec::new();
    let mut removed = Vec::new();
    let mut set_aside = Vec::new();
    for group in groups(&people.people, |person| Some(person.id.as_str()), |a, b| a == b) {
        let is_one_reader = is_one_person(people, &group) && {
            let unit = |&row: &u32| people.origins[row as usize].unit;
            group.iter().map(unit).any(|other| other != unit(&group[0]))
        };
        let differing = |row: u32, other: u32| differing(people, row as usize, other as usize);
        let is_same = group[1..].iter().all(|&row| differing(group[0], row).is_empty());
        let line = |row: u32| people.origins[row as usize].line;
        if is_same || is_one_reader {
            let used = main_row(people, &group);
            for &row in group.iter().filter(|&&row| row != used) {
                let is_employment = !differing(used, row).is_empty();
                repeated.push(RepeatedRow { line: line(row), used: line(used), is_employment });
                removed.push(row);
            }
            continue;
        }
        for &row in &group {
            let person = &people.people[row as usize];
            set_aside.push(SetAsideRow {
                line: line(row),
                id: Some(person.id.as_str().into()),
                email: person.email.clone(),
                values: Vec::new(),
            });
            removed.push(row);
            faults.row_error(|faults| {
                let others: Vec<u32> = group.iter().copied().filter(|&other| other != row).collect();
                let mut columns_named: Vec<&str> = Vec::new();
                for column in others.iter().flat_map(|&other| differing(row, other)) {
                    let heading = match (column, columns.field(column)) {
                        (Column::EmployeeId, _) => "kept columns",
                        (_, Some(field)) => &columns.headings[field],
                        (_, None) => continue,
                    };
                    if !columns_named.contains(&heading) {
                        columns_named.push(heading);
                    }
                }
                let lines: Vec<u32> = others.iter().map(|&other| line(other)).collect();
                let named = columns_named.join("`, `");
                let message = format!("the same employee id as on {}, but another `{named}`", list(&lines));
                let fault = Diagnostic::error("duplicate-person", faults.at(line(row), 1), message);
                fault.hint("keep one row for each person; all rows with this id are left out until then")
            });
        }
    }
    repeated.sort_unstable_by_key(|row| row.line);
    set_aside.into_iter().for_each(|row| people.set_aside.add(row));
    remove(people, removed);
    repeated
}

/// Whether rows are about one person: the same name, and no two addresses.
fn is_one_person(people: &People, rows: &[u32]) -> bool {
    let person = |row: u32| &people.people[row as usize];
    let first = person(rows[0]);
    let lower = |text: &str| text.to_lowercase();
    let same_name = |other: &Person| {
        lower(&other.first_name) == lower(&first.first_name)
            && lower(&other.last_name) == lower(&first.last_name)
    };
    let mut addresses = rows.iter().filter_map(|&row| person(row).email.as_deref());
    let address = addresses.next();
    rows.iter().all(|&row| same_name(person(row)))
        && addresses.all(|other| address.is_some_and(|one| address::same(one, other)))
}

/// The row of the main employment, else the first.
fn main_row(people: &People, rows: &[u32]) -> u32 {
    rows.iter().copied().find(|&row| people.origins[row as usize].is_main).unwrap_or(rows[0])
}

/// Of people with the same name and address but several employee ids, all but one are held:
/// they are one person with several employments. Returns the number of those held.
pub(super) fn mark_second_employments(people: &mut People) -> u32 {
    let groups = groups(&people.people, |person| person.email.as_deref(), address::same);
    let mut held = 0;
    for group in groups.iter().filter(|group| is_one_person(people, group)).collect::<Vec<_>>() {
        let main = main_row(people, group);
        for &row in group.iter().filter(|&&row| row != main) {
            people.people[row as usize].second_employment = true;
            held += 1;
        }
    }
    held
}

/// Marks people who share an address; they get no mail until each has their own. An address
/// in a row that is set aside counts too.
pub(super) fn mark_shared_addresses(
    people: &mut People,
    set_aside: &SetAsideRows,
    faults: &mut Faults,
) -> u32 {
    let own = |person: &&Person| !person.second_employment;
    let mut shared: Vec<(u32, Vec<u32>, Vec<u32>)> = Vec::new();
    for group in groups(&people.people, |person| person.email.as_deref(), address::same) {
        let readers: Vec<u32> = group.into_iter().filter(|&row| own(&&people.people[row as usize])).collect();
        if readers.len() > 1 {
            let line = |&row: &u32| people.origins[row as usize].line;
            let others = readers[1..].iter().map(line).collect();
            shared.push((line(&readers[0]), others, readers));
        }
    }
    for row in set_aside.rows.iter().filter(|row| row.email.is_some()) {
        let (Some(email), Some(id)) = (row.email.as_deref(), row.id.as_deref()) else { continue };
        let same = |person: &Person| {
            person.email.as_deref().is_some_and(|other| address::same(email, other))
                && person.id.as_str() != id
        };
        let found = people.people.iter().position(|person| same(person) && !person.shared_address);
        if let Some(place) = found {
            shared.push((people.origins[place].line, vec![row.line], vec![place as u32]));
        }
    }
    let mut count = 0;
    for &row in shared.iter().flat_map(|(_, _, rows)| rows) {
        let person = &mut people.people[row as usize];
        count += u32::from(!person.shared_address);
        person.shared_address = true;
    }
    let found = shared.into_iter().map(|(line, others, _)| (line, others)).collect();
    faults.warnings(found, "shared addresses", |place, others| {
        let message = format!("the same mail address as on {}; none of them gets mail", list(&others));
        let hint = "their answers would be mixed up; give each person their own address, or none";
        Diagnostic::warning("shared-address", place, message).hint(hint)
    });
    count
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

/// Groups of two or more people with the same key, in the order of the file.
fn groups<'a>(
    people: &'a [Person],
    key: impl Fn(&'a Person) -> Option<&'a str>,
    same: impl Fn(&str, &str) -> bool,
) -> Vec<Vec<u32>> {
    let state = RandomState::new();
    let mut order: Vec<(u64, u32)> = Vec::with_capacity(people.len());
    let hashed = |(person, i): (&'a Person, u32)| Some((hash(&state, key(person)?), i));
    order.extend(people.iter().zip(0..).filter_map(hashed));
    order.sort_unstable();
    let text = |i: u32| key(&people[i as usize]).unwrap_or_default();
    let mut groups = Vec::new();
    for candidates in order.chunk_by(|a, b| a.0 == b.0).filter(|candidates| candidates.len() > 1) {
        let mut rest: Vec<u32> = candidates.iter().map(|&(_, i)| i).collect();
        while let Some(&first) = rest.first() {
            let (group, others) = rest.iter().partition::<Vec<u32>, _>(|&&i| same(text(first), text(i)));
            if group.len() > 1 {
                groups.push(group);
            }
            rest = others;
        }
    }
    groups
}

/// A case-insensitive hash; it only finds candidates, `same` compares them.
fn hash(state: &RandomState, text: &str) -> u64 {
    let mut hasher = state.build_hasher();
    let mut lower = [0; 64];
    for piece in text.as_bytes().chunks(lower.len()) {
        let lower = &mut lower[..piece.len()];
        lower.copy_from_slice(piece);
        lower.make_ascii_lowercase();
        hasher.write(lower);
    }
    hasher.finish()
}

/// The columns in which two rows about one person differ.
fn differing(people: &People, one: usize, other: usize) -> Vec<Column> {
    let (a, b) = (&people.people[one], &people.people[other]);
    let (from, to): (Origin, Origin) = (people.origins[one], people.origins[other]);
    let mut columns = Vec::new();
    let mut compare = |column: Column, equal: bool| {
        if !equal {
            columns.push(column);
        }
    };
    compare(Column::Email, a.email == b.email);
    compare(Column::FirstName, a.first_name == b.first_name);
    compare(Column::LastName, a.last_name == b.last_name);
    compare(Column::Unit, from.unit_name == to.unit_name);
    compare(Column::UnitId, from.unit == to.unit);
    compare(Column::Department, a.department == b.department);
    compare(Column::ManagerId, from.manager == to.manager);
    compare(Column::Language, a.language == b.language);
    compare(Column::StartDate, a.start == b.start);
    compare(Column::EndDate, a.end == b.end);
    compare(Column::Leave, a.leave == b.leave);
    compare(Column::Protected, a.protected == b.protected);
    // stands for the additional columns
    compare(Column::EmployeeId, a.extra == b.extra);
    columns
}

fn remove(people: &mut People, mut removed: Vec<u32>) {
    removed.sort_unstable();
    let keep = |place: &mut u32| {
        let keep = removed.binary_search(place).is_err();
        *place += 1;
        keep
    };
    let (mut person, mut origin) = (0, 0);
    if !removed.is_empty() {
        people.people.retain(|_| keep(&mut person));
        people.origins.retain(|_| keep(&mut origin));
    }
}
