//! What a new people file would change: who joins, leaves, moves, changes;
//! and who is thereby first put into the audience of a journey, from which
//! day their enrolment counts (contract 7, "Enrolment").

use std::collections::HashMap;

use super::ids::{PersonId, PersonNumber, Slug};
use super::library::Library;
use super::person::{Person, Roster};

/// Somebody the database knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// What the database calls them.
    pub number: PersonNumber,
    /// As the last import had them.
    pub person: Person,
    /// What their unit was called then.
    pub unit_name: String,
    /// An import no longer had them.
    pub has_left: bool,
}

/// What an import changes.
#[derive(Clone, Debug, Default)]
pub struct Import<'a> {
    /// Never seen before.
    pub joined: Vec<&'a Person>,
    /// Left once, and are there again.
    pub returned: Vec<(PersonNumber, &'a Person)>,
    /// There before and now, with another unit or other values.
    pub changed: Vec<Changed<'a>>,
    /// Not there any more.
    pub left: Vec<&'a Known>,
    /// How many were there before.
    pub before: usize,
    /// First put into a journey's audience by this import.
    pub entered: Vec<(&'a PersonId, &'a Slug)>,
    /// Taken out of a journey's audience by this import; so that coming back
    /// is not coming first.
    pub out_of_audience: Vec<(&'a PersonId, &'a Slug)>,
}

/// Somebody with other values than before.
#[derive(Clone, Debug)]
pub struct Changed<'a> {
    /// What the database calls them.
    pub number: PersonNumber,
    /// As they are now.
    pub person: &'a Person,
    /// The columns that differ.
    pub columns: Vec<&'static str>,
}

impl Changed<'_> {
    /// Is it another unit?
    pub fn has_moved(&self) -> bool {
        self.columns.contains(&"unit")
    }
}

impl<'a> Import<'a> {
    /// Compares what the database knows with a people file. With nobody
    /// known it is the very first import, which enrols nobody as late.
    pub fn between(known: &'a [Known], roster: &'a Roster, library: &'a Library) -> Import<'a> {
        let by_id: HashMap<&PersonId, &Known> = known.iter().map(|known| (&known.person.id, known)).collect();
        let mut import =
            Import { before: known.iter().filter(|known| !known.has_left).count(), ..Import::default() };
        for person in &roster.people {
            let before = by_id.get(&person.id).copied();
            match before {
                None => import.joined.push(person),
                Some(known) if known.has_left => import.returned.push((known.number, person)),
                Some(known) => {
                    let columns = differing(&known.person, person);
                    if !columns.is_empty() {
                        import.changed.push(Changed { number: known.number, person, columns });
                    }
                }
            }
            if !known.is_empty() {
                import.audience(library, before, Some((person, roster.unit_name(&person.unit))), &person.id);
            }
        }
        let gone = |known: &&Known| !known.has_left && roster.person(&known.person.id).is_none();
        for known in known.iter().filter(gone) {
            import.left.push(known);
            import.audience(library, Some(known), None, &known.person.id);
        }
        import
    }

    /// Notes for each journey whether the person comes into its audience or
    /// goes out of it.
    fn audience(
        &mut self,
        library: &'a Library,
        before: Option<&Known>,
        after: Option<(&Person, &str)>,
        id: &'a PersonId,
    ) {
        for journey in &library.journeys {
            let was = before.is_some_and(|known| {
                !known.has_left && journey.audience.includes(&known.person, &known.unit_name)
            });
            let is = after.is_some_and(|(person, unit)| journey.audience.includes(person, unit));
            match (was, is) {
                (false, true) => self.entered.push((id, &journey.slug)),
                (true, false) => self.out_of_audience.push((id, &journey.slug)),
                (true, true) | (false, false) => {}
            }
        }
    }

    /// Does it change nothing?
    pub fn is_nothing(&self) -> bool {
        self.joined.is_empty() && self.returned.is_empty() && self.changed.is_empty() && self.left.is_empty()
    }

    /// How many are in another unit.
    pub fn moved(&self) -> usize {
        self.changed.iter().filter(|changed| changed.has_moved()).count()
    }
}

/// The columns of the people file in which two differ.
fn differing(before: &Person, now: &Person) -> Vec<&'static str> {
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
