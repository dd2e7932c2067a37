//! Learning journeys by mail: few, well-made mails, at the right moment,
//! never twice, never lost, never a burden.
//!
//! Everything the program sends is the answer to one pure question: given
//! the content, the people, what has happened and the time, who receives
//! what, and if not now, when and why not? [`domain`] answers it; the rest
//! fetches the inputs and carries out the answer. `ARCHITECTURE.md` is the map.

pub mod domain;

pub mod render;

pub mod content;
pub mod mail;
pub mod roster;
pub mod store;

pub mod engine;

pub mod daemon;

pub mod cli;

pub mod clock;
pub mod config;
mod failpoint;
