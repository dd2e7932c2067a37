//! Runs a mailing: start-up, lock, journal, enqueue, deliver.

pub(crate) mod journal;
pub mod lock;
pub mod run;
pub mod startup;
