//! Detects duplicate employee ids and shared addresses. It sorts hashes instead of
//! building a second table of strings, to save memory for 1.2 million people.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::address;
use crate::domain::model::person::Person;

use super::columns::{Column, Columns};
use super::faults::Faults;
use super::people::{Origin, People};

/// A line with the same content as an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IdenticalLine {
    /// The number of the line.
    pub(crate) line: u32,
    /// The number of the earlier line.
    pub(crate) first: u32,
}

/// Merges lines with the same content; reports lines with different data about
/// the same person.
pub(super) fn merge_identical(
    people: &mut People,
    columns: &Columns,
    faults: &mut Faults,
) -> Vec<IdenticalLine> {
    let mut identical = Vec::new();
    let mut again = Vec::new();
    let all = &people.people;
    for group in groups(all, |person| Some(person.id.as_str()), |a, b| a == b) {
        let first = group[0];
        for &next in &group[1..] {
            let (origin, line) = (people.origins[first as usize], people.origins[next as usize].line);
            let differing = differing(people, first as usize, next as usize);
            if differing.is_empty() {
                identical.push(IdenticalLine { line, first: origin.line });
                again.push(next);
            } else if faults.has_room(line) {
                let heading = |column: Column| columns.field(column).map(|field| &columns.headings[field]);
                let named: Vec<String> =
                    differing.into_iter().filter_map(heading).map(|heading| format!("`{heading}`")).collect();
                let message = format!(
                    "the same employee id as on line {}, with another {}",
                    origin.line,
                    if named.is_empty() { "value in a kept column".to_owned() } else { named.join(", ") },
                );
                let fault = Diagnostic::error("duplicate-person", faults.at(line, 1), message);
                faults.error(fault.hint("keep one line per person; which is right, HR knows"));
            }
        }
    }
    identical.sort_unstable_by_key(|pair| pair.line);
    remove(people, again);
    identical
}

/// Marks people who share an address; they get no mail until each has their own.
pub(super) fn mark_shared_addresses(people: &mut People, faults: &mut Faults) -> u32 {
    let groups = groups(&people.people, |person| person.email.as_deref(), address::same);
    let line = |&person: &u32| people.origins[person as usize].line;
    let lines = |group: &Vec<u32>| (line(&group[0]), group[1..].iter().map(line).collect::<Vec<u32>>());
    faults.warnings(groups.iter().map(lines).collect(), "shared addresses", |place, others| {
        let message = format!("shares its mail address with {}; all of them are held", list(&others));
        let hint = "a shared mailbox would mix answers; give each person an address, or none";
        Diagnostic::warning("shared-address", place, message).hint(hint)
    });
    let shared = groups.iter().flatten();
    shared.map(|&person| people.people[person as usize].shared_address = true).count() as u32
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

/// The columns in which two lines about one person differ.
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
    compare(Column::EmployeeId, a.extra == b.extra);
    columns
}

fn remove(people: &mut People, mut again: Vec<u32>) {
    again.sort_unstable();
    let keep = |place: &mut u32| {
        let keep = again.binary_search(place).is_err();
        *place += 1;
        keep
    };
    let (mut person, mut origin) = (0, 0);
    if !again.is_empty() {
        people.people.retain(|_| keep(&mut person));
        people.origins.retain(|_| keep(&mut origin));
    }
}
