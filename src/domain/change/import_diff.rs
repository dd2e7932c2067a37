//! What a new people file would change: who joins, leaves, moves or changes, and who comes
//! into a journey's audience for the first time, which sets the start of the enrolment.

use crate::domain::model::ids::{PersonId, PersonNumber, Slug};
use crate::domain::model::library::Library;
use crate::domain::model::person::{Person, Roster};

/// A person in the database.
#[derive(Clone, Debug)]
pub struct ExistingPerson {
    pub number: PersonNumber,
    /// As the last import had them.
    pub person: Person,
    /// Name of their unit at that time.
    pub(crate) unit_name: String,
    /// Whether an import removed them.
    pub(crate) has_left: bool,
}

/// The changes an import would make.
#[derive(Clone, Debug, Default)]
pub struct Import<'a> {
    /// New people.
    pub(crate) joined: Vec<&'a Person>,
    /// People who left earlier and are back.
    pub(crate) returned: Vec<(PersonNumber, &'a Person)>,
    /// People with another unit or other values.
    pub(crate) changed: Vec<Changed<'a>>,
    /// People who are gone.
    pub(crate) left: Vec<Leaver>,
    /// Number of people before the import.
    pub(crate) before: usize,
    /// People who come into a journey's audience for the first time.
    pub(crate) entered: Vec<(PersonId, &'a Slug)>,
    /// People who drop out of a journey's audience, so that coming back is not a first time.
    pub(crate) out_of_audience: Vec<(PersonId, &'a Slug)>,
}

impl Import<'_> {
    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        let Import { joined, returned, changed, left, before: _, entered, out_of_audience } = self;
        joined.is_empty()
            && returned.is_empty()
            && changed.is_empty()
            && left.is_empty()
            && entered.is_empty()
            && out_of_audience.is_empty()
    }
}

/// A person with changed values.
#[derive(Clone, Debug)]
pub(crate) struct Changed<'a> {
    pub number: PersonNumber,
    pub(crate) person: &'a Person,
    /// The columns that differ.
    pub(crate) columns: Vec<&'static str>,
}

impl Changed<'_> {
    /// Whether the unit changes.
    pub(crate) fn has_moved(&self) -> bool {
        self.columns.contains(&"unit")
    }
}

/// A person who is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaver {
    pub number: PersonNumber,
    pub(crate) id: PersonId,
    /// Whether they are protected, and so never shown.
    pub(crate) protected: bool,
}

/// Compares a people file with the database, one person at a time; only people with a
/// difference stay in memory.
pub struct ImportComparer<'a> {
    roster: &'a Roster,
    library: &'a Library,
    /// By index in the roster: already in the database.
    met: Vec<bool>,
    /// The first import of a database enrols no one as a late joiner.
    is_first: bool,
    import: Import<'a>,
}

impl<'a> ImportComparer<'a> {
    /// Starts a comparison of a people file.
    pub fn new(roster: &'a Roster, library: &'a Library) -> ImportComparer<'a> {
        let met = vec![false; roster.people.len()];
        ImportComparer { roster, library, met, is_first: true, import: Import::default() }
    }

    /// Compares with one person in the database.
    pub fn compare(&mut self, known: &ExistingPerson) {
        self.is_first = false;
        self.import.before += usize::from(!known.has_left);
        let Some(place) = self.roster.place(&known.person.id) else {
            if !known.has_left {
                let (id, protected) = (known.person.id.clone(), known.person.protected);
                self.import.left.push(Leaver { number: known.number, id, protected });
                self.audience(Some(known), None);
            }
            return;
        };
        self.met[place] = true;
        let person = &self.roster.people[place];
        if known.has_left {
            self.import.returned.push((known.number, person));
        } else {
            let columns = differing(&known.person, person);
            if columns.is_empty() && known.unit_name == self.roster.unit_name(&person.unit) {
                return;
            }
            if !columns.is_empty() {
                self.import.changed.push(Changed { number: known.number, person, columns });
            }
        }
        self.audience(Some(known), Some(person));
    }

    /// The differences, after all people in the database were compared.
    pub fn finish(mut self) -> Import<'a> {
        for (place, person) in self.roster.people.iter().enumerate() {
            if !self.met[place] {
                self.import.joined.push(person);
                if !self.is_first {
                    self.audience(None, Some(person));
                }
            }
        }
        self.import
    }

    /// Records for each journey whether a person comes into its audience or drops out.
    fn audience(&mut self, before: Option<&ExistingPerson>, after: Option<&Person>) {
        let after = after.map(|person| (person, self.roster.unit_name(&person.unit)));
        let id = before.map(|known| &known.person.id).or(after.map(|(person, _)| &person.id));
        let Some(id) = id else { return };
        for journey in &self.library.journeys {
            let was = before.is_some_and(|known| {
                !known.has_left && journey.audience.includes(&known.person, &known.unit_name)
            });
            let is = after.is_some_and(|(person, unit)| journey.audience.includes(person, unit));
            match (was, is) {
                (false, true) => self.import.entered.push((id.clone(), &journey.slug)),
                (true, false) => self.import.out_of_audience.push((id.clone(), &journey.slug)),
                (true, true) | (false, false) => {}
            }
        }
    }
}

impl Import<'_> {
    /// Whether nothing changes.
    pub fn is_nothing(&self) -> bool {
        self.joined.is_empty() && self.returned.is_empty() && self.changed.is_empty() && self.left.is_empty()
    }

    /// Number of people in another unit.
    pub(crate) fn moved(&self) -> usize {
        self.changed.iter().filter(|changed| changed.has_moved()).count()
    }
}

/// The columns of the people file in which two versions of a person differ.
fn differing(before: &Person, now: &Person) -> Vec<&'static str> {
    if before == now {
        return Vec::new();
    }
    let differs = [
        ("email", before.email != now.email || before.shared_address != now.shared_address),
        ("first_name", before.first_name != now.first_name),
        ("last_name", before.last_name != now.last_name),
        ("unit", before.unit != now.unit),
        ("department", before.department != now.department),
        ("language", before.language != now.language),
        ("start_date", before.start != now.start),
        ("end_date", before.end != now.end),
        ("leave", before.leave != now.leave),
        ("protected", before.protected != now.protected),
        ("extra", before.extra != now.extra),
    ];
    differs.into_iter().filter_map(|(column, differs)| differs.then_some(column)).collect()
}
