//! Reports managers who are not in the file, and cycles of managers.

use std::collections::HashMap;
use std::io;

use crate::domain::diagnostic::Diagnostic;
use crate::store::Store;

use super::duplicates::list;
use super::faults::Faults;
use super::values::{employee_id, shown};

pub(super) fn report(store: &Store, faults: &mut Faults) -> io::Result<()> {
    let missing = store.missing_managers()?.into_iter();
    let missing = missing.map(|(manager, lines)| (lines[0], (manager, lines))).collect();
    faults.warnings(missing, "managers are not in the file", |place, (manager, lines)| {
        let id = employee_id(&manager).is_ok().then(|| format!(" {}", shown(&manager)));
        let message = format!(
            "the manager{} named on {} is not in the file",
            id.as_deref().unwrap_or_default(),
            list(&lines)
        );
        let fault = Diagnostic::warning("manager-missing", place, message);
        match id {
            Some(_) => fault,
            None => fault.hint("managers are named by employee id or mail address"),
        }
    });
    let managers = store.managers_of_managers()?;
    let themselves = managers.iter().filter(|(line, manager)| line == manager);
    let themselves = themselves.map(|&(line, _)| (line, ())).collect();
    faults.warnings(themselves, "people are named as their own managers", |place, ()| {
        Diagnostic::warning("manager-self", place, "this person is named as their own manager")
    });
    faults.warnings(cycles(managers), "rings of managers", |place, lines| {
        let message = format!("the people on {} are each other's managers in a ring", list(&lines));
        Diagnostic::warning("manager-ring", place, message)
    });
    Ok(())
}

/// The cycles of two or more managers, each with its first line in the file. Managers are
/// followed upwards once.
fn cycles(managers: Vec<(u32, u32)>) -> Vec<(u32, Vec<u32>)> {
    let managers: HashMap<u32, u32> =
        managers.into_iter().filter(|(line, manager)| line != manager).collect();
    let mut walks: HashMap<u32, u32> = HashMap::new();
    let mut cycles = Vec::new();
    for &start in managers.keys() {
        let mut at = start;
        while !walks.contains_key(&at)
            && let Some(&manager) = managers.get(&at)
        {
            walks.insert(at, start);
            at = manager;
        }
        if walks.get(&at) == Some(&start) {
            let next = |line: &u32| managers.get(line).copied().filter(|&line| line != at);
            let mut lines: Vec<u32> = std::iter::successors(Some(at), next).collect();
            lines.sort_unstable();
            cycles.push((lines[0], lines));
        }
    }
    cycles
}
