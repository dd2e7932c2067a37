//! What a new people file would change: who joins, leaves, moves, changes;
//! and who is thereby first put into the audience of a journey, from which
//! day their enrolment counts (contract 7, "Enrolment").

use crate::domain::model::ids::{PersonId, PersonNumber, Slug};
use crate::domain::model::library::Library;
use crate::domain::model::person::{Person, Roster};

/// Somebody the database knows.
#[derive(Clone, Debug)]
pub struct ExistingPerson {
    /// What the database calls them.
    pub number: PersonNumber,
    /// As the last import had them.
    pub person: Person,
    /// What their unit was called then.
    pub(crate) unit_name: String,
    /// An import no longer had them.
    pub(crate) has_left: bool,
}

/// What an import changes.
#[derive(Clone, Debug, Default)]
pub struct Import<'a> {
    /// Never seen before.
    pub(crate) joined: Vec<&'a Person>,
    /// Left once, and are there again.
    pub(crate) returned: Vec<(PersonNumber, &'a Person)>,
    /// There before and now, with another unit or other values.
    pub(crate) changed: Vec<Changed<'a>>,
    /// Not there any more.
    pub(crate) left: Vec<Leaver>,
    /// How many were there before.
    pub(crate) before: usize,
    /// First put into a journey's audience by this import.
    pub(crate) entered: Vec<(PersonId, &'a Slug)>,
    /// Taken out of a journey's audience by this import; so that coming back
    /// is not coming first.
    pub(crate) out_of_audience: Vec<(PersonId, &'a Slug)>,
}

impl Import<'_> {
    /// Would it change nothing?
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

/// Somebody with other values than before.
#[derive(Clone, Debug)]
pub(crate) struct Changed<'a> {
    /// What the database calls them.
    pub number: PersonNumber,
    /// As they are now.
    pub(crate) person: &'a Person,
    /// The columns that differ.
    pub(crate) columns: Vec<&'static str>,
}

impl Changed<'_> {
    /// Is it another unit?
    pub(crate) fn has_moved(&self) -> bool {
        self.columns.contains(&"unit")
    }
}

/// Somebody who is not there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaver {
    /// What the database calls them.
    pub number: PersonNumber,
    /// Who it was.
    pub(crate) id: PersonId,
    /// Are they shown nowhere?
    pub(crate) protected: bool,
}

/// A people file, compared with those the database knows, one after another:
/// nobody but those with a difference is kept in memory.
pub struct ImportComparer<'a> {
    roster: &'a Roster,
    library: &'a Library,
    /// By place in the roster: known already.
    met: Vec<bool>,
    /// The very first import enrols nobody as late.
    is_first: bool,
    import: Import<'a>,
}

impl<'a> ImportComparer<'a> {
    /// Of a people file, with nobody yet.
    pub fn new(roster: &'a Roster, library: &'a Library) -> ImportComparer<'a> {
        let met = vec![false; roster.people.len()];
        ImportComparer { roster, library, met, is_first: true, import: Import::default() }
    }

    /// Compares with one whom the database knows.
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

    /// What the import changes, once everybody known has been met.
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

    /// Notes for each journey whether a person comes into its audience or goes
    /// out of it.
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
    /// Does it change nothing?
    pub fn is_nothing(&self) -> bool {
        self.joined.is_empty() && self.returned.is_empty() && self.changed.is_empty() && self.left.is_empty()
    }

    /// How many are in another unit.
    pub(crate) fn moved(&self) -> usize {
        self.changed.iter().filter(|changed| changed.has_moved()).count()
    }
}

/// The columns of the people file in which two differ.
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
