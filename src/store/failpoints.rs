//! Failpoints of the database: a failure there looks like a disk error.

use rusqlite::{Error, ffi};

use super::transition::Transition;
use crate::domain::delivery::state::DeliveryEvent;
use crate::failpoint;

/// Fails if the failpoint is set.
pub(super) fn at(point: &'static str) -> Result<(), Error> {
    let failed = |_| Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_WRITE), None);
    failpoint::at(point).map_err(failed)
}

/// Failpoints before the commit of transitions that claim a delivery, start
/// DATA, or settle it.
pub(super) fn before(moves: &[Transition]) -> Result<(), Error> {
    each(moves, ["store.claim.before", "store.flight.before", "store.settle.before"])
}

/// Failpoints after that commit.
pub(super) fn after(moves: &[Transition]) -> Result<(), Error> {
    each(moves, ["store.claim.after", "store.flight.after", "store.settle.after"])
}

fn each(moves: &[Transition], points: [&'static str; 3]) -> Result<(), Error> {
    if cfg!(feature = "failpoints") {
        let happens = [DeliveryEvent::Claimed, DeliveryEvent::DataStarted, DeliveryEvent::Accepted];
        for (happened, point) in happens.into_iter().zip(points) {
            if moves.iter().any(|made| made.happened == happened) {
                at(point)?;
            }
        }
    }
    Ok(())
}
