//! Learning journeys by mail: few, well-made mails at the right moment, never
//! twice, never lost.

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
