//! Failpoints of the database: a failure there looks like a disk error.

use rusqlite::{Error, ffi};

use super::messages::InFlight;
use super::transition::Transition;
use crate::domain::delivery::state::DeliveryEvent;
use crate::failpoint;

/// Fails if the failpoint is set.
pub(super) fn at(point: &'static str) -> Result<(), Error> {
    let failed = |_| Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_WRITE), None);
    failpoint::at(point).map_err(failed)
}

/// Failpoints before a commit that puts mails in flight, or records them as sent.
pub(super) fn before(transitions: &[Transition], in_flight: &[InFlight]) -> Result<(), Error> {
    each(transitions, in_flight, ["store.flight.before", "store.settle.before"])
}

/// Failpoints after that commit.
pub(super) fn after(transitions: &[Transition], in_flight: &[InFlight]) -> Result<(), Error> {
    each(transitions, in_flight, ["store.flight.after", "store.settle.after"])
}

fn each(
    transitions: &[Transition],
    in_flight: &[InFlight],
    [flight, settle]: [&'static str; 2],
) -> Result<(), Error> {
    if !in_flight.is_empty() {
        at(flight)?;
    }
    let is_sent = |made: &Transition| made.happened == DeliveryEvent::Accepted;
    if cfg!(feature = "failpoints") && transitions.iter().any(is_sent) {
        at(settle)?;
    }
    Ok(())
}
