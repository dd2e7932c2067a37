//! Derives units from their people: the most frequent name and the most frequent
//! manager. Invalid managers and cycles of managers are reported.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::ids::PersonId;
use crate::domain::model::person::{Person, Unit};

use super::duplicates::list;
use super::faults::Faults;
use super::people::{Manager, NO_MANAGER, Origin, People};
use super::values::{employee_id, shown};

/// Marks a vote for a manager who is not in the file; larger than any index.
const MISSING: u32 = 1 << 31;

/// The units, each with its name and manager.
pub(super) fn units(people: &People, faults: &mut Faults) -> Vec<Unit> {
    let found = look_up(people);
    let direct_managers: Vec<u32> =
        people.origins.iter().map(|origin| manager_index(*origin, &found)).collect();
    report_missing(people, &found, faults);
    report_self_managers(people, &direct_managers, faults);
    report_cycles(people, &direct_managers, faults);

    let names = most(people.origins.iter().map(|origin| (origin.unit, origin.unit_name)));
    let named = people.origins.iter().filter(|origin| origin.manager != NO_MANAGER);
    let managers = most(named.map(|origin| {
        // a manager may be named by id or address; votes for a missing one still count
        let manager_index = manager_index(*origin, &found);
        (origin.unit, if manager_index == NO_MANAGER { MISSING | origin.manager } else { manager_index })
    }));
    let ids = people.units.values.iter().zip(0..);
    let has_people = |&(_, unit): &(_, u32)| names.contains_key(&unit);
    ids.filter(has_people)
        .map(|(id, unit)| Unit {
            id: id.clone(),
            name: people.unit_names.values[names[&unit] as usize].clone(),
            manager: managers.get(&unit).filter(|&&manager_index| manager_index < MISSING).map(
                |&manager_index| {
                    let person: &Person = &people.people[manager_index as usize];
                    person.id.clone()
                },
            ),
        })
        .collect()
}

/// For each interned manager, the index of the person; [`NO_MANAGER`] if there is none, or
/// more than one with that address.
fn look_up(people: &People) -> Vec<u32> {
    let mut by_id: HashMap<&PersonId, usize> = HashMap::new();
    let mut by_address: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, manager) in people.managers.values.iter().enumerate() {
        match manager {
            Manager::Id(id) => drop(by_id.insert(id, place)),
            Manager::Address(text) => {
                by_address.entry(text.to_ascii_lowercase()).or_default().push(place);
            }
        }
    }
    let mut found = vec![NO_MANAGER; people.managers.values.len()];
    for (person, place) in people.people.iter().zip(0..) {
        if let Some(&manager) = by_id.get(&person.id) {
            found[manager] = place;
        }
        if let Some(email) =
            person.email.as_deref().filter(|_| !by_address.is_empty() && !person.shared_address)
        {
            for &manager in by_address.get(&email.to_ascii_lowercase()).into_iter().flatten() {
                found[manager] = place;
            }
        }
    }
    found
}

fn manager_index(origin: Origin, found: &[u32]) -> u32 {
    if origin.manager == NO_MANAGER { NO_MANAGER } else { found[origin.manager as usize] }
}

/// The most frequent choice in each group; on a tie the one named first. Counted by
/// sorting, because there may be as many pairs as people.
fn most(votes: impl Iterator<Item = (u32, u32)>) -> HashMap<u32, u32> {
    let mut votes: Vec<(u32, u32, u32)> =
        votes.zip(0..).map(|((group, choice), at)| (group, choice, at)).collect();
    votes.sort_unstable();
    let mut best: HashMap<u32, (usize, Reverse<u32>, u32)> = HashMap::new();
    for same in votes.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (group, choice, first) = same[0];
        let rank = (same.len(), Reverse(first), choice);
        best.entry(group).and_modify(|best| *best = rank.max(*best)).or_insert(rank);
    }
    best.into_iter().map(|(group, (.., choice))| (group, choice)).collect()
}

fn report_missing(people: &People, found: &[u32], faults: &mut Faults) {
    let mut named_on: HashMap<u32, Vec<u32>> = HashMap::new();
    for origin in &people.origins {
        if origin.manager != NO_MANAGER && found[origin.manager as usize] == NO_MANAGER {
            named_on.entry(origin.manager).or_default().push(origin.line);
        }
    }
    let found = named_on.into_iter().map(|(manager, lines)| (lines[0], (manager, lines)));
    faults.warnings(found.collect(), "managers are not in the file", |place, (manager, lines)| {
        let who = match &people.managers.values[manager as usize] {
            Manager::Id(id) if employee_id(id.as_str()).is_ok() => format!(" {}", shown(id.as_str())),
            Manager::Id(_) | Manager::Address(_) => String::new(),
        };
        let message = format!("the manager{who} named on {} is not in the file", list(&lines));
        let fault = Diagnostic::warning("manager-missing", place, message);
        if who.is_empty() { fault.hint("managers are named by employee id or mail address") } else { fault }
    });
}

fn report_self_managers(people: &People, direct_managers: &[u32], faults: &mut Faults) {
    let themselves = direct_managers
        .iter()
        .zip(&people.origins)
        .zip(0..)
        .filter(|&((&manager_index, _), person)| manager_index == person);
    let lines = themselves.map(|((_, origin), _)| (origin.line, ())).collect();
    faults.warnings(lines, "people are named as their own managers", |place, ()| {
        Diagnostic::warning("manager-self", place, "this person is named as their own manager")
    });
}

/// Follows managers upwards once per person; a cycle is reported at its first line in the file.
fn report_cycles(people: &People, direct_managers: &[u32], faults: &mut Faults) {
    const UNVISITED: u32 = 0;
    let mut walks = vec![UNVISITED; direct_managers.len()];
    let mut cycles = Vec::new();
    for start in 0..direct_managers.len() {
        let walk = start as u32 + 1;
        let mut at = start as u32;
        while at != NO_MANAGER && walks[at as usize] == UNVISITED {
            walks[at as usize] = walk;
            at = direct_managers[at as usize];
        }
        if at != NO_MANAGER && walks[at as usize] == walk && direct_managers[at as usize] != at {
            let mut lines: Vec<u32> =
                cycle_members(at, direct_managers).map(|i| people.origins[i as usize].line).collect();
            lines.sort_unstable();
            cycles.push((lines[0], lines));
        }
    }
    faults.warnings(cycles, "rings of managers", |place, lines| {
        let message = format!("the people on {} are each other's managers in a ring", list(&lines));
        Diagnostic::warning("manager-ring", place, message)
    });
}

fn cycle_members(start: u32, direct_managers: &[u32]) -> impl Iterator<Item = u32> + '_ {
    let next =
        move |&at: &u32| Some(direct_managers[at as usize]).filter(|&manager_index| manager_index != start);
    std::iter::successors(Some(start), next)
}

pub(super) fn without_address(people: &[Person]) -> u32 {
    people.iter().filter(|person| person.email.is_none()).count() as u32
}
