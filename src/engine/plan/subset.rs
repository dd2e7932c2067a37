//! Snapshots of some people only: of one person, a unit or a step, or of one person for each way in which many stand.
//! What their verdicts depend on beyond themselves is read with them: the reference groups, and where late joiners begin.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::{late_joiners, positions};
use crate::config::Config;
use crate::domain::model::ids::{PersonNumber, StepName};
use crate::domain::model::person::Roster;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::error::LoadError;
use crate::engine::load::snapshot::{AlikeEnrolments, AlikeGroup, OtherPeople, Snapshot};
use crate::store::{Store, StoreError};

/// Which people are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subset<'a> {
    /// The person with that employee id or address.
    Person(&'a str),
    /// The people of the units with that id or name.
    Unit(&'a str),
    /// The same, for a change: everyone if they are in a reference group, because others depend on them.
    ChangedPerson(&'a str),
    ChangedUnit(&'a str),
    /// Those for whom the step comes next, or may.
    ChangedStep(&'a str),
    /// One person for each way in which several stand, and those who must be decided again or may have something due.
    Groups,
    Everyone,
}

/// Above this share of everyone, in percent, all are read.
const MOST_SINGLE: usize = 50;

/// Loads a snapshot of some people, or of everyone where [`of`] says so. Changes nothing on disk.
pub(crate) fn open(
    config: Arc<Config>,
    content: Arc<ActiveContent>,
    at: Timestamp,
    subset: Subset<'_>,
) -> Result<Snapshot, LoadError> {
    let look = |store: &Store| {
        if store.imported_at()?.is_none() {
            return Ok(None);
        }
        let groups = Snapshot::of_reference_groups(config.clone(), content.clone(), store)?;
        let mut snapshot = of(groups, store, at, subset)?;
        if let Some(snapshot) = &mut snapshot {
            snapshot.add_reference_warnings(store)?;
        }
        Ok(snapshot)
    };
    match Store::read_only(&config.database, look)?.flatten() {
        Some(snapshot) => Ok(snapshot),
        None => Snapshot::open(config, content),
    }
}

/// Adds some people to a snapshot of the reference groups. `None` if all people must be read instead: the database has
/// none yet, or the stored positions are too old to tell whom it is about.
pub(crate) fn of(
    mut snapshot: Snapshot,
    store: &Store,
    at: Timestamp,
    subset: Subset<'_>,
) -> Result<Option<Snapshot>, StoreError> {
    let needs_positions = matches!(subset, Subset::ChangedStep(_) | Subset::Groups);
    if needs_positions && !positions::are_current(&snapshot.config, &snapshot.content.library, store)? {
        return Ok(None);
    }
    let people = store.people_count()?;
    let mut alike = None;
    let numbers = match subset {
        Subset::Everyone => return Ok(None),
        Subset::Person(text) | Subset::ChangedPerson(text) => {
            store.person_number(text)?.into_iter().collect()
        }
        Subset::Unit(text) | Subset::ChangedUnit(text) => {
            let mut numbers = Vec::new();
            for unit in store.unit_codes(text)? {
                numbers.extend(store.numbers_of_unit(&unit)?);
            }
            numbers.sort_unstable();
            numbers
        }
        Subset::ChangedStep(step) => match StepName::parse(step) {
            Some(step) => store.people_at_step(&step)?,
            None => return Ok(None),
        },
        Subset::Groups => {
            let single = store.people_to_decide(at)?;
            if single.len() * 100 > people * MOST_SINGLE {
                return Ok(None);
            }
            let groups = groups(&snapshot, store, at, single)?;
            let mut numbers: Vec<PersonNumber> = groups
                .groups
                .keys()
                .map(|(number, _)| *number)
                .chain(groups.single.iter().copied())
                .collect();
            numbers.sort_unstable();
            numbers.dedup();
            alike = Some(groups);
            numbers
        }
    };
    let members = member_numbers(&snapshot, store)?;
    let is_changed =
        matches!(subset, Subset::ChangedPerson(_) | Subset::ChangedUnit(_) | Subset::ChangedStep(_));
    if is_changed && members.iter().any(|member| numbers.binary_search(member).is_ok()) {
        return Ok(None);
    }
    add_people(&mut snapshot, store, &numbers, &members)?;
    let mut batch = store.people_by_number(&numbers)?;
    batch.use_todays_names(&snapshot.content.library);
    let after = at + TimeDelta::nanoseconds(1);
    let progress = [
        late_joiners::progress(&snapshot, store, at, &batch)?,
        late_joiners::progress(&snapshot, store, after, &batch)?,
    ];
    snapshot.others = Some(OtherPeople { at, progress, people, alike });
    Ok(Some(snapshot))
}

fn member_numbers(snapshot: &Snapshot, store: &Store) -> Result<Vec<PersonNumber>, StoreError> {
    let members = snapshot.content.library.members().map(|member| store.person_number(member.as_str()));
    members.filter_map(Result::transpose).collect()
}

/// Adds people to the reference groups in memory, in the order of their numbers.
fn add_people(
    snapshot: &mut Snapshot,
    store: &Store,
    numbers: &[PersonNumber],
    members: &[PersonNumber],
) -> Result<(), StoreError> {
    let mut all: Vec<PersonNumber> = numbers.iter().chain(members).copied().collect();
    all.sort_unstable();
    all.dedup();
    let mut batch = store.people_by_number(&all)?;
    batch.use_todays_names(&snapshot.content.library);
    let (people, history) = batch.into_parts();
    let (numbers, people) = people.into_iter().unzip();
    let units = std::mem::take(&mut snapshot.roster).units;
    snapshot.roster = Roster::new(people, units);
    snapshot.memory = history;
    if let Some(stored) = &mut snapshot.stored {
        stored.numbers = numbers;
    }
    Ok(())
}

/// Groups the enrolments of everyone but `single` by verdict; held ones also by unit, because what ends a pause depends
/// on it.
fn groups(
    snapshot: &Snapshot,
    store: &Store,
    at: Timestamp,
    single: Vec<PersonNumber>,
) -> Result<AlikeEnrolments, StoreError> {
    const WAITING: i64 = 1;
    const HELD: i64 = 2;
    let journeys: BTreeMap<&str, usize> =
        snapshot.content.library.journeys.iter().map(|journey| journey.slug.as_str()).zip(0..).collect();
    let single: HashSet<PersonNumber> = single.into_iter().collect();
    let mut first: HashMap<(usize, Box<str>, i64, i64), PersonNumber> = HashMap::new();
    let mut alike = AlikeEnrolments::default();
    let (mut last_waiting, mut last_held) = (None, None);
    store.for_each_verdict(|position| {
        let person = position.person;
        let Some(&journey) = journeys.get(position.journey) else { return Ok(()) };
        if single.contains(&person) {
            return Ok(());
        }
        let kind = position.verdict & 3;
        let unit = if kind == HELD { store.unit_of(person)? } else { 0 };
        let key = (journey, Box::from(position.stage), position.verdict, unit);
        let of = *first.entry(key).or_insert(person);
        let group: &mut AlikeGroup = alike.groups.entry((of, journey)).or_default();
        group.enrolments += 1;
        match kind {
            WAITING => alike.waiting_people += usize::from(last_waiting.replace(person) != Some(person)),
            HELD => {
                alike.held_people += usize::from(last_held.replace(person) != Some(person));
                group.people.push(person);
            }
            _ => {}
        }
        Ok(())
    })?;
    alike.next_check = store.next_due_after(at)?;
    alike.single = single;
    Ok(alike)
}
