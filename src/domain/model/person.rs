//! The people: who they are, where they belong, when they are away.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::ids::{Language, PersonId, UnitId};
use crate::domain::delivery::bounce::StatusCode;

/// One employee, as the people file has them. Strings that many share
/// (unit, department, language) are shared, for 1.2 million of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The identity.
    pub id: PersonId,
    /// Where mail goes; `None` when HR has no address.
    pub email: Option<Box<str>>,
    /// Two or more people have this address: all of them are held.
    pub shared_address: bool,
    /// A relay gave this code for the address: there is no such mailbox. With
    /// another address it is forgotten.
    pub undeliverable: Option<StatusCode>,
    /// First name, NFC.
    pub first_name: Box<str>,
    /// Last name, NFC.
    pub last_name: Box<str>,
    /// Where they belong.
    pub unit: UnitId,
    /// Department by name.
    pub department: Option<Arc<str>>,
    /// What they read; the programme's first where the file says nothing.
    pub language: Language,
    /// First day with mail.
    pub start: Option<NaiveDate>,
    /// Last day with mail.
    pub end: Option<NaiveDate>,
    /// No mail in between.
    pub leave: Box<[Period]>,
    /// Shown in no list, report, page or log.
    pub protected: bool,
    /// Columns kept on purpose.
    pub extra: Box<[(Arc<str>, Box<str>)]>,
}

impl Person {
    /// May mail be addressed to them at all?
    pub(crate) fn reachable(&self) -> bool {
        self.email.is_some() && !self.shared_address && self.undeliverable.is_none()
    }

    /// Has their last day with mail passed on `today`?
    pub(crate) fn has_left(&self, today: NaiveDate) -> bool {
        self.end.is_some_and(|end| today > end)
    }
}

/// Days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl Period {
    /// Does the day lie in it?
    pub(crate) fn contains(&self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }
}

/// Where people belong, and what a manager leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its identity.
    pub id: UnitId,
    /// What people call it.
    pub name: Arc<str>,
    /// Who most of its people name.
    pub manager: Option<PersonId>,
}

/// All people.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    /// In the order of the file.
    pub people: Vec<Person>,
    /// In the order of first appearance.
    pub units: Vec<Unit>,
    by_id: HashMap<PersonId, u32>,
    by_unit: HashMap<UnitId, u32>,
}

impl Roster {
    /// A roster of people and units; of two with one id the later is found.
    pub fn new(people: Vec<Person>, units: Vec<Unit>) -> Roster {
        let by_id = people.iter().zip(0..).map(|(person, i)| (person.id.clone(), i)).collect();
        let by_unit = units.iter().zip(0..).map(|(unit, i)| (unit.id.clone(), i)).collect();
        Roster { people, units, by_id, by_unit }
    }

    /// The person with that employee id.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.by_id.get(id).map(|&i| &self.people[i as usize])
    }

    /// The place of a person in [`Roster::people`].
    pub(crate) fn place(&self, id: &PersonId) -> Option<usize> {
        self.by_id.get(id).map(|&i| i as usize)
    }

    /// The unit with that id.
    pub(crate) fn unit(&self, id: &UnitId) -> Option<&Unit> {
        self.by_unit.get(id).map(|&i| &self.units[i as usize])
    }

    /// The place of a unit in [`Roster::units`].
    pub(crate) fn unit_index(&self, id: &UnitId) -> Option<usize> {
        self.by_unit.get(id).map(|&i| i as usize)
    }

    /// The name people know a unit by; its id where the roster has no such unit.
    pub fn unit_name<'a>(&'a self, id: &'a UnitId) -> &'a str {
        self.unit(id).map_or(id.as_str(), |unit| &unit.name)
    }

    /// The person with that employee id or mail address.
    pub fn find(&self, id_or_address: &str) -> Option<&Person> {
        self.person(&PersonId::new(id_or_address)).or_else(|| {
            let same = |email: &str| email.eq_ignore_ascii_case(id_or_address);
            self.people.iter().find(|person| person.email.as_deref().is_some_and(same))
        })
    }

    /// The units with that id or name.
    pub fn units_called(&self, id_or_name: &str) -> Vec<&Unit> {
        let called = |unit: &&Unit| unit.id.as_str() == id_or_name || &*unit.name == id_or_name;
        self.units.iter().filter(called).collect()
    }
}
