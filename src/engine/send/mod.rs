//! Sends: lock, start-up, journal, enqueueing, delivery, and the health of the relay.

pub(crate) mod journal;
pub mod lock;
pub mod mail_sender;
mod relay_health;
pub mod run;
pub mod startup;
