//! What a new people file would change: who joins, leaves, moves or changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::change::people_file::PeopleFileNotes;
use crate::domain::model::ids::{PersonId, UnitId};
use crate::domain::model::person::Unit;

/// The changes an import would make. The people themselves are in the store.
#[derive(Clone, Debug, Default)]
pub struct ImportDiff {
    /// Number of people before the import.
    pub(crate) before: usize,
    /// Number of people for each kind of change.
    pub(crate) counts: BTreeMap<ChangeKind, usize>,
    /// The first people of each kind.
    pub(crate) named: Vec<PersonChange>,
    /// Number of people who keep what is known, because their row is set aside.
    pub(crate) kept: usize,
    /// The lines of rows that are set aside and may be about any person.
    pub(crate) unidentified: Vec<u32>,
    /// Units with another name, before and now.
    pub(crate) renamed_units: BTreeSet<(String, String)>,
    /// Units that keep their people, because decisions about them are in force.
    pub(crate) guarded: Vec<GuardedUnit>,
    /// Decisions about units that the import moves to another unit or ends.
    pub(crate) settled: Vec<SettledUnit>,
    /// What to note about the people file.
    pub(crate) notes: PeopleFileNotes,
}

/// How a person changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ChangeKind {
    Joined,
    /// Left earlier, and is back.
    Returned,
    Left,
    /// Not in the file, and not removed, because an unidentified row may be theirs.
    NotRemoved,
    Moved,
    NewAddress,
    /// Other values are different.
    Changed,
    /// Only the unit has another name.
    UnitRenamed,
}

/// A person who changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PersonChange {
    pub(crate) kind: ChangeKind,
    pub(crate) id: PersonId,
    /// First and last name.
    pub(crate) name: String,
    /// Whether they are protected, and so never shown.
    pub(crate) protected: bool,
    pub(crate) unit_before: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) email: Option<String>,
    /// The columns that differ, as text.
    pub(crate) columns: String,
}

/// A unit whose decisions an import moves or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettledUnit {
    pub(crate) unit: UnitId,
    /// The unit that gets them; `None`: they end.
    pub(crate) moved_to: Option<Unit>,
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

impl ChangeKind {
    pub(crate) const ALL: [ChangeKind; 8] = [
        ChangeKind::Joined,
        ChangeKind::Returned,
        ChangeKind::Left,
        ChangeKind::NotRemoved,
        ChangeKind::Moved,
        ChangeKind::NewAddress,
        ChangeKind::Changed,
        ChangeKind::UnitRenamed,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Joined => "joined",
            ChangeKind::Returned => "returned",
            ChangeKind::Left => "left",
            ChangeKind::NotRemoved => "not removed",
            ChangeKind::Moved => "moved",
            ChangeKind::NewAddress => "new address",
            ChangeKind::Changed => "changed",
            ChangeKind::UnitRenamed => "unit renamed",
        }
    }
}

impl ImportDiff {
    /// Number of people with this kind of change.
    pub(crate) fn count(&self, kind: ChangeKind) -> usize {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// Number of people who are present and differ.
    pub(crate) fn changed(&self) -> usize {
        [ChangeKind::Moved, ChangeKind::NewAddress, ChangeKind::Changed]
            .map(|kind| self.count(kind))
            .iter()
            .sum()
    }

    /// Number of people whom the file would move away from a unit that keeps them.
    pub(crate) fn guarded_people(&self) -> usize {
        self.guarded.iter().flat_map(|unit| unit.new_units.values()).sum()
    }

    /// Whether the people stay as they are.
    pub fn is_empty(&self) -> bool {
        self.counts.keys().all(|kind| *kind == ChangeKind::NotRemoved)
    }
}
