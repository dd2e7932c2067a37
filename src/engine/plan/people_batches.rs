//! Reads all people in batches, so that memory does not grow with their number.
//! The progress of all enrolments is added up first, because verdicts can
//! depend on other people.

use std::sync::Arc;

use crate::domain::history::progress::Progress;
use crate::domain::model::ids::PersonNumber;
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::active_content::ActiveContent;
use crate::engine::load::snapshot::Snapshot;
use crate::store::{PeopleBatch, Store, StoreError};

/// A cursor over the people of the database.
pub(crate) struct PeopleBatches {
    content: Arc<ActiveContent>,
    most: usize,
    after: Option<PersonNumber>,
}

impl PeopleBatches {
    /// Starts at the first person, with the batch size of the snapshot.
    pub(crate) fn of(snapshot: &Snapshot) -> PeopleBatches {
        PeopleBatches { content: snapshot.content.clone(), most: snapshot.batch_size, after: None }
    }

    /// The next batch; `None` at the end.
    pub(crate) fn next(&mut self, store: &Store) -> Result<Option<PeopleBatch>, StoreError> {
        let mut slice = store.people_batch(self.after, self.most)?;
        if let Some(slice) = &mut slice {
            slice.history.use_todays_names(&self.content.library);
        }
        self.after = slice.as_ref().map(|slice| slice.last);
        Ok(slice)
    }
}

/// The progress of all enrolments at some instants.
pub(crate) fn progress<const N: usize>(
    snapshot: &Snapshot,
    store: &Store,
    at: [Timestamp; N],
) -> Result<[Progress; N], StoreError> {
    let mut sums = at.map(|_| Progress::none(&snapshot.content.library));
    let mut slices = PeopleBatches::of(snapshot);
    while let Some(slice) = slices.next(store)? {
        for somebody in slice.iter() {
            for (sum, at) in sums.iter_mut().zip(at) {
                sum.add(at, &snapshot.content.library, somebody.person, somebody.past);
            }
        }
    }
    Ok(sums)
}
