//! People, units, and the roster of all of them.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::ids::{Language, PersonId, UnitId};
use crate::domain::delivery::bounce::StatusCode;

/// One employee of the people file. Strings that many people share (unit, department, language)
/// are shared in memory, for 1.2 million people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    /// `None` if HR has no address.
    pub email: Option<Box<str>>,
    /// Whether other people have this address too: all of them are held.
    pub shared_address: bool,
    /// Whether this is another employment of a person who gets mail already.
    pub second_employment: bool,
    /// The bounce code that says the mailbox does not exist. A new address clears it.
    pub undeliverable: Option<StatusCode>,
    /// First name, NFC.
    pub first_name: Box<str>,
    /// Last name, NFC.
    pub last_name: Box<str>,
    pub unit: UnitId,
    pub department: Option<Arc<str>>,
    /// The default language if the file has none.
    pub language: Language,
    /// First day with mail.
    pub start: Option<NaiveDate>,
    /// Last day with mail.
    pub end: Option<NaiveDate>,
    /// Periods without mail.
    pub leave: Box<[Period]>,
    /// Never shown in a list, report, page or log.
    pub protected: bool,
    /// Columns that the configuration keeps.
    pub extra: Box<[(Arc<str>, Box<str>)]>,
}

impl Person {
    /// A person with only what everyone has; not even an address.
    pub fn new(id: &str, (first_name, last_name): (&str, &str), unit: UnitId, language: Language) -> Person {
        Person {
            id: PersonId::new(id),
            email: None,
            shared_address: false,
            second_employment: false,
            undeliverable: None,
            first_name: first_name.into(),
            last_name: last_name.into(),
            unit,
            department: None,
            language,
            start: None,
            end: None,
            leave: Box::default(),
            protected: false,
            extra: Box::default(),
        }
    }

    /// First and last name; one of them may be empty.
    pub(crate) fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }

    /// Whether mail can be sent to the address.
    pub(crate) fn reachable(&self) -> bool {
        self.email.is_some()
            && !self.shared_address
            && !self.second_employment
            && self.undeliverable.is_none()
    }

    /// Whether their last day with mail is before `today`.
    pub(crate) fn has_left(&self, today: NaiveDate) -> bool {
        self.end.is_some_and(|end| today > end)
    }
}

/// A range of days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl Period {
    /// Whether a day is in it.
    pub(crate) fn contains(&self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }
}

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub id: UnitId,
    pub name: Arc<str>,
    /// The manager that most of its people name.
    pub manager: Option<PersonId>,
}

/// All people and units.
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
    /// A roster; of two units with the same id the later is found.
    pub fn new(people: Vec<Person>, units: Vec<Unit>) -> Roster {
        let by_id = people.iter().zip(0..).map(|(person, i)| (person.id.clone(), i)).collect();
        let by_unit = units.iter().zip(0..).map(|(unit, i)| (unit.id.clone(), i)).collect();
        Roster { people, units, by_id, by_unit }
    }

    /// The person with that employee id.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.by_id.get(id).map(|&i| &self.people[i as usize])
    }

    /// The unit with that id.
    pub(crate) fn unit(&self, id: &UnitId) -> Option<&Unit> {
        self.by_unit.get(id).map(|&i| &self.units[i as usize])
    }

    /// The index of a unit in [`Roster::units`].
    pub(crate) fn unit_index(&self, id: &UnitId) -> Option<usize> {
        self.by_unit.get(id).map(|&i| i as usize)
    }

    /// The name of a unit; its id if the roster has no such unit.
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
