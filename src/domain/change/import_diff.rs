//! What a new people file would change: who joins, leaves, moves or changes, and who comes
//! into a journey's audience for the first time, which sets the start of the enrolment.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::domain::change::people_file::PeopleFileNotes;
use crate::domain::change::set_aside::{SetAsidePeople, SetAsideRows};
use crate::domain::model::ids::{PersonId, PersonNumber, Slug, UnitId};
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
    /// People who get mail for another employment from now on: the employee id they have then.
    pub(crate) renumbered: Vec<(PersonNumber, PersonId)>,
    /// Number of people who keep what is known, because their row is set aside.
    pub(crate) kept: usize,
    /// The lines of rows that are set aside and may be about any person.
    pub(crate) unidentified: Vec<u32>,
    /// People who are not in the file, and who are not removed because an unidentified row may
    /// be theirs.
    pub(crate) not_removed: Vec<Leaver>,
    /// Units with another name, before and now.
    pub(crate) renamed_units: BTreeSet<(String, String)>,
    /// Units that keep their people, because decisions about them are in force.
    pub(crate) guarded: Vec<GuardedUnit>,
    /// Decisions about units that the import moves to another unit or ends.
    pub(crate) settled: Vec<SettledUnit>,
    /// What to note about the people file.
    pub(crate) notes: PeopleFileNotes,
}

/// A unit whose decisions an import moves or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettledUnit {
    pub(crate) unit: UnitId,
    /// The unit that gets them; `None`: they end.
    pub(crate) moved_to: Option<UnitId>,
    /// The decisions, as text.
    pub(crate) decisions: Vec<String>,
}

/// A unit with decisions in force that the file would leave without people. Those people
/// keep the unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GuardedUnit {
    pub(crate) unit: UnitId,
    pub(crate) name: String,
    /// The names of the units that the file has for its people, each with the number of people.
    pub(crate) new_units: BTreeMap<String, usize>,
    /// The decisions in force, as text.
    pub(crate) decisions: Vec<String>,
}

impl Import<'_> {
    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        let Import {
            joined,
            returned,
            changed,
            left,
            entered,
            out_of_audience,
            renamed_units,
            renumbered,
            ..
        } = self;
        joined.is_empty()
            && renumbered.is_empty()
            && renamed_units.is_empty()
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
    /// The unit before.
    pub(crate) unit_before: UnitId,
    /// Its name.
    pub(crate) unit_name_before: String,
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
    /// First and last name.
    pub(crate) name: String,
    pub(crate) unit_name: String,
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
    set_aside: SetAsidePeople<'a>,
    /// By employee id in the database: the id from now on.
    new_ids: HashMap<PersonId, PersonId>,
    /// Units with decisions in force; true: a person keeps the unit because of a row set aside.
    guarded: BTreeMap<UnitId, bool>,
    import: Import<'a>,
}

impl<'a> ImportComparer<'a> {
    /// Starts a comparison of a people file.
    pub fn new(roster: &'a Roster, library: &'a Library) -> ImportComparer<'a> {
        ImportComparer {
            roster,
            library,
            met: vec![false; roster.people.len()],
            is_first: true,
            set_aside: SetAsidePeople::new(const { &SetAsideRows::EMPTY }),
            new_ids: HashMap::new(),
            guarded: BTreeMap::new(),
            import: Import::default(),
        }
    }

    /// The rows of the file that are not in the roster.
    pub(crate) fn with_set_aside(mut self, rows: &'a SetAsideRows) -> ImportComparer<'a> {
        self.set_aside = SetAsidePeople::new(rows);
        self
    }

    /// People whose other employment counts from now on, each with the employee id so far and the new
    /// one. History belongs to the person, so that no one gets a mail again for another employment.
    pub(crate) fn with_other_employments(
        mut self,
        employments: impl IntoIterator<Item = (PersonId, PersonId)>,
    ) -> ImportComparer<'a> {
        for (so_far, new) in employments {
            self.new_ids.insert(new.clone(), so_far.clone());
            self.new_ids.insert(so_far, new);
        }
        self
    }

    /// Units that must not lose all their people, because decisions about them are in force.
    pub(crate) fn guarding(mut self, units: impl IntoIterator<Item = UnitId>) -> ImportComparer<'a> {
        self.guarded = units.into_iter().map(|unit| (unit, false)).collect();
        self
    }

    /// Compares with one person in the database.
    pub fn compare(&mut self, known: &ExistingPerson) {
        self.is_first = false;
        self.import.before += usize::from(!known.has_left);
        let new_id = self.new_ids.get(&known.person.id);
        if let Some(id) = new_id {
            self.import.renumbered.push((known.number, id.clone()));
        }
        let id = new_id.unwrap_or(&known.person.id).clone();
        let Some(place) = self.roster.place(&id) else {
            let is_set_aside = self.set_aside.includes(&known.person);
            if known.has_left {
                return;
            }
            if is_set_aside {
                self.import.kept += 1;
                if let Some(keeps) = self.guarded.get_mut(&known.person.unit) {
                    *keeps = true;
                }
                return;
            }
            self.import.left.push(Leaver {
                number: known.number,
                id: id.clone(),
                name: known.person.full_name(),
                unit_name: known.unit_name.clone(),
                protected: known.person.protected,
            });
            self.audience(&id, Some(known), None);
            return;
        };
        self.met[place] = true;
        let person = &self.roster.people[place];
        if known.has_left {
            self.import.returned.push((known.number, person));
        } else {
            let columns = differing(&known.person, person);
            let unit_name = self.roster.unit_name(&person.unit);
            if known.person.unit == person.unit && known.unit_name != unit_name {
                self.import.renamed_units.insert((known.unit_name.clone(), unit_name.to_owned()));
            } else if columns.is_empty() {
                return;
            }
            if !columns.is_empty() {
                self.import.changed.push(Changed {
                    number: known.number,
                    person,
                    columns,
                    unit_before: known.person.unit.clone(),
                    unit_name_before: known.unit_name.clone(),
                });
            }
        }
        self.audience(&id, Some(known), Some(person));
    }

    /// The differences, after all people in the database were compared.
    pub fn finish(mut self) -> Import<'a> {
        for (place, person) in self.roster.people.iter().enumerate() {
            if !self.met[place] {
                self.import.joined.push(person);
                if !self.is_first {
                    self.audience(&person.id, None, Some(person));
                }
            }
        }
        self.keep_absent_people();
        self.keep_guarded_units();
        self.import
    }

    /// A row without a person may be about any person who is not in the file, so that all of them
    /// stay.
    fn keep_absent_people(&mut self) {
        self.import.unidentified = self.set_aside.unidentified();
        if self.import.unidentified.is_empty() {
            return;
        }
        self.import.not_removed = std::mem::take(&mut self.import.left);
        let kept: HashSet<PersonId> = self.import.not_removed.iter().map(|left| left.id.clone()).collect();
        self.keep_in_audiences(&kept);
    }

    /// The people of a unit with decisions in force stay there if the file has no people for it.
    fn keep_guarded_units(&mut self) {
        let roster = self.roster;
        let is_emptied = |unit: &UnitId, keeps: bool| !keeps && roster.unit(unit).is_none();
        let emptied: BTreeSet<UnitId> = self
            .guarded
            .iter()
            .filter(|&(unit, &keeps)| is_emptied(unit, keeps))
            .map(|(unit, _)| unit.clone())
            .collect();
        let changed = std::mem::take(&mut self.import.changed);
        let (stay, changed): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|changed| emptied.contains(&changed.unit_before));
        self.import.changed = changed;
        self.import.kept += stay.len();
        let mut guarded: BTreeMap<UnitId, GuardedUnit> = BTreeMap::new();
        for person in &stay {
            let unit = guarded.entry(person.unit_before.clone()).or_insert_with(|| GuardedUnit {
                unit: person.unit_before.clone(),
                name: person.unit_name_before.clone(),
                new_units: BTreeMap::new(),
                decisions: Vec::new(),
            });
            *unit.new_units.entry(roster.unit_name(&person.person.unit).to_owned()).or_default() += 1;
        }
        self.import.guarded = guarded.into_values().collect();
        let kept: HashSet<PersonId> = stay.iter().map(|changed| changed.person.id.clone()).collect();
        self.keep_in_audiences(&kept);
    }

    /// People who keep what is known also keep their audiences.
    fn keep_in_audiences(&mut self, kept: &HashSet<PersonId>) {
        if kept.is_empty() {
            return;
        }
        self.import.entered.retain(|(person, _)| !kept.contains(person));
        self.import.out_of_audience.retain(|(person, _)| !kept.contains(person));
    }

    /// Records for each journey whether a person comes into its audience or drops out.
    fn audience(&mut self, id: &PersonId, before: Option<&ExistingPerson>, after: Option<&Person>) {
        let after = after.map(|person| (person, self.roster.unit_name(&person.unit)));
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
        ("employee_id", before.id != now.id),
        (
            "email",
            (&before.email, before.shared_address, before.second_employment)
                != (&now.email, now.shared_address, now.second_employment),
        ),
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
