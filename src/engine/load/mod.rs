//! Loads what a decision needs: configuration, content, people, history.

pub mod active_content;
mod changed_readers;
pub(crate) mod check;
pub mod error;
pub(crate) mod open;
pub(crate) mod people_file;
mod references;
mod removed_steps;
pub mod snapshot;
