//! What came and what comes, for one person: the same answer of the planner as `journey why`.

use std::sync::Arc;

use super::link::Link;
use crate::config::Config;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Verdict;
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::explain::{self, Why};
use crate::engine::plan::subset::{self, Subset};
use crate::store::{Store, StoreError};

/// Everything that the planner needs to know for one person.
pub(crate) fn snapshot_of(
    config: &Arc<Config>,
    content: &Arc<ActiveContent>,
    store: &Store,
    link: &Link<'_>,
    now: Timestamp,
) -> Result<Option<Snapshot>, StoreError> {
    let groups = Snapshot::of_reference_groups(config.clone(), content.clone(), store)?;
    subset::of(groups, store, now, Subset::Person(link.reader.person.id.as_str()))
}

/// The journeys of the person.
pub(crate) fn of<'s>(
    snapshot: &'s Snapshot,
    link: &Link<'_>,
    now: Timestamp,
) -> Result<Option<Why<'s>>, StoreError> {
    let Some(person) = snapshot.roster.person(&link.reader.person.id) else { return Ok(None) };
    let mut why = explain::of_person(snapshot, person, now);
    explain::add_deliveries(snapshot, &mut why, now)?;
    Ok(Some(why))
}

/// When the next mail of the link's journey comes at the earliest, as far as that is known.
pub(crate) fn next_mail(snapshot: &Snapshot, link: &Link<'_>, now: Timestamp) -> Option<Timestamp> {
    let person = snapshot.roster.person(&link.reader.person.id)?;
    let why = explain::of_person(snapshot, person, now);
    let journey = why.journeys.into_iter().find(|status| status.journey.slug == link.journey.slug)?;
    match journey.verdict {
        Verdict::Send(send) => Some(send.slot.max(now)),
        Verdict::Wait(wait) => wait.ends_with_mail().then_some(wait.until),
        Verdict::Held(_) | Verdict::Ended(_) => None,
    }
}
