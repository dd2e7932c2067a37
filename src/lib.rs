//! Learning journeys by mail: few, well-made mails at the right moment, never
//! twice, never lost.
//!
//! The planner in [`domain`] is a pure function: from content, people, history
//! and time it decides who receives what, or why not yet. The other modules
//! load its inputs and carry out its decisions. See `ARCHITECTURE.md`.

pub mod domain;

pub mod render;

pub mod content;
pub mod mail;
pub mod roster;
pub mod store;

pub mod engine;

mod view;

pub mod daemon;

mod web;

pub mod cli;

pub mod clock;
pub mod config;
mod failpoint;
mod text;
