//! Everybody, a slice at a time: however many the database knows, so many are
//! in memory. How far all of them have come is added up first, because one's
//! verdict may hang on others.

use super::world::World;
use crate::domain::ids::PersonNumber;
use crate::domain::progress::Progress;
use crate::domain::zone::Timestamp;
use crate::store::{Slice, Store, StoreError};

/// How far one has come with everybody.
pub struct Slices {
    most: usize,
    after: Option<PersonNumber>,
}

impl Slices {
    /// From the first on, as many at a time as the world says.
    pub fn of(world: &World) -> Slices {
        Slices { most: world.slice, after: None }
    }

    /// The next slice; `None`: that was everybody.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn next(&mut self, store: &Store) -> Result<Option<Slice>, StoreError> {
        let slice = store.slice(self.after, self.most)?;
        self.after = slice.as_ref().map(|slice| slice.last);
        Ok(slice)
    }
}

/// How far everybody had come at some instants.
///
/// # Errors
///
/// Where it cannot be read.
pub fn progress<const N: usize>(
    world: &World,
    store: &Store,
    at: [Timestamp; N],
) -> Result<[Progress; N], StoreError> {
    let mut sums = at.map(|_| Progress::none(&world.library));
    let mut slices = Slices::of(world);
    while let Some(slice) = slices.next(store)? {
        for somebody in slice.everybody() {
            for (sum, at) in sums.iter_mut().zip(at) {
                sum.add(at, &world.library, somebody.person, somebody.past);
            }
        }
    }
    Ok(sums)
}
