//! What authors write and who there is: journeys, steps, people.

pub(crate) mod address;
pub mod email;
pub mod ids;
pub mod journey;
pub mod library;
pub mod person;
pub(crate) mod picture;
pub mod step;
